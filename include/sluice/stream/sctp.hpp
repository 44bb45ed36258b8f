// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_SCTP_HPP
#define SLUICE_STREAM_SCTP_HPP

#include <sluice/platform/sctp.hpp>
#include <sluice/stream/accepting_socket.hpp>
#include <sluice/stream/sctp_addresses.hpp>
#include <sluice/stream/socket_stream.hpp>

// SCTP: messages through a network, whole, in order within each of several streams. A connection of two
// (sctp_connection, sctp_listener), or one socket for many (sctp_socket). Each side may have several addresses: where
// one fails, messages go to the next. A kernel without SCTP says `unsupported`. Typed ends: sctp_ends.hpp.

namespace sluice {

struct sctp_options {
  std::uint16_t streams_out = 10, streams_in = 64;  // as many as wanted; the other side may have fewer
  bool nodelay = true;  // send a small message at once
  bool events = false;  // tell of associations that come up and end, and of addresses that fail
  int backlog = 128;    // connections that may wait to be taken
  std::chrono::milliseconds heartbeat{0};  // how often an address that is not in use is asked; 0: the system's 30 s
  std::uint16_t path_attempts = 0;  // an address that leaves more than so many unanswered has failed; 0: the system's 5
  std::span<const endpoint> local = {};  // of sctp_connect: the addresses to have here; none: whatever leads there
};

/// Where a message goes.
struct sctp_route {
  std::uint16_t stream = 0;      // order is kept within each
  std::uint32_t ppid = 0;        // what the bytes mean, for the other program; big-endian on the wire
  bool unordered = false;
  std::int32_t association = 0;  // of an sctp_socket: to whom, if it is connected already
};

/// What has become of one of the addresses of the other side.
enum class sctp_path : std::uint8_t { reachable, unreachable, removed, added, made_primary, confirmed, doubtful };

/// What has happened to an association, told between its messages.
enum class sctp_event : std::uint8_t {
  none,             // no event: a message
  up,               // ready, with so many streams
  lost,             // broken off, or given up
  restarted,        // the other side has begun anew
  ended,            // shut down in order
  refused,          // could not be set up
  ending,           // the other side sends no more
  address_changed,  // one of the addresses of the other side, `from`, is now as `path` says
  other,
};

/// A message, a piece of one, or an event.
struct sctp_received {
  std::size_t size = 0;
  bool whole = true;  // false: the rest comes with the next pop, for want of room here or in the kernel
  sctp_route route;   // from where
  sctp_event event = sctp_event::none;
  sctp_path path = sctp_path::reachable;  // of `address_changed`
  std::int32_t detail = 0;                // why, if the other side said so: an error cause of SCTP
  std::uint16_t streams_out = 0, streams_in = 0;  // of `up`
  endpoint from;  // of an sctp_socket, and of `address_changed`
};

namespace detail {

inline result<unique_handle> make_sctp(ip_family family, int type, const sctp_options& o) noexcept {
  auto fd = make_socket(family == ip_family::v4 ? AF_INET : AF_INET6, type, sctp::protocol);
  if (!fd) return fd;
  const int s = fd->get();
  status set = set_option(s, sctp::protocol, sctp::option_init, sctp::init_message{o.streams_out, o.streams_in, 0, 0});
  if (set) set = set_option(s, sctp::protocol, sctp::option_nodelay, int{o.nodelay});
  if (set) set = set_option(s, sctp::protocol, sctp::option_recv_info, int{1});
  for (const auto type_of_event : {sctp::association_changed, sctp::address_changed, sctp::shut_down})
    if (set && o.events)
      set = set_option(s, sctp::protocol, sctp::option_event, sctp::event_choice{0, type_of_event, 1});
  if (set && (o.heartbeat.count() > 0 || o.path_attempts != 0)) {
    sctp::path_parameters p{};
    p.heartbeat = static_cast<std::uint32_t>(o.heartbeat.count());
    p.flags = o.heartbeat.count() > 0 ? sctp::path_heartbeat_on : 0;
    p.attempts = o.path_attempts;
    set = set_option(s, sctp::protocol, sctp::option_path_parameters, p);
  }
  return set ? std::move(fd) : result<unique_handle>(set.err());
}
inline result<unique_handle> listen_sctp(int type, std::span<const endpoint> at, const sctp_options& o) noexcept {
  auto fd = make_sctp(family_for(at), type, o);
  if (!fd) return fd;
  const int reuse = 1;
  status s = set_option(fd->get(), SOL_SOCKET, SO_REUSEADDR, reuse);
  if (s) s = bind_sctp(fd->get(), at);
  if (!s) return s.err();
  if (::listen(fd->get(), o.backlog) != 0) return sctp_error(step::create);
  return fd;
}

inline status send_sctp(int fd, std::span<const std::byte> message, const sctp_route& r, const endpoint* to) noexcept {
  if (fd < 0) return error(errc::closed, step::push);
  if (message.empty()) return error(errc::invalid, step::push, subject::size);
  iovec bytes{const_cast<std::byte*>(message.data()), message.size()};
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(sctp::send_info))] = {};
  const std::uint16_t flags = r.unordered ? sctp::send_unordered : std::uint16_t{0};
  const sctp::send_info info{r.stream, flags, htonl(r.ppid), 0, r.association};
  msghdr m{};
  m.msg_iov = &bytes, m.msg_iovlen = 1;
  m.msg_control = control, m.msg_controllen = sizeof control;
  if (to != nullptr) m.msg_name = const_cast<sockaddr*>(to->data()), m.msg_namelen = to->size();
  cmsghdr* const c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = sctp::protocol, c->cmsg_type = sctp::cmsg_send_info, c->cmsg_len = CMSG_LEN(sizeof info);
  __builtin_memcpy(CMSG_DATA(c), &info, sizeof info);
  const auto n = retry_interrupted([&] { return ::sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL); });
  if (n >= 0) return {};  // whole, or not at all
  if (errno == EAGAIN) return error(errc::full, step::push);
  if (errno == EINVAL) return error(errc::invalid, step::push, subject::options);  // no such stream
  if (errno == ENOTCONN || errno == ESHUTDOWN) return error(errc::closed, step::push);
  return socket_error(step::write).during(step::push);
}

/// What a notification says. `bytes` is one, or the beginning of one.
inline void read_event(std::span<const std::byte> bytes, sctp_received& r) noexcept {
  const auto as = [&]<class N>(N n) {
    if (bytes.size() >= sizeof n) __builtin_memcpy(&n, bytes.data(), sizeof n);
    return n;
  };
  r.event = sctp_event::other;
  switch (as(sctp::notification{}).type) {
    case sctp::association_changed: {
      constexpr sctp_event states[] = {sctp_event::up, sctp_event::lost, sctp_event::restarted, sctp_event::ended,
                                       sctp_event::refused};
      const auto n = as(sctp::association_change{});
      if (n.state < sizeof states / sizeof *states) r.event = states[n.state];
      r.detail = n.error, r.route.association = n.association;
      r.streams_out = n.streams_out, r.streams_in = n.streams_in;
      break;
    }
    case sctp::address_changed: {
      const auto n = as(sctp::address_change{});
      r.event = sctp_event::address_changed, r.detail = n.error, r.route.association = n.association;
      if (n.state >= 0 && n.state <= static_cast<int>(sctp_path::doubtful)) r.path = static_cast<sctp_path>(n.state);
      sockaddr_storage address;
      __builtin_memcpy(&address, n.address, sizeof address);
      if (const auto e = endpoint::from(reinterpret_cast<const sockaddr*>(&address), sizeof address)) r.from = *e;
      break;
    }
    case sctp::shut_down:
      r.event = sctp_event::ending, r.route.association = as(sctp::shutdown_event{}).association;
      break;
    default: break;
  }
}

/// A message, an event, or a piece of one, as much as there is room for.
inline result<sctp_received> receive_sctp(int fd, std::span<std::byte> to) noexcept {
  if (fd < 0) return error(errc::closed, step::pop);
  iovec bytes{to.data(), to.size()};
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof(sctp::recv_info))];
  sockaddr_storage sender{};
  msghdr m{};
  m.msg_iov = &bytes, m.msg_iovlen = 1;
  m.msg_control = control, m.msg_controllen = sizeof control;
  m.msg_name = &sender, m.msg_namelen = sizeof sender;
  const auto n = retry_interrupted([&] { return ::recvmsg(fd, &m, MSG_DONTWAIT); });
  if (n < 0 && errno == EAGAIN) return error(errc::empty, step::pop);
  if (n < 0 && errno != ENOTCONN) return socket_error(step::read);
  if (n <= 0) return error(errc::closed, step::pop);
  sctp_received r;
  r.size = static_cast<std::size_t>(n);
  r.whole = (m.msg_flags & MSG_EOR) != 0;
  if ((m.msg_flags & sctp::flag_notification) != 0) return read_event(to.first(r.size), r), r;
  if (const auto from = endpoint::from(reinterpret_cast<const sockaddr*>(&sender), m.msg_namelen)) r.from = *from;
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
    sctp::recv_info info{};
    if (c->cmsg_level != sctp::protocol || c->cmsg_type != sctp::cmsg_recv_info) continue;
    if (c->cmsg_len != CMSG_LEN(sizeof info)) continue;
    __builtin_memcpy(&info, CMSG_DATA(c), sizeof info);
    r.route = {info.stream, ntohl(info.ppid), (info.flags & sctp::send_unordered) != 0, info.association};
  }
  return r;
}

/// That a connection was broken off, the kernel tells once, whoever pushes or pops first, and lets all others wait
/// for ever. So the end is put where everybody finds it: behind the messages that have come.
template <class Result>
Result told_to_all(int fd, Result r) noexcept {
  if (r || r.err().again()) return r;
  const bool connected = addresses_of(fd, sctp::option_peer_addresses, 0, {}) || errno != EINVAL;
  if (!connected) ::shutdown(fd, SHUT_RD);
  return r;
}

/// What connections and sockets have in common.
template <class Derived>
class sctp_end {
 public:
  /// The next message with where it came from, or an event. `to` needs 148 bytes at least, which an event may have; a
  /// message that is longer than `to` comes in pieces.
  result<sctp_received> try_pop(std::span<std::byte> to) noexcept {
    if (to.size() < sizeof(sctp::address_change)) return error(errc::invalid, step::pop, subject::size);
    return Derived::told(fd_.get(), receive_sctp(fd_.get(), to));
  }
  result<sctp_received> pop(std::span<std::byte> to, until u = {}) noexcept {
    return try_then_wait(self(), want::pop, u, [this, to] { return try_pop(to); });
  }
  void arm(want k, wait_set& set) noexcept {
    if (fd_) set.on(fd_.get(), k);
    else set.ready();
  }
  void disarm(want) noexcept {}
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }
  /// The address that this end has here; of several, one.
  [[nodiscard]] result<endpoint> local() const noexcept { return endpoint_of<::getsockname>(fd_.get()); }
  /// Which addresses the other side has: as many as `to` has room for, and how many there are. Of an sctp_socket,
  /// `association` says whose.
  result<std::size_t> peer_addresses(std::span<endpoint> to, std::int32_t association = 0) const noexcept {
    return addresses_of(fd_.get(), sctp::option_peer_addresses, association, to);
  }
  /// The same of this side.
  result<std::size_t> local_addresses(std::span<endpoint> to, std::int32_t association = 0) const noexcept {
    return addresses_of(fd_.get(), sctp::option_local_addresses, association, to);
  }

 protected:
  explicit sctp_end(unique_handle fd) noexcept : fd_(std::move(fd)) {}
  sctp_end(sctp_end&&) noexcept = default;
  sctp_end& operator=(sctp_end&&) noexcept = default;
  status push_to(std::span<const std::byte> message, const sctp_route& r, const endpoint* to, until u) noexcept {
    return try_then_wait(self(), want::push, u,
                         [&] { return Derived::told(fd_.get(), send_sctp(fd_.get(), message, r, to)); });
  }
  unique_handle fd_;

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

}  // namespace detail

/// A connection that messages go through, both ways, in several streams. The end is `closed`; it ends both directions,
/// since SCTP knows no half close.
///
/// Threads: one at a time for each direction. Blocks: push, pop; never the try_ forms. Allocates: never. Errors: full,
/// empty, closed, too_big, invalid (no such stream, or nothing to send), os (broken off).
class sctp_connection : public detail::sctp_end<sctp_connection> {
 public:
  static constexpr end_traits traits{.spans = reach::network};

  explicit sctp_connection(unique_handle fd) noexcept : sctp_end(std::move(fd)) {}

  status try_push(std::span<const std::byte> message, const sctp_route& r = {}) noexcept {
    return push_to(message, r, nullptr, now);
  }
  status push(std::span<const std::byte> message, until u = {}) noexcept { return push(message, {}, u); }
  status push(std::span<const std::byte> message, const sctp_route& r, until u = {}) noexcept {
    return push_to(message, r, nullptr, u);
  }
  /// What was accepted still goes out; what has not been read is dropped.
  void close() noexcept { detail::end_connection(fd_, maker_); }

 private:
  friend class detail::sctp_end<sctp_connection>;
  template <class Result>
  static Result told(int fd, Result r) noexcept {
    return detail::told_to_all(fd, std::move(r));
  }
  pid_t maker_ = ::getpid();
};

/// Connects to a listener, which is at all of these addresses: they share a port, and the first that answers tells the
/// others as well. Errors: not_found (nobody listens), invalid, unsupported, timeout, stopped, os.
[[nodiscard]] inline result<sctp_connection> sctp_connect(std::span<const endpoint> to, until u = {},
                                                          const sctp_options& o = {}) noexcept {
  auto fd = detail::make_sctp(detail::family_for(to, o.local), SOCK_STREAM, o);
  if (!fd) return fd.err();
  sctp_connection c(std::move(*fd));
  const int s = c.handle();
  if (!o.local.empty())
    if (const status bound = detail::bind_sctp(s, o.local); !bound) return bound.err();
  const auto made = detail::start_sctp(s, to);
  if (!made) return made.err();
  if (*made) return c;
  const status done = detail::wait_for(c, want::push, u, [s]() -> status {
    if (!detail::ready_now({s, true})) return error(errc::full, step::open);
    const auto e = detail::get_option<int>(s, SOL_SOCKET, SO_ERROR);
    if (!e) return e.err();
    return *e == 0 ? status() : (errno = *e, status(detail::socket_error(step::open)));
  });
  return done ? result<sctp_connection>(std::move(c)) : result<sctp_connection>(done.err());
}
[[nodiscard]] inline result<sctp_connection> sctp_connect(const endpoint& to, until u = {},
                                                          const sctp_options& o = {}) noexcept {
  return sctp_connect(std::span(&to, 1), u, o);
}

/// Takes connections.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Errors: empty, pending (too many open descriptors: the
/// connection waits), closed, os.
class sctp_listener : public source_verbs<sctp_listener> {
 public:
  using value_type = sctp_connection;
  static constexpr end_traits traits{.carries_close = false, .spans = reach::network};

  explicit sctp_listener(unique_handle fd) noexcept : door_(std::move(fd)) {}

  result<sctp_connection> try_pop() noexcept {
    auto fd = door_.try_accept();
    return fd ? result<sctp_connection>(sctp_connection(*std::move(fd))) : fd.err();
  }
  void arm(want, wait_set& set) noexcept { door_.arm(set); }
  void disarm(want) noexcept {}
  void close() noexcept { door_.close(); }
  [[nodiscard]] int handle() const noexcept { return door_.handle(); }
  [[nodiscard]] result<endpoint> local() const noexcept { return detail::endpoint_of<::getsockname>(door_.handle()); }

 private:
  detail::accepting_socket door_;
};

/// Listens at an address, or at several, with one port; port 0 is one that is free, and local() says which.
/// Errors: busy, invalid, unsupported, os.
[[nodiscard]] inline result<sctp_listener> sctp_listen(std::span<const endpoint> at,
                                                       const sctp_options& o = {}) noexcept {
  auto fd = detail::listen_sctp(SOCK_STREAM, at, o);
  return fd ? result<sctp_listener>(sctp_listener(std::move(*fd))) : result<sctp_listener>(fd.err());
}
[[nodiscard]] inline result<sctp_listener> sctp_listen(const endpoint& at, const sctp_options& o = {}) noexcept {
  return sctp_listen(std::span(&at, 1), o);
}

/// One socket for many associations, which come up by themselves when somebody sends.
///
/// Threads: one at a time for each direction. Blocks: push, pop; never the try_ forms. Allocates: never.
class sctp_socket : public detail::sctp_end<sctp_socket> {
 public:
  static constexpr end_traits traits{.carries_close = false, .spans = reach::network};

  explicit sctp_socket(unique_handle fd) noexcept : sctp_end(std::move(fd)) {}

  /// To an address, which sets up an association if there is none.
  status push(const endpoint& to, std::span<const std::byte> message, const sctp_route& r = {}, until u = {}) noexcept {
    return push_to(message, r, &to, u);
  }
  /// To an association that is there; `r.association` says which.
  status push(std::span<const std::byte> message, const sctp_route& r, until u = {}) noexcept {
    return push_to(message, r, nullptr, u);
  }
  /// An association as a connection of its own.
  [[nodiscard]] result<sctp_connection> peel_off(std::int32_t association) noexcept {
    detail::sctp::peel_off off{association, -1, SOCK_CLOEXEC | SOCK_NONBLOCK};
    socklen_t size = sizeof off;
    // Success returns the descriptor, and not 0.
    if (::getsockopt(fd_.get(), detail::sctp::protocol, detail::sctp::option_peel_off_flags, &off, &size) < 0)
      return detail::sctp_error(step::open);
    return sctp_connection(unique_handle(off.handle));
  }
  void close() noexcept { fd_.reset(); }

 private:
  friend class detail::sctp_end<sctp_socket>;
  template <class Result>
  static Result told(int, Result r) noexcept {  // one of its associations ends with an event
    return r;
  }
};

/// A socket for many, at an address, or at several. Errors: as sctp_listen.
[[nodiscard]] inline result<sctp_socket> sctp_bind(std::span<const endpoint> at, const sctp_options& o = {}) noexcept {
  auto fd = detail::listen_sctp(SOCK_SEQPACKET, at, o);
  return fd ? result<sctp_socket>(sctp_socket(std::move(*fd))) : result<sctp_socket>(fd.err());
}
[[nodiscard]] inline result<sctp_socket> sctp_bind(const endpoint& at, const sctp_options& o = {}) noexcept {
  return sctp_bind(std::span(&at, 1), o);
}

}  // namespace sluice

#endif
