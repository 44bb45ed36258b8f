// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KERNEL_INITRAMFS_HPP
#define SLUICE_TESTS_KERNEL_INITRAMFS_HPP

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace kernel {

/// The first file system of a kernel: an archive as `cpio -H newc` writes them.
class initramfs {
 public:
  explicit initramfs(const std::string& path) : out_(path, std::ios::binary) {}

  void directory(const std::filesystem::path& path) {
    if (path.empty() || path == path.root_path() || !directories_.insert(path).second) return;
    directory(path.parent_path());
    put(path, 0040755, {});
  }
  void file(const std::filesystem::path& path, const std::string& bytes) {
    directory(path.parent_path());
    put(path, 0100755, bytes);
  }
  /// What is at `from` here. False if that cannot be read.
  bool copy(const std::filesystem::path& from, const std::filesystem::path& path) {
    std::ifstream in(from, std::ios::binary);
    if (!in) return false;
    std::ostringstream whole;
    whole << in.rdbuf();
    file(path, whole.str());
    return true;
  }
  /// Writes the end. False if anything could not be written.
  bool finish() {
    put("/TRAILER!!!", 0, {});
    out_.close();
    return !out_.fail();
  }

 private:
  void put(const std::filesystem::path& path, unsigned mode, const std::string& bytes) {
    const std::string name = path.relative_path().string() + '\0';
    // number, mode, user, group, links, time, size, two devices of two words each, size of the name, check
    const auto size = static_cast<unsigned>(bytes.size()), name_size = static_cast<unsigned>(name.size());
    const unsigned fields[] = {++number_, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0};
    std::string head = "070701";
    for (const unsigned f : fields) {
      char text[9];
      std::snprintf(text, sizeof text, "%08X", f);
      head += text;
    }
    padded(head + name);
    padded(bytes);
  }
  void padded(const std::string& s) { out_ << s << std::string((4 - s.size() % 4) % 4, '\0'); }

  std::ofstream out_;
  std::set<std::filesystem::path> directories_;
  unsigned number_ = 0;
};

}  // namespace kernel

#endif
