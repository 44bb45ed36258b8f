// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_MODEL_BROADCAST_SCENARIO_HPP
#define SLUICE_TESTS_MODEL_BROADCAST_SCENARIO_HPP

#include "ledger.hpp"
#include "lock_bytes.hpp"

#include <sluice/channel/broadcast.hpp>

#include <cstring>

namespace model {

/// One way to use a broadcast of one producer slot, a reader that is there from the beginning, and one that joins.
struct broadcast_case {
  std::size_t capacity = 1;
  unsigned waiting = 0;   // messages pushed to begin with
  unsigned messages = 3;  // in all
  bool batch = false;     // of two
  bool resident = true, joiner = true;
  bool joiner_leaves = false;  // after its first message
  bool producer_dies = false, resident_dies = false, joiner_dies = false;

  [[nodiscard]] bool dies() const noexcept { return producer_dies || resident_dies || joiner_dies; }
  [[nodiscard]] std::string text() const {
    return "capacity " + std::to_string(capacity) + ", " + std::to_string(messages) + " messages, " + std::to_string(waiting) +
           " before" + (batch ? ", batches" : "") + (resident ? ", resident" : "") + (resident_dies ? " that dies" : "") +
           (joiner ? ", joiner" : "") + (joiner_leaves ? " that leaves" : "") + (joiner_dies ? " that dies" : "") +
           (producer_dies ? ", producer dies" : "");
  }
};

/// The message at a position says so: whoever reads on without a gap has missed nothing, and no push was lost or repeated.
/// That nobody reads what is being overwritten, the model sees by itself.
template <unsigned W>
class broadcast_scenario {
  using P = policy<>;
  using T = item<W>;
  using kind = sluice::ring_kind<sluice::broadcast>;
  using ring_type = sluice::broadcast_ring<T, P>;
  using producer = sluice::broadcast_producer<T, P>;
  using consumer = sluice::broadcast_consumer<T, P>;
  static constexpr auto no_bell = [](auto&, std::uint32_t) noexcept {};
  static constexpr unsigned resident = 1, joiner = 2;

 public:
  broadcast_scenario(world& w, const broadcast_case& c) : case_(c), ring_(fresh()) {
    locks_.slots = 3;
    expect(static_cast<bool>(producer_.attach(ring_, 0)), "an empty ring cannot be joined");
    producer_.begin();
    if (c.resident) sit(resident_, resident);
    for (unsigned k = 0; k < c.waiting; ++k) expect(static_cast<bool>(producer_.try_push(T::make(k), no_bell)), "no room to begin with");
    confirmed_ = c.waiting;

    const unsigned p = w.spawn("producer", {.killable = c.producer_dies}, [this] { produce(producer_, case_.waiting); });
    w.hold(p, &locks_.life[0]);
    w.hold(p, &grave_);
    if (c.producer_dies) w.spawn("heir", {.heir_of = &grave_}, [this] { inherit(); });
    if (c.resident) {
      const unsigned t = w.spawn("resident", {.killable = c.resident_dies}, [this] { reside(); });
      w.hold(t, &locks_.life[resident]);
    }
    if (c.joiner) {
      const unsigned t = w.spawn("joiner", {.killable = c.joiner_dies}, [this] { join(); });
      w.hold(t, &locks_.life[joiner]);
    }
    auto& s = ring_.shared();
    w.call(s.limit, "limit "), w.call(s.active, "active "), w.call(s.hall.told, "told ");
    w.call(s.hall.producer.doorstep().word(), "producer gate ");
    for (unsigned k = 1; k < 3; ++k) w.call(s.cursors[k].at, "cursor ", k);
    unsigned k = 0;
    for (auto* b = ring_.first(); b != ring_.end(); ++b) w.call(b->stamp, "stamp ", k++);
    locks_.name_words(w);
    w.call(grave_, "grave ");
  }
  void finish() {
    for (const unsigned slot : {resident, joiner}) (void)kind::heal(ring_, slot, no_bell);
    consumer late;
    sit(late, joiner);
    std::size_t n = 0;
    sluice::error e;
    for (; !e; ++n) {
      const auto m = late.try_pop(no_bell);
      if ((e = m.err())) break;
      expect(m->id() == case_.messages - kept() + n, "history is not what was pushed last");
    }
    expect(n == kept(), "history is not complete");
    producer after;
    expect(static_cast<bool>(after.attach(ring_, 0)), "the ring cannot be joined afterwards");
    for (unsigned i = 0; i < case_.capacity; ++i) expect(static_cast<bool>(after.try_push(T{}, no_bell)), "capacity was lost");
    expect(after.try_push(T{}, no_bell).err() == sluice::error(sluice::errc::full, sluice::step::push).by(joiner), "capacity has grown");
  }

 private:
  static constexpr std::size_t most_bytes = 20000;
  alignas(sluice::apart_bytes) static inline std::byte memory_[most_bytes];

  ring_type fresh() const {
    const std::size_t n = ring_type::bytes_for(case_.capacity);
    if (n == 0 || n > most_bytes) std::abort();
    std::memset(memory_, 0, n);
    return ring_type(memory_, case_.capacity, true);
  }
  [[nodiscard]] std::size_t kept() const noexcept { return std::min<std::size_t>(case_.capacity, case_.messages); }
  void sit(consumer& c, unsigned seat) {
    expect(static_cast<bool>(c.attach(ring_, seat)), "a reader cannot join");
    c.begin();
  }
  void produce(producer& p, unsigned id) {
    while (id != case_.messages) {
      sluice::error e;
      if (case_.batch) {
        const T some[] = {T::make(id), T::make(id + 1)};
        const auto n = p.try_push(std::span<const T>(some, id + 1 == case_.messages ? 1 : 2), no_bell);
        e = n.err();
        if (n) id += static_cast<unsigned>(*n);
      } else {
        e = p.try_push(T::make(id), no_bell).err();
        if (!e) ++id;
      }
      confirmed_ = id;
      if (!e) continue;
      expect(e == sluice::errc::full && (e.who == resident + 1 || e.who == joiner + 1), "refused for a wrong reason");
      saw("full");
      const unsigned who = e.who - 1u;
      if (sluice::heal_if_dead(locks_, who, [&] { (void)kind::heal(ring_, who, no_bell); })) saw("healed");
      else P::pause();
    }
    p.end(sluice::phase::closed, no_bell);
  }
  void inherit() {
    producer p;
    sluice::broadcast_producer<T, P>* const side = &p;
    locks_.join(0, [&] {
      (void)kind::heal(ring_, 0, no_bell);
      expect(static_cast<bool>(side->attach(ring_, 0)), "the heir cannot attach");
      side->begin();
    });
    std::uint64_t tail = 0;
    expect(ring_.find_tail(ring_.shared().limit.load(order::acquire), tail), "the heir finds no tail");
    expect(tail == confirmed_ || tail == confirmed_ + 1 || (case_.batch && tail == confirmed_ + 2), "a push was lost");
    saw(tail == confirmed_ ? "killed before the commit of a push" : "killed after the commit of a push");
    produce(p, static_cast<unsigned>(tail));
  }
  // Reads the next message, if it is there.
  bool read(consumer& c, unsigned& next, bool& any) {
    const auto m = c.try_pop(no_bell);
    if (!m) {
      expect(m.err() == sluice::errc::empty || m.err() == sluice::errc::closed, "a reader is refused for a wrong reason");
      if (m.err() == sluice::errc::closed) expect(!any || next == case_.messages, "the end was told before the last message");
      saw(m.err() == sluice::errc::closed ? "closed" : "empty");
      P::pause();
      return false;
    }
    expect(m->id() != T::torn, "a message came out that is not whole");
    expect(!any || m->id() == next, "a reader has missed a message, or got one twice");
    any = true;
    next = m->id() + 1;
    return true;
  }
  void reside() {
    unsigned next = 0;
    bool any = true;
    while (next != case_.messages) (void)read(resident_, next, any);
  }
  void join() {
    consumer c;
    sit(c, joiner);
    unsigned next = 0;
    bool any = false;
    do {
      const bool first = !any;
      if (!read(c, next, any)) continue;
      if (!first) continue;
      expect(next - 1 + kept() <= case_.messages, "a joiner did not get what was kept");
      saw(next == 1 ? "joined at the beginning" : "joined late");
      if (case_.joiner_leaves) break;
    } while (next != case_.messages);
    c.end(sluice::phase::left, no_bell);
  }

  broadcast_case case_;
  ring_type ring_;
  producer producer_;
  consumer resident_;
  lock_bytes locks_;
  std::uint32_t grave_ = 0;
  unsigned confirmed_ = 0;
};

template <unsigned W>
report explore_broadcast(const broadcast_case& c, options o = {}) {
  const std::string name = "broadcast of " + std::to_string(W * 8) + " bytes, " + c.text();
  o.name = name.c_str();
  o.kills = c.dies() ? 1 : 0;
  return explore(o, [&](world& w) { return broadcast_scenario<W>(w, c); });
}

}  // namespace model

#endif
