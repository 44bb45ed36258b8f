// SPDX-License-Identifier: MIT
#include "streams.hpp"

#include "pace.hpp"
#include "peers_streams.hpp"

#include <spawn.h>
#include <string_view>
#include <type_traits>

// Byte streams with framed messages, what their framings cost, and child processes.

namespace bench {

namespace {

/// ns per message from one side to the other, both flat out; sent `Batch` at a time.
template <class Conversation, class M, std::size_t Batch>
sample one_way(const arrangement& where, std::uint64_t messages) {
  const auto talk = std::make_unique<Conversation>();
  messages = messages / Batch * Batch;
  const std::uint64_t warm_up = messages / 10 / Batch * Batch;
  meeting_place place;
  auto& m = *place;
  run_sides(
      where, m,
      [&] {
        if (!m.wait(1)) return;
        std::array<M, Batch> items{};
        for (std::uint64_t i = 0; i < messages + warm_up; i += Batch) {
          for (std::size_t k = 0; k < Batch; ++k) items[k].v = i + k;
          if constexpr (Batch == 1) talk->a.send(items[0]);
          else talk->a.send_all(std::span<const M, Batch>(items));
        }
      },
      [&] {
        if (!m.wait(1)) return;
        std::uint64_t wrong = 0;
        for (std::uint64_t i = 0; i < messages + warm_up; ++i) {
          if (i == warm_up) m.began = now_ns();
          wrong |= talk->b.receive().v ^ i;
        }
        m.ended = now_ns();
        if (wrong != 0) die("a message was lost, doubled or out of order");
      });
  return {(m.ended - m.began) / static_cast<double>(messages), m.preempted, nullptr};
}

/// ns per message there and back.
template <class Conversation, class M>
sample there_and_back(const arrangement& where, std::uint64_t trips) {
  const auto talk = std::make_unique<Conversation>();
  const std::uint64_t warm_up = trips / 20;
  meeting_place place;
  auto& m = *place;
  run_sides(
      where, m,
      [&] {
        if (!m.wait(1)) return;
        std::uint64_t wrong = 0;
        for (std::uint64_t i = 0; i < trips + warm_up; ++i) {
          if (i == warm_up) m.began = now_ns();
          M item{};
          item.v = i;
          talk->a.send(item);
          wrong |= talk->a.receive().v ^ i;
        }
        m.ended = now_ns();
        if (wrong != 0) die("a message was lost, doubled or out of order");
      },
      [&] {
        if (!m.wait(1)) return;
        for (std::uint64_t i = 0; i < trips + warm_up; ++i) talk->b.send(talk->b.receive());
      });
  return {(m.ended - m.began) / static_cast<double>(trips), m.preempted, nullptr};
}

template <class Conversation, class M, std::size_t Batch = 1>
auto flood() {
  return [p = pace(2000, 300'000, 20e6)](const arrangement& a) mutable {
    const sample s = one_way<Conversation, M, Batch>(a, p.messages());
    p.saw(s.ns);
    return s;
  };
}
template <class Conversation, class M>
auto trips() {
  return [p = pace(200, 300'000, 20e6)](const arrangement& a) mutable {
    const sample s = there_and_back<Conversation, M>(a, p.messages());
    p.saw(s.ns);
    return s;
  };
}

template <way Way, std::size_t Size>
void talks(std::vector<workload>& all, const std::string& through) {
  using M = message<Size>;
  const std::string size = std::to_string(Size);
  const std::string messages = size + "-byte messages in frames ";
  workload t{"stream.thr" + size + "." + through, messages + "through " + through + ", ns per message",
             yardstick::speed, "plain"};
  workload r{"stream.rtt" + size + "." + through, messages + "there and back through " + through + ", ns",
             yardstick::speed, "plain"};
  t.sleeps = r.sleeps = true;
  const auto with = [&]<class Conversation>(const char* name, part is, std::type_identity<Conversation>) {
    t.candidates.push_back({name, is, flood<Conversation, M>()});
    r.candidates.push_back({name, is, trips<Conversation, M>()});
  };
  with("plain read/write", part::limit, std::type_identity<plain_conversation<M, Way, reading::by_frame>>{});
  with("plain, reading ahead", part::limit, std::type_identity<plain_conversation<M, Way, reading::ahead>>{});
  with("plain, ahead, poll", part::reference, std::type_identity<plain_conversation<M, Way, reading::polled>>{});
  with("sluice", part::ours, std::type_identity<our_conversation<M, Way>>{});
#if SLUICE_BENCH_HAS_ASIO || SLUICE_BENCH_HAS_BOOST_ASIO
  with("asio", part::peer, std::type_identity<asio_conversation<M, Way>>{});
#endif
  all.push_back(std::move(t));
  all.push_back(std::move(r));
}

/// 64-byte messages, 16 with one push.
template <way Way>
workload batches(const std::string& through) {
  using M = message<64>;
  workload w{"stream.batch64." + through,
             "64-byte messages in frames, 16 a push, through " + through + ", ns per message", yardstick::speed, "plain"};
  w.sleeps = true;
  const auto with = [&]<class Conversation>(const char* name, part is, std::type_identity<Conversation>) {
    w.candidates.push_back({name, is, flood<Conversation, M, 16>()});
  };
  with("plain, reading ahead", part::limit, std::type_identity<plain_conversation<M, Way, reading::ahead>>{});
  with("sluice", part::ours, std::type_identity<our_conversation<M, Way>>{});
#if SLUICE_BENCH_HAS_ASIO || SLUICE_BENCH_HAS_BOOST_ASIO
  with("asio", part::peer, std::type_identity<asio_conversation<M, Way>>{});
#endif
  return w;
}

/// A connection both ways, made and closed again.
workload made_and_closed() {
  workload w{"duplex.make", "a connection both ways, made and closed, ns", yardstick::speed, "plain socket pair"};
  w.one_cpu = true;
  const auto with = [&](const char* name, part is, auto once) {
    w.candidates.push_back({name, is, [once](const arrangement& where) {
                              constexpr int times = 500;
                              pin(where.cpu[0]);
                              const double began = now_ns();
                              for (int i = 0; i < times; ++i) once();
                              return sample{(now_ns() - began) / times, 0, nullptr};
                            }});
  };
  with("plain socket pair", part::reference, [] {
    int fd[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) != 0) die("no socket pair");
    ::close(fd[0]), ::close(fd[1]);
  });
  with("sluice duplex()", part::ours, [] {
    if (!sluice::duplex()) die("no duplex");
  });
  with("sluice pipe() twice", part::ours, [] {
    const auto there = sluice::pipe(), back = sluice::pipe();
    if (!there || !back) die("no pipes");
  });
  return w;
}

/// One thread, ns per call: `times` calls a sample.
template <class Call>
auto calls(Call call) {
  return [call](const arrangement& where) {
    constexpr int times = 2000;
    pin(where.cpu[0]);
    const double began = now_ns();
    for (int i = 0; i < times; ++i) call();
    return sample{(now_ns() - began) / times, 0, nullptr};
  };
}

/// Bytes that the optimizer knows nothing of.
std::span<const std::byte> unknown(std::span<const std::byte> bytes) {
  const std::byte* at = bytes.data();
  asm volatile("" : "+r"(at) : : "memory");
  return {at, bytes.size()};
}

// What crc32c is measured against: eight bytes a step, from 8 KiB of tables.
std::uint32_t crc32c_by_eight(std::span<const std::byte> bytes) {
  static const auto table = [] {
    std::array<std::array<std::uint32_t, 256>, 8> t{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = (c & 1u) != 0 ? c >> 1 ^ 0x82f63b78u : c >> 1;
      t[0][i] = c;
    }
    for (std::size_t k = 1; k < 8; ++k)
      for (std::size_t i = 0; i < 256; ++i) t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 255u];
    return t;
  }();
  std::uint32_t c = ~0u;
  const std::byte* at = bytes.data();
  std::size_t n = bytes.size();
  for (; n >= 8; at += 8, n -= 8) {
    std::uint64_t w;
    std::memcpy(&w, at, 8);
    w ^= c;
    c = 0;
    for (std::size_t k = 0; k < 8; ++k) c ^= table[7 - k][w >> 8 * k & 255u];
  }
  for (; n != 0; ++at, --n) c = c >> 8 ^ table[0][(c ^ std::to_integer<std::uint32_t>(*at)) & 255u];
  return ~c;
}

template <std::size_t Size>
workload checksum() {
  workload w{"crc32c." + std::to_string(Size), "CRC-32C of " + std::to_string(Size) + " bytes, ns", yardstick::speed,
             "eight bytes a step"};
  w.one_cpu = true;
  static const std::array<std::byte, Size> bytes = [] {
    std::array<std::byte, Size> b{};
    for (std::size_t i = 0; i < Size; ++i) b[i] = static_cast<std::byte>(i * 7);
    return b;
  }();
  if (crc32c_by_eight(bytes) != sluice::crc32c(bytes)) fail("the checksums differ");
  const auto with = [&](const char* name, part is, auto sum) {
    w.candidates.push_back({name, is, calls([sum] {
                              const std::uint32_t s = sum(unknown(bytes));
                              asm volatile("" : : "r"(s) : "memory");
                            })});
  };
  with("sluice crc32c", part::ours, [](auto b) { return sluice::crc32c(b); });
  with("half a byte a step", part::ours, [](auto b) { return sluice::detail::crc32c_by_table(b, 0); });
  with("eight bytes a step", part::reference, crc32c_by_eight);
  return w;
}

/// The end of a line of that length.
template <std::size_t Size>
workload line_end() {
  const std::string size = std::to_string(Size);
  workload w{"line." + size, "the end of a line of " + size + " bytes, ns", yardstick::speed, "byte by byte"};
  w.one_cpu = true;
  static const std::array<std::byte, Size + 1> line = [] {
    std::array<std::byte, Size + 1> b{};
    b.fill(std::byte{'x'});
    b[Size] = std::byte{'\n'};
    return b;
  }();
  const auto with = [&](const char* name, part is, auto find) {
    w.candidates.push_back({name, is, calls([find] {
                              const std::size_t n = find(unknown(line));
                              if (n != Size) die("no line");
                              asm volatile("" : : "r"(n) : "memory");
                            })});
  };
  with("sluice line_framing", part::ours, [](auto in) { return sluice::line_framing<Size>().next(in)->size; });
  with("byte by byte", part::reference, [](auto in) {
    std::size_t i = 0;
    while (i < in.size() && in[i] != std::byte{'\n'}) ++i;
    return i;
  });
  return w;
}

/// Memory that has been written to, in pages of the smallest size.
class touched_memory {
 public:
  explicit touched_memory(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    at_ = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at_ == MAP_FAILED) fail("no memory");
    (void)::madvise(at_, bytes, MADV_NOHUGEPAGE);
    for (std::size_t i = 0; i < bytes; i += 4096) static_cast<volatile char*>(at_)[i] = 1;
  }
  ~touched_memory() {
    if (bytes_ != 0) ::munmap(at_, bytes_);
  }
  touched_memory(const touched_memory&) = delete;
  touched_memory& operator=(const touched_memory&) = delete;

 private:
  std::size_t bytes_;
  void* at_ = nullptr;
};

workload children(std::string name, const std::string& size, std::size_t parent_bytes) {
  workload w{std::move(name), "/bin/true, from its start to its exit status, by a parent of " + size + ", ns",
             yardstick::speed, "vfork"};
  w.one_cpu = true;
  w.sleeps = true;
  static const char* const program[] = {"/bin/true", nullptr};
  static char* const* const arguments = const_cast<char* const*>(program);
  const auto with = [&](const char* how, part is, auto start_and_end) {
    w.candidates.push_back({how, is, [=](const arrangement& where) {
                              constexpr int times = 20;
                              pin(where.cpu[0]);
                              const touched_memory parent(parent_bytes);
                              const double began = now_ns();
                              for (int i = 0; i < times; ++i) start_and_end();
                              return sample{(now_ns() - began) / times, 0, nullptr};
                            }});
  };
  static const auto buried = [](pid_t child) {
    int how = -1;
    if (child <= 0 || ::waitpid(child, &how, 0) != child || how != 0) die("the child failed");
  };
  with("vfork, exec", part::limit, [] {
    const pid_t child = ::vfork();
    if (child == 0) {
      ::execve(arguments[0], arguments, ::environ);
      ::_exit(127);
    }
    buried(child);
  });
  with("sluice spawn", part::ours, [] {
    constexpr auto same = sluice::standard_stream::inherited();
    auto c = sluice::spawn(program, {.in = same, .out = same, .err = same});
    if (!c || !c->process.pop()) die("no child");
  });
  with("posix_spawn", part::peer, [] {
    pid_t child = -1;
    if (::posix_spawn(&child, arguments[0], nullptr, nullptr, arguments, ::environ) != 0) die("no child");
    buried(child);
  });
  with("fork, exec", part::peer, [] {
    const pid_t child = ::fork();
    if (child == 0) {
      ::execve(arguments[0], arguments, ::environ);
      ::_exit(127);
    }
    buried(child);
  });
  return w;
}

}  // namespace

std::vector<workload> stream_workloads() {
  std::vector<workload> all;
  talks<way::pipe, 64>(all, "pipe");
  talks<way::unix_socket, 64>(all, "unix");
  talks<way::tcp, 64>(all, "tcp");
  all.push_back(batches<way::pipe>("pipe"));
  all.push_back(batches<way::unix_socket>("unix"));
  all.push_back(batches<way::tcp>("tcp"));
  talks<way::pipe, 4096>(all, "pipe");
  talks<way::unix_socket, 4096>(all, "unix");
  talks<way::tcp, 4096>(all, "tcp");
  all.push_back(made_and_closed());
  all.push_back(checksum<64>());
  all.push_back(checksum<4096>());
  all.push_back(line_end<60>());
  all.push_back(line_end<1000>());
  all.push_back(children("spawn.small", "a few MiB", 0));
  all.push_back(children("spawn.large", "1 GiB", std::size_t{1} << 30));
  return all;
}

}  // namespace bench
