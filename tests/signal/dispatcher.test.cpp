// SPDX-License-Identifier: MIT
#include <sluice/signal/dispatcher.hpp>

#include "catch.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using sluice::dispatcher;
using sluice::errc;
using sluice::subscription;

/// A handler that writes its name, then does what the test wants.
struct actor {
  std::string* said;
  char name;
  std::function<void()> then = [] {};

  void operator()() const {
    *said += name;
    then();
  }
};
template <class D>
subscription join(D& d, const actor& a) {
  auto s = d.subscribe([&a] { a(); });
  REQUIRE(s);
  return *std::move(s);
}
template <class D>
std::string round(D& d, std::string& said) {
  said.clear();
  d.dispatch();
  return said;
}

int seen = 0;
void note(int x) { seen = x; }
void add(void* to, int x) { *static_cast<int*>(to) += x; }

constinit dispatcher<void(int), 2> of_static_storage;

}  // namespace

TEST_CASE("handlers are functions, functions with a context, and small lambdas", "[dispatcher]") {
  STATIC_REQUIRE(!std::is_copy_constructible_v<subscription>);
  STATIC_REQUIRE(std::is_nothrow_move_constructible_v<subscription>);
  STATIC_REQUIRE(!std::is_move_constructible_v<dispatcher<void(), 1>>);
  int sum = 0, last = 0;
  static int outside = 0;
  dispatcher<void(int), 4> d;
  auto a = d.subscribe(note);
  auto b = d.subscribe(add, &sum);
  auto c = d.subscribe([&last](int x) { last = x; });
  auto e = d.subscribe([](int x) { outside = x; });
  REQUIRE((a && b && c && e));
  d.dispatch(7);
  d.dispatch(8);
  CHECK(seen == 8);
  CHECK(sum == 15);
  CHECK(last == 8);
  CHECK(outside == 8);
}

TEST_CASE("a dispatcher in static storage is ready before any constructor runs", "[dispatcher]") {
  int sum = 0;
  auto s = of_static_storage.subscribe(add, &sum);
  of_static_storage.dispatch(3);
  CHECK(sum == 3);
}

TEST_CASE("every handler is given the same arguments, and may write to what is passed by reference", "[dispatcher]") {
  dispatcher<void(std::string, std::string&), 2> d;
  auto take = [](std::string own, std::string& all) {
    all += own;
    own.clear();
  };
  auto a = d.subscribe(take), b = d.subscribe(take);
  std::string all;
  d.dispatch("a long string that does not fit into its own object", all);
  CHECK(all.size() == 2 * std::string("a long string that does not fit into its own object").size());
}

TEST_CASE("beyond its capacity a dispatcher is full, and a null function is invalid", "[dispatcher]") {
  dispatcher<void(int), 2> d;
  CHECK(d.subscribe(static_cast<void (*)(int)>(nullptr)).err() == errc::invalid);
  CHECK(d.subscribe(nullptr, nullptr).err() == errc::invalid);
  auto a = d.subscribe(note);
  {
    auto b = d.subscribe(note);
    REQUIRE(b);
    CHECK(d.subscribe(note).err() == errc::full);
    CHECK(d.size() == 2);
  }
  CHECK(d.size() == 1);
  CHECK(d.subscribe(note));
}

TEST_CASE("a handler is called for as long as its subscription lives, wherever that moves", "[dispatcher]") {
  std::string said;
  actor a{&said, 'a'}, b{&said, 'b'}, c{&said, 'c'};
  dispatcher<void(), 3> d;
  subscription sa = join(d, a), sb = join(d, b), sc = join(d, c);
  CHECK(round(d, said) == "abc");
  subscription moved = std::move(sa);
  CHECK(!sa);  // NOLINT: it says so
  sa.reset();
  CHECK(round(d, said) == "abc");
  sb = std::move(moved);  // b's own ends, a's goes on
  CHECK(round(d, said) == "ac");
  auto& self = sb;
  sb = std::move(self);
  CHECK(round(d, said) == "ac");
  sc.reset();
  sc.reset();
  CHECK(round(d, said) == "a");
  sc = join(d, c);
  CHECK(round(d, said) == "ac");
}

TEST_CASE("a released subscription stays for as long as the dispatcher", "[dispatcher]") {
  std::string said;
  actor a{&said, 'a'};
  dispatcher<void(), 1> d;
  {
    subscription s = join(d, a);
    s.release();
    CHECK(!s);
  }
  CHECK(round(d, said) == "a");
}

TEST_CASE("a subscription outlives its dispatcher, and then does nothing", "[dispatcher]") {
  std::string said;
  actor a{&said, 'a'};
  subscription s, t;
  {
    auto d = std::make_unique<dispatcher<void(), 2>>();
    s = join(*d, a);
    t = join(*d, a);
    t.release();
  }
  CHECK(!s);
  s.reset();
  subscription moved = std::move(s);
  CHECK(!moved);
}

TEST_CASE("who is unsubscribed while others run is not called any more", "[dispatcher]") {
  std::string said;
  actor a{&said, 'a'}, b{&said, 'b'}, c{&said, 'c'}, e{&said, 'e'};
  dispatcher<void(), 4> d;
  subscription sa = join(d, a), sb = join(d, b), sc = join(d, c), se = join(d, e);
  SECTION("itself, and nobody is left out") {
    b.then = [&] { sb.reset(); };
    CHECK(round(d, said) == "abce");
    CHECK(round(d, said) == "ace");
  }
  SECTION("the one behind") {
    b.then = [&] { sc.reset(); };
    CHECK(round(d, said) == "abe");
  }
  SECTION("the last one") {
    b.then = [&] { se.reset(); };
    CHECK(round(d, said) == "abc");
  }
  SECTION("one that was called already, and nobody is called twice or left out") {
    b.then = [&] { sa.reset(); };
    CHECK(round(d, said) == "abce");
    CHECK(round(d, said) == "bce");
  }
  SECTION("all") {
    b.then = [&] { sa.reset(), sb.reset(), sc.reset(), se.reset(); };
    CHECK(round(d, said) == "ab");
    CHECK(round(d, said).empty());
  }
}

TEST_CASE("who is subscribed while others run is called from the next dispatch on", "[dispatcher]") {
  std::string said;
  actor a{&said, 'a'}, b{&said, 'b'}, c{&said, 'c'};
  dispatcher<void(), 2> d;
  subscription sa = join(d, a), sb, sc;
  SECTION("in a free place") {
    a.then = [&] {
      if (!sb) sb = join(d, b);
    };
    CHECK(round(d, said) == "a");
    CHECK(round(d, said) == "ab");
  }
  SECTION("in the place that was left just now, even by the running one") {
    sb = join(d, b);
    a.then = [&] {
      sa.reset();
      sc = join(d, c);
    };
    CHECK(round(d, said) == "ab");
    CHECK(round(d, said) == "bc");
  }
}

TEST_CASE("a nested dispatch calls all that are subscribed by then, and the outer one goes on", "[dispatcher]") {
  std::string said;
  int depth = 0;
  actor a{&said, 'a'}, b{&said, 'b'}, c{&said, 'c'}, e{&said, 'e'};
  dispatcher<void(), 4> d;
  subscription sa = join(d, a), sb = join(d, b), sc = join(d, c), se;
  b.then = [&] {
    if (depth++ != 0) return;
    se = join(d, e);
    d.dispatch();
    said += '.';
  };
  SECTION("with everybody") {
    CHECK(round(d, said) == "ababce.c");
    CHECK(round(d, said) == "abce");
  }
  SECTION("and what the inner one unsubscribes is not called by the outer one either") {
    a.then = [&] {
      if (depth != 0) sc.reset();
    };
    CHECK(round(d, said) == "ababe.");
  }
  SECTION("and the outer one's running handler may go in the inner one") {
    a.then = [&] {
      if (depth != 0) sb.reset(), sa.reset();
    };
    CHECK(round(d, said) == "abace.c");
    CHECK(round(d, said) == "ce");
  }
}

TEST_CASE("an exception comes out of dispatch, those behind are not called, and all stay subscribed", "[dispatcher]") {
  std::string said;
  bool once = true;
  actor a{&said, 'a'}, b{&said, 'b'}, c{&said, 'c'};
  dispatcher<void(), 3> d;
  subscription sa = join(d, a), sb = join(d, b), sc = join(d, c);
  b.then = [&] {
    if (std::exchange(once, false)) throw std::runtime_error("b");
  };
  CHECK_THROWS_AS(round(d, said), std::runtime_error);
  CHECK(said == "ab");
  sa.reset();  // no pass is left behind that this would reach
  CHECK(round(d, said) == "bc");

  SECTION("out of a nested one it can be caught by the handler around") {
    once = true;
    bool inside = false;
    c.then = [&] {
      if (std::exchange(inside, true)) return;
      once = true;
      try {
        d.dispatch();
      } catch (const std::runtime_error&) {
        said += '!';
      }
    };
    once = false;
    CHECK(round(d, said) == "bcb!");
    sb.reset();
    CHECK(round(d, said) == "c");
  }
}

TEST_CASE("a handler may destroy its dispatcher", "[dispatcher]") {
  std::string said;
  int depth = 0;
  actor a{&said, 'a'}, b{&said, 'b'}, c{&said, 'c'};
  auto d = std::make_unique<dispatcher<void(), 3>>();
  subscription sa = join(*d, a), sb = join(*d, b), sc = join(*d, c);
  SECTION("in its dispatch") {
    b.then = [&] { d.reset(); };
    d->dispatch();
    CHECK(said == "ab");
  }
  SECTION("in a nested one") {
    b.then = [&] {
      if (depth++ == 0) d->dispatch();
      else d.reset();
    };
    d->dispatch();
    CHECK(said == "abab");
  }
  CHECK((!sa && !sb && !sc));
}

TEST_CASE("whatever handlers do to a dispatcher, it calls whom a simple model calls", "[dispatcher]") {
  // The model: a list of names; a dispatch calls those of its beginning, in order, that are still there.
  constexpr unsigned many = 6;
  std::mt19937 random(20);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (unsigned game = 0; game < 2000; ++game) {
    dispatcher<void(), many> d;
    std::string said, expected;
    std::vector<std::pair<char, unsigned>> model;  // who, and which subscription of his
    std::vector<std::vector<std::pair<char, unsigned>>> todo;
    actor actors[many + 2];
    subscription held[many + 2];
    unsigned serial = 0, depth = 0, budget = 40;
    const auto act = [&] {
      const unsigned who = below(many + 2);
      const char name = static_cast<char>('a' + who);
      if (held[who]) {
        held[who].reset();
        std::erase_if(model, [&](auto& m) { return m.first == name; });
      } else if (auto s = d.subscribe([&a = actors[who]] { a(); })) {
        held[who] = *std::move(s);
        model.emplace_back(name, serial++);
      } else {
        REQUIRE(model.size() == many);
      }
    };
    std::function<void()> dispatch = [&] {
      todo.push_back(model);
      ++depth;
      d.dispatch();
      --depth;
      for (auto& m : todo.back())  // nobody was left out
        if (std::find(model.begin(), model.end(), m) != model.end()) expected += '-';
      todo.pop_back();
    };
    for (unsigned i = 0; i < many + 2; ++i) {
      const char name = static_cast<char>('a' + i);
      actors[i] = {&said, name, [&] {
                     auto& mine = todo.back();
                     while (!mine.empty() && std::find(model.begin(), model.end(), mine.front()) == model.end())
                       mine.erase(mine.begin());
                     expected += mine.empty() ? '?' : mine.front().first;
                     if (!mine.empty()) mine.erase(mine.begin());
                     for (unsigned k = below(3); k != 0; --k) act();
                     if (depth < 4 && budget != 0 && below(4) == 0) --budget, dispatch();
                   }};
    }
    for (unsigned k = 0; k < many; ++k) act();
    for (unsigned k = 0; k < 4; ++k) dispatch();
    INFO(game);
    REQUIRE(said == expected);
    REQUIRE(d.size() == model.size());
  }
}
