// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_SHARED_REGION_HPP
#define SLUICE_MEMORY_SHARED_REGION_HPP

#include <sluice/core/concepts.hpp>
#include <sluice/memory/membership.hpp>
#include <sluice/platform/private_page.hpp>

namespace sluice {

namespace detail {
struct region_opener;
}  // namespace detail

/// Plain memory that processes share, for structures of one's own: it has all that the regions of channels have, but
/// nobody says what is in it. It starts all zero, is complete before it has a name, and its participants' lives are
/// attested by the kernel.
///
/// Threads: any, as far as what is put there allows. A forked child has no part in it: data() is null there.
class shared_region {
 public:
  static constexpr bool shared = true;

  [[nodiscard]] std::byte* data() const noexcept { return where_ ? *where_.get() : nullptr; }
  [[nodiscard]] std::size_t size() const noexcept { return data() != nullptr ? member_.capacity() : 0; }
  /// How many participants live, this one included. Racy.
  [[nodiscard]] unsigned peers() noexcept { return data() != nullptr ? member_.peers() : 0; }
  [[nodiscard]] opening opened() const noexcept { return member_.opened(); }
  /// A descriptor of the region, to pass on to another process: there join_region() takes part in it.
  [[nodiscard]] int handle() const noexcept { return member_.handle(); }

  shared_region(shared_region&&) noexcept = default;
  shared_region& operator=(shared_region&& other) noexcept {
    if (this != &other) {
      leave();
      where_ = std::move(other.where_);
      member_ = std::move(other.member_);
    }
    return *this;
  }
  ~shared_region() { leave(); }

 private:
  friend struct detail::region_opener;
  shared_region(detail::private_page<std::byte*> where, membership<> member) noexcept
      : where_(std::move(where)), member_(std::move(member)) {}
  void leave() noexcept {
    if (where_.wiped()) member_.disown();
    else member_.leave();
  }

  detail::private_page<std::byte*> where_;  // the address, which a forked child must not find
  membership<> member_;
};

namespace detail {

/// How a shared_region comes to be.
struct region_opener {
  static constexpr std::uint32_t slot_count = 16;

  static region_spec spec(std::size_t bytes) noexcept {
    region_spec s;
    s.capacity = bytes;
    s.least_participants = slot_count;
    s.item_size = s.item_align = 1;
    s.layout = layout_of<std::byte>;
    s.layout_text = &layout_text<std::byte>;
    s.body_bytes = [](std::size_t n) noexcept { return n; };
    return s;
  }
  template <class Join>
  static result<shared_region> open(Join join) noexcept {
    auto where = private_page<std::byte*>::make();
    if (!where) return where.err();
    auto member = join([](membership<>&, unsigned) noexcept {}, [](membership<>&) noexcept -> status { return {}; });
    if (!member) return member.err();
    *where->get() = member->body();
    return shared_region(std::move(*where), std::move(*member));
  }
  static result<shared_region> open_at(const result<region_place>& place, std::size_t bytes) noexcept {
    if (!place) return place.err();
    return open([&](auto heal, auto begin) {
      return membership<>::join(*place, spec(bytes), slot_range{}, heal, begin);
    });
  }
};

}  // namespace detail

/// Shared memory of this name and of `bytes` bytes, created if there is none; 0 bytes adopt what is there, or 1024.
///
/// Blocks: up to two seconds while others join. Errors: as shm_sink; no_space if 16 participants live.
[[nodiscard]] inline result<shared_region> shm_region(std::string_view name, std::size_t bytes, const region_options& o = {}) noexcept {
  return detail::region_opener::open_at(region_place::shared_memory(name, o), bytes);
}
/// The same in the file at `path`, which outlives a reboot: as it was if the last participant left in order, else zero.
[[nodiscard]] inline result<shared_region> file_region(std::string_view path, std::size_t bytes, const region_options& o = {}) noexcept {
  return detail::region_opener::open_at(region_place::file(path, o), bytes);
}
/// Takes part in a region behind a descriptor that this process was given; 0 bytes adopt its size.
[[nodiscard]] inline result<shared_region> join_region(int handle, std::size_t bytes = 0, const region_options& o = {}) noexcept {
  return detail::region_opener::open([&](auto heal, auto begin) {
    return membership<>::join(handle, false, o, detail::region_opener::spec(bytes), slot_range{}, heal, begin);
  });
}
/// Memory without a name, whose size is sealed: nobody can cut it short. Pass handle() on.
[[nodiscard]] inline result<shared_region> memfd_region(std::size_t bytes, const region_options& o = {}) noexcept {
  const auto fd = detail::create_memfd_region(detail::region_opener::spec(bytes), o);
  return fd ? join_region(fd->get(), bytes, o) : result<shared_region>(fd.err());
}

}  // namespace sluice

#endif
