// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_CROWD_WAITING_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_CROWD_WAITING_SCENARIO_HPP

#include "waiting_scenario.hpp"

#include <optional>

namespace model {

struct crowd_waiting_case {
  unsigned producers = 1, consumers = 1;
  std::size_t capacity = 1;
  unsigned waiting = 0;   // messages in the ring to begin with
  unsigned messages = 1;  // that each producer pushes after that
  unsigned pops = 1;      // that each consumer waits for
  bool keeps = false;     // the first consumer keeps the first message that it borrows, and is done
  bool abandons = false;  // the last producer claims a place, thinks better of it, and is done
  bool closes = false;    // each producer closes after its last message, and consumers wait until they are told
  bool producer_dies = false, consumer_dies = false;  // the first
  bool producer_gives_up = false, consumer_gives_up = false;  // the first has a deadline, and is done when it has passed
  unsigned slices = 0, spurious = 0;

  [[nodiscard]] std::string text() const {
    return std::to_string(producers) + "P" + std::to_string(consumers) + "C, capacity " + std::to_string(capacity) + ", " +
           std::to_string(waiting) + "+" + std::to_string(messages) + " messages, " + std::to_string(pops) + " pops" +
           (keeps ? ", consumer keeps" : "") + (abandons ? ", producer abandons" : "") + (closes ? ", closed" : "") + (producer_dies ? ", producer dies" : "") + (consumer_dies ? ", consumer dies" : "") +
           (producer_gives_up ? ", producer gives up" : "") + (consumer_gives_up ? ", consumer gives up" : "") +
           (slices != 0 ? ", sliced" : ", unsliced") + (spurious != 0 ? ", spurious wake-ups" : "");
  }
};

/// At which priority a producer of that number pushes, where there are some: each at its own, the rest at the highest.
template <class Kind>
unsigned priority_of([[maybe_unused]] unsigned producer) noexcept {
  if constexpr (requires { sluice::ring_kind<Kind>::priorities; }) return producer < sluice::ring_kind<Kind>::priorities ? producer : sluice::ring_kind<Kind>::priorities - 1;
  else return 0;
}

/// Several ends of an ordered channel between processes that block in push and pop. They may sleep for ever; but when all
/// is over, nobody may be asleep for whom there is something to do.
template <class Rig>
class crowd_waiting_scenario {
  using P = policy<>;
  using T = std::uint64_t;
  using K = typename Rig::kind;
  using kind = sluice::ring_kind<K>;
  using ring_type = typename kind::template ring<T, P>;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;
  using sink = sluice::ring_sink<T, K, shared_home<producer, K, P>, P>;
  using source = sluice::ring_source<T, K, shared_home<consumer, K, P>, P>;
  static constexpr unsigned most_sides = 3;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};

 public:
  crowd_waiting_scenario(world& w, const crowd_waiting_case& c) : case_(c), world_(w) {
    std::memset(memory_, 0, sizeof memory_);
    ring_ = ring_type(memory_, c.capacity);
    locks_.slots = c.producers + c.consumers;
    if (ring_type::bytes_for(c.capacity) > bytes || c.producers > most_sides || c.consumers > most_sides) std::abort();
    for (unsigned k = 0; k < c.producers; ++k) {
      expect(static_cast<bool>(producer_[k].attach(ring_, producer_slot(k))), "an empty ring cannot be joined");
      producer_[k].begin();
    }
    for (unsigned k = 0; k < c.consumers; ++k) {
      expect(static_cast<bool>(consumer_[k].attach(ring_, consumer_slot(k))), "an empty ring cannot be joined");
      consumer_[k].begin();
    }
    for (; begun_ != c.waiting; ++begun_) expect(static_cast<bool>(producer_[0].try_push(T{begun_}, no_bell)), "no room to begin with");
    pushed_ = begun_;
    for (unsigned k = 0; k < c.producers; ++k) {
      tx_[k].emplace(shared_home<producer, K, P>(producer_[k], locks_, producer_slot(k)), sluice::wait_strategy::park);
      const bool gives_up = c.producer_gives_up && k == 0;
      spawn("producer ", k, producer_slot(k), c.producer_dies && k == 0, [this, k, gives_up] { produce(*tx_[k], k, gives_up); });
    }
    for (unsigned k = 0; k < c.consumers; ++k) {
      rx_[k].emplace(shared_home<consumer, K, P>(consumer_[k], locks_, consumer_slot(k)), sluice::wait_strategy::park);
      spawn("consumer ", k, consumer_slot(k), c.consumer_dies && k == 0, [this, k] { consume(*rx_[k], k == 0); });
    }
    w.on_death = [this](unsigned who) {
      died_ = true;
      gone_ += who < case_.producers && case_.closes ? 1 : 0;
    };
    Rig::each_word(ring_, locks_.slots, [&](const auto& a, const char* name, unsigned number) { w.call(a, name, number); });
    Rig::each_empty_seat(ring_, locks_.slots, [&](const void* from, const void* to) { w.constant(from, to); });
    locks_.name_words(w);
  }
  void finish() {
    const unsigned n = case_.producers + case_.consumers;
    for (unsigned t = 0; t < n; ++t) {
      if (!world_.asleep(t)) continue;
      const bool pushes = t < case_.producers;
      expect(pushes ? !room_for(t) : !message_there(), pushes ? "asleep, though there is room" : "asleep, though a message is there");
      if (case_.closes && gone_ == case_.producers) expect(pushes, "asleep, though everybody else has gone");
      saw(pushes ? "a producer sleeps at a full ring" : "a consumer sleeps at an empty ring");
    }
    unsigned left = 0;
    for (unsigned slot = 0; slot < n; ++slot) (void)kind::heal(ring_, slot, no_bell);
    consumer c;
    expect(static_cast<bool>(c.attach(ring_, consumer_slot(0))), "the ring cannot be joined afterwards");
    while (const auto m = c.try_pop(no_bell)) count(*m), ++left;
    if (!died_) expect(popped_ + left == pushed_, "a message was lost");
  }

 private:
  static constexpr std::size_t bytes = 4096;
  alignas(sluice::apart_bytes) static inline std::byte memory_[bytes];
  alignas(sluice::apart_bytes) static inline std::byte image_[bytes];

  static constexpr unsigned producer_slot(unsigned k) noexcept { return Rig::producers != 1 && Rig::consumers == 1 ? k + 1 : k; }
  [[nodiscard]] unsigned consumer_slot(unsigned k) const noexcept { return Rig::consumers == 1 ? k : k + case_.producers; }
  template <class Act>
  void spawn(const char* name, unsigned number, unsigned slot, bool mortal, Act act) {
    const unsigned t = world_.spawn(name + std::to_string(number), {.killable = mortal, .may_sleep = true}, act);
    world_.hold(t, &locks_.life[slot]);
  }
  // What somebody who came now would find, the dead not being there.
  ring_type image() const {
    std::memcpy(image_, memory_, bytes);
    const ring_type there(image_, case_.capacity);
    for (unsigned slot = 0; slot < locks_.slots; ++slot)
      if (locks_.life[slot] == 0) (void)kind::heal(there, slot, no_bell);
    return there;
  }
  bool message_there() const {
    consumer c;
    expect(static_cast<bool>(c.attach(image(), consumer_slot(0))), "the ring cannot be joined afterwards");
    return static_cast<bool>(c.try_pop(no_bell));
  }
  bool room_for(unsigned number) const {
    producer p;
    expect(static_cast<bool>(p.attach(image(), producer_slot(0))), "the ring cannot be joined afterwards");
    return static_cast<bool>(push(number, [&p](auto... priority) { return p.try_push(T{0}, no_bell, priority...); }));
  }
  // At the priority of the producer of that number, if there is such a thing.
  template <class Push>
  static auto push([[maybe_unused]] unsigned number, Push how) {
    if constexpr (requires { kind::priorities; }) return how(priority_of<K>(number));
    else return how();
  }
  void count(T m) {
    expect(m < begun_, "a message came from nowhere");
    expect((out_ & T{1} << m) == 0, "a message came out twice");
    out_ |= T{1} << m;
  }
  [[nodiscard]] static sluice::until patience(bool gives_up) noexcept {
    return gives_up ? sluice::until(std::chrono::hours(1)) : sluice::until();
  }
  [[nodiscard]] bool told_of_death(sluice::error e) const { return e == sluice::errc::peer_died && died_; }

  void produce(sink& tx, unsigned number, bool gives_up) {
    if (case_.abandons && number + 1 == case_.producers) {
      const auto place = push(number, [&](auto... priority) { return tx.claim(priority..., patience(gives_up)); });
      expect(static_cast<bool>(place), "a claim failed");
      return saw("abandoned");
    }
    for (unsigned k = 0; k < case_.messages; ++k) {
      const T m{begun_++};
      const auto s = push(number, [&](auto... priority) { return tx.push(m, priority..., patience(gives_up)); });
      if (s) {
        ++pushed_;
      } else if (told_of_death(s.err())) {
        return saw("a producer was told of the death of the consumer");
      } else {
        expect(s.err() == sluice::errc::timeout && gives_up, "a push failed for a wrong reason");
        return saw("a push gave up");
      }
    }
    if (!case_.closes) return;
    tx.close();
    ++gone_;
  }
  void consume(source& rx, bool first) {
    for (unsigned k = 0; case_.closes || k < case_.pops; ++k) {
      sluice::error e;
      const bool gives_up = case_.consumer_gives_up && first;
      if (case_.keeps && first) {
        auto m = rx.borrow(patience(gives_up));
        e = m.err();
        if (m) {
          m.keep();
          return saw("kept");
        }
      } else if (const auto m = rx.pop(patience(gives_up))) {
        count(*m), ++popped_;
      } else {
        e = m.err();
      }
      if (!e) continue;
      if (e == sluice::errc::closed && case_.closes) return saw("a consumer was told of the end");
      if (told_of_death(e)) return saw("a consumer was told of the death of the producer");
      expect(e == sluice::errc::timeout && gives_up, "a pop failed for a wrong reason");
      return saw("a pop gave up");
    }
  }

  crowd_waiting_case case_;
  world& world_;
  ring_type ring_;
  producer producer_[most_sides];
  consumer consumer_[most_sides];
  lock_bytes locks_;
  std::optional<sink> tx_[most_sides];
  std::optional<source> rx_[most_sides];
  unsigned begun_ = 0, pushed_ = 0, popped_ = 0;
  std::uint64_t out_ = 0;
  unsigned gone_ = 0;  // producers that have closed or died
  bool died_ = false;
};

template <class Rig>
report explore_crowd_waiting(const crowd_waiting_case& c, options o = {}) {
  const std::string name = std::string(Rig::name) + " waited on, " + c.text();
  o.name = name.c_str();
  o.kills = c.producer_dies || c.consumer_dies ? 1 : 0;
  o.slices = c.slices, o.spurious = c.spurious;
  return explore(o, [&](world& w) { return crowd_waiting_scenario<Rig>(w, c); });
}

}  // namespace model

#endif
