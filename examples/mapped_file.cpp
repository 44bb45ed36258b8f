#include <sluice/sluice.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

// A ring in a file: what a killed process had pushed is there for whoever comes later, after a restart too.
int main() {
  char place[] = "/tmp/sluice-XXXXXX";
  const std::string path = std::string(::mkdtemp(place)) + "/log";
  if (::fork() == 0) {
    auto tx = sluice::must(sluice::mapped_sink<int>(path, {.capacity = 100, .persistent = true}));
    for (int i = 0; i < 3; ++i) (void)tx.push(i);
    ::raise(SIGKILL);
  }
  ::wait(nullptr);
  auto rx = sluice::must(sluice::mapped_source<int>(path, {.persistent = true}));
  auto all = rx.each(sluice::now);
  for (int n : all) std::printf("%d\n", n);
  std::printf("%s\n", sluice::describe(all.why).c_str());
  ::unlink(path.c_str());
  ::rmdir(place);
}
