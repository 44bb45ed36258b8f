// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_PIPE_HPP
#define SLUICE_STREAM_PIPE_HPP

#include <sluice/platform/stream_io.hpp>
#include <sluice/wait/verbs.hpp>

namespace sluice {

/// The end of a pipe that bytes come out of.
///
/// Threads: one at a time. Blocks: read; never try_read. Allocates: never. Errors: empty, closed (every writer left),
/// os.
class pipe_reader : public read_verbs<pipe_reader> {
 public:
  static constexpr end_traits traits{.boundaries = false, .spans = reach::host};

  explicit pipe_reader(unique_handle fd) noexcept : fd_(std::move(fd)) {}

  result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    return fd_ ? detail::read_some(fd_.get(), to) : error(errc::closed, step::read);
  }
  void arm(want, wait_set& set) noexcept {
    if (fd_) set.on(fd_.get(), want::pop);
    else set.ready();
  }
  void disarm(want) noexcept {}
  void close() noexcept { fd_.reset(); }
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }

 private:
  unique_handle fd_;
};

/// The end of a pipe that bytes go into. Never raises SIGPIPE.
///
/// Threads: one at a time. Blocks: write; never try_write. Allocates: never. Errors: full, closed (every reader left),
/// os.
class pipe_writer : public write_verbs<pipe_writer> {
 public:
  static constexpr end_traits traits = pipe_reader::traits;

  explicit pipe_writer(unique_handle fd) noexcept : fd_(std::move(fd)) {}

  result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    return fd_ ? detail::write_some(fd_.get(), from) : error(errc::closed, step::write);
  }
  void arm(want, wait_set& set) noexcept {
    if (fd_) set.on(fd_.get(), want::push);
    else set.ready();
  }
  void disarm(want) noexcept {}
  void close() noexcept { fd_.reset(); }
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }

 private:
  unique_handle fd_;
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
