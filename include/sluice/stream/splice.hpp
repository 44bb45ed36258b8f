// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_SPLICE_HPP
#define SLUICE_STREAM_SPLICE_HPP

#include <sluice/platform/stream_io.hpp>
#include <sluice/wait/exhausted.hpp>
#include <sluice/wait/wait_for.hpp>

// Bytes from one descriptor to another without a detour through this program. One of the two must be a pipe; the other
// may be a pipe, a socket, a file, a device.

namespace sluice {

namespace detail {

/// Moves what can be moved at once: `empty` or `full` say which side kept it from going on.
inline result<std::size_t> splice_some(int from, int to, std::size_t most) noexcept {
  if (from < 0) return error(errc::closed, step::read);
  if (to < 0) return error(errc::closed, step::write);
  if (most == 0) return error(errc::invalid, step::read, subject::size);
  // The flag speaks for pipes only; what is at the other end may block, and is asked first.
  if (readiness(from, POLLIN) == 0) return error(errc::empty, step::read);
  if (readiness(to, POLLOUT) == 0) return error(errc::full, step::write);
  const auto n = without_sigpipe([&] { return ::splice(from, nullptr, to, nullptr, most, SPLICE_F_NONBLOCK); });
  if (n > 0) return static_cast<std::size_t>(n);
  if (n == 0) return error(errc::closed, step::read);
  if (errno == EAGAIN)
    return readiness(from, POLLIN) == 0 ? error(errc::empty, step::read) : error(errc::full, step::write);
  if (errno == EINVAL) return error(errc::invalid, step::write);
  return last_error(errno == EPIPE ? step::write : step::read);
}

/// A pair of ends as one that can be waited on: for the side that kept the last attempt from going on.
template <class In, class Out>
struct spliced {
  In& in;
  Out& out;
  bool out_lacks = false;

  void arm(want, wait_set& set) noexcept { out_lacks ? out.arm(want::push, set) : in.arm(want::pop, set); }
  void disarm(want) noexcept { out_lacks ? out.disarm(want::push) : in.disarm(want::pop); }
};

}  // namespace detail

/// Moves at most `most` bytes from `in` to `out`, both ends with a handle(); how many, or why none. `empty` and `full`
/// say on which side it is; `closed` at step read is the end of `in`, at step write that of `out`. `invalid`: none is a
/// pipe.
template <class In, class Out>
result<std::size_t> try_splice(In& in, Out& out, std::size_t most = 1 << 20) noexcept {
  return detail::splice_some(in.handle(), out.handle(), most);
}

/// What a pass-through came to: so many bytes, and why it is over. `closed` at step read is the ordinary end.
struct passed {
  std::uint64_t count = 0;
  error why;
};

/// Moves everything from `in` to `out` until one of them ends or the patience does; it counts for the whole. Nothing
/// that was taken from `in` is lost: what has not reached `out` is still in `in`.
///
/// Threads: the one that owns both ends. Blocks. Allocates: never.
template <waitable In, waitable Out>
passed splice_through(In& in, Out& out, until u = {}) noexcept {
  passed so_far;
  const until by = u.immediate() ? u : u.absolute();
  detail::spliced<In, Out> both{in, out};
  for (;;) {
    auto n = try_splice(in, out);
    if (!n && n.err().again() && !u.immediate()) {
      both.out_lacks = n.err() == errc::full;
      n = detail::wait_for(both, want::pop, by, [&]() -> result<std::size_t> {
        const auto some = try_splice(in, out);
        // It lacks on the other side now, for which this wait is not armed.
        if (!some && some.err().again() && (some.err() == errc::full) != both.out_lacks) return std::size_t{0};
        return some;
      });
    }
    if (!n) {
      so_far.why = n.err();
      return so_far;
    }
    so_far.count += *n;
    so_far.why = detail::exhausted(by);
    if (so_far.why) return so_far;
  }
}

}  // namespace sluice

#endif
