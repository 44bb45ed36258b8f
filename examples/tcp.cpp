#include <sluice/sluice.hpp>
#include <cstdio>
#include <string>
#include <thread>

using namespace std::chrono_literals;

// Lines over TCP, in both directions at once: a server that answers, and its client.
int main() {
  auto door = sluice::must(sluice::tcp_listen("127.0.0.1:0"));  // any port that is free
  std::thread server([&] {
    auto both = sluice::must(sluice::must(door.pop(5s)).split());
    auto in = sluice::source_of<std::string>(std::move(both.in), sluice::line_framing<>{});
    auto out = sluice::sink_of<std::string>(std::move(both.out), sluice::line_framing<>{});
    for (auto& line : in.each(5s)) (void)out.push("you said " + line);
    (void)out.finish(5s);  // waits until the client has everything
  });
  auto both = sluice::must(sluice::must(sluice::tcp_connect(*door.local(), 5s)).split());
  auto out = sluice::sink_of<std::string>(std::move(both.out), sluice::line_framing<>{});
  auto in = sluice::source_of<std::string>(std::move(both.in), sluice::line_framing<>{});
  (void)out.push(std::string("hello"));
  (void)out.push(std::string("and bye"));
  out.close();  // half a close: what the server says still comes
  for (auto& line : in.each(5s)) std::printf("%s\n", line.c_str());
  in.close();
  server.join();
}
