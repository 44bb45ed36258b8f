// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_CHANNEL_HPP
#define SLUICE_CHANNEL_CHANNEL_HPP

#include <sluice/channel/ring_end.hpp>
#include <sluice/channel/spsc_kind.hpp>
#include <sluice/core/unmet.hpp>
#include <sluice/memory/heap_region.hpp>

#include <atomic>

namespace sluice {

namespace detail {

/// The memory that all ends of a channel within a process share.
template <class T, class Kind, class P>
struct channel_core {
  using kind = ring_kind<Kind>;
  using ring_type = typename kind::template ring<T, P>;

  static channel_core* make(std::size_t capacity, error& why) noexcept {
    const std::size_t bytes = ring_type::bytes_for(capacity);
    if (bytes == 0) return why = error(capacity == 0 ? errc::invalid : errc::too_big, step::create, subject::capacity), nullptr;
    auto* const core = new (std::nothrow) channel_core(bytes);
    if (core == nullptr || core->memory.data() == nullptr) {
      delete core;
      return why = error(errc::no_space, step::create, subject::size), nullptr;
    }
    core->ring = ring_type(core->memory.data(), capacity);
    return core;
  }
  /// The first free slot of a side, for one more end.
  result<unsigned> take_slot(slot_range range) noexcept {
    for (unsigned k = range.first; k <= range.last && k < most_ends; ++k) {
      const std::uint64_t bit = std::uint64_t{1} << k;
      if ((slots_.fetch_or(bit, std::memory_order_acq_rel) & bit) == 0) return k;
    }
    return range.single() ? error(errc::busy, step::join, subject::role).by(range.first)
                          : error(errc::no_space, step::join, subject::participants);
  }
  void give_slot(unsigned k) noexcept { slots_.fetch_and(~(std::uint64_t{1} << k), std::memory_order_acq_rel); }
  [[nodiscard]] unsigned ends() const noexcept {
    return static_cast<unsigned>(__builtin_popcountll(slots_.load(std::memory_order_relaxed)));
  }
  void hold() noexcept { owners_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if constexpr (!std::is_trivially_destructible_v<T>) {  // what nobody popped
      typename kind::template consumer<T, P> rest;
      if (rest.attach(ring, kind::consumers.first))
        while (rest.try_pop([](auto&, auto) {})) {
        }
    }
    delete this;
  }

  explicit channel_core(std::size_t bytes) noexcept : memory(bytes) {}

  heap_region memory;
  ring_type ring;

 private:
  std::atomic<unsigned> owners_{1};
  static constexpr unsigned most_ends = 64;
  std::atomic<std::uint64_t> slots_{0};  // of living ends
};

/// One end's hold on the core, and its side of the ring. Within a process nobody dies alone, so there is nobody to
/// heal.
template <class Side, class T, class Kind, class P>
class local_home {
  using core_type = channel_core<T, Kind, P>;

 public:
  static constexpr bool shared = false;
  template <class U>
  static constexpr end_traits traits{.max_size = sizeof(U)};

  constexpr local_home() noexcept = default;
  /// Takes a slot of the core, and the role that goes with it.
  static result<local_home> make(core_type* core, slot_range range) noexcept {
    const auto slot = core->take_slot(range);
    if (!slot) return slot.err();
    auto* const own = new (std::nothrow) place;
    if (own == nullptr) return core->give_slot(*slot), error(errc::no_space, step::create, subject::size);
    own->slot = *slot;
    core->hold();
    (void)own->side.attach(core->ring, *slot);  // our own memory: nothing to refuse
    own->side.begin();
    return local_home(core, own);
  }
  local_home(local_home&& o) noexcept : core_(std::exchange(o.core_, nullptr)), own_(std::exchange(o.own_, nullptr)) {}
  local_home& operator=(local_home&& o) noexcept {
    std::swap(core_, o.core_);
    std::swap(own_, o.own_);
    return *this;
  }
  ~local_home() {
    if (core_ == nullptr) return;
    leave();
    delete own_;
    core_->release();
  }

  [[nodiscard]] Side* side() const noexcept { return &own_->side; }
  [[nodiscard]] bool heavy_fence() const noexcept { return detail::heavy_fence(false); }
  [[nodiscard]] std::int64_t slice(bool fenced) const noexcept {
    return fenced ? longest_sleep<Kind>() : 1'000'000;
  }
  recovery heal_peers() const noexcept { return {}; }
  [[nodiscard]] recovery recovered() const noexcept { return {}; }
  [[nodiscard]] unsigned peers() const noexcept { return core_->ends(); }
  [[nodiscard]] opening opened() const noexcept { return opening::created; }
  [[nodiscard]] result<local_home> another(slot_range range) const noexcept {
    return core_ != nullptr && own_->slot != gone ? make(core_, range) : result<local_home>(error(errc::closed, step::open));
  }
  void leave() const noexcept {
    if (own_->slot != gone) core_->give_slot(std::exchange(own_->slot, gone));
  }

 private:
  static constexpr unsigned gone = ~0u;
  struct alignas(apart_bytes) place {  // a line of its own, where it stays when the end is moved
    Side side;
    unsigned slot = gone;
  };

  local_home(core_type* core, place* own) noexcept : core_(core), own_(own) {}

  core_type* core_ = nullptr;
  place* own_ = nullptr;
};

template <class T, class Kind, class P>
struct local_ends {
  using kind = ring_kind<Kind>;
  using core = channel_core<T, Kind, P>;
  template <class Side>
  using home = local_home<Side, T, Kind, P>;
  using sink_home = home<typename ring_kind<Kind>::template producer<T, P>>;
  using source_home = home<typename ring_kind<Kind>::template consumer<T, P>>;
  using sink = ring_sink<T, Kind, sink_home, P>;
  using source = ring_source<T, Kind, source_home, P>;
};

}  // namespace detail

/// Both ends of a channel within a process: `auto [tx, rx] = channel<T>(64);`
template <class T, class Kind, class P>
struct channel_ends {
  typename detail::local_ends<T, Kind, P>::sink tx;
  typename detail::local_ends<T, Kind, P>::source rx;
};

/// How the ends of a channel within a process wait.
struct channel_options {
  wait_strategy wait = wait_strategy::spin_then_park;
};

namespace detail {

/// Makes both ends of a channel; where that fails both are inert, and say why.
template <class Both, class Ends>
Both open_channel(std::size_t capacity, const channel_options& o) noexcept {
  error why;
  auto* const core = Ends::core::make(capacity, why);
  if (core == nullptr) return {typename Ends::sink(why), typename Ends::source(why)};
  (void)join_heavy_fence(false);
  auto in = Ends::sink_home::make(core, Ends::kind::producers);
  auto out = Ends::source_home::make(core, Ends::kind::consumers);
  core->release();
  if (!in || !out) {
    why = !in ? in.err() : out.err();
    return {typename Ends::sink(why), typename Ends::source(why)};
  }
  return {typename Ends::sink(std::move(*in), o.wait), typename Ends::source(std::move(*out), o.wait)};
}

}  // namespace detail

/// A channel of exactly `capacity` messages between threads; where its kind allows more ends of a side, these are
/// clones. Where memory is short, or the capacity is 0, both ends are inert and say so with every verb.
///
/// Allocates: here and in clone(), and nowhere later.
template <message T, channel_kind Kind = spsc, class P = native_memory>
[[nodiscard]] channel_ends<T, Kind, P> channel(std::size_t capacity = detail::default_capacity<Kind>(), const channel_options& o = {}) noexcept {
  return detail::open_channel<channel_ends<T, Kind, P>, detail::local_ends<T, Kind, P>>(capacity, o);
}
// The same for what is no message, or no kind.
template <class T, class Kind = spsc, class P = native_memory>
  requires(!message<T> || !channel_kind<Kind>)
auto channel(std::size_t = 0, const channel_options& = {}) noexcept {
  return detail::unmet<detail::unmet_message<T>, detail::unmet_kind<Kind>>();
}

}  // namespace sluice

#endif
