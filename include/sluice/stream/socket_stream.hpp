// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_SOCKET_STREAM_HPP
#define SLUICE_STREAM_SOCKET_STREAM_HPP

#include <sluice/platform/socket.hpp>
#include <sluice/wait/handle_end.hpp>
#include <sluice/wait/exhausted.hpp>
#include <sluice/wait/verbs.hpp>

// What all connected stream sockets share: TCP, Unix, one-to-one SCTP. A stream that two ends use, one to read and one
// to write, is split() into them.

namespace sluice::detail {

/// Says that nothing more will come, takes what has come already, and closes. With unread bytes the kernel would break
/// the connection off instead of ending it, and could take back what the other side has not read yet. All of that
/// concerns the connection and not the descriptor, so a forked child only lets its copy go.
inline void end_connection(unique_handle& fd, pid_t maker) noexcept {
  if (fd && maker == ::getpid()) {
    ::shutdown(fd.get(), SHUT_WR);
    std::byte unread[4096];
    for (int looks = 0; looks < 64 && receive_some(fd.get(), unread); ++looks) {
    }
  }
  fd.reset();
}

/// The half of a connection that bytes come out of.
template <class Derived>
class socket_reading : public read_verbs<Derived> {
 public:
  result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    const int fd = self().handle();
    if (fd < 0) return error(errc::closed, step::read);
    const auto n = receive_some(fd, to);
    if constexpr (Derived::traits.spans == reach::network)
      if (n.err() == errc::closed && !ended_in_order(fd)) return error(errc::os, step::read, ECONNRESET);
    return n;
  }

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

/// The half that bytes go into.
template <class Derived>
class socket_writing : public write_verbs<Derived> {
 public:
  result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    const int fd = self().handle();
    return fd >= 0 ? send_some(fd, from) : error(errc::closed, step::write);
  }

 private:
  Derived& self() noexcept { return static_cast<Derived&>(*this); }
};

}  // namespace sluice::detail

namespace sluice {

/// The reading half of a connection. Closing it leaves the writing half as it is.
///
/// Threads: one at a time, and another one for the writing half. Blocks: read; never try_read. Allocates: never.
/// Errors: empty, closed (the other side has ended its writing), os (broken off, with the error number).
template <const end_traits& Traits>
class socket_reader : public detail::handle_end, public detail::socket_reading<socket_reader<Traits>> {
 public:
  static constexpr end_traits traits = Traits;

  explicit socket_reader(unique_handle fd) noexcept : handle_end(std::move(fd)) {}
};

/// The writing half of a connection. Closing it is the half close that the other side reads as the end.
///
/// Threads: one at a time, and another one for the reading half. Blocks: write; never try_write. Allocates: never.
/// Errors: full, closed (the other side takes nothing more), os. Never raises SIGPIPE.
template <const end_traits& Traits>
class socket_writer : public detail::handle_end, public detail::socket_writing<socket_writer<Traits>> {
 public:
  static constexpr end_traits traits = Traits;

  explicit socket_writer(unique_handle fd) noexcept : handle_end(std::move(fd)) {}
  socket_writer(socket_writer&&) noexcept = default;
  socket_writer& operator=(socket_writer&& o) noexcept {
    if (this != &o) close(), fd_ = std::move(o.fd_);
    return *this;
  }
  ~socket_writer() { close(); }

  void close() noexcept {
    if (fd_ && maker_ == ::getpid()) ::shutdown(fd_.get(), SHUT_WR);  // not what a parent still writes to
    fd_.reset();
  }

 private:
  pid_t maker_ = ::getpid();
};

/// A connected stream socket, both ways.
///
/// Destroying it lets the descriptor go, so that a parent and a forked child can share one: the connection ends with
/// the last of them. close() and finish() end it for both.
///
/// Threads: one at a time; split() for two. Blocks: read, write, finish; never the try_ forms. Allocates: never.
/// Errors: as of its halves.
template <const end_traits& Traits>
class socket_stream : public detail::handle_end,
                      public detail::socket_reading<socket_stream<Traits>>,
                      public detail::socket_writing<socket_stream<Traits>> {
 public:
  static constexpr end_traits traits = Traits;
  struct halves {
    socket_reader<Traits> in;
    socket_writer<Traits> out;
  };

  explicit socket_stream(unique_handle fd) noexcept : handle_end(std::move(fd)) {}

  /// The two directions as ends of their own, each with a descriptor. On failure the stream stays as it is.
  [[nodiscard]] result<halves> split() && noexcept {
    unique_handle second(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    if (!second) return detail::socket_error(step::open);
    return halves{socket_reader<Traits>(std::move(second)), socket_writer<Traits>(std::move(fd_))};
  }
  /// Ends the writing and leaves the reading: the other side sees the end.
  void end_writing() noexcept {
    if (fd_) ::shutdown(fd_.get(), SHUT_WR);
  }
  /// The orderly end: ends the writing, waits until the other side has ended its own (what still comes is dropped), and
  /// closes. Success says that the other side had ended after whatever it had to say. Out of patience it stays open.
  status finish(until u = {}) noexcept {
    if (!fd_) return error(errc::closed, step::finish);
    end_writing();
    const until by = u.immediate() ? u : u.absolute();
    std::byte unread[4096];
    for (unsigned looks = 0;;) {
      const auto n = this->read(unread, by);
      if (n) {  // somebody may never stop talking
        if (by.immediate() && ++looks == 64) return error(errc::pending, step::finish);
        if (const error e = detail::exhausted(by)) return e.during(step::finish);
        continue;
      }
      if (n.err().again() || n.err() == errc::timeout || n.err() == errc::stopped) return n.err().during(step::finish);
      fd_.reset();
      return n.err() == errc::closed ? status() : n.err().during(step::finish);
    }
  }
  /// Ends the writing and closes, without waiting. Of a connection that comes from the parent only the copy is closed.
  void close() noexcept { detail::end_connection(fd_, maker_); }
  /// The descriptor, which is no longer ours; the connection stays as it is.
  [[nodiscard]] unique_handle release() noexcept { return std::move(fd_); }

 private:
  pid_t maker_ = ::getpid();
};

}  // namespace sluice

#endif
