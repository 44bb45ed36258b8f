// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_SHARED_HOME_HPP
#define SLUICE_CHANNEL_SHARED_HOME_HPP

#include <sluice/channel/ring_end.hpp>
#include <sluice/platform/private_page.hpp>

namespace sluice {

/// How a channel between processes is opened. Fields left alone adopt what an existing region has.
struct ring_options {
  std::size_t capacity = 0;               // messages, exactly; 0: that of an existing region, else as the kind needs
  unsigned participants = 0;              // slots; 0: as the kind needs
  wait_strategy wait = wait_strategy::spin_then_park;
  const char* directory = nullptr;        // of a shared memory name; null: the user's own on tmpfs
  mode_t mode = 0600;                     // of a region that is created
  gid_t group = static_cast<gid_t>(-1);   // owning group, whose members' regions are then accepted too
  bool prefault = false;                  // map all pages at once
  bool huge_pages = false;                // ask for huge pages
  bool persistent = false;                // leaving or dying is no end of the stream: only close() is
  orphans after_death = orphans::as_created;  // mpsc, spmc, mpmc: of what a dead consumer held; all ends of a region agree
  sluice::rights rights = sluice::rights::read_write;  // less: for readers of broadcast, lossy_broadcast, latest

  [[nodiscard]] region_options region() const noexcept { return {directory, mode, group, prefault, huge_pages, rights}; }
};

namespace detail {

template <class T, class Kind, class P>
region_spec spec_of(const ring_options& o) noexcept {
  using kind = ring_kind<Kind>;
  region_spec s;
  s.kind = kind::in_region;
  s.capacity = o.capacity;
  s.default_capacity = default_capacity<Kind>();
  s.participants = o.participants;
  s.least_participants = 2;
  s.most_participants = kind::most_participants;
  s.default_participants = kind::participants;
  s.persistent = o.persistent;
  s.after_death = o.after_death;
  s.has_orphans = requires { kind::has_orphans; };
  if constexpr (requires { kind::least_rights_to_read; }) s.control_bytes = sizeof(typename kind::template ring<T, P>::control);
  s.item_size = sizeof(T);
  s.item_align = alignof(T);
  s.layout = layout_of<T>;
  s.layout_text = &layout_text<T>;
  s.body_bytes = &kind::template ring<T, P>::bytes_for;
  return s;
}

/// One end's hold on a region that other processes map, and its side of the ring, on a page that a forked child finds
/// wiped: there the side is detached, and its first use says `forked`.
template <class SideType, class Kind, class P>
class shared_home {
  using kind = ring_kind<Kind>;
  static constexpr bool reads =
      std::is_same_v<SideType, typename kind::template consumer<typename SideType::ring_type::value_type, P>>;

 public:
  using ring_type = typename SideType::ring_type;
  using policy = P;
  static constexpr bool shared = true;
  template <class U>
  static constexpr end_traits traits{.detects_death = true, .outlives_process = true, .survives_fork = false,
                                     .spans = reach::host, .max_size = sizeof(U)};

  shared_home() noexcept = default;
  shared_home(private_page<SideType> page, membership<P> member, const recovery& healed) noexcept
      : page_(std::move(page)), member_(std::move(member)), recovered_(healed) {}
  shared_home(shared_home&&) noexcept = default;
  shared_home& operator=(shared_home&&) noexcept = default;

  [[nodiscard]] SideType* side() const noexcept { return page_.get(); }
  [[nodiscard]] bool heavy_fence() noexcept { return detail::heavy_fence(true) && member_.all_fenced(); }
  /// Longer sleeps would leave a message lie whose producer was killed between publishing it and waking us.
  [[nodiscard]] std::int64_t slice(bool fenced) const noexcept { return fenced ? 20'000'000 : 1'000'000; }
  /// Does this end take no part in the region, and write nothing there?
  [[nodiscard]] bool looks_on() const noexcept { return member_.looks_on(); }
  recovery heal_peers() noexcept {
    recovery all;
    if constexpr (requires { kind::least_rights_to_read; } && reads) {
      if (looks_on()) return side()->look_for_death([&](unsigned slot) noexcept { return !member_.alive(slot); }), all;
    }
    for (unsigned k = 0; k < member_.slot_count(); ++k)
      if (k != member_.slot()) (void)member_.heal_if_dead(k, [&](membership<P>& m, unsigned slot) { all += heal(m, slot); });
    recovered_ += all;
    return all;
  }
  [[nodiscard]] const recovery& recovered() const noexcept { return recovered_; }
  static recovery heal(const membership<P>& m, unsigned slot) noexcept {
    if constexpr (requires { kind::has_orphans; }) return kind::heal(ring_of(m), slot, futex_ringer<true>{}, m.after_death());
    else return kind::heal(ring_of(m), slot, futex_ringer<true>{});
  }
  static ring_type ring_of(const membership<P>& m) noexcept { return {m.body(), m.capacity(), m.persistent()}; }
  [[nodiscard]] unsigned peers() noexcept { return member_.peers(); }
  [[nodiscard]] opening opened() const noexcept { return member_.opened(); }
  /// One more participant of the same region, which may do no more than this one.
  [[nodiscard]] result<shared_home> another(slot_range range, const ring_options& o = {}) const noexcept {
    if (member_.handle() < 0) return error(errc::closed, step::open);
    return open([&](auto heal, auto begin) {
      return membership<P>::join(member_.handle(), member_.durable(), member_.on_behalf(o.region()), spec(o), range, heal, begin);
    });
  }
  void leave() noexcept {
    if (page_.wiped()) member_.disown();
    else member_.leave();
  }
  [[nodiscard]] const membership<P>& member() const noexcept { return member_; }
  static region_spec spec(const ring_options& o) noexcept {
    region_spec s = spec_of<typename ring_type::value_type, Kind, P>(o);
    if constexpr (requires { kind::least_rights_to_read; } && reads) s.least_rights = kind::least_rights_to_read;
    return s;
  }
  /// Joins a region and takes a role up in it. `join(heal, begin)` is one of the ways into a membership.
  template <class Join>
  static result<shared_home> open(Join join) noexcept {
    static_assert(sizeof(typename P::word) == 8, "shared regions need 64-bit atomics");
    auto page = private_page<SideType>::make();
    if (!page) return page.err();
    recovery healed;
    auto member = join([&](const membership<P>& m, unsigned slot) { healed += heal(m, slot); },
                       [&](membership<P>& m) -> status {
                         const auto r = ring_of(m);
                         if (!members_in_place(r.some_item())) return error(errc::invalid, step::join, subject::member_alignment);
                         if (status s = page->get()->attach(r, m.slot()); !s) return s;
                         page->get()->begin();
                         return {};
                       });
    if (!member) return member.err();
    return shared_home(std::move(*page), std::move(*member), healed);
  }

 private:
  private_page<SideType> page_;
  membership<P> member_;
  recovery recovered_;
};

template <class End>
result<End> open_end(const result<region_place>& where, const ring_options& o) noexcept {
  using home = typename End::home_type;
  if (!where) return where.err();
  auto h = home::open([&](auto heal, auto begin) {
    return membership<typename home::policy>::join(*where, home::spec(o), End::seats, heal, begin);
  });
  return h ? result<End>(End(std::move(*h), o.wait)) : result<End>(h.err());
}

template <class T, class Kind, class P>
struct shared_ends {
  using producer = typename ring_kind<Kind>::template producer<T, P>;
  using consumer = typename ring_kind<Kind>::template consumer<T, P>;
  using sink = ring_sink<T, Kind, shared_home<producer, Kind, P>, P>;
  using source = ring_source<T, Kind, shared_home<consumer, Kind, P>, P>;

  static result<sink> open_sink(const result<region_place>& where, const ring_options& o) noexcept {
    return open_end<sink>(where, o);
  }
  static result<source> open_source(const result<region_place>& where, const ring_options& o) noexcept {
    return open_end<source>(where, o);
  }
};

inline result<region_place> file_place(std::string_view path, const ring_options& o) noexcept {
  if (o.directory != nullptr) return error(errc::invalid, step::open, subject::options);  // a path has its directory
  return region_place::file(path, o.region());
}

}  // namespace detail

/// Joins the region of an end anew: for a forked child, whose inherited end belongs to the parent. The role must be
/// free, so a child usually takes over from a parent that has closed its end or is gone.
///
/// Blocks, Errors: as shm_sink; closed if the end had been closed or moved from before the fork.
template <class End>
  requires requires(const End& e) { e.home().member(); }
[[nodiscard]] result<End> reopen(const End& end, const ring_options& o = {}) noexcept {
  auto home = end.home().another(End::seats, o);
  return home ? result<End>(End(std::move(*home), o.wait)) : result<End>(home.err());
}
/// Takes the name away at once; ends that are open live on, and the next opener creates a new channel.
[[nodiscard]] inline status shm_remove(std::string_view name, const ring_options& o = {}) noexcept {
  const auto where = region_place::shared_memory(name, o.region());
  return where ? where->remove() : status(where.err());
}

}  // namespace sluice

#endif
