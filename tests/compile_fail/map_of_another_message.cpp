// expect: its function cannot take such a message
#include <sluice/sluice.hpp>

void fine() {
  auto [tx, rx] = sluice::channel<int>(4);
  auto doubled = rx | sluice::map([](int n) { return 2 * n; });
}

#ifdef SLUICE_MUST_FAIL
void wrong() {
  auto [tx, rx] = sluice::channel<int>(4);
  auto lengths = rx | sluice::map([](const char* s) { return *s; });
}
#endif
