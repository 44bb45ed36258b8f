// expect: merge: .*no std::common_type
#include <sluice/sluice.hpp>

struct order {
  int id;
};

void fine() {
  auto [t1, r1] = sluice::channel<int>(4);
  auto [t2, r2] = sluice::channel<long>(4);
  auto both = sluice::merge(r1, r2);
}

#ifdef SLUICE_MUST_FAIL
void wrong() {
  auto [t1, r1] = sluice::channel<int>(4);
  auto [t2, r2] = sluice::channel<order>(4);
  auto both = sluice::merge(r1, r2);
}
#endif
