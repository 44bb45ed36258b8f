// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_PIPE_HPP
#define SLUICE_STREAM_PIPE_HPP

#include <sluice/platform/stream_io.hpp>
#include <sluice/wait/handle_end.hpp>
#include <sluice/wait/verbs.hpp>

namespace sluice {

namespace detail {

/// What both ends of a pipe share.
class pipe_end : public handle_end {
 public:
  /// How many bytes the pipe holds: usually 64 KiB, two pages or one where this user has very many pipes.
  [[nodiscard]] result<std::size_t> capacity() const noexcept {
    if (!fd_) return error(errc::closed, step::validate);
    const int n = ::fcntl(fd_.get(), F_GETPIPE_SZ);
    return n >= 0 ? result<std::size_t>(static_cast<std::size_t>(n)) : last_error(step::validate);
  }
  /// Makes it larger or smaller, and says what it became: whole pages, a power of two of them, at least what was asked
  /// for. `denied` above the limit of users without privileges (fs.pipe-max-size); `busy` while more bytes are in it.
  result<std::size_t> set_capacity(std::size_t bytes) noexcept {
    if (!fd_) return error(errc::closed, step::create);
    if (bytes > INT_MAX) return error(errc::too_big, step::create, subject::size);
    const int n = retry_interrupted([&] { return ::fcntl(fd_.get(), F_SETPIPE_SZ, static_cast<int>(bytes)); });
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EPERM) return error(errc::denied, step::create, subject::capacity);
    if (errno == EBUSY) return error(errc::busy, step::create, subject::capacity);
    return last_error(step::create);
  }

 protected:
  using handle_end::handle_end;
};

}  // namespace detail

/// The end of a pipe that bytes come out of.
///
/// Threads: one at a time. Blocks: read; never try_read. Allocates: never. Errors: empty, closed (every writer left),
/// os.
class pipe_reader : public detail::pipe_end, public read_verbs<pipe_reader> {
 public:
  static constexpr end_traits traits{.boundaries = false, .spans = reach::host};

  explicit pipe_reader(unique_handle fd) noexcept : pipe_end(std::move(fd)) {}

  result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    return fd_ ? detail::read_some(fd_.get(), to) : error(errc::closed, step::read);
  }
};

/// The end of a pipe that bytes go into. Never raises SIGPIPE.
///
/// Threads: one at a time. Blocks: write; never try_write. Allocates: never. Errors: full, closed (every reader left),
/// os.
class pipe_writer : public detail::pipe_end, public write_verbs<pipe_writer> {
 public:
  static constexpr end_traits traits = pipe_reader::traits;

  explicit pipe_writer(unique_handle fd) noexcept : pipe_end(std::move(fd)) {}

  result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    return fd_ ? detail::write_some(fd_.get(), from) : error(errc::closed, step::write);
  }
};

/// Both ends of a pipe.
struct pipe_ends {
  pipe_reader in;
  pipe_writer out;
};

/// An anonymous pipe. Both descriptors are closed on exec and do not block; their description is ours alone.
[[nodiscard]] inline result<pipe_ends> pipe() noexcept {
  int fd[2];
  if (::pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0) return detail::last_error(step::create);
  return pipe_ends{pipe_reader(unique_handle(fd[0])), pipe_writer(unique_handle(fd[1]))};
}

}  // namespace sluice

#endif
