// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_LANES_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_LANES_SCENARIO_HPP

#include "ledger.hpp"
#include "lock_bytes.hpp"
#include "rig/lanes.hpp"

#include <string>
#include <vector>

namespace model {

/// One way to use two lanes and their consumer. What a lane does by itself is proved with the spsc ring, whose writer and
/// reader it shares; this is about who is looked at, what an end means, and who is followed by whom.
struct lanes_case {
  unsigned producers = 2;
  std::size_t capacity = 1;
  unsigned messages = 1;  // of each producer, which then closes
  bool batches = false;   // the consumer pops two at a time
  bool wrap = false;
  bool producer_dies = false, consumer_dies = false;  // the first producer; an heir comes to the place of the consumer

  [[nodiscard]] std::string text() const {
    return std::to_string(producers) + "P1C, capacity " + std::to_string(capacity) + ", " + std::to_string(messages) + " messages" +
           (batches ? ", in batches" : "") + (wrap ? ", wrapping" : "") + (producer_dies ? ", producer dies" : "") +
           (consumer_dies ? ", consumer dies" : "");
  }
};

/// A ledger for each producer, since there is no order between them.
struct ledgers {
  ledger of[rig::lanes::producers];
  [[nodiscard]] ledger& at(unsigned id) {
    if (id / ledger::session >= rig::lanes::producers) fail("a message came out that is not whole");
    return of[id / ledger::session];
  }
  void reading(unsigned id) { at(id).reading(id); }
};

class lanes_scenario {
  using P = watched<std::uint64_t, ledgers>;
  using T = item<1>;
  using kind = sluice::ring_kind<rig::lanes::kind>;
  using ring_type = kind::ring<T, P>;
  using producer = kind::producer<T, P>;
  using consumer = kind::consumer<T, P>;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr unsigned consumer_slot = 0;

 public:
  lanes_scenario(world& w, const lanes_case& c) : case_(c), ring_(fresh()) {
    P::book = &book_;
    locks_.slots = rig::lanes::producers + 1;
    if (c.wrap) rig::lanes::start_at(ring_, rig::lanes::last_lap<ring_type>);
    begin(consumer_, consumer_slot);
    for (unsigned k = 0; k < c.producers; ++k) begin(producer_[k], k + 1);
    for (unsigned k = 0; k < c.producers; ++k) {
      const unsigned t = w.spawn("producer " + std::to_string(k), {.killable = c.producer_dies && k == 0}, [this, k] { produce(k); });
      w.hold(t, &locks_.life[k + 1]);
      slot_[t] = k + 1;
    }
    const unsigned t = w.spawn("consumer", {.killable = c.consumer_dies}, [this] { consume(consumer_, false); });
    w.hold(t, &locks_.life[consumer_slot]);
    w.hold(t, &grave_);
    slot_[t] = consumer_slot;
    if (c.consumer_dies) {
      world::role r;
      r.heir_of = &grave_;
      slot_[w.spawn("heir", r, [this] {
        locks_.join(consumer_slot, [&] {
          (void)kind::heal(ring_, consumer_slot, no_bell);
          begin(heir_, consumer_slot);
        });
        consume(heir_, true);
      })] = consumer_slot;
    }
    w.on_death = [this](unsigned who) {
      const auto left = what_is_left();
      if (slot_[who] != consumer_slot) book_.of[slot_[who] - 1].producer_died((slot_[who] - 1) * ledger::session, left);
      else
        for (auto& b : book_.of) b.consumer_died(left);
    };
    rig::lanes::each_word(ring_, [&](const auto& a, const char* name, unsigned number) { w.call(a, name, number); });
    rig::lanes::each_empty_seat(ring_, [&](const void* from, const void* to) { w.constant(from, to); });
    locks_.name_words(w);
  }
  void finish() {
    const auto left = what_is_left();
    for (unsigned k = 0; k < rig::lanes::producers; ++k) {
      std::vector<unsigned> of_lane;
      for (const unsigned id : left)
        if (id / ledger::session == k) of_lane.push_back(id);
      book_.of[k].settle(of_lane);
    }
    if (!told_) return;
    consumer again;
    expect(again.attach(ring_) && again.try_pop(no_bell).err() == sluice::errc::empty, "an end was told twice");
  }

 private:
  static constexpr std::size_t most_bytes = 4096;
  alignas(sluice::apart_bytes) static inline std::byte memory_[most_bytes];
  alignas(sluice::apart_bytes) static inline std::byte image_[most_bytes];

  [[nodiscard]] ring_type fresh() const {
    const std::size_t n = ring_type::bytes_for(case_.capacity);
    if (n == 0 || n > most_bytes) std::abort();
    std::memset(memory_, 0, n);
    return ring_type(memory_, case_.capacity);
  }
  template <class Side>
  void begin(Side& side, unsigned slot) {
    if (!side.attach(ring_, slot)) fail("the ring cannot be joined");
    side.begin();
  }
  // What a consumer of a copy of the ring, as it is now, would get; and then every lane has its capacity again.
  [[nodiscard]] std::vector<unsigned> what_is_left() const {
    std::memcpy(image_, memory_, ring_type::bytes_for(case_.capacity));
    const ring_type image(image_, case_.capacity);
    for (unsigned slot = 0; slot <= rig::lanes::producers; ++slot) (void)kind::heal(image, slot, no_bell);
    std::vector<unsigned> all;
    consumer c;
    if (!c.attach(image)) fail("a crash image cannot be joined");
    while (const auto m = c.try_pop(no_bell)) all.push_back(m->id());
    const auto end = c.try_pop(no_bell).err().code;
    expect(end == sluice::errc::empty || end == sluice::errc::closed || end == sluice::errc::peer_died, "a crash image is corrupt");
    for (unsigned k = 0; k < rig::lanes::producers; ++k) {
      producer p;
      expect(static_cast<bool>(p.attach(image, k + 1)), "a lane cannot be taken over");
      p.begin();
      for (unsigned n = 0; n < case_.capacity; ++n) expect(static_cast<bool>(p.try_push(T::make(n), no_bell)), "capacity was lost");
      expect(p.try_push(T{}, no_bell).err() == sluice::errc::full, "capacity has grown");
      for (unsigned n = 0; n < case_.capacity; ++n) {
        const auto m = c.try_pop(no_bell);
        expect(m && m->id() == n, "a message was lost afterwards");
      }
    }
    return all;
  }
  void refused() {
    const unsigned me = world::me();
    bool any = false;
    for (unsigned k = 0; k <= case_.producers; ++k) {
      if (k == slot_[me] || (healed_by_[me] & 1u << k) != 0) continue;
      if (!sluice::heal_if_dead(locks_, k, [&] { (void)kind::heal(ring_, k, no_bell); })) continue;
      healed_by_[me] |= 1u << k;  // once: two that heal on and on would keep each other awake
      saw("healed");
      any = true;
    }
    if (!any) P::pause();
  }
  void produce(unsigned k) {
    auto& p = producer_[k];
    auto& book = book_.of[k];
    for (unsigned id = k * ledger::session; id != k * ledger::session + case_.messages;) {
      book.pushing(id);
      const auto s = p.try_push(T::make(id), no_bell);
      if (s) {
        book.pushed(id++);
        continue;
      }
      book.withdrawn(id);
      if (s.err() != sluice::errc::full) {
        expect(case_.consumer_dies, "a push was refused for a wrong reason");
        break;
      }
      saw("full");
      refused();
    }
    p.end(sluice::phase::closed, no_bell);
  }
  // An heir cannot know whether the end was told before, so it takes what there is.
  void consume(consumer& c, bool heir) {
    using enum sluice::errc;
    for (;;) {
      sluice::error e;
      if (case_.batches) {
        T some[2];
        const auto n = c.try_pop(std::span<T>(some), no_bell);
        e = n.err();
        for (unsigned k = 0; n && k < *n; ++k) book_.at(some[k].id()).popped(some[k].id());
        if (n && *n == 2) saw("a batch of two");
      } else {
        const auto m = c.try_pop(no_bell);
        e = m.err();
        if (m) book_.at(m->id()).popped(m->id());
      }
      if (!e) continue;
      if (e == closed || e == peer_died) {
        expect(e == closed || case_.producer_dies, "a death that was none");
        saw(e == closed ? "closed" : "peer_died");
        told_ = true;
        for (auto& b : book_.of) b.all_out(0, ledger::most);
        break;
      }
      expect(e == empty, "a pop was refused for a wrong reason");
      saw("empty");
      if (heir) break;
      refused();
    }
    c.end(sluice::phase::closed, no_bell);
  }

  lanes_case case_;
  ring_type ring_;
  producer producer_[rig::lanes::producers];
  consumer consumer_, heir_;
  ledgers book_;
  bool told_ = false;  // of the end
  unsigned slot_[max_threads + 1] = {}, healed_by_[max_threads + 1] = {};
  lock_bytes locks_;
  std::uint32_t grave_ = 0;
};

inline report explore_lanes(const lanes_case& c, options o = {}) {
  const std::string name = "lanes " + c.text();
  o.name = name.c_str();
  o.kills = c.producer_dies || c.consumer_dies ? 1 : 0;
  return explore(o, [&](world& w) { return lanes_scenario(w, c); });
}

}  // namespace model

#endif
