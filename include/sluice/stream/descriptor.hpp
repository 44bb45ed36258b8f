// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_DESCRIPTOR_HPP
#define SLUICE_STREAM_DESCRIPTOR_HPP

#include <sluice/platform/stream_io.hpp>
#include <sluice/wait/handle_end.hpp>
#include <sluice/wait/verbs.hpp>

// Ends over a descriptor that somebody else has opened: standard input and output, what was inherited, what was
// received. Its description may be shared with the shell and with other programs, so O_NONBLOCK stays as it is: it
// would change for all of them. Each read and write is kept from waiting by itself:
//   - by RWF_NOWAIT, where the kernel takes it (pipes, sockets);
//   - elsewhere (terminals, devices, FIFOs and older kernels) by asking first whether there is something. If another
//     process that shares the description takes it in between, a read waits for more, and a write for room: then
//     neither a deadline nor a stop ends it. Have one reader, and one writer, of such a description;
//   - files are read and written as they are: they make nobody wait for a peer. At the end of a file a read says
//     `closed`.

namespace sluice {

namespace detail {

/// What both directions share.
class foreign_handle : public handle_end {
 public:
  explicit foreign_handle(unique_handle fd) noexcept : handle_end(std::move(fd)) {
    struct stat st = {};
    if (!fd_ || ::fstat(fd_.get(), &st) != 0) return;
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode)) how_ = kept_prompt::by_nature;
  }

 protected:
  kept_prompt how_ = kept_prompt::by_flag;
};

inline constexpr end_traits foreign_traits{.boundaries = false, .spans = reach::host};

/// A second descriptor of the same description; closing it closes nothing else.
inline result<unique_handle> second_handle(int fd) noexcept {
  unique_handle second(::fcntl(fd, F_DUPFD_CLOEXEC, 3));  // not where a child, or a library, looks for standard streams
  if (second) return second;
  if (errno == EINVAL) errno = EMFILE;  // the limit leaves no number from 3 on
  return last_error(step::open);
}

}  // namespace detail

/// Bytes out of a descriptor of unknown make.
///
/// Threads: one at a time. Blocks: read; try_read only as said above. Allocates: never. Errors: empty, closed, os.
class descriptor_reader : public detail::foreign_handle, public read_verbs<descriptor_reader> {
 public:
  static constexpr end_traits traits = detail::foreign_traits;
  using detail::foreign_handle::foreign_handle;

  /// Reads through a second descriptor; the caller keeps its own.
  [[nodiscard]] static result<descriptor_reader> of(int fd) noexcept {
    auto second = detail::second_handle(fd);
    return second ? result<descriptor_reader>(descriptor_reader(*std::move(second))) : second.err();
  }
  result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    return fd_ ? detail::read_promptly(fd_.get(), to, how_) : error(errc::closed, step::read);
  }
};

/// Bytes into a descriptor of unknown make. Never raises SIGPIPE.
///
/// Threads: one at a time. Blocks: write; try_write only as said above. Allocates: never. Errors: full, closed, os.
class descriptor_writer : public detail::foreign_handle, public write_verbs<descriptor_writer> {
 public:
  static constexpr end_traits traits = detail::foreign_traits;
  using detail::foreign_handle::foreign_handle;

  /// Writes through a second descriptor; the caller keeps its own, so the other side sees the end once that is closed
  /// too.
  [[nodiscard]] static result<descriptor_writer> of(int fd) noexcept {
    auto second = detail::second_handle(fd);
    return second ? result<descriptor_writer>(descriptor_writer(*std::move(second))) : second.err();
  }
  result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    return fd_ ? detail::write_promptly(fd_.get(), from, how_) : error(errc::closed, step::write);
  }
};

[[nodiscard]] inline result<descriptor_reader> standard_input() noexcept { return descriptor_reader::of(STDIN_FILENO); }
[[nodiscard]] inline result<descriptor_writer> standard_output() noexcept {
  return descriptor_writer::of(STDOUT_FILENO);
}
[[nodiscard]] inline result<descriptor_writer> standard_error() noexcept {
  return descriptor_writer::of(STDERR_FILENO);
}

}  // namespace sluice

#endif
