// SPDX-License-Identifier: MIT
#include <sluice/bridge/conqueue.hpp>
#include <sluice/channel/broadcast.hpp>
#include <sluice/channel/channel.hpp>
#include <sluice/channel/crowds.hpp>

#include "catch.hpp"

#include <memory>
#include <thread>

using sluice::conqueue;
using sluice::conqueue_status;

namespace {

// As the proposal writes it.
template <class Q>
concept basic_concurrent_queue = requires(Q q, const Q c, typename Q::value_type t, const typename Q::value_type& u) {
  { c.is_closed() } noexcept -> std::same_as<bool>;
  { q.close() } noexcept -> std::same_as<void>;
  { q.push(u) } -> std::same_as<bool>;
  { q.push(std::move(t)) } -> std::same_as<bool>;
  { q.pop() } -> std::same_as<std::optional<typename Q::value_type>>;
};
template <class Q>
concept concurrent_queue = basic_concurrent_queue<Q> && requires(Q q, typename Q::value_type t, conqueue_status& s) {
  { q.try_push(std::move(t)) } -> std::same_as<conqueue_status>;
  { q.try_pop(s) } -> std::same_as<std::optional<typename Q::value_type>>;
};

}  // namespace

TEST_CASE("two ends have the shape of the proposed concurrent queue", "[conqueue]") {
  auto [tx, rx] = sluice::channel<int, sluice::mpmc>(2);
  conqueue q(tx, rx);
  STATIC_REQUIRE(concurrent_queue<decltype(q)>);
  conqueue_status s{};
  CHECK(!q.try_pop(s));
  CHECK(s == conqueue_status::empty);
  CHECK(q.push(1));
  CHECK(q.emplace(2));
  CHECK(q.try_push(3) == conqueue_status::full);
  CHECK(!q.is_closed());
  CHECK(*q.pop() == 1);
  q.close();
  CHECK(q.is_closed());
  CHECK(!q.push(4));
  CHECK(q.try_push(4) == conqueue_status::closed);
  CHECK(*q.try_pop(s) == 2);  // what was accepted comes
  CHECK(s == conqueue_status::success);
  CHECK(!q.try_pop(s));
  CHECK(s == conqueue_status::closed);
  CHECK(!q.pop());
  CHECK(q.why() == sluice::errc::closed);
}

TEST_CASE("the proposed queue passes messages between threads, and a refused one is untouched", "[conqueue]") {
  auto [tx, rx] = sluice::channel<std::unique_ptr<int>>(1);
  conqueue q(std::move(tx), std::move(rx));
  long sum = 0;
  std::thread reader([&] {
    while (auto m = q.pop()) sum += **m;
  });
  for (int i = 1; i <= 1000; ++i) CHECK(q.push(std::make_unique<int>(i)));
  q.close();
  reader.join();
  CHECK(sum == 500500);
  auto late = std::make_unique<int>(1);
  CHECK(q.try_push(std::move(late)) == conqueue_status::closed);
  CHECK(late);
}

TEST_CASE("the proposed queue goes on after messages that its reader has missed, and keeps the first reason of its end", "[conqueue]") {
  auto [tx, rx] = sluice::channel<int, sluice::lossy_broadcast>(4);
  conqueue q(tx, rx);
  for (int i = 0; i < 20; ++i) CHECK(q.push(i));
  const auto m = q.pop();
  REQUIRE(m);
  CHECK(*m >= 12);
  CHECK(!q.is_closed());
  q.close();
  while (q.pop()) {}
  CHECK(q.why() == sluice::errc::closed);
}
