// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_SOCKET_HPP
#define SLUICE_PLATFORM_LINUX_SOCKET_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/poll.hpp>

#if SLUICE_HAS_LINUX()

#include <cstddef>
#include <span>
#include <sys/socket.h>

namespace sluice::detail {

/// errno of a socket call as an error. A connection that was broken off stays `os` with its number when it is read
/// from: `closed` would say that everything had come.
inline error socket_error(step at) noexcept {
  switch (errno) {
    case EADDRINUSE: return error(errc::busy, at, subject::address);
    case ECONNREFUSED: return error(errc::not_found, at, subject::address);
    case EADDRNOTAVAIL: return error(errc::invalid, at, subject::address);
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
    case ENOPROTOOPT:
    case EOPNOTSUPP: return error(errc::unsupported, at, subject::protocol);
    case ENOBUFS: return error(errc::no_space, at, subject::size);
    case EMSGSIZE: return error(errc::too_big, at);
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN: return error(errc::not_found, at, subject::route);
    case ETIMEDOUT:
      return at == step::open ? error(errc::not_found, at, subject::route) : error(errc::os, at, ETIMEDOUT);
    case ECONNRESET: return at == step::read ? error(errc::os, at, ECONNRESET) : error(errc::closed, at);
    default: return last_error(at);
  }
}

/// A socket that does not block and is closed on exec.
inline result<unique_handle> make_socket(int family, int type, int protocol = 0) noexcept {
  unique_handle fd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  if (!fd) return socket_error(step::create);
  return fd;
}

/// A connection that waits at a listener; those that broke off while they waited are passed over. Where descriptors or
/// memory are short it is `pending`, about that: the connection goes on waiting. `may_block` is for a listener whose
/// description is somebody else's and blocks: it is looked at first, for nothing tells a single accept not to wait.
inline result<unique_handle> accept_one(int listener, bool may_block) noexcept {
  for (int broken_off = 0; broken_off < 64; ++broken_off) {
    if (may_block && readiness(listener, POLLIN) == 0) return error(errc::empty, step::open);
    unique_handle fd(
        retry_interrupted([&] { return ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); }));
    if (fd) return fd;
    switch (errno) {
      case EAGAIN: return error(errc::empty, step::open);
      case EMFILE:
      case ENFILE: return error(errc::pending, step::open, subject::descriptors);
      case ENOBUFS:
      case ENOMEM: return error(errc::pending, step::open, subject::size);
      case EINVAL: return error(errc::closed, step::open);  // it listens no more
      case ECONNABORTED:
      case EPROTO:
      case EPERM:  // a firewall took it away
      case ENETDOWN:
      case ENETUNREACH:
      case EHOSTDOWN:
      case EHOSTUNREACH: continue;  // the fate of that one connection
      default: return socket_error(step::open);
    }
  }
  return error(errc::empty, step::open);
}

/// Begins a connection; success says only that it is under way.
inline status start_connection(int fd, const sockaddr* to, socklen_t size) noexcept {
  if (retry_interrupted([&] { return ::connect(fd, to, size); }) == 0) return {};
  return errno == EINPROGRESS || errno == EALREADY ? status() : socket_error(step::open);
}
/// How far it has come: made, under way (`empty`), or why it failed.
inline status connection_made(int fd) noexcept {
  int why = 0;
  socklen_t size = sizeof why;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size) != 0) return socket_error(step::open);
  if ((errno = why) != 0) return socket_error(step::open);
  sockaddr_storage peer;
  size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0) return {};
  return errno == ENOTCONN ? error(errc::empty, step::open) : socket_error(step::open);
}

template <class Value>
status set_option(int fd, int level, int name, const Value& value) noexcept {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? status() : socket_error(step::create);
}
template <class Value>
result<Value> get_option(int fd, int level, int name) noexcept {
  Value value{};
  socklen_t size = sizeof value;
  if (::getsockopt(fd, level, name, &value, &size) != 0) return socket_error(step::validate);
  return value;
}

/// At least one byte of a stream, or why not.
inline result<std::size_t> receive_some(int fd, std::span<std::byte> to) noexcept {
  if (to.empty()) return error(errc::invalid, step::read, subject::size);
  const auto n = retry_interrupted([&] { return ::recv(fd, to.data(), to.size(), MSG_DONTWAIT); });
  if (n > 0) return static_cast<std::size_t>(n);
  if (n == 0) return error(errc::closed, step::read);
  return errno == EAGAIN ? error(errc::empty, step::read) : socket_error(step::read);
}
/// After a read of TCP that found the end: has the other side ended its writing? A connection that was broken off looks the
/// same to all but the first call that meets it, which may have been a write. But then it is over without an end in its
/// bytes, and the kernel counts that as one when asked how much is left. Before Linux 4.18 it cannot be asked.
inline bool ended_in_order(int fd) noexcept {
  constexpr int tcp = 6, info = 11, tell_rest = 36;  // of linux/tcp.h, which not everybody has to include
  constexpr std::uint8_t over = 7;
  const auto state = get_option<std::uint8_t>(fd, tcp, info);  // its first byte
  if (!state || *state != over || !set_option(fd, tcp, tell_rest, int{1})) return true;
  std::byte none[1];
  iovec place{none, sizeof none};
  alignas(cmsghdr) char answer[CMSG_SPACE(sizeof(int))];
  msghdr m{};
  m.msg_iov = &place, m.msg_iovlen = 1;
  m.msg_control = answer, m.msg_controllen = sizeof answer;
  if (retry_interrupted([&] { return ::recvmsg(fd, &m, MSG_DONTWAIT); }) != 0) return true;
  const cmsghdr* const c = CMSG_FIRSTHDR(&m);
  if (c == nullptr || c->cmsg_level != tcp || c->cmsg_type != tell_rest) return true;
  int rest = 0;
  __builtin_memcpy(&rest, CMSG_DATA(c), sizeof rest);
  return rest != 0;
}
inline result<std::size_t> send_some(int fd, std::span<const std::byte> from) noexcept {
  if (from.empty()) return error(errc::invalid, step::write, subject::size);
  const auto n = retry_interrupted([&] { return ::send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (n > 0) return static_cast<std::size_t>(n);
  return n == 0 || errno == EAGAIN ? error(errc::full, step::write) : socket_error(step::write);
}

}  // namespace sluice::detail

#endif
#endif
