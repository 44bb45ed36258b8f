// SPDX-License-Identifier: MIT
#include "input.hpp"
#include "planned_stream.hpp"

#include <sluice/framing/checked.hpp>
#include <sluice/framing/cobs.hpp>
#include <sluice/framing/delimiter.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/framing/sized_codec.hpp>
#include <sluice/framing/varint.hpp>
#include <sluice/stream/byte_messages.hpp>

#include <optional>

// Every framing, codec and the greeting, from two sides. Any bytes, cut in any way, are the same messages and the same
// error at the end, which then stays; nothing outside is read. What a sink accepts comes out of a source as it went in, cut in any
// way, however little of it the stream takes at a time; only a message that its framing cannot carry is refused.

namespace {

using fuzz::bytes;
using fuzz::planned_stream;
using sluice::errc;
using sluice::error;
using message = std::span<const std::byte>;

struct outcome {
  std::vector<bytes> messages;
  error end;
  friend bool operator==(const outcome&, const outcome&) = default;
};

template <class F>
outcome read_all(const bytes& content, const bytes& plan) {
  auto in = sluice::source_of<message>(planned_stream(content, plan, errc::closed), F{});
  outcome all;
  std::size_t refused = 0;
  for (bool keep = false;; keep = !keep) {
    auto l = in.try_borrow();
    if (l) {
      FUZZ_REQUIRE(l.size() <= F::max_size);
      const auto* const p = reinterpret_cast<const std::uint8_t*>(l.data());
      bytes b(p, p + l.size());  // reads all of it
      if (keep) {
        l.keep();
        auto again = in.try_borrow();
        FUZZ_REQUIRE(again && again.size() == b.size() && (b.empty() || std::memcmp(again.data(), b.data(), b.size()) == 0));
        all.messages.push_back(std::move(b));
        continue;
      }
      all.messages.push_back(std::move(b));
    } else if (l.err() == errc::empty) {
      FUZZ_REQUIRE(++refused <= plan.size());
    } else {
      all.end = l.err();
      break;
    }
  }
  const bool by_stream = all.end == errc::closed || all.end == errc::truncated;  // which may have other plans for the next call
  if (plan.empty() || !by_stream) FUZZ_REQUIRE(in.try_borrow().err() == all.end);  // and stays so
  FUZZ_REQUIRE(all.end == errc::closed || all.end == errc::truncated || all.end == errc::corrupt || all.end == errc::too_big);
  return all;
}

/// The oracle: what `framing` makes of the whole, without a source around it.
template <class F>
outcome take_apart(const bytes& content) {
  F f;
  outcome all;
  for (std::size_t at = 0;;) {
    const std::size_t left = content.size() - at;
    std::vector<std::byte> rest(left);
    if (left != 0) std::memcpy(rest.data(), content.data() + at, left);
    const auto found = f.next(rest);
    if (!found) {
      all.end = found.err() == errc::empty ? error(left == 0 ? errc::closed : errc::truncated) : found.err();
      break;
    }
    FUZZ_REQUIRE(found->total != 0 && found->total <= left && found->skip + found->size <= found->total);
    const auto payload = sluice::detail::open_frame(f, rest, *found);
    if (!payload) {
      all.end = payload.err();
      break;
    }
    const auto* const p = reinterpret_cast<const std::uint8_t*>(payload->data());
    all.messages.emplace_back(p, p + payload->size());
    at += found->total;
  }
  all.end = all.end.during(sluice::step::borrow);
  return all;
}

template <class F>
void any_bytes(const bytes& content, const bytes& plan) {
  const outcome whole = take_apart<F>(content);
  FUZZ_REQUIRE(read_all<F>(content, {}) == whole);
  FUZZ_REQUIRE(read_all<F>(content, plan) == whole);
  if (content.size() < 150)
    for (std::size_t cut = 1; cut < content.size(); ++cut)
      FUZZ_REQUIRE(read_all<F>(content, {static_cast<std::uint8_t>(cut), 0}) == whole);
}

template <class F>
void round_trip(fuzz::input in, const bytes& plan) {
  auto out = sluice::sink_of<message>(planned_stream({}, plan, errc::closed), F{});
  outcome sent;
  sent.end = error(errc::closed, sluice::step::borrow);
  std::size_t refused = 0;
  while (!in.empty() && sent.messages.size() < 40) {
    const std::size_t n = in.byte(), times = in.below(8) == 7 ? 5 : 1;
    const auto pattern = in.rest(n);
    bytes m;
    for (std::size_t k = 0; k < times; ++k) m.insert(m.end(), pattern.begin(), pattern.end());
    for (;;) {
      const auto s = out.try_push(std::as_bytes(std::span(m)));
      if (s) {
        sent.messages.push_back(m);
      } else if (s.err() == errc::full) {
        FUZZ_REQUIRE(++refused <= plan.size());
        continue;
      } else {
        FUZZ_REQUIRE(s.err() == (m.size() > F::max_size ? errc::too_big : errc::invalid));
        FUZZ_REQUIRE(m.size() > F::max_size || !sluice::detail::any_payload<F>);
      }
      break;
    }
  }
  while (!out.finish(sluice::now)) FUZZ_REQUIRE(++refused <= plan.size());
  const bytes& wire = out.stream().taken();
  FUZZ_REQUIRE(read_all<F>(wire, {}) == sent);
  FUZZ_REQUIRE(read_all<F>(wire, plan) == sent);
  if (wire.size() < 150)
    for (std::size_t cut = 1; cut < wire.size(); ++cut)
      FUZZ_REQUIRE(read_all<F>(wire, {static_cast<std::uint8_t>(cut), 0}) == sent);
  // One altered byte: whatever is still given out behind a checksum was sent.
  if constexpr (requires { F().seal({}, 0), F::lead; } && F::overhead >= 8) {
    if (!wire.empty() && !plan.empty()) {
      bytes bad = wire;
      bad[plan[0] % bad.size()] ^= static_cast<std::uint8_t>(plan[0] | 1u);
      const outcome got = read_all<F>(bad, {});
      FUZZ_REQUIRE(got.messages.size() <= sent.messages.size());
      for (std::size_t k = 0; k < got.messages.size(); ++k) FUZZ_REQUIRE(got.messages[k] == sent.messages[k]);
    }
  }
}

template <class F>
void frames(fuzz::input& in) {
  const auto plan_bytes = in.rest(in.below(64));
  const bytes plan(plan_bytes.begin(), plan_bytes.end());
  const auto content = in.rest();
  round_trip<F>(fuzz::input(content.data(), content.size()), plan);
  any_bytes<F>(bytes(content.begin(), content.end()), plan);
}

struct leaf {
  std::uint16_t a;
  std::uint8_t b;
};
struct tree {
  std::uint8_t kind;
  std::string name;
  std::vector<leaf> leaves;
  std::vector<std::vector<std::string>> more;
};

/// Bytes that decode are those that the value encodes to, if padding is left out.
void values(fuzz::input& in) {
  const auto content = std::as_bytes(in.rest());
  std::vector<std::byte> exact(content.begin(), content.end());
  const sluice::sized_codec<tree, 400> codec;
  const auto v = codec.decode(exact);
  if (!v) {
    FUZZ_REQUIRE(v.err() == (exact.size() > 400 ? errc::too_big : errc::corrupt));
    return;
  }
  std::vector<std::byte> again(exact.size());
  const auto n = codec.encode(*v, again);
  FUZZ_REQUIRE(n && *n == exact.size());
  const auto w = codec.decode(again);
  FUZZ_REQUIRE(w && w->name == v->name && w->more == v->more && w->leaves.size() == v->leaves.size());
  if (!again.empty()) FUZZ_REQUIRE(codec.encode(*v, std::span(again).first(again.size() - 1)).err() == errc::too_big);
}

/// Any bytes behind, before or in a greeting: it is that of the type, or refused, or not yet whole.
void greetings(fuzz::input& in) {
  using greeting = sluice::detail::greeting<leaf>;
  std::vector<std::byte> g(greeting::most);
  g.resize(greeting::write(g));
  const auto sent = g;
  for (unsigned edits = in.below(4); edits > 0; --edits) g[in.byte() % g.size()] ^= static_cast<std::byte>(in.byte());
  if (in.flag()) {
    const auto sum = sluice::crc32c(std::span(g).subspan(40), sluice::crc32c(std::span(g).first(36)));
    sluice::detail::store_number<std::endian::little>(g.data() + 36, sum);
  }
  const auto more = std::as_bytes(in.rest());
  g.insert(g.end(), more.begin(), more.end());
  std::optional<error> settled;
  for (std::size_t n = 0; n <= g.size(); ++n) {
    const std::vector<std::byte> part(g.begin(), g.begin() + static_cast<std::ptrdiff_t>(n));
    const auto found = greeting::check(part);
    if (!found && found.err() == errc::empty) {
      FUZZ_REQUIRE(!settled);
      continue;
    }
    const error e = found.err();
    FUZZ_REQUIRE(!settled || *settled == e);
    settled = e;
    if (found) FUZZ_REQUIRE(*found == sent.size() && std::memcmp(g.data(), sent.data(), 10) == 0);
    if (e == error(errc::mismatch, sluice::step::none, sluice::subject::type_layout)) {
      const auto d = sluice::first_difference(greeting::text_of(part), greeting::text());
      FUZZ_REQUIRE(d.theirs.size() <= n);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  using namespace sluice;
  switch (in.below(12)) {
    case 0: frames<length_framing<200, std::uint8_t>>(in); break;
    case 1: frames<length_framing<1000, std::uint16_t, std::endian::big>>(in); break;
    case 2: frames<varint_framing<127>>(in); break;
    case 3: frames<varint_framing<1000>>(in); break;
    case 4: frames<delimiter_framing<100, '\n'>>(in); break;
    case 5: frames<delimiter_framing<100, 'a', 'b', 'a'>>(in); break;
    case 6: frames<cobs_framing<20>>(in); break;
    case 7: frames<cobs_framing<1000>>(in); break;
    case 8: frames<checked<length_framing<200, std::uint8_t>>>(in); break;
    case 9: frames<checked<cobs_framing<600>>>(in); break;
    case 10: values(in); break;
    default: greetings(in); break;
  }
  return 0;
}
