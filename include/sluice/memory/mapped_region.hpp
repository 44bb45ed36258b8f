// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_MAPPED_REGION_HPP
#define SLUICE_MEMORY_MAPPED_REGION_HPP

#include <sluice/memory/region_place.hpp>

#include <sys/mman.h>

namespace sluice {

/// A shared mapping of a file, which a forked child does not inherit. It keeps the open description it was made
/// through alive, and with it the locks of that description, even when every descriptor is closed.
class mapped_region {
 public:
  static constexpr bool shared = true;

  constexpr mapped_region() noexcept = default;
  [[nodiscard]] static result<mapped_region> map(int fd, std::size_t bytes, const region_options& o) noexcept {
    const int rights = o.rights == rights::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    const int flags = MAP_SHARED | (o.prefault ? MAP_POPULATE : 0);
    void* const at = ::mmap(nullptr, bytes, rights, flags, fd, 0);
    if (at == MAP_FAILED) return detail::last_error(step::map);
    mapped_region r;
    r.data_ = static_cast<std::byte*>(at);
    r.size_ = bytes;
    if (::madvise(at, bytes, MADV_DONTFORK) != 0) return detail::last_error(step::map);
    if (o.huge_pages) (void)::madvise(at, bytes, MADV_HUGEPAGE);
    return r;
  }
  mapped_region(mapped_region&& o) noexcept : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}
  mapped_region& operator=(mapped_region&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    return *this;
  }
  ~mapped_region() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  /// From here on nobody can write what lies at `from` and behind through this mapping. Errors: unsupported where that
  /// is no beginning of a page of this system.
  [[nodiscard]] status protect(std::size_t from) const noexcept {
    const long page = ::sysconf(_SC_PAGESIZE);
    if (page <= 0 || from % static_cast<std::size_t>(page) != 0) return error(errc::unsupported, step::map, subject::page_size);
    return ::mprotect(data_ + from, size_ - from, PROT_READ) == 0 ? status() : detail::last_error(step::map);
  }

  [[nodiscard]] std::byte* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Forgets the mapping: in a forked child there is none, and its addresses may be somebody else's by now.
  void forget() noexcept { data_ = nullptr, size_ = 0; }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sluice

#endif
