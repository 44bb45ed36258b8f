// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_WATCH_HPP
#define SLUICE_FLOW_WATCH_HPP

#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/flow/adaptor.hpp>
#include <sluice/flow/over_source.hpp>

namespace sluice {

/// A value that somebody else changes: pop() waits for a newer one, peek() is the current one, new or not.
///
/// Threads: one at a time; each reader has its own.
template <lending_source Source>
  requires std::copyable<item_t<Source>>
class watch_source : public detail::over_source<watch_source<Source>, Source> {
  using base = detail::over_source<watch_source, Source>;

 public:
  using value_type = item_t<Source>;

  explicit watch_source(Source s) noexcept : base(std::move(s)) {}

  result<value_type> try_pop() {
    auto m = this->source_.try_pop();
    if (m) current_ = m;
    return m;
  }
  /// The current value; `empty` before the first. What was peeked at is still new to pop(). Where the writer has gone,
  /// the last value stays.
  result<value_type> peek() {
    if (auto l = this->source_.try_borrow()) {
      current_ = result<value_type>(*l);
      l.keep();
    } else if (!current_ && !l.err().again()) {
      return l.err();
    }
    return current_;
  }
  /// One more reader, which has seen nothing yet.
  [[nodiscard]] result<watch_source> clone() const
    requires requires(const Source& s) { { s.clone() } -> std::same_as<result<Source>>; }
  {
    auto s = this->source_.clone();
    return s ? result<watch_source>(watch_source(*std::move(s))) : result<watch_source>(s.err());
  }

 private:
  result<value_type> current_ = errc::empty;
};

template <class T>
struct watch_ends {
  decltype(channel_ends<T, latest, native_memory>::tx) tx;
  watch_source<decltype(channel_ends<T, latest, native_memory>::rx)> rx;
};

/// `source | watched()`: a source of kind `latest`, wherever its memory is, with a look at the current value.
[[nodiscard]] inline auto watched() {
  return adaptor([]<lending_source S>(S s) { return watch_source<S>(std::move(s)); });
}

/// A value with one writer and many readers, within a process: `auto [tx, rx] = watch<T>();` The writer never waits,
/// and no reader holds up another; more readers are clones. Between processes: `shm_sink<T, latest>(name)`, and
/// `*shm_source<T, latest>(name) | watched()`.
///
/// Allocates: here and in clone(), and nowhere later.
template <wire T>
[[nodiscard]] watch_ends<T> watch() noexcept {
  auto [tx, rx] = channel<T, latest>();
  return {std::move(tx), watch_source<decltype(rx)>(std::move(rx))};
}

}  // namespace sluice

#endif
