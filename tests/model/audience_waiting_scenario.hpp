// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_AUDIENCE_WAITING_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_AUDIENCE_WAITING_SCENARIO_HPP

#include "waiting_scenario.hpp"

#include <sluice/channel/broadcast.hpp>

#include <optional>

namespace model {

struct audience_waiting_case {
  unsigned readers = 1;
  std::size_t capacity = 1;
  unsigned messages = 2;  // and then the producer closes
  bool producer_dies = false, reader_dies = false;  // the first reader
  unsigned slices = 0;

  [[nodiscard]] std::string text() const {
    return std::to_string(readers) + " readers, capacity " + std::to_string(capacity) + ", " + std::to_string(messages) + " messages" +
           (producer_dies ? ", producer dies" : "") + (reader_dies ? ", reader dies" : "") + (slices != 0 ? ", sliced" : ", unsliced");
  }
};

/// A producer and its readers, which block in push and pop until the end. Nobody may be left asleep: that is a deadlock.
template <class K>
class audience_waiting_scenario {
  using P = policy<>;
  using T = std::uint64_t;
  using kind = sluice::ring_kind<K>;
  using ring_type = typename kind::template ring<T, P>;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;
  using sink = sluice::ring_sink<T, K, shared_home<producer, K, P>, P>;
  using source = sluice::ring_source<T, K, shared_home<consumer, K, P>, P>;
  static constexpr unsigned most_readers = 2;

 public:
  audience_waiting_scenario(world& w, const audience_waiting_case& c) : case_(c) {
    std::memset(memory_, 0, sizeof memory_);
    if (ring_type::bytes_for(c.capacity) > bytes || c.readers > most_readers) std::abort();
    ring_ = ring_type(memory_, c.capacity);
    locks_.slots = c.readers + 1;
    expect(static_cast<bool>(producer_.attach(ring_, 0)), "an empty ring cannot be joined");
    producer_.begin();
    for (unsigned k = 0; k < c.readers; ++k) {
      expect(static_cast<bool>(reader_[k].attach(ring_, k + 1)), "an empty ring cannot be joined");
      reader_[k].begin();
    }
    tx_.emplace(shared_home<producer, K, P>(producer_, locks_, 0), sluice::wait_strategy::park);
    w.hold(w.spawn("producer", {.killable = c.producer_dies}, [this] { produce(); }), &locks_.life[0]);
    for (unsigned k = 0; k < c.readers; ++k) {
      rx_[k].emplace(shared_home<consumer, K, P>(reader_[k], locks_, k + 1), sluice::wait_strategy::park);
      w.hold(w.spawn("reader " + std::to_string(k), {.killable = c.reader_dies && k == 0}, [this, k] { read(*rx_[k]); }), &locks_.life[k + 1]);
    }
    locks_.name_words(w);
  }
  void finish() {}

 private:
  static constexpr std::size_t bytes = 20000;
  alignas(sluice::apart_bytes) static inline std::byte memory_[bytes];

  void produce() {
    for (unsigned k = 1; k <= case_.messages; ++k) expect(static_cast<bool>(tx_->push(T{k})), "a push failed");
    tx_->close();
  }
  void read(source& rx) {
    for (T before = 0;;) {
      const auto m = rx.pop();
      if (m) {
        expect(kind::reliable ? *m == before + 1 : *m > before, "a reader has missed a message, or got one twice");
        before = *m;
      } else if (m.err() != sluice::errc::lagged) {
        expect(m.err() == sluice::errc::closed || (m.err() == sluice::errc::peer_died && case_.producer_dies), "a pop failed for a wrong reason");
        expect(before == case_.messages || case_.producer_dies, "the end was told before the last message");
        return saw(m.err() == sluice::errc::closed ? "closed" : "peer_died");
      }
    }
  }

  audience_waiting_case case_;
  ring_type ring_;
  producer producer_;
  consumer reader_[most_readers];
  lock_bytes locks_;
  std::optional<sink> tx_;
  std::optional<source> rx_[most_readers];
};

template <class K>
report explore_audience_waiting(const char* name, const audience_waiting_case& c, options o = {}) {
  const std::string whole = std::string(name) + " waited on, " + c.text();
  o.name = whole.c_str();
  o.kills = c.producer_dies || c.reader_dies ? 1 : 0;
  o.slices = c.slices;
  return explore(o, [&](world& w) { return audience_waiting_scenario<K>(w, c); });
}

}  // namespace model

#endif
