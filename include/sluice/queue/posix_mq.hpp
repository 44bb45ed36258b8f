// SPDX-License-Identifier: MIT
#ifndef SLUICE_QUEUE_POSIX_MQ_HPP
#define SLUICE_QUEUE_POSIX_MQ_HPP

#include <sluice/queue/posix_mq_file.hpp>
#include <sluice/wait/handle_end.hpp>
#include <sluice/wait/verbs.hpp>

// POSIX message queues as typed ends. The kernel holds the messages: an operation happens as a whole or not at all,
// whoever is killed, and what was accepted waits for a successor until the queue is removed or the system restarts.

namespace sluice {

namespace detail {

#if defined(SYS_mq_timedsend)
inline constexpr long mq_send_number = SYS_mq_timedsend;
inline constexpr long mq_receive_number = SYS_mq_timedreceive;
#else  // 32-bit systems that never had a short time; no time is passed here
inline constexpr long mq_send_number = SYS_mq_timedsend_time64;
inline constexpr long mq_receive_number = SYS_mq_timedreceive_time64;
#endif

/// What both directions share. Where one closes, the other does not hear of it, and the messages stay.
class posix_mq_end : public handle_end {
 public:
  /// How many messages the queue takes; 0 once this end is closed.
  [[nodiscard]] std::size_t capacity() const noexcept {
    return static_cast<std::size_t>(posix_mq_state(fd_.get()).mq_maxmsg);
  }
  /// How many are in it; others change that meanwhile.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    return static_cast<std::size_t>(posix_mq_state(fd_.get()).mq_curmsgs);
  }

 protected:
  using handle_end::handle_end;
};

template <class T>
inline constexpr end_traits posix_mq_traits{.ordered = true,  // among those of one priority, and push() alone uses one
                                            .carries_close = false,
                                            .sees_reader_go = false,
                                            .outlives_process = true,
                                            .spans = reach::host,
                                            .max_size = sizeof(T)};

}  // namespace detail

/// Messages of type T into a POSIX message queue.
///
/// Threads: one at a time; any number of ends on the same queue. Blocks: push; never try_push. Allocates: never.
/// Errors: full; closed (this end is); invalid (priority); os.
template <wire T>
class posix_mq_sender : public detail::posix_mq_end, public sink_verbs<posix_mq_sender<T>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::posix_mq_traits<T>;
  static constexpr unsigned highest_priority = 32767;

  explicit posix_mq_sender(unique_handle fd) noexcept : detail::posix_mq_end(std::move(fd)) {}

  using sink_verbs<posix_mq_sender>::push;
  /// A message of higher priority comes out before all of lower; those of one priority come in order.
  status push(const T& value, unsigned priority, until u = {}) noexcept {
    return detail::try_then_wait(*this, want::push, u, [&] { return try_push(value, priority); });
  }
  status try_push(const T& value, unsigned priority = 0) noexcept {
    if (!fd_) return error(errc::closed, step::push);
    if (priority > highest_priority) return error(errc::invalid, step::push, subject::priority);
    const auto r = detail::retry_interrupted(
        [&] { return ::syscall(detail::mq_send_number, fd_.get(), &value, sizeof(T), priority, nullptr); });
    if (r == 0) return {};
    return errno == EAGAIN ? error(errc::full, step::push) : detail::last_error(step::push);
  }
};

/// Messages of type T out of a POSIX message queue, the highest priority first. One of another size, which only another
/// program can have sent, is `mismatch` about `size`, once, and dropped.
///
/// Threads: one at a time; any number of ends on the same queue, each message goes to one. Blocks: pop; never try_pop.
/// Allocates: never. Errors: empty; closed (this end is); mismatch; os.
template <wire T>
class posix_mq_receiver : public detail::posix_mq_end, public source_verbs<posix_mq_receiver<T>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::posix_mq_traits<T>;

  explicit posix_mq_receiver(unique_handle fd) noexcept : detail::posix_mq_end(std::move(fd)) {}

  result<T> try_pop() noexcept {
    if (!fd_) return error(errc::closed, step::pop);
    alignas(T) std::byte whole[sizeof(T)];
    unsigned priority = 0;
    const auto n = detail::retry_interrupted(
        [&] { return ::syscall(detail::mq_receive_number, fd_.get(), whole, sizeof whole, &priority, nullptr); });
    if (n < 0) return errno == EAGAIN ? error(errc::empty, step::pop) : detail::last_error(step::pop);
    last_priority_ = priority;
    if (static_cast<std::size_t>(n) != sizeof(T)) return error(errc::mismatch, step::pop, subject::size);
    return *std::launder(reinterpret_cast<const T*>(whole));
  }
  /// That of the message that was popped last.
  [[nodiscard]] unsigned last_priority() const noexcept { return last_priority_; }

 private:
  unsigned last_priority_ = 0;
};

/// The end of the queue of this name that messages of type T go into; see posix_mq_options.
/// Errors: not_found, busy (exclusive), denied (owner, mode), too_big and mismatch (a queue for messages of another
/// size, or of another capacity), no_space (a limit of the system: about() says which), invalid, unsupported, os.
template <wire T>
[[nodiscard]] result<posix_mq_sender<T>> posix_mq_sink(std::string_view name, const posix_mq_options& o = {}) noexcept {
  auto fd = detail::posix_mq_open(name, O_WRONLY, sizeof(T), o);
  if (!fd) return fd.err();
  return posix_mq_sender<T>(*std::move(fd));
}
/// The end that they come out of.
template <wire T>
[[nodiscard]] result<posix_mq_receiver<T>> posix_mq_source(std::string_view name,
                                                           const posix_mq_options& o = {}) noexcept {
  auto fd = detail::posix_mq_open(name, O_RDONLY, sizeof(T), o);
  if (!fd) return fd.err();
  return posix_mq_receiver<T>(*std::move(fd));
}

}  // namespace sluice

#endif
