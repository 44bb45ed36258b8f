// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_PACKET_PIPE_HPP
#define SLUICE_STREAM_PACKET_PIPE_HPP

#include <sluice/stream/pipe.hpp>
#include <sluice/stream/whole_messages.hpp>

// A pipe that keeps boundaries (O_DIRECT): one write is one read, of 1 to PIPE_BUF bytes.

namespace sluice {

namespace detail {

inline constexpr end_traits packet_traits{.spans = reach::host, .max_size = PIPE_BUF};

}  // namespace detail

/// The end of a packet pipe that messages come out of, one for each read.
///
/// A message larger than the place that a read was given is `too_big`, with its size as the detail, and stays for a
/// read with more room, or for skip(). The kernel alone would throw the rest of it away.
///
/// Threads: one at a time. Blocks: read; never try_read. Allocates: never; has room for one message.
/// Errors: empty, too_big, closed (every writer left), os.
class packet_reader : public read_verbs<packet_reader> {
 public:
  static constexpr end_traits traits = detail::packet_traits;

  explicit packet_reader(unique_handle fd) noexcept : pipe_(std::move(fd)) {}
  packet_reader(packet_reader&& o) noexcept : pipe_(std::move(o.pipe_)) { take_message(o); }
  packet_reader& operator=(packet_reader&& o) noexcept {
    if (this != &o) {
      pipe_ = std::move(o.pipe_);
      take_message(o);
    }
    return *this;
  }

  result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    if (to.empty()) return error(errc::invalid, step::read, subject::size);
    if (size_ == 0) {
      const auto n = pipe_.try_read(message_);
      if (!n) return n;
      size_ = *n;
    }
    if (to.size() < size_) return error(errc::too_big, step::read, static_cast<std::int32_t>(size_));
    __builtin_memcpy(to.data(), message_, size_);
    return std::exchange(size_, 0);
  }
  /// Drops the message that was `too_big`.
  void skip() noexcept { size_ = 0; }
  void arm(want k, wait_set& set) noexcept {
    if (size_ != 0) set.ready();
    else pipe_.arm(k, set);
  }
  void disarm(want) noexcept {}
  void close() noexcept {
    size_ = 0;
    pipe_.close();
  }
  [[nodiscard]] int handle() const noexcept { return pipe_.handle(); }

 private:
  void take_message(packet_reader& o) noexcept {
    size_ = std::exchange(o.size_, 0);
    __builtin_memcpy(message_, o.message_, size_);
  }

  pipe_reader pipe_;
  std::size_t size_ = 0;  // of the message that waits here for a place that is large enough
  std::byte message_[PIPE_BUF];
};

/// The end of a packet pipe that messages go into, one for each write, whole or not at all.
///
/// Threads: one at a time; other writers of the same pipe do not disturb. Blocks: write; never try_write. Allocates:
/// never.
/// Errors: full, too_big (more than PIPE_BUF bytes), invalid (none), closed (every reader left), os.
class packet_writer : public write_verbs<packet_writer> {
 public:
  static constexpr end_traits traits = detail::packet_traits;

  explicit packet_writer(unique_handle fd) noexcept : pipe_(std::move(fd)) {}

  result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    // The kernel would make several messages of it.
    if (from.size() > PIPE_BUF) return error(errc::too_big, step::write);
    return pipe_.try_write(from);
  }
  void arm(want k, wait_set& set) noexcept { pipe_.arm(k, set); }
  void disarm(want) noexcept {}
  void close() noexcept { pipe_.close(); }
  [[nodiscard]] int handle() const noexcept { return pipe_.handle(); }

 private:
  pipe_writer pipe_;
};

/// Messages of type T out of a packet pipe. One of another size is `mismatch`, once, and dropped.
///
/// Threads: one at a time. Blocks: pop; never try_pop. Allocates: never.
template <wire T>
class packet_source : public source_verbs<packet_source<T>> {
  static_assert(sizeof(T) <= PIPE_BUF, "a packet has at most PIPE_BUF bytes");

 public:
  using value_type = T;
  static constexpr end_traits traits = detail::whole_message_traits<T, packet_reader>();

  explicit packet_source(packet_reader r) noexcept : reader_(std::move(r)) {}

  result<T> try_pop() noexcept {
    return detail::pop_whole<T>([this](auto place) { return reader_.try_read(place); }, [this] { reader_.skip(); });
  }
  void arm(want k, wait_set& set) noexcept { reader_.arm(k, set); }
  void disarm(want k) noexcept { reader_.disarm(k); }
  void close() noexcept { reader_.close(); }
  [[nodiscard]] packet_reader& stream() noexcept { return reader_; }

 private:
  packet_reader reader_;
};

struct packet_pipe_ends {
  packet_reader in;
  packet_writer out;
};

/// A pipe that keeps boundaries. `unsupported` before Linux 3.4.
[[nodiscard]] inline result<packet_pipe_ends> packet_pipe() noexcept {
  int fd[2];
  if (::pipe2(fd, O_CLOEXEC | O_NONBLOCK | O_DIRECT) != 0) {
    return errno == EINVAL ? error(errc::unsupported, step::create) : detail::last_error(step::create);
  }
  return packet_pipe_ends{packet_reader(unique_handle(fd[0])), packet_writer(unique_handle(fd[1]))};
}

template <wire T>
[[nodiscard]] packet_source<T> source_of(packet_reader r) noexcept {
  return packet_source<T>(std::move(r));
}
template <wire T>
[[nodiscard]] whole_sink<T, packet_writer> sink_of(packet_writer w) noexcept {
  return whole_sink<T, packet_writer>(std::move(w));
}

}  // namespace sluice

#endif
