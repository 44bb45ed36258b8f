// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_TOPIC_HPP
#define SLUICE_FLOW_TOPIC_HPP

#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>

namespace sluice {

/// Publish and subscribe within a process. The publisher waits for nobody: a subscriber that is slower than a lap of
/// the ring is told how many it has missed (`lagged`), and goes on. A subscriber to a part is `*t.subscribe() |
/// filter(p)`. Where nobody may miss anything, `channel<T, broadcast>` waits for the slowest.
///
/// Between processes a topic is a name: `shm_sink<T, lossy_broadcast>(name)` publishes, and each
/// `shm_source<T, lossy_broadcast>(name)` subscribes.
///
/// Threads: publishing and closing one at a time; subscribe() any. Allocates: when it is made, and with each
/// subscriber.
template <message T>
class topic : public sink_verbs<topic<T>> {
  using ends = channel_ends<T, lossy_broadcast, native_memory>;

 public:
  using value_type = T;
  using subscriber = decltype(ends::rx);
  static constexpr end_traits traits = traits_of<decltype(ends::tx)>;

  /// What a subscriber can be behind without missing anything.
  explicit topic(std::size_t capacity = 1024) noexcept : topic(channel<T, lossy_broadcast>(capacity)) {}

  /// Begins with the oldest message that the ring has. `no_space`: there are too many.
  [[nodiscard]] result<subscriber> subscribe() const noexcept { return first_.clone(); }

  template <class U = T>
    requires std::convertible_to<U&&, T>
  status try_push(U&& value) {
    return tx_.try_push(std::forward<U>(value));
  }
  void arm(want k, wait_set& set) noexcept { tx_.arm(k, set); }
  void disarm(want k) noexcept { tx_.disarm(k); }
  void close() noexcept { tx_.close(); }
  [[nodiscard]] wait_strategy waits() const noexcept { return tx_.waits(); }

 private:
  explicit topic(ends e) noexcept : tx_(std::move(e.tx)), first_(std::move(e.rx)) {}

  decltype(ends::tx) tx_;
  subscriber first_;  // whom others are made of
};

}  // namespace sluice

#endif
