// SPDX-License-Identifier: MIT
#ifndef SLUICE_WAIT_HANDLE_END_HPP
#define SLUICE_WAIT_HANDLE_END_HPP

#include <sluice/platform/handle.hpp>
#include <sluice/wait/wait_set.hpp>

namespace sluice::detail {

/// What ends over one descriptor share: they are waited for by it, and a closed one never makes anybody wait.
class handle_end {
 public:
  static constexpr bool polled = true;  // see wait_for()

  void arm(want k, wait_set& set) noexcept {
    if (fd_) set.on(fd_.get(), k);
    else set.ready();
  }
  void disarm(want) noexcept {}
  void close() noexcept { fd_.reset(); }
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }

 protected:
  handle_end() noexcept = default;
  explicit handle_end(unique_handle fd) noexcept : fd_(std::move(fd)) {}

  unique_handle fd_;
};

}  // namespace sluice::detail

#endif
