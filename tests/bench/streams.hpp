// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_STREAMS_HPP
#define SLUICE_BENCH_STREAMS_HPP

#include "candidates.hpp"

namespace bench {

/// What `--streams` measures; in a source file of its own, for its peers are large headers.
std::vector<workload> stream_workloads();

}  // namespace bench

#endif
