// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_CONVERSE_HPP
#define SLUICE_STREAM_CONVERSE_HPP

#include <sluice/stream/spawn.hpp>
#include <sluice/wait/exhausted.hpp>

namespace sluice {

/// Which stream of a child some bytes came from.
enum class child_stream : std::uint8_t { out, err };

namespace detail {

/// The streams of a child as one end, of which every step does what is possible on each.
template <class Take>
class conversation {
 public:
  conversation(child& c, std::span<const std::byte> input, Take& take) noexcept
      : child_(c), input_(input), take_(take) {}

  [[nodiscard]] bool over() const noexcept { return child_.out.handle() < 0 && child_.err.handle() < 0; }
  /// Success: something has moved or ended. `empty`: all there is to do is wait.
  status step_once() noexcept(noexcept(take_(child_stream::out, std::span<const std::byte>{}))) {
    error why(errc::empty, step::read);
    feed(why);
    hear(child_.out, child_stream::out, why);
    hear(child_.err, child_stream::err, why);
    return why ? status(why) : status();
  }
  void arm(want, wait_set& set) noexcept {
    if (child_.in.handle() >= 0) child_.in.arm(want::push, set);
    if (child_.out.handle() >= 0) child_.out.arm(want::pop, set);
    if (child_.err.handle() >= 0) child_.err.arm(want::pop, set);
  }
  void disarm(want) noexcept {}

 private:
  // A real error stays, progress beats having to wait.
  static void note(error& why, error e) noexcept {
    if (!e && why.again()) why = e;
    if (e && !e.again()) why = e;
  }
  void feed(error& why) noexcept {
    if (child_.in.handle() < 0) return;
    if (!input_.empty()) {
      const auto n = child_.in.try_write(input_);
      if (n) input_ = input_.subspan(*n);
      else if (n.err() == errc::closed) input_ = {};  // it wants no more: head(1) and the like; no error
      else return note(why, n.err());
    }
    if (input_.empty()) child_.in.close();
    note(why, {});
  }
  void hear(pipe_reader& from, child_stream which, error& why) {
    if (from.handle() < 0) return;
    std::byte some[16384];
    const auto n = from.try_read(some);
    if (n && !take_(which, std::span<const std::byte>(some, *n))) return note(why, error(errc::stopped, step::read));
    if (!n && n.err() == errc::closed) from.close();
    else if (!n) return note(why, n.err());
    note(why, {});
  }

  child& child_;
  std::span<const std::byte> input_;
  Take& take_;
};

}  // namespace detail

/// Gives a child its whole input and ends that, and meanwhile hands what it writes to `take(child_stream, bytes)`,
/// until both its streams have ended. Neither side waits for the other for ever, however full the pipes are. `take`
/// returns whether it wants more; if not, this is `stopped`. Then, out of patience, and after an error, the streams
/// stay as they are. The exit status is still to be taken: `c.process.pop()`.
///
/// Threads: the one that owns the child. Blocks. Allocates: never by itself.
template <class Take>
status converse(child& c, std::span<const std::byte> input, Take take, until u = {}) {
  detail::conversation<Take> talk(c, input, take);
  const until by = u.immediate() ? u : u.absolute();
  while (!talk.over()) {
    const status s = detail::try_then_wait(talk, want::pop, by, [&talk] { return talk.step_once(); });
    if (!s) return s;
    if (u.immediate() && !talk.over()) return error(errc::empty, step::read);  // one step: it could go on for ever
    if (const error e = detail::exhausted(by)) return e;
  }
  return {};
}

}  // namespace sluice

#endif
