// expect: must take the message, or nothing
#include <sluice/sluice.hpp>

struct order {
  int id;
};

void fine() {
  auto [tx, rx] = sluice::channel<order>(4);
  auto loop = sluice::select(sluice::on(rx, [](order) {}), sluice::on(rx, [] {}));
}

#ifdef SLUICE_MUST_FAIL
void wrong() {
  auto [tx, rx] = sluice::channel<order>(4);
  auto loop = sluice::select(sluice::on(rx, [](const char*) {}));
}
#endif
