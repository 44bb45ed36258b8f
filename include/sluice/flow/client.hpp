// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_CLIENT_HPP
#define SLUICE_FLOW_CLIENT_HPP

#include <sluice/flow/end_ref.hpp>
#include <sluice/flow/over_sink.hpp>
#include <sluice/flow/tagged.hpp>
#include <sluice/wait/exhausted.hpp>

namespace sluice {

/// Calls over any pair of ends: requests go into one, replies come out of the other, correlated by number.
///
/// Several clients of one server have numbers, and get their replies either each by its own source (`serve` into
/// `route(by_client, …)`) or all by one broadcast, from which each takes its own. A client that follows another one
/// with the same number does not mistake its replies: calls are numbered from the time on.
///
/// Threads: one at a time. Blocks: call. Allocates: never.
template <class Out, class In>
class client {
 public:
  using question = decltype(item_t<Out>::body);
  using answer = decltype(item_t<In>::body);

  template <class Requests, class Replies>
  client(Requests&& requests, Replies&& replies, std::uint16_t number = 0) noexcept
      : out_(std::forward<Requests>(requests)), in_(std::forward<Replies>(replies)),
        number_(std::uint64_t{number} << item_t<In>::client_shift),
        calls_(static_cast<std::uint64_t>(detail::monotonic_ns())) {}

  /// The reply to a request, with one patience for both ways. After `timeout` or `stopped` the server may have done
  /// it, or may yet; its late reply is dropped.
  ///
  /// Errors: those of both ends; the end or death of the server is told at once.
  result<answer> call(question q, until u = {}) {
    constexpr std::uint64_t own = (std::uint64_t{1} << item_t<In>::client_shift) - 1;
    const std::uint64_t id = number_ | (++calls_ & own);
    item_t<Out> request{id, std::move(q)};
    status sent = detail::push_into(out_, std::move(request), now);
    if (!detail::settled(sent) && !u.immediate()) {
      u = u.absolute();
      sent = detail::push_into(out_, std::move(request), u);
    }
    if (!sent) return sent.err();
    if constexpr (detail::can_flush<Out>) {  // all of it must be there before there can be an answer
      if (!u.immediate()) (void)detail::flush_end(out_, u = u.absolute());
    }
    for (bool waited = false;; waited = true) {
      auto reply = in_.try_pop();
      if (!detail::settled(reply) && !u.immediate()) {
        u = u.absolute();  // the clock is read where there is a wait, for all waits once
        reply = detail::wait_for(in_, want::pop, u, [this] { return in_.try_pop(); });
      }
      if (!reply) return reply.err();
      if (reply->id == id) return result<answer>(std::in_place, std::move(reply->body));
      if (waited && !u.immediate()) {  // replies of others may come so fast that nobody ever waits
        u = u.absolute();
        if (const error over = detail::exhausted(u)) return over;
      }
    }
  }
  /// Tells the server that there will be no more calls.
  void close() noexcept { out_.close(), in_.close(); }
  [[nodiscard]] Out& requests() noexcept { return out_; }
  [[nodiscard]] In& replies() noexcept { return in_; }

 private:
  Out out_;
  In in_;
  std::uint64_t number_;
  std::uint64_t calls_;
};
template <class Out, class In>
client(Out&&, In&&, std::uint16_t = 0) -> client<held_t<Out>, held_t<In>>;

}  // namespace sluice

#endif
