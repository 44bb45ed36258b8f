// SPDX-License-Identifier: MIT
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/priorities.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/channel/shared_bytes.hpp>

#include "../catch.hpp"
#include "scribble.hpp"

#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

// The same scribbler over any word of any ring, items included, while real ends of the other kinds are at work. What each
// word of an spsc ring can do is in scribbler.test.cpp; here it is only asked for documented errors, messages that lie
// inside of the ring, and an end of every operation.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using u64 = std::uint64_t;

constexpr double seconds_each = SLUICE_TEST_TIER_FULL ? 60 : 0.3;

/// What of its interface is not as that of all others.
template <class Kind>
struct ends {
  static auto sink(const sluice::ring_options& o) { return sluice::shm_sink<u64, Kind>("ring", o); }
  static auto source(const sluice::ring_options& o) { return sluice::shm_source<u64, Kind>("ring", o); }
  static error push(auto& t, test::dice& d) {
    const u64 some[6] = {};
    return d.below(2) == 0 ? t.try_push(u64{1}).err() : t.try_push(std::span<const u64>(some)).err();
  }
  static error push_patiently(auto& t) { return t.push(u64{2}, 300us).err(); }
  static auto claim(auto& t) { return t.try_claim(); }
  static void fill(auto& slot) { *slot = 3; }
  static error pop(auto& r, test::dice& d) {
    u64 to[6];
    return d.below(2) == 0 ? r.try_pop().err() : r.try_pop(std::span<u64>(to)).err();
  }
  static error pop_patiently(auto& r) { return r.pop(300us).err(); }
  static void look(const auto& loan) { (void)*loan; }
};
template <>
struct ends<sluice::priorities_of<3>> : ends<sluice::mpmc> {
  static auto sink(const sluice::ring_options& o) { return sluice::shm_sink<u64, sluice::priorities_of<3>>("ring", o); }
  static auto source(const sluice::ring_options& o) { return sluice::shm_source<u64, sluice::priorities_of<3>>("ring", o); }
  static error push(auto& t, test::dice& d) {
    const u64 some[6] = {};
    const auto priority = static_cast<unsigned>(d.below(3));
    return d.below(2) == 0 ? t.try_push(u64{1}, priority).err() : t.try_push(std::span<const u64>(some), priority).err();
  }
};
template <>
struct ends<sluice::bytes_of<sluice::spsc>> {
  static auto sink(const sluice::ring_options& o) { return sluice::shm_bytes_sink("ring", o); }
  static auto source(const sluice::ring_options& o) { return sluice::shm_bytes_source("ring", o); }
  static std::span<const std::byte> message(std::size_t n) {
    static const std::byte bytes[1000] = {};
    return {bytes, n};
  }
  static error push(auto& t, test::dice& d) { return t.try_push(message(d.below(1000))).err(); }
  static error push_patiently(auto& t) { return t.push(message(100), 300us).err(); }
  static auto claim(auto& t) { return t.try_claim(300); }
  static void fill(auto& slot) { std::memset(slot.data(), 1, slot.size()); }
  static error pop(auto& r, test::dice& d) {
    std::byte to[1000];
    return r.try_pop(std::span(to, d.below(1000))).err();
  }
  static error pop_patiently(auto& r) {
    std::byte to[1000];
    return r.pop(to, 300us).err();
  }
  static void look(const auto& loan) { const std::vector<std::byte> copy((*loan).begin(), (*loan).end()); }
};

/// A mapping of the region that belongs to no participant, for its body.
class intruder {
 public:
  explicit intruder(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    sluice::region_header h;
    if (::pread(fd_.get(), &h, sizeof h, 0) != sizeof h) std::abort();
    auto m = sluice::mapped_region::map(fd_.get(), h.region_size, {});
    if (!m) std::abort();
    memory_ = std::move(*m), body_ = h.body_offset, size_ = h.body_size;
  }
  void scribble(u64 seed, const std::atomic<bool>& enough, std::atomic<u64>& writes) const {
    test::dice d(seed);
    for (u64 n = 0; !enough.load(std::memory_order_relaxed); ++n) {
      const std::size_t at = body_ + d.below(size_ / 8) * 8;
      if (d.below(4) == 0) fuzz::scribble_on(reinterpret_cast<std::atomic<std::uint32_t>*>(memory_.data() + at + 4 * d.below(2)), d);
      else fuzz::scribble_on(&word(at), d);
      if (n % 1024 == 0) writes += 1024;
      if (d.below(200'000) == 0) test::sleep_us(100);
    }
  }
  void relent() const {
    for (std::size_t at = 0; at + 8 <= size_; at += 8) word(body_ + at).store(0, std::memory_order_relaxed);
  }

 private:
  std::atomic<u64>& word(std::size_t at) const { return *reinterpret_cast<std::atomic<u64>*>(memory_.data() + at); }
  sluice::unique_handle fd_;
  sluice::mapped_region memory_;
  std::size_t body_ = 0, size_ = 0;
};

template <class Kind>
bool legal(error e) {
  switch (e.code) {
    case errc::ok:
    case errc::empty:
    case errc::full:
    case errc::pending:
    case errc::timeout:
    case errc::closed:
    case errc::peer_died:
    case errc::corrupt: return true;
    case errc::lagged: return std::is_same_v<Kind, sluice::lossy_broadcast>;
    case errc::too_big: return std::is_same_v<Kind, sluice::bytes_of<sluice::spsc>>;
    default: return false;
  }
}

template <class Kind>
void endure(const char* name, bool by_process) {
  using e = ends<Kind>;
  const test::scratch dir;
  sluice::ring_options o;
  o.directory = dir.c_str();
  o.capacity = std::is_same_v<Kind, sluice::bytes_of<sluice::spsc>> ? 2000 : 20;
  o.wait = sluice::wait_strategy::park;
  auto tx = e::sink(o);
  auto rx = e::source(o);
  REQUIRE((tx && rx));
  const intruder i(dir / "ring");
  const test::shared_with_children<std::atomic<u64>> writes;
  const u64 seed = static_cast<u64>(test::now_ns());
  INFO(name << (by_process ? ", process" : ", thread") << ", seed " << seed);
  std::atomic<bool> enough{false};
  std::optional<test::child> child;
  std::thread thread;
  if (by_process) child.emplace([&] { return intruder(dir / "ring").scribble(seed, enough, *writes), 0; });
  else thread = std::thread([&] { i.scribble(seed, enough, *writes); });

  test::dice d(seed);
  fuzz::patience patience;
  u64 operations = 0, errors = 0, openings = 0, refused = 0, illegal = 0;
  error first;
  const auto saw = [&](error was) {
    ++operations, errors += was ? 1u : 0u;
    if (!legal<Kind>(was) && illegal++ == 0) first = was;
  };
  const auto opened = [&](auto& end) {
    ++openings;
    if (end) return;
    ++refused;
    if (end.err() != errc::corrupt && illegal++ == 0) first = end.err();
    i.relent();
  };
  const bool began = test::eventually([&] { return *writes != 0; }, 60);
  const auto begun = test::now_ns(), end = begun + static_cast<std::int64_t>(seconds_each * 1e9);
  for (auto now = begun; began && (now < end || (operations <= 100 && now < begun + fuzz::patience::most_time)); now = test::now_ns()) {
    patience.start();
    switch (const auto how = d.below(200); how) {
      case 0: tx = error(errc::empty), tx = e::sink(o), opened(tx); break;
      case 1: rx = error(errc::empty), rx = e::source(o), opened(rx); break;
      default:
        if (how % 2 == 0 && tx) {
          if (how % 3 == 0) {
            auto s = e::claim(*tx);
            if (s) e::fill(s);
            const error was = s ? error() : s.err();
            if (s && d.below(2) == 0) s.commit();
            saw(was);
          } else {
            saw(how % 5 == 0 ? e::push_patiently(*tx) : e::push(*tx, d));
          }
        } else if (how % 2 == 1 && rx) {
          if (how % 3 == 0) {
            auto l = rx->try_borrow();
            if (l) e::look(l);
            saw(l ? error() : l.err());
            if (l && d.below(2) == 0) l.keep();
          } else {
            saw(how % 5 == 0 ? e::pop_patiently(*rx) : e::pop(*rx, d));
          }
        } else if (!tx) {
          tx = e::sink(o), opened(tx);
        } else if (!rx) {
          rx = e::source(o), opened(rx);
        }
    }
    patience.stop();
  }
  enough = true;
  if (thread.joinable()) thread.join();
  std::printf("%-12s %-7s %9llu writes, %7llu operations, %6llu errors, %3llu of %3llu openings refused, slowest %.1f ms, %.1f of work\n", name,
              by_process ? "process" : "thread", static_cast<unsigned long long>(writes->load()),
              static_cast<unsigned long long>(operations), static_cast<unsigned long long>(errors),
              static_cast<unsigned long long>(refused), static_cast<unsigned long long>(openings), patience.time_ms(), patience.work_ms());
  INFO("first illegal error code " << static_cast<int>(first.code));
  CHECK(began);
  CHECK(illegal == 0);
  CHECK(patience.kept());
  CHECK(operations > 100);
}

}  // namespace

TEST_CASE("a live scribbler over any word of any ring can cause documented errors, and nothing else") {
  const bool by_process = GENERATE(false, true);
  endure<sluice::mpmc>("mpmc", by_process);
  endure<sluice::mpsc>("mpsc", by_process);
  endure<sluice::spmc>("spmc", by_process);
  endure<sluice::lanes>("lanes", by_process);
  endure<sluice::priorities_of<3>>("priorities", by_process);
  endure<sluice::broadcast>("broadcast", by_process);
  endure<sluice::lossy_broadcast>("lossy", by_process);
  endure<sluice::latest>("latest", by_process);
  endure<sluice::bytes_of<sluice::spsc>>("bytes", by_process);
}
