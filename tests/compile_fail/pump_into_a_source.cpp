// expect: sink: the end must have try_push
#include <sluice/sluice.hpp>

void fine() {
  auto [tx, rx] = sluice::channel<int>(4);
  (void)sluice::pump(rx, tx);
}

#ifdef SLUICE_MUST_FAIL
void wrong() {
  auto [tx, rx] = sluice::channel<int>(4);
  (void)sluice::pump(rx, rx);
}
#endif
