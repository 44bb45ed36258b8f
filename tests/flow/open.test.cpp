// SPDX-License-Identifier: MIT
#include <sluice/flow/open.hpp>
#include <sluice/queue/posix_mq.hpp>

#include "flow/rig.hpp"
#include "process.hpp"

#include <string>
#include <string_view>
#include <thread>

using namespace flow_test;

namespace {

struct tick {
  std::uint64_t id;
  double px;
};
struct wide {
  std::byte all[100'000];
};

/// A port of this host that is free just now.
std::string free_port() {
  auto l = sluice::must(sluice::tcp_listen("127.0.0.1:0"));
  return std::to_string(sluice::must(l.local()).port());
}
bool says(error e, std::string_view words) { return std::string_view(sluice::describe(e).c_str()).find(words) != std::string_view::npos; }

}  // namespace

TEST_CASE("messages go through whatever transport a URI names, whichever side comes first", "[open]") {
  const test::scratch dir;
  const std::string name = test::unique("open");
  const std::string scheme = GENERATE("shm:", "file:", "fifo:", "unix:", "unix:@", "tcp:", "tcp://");
  const std::string where = scheme == "shm:" ? "/" + name : scheme == "unix:@" ? name : scheme[0] == 't' ? "127.0.0.1:" + free_port() : dir / "end";
  const std::string uri = scheme + where;
  const bool source_first = GENERATE(true, false);
  CAPTURE(uri, source_first);
  constexpr std::uint64_t n = 1000;
  std::string wrong;
  joining_thread sender([&] {
    if (source_first) std::this_thread::sleep_for(5ms);
    auto tx = sluice::open_sink<tick>(uri);
    if (!tx) return (void)(wrong = sluice::describe(tx.err()).c_str());
    for (std::uint64_t i = 1; i <= n; ++i)
      if (const auto s = tx->push(tick{i, 1.0}, 20s); !s) return (void)(wrong = sluice::describe(s.err()).c_str());
    tx->close();
  });
  if (!source_first) std::this_thread::sleep_for(5ms);
  auto rx = sluice::open_source<tick>(uri);
  REQUIRE(rx);
  std::uint64_t sum = 0;
  auto all = rx->each(20s);
  for (auto& t : all) sum += t.id;
  sender.join();
  CHECK(wrong == "");
  CHECK(all.why == errc::closed);
  CHECK(sum == n * (n + 1) / 2);
  if (uri.starts_with("shm:")) CHECK(sluice::shm_remove("/" + name));
}

TEST_CASE("datagrams and message queues are named by URIs too, and end with patience", "[open]") {
  const std::string name = test::unique("open");
  const test::scratch dir;
  const std::string scheme = GENERATE("udp:", "mq:", "sysv:");
  const bool queue = scheme == "mq:";
  const std::string uri = scheme + (queue ? "/" + name : scheme == "sysv:" ? std::string(dir.c_str()) : "127.0.0.1:" + free_port());
  CAPTURE(uri);
  auto rx = sluice::open_source<tick>(uri);
  if (queue && !rx && rx.err() == errc::unsupported) return;
  REQUIRE(rx);
  auto tx = sluice::open_sink<tick>(uri);
  REQUIRE(tx);
  for (std::uint64_t i = 1; i <= 5; ++i) CHECK(tx->push(tick{i, 1.0}, 5s));
  std::uint64_t sum = 0;
  auto all = rx->each(50ms);
  for (auto& t : all) sum += t.id;
  CHECK(sum == 15);
  CHECK(all.why == errc::timeout);
  if (queue) CHECK(sluice::posix_mq_remove("/" + name));
  if (scheme == "sysv:") CHECK(sluice::sysv_mq_remove(dir.c_str()));
}

TEST_CASE("a URI that nothing can be opened with gives an exact error", "[open]") {
  using sluice::step;
  using sluice::subject;
  for (const char* bad : {"", "shm", "/t", "127.0.0.1", ":", ":/t"}) {
    CAPTURE(bad);
    const error e = sluice::open_source<tick>(bad).err();
    CHECK(e == error(errc::invalid, step::open, subject::uri));
    CHECK(e == sluice::open_sink<tick>(bad).err());
    CHECK(says(e, "begins with its transport"));
  }
  for (const char* unknown : {"journal:t.journal", "http://t", "SHM:/t", "shm :/t"}) {
    CAPTURE(unknown);
    const error e = sluice::open_source<tick>(unknown).err();
    CHECK(e == error(errc::unsupported, step::open, subject::uri));
    CHECK(e == sluice::open_sink<tick>(unknown).err());
    CHECK(says(e, "no such transport"));
  }
  struct {
    const char* uri;
    errc code;
    subject about;
  } const cases[] = {
      {"shm:", errc::invalid, subject::name},         {"shm:/a/b", errc::invalid, subject::name},
      {"file:", errc::invalid, subject::name},        {"file:/nowhere/at/all", errc::not_found, subject::directory},
      {"fifo:", errc::invalid, subject::name},        {"fifo:/nowhere/at/all", errc::not_found, subject::directory},
      {"udp:127.0.0.1", errc::invalid, subject::address}, {"udp:127.0.0.1:70000", errc::invalid, subject::address},
      {"tcp:", errc::invalid, subject::address},      {"tcp:127.0.0.1:x", errc::invalid, subject::address},
      {"unix:", errc::invalid, subject::name},        {"mq:", errc::invalid, subject::name},
      {"sctp:nowhere", errc::invalid, subject::address},  {"sysv:/nowhere/at/all", errc::not_found, subject::none},
  };
  for (const auto& c : cases) {
    CAPTURE(c.uri);
    const error in = sluice::open_source<tick>(c.uri).err(), out = sluice::open_sink<tick>(c.uri, sluice::now).err();
    CAPTURE(sluice::describe(in).c_str(), sluice::describe(out).c_str());
    CHECK(in.code == c.code);
    CHECK(out.code == c.code);
    CHECK(in.about() == c.about);
    CHECK(out.about() == c.about);
  }
}

TEST_CASE("who connects waits for somebody who listens, while patience lasts", "[open]") {
  const test::scratch dir;
  for (const std::string& uri : {"unix:" + (dir / "nobody"), "tcp:127.0.0.1:" + free_port()}) {
    CAPTURE(uri);
    const auto begin = std::chrono::steady_clock::now();
    CHECK(sluice::open_sink<tick>(uri, 30ms).err() == errc::not_found);
    CHECK(since(begin) >= 30ms);
    CHECK(since(begin) < 4s);
    CHECK(sluice::open_sink<tick>(uri, sluice::now).err() == errc::not_found);
    sluice::stop halt;
    joining_thread asker([&] {
      std::this_thread::sleep_for(2ms);
      halt.request();
    });
    CHECK(sluice::open_sink<tick>(uri, halt).err() == errc::stopped);
  }
}

TEST_CASE("a message that a transport cannot take is told by that transport alone", "[open]") {
  const test::scratch dir;
  CHECK(sluice::open_sink<wide>("fifo:" + (dir / "fifo")).err() == errc::too_big);
  CHECK(sluice::open_sink<wide>("udp:127.0.0.1:9").err() == errc::too_big);
  CHECK(sluice::open_source<wide>("udp:127.0.0.1:0").err() == errc::too_big);
  CHECK(sluice::open_source<wide>("file:" + (dir / "ring")));
}
