// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FUZZ_PLANNED_STREAM_HPP
#define SLUICE_TESTS_FUZZ_PLANNED_STREAM_HPP

#include "input.hpp"

#include <sluice/core/concepts.hpp>
#include <sluice/wait/wait_set.hpp>

#include <algorithm>
#include <vector>

namespace fuzz {

using bytes = std::vector<std::uint8_t>;

/// A stream that does what it is told: so many bytes at most with each call, 0 for "not now". When the plan is at its
/// end it goes on in full.
class planned_stream {
 public:
  [[maybe_unused]] static constexpr sluice::end_traits traits{.boundaries = false};

  planned_stream(const bytes& content, const bytes& plan, sluice::errc end) : content_(content), plan_(plan), end_(end) {}

  sluice::result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    FUZZ_REQUIRE(!to.empty());
    const std::size_t most = next();
    if (most == 0) return sluice::error(sluice::errc::empty, sluice::step::read);
    const std::size_t n = std::min({most, to.size(), content_.size() - at_});
    if (n == 0) return sluice::error(end_, sluice::step::read);
    std::memcpy(to.data(), content_.data() + at_, n);
    at_ += n;
    return n;
  }
  sluice::result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    FUZZ_REQUIRE(!from.empty());
    const std::size_t n = std::min(next(), from.size());
    if (n == 0) return sluice::error(sluice::errc::full, sluice::step::write);
    const auto* const p = reinterpret_cast<const std::uint8_t*>(from.data());
    taken_.insert(taken_.end(), p, p + n);
    return n;
  }
  void arm(sluice::want, sluice::wait_set& set) noexcept { set.ready(); }
  void disarm(sluice::want) noexcept {}
  void close() noexcept { closed_ = true; }
  const bytes& taken() const { return taken_; }
  bool closed() const { return closed_; }

 private:
  std::size_t next() noexcept {
    if (step_ == plan_.size()) return ~std::size_t{0};
    return plan_[step_++];
  }
  bytes content_, plan_, taken_;
  std::size_t at_ = 0, step_ = 0;
  sluice::errc end_;
  bool closed_ = false;
};

}  // namespace fuzz

#endif
