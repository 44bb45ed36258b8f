// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_ERROR_HPP
#define SLUICE_CORE_ERROR_HPP

#include <sluice/core/config.hpp>

#include <cstdint>

namespace sluice {

/// What went wrong. The first three mean "not now": a wait may turn them into success.
enum class errc : std::uint8_t {
  ok,
  empty,        // nothing to pop yet
  full,         // no room to push yet
  pending,      // somebody claimed a place before this one and has not finished; `who` says who
  timeout,      // the deadline passed; nothing was taken, nothing was sent
  stopped,      // the stop was requested; nothing was taken, nothing was sent
  closed,       // orderly end, after everything accepted before it
  lagged,       // `detail` messages were overwritten before this reader came to them
  too_big,      // the message can never fit
  truncated,    // fewer bytes than the header promises
  corrupt,      // bytes that no correct peer writes
  mismatch,     // a correct peer, but of another type, kind, version or size
  peer_died,    // the other side was killed; `who` is its slot
  busy,         // another living participant holds this role, or this end already has a slot or loan out
  forked,       // the end belongs to the parent of this process: reopen() joins anew
  invalid,      // the argument is wrong in itself
  denied,       // permissions or ownership forbid it
  not_found,    // no such name
  no_space,     // memory, file system or participant slots are exhausted
  unsupported,  // this system or file system cannot do it
  os,           // any other refusal of the system; `detail` is its error number
};

/// The step that failed.
enum class step : std::uint8_t {
  none, push, pop, claim, borrow, read, write, wait, create, open, validate, map, lock, join, leave, link, remove,
  finish
};

/// What a refusal was about, where the code alone does not say it. Stored in `error::detail`.
enum class subject : std::int32_t {
  none, name, directory, symlink, file_type, owner, permissions, file_system, proc_file_system, size, magic, byte_order,
  format_version, feature_flags, checksum, kind, type_layout, capacity, participants, persistence, cursor, stamp, role,
  member_alignment, options, world_writable, wipe_on_fork, rights, page_size, after_death, address, protocol,
  descriptors, frame, sequence, frame_checksum, delimiter, encoding, greeting, route, host_name, name_server, device,
  seals, signal_number, priority, message_type, project, mq_msg_max, mq_msgsize_max, mq_queues_max, mq_bytes,
  sysv_msgmax, sysv_msgmnb, sysv_msgmni, uri
};

/// Why an operation did not happen, in 8 bytes that may travel through shared memory.
///
/// `detail` is an error number where `code` is `os`, a count where it is `lagged`, the size of the message where it is
/// `too_big` to be read into the place that a pop was given (step `read`), the `subject` otherwise.
struct error {
  errc code = errc::ok;
  step op = step::none;
  std::uint16_t who = 0;  // slot number of the participant concerned, plus one; 0 is nobody
  std::int32_t detail = 0;

  constexpr error() noexcept = default;
  constexpr error(errc c) noexcept : code(c) {}  // NOLINT: an errc is an error
  constexpr error(errc c, step s) noexcept : code(c), op(s) {}
  constexpr error(errc c, step s, std::int32_t d) noexcept : code(c), op(s), detail(d) {}
  constexpr error(errc c, step s, subject about) noexcept : code(c), op(s), detail(static_cast<std::int32_t>(about)) {}

  /// True for the errors that waiting can cure.
  [[nodiscard]] constexpr bool again() const noexcept {
    return code == errc::empty || code == errc::full || code == errc::pending;
  }
  [[nodiscard]] constexpr subject about() const noexcept {
    const bool number = code == errc::os || code == errc::lagged || (code == errc::too_big && op == step::read);
    return number ? subject::none : static_cast<subject>(detail);
  }
  /// The same, met in the course of a larger step.
  [[nodiscard]] constexpr error during(step s) const noexcept {
    error e = *this;
    e.op = s;
    return e;
  }
  [[nodiscard]] constexpr error by(unsigned slot) const noexcept {
    error e = *this;
    e.who = static_cast<std::uint16_t>(slot + 1);
    return e;
  }
  /// True where there is an error.
  constexpr explicit operator bool() const noexcept { return code != errc::ok; }

  friend constexpr bool operator==(error, error) noexcept = default;
  friend constexpr bool operator==(error e, errc c) noexcept { return e.code == c; }
};
static_assert(sizeof(error) == 8);

}  // namespace sluice

#endif
