// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_WAITING_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_WAITING_SCENARIO_HPP

#include "lock_bytes.hpp"
#include "policy.hpp"

#include <sluice/channel/ring_end.hpp>

namespace model {

/// A home of ring ends as sluice::detail::shared_home is one, but that the region is in the model.
template <class Side, class Kind, class P>
class shared_home {
 public:
  static constexpr bool shared = true;
  template <class U>
  static constexpr sluice::end_traits traits{.detects_death = true, .outlives_process = true, .max_size = sizeof(U)};

  shared_home() noexcept = default;
  shared_home(Side& side, lock_bytes& locks, unsigned slot) noexcept : side_(&side), locks_(&locks), slot_(slot) {}
  [[nodiscard]] Side* side() const noexcept { return side_; }
  [[nodiscard]] bool heavy_fence() noexcept {
    world::current()->heavy_fence();
    return true;
  }
  [[nodiscard]] std::int64_t slice(bool) const noexcept { return std::int64_t{1} << 60; }  // see options::slices
  sluice::recovery heal_peers() noexcept {
    sluice::recovery all;
    for (unsigned k = 0; k < locks_->slots; ++k)
      if (k != slot_)
        (void)locks_->heal_once(k, [&] {
          all += sluice::ring_kind<Kind>::heal(side_->ring(), k, sluice::detail::futex_ringer<true>{});
        });
    return all;
  }
  [[nodiscard]] sluice::recovery recovered() const noexcept { return {}; }
  [[nodiscard]] unsigned peers() noexcept { return 0; }
  [[nodiscard]] sluice::opening opened() const noexcept { return sluice::opening::joined; }
  void leave() noexcept {
    if (world::self() != nullptr) world::current()->unlock(&locks_->life[slot_]);
  }

 private:
  Side* side_ = nullptr;
  lock_bytes* locks_ = nullptr;
  unsigned slot_ = 0;
};

struct waiting_case {
  std::size_t capacity = 1;
  unsigned waiting = 0;   // messages in the ring to begin with
  unsigned messages = 1;  // and pushed after that
  bool producer_dies = false, consumer_dies = false;
  bool producer_stops = false;  // for a while
  bool impatient = false;  // waits have deadlines, which a sleep that ends by itself has reached
  unsigned slices = 0, spurious = 0;

  [[nodiscard]] std::string text() const {
    return "capacity " + std::to_string(capacity) + ", " + std::to_string(waiting) + "+" + std::to_string(messages) + " messages" +
           (producer_dies ? ", producer dies" : "") + (consumer_dies ? ", consumer dies" : "") +
           (producer_stops ? ", producer stops" : "") + (impatient ? ", impatient" : "") +
           (slices != 0 ? ", sliced" : ", unsliced") + (spurious != 0 ? ", spurious wake-ups" : "");
  }
};

/// Two ends of a channel between processes that block in push and pop: all code of the library from the verbs down, over
/// the memory, the futexes and the locks of the model.
template <class Rig>
class waiting_scenario {
  using P = policy<>;
  using T = std::uint64_t;
  using K = typename Rig::kind;
  using kind = sluice::ring_kind<K>;
  using ring_type = typename kind::template ring<T, P>;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;
  using sink_home = shared_home<producer, K, P>;
  using source_home = shared_home<consumer, K, P>;
  using sink = sluice::ring_sink<T, K, sink_home, P>;
  using source = sluice::ring_source<T, K, source_home, P>;

 public:
  waiting_scenario(world& w, const waiting_case& c) : case_(c) {
    std::memset(memory_, 0, sizeof memory_);
    ring_ = ring_type(memory_, c.capacity);
    expect(producer_.attach(ring_) && consumer_.attach(ring_), "an empty ring cannot be joined");
    producer_.begin();
    consumer_.begin();
    for (; pushed_ != c.waiting; ++pushed_)
      expect(static_cast<bool>(producer_.try_push(T{pushed_}, [](auto&, std::uint32_t) {})), "no room to begin with");
    begun_ = pushed_;
    const unsigned p = w.spawn("producer", {.killable = c.producer_dies, .stoppable = c.producer_stops}, [this] { produce(); });
    const unsigned q = w.spawn("consumer", {.killable = c.consumer_dies}, [this] { consume(); });
    w.hold(p, &locks_.life[kind::producer_slot]);
    w.hold(q, &locks_.life[kind::consumer_slot]);
    Rig::each_word(ring_, [&](const auto& word, const char* name, unsigned number) { w.call(word, name, number); });
    locks_.name_words(w);
    w.on_death = [this, p](unsigned who) { (who == p ? producer_died_ : consumer_died_) = true; };
  }
  void finish() {
    if (consumer_died_) return;
    if (!producer_died_) expect(got_ == case_.waiting + case_.messages, "a message was lost");
    expect(got_ >= pushed_, "a pushed message was not delivered before the end");
    expect(got_ <= begun_, "a message came from nowhere");
  }

 private:
  static constexpr std::size_t bytes = 2048;
  alignas(sluice::apart_bytes) static inline std::byte memory_[bytes];

  [[nodiscard]] sluice::until patience() const noexcept {
    return case_.impatient ? sluice::until(std::chrono::hours(1)) : sluice::until();
  }
  void produce() {
    sink tx(sink_home(producer_, locks_, kind::producer_slot), sluice::wait_strategy::park);
    while (pushed_ != case_.waiting + case_.messages) {
      begun_ = pushed_ + 1;
      const auto s = tx.push(T{pushed_}, patience());
      if (s) {
        ++pushed_;
      } else if (s.err() == sluice::errc::peer_died && consumer_died_) {
        return saw("the producer was told of the death of the consumer");
      } else {
        expect(s.err() == sluice::errc::timeout && case_.impatient, "a push failed for a wrong reason");
        saw("a push gave up");
      }
    }
    tx.close();
  }
  void consume() {
    source rx(source_home(consumer_, locks_, kind::consumer_slot), sluice::wait_strategy::park);
    for (;;) {
      const auto m = rx.pop(patience());
      if (m) {
        expect(*m == got_, "a wrong message");
        ++got_;
      } else if (m.err() == sluice::errc::closed) {
        return saw("closed");
      } else if (m.err() == sluice::errc::peer_died && producer_died_) {
        return saw("the consumer was told of the death of the producer");
      } else {
        expect(m.err() == sluice::errc::timeout && case_.impatient, "a pop failed for a wrong reason");
        saw("a pop gave up");
      }
    }
  }

  waiting_case case_;
  ring_type ring_;
  producer producer_;
  consumer consumer_;
  lock_bytes locks_;
  unsigned begun_ = 0, pushed_ = 0, got_ = 0;
  bool producer_died_ = false, consumer_died_ = false;
};

template <class Rig>
report explore_waiting(const waiting_case& c, options o = {}) {
  const std::string name = std::string(Rig::name) + " waited on, " + c.text();
  o.name = name.c_str();
  o.kills = c.producer_dies || c.consumer_dies ? 1 : 0;
  o.stops = c.producer_stops ? 1 : 0;
  o.slices = c.slices, o.spurious = c.spurious;
  return explore(o, [&](world& w) { return waiting_scenario<Rig>(w, c); });
}

}  // namespace model

#endif
