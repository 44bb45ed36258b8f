// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_WORD_BELL_HPP
#define SLUICE_PLATFORM_LINUX_WORD_BELL_HPP

#include <sluice/platform/futex.hpp>
#include <sluice/platform/handle.hpp>

#if SLUICE_HAS_LINUX()

#include <atomic>
#include <cstddef>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sluice::detail {

/// Any number of words, any of them shared between processes, as one descriptor that is readable while there are words
/// that were woken and not yet heard of. Whoever wakes a word knows nothing of it: futex_wake() is all that it does.
///
/// That is io_uring with nothing but futex waits in it, one for each word, until it is woken or forgotten. It needs
/// Linux 6.7, and a sandbox that lets it in: where it is refused, the bell is false.
///
/// A word that is woken between its change and watch() is heard of at once, since the kernel compares it. A watched
/// word that changes again stays watched: each futex_wake() after watch() is heard, whatever the value was meanwhile.
///
/// A process of one thread has its private words in a table that all processes share. Since Linux 6.16 it gets one of
/// its own with its second thread, and whoever waits through io_uring is left behind in the old one, to be woken by
/// nobody. A watch that may see the second thread come must therefore be preceded by outlast_threads().
///
/// The kernel interrupts its thread to say that a word has woken. Most calls go on by themselves then; those that never
/// do after a signal, epoll_wait among them, return EINTR without there having been one. (It need not interrupt: with
/// IORING_SETUP_DEFER_TASKRUN it does not, but then poll and epoll are not told either, and an eventfd must be in
/// between.)
///
/// Threads: one at a time. A forked child has none of it: see ours(). Allocates: its queues, in the kernel.
class word_bell {
 public:
  explicit word_bell(unsigned room) noexcept {
    setup s{};
    s.flags = own_completion_size | clamp;
    s.cq_entries = room < 32 ? 64 : 2 * room;
    fd_.reset(static_cast<int>(::syscall(setup_number, room, &s)));
    if (!fd_ || !map(s) || !knows_futexes()) unmap();
  }
  word_bell(const word_bell&) = delete;
  word_bell& operator=(const word_bell&) = delete;
  ~word_bell() { unmap(); }

  explicit operator bool() const noexcept { return rings_ != nullptr; }
  [[nodiscard]] int handle() const noexcept { return fd_.get(); }
  /// False in a forked child, and once forget_all() was refused: another has to be made.
  [[nodiscard]] bool ours() const noexcept { return process_ == ::getpid(); }

  /// False if it cannot be had: then only shared words may stay watched while threads are started.
  [[nodiscard]] static bool outlast_threads() noexcept {
    pthread_t second{};
    if (::pthread_create(&second, nullptr, [](void*) -> void* { return nullptr; }, nullptr) != 0) return false;
    return ::pthread_join(second, nullptr) == 0;
  }

  /// From now on the word's wakes are heard of, as `tag`, once. False if the kernel has no room.
  bool watch(const watched_word& w, std::uint64_t tag) noexcept {
    request r{};
    r.opcode = futex_wait;
    r.fd = 2 /* 32 bits */ | (w.shared ? 0 : FUTEX_PRIVATE_FLAG);
    r.off = w.value;
    r.address = reinterpret_cast<std::uintptr_t>(w.word);
    r.address3 = 0xffffffffu;
    r.tag = tag;
    return submit(r);
  }
  /// A word that has woken. False if there is none.
  bool next(std::uint64_t& tag) noexcept {
    for (;;) {
      const auto head = cq_head_->load(std::memory_order_relaxed);
      if (head == cq_tail_->load(std::memory_order_acquire)) {
        constexpr unsigned overflown = 2;  // more has come than there was room for; the kernel keeps it
        if ((sq_flags_->load(std::memory_order_relaxed) & overflown) == 0 || enter(0, 0) < 0) return false;
        if (head == cq_tail_->load(std::memory_order_acquire)) return false;
        continue;
      }
      const completion& c = cqes_[head & cq_mask_];
      tag = c.tag;
      cq_head_->store(head + 1, std::memory_order_release);
      if (tag == no_tag) continue;
      --watched_;
      return true;
    }
  }
  /// The word of that tag is not watched any more; next() may still say it once.
  void forget(std::uint64_t tag) noexcept { (void)cancel(tag, 0); }
  /// Nor is any other, and next() says nothing more. A kernel that has no memory for that takes the whole bell back.
  void forget_all() noexcept {
    bool heeded = watched_ == 0 || cancel(0, all_of_them | whatever_tag);
    for (std::uint64_t tag = 0; heeded;) {
      if (next(tag)) continue;
      if (watched_ == 0) return;
      heeded = enter(0, 1) >= 0;
    }
    unmap();
    process_ = 0;
  }

 private:
  static constexpr long setup_number = 425, enter_number = 426;
  static constexpr unsigned own_completion_size = 1u << 3, clamp = 1u << 4;      // of setup
  static constexpr unsigned all_of_them = 1u << 0, whatever_tag = 1u << 2;       // of a cancellation
  static constexpr std::uint8_t async_cancel = 14, futex_wait = 51;
  static constexpr std::uint64_t no_tag = ~std::uint64_t{0};

  // The interface of the kernel; spelled out because older headers lack the half of it.
  struct setup {
    std::uint32_t sq_entries, cq_entries, flags, cpu, idle, features, wq_fd, reserved[3];
    struct {
      std::uint32_t head, tail, mask, entries, flags, dropped, array, reserved;
      std::uint64_t address;
    } sq;
    struct {
      std::uint32_t head, tail, mask, entries, overflow, cqes, flags, reserved;
      std::uint64_t address;
    } cq;
  };
  static_assert(sizeof(setup) == 120);
  struct request {
    std::uint8_t opcode, flags;
    std::uint16_t priority;
    std::int32_t fd;
    std::uint64_t off, address;
    std::uint32_t length, op_flags;
    std::uint64_t tag;
    std::uint32_t buffer, file;
    std::uint64_t address3, reserved;
  };
  static_assert(sizeof(request) == 64);
  struct completion {
    std::uint64_t tag;
    std::int32_t result;
    std::uint32_t flags;
  };
  using word = std::atomic<std::uint32_t>;

  bool map(const setup& s) noexcept {
    rings_bytes_ = s.cq.cqes + s.cq_entries * sizeof(completion);
    if (const std::size_t b = s.sq.array + s.sq_entries * sizeof(std::uint32_t); b > rings_bytes_) rings_bytes_ = b;
    requests_bytes_ = s.sq_entries * sizeof(request);
    void* const rings = map(rings_bytes_, 0);
    void* const requests = map(requests_bytes_, 0x10000000);
    if (rings == nullptr || requests == nullptr) {
      if (rings != nullptr) ::munmap(rings, rings_bytes_);
      if (requests != nullptr) ::munmap(requests, requests_bytes_);
      return false;
    }
    rings_ = static_cast<std::byte*>(rings);
    requests_ = static_cast<request*>(requests);
    const auto at = [&](std::uint32_t offset) { return reinterpret_cast<word*>(rings_ + offset); };
    sq_tail_ = at(s.sq.tail), sq_flags_ = at(s.sq.flags);
    cq_head_ = at(s.cq.head), cq_tail_ = at(s.cq.tail);
    sq_mask_ = at(s.sq.mask)->load(std::memory_order_relaxed);
    cq_mask_ = at(s.cq.mask)->load(std::memory_order_relaxed);
    cqes_ = reinterpret_cast<const completion*>(rings_ + s.cq.cqes);
    for (std::uint32_t n = 0; n < s.sq_entries; ++n) reinterpret_cast<std::uint32_t*>(rings_ + s.sq.array)[n] = n;
    return true;
  }
  void* map(std::size_t bytes, off_t what) const noexcept {
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(), what);
    if (at == MAP_FAILED) return nullptr;
    (void)::madvise(at, bytes, MADV_DONTFORK);
    return at;
  }
  void unmap() noexcept {
    if (rings_ != nullptr && ours()) {
      ::munmap(static_cast<void*>(requests_), requests_bytes_);
      ::munmap(static_cast<void*>(rings_), rings_bytes_);
    }
    rings_ = nullptr;
    fd_.reset();
  }
  /// Before Linux 6.7 there was no such request. A word that has another value already is said to at once.
  bool knows_futexes() noexcept {
    const std::uint32_t changed = 1;
    constexpr std::int32_t has_changed = -EAGAIN;
    if (!watch({&changed, 0, false}, 0)) return false;
    const auto head = cq_head_->load(std::memory_order_relaxed);
    if (head == cq_tail_->load(std::memory_order_acquire) && enter(0, 1) < 0) return false;
    if (cqes_[head & cq_mask_].result != has_changed) return false;
    std::uint64_t tag = 0;
    return next(tag);
  }
  bool submit(const request& r) noexcept {
    const auto tail = sq_tail_->load(std::memory_order_relaxed);
    requests_[tail & sq_mask_] = r;
    sq_tail_->store(tail + 1, std::memory_order_release);
    if (enter(1, 0) != 1) {  // nobody has looked at it
      sq_tail_->store(tail, std::memory_order_release);
      return false;
    }
    if (r.opcode == futex_wait) ++watched_;
    return true;
  }
  bool cancel(std::uint64_t tag, unsigned which) noexcept {
    request r{};
    r.opcode = async_cancel;
    r.fd = -1;
    r.address = tag;
    r.op_flags = which;
    r.tag = no_tag;
    return submit(r);
  }
  long enter(unsigned submitted, unsigned wanted) noexcept {
    constexpr unsigned events = 1;
    const unsigned how = submitted != 0 ? 0u : events;
    return retry_interrupted([&] { return ::syscall(enter_number, fd_.get(), submitted, wanted, how, nullptr, 0); });
  }

  unique_handle fd_;
  pid_t process_ = ::getpid();
  std::byte* rings_ = nullptr;
  request* requests_ = nullptr;
  std::size_t rings_bytes_ = 0, requests_bytes_ = 0;
  word* sq_tail_ = nullptr;
  word* sq_flags_ = nullptr;
  word* cq_head_ = nullptr;
  word* cq_tail_ = nullptr;
  const completion* cqes_ = nullptr;
  std::uint32_t sq_mask_ = 0, cq_mask_ = 0;
  unsigned watched_ = 0;
};

}  // namespace sluice::detail

#endif
#endif
