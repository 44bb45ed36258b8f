// SPDX-License-Identifier: MIT
#include "naive_mpmc.hpp"
#include "rings.hpp"

using namespace kill_rig;

// The positive control: the same stepping, on a ring that is known not to survive. A rig that shows nothing here shows
// nothing anywhere.

namespace {

struct naive_world {
  test::scratch dir{"/dev/shm"};
  std::string path = dir / "naive";
  naive_mpmc* ring = nullptr;

  naive_world() {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (::ftruncate(fd, sizeof(naive_mpmc)) != 0) std::abort();
    void* const at = ::mmap(nullptr, sizeof(naive_mpmc), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at == MAP_FAILED) std::abort();
    ring = ::new (at) naive_mpmc{};
    ring->start();
  }
  naive_world(const naive_world&) = delete;
  naive_world& operator=(const naive_world&) = delete;
  ~naive_world() { ::munmap(static_cast<void*>(ring), sizeof(naive_mpmc)); }
};

// Two messages are in the ring, and one more may be.
enum class operation_kind { push, pop };
void start(std::optional<tracee>& victim, const naive_world& w, operation_kind what) {
  for (u64 i = 0; i < 2; ++i) (void)w.ring->try_push(i);
  victim.emplace([&w, what] {
    std::uint64_t value = 0;
    mark();
    const bool done = what == operation_kind::push ? w.ring->try_push(2) : w.ring->try_pop(value);
    mark();
    return done ? 0 : 1;
  });
  (void)victim->run_to_mark();
}

// Everything that was in comes out, once and in order, and then the whole capacity is there.
const char* what_is_wrong(naive_mpmc& r, operation_kind what) {
  std::uint64_t value = 0, next = 0, n = 0;
  for (; r.try_pop(value); ++n, next = value + 1) {
    if (n == 0 && (value > 1 || (value == 1 && what == operation_kind::push))) return "lost";
    if (n != 0 && value != next) return "order";
  }
  if (n == 0 || next < 2) return "lost";
  for (u64 i = 0; i < naive_mpmc::capacity; ++i)
    if (!r.try_push(100 + i)) return "blocked or smaller";
  for (u64 i = 0; i < naive_mpmc::capacity; ++i)
    if (!r.try_pop(value) || value != 100 + i) return "blocked or smaller";
  return nullptr;
}

struct control {
  unsigned long boundaries = 0, bad = 0, bad_by_states = 0;
  std::size_t states = 0;
};
control run_control(operation_kind what) {
  control c;
  walk w;
  {
    const naive_world in;
    std::optional<tracee> victim;
    start(victim, in, what);
    w = step_through(*victim, in.path);
    CHECK(w.complete);
  }
  c.boundaries = w.instructions + 1;
  c.states = w.places.size();
  for (unsigned long k = 0; k <= w.instructions; ++k) {
    const naive_world in;
    std::optional<tracee> victim;
    start(victim, in, what);
    (void)bring_to(*victim, k);
    victim->kill();
    c.bad += what_is_wrong(*in.ring, what) != nullptr ? 1u : 0u;
  }
  for (const place& p : w.places) {
    const naive_world in;
    std::optional<tracee> victim;
    start(victim, in, what);
    (void)bring_to(*victim, p, in.path, landmark::store);
    victim->kill();
    c.bad_by_states += what_is_wrong(*in.ring, what) != nullptr ? p.width : 0u;
  }
  return c;
}

}  // namespace

TEST_CASE("a ring that was written without a thought of death is found out") {
  require_stepping();
  for (const auto what : {operation_kind::push, operation_kind::pop}) {
    const watchdog guard("the naive ring");
    guard.within(120);
    const control c = run_control(what);
    std::printf("control, naive mpmc %s: %lu of %lu kill points bad; by its %zu states: %lu\n",
                what == operation_kind::push ? "push" : "pop", c.bad, c.boundaries, c.states, c.bad_by_states);
    CHECK(c.bad > 0);
    CHECK(c.bad < c.boundaries);
    // The division into states loses nothing: weighed by their widths they tell what killing everywhere tells.
    CHECK(c.bad_by_states == c.bad);
  }
}
