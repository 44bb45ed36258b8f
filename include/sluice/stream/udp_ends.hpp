// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UDP_ENDS_HPP
#define SLUICE_STREAM_UDP_ENDS_HPP

#include <sluice/stream/udp_socket.hpp>
#include <sluice/wait/verbs.hpp>

// UDP as typed ends: a datagram is a message.

namespace sluice {

namespace detail {

template <class T>
inline constexpr end_traits udp_traits{.reliable = false, .ordered = false, .carries_close = false,
                                       .sees_reader_go = false, .spans = reach::network, .max_size = sizeof(T)};

}  // namespace detail

/// Messages of type T, each as a datagram to one peer. Accepted says that it was sent, no more: it may be lost, doubled
/// or overtaken, and that nobody listens there is no error (the socket counts it).
///
/// Threads: one at a time. Blocks: push; never try_push. Allocates: never.
/// Errors: full, closed, not_found about `route`, os.
template <wire T>
class udp_sink : public sink_verbs<udp_sink<T>> {
  static_assert(sizeof(T) <= udp_socket::max_payload, "a datagram cannot hold such a message");

 public:
  using value_type = T;
  static constexpr end_traits traits = detail::udp_traits<T>;

  /// Over a connected socket.
  explicit udp_sink(udp_socket s) noexcept : socket_(std::move(s)) {}

  status try_push(const T& value) noexcept { return try_push(std::span(&value, 1)).err(); }
  result<std::size_t> try_push(std::span<const T> values) noexcept {
    udp_departure batch[detail::datagram_batch::most];
    std::size_t n = 0;
    for (; n < values.size() && n < detail::datagram_batch::most; ++n)
      batch[n].bytes = std::as_bytes(values.subspan(n, 1));
    auto sent = socket_.try_send(std::span<const udp_departure>(batch, n));
    return sent ? sent : sent.err().during(step::push);
  }
  void arm(want k, wait_set& set) noexcept { socket_.arm(k, set); }
  void disarm(want k) noexcept { socket_.disarm(k); }
  /// Nobody is told: UDP has no end.
  void close() noexcept { socket_.close(); }
  [[nodiscard]] udp_socket& socket() noexcept { return socket_; }

 private:
  udp_socket socket_;
};

/// Messages of type T, each out of a datagram. Anybody may send to an open port, so what has another size than T is no
/// message: it is counted, dropped, and said to have come, as `mismatch` about `size`; the next pop goes on.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: never. Errors: empty, closed, mismatch, os.
template <wire T>
class udp_source : public source_verbs<udp_source<T>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::udp_traits<T>;

  explicit udp_source(udp_socket s) noexcept : socket_(std::move(s)) {}

  result<T> try_pop() noexcept {
    alignas(T) std::byte whole[sizeof(T)];
    udp_arrival one{whole};
    if (const auto n = receive(std::span(&one, 1)); !n) return n.err();
    if (!is_message(one)) return error(errc::mismatch, step::pop, subject::size);
    return *std::launder(reinterpret_cast<const T*>(whole));
  }
  /// As many as are there, and fit.
  result<std::size_t> try_pop(std::span<T> to) noexcept {
    udp_arrival batch[detail::datagram_batch::most];
    std::size_t places = 0;
    for (; places < to.size() && places < detail::datagram_batch::most; ++places)
      batch[places].place = std::as_writable_bytes(to.subspan(places, 1));
    const auto n = receive(std::span(batch, places));
    if (!n) return n;
    std::size_t messages = 0;
    for (std::size_t i = 0; i < *n; ++i) {
      if (!is_message(batch[i])) continue;
      if (i != messages) __builtin_memcpy(&to[messages], batch[i].place.data(), sizeof(T));
      ++messages;
    }
    return messages != 0 ? result<std::size_t>(messages) : error(errc::mismatch, step::pop, subject::size);
  }
  void arm(want k, wait_set& set) noexcept { socket_.arm(k, set); }
  void disarm(want k) noexcept { socket_.disarm(k); }
  void close() noexcept { socket_.close(); }
  [[nodiscard]] udp_socket& socket() noexcept { return socket_; }
  /// Who sent the last message.
  [[nodiscard]] const endpoint& from() const noexcept { return from_; }
  /// Datagrams that were no messages.
  [[nodiscard]] std::uint64_t strays() const noexcept { return strays_; }

 private:
  result<std::size_t> receive(std::span<udp_arrival> batch) noexcept {
    auto n = socket_.try_receive(batch);
    // What a connected socket hears of refusals concerns what it sent, not what it waits for.
    if (!n && n.err() == errc::not_found) n = socket_.try_receive(batch);
    return n ? n : n.err().during(step::pop);
  }
  bool is_message(const udp_arrival& a) noexcept {
    if (a.got.size != sizeof(T) || a.got.segment != 0) return ++strays_, false;
    from_ = a.got.from;
    return true;
  }

  udp_socket socket_;
  endpoint from_;
  std::uint64_t strays_ = 0;
};

/// A sink to that peer.
template <wire T>
[[nodiscard]] result<udp_sink<T>> udp_sink_to(const endpoint& peer, const udp_options& o = {}) noexcept {
  auto s = udp_connect(peer, o);
  if (!s) return s.err();
  return udp_sink<T>(*std::move(s));
}
/// A source at that address of this host, of messages from anybody.
template <wire T>
[[nodiscard]] result<udp_source<T>> udp_source_at(const endpoint& at, const udp_options& o = {}) noexcept {
  udp_options one_by_one = o;
  one_by_one.combine = false;
  auto s = udp_bind(at, one_by_one);
  if (!s) return s.err();
  return udp_source<T>(*std::move(s));
}

}  // namespace sluice

#endif
