// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_SELECT_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_SELECT_SCENARIO_HPP

#include "waiting_scenario.hpp"

#include <sluice/flow/select.hpp>

#include <optional>

namespace model {

struct select_case {
  unsigned messages = 1;    // that the producer of each ring pushes
  unsigned turns = 0;       // that the select has at most; 0: until both rings have ended
  bool fellow = false;      // somebody else waits at the first ring, for one message
  bool closes = true;       // the producers close after their last message
  bool impatient = false;   // the select has deadlines, which a sleep that ends by itself has reached
  bool gives_up = false;    // and is done when one has passed
  bool producer_dies = false, select_dies = false;
  unsigned slices = 0, spurious = 0;

  [[nodiscard]] std::string text() const {
    return std::to_string(messages) + " messages each" + (turns != 0 ? ", " + std::to_string(turns) + " turns" : "") +
           (fellow ? ", a fellow" : "") + (closes ? ", closed" : "") + (impatient ? ", impatient" : "") +
           (gives_up ? ", gives up" : "") + (producer_dies ? ", producer dies" : "") + (select_dies ? ", select dies" : "") +
           (slices != 0 ? ", sliced" : ", unsliced") + (spurious != 0 ? ", spurious wake-ups" : "");
  }
};

/// A select over two rings between processes, each with a producer of its own: all code of the library from the select
/// down. Nobody may sleep, when all is over, for whom there is a message; and none is lost, whoever gives up.
template <class Rig>
class select_scenario {
  using P = policy<>;
  using T = std::uint64_t;
  using K = typename Rig::kind;
  using kind = sluice::ring_kind<K>;
  using ring_type = typename kind::template ring<T, P>;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;
  using sink = sluice::ring_sink<T, K, shared_home<producer, K, P>, P>;
  using source = sluice::ring_source<T, K, shared_home<consumer, K, P>, P>;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr unsigned push_slot = kind::producers.first, pop_slot = kind::consumers.first + (kind::consumers.first == push_slot ? 1 : 0);

 public:
  select_scenario(world& w, const select_case& c) : case_(c), world_(w) {
    for (unsigned k = 0; k < 2; ++k) {
      std::memset(memory_[k], 0, bytes);
      ring_[k] = ring_type(memory_[k], 1);
      locks_[k].slots = c.fellow && k == 0 ? 3 : 2;
      expect(producer_[k].attach(ring_[k], push_slot) && consumer_[k].attach(ring_[k], pop_slot), "an empty ring cannot be joined");
      producer_[k].begin();
      consumer_[k].begin();
      tx_[k].emplace(shared_home<producer, K, P>(producer_[k], locks_[k], push_slot), sluice::wait_strategy::park);
      rx_[k].emplace(shared_home<consumer, K, P>(consumer_[k], locks_[k], pop_slot), sluice::wait_strategy::park);
      const unsigned t = w.spawn("producer " + std::to_string(k), {.killable = c.producer_dies && k == 0, .may_sleep = true},
                                 [this, k] { produce(k); });
      w.hold(t, &locks_[k].life[push_slot]);
    }
    const unsigned s = w.spawn("select", {.killable = c.select_dies, .may_sleep = true}, [this] { choose(); });
    for (auto& l : locks_) w.hold(s, &l.life[pop_slot]);
    if (c.fellow) {
      expect(static_cast<bool>(fellow_.attach(ring_[0], pop_slot + 1)), "an empty ring cannot be joined");
      fellow_.begin();
      beside_.emplace(shared_home<consumer, K, P>(fellow_, locks_[0], pop_slot + 1), sluice::wait_strategy::park);
      const unsigned f = w.spawn("fellow", {.may_sleep = true}, [this] {
        if (const auto m = beside_->pop()) count(0, *m);
      });
      w.hold(f, &locks_[0].life[pop_slot + 1]);
    }
    w.on_death = [this](unsigned) { died_ = true; };
    for (unsigned k = 0; k < 2; ++k) {
      name_words(w, k);
      locks_[k].name_words(w);
    }
  }
  void finish() {
    for (unsigned t = 0; t < (case_.fellow ? 4u : 3u); ++t) {
      if (!world_.asleep(t)) continue;
      if (t >= 2) expect(!message_there(0) && (t == 3 || !message_there(1)), "asleep, though a message is there");
      if (t >= 2) saw("a sleeper is left");
    }
    std::uint64_t left = 0;
    for (unsigned k = 0; k < 2; ++k) {
      for (unsigned slot = 0; slot < locks_[k].slots; ++slot) (void)kind::heal(ring_[k], slot, no_bell);
      consumer c;
      expect(static_cast<bool>(c.attach(ring_[k], pop_slot)), "the ring cannot be joined afterwards");
      while (const auto m = c.try_pop(no_bell)) count(k, *m), ++left;
    }
    if (!died_) expect(got_ == pushed_, "a message was lost");
  }

 private:
  static constexpr std::size_t bytes = 4096;
  alignas(sluice::apart_bytes) static inline std::byte memory_[2][bytes];
  alignas(sluice::apart_bytes) static inline std::byte image_[bytes];

  void name_words(world& w, unsigned k) {
    const auto name = [&](const auto& a, const char* n, unsigned number) { w.call(a, n, number); };
    if constexpr (requires { Rig::each_word(ring_[k], 2u, name); }) Rig::each_word(ring_[k], locks_[k].slots, name);
    else Rig::each_word(ring_[k], name);
    if constexpr (requires { Rig::each_empty_seat(ring_[k], 2u, [](const void*, const void*) {}); })
      Rig::each_empty_seat(ring_[k], locks_[k].slots, [&](const void* from, const void* to) { w.constant(from, to); });
  }
  // What somebody who came now would find, the dead not being there.
  bool message_there(unsigned k) const {
    std::memcpy(image_, memory_[k], bytes);
    const ring_type there(image_, 1);
    for (unsigned slot = 0; slot < locks_[k].slots; ++slot)
      if (locks_[k].life[slot] == 0) (void)kind::heal(there, slot, no_bell);
    consumer c;
    expect(static_cast<bool>(c.attach(there, pop_slot)), "the ring cannot be joined afterwards");
    return static_cast<bool>(c.try_pop(no_bell));
  }
  void count(unsigned ring, T m) {
    expect(m < case_.messages, "a message came from nowhere");
    const std::uint64_t bit = std::uint64_t{1} << (8 * ring + m);
    expect((out_ & bit) == 0, "a message came out twice");
    out_ |= bit;
    ++got_;
  }
  void produce(unsigned k) {
    for (T m = 0; m < case_.messages; ++m) {
      const auto s = tx_[k]->push(m);
      if (!s) return expect(died_ || done_, "a push failed for a wrong reason");
      ++pushed_;
    }
    if (case_.closes) tx_[k]->close();
  }
  void choose() {
    unsigned ended = 0;
    const auto end = [&](sluice::error e) {
      expect(e == sluice::errc::closed || died_, "a ring ended for a wrong reason");
      saw(e == sluice::errc::closed ? "a ring has ended" : "a producer has died");
      ++ended;
    };
    auto s = sluice::select(sluice::on(*rx_[0], [this](T m) { count(0, m); }, end), sluice::on(*rx_[1], [this](T m) { count(1, m); }, end));
    const sluice::until patience = case_.impatient ? sluice::until(std::chrono::hours(1)) : sluice::until();
    for (unsigned turn = 0; case_.turns == 0 || turn < case_.turns; ++turn) {
      const auto t = s.wait(patience);
      if (t) {
        saw(t->which == 0 ? "the first ring had the turn" : "the second ring had the turn");
        continue;
      }
      if (t.err() == sluice::errc::closed) {
        expect(ended == 2, "the select ended before its rings");
        saw("the select has ended");
        break;
      }
      expect(t.err() == sluice::errc::timeout && case_.impatient, "a wait failed for a wrong reason");
      saw("the select was late");
      if (case_.gives_up) break;
    }
    done_ = true;
  }

  select_case case_;
  world& world_;
  ring_type ring_[2];
  producer producer_[2];
  consumer consumer_[2], fellow_;
  lock_bytes locks_[2];
  std::optional<sink> tx_[2];
  std::optional<source> rx_[2], beside_;
  unsigned pushed_ = 0, got_ = 0;
  std::uint64_t out_ = 0;
  bool died_ = false, done_ = false;
};

template <class Rig>
report explore_select(const select_case& c, options o = {}) {
  const std::string name = std::string("select over two rings, ") + Rig::name + ", " + c.text();
  o.name = name.c_str();
  o.kills = c.producer_dies || c.select_dies ? 1 : 0;
  o.slices = c.slices, o.spurious = c.spurious;
  return explore(o, [&](world& w) { return select_scenario<Rig>(w, c); });
}

}  // namespace model

#endif
