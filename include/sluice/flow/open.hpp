// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_OPEN_HPP
#define SLUICE_FLOW_OPEN_HPP

#include <sluice/channel/shared.hpp>
#include <sluice/flow/any_sink.hpp>
#include <sluice/flow/any_source.hpp>
#include <sluice/flow/first_caller.hpp>
#include <sluice/queue/posix_mq.hpp>
#include <sluice/queue/sysv_mq.hpp>
#include <sluice/stream/fifo.hpp>
#include <sluice/stream/sctp_ends.hpp>
#include <sluice/stream/tcp.hpp>
#include <sluice/stream/udp_ends.hpp>
#include <sluice/stream/unix.hpp>
#include <sluice/wait/exhausted.hpp>

#include <string_view>

// The transport is a word: open_source<T>("tcp:127.0.0.1:7000").
//
//   shm:NAME                  a channel in shared memory, of kind spsc
//   file:PATH                 the same in a mapped file
//   fifo:PATH                 a named pipe, one session
//   unix:PATH, unix:@NAME     a connection: the source listens, for one caller
//   tcp:HOST:PORT             the same
//   udp:HOST:PORT             datagrams to where the source is bound
//   sctp:ADDRESS:PORT         a connection, as tcp
//   mq:/NAME                  a POSIX message queue
//   sysv:PATH                 a System V message queue, by the key of a file
//
// Either side may come first. `scheme://…` means the same as `scheme:…`.

namespace sluice {

namespace detail {

struct uri {
  std::string_view scheme, where;

  explicit uri(std::string_view text) noexcept {
    const auto colon = text.find(':');
    if (colon == text.npos) return;
    scheme = text.substr(0, colon);
    where = text.substr(colon + 1);
    if (where.starts_with("//")) where.remove_prefix(2);
  }
  /// Why nothing was opened: there is no scheme at all, or none that is known.
  [[nodiscard]] error refused() const noexcept {
    return error(scheme.empty() ? errc::invalid : errc::unsupported, step::open, subject::uri);
  }
};

template <class Any, class End>
result<Any> erased(result<End> r) noexcept {
  return r ? result<Any>(std::in_place, *std::move(r)) : result<Any>(r.err());
}
/// Tries until somebody listens there, while patience lasts; then the reason why it was refused.
template <class Connect>
auto connect_in_time(until u, Connect connect) -> decltype(connect(u)) {
  constexpr std::int64_t between = 10'000'000;
  if (!u.immediate()) u = u.absolute();
  for (;;) {
    auto s = connect(u);
    const bool absent = !s && s.err() == errc::not_found && s.err().about() != subject::host_name;
    if (!absent || u.immediate()) return s;
    wait_set set;
    set.within(between);
    if (u.interrupter() != nullptr) u.interrupter()->arm(want::pop, set);
    const status slept = set.sleep(u);
    if (u.interrupter() != nullptr) u.interrupter()->disarm(want::pop);
    if (!slept) return s;
    const error over = exhausted(u);
    if (over == errc::stopped) return over;
    if (over) return s;
  }
}
template <class T, class Stream>
auto messages_into(result<Stream> s) noexcept {
  using type = decltype(sink_of<T>(*std::move(s)));
  return s ? result<type>(sink_of<T>(*std::move(s))) : result<type>(s.err());
}
template <class T, class Listener>
auto messages_from(result<Listener> l) noexcept {
  using type = first_caller_source<T, Listener>;
  return l ? result<type>(std::in_place, *std::move(l)) : result<type>(l.err());
}

inline constexpr std::size_t most_in_a_fifo = 4096, most_in_a_datagram = 65507;
inline constexpr int room_for_datagrams = 4 << 20;  // or as much as the system grants: what does not fit is lost

}  // namespace detail

/// The source that a URI names.
///
/// Errors: invalid about `uri` (no scheme); unsupported about `uri` (another scheme); too_big (for one piece of that
/// transport); no_space; else as the transport says.
template <wire T>
[[nodiscard]] result<any_source<T>> open_source(std::string_view text) {
  using any = any_source<T>;
  using detail::erased;
  const detail::uri u(text);
  if (u.scheme == "shm") return erased<any>(shm_source<T>(u.where));
  if (u.scheme == "file") return erased<any>(mapped_source<T>(u.where));
  if (u.scheme == "fifo") return erased<any>(fifo_source<T>(u.where));
  if (u.scheme == "unix") return erased<any>(detail::messages_from<T>(unix_listen(u.where)));
  if (u.scheme == "tcp") return erased<any>(detail::messages_from<T>(tcp_listen(u.where)));
  if (u.scheme == "mq") return erased<any>(posix_mq_source<T>(u.where));
  if (u.scheme == "sysv") return erased<any>(sysv_mq_source<T>(u.where));
  if (u.scheme == "sctp") {
    const auto at = endpoint::parse(u.where);
    return at ? erased<any>(detail::messages_from<T>(sctp_listen(*at))) : at.err();
  }
  if (u.scheme == "udp") {
    const auto at = endpoint::parse(u.where);
    if (!at) return at.err();
    const udp_options o{.receive_buffer = detail::room_for_datagrams};
    if constexpr (sizeof(T) <= detail::most_in_a_datagram) return erased<any>(udp_source_at<T>(*at, o));
    else return error(errc::too_big, step::open);
  }
  return u.refused();
}

/// The sink that a URI names. Where somebody must listen, it waits until somebody does, while patience lasts.
///
/// Errors: as open_source. A message that cannot be had in one piece is no reason not to compile: who names that
/// transport is told.
template <wire T>
[[nodiscard]] result<any_sink<T>> open_sink(std::string_view text, until patience = std::chrono::seconds(5)) {
  using any = any_sink<T>;
  using detail::erased;
  const detail::uri u(text);
  if (u.scheme == "shm") return erased<any>(shm_sink<T>(u.where));
  if (u.scheme == "file") return erased<any>(mapped_sink<T>(u.where));
  if (u.scheme == "mq") return erased<any>(posix_mq_sink<T>(u.where));
  if (u.scheme == "sysv") return erased<any>(sysv_mq_sink<T>(u.where));
  if (u.scheme == "fifo") {
    if constexpr (sizeof(T) <= detail::most_in_a_fifo) return erased<any>(fifo_sink<T>(u.where));
    else return error(errc::too_big, step::open);
  }
  if (u.scheme == "unix")
    return erased<any>(detail::messages_into<T>(
        detail::connect_in_time(patience, [&](until by) { return unix_connect(u.where, by); })));
  if (u.scheme == "tcp")
    return erased<any>(detail::messages_into<T>(
        detail::connect_in_time(patience, [&](until by) { return tcp_connect(u.where, by); })));
  if (u.scheme == "sctp") {
    const auto to = endpoint::parse(u.where);
    if (!to) return to.err();
    return erased<any>(detail::messages_into<T>(
        detail::connect_in_time(patience, [&](until by) { return sctp_connect(*to, by); })));
  }
  if (u.scheme == "udp") {
    const auto to = endpoint::parse(u.where);
    if (!to) return to.err();
    if constexpr (sizeof(T) <= detail::most_in_a_datagram) return erased<any>(udp_sink_to<T>(*to));
    else return error(errc::too_big, step::open);
  }
  return u.refused();
}

// The same for what cannot be sent.
template <class T>
  requires(!wire<T>)
auto open_source(std::string_view) {
  return detail::unmet_wire<T>();
}
template <class T>
  requires(!wire<T>)
auto open_sink(std::string_view, until = {}) {
  return detail::unmet_wire<T>();
}

}  // namespace sluice

#endif
