// SPDX-License-Identifier: MIT
#ifndef SLUICE_QUEUE_SYSV_MQ_HPP
#define SLUICE_QUEUE_SYSV_MQ_HPP

#include <sluice/queue/sysv_mq_id.hpp>
#include <sluice/wait/verbs.hpp>

// System V message queues as typed ends, for talking with programs that use them. Each message has a type, a positive
// number, by which it can be selected. There is no descriptor to sleep on, and nobody is told: who waits looks again
// every millisecond. As with POSIX queues the kernel holds the messages, until the queue is removed.

namespace sluice {

/// Which message of a System V queue comes next.
class sysv_select {
 public:
  /// The first one, whatever its type.
  static constexpr sysv_select any() noexcept { return sysv_select(0); }
  /// The first one of this type.
  static constexpr sysv_select only(long type) noexcept { return sysv_select(type > 0 ? type : invalid); }
  /// The first one of the lowest type, if that is not above this one.
  static constexpr sysv_select lowest_up_to(long type) noexcept { return sysv_select(type > 0 ? -type : invalid); }

  [[nodiscard]] constexpr bool usable() const noexcept { return what_ != invalid; }
  /// As msgrcv takes it.
  [[nodiscard]] constexpr long number() const noexcept { return what_; }

 private:
  static constexpr long invalid = -__LONG_MAX__ - 1;
  constexpr explicit sysv_select(long what) noexcept : what_(what) {}
  long what_;
};

namespace detail {

/// What both directions share.
class sysv_mq_end {
 public:
  sysv_mq_end(sysv_mq_end&& o) noexcept : id_(std::exchange(o.id_, -1)) {}
  sysv_mq_end& operator=(sysv_mq_end&& o) noexcept {
    id_ = std::exchange(o.id_, -1);
    return *this;
  }
  void arm(want, wait_set& set) noexcept {
    if (id_ >= 0) set.within(1'000'000);
    else set.ready();
  }
  void disarm(want) noexcept {}
  /// Lets go of the queue; the other side does not hear of it, and the messages stay.
  void close() noexcept { id_ = -1; }
  /// As ipcs shows it.
  [[nodiscard]] int id() const noexcept { return id_; }
  /// How many messages are in the queue; others change that meanwhile.
  [[nodiscard]] std::size_t approx_size() const noexcept {
    msqid_ds now = {};
    return ::msgctl(id_, IPC_STAT, &now) == 0 ? static_cast<std::size_t>(now.msg_qnum) : 0;
  }

 protected:
  explicit sysv_mq_end(int id) noexcept : id_(id) {}
  [[nodiscard]] bool removed() const noexcept {
    msqid_ds now = {};
    return ::msgctl(id_, IPC_STAT, &now) != 0 && (errno == EINVAL || errno == EIDRM);
  }
  int id_;
};

template <class T>
inline constexpr end_traits sysv_mq_traits{.ordered = true,  // for who takes any(), and among those of one type
                                           .carries_close = false,
                                           .sees_reader_go = false,
                                           .outlives_process = true,
                                           .spans = reach::host,
                                           .max_size = sizeof(T)};

/// A message as msgsnd and msgrcv have it: the bytes stand right behind the type.
template <class T>
struct sysv_message {
  alignas(long) std::byte bytes[sizeof(long) + sizeof(T)];
};

}  // namespace detail

/// Messages of type T into a System V queue.
///
/// Threads: one at a time; any number of ends on the same queue. Blocks: push; never try_push. Allocates: never.
/// Errors: full; closed (removed, or this end is); invalid (message type); too_big (kernel.msgmax was lowered); os.
template <wire T>
class sysv_mq_sender : public detail::sysv_mq_end, public sink_verbs<sysv_mq_sender<T>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::sysv_mq_traits<T>;

  explicit sysv_mq_sender(int id) noexcept : detail::sysv_mq_end(id) {}

  using sink_verbs<sysv_mq_sender>::push;
  /// A message of that type; the others have 1.
  status push(const T& value, long type, until u = {}) noexcept {
    return detail::try_then_wait(*this, want::push, u, [&] { return try_push(value, type); });
  }
  status try_push(const T& value, long type = 1) noexcept {
    if (id_ < 0) return error(errc::closed, step::push);
    if (type <= 0) return error(errc::invalid, step::push, subject::message_type);
    detail::sysv_message<T> m;
    __builtin_memcpy(m.bytes, &type, sizeof type);
    __builtin_memcpy(m.bytes + sizeof type, &value, sizeof value);
    const int r = detail::retry_interrupted([&] { return ::msgsnd(id_, m.bytes, sizeof(T), IPC_NOWAIT); });
    if (r == 0) return {};
    if (errno == EAGAIN) return error(errc::full, step::push);
    if (errno != EINVAL) return detail::sysv_mq_error(step::push);
    return this->removed() ? error(errc::closed, step::push) : error(errc::too_big, step::push, subject::sysv_msgmax);
  }
};

/// Messages of type T out of a System V queue. One that is shorter is `mismatch` about `size`, once, and dropped; one
/// that is longer is `too_big` about `message_type`, and stays, before whatever the same selection would give next.
///
/// Threads: one at a time; any number of ends on the same queue, each message goes to one. Blocks: pop; never try_pop.
/// Allocates: never. Errors: empty; closed (removed, or this end is); mismatch; too_big; invalid (selection); os.
template <wire T>
class sysv_mq_receiver : public detail::sysv_mq_end, public source_verbs<sysv_mq_receiver<T>> {
 public:
  using value_type = T;
  static constexpr end_traits traits = detail::sysv_mq_traits<T>;

  explicit sysv_mq_receiver(int id) noexcept : detail::sysv_mq_end(id) {}

  using source_verbs<sysv_mq_receiver>::pop;
  result<T> pop(sysv_select which, until u = {}) noexcept {
    return detail::try_then_wait(*this, want::pop, u, [&] { return try_pop(which); });
  }
  result<T> try_pop(sysv_select which = sysv_select::any()) noexcept {
    if (id_ < 0) return error(errc::closed, step::pop);
    if (!which.usable()) return error(errc::invalid, step::pop, subject::message_type);
    detail::sysv_message<T> m;
    const auto n = detail::retry_interrupted(
        [&] { return ::msgrcv(id_, m.bytes, sizeof(T), which.number(), IPC_NOWAIT); });
    if (n < 0) {
      switch (errno) {
        case ENOMSG: return error(errc::empty, step::pop);
        case E2BIG: return error(errc::too_big, step::pop, subject::message_type);
        case EINVAL: return error(errc::closed, step::pop);  // nothing else is left that could be wrong
        default: return detail::sysv_mq_error(step::pop);
      }
    }
    __builtin_memcpy(&last_type_, m.bytes, sizeof last_type_);
    if (static_cast<std::size_t>(n) != sizeof(T)) return error(errc::mismatch, step::pop, subject::size);
    alignas(T) std::byte whole[sizeof(T)];
    __builtin_memcpy(whole, m.bytes + sizeof(long), sizeof(T));
    return *std::launder(reinterpret_cast<const T*>(whole));
  }
  /// That of the message that was popped last.
  [[nodiscard]] long last_type() const noexcept { return last_type_; }

 private:
  long last_type_ = 0;
};

/// The end that messages of type T go into. The key of the queue is a number that its programs have agreed on, or is made of
/// a path, which must exist, and .project. An end needs permission to read, too: whose the queue is, is asked.
/// Errors: not_found, busy (exclusive), denied (owner, mode), mismatch (capacity), too_big and no_space (a limit of the
/// system: about() says which), invalid (key, path, project, mode), unsupported, os.
template <wire T>
[[nodiscard]] result<sysv_mq_sender<T>> sysv_mq_sink(key_t key, const sysv_mq_options& o = {}) noexcept {
  const auto id = detail::sysv_mq_open(key, 0200, sizeof(T), o);
  if (!id) return id.err();
  return sysv_mq_sender<T>(*id);
}
template <wire T>
[[nodiscard]] result<sysv_mq_sender<T>> sysv_mq_sink(std::string_view path, const sysv_mq_options& o = {}) noexcept {
  const auto key = detail::sysv_key(path, o.project);
  if (!key) return key.err();
  return sysv_mq_sink<T>(*key, o);
}
/// The end that they come out of.
template <wire T>
[[nodiscard]] result<sysv_mq_receiver<T>> sysv_mq_source(key_t key, const sysv_mq_options& o = {}) noexcept {
  const auto id = detail::sysv_mq_open(key, 0400, sizeof(T), o);
  if (!id) return id.err();
  return sysv_mq_receiver<T>(*id);
}
template <wire T>
[[nodiscard]] result<sysv_mq_receiver<T>> sysv_mq_source(std::string_view path,
                                                         const sysv_mq_options& o = {}) noexcept {
  const auto key = detail::sysv_key(path, o.project);
  if (!key) return key.err();
  return sysv_mq_source<T>(*key, o);
}

}  // namespace sluice

#endif
