// SPDX-License-Identifier: MIT
#ifndef SLUICE_SLUICE_HPP
#define SLUICE_SLUICE_HPP

// sluice: two pieces of a program talk, thread to thread, process to process, through the same five verb pairs.
//
// A map of the floors. A header includes its own floor and those below it.
//
//   core/      0  the vocabulary: errors, results, concepts, the layout of a type, the gate. No system, heap or clock.
//   platform/  1  the operating system behind one interface: futex, fence, clock, handles, locks
//   ring/      1  algorithms over bytes that somebody else provides; they need core alone, so firmware can have them
//   framing/   1  where messages start and end in bytes, and what those bytes are: framings, codecs, the greeting
//   wait/      2  everything that sleeps: until, stop, wait_set, and the blocking verbs
//   memory/    3  regions: inline, heap, shared memory, mapped file; who takes part in one, and who lives
//   stream/    4  pipes, FIFOs, child processes, sockets, and streams as typed ends: source_of, sink_of
//   signal/    4  signals as messages, both ways; handlers of events; faults of guarded code as errors
//   queue/     4  the message queues of the system, POSIX and System V
//   channel/   5  the ends of rings in regions: channel, shm_sink, mapped_source
//   flow/      6  everything together: select and poller; ends made of ends: map, merge, tee and kin; pump; oneshot,
//                   watch, topic; client and serve; ends of any type, and by URI
//   bridge/    8  other people's loops and types: coroutines, senders, Asio. Not included here: docs/bridges.md
//
// Read core/concepts.hpp next, then ring/spsc_layout.hpp and ring/spsc.hpp, then examples/tour.cpp.

#include <sluice/embedded.hpp>

#include <sluice/platform/describe.hpp>
#include <sluice/framing/greeting.hpp>
#include <sluice/framing/sized_codec.hpp>
#include <sluice/framing/text_codec.hpp>
#include <sluice/wait/verbs.hpp>
#include <sluice/memory/inline_region.hpp>
#include <sluice/memory/shared_region.hpp>
#include <sluice/stream/byte_messages.hpp>
#include <sluice/stream/converse.hpp>
#include <sluice/stream/descriptor.hpp>
#include <sluice/stream/duplex.hpp>
#include <sluice/stream/endpoint.hpp>
#include <sluice/stream/fifo.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/packet_pipe.hpp>
#include <sluice/stream/pipe.hpp>
#include <sluice/stream/sctp.hpp>
#include <sluice/stream/sctp_ends.hpp>
#include <sluice/stream/socket_stream.hpp>
#include <sluice/stream/spawn.hpp>
#include <sluice/stream/splice.hpp>
#include <sluice/stream/tcp.hpp>
#include <sluice/stream/udp.hpp>
#include <sluice/stream/unix.hpp>
#include <sluice/stream/unix_ends.hpp>
#include <sluice/stream/whole_messages.hpp>
#include <sluice/signal/ast.hpp>
#include <sluice/signal/blocked_signals.hpp>
#include <sluice/signal/signal_dispatcher.hpp>
#include <sluice/signal/signal_set.hpp>
#include <sluice/signal/signal_sink.hpp>
#include <sluice/signal/trap.hpp>
#include <sluice/queue/posix_mq.hpp>
#include <sluice/queue/sysv_mq.hpp>
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/bytes.hpp>
#include <sluice/channel/bytes_crowd.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>
#include <sluice/channel/explain.hpp>
#include <sluice/channel/lanes.hpp>
#include <sluice/channel/meeting.hpp>
#include <sluice/channel/priorities.hpp>
#include <sluice/channel/shared.hpp>
#include <sluice/channel/shared_bytes.hpp>
#include <sluice/flow/poller.hpp>
#include <sluice/flow/select.hpp>
#include <sluice/flow/any_sink.hpp>
#include <sluice/flow/any_source.hpp>
#include <sluice/flow/batch.hpp>
#include <sluice/flow/client.hpp>
#include <sluice/flow/deal.hpp>
#include <sluice/flow/drop_newest.hpp>
#include <sluice/flow/drop_oldest.hpp>
#include <sluice/flow/filter.hpp>
#include <sluice/flow/map.hpp>
#include <sluice/flow/merge.hpp>
#include <sluice/flow/newest.hpp>
#include <sluice/flow/oneshot.hpp>
#include <sluice/flow/open.hpp>
#include <sluice/flow/pump.hpp>
#include <sluice/flow/rate.hpp>
#include <sluice/flow/route.hpp>
#include <sluice/flow/scan.hpp>
#include <sluice/flow/serve.hpp>
#include <sluice/flow/take.hpp>
#include <sluice/flow/tee.hpp>
#include <sluice/flow/topic.hpp>
#include <sluice/flow/watch.hpp>
#include <sluice/flow/zip_latest.hpp>

#endif
