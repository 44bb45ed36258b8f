// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_CONCEPTS_HPP
#define SLUICE_CORE_CONCEPTS_HPP

#include <sluice/core/end_traits.hpp>
#include <sluice/core/layout.hpp>
#include <sluice/core/result.hpp>

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

// The vocabulary of the library. A transport implements try_*, arm/disarm and close; blocking, deadlines, cancellation
// and iteration are then written once, in wait/verbs.hpp, over these concepts.
//
// The laws, which the syntax cannot say:
//   (a) a failed operation had no effect: the argument of a failed push is untouched;
//   (b) try_pop is the only point where a message leaves, so readiness never hands one to somebody who has gone;
//   (c) after arm(), every change that could let the matching try_* succeed wakes the sleeper;
//   (d) `closed` and `peer_died` come after everything accepted before them;
//   (e) success of a push means accepted, not delivered;
//   (f) a moved-from end is inert;
//   (g) a byte operation moves at least one byte; end of stream is `closed`, never 0.

namespace sluice {

class wait_set;

/// Which verb a sleeper waits for.
enum class want : std::uint8_t { pop, push };

/// May cross an address space: the same bytes mean the same in another process. Fundamental types, enumerations, and
/// aggregates of such, with arrays and nesting; a pointer anywhere inside disqualifies. A trivially copyable type that
/// is no plain aggregate joins by specialising `described_layout` (core/layout.hpp).
template <class T>
concept wire = std::is_trivially_copyable_v<T> && std::is_object_v<T> && has_layout<T>;

/// What every verb returns: true, or a reason. False means that nothing happened.
template <class R>
concept outcome = std::movable<R> && std::constructible_from<R, error> && requires(const R& r) {
  static_cast<bool>(r);
  { r.err() } noexcept -> std::same_as<error>;
};

/// Can be slept on. arm() may add any number of words, descriptors or times to the set; the caller tries again between
/// arm() and sleeping, and calls disarm() once for each arm(). Spurious wakes are allowed, missed ones are not (c).
template <class W>
concept waitable = requires(std::remove_reference_t<W>& w, want k, wait_set& s) {
  { w.arm(k, s) } noexcept -> std::same_as<void>;
  { w.disarm(k) } noexcept -> std::same_as<void>;
};

/// The message type of an end.
template <class E>
using item_t = typename std::remove_cvref_t<E>::value_type;

/// The end that messages come out of. try_pop() never blocks: `empty`, `pending`, or an end of the stream. One thread
/// at a time; destroying the end closes it.
template <class S>
concept source = waitable<S> && requires(std::remove_reference_t<S>& s) {
  { s.try_pop() } -> std::same_as<result<item_t<S>>>;
  { s.close() } noexcept -> std::same_as<void>;
};

/// The end that messages go into. try_push() never blocks: `full`, `pending`, or an end. close() is idempotent, may be
/// called with messages in flight, and frees blocked peers.
template <class S, class T = item_t<S>>
concept sink = waitable<S> && requires(std::remove_reference_t<S>& s, T&& v) {
  { s.try_push(std::forward<T>(v)) } -> std::same_as<status>;
  { s.close() } noexcept -> std::same_as<void>;
};

/// A message read in place: consumed when the loan is released or destroyed, left for the next borrow by keep().
template <class L, class T>
concept loan_of = outcome<L> && requires(L& l) {
  { *l } -> std::same_as<const T&>;
  { l.release() } noexcept;
  { l.keep() } noexcept;
};

/// A message built in place: invisible until commit(), given back when destroyed without.
template <class L, class T>
concept slot_of = outcome<L> && requires(L& l) {
  { *l } -> std::same_as<T&>;
  { l.commit() } noexcept;
};

/// A source that lends its messages without a copy; at most one loan at a time.
template <class S>
concept lending_source = source<S> && requires(std::remove_reference_t<S>& s) {
  { s.try_borrow() } -> loan_of<item_t<S>>;
};

/// A sink that lends its places without a copy; at most one slot at a time.
template <class S>
concept lending_sink = sink<S> && requires(std::remove_reference_t<S>& s) {
  { s.try_claim() } -> slot_of<item_t<S>>;
};

/// A stream that bytes come out of; law (g).
template <class S>
concept readable = waitable<S> && requires(std::remove_reference_t<S>& s, std::span<std::byte> b) {
  { s.try_read(b) } -> std::same_as<result<std::size_t>>;
  { s.close() } noexcept -> std::same_as<void>;
};

/// A stream that bytes go into; law (g). A short count is normal.
template <class S>
concept writable = waitable<S> && requires(std::remove_reference_t<S>& s, std::span<const std::byte> b) {
  { s.try_write(b) } -> std::same_as<result<std::size_t>>;
  { s.close() } noexcept -> std::same_as<void>;
};

/// Memory that rings are laid out in: zero-filled when fresh, aligned to `apart_bytes`, at one address until the region
/// object is destroyed. `shared` says that another address space may map it, and so how to sleep on words in it.
template <class R>
concept region = std::movable<R> && requires(const R& r) {
  { r.data() } noexcept -> std::same_as<std::byte*>;
  { r.size() } noexcept -> std::same_as<std::size_t>;
  { R::shared } -> std::convertible_to<bool>;
};

/// A message found at the front of a byte stream: header bytes, payload bytes, and both with any trailer.
struct frame {
  std::size_t skip = 0;
  std::size_t size = 0;
  std::size_t total = 0;
};

/// A framing that writes nothing but a header: head() writes the one of an n-byte payload and returns its length.
template <class F>
concept heading_framing = requires(const F& f, std::span<std::byte> out, std::size_t n) {
  { f.head(n, out) } noexcept -> std::same_as<result<std::size_t>>;
};

/// A framing with a trailer, or one that changes the payload, or counts. The payload of n bytes stands at
/// room[F::lead]; seal() makes a frame of it in place and returns that. open() takes a frame that next() has found
/// and returns its payload, in place. Each is called once for each frame, in order, and changes no state if it fails.
template <class F>
concept sealing_framing = requires(F& f, std::span<std::byte> room, std::size_t n, const frame& found) {
  { f.seal(room, n) } noexcept -> std::same_as<result<std::span<std::byte>>>;
  { f.open(room, found) } noexcept -> std::same_as<result<std::span<std::byte>>>;
  { F::lead } -> std::convertible_to<std::size_t>;
};

/// Where a message starts and ends in a byte stream. next() is pure: on a prefix of a valid frame it says `empty`, on
/// a bad header `corrupt` or `too_big`. It may take a second argument, how many bytes it had before when it said
/// `empty`.
template <class F>
concept framing = (heading_framing<F> || sealing_framing<F>) && requires(const F& f, std::span<const std::byte> in) {
  { f.next(in) } noexcept -> std::same_as<result<frame>>;
};

/// A framing that states the largest payload, and how many bytes a frame may have besides.
template <class F>
concept bounded_framing = framing<F> && requires {
  { F::max_size } -> std::convertible_to<std::size_t>;
  { F::overhead } -> std::convertible_to<std::size_t>;
};

/// T as bytes and back. Pure: decode(encode(v)) is v; decode validates whatever it reads. A codec may state the most
/// bytes that it writes, as `max_size`.
template <class C, class T>
concept codec = requires(const C& c, const T& v, std::span<const std::byte> in, std::span<std::byte> out) {
  { c.encode(v, out) } -> std::same_as<result<std::size_t>>;
  { c.decode(in) } -> std::same_as<result<T>>;
};

}  // namespace sluice

#endif
