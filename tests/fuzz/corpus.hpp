// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_FUZZ_CORPUS_HPP
#define SLUICE_TESTS_FUZZ_CORPUS_HPP

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

// Seeds as text: a line of hexadecimal digits is one input, spaces and what follows a # are for people.

namespace fuzz {

using bytes = std::vector<std::uint8_t>;

inline int digit(char c) noexcept { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/// Appends the seeds of a file; false if there is no such file.
inline bool read_corpus(const std::string& path, std::vector<bytes>& to) {
  std::ifstream f(path);
  for (std::string line; std::getline(f, line);) {
    bytes b;
    int high = -1;
    bool seed = false;
    for (const char c : line.substr(0, line.find('#'))) {
      const int d = digit(c);
      if (d < 0) continue;
      seed = true;
      if (high < 0) high = d;
      else b.push_back(static_cast<std::uint8_t>(high << 4 | d)), high = -1;
    }
    if (seed) to.push_back(b);
  }
  return f.eof();
}
inline std::string to_text(const bytes& b) {
  std::string s;
  for (const auto v : b) s += "0123456789abcdef"[v >> 4], s += "0123456789abcdef"[v & 15];
  return s;
}

}  // namespace fuzz

#endif
