// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_STREAM_FOREIGN_HPP
#define SLUICE_TESTS_STREAM_FOREIGN_HPP

#include "../catch.hpp"
#include "../process.hpp"

#include <sluice/wait/until.hpp>

#include <array>
#include <span>
#include <sstream>
#include <string>
#include <vector>

// What tests against programs that nobody here wrote share.

namespace test {

inline bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}
/// What a test says that cannot do without that program.
inline std::string no(const std::string& program) {
  const std::string package = program == "nc" ? "netcat-openbsd" : program == "python3" ? "python3-minimal"
                            : program == "nginx" ? "nginx-light" : program == "ip" ? "iproute2" : program;
  return "skipped: no " + program + " here (Debian package " + package + ")";
}
#define SKIP_WITHOUT(program)         \
  if (!test::installed(program)) {    \
    WARN(test::no(program));          \
    return;                           \
  }

/// A child that is that program, without standard streams.
inline child run(std::vector<std::string> words) {
  std::vector<char*> args;
  for (auto& w : words) args.push_back(w.data());
  args.push_back(nullptr);
  return child([&]() -> int {
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    ::dup2(nowhere, 0), ::dup2(nowhere, 1), ::dup2(nowhere, 2);
    ::execvp(args[0], args.data());
    return 127;
  });
}
/// A child that is that shell command.
inline child command(const std::string& text) {
  return child([&] { return ::execl("/bin/sh", "sh", "-c", text.c_str(), nullptr); });
}

inline std::span<const std::byte> bytes_of(const std::string& s) { return std::as_bytes(std::span(s)); }
inline std::string text_of(std::span<const std::byte> b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }
inline std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// As soon as somebody listens.
template <class Connect>
auto connect_soon(Connect connect) {
  auto c = connect();
  (void)eventually([&] { return c || (c = connect()); }, 30);
  REQUIRE(c);
  return *std::move(c);
}
/// Everything up to the end of the stream.
template <class Stream>
std::string read_all(Stream& s) {
  std::string all;
  std::array<std::byte, 16'384> to;
  while (const auto n = s.read(to, std::chrono::seconds(20))) all += text_of(std::span(to).first(*n));
  return all;
}
template <class Stream>
bool write_all(Stream& s, const std::string& text) {
  for (auto rest = bytes_of(text); !rest.empty();) {
    const auto n = s.write(rest, std::chrono::seconds(20));
    if (!n) return false;
    rest = rest.subspan(*n);
  }
  return true;
}

}  // namespace test

#endif
