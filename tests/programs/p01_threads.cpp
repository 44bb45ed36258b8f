// Two threads, a typed channel, a clean end. Prints: sum 2499975000.0, ended because closed
#include <sluice/sluice.hpp>
#include <cstdio>
#include <thread>
struct sample { std::uint64_t seq; double volts; };

int main() {
  auto [tx, rx] = sluice::channel<sample>(1024);
  std::jthread sensor([tx = std::move(tx)]() mutable {
    for (std::uint64_t i = 0; i < 100'000; ++i)
      if (!tx.push(sample{i, static_cast<double>(i) * 0.5})) return;   // false once the reader is gone
  });                                             // tx dies here: the channel closes
  double sum = 0;
  auto all = rx.each();
  for (auto& s : all) sum += s.volts;             // drains, then ends
  std::printf("sum %.1f, ended because %s\n", sum, all.why == sluice::errc::closed ? "closed" : "?");
}
