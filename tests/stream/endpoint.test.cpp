// SPDX-License-Identifier: MIT
#include <sluice/stream/endpoint.hpp>

#include "catch.hpp"

#include <string>

using sluice::endpoint;
using sluice::errc;
using sluice::ip_family;
using sluice::subject;

TEST_CASE("an address is written as it is read", "[endpoint]") {
  for (const std::string text : {"127.0.0.1:7000", "0.0.0.0:0", "[::1]:80", "[fe80::1%lo]:65535", "255.255.255.255:1"}) {
    INFO(text);
    const auto e = endpoint::parse(text);
    REQUIRE(e);
    CHECK(e->text().c_str() == text);
    CHECK(*endpoint::from(e->data(), e->size()) == *e);
  }
  CHECK(*endpoint::parse(":99") == endpoint::any(ip_family::v6, 99));
  CHECK(*endpoint::of("::1", 5) == endpoint::loopback(ip_family::v6, 5));
  CHECK(*endpoint::parse("127.0.0.1:8") == endpoint::loopback(ip_family::v4, 8));
  CHECK(endpoint::loopback(ip_family::v4, 8).with_port(9).port() == 9);
  CHECK(!(*endpoint::parse("[::1]:80") == *endpoint::parse("[::1]:81")));
  CHECK(!(*endpoint::parse("[fe80::1%lo]:80") == *endpoint::parse("[fe80::1]:80")));
  CHECK(endpoint() == endpoint::any(ip_family::v4, 0));
}

TEST_CASE("what is no address is refused", "[endpoint]") {
  for (const std::string text :
       {"", ":", "::", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:0x1", "1.2.3:80", "host:80", "::1:5",
        "[::1:5", "[]:1", "[::1]5", "[::1]:80 ", "[1.2.3.4]x:1", "1.2.3.4%lo:1", "[fe80::1%]:1", "[fe80::1%a-name-that-is-too-long]:1"}) {
    INFO(text);
    const auto e = endpoint::parse(text);
    REQUIRE(!e);
    CHECK(e.err() == errc::invalid);
    CHECK(e.err().about() == subject::address);
  }
  CHECK(endpoint::parse("[fe80::1%nosuch0]:1").err() == errc::not_found);
  CHECK(endpoint::parse(std::string(10'000, '1') + ":1").err() == errc::invalid);
}
