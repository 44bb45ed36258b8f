// SPDX-License-Identifier: MIT
#include <sluice/channel/shared.hpp>

#include "../catch.hpp"
#include "../process.hpp"
#include "scribble.hpp"

#include <atomic>
#include <cstdio>
#include <functional>
#include <initializer_list>
#include <optional>
#include <thread>

// Somebody who maps the region writes over its words at full speed, random bits and plausible values, while real ends
// push, pop, wait, come and go. The values that a policy can make up for a load (hostile_values) are all of them; this
// one runs the code as users compile it, with its real loads, futexes and locks.
//
// What each word may do, and nothing else:
//
//   head          push and its attach: corrupt, full, or room that is not there (then unread messages are overwritten)
//   stamps        pop and attach: corrupt, empty, or messages that nobody sent
//   told          the end of a session is reported once more, or not
//   role words    closed, peer_died, or silence about a real end
//   gate words    needless wakes; a wake that is missed costs a slice of sleep
//   participants  healing that is left out, and so a death that nobody is told of; slices of sleep too long or too short
//   region state  of a file: a ring that is emptied when somebody joins, so corrupt for whoever was in it
//
// A time limit holds in all cases.

namespace {

using namespace std::chrono_literals;
using sluice::errc;
using sluice::error;
using u64 = std::uint64_t;

constexpr std::size_t capacity = 20;
constexpr double seconds_each = SLUICE_TEST_TIER_FULL ? 60 : 0.4;

enum class target { head, stamps, told, roles, gates, participants, state, everything };
constexpr const char* names[] = {"head", "stamps", "told", "roles", "gates", "participants", "state", "everything"};

/// A mapping of the region that belongs to no participant.
class intruder {
 public:
  intruder(const std::string& path, target what) : what_(what), fd_(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
    sluice::region_header h;
    if (::pread(fd_.get(), &h, sizeof h, 0) != sizeof h) std::abort();
    size_ = h.region_size, state_ = h.state_offset, state_size_ = sizeof(sluice::region_state<>), body_ = h.body_offset;
    body_size_ = h.body_size, participants_ = h.participants;
    auto m = sluice::mapped_region::map(fd_.get(), size_, {});
    if (!m) std::abort();
    memory_ = std::move(*m);
  }
  void scribble(u64 seed, const std::atomic<bool>& enough, std::atomic<u64>& writes) const {
    test::dice d(seed);
    u64 n = 0;
    while (!enough.load(std::memory_order_relaxed)) {
      write(where(d), d);
      if (++n % 1024 == 0) writes += 1024;
      if (d.below(200'000) == 0) test::sleep_us(100);
    }
  }
  /// Zeroes what it scribbles on, where that keeps ends from being opened; else they would mostly be refused.
  void relent() const {
    if (what_ == target::head || what_ == target::everything) word(body_ + offsetof(sluice::spsc_control<>, head)) = 0;
    if (what_ == target::stamps || what_ == target::everything)
      for (std::size_t k = 0; k < blocks(); ++k) word(stamp(k)) = 0;
  }

 private:
  using block = sluice::spsc_block<u64, sluice::native_memory>;
  std::size_t blocks() const { return (body_size_ - sizeof(sluice::spsc_control<>)) / sizeof(block); }
  std::size_t stamp(std::size_t k) const { return body_ + sizeof(sluice::spsc_control<>) + k * sizeof(block); }
  std::atomic<u64>& word(std::size_t at) const { return *reinterpret_cast<std::atomic<u64>*>(memory_.data() + at); }

  std::size_t where(test::dice& d) const {
    using control = sluice::spsc_control<>;
    target t = what_;
    while (t == target::everything) t = static_cast<target>(d.below(7));
    switch (t) {
      case target::head: return body_ + offsetof(control, head);
      case target::told: return body_ + offsetof(control, told);
      case target::roles: return body_ + d.below(2) * sluice::apart_bytes;
      case target::gates: return body_ + d.below(2) * sluice::apart_bytes + 4;
      case target::participants: return state_ + state_size_ + d.below(participants_) * sizeof(sluice::participant_record<>) + 8 * d.below(4);
      case target::state: return state_ + 8 * d.below(2);
      case target::stamps:
      case target::everything: break;
    }
    return stamp(d.below(blocks()));
  }
  void write(std::size_t at, test::dice& d) const {
    if (what_ == target::roles || what_ == target::gates || what_ == target::told || at % 8 != 0)
      fuzz::scribble_on(reinterpret_cast<std::atomic<std::uint32_t>*>(memory_.data() + at), d);
    else
      fuzz::scribble_on(&word(at), d);
  }

  target what_;
  sluice::unique_handle fd_;
  sluice::mapped_region memory_;
  std::size_t size_ = 0, state_ = 0, state_size_ = 0, body_ = 0, body_size_ = 0;
  unsigned participants_ = 0;
};

bool one_of(errc c, std::initializer_list<errc> allowed) {
  for (const errc a : allowed)
    if (c == a) return true;
  return false;
}
/// May scribbling on `t` make a push (else a pop) end like this?
bool legal(target t, bool push, errc c) {
  if (one_of(c, {errc::ok, errc::timeout, push ? errc::full : errc::empty})) return true;
  const bool everything = t == target::everything;
  if (c == errc::corrupt) return everything || t == target::state || (push ? t == target::head : t == target::stamps);
  if (c == errc::closed) return everything || t == target::roles;
  return c == errc::peer_died && everything;  // elsewhere the ends are persistent: only close() is an end
}
bool legal_opening(target t, errc c) {
  if (c == errc::ok) return true;
  // A region in shared memory has been opened before: only its ring can be in the way.
  return c == errc::corrupt && (t == target::everything || t == target::head || t == target::stamps);
}

struct findings {
  u64 operations = 0, openings = 0, refused_openings = 0, errors = 0, illegal = 0;
  errc first_illegal = errc::ok;
  fuzz::patience patience;
};

/// Real ends at work; every outcome is checked and timed.
class victim {
 public:
  victim(sluice::ring_options o, bool mapped, std::string path, target t) : options_(o), mapped_(mapped), path_(std::move(path)), t_(t) {
    open_sink(), open_source();
  }
  void work(double seconds, u64 seed) {
    test::dice d(seed);
    const auto begun = test::now_ns(), end = begun + static_cast<std::int64_t>(seconds * 1e9);
    // So long, and on a busy machine until it has done something at all.
    for (auto now = begun; now < end || (found_.operations <= enough && now < begun + fuzz::patience::most_time); now = test::now_ns()) {
      found_.patience.start();
      one(d);
      found_.patience.stop();
    }
  }
  const findings& found() const { return found_; }
  static constexpr u64 enough = 100;  // operations
  std::function<void()> when_refused = [] {};

 private:
  using sink = std::remove_reference_t<decltype(*sluice::shm_sink<u64>(""))>;
  using source = std::remove_reference_t<decltype(*sluice::shm_source<u64>(""))>;

  void one(test::dice& d) {
    const auto how = d.below(400);
    if (how == 0 || !tx_) return open_sink();
    if (how == 1 || !rx_) return open_source();
    u64 some[6] = {1, 2, 3, 4, 5, 6};
    if (how % 2 == 0) {
      switch (how / 2 % 5) {
        case 0: return saw(true, tx_->push(u64{7}, 300us).err());
        case 1: return saw(true, tx_->push(std::span<const u64>(some), sluice::now).err());
        case 2: {
          auto s = tx_->try_claim();
          if (s) *s = 8;
          if (s && d.below(2) == 0) s.commit();
          return saw(true, s ? error() : s.err());
        }
        case 3: found_.illegal += tx_->approx_size() > capacity ? 1u : 0u; return;
        default: return saw(true, tx_->try_push(u64{9}).err());
      }
    }
    switch (how / 2 % 5) {
      case 0: return saw(false, rx_->pop(300us).err());
      case 1: return saw(false, rx_->pop(std::span<u64>(some), sluice::now).err());
      case 2: {
        auto l = rx_->try_borrow();
        const error e = l.err();
        if (l && d.below(2) == 0) l.keep();
        return saw(false, e);
      }
      default: return saw(false, rx_->try_pop().err());
    }
  }
  void saw(bool push, error e) {
    ++found_.operations;
    if (e) ++found_.errors;
    if (!legal(t_, push, e.code)) note(e.code);
  }
  void note(errc c) {
    if (found_.illegal++ == 0) found_.first_illegal = c;
  }
  void opened(error e) {
    ++found_.openings;
    if (e) ++found_.refused_openings, when_refused();
    if (!legal_opening(t_, e.code)) note(e.code);
  }
  void open_sink() {
    tx_.reset();
    auto r = mapped_ ? sluice::mapped_sink<u64>(path_, options_) : sluice::shm_sink<u64>("ring", options_);
    opened(r.err());
    if (r) tx_.emplace(std::move(*r));
  }
  void open_source() {
    rx_.reset();
    auto r = mapped_ ? sluice::mapped_source<u64>(path_, options_) : sluice::shm_source<u64>("ring", options_);
    opened(r.err());
    if (r) rx_.emplace(std::move(*r));
  }

  sluice::ring_options options_;
  bool mapped_;
  std::string path_;
  target t_;
  std::optional<sink> tx_;
  std::optional<source> rx_;
  findings found_;
};

}  // namespace

TEST_CASE("a live scribbler can cause the errors of the words that it writes, and nothing else") {
  const auto t = static_cast<target>(GENERATE(range(0, 8)));
  const bool mapped = GENERATE(false, true), by_process = GENERATE(false, true);
  INFO("scribbling on " << names[static_cast<int>(t)] << (mapped ? ", file" : "") << (by_process ? ", process" : ", thread"));
  const test::scratch dir(mapped ? "/tmp" : "/dev/shm");
  sluice::ring_options o;
  if (!mapped) o.directory = dir.c_str();
  o.capacity = capacity;
  o.wait = sluice::wait_strategy::park;
  o.persistent = t != target::everything;
  victim v(o, mapped, dir / "ring", t);
  const intruder i(dir / "ring", t);
  v.when_refused = [&] { i.relent(); };
  const test::shared_with_children<std::atomic<u64>> writes;
  const auto seed = static_cast<u64>(test::now_ns());
  INFO("seed " << seed);
  // Not before it writes: a child that has not run yet may still have the descriptors of our ends, and with them their locks.
  const auto begin = [&] { REQUIRE(test::eventually([&] { return *writes != 0; }, 60)); };
  if (by_process) {
    const std::string path = dir / "ring";
    test::child c([&] {
      const std::atomic<bool> never{false};
      intruder(path, t).scribble(seed, never, *writes);
      return 0;
    });
    begin();
    v.work(seconds_each, seed);
  } else {
    std::atomic<bool> enough{false};
    std::thread scribbler([&] { i.scribble(seed, enough, *writes); });
    begin();
    v.work(seconds_each, seed);
    enough = true;
    scribbler.join();
  }
  const findings& f = v.found();
  std::printf("%-12s %-4s %-7s %9llu writes, %7llu operations, %6llu errors, %3llu of %3llu openings refused, slowest %.1f ms, %.1f of work\n",
              names[static_cast<int>(t)], mapped ? "file" : "shm", by_process ? "process" : "thread",
              static_cast<unsigned long long>(writes->load()), static_cast<unsigned long long>(f.operations),
              static_cast<unsigned long long>(f.errors), static_cast<unsigned long long>(f.refused_openings),
              static_cast<unsigned long long>(f.openings), f.patience.time_ms(), f.patience.work_ms());
  INFO("first illegal error code " << static_cast<int>(f.first_illegal));
  CHECK(f.illegal == 0);
  CHECK(f.patience.kept());
  CHECK(*writes > 1000);
  CHECK(f.operations > victim::enough);
}
