// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_BATCH_HPP
#define SLUICE_FLOW_BATCH_HPP

#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/message_batch.hpp>
#include <sluice/flow/over_source.hpp>

namespace sluice {

/// Messages several at a time: as many as a batch has room for, or what has come until some time after the first of
/// them, or before the end. What it is gathering, a wait that ends early leaves for the next one; flush() hands it out
/// at once.
///
/// Allocates: a batch whose size is known at run time, each once, and before its first message is taken (else
/// `no_space`); others never.
template <source Source, class Batch>
class batch_source : public detail::over_source<batch_source<Source, Batch>, Source> {
  using base = detail::over_source<batch_source, Source>;

 public:
  using value_type = Batch;
  static constexpr end_traits traits = detail::resized(base::traits, sizeof(Batch));

  batch_source(Source s, std::size_t most, until patience) noexcept
      : base(std::move(s)), most_(most), patience_(patience) {}

  result<Batch> try_pop() {
    while (gathered_.size() < most_ && !why_) {
      if (!gathered_.reserve(most_)) return error(errc::no_space, step::pop);
      auto m = this->source_.try_pop();
      if (m) {
        if (gathered_.empty()) due_ = patience_.absolute().deadline();
        gathered_.put(*std::move(m));
      } else if (!m.err().again()) {
        why_ = m.err();
      } else if (gathered_.empty() || due_ == detail::never || detail::monotonic_ns() < due_) {
        return m.err();
      } else {
        break;
      }
    }
    return flush();
  }
  /// What was gathered so far, complete or not.
  result<Batch> flush() noexcept {
    if (!gathered_.empty()) return std::exchange(gathered_, Batch());
    if (why_) return std::exchange(why_, error());  // after what came before it; one that stays comes again
    return error(most_ == 0 ? errc::invalid : errc::empty, step::pop);
  }
  void arm(want k, wait_set& set) noexcept {
    base::arm(k, set);
    if (why_ || most_ == 0) return set.ready();
    if (gathered_.empty() || due_ == detail::never) return;
    const std::int64_t left = due_ - detail::monotonic_ns();
    if (left > 0) set.within(left);
    else set.ready();
  }
  void close() noexcept {
    gathered_.clear();
    base::close();
  }

 private:
  std::size_t most_;
  until patience_;        // with a batch, from its first message on
  std::int64_t due_ = 0;  // when it is handed out, complete or not
  Batch gathered_;
  error why_;             // to be told after what was gathered
};

/// `source | batch<16>(5ms)`: up to 16 messages at a time, and no more than 5 ms after the first of them. `batch<16>()`
/// waits until there are 16, `batch<16>(now)` hands out what is there.
template <std::size_t N>
[[nodiscard]] auto batch(until patience = {}) {
  static_assert(N != 0);
  return adaptor([patience]<source S>(S s) {
    using type = message_batch<item_t<S>, detail::inline_room<item_t<S>, N>>;
    return batch_source<S, type>(std::move(s), N, patience);
  });
}
/// The same with a size that is known at run time.
[[nodiscard]] inline auto batch(std::size_t n, until patience = {}) {
  return adaptor([n, patience]<source S>(S s) {
    using type = message_batch<item_t<S>, detail::heap_room<item_t<S>>>;
    return batch_source<S, type>(std::move(s), n, patience);
  });
}

}  // namespace sluice

#endif
