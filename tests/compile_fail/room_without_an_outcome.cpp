// expect: return what try_push returned
#include <sluice/sluice.hpp>

void fine() {
  auto [tx, rx] = sluice::channel<int>(4);
  auto loop = sluice::select(sluice::when_room(tx, [](auto& out) { return out.try_push(1); }));
}

#ifdef SLUICE_MUST_FAIL
void wrong() {
  auto [tx, rx] = sluice::channel<int>(4);
  auto loop = sluice::select(sluice::when_room(tx, [](auto& out) { (void)out.try_push(1); }));
}
#endif
