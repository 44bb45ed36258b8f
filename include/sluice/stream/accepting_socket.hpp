// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_ACCEPTING_SOCKET_HPP
#define SLUICE_STREAM_ACCEPTING_SOCKET_HPP

#include <sluice/platform/socket.hpp>
#include <sluice/wait/wait_set.hpp>

namespace sluice::detail {

/// What all listeners share. Where descriptors or memory are short, connections go on waiting in the system, and the
/// listener looks again every 10 ms: it neither spins nor turns anybody away.
class accepting_socket {
 public:
  accepting_socket() noexcept = default;
  explicit accepting_socket(unique_handle fd, bool may_block = false) noexcept
      : fd_(std::move(fd)), may_block_(may_block) {}

  /// `pending` about `descriptors` or `size` where those are short.
  result<unique_handle> try_accept() noexcept {
    if (!fd_) return error(errc::closed, step::pop);
    auto one = accept_one(fd_.get(), may_block_);
    starved_ = !one && one.err() == errc::pending;
    if (!one) return one.err().during(step::pop);
    return one;
  }
  void arm(wait_set& set) const noexcept {
    constexpr std::int64_t pause = 10'000'000;
    if (!fd_) set.ready();
    else if (starved_) set.within(pause);  // the descriptor is ready all the time, and of no use
    else set.on(fd_.get(), want::pop);
  }
  void close() noexcept { fd_.reset(); }
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }

 private:
  unique_handle fd_;
  bool may_block_ = false;
  bool starved_ = false;
};

}  // namespace sluice::detail

#endif
