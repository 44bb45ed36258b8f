// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_SUITE_HPP
#define SLUICE_BENCH_SUITE_HPP

#include "candidates.hpp"
#include "crowds.hpp"
#include "limits.hpp"
#include "pace.hpp"
#include "peers_rings.hpp"
#include "peers_sluice.hpp"
#include "peers_systems.hpp"
#include "victims.hpp"
#include "workload.hpp"

// Which candidate takes part in which workload.

namespace bench {

/// A fixed number of messages: where the system is much slower than the harness.
template <class Link, class M>
auto thr_of(std::uint64_t n) {
  return [=](const arrangement& a) { return throughput<Link, M>(a, n, {}); };
}
template <class Link, class M>
auto rtt_of(std::uint64_t n) {
  return [=](const arrangement& a) { return round_trips<Link, M>(a, n); };
}
/// As many as fit into one sample's time; five capacities at least.
template <class Link, class M>
auto thr(busy b = {}, bool processes = false) {
  return [=, p = pace(5 * link_capacity)](arrangement a) mutable {
    a.processes = processes;
    const sample s = throughput<Link, M>(a, p.messages(), b);
    p.saw(s.ns + (b.producer + b.consumer != 0 ? 100 : 0));
    return s;
  };
}
template <class Link, class M, bool Latency = false>
auto rtt(bool processes = false) {
  return [=, p = pace(500)](arrangement a) mutable {
    a.processes = processes;
    sample s = round_trips<Link, M, Latency>(a, p.messages());
    p.saw(s.ns);
    return s;
  };
}

/// Several on each side.
template <class Link, class M>
auto crowd(unsigned n, unsigned m) {
  // More threads than cpus: the sample is many turns of the scheduler long, and who spins burns whole turns for one message.
  const pace first = n + m > 2 ? pace(2 * link_capacity, 2'000'000, 30e6) : pace(100 * link_capacity);
  return [=, p = first](const arrangement& a) mutable {
    const sample s = crowd_throughput<Link, M>(a, p.messages() / (n * m) * (n * m), n, m);
    p.saw(s.ns);
    return s;
  };
}
template <class M>
workload many_to_many(unsigned n) {
  const std::string each = std::to_string(n);
  workload w{"mpmc8." + each + "x" + each, "8-byte messages, " + each + " threads on each side, ns per message", yardstick::speed, "bare Vyukov"};
  w.sleeps = n > 1;
  auto& c = w.candidates;
  c = {{"bare Vyukov", part::reference, crowd<bare_vyukov<M, link_capacity>, M>(n, n)},
       {"sluice try", part::ours, crowd<ours_crowd<M, sluice::mpmc, form::try_loop>, M>(n, n)},
       {"sluice verbs", part::ours, crowd<ours_crowd<M, sluice::mpmc, form::verb>, M>(n, n)}};
  if (n > 1) {
    c.push_back({"bare Vyukov, yielding", part::reference, crowd<bare_vyukov<M, link_capacity, true>, M>(n, n)});
    c.push_back({"sluice try, yielding", part::ours, crowd<ours_crowd<M, sluice::mpmc, form::try_yield>, M>(n, n)});
  }
#if SLUICE_BENCH_HAS_CQ
  c.push_back({"moodycamel cq", part::peer, crowd<moodycamel_cq<M, link_capacity, 8>, M>(n, n)});
  c.push_back({"moodycamel blocking cq", part::peer, crowd<moodycamel_blocking_cq<M, link_capacity, 8>, M>(n, n)});
#endif
#if SLUICE_BENCH_HAS_BOOST_LOCKFREE
  c.push_back({"boost queue", part::peer, crowd<boost_queue<M, link_capacity>, M>(n, n)});
#endif
#if SLUICE_BENCH_HAS_TBB
  c.push_back({"tbb bounded", part::peer, crowd<tbb_bounded<M, link_capacity>, M>(n, n)});
  c.push_back({"tbb bounded, blocking", part::peer, crowd<tbb_bounded<M, link_capacity, true>, M>(n, n)});
#endif
  return w;
}

template <std::size_t Chunk, std::size_t Buffer>
sample copied(const arrangement& a) {
  sample r;
  r.ns = copy_ns<Chunk / 64, Buffer>(a, r.preempted);
  return r;
}

/// Four to one: one queue that all take places in, against a lane for each.
template <class M>
workload fan_in() {
  workload w{"fan_in8.4x1", "8-byte messages, 4 threads to 1, ns per message", yardstick::speed, "mpsc"};
  w.sleeps = true;
  auto& c = w.candidates;
  c = {{"sluice mpsc", part::reference, crowd<ours_crowd<M, sluice::mpsc, form::verb>, M>(4, 1)},
       {"sluice lanes", part::ours, crowd<ours_crowd<M, sluice::lanes, form::verb>, M>(4, 1)}};
#if SLUICE_BENCH_HAS_CQ
  c.push_back({"moodycamel blocking cq", part::peer, crowd<moodycamel_blocking_cq<M, link_capacity, 8>, M>(4, 1)});
#endif
#if SLUICE_BENCH_HAS_TBB
  c.push_back({"tbb bounded, blocking", part::peer, crowd<tbb_bounded<M, link_capacity, true>, M>(4, 1)});
#endif
  return w;
}

/// What kills cost those who live.
template <class M>
workload victims() {
  workload w{"victims8.4x4", "8-byte messages in shared memory, 4 processes on each side, ns per message that came out",
             yardstick::speed, "nobody killed"};
  w.sleeps = true;
  w.candidates = {{"nobody killed", part::reference, [](const arrangement& a) { return work_queue<M>(a, 4, 0); }},
                  {"one of each side killed every 10 ms", part::ours,
                   [](const arrangement& a) { return work_queue<M>(a, 4, 10); }}};
  return w;
}

/// Messages of any length against a stream of chunks of that size through a buffer as large as the ring.
template <std::size_t Size>
workload any_length() {
  constexpr std::size_t room = Size < 16 * 1024 ? 64 * 1024 : 4 * Size;
  workload w{"bytes" + std::to_string(Size), std::to_string(Size) + "-byte messages of the ring of any length, ns per 8 bytes",
             yardstick::speed, "copy"};
  w.candidates = {{"copy", part::limit, copied<Size, room>},
                  {"sluice push/pop", part::ours, streamed<ours_bytes<Size, room, false>, Size>},
                  {"sluice claim/borrow", part::ours, streamed<ours_bytes<Size, room, true>, Size>}};
  return w;
}

/// One by one, in the natural form of each.
template <class M>
workload one_by_one(std::string name, std::string what, busy b) {
  workload w{std::move(name), std::move(what)};
  w.candidates = {{"sluice try", part::ours, thr<ours_local<M, form::try_loop>, M>(b)},
                  {"sluice verbs", part::ours, thr<ours_local<M, form::verb>, M>(b)}};
  auto& c = w.candidates;
#if SLUICE_BENCH_HAS_BOOST_LOCKFREE
  c.push_back({"boost spsc_queue", part::peer, thr<boost_spsc<M, link_capacity>, M>(b)});
#endif
#if SLUICE_BENCH_HAS_RWQ
  c.push_back({"moodycamel rwq", part::peer, thr<moodycamel_rwq<M, link_capacity>, M>(b)});
#endif
#if SLUICE_BENCH_HAS_CQ
  c.push_back({"moodycamel cq", part::peer, thr<moodycamel_cq<M, link_capacity>, M>(b)});
#endif
#if SLUICE_BENCH_HAS_BOOST_LOCKFREE
  c.push_back({"boost queue", part::peer, thr<boost_queue<M, link_capacity>, M>(b)});
#endif
#if SLUICE_BENCH_HAS_TBB
  c.push_back({"tbb bounded", part::peer, thr<tbb_bounded<M, link_capacity>, M>(b)});
#endif
  return w;
}

template <class M, bool Latency>
workload there_and_back(std::string name, std::string what) {
  workload w{std::move(name), std::move(what), Latency ? yardstick::none : yardstick::ping_pong};
  w.candidates = {{"sluice try", part::ours, rtt<ours_local<M, form::try_loop>, M, Latency>()},
                  {"sluice verbs", part::ours, rtt<ours_local<M, form::verb>, M, Latency>()}};
  auto& c = w.candidates;
  if (Latency) {
    using waiting = ours_local<M, form::verb, sluice::wait_strategy::spin_then_park>;
    c.push_back({"sluice spin+park", part::ours, rtt<waiting, M, Latency>()});
  }
#if SLUICE_BENCH_HAS_BOOST_LOCKFREE
  c.push_back({"boost spsc_queue", part::peer, rtt<boost_spsc<M, link_capacity>, M, Latency>()});
#endif
#if SLUICE_BENCH_HAS_RWQ
  c.push_back({"moodycamel rwq", part::peer, rtt<moodycamel_rwq<M, link_capacity>, M, Latency>()});
#endif
#if SLUICE_BENCH_HAS_CQ
  c.push_back({"moodycamel cq", part::peer, rtt<moodycamel_cq<M, link_capacity>, M, Latency>()});
#endif
  if (Latency) return w;
#if SLUICE_BENCH_HAS_BOOST_LOCKFREE
  c.push_back({"boost queue", part::peer, rtt<boost_queue<M, link_capacity>, M>()});
#endif
#if SLUICE_BENCH_HAS_TBB
  c.push_back({"tbb bounded", part::peer, rtt<tbb_bounded<M, link_capacity>, M>()});
#endif
  return w;
}

template <class M>
workload in_batches() {
  workload w{"batch64", "8-byte messages in batches of 64, ns per message", yardstick::speed, "copy"};
  auto& c = w.candidates;
  c.push_back({"copy by 512 bytes", part::limit, copied<512, 32 * 1024>});  // one batch
  c.push_back({"copy by 4096 bytes", part::limit, copied<4096, 32 * 1024>});
  const auto with = [&]<class Link>(std::string name, part is, std::type_identity<Link>) {
    c.push_back({std::move(name), is, [p = pace(5 * link_capacity)](const arrangement& a) mutable {
                   const sample s = batches<Link, M>(a, p.messages());
                   p.saw(s.ns);
                   return s;
                 }});
  };
  with("sluice try", part::ours, std::type_identity<ours_local<M, form::try_loop>>{});
  with("sluice verbs", part::ours, std::type_identity<ours_local<M, form::verb>>{});
#if SLUICE_BENCH_HAS_BOOST_LOCKFREE
  with("boost spsc_queue", part::peer, std::type_identity<boost_spsc<M, link_capacity>>{});
#endif
#if SLUICE_BENCH_HAS_CQ
  with("moodycamel cq", part::peer, std::type_identity<moodycamel_cq<M, link_capacity>>{});
#endif
  return w;
}

/// The same ring between threads and between processes.
template <class M>
std::vector<workload> between_processes() {
  using shm = ours_shared<M, form::verb>;
  using file = ours_shared<M, form::verb, true>;
  workload t{"shared.thr8", "8-byte messages, one by one, ns per message", yardstick::speed, "shm, threads"};
  t.candidates = {{"shm, threads", part::reference, thr<shm, M>()},
                  {"channel, threads", part::ours, thr<ours_local<M, form::verb>, M>()},
                  {"shm, processes", part::ours, thr<shm, M>({}, true)},
                  {"file, processes", part::ours, thr<file, M>({}, true)}};
  workload r{"shared.rtt8", "8-byte round trip, ns", yardstick::speed, "shm, threads"};
  r.candidates = {{"shm, threads", part::reference, rtt<shm, M>()},
                  {"channel, threads", part::ours, rtt<ours_local<M, form::verb>, M>()},
                  {"shm, processes", part::ours, rtt<shm, M>(true)},
                  {"file, processes", part::ours, rtt<file, M>(true)}};
  return {t, r};
}

/// Queues with priorities, in shared memory. All messages have the lowest, so that the order in which they come can be
/// checked: for ours that is the worst, since a pop has looked at all others before; for the others it makes no difference.
template <class M>
std::vector<workload> with_priorities() {
  workload t{"priority.thr8", "8-byte messages of one priority of eight in shared memory, ns per message"};
  workload r{"priority.rtt8", "8-byte round trip through two such queues, ns"};
  t.sleeps = r.sleeps = true;
  const auto ours = [&]<class Link>(const char* name, std::type_identity<Link>) {
    t.candidates.push_back({name, part::ours, thr<Link, M>()});
    r.candidates.push_back({name, part::ours, rtt<Link, M>()});
  };
  constexpr auto spin = sluice::wait_strategy::spin, patient = sluice::wait_strategy::spin_then_park;
  ours("sluice try", std::type_identity<ours_shared<M, form::try_loop, false, spin, sluice::priorities>>{});
  ours("sluice verbs", std::type_identity<ours_shared<M, form::verb, false, spin, sluice::priorities>>{});
  ours("sluice verbs, spin+park", std::type_identity<ours_shared<M, form::verb, false, patient, sluice::priorities>>{});
  ours("sluice mpmc, no priorities", std::type_identity<ours_shared<M, form::verb, false, spin, sluice::mpmc>>{});
#if SLUICE_BENCH_HAS_BOOST_IPC
  const auto boost = [&]<class Link>(const char* name, std::type_identity<Link>) {
    t.candidates.push_back({name, part::peer, thr_of<Link, M>(10'000)});
    r.candidates.push_back({name, part::peer, rtt_of<Link, M>(500)});
  };
  boost("boost message_queue", std::type_identity<boost_message_queue<M>>{});
  boost("boost message_queue, try", std::type_identity<boost_message_queue<M, true>>{});
#endif
#if SLUICE_BENCH_HAS_POSIX_MQ
  t.candidates.push_back({"posix mq", part::peer, thr_of<posix_mq<M>, M>(3'000)});
  r.candidates.push_back({"posix mq", part::peer, rtt_of<posix_mq<M>, M>(500)});
#endif
  return {t, r};
}

/// Whatever blocks, on two cpus or on one.
template <class M>
std::vector<workload> systems(bool one_cpu) {
  workload t{one_cpu ? "one_cpu.thr8" : "systems.thr8", "8-byte messages, blocking, ns per message"};
  workload r{one_cpu ? "one_cpu.rtt8" : "systems.rtt8", "8-byte round trip, blocking, ns"};
  t.one_cpu = r.one_cpu = one_cpu;
  t.sleeps = r.sleeps = true;
  const auto with = [&]<class Link>(const char* name, part is, std::type_identity<Link>, std::uint64_t n,
                                    std::uint64_t trips) {
    t.candidates.push_back({name, is, thr_of<Link, M>(n)});
    r.candidates.push_back({name, is, rtt_of<Link, M>(trips)});
  };
  constexpr auto patient = sluice::wait_strategy::spin_then_park;
  with("sluice channel", part::ours, std::type_identity<ours_local<M, form::verb, patient>>{}, 100'000, 500);
  constexpr auto park = sluice::wait_strategy::park;
  with("sluice channel, park", part::ours, std::type_identity<ours_local<M, form::verb, park>>{}, 100'000, 500);
  with("sluice shm", part::ours, std::type_identity<ours_shared<M, form::verb, false, patient>>{}, 100'000, 500);
  with("sluice pipe", part::ours, std::type_identity<ours_pipe<M>>{}, 10'000, 500);
#if SLUICE_BENCH_HAS_RWQ
  using blocking_rwq = moodycamel_blocking_rwq<M, link_capacity>;
  with("moodycamel brwq", part::peer, std::type_identity<blocking_rwq>{}, 50'000, 500);
#endif
#if SLUICE_BENCH_HAS_TBB
  using blocking_tbb = tbb_bounded<M, link_capacity, true>;
  with("tbb bounded", part::peer, std::type_identity<blocking_tbb>{}, 20'000, 500);
#endif
#if SLUICE_BENCH_HAS_BOOST_IPC
  with("boost message_queue", part::peer, std::type_identity<boost_message_queue<M>>{}, 10'000, 500);
#endif
  with("pipe", part::peer, std::type_identity<descriptors<M, false>>{}, 10'000, 500);
  with("unix seqpacket", part::peer, std::type_identity<descriptors<M, true>>{}, 10'000, 500);
#if SLUICE_BENCH_HAS_POSIX_MQ
  with("posix mq", part::peer, std::type_identity<posix_mq<M>>{}, 3'000, 500);
#endif
  if (!one_cpu) {
#if SLUICE_BENCH_HAS_ZMQ
    using zmq_inproc = zeromq<M, false>;
    using zmq_ipc = zeromq<M, true>;
    with("zmq inproc", part::peer, std::type_identity<zmq_inproc>{}, 10'000, 300);
    with("zmq ipc", part::peer, std::type_identity<zmq_ipc>{}, 10'000, 200);
#endif
#if SLUICE_BENCH_HAS_NNG
    using nng_inproc = nanomsg_ng<M, false>;
    using nng_ipc = nanomsg_ng<M, true>;
    with("nng inproc", part::peer, std::type_identity<nng_inproc>{}, 2'000, 200);
    with("nng ipc", part::peer, std::type_identity<nng_ipc>{}, 2'000, 200);
#endif
  }
  return {t, r};
}

inline std::vector<workload> all_workloads() {
  using small = message<8>;
  using line = message<64>;
  const unsigned w = work_of_100_ns();
  std::vector<workload> all;
  all.push_back(there_and_back<small, false>("rtt8", "8-byte round trip, spinning, ns"));
  all.push_back(one_by_one<small>("thr8.balanced", "8-byte messages, both sides flat out, ns per message", {}));
  all.push_back(one_by_one<small>("thr8.empty", "8-byte messages, producer works 100 ns, ns beyond the work", {w, 0}));
  all.push_back(one_by_one<small>("thr8.full", "8-byte messages, consumer works 100 ns, ns beyond the work", {0, w}));
  all.push_back(one_by_one<line>("thr64.balanced", "64-byte messages, both sides flat out, ns per message", {}));
  all.push_back(one_by_one<line>("thr64.empty", "64-byte messages, producer works 100 ns, ns beyond the work", {w, 0}));
  all.push_back(one_by_one<line>("thr64.full", "64-byte messages, consumer works 100 ns, ns beyond the work", {0, w}));
  all.push_back(in_batches<small>());
  for (const unsigned n : {1u, 2u, 4u, 8u}) all.push_back(many_to_many<small>(n));
  all.push_back(fan_in<small>());
  all.push_back(victims<small>());
  all.push_back(any_length<64>());
  all.push_back(any_length<1024>());
  all.push_back(any_length<4096>());
  all.push_back(any_length<16384>());
  all.push_back(any_length<65536>());
  for (auto& x : between_processes<small>()) all.push_back(std::move(x));
  for (auto& x : with_priorities<small>()) all.push_back(std::move(x));
  all.push_back(there_and_back<small, true>("latency.rtt8", "8-byte round trip, each trip timed, ns"));
  for (auto& x : systems<small>(false)) all.push_back(std::move(x));
  for (auto& x : systems<small>(true)) all.push_back(std::move(x));
  return all;
}

inline std::vector<std::string> absent_peers(bool of_streams) {
  std::vector<std::string> absent;
  const auto look = [&](bool there, const char* name) {
    if (!there) absent.emplace_back(name);
  };
  if (of_streams) {
    look(SLUICE_BENCH_HAS_ASIO || SLUICE_BENCH_HAS_BOOST_ASIO, "Asio");
    return absent;
  }
  look(SLUICE_BENCH_HAS_BOOST_LOCKFREE, "Boost.Lockfree");
  look(SLUICE_BENCH_HAS_BOOST_IPC, "Boost.Interprocess");
  look(SLUICE_BENCH_HAS_RWQ, "moodycamel ReaderWriterQueue");
  look(SLUICE_BENCH_HAS_CQ, "moodycamel ConcurrentQueue");
  look(SLUICE_BENCH_HAS_TBB, "oneTBB");
  look(SLUICE_BENCH_HAS_ZMQ, "ZeroMQ");
  look(SLUICE_BENCH_HAS_NNG, "nng");
  look(SLUICE_BENCH_HAS_POSIX_MQ, "POSIX message queues");
  return absent;
}

}  // namespace bench

#endif
