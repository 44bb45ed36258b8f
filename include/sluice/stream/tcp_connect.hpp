// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_TCP_CONNECT_HPP
#define SLUICE_STREAM_TCP_CONNECT_HPP

#include <sluice/platform/name_lookup.hpp>
#include <sluice/stream/tcp_stream.hpp>

namespace sluice {

struct tcp_connect_options {
  std::chrono::milliseconds next_address_after{250};  // how long an address may be silent before the next is tried too
  endpoint from;                                      // bound to first, unless it is nowhere
  tcp_options stream;
};

/// A connection in the making: a source of one tcp_stream, to be waited on like any other.
///
/// A host may have many addresses. They are tried in the order of the system, the families in turn; the next one when
/// one fails or says nothing for a while, beside those that are under way. The first that answers wins, the rest are
/// closed. So are all when the connector is closed or destroyed; a timeout leaves them as they are, for the next pop.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: for a name that must be looked up.
/// Errors: empty, closed (the stream has been given out); not_found about `address` (refused), `route` (no way there,
/// or no answer), `host_name` or `name_server`; invalid, no_space, denied, os.
class tcp_connector : public source_verbs<tcp_connector> {
 public:
  using value_type = tcp_stream;
  static constexpr end_traits traits{.sees_reader_go = false, .spans = reach::network};

  explicit tcp_connector(const endpoint& to, const tcp_connect_options& o = {}) noexcept {
    way_.options = o;
    way_.address[way_.count++] = to;
    way_.over = {};
  }
  /// "HOST:PORT", where HOST is a name or an address.
  explicit tcp_connector(std::string_view to, const tcp_connect_options& o = {}) noexcept {
    way_.options = o;
    way_.over = {};
    const std::size_t name = name_length(to);
    const auto rest = endpoint::parse(to.substr(name));  // all of it, or ":PORT"
    if (!rest) {
      way_.over = rest.err();
    } else if (name == 0) {
      way_.address[way_.count++] = *rest;
    } else if (auto asked = detail::name_lookup::ask(to.substr(0, name), rest->port())) {
      way_.lookup = *std::move(asked);
    } else {
      way_.over = asked.err();
    }
  }
  tcp_connector(tcp_connector&& o) noexcept : way_(std::exchange(o.way_, way())) {}
  tcp_connector& operator=(tcp_connector&& o) noexcept {
    if (this != &o) way_ = std::exchange(o.way_, way());
    return *this;
  }

  result<tcp_stream> try_pop() noexcept {
    if (way_.over) return way_.over.during(step::pop);
    if (way_.lookup) {
      if (const error e = take_addresses()) return e;
    }
    do {
      for (unsigned i = 0; i < way_.running;) {
        const status s = detail::connection_made(way_.attempt[i].get());
        if (s) return give(i);
        if (s.err().again()) ++i;
        else drop(i, s.err());
      }
    } while (start_next());
    if (way_.running == 0 && way_.next == way_.count) return end(way_.failure);
    return error(errc::empty, step::pop);
  }
  void arm(want, wait_set& set) noexcept {
    if (way_.over) return set.ready();
    if (way_.lookup) {
      if (way_.lookup.asked()) set.on(way_.lookup.bell(), want::pop);
      else set.within(10'000'000);
      return;
    }
    for (unsigned i = 0; i < way_.running; ++i) set.on(way_.attempt[i].get(), want::push);
    if (way_.next < way_.count && way_.running < max_attempts) set.within(due() > 0 ? due() : 0);
  }
  void disarm(want) noexcept {}
  void close() noexcept { way_ = way(); }

 private:
  static constexpr unsigned max_attempts = 8;  // under way together

  struct way {
    error over = error(errc::closed, step::open);  // set once there is nothing more to come
    error failure;                                 // the most telling one so far
    tcp_connect_options options{};
    detail::name_lookup lookup{};
    unsigned count = 0, next = 0, running = 0;
    std::int64_t next_at = 0;
    endpoint address[detail::name_lookup::max_addresses];
    unique_handle attempt[max_attempts];
  };

  /// Of the host's name in "name:port"; 0 where it is no name.
  static std::size_t name_length(std::string_view to) noexcept {
    const std::size_t colon = to.find(':');
    if (colon == to.npos || colon != to.rfind(':')) return 0;
    bool letters = false;
    for (const char c : to.substr(0, colon)) {
      const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (!letter && (c < '0' || c > '9') && c != '-' && c != '.' && c != '_') return 0;
      letters = letters || letter;
    }
    return letters ? colon : 0;
  }
  /// Nanoseconds until the next address has its turn.
  [[nodiscard]] std::int64_t due() const noexcept {
    return way_.running == 0 ? 0 : way_.next_at - detail::monotonic_ns();
  }
  error take_addresses() noexcept {
    const auto n = way_.lookup.try_answer();
    if (!n) return n.err().again() ? n.err().during(step::pop) : end(n.err());
    // The families in turn, beginning with that of the first; within each, as they came.
    const auto first = way_.lookup.address(0)->sa_family;
    for (unsigned a = 0, b = 0; a < *n || b < *n;) {
      const auto take_next = [&](unsigned& i, bool of_first) {
        while (i < *n && (way_.lookup.address(i)->sa_family == first) != of_first) ++i;
        if (i == *n) return;
        const auto e = endpoint::from(way_.lookup.address(i++), sizeof(sockaddr_storage));
        if (e) way_.address[way_.count++] = *e;
      };
      take_next(a, true);
      take_next(b, false);
    }
    way_.lookup = {};
    return {};
  }
  /// False where it is no address's turn.
  bool start_next() noexcept {
    if (way_.next == way_.count || way_.running == max_attempts || due() > 0) return false;
    if (const status s = start(way_.address[way_.next++]); !s) note(s.err());
    return true;
  }
  status start(const endpoint& to) noexcept {
    auto fd = detail::make_socket(to.data()->sa_family, SOCK_STREAM, IPPROTO_TCP);
    if (!fd) return fd.err();
    const endpoint& from = way_.options.from;
    if (status s = detail::set_tcp(fd->get(), way_.options.stream); !s) return s;
    if (!(from == endpoint()) && ::bind(fd->get(), from.data(), from.size()) != 0)
      return detail::socket_error(step::open);
    if (status s = detail::start_connection(fd->get(), to.data(), to.size()); !s) return s;
    way_.attempt[way_.running++] = *std::move(fd);
    way_.next_at = detail::monotonic_ns() + std::chrono::nanoseconds(way_.options.next_address_after).count();
    return {};
  }
  result<tcp_stream> give(unsigned i) noexcept {
    tcp_stream s(std::move(way_.attempt[i]));
    const auto here = s.local(), there = s.peer();
    // A port that nobody listens at may be the very one that the system chose for our side: then we called ourselves.
    const bool self = here && there && *here == *there;
    if (!here || !there || self) {
      s.abort();
      drop(i, self ? error(errc::not_found, step::open, subject::address) : here ? there.err() : here.err());
      return try_pop();
    }
    close();
    return s;
  }
  void drop(unsigned i, error why) noexcept {
    note(why);
    way_.attempt[i] = std::move(way_.attempt[--way_.running]);
    way_.attempt[way_.running].reset();
    way_.next_at = 0;
  }
  // An address that there is no way to says less than one that refuses.
  void note(error why) noexcept {
    if (!way_.failure || way_.failure.about() == subject::route) way_.failure = why;
  }
  error end(error why) noexcept {
    close();
    way_.over = why;
    return why.during(step::pop);
  }

  way way_;
};

/// A connection to an address, or to "HOST:PORT". To do something else meanwhile, keep a tcp_connector instead.
///
/// Errors: as of tcp_connector; timeout and stopped call everything off.
[[nodiscard]] inline result<tcp_stream> tcp_connect(const endpoint& to, until u = {},
                                                    const tcp_connect_options& o = {}) noexcept {
  return tcp_connector(to, o).pop(u);
}
[[nodiscard]] inline result<tcp_stream> tcp_connect(std::string_view to, until u = {},
                                                    const tcp_connect_options& o = {}) noexcept {
  return tcp_connector(to, o).pop(u);
}

}  // namespace sluice

#endif
