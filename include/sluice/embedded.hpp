// SPDX-License-Identifier: MIT
#ifndef SLUICE_EMBEDDED_HPP
#define SLUICE_EMBEDDED_HPP

// The cut for firmware: no operating system, no heap, no exceptions, no RTTI. Bring the memory, poll with try_*, and
// let the `ring` argument of the verbs wake whoever sleeps.

#include <sluice/core/concepts.hpp>
#include <sluice/core/crc32c.hpp>
#include <sluice/core/gate.hpp>
#include <sluice/core/liveness.hpp>
#include <sluice/framing/checked.hpp>
#include <sluice/framing/cobs.hpp>
#include <sluice/framing/delimiter.hpp>
#include <sluice/framing/fixed.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/framing/none.hpp>
#include <sluice/framing/varint.hpp>
#include <sluice/framing/wire_codec.hpp>
#include <sluice/memory/inline_region.hpp>
#include <sluice/ring/bytes.hpp>
#include <sluice/ring/spsc.hpp>
#include <sluice/signal/dispatcher.hpp>
#include <sluice/signal/isr_events.hpp>

#endif
