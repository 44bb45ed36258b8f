// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_STREAM_SCTP_KERNEL_HPP
#define SLUICE_TESTS_STREAM_SCTP_KERNEL_HPP

#include "catch.hpp"
#include "process.hpp"

#include <sluice/stream/sctp.hpp>

#include <vector>

// What tests of SCTP share. Loopback only. tests/kernel runs them where this kernel has no SCTP.

namespace test {

inline bool kernel_has_sctp() {
  const sluice::unique_handle fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP));
  return static_cast<bool>(fd);
}
#define SKIP_WITHOUT_SCTP()                                 \
  if (!test::kernel_has_sctp()) {                           \
    WARN("skipped: no SCTP here (sctp.kernel runs this)");  \
    return;                                                 \
  }

inline const sluice::endpoint anywhere = sluice::endpoint::loopback(sluice::ip_family::v4, 0);

inline std::vector<std::byte> pattern(std::size_t n, unsigned from = 0) {
  std::vector<std::byte> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = std::byte((from + i * 7) & 0xff);
  return v;
}

/// A listener and both sides of a connection to it.
struct sctp_connected {
  sluice::sctp_listener listener;
  sluice::sctp_connection client, server;
};
inline sctp_connected make_connected(const sluice::sctp_options& o = {}) {
  auto l = sluice::sctp_listen(anywhere, o);
  REQUIRE(l);
  auto c = sluice::sctp_connect(*l->local(), std::chrono::seconds(5), o);
  REQUIRE(c);
  auto s = l->pop(std::chrono::seconds(5));
  REQUIRE(s);
  return {*std::move(l), *std::move(c), *std::move(s)};
}
/// Breaks a connection off, as the kernel does for a process that leaves something unread.
inline void break_off(sluice::sctp_connection& c) {
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(c.handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  const sluice::sctp_connection gone = std::move(c);
}

}  // namespace test

#endif
