// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FRAMING_FRAMES_HPP
#define SLUICE_TESTS_FRAMING_FRAMES_HPP

#include <sluice/framing/framed.hpp>

#include "catch.hpp"

#include <cstring>
#include <string>
#include <vector>

// What every framing is asked: do frames come out as they went in, however the stream is cut?

namespace test {

using bytes = std::vector<std::byte>;

inline bytes to_bytes(const std::string& s) {
  bytes b(s.size());
  if (!s.empty()) std::memcpy(b.data(), s.data(), s.size());
  return b;
}
inline bytes hex(const std::string& digits) {
  bytes b;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ') continue;
    const int d = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) high = d;
    else b.push_back(static_cast<std::byte>(high * 16 + d)), high = -1;
  }
  return b;
}
/// n bytes with zeros and long runs without any in them.
inline bytes pattern(std::size_t n, unsigned seed = 1) {
  bytes b(n);
  unsigned x = seed * 2654435761u + 1;
  for (auto& v : b) {
    x = x * 1664525u + 1013904223u;
    v = static_cast<std::byte>((x >> 28) == 0 ? 0 : x >> 24);
  }
  return b;
}
/// A copy on the heap, of exactly its size, so that a sanitizer sees who reads beyond it.
inline bytes exact(std::span<const std::byte> b) { return bytes(b.begin(), b.end()); }

template <class F>
sluice::result<bytes> seal(F& f, const bytes& payload) {
  bytes room(F::max_size + F::overhead + payload.size());
  for (std::size_t i = 0; i < payload.size(); ++i) room[sluice::detail::lead_of<F> + i] = payload[i];
  const auto whole = sluice::detail::seal_frame(f, room, payload.size());
  if (!whole) return whole.err();
  return exact(*whole);
}
template <class F>
sluice::error next_error(const F& f, const bytes& in) {
  const auto found = f.next(in);
  return found ? sluice::error() : found.err();
}

/// Seals all payloads into one stream and takes that apart again, with every prefix of each frame.
template <class F>
void check_frames(const std::vector<bytes>& payloads) {
  F sender, receiver;
  bytes stream;
  std::vector<std::size_t> ends;
  for (const auto& p : payloads) {
    const auto whole = seal(sender, p);
    REQUIRE(whole);
    REQUIRE(whole->size() <= p.size() + F::overhead);
    stream.insert(stream.end(), whole->begin(), whole->end());
    ends.push_back(stream.size());
  }
  std::size_t begin = 0, k = 0;
  for (const auto& p : payloads) {
    const std::size_t total = ends[k++] - begin;
    const auto rest = std::span(stream).subspan(begin);
    std::size_t had = 0;
    bool early = false;
    for (std::size_t n = 0; n < total; n += total > 600 && n > 300 && n < total - 300 ? 97 : 1) {
      const bytes part = exact(rest.first(n));
      early = early || receiver.next(part).err() != sluice::errc::empty;
      early = early || sluice::detail::next_frame(receiver, part, had).err() != sluice::errc::empty;
      had = n;
    }
    CAPTURE(k, total, p.size());
    REQUIRE(!early);
    const auto found = receiver.next(rest);
    REQUIRE(found);
    const auto again = sluice::detail::next_frame(receiver, exact(rest.first(total)), had);
    REQUIRE(again);
    REQUIRE(found->total == total);
    REQUIRE(again->total == total);
    bytes whole = exact(rest.first(total));
    const auto payload = sluice::detail::open_frame(receiver, whole, *found);
    REQUIRE(payload);
    REQUIRE(exact(*payload) == p);
    begin += total;
  }
}

}  // namespace test

#endif
