// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_MEMBERSHIP_HPP
#define SLUICE_MEMORY_MEMBERSHIP_HPP

#include <sluice/core/liveness.hpp>
#include <sluice/memory/mapped_region.hpp>
#include <sluice/memory/region_file.hpp>
#include <sluice/memory/slot_locks.hpp>
#include <sluice/platform/fence.hpp>
#include <sluice/platform/poll.hpp>

namespace sluice {

/// What an opener found.
enum class opening : std::uint8_t {
  created,  // there was no such region
  joined,   // it was there, with whatever is in it
  reset,    // it was a file of an earlier boot that had not been left in order: emptied
};

namespace site {
struct member_seen : order_site<std::memory_order_acquire> {};     // (M1) what a dead owner did comes before its healing
struct member_raise : order_site<std::memory_order_release> {};    // (M2) the record, or the healing, before the new incarnation
struct member_facts : order_site<std::memory_order_relaxed> {};    // the record itself; and a glance at others, for the fence
struct region_booted : order_site<std::memory_order_relaxed> {};   // under the lock J
struct region_settled : order_site<std::memory_order_release> {};  // after the ring that it vouches for, in the file too
}  // namespace site

/// Taking part in a region at one slot.
///
/// Life is a lock that the kernel drops with the last reference to the open description it was taken on. The mapping
/// is that reference: the descriptor itself is closed before anybody can inherit it, and a forked child does not
/// inherit the mapping. So the life lock ends when this process stops touching the region, and neither a stray close
/// nor a child can make it end earlier or later.
///
/// The lock bytes, and how healers and joiners keep out of each other's way, are in slot_locks.hpp.
///
/// With `rights::read_only` one only looks on: at no slot, with no lock, and without a word of one's own. Who does so
/// is none of the participants, and can ask for the life of others, but heal nobody.
template <class P = native_memory>
class membership {
  using locks = detail::slot_locks;
  static constexpr unsigned no_slot = ~0u;
  static constexpr std::size_t state_offset = sizeof(region_header);

 public:
  constexpr membership() noexcept = default;
  membership(membership&&) noexcept = default;
  membership& operator=(membership&&) noexcept = default;

  /// Joins the region at `where`, creating it if there is none. `heal(self, slot)` repairs what a dead owner of the
  /// slot left and must be idempotent; `begin(self)` takes the role up and may refuse. Both run with H held.
  ///
  /// Blocks: up to two seconds, while another process is joining or healing the same slot.
  template <class Heal, class Begin>
  static result<membership> join(const region_place& where, const region_spec& spec, slot_range range, Heal heal,
                                 Begin begin) noexcept {
    if (status s = detail::check_possible(where.options().rights, spec); !s) return s.err();
    const bool may_create = where.options().rights != rights::read_only;
    bool created = false;
    return patiently([&]() -> result<membership> {
      unique_handle fd = where.open();
      if (!fd && errno == ENOENT && may_create) {
        const status s = detail::create_region(where, spec);
        if (!s && s.err().code != errc::busy) return s.err();
        created = created || static_cast<bool>(s);
        fd = where.open();
      }
      if (!fd) return errno == ENOENT && may_create ? error(errc::busy, step::open, subject::name) : detail::last_error(step::open);
      auto r = enter(std::move(fd), where.options(), where.durable(), spec, range, heal, begin,
                     [&](int d) { return where.still_names(d); });
      if (r && created) r->opened_ = opening::created;
      return r;
    });
  }
  /// Joins the region behind a descriptor that this process was given.
  template <class Heal, class Begin>
  static result<membership> join(int handle, bool durable, const region_options& o, const region_spec& spec, slot_range range, Heal heal,
                                 Begin begin) noexcept {
    if (status s = detail::check_possible(o.rights, spec); !s) return s.err();
    return patiently([&]() -> result<membership> {
      unique_handle fd = description_of(handle, o.open_flags());
      if (!fd) return detail::last_error(step::open);
      return enter(std::move(fd), o, durable, spec, range, heal, begin, [](int) { return true; });
    });
  }

  /// Leaves in order. The end of the role has been stored by the caller.
  void leave() noexcept {
    if (region_.data() == nullptr) return;
    if (!looks_on()) {
      record(slot_).incarnation.fetch_add(1, P::template order<site::member_raise>);
      if (durable_) leave_clean();
    }
    region_ = {};  // and with the mapping goes the life lock
    probe_.reset();
  }
  /// In a forked child: lets go of what was inherited, without touching the parent's region.
  void disown() noexcept {
    region_.forget();
    probe_.reset();
  }
  /// Is this no participant?
  [[nodiscard]] bool looks_on() const noexcept { return slot_ == no_slot; }
  /// How somebody else joins the same region on behalf of this one: with no more rights, and trusting the same group.
  [[nodiscard]] region_options on_behalf(region_options o) const noexcept {
    if (o.rights < rights_) o.rights = rights_;
    if (o.group == static_cast<gid_t>(-1)) o.group = group_;
    return o;
  }

  [[nodiscard]] explicit operator bool() const noexcept { return region_.data() != nullptr; }
  [[nodiscard]] std::byte* body() const noexcept { return region_.data() + body_offset_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] unsigned slot() const noexcept { return slot_; }
  [[nodiscard]] unsigned slot_count() const noexcept { return slot_count_; }
  [[nodiscard]] opening opened() const noexcept { return opened_; }
  [[nodiscard]] bool persistent() const noexcept { return persistent_; }
  [[nodiscard]] orphans after_death() const noexcept { return after_death_; }
  [[nodiscard]] bool durable() const noexcept { return durable_; }
  /// A descriptor of the region that holds no lock.
  [[nodiscard]] int handle() const noexcept { return probe_.get(); }

  // liveness, as the kernel attests it
  [[nodiscard]] bool alive(unsigned slot) noexcept {
    return slot == slot_ || detail::byte_is_locked(probe_.get(), locks::life(slot)) || !probe_.holds();
  }
  [[nodiscard]] bool begin_heal(unsigned slot) noexcept {
    return probe_.holds() && !detail::try_lock_byte(probe_.get(), locks::heal(slot));
  }
  void end_heal(unsigned slot) noexcept { detail::unlock_byte(probe_.get(), locks::heal(slot)); }

  /// Heals the slot if its owner is certified dead; true if it did. A slot that is not in use costs no system call.
  template <class Heal>
  bool heal_if_dead(unsigned slot, Heal heal) noexcept {
    if (!in_use(slot) || alive(slot)) return false;
    const detail::fork_exclusion no_child_takes_the_heal_lock;
    return heal_now(slot, heal);
  }
  /// How many participants live.
  [[nodiscard]] unsigned peers() noexcept {
    unsigned n = 0;
    for (unsigned k = 0; k < slot_count(); ++k) n += alive(k) ? 1u : 0u;
    return n;
  }
  /// Would a heavy fence of this process reach every living participant?
  [[nodiscard]] bool all_fenced() noexcept {
    for (unsigned k = 0; k < slot_count(); ++k) {
      auto& r = record(k);
      if ((r.incarnation.load(P::template order<site::member_facts>) & 1u) != 0 && r.fenced.load(P::template order<site::member_facts>) != 1)
        return false;
    }
    return true;
  }

 private:
  membership(const region_header& h, mapped_region region, unsigned slot, const region_options& o, bool durable) noexcept
      : body_offset_(static_cast<std::size_t>(h.body_offset)),
        body_size_(static_cast<std::size_t>(h.body_size)),
        capacity_(static_cast<std::size_t>(h.capacity)),
        slot_count_(h.participants),
        persistent_((h.options & region_header::persistent) != 0),
        after_death_(h.after_death()),
        rights_(o.rights),
        group_(o.group),
        region_(std::move(region)),
        slot_(slot),
        durable_(durable) {}

  [[nodiscard]] region_state<P>& state() const noexcept {
    return *std::launder(reinterpret_cast<region_state<P>*>(region_.data() + state_offset));
  }
  [[nodiscard]] participant_record<P>& record(unsigned slot) const noexcept {
    auto* const table = region_.data() + state_offset + sizeof(region_state<P>);
    return std::launder(reinterpret_cast<participant_record<P>*>(table))[slot];
  }

  [[nodiscard]] bool in_use(unsigned slot) const noexcept {
    return (record(slot).incarnation.load(P::template order<site::member_seen>) & 1u) != 0;
  }
  template <class Heal>
  bool heal_now(unsigned slot, Heal& heal) noexcept {
    return sluice::heal_if_dead(*this, slot, [&] {
      if (!in_use(slot)) return;
      heal(*this, slot);
      record(slot).incarnation.fetch_add(1, P::template order<site::member_raise>);
    });
  }

  // A new description of the same file, even of one that has no name any more.
  static unique_handle description_of(int fd, int flags) noexcept {
    char self[64];
    std::snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    return detail::open_at(AT_FDCWD, self, flags);
  }

  // Tries until it settles: a lock byte or a name may be in somebody's hands for a moment.
  template <class Attempt>
  static auto patiently(Attempt attempt) noexcept -> decltype(attempt()) {
    const std::int64_t deadline = detail::monotonic_ns() + 2'000'000'000;
    for (;;) {
      {
        const detail::fork_exclusion no_child_takes_the_life_lock;
        auto r = attempt();
        const bool passing = !r && r.err().code == errc::busy && r.err().who == 0;
        if (!passing || detail::monotonic_ns() > deadline) return r;
      }
      (void)detail::poll_any(nullptr, 0, detail::monotonic_ns() + 500'000);
    }
  }

  template <class Heal, class Begin, class Named>
  static result<membership> enter(unique_handle fd, const region_options& o, bool durable, const region_spec& spec,
                                  slot_range range, Heal& heal_slot, Begin& begin, Named still_named) noexcept {
    auto h = detail::read_header(fd.get(), o);
    if (!h) return h.err();
    if (status s = detail::check_wanted(*h, spec); !s) return s.err();
    if (o.rights == rights::read_only)
      return still_named(fd.get()) ? look_on(std::move(fd), *h, o, durable, begin) : result<membership>(error(errc::busy, step::join, subject::name));
    if (status s = detail::allocate(fd.get(), h->region_size); !s) return s.err();  // a file with holes: SIGBUS later
    if (durable) {
      if (const error e = detail::try_lock_byte(fd.get(), locks::joining)) return e;
    }
    auto taken = locks::take_slot(fd.get(), range, h->participants);
    if (!taken) return taken.err();
    if (!still_named(fd.get())) return error(errc::busy, step::join, subject::name);

    auto region = mapped_region::map(fd.get(), static_cast<std::size_t>(h->region_size), o);
    if (!region) return region.err();
    membership m(*h, std::move(*region), *taken, o, durable);
    m.probe_ = detail::steady_handle(description_of(fd.get(), O_RDWR));
    if (!m.probe_.holds()) {
      const bool no_proc = ::access("/proc/self/fd", X_OK) != 0;
      return no_proc ? error(errc::unsupported, step::open, subject::proc_file_system) : detail::last_error(step::open);
    }
    if (durable) {
      if (status s = m.check_boot(); !s) return s.err();
    }
    if (o.rights == rights::payload_read_only) {
      if (status s = m.region_.protect(static_cast<std::size_t>(h->body_offset + spec.control_bytes)); !s) return s.err();
    }
    auto& mine = m.record(m.slot_);
    auto incarnation = mine.incarnation.load(P::template order<site::member_seen>);
    if ((incarnation & 1u) != 0) {
      heal_slot(m, m.slot_);
      mine.incarnation.store(++incarnation, P::template order<site::member_raise>);
    }
    const detail::process_identity who = detail::this_process();
    mine.pid.store(who.pid, P::template order<site::member_facts>);
    mine.start_time.store(who.start_time, P::template order<site::member_facts>);
    mine.pid_namespace.store(who.pid_namespace, P::template order<site::member_facts>);
    mine.fenced.store(detail::join_heavy_fence(true) ? 1 : 0, P::template order<site::member_facts>);
    mine.incarnation.store(incarnation + 1, P::template order<site::member_raise>);
    for (unsigned k = 0; k < m.slot_count(); ++k)  // who died before we came is none of our peers
      if (k != m.slot_ && m.in_use(k)) (void)m.heal_now(k, heal_slot);
    if (status s = begin(m); !s) {
      mine.incarnation.store(incarnation + 2, P::template order<site::member_raise>);
      return s.err();
    }
    detail::unlock_byte(fd.get(), locks::heal(m.slot_));
    if (durable) detail::unlock_byte(fd.get(), locks::joining);
    return m;  // fd is closed here; the mapping keeps its description, and so the life lock
  }

  // Nothing is held, so nothing has to be given back; and the description that asks for the life of others is this one.
  template <class Begin>
  static result<membership> look_on(unique_handle fd, const region_header& h, const region_options& o, bool durable, Begin& begin) noexcept {
    if (status s = detail::check_blocks(fd.get(), h.region_size); !s) return s.err();
    auto region = mapped_region::map(fd.get(), static_cast<std::size_t>(h.region_size), o);
    if (!region) return region.err();
    membership m(h, std::move(*region), no_slot, o, durable);
    m.probe_ = detail::steady_handle(std::move(fd));
    if (!m.probe_.holds()) return detail::last_error(step::open);
    if (durable) {
      if (status s = m.check_boot_seen(); !s) return s.err();
    }
    if (status s = begin(m); !s) return s.err();
    return m;
  }

  [[nodiscard]] static result<std::uint64_t> this_boot() noexcept {
    if (const std::uint64_t boot = detail::boot_number(); boot != 0) return boot;
    const error why = detail::last_error(step::validate);
    return why.code == errc::not_found ? error(errc::unsupported, step::validate, subject::proc_file_system) : why;
  }
  // Words of an earlier boot are trusted only after an orderly end. J is held, so nobody else is between these lines;
  // and whoever lives has been let in by somebody of this boot, whatever name of it we may be shown.
  status check_boot() noexcept {
    auto& s = state();
    const auto boot = this_boot();  // an unknown one, taken for another, would wipe the words of those who live now
    if (!boot) return boot.err();
    const std::uint64_t before = s.boot.load(P::template order<site::region_booted>);
    if (before != *boot) {
      if (!alone()) return {};
      if (before != 0 && s.clean.load(P::template order<site::region_booted>) != 1) {
        __builtin_memset(body(), 0, body_size_);
        for (unsigned k = 0; k < slot_count(); ++k) record(k).incarnation.store(0, P::template order<site::region_booted>);
        opened_ = opening::reset;
      }
    }
    s.clean.store(0, P::template order<site::region_booted>);
    s.boot.store(*boot, P::template order<site::region_settled>);  // last: a kill before it repeats all of this
    return sync_state();  // before the ring is used: a mark on disk must not outlive what it vouches for
  }
  // The same for who only looks on: it can set nothing right, and refuses.
  status check_boot_seen() noexcept {
    auto& s = state();
    const auto boot = this_boot();
    if (!boot) return boot.err();
    const std::uint64_t before = s.boot.load(P::template order<site::region_booted>);
    const bool settled = before == *boot || before == 0 || s.clean.load(P::template order<site::region_booted>) == 1;
    return settled || !alone() ? status() : error(errc::denied, step::validate, subject::persistence);
  }
  // Marks the region as left in order, if we are the last. Somebody who is just joining holds J for a moment, and may
  // be refused, so it is waited for.
  void leave_clean() noexcept {
    if (!alone()) return;
    (void)::msync(region_.data(), region_.size(), MS_SYNC);  // most of it, with no lock held
    (void)patiently([&]() -> status {
      if (!probe_.holds()) return error(errc::closed, step::leave);
      if (const error e = detail::try_lock_byte(probe_.get(), locks::joining)) return e;
      if (alone() && ::msync(region_.data(), region_.size(), MS_SYNC) == 0) {
        state().clean.store(1, P::template order<site::region_settled>);
        (void)sync_state();
      }
      detail::unlock_byte(probe_.get(), locks::joining);
      return {};
    });
  }
  [[nodiscard]] bool alone() noexcept {
    for (unsigned k = 0; k < slot_count(); ++k)
      if (k != slot_ && alive(k)) return false;
    return true;
  }
  [[nodiscard]] status sync_state() noexcept {
    return ::msync(region_.data() + state_offset, detail::page_bytes, MS_SYNC) == 0 ? status() : detail::last_error(step::join);
  }

  // What is needed of the header, checked once; the mapped one is not read again.
  std::size_t body_offset_ = 0;
  std::size_t body_size_ = 0;
  std::size_t capacity_ = 0;
  unsigned slot_count_ = 0;
  bool persistent_ = false;
  orphans after_death_ = orphans::redeliver;
  rights rights_ = rights::read_write;
  gid_t group_ = static_cast<gid_t>(-1);

  mapped_region region_;
  detail::steady_handle probe_;  // asks for locks, holds none
  unsigned slot_ = 0;
  bool durable_ = false;
  opening opened_ = opening::joined;
};

}  // namespace sluice

#endif
