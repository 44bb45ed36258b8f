// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"
#include "sanitizers.hpp"

#include <memory>
#include <mutex>
#include <deque>

// The laws must be able to find something. A queue as simple as can be keeps them all; each of its outlaws breaks one, and
// is found.

namespace {

enum class crime {
  none,
  takes_while_arming,     // (b)
  takes_more_than_fits,   // (a)
  wakes_nobody,           // (c)
  ends_before_the_rest,   // (d)
  forgets_its_end,        // (d)
  hides_its_end,          // (d)
  goes_on_without_reader, // (d)
  repeats,
  reorders,
  damages,
  leaves_a_twin,          // (f)
  refuses_when_there_is_room,
};

struct shared_queue {
  std::mutex busy;
  std::deque<conformance::note> held{};
  bool writer = true, reader = true;
  unsigned count = 0;
  static constexpr std::size_t most = 64;
};

template <crime Crime>
class plain_end {
 public:
  using value_type = conformance::note;
  static constexpr sluice::end_traits traits{};

  explicit plain_end(std::shared_ptr<shared_queue> q) : queue_(std::move(q)) {}
  plain_end(plain_end&& o) noexcept : queue_(o.queue_) {
    if (Crime != crime::leaves_a_twin) o.queue_ = nullptr;
  }
  plain_end& operator=(plain_end&& o) noexcept {
    queue_ = o.queue_;
    if (Crime != crime::leaves_a_twin) o.queue_ = nullptr;
    return *this;
  }
  void arm(sluice::want, sluice::wait_set& set) noexcept {
    set.within(Crime == crime::wakes_nobody ? 3'000'000'000 : 300'000);  // it has nobody who wakes: it looks again
    if (Crime != crime::takes_while_arming || !queue_) return;
    const std::scoped_lock hold(queue_->busy);
    if (queue_->held.size() > 1) queue_->held.pop_front();
  }
  void disarm(sluice::want) noexcept {}

 protected:
  ~plain_end() = default;
  std::shared_ptr<shared_queue> queue_;
};

template <crime Crime>
class plain_sink : public plain_end<Crime>, public sluice::sink_verbs<plain_sink<Crime>> {
 public:
  using plain_end<Crime>::plain_end;
  plain_sink(plain_sink&&) noexcept = default;
  ~plain_sink() { close(); }

  sluice::status try_push(const conformance::note& n) {
    auto* const q = this->queue_.get();
    if (q == nullptr) return sluice::errc::closed;
    const std::scoped_lock hold(q->busy);
    if (!q->writer || (!q->reader && Crime != crime::goes_on_without_reader)) return sluice::errc::closed;
    if (q->held.size() >= q->most && Crime != crime::takes_more_than_fits) return sluice::errc::full;
    if (q->held.size() >= q->most) q->held.pop_front();
    if (Crime == crime::refuses_when_there_is_room && ++q->count % 100 == 0) return sluice::errc::full;
    q->held.push_back(n);
    if (Crime == crime::damages && n.seq % 64 == 40) ++q->held.back().check;
    return {};
  }
  void close() noexcept {
    if (!this->queue_) return;
    const std::scoped_lock hold(this->queue_->busy);
    this->queue_->writer = false;
  }
};

template <crime Crime>
class plain_source : public plain_end<Crime>, public sluice::source_verbs<plain_source<Crime>> {
 public:
  using plain_end<Crime>::plain_end;
  plain_source(plain_source&&) noexcept = default;
  plain_source& operator=(plain_source&& o) noexcept {
    close();
    plain_end<Crime>::operator=(std::move(o));
    return *this;
  }
  ~plain_source() { close(); }

  sluice::result<conformance::note> try_pop() {
    using sluice::errc;
    auto* const q = this->queue_.get();
    if (q == nullptr) return errc::closed;
    const std::scoped_lock hold(q->busy);
    if (!q->reader) return errc::closed;
    if (Crime == crime::ends_before_the_rest && !q->writer) return errc::closed;
    if (q->held.empty()) {
      if (q->writer || Crime == crime::hides_its_end) return errc::empty;
      if (Crime == crime::forgets_its_end) q->writer = true;
      return errc::closed;
    }
    const bool other = Crime == crime::reorders && q->held.size() > 1;
    const auto at = q->held.begin() + (other ? 1 : 0);
    const auto n = *at;
    if (Crime != crime::repeats || ++q->count % 50 != 0) q->held.erase(at);
    return n;
  }
  void close() noexcept {
    if (!this->queue_) return;
    const std::scoped_lock hold(this->queue_->busy);
    this->queue_->reader = false;
  }
};

template <crime Crime>
struct over_a_plain_queue {
  static constexpr const char* name = Crime == crime::none ? "plain queue" : "outlaw";
  static constexpr auto patience = std::chrono::milliseconds(Crime == crime::none ? 20'000 : 500);
  template <class T>
  static auto make() {
    auto q = std::make_shared<shared_queue>();
    return conformance::link{plain_sink<Crime>(q), plain_source<Crime>(q)};
  }
};

template <crime Crime>
bool is_found(const char* under) {
  const std::string broken = conformance::broken_laws<over_a_plain_queue<Crime>>();
  INFO(broken);
  CHECK(broken.find(under) != broken.npos);
  return broken.find(under) != broken.npos;
}

}  // namespace

TEST_CASE("a queue as simple as can be keeps the laws", "[conformance]") {
  CHECK(conformance::broken_laws<over_a_plain_queue<crime::none>>() == "");
}

#if !SLUICE_TEST_SANITIZED()  // it is about the laws, not about the library, and half a minute of waiting

TEST_CASE("each broken law is found", "[conformance]") {
  CHECK(is_found<crime::takes_while_arming>("cancelled waits"));
  CHECK(is_found<crime::takes_more_than_fits>("a full end"));
  CHECK(is_found<crime::wakes_nobody>("wake-ups"));
  CHECK(is_found<crime::ends_before_the_rest>("the end"));
  CHECK(is_found<crime::forgets_its_end>("the end"));
  CHECK(is_found<crime::hides_its_end>("the end"));
  CHECK(is_found<crime::goes_on_without_reader>("the end"));
  CHECK(is_found<crime::repeats>("order"));
  CHECK(is_found<crime::reorders>("order"));
  CHECK(is_found<crime::damages>("order"));
  CHECK(is_found<crime::leaves_a_twin>("moved ends"));
}

#endif
