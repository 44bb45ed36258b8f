// SPDX-License-Identifier: MIT
#include <sluice/flow/open.hpp>

#include "flow/rig.hpp"
#include "stream/sctp_kernel.hpp"

#include <string>
#include <thread>

using namespace flow_test;

TEST_CASE("a URI names an SCTP connection, whichever side comes first", "[open][sctp]") {
  SKIP_WITHOUT_SCTP();
  const std::string uri = "sctp:127.0.0.1:" + std::to_string(sluice::must(sluice::sctp_listen(test::anywhere)->local()).port());
  const bool source_first = GENERATE(true, false);
  CAPTURE(uri, source_first);
  constexpr int n = 1000;
  std::string wrong;
  joining_thread sender([&] {
    if (source_first) std::this_thread::sleep_for(5ms);
    auto tx = sluice::open_sink<int>(uri);
    if (!tx) return (void)(wrong = sluice::describe(tx.err()).c_str());
    for (int i = 1; i <= n; ++i)
      if (const auto s = tx->push(i, 20s); !s) return (void)(wrong = sluice::describe(s.err()).c_str());
    tx->close();
  });
  if (!source_first) std::this_thread::sleep_for(5ms);
  auto rx = sluice::open_source<int>(uri);
  REQUIRE(rx);
  int sum = 0;
  auto all = rx->each(20s);
  for (const int m : all) sum += m;
  sender.join();
  CHECK(wrong == "");
  CHECK(all.why == errc::closed);
  CHECK(sum == n * (n + 1) / 2);
}
