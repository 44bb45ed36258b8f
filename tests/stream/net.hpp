// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_STREAM_NET_HPP
#define SLUICE_TESTS_STREAM_NET_HPP

#include "../process.hpp"

#include <sluice/stream/tcp.hpp>

#include <sys/time.h>
#include <vector>

// What tests of TCP and UDP share. Loopback only.

namespace test {

inline std::vector<std::byte> pattern(std::size_t n, unsigned from = 0) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::byte((from + i * 7 + i / 251) & 0xff);
  return v;
}
inline sluice::tcp_listener listener(sluice::ip_family family = sluice::ip_family::v4,
                                     const sluice::tcp_listen_options& o = {}) {
  return sluice::must(sluice::tcp_listen(sluice::endpoint::loopback(family, 0), o));
}
struct tcp_pair {
  sluice::tcp_stream near_end, far_end;
};
inline tcp_pair connected(sluice::ip_family family = sluice::ip_family::v4, const sluice::tcp_options& o = {}) {
  sluice::tcp_listen_options lo;
  lo.stream = o;
  sluice::tcp_connect_options co;
  co.stream = o;
  auto door = listener(family, lo);
  auto a = sluice::must(sluice::tcp_connect(*door.local(), std::chrono::seconds(5), co));
  auto b = sluice::must(door.pop(std::chrono::seconds(5)));
  return {std::move(a), std::move(b)};
}
/// A listener that accepts nobody, and whose queue is full: whoever else connects gets no answer at all.
class silent_listener {
 public:
  explicit silent_listener(const sluice::endpoint& at = sluice::endpoint::loopback(sluice::ip_family::v4, 0)) {
    sluice::tcp_listen_options o;
    o.backlog = 0;
    door_.push_back(sluice::must(sluice::tcp_listen(at, o)));
    for (int i = 0; i < 8; ++i) {
      sluice::tcp_connector c(address());
      if (auto s = c.pop(std::chrono::milliseconds(50))) guests_.push_back(*std::move(s));
      else return;
    }
  }
  sluice::endpoint address() const { return *door_.front().local(); }
  bool silent() const { return guests_.size() < 8; }

 private:
  std::vector<sluice::tcp_listener> door_;
  std::vector<sluice::tcp_stream> guests_;
};
/// An address of this host that nobody listens at, for now.
inline sluice::endpoint nobody(sluice::ip_family family = sluice::ip_family::v4) { return *listener(family).local(); }

inline std::int64_t cpu_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// A signal every half millisecond, whose handler interrupts system calls.
class interruptions {
 public:
  interruptions() {
    struct sigaction a = {};
    a.sa_handler = [](int) { count() = count() + 1; };
    ::sigaction(SIGALRM, &a, &before_);
    const itimerval every{{0, 500}, {0, 500}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  interruptions(const interruptions&) = delete;
  interruptions& operator=(const interruptions&) = delete;
  ~interruptions() {
    const itimerval none{};
    ::setitimer(ITIMER_REAL, &none, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  static volatile std::sig_atomic_t& count() {
    static volatile std::sig_atomic_t n = 0;
    return n;
  }

 private:
  struct sigaction before_ = {};
};

}  // namespace test

#endif
