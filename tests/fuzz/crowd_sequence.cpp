// SPDX-License-Identifier: MIT
#include "../process.hpp"
#include "../rig/ends.hpp"
#include "crowd_model.hpp"
#include "input.hpp"

#include <sluice/platform/describe.hpp>

#include <span>

// The input is a program of calls on the ends of a ring between processes, of any kind, with up to three ends on each side
// that may have so many, which come and go; after every call the ring and its model must agree: result, error, whom it
// names, size, every byte. What the ends of a session mean to others is in operation_sequence.

namespace {

using fuzz::expected;
using fuzz::most_ends;
using sluice::errc;
using sluice::error;

constexpr std::size_t most = 10;  // messages in a batch

struct message {  // several to a line, and one to a granule of bytes
  std::uint64_t number, check;
};
constexpr message make(std::uint64_t number) noexcept { return {number, ~number}; }
constexpr bool whole(const message& m) noexcept { return m.check == ~m.number; }

template <class Rig>
class sequence {
  using sink = rig::sink_of<Rig, message>;
  using source = rig::source_of<Rig, message>;
  using place = decltype(std::declval<sink&>().claim(sluice::now));
  using lent = decltype(std::declval<source&>().borrow(sluice::now));
  using model_type = typename fuzz::model_of<Rig>::type;
  static constexpr unsigned sinks = std::min(Rig::producers, most_ends), sources = std::min(Rig::consumers, most_ends);

 public:
  explicit sequence(fuzz::input& in) : in_(in), capacity_(in.below(9) + 1u), held_(in.flag()), model_(capacity_) {
    options_.directory = directory().c_str();
    options_.capacity = rig::capacity_of<Rig, message>(capacity_);
    options_.persistent = true;  // leaving is no end: others may come
    join_sink(0), join_source(0);
  }
  ~sequence() {
    for (auto& p : place_) p.reset();
    for (auto& l : lent_) l.reset();
    for (auto& t : tx_) t.reset();
    for (auto& r : rx_) r.reset();
    (void)sluice::shm_remove("ring", options_);
  }
  void run() {
    for (int n = 0; n < 300 && !in_.empty(); ++n) {
      const unsigned how = in_.byte(), k = in_.below(sinks), j = in_.below(sources);
      if (how % 2 == 0) {
        if (tx_[k]) send(k, how / 2 % 8);
        else join_sink(k);
      } else {
        if (rx_[j]) receive(j, how / 2 % 8);
        else join_source(j);
      }
      check();
    }
    drain();
  }

 private:
  static const test::scratch& directory() {
    static const test::scratch d;
    return d;
  }
  void send(unsigned k, unsigned how) {
    switch (how) {
      case 0:
      case 1: push(k); break;
      case 2: push_batch(k); break;
      case 3: claim(k); break;
      case 4: settle_claim(k, !in_.flag()); break;
      case 5:  // what is moved from says closed
        if (sink t(std::move(*tx_[k])); true) {
          FUZZ_REQUIRE(tx_[k]->push(make(0), sluice::now).err() == errc::closed);
          *tx_[k] = std::move(t);
        }
        break;
      case 6:
        if (!in_.flag()) break;  // rarely
        settle_claim(k, false);
        tx_[k].reset();
        break;
      default: FUZZ_REQUIRE(tx_[k]->recover().peers == 0); break;
    }
  }
  void receive(unsigned j, unsigned how) {
    switch (how) {
      case 0:
      case 1: pop(j); break;
      case 2: pop_batch(j); break;
      case 3: borrow(j); break;
      case 4: settle_loan(j, in_.flag()); break;
      case 5:
        if (source r(std::move(*rx_[j])); true) {
          FUZZ_REQUIRE(rx_[j]->pop(sluice::now).err() == errc::closed);
          *rx_[j] = std::move(r);
        }
        break;
      case 6:
        if (!in_.flag()) break;
        settle_loan(j, true);
        rx_[j].reset();
        model_.leave(j);
        break;
      default: FUZZ_REQUIRE(rx_[j]->recover().peers == 0); break;
    }
  }
  void join_sink(unsigned k) {
    auto t = sluice::detail::open_end<sink>(sluice::region_place::shared_memory("ring", options_.region()), options_);
    FUZZ_REQUIRE(t);
    tx_[k].emplace(std::move(*t));
  }
  void join_source(unsigned j) {
    auto r = sluice::detail::open_end<source>(sluice::region_place::shared_memory("ring", options_.region()), options_);
    FUZZ_REQUIRE(r);
    rx_[j].emplace(std::move(*r));
    model_.join(j);
  }

  bool agrees(error e, const expected& x) {
    bool same = x.allows(e.code);
    if (same && x.who && e.code == x.code) same = e.who == slot_of(*x.who) + 1;
    if (same && e == errc::lagged) same = e.detail == static_cast<std::int64_t>(x.missed);
    if (!same) std::fprintf(stderr, "%s: %s; expected %s\n", Rig::name, sluice::describe(e).c_str(), sluice::describe(error(x.code)).c_str());
    return same;
  }
  unsigned slot_of(unsigned who) const {
    return who < far ? tx_[who]->home().member().slot() : rx_[who - far]->home().member().slot();
  }
  // Lanes have an order for each slot; of every other ring the ends are alike.
  unsigned line(unsigned k) const {
    if constexpr (std::is_same_v<Rig, rig::lanes>) return tx_[k]->home().member().slot() - 1;
    else return k;
  }

  void push(unsigned k) {
    const expected x = model_.push(line(k));
    const error e = tx_[k]->push(make(next_), sluice::now).err();
    FUZZ_REQUIRE(agrees(e, x));
    if (!e) model_.pushed(line(k), next_++);
  }
  void push_batch(unsigned k) {
    message some[most];
    const std::size_t n = in_.below(most - 1) + 1;
    for (std::size_t i = 0; i < n; ++i) some[i] = make(next_ + i);
    const expected x = model_.push(line(k));
    const std::size_t room = model_.room(line(k));
    const auto done = tx_[k]->push(std::span<const message>(some, n), sluice::now);
    FUZZ_REQUIRE(agrees(done.err(), x));
    if (!done) return;
    FUZZ_REQUIRE(*done >= std::min(n, room) && *done <= n);
    for (std::size_t i = 0; i < *done; ++i) {
      FUZZ_REQUIRE(model_.push(line(k)).allows(errc::ok));
      model_.pushed(line(k), next_++);
    }
  }
  void claim(unsigned k) {
    const expected x = model_.push(line(k));
    auto p = tx_[k]->claim(sluice::now);
    FUZZ_REQUIRE(agrees(p.err(), x));
    if (!p) return;
    place_[k].emplace(std::move(p));
    model_.claim(line(k));
  }
  void settle_claim(unsigned k, bool commit) {
    if (!place_[k]) return;
    **place_[k] = make(next_);
    if (commit) place_[k]->commit();
    place_[k].reset();
    model_.settle_claim(line(k), commit, next_);
    next_ += commit ? 1u : 0u;
  }
  void pop(unsigned j) {
    const expected x = model_.pop(j);
    const auto v = rx_[j]->pop(sluice::now);
    FUZZ_REQUIRE(agrees(v.err(), x));
    if (!v) return;
    had(j, *v);
    model_.popped(j, v->number);
  }
  void pop_batch(unsigned j) {
    message to[most];
    const std::size_t n = in_.below(most - 1) + 1;
    const expected x = model_.pop(j);
    const auto done = rx_[j]->pop(std::span<message>(to, n), sluice::now);
    FUZZ_REQUIRE(agrees(done.err(), x));
    if (!done) return;
    FUZZ_REQUIRE(*done == (model_.redelivered() ? 1 : model_.ready(j, n)));
    for (std::size_t i = 0; i < *done; ++i) {
      had(j, to[i]);
      model_.popped(j, to[i].number);
    }
    if constexpr (requires { model_.looked_on(j); })
      if (*done < n) model_.looked_on(j);
  }
  void borrow(unsigned j) {
    const expected x = model_.pop(j);
    auto l = rx_[j]->borrow(sluice::now);
    FUZZ_REQUIRE(agrees(l.err(), x));
    if (!l) return;
    had(j, *l);
    model_.lend(j, l->number);
    lent_[j].emplace(std::move(l));
  }
  void settle_loan(unsigned j, bool keep) {
    if (!lent_[j]) return;
    FUZZ_REQUIRE(whole(**lent_[j]) && (*lent_[j])->number == *model_.lent[j]);
    if (keep) lent_[j]->keep();
    else lent_[j]->release();
    lent_[j].reset();
    model_.settle_loan(j, keep);
  }
  void had(unsigned j, const message& v) {
    FUZZ_REQUIRE(whole(v) && model_.may_be_next(j, v.number));
    if constexpr (requires { rx_[j]->redelivered(); }) FUZZ_REQUIRE(!model_.redelivered() || rx_[j]->redelivered());
  }
  void check() {
    if (!model_.knows_size()) return;
    for (unsigned j = 0; j < sources; ++j)
      if (rx_[j]) FUZZ_REQUIRE(rx_[j]->approx_size() == model_.size(j));
  }
  // Everything that was accepted comes before the end.
  void drain() {
    for (unsigned k = 0; k < sinks; ++k) {
      settle_claim(k, in_.flag());
      if (!tx_[k]) join_sink(k);
    }
    for (auto& t : tx_)
      if (t) t->close();
    const bool held = held_ && model_.holds();
    for (unsigned j = 0; j < sources; ++j) {
      if (!held) settle_loan(j, in_.flag());
      if (!rx_[j]) join_source(j);
    }
    for (unsigned j = 0; j < sources; ++j) {
      if (lent_[j]) continue;
      expected x;
      for (int n = 0; x = model_.pop(j), x.code == errc::ok || x.code == errc::lagged; ++n) {
        const auto v = rx_[j]->pop(sluice::now);
        FUZZ_REQUIRE(agrees(v.err(), x) && n < 200);
        if (v) had(j, *v), model_.popped(j, v->number);
      }
      x = {model_.holds() ? errc::pending : errc::closed};
      FUZZ_REQUIRE(agrees(rx_[j]->pop(sluice::now).err(), x));
    }
  }

  static constexpr unsigned far = fuzz::model_ends::far;
  fuzz::input& in_;
  std::size_t capacity_;
  bool held_;  // at the end some consumer holds a message
  model_type model_;
  sluice::ring_options options_;
  std::optional<sink> tx_[sinks];
  std::optional<source> rx_[sources];
  std::optional<place> place_[sinks];  // these go first: they do not outlive their ends
  std::optional<lent> lent_[sources];
  std::uint64_t next_ = 1;
};

template <class Rig>
void one(fuzz::input& in) {
  sequence<Rig>(in).run();
}
template <class... Rigs>
void one_of(rig::list<Rigs...>, fuzz::input& in) {
  constexpr void (*each[])(fuzz::input&) = {&one<Rigs>...};
  each[in.below(sizeof...(Rigs))](in);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  one_of(rig::every{}, in);
  return 0;
}
