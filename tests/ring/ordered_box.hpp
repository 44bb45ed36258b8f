// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RING_ORDERED_BOX_HPP
#define SLUICE_TESTS_RING_ORDERED_BOX_HPP

#include <sluice/ring/ordered_consumer.hpp>
#include <sluice/ring/ordered_producer.hpp>

#include "catch.hpp"
#include "ring/spsc_box.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// A ring of several producers and consumers to play with, and what is expected of it.

namespace ordered_test {

using sluice::cell_state;
using sluice::errc;
using sluice::phase;
using spsc_test::dice;
using spsc_test::no_bell;
using P = sluice::native_memory;
using u64 = std::uint64_t;

inline constexpr std::size_t capacities[] = {1, 2, 3, 5, 8, 9, 64, 100};

/// A ring in memory of its own, and how to pretend that it has long been in use.
template <class Ring, class Producer, class Consumer>
struct box_of {
  using ring_type = Ring;
  using producer = Producer;
  using consumer = Consumer;

  explicit box_of(std::size_t capacity, bool persistent = false)
      : bytes(ring_type::bytes_for(capacity)),
        memory(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{sluice::apart_bytes}))) {
    std::memset(memory.get(), 0, bytes);
    ring = ring_type(memory.get(), capacity, persistent);
  }
  void start_at_lap(u64 lap) {
    if constexpr (requires { ring.level(0); }) {
      for (unsigned k = 0; k < Ring::priorities; ++k) start_at_lap(ring.level(k), lap);
    } else {
      start_at_lap(ring, lap);
    }
  }
  template <class Order>
  static void start_at_lap(const Order& one, u64 lap) {
    const u64 word = lap * one.one_lap();
    one.order().tail = one.order().head = word;
    for (u64 k = 0; k < one.capacity(); ++k) one.cells()[k].word = word;
  }
  producer make_producer(unsigned seat) {
    producer p;
    REQUIRE(p.attach(ring, seat));
    p.begin();
    return p;
  }
  consumer make_consumer(unsigned seat) {
    consumer c;
    REQUIRE(c.attach(ring, seat));
    c.begin();
    return c;
  }
  sluice::recovery bury(unsigned seat) {
    const auto found = ring.heal(seat);
    ring.shared().producers.end(seat, phase::died);
    ring.shared().consumers.end(seat, phase::died);
    return found;
  }

  struct release {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{sluice::apart_bytes}); }
  };
  std::size_t bytes;
  std::unique_ptr<std::byte, release> memory;
  ring_type ring;
};

inline constexpr u64 last_lap = ~u64{0};  // as many as there are: the next one wraps

/// What an ordered ring does, by positions: what became of each, and how far both sides are.
struct model {
  enum class is { claimed, message, nothing, out, again, gone };
  struct place {
    is state;
    u64 value;
    unsigned owner;
  };
  std::size_t capacity;
  std::vector<place> places = {};
  std::size_t head = 0;

  bool room() const { return places.size() < capacity || places[places.size() - capacity].state == is::gone; }
  void claim(u64 value, unsigned owner, is state) { places.push_back({state, value, owner}); }
  place* of(unsigned owner, is state) {
    for (auto& x : places)
      if (x.state == state && x.owner == owner) return &x;
    return nullptr;
  }
  /// The next message for a consumer, which may be one that comes again; passes what is nothing on the way.
  place* next() {
    for (auto& x : places)
      if (x.state == is::again) return &x;
    pass();
    return head < places.size() && places[head].state == is::message ? &places[head++] : nullptr;
  }
  void pass() {
    while (head < places.size() && places[head].state == is::nothing) places[head++].state = is::gone;
  }
  bool more() const { return head < places.size() && places[head].state == is::message; }
};

/// What may be asked of a ring with one order, and of one with several: the order that it is about comes last.
struct one_order {
  static constexpr unsigned orders = 1;
  template <class Ring>
  static const auto& at(const Ring& r, unsigned) { return r; }
  static auto push(auto& p, auto value, unsigned) { return p.try_push(value, no_bell); }
  static auto claim(auto& p, unsigned) { return p.try_claim(); }
  static bool came_from(const auto&, unsigned) { return true; }
};
template <unsigned N>
struct many_orders {
  static constexpr unsigned orders = N;
  template <class Ring>
  static auto at(const Ring& r, unsigned k) { return r.level(k); }
  static auto push(auto& p, auto value, unsigned k) { return p.try_push(value, no_bell, k); }
  static auto claim(auto& p, unsigned k) { return p.try_claim(k); }
  static bool came_from(const auto& c, unsigned k) { return c.priority() == k; }
};

/// Random operations of three producers and three consumers, any of which may be in the middle of one when it dies; and the
/// same on the model. Returns what went wrong first, or nothing.
template <class Box, class Orders>
std::string against_model(std::size_t capacity, u64 lap, unsigned operations, dice d) {
  using is = model::is;
  Box b(capacity);
  b.start_at_lap(lap);
  constexpr unsigned each = 3;
  std::vector<typename Box::producer> p;
  std::vector<typename Box::consumer> c;
  for (unsigned k = 0; k < each; ++k) p.push_back(b.make_producer(k)), c.push_back(b.make_consumer(each + k));
  std::vector<model> orders(Orders::orders, model{capacity});
  std::optional<u64*> slots[each];
  bool lent[each] = {};
  model *claimed[each] = {}, *lending[each] = {};  // where they are out
  u64 next = 1;
  bool filling = true;
  for (unsigned i = 0; i < operations; ++i) {
    if (d.below(40) == 0) filling = !filling;
    const unsigned k = static_cast<unsigned>(d.below(each)), o = static_cast<unsigned>(d.below(Orders::orders));
    model& m = orders[o];
    // A tomb that no consumer has come across is still in the way; one that looks for something else may have.
    const auto room = [&] {
      const auto& ring = Orders::at(b.ring, o);
      const auto at = ring.cells()[m.places.size() % capacity].word.load();
      return m.room() && (Orders::orders == 1 || ring.state_of(at) != cell_state::tomb);
    };
    if (filling ? d.below(4) != 0 : d.below(4) == 0) {
      if (slots[k]) {
        auto* const mine = claimed[k]->of(k, is::claimed);
        switch (d.below(4)) {
          case 0:
            if (Orders::push(p[k], u64{0}, o).err() != errc::busy) return "push during a claim";
            continue;
          case 1: p[k].abandon(no_bell), mine->state = is::nothing; break;
          case 2: **slots[k] = mine->value, p[k].commit(no_bell), mine->state = is::message; break;
          case 3:  // dies with it
            if (b.bury(k).undelivered != 1 || b.bury(k).undelivered != 0) return "healing a claim";
            mine->state = is::nothing, p[k] = b.make_producer(k);
            break;
        }
        slots[k].reset();
        continue;
      }
      const bool fits_one = room();
      switch (d.below(3)) {
        case 0: {
          const auto place = Orders::claim(p[k], o);
          if (static_cast<bool>(place) != fits_one) return "claim";
          if (place) slots[k] = *place, claimed[k] = &m, m.claim(next++, k, is::claimed);
          break;
        }
        case 1: {
          const auto s = Orders::push(p[k], u64{next}, o);
          if (static_cast<bool>(s) != fits_one) return "push";
          if (s) m.claim(next++, k, is::message);
          else if (s.err() != errc::full && s.err() != errc::pending) return "push, refused";
          break;
        }
        case 2: {
          std::vector<u64> many(d.below(capacity + 2) + 1);
          for (std::size_t n = 0; n < many.size(); ++n) many[n] = next + n;
          const auto n = Orders::push(p[k], std::span<const u64>(many), o);
          std::size_t fits = 0;
          for (; fits < many.size() && room(); ++fits) m.claim(next++, k, is::message);
          if ((n ? *n : 0) != fits) return "batch of pushes";
          break;
        }
      }
      continue;
    }
    if (lent[k]) {
      auto* const mine = lending[k]->of(each + k, is::out);
      switch (d.below(4)) {
        case 0:
          if (c[k].try_pop(no_bell).err() != errc::busy) return "pop during a loan";
          continue;
        case 1: c[k].consume_loan(no_bell), mine->state = is::gone; break;
        case 2: c[k].keep_loan(no_bell), mine->state = is::again; break;
        case 3:
          if (b.bury(each + k).redelivered != 1 || b.bury(each + k).redelivered != 0) return "healing a loan";
          mine->state = is::again, c[k] = b.make_consumer(each + k);
          break;
      }
      lent[k] = false;
      continue;
    }
    if (Orders::orders > 1)
      for (model& one : orders) one.pass();  // all are looked at
    model::place* at = nullptr;
    unsigned from = Orders::orders;
    while (at == nullptr && from-- > 0) at = orders[from].next();
    if (at == nullptr) from = 0;
    model& chosen = orders[from];
    const bool again = at != nullptr && at->state == is::again;
    switch (d.below(3)) {
      case 0: {
        const auto got = c[k].try_pop(no_bell);
        if (static_cast<bool>(got) != (at != nullptr)) return "pop";
        if (got && (*got != at->value || c[k].redelivered() != again || !Orders::came_from(c[k], from)))
          return "pop, another message";
        if (got) at->state = is::gone;
        else if (got.err() != errc::empty && got.err() != errc::pending) return "pop, refused";
        break;
      }
      case 1: {
        const auto got = c[k].try_borrow(no_bell);
        if (static_cast<bool>(got) != (at != nullptr)) return "borrow";
        if (got && (**got != at->value || c[k].redelivered() != again)) return "borrow, another message";
        if (got) at->state = is::out, at->owner = each + k, lent[k] = true, lending[k] = &chosen;
        break;
      }
      case 2: {
        std::vector<u64> many(d.below(capacity + 2) + 1);
        const std::size_t before = at == nullptr ? 0 : static_cast<std::size_t>(at - chosen.places.data());
        const bool passed = at != nullptr && !again && before != 0 && chosen.places[before - 1].state == is::gone;
        const auto got = c[k].try_pop(std::span<u64>(many), no_bell);
        if (static_cast<bool>(got) != (at != nullptr)) return "batch of pops";
        if (!got || at == nullptr) break;
        if (many[0] != at->value || c[k].redelivered() != again) return "batch of pops, another message";
        at->state = is::gone;
        if (*got == 1 && (again || passed || !chosen.more() || many.size() == 1)) break;  // tombs are passed one by one
        std::size_t n = 1;
        for (; n < many.size() && chosen.more() && n < capacity; ++n) {
          auto* const then = chosen.next();
          if (then == nullptr || many[n] != then->value) return "batch of pops, another message later";
          then->state = is::gone;
        }
        if (n != *got) return "batch of pops, its size";
        break;
      }
    }
  }
  return "";
}

}  // namespace ordered_test

#endif
