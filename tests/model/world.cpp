// SPDX-License-Identifier: MIT
#include "world.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace model {

namespace {

const char* const verbs[] = {"goes on", "load", "store", "modify", "fence", "light fence", "heavy fence", "futex wait",
                             "futex wake", "asks for the life of", "lock", "unlock", "is born after the death of"};
const char* name_of(order o) noexcept {
  switch (o) {
    case order::relaxed: return "relaxed";
    case order::consume:
    case order::acquire: return "acquire";
    case order::release: return "release";
    case order::acq_rel: return "acq_rel";
    case order::seq_cst: return "seq_cst";
  }
  return "";
}
constexpr bool fences_all(intent::kind k) noexcept { return k == intent::fence || k == intent::heavy; }
constexpr bool changes(intent::kind k) noexcept {
  return k == intent::store || k == intent::modify || k == intent::lock || k == intent::unlock;
}
constexpr bool asks_kernel(intent::kind k) noexcept {
  return k == intent::certify || k == intent::lock || k == intent::unlock || k == intent::bereaved;
}

}  // namespace

void fail(const std::string& why) { world::current()->fail(why); }

void world::fail(const std::string& why) {
  if (failure_.empty()) failure_ = why;
  if (running_ == nullptr) return;
  note(*running_, "FAILS: " + why);
  for (;;) leave();
}
void world::note(const actor& a, const std::string& what) {
  if (replaying()) trace.push_back(std::to_string(step_) + "  " + a.name + "  " + what);
}

// ---- setting up

void world::begin(const options& o, search& s) {
  current_ = this;
  rules_ = &o;
  search_ = &s;
  memory_.reset();
  memory_.unordered_stores_allowed = o.unordered_stores;
  size_ = 0;
  running_ = nullptr;
  kills_ = o.kills, stops_ = o.stops, spurious_ = o.spurious, weak_ = o.weak, waited_ = 0;
  step_ = 0;
  failure_.clear();
  on_death = nullptr;
  constants_.clear();
}
unsigned world::spawn(std::string name, role r, std::function<void()> body) {
  if (size_ == max_threads) return fail("too many threads"), 0u;
  if (size_ == cast_.size()) cast_.push_back(std::make_unique<actor>());
  actor& a = *cast_[size_];
  a.id = size_;
  a.name = std::move(name);
  a.body = std::move(body);
  a.next = {};
  a.killable = r.killable, a.stoppable = r.stoppable, a.may_sleep = r.may_sleep, a.heir = r.heir_of != nullptr;
  a.finished = a.asleep = a.stopped = a.woke_by_itself = a.roused = false;
  a.deadly = true;
  a.trace = 0;
  a.bed[0] = a.bed[1] = -1;
  a.slices = rules_->slices, a.stale = rules_->stale;
  a.locks.clear();
  if (a.heir) a.locks.push_back(r.heir_of);  // until it begins
  return size_++;
}
void world::hold(unsigned thread, std::uint32_t* lock) {
  *lock = thread + 1;
  cast_[thread]->locks.push_back(lock);  // for an heir, behind the one it waits for
}

// ---- the loop

world::ending world::run() {
  in_use.threads = size_;
  for (unsigned t = 0; t < size_; ++t) {
    actor& a = *cast_[t];
    minds_[t].reset(t);
    a.place.begin(
        [](void* p) {
          auto& me = *static_cast<actor*>(p);
          me.body();
          me.finished = true;
          for (;;) me.place.leave();
        },
        &a);
  }
  for (unsigned t = 0; t < size_; ++t) {
    actor& a = *cast_[t];
    if (a.heir) {
      a.next = {intent::bereaved, memory_.atomic_at(a.locks.front(), 4), order::acquire};
      a.locks.erase(a.locks.begin());
    } else {
      running_ = &a;
      a.place.enter();
      running_ = nullptr;
    }
  }
  moves sleeping = 0;
  while (failure_.empty()) {
    bool stuck = false;
    const moves possible = enabled(stuck);
    if (stuck) {
      std::string who;
      for (unsigned t = 0; t < size_; ++t)
        if (!cast_[t]->finished && !minds_[t].dead && !cast_[t]->heir)
          who += " " + cast_[t]->name + (cast_[t]->asleep ? " (asleep on " + memory_.name_of(cast_[t]->bed[0]) + ")" : "");
      fail("stuck for ever:" + who);
      break;
    }
    if (possible == 0) return ending::complete;
    if (++step_ > rules_->longest) {
      fail("endless");
      break;
    }
    if (rules_->merge && (possible & (possible - 1)) != 0 && search_->breaking_new_ground() && known(sleeping)) return ending::redundant;
    moves tried = 0;
    const int a = search_->transition(possible, sleeping, tried);
    if (!search_->consistent()) {
      fail("the execution differs from the one to be repeated");
      break;
    }
    if (a < 0) return ending::redundant;
    sleeping = 0;
    if (rules_->reduce && rules_->how == walk::everything && !replaying())
      for (moves rest = tried & ~(moves{1} << a); rest != 0; rest &= rest - 1)
        if (const int b = std::countr_zero(rest); !dependent(a, b)) sleeping |= moves{1} << b;
    take(a);
  }
  return ending::failed;
}
bool world::can_run(const actor& a) const {
  if (a.stopped || a.asleep) return false;
  if (minds_[a.id].waits) return memory_.news_for(minds_[a.id]);
  if (a.next.what == intent::bereaved) return memory_.last(a.next.where).value == 0;
  return true;
}
moves world::enabled(bool& stuck) {
  for (;;) {
    moves runs = 0, misfortunes = 0, ends = 0;
    bool waits = false, stands = false;
    for (unsigned t = 0; t < size_; ++t) {
      const actor& a = *cast_[t];
      if (a.finished || minds_[t].dead) continue;
      const bool can = can_run(a);
      if (can) runs |= bit(run_, t);
      if (a.heir) continue;
      waits = waits || (!can && !(a.may_sleep && a.asleep));
      stands = stands || a.stopped;
      if (a.killable && kills_ != 0 && (a.deadly || !rules_->reduce)) misfortunes |= bit(die_, t);
      if (a.asleep && spurious_ != 0) misfortunes |= bit(wake_, t);
      if (a.asleep && a.slices != 0) ends |= bit(wake_, t);
      if (a.stoppable && !a.stopped && stops_ != 0) misfortunes |= bit(stop_, t);
    }
    if (runs != 0) return runs | misfortunes;
    if (ends != 0) return ends | (misfortunes & bit(die_, 0) * 0xffff);
    if (!stands) {
      stuck = waits;
      return 0;
    }
    ++waited_;
    for (unsigned t = 0; t < size_; ++t) cast_[t]->stopped = false;
  }
}
// May the order of two transitions matter?
bool world::dependent(int a, int b) const {
  const unsigned ta = static_cast<unsigned>(a) % max_threads, tb = static_cast<unsigned>(b) % max_threads;
  const unsigned ka = static_cast<unsigned>(a) / max_threads, kb = static_cast<unsigned>(b) / max_threads;
  if (ta == tb || ka > die_ || kb > die_) return true;
  if (ka == die_ && kb == die_) return true;
  const intent& i = cast_[ta]->next;
  const intent& j = cast_[tb]->next;
  if (ka == die_ || kb == die_) {
    const intent& other = ka == die_ ? j : i;
    if (asks_kernel(other.what)) return true;
    for (const auto& held : minds_[ka == die_ ? ta : tb].pending)
      if (held.location == other.where) return true;
    return false;
  }
  if ((i.what == intent::heavy && j.what == intent::light) || (i.what == intent::light && j.what == intent::heavy)) return true;
  const bool both_sc = i.how == order::seq_cst && j.how == order::seq_cst;
  if (both_sc && (fences_all(i.what) || fences_all(j.what))) return true;
  if (i.where < 0 || i.where != j.where) return false;
  if (i.what == intent::wake || j.what == intent::wake) {  // the word itself does not matter to who wakes
    const intent& other = i.what == intent::wake ? j : i;
    return other.what == intent::wake || other.what == intent::wait;
  }
  return changes(i.what) || changes(j.what) || both_sc;
}
// Has everything that can follow been seen already, from a state like this?
bool world::known(moves sleeping) {
  std::uint64_t h = mix(memory_.state(), kills_ + 256 * (stops_ + 256 * (spurious_ + 256 * (weak_ + 256 * std::uint64_t{waited_}))));
  for (unsigned t = 0; t < size_; ++t) {
    const actor& a = *cast_[t];
    const unsigned bits[] = {a.heir, a.finished, a.asleep, a.stopped, a.woke_by_itself, a.deadly, a.roused};
    h = mix(h, memory_.state(minds_[t]));
    h = stir(stir(stir(h, a.trace), std::uint64_t{a.slices} << 32 | a.stale), std::uint64_t{static_cast<unsigned>(a.bed[0])} << 32 | static_cast<unsigned>(a.bed[1]));
    for (const unsigned b : bits) h = stir(h, b);
  }
  const auto [slept, fresh] = states_.find_or_insert(h, sleeping);
  if (fresh) return false;
  if ((*slept & ~sleeping) == 0) return true;  // what slept then sleeps now
  *slept &= sleeping;
  return false;
}
void world::take(int transition) {
  const unsigned t = static_cast<unsigned>(transition) % max_threads;
  actor& a = *cast_[t];
  switch (static_cast<unsigned>(transition) / max_threads) {
    case die_: return kill(t);
    case stop_:
      a.stopped = true;
      --stops_;
      return note(a, "is stopped");
    case wake_:
      a.asleep = false;
      a.bed[0] = a.bed[1] = -1;
      a.woke_by_itself = true;
      a.next = {};
      if (a.slices != 0 && spurious_ == 0) {
        --a.slices;
        memory_.catch_up(minds_[t]);
        return note(a, "has slept long enough");
      }
      --spurious_;
      return note(a, "wakes for no reason");
    default: break;
  }
  running_ = &a;
  touched_ = false;
  const bool silent = a.next.what == intent::load && a.next.how != order::seq_cst;
  if (a.heir) {
    a.heir = false;
    ++mind().operations;
    (void)memory_.read(mind(), a.next.where, memory_.newest(a.next.where), order::acquire);
    note(a, "begins");
    done();
  }
  a.place.enter();
  running_ = nullptr;
  a.deadly = !silent || touched_;
  if (a.deadly) a.trace = minds_[t].hash;
}
void world::kill(unsigned t) {
  actor& a = *cast_[t];
  observer& m = minds_[t];
  --kills_;
  note(a, "is killed");
  m.operations = 0;
  m.hash = mix(a.trace, 0xdead);
  memory_.bury(m, [&] {
    const bool gone = search_->value(2) == 1;
    if (gone) note(a, "  its last store is lost");
    return gone;
  });
  const index ordered = m.ordered;  // what the kernel does now was not done by the compiler
  for (const void* lock : a.locks) memory_.modify(m, memory_.atomic_at(lock, 4), 0, order::release, step_);
  m.ordered = ordered;
  a.asleep = false;
  a.bed[0] = a.bed[1] = -1;
  if (on_death) on_death(t);
}
std::uint64_t world::graph() const noexcept {
  std::uint64_t h = memory_.graph();
  for (unsigned t = 0; t < size_; ++t) h = mix(h, minds_[t].hash);
  return h;
}

// ---- acting

void world::leave() { running_->place.leave(); }
void world::arrive(intent i) {
  running_->next = i;
  leave();
  mind().resume();
  ++mind().operations;
  if (replaying()) note(*running_, std::string(verbs[i.what]) + " " + memory_.name_of(i.where) + " " + name_of(i.how));
}
int world::come(intent::kind k, const void* a, unsigned size, order o) {
  if (is_constant(a)) fail("a word is written that was said to be constant");
  const int x = memory_.atomic_at(a, size);
  arrive({k, x, o});
  return x;
}
void world::done() {
  observer& m = mind();
  ++m.now.event[m.id];
  m.last_step = step_;
}
std::uint64_t world::newest(int x, order o) {
  const std::uint64_t v = memory_.read(mind(), x, memory_.newest(x), o);
  if (replaying()) note(*running_, "  reads " + std::to_string(v));
  return v;
}
void world::write_back(int x, std::uint64_t value, order o) {
  memory_.modify(mind(), x, value, o, step_);
  if (replaying()) note(*running_, "  stores " + std::to_string(value));
  done();
}

std::uint64_t world::load(const void* a, unsigned size, order o) {
  if (is_constant(a)) {
    std::uint64_t v = 0;
    std::memcpy(&v, a, size);
    return v;
  }
  const int x = come(intent::load, a, size, o);
  observer& m = mind();
  const bool sc = o == order::seq_cst;
  const unsigned to = memory_.newest(x);
  unsigned from = memory_.oldest_readable(m, x, sc);
  // A load that reads an older message than a store since the thread's last event has been made before that store too.
  if (rules_->reduce && !sc && memory_.last(x).step > m.last_step) from = to;
  if (running_->stale == 0) from = to;
  const unsigned i = to - pick(to - from + 1);
  if (i != to) --running_->stale;
  const std::uint64_t v = memory_.read(m, x, i, o);
  if (replaying()) note(*running_, "  reads " + std::to_string(v) + (i == to ? "" : ", an old value"));
  done();
  return v;
}
void world::store(const void* a, unsigned size, std::uint64_t value, order o) {
  const int x = come(intent::store, a, size, o);
  memory_.store(mind(), x, value, o, step_);
  if (replaying()) note(*running_, "  stores " + std::to_string(value));
  done();
}
bool world::exchange_if(const void* a, unsigned size, std::uint64_t& expected, std::uint64_t desired, order success,
                        order failure, bool weak) {
  const bool sc = success == order::seq_cst || failure == order::seq_cst;
  const int x = come(intent::modify, a, size, sc ? order::seq_cst : success);
  observer& m = mind();
  const unsigned to = memory_.newest(x);
  const bool equal = memory_.last(x).value == expected;
  // Failing, it is a load of any older message with another value.
  unsigned old[64], n = 0;
  if ((!rules_->reduce || failure == order::seq_cst || memory_.last(x).step <= m.last_step) && running_->stale != 0)
    for (unsigned i = to; i-- > memory_.oldest_readable(m, x, failure == order::seq_cst) && n < 64;)
      if (memory_.at(x, i).value != expected) old[n++] = i;
  const bool moody = weak && equal && weak_ != 0;
  const unsigned k = pick(1 + n + (moody ? 1 : 0));
  if (k == 0 && equal) {
    (void)newest(x, success);
    write_back(x, desired, success);
    return true;
  }
  if (k == 0 || k == n + 1) {
    if (k != 0) --weak_;
    expected = newest(x, failure);
  } else {
    --running_->stale;
    expected = memory_.read(m, x, old[k - 1], failure);
  }
  done();
  return false;
}
void world::fence(order o) {
  if (o != order::seq_cst) {
    if (acquires(o)) memory_.acquire_fence(mind());
    if (releases(o)) memory_.release_fence(mind());
    return;
  }
  arrive({intent::fence, -1, o});
  memory_.seq_cst_fence(mind());
  done();
}
void world::light_fence() {
  if (rules_->without_light) return;
  if (rules_->light == fences::symmetric) return fence(order::seq_cst);
  arrive({intent::light, -1, order::relaxed});
  memory_.light_fence(mind());
  done();
}
void world::heavy_fence() {
  if (rules_->without_heavy) return;
  if (rules_->light == fences::symmetric) return fence(order::seq_cst);
  arrive({intent::heavy, -1, order::seq_cst});
  memory_.heavy_fence(mind(), minds_, size_);
  done();
}
// ---- the kernel

world::sleep world::futex_wait(std::initializer_list<futex> on) {
  observer& m = mind();
  running_->roused = false;
  unsigned lies_at = 0;
  const auto get_up = [this](sleep how) { return running_->bed[0] = running_->bed[1] = -1, how; };
  for (const futex& f : on) {
    if (lies_at != 0) done();
    const int x = come(intent::wait, f.word, 4, order::relaxed);
    memory::pin(m);
    // The kernel compares with what is there, but is no fence for other words.
    if (memory_.last(x).value != f.expected) {
      (void)newest(x, order::relaxed);
      done();
      return get_up(sleep::refused);
    }
    running_->bed[lies_at++] = x;
  }
  if (running_->roused) return done(), get_up(sleep::woken);
  note(*running_, "  falls asleep");
  running_->asleep = true;
  running_->woke_by_itself = false;
  leave();
  ++m.operations;
  done();
  return get_up(running_->woke_by_itself ? sleep::by_itself : sleep::woken);
}
unsigned world::futex_wake(const void* word, unsigned most) {
  const int x = come(intent::wake, word, 4, order::relaxed);
  memory::pin(mind());
  unsigned woken = 0;
  for (; woken < most; ++woken) {
    unsigned sleepers[max_threads], n = 0;
    for (unsigned t = 0; t < size_; ++t)
      if (!cast_[t]->roused && (cast_[t]->bed[0] == x || cast_[t]->bed[1] == x)) sleepers[n++] = t;
    if (n == 0) break;
    actor& a = *cast_[sleepers[pick(n)]];
    a.roused = true;
    if (a.asleep) a.next = {};
    a.asleep = false;
    note(*running_, "  wakes " + a.name);
  }
  done();
  return woken;
}
bool world::try_lock(const void* lock) {
  const int x = come(intent::lock, lock, 4, order::acquire);
  memory::pin(mind());
  const bool free = memory_.last(x).value == 0;
  (void)newest(x, free ? order::acquire : order::relaxed);
  if (free) {
    memory_.modify(mind(), x, running_->id + 1, order::acquire, step_);
    running_->locks.push_back(lock);
  }
  done();
  return free;
}
void world::unlock(const void* lock) {
  const int x = come(intent::unlock, lock, 4, order::release);
  memory_.modify(mind(), x, 0, order::release, step_);
  std::erase(running_->locks, lock);
  done();
}
bool world::locked(const void* lock) {
  const int x = come(intent::certify, lock, 4, order::acquire);
  memory::pin(mind());
  const bool free = memory_.last(x).value == 0;
  (void)newest(x, free ? order::acquire : order::relaxed);
  done();
  return !free;
}

}  // namespace model
