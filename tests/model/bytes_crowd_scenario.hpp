// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_BYTES_CROWD_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_BYTES_CROWD_SCENARIO_HPP

#include "ledger.hpp"
#include "lock_bytes.hpp"
#include "rig/bytes.hpp"
#include "rig/ordered.hpp"

#include <cstdlib>

namespace model {

/// One way to use a ring of bytes with several producers. Sizes are in granules, and up to the whole ring.
struct bytes_crowd_case {
  std::size_t capacity = 2;
  unsigned at = 0;                           // the granule of the first message
  int lap = 1;                               // of it: 0 is swept, as are all in which laps wrap
  std::vector<std::vector<unsigned>> sizes;  // of the messages of each producer, which tries each once
  unsigned pops = 1;                         // that the consumer tries
  bool ends = false;                         // instead, each tries until it is done: until all is pushed, until the end is told
  bool shrinks = false;                      // each message is claimed a granule larger, if there can be such a place
  bool aborts = false;                       // the first claim of each producer is given back
  bool in_place = false;                     // the consumer lends, keeps and lends again
  bool producer_dies = false, consumer_dies = false;  // the first of them
  bool aged = false;                         // all frames but the first are as old as they may be after two laps more
  bool heals = true;                         // whoever is refused heals the dead
  bool heir = false;                         // an heir of the consumer comes; of the producer, with a message of one granule

  [[nodiscard]] std::string text() const {
    std::string s = std::to_string(sizes.size()) + "P1C, " + std::to_string(capacity) + " granules from " + std::to_string(at) + " of lap " +
                    std::to_string(lap) + ", messages of";
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      s += k == 0 ? "" : " /";
      for (const unsigned n : sizes[k]) s += " " + std::to_string(n);
    }
    return s + (ends ? ", until the end" : ", " + std::to_string(pops) + " pops") + (shrinks ? ", shrinking" : "") + (aborts ? ", aborting" : "") +
           (in_place ? ", in place" : "") + (producer_dies ? ", producer dies" : "") + (consumer_dies ? ", consumer dies" : "") +
           (aged ? ", aged" : "") + (heals ? "" : ", not healed") + (heir ? ", heir" : "");
  }
};

/// Several processes over one ring of bytes. One may be killed anywhere; the others heal what it left, or an heir does.
template <class Word>
class bytes_crowd_scenario {
  using P = policy<Word>;
  using rig = ::rig::bytes_mpsc;
  using kind = sluice::ring_kind<rig::kind>;
  using ring_type = sluice::bytes_crowd_ring<P>;
  using producer = sluice::bytes_crowd_producer<P>;
  using consumer = sluice::bytes_crowd_consumer<P>;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr std::size_t granule = sluice::bytes_granule;
  static constexpr unsigned most_producers = 3, consumer_slot = 0;

 public:
  bytes_crowd_scenario(world& w, const bytes_crowd_case& c, bool newest)
      : case_(c), newest_(newest), producers_(static_cast<unsigned>(c.sizes.size())), ring_(fresh()), book_(producers_, false) {
    locks_.slots = producers_ + 1;
    rig::start_at(ring_, static_cast<Word>(c.lap));
    for (Word k = 1; c.aged && k < ring_.granules(); ++k) {
      const auto age = static_cast<Word>(rig::laps(ring_) / 2 - 2);
      ring_.at(k).store(ring_type::frame_word(static_cast<Word>((static_cast<Word>(c.lap) - age) * ring_.one_lap()), 1, ring_type::state::message));
    }
    for (unsigned k = 0; k < producers_; ++k) {
      expect(static_cast<bool>(producer_[k].attach(ring_, k + 1)), "an empty ring cannot be joined");
      producer_[k].begin();
    }
    expect(static_cast<bool>(consumer_.attach(ring_, consumer_slot)), "an empty ring cannot be joined");
    consumer_.begin();
    for (unsigned k = 0; k < c.at; ++k)
      expect(producer_[0].try_push({}, no_bell) && consumer_.try_pop({}, no_bell), "the ring does not work at all");
    for (unsigned k = 0; k < producers_; ++k)
      spawn(w, "producer " + std::to_string(k), k + 1, c.producer_dies && k == 0, false, [this, k] { produce(producer_[k], k, case_.sizes[k]); });
    spawn(w, "consumer", consumer_slot, c.consumer_dies, false, [this] { consume(consumer_); });
    if (c.heir && c.producer_dies)
      spawn(w, "heir of producer", 1, false, true, [this] {
        join(heir_of_producer_, 1);
        produce(heir_of_producer_, producers_, {1});
      });
    if (c.heir && c.consumer_dies)
      spawn(w, "heir of consumer", consumer_slot, false, true, [this] {
        join(heir_of_consumer_, consumer_slot);
        consume(heir_of_consumer_);
      });
    w.on_death = [this](unsigned who) {
      disturbed_ = true;
      if (slot_[who] == consumer_slot) book_.consumer_died(what_is_left());
      else book_.producer_died((slot_[who] - 1) * ledger::session, what_is_left());
    };
    rig::each_word(ring_, [&](const auto& a, const char* name, unsigned number) { w.call(a, name, number); });
    ::rig::ordered::each_empty_seat(ring_, locks_.slots, [&](const void* from, const void* to) { w.constant(from, to); });
    locks_.name_words(w);
    w.call(grave_[0], "grave of consumer "), w.call(grave_[1], "grave of producer ");
  }
  void finish() {
    for (unsigned slot = 0; slot < locks_.slots; ++slot)
      if (locks_.life[slot] == 0) (void)kind::heal(ring_, slot, no_bell);  // dead, or it has finished; that is no difference here
    book_.settle(what_is_left());
    check_capacity(ring_, true);
  }

 private:
  // ---- the stage

  template <class Act>
  void spawn(world& w, const std::string& name, unsigned slot, bool mortal, bool heir, Act act) {
    std::uint32_t& grave = grave_[slot == consumer_slot ? 0 : 1];
    world::role r{.killable = mortal};
    if (heir) r.heir_of = &grave;
    const unsigned t = w.spawn(name, r, act);
    slot_[t] = slot;
    if (heir) return;
    if (slot <= 1) w.hold(t, &grave);
    w.hold(t, &locks_.life[slot]);
  }
  static constexpr std::size_t most_bytes = 4096;
  alignas(sluice::apart_bytes) static inline std::byte memory_[most_bytes];
  alignas(sluice::apart_bytes) static inline std::byte image_[most_bytes];

  [[nodiscard]] std::size_t bytes() const noexcept { return ring_type::bytes_for(case_.capacity * granule); }
  [[nodiscard]] ring_type fresh() const {
    if (bytes() == 0 || bytes() > most_bytes || producers_ > most_producers) std::abort();
    std::memset(memory_, 0, bytes());
    return ring_type(memory_, case_.capacity * granule, true);
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
    const unsigned k = id / ledger::session, i = id % ledger::session;
    return k < producers_ ? case_.sizes[k][i] : 1;
  }
  // What a consumer of a copy of the ring, as it is now, would get once everybody was dead.
  [[nodiscard]] std::vector<unsigned> what_is_left() const {
    std::memcpy(image_, memory_, bytes());
    const ring_type image(image_, case_.capacity * granule, true);
    for (unsigned slot = 0; slot < locks_.slots; ++slot) (void)kind::heal(image, slot, no_bell);
    for (unsigned slot = 0; slot < locks_.slots; ++slot)
      expect(image.heal(slot).undelivered == 0, "healing a second time finds something to do");
    std::vector<unsigned> all;
    consumer c;
    expect(static_cast<bool>(c.attach(image, consumer_slot)), "a crash image cannot be joined");
    for (;;) {
      const auto m = c.try_borrow(no_bell);
      if (!m) {
        expect(m.err() == sluice::errc::empty || m.err() == sluice::errc::closed, "a crash image is corrupt");
        break;
      }
      all.push_back(read(*m));
      c.consume_loan(no_bell);
    }
    check_capacity(image, false);
    return all;
  }
  void check_capacity(const ring_type& r, bool drain) const {
    producer p;
    consumer c;
    expect(p.attach(r, 1) && c.attach(r, consumer_slot), "the ring cannot be joined afterwards");
    while (drain && c.try_borrow(no_bell)) c.consume_loan(no_bell);
    expect(c.try_pop({}, no_bell).err() != sluice::errc::pending, "a claim was left");
    for (unsigned lap = 0; lap < 2; ++lap) {
      expect(static_cast<bool>(p.try_push(std::span(whole_).first(case_.capacity * granule), no_bell)),
             "a message as large as the ring does not fit into the empty ring");
      expect(static_cast<bool>(c.try_borrow(no_bell)), "a message was lost afterwards");
      c.consume_loan(no_bell);
      for (unsigned k = 0; k < case_.capacity; ++k) expect(static_cast<bool>(p.try_push({}, no_bell)), "capacity was lost");
      expect(p.try_push({}, no_bell).err() == sluice::errc::full, "capacity has grown");
      for (unsigned k = 0; k < case_.capacity; ++k) expect(static_cast<bool>(c.try_pop({}, no_bell)), "a message was lost afterwards");
      expect(p.try_push({}, no_bell) && c.try_pop({}, no_bell), "the ring does not go on");
    }
  }

  // ---- acts

  template <class Side>
  void join(Side& side, unsigned slot) {
    locks_.join(slot, [&] {
      (void)kind::heal(ring_, slot, no_bell);
      if (!side.attach(ring_, slot)) fail("the heir cannot attach");
      side.begin();
    });
  }
  bool heal_all() {
    bool any = false;
    for (unsigned k = 0; k < locks_.slots; ++k)
      if (k != slot_[world::me()] && locks_.heal_once(k, [&] { (void)kind::heal(ring_, k, no_bell); })) any = true;
    if (any) saw("healed");
    return any;
  }
  void push_refused(sluice::error e, std::uint64_t known_popped) {
    using enum sluice::errc;
    expect(e == full || e == pending, "a push was refused for a wrong reason");
    saw(e == full ? "full" : "push pending");
    if (e == full && !disturbed_) expect((book_.begun() & ~known_popped) != 0, "full, though nothing is there");
    if (e == pending && !disturbed_ && !case_.shrinks && !case_.aborts) expect(e.who != 0, "a push is held up by nobody");
    if (!(case_.heals && heal_all()) && case_.ends) P::pause();
  }
  void produce(producer& p, unsigned session, const std::vector<unsigned>& sizes) {
    bool aborts = case_.aborts;
    for (unsigned i = 0; i < sizes.size();) {
      const unsigned id = session * ledger::session + i;
      const std::size_t n = size_of(sizes[i]);
      const std::size_t claim = case_.shrinks && n + granule <= case_.capacity * granule ? n + granule : n;
      const auto known_popped = book_.known_popped(newest_);
      book_.pushing(id);
      if (auto place = p.try_claim(claim)) {
        if (std::exchange(aborts, false)) {
          write(*place, id + 1);  // thinks better of it
          book_.withdrawn(id);
          p.abandon(no_bell);
          continue;
        }
        write(*place, id);
        p.commit(n, no_bell);
        book_.pushed(id);
        ++i;
      } else {
        book_.withdrawn(id);
        push_refused(place.err(), known_popped);
        if (!case_.ends) ++i;
      }
    }
    if (case_.ends) p.end(sluice::phase::closed, no_bell);
  }
  void consume(consumer& c) {
    for (unsigned tries = 0; case_.ends || tries != case_.pops; ++tries) {
      const auto known_pushed = book_.known_pushed(newest_);
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
        continue;
      }
      using enum sluice::errc;
      const sluice::error e = lent.err();
      if (e == closed) {
        saw("closed");
        expect(case_.ends, "an end that nobody made");
        return book_.all_out(0, producers_ * ledger::session);
      }
      expect(e == empty || e == pending, "a pop was refused for a wrong reason");
      saw(e == empty ? "empty" : "pop pending");
      if (e == empty) expect((known_pushed & ~book_.out()) == 0, "empty, though a message is there");
      else expect(e.who > 1 && e.who <= producers_ + 1, "a pop is held up by nobody");
      if (!(case_.heals && heal_all()) && case_.ends) P::pause();
    }
  }

  static inline std::byte whole_[8 * granule] = {};
  bytes_crowd_case case_;
  bool newest_;  // loads see the newest
  unsigned producers_;
  ring_type ring_;
  producer producer_[most_producers], heir_of_producer_;
  consumer consumer_, heir_of_consumer_;
  unsigned slot_[max_threads + 1] = {};
  ledger book_;
  bool disturbed_ = false;  // by a death
  lock_bytes locks_;
  std::uint32_t grave_[2] = {};
};

template <class Word = std::uint64_t>
report explore_bytes_crowd(const bytes_crowd_case& c, options o = {}) {
  std::string name = "bytes of many, " + c.text() + (sizeof(Word) == 4 ? ", 32-bit words" : "");
  if (o.stale != ~0u) name += ", at most " + std::to_string(o.stale) + " old values";
  o.name = name.c_str();
  o.kills = c.producer_dies || c.consumer_dies ? 1 : 0;
  return explore(o, [&](world& w) { return bytes_crowd_scenario<Word>(w, c, o.stale == 0); });
}

}  // namespace model

#endif
