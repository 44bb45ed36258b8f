// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_PEERS_SLUICE_HPP
#define SLUICE_BENCH_PEERS_SLUICE_HPP

#include "meeting.hpp"

#include <sluice/sluice.hpp>

#include <span>
#include <string>

// Ours, through the public ends.

namespace bench {

inline constexpr std::size_t link_capacity = 1024;  // messages, for every candidate whose capacity can be chosen

enum class form { try_loop, try_yield, verb };  // a loop around try_*, with sched_yield() or without; push and pop

template <class Tx, form Form>
struct ours_sender {
  Tx tx;

  template <class M>
  [[gnu::always_inline]] void send(const M& m) {
    if constexpr (Form == form::try_loop) {
      while (!tx.try_push(m)) {}
    } else if constexpr (Form == form::try_yield) {
      while (!tx.try_push(m)) ::sched_yield();
    } else if (!tx.push(m)) {
      die("push failed");
    }
  }
  template <class M>
  [[gnu::always_inline]] void send_batch(const M* m, std::size_t n) {
    for (std::size_t done = 0; done < n;) {
      const std::span<const M> rest(m + done, n - done);
      if constexpr (Form == form::try_loop) {
        if (const auto k = tx.try_push(rest)) done += *k;
      } else {
        const auto k = tx.push(rest);
        if (!k) die("push failed");
        done += *k;
      }
    }
  }
};
template <class Rx, form Form>
struct ours_receiver {
  Rx rx;

  [[gnu::always_inline]] typename Rx::value_type receive() {
    if constexpr (Form == form::try_loop) {
      for (;;)
        if (auto r = rx.try_pop()) return *r;
    } else if constexpr (Form == form::try_yield) {
      for (;; ::sched_yield())
        if (auto r = rx.try_pop()) return *r;
    } else {
      auto r = rx.pop();
      if (!r) die("pop failed");
      return *r;
    }
  }
  template <class M>
  [[gnu::always_inline]] std::size_t receive_batch(M* m, std::size_t n) {
    for (;;) {
      if constexpr (Form == form::try_loop) {
        if (const auto k = rx.try_pop(std::span<M>(m, n))) return *k;
      } else {
        const auto k = rx.pop(std::span<M>(m, n));
        if (!k) die("pop failed");
        return *k;
      }
    }
  }
};

/// A channel within a process.
template <class M, form Form, sluice::wait_strategy Waits = sluice::wait_strategy::spin>
struct ours_local {
  using ends_type = decltype(sluice::channel<M>());
  using tx_type = decltype(ends_type::tx);
  using rx_type = decltype(ends_type::rx);

  ends_type ends = sluice::channel<M>(link_capacity, {.wait = Waits});

  struct sender : ours_sender<tx_type, Form> {
    explicit sender(ours_local& l) : ours_sender<tx_type, Form>{std::move(l.ends.tx)} {}
  };
  struct receiver : ours_receiver<rx_type, Form> {
    explicit receiver(ours_local& l) : ours_receiver<rx_type, Form>{std::move(l.ends.rx)} {}
  };
};

inline std::string fresh_name(std::string before = {}) {
  static unsigned n = 0;
  return before.append("sluice_bench.").append(std::to_string(::getpid())).append(".").append(std::to_string(++n));
}
template <class R>
auto opened(R r) {
  if (!r) fail(std::string("cannot open: ") + sluice::describe(r.err()).c_str());
  return std::move(*r);
}

/// A channel in shared memory (or in a mapped file), opened by each side for itself.
template <class M, form Form, bool File = false, sluice::wait_strategy Waits = sluice::wait_strategy::spin, class Kind = sluice::spsc>
struct ours_shared {
  std::string name = fresh_name(File ? "/var/tmp/" : "");
  sluice::ring_options options{.capacity = link_capacity, .wait = Waits, .prefault = true};

  ~ours_shared() {
    if (File) ::unlink(name.c_str());
    else (void)sluice::shm_remove(name);
  }
  auto open_tx() {
    if constexpr (File) return opened(sluice::mapped_sink<M, Kind>(name, options));
    else return opened(sluice::shm_sink<M, Kind>(name, options));
  }
  auto open_rx() {
    if constexpr (File) return opened(sluice::mapped_source<M, Kind>(name, options));
    else return opened(sluice::shm_source<M, Kind>(name, options));
  }
  using tx_type = decltype(std::declval<ours_shared&>().open_tx());
  using rx_type = decltype(std::declval<ours_shared&>().open_rx());

  struct sender : ours_sender<tx_type, Form> {
    explicit sender(ours_shared& l) : ours_sender<tx_type, Form>{l.open_tx()} {}
  };
  struct receiver : ours_receiver<rx_type, Form> {
    explicit receiver(ours_shared& l) : ours_receiver<rx_type, Form>{l.open_rx()} {}
  };
};

/// A channel of bytes, whose messages are copied in and out, or written and read in place.
template <std::size_t Size, std::size_t Capacity, bool InPlace>
struct ours_bytes {
  decltype(sluice::bytes_channel()) ends = sluice::bytes_channel(Capacity, {.wait = sluice::wait_strategy::spin});

  void send(const std::byte* from) {
    if constexpr (InPlace) {
      auto place = ends.tx.claim(Size);
      if (!place) die("claim failed");
      std::memcpy(place.data(), from, Size);
      place.commit();
    } else if (!ends.tx.push(std::span(from, Size))) {
      die("push failed");
    }
  }
  void receive(std::byte* to) {
    if constexpr (InPlace) {
      const auto m = ends.rx.borrow();
      if (!m) die("borrow failed");
      std::memcpy(to, m.data(), Size);
    } else if (const auto n = ends.rx.pop(std::span(to, Size)); !n || *n != Size) {
      die("pop failed");
    }
  }
};

/// Typed messages over our pipe.
template <class M>
struct ours_pipe {
  sluice::pipe_ends ends = opened(sluice::pipe());
  using tx_type = decltype(sluice::sink_of<M>(std::declval<sluice::pipe_writer>()));
  using rx_type = decltype(sluice::source_of<M>(std::declval<sluice::pipe_reader>()));

  struct sender : ours_sender<tx_type, form::verb> {
    explicit sender(ours_pipe& l) : ours_sender<tx_type, form::verb>{sluice::sink_of<M>(std::move(l.ends.out))} {}
  };
  struct receiver : ours_receiver<rx_type, form::verb> {
    explicit receiver(ours_pipe& l) : ours_receiver<rx_type, form::verb>{sluice::source_of<M>(std::move(l.ends.in))} {}
  };
};

}  // namespace bench

#endif
