// expect: message: the type must be movable
#include <sluice/sluice.hpp>

struct good {
  int value;
};

auto fine() { return sluice::channel<good>(4); }

#ifdef SLUICE_MUST_FAIL
struct pinned {
  pinned(pinned&&) = delete;
};

auto wrong() { return sluice::channel<pinned>(4); }
#endif
