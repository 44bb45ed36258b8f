// expect: keep boundaries
#include <sluice/sluice.hpp>

auto fine(sluice::pipe_writer out) { return sluice::sink_of<int>(std::move(out), sluice::length_framing<>{}); }

#ifdef SLUICE_MUST_FAIL
auto wrong(sluice::pipe_writer out) { return sluice::sink_of<int>(std::move(out), sluice::no_framing<>{}); }
#endif
