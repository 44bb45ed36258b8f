#include <sluice/sluice.hpp>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace std::chrono_literals;

// A function is run in another thread: where it next looks, or at once. And a fault becomes an error.
int main() {
  std::atomic<sluice::ast_queue*> to{nullptr};
  std::atomic<int> interrupts{0};
  std::atomic<bool> over{false};
  std::thread worker([&] {
    sluice::ast_queue mine;
    to = &mine;
    while (!over)  // it must outlive whoever posts
      if (auto call = mine.pop(10ms)) (*call)();
    mine.run();
  });
  while (to == nullptr) std::this_thread::yield();
  const auto shout = [](void*, std::int64_t n) { std::printf("call %d in the worker\n", static_cast<int>(n)); };
  sluice::must((*to).post(sluice::async_signal_safe{[](void* n, std::int64_t) { ++*static_cast<std::atomic<int>*>(n); }}, &interrupts));
  sluice::must((*to).post(shout, nullptr, 1));
  sluice::must((*to).post(shout, nullptr, 2));
  over = true;
  worker.join();
  std::printf("%d interrupt\n", interrupts.load());

  std::FILE* const file = std::tmpfile();
  if (file == nullptr || ::ftruncate(::fileno(file), 8192) != 0) return 1;
  void* const mapped = ::mmap(nullptr, 8192, PROT_READ, MAP_SHARED, ::fileno(file), 0);
  if (::ftruncate(::fileno(file), 100) != 0) return 1;  // somebody cuts it short
  char copy[8192];
  const auto s = sluice::trap([&] { std::memcpy(copy, mapped, sizeof copy); });
  std::printf("%s\n", sluice::describe(s.err()).c_str());
}
