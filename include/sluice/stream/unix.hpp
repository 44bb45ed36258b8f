// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_UNIX_HPP
#define SLUICE_STREAM_UNIX_HPP

#include <sluice/stream/accepting_socket.hpp>
#include <sluice/stream/unix_name.hpp>
#include <sluice/stream/unix_peer.hpp>
#include <sluice/stream/unix_stream.hpp>

// Connections within a host, by the name of a file or an abstract name. Messages with boundaries are in
// stream/unix_messages.hpp.

namespace sluice {

namespace detail {

inline constexpr std::int64_t rarely = 20'000'000;  // nanoseconds between two looks at what gives no sign

/// A connection that is being made. Where too many wait already, no event tells when there is room: it looks again.
class unix_connecting {
 public:
  static result<unique_handle> connect(int type, std::string_view name, until u, const unix_options& o) noexcept {
    const auto to = unix_address::of(name);
    if (!to) return to.err();
    auto fd = make_socket(AF_UNIX, type);
    if (!fd) return fd;
    if (status s = let_in(fd->get(), o.handles, o.credentials); !s) return s.err();
    unix_connecting c;
    const status s = try_then_wait(c, want::push, u, [&]() -> status {
      if (retry_interrupted([&] { return ::connect(fd->get(), to->data(), to->size()); }) == 0) return {};
      if (errno == EAGAIN) return error(errc::full, step::open, subject::address);
      return errno == EPROTOTYPE ? error(errc::mismatch, step::open, subject::protocol) : socket_error(step::open);
    });
    return s ? std::move(fd) : result<unique_handle>(s.err());
  }

  void arm(want, wait_set& set) noexcept {
    set.within(pause_);
    if (pause_ < rarely) pause_ *= 2;
  }
  void disarm(want) noexcept {}

 private:
  std::int64_t pause_ = 500'000;
};

}  // namespace detail

/// Connects to who listens under that name: a path, or an abstract name as "@name".
///
/// Blocks: where more connections wait than the listener lets, until there is room. Errors: not_found (no such name, or
/// nobody listens), denied, mismatch (it is of another type of socket), full (of connections that wait; not with
/// patience), timeout, stopped, invalid, no_space, os.
[[nodiscard]] inline result<unix_stream> unix_connect(std::string_view name, until u = {},
                                                      const unix_options& o = {}) noexcept {
  auto fd = detail::unix_connecting::connect(SOCK_STREAM, name, u, o);
  return fd ? result<unix_stream>(unix_stream(std::move(*fd))) : result<unix_stream>(fd.err());
}

/// Takes connections of type Connection. One that comes from a user who is not allowed is closed and counted, not given
/// out.
///
/// Where descriptors or memory are short, try_pop() says `pending`, about that, and pop() looks again every 10 ms.
/// Closing takes the name away; connections that were not taken are broken off.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: never. Errors: empty, pending, closed, os.
template <class Connection, int Type>
class unix_listener_of : public source_verbs<unix_listener_of<Connection, Type>> {
 public:
  using value_type = Connection;
  static constexpr end_traits traits{.carries_close = false, .spans = reach::host};

  [[nodiscard]] static result<unix_listener_of> open(std::string_view name, const unix_options& o = {}) noexcept {
    unix_listener_of l;
    if (status s = l.take_list(name, o.allow); !s) return s.err();
    auto fd = detail::make_socket(AF_UNIX, Type);
    if (!fd) return fd.err();
    if (status s = detail::let_in(fd->get(), o.handles, o.credentials); !s) return s.err();  // connections inherit it
    auto bound = detail::unix_binding::bind(fd->get(), name, o.mode, [&](int s) -> status {
      return ::listen(s, o.backlog) == 0 ? status() : detail::socket_error(step::create);
    });
    if (!bound) return bound.err();
    l.door_ = detail::accepting_socket(std::move(*fd));
    l.binding_ = std::move(*bound);
    return l;
  }

  result<Connection> try_pop() noexcept {
    for (int strangers = 0; strangers < 64; ++strangers) {
      auto one = door_.try_accept();
      if (!one) return one.err();
      if (may_come(one->get())) return Connection(*std::move(one));
      ++refused_;
    }
    return error(errc::empty, step::pop);
  }
  void arm(want, wait_set& set) noexcept { door_.arm(set); }
  void disarm(want) noexcept {}
  void close() noexcept {
    binding_.release();
    door_.close();
  }
  /// How many connections were closed because of who made them.
  [[nodiscard]] std::size_t refused() const noexcept { return refused_; }
  [[nodiscard]] int handle() const noexcept { return door_.handle(); }

 private:
  static constexpr std::size_t most_allowed = 16;

  unix_listener_of() noexcept = default;
  status take_list(std::string_view name, std::span<const uid_t> allow) noexcept {
    if (allow.size() > most_allowed) return error(errc::invalid, step::open, subject::options);
    for (const uid_t user : allow) allowed_[allowed_count_++] = user;
    if (allow.empty() && detail::unix_address::is_abstract(name)) {
      allowed_[allowed_count_++] = ::geteuid();
      allowed_[allowed_count_++] = 0;
    }
    return {};
  }
  [[nodiscard]] bool may_come(int fd) const noexcept {
    if (allowed_count_ == 0) return true;
    const auto who = detail::peer_credentials(fd);
    for (std::size_t i = 0; who && i < allowed_count_; ++i)
      if (allowed_[i] == who->uid) return true;
    return false;
  }

  detail::accepting_socket door_;
  detail::unix_binding binding_;  // goes first: nobody finds a name of a socket that is closed
  uid_t allowed_[most_allowed] = {};
  std::size_t allowed_count_ = 0;
  std::size_t refused_ = 0;
};

using unix_listener = unix_listener_of<unix_stream, SOCK_STREAM>;

/// Listens under a name: a path, or an abstract name as "@name". A name whose listener was killed is taken over at
/// once; one whose listener lives is `busy`, and a file that is no socket is left alone.
///
/// Beside the name lies NAME.lock, for as long as the listener lives. Allocates: never. Errors: busy, invalid, denied,
/// not_found (the directory), no_space, unsupported, os.
[[nodiscard]] inline result<unix_listener> unix_listen(std::string_view name, const unix_options& o = {}) noexcept {
  return unix_listener::open(name, o);
}

}  // namespace sluice

#endif
