#include <sluice/sluice.hpp>
#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

// Signals as messages, from a child that sends numbers along; and one that stops whoever waits.
int main() {
  sluice::signal_set work{SIGRTMIN};
  sluice::stop halt;
  sluice::stop_on quit(halt, {SIGTERM});
  if (::fork() == 0) {
    auto to = sluice::must(sluice::signals_to(::getppid(), SIGRTMIN));
    for (int i = 1; i <= 3; ++i) (void)to.push(i * 100);
    ::sleep(1);
    ::kill(::getppid(), SIGTERM);
    return 0;
  }
  for (;;) {
    auto e = work.pop({10s, halt});
    if (!e) {
      std::printf("%s\n", sluice::describe(e.err()).c_str());
      break;
    }
    std::printf("%lld from a process of user %u\n", static_cast<long long>(e->value), e->uid);
  }
  ::wait(nullptr);
}
