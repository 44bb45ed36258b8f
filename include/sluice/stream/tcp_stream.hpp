// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_TCP_STREAM_HPP
#define SLUICE_STREAM_TCP_STREAM_HPP

#include <sluice/stream/endpoint.hpp>
#include <sluice/stream/socket_stream.hpp>

#include <netinet/tcp.h>

namespace sluice {

/// How soon a peer is given up that vanished without a word: a power cut, a cable, a firewall that forgot. A read or
/// write then says so with ETIMEDOUT. A peer that was killed needs none of this: its system ends the connection.
struct tcp_watch {
  std::chrono::seconds idle{0};      // after so much silence it is asked whether it is there; 0: never
  std::chrono::seconds interval{0};  // and again after so much more
  int probes = 0;                    // so many times in vain
  std::chrono::milliseconds unacknowledged{0};  // how long what was sent may stay unconfirmed; 0: about 15 minutes
};
inline constexpr tcp_watch unwatched{};
inline constexpr tcp_watch watched_by_minutes{std::chrono::seconds(60), std::chrono::seconds(20), 3,
                                             std::chrono::minutes(2)};
inline constexpr tcp_watch watched_by_seconds{std::chrono::seconds(3), std::chrono::seconds(2), 3,
                                             std::chrono::seconds(9)};

/// What a TCP connection may be asked for. A size of 0 leaves a buffer to the system, which lets it grow with the need.
struct tcp_options {
  bool no_delay = true;  // a message goes out at once; false lets the system gather small ones (Nagle)
  tcp_watch watch;
  int send_buffer = 0;
  int receive_buffer = 0;
};

/// What the system knows about a connection, at one moment.
struct tcp_snapshot {
  std::chrono::microseconds round_trip{0}, round_trip_variation{0};
  std::uint32_t unacknowledged = 0;  // segments on their way
  std::uint32_t lost = 0;            // of those, taken for lost
  std::uint32_t retransmitted = 0;   // segments, since the beginning
  std::uint32_t window = 0;          // segments that may be on their way together
  std::uint32_t segment = 0;         // bytes of one
};

namespace detail {

inline constexpr end_traits tcp_traits{.boundaries = false, .spans = reach::network};

inline status set_tcp(int fd, const tcp_options& o) noexcept {
  const tcp_watch& w = o.watch;
  const struct {
    bool wanted;
    int level, name;
    long long value;
  } all[] = {
      {true, IPPROTO_TCP, TCP_NODELAY, o.no_delay},
      {w.idle.count() > 0, IPPROTO_TCP, TCP_KEEPIDLE, w.idle.count()},
      {w.interval.count() > 0, IPPROTO_TCP, TCP_KEEPINTVL, w.interval.count()},
      {w.probes > 0, IPPROTO_TCP, TCP_KEEPCNT, w.probes},
      {w.idle.count() > 0, SOL_SOCKET, SO_KEEPALIVE, 1},
      {w.unacknowledged.count() > 0, IPPROTO_TCP, TCP_USER_TIMEOUT, w.unacknowledged.count()},
      {o.send_buffer > 0, SOL_SOCKET, SO_SNDBUF, o.send_buffer},
      {o.receive_buffer > 0, SOL_SOCKET, SO_RCVBUF, o.receive_buffer},
  };
  for (const auto& option : all) {
    if (!option.wanted) continue;
    if (const status s = set_option(fd, option.level, option.name, static_cast<int>(option.value)); !s) return s;
  }
  return {};
}

/// Is that a TCP socket? A descriptor from elsewhere may be anything.
inline status check_tcp(int fd) noexcept {
  const auto protocol = get_option<int>(fd, SOL_SOCKET, SO_PROTOCOL);
  if (!protocol) return errno == ENOTSOCK ? error(errc::invalid, step::validate, subject::protocol) : protocol.err();
  return *protocol == IPPROTO_TCP ? status() : error(errc::invalid, step::validate, subject::protocol);
}

}  // namespace detail

/// A TCP connection: bytes both ways. From tcp_connect() or a tcp_listener.
///
/// finish() is the end that loses nothing, close() does what is possible without waiting, abort() throws away.
///
/// Threads: one at a time; split() for two. Blocks: read, write, finish; never the try_ forms. Allocates: never.
/// Errors: empty, full, closed (an orderly end, or when writing: no one takes more), os with ECONNRESET (broken off:
/// not everything came; a read says so even if a write has met it first) or ETIMEDOUT (the peer has vanished, see
/// tcp_watch), not_found about `route` (vanished, and this host has no way there).
class tcp_stream : public socket_stream<detail::tcp_traits> {
 public:
  using socket_stream::socket_stream;

  /// A connection that somebody else made; its flags stay as they are.
  [[nodiscard]] static result<tcp_stream> adopt(unique_handle fd) noexcept {
    if (const status s = detail::check_tcp(fd.get()); !s) return s.err();
    if (const auto who = detail::endpoint_of<::getpeername>(fd.get()); !who) return who.err();
    return tcp_stream(std::move(fd));
  }

  [[nodiscard]] result<endpoint> local() const noexcept { return detail::endpoint_of<::getsockname>(handle()); }
  [[nodiscard]] result<endpoint> peer() const noexcept { return detail::endpoint_of<::getpeername>(handle()); }
  status set(const tcp_options& o) noexcept { return detail::set_tcp(handle(), o); }

  /// Breaks the connection off: what was written and is not there yet is thrown away, and the other side is told so.
  void abort() noexcept {
    const unique_handle fd = release();
    if (fd) (void)detail::set_option(fd.get(), SOL_SOCKET, SO_LINGER, linger{1, 0});
  }

  [[nodiscard]] result<tcp_snapshot> snapshot() const noexcept {
    const auto i = detail::get_option<tcp_info>(handle(), IPPROTO_TCP, TCP_INFO);
    if (!i) return i.err();
    tcp_snapshot s;
    s.round_trip = std::chrono::microseconds(i->tcpi_rtt);
    s.round_trip_variation = std::chrono::microseconds(i->tcpi_rttvar);
    s.unacknowledged = i->tcpi_unacked;
    s.lost = i->tcpi_lost;
    s.retransmitted = i->tcpi_total_retrans;
    s.window = i->tcpi_snd_cwnd;
    s.segment = i->tcpi_snd_mss;
    return s;
  }
};

}  // namespace sluice

#endif
