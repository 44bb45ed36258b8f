// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_TCP_LISTENER_HPP
#define SLUICE_STREAM_TCP_LISTENER_HPP

#include <sluice/stream/accepting_socket.hpp>
#include <sluice/stream/tcp_stream.hpp>

#include <cstdlib>

namespace sluice {

struct tcp_listen_options {
  int backlog = 4096;       // connections that may wait to be accepted; the system has a limit of its own (somaxconn)
  bool reuse_port = false;  // several listeners, also of several processes, share the port; each gets a part
  bool v6_only = false;     // an IPv6 address takes IPv4 connections too, unless this is set
  tcp_options stream;       // of the connections that it accepts
};

/// A source of TCP connections.
///
///     auto door = tcp_listen("127.0.0.1:7000");   // port 0: any free one, which local() tells
///     for (tcp_stream& s : door->each()) ...
///
/// Where descriptors or memory are short, connections go on waiting in the system, and the listener looks again every
/// 10 ms: it neither spins nor turns anybody away. try_pop then says `pending`, about `descriptors` or `size`.
///
/// Threads: one at a time. Blocks: pop, each; never try_pop. Allocates: never.
/// Errors: empty, pending, closed, os.
class tcp_listener : public source_verbs<tcp_listener> {
 public:
  using value_type = tcp_stream;
  static constexpr end_traits traits{.carries_close = false, .sees_reader_go = false, .spans = reach::network};

  /// A socket that listens already. Its options are set, for its connections inherit them; its flags stay as they are.
  /// If its description blocks and another process accepts from it too, a pop may wait longer than it was told to.
  [[nodiscard]] static result<tcp_listener> adopt(unique_handle fd, const tcp_options& o = {}) noexcept {
    if (const status s = detail::check_tcp(fd.get()); !s) return s.err();
    const auto listens = detail::get_option<int>(fd.get(), SOL_SOCKET, SO_ACCEPTCONN);
    if (!listens) return listens.err();
    if (*listens == 0) return error(errc::invalid, step::validate, subject::protocol);
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) return detail::last_error(step::validate);
    if (const status s = detail::set_tcp(fd.get(), o); !s) return s.err();
    return tcp_listener(std::move(fd), (flags & O_NONBLOCK) == 0);
  }
  /// The n-th listener that the service manager opened for this process (LISTEN_FDS). Take each once.
  [[nodiscard]] static result<tcp_listener> inherited(unsigned n = 0, const tcp_options& o = {}) noexcept {
    constexpr int first = 3;
    const long given = number_in("LISTEN_FDS");
    if (number_in("LISTEN_PID") != ::getpid() || given <= static_cast<long>(n) || given > 4096)
      return error(errc::not_found, step::open, subject::descriptors);
    // One that is of another kind is not ours to close.
    const int fd = first + static_cast<int>(n);
    if (const status s = detail::check_tcp(fd); !s) return s.err();
    return adopt(unique_handle(fd), o);
  }

  result<tcp_stream> try_pop() noexcept {
    auto fd = door_.try_accept();
    return fd ? result<tcp_stream>(tcp_stream(*std::move(fd))) : fd.err();
  }
  void arm(want, wait_set& set) noexcept { door_.arm(set); }
  void disarm(want) noexcept {}
  /// Turns away who has not been accepted yet.
  void close() noexcept { door_.close(); }

  /// Where it listens.
  [[nodiscard]] result<endpoint> local() const noexcept { return detail::endpoint_of<::getsockname>(door_.handle()); }
  [[nodiscard]] int handle() const noexcept { return door_.handle(); }

 private:
  friend result<tcp_listener> tcp_listen(endpoint, const tcp_listen_options&) noexcept;

  explicit tcp_listener(unique_handle fd, bool may_block = false) noexcept : door_(std::move(fd), may_block) {}

  static long number_in(const char* variable) noexcept {
    const char* const text = std::getenv(variable);
    if (text == nullptr || *text < '0' || *text > '9') return -1;
    char* end = nullptr;
    const long n = std::strtol(text, &end, 10);
    return *end == '\0' ? n : -1;
  }

  detail::accepting_socket door_;
};

/// Listens at an address of this host.
///
/// Errors: busy (somebody listens there), invalid (no address of this host), denied (a low port), os.
[[nodiscard]] inline result<tcp_listener> tcp_listen(endpoint at, const tcp_listen_options& o = {}) noexcept {
  const auto make = [&] { return detail::make_socket(at.data()->sa_family, SOCK_STREAM, IPPROTO_TCP); };
  auto fd = make();
  if (!fd && fd.err() == errc::unsupported && at == endpoint::any(ip_family::v6, at.port()) && !o.v6_only) {
    at = endpoint::any(ip_family::v4, at.port());  // every address of a host without IPv6
    fd = make();
  }
  if (!fd) return fd.err();
  const int s = fd->get();
  status done = detail::set_option(s, SOL_SOCKET, SO_REUSEADDR, 1);  // past connections do not keep the port
  if (done && o.reuse_port) done = detail::set_option(s, SOL_SOCKET, SO_REUSEPORT, 1);
  if (done && at.family() == ip_family::v6) done = detail::set_option(s, IPPROTO_IPV6, IPV6_V6ONLY, int{o.v6_only});
  if (done) done = detail::set_tcp(s, o.stream);
  if (!done) return done.err();
  if (::bind(s, at.data(), at.size()) != 0 || ::listen(s, o.backlog) != 0) return detail::socket_error(step::open);
  return tcp_listener(*std::move(fd));
}
[[nodiscard]] inline result<tcp_listener> tcp_listen(std::string_view at, const tcp_listen_options& o = {}) noexcept {
  const auto where = endpoint::parse(at);
  if (!where) return where.err();
  return tcp_listen(*where, o);
}

}  // namespace sluice

#endif
