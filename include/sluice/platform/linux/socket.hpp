// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_SOCKET_HPP
#define SLUICE_PLATFORM_LINUX_SOCKET_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/handle.hpp>

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
    case EMFILE:
    case ENFILE: return error(errc::no_space, at, subject::descriptors);
    case ENOBUFS: return error(errc::no_space, at, subject::size);
    case EMSGSIZE: return error(errc::too_big, at);
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
inline result<std::size_t> send_some(int fd, std::span<const std::byte> from) noexcept {
  if (from.empty()) return error(errc::invalid, step::write, subject::size);
  const auto n = retry_interrupted([&] { return ::send(fd, from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (n > 0) return static_cast<std::size_t>(n);
  return n == 0 || errno == EAGAIN ? error(errc::full, step::write) : socket_error(step::write);
}

}  // namespace sluice::detail

#endif
#endif
