#include <sluice/sluice.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

// A Unix socket by name: who is there, and an open file handed over.
int main() {
  char place[] = "/tmp/sluice-XXXXXX";
  const std::string name = std::string(::mkdtemp(place)) + "/door";
  auto door = sluice::must(sluice::unix_listen(name, {.handles = true}));
  if (::fork() == 0) {
    auto s = sluice::must(sluice::unix_connect(name, 5s));
    const int number = STDOUT_FILENO;
    const auto text = std::as_bytes(std::span("here is my output", 17));
    (void)sluice::must(sluice::send_handles(s, text, std::span(&number, 1), 5s));
    return 0;
  }
  auto s = sluice::must(door.pop(5s));
  const auto who = sluice::must(sluice::peer_of(s));
  std::byte text[64];
  sluice::unique_handle given[1];
  const auto got = sluice::must(sluice::receive_handles(s, text, given, 5s));
  ::dprintf(given[0].get(), "user %u says: %.*s\n", static_cast<unsigned>(who.uid), static_cast<int>(got.size),
            reinterpret_cast<const char*>(text));
  ::wait(nullptr);
  door.close();  // takes its name away
  ::rmdir(place);
}
