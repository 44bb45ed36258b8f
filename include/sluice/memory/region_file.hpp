// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_REGION_FILE_HPP
#define SLUICE_MEMORY_REGION_FILE_HPP

#include <sluice/memory/region_format.hpp>
#include <sluice/memory/region_place.hpp>
#include <sluice/platform/clock.hpp>
#include <sluice/platform/file_lock.hpp>
#include <sluice/platform/process.hpp>

#include <sys/mman.h>
#include <sys/vfs.h>

// The file under a region: created complete before it has a name, and looked at with suspicion when opened.

namespace sluice::detail {

inline status write_all_at(int fd, const void* from, std::size_t n, off_t at) noexcept {
  const char* p = static_cast<const char*>(from);
  while (n != 0) {
    const auto done = retry_interrupted([&] { return ::pwrite(fd, p, n, at); });
    if (done <= 0) return done == 0 ? error(errc::no_space, step::create, subject::size) : last_error(step::create);
    p += done, at += done, n -= static_cast<std::size_t>(done);
  }
  return {};
}

// Blocks for the whole file now: a page that cannot be had later would be a SIGBUS at first touch. The limit of the
// process is looked at first, since the kernel answers a file beyond it with a signal.
inline status allocate(int fd, std::uint64_t size) noexcept {
  if (size > file_size_limit()) return error(errc::too_big, step::create, subject::size);
  if (retry_interrupted([&] { return ::fallocate(fd, 0, 0, static_cast<off_t>(size)); }) == 0) return {};
  if (errno != EOPNOTSUPP) return last_error(step::create);
  static constexpr char zeros[4096] = {};
  struct stat st = {};
  if (::fstat(fd, &st) != 0) return last_error(step::create);
  for (auto at = st.st_size / 4096 * 4096; static_cast<std::uint64_t>(at) < size; at += 4096)
    if (status s = write_all_at(fd, zeros, sizeof zeros, at); !s) return s;
  return {};
}

/// Fills a fresh anonymous file with an empty region.
inline status fill_region(int fd, const region_spec& spec, const region_options& o) noexcept {
  result<region_header> made = make_header(spec);
  if (!made) return made.err();
  region_header& h = *made;
  random_bytes(h.uuid, sizeof h.uuid);
  timespec t{};
  ::clock_gettime(CLOCK_REALTIME, &t);
  h.created_ns = std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  const process_identity who = this_process();
  h.creator_pid = who.pid;
  h.creator_uid = ::geteuid();
  h.creator_start = who.start_time;
  h.creator_pid_namespace = who.pid_namespace;
  h.creator_boot = boot_number();
  h.crc = h.computed_crc();
  if ((o.mode & 0002) != 0 || (o.mode & 0600) != 0600) return error(errc::invalid, step::create, subject::permissions);
  if (o.group != static_cast<gid_t>(-1) && ::fchown(fd, static_cast<uid_t>(-1), o.group) != 0) return last_error(step::create);
  if (::fchmod(fd, o.mode) != 0) return last_error(step::create);
  if (status s = allocate(fd, h.region_size); !s) return s;
  return write_all_at(fd, &h, sizeof h, 0);
}

// Gives a region that is complete its name. What outlives a reboot is on disk before its name is, and then the name
// too.
inline status link_region(int fd, const region_place& where) noexcept {
  if (where.durable() && ::fdatasync(fd) != 0) return last_error(step::create);
  char self[64];
  std::snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
  if (::linkat(AT_FDCWD, self, where.directory(), where.leaf(), AT_SYMLINK_FOLLOW) == 0) {
    std::snprintf(self, sizeof self, "/proc/self/fd/%d", where.directory());
    if (const auto directory = where.durable() ? open_at(AT_FDCWD, self, O_RDONLY | O_DIRECTORY) : unique_handle())
      ::fsync(directory.get());
    return {};
  }
  if (errno == ENOENT && ::access("/proc/self/fd", X_OK) != 0) return error(errc::unsupported, step::link, subject::proc_file_system);
  return errno == EEXIST ? error(errc::busy, step::link, subject::name) : last_error(step::link);
}

// Where the file system has no anonymous files: a temporary name beside the real one, locked by its maker, so that what
// a killed maker leaves behind is taken away by the next.
inline status create_beside(const region_place& where, const region_spec& spec) noexcept {
  char name[300];
  std::snprintf(name, sizeof name, ".%s.making", where.leaf());
  const unique_handle fd = open_at(where.directory(), name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!fd) {
    if (errno != EEXIST) return last_error(step::create);
    const unique_handle left = open_at(where.directory(), name, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (left && !try_lock_byte(left.get(), 0) && names_file(where.directory(), name, left.get()))
      ::unlinkat(where.directory(), name, 0);
    return error(errc::busy, step::create, subject::name);
  }
  status s = try_lock_byte(fd.get(), 0);
  if (s) s = fill_region(fd.get(), spec, where.options());
  // The file is linked by its descriptor: the temporary name may be another maker's by now, whose file is half done.
  if (s) s = link_region(fd.get(), where);
  if (names_file(where.directory(), name, fd.get())) ::unlinkat(where.directory(), name, 0);
  return !s && s.err().code == errc::not_found ? error(errc::busy, step::link, subject::name) : s;
}

/// Creates the region under its name. `busy` says that somebody else did, or is doing so: look again.
inline status create_region(const region_place& where, const region_spec& spec) noexcept {
  char self[64];
  std::snprintf(self, sizeof self, "/proc/self/fd/%d", where.directory());
  const unique_handle fd = open_at(AT_FDCWD, self, O_TMPFILE | O_RDWR, 0600);
  if (!fd && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) return create_beside(where, spec);
  if (!fd) return last_error(step::create);
  if (status s = fill_region(fd.get(), spec, where.options()); !s) return s;
  return link_region(fd.get(), where);
}

/// Creates a region without a name, whose size nobody can ever change again. Pass the descriptor on; join by it.
inline result<unique_handle> create_memfd_region(const region_spec& spec, const region_options& o) noexcept {
  unique_handle fd(::memfd_create("sluice", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return last_error(step::create);
  if (status s = fill_region(fd.get(), spec, o); !s) return s.err();
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) return last_error(step::create);
  return fd;
}

/// Has a file all its blocks? Who may only read can allocate none; and it is tmpfs where even reading a hole takes a
/// page, which may not be had.
inline status check_blocks(int fd, std::uint64_t size) noexcept {
  constexpr std::uint32_t tmpfs = 0x01021994;
  struct statfs fs = {};
  struct stat st = {};
  if (::fstatfs(fd, &fs) != 0 || ::fstat(fd, &st) != 0) return last_error(step::open);
  const bool holes = static_cast<std::uint64_t>(st.st_blocks) * 512 < size;
  return holes && static_cast<std::uint32_t>(fs.f_type) == tmpfs ? error(errc::truncated, step::open, subject::size) : status();
}

/// Is an opened file one that may be mapped: regular, ours, not writable by all, on a file system with honest locks?
inline status check_file(int fd, const region_options& o, std::uint64_t& size) noexcept {
  constexpr auto at = step::open;
  struct stat st = {};
  if (::fstat(fd, &st) != 0) return last_error(at);
  if (!S_ISREG(st.st_mode)) return error(errc::invalid, at, subject::file_type);
  const bool by_group = o.group != static_cast<gid_t>(-1) && st.st_gid == o.group;
  if (st.st_uid != ::geteuid() && !by_group) return error(errc::denied, at, subject::owner);
  if ((st.st_mode & 0002) != 0) return error(errc::denied, at, subject::world_writable);
  struct statfs fs = {};
  if (::fstatfs(fd, &fs) != 0) return last_error(at);
  // NFS, 9P, FUSE and virtiofs, SMB, CIFS, SMB2, Ceph, AFS: locks or mappings there are not those of one kernel.
  constexpr std::uint32_t remote[] = {0x6969, 0x01021997, 0x65735546, 0x517b, 0xff534d42, 0xfe534d42, 0x00c36400, 0x5346414f};
  for (const auto r : remote)
    if (static_cast<std::uint32_t>(fs.f_type) == r) return error(errc::unsupported, at, subject::file_system);
  size = static_cast<std::uint64_t>(st.st_size);
  if (size < sizeof(region_header)) return error(errc::truncated, at, subject::size);
  return {};
}

/// The header of an opened region, judged in private memory.
inline result<region_header> read_header(int fd, const region_options& o) noexcept {
  std::uint64_t size = 0;
  if (status s = check_file(fd, o, size); !s) return s.err();
  region_header h{};
  if (retry_interrupted([&] { return ::pread(fd, &h, sizeof h, 0); }) != static_cast<ssize_t>(sizeof h))
    return error(errc::truncated, step::validate, subject::size);
  if (status s = check_sound(h, size); !s) return s.err();
  return h;
}

}  // namespace sluice::detail

#endif
