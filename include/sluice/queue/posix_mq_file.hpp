// SPDX-License-Identifier: MIT
#ifndef SLUICE_QUEUE_POSIX_MQ_FILE_HPP
#define SLUICE_QUEUE_POSIX_MQ_FILE_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/handle.hpp>
#include <sluice/queue/queue_access.hpp>

#include <mqueue.h>  // for mq_attr alone: the calls are made directly, so nothing need be linked
#include <cstdint>
#include <string_view>

// POSIX message queues as files: names, limits, opening. What the kernel says, and what is made of it:
//   mq_open gives EINVAL        .capacity or the message is over a limit of the system: `no_space`, which one is asked
//   mq_open gives EMFILE        no descriptor is left, or the bytes of this user's queues are at their limit
//   mq_open gives ENOSPC        there are fs.mqueue.queues_max queues
//   a queue is there already    it must be of this user or of root, not writable by all, and for messages of this size

namespace sluice {

struct posix_mq_options {
  std::size_t capacity = 0;              // messages, exactly; unset: as it is, else 10 or what the system allows
  mode_t mode = 0600;                    // of a queue that is made; nothing for all: who may read a queue may empty it
  bool create = true;                    // make it where there is none
  bool exclusive = false;                // `busy` where there is one
  uid_t owner = detail::any_trusted;     // whose queue is accepted; unset: this user's or root's
};

/// What the system allows.
struct posix_mq_limits_info {
  std::uint64_t messages;      // in one queue: fs.mqueue.msg_max
  std::uint64_t message_size;  // fs.mqueue.msgsize_max
  std::uint64_t queues;        // in this IPC namespace: fs.mqueue.queues_max
  std::uint64_t bytes;         // of all queues of this user, with what the kernel adds: RLIMIT_MSGQUEUE
};

namespace detail {

/// A number in a file of /proc.
inline result<std::uint64_t> system_number(const char* path) noexcept {
  const unique_handle fd = open_at(AT_FDCWD, path, O_RDONLY);
  if (!fd) return error(errc::unsupported, step::read, subject::proc_file_system);
  char text[24];
  const auto n = retry_interrupted([&] { return ::read(fd.get(), text, sizeof text); });
  if (n < 0) return last_error(step::read);
  if (n == 0 || text[n - 1] != '\n') return error(errc::truncated, step::read);  // a part of a number is another one
  std::uint64_t v = 0;
  for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; ++i)
    v = v * 10 + static_cast<std::uint64_t>(text[i] - '0');
  return v;
}

}  // namespace detail

/// Errors: unsupported (no /proc, or a kernel without message queues).
[[nodiscard]] inline result<posix_mq_limits_info> posix_mq_limits() noexcept {
  const auto messages = detail::system_number("/proc/sys/fs/mqueue/msg_max");
  const auto size = detail::system_number("/proc/sys/fs/mqueue/msgsize_max");
  const auto queues = detail::system_number("/proc/sys/fs/mqueue/queues_max");
  if (!messages || !size || !queues) return !messages ? messages.err() : !size ? size.err() : queues.err();
  struct {  // struct rlimit64; see file_size_limit()
    std::uint64_t now, most;
  } bytes{};
  constexpr int message_queue_bytes = 12;
  if (::syscall(SYS_prlimit64, 0, message_queue_bytes, nullptr, &bytes) != 0) return detail::last_error(step::read);
  return posix_mq_limits_info{*messages, *size, *queues, bytes.now};
}

namespace detail {

/// A queue name as the kernel takes it: one component, without the slash in front that POSIX asks for.
class posix_mq_name {
 public:
  explicit posix_mq_name(std::string_view name) noexcept {
    if (!name.empty() && name.front() == '/') name.remove_prefix(1);
    const bool fits = !name.empty() && name.size() <= longest && name != "." && name != ".." &&
                      name.find('/') == name.npos && name.find('\0') == name.npos;
    if (fits) text_[name.copy(text_, longest)] = '\0';
  }
  [[nodiscard]] bool usable() const noexcept { return text_[0] != '\0'; }
  [[nodiscard]] const char* c_str() const noexcept { return text_; }

 private:
  static constexpr std::size_t longest = 200;
  char text_[longest + 1] = {};
};

/// Why there is no new queue of these attributes.
inline error posix_mq_refusal(int number, const mq_attr& wanted) noexcept {
  switch (number) {
    case EINVAL: {
      const auto most = posix_mq_limits();
      if (most && static_cast<std::uint64_t>(wanted.mq_msgsize) > most->message_size)
        return error(errc::no_space, step::create, subject::mq_msgsize_max);
      return error(errc::no_space, step::create, subject::mq_msg_max);
    }
    case EMFILE: {
      const unique_handle probe = open_at(AT_FDCWD, "/", O_PATH);
      const bool no_descriptor = !probe && errno == EMFILE;
      return error(errc::no_space, step::create, no_descriptor ? subject::descriptors : subject::mq_bytes);
    }
    case ENFILE: return error(errc::no_space, step::create, subject::descriptors);
    case ENOSPC: return error(errc::no_space, step::create, subject::mq_queues_max);
    default: errno = number; return last_error(step::create);
  }
}

inline result<unique_handle> posix_mq_make(const char* name, int how, std::size_t size,
                                           const posix_mq_options& o) noexcept {
  std::size_t capacity = o.capacity;
  if (capacity == 0) {
    const auto most = posix_mq_limits();
    capacity = most && most->messages < 10 ? static_cast<std::size_t>(most->messages) : 10;
  }
  mq_attr wanted = {};
  wanted.mq_maxmsg = static_cast<long>(capacity);
  wanted.mq_msgsize = static_cast<long>(size);
  unique_handle fd(static_cast<int>(::syscall(SYS_mq_open, name, how | O_CREAT | O_EXCL, o.mode, &wanted)));
  return fd ? result<unique_handle>(std::move(fd)) : posix_mq_refusal(errno, wanted);
}

inline mq_attr posix_mq_state(int fd) noexcept {
  mq_attr now = {};
  (void)::syscall(SYS_mq_getsetattr, fd, nullptr, &now);
  return now;
}

/// Is this a queue to talk through, in messages of `size` bytes?
inline status posix_mq_fits(int fd, std::size_t size, const posix_mq_options& o) noexcept {
  struct stat st = {};
  if (::fstat(fd, &st) != 0) return last_error(step::open);
  if (const status s = queue_trusted(st.st_uid, st.st_mode, o.owner); !s) return s;
  const mq_attr now = posix_mq_state(fd);
  if (static_cast<std::size_t>(now.mq_msgsize) != size) {
    const bool smaller = static_cast<std::size_t>(now.mq_msgsize) < size;
    return error(smaller ? errc::too_big : errc::mismatch, step::open, subject::mq_msgsize_max);
  }
  if (o.capacity != 0 && static_cast<std::size_t>(now.mq_maxmsg) != o.capacity)
    return error(errc::mismatch, step::open, subject::capacity);
  return {};
}

/// Opens or makes the queue; `how` is O_RDONLY or O_WRONLY. Non-blocking: the description is ours alone.
inline result<unique_handle> posix_mq_open(std::string_view text, int how, std::size_t size,
                                           const posix_mq_options& o) noexcept {
  const posix_mq_name name(text);
  if (!name.usable()) return error(errc::invalid, step::open, subject::name);
  if (const status s = queue_mode_allowed(o.mode); !s) return s.err();
  how |= O_NONBLOCK | O_CLOEXEC;
  for (unsigned tries = 0; tries < 100; ++tries) {  // others may make it, and remove it, between two calls
    if (!o.exclusive) {
      unique_handle fd(static_cast<int>(::syscall(SYS_mq_open, name.c_str(), how, 0, nullptr)));
      if (fd) {
        const status s = posix_mq_fits(fd.get(), size, o);
        return s ? result<unique_handle>(std::move(fd)) : s.err();
      }
      if (errno == EMFILE || errno == ENFILE) return error(errc::no_space, step::open, subject::descriptors);
      if (errno != ENOENT || !o.create) return last_error(step::open);
    }
    auto made = posix_mq_make(name.c_str(), how, size, o);
    if (made || made.err() != error(errc::os, step::create, EEXIST)) return made;
    if (o.exclusive) return error(errc::busy, step::create, subject::name);
  }
  return error(errc::busy, step::open);
}

}  // namespace detail

/// Takes the name away at once; ends that are open live on, and the queue ends with the last of them.
/// Errors: not_found, denied, invalid (name), unsupported.
[[nodiscard]] inline status posix_mq_remove(std::string_view text) noexcept {
  const detail::posix_mq_name name(text);
  if (!name.usable()) return error(errc::invalid, step::remove, subject::name);
  return ::syscall(SYS_mq_unlink, name.c_str()) == 0 ? status() : detail::last_error(step::remove);
}

}  // namespace sluice

#endif
