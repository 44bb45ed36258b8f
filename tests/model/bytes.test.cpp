// SPDX-License-Identifier: MIT
#include "bytes_trials.hpp"
#include "catch.hpp"

// Every execution of the ring of bytes that C++ allows, for messages around and across the end of the area, with nobody
// dying and with either side dying at any point and an heir following; and every order is needed.

namespace {

using model::bytes_case;
constexpr auto shapes = model::bytes_shapes;

template <class Word = std::uint64_t>
void prove(const bytes_case& c, std::initializer_list<const char*> must_observe) {
  const auto r = model::explore_bytes<Word>(c);
  r.print();
  CHECK(r.proves(must_observe));
}
/// Is the ring with this order weakened found out, and by a string that reproduces it?
template <class Site>
bool is_needed(const char* name) {
  model::order_of<Site> = model::order::relaxed;
  bool found = false;
  for (const bytes_case& c : shapes()) {
    model::options o;
    const auto r = model::explore_bytes(c, o);
    if (r.failure.empty()) continue;
    o.replay = r.replay.c_str();
    found = model::explore_bytes(c, o).failure == r.failure;
    std::printf("%s -> relaxed: killed after %llu executions: %s (%s)\n", name, static_cast<unsigned long long>(r.executions),
                r.failure.c_str(), r.name.c_str());
    break;
  }
  model::order_of<Site> = Site::value;
  return found;
}

}  // namespace

TEST_CASE("a ring of bytes keeps its promises in every execution") {
  for (bytes_case c : shapes())
    for (const bool in_place : {false, true})
      for (const bool wrap : {false, true}) {
        c.in_place = in_place, c.wrap = wrap;
        prove(c, {"full", "empty", "closed"});
      }
}
TEST_CASE("a ring of bytes of 32-bit words keeps its promises in every execution") {
  for (bytes_case c : shapes()) {
    c.wrap = true;
    prove<std::uint32_t>(c, {"full", "empty", "closed"});
  }
}
TEST_CASE("a killed consumer of bytes leaves exactly what it had not committed") {
  for (bytes_case c : shapes())
    for (const bool wrap : {false, true}) {
      c.consumer_dies = true, c.wrap = wrap;
      if (c.sizes.size() > 2) c.sizes.resize(2);
      prove(c, {"closed", "killed before the commit of a pop", "killed after the commit of a pop"});
    }
}
TEST_CASE("a killed producer of bytes has published exactly what it had committed, and its heir goes on") {
  for (bytes_case c : shapes())
    for (const unsigned heir : {1u, static_cast<unsigned>(c.capacity)}) {
      if (c.capacity != 1 && c.at != 2 && heir != 1 && !SLUICE_TEST_TIER_FULL) continue;  // a million executions
      if (c.capacity == 4 && !SLUICE_TEST_TIER_FULL) continue;
      c.producer_dies = true, c.heir_size = heir;
      if (c.sizes.size() > 2) c.sizes.resize(2);
      prove(c, {"closed", "killed before the commit of a push", "killed after the commit of a push"});
    }
}
TEST_CASE("every order of the ring of bytes that is not relaxed is needed") {
  CHECK(is_needed<sluice::site::bytes_publish>("bytes_publish"));
  CHECK(is_needed<sluice::site::bytes_frame>("bytes_frame"));
  CHECK(is_needed<sluice::site::bytes_consume>("bytes_consume"));
  CHECK(is_needed<sluice::site::bytes_head>("bytes_head"));
}
