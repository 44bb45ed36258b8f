// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UNIX_PEER_HPP
#define SLUICE_STREAM_UNIX_PEER_HPP

#include <sluice/platform/poll.hpp>
#include <sluice/platform/socket.hpp>
#include <sluice/wait/handle_end.hpp>
#include <sluice/wait/wait_for.hpp>

namespace sluice {

/// One process, held so that its number cannot come to mean another one, and waited for like any end: it is ready when
/// the process has ended.
///
/// Threads: one at a time. Blocks: await_end.
class process_watch : public detail::handle_end {
 public:
  process_watch() noexcept = default;
  explicit process_watch(unique_handle pidfd) noexcept : handle_end(std::move(pidfd)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(fd_); }
  /// Has it not ended yet? A process whose end nobody has collected has ended.
  [[nodiscard]] bool alive() const noexcept { return fd_ && detail::readiness(fd_.get(), POLLIN) == 0; }
  /// Errors: timeout, stopped, closed (nothing is watched).
  status await_end(until u = {}) noexcept {
    return detail::try_then_wait(*this, want::pop, u, [this]() -> status {
      if (!fd_) return error(errc::closed, step::wait);
      return alive() ? error(errc::empty, step::wait) : status();
    });
  }
};

/// Who made the other side of a connection: connected it, listened for it, or made the pair. Not who uses it now: a
/// socket can be inherited and passed on.
///
/// `uid` and `gid` are the kernel's word, as they were at that moment. `pid` is a number that another process may have
/// by now. So `trusted` says: the process is held by `process`, which the kernel bound to it when the connection was
/// made, and all three can be seen from our namespaces. Without it (before Linux 6.5, or out of another namespace),
/// judge by uid alone, and never look a process up by `pid`.
struct unix_peer {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  pid_t pid = 0;  // 0: out of a namespace that we cannot see
  bool trusted = false;
  process_watch process;
};

namespace detail {

inline constexpr unsigned nobody_here = 65534;  // what the kernel shows for an id that has none in our user namespace

inline result<ucred> peer_credentials(int fd) noexcept {
  const auto who = get_option<ucred>(fd, SOL_SOCKET, SO_PEERCRED);
  if (who && who->uid == static_cast<uid_t>(-1)) return error(errc::closed, step::validate);  // of nothing connected
  return who;
}

}  // namespace detail

/// Who is at the other side of a Unix stream or seqpacket connection. Errors: closed, os, no_space (descriptors).
template <class Connection>
[[nodiscard]] result<unix_peer> peer_of(const Connection& connection) noexcept {
  constexpr int peer_pidfd = 77;  // SO_PEERPIDFD
  const int fd = connection.handle();
  if (fd < 0) return error(errc::closed, step::validate);
  const auto who = detail::peer_credentials(fd);
  if (!who) return who.err();
  unix_peer p;
  p.uid = who->uid, p.gid = who->gid, p.pid = who->pid;
  const auto pidfd = detail::get_option<int>(fd, SOL_SOCKET, peer_pidfd);
  if (pidfd) p.process = process_watch(unique_handle(*pidfd));
  else if (pidfd.err() == errc::no_space) return pidfd.err();  // else: an old kernel, or a process that is gone
  p.trusted = p.process && p.pid > 0 && p.uid != detail::nobody_here && p.gid != detail::nobody_here;
  return p;
}

}  // namespace sluice

#endif
