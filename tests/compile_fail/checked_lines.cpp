// expect: also those of a delimiter
#include <sluice/sluice.hpp>

sluice::checked<sluice::length_framing<>> fine;

#ifdef SLUICE_MUST_FAIL
sluice::checked<sluice::line_framing<>> wrong;
#endif
