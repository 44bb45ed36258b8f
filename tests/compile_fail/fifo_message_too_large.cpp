// expect: PIPE_BUF
#include <sluice/stream/fifo.hpp>

struct fits { char bytes[4096]; };
struct torn { char bytes[4097]; };

void fine() { (void)sluice::fifo_sink<fits>("/tmp/fifo"); }

#ifdef SLUICE_MUST_FAIL
void wrong() { (void)sluice::fifo_sink<torn>("/tmp/fifo"); }
#endif
