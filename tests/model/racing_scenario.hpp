// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_RACING_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_RACING_SCENARIO_HPP

#include "ledger.hpp"
#include "lock_bytes.hpp"

#include <sluice/channel/broadcast.hpp>

#include <cstring>

namespace model {

/// One way to use a ring whose producer overwrites what a reader may be reading.
struct racing_case {
  std::size_t capacity = 1;
  unsigned waiting = 0;   // messages pushed to begin with
  unsigned messages = 3;  // in all
  bool joins = false;     // the reader comes while the producer pushes
  bool producer_dies = false;

  [[nodiscard]] std::string text() const {
    return "capacity " + std::to_string(capacity) + ", " + std::to_string(messages) + " messages, " + std::to_string(waiting) +
           " before, a reader" + (joins ? " that joins" : "") + (producer_dies ? ", producer dies" : "");
  }
};

/// Message k says k, from 1 on. The reader must find each whole, none twice, none out of order, every gap counted, and the
/// last message before the end.
template <class Kind>
class racing_scenario {
  using P = policy<>;
  using T = item<2>;
  using kind = sluice::ring_kind<Kind>;
  using ring_type = typename kind::template ring<T, P>;
  using producer = typename kind::template producer<T, P>;
  using consumer = typename kind::template consumer<T, P>;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr bool newest_only = std::is_same_v<Kind, sluice::latest>;

 public:
  racing_scenario(world& w, const racing_case& c) : case_(c), ring_(fresh()) {
    locks_.slots = 2;
    expect(static_cast<bool>(producer_.attach(ring_, 0)), "an empty ring cannot be joined");
    producer_.begin();
    if (!c.joins) sit();
    for (unsigned k = 1; k <= c.waiting; ++k) (void)producer_.try_push(T::make(k), no_bell);
    confirmed_ = c.waiting;
    const unsigned p = w.spawn("producer", {.killable = c.producer_dies}, [this] { produce(producer_, case_.waiting + 1); });
    w.hold(p, &locks_.life[0]);
    w.hold(p, &grave_);
    if (c.producer_dies) w.spawn("heir", {.heir_of = &grave_}, [this] { inherit(); });
    const unsigned r = w.spawn("reader", [this] { read(); });
    w.hold(r, &locks_.life[1]);
    name_words(w);
  }
  void finish() {
    expect(last() == case_.messages, "the last message was lost");
    consumer late;
    expect(static_cast<bool>(late.attach(ring_, 2)), "the ring cannot be joined afterwards");
    const unsigned kept = newest_only ? 1 : static_cast<unsigned>(std::min<std::size_t>(case_.capacity, case_.messages));
    for (unsigned k = case_.messages - kept + 1; k <= case_.messages; ++k) {
      const auto m = late.try_pop(no_bell);
      expect(m && m->id() == k, "what is kept is not what was pushed last");
    }
  }

 private:
  static constexpr std::size_t most_bytes = 8192;
  alignas(sluice::apart_bytes) static inline std::byte memory_[most_bytes];

  ring_type fresh() const {
    const std::size_t n = ring_type::bytes_for(case_.capacity);
    if (n == 0 || n > most_bytes) std::abort();
    std::memset(memory_, 0, n);
    return ring_type(memory_, case_.capacity, true);
  }
  void name_words(world& w) const {
    unsigned k = 0;
    if constexpr (newest_only) {
      w.call(ring_.shared().newest, "newest ");
      for (; k < ring_.buffers(); ++k) w.call(ring_.buffer_of(k).stamp, "stamp ", k);
    } else {
      w.call(ring_.shared().tail, "tail ");
      for (auto* c = ring_.first(); c != ring_.end(); ++c) w.call(c->stamp, "stamp ", k++);
    }
    locks_.name_words(w);
    w.call(grave_, "grave ");
  }
  void sit() {
    expect(static_cast<bool>(reader_.attach(ring_, 1)), "a reader cannot join");
    reader_.begin();
  }
  [[nodiscard]] unsigned last() const {
    if constexpr (newest_only) return static_cast<unsigned>(ring_.shared().newest.load(order::acquire));
    else return static_cast<unsigned>(ring_.find_tail());
  }
  void produce(producer& p, unsigned id) {
    for (; id <= case_.messages; ++id) {
      expect(static_cast<bool>(p.try_push(T::make(id), no_bell)), "a push was refused");
      confirmed_ = id;
    }
    p.end(sluice::phase::closed, no_bell);
  }
  void inherit() {
    producer p;
    locks_.join(0, [&] {
      (void)kind::heal(ring_, 0, no_bell);
      expect(static_cast<bool>(p.attach(ring_, 0)), "the heir cannot attach");
      p.begin();
    });
    const unsigned there = last();
    expect(there == confirmed_ || there == confirmed_ + 1, "a push was lost");
    saw(there == confirmed_ ? "killed before the commit of a push" : "killed after the commit of a push");
    produce(p, there + 1);
  }
  void read() {
    if (case_.joins) sit();
    unsigned before = 0;
    bool any = !case_.joins;
    std::uint64_t missed = 0;
    while (before != case_.messages) {
      const auto m = reader_.try_pop(no_bell);
      if (m) {
        expect(m->id() != T::torn, "a message came out that is not whole");
        const std::uint64_t lost = reader_.dropped() - missed;
        expect(any ? m->id() == before + lost + 1 : m->id() > before, "messages came out of order, or were counted wrong");
        missed = reader_.dropped();
        if (lost != 0) saw("missed some");
        any = true, before = m->id();
      } else if (m.err() == sluice::errc::lagged) {
        saw("lagged");
        expect(!newest_only, "a newest value cannot lag");
      } else {
        expect(m.err() != sluice::errc::corrupt, "a correct ring is called corrupt");
        expect(m.err() != sluice::errc::closed, "the end was told before the last message");
        expect(m.err() == sluice::errc::empty, "a reader is refused for a wrong reason");
        saw("empty");
        P::pause();
      }
    }
    expect(reader_.try_pop(no_bell).err().code != sluice::errc::ok, "a message came out twice");
  }

  racing_case case_;
  ring_type ring_;
  producer producer_;
  consumer reader_;
  lock_bytes locks_;
  std::uint32_t grave_ = 0;
  unsigned confirmed_ = 0;
};

template <class Kind>
report explore_racing(const racing_case& c, options o = {}) {
  const std::string name = std::string(std::is_same_v<Kind, sluice::latest> ? "latest, " : "lossy, ") + c.text();
  o.name = name.c_str();
  o.kills = c.producer_dies ? 1 : 0;
  return explore(o, [&](world& w) { return racing_scenario<Kind>(w, c); });
}

}  // namespace model

#endif
