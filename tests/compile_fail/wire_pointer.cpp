// expect: wire: the message has a pointer
#include <sluice/sluice.hpp>

struct good {
  int value;
};

auto fine() { return sluice::shm_sink<good>("/sluice_compile_fail"); }

#ifdef SLUICE_MUST_FAIL
struct bad {
  int* pointer;
};

auto wrong() { return sluice::shm_sink<bad>("/sluice_compile_fail"); }
#endif
