// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_REGION_PLACE_HPP
#define SLUICE_MEMORY_REGION_PLACE_HPP

#include <sluice/core/result.hpp>
#include <sluice/memory/rights.hpp>
#include <sluice/platform/handle.hpp>

#include <cstdio>
#include <string_view>
#include <sys/stat.h>

namespace sluice {

namespace detail {

/// Is this name in this directory that of an opened file?
inline bool names_file(int directory, const char* name, int fd) noexcept {
  struct stat named = {}, held = {};
  return ::fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(fd, &held) == 0 &&
         named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

}  // namespace detail

/// Where a region lives and who may use it.
struct region_options {
  const char* directory = nullptr;  // of a shared memory name; null: the user's own, 0700, on tmpfs
  mode_t mode = 0600;               // of a region that is created; never writable by all
  gid_t group = static_cast<gid_t>(-1);  // owning group, whose members' regions are then accepted too
  bool prefault = false;            // map all pages at once, so that no first touch costs a fault
  bool huge_pages = false;          // ask for huge pages; without effect where the system has none to give
  sluice::rights rights = sluice::rights::read_write;  // what the opener may do; each kind says how little it can do with

  [[nodiscard]] int open_flags() const noexcept { return rights == sluice::rights::read_only ? O_RDONLY : O_RDWR; }
};

/// A directory and a name in it, held by descriptor: what is checked is what is used.
class region_place {
 public:
  /// The place of a shared memory name: one component, an optional slash in front.
  [[nodiscard]] static result<region_place> shared_memory(std::string_view name, const region_options& o) noexcept {
    if (!name.empty() && name.front() == '/') name.remove_prefix(1);
    if (name.find('/') != name.npos) return error(errc::invalid, step::open, subject::name);
    region_place p(o, false);
    if (const error e = p.take_leaf(name)) return e;
    char own[64];
    std::snprintf(own, sizeof own, "/dev/shm/sluice.%u", static_cast<unsigned>(::geteuid()));
    const error e = o.directory != nullptr ? p.enter(o.directory) : p.enter_own(own);
    return e ? result<region_place>(e) : result<region_place>(std::move(p));
  }
  /// The place of a file by its path.
  [[nodiscard]] static result<region_place> file(std::string_view path, const region_options& o) noexcept {
    region_place p(o, true);
    const auto slash = path.rfind('/');
    const auto leaf = slash == path.npos ? path : path.substr(slash + 1);
    if (const error e = p.take_leaf(leaf)) return e;
    char directory[4096];
    const std::string_view parent = slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    if (parent.size() >= sizeof directory) return error(errc::invalid, step::open, subject::name);
    directory[parent.copy(directory, sizeof directory - 1)] = '\0';
    const error e = p.enter(directory);
    return e ? result<region_place>(e) : result<region_place>(std::move(p));
  }

  [[nodiscard]] int directory() const noexcept { return directory_.get(); }
  [[nodiscard]] const char* leaf() const noexcept { return leaf_; }
  /// Does the region outlive a reboot?
  [[nodiscard]] bool durable() const noexcept { return durable_; }
  [[nodiscard]] const region_options& options() const noexcept { return options_; }

  /// A new description of the region of this name; never creates, follows no link, and never waits at a FIFO.
  [[nodiscard]] unique_handle open() const noexcept {
    return detail::open_at(directory(), leaf_, options_.open_flags() | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  }
  /// Is the name still that of this file? Asked once a lock is held: the name may have been taken away meanwhile.
  [[nodiscard]] bool still_names(int fd) const noexcept { return detail::names_file(directory(), leaf_, fd); }
  [[nodiscard]] status remove() const noexcept {
    return ::unlinkat(directory(), leaf_, 0) == 0 ? status() : detail::last_error(step::remove);
  }

 private:
  region_place(const region_options& o, bool durable) noexcept : options_(o), durable_(durable) {}

  error take_leaf(std::string_view name) noexcept {
    constexpr std::size_t longest = 200;  // leaves room for a temporary name beside it
    if (name.empty() || name.size() > longest || name == "." || name == ".." || name.find('\0') != name.npos)
      return error(errc::invalid, step::open, subject::name);
    leaf_[name.copy(leaf_, longest)] = '\0';
    return {};
  }
  error enter(const char* path) noexcept {
    directory_ = detail::open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY);
    return directory_ ? error() : about_directory(detail::last_error(step::open));
  }
  // The user's own directory: made if missing, and not used if anybody else could have made it or can look into it.
  error enter_own(const char* path) noexcept {
    if (::mkdir(path, 0700) != 0 && errno != EEXIST) return about_directory(detail::last_error(step::create));
    directory_ = detail::open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!directory_) return about_directory(detail::last_error(step::open));
    struct stat st = {};
    if (::fstat(directory_.get(), &st) != 0) return detail::last_error(step::open);
    if (st.st_uid != ::geteuid() || (st.st_mode & 077) != 0) return error(errc::denied, step::open, subject::directory);
    return {};
  }
  static error about_directory(error e) noexcept {
    if (e.code != errc::os) e.detail = static_cast<std::int32_t>(subject::directory);
    return e;
  }

  unique_handle directory_;
  region_options options_;
  bool durable_;
  char leaf_[256];
};

}  // namespace sluice

#endif
