// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_PROCESS_HPP
#define SLUICE_PLATFORM_LINUX_PROCESS_HPP

#include <sluice/platform/linux/handle.hpp>

#if SLUICE_HAS_LINUX()

#include <sys/stat.h>

namespace sluice::detail {

struct process_identity {
  std::uint32_t pid = 0;
  std::uint64_t start_time = 0;     // clock ticks after boot
  std::uint64_t pid_namespace = 0;  // inode number
};

// Reads a small file whole; returns its length, 0 if it cannot be read.
inline std::size_t read_small_file(const char* path, char* to, std::size_t room) noexcept {
  const unique_handle f = open_at(AT_FDCWD, path, O_RDONLY);
  if (!f) return 0;
  std::size_t n = 0;
  while (n != room) {
    const auto more = retry_interrupted([&] { return ::read(f.get(), to + n, room - n); });
    if (more < 0) return 0;
    if (more == 0) break;
    n += static_cast<std::size_t>(more);
  }
  return n;
}

inline process_identity this_process() noexcept {
  process_identity who;
  who.pid = static_cast<std::uint32_t>(::getpid());
  char text[512];
  if (const std::size_t n = read_small_file("/proc/self/stat", text, sizeof text - 1)) {
    text[n] = '\0';
    if (const char* field = __builtin_strrchr(text, ')')) {  // the name before it may contain anything
      for (int i = 2; i < 22 && field != nullptr; ++i) field = __builtin_strchr(field + 1, ' ');
      for (field = field == nullptr ? "" : field + 1; *field >= '0' && *field <= '9'; ++field)
        who.start_time = who.start_time * 10 + static_cast<std::uint64_t>(*field - '0');
    }
  }
  struct stat st = {};
  if (::stat("/proc/self/ns/pid", &st) == 0) who.pid_namespace = st.st_ino;
  return who;
}

/// A number that differs between boots of the machine; 0 where the system does not tell, and errno may say why.
inline std::uint64_t boot_number() noexcept {
  char text[64];
  const std::size_t n = read_small_file("/proc/sys/kernel/random/boot_id", text, sizeof text);
  if (n == 0) return 0;
  std::uint64_t h = 0xcbf29ce484222325u;
  for (std::size_t i = 0; i < n; ++i) h = (h ^ static_cast<unsigned char>(text[i])) * 0x100000001b3u;
  return h | 1u;
}

inline void random_bytes(void* to, std::size_t n) noexcept {
  if (::syscall(SYS_getrandom, to, n, 0) != static_cast<ssize_t>(n)) __builtin_memset(to, 0, n);
}

}  // namespace sluice::detail

#endif
#endif
