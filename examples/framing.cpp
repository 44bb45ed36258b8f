#include <sluice/sluice.hpp>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

struct letter { std::string to; std::vector<int> pages; };

// Messages of any length over a stream of bytes: a frame says where each ends, a checksum that it is as it was sent.
int main() {
  using framing = sluice::checked<sluice::length_framing<1000>>;
  auto p = sluice::must(sluice::pipe());
  std::thread writer([&] {
    auto out = sluice::sink_of<letter>(std::move(p.out), framing{});
    (void)out.push(letter{"Ada", {1, 2, 3}});
    (void)out.push(letter{"Grace", {}});
    const auto s = out.push(letter{std::string(2000, 'x'), {}});  // larger than the framing allows
    std::printf("too long: %s\n", sluice::describe(s.err()).c_str());
  });
  auto in = sluice::source_of<letter>(std::move(p.in), framing{});
  for (auto& l : in.each()) std::printf("to %s, %zu pages\n", l.to.c_str(), l.pages.size());
  writer.join();
}
