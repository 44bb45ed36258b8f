// expect below: sink
#include <sluice/sluice.hpp>

void produce(sluice::sink<int> auto& out) { (void)out.push(1); }

void fine() {
  auto [tx, rx] = sluice::channel<int>(4);
  produce(tx);
}

#ifdef SLUICE_MUST_FAIL
void wrong() {
  auto [tx, rx] = sluice::channel<int>(4);
  produce(rx);
}
#endif
