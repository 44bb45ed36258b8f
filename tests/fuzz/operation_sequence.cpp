// SPDX-License-Identifier: MIT
#include "../process.hpp"
#include "../rig/spsc.hpp"
#include "input.hpp"
#include "ring_model.hpp"

#include <sluice/channel/channel.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/platform/describe.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>

// The input is a program of calls on both ends of a channel; after every call the channel and a model of it, which is a
// std::deque and two flags, must agree exactly: result, error, step, size, every byte.

namespace {

using sluice::errc;
using sluice::error;
using sluice::step;
using fuzz::channel_model;
using how = channel_model::end_of;

constexpr std::size_t most = 10;  // messages in a batch

struct narrow {
  std::uint64_t v;
};
struct tiny {
  std::uint8_t v;
};
struct wide {
  std::uint64_t v;
  std::uint64_t more[8];
};
struct boxed {  // has a life: whoever forgets or repeats a destructor is seen by the leak and address sanitizers
  std::unique_ptr<std::uint64_t> v;
};

template <class T>
T make(std::uint64_t v) {
  if constexpr (std::is_same_v<T, boxed>) {
    return boxed{std::make_unique<std::uint64_t>(v)};
  } else {
    T t{};
    t.v = static_cast<decltype(t.v)>(v);
    if constexpr (std::is_same_v<T, wide>) std::fill(std::begin(t.more), std::end(t.more), ~v);
    return t;
  }
}
template <class T>
bool is(const T& t, std::uint64_t v) {
  if constexpr (std::is_same_v<T, boxed>) {
    return t.v != nullptr && *t.v == v;
  } else if constexpr (std::is_same_v<T, wide>) {
    return t.v == v && std::all_of(std::begin(t.more), std::end(t.more), [&](auto m) { return m == ~v; });
  } else {
    return t.v == static_cast<decltype(t.v)>(v);
  }
}

// The code that the model says, at the step that was asked for.
bool agrees(error e, errc expected, step at) {
  if (e.code == expected && (expected == errc::ok || e.op == at)) return true;
  std::fprintf(stderr, "%s; expected %s\n", sluice::describe(e).c_str(), sluice::describe(error(expected, at)).c_str());
  return false;
}

/// Calls that every kind of end has.
template <class T, class Sink, class Source>
class calls {
  using slot_type = typename Sink::slot_type;
  using loan_type = typename Source::loan_type;

 public:
  explicit calls(fuzz::input& in) : in_(in) {}

 protected:
  bool one(unsigned choice) {
    switch (choice) {
      case 0:
      case 1: push(); break;
      case 2: push_batch(); break;
      case 3: claim(); break;
      case 4: settle_slot(!in_.flag()); break;
      case 5:
      case 6: pop(); break;
      case 7: pop_batch(); break;
      case 8: borrow(); break;
      case 9: settle_loan(in_.flag()); break;
      case 10:
        tx_->close();
        model_tx_.end(how::close);
        break;
      case 11:
        rx_->close();
        model_rx_.end(how::close);
        break;
      case 12: move_ends(); break;
      default: return false;
    }
    check();
    return true;
  }
  void push() {
    T v = make<T>(next_);
    const error e = tx_->push(std::move(v), sluice::now).err();
    const errc expected = model_tx_.refusal();
    FUZZ_REQUIRE(agrees(e, expected, step::push));
    if (expected == errc::ok) model_tx_.push(next_++);
    else FUZZ_REQUIRE(is(v, next_));  // untouched by a failure
  }
  void push_batch() {
    if constexpr (std::is_trivially_copyable_v<T>) {
      T some[most];
      const std::size_t n = in_.below(most);
      for (std::size_t i = 0; i < n; ++i) some[i] = make<T>(next_ + i);
      const auto done = tx_->push(std::span<const T>(some, n), sluice::now);
      const errc expected = n == 0 ? errc::ok : model_tx_.refusal();
      FUZZ_REQUIRE(agrees(done.err(), expected, step::push));
      if (expected != errc::ok) return;
      FUZZ_REQUIRE(*done == (n == 0 ? 0 : std::min(n, model_tx_.room())));
      for (std::size_t i = 0; i < *done; ++i) model_tx_.push(next_++);
    }
  }
  void claim() {
    auto s = tx_->claim(sluice::now);
    const errc expected = model_tx_.refusal();
    FUZZ_REQUIRE(static_cast<bool>(s) == (expected == errc::ok));
    FUZZ_REQUIRE(s || s.err().code == expected);
    if (!s) return;
    *s = make<T>(next_);
    slot_.emplace(std::move(s));
    FUZZ_REQUIRE(!s);  // moved from
    model_tx_.claim(true);
  }
  void settle_slot(bool commit) {
    if (!slot_) return;
    if (commit) {
      slot_->commit();
      if (model_tx_.claimed()) model_tx_.push(next_++);
    }
    slot_.reset();
    model_tx_.claim(false);
  }
  void pop() {
    const auto v = rx_->pop(sluice::now);
    const errc expected = model_rx_.refusal();
    FUZZ_REQUIRE(agrees(v.err(), expected, step::pop));
    if (expected != errc::ok) return;
    FUZZ_REQUIRE(is(*v, model_rx_.front()));
    model_rx_.pop();
  }
  void pop_batch() {
    if constexpr (std::is_trivially_copyable_v<T>) {
      T to[most];
      const std::size_t room = in_.below(most);
      const auto n = rx_->pop(std::span<T>(to, room), sluice::now);
      const errc expected = room == 0 ? errc::ok : model_rx_.refusal();
      FUZZ_REQUIRE(agrees(n.err(), expected, step::pop));
      if (expected != errc::ok) return;
      FUZZ_REQUIRE(*n == (room == 0 ? 0 : std::min(room, model_rx_.channel()->queue.size())));
      for (std::size_t i = 0; i < *n; ++i) FUZZ_REQUIRE(is(to[i], model_rx_.front(i)));
      if (*n != 0) model_rx_.pop(*n);
    }
  }
  void borrow() {
    auto l = rx_->borrow(sluice::now);
    const errc expected = model_rx_.refusal();
    FUZZ_REQUIRE(static_cast<bool>(l) == (expected == errc::ok));
    FUZZ_REQUIRE(l || l.err().code == expected);
    if (!l) return;
    loan_.emplace(std::move(l));
    FUZZ_REQUIRE(!l);
    model_rx_.lend(true);
  }
  void settle_loan(bool keep) {
    if (!loan_) return;
    if (model_rx_.lent()) {
      FUZZ_REQUIRE(is(**loan_, model_rx_.front()));
      if (!keep) model_rx_.pop();
      model_rx_.lend(false);
    }
    if (keep) loan_->keep();
    else loan_->release();
    loan_.reset();
  }
  void move_ends() {  // slots and loans outlive it; what is moved from says closed
    Sink t(std::move(*tx_));
    Source r(std::move(*rx_));
    FUZZ_REQUIRE(tx_->push(make<T>(0), sluice::now).err() == errc::closed && rx_->pop(sluice::now).err() == errc::closed);
    *tx_ = std::move(t);
    *rx_ = std::move(r);
  }
  void check() {
    const auto* const t = model_tx_.channel();
    const auto* const r = model_rx_.channel();
    FUZZ_REQUIRE(tx_->capacity() == (t == nullptr ? 0 : t->capacity));
    FUZZ_REQUIRE(rx_->capacity() == (r == nullptr ? 0 : r->capacity));
    FUZZ_REQUIRE(tx_->approx_size() == (t == nullptr ? 0 : t->queue.size()));
    FUZZ_REQUIRE(rx_->approx_size() == (r == nullptr ? 0 : r->queue.size()));
  }

  fuzz::input& in_;
  std::optional<Sink> tx_;
  std::optional<Source> rx_;
  std::optional<slot_type> slot_;  // these go first: a slot does not outlive the end it was claimed at
  std::optional<loan_type> loan_;
  fuzz::model_sink model_tx_;
  fuzz::model_source model_rx_;
  std::uint64_t next_ = 1;
};

// As if the ring had been round so many times.
template <class Sink, class Source>
void start_at(Sink& tx, Source& rx, unsigned choice) {
  auto& producer = *tx.home().side();
  auto& consumer = *rx.home().side();
  const auto ring = producer.ring(), other_view = consumer.ring();  // the same ring, perhaps mapped twice
  constexpr auto last = rig::spsc::last_lap<std::remove_cv_t<decltype(ring)>>;
  const decltype(ring.capacity()) laps[] = {0, 1, last - 1, last};
  rig::spsc::start_at(ring, laps[choice]);
  FUZZ_REQUIRE(producer.attach(ring) && consumer.attach(other_view));
}

template <class T>
using local_ends = sluice::channel_ends<T, sluice::spsc, sluice::native_memory>;

template <class T>
class local : calls<T, decltype(local_ends<T>::tx), decltype(local_ends<T>::rx)> {
 public:
  explicit local(fuzz::input& in) : local::calls(in) {
    auto model = std::make_shared<channel_model>();
    model->capacity = in.below(20) + 1u;
    auto [tx, rx] = sluice::channel<T>(model->capacity);
    start_at(tx, rx, in.below(4));
    this->tx_.emplace(std::move(tx));
    this->rx_.emplace(std::move(rx));
    this->model_tx_.open(model);
    this->model_rx_.open(model);
  }
  void run() {
    for (int n = 0; n < 400 && !this->in_.empty(); ++n) this->one(this->in_.below(13));
  }
};

template <class T>
using shared_sink = typename decltype(sluice::shm_sink<T>(""))::value_type;
template <class T>
using shared_source = typename decltype(sluice::shm_source<T>(""))::value_type;

/// Ends that come and go: leaving, taking over, names that are taken away, and opening once too often.
template <class T>
class shared : calls<T, shared_sink<T>, shared_source<T>> {
 public:
  explicit shared(fuzz::input& in) : shared::calls(in) {
    options_.directory = directory().c_str();
    options_.persistent = in.flag();
    capacity_ = in.below(20) + 1u;
    (void)sluice::shm_remove("ring", options_);
    FUZZ_REQUIRE(open_sink() && open_source());
    start_at(*this->tx_, *this->rx_, in.below(4));
  }
  void run() {
    for (int n = 0; n < 200 && !this->in_.empty(); ++n)
      if (const unsigned choice = this->in_.below(20); !this->one(choice)) more(choice);
    this->slot_.reset();
    this->loan_.reset();
    this->tx_.reset();
    this->rx_.reset();
    (void)sluice::shm_remove("ring", options_);
    FUZZ_REQUIRE(directory().entries() == 0);
  }

 private:
  static const test::scratch& directory() {
    static const test::scratch d;
    return d;
  }
  void more(unsigned choice) {
    switch (choice) {
      case 13:
        this->slot_.reset();
        this->tx_.reset();
        this->model_tx_.end(how::leaving);
        FUZZ_REQUIRE(open_sink());
        break;
      case 14:
        this->settle_loan(false);
        this->rx_.reset();
        this->model_rx_.end(how::leaving);
        FUZZ_REQUIRE(open_source());
        break;
      case 15:
        FUZZ_REQUIRE(static_cast<bool>(sluice::shm_remove("ring", options_)) == (named_ != nullptr));
        named_ = nullptr;
        break;
      case 16: open_held(); break;
      case 17: reopen(); break;
      case 18: open_wrong(); break;
      default: {
        const auto* const m = this->model_tx_.channel();
        FUZZ_REQUIRE(this->tx_->peers() == (m == nullptr ? 0u : 1u + (m->consumer.held ? 1u : 0u)));
        break;
      }
    }
    this->check();
  }
  void name_it() {
    options_.capacity = 0;
    if (named_ != nullptr) return;
    named_ = std::make_shared<channel_model>();
    named_->capacity = options_.capacity = capacity_;
    named_->persistent = options_.persistent;
  }
  bool open_sink() {
    name_it();
    auto r = sluice::shm_sink<T>("ring", options_);
    if (!r) return false;
    this->tx_.emplace(std::move(*r));
    this->model_tx_.open(named_);
    return true;
  }
  bool open_source() {
    name_it();
    auto r = sluice::shm_source<T>("ring", options_);
    if (!r) return false;
    this->rx_.emplace(std::move(*r));
    this->model_rx_.open(named_);
    return true;
  }
  // A second end of a role that is held, by name and by the end itself.
  void open_held() {
    if (named_ == nullptr) return;
    options_.capacity = 0;
    if (named_->producer.held) {
      const error e = sluice::shm_sink<T>("ring", options_).err();
      FUZZ_REQUIRE(e == errc::busy && e.about() == sluice::subject::role && e.who == 1);
    }
    if (named_->consumer.held) {
      const error e = sluice::shm_source<T>("ring", options_).err();
      FUZZ_REQUIRE(e == errc::busy && e.about() == sluice::subject::role && e.who == 2);
    }
    if (this->model_tx_.channel() != nullptr) FUZZ_REQUIRE(sluice::reopen(*this->tx_, options_).err() == errc::busy);
    if (this->model_rx_.channel() != nullptr) FUZZ_REQUIRE(sluice::reopen(*this->rx_, options_).err() == errc::busy);
  }
  void reopen() {  // an end that was closed has nothing to reopen; by its name it can be opened anew
    if (this->model_tx_.channel() == nullptr) {
      FUZZ_REQUIRE(sluice::reopen(*this->tx_, options_).err() == errc::closed);
      this->slot_.reset();
      FUZZ_REQUIRE(open_sink());
    }
    if (this->model_rx_.channel() == nullptr) {
      FUZZ_REQUIRE(sluice::reopen(*this->rx_, options_).err() == errc::closed);
      this->loan_.reset();
      FUZZ_REQUIRE(open_source());
    }
  }
  void open_wrong() {
    if (named_ == nullptr) return;
    options_.capacity = capacity_ + 1;
    const error e = sluice::shm_source<T>("ring", options_).err();
    FUZZ_REQUIRE(e == errc::mismatch && e.about() == sluice::subject::capacity);
    options_.capacity = 0;
    const error other = sluice::shm_source<std::array<T, 2>>("ring", options_).err();
    FUZZ_REQUIRE(other == errc::mismatch && other.about() == sluice::subject::type_layout);
  }

  sluice::ring_options options_;
  std::size_t capacity_ = 0;
  std::shared_ptr<channel_model> named_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  switch (in.below(7)) {
    case 0: local<narrow>(in).run(); break;
    case 1: local<tiny>(in).run(); break;
    case 2: local<wide>(in).run(); break;
    case 3: local<boxed>(in).run(); break;
    case 4: shared<narrow>(in).run(); break;
    case 5: shared<tiny>(in).run(); break;
    default: shared<wide>(in).run(); break;
  }
  return 0;
}
