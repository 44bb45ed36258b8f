// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_CROWD_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_CROWD_SCENARIO_HPP

#include "ring_scenario.hpp"

#include <sluice/ring/ordered_consumer.hpp>
#include <sluice/ring/ordered_producer.hpp>

#include <bit>
#include <utility>

namespace model {

/// One way to use a ring of several producers or consumers.
struct crowd_case {
  unsigned producers = 1, consumers = 1;
  std::size_t capacity = 1;
  style how = style::single;
  unsigned waiting = 0;                 // messages in the ring to begin with
  unsigned messages = 1;                // that each producer tries to push after that
  unsigned pops = 1;                    // that each consumer tries
  bool ends = false;                    // instead, each tries until it is done: until all is pushed, until the end is told
  bool wrap = false;                    // begin so late that all counters wrap with the second message that is pushed
  bool producer_dies = false, consumer_dies = false;  // the first of them, unless `all_mortal`
  bool all_mortal = false;
  unsigned deaths = 1;                  // in all
  bool heals = true;                    // whoever is refused heals the dead
  bool heir = false;                    // an heir comes to the slot of the first producer, the first consumer; not with `ends`
  bool drops = false;                   // what a dead consumer held is dropped, not redelivered
  bool relay = false;                   // the last producer begins when the first has pushed, the first consumer too
  bool keeps_again = false;             // in place: nothing is abandoned, and each consumer keeps once, whatever it is

  [[nodiscard]] std::string text() const {
    static const char* const styles[] = {"single", "batch", "in place"};
    return std::to_string(producers) + "P" + std::to_string(consumers) + "C, capacity " + std::to_string(capacity) + ", " +
           styles[static_cast<unsigned>(how)] + ", " + std::to_string(waiting) + "+" + std::to_string(messages) + " messages" +
           (ends ? ", until the end" : ", " + std::to_string(pops) + " pops") + (wrap ? ", wrapping" : "") +
           (producer_dies ? ", producer dies" : "") + (consumer_dies ? ", consumer dies" : "") + (all_mortal ? ", or another" : "") +
           (deaths > 1 ? ", " + std::to_string(deaths) + " deaths" : "") + (heir ? ", heir" : "") + (heals ? "" : ", not healed") + (drops ? ", dropped" : "") +
           (relay ? ", relayed" : "") + (keeps_again ? ", kept again" : "");
  }
};

/// Several processes over one ordered ring. Some may be killed anywhere; the others heal what they left, or an heir does.
template <class Rig>
class crowd_scenario {
  using P = watched<std::uint64_t>;
  using T = item<2>;
  using kind = sluice::ring_kind<typename Rig::kind>;
  using ring_type = typename kind::template ring<T, P>;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;
  using word = typename ring_type::word;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr unsigned batch = 2, most_sides = 4;

 public:
  crowd_scenario(world& w, const crowd_case& c, bool newest)
      : case_(c), newest_(newest), slots_(c.producers + c.consumers), ring_(fresh()), book_(c.producers, true) {
    P::book = &book_;
    locks_.slots = slots_;
    if (c.wrap) {
      Rig::start_at(ring_, Rig::template last_lap<ring_type>);
      warm_up(c.capacity > 1 + c.waiting ? c.capacity - 1 - c.waiting : 0);
    }
    for (unsigned k = 0; k < c.producers; ++k) begin(producer_[k], producer_slot(k));
    for (unsigned k = 0; k < c.consumers; ++k) begin(consumer_[k], consumer_slot(k));
    for (unsigned id = 0; id < c.waiting; ++id) {
      book_.pushing(id);
      expect(static_cast<bool>(producer_[0].try_push(T::make(id), no_bell)), "no room to begin with");
      book_.pushed(id);
    }
    for (unsigned k = 0; k < c.producers; ++k)
      spawn(w, "producer ", producer_slot(k), c.producer_dies && (k == 0 || c.all_mortal), false, k, [this, k] {
        if (case_.relay && k != 0) wait_for_baton();
        produce(producer_[k], k, k == 0 ? case_.waiting : 0);
      });
    for (unsigned k = 0; k < c.consumers; ++k)
      spawn(w, "consumer ", consumer_slot(k), c.consumer_dies && (k == 0 || c.all_mortal), false, k, [this, k] {
        if (case_.relay && k == 0) wait_for_baton();
        consume(consumer_[k]);
      });
    if (c.heir && c.producer_dies)
      spawn(w, "heir of producer ", producer_slot(0), false, true, 0, [this] {
        join(heir_of_producer_, producer_slot(0));
        produce(heir_of_producer_, case_.producers, 0);
      });
    if (c.heir && c.consumer_dies)
      spawn(w, "heir of consumer ", consumer_slot(0), false, true, 0, [this] {
        join(heir_of_consumer_, consumer_slot(0));
        consume(heir_of_consumer_);
      });
    w.on_death = [this](unsigned who) {
      const unsigned slot = slot_[who];
      disturbed_ = true;
      dead_ |= 1u << slot, died_ |= 1u << slot;
      const auto left = what_is_left(dead_ & ~(1u << slot)).first;
      if (is_producer(slot)) book_.producer_died((slot - producer_slot(0)) * ledger::session, left);
      else book_.consumer_died(left, who);
      if (case_.drops) book_.dropped(left, what_is_left(dead_).first);
    };
    Rig::each_word(ring_, slots_, [&](const auto& a, const char* name, unsigned number) { w.call(a, name, number); });
    Rig::each_empty_seat(ring_, slots_, [&](const void* from, const void* to) { w.constant(from, to); });
    locks_.name_words(w);
    w.call(baton_, "baton ");
    w.call(grave_[0], "grave of producer "), w.call(grave_[1], "grave of consumer ");
  }
  void finish() {
    const auto [left, redelivered] = what_is_left(~0u);
    book_.settle(left, redelivered);
    check_capacity(left);
  }

 private:
  // ---- the stage

  static constexpr unsigned producer_slot(unsigned k) noexcept { return Rig::producers != 1 && Rig::consumers == 1 ? k + 1 : k; }
  [[nodiscard]] unsigned consumer_slot(unsigned k) const noexcept { return Rig::consumers == 1 ? k : k + case_.producers; }
  [[nodiscard]] bool is_producer(unsigned slot) const noexcept { return slot - producer_slot(0) < case_.producers; }

  template <class Side>
  void begin(Side& side, unsigned slot) {
    if (!side.attach(ring_, slot)) fail("an empty ring cannot be joined");
    side.begin();
  }
  template <class Act>
  void spawn(world& w, const char* name, unsigned slot, bool mortal, bool heir, unsigned number, Act act) {
    std::uint32_t& grave = grave_[is_producer(slot) ? 0 : 1];
    world::role r{.killable = mortal};
    if (heir) r.heir_of = &grave;
    const unsigned t = w.spawn(name + std::to_string(number), r, act);
    slot_[t] = slot;
    if (heir) return;
    if (number == 0) w.hold(t, &grave);
    w.hold(t, &locks_.life[slot]);
  }
  void warm_up(std::size_t n) {  // as if so many messages had gone through already
    producer p;
    consumer c;
    expect(p.attach(ring_, 0) && c.attach(ring_, 0), "attach");
    for (; n != 0; --n) {
      expect(static_cast<bool>(p.try_push(T{}, no_bell)), "no room to begin with");
      expect(static_cast<bool>(c.try_pop(no_bell)), "no message to begin with");
    }
  }
  static constexpr std::size_t most_bytes = 4096;
  alignas(sluice::apart_bytes) static inline std::byte memory_[most_bytes];
  alignas(sluice::apart_bytes) static inline std::byte image_[most_bytes];

  [[nodiscard]] ring_type fresh() const {
    const std::size_t n = ring_type::bytes_for(case_.capacity);
    if (n == 0 || n > most_bytes || case_.producers > most_sides || case_.consumers > most_sides || slots_ > locks_.most) std::abort();
    std::memset(memory_, 0, n);
    return ring_type(memory_, case_.capacity, true);
  }
  void heal(const ring_type& r, unsigned slot) const {
    const auto found = kind::heal(r, slot, no_bell, case_.drops ? sluice::orphans::drop : sluice::orphans::redeliver);
    expect((case_.drops ? found.redelivered : found.dropped) == 0, "it was healed the other way");
  }
  // What a consumer of a copy of the ring, as it is now, would get once everybody was dead, but nothing was dropped of those
  // at other slots than `dead`; how many of it as redelivered.
  [[nodiscard]] std::pair<std::vector<unsigned>, std::size_t> what_is_left(unsigned dead) const {
    std::memcpy(image_, memory_, ring_type::bytes_for(case_.capacity));
    const ring_type image(image_, case_.capacity, true);
    for (unsigned slot = 0; slot < slots_; ++slot)
      if ((dead >> slot & 1u) != 0) heal(image, slot);
      else (void)kind::heal(image, slot, no_bell);
    for (unsigned slot = 0; slot < slots_; ++slot) {
      const auto again = image.heal(slot);
      expect(again.undelivered == 0 && again.redelivered == 0, "healing a second time finds something to do");
    }
    std::pair<std::vector<unsigned>, std::size_t> all;
    consumer c;
    if (!c.attach(image, consumer_slot(0))) fail("a crash image cannot be joined");
    for (;;) {
      const auto m = c.try_pop(no_bell);
      if (!m) {
        expect(m.err() == sluice::errc::empty || m.err() == sluice::errc::closed, "a crash image is corrupt");
        break;
      }
      all.first.push_back(m->id());
      if (c.redelivered()) expect(++all.second == all.first.size(), "something else came before what is redelivered");
    }
    check_capacity(image);
    return all;
  }
  void check_capacity(const ring_type& r) const {
    producer p;
    consumer c;
    expect(p.attach(r, producer_slot(0)) && c.attach(r, consumer_slot(0)), "the ring cannot be joined afterwards");
    for (unsigned lap = 0; lap < 2; ++lap) {
      for (unsigned k = 0; k < case_.capacity; ++k)
        expect(static_cast<bool>(p.try_push(T::make(k), no_bell)), "capacity was lost");
      expect(p.try_push(T{}, no_bell).err() == sluice::errc::full, "capacity has grown");
      for (unsigned k = 0; k < case_.capacity; ++k) {
        const auto m = c.try_pop(no_bell);
        expect(m && m->id() == k && !c.redelivered(), "a message was lost afterwards");
      }
    }
  }
  void check_capacity(const std::vector<unsigned>& left) {
    for (unsigned slot = 0; slot < slots_; ++slot)
      if (locks_.life[slot] == 0) heal(ring_, slot);  // dead, or it has finished; that is no difference here
    // Who was there all the time finds what somebody finds who comes now.
    consumer c;
    expect(static_cast<bool>(c.attach(ring_, consumer_slot(0))), "the ring cannot be joined afterwards");
    for (unsigned k = 0; k < case_.consumers; ++k)
      if ((died_ >> consumer_slot(k) & 1) == 0) {
        for (const unsigned id : left) {
          const auto m = consumer_[k].try_pop(no_bell);
          expect(m && m->id() == id, "a consumer that was there before does not find what is left");
        }
        break;
      }
    sluice::error end;
    while (!end) end = c.try_pop(no_bell).err();
    if (case_.ends && !disturbed_) expect((end == sluice::errc::closed) != told_, "an end is told once");
    check_capacity(ring_);
  }

  // ---- acts

  template <class Side>
  void join(Side& side, unsigned slot) {
    locks_.join(slot, [&] {
      heal(ring_, slot);
      dead_ &= ~(1u << slot);
      if (!side.attach(ring_, slot)) fail("the heir cannot attach");
      side.begin();
    });
  }
  void wait_for_baton() {
    while (baton_.load(order::acquire) == 0) P::pause();
  }
  bool heal_all() {
    bool any = false;
    for (unsigned k = 0; k < slots_; ++k)
      if (k != slot_[world::me()] && locks_.heal_once(k, [&] { heal(ring_, k); })) any = true;
    if (any) saw("healed");
    return any;
  }
  // Each operation is between these.
  void enter() {
    const unsigned me = world::me();
    overlaps_.enter(newest_);
    known_pushed_[me] = book_.known_pushed(newest_), known_popped_[me] = book_.known_popped(newest_);
  }
  void exit() { overlaps_.exit(); }
  [[nodiscard]] bool at_rest() const noexcept { return !disturbed_ && overlaps_.alone(); }
  // Is it in the ring, and before the head: the bytes, whatever a thread may see of them?
  [[nodiscard]] bool untaken(unsigned id) const {
    word head = 0;
    std::memcpy(&head, &ring_.order().head, sizeof head);
    word at = ring_type::position_of(head);
    for (unsigned k = 0; k < case_.capacity; ++k, at = ring_.next(at)) {
      auto& cell = ring_.cells()[ring_.index_of(at)];
      word w = 0;
      T item;
      std::memcpy(&w, &cell.word, sizeof w);
      std::memcpy(static_cast<void*>(&item), cell.bytes, sizeof item);
      if (w == ring_type::cell_word(ring_.lap_of(at), sluice::cell_state::full) && item.id() == id) return true;
    }
    return false;
  }
  bool push_refused(sluice::error e) {
    using enum sluice::errc;
    expect(e == full || e == pending, "a push was refused for a wrong reason");
    saw(e == full ? "full" : "push pending");
    const unsigned me = world::me();
    const bool tombs = case_.how == style::in_place || disturbed_;
    const auto there = static_cast<unsigned>(std::popcount(book_.begun() & ~known_popped_[me]));
    if (e == full && !tombs) expect(there >= case_.capacity, "full, though there is room");
    if (at_rest() && !tombs) {
      saw("a push at rest");
      expect(e == full, "a push is held up by nobody");
    }
    return case_.heals && heal_all();
  }
  bool pop_refused(sluice::error e) {
    using enum sluice::errc;
    expect(e == empty || e == pending, "a pop was refused for a wrong reason");
    saw(e == empty ? "empty" : "pop pending");
    const unsigned me = world::me();
    if (e == empty)
      for (auto all = known_pushed_[me] & ~book_.out(); all != 0; all &= all - 1)
        expect(!untaken(static_cast<unsigned>(std::countr_zero(all))), "empty, though a message is there");
    if (at_rest()) {
      saw("a pop at rest");
      expect(e == empty && (book_.committed() & ~book_.out()) == 0, "a pop is refused though nothing is in its way");
    }
    return case_.heals && heal_all();
  }

  void produce(producer& p, unsigned session, unsigned done) {
    const unsigned first = session * ledger::session + done, last = first + case_.messages;
    unsigned id = first;
    for (unsigned tries = 0; id != last && (case_.ends || tries != case_.messages); ++tries) {
      sluice::error e;
      enter();
      if (case_.how == style::batch) {
        T some[batch];
        const unsigned want = last - id < batch ? last - id : batch;
        for (unsigned k = 0; k < want; ++k) some[k] = T::make(id + k), book_.pushing(id + k);
        const auto n = p.try_push(std::span<const T>(some, want), no_bell);
        e = n.err();
        for (unsigned k = 0; k < want; ++k)
          if (n && k < *n) book_.pushed(id + k);
          else book_.withdrawn(id + k);
        if (n) id += static_cast<unsigned>(*n);
        if (n && *n == batch) saw("a batch was pushed");
      } else if (case_.how == style::in_place) {
        book_.pushing(id);
        if (auto place = p.try_claim()) {
          P::copy_out(*place, T::make(id));
          if (id == first && !abandoned_[session] && !case_.keeps_again) {
            abandoned_[session] = true;
            P::copy_out(*place, T::make(id + 1));  // thinks better of it
            book_.withdrawn(id);
            p.abandon(no_bell);
            saw("abandoned");
          } else {
            p.commit(no_bell);
            book_.pushed(id++);
          }
        } else {
          e = place.err();
          book_.withdrawn(id);
        }
      } else {
        book_.pushing(id);
        const auto s = p.try_push(T::make(id), no_bell);
        e = s.err();
        if (s) book_.pushed(id++);
        else book_.withdrawn(id);
      }
      const bool again = e && !push_refused(e);
      exit();
      if (again && case_.ends) P::pause();
    }
    if (case_.relay && session == 0) baton_.store(1, order::release);
    if (case_.ends) p.end(sluice::phase::closed, no_bell);
  }
  void consume(consumer& c) {
    for (unsigned tries = 0; case_.ends || tries != case_.pops; ++tries) {
      sluice::error e;
      enter();
      book_.popping();
      if (case_.how == style::batch) {
        T some[batch];
        const auto n = c.try_pop(std::span<T>(some, batch), no_bell);
        e = n.err();
        for (unsigned k = 0; n && k < *n; ++k) book_.popped(some[k].id(), c.redelivered());
        if (n && *n == batch) saw("a batch was popped");
      } else if (case_.how == style::in_place) {
        if (auto lent = c.try_borrow(no_bell)) {
          const T message = P::copy_in(*lent);
          if (case_.keeps_again ? !std::exchange(kept_[world::me()], true) : !c.redelivered()) {
            book_.put_back();
            c.keep_loan(no_bell);
            saw("kept");
          } else {
            c.consume_loan(no_bell);
            book_.popped(message.id(), true);
          }
        } else {
          e = lent.err();
        }
      } else {
        const auto m = c.try_pop(no_bell);
        e = m.err();
        if (m) book_.popped(m->id(), c.redelivered());
      }
      if (!e && c.redelivered()) saw("redelivered");
      if (e == sluice::errc::closed) {
        saw("closed");
        told_ = true;
        expect(case_.ends, "an end that nobody made");
        book_.all_out(0, case_.producers * ledger::session);
        return exit();
      }
      const bool again = e && !pop_refused(e);
      exit();
      if (again && case_.ends) P::pause();
    }
  }

  crowd_case case_;
  bool newest_;  // loads see the newest
  unsigned slots_;
  ring_type ring_;
  producer producer_[most_sides], heir_of_producer_;
  consumer consumer_[most_sides], heir_of_consumer_;
  unsigned slot_[max_threads + 1] = {};
  ledger book_;
  bool told_ = false, disturbed_ = false;  // an end; by a death
  bool abandoned_[ledger::most / ledger::session] = {}, kept_[max_threads + 1] = {};
  overlaps overlaps_;
  unsigned dead_ = 0, died_ = 0;  // slots: not healed yet; ever
  std::uint64_t known_pushed_[max_threads + 1] = {}, known_popped_[max_threads + 1] = {};
  atomic<std::uint32_t> baton_{0};
  lock_bytes locks_;
  std::uint32_t grave_[2] = {};
};

template <class Rig>
report explore_crowd(const crowd_case& c, options o = {}) {
  std::string name = std::string(Rig::name) + " " + c.text();
  if (o.stale != ~0u) name += ", at most " + std::to_string(o.stale) + " old values";
  o.name = name.c_str();
  o.kills = c.producer_dies || c.consumer_dies ? c.deaths : 0;
  return explore(o, [&](world& w) { return crowd_scenario<Rig>(w, c, o.stale == 0); });
}

}  // namespace model

#endif
