#include <sluice/sluice.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

// A named pipe. Of the `session` policy: the reader sees the end of each writer, and waits for the next one.
int main() {
  char place[] = "/tmp/sluice-XXXXXX";
  const std::string path = std::string(::mkdtemp(place)) + "/numbers";
  auto rx = sluice::must(sluice::fifo_source<int>(path));
  for (int session = 0; session < 2; ++session) {
    std::fflush(stdout);
    if (::fork() == 0) {
      auto tx = sluice::must(sluice::fifo_sink<int>(path));
      for (int i = 0; i < 3; ++i) (void)tx.push(session * 10 + i, std::chrono::seconds(5));
      return 0;
    }
    auto all = rx.each();
    for (int n : all) std::printf("%d ", n);
    std::printf("and the end: %s\n", sluice::describe(all.why).c_str());
    ::wait(nullptr);
    sluice::must(rx.stream().reopen());  // for the next session
  }
  ::unlink(path.c_str());
  ::rmdir(place);
}
