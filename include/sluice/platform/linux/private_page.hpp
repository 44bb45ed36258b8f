// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_PRIVATE_PAGE_HPP
#define SLUICE_PLATFORM_LINUX_PRIVATE_PAGE_HPP

#include <sluice/core/result.hpp>
#include <sluice/platform/handle.hpp>

#if SLUICE_HAS_LINUX()

#include <sys/mman.h>

namespace sluice::detail {

/// A T in memory that a forked child finds wiped to zero, with a mark beside it that tells. All zero must be a valid T.
template <class T>
class private_page {
 public:
  constexpr private_page() noexcept = default;
  /// Maps the page and starts with a value-initialised T. Errors: no_space; unsupported if the kernel (before 4.14)
  /// cannot wipe; os.
  [[nodiscard]] static result<private_page> make() noexcept {
    void* const at = ::mmap(nullptr, sizeof(content), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return last_error(step::create);
    constexpr int wipe_on_fork = 18;
    if (::madvise(at, sizeof(content), wipe_on_fork) != 0) {
      // The arguments are right, so a refusal of them means that the advice is not known.
      error why = last_error(step::create);
      if (errno == EINVAL || errno == ENOSYS) why = error(errc::unsupported, step::create, subject::wipe_on_fork);
      ::munmap(at, sizeof(content));
      return why;
    }
    private_page p;
    p.at_ = ::new (at) content{1, T{}};
    return p;
  }
  private_page(private_page&& o) noexcept : at_(std::exchange(o.at_, nullptr)) {}
  private_page& operator=(private_page&& o) noexcept {
    std::swap(at_, o.at_);
    return *this;
  }
  ~private_page() {
    if (at_ != nullptr) ::munmap(static_cast<void*>(at_), sizeof(content));
  }

  [[nodiscard]] explicit operator bool() const noexcept { return at_ != nullptr; }
  /// Is this a forked child's view?
  [[nodiscard]] bool wiped() const noexcept { return at_ != nullptr && at_->mark == 0; }
  [[nodiscard]] T* get() const noexcept { return &at_->value; }

 private:
  struct content {
    std::uint64_t mark;
    T value;
  };
  content* at_ = nullptr;
};

}  // namespace sluice::detail

#endif
#endif
