// expect: channel_kind: a tag
#include <sluice/sluice.hpp>

auto fine() { return sluice::channel<int, sluice::spsc>(4); }

#ifdef SLUICE_MUST_FAIL
struct carrier_pigeon {};

auto wrong() { return sluice::channel<int, carrier_pigeon>(4); }
#endif
