// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_RING_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_RING_SCENARIO_HPP

#include "ledger.hpp"
#include "lock_bytes.hpp"

#include <sluice/channel/spsc_kind.hpp>

#include <cstdio>

namespace model {

enum class style : std::uint8_t { single, batch, in_place };

/// One way to use a ring of one producer and one consumer slot.
struct ring_case {
  std::size_t capacity = 1;
  style how = style::single;
  unsigned waiting = 0;               // messages in the ring to begin with
  unsigned messages = 2;              // and pushed after that
  bool wrap = false;                  // begin so late that all counters wrap with the second message that is pushed
  bool producer_dies = false, consumer_dies = false;
  unsigned deaths = 1;                // in all, heirs included
  bool heals = false;                 // whoever is refused heals the other side, if that is dead
  unsigned inherited = 1;             // messages of a producer that follows a dead one

  [[nodiscard]] std::string text() const {
    static const char* const styles[] = {"single", "batch", "in place"};
    return "capacity " + std::to_string(capacity) + ", " + styles[static_cast<unsigned>(how)] + ", " +
           std::to_string(waiting) + "+" + std::to_string(messages) + " messages" + (wrap ? ", wrapping" : "") + (producer_dies ? ", producer dies" : "") +
           (consumer_dies ? ", consumer dies" : "") + (deaths > 1 ? ", " + std::to_string(deaths) + " deaths" : "") +
           (heals ? ", healed by the other" : "");
  }
};

/// Two processes over one ring, which push and pop until the producer closes; one of them may be killed anywhere, and is
/// then followed by an heir.
template <class Rig, unsigned W, class Word = std::uint64_t>
class ring_scenario {
  using P = watched<Word>;
  using T = item<W>;
  using kind = sluice::ring_kind<typename Rig::kind>;
  using ring_type = typename kind::template ring<T, P>;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr unsigned batch = 2;

 public:
  ring_scenario(world& w, const ring_case& c) : case_(c), ring_(fresh()) {
    P::book = &book_;
    if (c.wrap) {
      Rig::start_at(ring_, Rig::template last_lap<ring_type>);
      warm_up(ring_.blocks() * ring_type::per_block - 1 - c.waiting);
    }
    ring_.shared().producer.begin();
    ring_.shared().consumer.begin();
    expect(producer_[0].attach(ring_) && consumer_[0].attach(ring_), "an empty ring cannot be joined");
    for (unsigned id = 0; id < c.waiting; ++id) {
      expect(static_cast<bool>(producer_[0].try_push(T::make(id), no_bell)), "no room to begin with");
      book_.pushed(id);
    }
    for (unsigned g = 0; g <= (c.producer_dies ? c.deaths : 0); ++g)
      spawn(w, "producer", kind::producer_slot, g, c.producer_dies, [this, g](bool heir) {
        if (heir) join(producer_[g], kind::producer_slot);
        produce(producer_[g], g);
      });
    for (unsigned g = 0; g <= (c.consumer_dies ? c.deaths : 0); ++g)
      spawn(w, "consumer", kind::consumer_slot, g, c.consumer_dies, [this, g](bool heir) {
        if (heir) join(consumer_[g], kind::consumer_slot);
        consume(consumer_[g]);
      });
    w.on_death = [this](unsigned who) {
      if (part_[who].slot == kind::producer_slot) book_.producer_died(part_[who].generation * ledger::session, what_is_left());
      else book_.consumer_died(what_is_left());
    };
    name_words(w);
  }
  void finish() {
    book_.settle(what_is_left());
    check_capacity();
  }

 private:
  static constexpr unsigned generations = 3;

  // The first of a line holds the slot already; each of the others begins at the grave of the one before.
  template <class Act>
  void spawn(world& w, const char* name, unsigned slot, unsigned generation, bool mortal, Act act) {
    const bool heir = generation != 0;
    world::role r{.killable = mortal && generation < case_.deaths};
    if (heir) r.heir_of = &graves_[slot][generation - 1];
    const unsigned t = w.spawn(name, r, [act, heir] { act(heir); });
    part_[t] = {slot, generation};
    w.hold(t, &graves_[slot][generation]);
    if (!heir) w.hold(t, &locks_.life[slot]);
    w.call(graves_[slot][generation], slot == kind::producer_slot ? "grave of producer " : "grave of consumer ", generation);
  }
  // As if so many messages had gone through already.
  void warm_up(std::size_t n) {
    producer p;
    consumer c;
    expect(static_cast<bool>(p.attach(ring_)), "attach");
    expect(static_cast<bool>(c.attach(ring_)), "attach");
    for (; n != 0; --n) {
      expect(static_cast<bool>(p.try_push(T{}, no_bell)), "no room to begin with");
      expect(static_cast<bool>(c.try_pop(no_bell)), "no message to begin with");
    }
  }
  static constexpr std::size_t most_bytes = 4096;
  alignas(sluice::apart_bytes) static inline std::byte memory_[most_bytes];
  alignas(sluice::apart_bytes) static inline std::byte image_[most_bytes];

  ring_type fresh() const {
    const std::size_t n = ring_type::bytes_for(case_.capacity);
    if (n == 0 || n > most_bytes) std::abort();
    std::memset(memory_, 0, n);
    return ring_type(memory_, case_.capacity, true);
  }
  // What a consumer of a copy of the ring, as it is now, would get.
  std::vector<unsigned> what_is_left() const {
    const std::size_t n = ring_type::bytes_for(case_.capacity);
    std::memcpy(image_, memory_, n);
    const ring_type image(image_, case_.capacity, true);
    for (const unsigned slot : {kind::producer_slot, kind::consumer_slot}) (void)kind::heal(image, slot, no_bell);
    std::vector<unsigned> all;
    consumer c;
    if (!c.attach(image)) fail("a crash image cannot be joined");
    for (;;) {
      const auto m = c.try_pop(no_bell);
      if (!m) {
        expect(m.err() == sluice::errc::empty || m.err() == sluice::errc::closed, "a crash image is corrupt");
        return all;
      }
      all.push_back(m->id());
    }
  }
  void check_capacity() {
    producer p;
    consumer c;
    expect(p.attach(ring_) && c.attach(ring_), "the ring cannot be joined afterwards");
    sluice::error end;
    while (!end) end = c.try_pop(no_bell).err();
    if (!case_.producer_dies) expect((end == sluice::errc::closed) != told_, "an end is told once");
    for (unsigned lap = 0; lap < 2; ++lap) {
      for (unsigned k = 0; k < case_.capacity; ++k)
        expect(static_cast<bool>(p.try_push(T::make(k), no_bell)), "capacity was lost");
      expect(p.try_push(T{}, no_bell).err() == sluice::errc::full, "capacity has grown");
      for (unsigned k = 0; k < case_.capacity; ++k) {
        const auto m = c.try_pop(no_bell);
        expect(m && m->id() == k, "a message was lost afterwards");
      }
    }
  }
  void name_words(world& w) const {
    Rig::each_word(ring_, [&](const auto& word, const char* name, unsigned number) { w.call(word, name, number); });
    locks_.name_words(w);
  }
  template <class Side>
  void join(Side& side, unsigned slot) {
    locks_.join(slot, [&] {
      (void)kind::heal(ring_, slot, no_bell);
      if (!side.attach(ring_)) fail("the heir cannot attach");
      side.mine().begin();
    });
  }
  void refused(sluice::error e, sluice::errc expected, unsigned peer) {
    if (e != expected) fail(std::string("refused for a wrong reason: ") + std::to_string(static_cast<int>(e.code)));
    saw(expected == sluice::errc::full ? "full" : "empty");
    if (case_.heals && sluice::heal_if_dead(locks_, peer, [&] { (void)kind::heal(ring_, peer, no_bell); })) saw("healed");
    P::pause();
  }

  void produce(producer& p, unsigned generation) {
    const unsigned first = generation == 0 ? case_.waiting : generation * ledger::session;
    const unsigned n = generation == 0 ? case_.messages : case_.inherited;
    unsigned id = first;
    while (id != first + n) {
      sluice::error e;
      if (case_.how == style::batch) {
        T some[batch];
        const unsigned want = first + n - id < batch ? first + n - id : batch;
        for (unsigned k = 0; k < want; ++k) some[k] = T::make(id + k), book_.pushing(id + k);
        const auto done = p.try_push(std::span<const T>(some, want), no_bell);
        e = done.err();
        for (unsigned k = 0; k < want; ++k)
          if (done && k < *done) book_.pushed(id + k);
          else book_.withdrawn(id + k);
        if (done) id += static_cast<unsigned>(*done);
      } else if (case_.how == style::in_place) {
        if (auto place = p.try_claim()) {
          P::copy_out(*place, T::make(id + 1));  // thinks better of it
          p.abandon(no_bell);
          place = p.try_claim();
          expect(static_cast<bool>(place), "an abandoned place cannot be claimed again");
          book_.pushing(id);
          P::copy_out(*place, T::make(id));
          p.commit(no_bell);
          book_.pushed(id++);
        } else {
          e = place.err();
        }
      } else {
        book_.pushing(id);
        const auto s = p.try_push(T::make(id), no_bell);
        e = s.err();
        if (s) book_.pushed(id++);
        else book_.withdrawn(id);
      }
      if (e) refused(e, sluice::errc::full, kind::consumer_slot);
    }
    expect(p.mine().peek().now() == sluice::phase::live, "the session of the living was ended by somebody else");
    if (generation < first_closed_) first_closed_ = generation;
    p.mine().end(sluice::phase::closed);
  }
  void consume(consumer& c) {
    for (;;) {
      sluice::error e;
      if (case_.how == style::batch) {
        T some[batch];
        const auto n = c.try_pop(std::span<T>(some, batch), no_bell);
        e = n.err();
        for (unsigned k = 0; n && k < *n; ++k) book_.popped(some[k].id());
      } else if (case_.how == style::in_place) {
        if (auto lent = c.try_borrow()) {
          const T first = P::copy_in(*lent);
          c.keep_loan(no_bell);
          book_.put_back();
          lent = c.try_borrow();
          expect(static_cast<bool>(lent), "a message that was kept is gone");
          const T again = P::copy_in(*lent);
          expect(std::memcmp(&first, &again, sizeof again) == 0, "a message that was kept has changed");
          c.consume_loan(no_bell);
          book_.popped(again.id());
        } else {
          e = lent.err();
        }
      } else {
        const auto m = c.try_pop(no_bell);
        e = m.err();
        if (m) book_.popped(m->id());
      }
      if (e == sluice::errc::closed) {
        saw("closed");
        told_ = true;
        expect(first_closed_ < generations, "an end that nobody made");
        book_.all_out(0, (first_closed_ + 1) * ledger::session);
        return;
      }
      if (e) refused(e, sluice::errc::empty, kind::producer_slot);
    }
  }

  ring_case case_;
  ring_type ring_;
  producer producer_[generations];
  consumer consumer_[generations];
  struct part {
    unsigned slot, generation;
  };
  part part_[2 * generations] = {};
  ledger book_;
  unsigned first_closed_ = generations;  // the first generation of producers that closed
  bool told_ = false;
  lock_bytes locks_;
  std::uint32_t graves_[2][generations] = {};
};

template <class Rig, unsigned W, class Word = std::uint64_t>
report explore_ring(const ring_case& c, options o = {}) {
  const std::string name = std::string(Rig::name) + " of " + std::to_string(W * 8) + " bytes, " + c.text();
  o.name = name.c_str();
  o.kills = c.producer_dies || c.consumer_dies ? c.deaths : 0;
  return explore(o, [&](world& w) { return ring_scenario<Rig, W, Word>(w, c); });
}

}  // namespace model

#endif
