// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_STD_STOP_HPP
#define SLUICE_BRIDGE_STD_STOP_HPP

#include <sluice/wait/stop.hpp>

#include <version>

#ifdef __cpp_lib_jthread
#include <stop_token>
#include <utility>

namespace sluice {

/// A stop that a std::stop_token requests: the patience of whoever runs in a std::jthread.
///
///     std::jthread worker([&](std::stop_token t) {
///       token_stop halt(std::move(t));
///       while (auto m = rx.pop(halt)) use(*m);
///     });
///
/// Threads: as stop. The token asks in the thread that requests it, or in this constructor. Allocates: as
/// std::stop_callback, never.
class token_stop : public stop {
 public:
  explicit token_stop(std::stop_token t) noexcept : callback_(std::move(t), request_of{this}) {}

 private:
  struct request_of {
    stop* halt;
    void operator()() const noexcept { halt->request(); }
  };

  std::stop_callback<request_of> callback_;  // gone before the stop: nobody requests it any more
};

}  // namespace sluice

#endif

#endif
