// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_FIRST_CALLER_HPP
#define SLUICE_FLOW_FIRST_CALLER_HPP

#include <sluice/stream/messages.hpp>

namespace sluice {

/// The messages of the first who connects to a listener; until somebody does, there are none. The others are turned
/// away.
template <wire T, source Listener>
class first_caller_source : public source_verbs<first_caller_source<T, Listener>> {
  using caller_type = decltype(source_of<T>(std::declval<item_t<Listener>>()));

 public:
  using value_type = T;
  static constexpr end_traits traits = traits_of<caller_type>;

  explicit first_caller_source(Listener door) noexcept : door_(std::move(door)) {}

  result<T> try_pop() {
    if (!caller_) {
      auto stream = door_.try_pop();
      if (!stream) return stream.err();
      caller_ = result<caller_type>(source_of<T>(*std::move(stream)));
      door_.close();
    }
    return caller_->try_pop();
  }
  void arm(want k, wait_set& set) noexcept {
    at_door_ = !caller_;
    if (at_door_) door_.arm(k, set);
    else caller_->arm(k, set);
  }
  void disarm(want k) noexcept {
    if (at_door_) door_.disarm(k);
    else caller_->disarm(k);
  }
  void close() noexcept {
    door_.close();
    if (caller_) caller_->close();
  }

 private:
  Listener door_;
  result<caller_type> caller_ = errc::empty;
  bool at_door_ = true;  // where it was armed last
};

}  // namespace sluice

#endif
