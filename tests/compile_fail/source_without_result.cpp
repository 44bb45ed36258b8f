// expect: source: the end must have try_pop
#include <sluice/sluice.hpp>

struct good {
  using value_type = int;
  sluice::result<int> try_pop();
  void arm(sluice::want, sluice::wait_set&) noexcept;
  void disarm(sluice::want) noexcept;
  void close() noexcept;
};

void fine(good& end) { auto loop = sluice::select(sluice::on(end, [](int) {})); }

#ifdef SLUICE_MUST_FAIL
struct bad : good {
  int try_pop();
};

void wrong(bad& end) { auto loop = sluice::select(sluice::on(end, [](int) {})); }
#endif
