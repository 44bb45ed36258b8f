// SPDX-License-Identifier: MIT
#ifndef SLUICE_QUEUE_SYSV_MQ_ID_HPP
#define SLUICE_QUEUE_SYSV_MQ_ID_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/handle.hpp>
#include <sluice/queue/queue_access.hpp>

#include <cstdint>
#include <string_view>
#include <sys/ipc.h>
#include <sys/msg.h>

// System V message queues: keys, limits, opening, removal. A key is a number that programs agree on, or is made of 16 bits of
// a file's number, 8 of its device's and the project (ftok), so two paths can have the same. A queue of somebody else is refused (`denied` about
// `owner`); one of this user's own under the same key cannot be told from the right one.

namespace sluice {

struct sysv_mq_options {
  std::uint8_t project = 1;              // second half of a key that is made of a path
  std::size_t capacity = 0;              // messages of this type; unset: as it is, or as the system makes it
  mode_t mode = 0600;                    // of a queue that is made; nothing for all: who may read a queue may empty it
  bool create = true;                    // make it where there is none
  bool exclusive = false;                // `busy` where there is one
  uid_t owner = detail::any_trusted;     // whose queue is accepted; unset: this user's or root's
};

/// What the system allows.
struct sysv_mq_limits_info {
  std::size_t message_size;  // kernel.msgmax
  std::size_t queue_bytes;   // kernel.msgmnb
  std::size_t queues;        // in this IPC namespace: kernel.msgmni
};

namespace detail {

inline error sysv_mq_error(step at) noexcept {
  switch (errno) {
    case EEXIST: return error(errc::busy, at, subject::name);
    case EIDRM: return error(errc::closed, at);
    case ENOSYS: return error(errc::unsupported, at);
    default: return last_error(at);
  }
}

}  // namespace detail

/// Errors: unsupported (a kernel without System V queues).
[[nodiscard]] inline result<sysv_mq_limits_info> sysv_mq_limits() noexcept {
  msginfo most = {};
  if (::msgctl(0, IPC_INFO, reinterpret_cast<msqid_ds*>(&most)) < 0) return detail::sysv_mq_error(step::read);
  return sysv_mq_limits_info{static_cast<std::size_t>(most.msgmax), static_cast<std::size_t>(most.msgmnb),
                             static_cast<std::size_t>(most.msgmni)};
}

namespace detail {

inline result<key_t> sysv_key(std::string_view path, std::uint8_t project) noexcept {
  char name[4096];
  if (path.empty() || path.size() >= sizeof name || path.find('\0') != path.npos)
    return error(errc::invalid, step::open, subject::name);
  if (project == 0) return error(errc::invalid, step::open, subject::project);
  name[path.copy(name, sizeof name - 1)] = '\0';
  const key_t key = ::ftok(name, project);
  return key == -1 ? result<key_t>(last_error(step::open)) : key;
}

/// Is this a queue to talk through, in messages of `size` bytes?
inline status sysv_mq_fits(int id, std::size_t size, const sysv_mq_options& o) noexcept {
  msqid_ds now = {};
  if (::msgctl(id, IPC_STAT, &now) != 0) return sysv_mq_error(step::open);
  for (const uid_t u : {now.msg_perm.uid, now.msg_perm.cuid})
    if (const status s = queue_trusted(u, static_cast<mode_t>(now.msg_perm.mode), o.owner); !s) return s;
  if (size > now.msg_qbytes) return error(errc::too_big, step::open, subject::sysv_msgmnb);
  if (o.capacity != 0 && now.msg_qbytes != o.capacity * size)
    return error(errc::mismatch, step::open, subject::capacity);
  return {};
}

inline result<int> sysv_mq_make(key_t key, std::size_t size, const sysv_mq_options& o) noexcept {
  const int id = ::msgget(key, IPC_CREAT | IPC_EXCL | static_cast<int>(o.mode));
  if (id < 0 && errno == ENOSPC) return error(errc::no_space, step::create, subject::sysv_msgmni);
  if (id < 0) return sysv_mq_error(step::create);
  if (o.capacity == 0) return id;
  msqid_ds now = {};
  if (::msgctl(id, IPC_STAT, &now) == 0) {
    now.msg_qbytes = o.capacity * size;
    if (::msgctl(id, IPC_SET, &now) == 0) return id;
  }
  const error why = sysv_mq_error(step::create);
  (void)::msgctl(id, IPC_RMID, nullptr);  // nobody can have taken it for right: its capacity is not
  return why;
}

/// Opens or makes the queue of this key for reading or writing (0400, 0200).
inline result<int> sysv_mq_open(key_t key, int access, std::size_t size, const sysv_mq_options& o) noexcept {
  if (key == IPC_PRIVATE) return error(errc::invalid, step::open, subject::name);  // it would be another one each time
  if (const status s = queue_mode_allowed(o.mode); !s) return s.err();
  const auto most = sysv_mq_limits();
  if (!most) return most.err().during(step::open);
  if (size > most->message_size) return error(errc::too_big, step::open, subject::sysv_msgmax);
  if (o.capacity > most->queue_bytes / size) return error(errc::no_space, step::open, subject::sysv_msgmnb);
  for (unsigned tries = 0; tries < 100; ++tries) {  // others may make it, and remove it, between two calls
    int id = -1;
    if (!o.exclusive) {
      id = ::msgget(key, access);
      if (id < 0 && (errno != ENOENT || !o.create)) return sysv_mq_error(step::open);
    }
    if (id < 0) {
      const auto made = sysv_mq_make(key, size, o);
      if (!made && made.err() == errc::busy && !o.exclusive) continue;
      if (!made) return made.err();
      id = *made;
    }
    const status s = sysv_mq_fits(id, size, o);
    if (s) return id;
    const bool removed = s.err() == errc::closed || s.err() == error(errc::os, step::open, EINVAL);
    if (!removed) return s.err();
  }
  return error(errc::busy, step::open);
}

}  // namespace detail

/// Removes the queue and what is in it; every end on it says `closed` from then on.
/// Errors: not_found, denied, invalid.
[[nodiscard]] inline status sysv_mq_remove(key_t key) noexcept {
  if (key == IPC_PRIVATE) return error(errc::invalid, step::remove, subject::name);
  const int id = ::msgget(key, 0);
  return id >= 0 && ::msgctl(id, IPC_RMID, nullptr) == 0 ? status() : detail::sysv_mq_error(step::remove);
}
[[nodiscard]] inline status sysv_mq_remove(std::string_view path, std::uint8_t project = 1) noexcept {
  const auto key = detail::sysv_key(path, project);
  return key ? sysv_mq_remove(*key) : key.err().during(step::remove);
}

}  // namespace sluice

#endif
