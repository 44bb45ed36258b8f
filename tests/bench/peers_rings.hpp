// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_PEERS_RINGS_HPP
#define SLUICE_BENCH_PEERS_RINGS_HPP

#include "meeting.hpp"

#include <cstddef>
#include <memory>

#if SLUICE_BENCH_HAS_BOOST_LOCKFREE
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#endif
#if SLUICE_BENCH_HAS_RWQ
#include <readerwriterqueue.h>
#endif
#if SLUICE_BENCH_HAS_CQ
#include <blockingconcurrentqueue.h>
#include <concurrentqueue.h>
#endif
#if SLUICE_BENCH_HAS_TBB
#include <tbb/concurrent_queue.h>
#endif

// Queues between threads, each in the form its own documentation shows: a loop around its try operation, without pause.

namespace bench {

#if SLUICE_BENCH_HAS_BOOST_LOCKFREE
template <class M, std::size_t Capacity>
struct boost_spsc {
  alignas(128) boost::lockfree::spsc_queue<M, boost::lockfree::capacity<Capacity>> q;

  struct sender {
    decltype(boost_spsc::q)& q;
    explicit sender(boost_spsc& l) : q(l.q) {}
    [[gnu::always_inline]] void send(const M& m) {
      while (!q.push(m)) {}
    }
    [[gnu::always_inline]] void send_batch(const M* m, std::size_t n) {
      for (std::size_t done = 0; done < n;) done += q.push(m + done, n - done);
    }
  };
  struct receiver {
    decltype(boost_spsc::q)& q;
    explicit receiver(boost_spsc& l) : q(l.q) {}
    [[gnu::always_inline]] M receive() {
      M m;
      while (!q.pop(m)) {}
      return m;
    }
    [[gnu::always_inline]] std::size_t receive_batch(M* m, std::size_t n) {
      for (;;)
        if (const std::size_t k = q.pop(m, n)) return k;
    }
  };
};

template <class M, std::size_t Capacity>
struct boost_queue {
  alignas(128) boost::lockfree::queue<M, boost::lockfree::capacity<Capacity>> q;

  struct sender {
    decltype(boost_queue::q)& q;
    explicit sender(boost_queue& l) : q(l.q) {}
    [[gnu::always_inline]] void send(const M& m) {
      while (!q.push(m)) {}
    }
  };
  struct receiver {
    decltype(boost_queue::q)& q;
    explicit receiver(boost_queue& l) : q(l.q) {}
    [[gnu::always_inline]] M receive() {
      M m;
      while (!q.pop(m)) {}
      return m;
    }
  };
};
#endif

#if SLUICE_BENCH_HAS_RWQ
template <class M, std::size_t Capacity>
struct moodycamel_rwq {
  alignas(128) moodycamel::ReaderWriterQueue<M> q{Capacity};

  struct sender {
    moodycamel::ReaderWriterQueue<M>& q;
    explicit sender(moodycamel_rwq& l) : q(l.q) {}
    [[gnu::always_inline]] void send(const M& m) {
      while (!q.try_enqueue(m)) {}
    }
  };
  struct receiver {
    moodycamel::ReaderWriterQueue<M>& q;
    explicit receiver(moodycamel_rwq& l) : q(l.q) {}
    [[gnu::always_inline]] M receive() {
      M m;
      while (!q.try_dequeue(m)) {}
      return m;
    }
  };
};
/// Its blocking form.
template <class M, std::size_t Capacity>
struct moodycamel_blocking_rwq {
  alignas(128) moodycamel::BlockingReaderWriterQueue<M> q{Capacity};

  struct sender {
    moodycamel::BlockingReaderWriterQueue<M>& q;
    explicit sender(moodycamel_blocking_rwq& l) : q(l.q) {}
    [[gnu::always_inline]] void send(const M& m) {
      while (!q.try_enqueue(m)) ::sched_yield();  // it cannot wait for room
    }
  };
  struct receiver {
    moodycamel::BlockingReaderWriterQueue<M>& q;
    explicit receiver(moodycamel_blocking_rwq& l) : q(l.q) {}
    [[gnu::always_inline]] M receive() {
      M m;
      q.wait_dequeue(m);
      return m;
    }
  };
};
#endif

#if SLUICE_BENCH_HAS_CQ
/// Each of its producers has a queue of its own and never gives back a block that it once took. So a bound for each of
/// these queues, and not a common stock of blocks: where the first producer has taken them all, `try_enqueue` refuses the
/// others for ever.
template <std::size_t Most>
struct moodycamel_bounds : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t MAX_SUBQUEUE_SIZE = Most;
};

/// With tokens of both sides, which is its fastest use.
template <class M, std::size_t Capacity, unsigned Producers = 1>
struct moodycamel_cq {
  using queue = moodycamel::ConcurrentQueue<M, moodycamel_bounds<Capacity>>;
  alignas(128) queue q{Capacity, Producers, 0};

  struct sender {
    queue& q;
    moodycamel::ProducerToken token;
    explicit sender(moodycamel_cq& l) : q(l.q), token(q) {}
    [[gnu::always_inline]] void send(const M& m) {
      while (!q.enqueue(token, m)) {}
    }
    [[gnu::always_inline]] void send_batch(const M* m, std::size_t n) {
      while (!q.enqueue_bulk(token, m, n)) {}
    }
  };
  struct receiver {
    queue& q;
    moodycamel::ConsumerToken token;
    explicit receiver(moodycamel_cq& l) : q(l.q), token(q) {}
    [[gnu::always_inline]] M receive() {
      M m;
      while (!q.try_dequeue(token, m)) {}
      return m;
    }
    [[gnu::always_inline]] std::size_t receive_batch(M* m, std::size_t n) {
      for (;;)
        if (const std::size_t k = q.try_dequeue_bulk(token, m, n)) return k;
    }
  };
};
/// Its blocking form, which cannot wait for room.
template <class M, std::size_t Capacity, unsigned Producers = 1>
struct moodycamel_blocking_cq {
  using queue = moodycamel::BlockingConcurrentQueue<M, moodycamel_bounds<Capacity>>;
  alignas(128) queue q{Capacity, Producers, 0};

  struct sender {
    queue& q;
    moodycamel::ProducerToken token;
    explicit sender(moodycamel_blocking_cq& l) : q(l.q), token(q) {}
    [[gnu::always_inline]] void send(const M& m) {
      while (!q.enqueue(token, m)) ::sched_yield();
    }
  };
  struct receiver {
    queue& q;
    moodycamel::ConsumerToken token;
    explicit receiver(moodycamel_blocking_cq& l) : q(l.q), token(q) {}
    [[gnu::always_inline]] M receive() {
      M m;
      q.wait_dequeue(token, m);
      return m;
    }
  };
};
#endif

#if SLUICE_BENCH_HAS_TBB
template <class M, std::size_t Capacity, bool Blocking = false>
struct tbb_bounded {
  alignas(128) tbb::concurrent_bounded_queue<M> q;
  tbb_bounded() { q.set_capacity(static_cast<std::ptrdiff_t>(Capacity)); }

  struct sender {
    tbb::concurrent_bounded_queue<M>& q;
    explicit sender(tbb_bounded& l) : q(l.q) {}
    [[gnu::always_inline]] void send(const M& m) {
      if constexpr (Blocking) {
        q.push(m);
      } else {
        while (!q.try_push(m)) {}
      }
    }
  };
  struct receiver {
    tbb::concurrent_bounded_queue<M>& q;
    explicit receiver(tbb_bounded& l) : q(l.q) {}
    [[gnu::always_inline]] M receive() {
      M m;
      if constexpr (Blocking) {
        q.pop(m);
      } else {
        while (!q.try_pop(m)) {}
      }
      return m;
    }
  };
};
#endif

}  // namespace bench

#endif
