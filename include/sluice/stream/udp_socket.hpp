// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UDP_SOCKET_HPP
#define SLUICE_STREAM_UDP_SOCKET_HPP

#include <sluice/platform/datagram.hpp>
#include <sluice/stream/endpoint.hpp>
#include <sluice/wait/handle_end.hpp>
#include <sluice/wait/wait_for.hpp>

namespace sluice {

struct udp_options {
  bool share = false;    // several sockets at one address: what is sent to a group all get, the rest one of them
  bool v6_only = false;  // an IPv6 address takes IPv4 datagrams too, unless this is set
  bool combine = false;  // datagrams of one sender may come in one piece (GRO), `segment` says how to cut it
  int send_buffer = 0;   // 0: as the system has it
  int receive_buffer = 0;
};

/// What is known of a datagram that came.
struct datagram {
  std::size_t size = 0;     // as it was sent
  std::size_t kept = 0;     // of that, in the place given for it
  std::size_t segment = 0;  // where several came in one piece: the size of each, but for the last
  endpoint from;

  [[nodiscard]] bool truncated() const noexcept { return kept < size; }
};

/// One of a batch to receive.
struct udp_arrival {
  std::span<std::byte> place;
  datagram got{};
};
/// One of a batch to send; to whom the socket is connected, if `to` is null.
struct udp_departure {
  std::span<const std::byte> bytes;
  const endpoint* to = nullptr;
};

/// A UDP socket: datagrams in and out, each with its address. What is sent may be lost, doubled or late.
///
/// Connected, it hears only the other side, and that side's refusals: they are told once, by receive, and nothing ends.
///
/// Threads: one at a time. Blocks: receive, send; never the try_ forms. Allocates: never.
/// Errors: empty, full, closed (by close()), too_big; not_found about `address` (refused) or `route`; no_space, denied,
/// os.
class udp_socket : public detail::handle_end {
 public:
  static constexpr std::size_t max_payload = 65'507;
  static constexpr end_traits traits{.reliable = false, .ordered = false, .carries_close = false,
                                     .sees_reader_go = false, .spans = reach::network, .max_size = max_payload};

  udp_socket(udp_socket&&) noexcept = default;
  udp_socket& operator=(udp_socket&&) noexcept = default;

  /// A datagram into `place`. What does not fit is lost, and `size` says how much there was.
  result<datagram> try_receive(std::span<std::byte> place) noexcept {
    udp_arrival one{place};
    const auto n = try_receive(std::span(&one, 1));
    return n ? result<datagram>(one.got) : n.err();
  }
  result<datagram> receive(std::span<std::byte> place, until u = {}) noexcept {
    return detail::try_then_wait(*this, want::pop, u, [&] { return try_receive(place); });
  }
  /// At least one, and as many as are there, up to 32 by one system call; the first so many of `batch` are filled.
  result<std::size_t> try_receive(std::span<udp_arrival> batch) noexcept {
    if (!fd_) return error(errc::closed, step::read);
    if (batch.empty()) return error(errc::invalid, step::read, subject::size);
    detail::datagram_batch b;
    for (std::size_t i = 0; i < batch.size() && !b.full(); ++i) b.add(batch[i].place);
    const int n = b.receive(fd_.get());
    if (n < 0) {
      if (errno == EAGAIN) return error(errc::empty, step::read);
      if (errno == ECONNREFUSED) ++refusals_;
      return detail::socket_error(step::read);
    }
    for (unsigned i = 0; i < static_cast<unsigned>(n); ++i) {
      datagram& d = batch[i].got;
      d.size = b.true_size(i);
      d.kept = d.size < batch[i].place.size() ? d.size : batch[i].place.size();
      d.segment = b.number(i, IPPROTO_UDP, detail::udp_combine_option, 0);
      if (const auto from = endpoint::from(b.from(i), b.from_size(i))) d.from = *from;
      const std::uint32_t lost = b.number(i, SOL_SOCKET, SO_RXQ_OVFL, lost_);
      dropped_ += lost - lost_;  // the kernel counts in 32 bits
      lost_ = lost;
    }
    return static_cast<std::size_t>(n);
  }

  /// Sends one datagram; to whom the socket is connected, or to that address.
  status try_send(std::span<const std::byte> bytes) noexcept { return try_send({bytes, nullptr}); }
  status try_send(std::span<const std::byte> bytes, const endpoint& to) noexcept { return try_send({bytes, &to}); }
  status send(std::span<const std::byte> bytes, until u = {}) noexcept { return send({bytes, nullptr}, u); }
  status send(std::span<const std::byte> bytes, const endpoint& to, until u = {}) noexcept {
    return send({bytes, &to}, u);
  }
  /// At least one, and as many as there is room for, up to 32 by one system call.
  result<std::size_t> try_send(std::span<const udp_departure> batch) noexcept {
    if (!fd_) return error(errc::closed, step::write);
    if (batch.empty()) return error(errc::invalid, step::write, subject::size);
    detail::datagram_batch b;
    for (std::size_t i = 0; i < batch.size() && !b.full(); ++i) add(b, batch[i]);
    return hand_over(b);
  }
  /// Sends `bytes` as datagrams of `segment` bytes each, the last one shorter: in one piece where the system can cut it
  /// (GSO), elsewhere one by one. Returns how many bytes were taken, whole segments always.
  result<std::size_t> try_send_segments(std::span<const std::byte> bytes, std::size_t segment,
                                        const endpoint* to = nullptr) noexcept {
    if (!fd_) return error(errc::closed, step::write);
    if (bytes.empty() || segment == 0) return error(errc::invalid, step::write, subject::size);
    if (segment > max_payload) return error(errc::too_big, step::write);
    bool refused = false;
    if (segment < cut_below_ && bytes.size() > segment) {
      constexpr std::size_t most_segments = 64;
      std::size_t whole = segment * most_segments;
      if (whole > max_payload) whole = max_payload / segment * segment;
      if (bytes.size() < whole) whole = bytes.size();
      detail::datagram_batch b;
      add(b, {bytes.first(whole), to});
      b.cut(static_cast<std::uint16_t>(segment));
      const auto n = hand_over(b);
      if (n) return whole;
      refused = !n.err().again() && (errno == EIO || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOPROTOOPT);
      if (!refused) return n;
    }
    const int why = errno;
    detail::datagram_batch b;
    for (std::size_t at = 0; at < bytes.size() && !b.full(); at += segment)
      add(b, {bytes.subspan(at, segment < bytes.size() - at ? segment : bytes.size() - at), to});
    const auto n = hand_over(b);
    if (!n) return n;
    // That went, so it was the cutting that failed: the device cannot (EIO), or not such large ones. Remembered.
    if (refused) cut_below_ = why == EINVAL ? segment : 0;
    return *n * segment < bytes.size() ? *n * segment : bytes.size();
  }

  /// From now on only this peer.
  status connect(const endpoint& to) noexcept { return detail::start_connection(fd_.get(), to.data(), to.size()); }

  /// Hears a group, through the device of that name, which has to be said: the system's guess is the default route. The
  /// socket is bound to the port that is sent to. With a source, of that one only.
  status join(const endpoint& group, const char* device) noexcept { return membership(true, group, device, nullptr); }
  status join(const endpoint& group, const char* device, const endpoint& source) noexcept {
    return membership(true, group, device, &source);
  }
  status leave(const endpoint& group, const char* device) noexcept { return membership(false, group, device, nullptr); }
  status leave(const endpoint& group, const char* device, const endpoint& source) noexcept {
    return membership(false, group, device, &source);
  }
  /// What it sends to groups goes through that device, over at most so many hops (1: the local network), and comes to
  /// members on this host too, or not.
  status send_groups_through(const char* device, int hops = 1, bool to_this_host = true) noexcept {
    return detail::set_multicast(fd_.get(), family_, device, hops, to_this_host);
  }

  [[nodiscard]] result<endpoint> local() const noexcept { return detail::endpoint_of<::getsockname>(fd_.get()); }
  [[nodiscard]] result<endpoint> peer() const noexcept { return detail::endpoint_of<::getpeername>(fd_.get()); }
  /// Datagrams that came when the receive buffer was full, as known with the last one that was received.
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
  /// How often the peer's system said that nobody listens there.
  [[nodiscard]] std::uint64_t refusals() const noexcept { return refusals_; }

 private:
  friend result<udp_socket> udp_open(ip_family, const endpoint*, const udp_options&) noexcept;

  udp_socket(unique_handle fd, int family) noexcept : handle_end(std::move(fd)), family_(family) {}

  static void add(detail::datagram_batch& b, const udp_departure& d) noexcept {
    b.add(d.bytes, d.to == nullptr ? nullptr : d.to->data(), d.to == nullptr ? 0 : d.to->size());
  }
  status try_send(const udp_departure& one) noexcept { return try_send(std::span(&one, 1)).err(); }
  status send(const udp_departure& one, until u) noexcept {
    return detail::try_then_wait(*this, want::push, u, [&] { return try_send(one); });
  }
  result<std::size_t> hand_over(detail::datagram_batch& b) noexcept {
    int n = b.send(fd_.get());
    if (n < 0 && errno == ECONNREFUSED) {  // of an earlier one; this one has not been looked at
      ++refusals_;
      n = b.send(fd_.get());
    }
    if (n > 0) return static_cast<std::size_t>(n);
    return errno == EAGAIN ? error(errc::full, step::write) : detail::socket_error(step::write);
  }
  status membership(bool join, const endpoint& group, const char* device, const endpoint* source) noexcept {
    if (source != nullptr && source->family() != group.family())
      return error(errc::invalid, step::join, subject::address);
    return detail::change_membership(fd_.get(), join, device, group.data(), group.size(),
                                     source == nullptr ? nullptr : source->data());
  }

  int family_ = AF_INET;
  std::uint32_t lost_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t refusals_ = 0;
  std::size_t cut_below_ = max_payload + 1;  // segments of this size and above the system does not cut for us
};

[[nodiscard]] inline result<udp_socket> udp_open(ip_family family, const endpoint* at, const udp_options& o) noexcept {
  const int domain = family == ip_family::v4 ? AF_INET : AF_INET6;
  auto fd = detail::make_socket(domain, SOCK_DGRAM, IPPROTO_UDP);
  if (!fd) return fd.err();
  const int s = fd->get();
  status done = detail::set_option(s, SOL_SOCKET, SO_RXQ_OVFL, 1);
  if (done && o.share) done = detail::set_option(s, SOL_SOCKET, SO_REUSEADDR, 1);
  if (done && o.share) done = detail::set_option(s, SOL_SOCKET, SO_REUSEPORT, 1);
  if (done && family == ip_family::v6) done = detail::set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, int{o.v6_only});
  if (done && o.send_buffer > 0) done = detail::set_option(s, SOL_SOCKET, SO_SNDBUF, o.send_buffer);
  if (done && o.receive_buffer > 0) done = detail::set_option(s, SOL_SOCKET, SO_RCVBUF, o.receive_buffer);
  if (!done) return done.err();
  if (o.combine) (void)detail::set_option(s, IPPROTO_UDP, detail::udp_combine_option, 1);  // else they come one by one
  detail::own_groups_only(s, domain);
  if (at != nullptr && ::bind(s, at->data(), at->size()) != 0) return detail::socket_error(step::open);
  return udp_socket(*std::move(fd), domain);
}

/// A socket that receives at an address of this host; port 0: any free one, which local() tells.
[[nodiscard]] inline result<udp_socket> udp_bind(const endpoint& at, const udp_options& o = {}) noexcept {
  return udp_open(at.family(), &at, o);
}
/// A socket that talks with one peer, from any free port.
[[nodiscard]] inline result<udp_socket> udp_connect(const endpoint& to, const udp_options& o = {}) noexcept {
  auto s = udp_open(to.family(), nullptr, o);
  if (!s) return s;
  if (const status done = s->connect(to); !done) return done.err();
  return s;
}

}  // namespace sluice

#endif
