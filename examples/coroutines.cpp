#include <sluice/bridge/coroutine.hpp>
#include <sluice/sluice.hpp>
#include <cstdio>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

// One thread, many conversations: each reads like a program of its own, and waits only for its own client.
struct question { double x; };
struct answer { double square; };

static sluice::task conversation(sluice::loop& io, sluice::unix_stream client, int& answered) {
  auto both = std::move(client).split();
  if (!both) co_return;
  auto in = sluice::source_of<question>(std::move(both->in));
  auto out = sluice::sink_of<answer>(std::move(both->out));
  while (auto q = co_await io.pop(in, 5s)) {
    if (!co_await io.push(out, answer{q->x * q->x}, 1s)) break;
    ++answered;
  }
}
static sluice::task reception(sluice::loop& io, sluice::unix_listener& door, int clients, int& answered) {
  while (clients-- > 0)
    if (auto client = co_await io.pop(door, 5s)) io.spawn(conversation(io, *std::move(client), answered));
}

int main() {
  const char* const name = "@sluice-example-coroutines";
  auto door = sluice::must(sluice::unix_listen(name));
  std::vector<std::thread> clients;
  for (int n = 1; n <= 3; ++n)
    clients.emplace_back([name, n] {
      auto both = sluice::must(sluice::must(sluice::unix_connect(name, 5s)).split());
      auto out = sluice::sink_of<question>(std::move(both.out));
      auto in = sluice::source_of<answer>(std::move(both.in));
      for (int i = 0; i < 10; ++i) {
        (void)out.push({n + i * 0.1});
        if (!in.pop(5s)) std::printf("client %d got no answer\n", n);
      }
    });
  int answered = 0;
  sluice::loop io;
  io.spawn(reception(io, door, 3, answered));
  io.run();
  for (auto& c : clients) c.join();
  std::printf("%d answers on one thread\n", answered);
}
