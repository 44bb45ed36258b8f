// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_FIFO_HPP
#define SLUICE_STREAM_FIFO_HPP

#include <sluice/memory/region_place.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>
#include <sluice/stream/whole_messages.hpp>

// Named pipes. Opening never blocks: a reader that comes first reads `empty`, never a false end, and a writer that
// comes first finds `full` until somebody reads, so that all waiting is in the verbs, with deadline and stop.
//
// What the kernel says, and what is made of it:
//   read gives 0, no writer was here yet     `empty`; poll sleeps
//   read gives 0, the last writer has gone   the session has ended: `closed`, until reopen(). poll would say "hung up"
//                                            for ever, so nobody sleeps on such a descriptor: a fresh one is opened
//   open gives ENXIO, nobody reads           `full`; nothing wakes a writer then, so it looks every 5 ms
//   write gives EPIPE, the last reader left  `closed`, until reopen()

namespace sluice {

/// When a FIFO ends. Both sides should say the same.
enum class fifo_policy : std::uint8_t {
  session,     // `closed` when the last one of the other side leaves; reopen() waits for the next. Writers that
               // overlap, or follow before the reader has noticed the end, are one session
  persistent,  // never: the end holds the FIFO open both ways. What nobody has read stays while any such end is open
  one_shot,    // as a session, but the only one: its reader takes the name away with the end, or when it closes
};

struct fifo_options {
  bool create = true;                    // make it where there is none
  mode_t mode = 0600;                    // of one that is made; never writable by all
  uid_t owner = static_cast<uid_t>(-1);  // whose FIFO is accepted; unset: this user's
};

namespace detail {

/// The name of a FIFO in a directory that is held open.
class fifo_place {
 public:
  [[nodiscard]] static result<fifo_place> at(std::string_view path, const fifo_options& o) noexcept {
    if ((o.mode & 0600) != 0600 || (o.mode & 0002) != 0) return error(errc::invalid, step::open, subject::permissions);
    auto place = region_place::file(path, {});
    if (!place) return place.err();
    if (o.create && ::mkfifoat(place->directory(), place->leaf(), o.mode) != 0 && errno != EEXIST)
      return last_error(step::create);
    fifo_place p(*std::move(place), o.owner);
    const auto seen = p.open(O_PATH);  // opens no device, and follows no link
    return seen ? result<fifo_place>(std::move(p)) : seen.err();
  }
  [[nodiscard]] result<unique_handle> open(int how) const noexcept {
    unique_handle fd = open_at(place_.directory(), place_.leaf(), how | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
    if (!fd) return last_error(step::open);
    struct stat st = {};
    if (::fstat(fd.get(), &st) != 0) return last_error(step::open);
    if (S_ISLNK(st.st_mode)) return error(errc::denied, step::open, subject::symlink);
    if (!S_ISFIFO(st.st_mode)) return error(errc::mismatch, step::open, subject::file_type);
    if (st.st_uid != (owner_ == static_cast<uid_t>(-1) ? ::geteuid() : owner_))
      return error(errc::denied, step::open, subject::owner);
    if ((st.st_mode & 0002) != 0) return error(errc::denied, step::open, subject::world_writable);
    return fd;
  }
  /// Takes the name away, if it is still that of this FIFO.
  void remove(int fd) const noexcept {
    if (place_.still_names(fd)) (void)place_.remove();
  }

 private:
  fifo_place(region_place p, uid_t owner) noexcept : place_(std::move(p)), owner_(owner) {}

  region_place place_;
  uid_t owner_;
};

template <fifo_policy P>
inline constexpr end_traits fifo_traits{.boundaries = false,
                                        .carries_close = P != fifo_policy::persistent,
                                        .sees_reader_go = P != fifo_policy::persistent,
                                        .spans = reach::host};

}  // namespace detail

/// The end of a FIFO that bytes come out of.
///
/// Threads: one at a time. Blocks: read; never open or try_read. Allocates: never.
/// Errors: empty, closed, os; at opening also not_found, denied (owner, mode, link), mismatch (no FIFO), invalid.
template <fifo_policy P = fifo_policy::session>
class fifo_reader : public read_verbs<fifo_reader<P>> {
 public:
  static constexpr end_traits traits = detail::fifo_traits<P>;

  [[nodiscard]] static result<fifo_reader> open(std::string_view path, const fifo_options& o = {}) noexcept {
    auto place = detail::fifo_place::at(path, o);
    if (!place) return place.err();
    auto fd = place->open(how);
    return fd ? result<fifo_reader>(fifo_reader(*std::move(place), *std::move(fd))) : fd.err();
  }
  fifo_reader(fifo_reader&&) noexcept = default;
  fifo_reader& operator=(fifo_reader&& o) noexcept {
    if (this != &o) {
      close();
      place_ = std::move(o.place_);
      fd_ = std::move(o.fd_);
      heard_ = o.heard_, ended_ = o.ended_;
    }
    return *this;
  }
  ~fifo_reader() { close(); }

  result<std::size_t> try_read(std::span<std::byte> to) noexcept {
    if (!fd_ || ended_) return error(errc::closed, step::read);
    auto n = detail::read_some(fd_.get(), to);
    if constexpr (P != fifo_policy::persistent) {
      if (!n && n.err() == errc::closed && !heard_) {
        // Nobody writes. Somebody has, if poll says so, and may have left bytes since that read.
        if ((detail::readiness(fd_.get(), POLLIN) & POLLHUP) == 0) return error(errc::empty, step::read);
        n = detail::read_some(fd_.get(), to);
      }
      if (n) heard_ = true;
      if (!n && n.err() == errc::closed) {
        ended_ = true;
        if (P == fifo_policy::one_shot) close();
      }
    }
    return n;
  }
  /// After the end of a session: the next one may begin, or has begun already. Without effect while one goes on.
  status reopen() noexcept
    requires(P == fifo_policy::session)
  {
    if (!fd_) return error(errc::closed, step::open);
    if (!ended_) return {};
    auto next = place_.open(how);  // before the other goes: writers find a reader at all times
    if (!next) return next.err();
    fd_ = *std::move(next);
    heard_ = ended_ = false;
    return {};
  }
  void arm(want, wait_set& set) noexcept {
    if (fd_ && !ended_) set.on(fd_.get(), want::pop);
    else set.ready();
  }
  void disarm(want) noexcept {}
  void close() noexcept {
    if (P == fifo_policy::one_shot && fd_) place_.remove(fd_.get());
    fd_.reset();
  }
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }

 private:
  // With O_RDWR it is a writer too, so there is no end.
  static constexpr int how = P == fifo_policy::persistent ? O_RDWR : O_RDONLY;

  fifo_reader(detail::fifo_place place, unique_handle fd) noexcept : place_(std::move(place)), fd_(std::move(fd)) {}

  detail::fifo_place place_;
  unique_handle fd_;
  bool heard_ = false;  // a byte of this session has come
  bool ended_ = false;
};

/// The end of a FIFO that bytes go into. Never raises SIGPIPE.
///
/// Threads: one at a time. Blocks: write, connect; never open or try_write. Allocates: never.
/// Errors: full (also while nobody reads), closed, os; at opening as of the reader.
template <fifo_policy P = fifo_policy::session>
class fifo_writer : public write_verbs<fifo_writer<P>> {
 public:
  static constexpr end_traits traits = detail::fifo_traits<P>;

  /// Finds or makes the FIFO; whether somebody reads is found out when writing, or by connect().
  [[nodiscard]] static result<fifo_writer> open(std::string_view path, const fifo_options& o = {}) noexcept {
    auto place = detail::fifo_place::at(path, o);
    if (!place) return place.err();
    return fifo_writer(*std::move(place));
  }
  fifo_writer(fifo_writer&& o) noexcept
      : place_(std::move(o.place_)), fd_(std::move(o.fd_)), ended_(std::exchange(o.ended_, true)) {}
  fifo_writer& operator=(fifo_writer&& o) noexcept {
    place_ = std::move(o.place_);
    fd_ = std::move(o.fd_);
    ended_ = std::exchange(o.ended_, true);
    return *this;
  }

  result<std::size_t> try_write(std::span<const std::byte> from) noexcept {
    if (from.empty()) return error(errc::invalid, step::write, subject::size);
    if (const status s = try_connect(); !s) return s.err().during(step::write);
    const auto n = detail::write_some(fd_.get(), from);
    if (!n && n.err() == errc::closed) close();
    return n;
  }
  /// Waits until somebody reads, and so does write().
  status connect(until u = {}) noexcept {
    return detail::try_then_wait(*this, want::push, u, [this] { return try_connect(); });
  }
  /// After the reader has left: for the next one. Without effect while there is one.
  void reopen() noexcept
    requires(P == fifo_policy::session)
  {
    ended_ = false;
  }
  void arm(want, wait_set& set) noexcept {
    if (fd_) set.on(fd_.get(), want::push);
    else if (ended_) set.ready();
    else set.within(5'000'000);
  }
  void disarm(want) noexcept {}
  void close() noexcept {
    fd_.reset();
    ended_ = true;
  }
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }

 private:
  explicit fifo_writer(detail::fifo_place place) noexcept : place_(std::move(place)) {}

  status try_connect() noexcept {
    if (fd_) return {};
    if (ended_) return error(errc::closed, step::open);
    auto fd = place_.open(P == fifo_policy::persistent ? O_RDWR : O_WRONLY);
    if (!fd) return fd.err() == error(errc::os, step::open, ENXIO) ? error(errc::full, step::open) : fd.err();
    fd_ = *std::move(fd);
    return {};
  }

  detail::fifo_place place_;
  unique_handle fd_;
  bool ended_ = false;
};

/// Messages of type T out of a FIFO. `.stream().reopen()` after `closed`; after `truncated`, left by a writer that is
/// no sluice sink, take the stream on: `source_of<T>(std::move(s.stream()))`.
template <wire T, fifo_policy P = fifo_policy::session>
[[nodiscard]] result<message_source<T, fifo_reader<P>>> fifo_source(std::string_view path,
                                                                   const fifo_options& o = {}) noexcept {
  auto r = fifo_reader<P>::open(path, o);
  if (!r) return r.err();
  return message_source<T, fifo_reader<P>>(*std::move(r));
}
/// Messages of type T into a FIFO, of any number of writers, each whole: T has at most PIPE_BUF bytes.
template <wire T, fifo_policy P = fifo_policy::session>
[[nodiscard]] result<whole_sink<T, fifo_writer<P>>> fifo_sink(std::string_view path,
                                                             const fifo_options& o = {}) noexcept {
  auto w = fifo_writer<P>::open(path, o);
  if (!w) return w.err();
  return whole_sink<T, fifo_writer<P>>(*std::move(w));
}
template <wire T, fifo_policy P>
[[nodiscard]] whole_sink<T, fifo_writer<P>> sink_of(fifo_writer<P> w) noexcept {
  return whole_sink<T, fifo_writer<P>>(std::move(w));
}

/// Takes the name of a FIFO away, and of nothing else; open ends live on.
[[nodiscard]] inline status fifo_remove(std::string_view path) noexcept {
  const auto place = region_place::file(path, {});
  if (!place) return place.err().during(step::remove);
  struct stat st = {};
  if (::fstatat(place->directory(), place->leaf(), &st, AT_SYMLINK_NOFOLLOW) != 0)
    return detail::last_error(step::remove);
  if (!S_ISFIFO(st.st_mode)) return error(errc::mismatch, step::remove, subject::file_type);
  return place->remove();
}

}  // namespace sluice

#endif
