// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_WORLD_HPP
#define SLUICE_TESTS_KILL_WORLD_HPP

#include <sluice/channel/shared.hpp>

#include "process.hpp"
#include "rig/ends.hpp"
#include "rig/promise.hpp"

#include <optional>

// The channel that a campaign works on, and the two ends of it that a process may hold.

namespace kill_rig {

using namespace std::chrono_literals;
using sluice::errc;
using u64 = std::uint64_t;

/// A message that knows its place: several share a line with their stamp.
struct item {
  u64 seq;
  u64 check;
};
/// The same, wider than a line: a stamp beside each.
struct wide_item {
  u64 seq;
  u64 check;
  u64 more[7];
};
constexpr u64 check_of(u64 seq) noexcept { return (seq + 1) * 0x9e3779b97f4a7c15u; }
template <class Item>
constexpr Item numbered(u64 seq) noexcept {
  Item i{};
  i.seq = seq, i.check = check_of(seq);
  if constexpr (requires { i.more; })
    for (u64& m : i.more) m = ~i.check;
  return i;
}
template <class Item>
constexpr bool is_numbered(const Item& i, u64 seq) noexcept {
  bool whole = i.seq == seq && i.check == check_of(seq);
  if constexpr (requires { i.more; })
    for (const u64 m : i.more) whole = whole && m == ~i.check;
  return whole;
}

/// What a channel is opened with.
struct terms {
  std::size_t capacity = 5;
  bool on_file = false;      // a mapped file instead of a shared memory name,
  bool on_disk = false;      // and not on tmpfs
  bool persistent = false;
  bool no_anonymous_files = false;  // where they are refused, a region is made under a temporary name beside its own
};

/// A fresh directory with one channel in it, once somebody opens it.
template <class Rig, class Item>
class world {
 public:
  using kind = typename Rig::kind;
  static constexpr rig::promise promises = Rig::promises;
  static constexpr unsigned producers = Rig::producers, consumers = Rig::consumers;
  using sink = rig::sink_of<Rig, Item>;
  using source = rig::source_of<Rig, Item>;

  explicit world(const terms& t) : dir_(t.on_disk ? "/tmp" : "/dev/shm"), capacity_(t.capacity), on_file_(t.on_file || t.on_disk) {
    if (!on_file_) options_.directory = dir_.c_str();
    options_.capacity = t.capacity;
    if constexpr (requires { Rig::template capacity<Item>(t.capacity); }) options_.capacity = Rig::template capacity<Item>(t.capacity);
    options_.persistent = t.persistent;
    options_.wait = sluice::wait_strategy::park;  // no spinning: it adds instructions and no states
  }
  sluice::result<sink> open_sink() const { return sluice::detail::open_end<sink>(place(), options_); }
  sluice::result<source> open_source() const { return sluice::detail::open_end<source>(place(), options_); }
  const std::string& path() const noexcept { return path_; }
  std::size_t names() const { return dir_.entries(); }
  std::size_t capacity() const noexcept { return capacity_; }  // in messages
  const sluice::ring_options& options() const noexcept { return options_; }

 private:
  sluice::result<sluice::region_place> place() const {
    return on_file_ ? sluice::detail::file_place(path_, options_) : sluice::region_place::shared_memory("ring", options_.region());
  }

  test::scratch dir_;
  std::string path_ = dir_ / "ring";
  sluice::ring_options options_;
  std::size_t capacity_;
  bool on_file_;
};

/// The ends that one process holds, and how far it has come.
template <class World>
struct ends {
  const World& w;
  std::optional<typename World::sink> t;
  std::optional<typename World::source> r;
  u64 next = 0;  // the number of the next message to be pushed, or to be popped by who only pops
  std::optional<decltype(std::declval<typename World::sink&>().claim(sluice::now))> place;    // that is out
  std::optional<decltype(std::declval<typename World::source&>().borrow(sluice::now))> lent;  // the same

  explicit ends(const World& world) noexcept : w(world) {}
  errc open_sink() {
    auto made = w.open_sink();
    if (!made) return made.err().code;
    t.emplace(std::move(*made));
    return errc::ok;
  }
  errc open_source() {
    auto made = w.open_source();
    if (!made) return made.err().code;
    r.emplace(std::move(*made));
    return errc::ok;
  }
  // In a forked child, whose ends are its parent's.
  errc reopen_sink() {
    auto made = sluice::reopen(*t, w.options());
    if (!made) return made.err().code;
    *t = std::move(*made);
    return errc::ok;
  }
  errc reopen_source() {
    auto made = sluice::reopen(*r, w.options());
    if (!made) return made.err().code;
    *r = std::move(*made);
    return errc::ok;
  }
  void leave() noexcept {
    place.reset(), lent.reset();
    r.reset(), t.reset();
  }
};

}  // namespace kill_rig

#endif
