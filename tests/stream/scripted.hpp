// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_STREAM_SCRIPTED_HPP
#define SLUICE_TESTS_STREAM_SCRIPTED_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/wait/wait_set.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace test {

using bytes = std::vector<std::byte>;

/// What a scripted stream has done and is to do; lives outside it, as the other side does.
struct script {
  bytes content;                          // what reads give
  std::size_t at = 0;
  std::size_t piece = ~std::size_t{0};    // the most that one call moves
  std::size_t room = ~std::size_t{0};     // what writes may still take
  sluice::errc end = sluice::errc::empty; // what is said when there is no more to read
  std::vector<bytes> writes;
  bool closed = false;

  [[nodiscard]] bytes taken() const {
    bytes all;
    for (const auto& w : writes) all.insert(all.end(), w.begin(), w.end());
    return all;
  }
  void add(const std::string& s) {
    for (const char c : s) content.push_back(static_cast<std::byte>(c));
  }
};

/// A stream without a system below. With Packets, one write is one read, as in a socket that keeps boundaries.
template <bool Packets = false>
class scripted {
 public:
  static constexpr sluice::end_traits traits{.boundaries = Packets, .spans = sluice::reach::network};

  explicit scripted(script& s) noexcept : script_(&s) {}
  scripted(scripted&& o) noexcept : script_(std::exchange(o.script_, nullptr)) {}
  scripted& operator=(scripted&& o) noexcept {
    script_ = std::exchange(o.script_, nullptr);
    return *this;
  }

  sluice::result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    using sluice::error, sluice::step;
    if (script_ == nullptr || script_->closed) return error(sluice::errc::closed, step::read);
    const std::size_t n = std::min({script_->piece, to.size(), script_->content.size() - script_->at});
    if (n == 0) return error(script_->end, step::read);
    std::memcpy(to.data(), script_->content.data() + script_->at, n);
    script_->at += n;
    return n;
  }
  sluice::result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    using sluice::error, sluice::step;
    if (script_ == nullptr || script_->closed) return error(sluice::errc::closed, step::write);
    const std::size_t n = std::min({script_->piece, script_->room, from.size()});
    if (n == 0 || (Packets && n < from.size())) return error(sluice::errc::full, step::write);
    script_->room -= n;
    script_->writes.emplace_back(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }
  void arm(sluice::want, sluice::wait_set&) noexcept {}  // nothing will change: a wait ends by its patience
  void disarm(sluice::want) noexcept {}
  void close() noexcept {
    if (script_ != nullptr) script_->closed = true;
  }

 private:
  script* script_;
};

}  // namespace test

#endif
