// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UNIX_ENDS_HPP
#define SLUICE_STREAM_UNIX_ENDS_HPP

#include <sluice/stream/unix_messages.hpp>
#include <sluice/stream/whole_messages.hpp>

// Unix sockets for messages as typed ends: sink_of<T>(seqpacket), source_of<T>(datagram).

namespace sluice {

namespace detail {

template <class S>
concept unix_message_socket = std::same_as<S, unix_seqpacket> || std::same_as<S, unix_datagram>;

}  // namespace detail

/// Messages of type T, each whole.
///
/// Threads: one at a time. Blocks: push; never try_push. Allocates: never. Errors: full, closed, too_big (for the
/// buffer of the socket), os.
template <wire T, detail::unix_message_socket Socket>
class unix_sink : public sink_verbs<unix_sink<T, Socket>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::whole_message_traits<T, Socket>();

  explicit unix_sink(Socket s) noexcept : socket_(std::move(s)) {}

  status try_push(const T& value) noexcept { return socket_.try_push(std::as_bytes(std::span(&value, 1))); }
  void arm(want k, wait_set& set) noexcept { socket_.arm(k, set); }
  void disarm(want k) noexcept { socket_.disarm(k); }
  void close() noexcept { socket_.close(); }
  [[nodiscard]] Socket& socket() noexcept { return socket_; }

 private:
  Socket socket_;
};

/// Messages of type T. One of another size is `mismatch` about `size`, once, and dropped.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: never. Errors: empty, closed, mismatch, os.
template <wire T, detail::unix_message_socket Socket>
class unix_source : public source_verbs<unix_source<T, Socket>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::whole_message_traits<T, Socket>();

  explicit unix_source(Socket s) noexcept : socket_(std::move(s)) {}

  result<T> try_pop() noexcept {
    return detail::pop_whole<T>([this](auto place) { return socket_.try_pop(place); }, [this] { socket_.skip(); });
  }
  void arm(want k, wait_set& set) noexcept { socket_.arm(k, set); }
  void disarm(want k) noexcept { socket_.disarm(k); }
  void close() noexcept { socket_.close(); }
  [[nodiscard]] Socket& socket() noexcept { return socket_; }

 private:
  Socket socket_;
};

template <wire T, detail::unix_message_socket Socket>
[[nodiscard]] unix_sink<T, Socket> sink_of(Socket s) noexcept {
  return unix_sink<T, Socket>(std::move(s));
}
template <wire T, detail::unix_message_socket Socket>
[[nodiscard]] unix_source<T, Socket> source_of(Socket s) noexcept {
  return unix_source<T, Socket>(std::move(s));
}

}  // namespace sluice

#endif
