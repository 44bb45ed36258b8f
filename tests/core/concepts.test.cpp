// SPDX-License-Identifier: MIT
#include <sluice/core/concepts.hpp>

#include "catch.hpp"

#include <memory>
#include <string>

using sluice::errc;
using sluice::error;
using sluice::result;
using sluice::status;

namespace {

struct message {
  int id;
  double value = 0;
};
struct with_pointer {
  int* p;
};

struct loan {
  explicit loan(error);
  explicit operator bool() const;
  error err() const noexcept;
  const message& operator*();
  void release() noexcept;
  void keep() noexcept;
};
struct slot {
  explicit slot(error);
  explicit operator bool() const;
  error err() const noexcept;
  message& operator*();
  void commit() noexcept;
};

struct waits {
  void arm(sluice::want, sluice::wait_set&) noexcept;
  void disarm(sluice::want) noexcept;
};
struct good_source : waits {
  using value_type = message;
  result<message> try_pop();
  result<loan> try_borrow_wrapped();
  loan try_borrow();
  void close() noexcept;
};
struct good_sink : waits {
  using value_type = message;
  status try_push(const message&);
  slot try_claim();
  void close() noexcept;
};
struct sink_of_movable : waits {
  using value_type = std::unique_ptr<int>;
  status try_push(std::unique_ptr<int>&&);
  void close() noexcept;
};
struct good_reader : waits {
  result<std::size_t> try_read(std::span<std::byte>);
  void close() noexcept;
};
struct good_writer : waits {
  result<std::size_t> try_write(std::span<const std::byte>);
  void close() noexcept;
};
struct good_region {
  static constexpr bool shared = true;
  std::byte* data() const noexcept;
  std::size_t size() const noexcept;
};
struct good_framing {
  result<sluice::frame> next(std::span<const std::byte>) const noexcept;
  result<std::size_t> head(std::size_t, std::span<std::byte>) const noexcept;
};
struct sealing {
  static constexpr std::size_t lead = 0;
  result<sluice::frame> next(std::span<const std::byte>) const noexcept;
  result<std::span<std::byte>> seal(std::span<std::byte>, std::size_t) noexcept;
  result<std::span<std::byte>> open(std::span<std::byte>, const sluice::frame&) noexcept;
};
struct bounded : sealing {
  static constexpr std::size_t max_size = 9;
  static constexpr std::size_t overhead = 1;
};
struct good_codec {
  result<std::size_t> encode(const message&, std::span<std::byte>) const;
  result<message> decode(std::span<const std::byte>) const;
};

// Each lacks or bends one thing.
struct arm_may_throw {
  void arm(sluice::want, sluice::wait_set&);
  void disarm(sluice::want) noexcept;
};
struct no_disarm {
  void arm(sluice::want, sluice::wait_set&) noexcept;
};
struct pops_bare : waits {
  using value_type = message;
  message try_pop();
  void close() noexcept;
};
struct close_may_throw : waits {
  using value_type = message;
  result<message> try_pop();
  void close();
};
struct no_close : waits {
  using value_type = message;
  result<message> try_pop();
};
struct sleepless_source {
  using value_type = message;
  result<message> try_pop();
  void close() noexcept;
};
struct says_bool : waits {
  using value_type = message;
  bool try_push(const message&);
  void close() noexcept;
};
struct lends_bare : good_source {
  const message* try_borrow();
};
struct mutable_loan : loan {
  using loan::loan;
  message& operator*();
};
struct lends_mutable : good_source {
  mutable_loan try_borrow();
};
struct no_keep {
  explicit no_keep(error);
  explicit operator bool() const;
  error err() const noexcept;
  const message& operator*();
  void release() noexcept;
};
struct err_may_throw {
  explicit err_may_throw(error);
  explicit operator bool() const;
  error err() const;
};
struct reads_int : waits {
  int try_read(std::span<std::byte>);
  void close() noexcept;
};
struct writes_mutable : waits {
  result<std::size_t> try_write(std::span<std::byte>);
  void close() noexcept;
};
struct region_without_shared {
  std::byte* data() const noexcept;
  std::size_t size() const noexcept;
};
struct framing_cannot_write {
  result<sluice::frame> next(std::span<const std::byte>) const noexcept;
};
struct framing_may_throw {
  result<sluice::frame> next(std::span<const std::byte>) const;
  result<std::size_t> head(std::size_t, std::span<std::byte>) const noexcept;
};

}  // namespace

TEST_CASE("what may cross an address space", "[concepts]") {
  STATIC_REQUIRE(sluice::wire<int>);
  STATIC_REQUIRE(sluice::wire<message>);
  STATIC_REQUIRE(sluice::wire<message[3]>);
  STATIC_REQUIRE(!sluice::wire<with_pointer>);
  STATIC_REQUIRE(!sluice::wire<std::string>);
  STATIC_REQUIRE(!sluice::wire<int*>);
  STATIC_REQUIRE(!sluice::wire<int&>);
  STATIC_REQUIRE(!sluice::wire<const message>);
  STATIC_REQUIRE(!sluice::wire<void>);
}

TEST_CASE("an outcome is a result, a loan or a slot, and no bare value", "[concepts]") {
  STATIC_REQUIRE(sluice::outcome<status>);
  STATIC_REQUIRE(sluice::outcome<result<int>>);
  STATIC_REQUIRE(sluice::outcome<result<std::unique_ptr<int>>>);
  STATIC_REQUIRE(sluice::outcome<loan>);
  STATIC_REQUIRE(sluice::outcome<slot>);
  STATIC_REQUIRE(!sluice::outcome<int>);
  STATIC_REQUIRE(!sluice::outcome<error>);
  STATIC_REQUIRE(!sluice::outcome<err_may_throw>);
}

TEST_CASE("what can be slept on", "[concepts]") {
  STATIC_REQUIRE(sluice::waitable<waits>);
  STATIC_REQUIRE(sluice::waitable<waits&>);
  STATIC_REQUIRE(!sluice::waitable<arm_may_throw>);
  STATIC_REQUIRE(!sluice::waitable<no_disarm>);
  STATIC_REQUIRE(!sluice::waitable<int>);
}

TEST_CASE("what messages come out of", "[concepts]") {
  STATIC_REQUIRE(sluice::source<good_source>);
  STATIC_REQUIRE(sluice::source<good_source&>);
  STATIC_REQUIRE(!sluice::source<good_sink>);
  STATIC_REQUIRE(!sluice::source<pops_bare>);
  STATIC_REQUIRE(!sluice::source<close_may_throw>);
  STATIC_REQUIRE(!sluice::source<no_close>);
  STATIC_REQUIRE(!sluice::source<sleepless_source>);
}

TEST_CASE("what messages go into", "[concepts]") {
  STATIC_REQUIRE(sluice::sink<good_sink>);
  STATIC_REQUIRE(sluice::sink<good_sink&, message>);
  STATIC_REQUIRE(sluice::sink<sink_of_movable>);
  STATIC_REQUIRE(!sluice::sink<good_sink, std::string>);
  STATIC_REQUIRE(!sluice::sink<good_source>);
  STATIC_REQUIRE(!sluice::sink<says_bool>);
}

TEST_CASE("what lends its messages or its places", "[concepts]") {
  STATIC_REQUIRE(sluice::lending_source<good_source>);
  STATIC_REQUIRE(sluice::lending_sink<good_sink>);
  STATIC_REQUIRE(sluice::loan_of<loan, message>);
  STATIC_REQUIRE(sluice::slot_of<slot, message>);
  STATIC_REQUIRE(!sluice::lending_source<lends_bare>);
  STATIC_REQUIRE(!sluice::lending_source<lends_mutable>);
  STATIC_REQUIRE(!sluice::lending_sink<sink_of_movable>);
  STATIC_REQUIRE(!sluice::loan_of<slot, message>);
  STATIC_REQUIRE(!sluice::loan_of<loan, int>);
  STATIC_REQUIRE(!sluice::loan_of<no_keep, message>);
  STATIC_REQUIRE(!sluice::slot_of<loan, message>);
}

TEST_CASE("what bytes go through", "[concepts]") {
  STATIC_REQUIRE(sluice::readable<good_reader>);
  STATIC_REQUIRE(sluice::writable<good_writer>);
  STATIC_REQUIRE(!sluice::readable<good_writer>);
  STATIC_REQUIRE(!sluice::writable<good_reader>);
  STATIC_REQUIRE(!sluice::readable<reads_int>);
  STATIC_REQUIRE(!sluice::writable<writes_mutable>);
}

TEST_CASE("regions, framings and codecs", "[concepts]") {
  STATIC_REQUIRE(sluice::region<good_region>);
  STATIC_REQUIRE(!sluice::region<region_without_shared>);
  STATIC_REQUIRE(sluice::framing<good_framing>);
  STATIC_REQUIRE(!sluice::framing<framing_may_throw>);
  STATIC_REQUIRE(!sluice::framing<framing_cannot_write>);
  STATIC_REQUIRE(sluice::framing<sealing>);
  STATIC_REQUIRE(!sluice::heading_framing<sealing>);
  STATIC_REQUIRE(!sluice::sealing_framing<good_framing>);
  STATIC_REQUIRE(!sluice::bounded_framing<sealing>);
  STATIC_REQUIRE(sluice::bounded_framing<bounded>);
  STATIC_REQUIRE(sluice::codec<good_codec, message>);
  STATIC_REQUIRE(!sluice::codec<good_codec, std::string>);
}

TEST_CASE("the item of an end is its value type, through references", "[concepts]") {
  STATIC_REQUIRE(std::is_same_v<sluice::item_t<good_source>, message>);
  STATIC_REQUIRE(std::is_same_v<sluice::item_t<const good_sink&>, message>);
}
