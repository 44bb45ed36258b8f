// SPDX-License-Identifier: MIT
// The main job: two processes talk, by the same function bodies over every transport, and survive SIGKILL.
//
//   tour                 measures, then kills a producer and a consumer again and again and balances the books
//   tour copy FILE OUT   streams FILE from one process to another over each transport and compares checksums
#include <sluice/sluice.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

struct ping {
  std::uint64_t id;
};
constexpr std::uint64_t last = ~0ull;

// --- What is done over every transport: these bodies know nothing of the transport ------------------------------------

// The partner sends everything back, until the stream ends.
void echo(sluice::source auto& in, sluice::sink<ping> auto& out) {
  for (auto& p : in.each()) (void)out.push(p);
}
// The partner counts, and answers when the last one has come.
void count(sluice::source auto& in, sluice::sink<ping> auto& out) {
  std::uint64_t n = 0;
  for (auto& p : in.each()) {
    if (p.id == last) (void)out.push(ping{n});
    else ++n;
  }
}

struct round_trips {
  double p50, p99, p999, max;  // nanoseconds
};
round_trips measure_round_trips(sluice::sink<ping> auto& out, sluice::source auto& in, int n) {
  std::vector<double> ns;
  ns.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    const auto start = steady::now();
    sluice::must(out.push(ping{static_cast<std::uint64_t>(i)}, 5s));
    (void)sluice::must(in.pop(5s));
    ns.push_back(std::chrono::duration<double, std::nano>(steady::now() - start).count());
  }
  std::sort(ns.begin(), ns.end());
  const auto at = [&](double q) { return ns[static_cast<std::size_t>(q * static_cast<double>(ns.size() - 1))]; };
  return {at(0.5), at(0.99), at(0.999), ns.back()};
}
// Messages per second, with a progress line while it runs.
double measure_throughput(sluice::sink<ping> auto& out, sluice::source auto& in, std::uint64_t n, const char* name) {
  const bool show = ::isatty(1) != 0;
  const auto start = steady::now();
  for (std::uint64_t i = 0; i < n; ++i) {
    sluice::must(out.push(ping{i}, 5s));
    if (show && i % 65536 == 0) {
      std::printf("\r  %-16s %3.0f %%", name, 100.0 * static_cast<double>(i) / static_cast<double>(n));
      std::fflush(stdout);
    }
  }
  sluice::must(out.push(ping{last}, 5s));
  const auto got = sluice::must(in.pop(5s));
  if (got.id != n) std::printf("lost %llu messages\n", static_cast<unsigned long long>(n - got.id)), std::exit(1);
  if (show) std::printf("\r%40s\r", "");
  return static_cast<double>(n) / std::chrono::duration<double>(steady::now() - start).count();
}

// --- The transports: each connects two bodies there and back -----------------------------------------------------------

// Runs `body` in a child process and returns its id.
template <class Body>
pid_t in_a_process(Body body) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child < 0) std::perror("fork"), std::exit(1);
  if (child == 0) {
    body();
    std::fflush(stdout);
    ::_exit(0);
  }
  return child;
}

struct between_threads {
  static constexpr const char* name = "threads, channel";
  template <class T>
  static void connect(auto here, auto partner) {
    auto [there, ours] = sluice::channel<T>(1024);
    auto [back, answers] = sluice::channel<T>(1024);
    std::thread other([&from = ours, &to = back, &partner] { partner(from, to), to.close(); });
    here(there, answers);
    there.close();
    other.join();
  }
};

// Both ends of both directions by name; the two processes meet there, whoever comes first.
template <class T>
void connect_by_name(const std::string& name, auto open_sink, auto open_source, auto here, auto partner) {
  const std::string there = name + ".there", back = name + ".back";
  const pid_t child = in_a_process([&] {
    auto from = sluice::must(open_source(there));
    auto to = sluice::must(open_sink(back));
    partner(from, to);
  });
  {
    auto to = sluice::must(open_sink(there));
    auto from = sluice::must(open_source(back));
    here(to, from);
  }
  ::waitpid(child, nullptr, 0);
}

struct through_shared_memory {
  static constexpr const char* name = "shared memory";
  template <class T>
  static void connect(auto here, auto partner) {
    const sluice::ring_options o{.capacity = 1024};
    const std::string region = "/tour." + std::to_string(::getpid());
    connect_by_name<T>(region, [&](const std::string& n) { return sluice::shm_sink<T>(n, o); },
                       [&](const std::string& n) { return sluice::shm_source<T>(n, o); }, here, partner);
    (void)sluice::shm_remove(region + ".there");
    (void)sluice::shm_remove(region + ".back");
  }
};

struct through_a_mapped_file {
  static constexpr const char* name = "mapped file";
  template <class T>
  static void connect(auto here, auto partner) {
    const sluice::ring_options o{.capacity = 1024};
    const char* where = std::getenv("TMPDIR");
    const std::string file = std::string(where != nullptr ? where : "/tmp") + "/tour." + std::to_string(::getpid());
    connect_by_name<T>(file, [&](const std::string& n) { return sluice::mapped_sink<T>(n, o); },
                       [&](const std::string& n) { return sluice::mapped_source<T>(n, o); }, here, partner);
    ::unlink((file + ".there").c_str());
    ::unlink((file + ".back").c_str());
  }
};

struct through_a_pipe {
  static constexpr const char* name = "pipe";
  template <class T>
  static void connect(auto here, auto partner) {
    auto there = sluice::must(sluice::pipe());
    auto back = sluice::must(sluice::pipe());
    const pid_t child = in_a_process([&] {
      there.out.close(), back.in.close();
      auto from = sluice::source_of<T>(std::move(there.in));
      auto to = sluice::sink_of<T>(std::move(back.out));
      partner(from, to);
      (void)to.finish(5s);
    });
    there.in.close(), back.out.close();
    auto to = sluice::sink_of<T>(std::move(there.out));
    auto from = sluice::source_of<T>(std::move(back.in));
    here(to, from);
    (void)to.finish(5s);
    ::waitpid(child, nullptr, 0);
  }
};

// --- The table -----------------------------------------------------------------------------------------------------------

// What the machine itself needs to send one cache line there and back: no queue can be faster.
double bare_round_trip() {
  struct alignas(128) line {
    std::atomic<std::uint64_t> value{0};
  };
  static line there, back;
  constexpr std::uint64_t most = 200'000, over = ~std::uint64_t{0};
  there.value = 0, back.value = 0;
  std::thread other([] {
    for (std::uint64_t seen = 0; seen != over;) {
      const auto now = there.value.load(std::memory_order_acquire);
      if (now != seen) back.value.store(seen = now, std::memory_order_release);
    }
  });
  const auto start = steady::now();
  std::uint64_t n = 0;
  while (n != most && steady::now() - start < 1s) {  // where others want the cores, each turn may take a time slice
    for (const std::uint64_t next = n + 100; n != next;) {
      there.value.store(++n, std::memory_order_release);
      while (back.value.load(std::memory_order_acquire) != n) {
      }
    }
  }
  const auto took = steady::now() - start;
  there.value.store(over, std::memory_order_release);
  other.join();
  return std::chrono::duration<double, std::nano>(took).count() / static_cast<double>(n);
}

template <class Transport>
void measure(int trips, std::uint64_t messages) {
  round_trips r{};
  double rate = 0;
  Transport::template connect<ping>([&](auto& out, auto& in) { r = measure_round_trips(out, in, trips); },
                                    [](auto& in, auto& out) { echo(in, out); });
  Transport::template connect<ping>([&](auto& out, auto& in) { rate = measure_throughput(out, in, messages, Transport::name); },
                                    [](auto& in, auto& out) { count(in, out); });
  std::printf("  %-16s %9.0f %9.0f %9.0f %10.0f %12.2f\n", Transport::name, r.p50, r.p99, r.p999, r.max, rate / 1e6);
}

void table() {
  std::printf("round trip of 8 bytes in ns      p50       p99     p99.9        max   million/s one way\n");
  if (std::thread::hardware_concurrency() > 1)
    std::printf("  %-16s %9.0f   (mean; one cache line there and back)\n", "the bare machine", bare_round_trip());
  measure<between_threads>(100'000, 3'000'000);
  measure<through_shared_memory>(100'000, 3'000'000);
  measure<through_a_mapped_file>(100'000, 3'000'000);
  measure<through_a_pipe>(20'000, 300'000);
}

// --- Killing ----------------------------------------------------------------------------------------------------------------

struct entry {
  std::uint32_t life;  // which producer
  std::uint32_t index;
};
constexpr int lives = 11;
// Kept outside the channel, in memory that parent and children share.
struct ledger {
  std::atomic<std::uint32_t> pushed[lives];  // by each producer, as far as it came to write it down
  std::atomic<std::uint64_t> seen[lives];    // of each: skipped << 32 | what comes next, written in one piece
  std::atomic<std::uint64_t> doubled;
  std::atomic<bool> done;

  std::uint64_t got() const {
    std::uint64_t n = 0;
    for (const auto& s : seen) n += (s & 0xffffffffu) - (s >> 32);
    return n;
  }
};

[[noreturn]] void produce_for_ever(const std::string& name, ledger& book, std::uint32_t life) {
  auto out = sluice::must(sluice::shm_sink<entry>(name, {.capacity = 64, .persistent = true}));
  for (std::uint32_t i = 0;; ++i) {
    sluice::must(out.push(entry{life, i}));
    book.pushed[life] = i + 1;
  }
}
void consume(const std::string& name, ledger& book) {
  auto in = sluice::must(sluice::shm_source<entry>(name, {.capacity = 64, .persistent = true}));
  while (auto e = in.pop(book.done ? 50ms : 200ms)) {
    const std::uint64_t seen = book.seen[e->life];
    const auto expected = static_cast<std::uint32_t>(seen);
    if (e->index < expected) ++book.doubled;
    else book.seen[e->life] = ((seen >> 32) + (e->index - expected)) << 32 | (e->index + 1);
  }
}

int kill_and_balance() {
  const std::string name = "/tour.kill." + std::to_string(::getpid());
  void* const page = ::mmap(nullptr, sizeof(ledger), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return std::perror("mmap"), 1;
  ledger& book = *::new (page) ledger{};
  std::printf("\nkilling the producer and the consumer %d times each, by SIGKILL, while they run flat out\n", lives - 1);

  const bool show = ::isatty(1) != 0;
  pid_t consumer = in_a_process([&] { consume(name, book); });
  for (std::uint32_t life = 0; life < lives; ++life) {
    const pid_t producer = in_a_process([&] { produce_for_ever(name, book, life); });
    std::this_thread::sleep_for(30ms);
    if (life + 1 < lives) {
      ::kill(consumer, SIGKILL), ::waitpid(consumer, nullptr, 0);
      consumer = in_a_process([&] { consume(name, book); });
      std::this_thread::sleep_for(20ms);
    }
    ::kill(producer, SIGKILL), ::waitpid(producer, nullptr, 0);
    std::printf("%s  %2u producers and %2u consumers dead, %llu messages through%s", show ? "\r" : "", life + 1,
                life + 1 < lives ? life + 1 : life, static_cast<unsigned long long>(book.got()), show ? "" : "\n");
    std::fflush(stdout);
  }
  if (show) std::printf("\n");
  book.done = true;
  ::waitpid(consumer, nullptr, 0);  // it drains what is left and stops
  (void)sluice::shm_remove(name);

  // A push is committed by one store; a producer killed right after it had no time to write it down.
  std::uint64_t pushed = 0, unwritten = 0, taken = 0;
  for (int life = 0; life < lives; ++life) {
    const std::uint64_t written = book.pushed[life], came = book.seen[life] & 0xffffffffu;
    pushed += written;
    taken += book.seen[life] >> 32;  // popped by a consumer that died before writing it down
    if (came > written) unwritten += came - written;
    else taken += written - came;
  }
  std::printf("  pushed %llu (+%llu that a killed producer had no time to write down), got %llu, doubled %llu,\n"
              "  taken along by %d killed consumers: %llu\n",
              static_cast<unsigned long long>(pushed), static_cast<unsigned long long>(unwritten),
              static_cast<unsigned long long>(book.got()), static_cast<unsigned long long>(book.doubled.load()),
              lives - 1, static_cast<unsigned long long>(taken));
  const bool balanced = book.doubled == 0 && taken <= lives - 1 && unwritten <= lives && pushed + unwritten == book.got() + taken;
  std::printf(balanced ? "  the ledger balances\n" : "  THE LEDGER DOES NOT BALANCE\n");
  ::munmap(page, sizeof(ledger));
  return balanced ? 0 : 1;
}

// --- copy ---------------------------------------------------------------------------------------------------------------------

struct chunk {
  std::uint32_t size;
  std::byte data[4092];
};

struct checked {
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
  bool ok = true;
  void add(const chunk& c) {
    bytes += c.size;
    crc = sluice::crc32c(std::span(c.data).first(c.size), crc);
  }
};

template <class Transport>
bool copy_over(std::FILE* in, const char* out_path) {
  checked sent, kept;
  const auto start = steady::now();
  std::rewind(in);
  // The partner is the one that writes: its checksum comes back as the only message of the other direction.
  Transport::template connect<chunk>(
      [&](auto& out, auto& answers) {
        chunk c;
        while ((c.size = static_cast<std::uint32_t>(std::fread(c.data, 1, sizeof c.data, in))) != 0)
          sent.add(c), sluice::must(out.push(c, 30s));
        sent.ok = std::ferror(in) == 0;
        c.size = 0;
        sluice::must(out.push(c, 30s));
        const auto answer = sluice::must(answers.pop(30s));
        std::memcpy(static_cast<void*>(&kept), answer.data, sizeof kept);
      },
      [&](auto& chunks, auto& answers) {
        checked written;
        std::FILE* const to = std::fopen(out_path, "wb");
        written.ok = to != nullptr;
        for (auto& c : chunks.each(30s)) {
          if (c.size == 0 || c.size > sizeof c.data) break;
          written.add(c);
          if (written.ok) written.ok = std::fwrite(c.data, 1, c.size, to) == c.size;
        }
        if (to != nullptr && std::fclose(to) != 0) written.ok = false;
        chunk answer{};
        std::memcpy(answer.data, &written, sizeof written);
        (void)answers.push(answer, 30s);
      });
  const double seconds = std::chrono::duration<double>(steady::now() - start).count();
  const bool same = sent.ok && kept.ok && sent.bytes == kept.bytes && sent.crc == kept.crc;
  std::printf("  %-16s %12llu bytes %8.1f MB/s   crc32c %08x %08x   %s\n", Transport::name,
              static_cast<unsigned long long>(kept.bytes), static_cast<double>(sent.bytes) / 1e6 / seconds, sent.crc,
              kept.crc, same ? "equal" : !sent.ok ? "READ ERROR" : !kept.ok ? "WRITE ERROR" : "DIFFERENT");
  return same;
}

int copy(const char* from, const char* to) {
  struct stat a = {}, b = {};
  if (::stat(from, &a) != 0) return std::fprintf(stderr, "tour: %s: %s\n", from, std::strerror(errno)), 1;
  if (!S_ISREG(a.st_mode)) return std::fprintf(stderr, "tour: %s is not a regular file\n", from), 1;
  if (::stat(to, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
    return std::fprintf(stderr, "tour: %s and %s are the same file\n", from, to), 1;
  std::FILE* const in = std::fopen(from, "rb");
  if (in == nullptr) return std::fprintf(stderr, "tour: %s: %s\n", from, std::strerror(errno)), 1;
  std::FILE* const probe = std::fopen(to, "ab");
  if (probe == nullptr) return std::fprintf(stderr, "tour: %s: %s\n", to, std::strerror(errno)), std::fclose(in), 1;
  std::fclose(probe);
  bool good = copy_over<between_threads>(in, to);
  good = copy_over<through_shared_memory>(in, to) && good;
  good = copy_over<through_a_mapped_file>(in, to) && good;
  good = copy_over<through_a_pipe>(in, to) && good;
  std::fclose(in);
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "copy") == 0) return copy(argv[2], argv[3]);
  if (argc != 1) return std::fprintf(stderr, "usage: tour | tour copy FILE OUT\n"), 2;
  table();
  return kill_and_balance();
}
