// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UNIX_STREAM_HPP
#define SLUICE_STREAM_UNIX_STREAM_HPP

#include <sluice/platform/ancillary.hpp>
#include <sluice/stream/socket_stream.hpp>

// Connections within a host that descriptors can be passed through. How they are made by name is in stream/unix.hpp.

namespace sluice {

namespace detail {
inline constexpr end_traits unix_stream_traits{.boundaries = false, .spans = reach::host};
}  // namespace detail

/// A connection that bytes go through, both ways. With who is at the other side: peer_of(), stream/unix_peer.hpp.
using unix_stream = socket_stream<detail::unix_stream_traits>;

/// What an end of a Unix socket allows. What is not asked for is refused.
struct unix_options {
  mode_t mode = 0600;              // of the file of a name: who may connect. An abstract name has none
  std::span<const uid_t> allow{};  // users who may connect, at most 16. Empty: whom the mode lets in; where the name is
                                   // abstract, this user and root
  int backlog = 128;               // connections that may wait to be taken
  bool handles = false;            // descriptors may come in. Before Linux 6.16 they are not refused, but dropped
  bool credentials = false;        // each message says who sent it; for unix_datagram
};

/// Both ends of an anonymous connection.
template <class End>
struct unix_ends {
  End first, second;
};

namespace detail {

inline constexpr int pass_rights = 83;  // SO_PASSRIGHTS

/// Sets what a socket lets in. Where the kernel knows no refusal, a read drops what was not asked for.
inline status let_in(int fd, bool handles, bool credentials) noexcept {
  if (!handles) {
    const status s = set_option(fd, SOL_SOCKET, pass_rights, int{0});
    if (!s && s.err() != errc::unsupported) return s;
  }
  return credentials ? set_option(fd, SOL_SOCKET, SO_PASSCRED, int{1}) : status();
}

template <class End, int Type>
result<unix_ends<End>> make_unix_pair(const unix_options& o) noexcept {
  int fd[2];
  if (::socketpair(AF_UNIX, Type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0) return socket_error(step::create);
  unix_ends<End> both{End(unique_handle(fd[0])), End(unique_handle(fd[1]))};
  for (const int one : fd)
    if (status s = let_in(one, o.handles, o.credentials); !s) return s.err();
  return both;
}

}  // namespace detail

/// An anonymous connection, both ends of it.
[[nodiscard]] inline result<unix_ends<unix_stream>> unix_pair(const unix_options& o = {}) noexcept {
  return detail::make_unix_pair<unix_stream, SOCK_STREAM>(o);
}
/// Sends at least one byte, and all the descriptors with the first of them. They stay open here: who passes one on for
/// good closes it afterwards. Returns how many bytes went; the rest, if any, is for write().
///
/// Errors: as write; too_big (more than 253), denied (the other side takes none), invalid (one is not open), no_space.
template <writable Stream>
result<std::size_t> send_handles(Stream& stream, std::span<const std::byte> bytes, std::span<const int> handles,
                                 until u = {}) noexcept {
  return detail::try_then_wait(stream, want::push, u, [&]() -> result<std::size_t> {
    if (stream.handle() < 0) return error(errc::closed, step::write);
    // Descriptors go with a byte, or get lost.
    if (bytes.empty()) return error(errc::invalid, step::write, subject::size);
    return detail::send_message(stream.handle(), bytes, handles);
  });
}
/// Receives at least one byte, and the descriptors that came with it, into as many places as are given. What was sent
/// with descriptors is never read together with what comes behind. If more come than there are places (`truncated`), or
/// than this process can have (`no_space`), all are closed and these bytes are lost: close the connection.
template <readable Stream>
result<received> receive_handles(Stream& stream, std::span<std::byte> to, std::span<unique_handle> handles,
                                 until u = {}) noexcept {
  return detail::try_then_wait(stream, want::pop, u, [&]() -> result<received> {
    if (stream.handle() < 0) return error(errc::closed, step::read);
    if (to.empty()) return error(errc::invalid, step::read, subject::size);
    auto r = detail::receive_message(stream.handle(), to, handles);
    return r && r->size == 0 ? result<received>(error(errc::closed, step::read)) : r;
  });
}

}  // namespace sluice

#endif
