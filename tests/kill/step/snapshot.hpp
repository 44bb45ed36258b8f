// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_KILL_SNAPSHOT_HPP
#define SLUICE_TESTS_KILL_SNAPSHOT_HPP

#include "tracee.hpp"

#include <vector>

// Which of the instructions of an operation are different places to die.
//
// What SIGKILL leaves behind is what other processes can see: the bytes of the shared region, and what the kernel keeps
// for us (names, locks, sleepers, descriptors). Registers and private memory are gone. An instruction that is no system
// call can change nothing of the kernel's, and whether it changed a byte of the region is seen by comparing. So all
// instruction boundaries between two such events leave the very same world, and the survivors need to be asked once for
// each. Every system call counts as an event, whatever it did, and no event is compared with any but the one before: the
// division is finer than it has to be, never coarser. Only stores into a file that has no name yet, and that nobody else
// can open, are not watched.

namespace kill_rig {

/// The bytes of a region file that can change once it has a name, as others see them.
class snapshot {
 public:
  explicit snapshot(std::string path) : path_(std::move(path)) { look(); }
  snapshot(const snapshot&) = delete;
  snapshot& operator=(const snapshot&) = delete;
  ~snapshot() {
    if (at_ != nullptr) ::munmap(at_, size_);
  }

  /// Has a byte changed since the last time?
  bool changed() {
    if (at_ == nullptr) return false;
    const char* const now = static_cast<const char*>(at_);
    if (std::memcmp(now, last_.data(), size_) == 0) return false;
    std::memcpy(last_.data(), now, size_);
    return true;
  }
  /// To be called after a system call: perhaps the file has come into being.
  void look() {
    if (at_ != nullptr) return;
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    struct stat st = {};
    if (::fstat(fd, &st) == 0 && st.st_size > 0) {
      size_ = static_cast<std::size_t>(st.st_size);
      void* const at = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd, 0);
      if (at != MAP_FAILED) {
        at_ = at;
        last_.resize(size_);
        (void)changed();
      }
    }
    ::close(fd);
  }

 private:
  std::string path_;
  void* at_ = nullptr;
  std::size_t size_ = 0;
  std::vector<char> last_;
};

/// One class of places to die that leave the same world.
struct place {
  unsigned calls = 0;         // system calls completed before it,
  unsigned stores = 0;        // and changes of the region since the last of them
  unsigned long later = 0;    // instructions executed since that call
  unsigned long first = 0;    // and in all: its first boundary
  unsigned long width = 0;    // how many boundaries it has
};

/// The life of an operation from mark to mark.
struct walk {
  std::vector<place> places;
  unsigned long instructions = 0;
  bool complete = false;  // it came to the closing mark
};

/// How much of an operation is stepped through.
enum class stride {
  instruction,  // all of it
  call,         // while it has not mapped the region, it can change the world by system calls alone: from call to call
};

/// Steps through the operation that the victim stands before.
inline walk step_through(tracee& victim, const std::string& region, stride how = stride::instruction) {
  walk w;
  snapshot seen(region);
  place here;
  unsigned long last_call = 0;
  bool mapped = how == stride::instruction || victim.maps(region);
  while (w.instructions < 50'000'000) {
    if (!mapped) {
      const bool called = victim.run_over_call();
      seen.look();
      (void)seen.changed();
      if (!called) {
        w.complete = victim.running();
        break;
      }
      w.places.push_back(here);
      here = place{here.calls + 1, 0, 0, w.instructions, 0};
      last_call = w.instructions;
      mapped = victim.maps(region);
      continue;
    }
    ++here.width;
    const auto what = victim.step();
    if (what == tracee::stepped::gone) break;
    if (what == tracee::stepped::mark) {
      w.complete = true;
      break;
    }
    ++w.instructions;
    const bool call = what == tracee::stepped::call;
    if (call) seen.look();
    if (const bool store = seen.changed(); call || store) {
      w.places.push_back(here);
      if (call) last_call = w.instructions;
      here = place{call ? here.calls + 1 : here.calls, call ? 0 : here.stores + 1, w.instructions - last_call, w.instructions, 0};
    }
  }
  w.places.push_back(here);
  return w;
}

/// How a place is found again behind its last system call.
enum class landmark {
  store,        // by the changes of the region: whatever numbers are printed or parsed on the way
  instruction,  // by instructions: where others, too, change the region meanwhile
};

/// Brings a fresh victim to a place: at full speed over the system calls, in single steps after them. False if it came to
/// the closing mark before.
///
/// Where it stores the value that was there already (its start time in ticks may be that of its predecessor), one change
/// fewer is seen than in the walk; then it stops before the next call, in a place of that stretch all the same.
inline bool bring_to(tracee& victim, const place& where, const std::string& region, landmark by) {
  for (unsigned n = 0; n < where.calls; ++n)
    if (!victim.run_over_call()) return false;
  snapshot seen(region);
  unsigned stores = 0;
  for (unsigned long n = 0; !victim.before_call(); ++n) {
    if (by == landmark::store ? stores == where.stores : n == where.later) break;
    const auto what = victim.step();
    if (what == tracee::stepped::gone || what == tracee::stepped::mark) return false;
    if (seen.changed()) ++stores;
  }
  return true;
}
/// The same by number of instructions.
inline bool bring_to(tracee& victim, unsigned long instructions) {
  while (instructions-- != 0) {
    const auto what = victim.step();
    if (what == tracee::stepped::gone || what == tracee::stepped::mark) return false;
  }
  return true;
}

}  // namespace kill_rig

#endif
