// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_POLLER_HPP
#define SLUICE_FLOW_POLLER_HPP

#include <sluice/flow/poll_entry.hpp>
#include <sluice/platform/event_queue.hpp>
#include <sluice/platform/word_bell.hpp>

namespace sluice {

struct poller_options {
  unsigned budget = 16;  // messages of one case before the others have their turn
};

/// Waits for any number of cases (flow/cases.hpp), which may come and go at any time, also in a handler.
///
///     poller loop;
///     auto k = loop.add(on(connection, [&](request r) { ... }, [&](error) { ... }));
///     while (loop.run(1s)) {}
///
/// Descriptors are watched by epoll, words by a word_bell, and only what is heard of is looked at: a wait costs the
/// same with a thousand idle ends as with one. Three things cost by their number: ends of rings between processes, each
/// of which looks once in 20 ms whether its peers live; ends made of three rings and more; and, where there is no
/// word_bell, all ends of rings, which are then looked at every millisecond.
///
/// A turn looks at every case with news once, and takes at most `budget` messages of each; one with more of them goes
/// behind all others. A case that is over has its last turn and is removed. An end outlives its case, or the handler
/// that was told of its error destroys it. While a handler runs, only its own case is not armed: on the ends of others
/// it may try, but neither wait nor close, unless it removes them first. An end is in one case for each direction; a
/// stop may be in any number. A handler that throws has had its message; the exception comes out of run().
///
/// A poller is an end like others: it can be a case of a select, and handle() is for the loops of others.
///
/// Threads: one at a time, and no forked child. A wake-up may interrupt another call of the thread that ran it last, as
/// word_bell says. Blocks: run. Allocates: add.
class poller {
 public:
  static constexpr bool polled = true;  // see wait_for(): whatever is not queued rings the descriptor

  /// Names a case; one that was removed is named by nothing, and never again.
  struct key {
    std::uint32_t place = ~0u;
    std::uint32_t age = 0;
  };

  explicit poller(poller_options o = {}) noexcept : budget_(o.budget != 0 ? o.budget : 1) { (void)news_.open(); }
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  /// Not in one of its handlers.
  ~poller() {
    SLUICE_ASSERT(running_ == nullptr);
    clear();
    delete[] places_;
    delete bell_;
    delete for_others_;
  }

  /// Errors: no_space.
  template <detail::flow_case Case>
  result<key> add(Case c) {
    auto* const e = new (std::nothrow) detail::poll_entry_of<Case>(std::move(c));
    if (e == nullptr) return error(errc::no_space, step::wait, subject::size);
    if (const status s = enter(*e); !s) return delete e, s.err();
    return key{e->place, places_[e->place].age};
  }
  /// A case that is kept elsewhere: `e` stays where it is until it has delivered, or leave().
  status enter(detail::poll_entry& e) {
    if (!news_.open()) return error(errc::no_space, step::wait, subject::descriptors);
    if (!make_room()) return error(errc::no_space, step::wait, subject::size);
    e.place = free_ != none ? std::exchange(free_, places_[free_].next_free) : used_++;
    places_[e.place].entry = &e;
    if (e.is_an_end) ++ends_, had_ends_ = true;
    ++cases_;
    queue_.push(e);
    publish();
    return {};
  }
  void leave(detail::poll_entry& e) noexcept {
    drop(e);
    publish();
  }
  /// Its handler is not called any more. May be called in any handler, that of the case included. False if it had gone.
  bool remove(key k) noexcept {
    auto* const e = named_by(k);
    if (e == nullptr) return false;
    drop(*e);
    if (running_ == nullptr) bury();
    publish();
    return true;
  }

  /// Removes all cases.
  void clear() noexcept {
    for (std::uint32_t n = 0; n < used_; ++n) (void)remove(key{n, places_[n].age});
  }
  /// Looks at a case in the next turn even if there is no news of it: there is something to send again. False if it had
  /// gone.
  bool look_again(key k) noexcept {
    auto* const e = named_by(k);
    if (e == nullptr) return false;
    queue_.push(*e);
    publish();
    return true;
  }

  /// One turn, as soon as there is something to do. Returns how many times a handler was called.
  ///
  /// Errors: timeout; stopped; closed, once no end is left, or, if it never had one, no case; busy, in a handler.
  result<std::size_t> run(until u = {}) {
    const auto turn = [this] { return try_run(); };
    // Nobody to be asked before the system is, which does not sleep if there is news: one call less than to look first.
    const bool at_once = queue_.empty() && open() && running_ == nullptr && !u.immediate() && u.interrupter() == nullptr;
    return at_once ? detail::wait_for(*this, want::pop, u, turn) : detail::try_then_wait(*this, want::pop, u, turn);
  }
  result<std::size_t> try_run() {
    if (running_ != nullptr) return error(errc::busy, step::wait);
    gather();
    std::size_t ran = 0;
    {
      const struct after_all {  // also if a handler throws
        poller& p;
        ~after_all() { p.bury(), p.publish(); }
      } then{*this};
      for (auto n = queue_.size(); n != 0 && !queue_.empty(); --n) ran += look(queue_.pop());
    }
    if (ran != 0) return ran;
    return error(open() ? errc::empty : errc::closed, step::wait);
  }
  /// Would a turn find something to do, or that all is over?
  [[nodiscard]] bool ready() noexcept {
    if (running_ != nullptr) return false;
    gather();
    publish();
    return !queue_.empty() || !open();
  }
  /// How many cases there are.
  [[nodiscard]] std::size_t size() const noexcept { return cases_; }

  void arm(want, wait_set& set) noexcept {
    if (!queue_.empty() || cases_ == 0) set.ready();
    set.on(news_);
    if (next_look_ != detail::never) set.within(remaining(next_look_));
  }
  void disarm(want) noexcept {}

  /// A descriptor that is readable while there is something to do: then call try_run(). It stays the same, and is the
  /// poller's. From the first call on, times and what is left over after a turn are on it too.
  [[nodiscard]] int handle() noexcept {
    if (for_others_ == nullptr && news_.open()) {
      for_others_ = new (std::nothrow) extras;
      if (for_others_ == nullptr || !for_others_->more || for_others_->clock.handle() < 0)
        return delete std::exchange(for_others_, nullptr), -1;
      using enum detail::event_queue::watch_result;
      if (news_.watch({for_others_->clock.handle(), false}, clock_tag, false) != watched ||
          news_.watch({for_others_->more.get(), false}, more_tag, false) != watched)
        return delete std::exchange(for_others_, nullptr), -1;
      publish();
    }
    return news_.handle();
  }

 private:
  static constexpr std::uint32_t none = ~0u;
  static constexpr std::uint64_t bell_tag = 0, writers_tag = 1, clock_tag = 2, more_tag = 3;
  static constexpr std::int64_t slice = 1'000'000;  // for what cannot be watched

  struct place {
    detail::poll_entry* entry = nullptr;
    std::uint32_t age = 1;
    std::uint32_t next_free = none;
  };
  struct extras {
    detail::alarm_handle clock;
    unique_handle more = detail::make_bell();
    bool rung = false;
  };

  [[nodiscard]] bool open() const noexcept { return had_ends_ ? ends_ != 0 : cases_ != 0; }
  static std::int64_t remaining(std::int64_t at) noexcept {
    const std::int64_t left = at - detail::monotonic_ns();
    return left > 0 ? left : 0;
  }

  // What is heard of names a case by its place and age, and one of its words: one that has gone is not found.
  [[nodiscard]] std::uint64_t tag_of(const detail::poll_entry& e, unsigned word = 0) const noexcept {
    return std::uint64_t{places_[e.place].age} << 33 | std::uint64_t{e.place} << 1 | word;
  }
  [[nodiscard]] detail::poll_entry* named_by(key k) const noexcept {
    return k.place < used_ && places_[k.place].age == k.age ? places_[k.place].entry : nullptr;
  }
  [[nodiscard]] detail::poll_entry* named_by(std::uint64_t tag) const noexcept {
    return named_by(key{static_cast<std::uint32_t>(tag >> 1), static_cast<std::uint32_t>(tag >> 33)});
  }

  /// Queues all that there is news of.
  void gather() noexcept {
    const auto heard = [this](std::uint64_t tag) {
      if (auto* const e = named_by(tag)) queue_.push(*e);
    };
    news_.gather([&](std::uint64_t tag) {
      if (tag == bell_tag) {
        while (bell_->next(tag))
          if (auto* const e = named_by(tag)) e->words[tag & 1] = nullptr, queue_.push(*e);
      } else if (tag == writers_tag) {
        writers_.gather(heard);
      } else {
        heard(tag);
      }
    });
    if (next_look_ == detail::never) return;
    const std::int64_t t = detail::monotonic_ns();
    if (t < next_look_) return;
    next_look_ = detail::never;
    for (std::uint32_t n = 0; n < used_; ++n) {
      auto* const e = places_[n].entry;
      if (e == nullptr || !e->armed) continue;
      if (e->looks_at <= t) queue_.push(*e);
      else if (e->looks_at < next_look_) next_look_ = e->looks_at;
    }
  }

  /// The turn of one case. How many times has its handler been called?
  std::size_t look(detail::poll_entry& e) {
    struct turn_of {
      poller& p;
      detail::poll_entry* e;
      bool watched = false;
      ~turn_of() {  // also if the handler throws, or what is tried
        p.running_ = nullptr;
        if (e == nullptr || e->gone || watched) return;
        if (e->armed) disarm(*e);
        p.queue_.push(*e);
      }
    } whose{*this, &e};
    running_ = &e;
    std::size_t ran = 0;
    bool found = e.find();
    if (e.armed) disarm(e);
    for (;;) {
      if (found) {
        if (e.single) {  // what it delivers may be the end of it
          drop(e);
          whose.e = nullptr;
        }
        (void)e.deliver();
        ++ran;
        if (whose.e == nullptr) return ran;
        if (e.gone) return ran;
        if (e.over()) return drop(e), ran;
        if (ran == budget_) return ran;
        found = e.find();
        continue;
      }
      auto set = wait_set::to_be_watched();
      e.arm(set);
      e.armed = true;
      if (!e.polled) found = e.find();
      whose.watched = !found && watch(e, set);
      if (whose.watched) return ran;
      disarm(e);
      if (!found) return ran;
    }
  }
  static void disarm(detail::poll_entry& e) noexcept {
    e.disarm();
    e.armed = false;
  }

  /// Sees to it that the case is queued when there is news of what it has armed. False if there is something to do now.
  bool watch(detail::poll_entry& e, const wait_set& set) noexcept {
    std::int64_t within = set.longest();
    if (within == 0) return false;
    for (unsigned k = 0; k < set.words().size(); ++k)
      if ((k >= 2 || !watch(e, k, set.words()[k])) && slice < within) within = slice;
    for (const auto& h : set.handles()) {
      using enum detail::event_queue::watch_result;
      const auto how = (h.for_writing ? writers() : news_).watch(h, tag_of(e));
      if (how == always_ready) return false;
      if (how == refused && slice < within) within = slice;
    }
    e.looks_at = detail::never;
    if (within == detail::never) return true;
    std::int64_t at = detail::monotonic_ns();
    at = within > detail::never - at ? detail::never : at + within;
    // Ends that want to be looked at now and then are so all together.
    constexpr std::int64_t usual = 20'000'000;
    if (e.is_an_end && within >= slice) at -= at % (within >= usual ? usual : slice);
    e.looks_at = at;
    if (at < next_look_) next_look_ = at;
    return true;
  }
  bool watch(detail::poll_entry& e, unsigned k, const detail::watched_word& w) noexcept {
    if (e.words[k] == w.word) return true;  // still: whatever wakes it next is heard
    if (!bell()) return false;
    if (e.words[k] != nullptr) bell_->forget(tag_of(e, k));
    e.words[k] = bell_->watch(w, tag_of(e, k)) ? w.word : nullptr;
    return e.words[k] != nullptr;
  }
  bool bell() noexcept {
    if (asked_for_bell_) return bell_ != nullptr;
    asked_for_bell_ = true;
    bell_ = new (std::nothrow) detail::word_bell(256);
    if (bell_ != nullptr && *bell_ && detail::word_bell::outlast_threads() &&
        news_.watch({bell_->handle(), false}, bell_tag, false) == detail::event_queue::watch_result::watched)
      return true;
    return delete std::exchange(bell_, nullptr), false;
  }
  /// For room: a descriptor is in a queue once, and both directions of a socket may be waited for.
  detail::event_queue& writers() noexcept {
    if (writers_.handle() < 0 && writers_.open() &&
        news_.watch({writers_.handle(), false}, writers_tag, false) != detail::event_queue::watch_result::watched)
      writers_.close();  // nothing of it would be heard: it refuses all watches, and they are looked at in slices
    return writers_;
  }

  void drop(detail::poll_entry& e) noexcept {
    queue_.remove(e);
    if (e.armed) disarm(e);
    for (unsigned k = 0; k < 2; ++k)
      if (e.words[k] != nullptr) bell_->forget(tag_of(e, k));
    place& p = places_[e.place];
    p.entry = nullptr;
    p.age = p.age < ~0u >> 1 ? p.age + 1 : 1;
    p.next_free = std::exchange(free_, e.place);
    if (e.is_an_end) --ends_;
    --cases_;
    e.gone = true;
    if (!e.single) e.behind = std::exchange(graves_, &e);
  }
  /// A handler is not destroyed while it runs.
  void bury() noexcept {
    while (graves_ != nullptr) delete std::exchange(graves_, graves_->behind);
  }
  bool make_room() noexcept {
    if (free_ != none || used_ < room_) return true;
    const std::uint32_t more = room_ != 0 ? 2 * room_ : 8;
    auto* const bigger = more > room_ ? new (std::nothrow) place[more] : nullptr;
    if (bigger == nullptr) return false;
    for (std::uint32_t n = 0; n < used_; ++n) bigger[n] = places_[n];
    delete[] std::exchange(places_, bigger);
    room_ = more;
    return true;
  }
  /// Shows on the descriptor what would not ring it by itself.
  void publish() noexcept {
    if (for_others_ == nullptr) return;
    for_others_->clock.set(next_look_);
    const bool more = !queue_.empty();
    if (more == std::exchange(for_others_->rung, more)) return;
    std::uint64_t rung = 0;
    if (more) detail::ring_bell(for_others_->more.get());
    else (void)!::read(for_others_->more.get(), &rung, sizeof rung);
  }

  unsigned budget_;
  detail::event_queue news_, writers_;
  detail::word_bell* bell_ = nullptr;
  bool asked_for_bell_ = false, had_ends_ = false;
  place* places_ = nullptr;
  std::uint32_t room_ = 0, used_ = 0, free_ = none;
  std::size_t cases_ = 0, ends_ = 0;
  detail::poll_queue queue_;
  std::int64_t next_look_ = detail::never;
  detail::poll_entry* running_ = nullptr;
  detail::poll_entry* graves_ = nullptr;
  extras* for_others_ = nullptr;
};

namespace detail {

/// A poller that somebody else waits for.
class poller_case {
 public:
  static constexpr bool polled = false;  // it has times too
  static constexpr bool is_an_end = true;

  explicit poller_case(poller& p) noexcept : poller_(&p) {}

  bool find() noexcept { return poller_->ready(); }
  error deliver() {
    const auto ran = poller_->try_run();
    over_ = !ran && final_error(ran.err());
    return over_ ? ran.err() : error();
  }
  void arm(want k, wait_set& set) noexcept { poller_->arm(k, set); }
  void disarm(want k) noexcept { poller_->disarm(k); }
  [[nodiscard]] bool over() const noexcept { return over_; }
  void resume() noexcept { over_ = false; }

 private:
  poller* poller_;
  bool over_ = false;
};

}  // namespace detail

/// Lets a poller have a turn when it has something to look at, which may turn out to be nothing.
[[nodiscard]] inline auto on(poller& p) noexcept { return detail::poller_case(p); }

}  // namespace sluice

#endif
