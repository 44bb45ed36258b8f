// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UNIX_MESSAGES_HPP
#define SLUICE_STREAM_UNIX_MESSAGES_HPP

#include <sluice/stream/unix.hpp>

#include <sys/ioctl.h>

// Unix sockets that keep messages apart: connections (seqpacket), and datagrams.

namespace sluice {

namespace detail {

/// What both have in common. Derived says how a message of no bytes is told from the end.
template <class Derived>
class unix_message_end : public handle_end {
 public:
  /// Sends a message, whole, and descriptors with it. Errors: full, closed, too_big (for the buffer of the socket),
  /// denied (the other side takes no descriptors), invalid, no_space, os.
  status try_push(std::span<const std::byte> message, std::span<const int> handles = {}) noexcept {
    if (!fd_) return error(errc::closed, step::push);
    if (message.empty() && !Derived::carries_nothing) return error(errc::invalid, step::push, subject::size);
    const auto n = send_message(fd_.get(), message, handles);
    return n ? status() : status(n.err().during(step::push));
  }
  status push(std::span<const std::byte> message, until u = {}) noexcept { return push(message, {}, u); }
  status push(std::span<const std::byte> message, std::span<const int> handles, until u = {}) noexcept {
    return try_then_wait(self(), want::push, u, [&] { return try_push(message, handles); });
  }
  /// Takes the next message, whole, and returns its size. If it does not fit: too_big in step `read`, with the size in
  /// `detail`, and the message stays. Descriptors that came with it are dropped.
  result<std::size_t> try_pop(std::span<std::byte> to) noexcept {
    const auto r = take(to, [&]() -> result<received> {
      const auto n = retry_interrupted([&] { return ::recv(fd_.get(), to.data(), to.size(), MSG_DONTWAIT); });
      if (n < 0) return errno == EAGAIN ? error(errc::empty, step::read) : socket_error(step::read);
      return received{.size = static_cast<std::size_t>(n), .handles = 0, .sender = {}};
    });
    return r ? result<std::size_t>(r->size) : result<std::size_t>(r.err());
  }
  result<std::size_t> pop(std::span<std::byte> to, until u = {}) noexcept {
    return try_then_wait(self(), want::pop, u, [this, to] { return try_pop(to); });
  }
  /// The same with what came along: descriptors, into as many places as are given, and who sent it, if the end was
  /// opened with `.credentials`. If more descriptors came (`truncated`), or than this process can have (`no_space`),
  /// all are closed and the message is lost.
  result<received> try_pop(std::span<std::byte> to, std::span<unique_handle> handles) noexcept {
    return take(to, [&] { return receive_message(fd_.get(), to, handles); });
  }
  result<received> pop(std::span<std::byte> to, std::span<unique_handle> handles, until u = {}) noexcept {
    return try_then_wait(self(), want::pop, u, [this, to, handles] { return try_pop(to, handles); });
  }
  /// Drops the next message, if there is one.
  void skip() noexcept { (void)retry_interrupted([&] { return ::recv(fd_.get(), nullptr, 0, MSG_DONTWAIT); }); }

 protected:
  using handle_end::handle_end;
  unix_message_end(unix_message_end&&) noexcept = default;
  unix_message_end& operator=(unix_message_end&&) noexcept = default;

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }

  // Looks at the size first, and takes only what fits.
  template <class Receive>
  result<received> take(std::span<std::byte> to, Receive receive) noexcept {
    if (!fd_) return error(errc::closed, step::pop);
    constexpr int look = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT;
    const auto n = retry_interrupted([&] { return ::recv(fd_.get(), nullptr, 0, look); });
    if (n < 0) return errno == EAGAIN ? error(errc::empty, step::pop) : socket_error(step::read).during(step::pop);
    if (n == 0 && self().ended()) return error(errc::closed, step::pop);
    if (static_cast<std::size_t>(n) > to.size()) return error(errc::too_big, step::read, static_cast<std::int32_t>(n));
    auto r = receive();
    return r || r.err().about() == subject::descriptors ? r : result<received>(r.err().during(step::pop));
  }
};

}  // namespace detail

/// A connection that messages go through, both ways, whole and in order.
///
/// A message of no bytes cannot be sent: who reads with a plain call would take it for the end. One that comes from
/// such a program is told from the end, unless nothing comes behind it but the end.
///
/// Threads: one at a time for each direction. Blocks: push, pop, finish; never the try_ forms. Allocates: never.
class unix_seqpacket : public detail::unix_message_end<unix_seqpacket> {
 public:
  static constexpr end_traits traits{.spans = reach::host};
  static constexpr bool carries_nothing = false;

  explicit unix_seqpacket(unique_handle fd) noexcept : unix_message_end(std::move(fd)) {}

  /// The other side gets what was accepted, and then `closed`.
  void close() noexcept { detail::end_connection(fd_, maker_); }
  /// Ends the sending and leaves the receiving.
  void end_writing() noexcept {
    if (fd_) ::shutdown(fd_.get(), SHUT_WR);
  }

 private:
  friend class detail::unix_message_end<unix_seqpacket>;
  pid_t maker_ = ::getpid();
  // A receive gave nothing. If the other side has ended its sending, and nothing with a byte in it waits, that is all.
  [[nodiscard]] bool ended() const noexcept {
    pollfd p{fd_.get(), POLLRDHUP, 0};
    int waiting = 0;
    if (detail::retry_interrupted([&] { return ::poll(&p, 1, 0); }) < 0) return true;
    return (p.revents & (POLLRDHUP | POLLHUP)) != 0 && (::ioctl(fd_.get(), FIONREAD, &waiting) != 0 || waiting == 0);
  }
};

using unix_seqpacket_listener = unix_listener_of<unix_seqpacket, SOCK_SEQPACKET>;

/// An anonymous connection for messages, both ends of it.
[[nodiscard]] inline result<unix_ends<unix_seqpacket>> unix_seqpacket_pair(const unix_options& o = {}) noexcept {
  return detail::make_unix_pair<unix_seqpacket, SOCK_SEQPACKET>(o);
}
/// As unix_connect.
[[nodiscard]] inline result<unix_seqpacket> unix_seqpacket_connect(std::string_view name, until u = {},
                                                                   const unix_options& o = {}) noexcept {
  auto fd = detail::unix_connecting::connect(SOCK_SEQPACKET, name, u, o);
  return fd ? result<unix_seqpacket>(unix_seqpacket(std::move(*fd))) : result<unix_seqpacket>(fd.err());
}
/// As unix_listen.
[[nodiscard]] inline result<unix_seqpacket_listener> unix_seqpacket_listen(std::string_view name,
                                                                           const unix_options& o = {}) noexcept {
  return unix_seqpacket_listener::open(name, o);
}

/// Messages without a connection: from anybody who may, to one place. In order, none is lost, and a message of no bytes
/// is one. Nobody is told that the other side has closed, except by a push, which then says `closed`.
///
/// Threads: one at a time for each direction. Blocks: push, pop; never the try_ forms. Allocates: never.
class unix_datagram : public detail::unix_message_end<unix_datagram> {
 public:
  static constexpr end_traits traits{.carries_close = false, .spans = reach::host};
  static constexpr bool carries_nothing = true;

  explicit unix_datagram(unique_handle fd) noexcept : unix_message_end(std::move(fd)) {}

  /// An end that messages come to under a name; as unix_listen.
  [[nodiscard]] static result<unix_datagram> open(std::string_view name, const unix_options& o = {}) noexcept {
    if (!o.allow.empty()) return error(errc::unsupported, step::open, subject::options);  // each message has a sender
    auto fd = detail::make_socket(AF_UNIX, SOCK_DGRAM);
    if (!fd) return fd.err();
    // Before it has a name, so that no message comes in with more, or with less.
    if (status s = detail::let_in(fd->get(), o.handles, o.credentials); !s) return s.err();
    auto bound = detail::unix_binding::bind(fd->get(), name, o.mode, [](int) { return status(); });
    if (!bound) return bound.err();
    unix_datagram d(std::move(*fd));
    d.binding_ = std::move(*bound);
    return d;
  }
  void close() noexcept {
    binding_.release();
    fd_.reset();
  }

 private:
  friend class detail::unix_message_end<unix_datagram>;
  [[nodiscard]] static bool ended() noexcept { return false; }

  detail::unix_binding binding_;
};

[[nodiscard]] inline result<unix_ends<unix_datagram>> unix_datagram_pair(const unix_options& o = {}) noexcept {
  return detail::make_unix_pair<unix_datagram, SOCK_DGRAM>(o);
}
/// An end for messages to that name.
[[nodiscard]] inline result<unix_datagram> unix_datagram_connect(std::string_view name,
                                                                 const unix_options& o = {}) noexcept {
  auto fd = detail::unix_connecting::connect(SOCK_DGRAM, name, now, o);
  return fd ? result<unix_datagram>(unix_datagram(std::move(*fd))) : result<unix_datagram>(fd.err());
}
/// An end that messages to that name come to.
[[nodiscard]] inline result<unix_datagram> unix_datagram_bind(std::string_view name,
                                                              const unix_options& o = {}) noexcept {
  return unix_datagram::open(name, o);
}

}  // namespace sluice

#endif
