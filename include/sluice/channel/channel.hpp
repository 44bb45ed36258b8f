// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_CHANNEL_HPP
#define SLUICE_CHANNEL_CHANNEL_HPP

#include <sluice/channel/ring_end.hpp>
#include <sluice/memory/heap_region.hpp>

#include <atomic>

namespace sluice {

namespace detail {

/// The memory that both ends of a channel within a process share, and their two sides.
template <class T, class Kind, class P>
struct channel_core {
  using ring_type = typename ring_kind<Kind>::template ring<T, P>;
  using producer_type = typename ring_kind<Kind>::template producer<T, P>;
  using consumer_type = typename ring_kind<Kind>::template consumer<T, P>;

  static channel_core* make(std::size_t capacity, error& why) noexcept {
    const std::size_t bytes = ring_type::bytes_for(capacity);
    if (bytes == 0) return why = error(capacity == 0 ? errc::invalid : errc::too_big, step::create, subject::capacity), nullptr;
    auto* const core = new (std::nothrow) channel_core(bytes);
    if (core == nullptr || core->memory.data() == nullptr) {
      delete core;
      return why = error(errc::no_space, step::create, subject::size), nullptr;
    }
    core->ring = ring_type(core->memory.data(), capacity);
    (void)core->producer.attach(core->ring);  // fresh memory: nothing to refuse
    (void)core->consumer.attach(core->ring);
    core->producer.mine().begin();
    core->consumer.mine().begin();
    return core;
  }
  void release() noexcept {
    if (owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if constexpr (!std::is_trivially_destructible_v<T>) {  // what nobody popped
      consumer_type rest;
      if (rest.attach(ring))
        while (rest.try_pop([](auto&, auto) {})) {
        }
    }
    delete this;
  }

  explicit channel_core(std::size_t bytes) noexcept : memory(bytes) {}

  heap_region memory;
  ring_type ring;
  std::atomic<unsigned> owners{2};
  alignas(apart_bytes) producer_type producer;
  alignas(apart_bytes) consumer_type consumer;
};

/// One end's hold on the core. Within a process nobody dies alone, so there is nobody to heal.
template <class T, class Kind, class P>
class local_home {
  using core_type = channel_core<T, Kind, P>;

 public:
  static constexpr bool shared = false;
  template <class U>
  static constexpr end_traits traits{.max_size = sizeof(U)};

  constexpr local_home() noexcept = default;
  explicit local_home(core_type* core) noexcept : core_(core) {}
  local_home(local_home&& o) noexcept : core_(std::exchange(o.core_, nullptr)) {}
  local_home& operator=(local_home&& o) noexcept {
    std::swap(core_, o.core_);
    return *this;
  }
  ~local_home() {
    if (core_ != nullptr) core_->release();
  }

  template <class Side>
  [[nodiscard]] Side* side() const noexcept {
    if constexpr (std::is_same_v<Side, typename core_type::producer_type>) return &core_->producer;
    else return &core_->consumer;
  }
  [[nodiscard]] bool heavy_fence() const noexcept { return detail::heavy_fence(false); }
  [[nodiscard]] std::int64_t slice(bool fenced) const noexcept { return fenced ? never : 1'000'000; }
  void heal_peers() const noexcept {}
  [[nodiscard]] unsigned peers() const noexcept {
    const auto& roles = core_->ring.shared();
    return (roles.producer.peek().now() == phase::live ? 1u : 0u) + (roles.consumer.peek().now() == phase::live ? 1u : 0u);
  }
  [[nodiscard]] opening opened() const noexcept { return opening::created; }
  void leave() const noexcept {}

 private:
  core_type* core_ = nullptr;
};

}  // namespace detail

/// Both ends of a channel within a process: `auto [tx, rx] = channel<T>(64);`
template <class T, class Kind, class P>
struct channel_ends {
  using home = detail::local_home<T, Kind, P>;
  ring_sink<T, Kind, home, P> tx;
  ring_source<T, Kind, home, P> rx;
};

/// How the ends of a channel within a process wait.
struct channel_options {
  wait_strategy wait = wait_strategy::spin_then_park;
};

/// A channel of exactly `capacity` messages between two threads. Where memory is short, or the capacity is 0, both ends
/// are inert and say so with every verb.
///
/// Allocates: here, and nowhere later.
template <message T, channel_kind Kind = spsc, class P = native_memory>
[[nodiscard]] channel_ends<T, Kind, P> channel(std::size_t capacity = 1024, const channel_options& o = {}) noexcept {
  using ends = channel_ends<T, Kind, P>;
  using home = typename ends::home;
  error why;
  auto* const core = detail::channel_core<T, Kind, P>::make(capacity, why);
  if (core == nullptr)
    return ends{ring_sink<T, Kind, home, P>(why), ring_source<T, Kind, home, P>(why)};
  (void)detail::join_heavy_fence(false);
  return ends{ring_sink<T, Kind, home, P>(home(core), o.wait), ring_source<T, Kind, home, P>(home(core), o.wait)};
}

}  // namespace sluice

#endif
