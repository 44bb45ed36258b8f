// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_ANCILLARY_HPP
#define SLUICE_PLATFORM_LINUX_ANCILLARY_HPP

#include <sluice/platform/linux/socket.hpp>

#if SLUICE_HAS_LINUX()

namespace sluice {

/// Who sent a message, as the kernel attests it; not whether that process still lives.
struct sender_id {
  bool known = false;  // the end had asked for credentials, and the kernel gave some
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  pid_t pid = 0;
};

/// What came in.
struct received {
  std::size_t size = 0;     // bytes
  std::size_t handles = 0;  // descriptors, which belong to the receiver now
  sender_id sender;
};

namespace detail {

inline constexpr std::size_t max_passed_handles = 253;  // in one message; the kernel's limit

/// Sends bytes, and with the first of them descriptors, which stay the caller's own as well. Returns how many bytes
/// went.
inline result<std::size_t> send_message(int fd, std::span<const std::byte> from,
                                        std::span<const int> handles) noexcept {
  if (handles.size() > max_passed_handles) return error(errc::too_big, step::write, subject::descriptors);
  iovec bytes{const_cast<std::byte*>(from.data()), from.size()};
  msghdr m{};
  m.msg_iov = &bytes, m.msg_iovlen = 1;
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(max_passed_handles * sizeof(int))];
  if (!handles.empty()) {
    m.msg_control = control;
    m.msg_controllen = CMSG_SPACE(handles.size_bytes());
    __builtin_memset(control, 0, m.msg_controllen);
    cmsghdr* const c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(handles.size_bytes());
    __builtin_memcpy(CMSG_DATA(c), handles.data(), handles.size_bytes());
  }
  const auto n = retry_interrupted([&] { return ::sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (n >= 0) return static_cast<std::size_t>(n);
  switch (errno) {
    case EAGAIN: return error(errc::full, step::write);
    case ECONNREFUSED:  // whom it was meant for has gone
    case ENOTCONN: return error(errc::closed, step::write);
    case EDESTADDRREQ: return error(errc::invalid, step::write, subject::address);
    case ETOOMANYREFS: return error(errc::no_space, step::write, subject::descriptors);
    case EBADF: return error(errc::invalid, step::write, subject::descriptors);
    case EPERM:
      if (!handles.empty()) return error(errc::denied, step::write, subject::descriptors);
      [[fallthrough]];
    default: return socket_error(step::write);
  }
}

/// Receives bytes, and what came with them. There is room for as many descriptors as `handles` has places: where more
/// come, or this process can have no more, all of them are closed again and the bytes are lost, and it says so.
inline result<received> receive_message(int fd, std::span<std::byte> to, std::span<unique_handle> handles) noexcept {
  constexpr std::size_t names = CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int));
  constexpr int scm_pidfd = 4;
  const std::size_t quota = handles.size() < max_passed_handles ? handles.size() : max_passed_handles;
  alignas(cmsghdr) unsigned char control[names + CMSG_SPACE(max_passed_handles * sizeof(int))];
  iovec bytes{to.data(), to.size()};
  msghdr m{};
  m.msg_iov = &bytes, m.msg_iovlen = 1;
  m.msg_control = control;
  m.msg_controllen = names + (quota != 0 ? CMSG_SPACE(quota * sizeof(int)) : 0);
  const auto n = retry_interrupted([&] { return ::recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); });
  if (n < 0) return errno == EAGAIN ? error(errc::empty, step::read) : socket_error(step::read);
  received r;
  r.size = static_cast<std::size_t>(n);
  std::size_t came = 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(ucred))) {
      ucred who{};
      __builtin_memcpy(&who, CMSG_DATA(c), sizeof who);
      r.sender = {true, who.uid, who.gid, who.pid};
    } else if (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == scm_pidfd) {
      for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= c->cmsg_len; at += sizeof(int)) {
        int number = -1;
        __builtin_memcpy(&number, CMSG_DATA(c) + at, sizeof number);
        unique_handle owned(number);
        if (c->cmsg_type != SCM_RIGHTS) continue;
        if (came < quota) handles[came] = std::move(owned);
        ++came;
      }
    }
  }
  if (came > quota || (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0) {
    for (auto& h : handles.first(came < quota ? came : quota)) h.reset();
    if ((m.msg_flags & MSG_TRUNC) != 0) return error(errc::truncated, step::read);
    return came < quota ? error(errc::no_space, step::read, subject::descriptors)
                        : error(errc::truncated, step::read, subject::descriptors);
  }
  r.handles = came;
  return r;
}

}  // namespace detail
}  // namespace sluice

#endif
#endif
