// Three kinds of channel at once, and a worker that is killed in the middle of a job:
//   mpmc           the jobs: each goes to one worker; what a dead one held goes to a fellow, and says so
//   bytes of mpsc  what the workers report: text of any length, built in place
//   latest         how far it is: anybody may look, and sees the newest number only
#include <sluice/sluice.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;

struct job { int number; };
constexpr int jobs = 1000, killed_at = 500;

static void work() {
  auto rx = sluice::must(sluice::shm_source<job, sluice::mpmc>("/jobs"));
  auto out = sluice::must(sluice::shm_bytes_sink<sluice::mpsc>("/reports"));
  for (;;) {
    auto j = rx.borrow(5s);                             // in place: it is ours once the loan is released
    if (!j) return;                                     // closed: all jobs are done; or it came after that was told
    const bool again = rx.redelivered();
    if (j->number == killed_at && !again) ::raise(SIGKILL);
    auto place = out.claim(64);
    if (!place) return;
    const int n = std::snprintf(reinterpret_cast<char*>(place.data()), place.size(), "job %d%s", j->number,
                                again ? ", which died with another" : "");
    place.commit(static_cast<std::size_t>(n));          // the rest of the place goes back
  }
}

int main() {
  // Whoever creates a channel says how large it is; all others adopt that. Leaving or dying is no end here, only close().
  auto tx = sluice::must(sluice::shm_sink<job, sluice::mpmc>("/jobs", {.capacity = 64, .persistent = true}));
  auto reports = sluice::must(sluice::shm_bytes_source<sluice::mpsc>("/reports", {.capacity = 4096, .persistent = true}));
  auto progress = sluice::must(sluice::shm_sink<int, sluice::latest>("/progress"));
  for (int k = 0; k < 3; ++k)
    if (::fork() == 0) return work(), 0;
  if (::fork() == 0) {                                  // feeds; the parent's end must not be used in a child
    auto feed = sluice::must(sluice::shm_sink<job, sluice::mpmc>("/jobs"));
    for (int i = 0; i < jobs; ++i) (void)feed.push(job{i});
    return 0;
  }

  bool done[jobs] = {};
  int count = 0;
  while (count < jobs) {
    auto text = reports.borrow(5s);
    if (!text) return std::fprintf(stderr, "%s\n", sluice::describe(text.err()).c_str()), 1;
    char line[65] = {};
    std::memcpy(line, text.data(), text.size());
    const int number = std::atoi(line + 4);
    if (std::strchr(line, ',') != nullptr) std::printf("%s\n", line);
    if (!done[number]) done[number] = true, (void)progress.push(++count);
  }
  tx.close();                                           // the end of the stream, for every worker
  auto look = sluice::must(sluice::shm_source<int, sluice::latest>("/progress"));
  std::printf("%d of %d jobs done\n", look.pop().value_or(0), jobs);

  int killed = 0, status = 0;
  while (::wait(&status) > 0) killed += WIFSIGNALED(status) ? 1 : 0;
  std::printf("%d worker killed, no job lost\n", killed);
  for (const char* name : {"/jobs", "/reports", "/progress"}) (void)sluice::shm_remove(name);
  return killed == 1 ? 0 : 1;
}
