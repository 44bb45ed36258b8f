// SPDX-License-Identifier: MIT
#include "../process.hpp"
#include "corpus.hpp"
#include "input.hpp"

#include <algorithm>
#include <array>
#include <csignal>

// A main() for any fuzz target, for compilers without libFuzzer: replays the seeds, then mutates them for a bounded time.
// The target is compiled with -fsanitize-coverage=trace-pc and this file without, so that inputs which reach new code are
// kept and mutated in turn. The same seed and number of runs do the same.
//
//   fuzz_TARGET [seconds=S] [runs=N] [seed=N] [limit=BYTES] [keep=FILE] [unpack=DIRECTORY] CORPUS.txt...
//
// keep    writes the fewest inputs it found that together reach all that was reached, as a corpus
// unpack  writes each seed as a binary file for libFuzzer, and ends
//
// The input that is running stands in TARGET.last, a corpus of one, which remains if it ends this process; an input that
// takes half a minute is ended by SIGALRM.

namespace {

using fuzz::bytes;

constexpr unsigned hang_seconds = 30;
constexpr std::size_t edges = 1u << 14;
using edge_counts = std::array<std::uint8_t, edges>;
edge_counts reached;
std::uint64_t previous = 0;

// How often, in powers of two: twice as often round a loop is something new, once more is not.
std::uint8_t bucket(std::uint8_t count) noexcept {
  std::uint8_t b = 0;
  for (; count != 0; count = static_cast<std::uint8_t>(count >> 1)) b = static_cast<std::uint8_t>(b << 1 | 1);
  return b;
}
bool add_to(edge_counts& all) noexcept {
  bool fresh = false;
  for (std::size_t i = 0; i < edges; ++i) {
    if (reached[i] == 0) continue;
    const auto more = static_cast<std::uint8_t>(all[i] | bucket(reached[i]));
    fresh = fresh || more != all[i];
    all[i] = more;
  }
  return fresh;
}

class runner {
 public:
  explicit runner(std::string name) : name_(std::move(name)) {
    const int fd = ::open(name_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    void* at = MAP_FAILED;
    if (fd >= 0 && ::ftruncate(fd, room) == 0)
      at = ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (at == MAP_FAILED) std::perror(name_.c_str()), std::exit(2);
    last_ = static_cast<char*>(at);
    std::memset(last_, '\n', room);
  }
  runner(const runner&) = delete;
  runner& operator=(const runner&) = delete;
  ~runner() {  // only if every input came back
    ::munmap(last_, room);
    ::unlink(name_.c_str());
  }

  void operator()(const bytes& in) {
    const std::string text = fuzz::to_text(in);
    if (text.size() < length_) std::memset(last_ + text.size(), '\n', length_ - text.size());
    text.copy(last_, length_ = text.size());
    ::alarm(hang_seconds);
    reached.fill(0);
    previous = 0;
    // A copy of exactly its size on the heap, so that an address sanitizer sees whoever reads beyond it.
    bytes exact(in);
    exact.shrink_to_fit();
    (void)LLVMFuzzerTestOneInput(exact.data(), exact.size());
    ++runs_;
  }
  std::uint64_t runs() const noexcept { return runs_; }

 private:
  static constexpr std::size_t room = 1u << 17;
  std::string name_;
  char* last_;
  std::size_t length_ = 0;
  std::uint64_t runs_ = 0;
};

bytes mutated(bytes b, const std::vector<bytes>& corpus, std::size_t limit, test::dice& d) {
  static constexpr std::uint8_t telling[] = {0, 1, 2, 7, 8, 0x7f, 0x80, 0xfe, 0xff};
  const auto at = [&] { return static_cast<std::ptrdiff_t>(d.below(b.size())); };
  for (auto n = d.below(6) + 1; n-- != 0;) {
    const auto how = d.below(8);
    if (b.empty() || how == 0) {
      b.insert(b.begin() + static_cast<std::ptrdiff_t>(d.below(b.size() + 1)), d.below(8) + 1, static_cast<std::uint8_t>(d()));
    } else if (how == 1) {
      const auto from = at();
      b.erase(b.begin() + from, b.begin() + from + static_cast<std::ptrdiff_t>(d.below(b.size() - static_cast<std::size_t>(from)) + 1));
    } else if (how == 2) {
      b[d.below(b.size())] ^= static_cast<std::uint8_t>(1u << d.below(8));
    } else if (how == 3) {
      b[d.below(b.size())] = telling[d.below(sizeof telling)];
    } else if (how == 4) {
      const std::size_t from = d.below(b.size()), n_bytes = d.below(b.size() - from) + 1;
      const bytes part(b.begin() + static_cast<std::ptrdiff_t>(from), b.begin() + static_cast<std::ptrdiff_t>(from + n_bytes));
      b.insert(b.begin() + at(), part.begin(), part.end());
    } else if (how == 5) {
      const bytes& other = corpus[d.below(corpus.size())];
      const std::size_t cut = d.below(b.size() + 1), from = d.below(other.size() + 1);
      b.resize(cut);
      b.insert(b.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
    } else {
      b[d.below(b.size())] = static_cast<std::uint8_t>(d());
    }
  }
  if (b.size() > limit) b.resize(limit);
  return b;
}

struct settings {
  double seconds = 3;
  std::uint64_t runs = ~std::uint64_t{0}, seed = 1, limit = 512;
  std::string keep, unpack;
  std::vector<bytes> corpus;

  bool take(const std::string& argument) {
    const auto equals = argument.find('=');
    if (equals == argument.npos) return fuzz::read_corpus(argument, corpus);
    const std::string key = argument.substr(0, equals), value = argument.substr(equals + 1);
    if (key == "keep") keep = value;
    else if (key == "unpack") unpack = value;
    else if (key == "seconds") seconds = std::stod(value);
    else if (key == "runs") runs = std::stoull(value);
    else if (key == "seed") seed = std::stoull(value);
    else if (key == "limit") limit = std::stoull(value);
    else return false;
    return true;
  }
};

int unpack(const settings& s) {
  std::filesystem::create_directories(s.unpack);
  int n = 0;
  for (const bytes& b : s.corpus) {
    std::ofstream f(s.unpack + "/seed" + std::to_string(n++), std::ios::binary);
    for (const auto v : b) f.put(static_cast<char>(v));
    if (!f.flush()) return 2;
  }
  return 0;
}

// Greedy: whichever input reaches most of what is still missing comes next.
void keep_fewest(const std::string& path, const std::vector<bytes>& found, runner& run) {
  std::vector<edge_counts> reach;
  for (const bytes& b : found) run(b), reach.push_back(reached);
  edge_counts all{};
  std::ofstream f(path);
  for (;;) {
    std::size_t best = 0, most = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      std::size_t n = 0;
      for (std::size_t k = 0; k < edges; ++k) n += reach[i][k] != 0 && all[k] == 0 ? 1u : 0u;
      if (n > most) best = i, most = n;
    }
    if (most == 0) return;
    for (std::size_t k = 0; k < edges; ++k) all[k] = static_cast<std::uint8_t>(all[k] | reach[best][k]);
    f << fuzz::to_text(found[best]) << '\n';
  }
}

}  // namespace

extern "C" {
void __sanitizer_cov_trace_pc();
void __sanitizer_cov_trace_pc() {
  const auto offset = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)) -
                      reinterpret_cast<std::uintptr_t>(&LLVMFuzzerTestOneInput);  // the same wherever this is loaded
  const std::uint64_t here = offset * 0x9e3779b97f4a7c15u >> 40;
  auto& count = reached[(here ^ previous) % edges];
  if (count != 255) ++count;
  previous = here >> 1;
}
}

int main(int argc, char** argv) {
  settings s;
  for (int i = 1; i < argc; ++i)
    if (!s.take(argv[i])) return std::fprintf(stderr, "%s: neither a corpus nor a setting\n", argv[i]), 2;
  if (!s.unpack.empty()) return unpack(s);

  const std::string name = std::filesystem::path(argv[0]).filename();
  runner run(name + ".last");
  edge_counts all{};
  std::vector<bytes> found = s.corpus;
  for (const bytes& b : s.corpus) run(b), (void)add_to(all);
  if (found.empty()) found.emplace_back();
  const auto begun = test::now_ns();
  test::dice d(s.seed);
  while (run.runs() < s.runs && static_cast<double>(test::now_ns() - begun) < s.seconds * 1e9) {
    const bytes b = mutated(found[d.below(found.size())], found, s.limit, d);
    run(b);
    if (add_to(all)) found.push_back(b);
  }
  ::alarm(0);
  const double took = static_cast<double>(test::now_ns() - begun) / 1e9;
  const auto n = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](auto c) { return c != 0; }));
  std::printf("%s: %zu seeds, %llu executions in %.1f s (%.0f per second), %zu edges, %zu inputs kept, seed %llu: clean\n",
              name.c_str(), s.corpus.size(), static_cast<unsigned long long>(run.runs()), took,
              static_cast<double>(run.runs()) / took, n, found.size(), static_cast<unsigned long long>(s.seed));
  if (!s.keep.empty()) keep_fewest(s.keep, found, run);
  ::alarm(0);
}
