// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace conformance {

namespace {

using sluice::errc;

/// Law by law, what was found broken. Any thread may add to it.
class findings {
 public:
  void enter(const char* law) { law_ = law; }
  bool expect(bool holds, const char* what, int line) {
    if (holds) return true;
    const std::scoped_lock hold(busy_);
    broken_.push_back(std::string(law_) + ": " + what + " (laws.cpp:" + std::to_string(line) + ")");
    return false;
  }
  [[nodiscard]] const std::vector<std::string>& broken() const { return broken_; }

 private:
  const char* law_ = "";
  std::mutex busy_;
  std::vector<std::string> broken_;
};
#define LAW(condition) (void)found_.expect(static_cast<bool>(condition), #condition, __LINE__)
#define LAW_OR_LEAVE(condition) \
  if (!found_.expect(static_cast<bool>(condition), #condition, __LINE__)) return

/// What came out of a source: are the messages whole, in order, not twice?
struct ledger {
  std::uint64_t next = 0, count = 0, lagged = 0;
  const char* wrong = nullptr;

  void add(const note& n, bool ordered) {
    ++count;
    if (!n.is_whole()) wrong = "a message came out damaged";
    if (ordered && n.seq < next) wrong = "a message came twice, or late";
    if (n.seq >= next) next = n.seq + 1;
  }
};

bool temporary(error e) { return e.again(); }
bool waited_in_vain(error e) { return e == errc::timeout; }
bool ended(error e) { return e == errc::closed; }

/// All laws over one transport.
class court {
 public:
  explicit court(const transport& t) : t_(t) {
    prompt();
    order();
    full();
    cancelled_waits();
    wakes();
    end();
    moved();
    if (t_.has_batches) batches();
    if (t_.bytes) bytes(), torn_bytes();
    if (t_.spoilt) torn_message();
    else excuse("a stream that ends inside a message");
    if (t_.remote) death();
    else excuse("another process");
    std::printf("conformance: %-24s not asked for:%s\n", t_.name, excused_.empty() ? " nothing" : excused_.c_str());
  }
  [[nodiscard]] const std::vector<std::string>& broken() const { return found_.broken(); }

 private:
  ends make() { return t_.make(); }

  void excuse(const char* what) {
    excused_ += excused_.empty() ? " " : "; ";
    excused_ += what;
  }
  /// Pops until `n` messages have come, or nothing more comes.
  ledger take(any_source& in, std::uint64_t n, until patience = 1s) const {
    ledger l;
    while (l.count < n) {
      auto m = in.pop(patience);
      if (m) l.add(*m, t_.traits.ordered);
      else if (m.err() == errc::lagged) l.lagged += static_cast<std::uint64_t>(m.err().detail);
      else break;
    }
    return l;
  }

  // The deadline holds, `now` does not wait, a stop is heard; and nothing of that takes anything.
  void prompt() {
    found_.enter("patience");
    auto l = make();
    LAW(temporary(l.in->try_pop().err()));
    LAW(temporary(l.in->pop(sluice::now).err()));
    auto before = test::now_ns();
    LAW(waited_in_vain(l.in->pop(5ms).err()));
    const auto took = test::now_ns() - before;
    LAW(took >= 5'000'000);
    LAW(took < 2'000'000'000);
    LAW(waited_in_vain(l.in->pop(std::chrono::steady_clock::now() - 1s).err()));
    sluice::stop halt;
    std::thread asker([&] {
      test::sleep_us(3000);
      halt.request();
    });
    before = test::now_ns();
    LAW(l.in->pop({enough_, halt}).err() == errc::stopped);
    LAW(test::now_ns() - before < 2'000'000'000);
    asker.join();
    LAW_OR_LEAVE(l.out->push(note::make(1), halt));  // there is room: a stop interrupts waiting, and nothing waits here
    const auto got = l.in->pop(soon_);
    LAW_OR_LEAVE(got);
    LAW(got->seq == 1);
    LAW(l.in->pop(halt).err() == errc::stopped);
  }

  void order() {
    found_.enter("order and completeness");
    auto l = make();
    constexpr std::uint64_t n = 5000;
    std::thread producer([&, out = l.out->move()] {
      for (std::uint64_t i = 0; i < n; ++i) {
        if (!out->push(note::make(i), enough_)) return (void)found_.expect(false, "a push failed that had time", __LINE__);
      }
      (void)out->finish(enough_);
      out->close();
    });
    ledger all;
    const until patience = t_.traits.reliable ? until(enough_) : until(500ms);
    error why;
    do {
      why = l.in->each(patience, [&](const note& m) {
        all.add(m, t_.traits.ordered);
        return all.count != n || t_.traits.carries_close;  // without an end that comes through, nothing more is all there is
      });
      if (!why) why = l.in->pop(10ms).err();
      if (why == errc::lagged) all.lagged += static_cast<std::uint64_t>(why.detail);
    } while (why == errc::lagged);
    l.in->close();  // some writers finish when the other side has
    producer.join();
    LAW(all.wrong == nullptr);
    LAW(all.count > 0);
    LAW(all.count + all.lagged <= n);
    if (t_.traits.reliable) LAW(all.count == n);
    else excuse("completeness");
    if (t_.traits.carries_close) LAW(ended(why));
    else LAW(waited_in_vain(why));
    if (!t_.traits.ordered) excuse("order");
  }

  // (a) What is refused had no effect. (e) What was accepted comes.
  void full() {
    found_.enter("a full end");
    auto l = make();
    std::uint64_t accepted = 0;
    error why;
    const auto taken = [&](const status& s) {
      why = s.err();
      accepted += s ? 1u : 0u;
      return static_cast<bool>(s);
    };
    do {  // what is full may have room again when a system has moved things on
      while (accepted < 300'000 && taken(l.out->try_push(note::make(accepted)))) {}
      LAW_OR_LEAVE(accepted > 0);
      if (!t_.traits.reliable && !why) return excuse("fullness");
      LAW_OR_LEAVE(temporary(why));
    } while (taken(l.out->push(note::make(accepted), 3ms)));
    LAW(waited_in_vain(why));
    sluice::stop halt;
    halt.request();
    LAW(l.out->push(note::make(1'000'000'000), halt).err() == errc::stopped);
    std::thread producer([&] { LAW(l.out->push(note::make(accepted), enough_)); });
    const auto all = take(*l.in, accepted + 1, t_.traits.reliable ? until(enough_) : until(300ms));
    producer.join();
    LAW(all.wrong == nullptr);
    if (t_.traits.reliable) {
      LAW(all.count == accepted + 1);
      LAW(all.next == accepted + 1);
      LAW(temporary(l.in->try_pop().err()));
    }
  }

  // (b) A message leaves in a pop that succeeds, and nowhere else.
  void cancelled_waits() {
    found_.enter("cancelled waits");
    auto l = make();
    constexpr std::uint64_t n = 300;
    std::thread producer([&] {
      for (std::uint64_t i = 0; i < n; ++i) {
        (void)l.out->push(note::make(i), enough_);
        if (i % 3 == 0) test::sleep_us(static_cast<long>(i % 7) * 40);
      }
    });
    ledger all;
    unsigned vain = 0;
    const auto give_up = test::now_ns() + std::chrono::nanoseconds(enough_).count();
    // Where the order is not kept, the last message may come before others.
    const auto had = [&] { return t_.traits.reliable ? all.count >= n : all.next >= n; };
    while (!had() && test::now_ns() < give_up) {
      l.in->look_without_taking();
      auto m = l.in->pop(vain % 2 == 0 ? until(30us) : until(1us));
      if (m) all.add(*m, t_.traits.ordered);
      else if (m.err() == errc::lagged) all.lagged += static_cast<std::uint64_t>(m.err().detail);
      else if (waited_in_vain(m.err())) ++vain;
      else break;
    }
    producer.join();
    if (vain == 0 && waited_in_vain(l.in->pop(1us).err())) ++vain;  // a slow reader has found a message each time
    LAW(vain > 0);
    LAW(all.wrong == nullptr);
    if (t_.traits.reliable) LAW(all.count == n);
  }

  // (c) Who sleeps is woken by a message, by room, by the end.
  void wakes() {
    found_.enter("wake-ups");
    auto l = make();
    std::atomic<pid_t> who{0};
    std::int64_t woken = 0;
    const auto sleeper = [&](bool finds_end) {
      who = ::gettid();
      const auto m = l.in->pop(enough_);
      woken = test::now_ns();
      LAW(finds_end ? ended(m.err()) : m && m->is_whole());
    };
    const auto asleep = [&] { return test::eventually([&] { return who != 0 && test::sleeps(who); }); };
    {
      std::thread t(sleeper, false);
      LAW(asleep());
      const auto then = test::now_ns();
      LAW(l.out->push(note::make(5), soon_));
      t.join();
      LAW(woken - then < std::chrono::nanoseconds(enough_ / 20).count());
    }
    if (!t_.traits.carries_close) return excuse("the end");
    who = 0;
    std::thread t(sleeper, true);
    LAW(asleep());
    const auto then = test::now_ns();
    l.out->close();
    t.join();
    LAW(woken - then < std::chrono::nanoseconds(enough_ / 20).count());
  }

  // (d) The end comes after everything, stays, and is told to both sides; close() may be called twice.
  void end() {
    found_.enter("the end");
    {
      auto l = make();
      for (std::uint64_t i = 0; i < 3; ++i) LAW_OR_LEAVE(l.out->push(note::make(i), soon_));
      l.out->close();
      l.out->close();
      LAW(ended(l.out->try_push(note::make(9)).err()));
      LAW(ended(l.out->push(note::make(9), 1s).err()));
      const auto all = take(*l.in, 3, soon_);
      LAW(all.wrong == nullptr);
      if (t_.traits.reliable) LAW(all.count == 3);
      for (int i = 0; i < 3; ++i) {
        const auto m = l.in->pop(t_.traits.carries_close ? soon_ : 10ms);
        LAW(!m);
        LAW((t_.traits.carries_close ? ended(m.err()) : waited_in_vain(m.err())));
      }
      l.in->close();
      l.in->close();
      LAW(ended(l.in->try_pop().err()));
    }
    if (!t_.sink_traits.sees_reader_go) return excuse("the end of the reader");
    auto l = make();
    std::uint64_t accepted = 0;
    while (accepted < 300'000 && l.out->try_push(note::make(accepted))) ++accepted;
    l.in->close();
    const auto end_by = test::now_ns() + std::chrono::nanoseconds(soon_).count();
    error why;
    while (!why && test::now_ns() < end_by) {
      why = l.out->push(note::make(0), soon_).err();
      if (!why) test::sleep_us(100);
    }
    LAW(ended(why));
  }

  // (f) What was moved from is inert, and what it had goes along.
  void moved() {
    found_.enter("moved ends");
    auto l = make();
    LAW_OR_LEAVE(l.out->push(note::make(0), soon_));
    const auto out = l.out->move();
    const auto in = l.in->move();
    LAW(!l.out->try_push(note::make(7)));
    LAW(!l.in->try_pop());
    l.out->close();
    l.in->close();
    LAW_OR_LEAVE(out->push(note::make(1), soon_));
    const auto all = take(*in, 2, t_.traits.reliable ? until(soon_) : until(300ms));
    LAW(all.wrong == nullptr);
    if (t_.traits.reliable) LAW(all.count == 2);
    auto other = make();
    other.in->assign(std::move(*in));  // ends what it held before
    LAW_OR_LEAVE(out->push(note::make(2), soon_));
    const auto last = other.in->pop(soon_);
    LAW(last);
    if (last) LAW(last->seq == 2);
  }

  void batches() {
    found_.enter("batches");
    auto l = make();
    std::vector<note> given, got(1000);
    for (std::uint64_t i = 0; i < got.size(); ++i) given.push_back(note::make(i));
    std::thread producer([&] {
      for (std::size_t at = 0; at < given.size();) {
        const auto n = l.out->push(std::span<const note>(given).subspan(at), enough_);
        if (!n || *n == 0) return (void)found_.expect(false, "a batch was refused that had time", __LINE__);
        at += *n;
      }
      (void)l.out->flush(enough_);
    });
    std::size_t at = 0;
    ledger all;
    while (at < got.size()) {
      const auto n = l.in->pop(std::span(got).subspan(at), t_.traits.reliable ? enough_ : 1s);
      if (!n && n.err() == errc::lagged) continue;
      if (!n) break;
      if (*n == 0) (void)found_.expect(false, "a batch of nothing", __LINE__);
      for (std::size_t i = at; i < at + *n; ++i) all.add(got[i], t_.traits.ordered);
      at += *n;
    }
    producer.join();
    LAW(all.wrong == nullptr);
    if (t_.traits.reliable) LAW(all.count == got.size());
  }

  // (g) At least one byte, never 0; everything comes, however it is cut; the end is `closed`.
  void bytes() {
    found_.enter("bytes");
    auto l = t_.bytes();
    LAW(l.in->try_read({}).err() == errc::invalid);
    LAW(l.out->try_write({}).err() == errc::invalid);
    std::byte one[1];
    LAW(l.in->try_read(one).err() == errc::empty);
    constexpr std::size_t size = 700'001;
    std::vector<std::byte> sent(size), got(size);
    for (std::size_t i = 0; i < size; ++i) sent[i] = std::byte((i * 131 + i / 251) & 0xff);
    std::thread producer([&] {
      for (std::size_t at = 0, k = 1; at < size; k = k * 7 % 10'007 + 1) {
        const auto n = l.out->write(std::span<const std::byte>(sent).subspan(at, std::min(k, size - at)), enough_);
        if (!n || *n == 0) return (void)found_.expect(false, "a write failed that had time", __LINE__);
        at += *n;
      }
      l.out->close();
    });
    std::size_t at = 0;
    for (std::size_t k = 1; at < size; k = at < 300 ? 1 : k * 11 % 9973 + 1) {
      const auto n = l.in->read(std::span(got).subspan(at, std::min(k, size - at)), enough_);
      if (!n) break;
      if (*n == 0) (void)found_.expect(false, "a read of nothing", __LINE__);
      at += *n;
    }
    producer.join();
    LAW(at == size);
    LAW(sent == got);
    for (int i = 0; i < 2; ++i) LAW(ended(l.in->read(one, soon_).err()));
  }
  void torn_bytes() {
    auto l = t_.bytes();
    l.in->close();
    std::byte one[1]{};
    error why;
    for (int i = 0; i < 100'000 && !why; ++i) why = l.out->write(one, 1s).err();
    LAW(ended(why));
  }

  // An end inside a message is no orderly end, and no message.
  void torn_message() {
    found_.enter("a torn message");
    auto l = t_.spoilt();
    const note n = note::make(3);
    std::byte raw[sizeof n];
    __builtin_memcpy(raw, &n, sizeof n);
    for (std::size_t i = 0; i < sizeof raw; ++i) LAW_OR_LEAVE(l.out->write(std::span(raw).subspan(i, 1), soon_));  // byte by byte
    const auto whole = l.in->pop(soon_);
    LAW_OR_LEAVE(whole);
    LAW(whole->is_whole());
    LAW_OR_LEAVE(l.out->write(std::span(raw).first(sizeof n - 1), soon_));
    LAW(waited_in_vain(l.in->pop(3ms).err()));
    l.out->close();
    for (int i = 0; i < 2; ++i) LAW(l.in->pop(soon_).err() == errc::truncated);
  }

  // Killed, the other side has sent what it had sent; nothing hangs.
  void death() {
    found_.enter("a killed peer");
    const test::shared_with_children<std::atomic<int>> sent;
    const auto r = t_.remote([&](any_sink& out) {
      for (std::uint64_t i = 0; i < 5; ++i)
        if (!out.push(note::make(i), 10s)) return;
      *sent = 1;
      for (;;) ::pause();
    });
    LAW_OR_LEAVE(r.child > 0);
    const bool all_sent = test::eventually([&] { return *sent == 1; });
    ::kill(r.child, SIGKILL);
    ::waitpid(r.child, nullptr, 0);
    LAW_OR_LEAVE(all_sent);
    ledger all;
    error why;
    while (!why) {
      auto m = r.in->pop(2s);
      if (m) all.add(*m, t_.traits.ordered);
      else if (m.err() != errc::lagged) why = m.err();
    }
    LAW(all.wrong == nullptr);
    if (t_.traits.reliable) LAW(all.count == 5);
    if (t_.traits.detects_death) LAW(why == errc::peer_died);
    else if (t_.traits.carries_close) LAW(ended(why));
    else LAW(waited_in_vain(why));
    if (!t_.traits.detects_death) excuse("a death told from an end");
  }

  const transport& t_;
  const std::chrono::milliseconds enough_ = t_.patience, soon_ = std::min<std::chrono::milliseconds>(enough_, 5s);
  findings found_;
  std::string excused_;
};

}  // namespace

std::string broken_laws(const transport& t) {
  const court tried(t);
  std::string text;
  for (const auto& b : tried.broken()) text += b + "\n";
  return text;
}

}  // namespace conformance
