// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_BYTES_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_BYTES_SCENARIO_HPP

#include "ledger.hpp"
#include "lock_bytes.hpp"

#include <sluice/ring/bytes.hpp>

#include <cstdlib>

namespace model {

/// One way to use a ring of bytes. Sizes are in granules, and up to the whole ring.
struct bytes_case {
  std::size_t capacity = 3;
  unsigned at = 0;                    // the granule of the first message
  std::vector<unsigned> sizes;        // of the messages
  unsigned heir_size = 1;             // of the one message of a producer that follows a dead one
  bool in_place = false;              // claimed too large at first, given back, claimed again, shrunk; lent, kept, lent again
  bool wrap = false;                  // begin in the last lap
  bool producer_dies = false, consumer_dies = false;

  [[nodiscard]] std::string text() const {
    std::string s = "bytes, " + std::to_string(capacity) + " granules from " + std::to_string(at) + ", messages of";
    for (const unsigned n : sizes) s += " " + std::to_string(n);
    return s + (in_place ? ", in place" : "") + (wrap ? ", wrapping" : "") +
           (producer_dies ? ", producer dies, heir of " + std::to_string(heir_size) : "") + (consumer_dies ? ", consumer dies" : "");
  }
};

/// Two processes over one ring of bytes; one of them may be killed anywhere, and is then followed by an heir.
template <class Word>
class bytes_scenario {
  using P = policy<Word>;
  using ring_type = sluice::bytes_ring<P>;
  using producer = sluice::bytes_producer<P>;
  using consumer = sluice::bytes_consumer<P>;
  using words = sluice::bytes_words<P>;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr std::size_t granule = sluice::bytes_granule;
  enum : unsigned { producer_slot = 0, consumer_slot = 1 };

 public:
  bytes_scenario(world& w, const bytes_case& c) : case_(c), ring_(fresh()) {
    if (c.wrap) {
      const Word lap = words::lap_mask;
      ring_.shared().head.store(words::cursor(lap, 0));
      for (Word k = 0; k < ring_.granules(); ++k) ring_.at(k).store(words::frame(lap - 1, 1, words::message));
    }
    ring_.shared().producer.begin();
    ring_.shared().consumer.begin();
    expect(producer_[0].attach(ring_) && consumer_[0].attach(ring_), "an empty ring cannot be joined");
    for (unsigned k = 0; k < c.at; ++k)
      expect(producer_[0].try_push({}, no_bell) && consumer_[0].try_pop({}, no_bell), "the ring does not work at all");
    for (unsigned g = 0; g <= (c.producer_dies ? 1u : 0u); ++g)
      spawn(w, "producer", producer_slot, g, c.producer_dies, [this, g](bool heir) {
        if (heir) join(producer_[g], producer_slot);
        produce(producer_[g], g);
      });
    for (unsigned g = 0; g <= (c.consumer_dies ? 1u : 0u); ++g)
      spawn(w, "consumer", consumer_slot, g, c.consumer_dies, [this, g](bool heir) {
        if (heir) join(consumer_[g], consumer_slot);
        consume(consumer_[g]);
      });
    w.on_death = [this](unsigned who) {
      if (part_[who].slot == producer_slot) book_.producer_died(part_[who].generation * ledger::session, what_is_left());
      else book_.consumer_died(what_is_left());
    };
    name_words(w);
  }
  void finish() {
    book_.settle(what_is_left());
    producer p;
    consumer c;
    expect(p.attach(ring_) && c.attach(ring_), "the ring cannot be joined afterwards");
    while (c.try_borrow(no_bell)) c.consume_loan(no_bell);
    for (unsigned lap = 0; lap < 2; ++lap) {
      expect(static_cast<bool>(p.try_claim(case_.capacity * granule)), "a message as large as the ring does not fit into the empty ring");
      p.abandon(no_bell);
      for (unsigned k = 0; k < case_.capacity; ++k) expect(static_cast<bool>(p.try_push({}, no_bell)), "capacity was lost");
      expect(p.try_push({}, no_bell).err() == sluice::errc::full, "capacity has grown");
      for (unsigned k = 0; k < case_.capacity; ++k) expect(static_cast<bool>(c.try_pop({}, no_bell)), "a message was lost afterwards");
    }
  }

 private:
  template <class Act>
  void spawn(world& w, const char* name, unsigned slot, unsigned generation, bool mortal, Act act) {
    const bool heir = generation != 0;
    world::role r{.killable = mortal && !heir};
    if (heir) r.heir_of = &graves_[slot][0];
    const unsigned t = w.spawn(name, r, [act, heir] { act(heir); });
    part_[t] = {slot, generation};
    w.hold(t, &graves_[slot][generation]);
    if (!heir) w.hold(t, &locks_.life[slot]);
    w.call(graves_[slot][generation], slot == producer_slot ? "grave of producer " : "grave of consumer ", generation);
  }
  static constexpr std::size_t most_bytes = 2048;
  alignas(sluice::apart_bytes) static inline std::byte memory_[most_bytes];
  alignas(sluice::apart_bytes) static inline std::byte image_[most_bytes];

  ring_type fresh() const {
    const std::size_t n = ring_type::bytes_for(case_.capacity * granule);
    if (n == 0 || n > most_bytes) std::abort();
    std::memset(memory_, 0, n);
    return ring_type(memory_, case_.capacity * granule, true);
  }
  static void heal(const ring_type& r, unsigned slot) {
    (slot == producer_slot ? r.shared().producer : r.shared().consumer).end(sluice::phase::died);
  }
  // A message says which one it is at the start of each of its granules, and ends with that.
  static std::size_t size_of(unsigned granules) { return (granules - 1) * granule + 1; }
  static void write(std::span<std::byte> to, unsigned id) {
    const auto mark = static_cast<std::byte>(id + 1);
    for (std::size_t k = 0; k < to.size(); k += granule) P::copy_out(&to[k], mark);
  }
  static unsigned read(std::span<const std::byte> from) {
    unsigned id = ledger::most;
    for (std::size_t k = 0; k < from.size(); k += granule) {
      const unsigned seen = static_cast<unsigned>(P::copy_in(&from[k])) - 1;
      if (k == 0) id = seen;
      else if (seen != id) return ledger::most;
    }
    return id;
  }
  [[nodiscard]] unsigned granules_of(unsigned id) const {
    return id < ledger::session ? case_.sizes[id] : case_.heir_size;
  }
  std::vector<unsigned> what_is_left() const {
    std::memcpy(image_, memory_, ring_type::bytes_for(case_.capacity * granule));
    const ring_type image(image_, case_.capacity * granule, true);
    std::vector<unsigned> all;
    consumer c;
    producer p;
    if (!c.attach(image) || !p.attach(image)) fail("a crash image cannot be joined");
    for (;;) {
      const auto m = c.try_borrow(no_bell);
      if (!m) {
        expect(m.err() == sluice::errc::empty || m.err() == sluice::errc::closed, "a crash image is corrupt");
        return all;
      }
      all.push_back(read(*m));
      c.consume_loan(no_bell);
    }
  }
  void name_words(world& w) const {
    auto& s = ring_.shared();
    w.call(s.head, "head ", 0u), w.call(s.told, "told ", 0u);
    for (Word k = 0; k < ring_.granules(); ++k) w.call(ring_.at(k), "frame ", static_cast<unsigned>(k));
    locks_.name_words(w);
  }
  template <class Side>
  void join(Side& side, unsigned slot) {
    locks_.join(slot, [&] {
      heal(ring_, slot);
      if (!side.attach(ring_)) fail("the heir cannot attach");
      side.mine().begin();
    });
  }
  void refused(sluice::error e, sluice::errc expected) {
    if (e != expected) fail(std::string("refused for a wrong reason: ") + std::to_string(static_cast<int>(e.code)));
    saw(expected == sluice::errc::full ? "full" : "empty");
    P::pause();
  }

  void produce(producer& p, unsigned generation) {
    const unsigned first = generation * ledger::session;
    const unsigned last = generation == 0 ? static_cast<unsigned>(case_.sizes.size()) : first + 1;
    for (unsigned id = first; id != last;) {
      const std::size_t n = size_of(granules_of(id));
      std::size_t claim = n;
      if (case_.in_place) {
        claim = n + granule < case_.capacity * granule ? n + granule : n;
        if (auto place = p.try_claim(claim)) {
          write(*place, id + 1);  // thinks better of it
          p.abandon(no_bell);
        }
      }
      book_.pushing(id);
      if (auto place = p.try_claim(claim)) {
        write(*place, id);
        p.commit(n, no_bell);
        book_.pushed(id++);
      } else {
        book_.withdrawn(id);
        refused(place.err(), sluice::errc::full);
      }
    }
    closed_by_ = generation < closed_by_ ? generation : closed_by_;
    p.mine().end(sluice::phase::closed);
  }
  void consume(consumer& c) {
    for (;;) {
      auto lent = c.try_borrow(no_bell);
      if (lent && case_.in_place) {
        (void)read(*lent);
        c.keep_loan(no_bell);
        lent = c.try_borrow(no_bell);
        expect(static_cast<bool>(lent), "a message that was kept is gone");
      }
      if (lent) {
        const unsigned id = read(*lent);
        expect(id < ledger::most && lent->size() == size_of(granules_of(id)), "a message came out that is not whole");
        book_.reading(id);
        c.consume_loan(no_bell);
        book_.popped(id);
      } else if (lent.err() == sluice::errc::closed) {
        saw("closed");
        expect(closed_by_ < 2, "an end that nobody made");
        return book_.all_out(0, (closed_by_ + 1) * ledger::session);
      } else {
        refused(lent.err(), sluice::errc::empty);
      }
    }
  }

  bytes_case case_;
  ring_type ring_;
  producer producer_[2];
  consumer consumer_[2];
  struct part {
    unsigned slot, generation;
  };
  part part_[4] = {};
  ledger book_;
  unsigned closed_by_ = 2;
  lock_bytes locks_;
  std::uint32_t graves_[2][2] = {};
};

template <class Word = std::uint64_t>
report explore_bytes(const bytes_case& c, options o = {}) {
  const std::string name = c.text() + (sizeof(Word) == 4 ? ", 32-bit words" : "");
  o.name = name.c_str();
  o.kills = c.producer_dies || c.consumer_dies ? 1 : 0;
  return explore(o, [&](world& w) { return bytes_scenario<Word>(w, c); });
}

}  // namespace model

#endif
