// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_ORDERED_HPP
#define SLUICE_TESTS_RIG_ORDERED_HPP

#include <sluice/channel/crowds.hpp>

#include "promise.hpp"

namespace rig {

/// What the proof rig must know of the ordered ring, of which the three kinds differ in who may have fellows.
struct ordered {
  static constexpr promise promises{.tombs = true, .redelivers = true, .asks_every = 4096};

  /// Every order site of the ring and its crowds, with its name. Not those of gates and roles, which the spsc ring has too:
  /// a crowd orders the words of its seats by its news.
  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::ordered_dispense>("ordered_dispense");
    visit.template operator()<sluice::site::ordered_alone>("ordered_alone");
    visit.template operator()<sluice::site::ordered_position>("ordered_position");
    visit.template operator()<sluice::site::ordered_publish>("ordered_publish");
    visit.template operator()<sluice::site::ordered_free>("ordered_free");
    visit.template operator()<sluice::site::ordered_cell>("ordered_cell");
    visit.template operator()<sluice::site::ordered_before>("ordered_before");
    visit.template operator()<sluice::site::ordered_settle>("ordered_settle");
    visit.template operator()<sluice::site::ordered_heal>("ordered_heal");
    visit.template operator()<sluice::site::ordered_adopt>("ordered_adopt");
    visit.template operator()<sluice::site::ordered_raise>("ordered_raise");
    visit.template operator()<sluice::site::ordered_orphans>("ordered_orphans");
    visit.template operator()<sluice::site::crowd_news>("crowd_news");
    visit.template operator()<sluice::site::crowd_look>("crowd_look");
    visit.template operator()<sluice::site::crowd_peek>("crowd_peek");
    visit.template operator()<sluice::site::crowd_told>("crowd_told");
    visit.template operator()<sluice::site::crowd_sleep>("crowd_sleep");
    visit.template operator()<sluice::site::crowd_asleep>("crowd_asleep");
    visit.template operator()<sluice::site::crowd_rouse>("crowd_rouse");
  }

  /// Every shared word that slots below `seats` use, with a name.
  template <class Ring, class Visit>
  static void each_word(const Ring& r, unsigned seats, Visit visit) {
    each_word_of_order(r, 0, visit);
    each_word_of_crowds(r.shared(), seats, visit);
  }
  /// Those of one order, numbered from `first`.
  template <class Ring, class Visit>
  static void each_word_of_order(const Ring& r, unsigned first, Visit visit) {
    visit(r.order().tail, "tail ", first);
    visit(r.order().head, "head ", first);
    visit(r.order().orphans, "orphans ", first);
    for (unsigned k = 0; k < r.capacity(); ++k) visit(r.cells()[k].word, "cell ", first + k);
  }
  /// Those of who takes part.
  template <class Crowds, class Visit>
  static void each_word_of_crowds(Crowds& s, unsigned seats, Visit visit) {
    each_word_of(s.producers, seats, "producers' asleep ", "producers' news ", "producers' told ", "producer seat ",
                 "producer gate ", visit);
    each_word_of(s.consumers, seats, "consumers' asleep ", "consumers' news ", "consumers' told ", "consumer seat ",
                 "consumer gate ", visit);
  }
  /// The bytes of the seats that nobody takes, of both crowds.
  template <class Ring, class Visit>
  static void each_empty_seat(const Ring& r, unsigned seats, Visit visit) {
    for (auto* c : {&r.shared().producers, &r.shared().consumers}) {
      auto* const first = reinterpret_cast<const std::byte*>(c) + seats_at;
      visit(first + seats * seat_bytes, first + sluice::crowd<>::most * seat_bytes);
    }
  }
  /// As if the ring had been filled and emptied `lap` times, so that the wrap of every counter can be started at.
  template <class Ring>
  static void start_at(const Ring& r, typename Ring::word lap) noexcept {
    const auto here = lap * r.one_lap();
    r.order().tail.store(Ring::position(here, 0));
    r.order().head.store(Ring::position(here, 0));
    r.order().orphans.store(static_cast<std::uint32_t>(lap));
    for (unsigned k = 0; k < r.capacity(); ++k) r.cells()[k].word.store(Ring::cell_word(here, sluice::cell_state::vacant));
  }
  template <class Ring>
  static constexpr typename Ring::word last_lap = ~typename Ring::word{0};

 private:
  // The crowd keeps its words to itself; this is where the format has them.
  static constexpr std::size_t seats_at = sluice::line_bytes, seat_bytes = 8;
  static constexpr std::size_t announced_at = seats_at + sluice::crowd<>::most * seat_bytes;
  static_assert(sizeof(sluice::role<>) == seat_bytes && sizeof(sluice::crowd<>) == announced_at + sluice::crowd<>::most * 4);

  template <class P, class Visit>
  static void each_word_of(sluice::crowd<P>& c, unsigned seats, const char* asleep, const char* news, const char* told,
                           const char* seat, const char* gate, Visit visit) {
    using small = typename P::template atomic<std::uint32_t>;
    auto* const at = reinterpret_cast<std::byte*>(&c);
    const auto word = [at](std::size_t offset) -> small& { return *reinterpret_cast<small*>(at + offset); };
    visit(*reinterpret_cast<typename P::template atomic<std::uint64_t>*>(at), asleep, 0u);
    visit(word(8), news, 0u);
    visit(word(12), told, 0u);
    for (unsigned k = 0; k < seats; ++k) {
      visit(word(seats_at + k * seat_bytes), seat, k);
      visit(c.doorstep(k).word(), gate, k);
      visit(word(announced_at + k * 4), "announced of the same ", k);
    }
  }
};

struct mpsc : ordered {
  using kind = sluice::mpsc;
  static constexpr const char* name = "mpsc";
  static constexpr unsigned producers = sluice::crowd<>::most - 1, consumers = 1;  // how many may live at a time
};
struct spmc : ordered {
  using kind = sluice::spmc;
  static constexpr const char* name = "spmc";
  static constexpr unsigned producers = 1, consumers = sluice::crowd<>::most - 1;
};
struct mpmc : ordered {
  using kind = sluice::mpmc;
  static constexpr const char* name = "mpmc";
  static constexpr unsigned producers = sluice::crowd<>::most - 1, consumers = sluice::crowd<>::most - 1;
};

}  // namespace rig

#endif
