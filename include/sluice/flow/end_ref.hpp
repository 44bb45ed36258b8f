// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_END_REF_HPP
#define SLUICE_FLOW_END_REF_HPP

#include <sluice/core/unmet.hpp>
#include <sluice/flow/joined_traits.hpp>
#include <sluice/wait/verbs.hpp>

#include <type_traits>
#include <utility>

namespace sluice {

/// Somebody else's end, as an end: what an adaptor holds of an lvalue. Closing it closes the end; its own destruction
/// does not. Moved from, it is nobody's.
///
/// Threads, Blocks, Errors: as the end, which must outlive it.
template <class End>
class end_ref : public source_verbs<end_ref<End>>, public sink_verbs<end_ref<End>> {
 public:
  using value_type = item_t<End>;
  static constexpr end_traits traits = detail::stated_traits<End>();

  explicit end_ref(End& e) noexcept : end_(&e) {}
  end_ref(end_ref&& o) noexcept : end_(std::exchange(o.end_, nullptr)) {}
  end_ref& operator=(end_ref&& o) noexcept {
    end_ = std::exchange(o.end_, nullptr);
    return *this;
  }

  auto try_pop()
    requires source<End>
  {
    return end_ != nullptr ? end_->try_pop() : result<value_type>(error(errc::closed, step::pop));
  }
  auto try_borrow()
    requires lending_source<End>
  {
    using loan = decltype(end_->try_borrow());
    return end_ != nullptr ? end_->try_borrow() : loan(error(errc::closed, step::borrow));
  }
  template <class U = value_type>
    requires requires(End& e, U&& v) { { e.try_push(std::forward<U>(v)) } -> std::same_as<status>; }
  status try_push(U&& value) {
    return end_ != nullptr ? end_->try_push(std::forward<U>(value)) : status(error(errc::closed, step::push));
  }
  status flush(until u = {})
    requires requires(End& e) { { e.flush(u) } -> std::same_as<status>; }
  {
    return end_ != nullptr ? end_->flush(u) : status();
  }
  status finish(until u = {})
    requires requires(End& e) { { e.finish(u) } -> std::same_as<status>; }
  {
    return end_ != nullptr ? end_->finish(u) : status();
  }
  void arm(want k, wait_set& set) noexcept {
    if (end_ != nullptr) end_->arm(k, set);
    else set.ready();
  }
  void disarm(want k) noexcept {
    if (end_ != nullptr) end_->disarm(k);
  }
  void close() noexcept {
    if (end_ != nullptr) end_->close();
  }
  [[nodiscard]] wait_strategy waits() const noexcept {
    return end_ != nullptr ? detail::strategy_of(*end_) : wait_strategy::park;
  }

 private:
  End* end_;
};

/// How an adaptor holds the end that it is given: an rvalue becomes its own, an lvalue stays where it is.
template <class E>
using held_t =
    std::conditional_t<std::is_lvalue_reference_v<E>, end_ref<std::remove_reference_t<E>>, std::remove_cvref_t<E>>;

}  // namespace sluice

#endif
