// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_SCTP_ENDS_HPP
#define SLUICE_STREAM_SCTP_ENDS_HPP

#include <sluice/stream/sctp.hpp>
#include <sluice/stream/whole_messages.hpp>

// SCTP connections as typed ends: sink_of<T>(connection), source_of<T>(connection).

namespace sluice {

/// Messages of type T, each whole, through one of the streams of a connection.
///
/// Threads: one at a time. Blocks: push; never try_push. Allocates: never. Errors: full, closed, too_big (at once, for
/// what is larger than the send buffer of the socket), invalid (no such stream), os.
template <wire T>
class sctp_sink : public sink_verbs<sctp_sink<T>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::whole_message_traits<T, sctp_connection>();

  explicit sctp_sink(sctp_connection c, std::uint16_t stream = 0, std::uint32_t ppid = 0) noexcept
      : connection_(std::move(c)), route_{.stream = stream, .ppid = ppid} {}

  status try_push(const T& value) noexcept { return connection_.try_push(std::as_bytes(std::span(&value, 1)), route_); }
  void arm(want k, wait_set& set) noexcept { connection_.arm(k, set); }
  void disarm(want k) noexcept { connection_.disarm(k); }
  /// The other side gets what was accepted, and then `closed`.
  void close() noexcept { connection_.close(); }
  [[nodiscard]] sctp_connection& connection() noexcept { return connection_; }

 private:
  sctp_connection connection_;
  sctp_route route_;
};

/// Messages of type T, in order within each stream; a sink uses one. A message of another size is `mismatch` about
/// `size`, once, and dropped; one that the end of the connection cuts off is `truncated`. Events are passed over.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: never. Errors: empty, pending (of too long a message,
/// more is to be dropped), closed, mismatch, truncated, os.
template <wire T>
class sctp_source : public source_verbs<sctp_source<T>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::whole_message_traits<T, sctp_connection>();

  explicit sctp_source(sctp_connection c) noexcept : connection_(std::move(c)) {}

  result<T> try_pop() noexcept {
    for (int pieces = 0; pieces < 64; ++pieces) {
      std::byte rest[4096];
      const bool too_long = came_ == sizeof(T);  // and its end has not come
      const auto place = too_long ? std::span<std::byte>(rest) : std::span<std::byte>(message_).subspan(came_);
      const int fd = connection_.handle();
      const auto r = detail::told_to_all(fd, detail::receive_sctp(fd, place));
      if (!r && came_ != 0 && !r.err().again()) return came_ = 0, error(errc::truncated, step::pop);
      if (!r) return r.err().during(step::pop);
      if (r->event != sctp_event::none) continue;
      if (!too_long) came_ += r->size;
      if (!r->whole) continue;
      route_ = r->route;
      const bool fits = !too_long && came_ == sizeof(T);
      came_ = 0;
      if (!fits) return error(errc::mismatch, step::pop, subject::size);
      return *std::launder(reinterpret_cast<const T*>(message_));
    }
    return error(errc::pending, step::pop, subject::size);
  }
  void arm(want k, wait_set& set) noexcept { connection_.arm(k, set); }
  void disarm(want k) noexcept { connection_.disarm(k); }
  void close() noexcept {
    connection_.close();
    came_ = 0;
  }
  /// How the last message came.
  [[nodiscard]] const sctp_route& route() const noexcept { return route_; }
  [[nodiscard]] sctp_connection& connection() noexcept { return connection_; }

 private:
  sctp_connection connection_;
  sctp_route route_;
  std::size_t came_ = 0;                       // bytes of a message that comes in pieces
  alignas(T) std::byte message_[sizeof(T)];
};

template <wire T>
[[nodiscard]] sctp_sink<T> sink_of(sctp_connection c, std::uint16_t stream = 0, std::uint32_t ppid = 0) noexcept {
  return sctp_sink<T>(std::move(c), stream, ppid);
}
template <wire T>
[[nodiscard]] sctp_source<T> source_of(sctp_connection c) noexcept {
  return sctp_source<T>(std::move(c));
}

}  // namespace sluice

#endif
