// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_GLIB_HPP
#define SLUICE_BRIDGE_GLIB_HPP

#include <sluice/flow/poller.hpp>

#if __has_include(<glib-unix.h>)
#include <glib-unix.h>

namespace sluice {

/// A poller in a main context of GLib (or GTK): its cases (flow/cases.hpp) are called there, beside its other sources.
///
///     glib_poller ends;
///     ends.add(on(rx, [&](quote q) { ... }));
///     g_main_loop_run(loop);
///
/// One turn of the poller is one dispatch. Handlers must not throw, through GLib, nor destroy this.
///
/// Threads: that of the context.
class glib_poller {
 public:
  explicit glib_poller(GMainContext* context = nullptr, poller_options o = {}) : cases_(o) {
    const int fd = cases_.handle();
    if (fd < 0) return;
    watched_ = ::g_unix_fd_source_new(fd, G_IO_IN);
    const GUnixFDSourceFunc turn = [](gint, GIOCondition, gpointer me) -> gboolean {
      (void)static_cast<glib_poller*>(me)->cases_.try_run();
      return G_SOURCE_CONTINUE;
    };
    ::g_source_set_callback(watched_, reinterpret_cast<GSourceFunc>(reinterpret_cast<void*>(turn)), this, nullptr);
    ::g_source_attach(watched_, context);
  }
  glib_poller(const glib_poller&) = delete;
  glib_poller& operator=(const glib_poller&) = delete;
  ~glib_poller() {
    if (watched_ == nullptr) return;
    ::g_source_destroy(watched_);
    ::g_source_unref(watched_);
  }

  /// False: there was no descriptor left for it.
  [[nodiscard]] explicit operator bool() const noexcept { return watched_ != nullptr; }
  template <detail::flow_case Case>
  result<poller::key> add(Case c) {
    if (watched_ == nullptr) return error(errc::no_space, step::wait, subject::descriptors);
    return cases_.add(std::move(c));
  }
  bool remove(poller::key k) noexcept { return cases_.remove(k); }
  /// How many cases there are.
  [[nodiscard]] std::size_t size() const noexcept { return cases_.size(); }
  bool look_again(poller::key k) noexcept { return cases_.look_again(k); }
  /// For its priority and its name.
  [[nodiscard]] GSource* watched() const noexcept { return watched_; }

 private:
  poller cases_;
  GSource* watched_ = nullptr;
};

}  // namespace sluice

#endif

#endif
