#include <sluice/sluice.hpp>
#include <cstdio>
#include <string>

// Numbers through another program: `sort -n` as a child, all of its input in, all of its output out.
int main() {
  auto sort = sluice::must(sluice::spawn({"sort", "-n"}));
  const std::string numbers = "10\n9\n100\n1\n";
  sluice::must(sluice::converse(sort, std::as_bytes(std::span(numbers)), [](sluice::child_stream, std::span<const std::byte> some) {
    return std::fwrite(some.data(), 1, some.size(), stdout) == some.size();
  }, std::chrono::seconds(10)));
  return sluice::must(sort.process.pop(std::chrono::seconds(10))).code;
}
