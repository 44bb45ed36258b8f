// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_LIBUV_HPP
#define SLUICE_BRIDGE_LIBUV_HPP

#include <sluice/flow/poller.hpp>

#if __has_include(<uv.h>)
#include <uv.h>

namespace sluice {

/// A poller in a loop of libuv: its cases (flow/cases.hpp) are called there, beside the loop's own handles.
///
///     uv_poller ends(uv_default_loop());
///     ends.add(on(rx, [&](quote q) { ... }));
///     uv_run(uv_default_loop(), UV_RUN_DEFAULT);
///
/// The loop goes on while there are cases. One turn of the poller is one event of the loop.
///
/// Handlers must not throw, through libuv, nor destroy this.
///
/// Threads: that of the loop, which it must not outlive. Allocates: its handle, which libuv lets go when it runs next.
class uv_poller {
 public:
  explicit uv_poller(uv_loop_t* loop, poller_options o = {}) : cases_(o), watched_(new uv_poll_t) {
    watched_->data = this;
    if (::uv_poll_init(loop, watched_, cases_.handle()) != 0) delete std::exchange(watched_, nullptr);
    else watch();
  }
  uv_poller(const uv_poller&) = delete;
  uv_poller& operator=(const uv_poller&) = delete;
  ~uv_poller() {
    if (watched_ == nullptr) return;
    ::uv_poll_stop(watched_);  // before its descriptor is closed
    ::uv_close(reinterpret_cast<uv_handle_t*>(watched_), [](uv_handle_t* h) { delete reinterpret_cast<uv_poll_t*>(h); });
  }

  /// False: libuv has refused the descriptor.
  [[nodiscard]] explicit operator bool() const noexcept { return watched_ != nullptr; }
  template <detail::flow_case Case>
  result<poller::key> add(Case c) {
    if (watched_ == nullptr) return error(errc::no_space, step::wait, subject::descriptors);
    auto k = cases_.add(std::move(c));
    watch();
    return k;
  }
  bool remove(poller::key k) noexcept {
    const bool was = cases_.remove(k);
    watch();
    return was;
  }
  /// How many cases there are.
  [[nodiscard]] std::size_t size() const noexcept { return cases_.size(); }
  bool look_again(poller::key k) noexcept { return cases_.look_again(k); }

 private:
  /// A handle that nothing can happen to would keep the loop for ever.
  void watch() noexcept {
    if (watched_ == nullptr) return;
    (void)::uv_poll_start(watched_, UV_READABLE, [](uv_poll_t* h, int, int) {
      auto* const me = static_cast<uv_poller*>(h->data);
      (void)me->cases_.try_run();
      me->watch();
    });
    auto* const h = reinterpret_cast<uv_handle_t*>(watched_);
    if (cases_.size() != 0) ::uv_ref(h);
    else ::uv_unref(h);
  }

  poller cases_;
  uv_poll_t* watched_;
};

}  // namespace sluice

#endif

#endif
