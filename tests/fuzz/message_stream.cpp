// SPDX-License-Identifier: MIT
#include "input.hpp"

#include <sluice/stream/messages.hpp>

#include <algorithm>
#include <vector>

// Any bytes in any chunks are messages of a fixed size and perhaps a rest. However the stream is cut, refused in between
// and ended, a message_source gives the same; and what a message_sink accepts comes out whole and in order, however
// little of it the stream takes at a time.

namespace {

using sluice::errc;
using sluice::error;
using sluice::step;
using bytes = std::vector<std::uint8_t>;

template <std::size_t N>
struct blob {
  std::uint8_t data[N];
};

/// A stream that does what it is told: so many bytes at most with each call, 0 for "not now". When the plan is at its
/// end it goes on in full.
class scripted {
 public:
  [[maybe_unused]] static constexpr sluice::end_traits traits{.boundaries = false};

  scripted(const bytes& content, const bytes& plan, errc end) : content_(content), plan_(plan), end_(end) {}

  sluice::result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    FUZZ_REQUIRE(!to.empty());
    const std::size_t most = next();
    if (most == 0) return error(errc::empty, step::read);
    const std::size_t n = std::min({most, to.size(), content_.size() - at_});
    if (n == 0) return error(end_, step::read);
    std::memcpy(to.data(), content_.data() + at_, n);
    at_ += n;
    return n;
  }
  sluice::result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    FUZZ_REQUIRE(!from.empty());
    const std::size_t n = std::min(next(), from.size());
    if (n == 0) return error(errc::full, step::write);
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
  errc end_;
  bool closed_ = false;
};

template <std::size_t N>
void read_all(const bytes& content, const bytes& plan, errc end) {
  auto source = sluice::source_of<blob<N>>(scripted(content, plan, end));
  std::size_t at = 0, refused = 0;
  error e;
  for (;;) {
    const auto m = source.try_pop();
    if (m) {
      FUZZ_REQUIRE(at + N <= content.size());
      FUZZ_REQUIRE(std::memcmp(m->data, content.data() + at, N) == 0);
      at += N;
    } else if ((e = m.err()) == errc::empty) {
      FUZZ_REQUIRE(++refused <= plan.size());
    } else {
      break;
    }
    FUZZ_REQUIRE(e.code == errc::ok || e.op == step::pop);
  }
  const std::size_t rest = content.size() % N;
  FUZZ_REQUIRE(at + rest == content.size());
  FUZZ_REQUIRE(e == (end == errc::closed && rest != 0 ? errc::truncated : end));
  if (plan.empty()) FUZZ_REQUIRE(source.try_pop().err() == e.code);  // and stays so
}

template <std::size_t N>
void write_all(const bytes& content, const bytes& plan) {
  auto sink = sluice::sink_of<blob<N>>(scripted({}, plan, errc::closed));
  std::size_t at = 0, refused = 0;
  while (at + N <= content.size()) {
    blob<N> m;
    std::memcpy(m.data, content.data() + at, N);
    const auto s = sink.try_push(m);
    if (s) at += N;
    else FUZZ_REQUIRE(s.err() == errc::full && ++refused <= plan.size());
  }
  while (!sink.finish(sluice::now)) FUZZ_REQUIRE(++refused <= plan.size());
  FUZZ_REQUIRE(sink.stream().closed());
  FUZZ_REQUIRE(sink.stream().taken() == bytes(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(at)));
}

template <std::size_t N>
void both(fuzz::input& in) {
  const errc ends[] = {errc::closed, errc::closed, errc::os, errc::corrupt};
  const errc end = ends[in.below(4)];
  const auto plan_bytes = in.rest(in.byte());
  const bytes plan(plan_bytes.begin(), plan_bytes.end());
  bytes content;
  const std::size_t times = N > 64 ? in.below(64) + 1u : 1;  // large messages out of a short input
  const auto pattern = in.rest();
  for (std::size_t k = 0; k < times; ++k) {
    content.insert(content.end(), pattern.begin(), pattern.end());
    content.push_back(static_cast<std::uint8_t>(k));
  }
  read_all<N>(content, {}, end);
  read_all<N>(content, plan, end);
  write_all<N>(content, plan);
  if (content.size() < 200)
    for (std::size_t cut = 1; cut < content.size(); ++cut)
      read_all<N>(content, {static_cast<std::uint8_t>(cut), 0}, end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  switch (in.below(6)) {
    case 0: both<1>(in); break;
    case 1: both<3>(in); break;
    case 2: both<8>(in); break;
    case 3: both<100>(in); break;
    case 4: both<4096>(in); break;
    default: both<5000>(in); break;
  }
  return 0;
}
