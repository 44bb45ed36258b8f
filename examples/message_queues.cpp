#include <sluice/sluice.hpp>
#include <cstdio>
#include <string>
#include <unistd.h>

struct job { int number; };

// The message queues of the system: what is in them stays there until it is taken, whoever ends.
int main() {
  const std::string name = "/sluice-example-" + std::to_string(::getpid());
  {
    auto out = sluice::posix_mq_sink<job>(name, {.capacity = 4});
    if (!out) return std::printf("%s\n", sluice::describe(out.err()).c_str()), 0;
    (void)out->push(job{1});
    (void)out->push(job{2}, 9);  // of a higher priority
    (void)out->push(job{3});
  }
  auto in = sluice::must(sluice::posix_mq_source<job>(name));
  while (auto j = in.pop(sluice::now)) std::printf("job %d of priority %u\n", j->number, in.last_priority());
  (void)sluice::posix_mq_remove(name);

  auto out = sluice::sysv_mq_sink<job>("/proc/self/exe");
  if (!out) return std::printf("%s\n", sluice::describe(out.err()).c_str()), 0;
  (void)out->push(job{4}, 7);
  (void)out->push(job{5}, 3);
  auto in_types = sluice::must(sluice::sysv_mq_source<job>("/proc/self/exe"));
  const auto j = sluice::must(in_types.pop(sluice::sysv_select::only(3), sluice::now));
  std::printf("job %d of type %ld\n", j.number, in_types.last_type());
  (void)sluice::sysv_mq_remove("/proc/self/exe");
}
