// SPDX-License-Identifier: MIT
#include "input.hpp"
#include "planned_stream.hpp"

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
using fuzz::bytes;

template <std::size_t N>
struct blob {
  std::uint8_t data[N];
};

template <std::size_t N>
void read_all(const bytes& content, const bytes& plan, errc end) {
  auto source = sluice::source_of<blob<N>>(fuzz::planned_stream(content, plan, end));
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
  auto sink = sluice::sink_of<blob<N>>(fuzz::planned_stream({}, plan, errc::closed));
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
