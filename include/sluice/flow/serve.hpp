// SPDX-License-Identifier: MIT
#ifndef SLUICE_FLOW_SERVE_HPP
#define SLUICE_FLOW_SERVE_HPP

#include <sluice/flow/pump.hpp>
#include <sluice/flow/tagged.hpp>

namespace sluice {

/// Answers requests with what `f(body)` returns, until their source ends, or patience does: {count, why}. A reply for
/// a client that has gone is dropped, and the others are served on. A reply for which there was no room in time is
/// `rest`.
///
/// For clients that might not read their replies, so that none holds up the others: `route(by_client, a |
/// drop_newest(), …)`. A duration counts for each wait, a time_point for the whole.
template <class Requests, class Replies, class F>
  requires(source<Requests> && sink<Replies, item_t<Replies>>)
pumped<item_t<Replies>> serve(Requests&& requests, Replies&& replies, F f, until u = {}) {
  detail::loop_patience patience(u);
  for (std::size_t count = 0;; ++count) {
    if (const error over = patience.over()) return {count, over};
    auto q = detail::try_then_wait(requests, want::pop, u, [&] { return requests.try_pop(); });
    if (!q) return {count, q.err()};
    item_t<Replies> reply{q->id, f(std::move(q->body))};
    const status s = detail::push_into(replies, std::move(reply), u);
    if (!s && !detail::is_end(s.err())) return {count, s.err(), std::move(reply)};
  }
}

}  // namespace sluice

#endif
