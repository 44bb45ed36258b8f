// SPDX-License-Identifier: MIT
#include "memory.hpp"

#include <algorithm>
#include <cstring>

namespace model {

namespace {
// The words of an array, of which as much is used as a loop over `n` entries would visit, and zero behind.
std::uint64_t hash_of(std::uint64_t h, const index* array, unsigned n) noexcept {
  for (unsigned k = 0; k < n; k += 4) {
    std::uint64_t w = 0;
    std::memcpy(&w, array + k, sizeof w);
    h = stir(h, w);
  }
  return h;
}
std::uint64_t hash_of(std::uint64_t h, const view& v) noexcept { return hash_of(h, v.oldest, in_use.locations); }
std::uint64_t hash_of(std::uint64_t h, const clock& c) noexcept {
  return hash_of(hash_of(h, c.event, in_use.threads), c.seen);
}
}  // namespace

void observer::reset(unsigned who) noexcept {
  id = who;
  now = acquired = released = clock{};
  at_light_fence = view{};
  now.event[who] = 1;
  last_step = operations = 0;
  hash = who;
  ordered = 0;
  pending.clear();
  dead = false;
  std::fill_n(oldest_read, max_locations, unread);
  std::fill_n(fresh, max_locations, false);
  waits = false;
}
void observer::pause() noexcept {
  for (unsigned x = 0; x < in_use.locations; ++x) {
    if (oldest_read[x] == unread) continue;
    waits = true;
    fresh[x] = true;
  }
}
void observer::resume() noexcept {
  if (waits) std::fill_n(oldest_read, in_use.locations, unread);
  waits = false;
}

void memory::reset() {
  in_use = {};
  cells_.clear();
  ++age_;
  seq_cst_ = heavy_ = view{};
  messages_ = 0;
  names_.clear();
}

// ---- addresses

memory::granule& memory::granule_at(std::uintptr_t key) {
  for (std::size_t i = key * 0x9e3779b97f4a7c15u >> 52;; ++i) {
    granule& g = granules_[i % granules_.size()];
    if (g.age == age_ && g.key == key) return g;
    if (g.age != age_) {
      g.key = key, g.age = age_;
      std::fill_n(g.owner, 8, none);
      return g;
    }
  }
}
int memory::find(const void* address, unsigned size, bool plain) {
  const auto a = reinterpret_cast<std::uintptr_t>(address);
  const int owner = granule_at(a >> 3).owner[a & 7];
  if (owner == none) return create(address, size, plain);
  const auto n = static_cast<unsigned>(owner % first_cell);
  const bool same = owner < first_cell
                        ? !plain && locations_[n].address == address && locations_[n].size == size
                        : plain && cells_[n].address == address && cells_[n].size == size;
  if (!same) fail("one byte is accessed in two sizes, or both as atomic and as data");
  return owner;
}
int memory::create(const void* address, unsigned size, bool plain) {
  int self = 0;
  if (plain) {
    self = first_cell + static_cast<int>(cells_.size());
    cells_.push_back({static_cast<const std::byte*>(address), size, nobody, 0, {}});
  } else {
    if (in_use.locations == max_locations) fail("too many locations");
    self = static_cast<int>(in_use.locations++);
    locations_[self] = {static_cast<std::byte*>(const_cast<void*>(address)), size};
    message m{};
    std::memcpy(&m.value, address, size);
    m.id = mix(m.value, reinterpret_cast<std::uintptr_t>(address));
    m.writer = nobody;
    m.shade = m.id;
    history(self).clear();
    history(self).push_back(m);
  }
  for (auto a = reinterpret_cast<std::uintptr_t>(address); size-- != 0; ++a) {
    int& owner = granule_at(a >> 3).owner[a & 7];
    if (owner != none) fail("one byte is accessed in two sizes, or both as atomic and as data");
    owner = self;
  }
  return self;
}
int memory::find_atomic(const void* address) const noexcept {
  for (unsigned x = 0; x < in_use.locations; ++x)
    if (locations_[x].address == address) return static_cast<int>(x);
  return none;
}
std::string memory::name_of(int x) const {
  for (const auto& l : names_)
    if (l.location == x) return l.name + std::to_string(l.number);
  return x < 0 ? "" : "word " + std::to_string(x);
}

// ---- atomics

unsigned memory::oldest_readable(const observer& t, int x, bool seq_cst) const noexcept {
  if (t.fresh[x]) return newest(x);
  unsigned i = t.now.seen.oldest[x];
  if (seq_cst && seq_cst_.oldest[x] > i) i = seq_cst_.oldest[x];
  return std::min(i, newest(x));
}
std::uint64_t memory::read(observer& t, int x, unsigned i, order o) {
  message& m = history(x)[i];
  const auto at = static_cast<index>(i);
  t.oldest_read[x] = std::min(t.oldest_read[x], at);
  t.fresh[x] = false;
  t.now.seen.oldest[x] = std::max(t.now.seen.oldest[x], at);
  t.acquired.join(m.when);
  if (acquires(o)) t.now.join(m.when);
  if (o == order::seq_cst) seq_cst_.oldest[x] = std::max(seq_cst_.oldest[x], at);
  t.hash = mix(t.hash, m.id);
  m.read_by_others = m.read_by_others || m.writer != t.id;
  return m.value;
}
void memory::store(observer& t, int x, std::uint64_t value, order o, std::uint32_t step) {
  // What others have changed since the last store does not matter: a change is where it is because of what it has read.
  auto i = newest(x);
  while (at(x, i).changes) --i;
  const message& before = at(x, i);
  if (!unordered_stores_allowed && before.writer != nobody && before.writer != t.id &&
      before.event > t.now.event[before.writer])
    fail("two threads store to " + name_of(x) + " without an order between them");
  append(t, x, value, o, step, nullptr);
  t.pending.push_back({x, t.now.event[t.id]});
}
void memory::modify(observer& t, int x, std::uint64_t value, order o, std::uint32_t step) {
  const message before = last(x);  // a copy: the history grows
  append(t, x, value, o, step, &before);
}
void memory::append(observer& t, int x, std::uint64_t value, order o, std::uint32_t step, const message* continued) {
  auto& all = history(x);
  const auto at = static_cast<index>(all.size());
  t.now.seen.oldest[x] = at;
  if (releases(o)) pin(t);  // what came before; it may itself still be held back
  const std::uint64_t before = all.back().shade;
  message& m = all.emplace_back();
  m.value = value;
  m.when = releases(o) ? t.now : t.released;
  m.when.seen.oldest[x] = at;
  if (continued != nullptr) m.when.join(continued->when);  // a release sequence: since C++20, by nothing else
  m.id = mix(t.hash, mix(t.id + 7, t.operations));
  m.shade = hash_of(mix(before, m.id), m.when);
  m.step = step;
  m.event = t.now.event[t.id];
  m.writer = static_cast<std::uint8_t>(t.id);
  m.read_by_others = false;
  m.changes = continued != nullptr;
  t.hash = mix(t.hash, m.id);
  if (o == order::seq_cst) seq_cst_.oldest[x] = std::max(seq_cst_.oldest[x], at);
  std::memcpy(locations_[x].address, &value, locations_[x].size);  // the bytes are always the newest: a crash image
  ++messages_;
}
void memory::take_back(observer& t, int x) {
  t.ordered = std::min(t.ordered, static_cast<index>(last(x).event - 1));
  history(x).pop_back();
  const auto at = static_cast<index>(newest(x));
  for (view* v : {&t.now.seen, &t.acquired.seen, &t.released.seen, &t.at_light_fence, &seq_cst_, &heavy_})
    v->oldest[x] = std::min(v->oldest[x], at);
  std::memcpy(locations_[x].address, &last(x).value, locations_[x].size);
  t.hash = mix(t.hash, reinterpret_cast<std::uintptr_t>(locations_[x].address));
}

// ---- fences

void memory::release_fence(observer& t) noexcept {
  t.released = t.now;
  pin(t);
}
void memory::seq_cst_fence(observer& t) noexcept {
  t.now.join(t.acquired);
  t.now.seen.join(seq_cst_);
  seq_cst_.join(t.now.seen);
  release_fence(t);
}
void memory::light_fence(observer& t) noexcept {
  t.now.seen.join(heavy_);
  t.at_light_fence = t.now.seen;
  pin(t);
}
void memory::heavy_fence(observer& t, const observer* all, unsigned n) noexcept {
  seq_cst_fence(t);
  for (unsigned k = 0; k < n; ++k) t.now.seen.join(all[k].at_light_fence);
  seq_cst_fence(t);
  heavy_.join(t.now.seen);
}
void memory::catch_up(observer& t) noexcept {
  for (unsigned x = 0; x < in_use.locations; ++x) t.now.seen.oldest[x] = static_cast<index>(newest(static_cast<int>(x)));
}

// ---- plain data

void memory::plain_read(observer& t, const void* address, unsigned size, const observer* all) {
  cell& c = cells_[static_cast<unsigned>(find(address, size, true) - first_cell)];
  if (c.writer != nobody && c.writer != t.id) {
    if (c.written > t.now.event[c.writer]) fail("data race: a read and a write");
    if (all[c.writer].dead && c.written > all[c.writer].ordered) fail("data of the dead that need not be there");
  }
  c.read[t.id] = t.now.event[t.id];
}
void memory::plain_write(observer& t, const void* address, unsigned size) {
  cell& c = cells_[static_cast<unsigned>(find(address, size, true) - first_cell)];
  if (c.writer != nobody && c.writer != t.id && c.written > t.now.event[c.writer]) fail("data race: two writes");
  for (unsigned u = 0; u < in_use.threads; ++u)
    if (u != t.id && c.read[u] > t.now.event[u]) fail("data race: a write and a read");
  c.writer = t.id;
  c.written = t.now.event[t.id];
}

// ---- waiting, and the shape of the whole

bool memory::news_for(const observer& t) const noexcept {
  for (unsigned x = 0; x < in_use.locations; ++x)
    for (unsigned i = static_cast<unsigned>(histories_[x].size()); --i > t.oldest_read[x];)  // `unread` is beyond all
      if (histories_[x][i].writer != t.id) return true;
  return false;
}
std::uint64_t memory::graph() const noexcept {
  std::uint64_t sum = 0;  // whichever location came first
  for (unsigned x = 0; x < in_use.locations; ++x) {
    if (histories_[x].size() == 1) continue;  // only ever read
    auto h = reinterpret_cast<std::uint64_t>(locations_[x].address);
    for (const auto& m : histories_[x]) h = mix(h, m.id);
    sum += h;
  }
  return sum;
}

std::uint64_t memory::state() const noexcept {
  std::uint64_t h = hash_of(hash_of(0, seq_cst_), heavy_);
  for (unsigned x = 0; x < in_use.locations; ++x) h = stir(h, histories_[x].back().shade);
  return h;
}
std::uint64_t memory::state(const observer& t) const noexcept {
  std::uint64_t h = mix(t.hash, t.operations);
  if (!t.dead) {
    h = hash_of(hash_of(hash_of(h, t.now), t.acquired), t.released);
    h = hash_of(h, t.oldest_read, in_use.locations);
    for (const auto& p : t.pending)
      h = stir(h, static_cast<unsigned>(p.location) * 65536u + p.event * 2u + (last(p.location).read_by_others ? 1u : 0u));
    std::uint64_t flags = 0;  // the second of each pair: may a load choose? See world::load
    for (unsigned x = 0; x < in_use.locations; ++x) {
      flags = flags << 2 | (t.fresh[x] ? 1u : 0u) | (histories_[x].back().step > t.last_step ? 2u : 0u);
      if (x % 32 == 31) h = stir(h, flags);
    }
    h = stir(h, flags);
  }
  return stir(hash_of(h, t.at_light_fence), t.ordered * 4u + (t.waits ? 2u : 0u) + (t.dead ? 1u : 0u));
}

}  // namespace model
