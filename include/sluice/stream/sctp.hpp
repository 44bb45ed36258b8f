// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_SCTP_HPP
#define SLUICE_STREAM_SCTP_HPP

#include <sluice/platform/sctp.hpp>
#include <sluice/stream/accepting_socket.hpp>
#include <sluice/stream/endpoint.hpp>
#include <sluice/stream/socket_stream.hpp>

// SCTP: messages through a network, whole, in order within each of several streams. A connection of two
// (sctp_connection, sctp_listener), or one socket for many (sctp_socket). A kernel without it says `unsupported`.

namespace sluice {

struct sctp_options {
  std::uint16_t streams_out = 10, streams_in = 64;  // as many as wanted; the other side may have fewer
  bool nodelay = true;  // send a small message at once
  bool events = false;  // tell of associations that come up and end, and of addresses that fail
  int backlog = 128;    // connections that may wait to be taken
};

/// Where a message goes.
struct sctp_route {
  std::uint16_t stream = 0;      // order is kept within each
  std::uint32_t ppid = 0;        // what the bytes mean, for the other program; big-endian on the wire
  bool unordered = false;
  std::int32_t association = 0;  // of an sctp_socket: to whom, if it is connected already
};

/// What has happened to an association, told between its messages.
enum class sctp_event : std::uint8_t {
  none,             // no event: a message
  up,               // ready, with so many streams
  lost,             // broken off, or given up
  restarted,        // the other side has begun anew
  ended,            // shut down in order
  refused,          // could not be set up
  ending,           // the other side sends no more
  address_changed,  // one of the addresses of the other side: `detail` is its state
  other,
};

/// A message, a piece of one, or an event.
struct sctp_received {
  std::size_t size = 0;
  bool whole = true;  // false: the rest comes with the next pop, for want of room here or in the kernel
  sctp_route route;   // from where
  sctp_event event = sctp_event::none;
  std::int32_t detail = 0;
  std::uint16_t streams_out = 0, streams_in = 0;  // of `up`
  endpoint from;  // of an sctp_socket
};

namespace detail {

inline error sctp_error(step at) noexcept {
  // ENOSYS: the kernel has no hash to sign cookies by.
  return errno == ENOSYS ? error(errc::unsupported, at, subject::protocol) : socket_error(at);
}
inline result<unique_handle> make_sctp(ip_family family, int type, const sctp_options& o) noexcept {
  auto fd = make_socket(family == ip_family::v4 ? AF_INET : AF_INET6, type, sctp::protocol);
  if (!fd) return fd;
  const int s = fd->get();
  status set = set_option(s, sctp::protocol, sctp::option_init, sctp::init_message{o.streams_out, o.streams_in, 0, 0});
  if (set) set = set_option(s, sctp::protocol, sctp::option_nodelay, int{o.nodelay});
  if (set) set = set_option(s, sctp::protocol, sctp::option_recv_info, int{1});
  for (const auto type_of_event : {sctp::association_changed, sctp::address_changed, sctp::shut_down})
    if (set && o.events)
      set = set_option(s, sctp::protocol, sctp::option_event, sctp::event_choice{0, type_of_event, 1});
  return set ? std::move(fd) : result<unique_handle>(set.err());
}
inline result<unique_handle> listen_sctp(int type, const endpoint& at, const sctp_options& o) noexcept {
  auto fd = make_sctp(at.family(), type, o);
  if (!fd) return fd;
  const int reuse = 1;
  if (status s = set_option(fd->get(), SOL_SOCKET, SO_REUSEADDR, reuse); !s) return s.err();
  if (::bind(fd->get(), at.data(), at.size()) != 0 || ::listen(fd->get(), o.backlog) != 0)
    return sctp_error(step::create);
  return fd;
}

inline status send_sctp(int fd, std::span<const std::byte> message, const sctp_route& r, const endpoint* to) noexcept {
  if (fd < 0) return error(errc::closed, step::push);
  if (message.empty()) return error(errc::invalid, step::push, subject::size);
  iovec bytes{const_cast<std::byte*>(message.data()), message.size()};
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(sctp::send_info))] = {};
  const std::uint16_t flags = r.unordered ? sctp::send_unordered : std::uint16_t{0};
  const sctp::send_info info{r.stream, flags, htonl(r.ppid), 0, r.association};
  msghdr m{};
  m.msg_iov = &bytes, m.msg_iovlen = 1;
  m.msg_control = control, m.msg_controllen = sizeof control;
  if (to != nullptr) m.msg_name = const_cast<sockaddr*>(to->data()), m.msg_namelen = to->size();
  cmsghdr* const c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = sctp::protocol, c->cmsg_type = sctp::cmsg_send_info, c->cmsg_len = CMSG_LEN(sizeof info);
  __builtin_memcpy(CMSG_DATA(c), &info, sizeof info);
  const auto n = retry_interrupted([&] { return ::sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (n >= 0) return {};  // whole, or not at all
  if (errno == EAGAIN) return error(errc::full, step::push);
  if (errno == EINVAL) return error(errc::invalid, step::push, subject::options);  // no such stream
  if (errno == ENOTCONN || errno == ESHUTDOWN) return error(errc::closed, step::push);
  return socket_error(step::write).during(step::push);
}

/// What a notification says. `bytes` is one, or the beginning of one.
inline void read_event(std::span<const std::byte> bytes, sctp_received& r) noexcept {
  const auto as = [&]<class N>(N n) {
    if (bytes.size() >= sizeof n) __builtin_memcpy(&n, bytes.data(), sizeof n);
    return n;
  };
  r.event = sctp_event::other;
  switch (as(sctp::notification{}).type) {
    case sctp::association_changed: {
      constexpr sctp_event states[] = {sctp_event::up, sctp_event::lost, sctp_event::restarted, sctp_event::ended,
                                       sctp_event::refused};
      const auto n = as(sctp::association_change{});
      if (n.state < sizeof states / sizeof *states) r.event = states[n.state];
      r.detail = n.error, r.route.association = n.association;
      r.streams_out = n.streams_out, r.streams_in = n.streams_in;
      break;
    }
    case sctp::address_changed: {
      const auto n = as(sctp::address_change{});
      r.event = sctp_event::address_changed, r.detail = n.state, r.route.association = n.association;
      break;
    }
    case sctp::shut_down:
      r.event = sctp_event::ending, r.route.association = as(sctp::shutdown_event{}).association;
      break;
    default: break;
  }
}

inline result<sctp_received> receive_sctp(int fd, std::span<std::byte> to) noexcept {
  if (fd < 0) return error(errc::closed, step::pop);
  if (to.size() < sizeof(sctp::address_change)) return error(errc::invalid, step::pop, subject::size);
  iovec bytes{to.data(), to.size()};
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(sctp::recv_info))];
  sockaddr_storage sender{};
  msghdr m{};
  m.msg_iov = &bytes, m.msg_iovlen = 1;
  m.msg_control = control, m.msg_controllen = sizeof control;
  m.msg_name = &sender, m.msg_namelen = sizeof sender;
  const auto n = retry_interrupted([&] { return ::recvmsg(fd, &m, MSG_DONTWAIT); });
  if (n < 0 && errno == EAGAIN) return error(errc::empty, step::pop);
  if (n < 0 && errno != ENOTCONN) return socket_error(step::read);
  if (n <= 0) return error(errc::closed, step::pop);
  sctp_received r;
  r.size = static_cast<std::size_t>(n);
  r.whole = (m.msg_flags & MSG_EOR) != 0;
  if ((m.msg_flags & sctp::flag_notification) != 0) return read_event(to.first(r.size), r), r;
  if (const auto from = endpoint::from(reinterpret_cast<const sockaddr*>(&sender), m.msg_namelen)) r.from = *from;
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
    sctp::recv_info info{};
    if (c->cmsg_level != sctp::protocol || c->cmsg_type != sctp::cmsg_recv_info) continue;
    if (c->cmsg_len != CMSG_LEN(sizeof info)) continue;
    __builtin_memcpy(&info, CMSG_DATA(c), sizeof info);
    r.route = {info.stream, ntohl(info.ppid), (info.flags & sctp::send_unordered) != 0, info.association};
  }
  return r;
}

/// What connections and sockets have in common.
template <class Derived>
class sctp_end {
 public:
  /// The next message with where it came from, or an event. `to` needs 148 bytes at least, which an event may have; a
  /// message that is longer than `to` comes in pieces.
  result<sctp_received> try_pop(std::span<std::byte> to) noexcept { return receive_sctp(fd_.get(), to); }
  result<sctp_received> pop(std::span<std::byte> to, until u = {}) noexcept {
    const auto r = try_pop(to);
    if (settled(r) || u.immediate()) return r;
    return wait_for(self(), want::pop, u, [this, to] { return try_pop(to); });
  }
  void arm(want k, wait_set& set) noexcept {
    if (fd_) set.on(fd_.get(), k);
    else set.ready();
  }
  void disarm(want) noexcept {}
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }
  /// The address that this end has here.
  [[nodiscard]] result<endpoint> local() const noexcept { return endpoint_of<::getsockname>(fd_.get()); }

 protected:
  explicit sctp_end(unique_handle fd) noexcept : fd_(std::move(fd)) {}
  sctp_end(sctp_end&&) noexcept = default;
  sctp_end& operator=(sctp_end&&) noexcept = default;
  status push_to(std::span<const std::byte> message, const sctp_route& r, const endpoint* to, until u) noexcept {
    const auto attempt = [&] { return send_sctp(fd_.get(), message, r, to); };
    const status s = attempt();
    return settled(s) || u.immediate() ? s : wait_for(self(), want::push, u, attempt);
  }
  unique_handle fd_;

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

}  // namespace detail

/// A connection that messages go through, both ways, in several streams. The end is `closed`; it ends both directions,
/// since SCTP knows no half close.
///
/// Threads: one at a time for each direction. Blocks: push, pop; never the try_ forms. Allocates: never. Errors: full,
/// empty, closed, too_big, invalid (no such stream, or nothing to send), os (broken off).
class sctp_connection : public detail::sctp_end<sctp_connection> {
 public:
  static constexpr end_traits traits{.spans = reach::network};

  explicit sctp_connection(unique_handle fd) noexcept : sctp_end(std::move(fd)) {}

  status try_push(std::span<const std::byte> message, const sctp_route& r = {}) noexcept {
    return detail::send_sctp(fd_.get(), message, r, nullptr);
  }
  status push(std::span<const std::byte> message, until u = {}) noexcept { return push(message, {}, u); }
  status push(std::span<const std::byte> message, const sctp_route& r, until u = {}) noexcept {
    return push_to(message, r, nullptr, u);
  }
  /// What was accepted still goes out; what has not been read is dropped.
  void close() noexcept { detail::end_connection(fd_, maker_); }

 private:
  pid_t maker_ = ::getpid();
};

/// Connects to a listener. Errors: not_found (nobody listens), unsupported, timeout, stopped, os.
[[nodiscard]] inline result<sctp_connection> sctp_connect(const endpoint& to, until u = {},
                                                          const sctp_options& o = {}) noexcept {
  auto fd = detail::make_sctp(to.family(), SOCK_STREAM, o);
  if (!fd) return fd.err();
  sctp_connection c(std::move(*fd));
  const int s = c.handle();
  if (::connect(s, to.data(), to.size()) == 0) return c;
  if (errno != EINPROGRESS && errno != EINTR) return detail::sctp_error(step::open);
  const status done = detail::wait_for(c, want::push, u, [s]() -> status {
    if (!detail::ready_now({s, true})) return error(errc::full, step::open);
    const auto e = detail::get_option<int>(s, SOL_SOCKET, SO_ERROR);
    if (!e) return e.err();
    return *e == 0 ? status() : (errno = *e, status(detail::socket_error(step::open)));
  });
  return done ? result<sctp_connection>(std::move(c)) : result<sctp_connection>(done.err());
}

/// Takes connections.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Errors: empty, pending (too many open descriptors: the
/// connection waits), closed, os.
class sctp_listener : public source_verbs<sctp_listener> {
 public:
  using value_type = sctp_connection;
  static constexpr end_traits traits{.carries_close = false, .spans = reach::network};

  explicit sctp_listener(unique_handle fd) noexcept : door_(std::move(fd)) {}

  result<sctp_connection> try_pop() noexcept {
    auto fd = door_.try_accept();
    return fd ? result<sctp_connection>(sctp_connection(*std::move(fd))) : fd.err();
  }
  void arm(want, wait_set& set) noexcept { door_.arm(set); }
  void disarm(want) noexcept {}
  void close() noexcept { door_.close(); }
  [[nodiscard]] int handle() const noexcept { return door_.handle(); }
  [[nodiscard]] result<endpoint> local() const noexcept { return detail::endpoint_of<::getsockname>(door_.handle()); }

 private:
  detail::accepting_socket door_;
};

/// Listens at an address; port 0 is one that is free, and local() says which. Errors: busy, invalid, unsupported, os.
[[nodiscard]] inline result<sctp_listener> sctp_listen(const endpoint& at, const sctp_options& o = {}) noexcept {
  auto fd = detail::listen_sctp(SOCK_STREAM, at, o);
  return fd ? result<sctp_listener>(sctp_listener(std::move(*fd))) : result<sctp_listener>(fd.err());
}

/// One socket for many associations, which come up by themselves when somebody sends.
///
/// Threads: one at a time for each direction. Blocks: push, pop; never the try_ forms. Allocates: never.
class sctp_socket : public detail::sctp_end<sctp_socket> {
 public:
  static constexpr end_traits traits{.carries_close = false, .spans = reach::network};

  explicit sctp_socket(unique_handle fd) noexcept : sctp_end(std::move(fd)) {}

  /// To an address, which sets up an association if there is none.
  status push(const endpoint& to, std::span<const std::byte> message, const sctp_route& r = {}, until u = {}) noexcept {
    return push_to(message, r, &to, u);
  }
  /// To an association that is there; `r.association` says which.
  status push(std::span<const std::byte> message, const sctp_route& r, until u = {}) noexcept {
    return push_to(message, r, nullptr, u);
  }
  /// An association as a connection of its own.
  [[nodiscard]] result<sctp_connection> peel_off(std::int32_t association) noexcept {
    detail::sctp::peel_off off{association, -1, SOCK_CLOEXEC | SOCK_NONBLOCK};
    socklen_t size = sizeof off;
    // Success returns the descriptor, and not 0.
    if (::getsockopt(fd_.get(), detail::sctp::protocol, detail::sctp::option_peel_off_flags, &off, &size) < 0)
      return detail::sctp_error(step::open);
    return sctp_connection(unique_handle(off.handle));
  }
  void close() noexcept { fd_.reset(); }
};

/// A socket for many, at an address. Errors: as sctp_listen.
[[nodiscard]] inline result<sctp_socket> sctp_bind(const endpoint& at, const sctp_options& o = {}) noexcept {
  auto fd = detail::listen_sctp(SOCK_SEQPACKET, at, o);
  return fd ? result<sctp_socket>(sctp_socket(std::move(*fd))) : result<sctp_socket>(fd.err());
}

}  // namespace sluice

#endif
