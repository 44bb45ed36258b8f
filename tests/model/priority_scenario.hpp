// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_PRIORITY_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_PRIORITY_SCENARIO_HPP

#include "priority_history.hpp"
#include "priority_rig.hpp"
#include "ring_scenario.hpp"

#include <bit>
#include <string_view>

namespace model {

/// One way to use a queue with priorities. A plan says at which priority each message of a producer is pushed, one digit
/// for each, in order.
struct priority_case {
  unsigned producers = 1, consumers = 1;
  std::size_t capacity = 1;
  style how = style::single;            // in place: each producer abandons its first place, each consumer keeps once
  std::string_view waiting = "";        // the plan of what is there to begin with
  std::string_view plan[3] = {"", ""};  // of each producer; then of the heir of the first
  unsigned pops = 1;                    // that each consumer tries
  bool ends = false;                    // instead, each tries until it is done: until all is pushed, until the end is told
  bool wrap = false;
  bool producer_dies = false, consumer_dies = false;  // the first of them
  bool heir = false;
  bool relay = false;                   // the last producer begins when the first has pushed, the first consumer too

  [[nodiscard]] std::string text() const {
    static const char* const styles[] = {"single", "batch", "in place"};
    std::string s = std::to_string(producers) + "P" + std::to_string(consumers) + "C, capacity " + std::to_string(capacity) + ", " +
                    styles[static_cast<unsigned>(how)] + ", " + std::string(waiting) + "+" + std::string(plan[0]);
    for (unsigned k = 1; k < producers; ++k) s += "/" + std::string(plan[k]);
    return s + (ends ? ", until the end" : ", " + std::to_string(pops) + " pops") + (wrap ? ", wrapping" : "") +
           (producer_dies ? ", producer dies" : "") + (consumer_dies ? ", consumer dies" : "") + (heir ? ", heir" : "") +
           (relay ? ", relayed" : "");
  }
};

/// A ledger for each priority, since there is no order between them but what priorities make.
template <unsigned N>
struct ledgers_by_priority {
  ledger of[N];
  unsigned level[ledger::most] = {};  // of each message

  ledgers_by_priority() = default;
  explicit ledgers_by_priority(unsigned producers) {
    for (ledger& l : of) l = ledger(producers, true);
  }
  [[nodiscard]] ledger& at(unsigned id) {
    if (id >= ledger::most) fail("a message came out that is not whole");
    return of[level[id]];
  }
  void reading(unsigned id) { at(id).reading(id); }
  template <class Ask>
  [[nodiscard]] std::uint64_t all(Ask ask) const {
    std::uint64_t some = 0;
    for (const ledger& l : of) some |= ask(l);
    return some;
  }
  [[nodiscard]] std::uint64_t out() const {
    return all([](const ledger& l) { return l.out(); });
  }
  [[nodiscard]] std::uint64_t known_pushed(bool newest) const {
    return all([newest](const ledger& l) { return l.known_pushed(newest); });
  }
};

/// Several processes over one queue with priorities. Some may be killed anywhere; the others heal what they left, or an heir
/// does. Besides what each ring owes by itself (the ledger), these laws are asked for:
///
/// - What was pushed above a message, before that one was, is not in the queue any more when that one comes out.
/// - What was there when a pop began is not in the queue when the pop gives something of a lower priority, or `empty`.
/// - With one consumer, what was done has one order in which it was done one by one, as a queue with priorities does it.
///
/// What may stand behind a place of another producer that is not filled yet does not count for these. So priorities do not
/// count at which another producer has begun something that is not known to be done; and no order is asked for where two
/// push at the same priority, unless it is the lowest.
template <unsigned N>
class priority_scenario {
  using books = ledgers_by_priority<N>;
  using P = watched<std::uint64_t, books>;
  using T = item<1>;
  using Rig = rig::levels<N>;
  using kind = sluice::ring_kind<typename Rig::kind>;
  using ring_type = typename kind::template ring<T, P>;
  using level_type = typename ring_type::level_type;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;
  using word = typename ring_type::word;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr unsigned batch = 2, most_sides = 2;

 public:
  priority_scenario(world& w, const priority_case& c, bool newest)
      : case_(c), newest_(newest), slots_(c.producers + c.consumers), ring_(fresh()), book_(c.producers) {
    P::book = &book_;
    locks_.slots = slots_;
    if (c.wrap) Rig::start_at(ring_, Rig::template last_lap<ring_type>);
    for (unsigned k = 0; k < c.producers; ++k) begin(producer_[k], k);
    for (unsigned k = 0; k < c.consumers; ++k) begin(consumer_[k], consumer_slot(k));
    for (unsigned session = 0; session < c.producers + (c.heir ? 1 : 0); ++session) {
      unsigned id = session * ledger::session;
      if (session == 0) note_levels(id, c.waiting);
      note_levels(id, plan_of(session));
    }
    for (unsigned id = 0; id < c.waiting.size(); ++id) {
      pushing(id);
      expect(static_cast<bool>(producer_[0].try_push(T::make(id), no_bell, book_.level[id])), "no room to begin with");
      pushed(id);
    }
    for (unsigned k = 0; k < c.producers; ++k)
      spawn(w, "producer ", k, k, c.producer_dies && k == 0, [this, k] {
        if (case_.relay && k != 0) wait_for_baton();
        produce(producer_[k], k, k == 0 ? static_cast<unsigned>(case_.waiting.size()) : 0);
      });
    for (unsigned k = 0; k < c.consumers; ++k)
      spawn(w, "consumer ", k, consumer_slot(k), c.consumer_dies && k == 0, [this, k] {
        if (case_.relay && k == 0) wait_for_baton();
        consume(consumer_[k]);
      });
    if (c.heir && c.producer_dies)
      spawn_heir(w, "heir of a producer", 0, 0, [this] {
        join(heir_of_producer_, 0);
        produce(heir_of_producer_, case_.producers, 0);
      });
    if (c.heir && c.consumer_dies)
      spawn_heir(w, "heir of a consumer", 1, consumer_slot(0), [this] {
        join(heir_of_consumer_, consumer_slot(0));
        consume(heir_of_consumer_);
      });
    w.on_death = [this](unsigned who) {
      disturbed_ = true;
      std::vector<unsigned> left;
      for (const auto& m : what_is_left()) left.push_back(m.id);
      for (ledger& l : book_.of)
        if (slot_[who] < case_.producers) l.producer_died(slot_[who] * ledger::session, left);
        else l.consumer_died(left, who);
    };
    Rig::each_word(ring_, slots_, [&](const auto& a, const char* name, unsigned number) { w.call(a, name, number); });
    Rig::each_empty_seat(ring_, slots_, [&](const void* from, const void* to) { w.constant(from, to); });
    locks_.name_words(w);
    w.call(baton_, "baton ");
    w.call(grave_[0], "grave of producer "), w.call(grave_[1], "grave of consumer ");
  }
  void finish() {
    const auto left = what_is_left();
    for (unsigned k = 0; k < N; ++k) {
      std::vector<unsigned> of_level;
      std::size_t redelivered = 0;
      for (const auto& m : left)
        if (book_.level[m.id] == k) of_level.push_back(m.id), redelivered += m.redelivered ? 1 : 0;
      book_.of[k].settle(of_level, redelivered);
    }
    if (case_.consumers == 1 && !disturbed_ && case_.how != style::in_place && !share_a_priority())
      expect(history_.linearizable(book_.level), "there is no order of a queue with priorities");
    for (unsigned slot = 0; slot < slots_; ++slot) (void)kind::heal(ring_, slot, no_bell);
    consumer c;
    expect(static_cast<bool>(c.attach(ring_, consumer_slot(0))), "the queue cannot be joined afterwards");
    while (c.try_pop(no_bell)) {
    }
    check_capacity(ring_);
  }

 private:
  // ---- the stage

  struct rest {
    unsigned id;
    bool redelivered;
  };
  static constexpr std::uint64_t bit(unsigned id) noexcept { return std::uint64_t{1} << id; }
  [[nodiscard]] unsigned consumer_slot(unsigned k) const noexcept { return k + case_.producers; }
  [[nodiscard]] std::string_view plan_of(unsigned session) const noexcept { return case_.plan[session]; }
  void note_levels(unsigned& id, std::string_view plan) {
    for (const char c : plan) book_.level[id++] = static_cast<unsigned>(c - '0');
  }
  template <class Side>
  void begin(Side& side, unsigned slot) {
    if (!side.attach(ring_, slot)) fail("an empty queue cannot be joined");
    side.begin();
  }
  template <class Act>
  void spawn(world& w, const char* name, unsigned number, unsigned slot, bool mortal, Act act) {
    const unsigned t = w.spawn(name + std::to_string(number), {.killable = mortal}, act);
    slot_[t] = slot;
    if (number == 0) w.hold(t, &grave_[slot < case_.producers ? 0 : 1]);
    w.hold(t, &locks_.life[slot]);
  }
  template <class Act>
  void spawn_heir(world& w, const char* name, unsigned side, unsigned slot, Act act) {
    world::role r;
    r.heir_of = &grave_[side];
    slot_[w.spawn(name, r, act)] = slot;
  }
  static constexpr std::size_t most_bytes = 4096;
  alignas(sluice::apart_bytes) static inline std::byte memory_[most_bytes];
  alignas(sluice::apart_bytes) static inline std::byte image_[most_bytes];

  [[nodiscard]] ring_type fresh() const {
    const std::size_t n = ring_type::bytes_for(case_.capacity);
    if (n == 0 || n > most_bytes || case_.producers > most_sides || case_.consumers > most_sides) std::abort();
    std::memset(memory_, 0, n);
    return ring_type(memory_, case_.capacity, true);
  }
  // What a consumer of a copy of the queue, as it is now, would get once everybody was dead.
  [[nodiscard]] std::vector<rest> what_is_left() const {
    std::memcpy(image_, memory_, ring_type::bytes_for(case_.capacity));
    const ring_type image(image_, case_.capacity, true);
    for (unsigned slot = 0; slot < slots_; ++slot) (void)kind::heal(image, slot, no_bell);
    for (unsigned slot = 0; slot < slots_; ++slot) {
      const auto again = image.heal(slot);
      expect(again.undelivered == 0 && again.redelivered == 0, "healing a second time finds something to do");
    }
    std::vector<rest> all;
    consumer c;
    if (!c.attach(image, consumer_slot(0))) fail("a crash image cannot be joined");
    for (;;) {
      const auto m = c.try_pop(no_bell);
      if (!m) {
        expect(m.err() == sluice::errc::empty || m.err() == sluice::errc::closed, "a crash image is corrupt");
        break;
      }
      expect(m->id() < ledger::most && book_.level[m->id()] == c.priority(), "a message changed its priority");
      const bool same = !all.empty() && book_.level[all.back().id] == c.priority();
      expect(all.empty() || book_.level[all.back().id] >= c.priority(), "a crash image gives a lower message first");
      expect(!c.redelivered() || !same || all.back().redelivered, "something else came before what is redelivered");
      all.push_back({m->id(), c.redelivered()});
    }
    check_capacity(image);
    return all;
  }
  void check_capacity(const ring_type& r) const {
    producer p;
    consumer c;
    expect(p.attach(r, 0) && c.attach(r, consumer_slot(0)), "the queue cannot be joined afterwards");
    for (unsigned k = 0; k < N; ++k) {
      for (unsigned n = 0; n < case_.capacity; ++n) expect(static_cast<bool>(p.try_push(T::make(8 * k + n), no_bell, k)), "capacity was lost");
      expect(p.try_push(T{}, no_bell, k).err() == sluice::errc::full, "capacity has grown");
    }
    for (unsigned k = N; k-- != 0;)
      for (unsigned n = 0; n < case_.capacity; ++n) {
        const auto m = c.try_pop(no_bell);
        expect(m && m->id() == 8 * k + n && !c.redelivered() && c.priority() == k, "a message was lost afterwards");
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
  void wait_for_baton() {
    while (baton_.load(order::acquire) == 0) P::pause();
  }
  bool heal_all() {
    bool any = false;
    for (unsigned k = 0; k < slots_; ++k)
      if (k != slot_[world::me()] && locks_.heal_once(k, [&] { (void)kind::heal(ring_, k, no_bell); })) any = true;
    if (any) saw("healed");
    return any;
  }
  void pushing(unsigned id) {
    book_.at(id).pushing(id);
    above_[id] = 0;
    for (auto known = plain_to_see(); known != 0; known &= known - 1)
      if (const auto k = static_cast<unsigned>(std::countr_zero(known)); book_.level[k] > book_.level[id]) above_[id] |= bit(k);
  }
  // What the calling thread knows to have been pushed, and not to stand behind an unfilled place.
  [[nodiscard]] std::uint64_t plain_to_see() const {
    if (case_.producers > 1 && (disturbed_ || case_.how == style::in_place)) return 0;  // a tomb may not be known
    return book_.all([this](const ledger& l) {
      const std::uint64_t known = l.known_pushed(newest_);
      return case_.producers == 1 || (l.begun() & ~known) == 0 ? known : 0;
    });
  }
  // Above the lowest.
  [[nodiscard]] bool share_a_priority() const noexcept {
    if (case_.producers == 1) return false;
    for (const char level : case_.plan[1])
      if (level != '0' && case_.plan[0].find(level) != std::string_view::npos) return true;
    return false;
  }
  void pushed(unsigned id) {
    book_.at(id).pushed(id);
    history_.pushed(id);
  }
  void popped(const consumer& c, unsigned id) {
    const std::uint64_t out_before = book_.out();
    book_.at(id).popped(id, c.redelivered());
    const unsigned level = book_.level[id];
    expect(c.priority() == level, "the priority of a message is another");
    if (c.redelivered()) saw("redelivered");
    else none_of(above_[id], "a message came out before one above it that was pushed before it");
    std::uint64_t higher = 0;
    for (auto all = there_[world::me()] & plain_[world::me()]; all != 0; all &= all - 1)
      if (const auto k = static_cast<unsigned>(std::countr_zero(all)); book_.level[k] > level) higher |= bit(k);
    none_of(higher, "a message came out though one above it had been there before the pop began");
    if (level != 0 && (book_.known_pushed(newest_) & ~out_before & below(level)) != 0) saw("a message overtook another");
    history_.popped(id);
  }
  [[nodiscard]] std::uint64_t below(unsigned level) const {
    std::uint64_t some = 0;
    for (unsigned id = 0; id < ledger::most; ++id) some |= book_.level[id] < level ? bit(id) : 0;
    return some;
  }
  void none_of(std::uint64_t some, const char* else_what) {
    for (some &= ~book_.out(); some != 0; some &= some - 1)
      expect(!in_queue(static_cast<unsigned>(std::countr_zero(some))), else_what);
  }
  // Is it in the bytes, and not taken: whatever a thread may see of them?
  [[nodiscard]] bool in_queue(unsigned id) const {
    const level_type ring = ring_.level(book_.level[id]);
    word head = 0;
    std::memcpy(&head, &ring.order().head, sizeof head);
    word at = level_type::position_of(head);
    for (unsigned k = 0; k < case_.capacity; ++k, at = ring.next(at)) {
      auto& cell = ring.cells()[ring.index_of(at)];
      word w = 0;
      T item;
      std::memcpy(&w, &cell.word, sizeof w);
      std::memcpy(static_cast<void*>(&item), cell.bytes, sizeof item);
      if (w == level_type::cell_word(ring.lap_of(at), sluice::cell_state::full) && item.id() == id) return true;
    }
    return false;
  }
  void enter() {
    overlaps_.enter(newest_);
    history_.enter(newest_);
  }
  void exit() {
    overlaps_.exit();
    history_.exit();
  }
  [[nodiscard]] bool at_rest() const noexcept { return !disturbed_ && overlaps_.alone(); }

  bool push_refused(sluice::error e, unsigned level, std::uint64_t known_popped) {
    using enum sluice::errc;
    expect(e == full || e == pending, "a push was refused for a wrong reason");
    saw(e == full ? "full" : "push pending");
    const bool tombs = case_.how == style::in_place || disturbed_;
    const auto there = static_cast<unsigned>(std::popcount(book_.of[level].begun() & ~known_popped));
    if (e == full && !tombs) expect(there >= case_.capacity, "full, though there is room at that priority");
    if (at_rest() && !tombs) expect(e == full, "a push is held up by nobody");
    return heal_all();
  }
  bool pop_refused(sluice::error e) {
    using enum sluice::errc;
    expect(e == empty || e == pending, "a pop was refused for a wrong reason");
    saw(e == empty ? "empty" : "pop pending");
    if (e == empty) {
      none_of(there_[world::me()], "empty, though a message is there");
      history_.found_empty();
    }
    if (at_rest()) {
      saw("a pop at rest");
      expect(e == empty && (book_.known_pushed(true) & ~book_.out()) == 0, "a pop is refused though nothing is in its way");
    }
    return heal_all();
  }

  void produce(producer& p, unsigned session, unsigned done) {
    const unsigned first = session * ledger::session + done, last = first + static_cast<unsigned>(plan_of(session).size());
    unsigned id = first;
    bool abandoned = false;
    for (unsigned tries = 0; id != last && (case_.ends || tries != last - first + (case_.how == style::in_place ? 1 : 0)); ++tries) {
      const unsigned level = book_.level[id];
      const std::uint64_t known_popped = book_.of[level].known_popped(newest_);
      sluice::error e;
      enter();
      if (case_.how == style::batch) {
        T some[batch];
        unsigned want = 0;
        for (; want < batch && id + want != last && book_.level[id + want] == level; ++want) some[want] = T::make(id + want), pushing(id + want);
        const auto n = p.try_push(std::span<const T>(some, want), no_bell, level);
        e = n.err();
        for (unsigned k = 0; k < want; ++k)
          if (n && k < *n) pushed(id + k);
          else book_.at(id + k).withdrawn(id + k);
        if (n) id += static_cast<unsigned>(*n);
        if (n && *n == batch) saw("a batch was pushed");
      } else if (case_.how == style::in_place) {
        pushing(id);
        if (auto place = p.try_claim(level)) {
          P::copy_out(*place, T::make(abandoned ? id : id + 1));
          if (!abandoned) {
            abandoned = true;  // thinks better of it
            book_.at(id).withdrawn(id);
            p.abandon(no_bell);
            saw("abandoned");
          } else {
            p.commit(no_bell);
            pushed(id++);
          }
        } else {
          e = place.err();
          book_.at(id).withdrawn(id);
        }
      } else {
        pushing(id);
        const auto s = p.try_push(T::make(id), no_bell, level);
        e = s.err();
        if (s) pushed(id++);
        else book_.at(id).withdrawn(id);
      }
      const bool again = e && !push_refused(e, level, known_popped);
      exit();
      if (again && case_.ends) P::pause();
    }
    if (case_.relay && session == 0) baton_.store(1, order::release);
    if (case_.ends) p.end(sluice::phase::closed, no_bell);
  }
  void consume(consumer& c) {
    const unsigned me = world::me();
    bool kept = false;
    for (unsigned tries = 0; case_.ends || tries != case_.pops; ++tries) {
      sluice::error e;
      enter();
      for (ledger& l : book_.of) l.popping();
      there_[me] = book_.known_pushed(newest_) & ~book_.out(), plain_[me] = plain_to_see();
      if (case_.how == style::batch) {
        T some[batch];
        const auto n = c.try_pop(std::span<T>(some, batch), no_bell);
        e = n.err();
        for (unsigned k = 0; n && k < *n; ++k) popped(c, some[k].id());
        if (n && *n == batch) saw("a batch was popped");
      } else if (case_.how == style::in_place) {
        if (auto lent = c.try_borrow(no_bell)) {
          const T message = P::copy_in(*lent);
          if (!kept) {
            kept = true;
            book_.at(message.id()).put_back();
            c.keep_loan(no_bell);
            saw("kept");
          } else {
            c.consume_loan(no_bell);
            popped(c, message.id());
          }
        } else {
          e = lent.err();
        }
      } else {
        const auto m = c.try_pop(no_bell);
        e = m.err();
        if (m) popped(c, m->id());
      }
      if (e == sluice::errc::closed) {
        saw("closed");
        expect(case_.ends, "an end that nobody made");
        for (ledger& l : book_.of) l.all_out(0, case_.producers * ledger::session);
        return exit();
      }
      const bool again = e && !pop_refused(e);
      exit();
      if (again && case_.ends) P::pause();
    }
  }

  priority_case case_;
  bool newest_;  // loads see the newest
  unsigned slots_;
  ring_type ring_;
  producer producer_[most_sides], heir_of_producer_;
  consumer consumer_[most_sides], heir_of_consumer_;
  unsigned slot_[max_threads + 1] = {};
  books book_;
  history history_;
  overlaps overlaps_;
  bool disturbed_ = false;                       // by a death
  std::uint64_t above_[ledger::most] = {};       // what was pushed above a message, before it
  std::uint64_t there_[max_threads + 1] = {};    // what a consumer knows to be there when it begins
  std::uint64_t plain_[max_threads + 1] = {};    // and what of it is hidden by nothing
  atomic<std::uint32_t> baton_{0};
  lock_bytes locks_;
  std::uint32_t grave_[2] = {};
};

template <unsigned N>
report explore_priorities(const priority_case& c, options o = {}) {
  std::string name = std::string(rig::levels<N>::name) + ", " + c.text();
  if (o.stale != ~0u) name += ", at most " + std::to_string(o.stale) + " old values";
  o.name = name.c_str();
  o.kills = c.producer_dies || c.consumer_dies ? 1 : 0;
  return explore(o, [&](world& w) { return priority_scenario<N>(w, c, o.stale == 0); });
}

}  // namespace model

#endif
