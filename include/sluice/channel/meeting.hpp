// SPDX-License-Identifier: MIT
#ifndef SLUICE_CHANNEL_MEETING_HPP
#define SLUICE_CHANNEL_MEETING_HPP

#include <sluice/channel/shared_home.hpp>
#include <sluice/channel/spsc_kind.hpp>
#include <sluice/platform/ancillary.hpp>

// Channels between processes that have no name: one side makes the memory, and passes it to the other one through a
// Unix connection. From then on both have the ends of shm_sink and shm_source, and the connection is not needed any
// more.
//
//   who offers                                        who accepts
//   makes the region, sealed, takes its own end
//   sends {the end that is left} and the descriptor
//                                                     looks at the descriptor with suspicion; takes that end,
//                                                     where type, kind and capacity are what it wants
//                                                     sends {done, or why not}
//   has a peer, or knows why not
//
// Life, death and succession are those of any region: a descriptor of it is as good as a name, for as long as anybody
// has one.

namespace sluice {

template <class Kind>
struct bytes_of;

namespace detail {

template <class Kind, class P>
struct shared_bytes;  // channel/shared_bytes.hpp, which whoever passes bytes includes as well

/// One line of the exchange above. Little-endian, as regions are.
struct meeting_note {
  static constexpr unsigned char magic_bytes[8] = {0x89, 'S', 'L', 'U', 'M', '\r', '\n', 0x1a};
  static constexpr std::uint16_t current_version = 1;
  enum : std::uint16_t { answer, be_source, be_sink };

  unsigned char magic[8];
  std::uint16_t version;
  std::uint16_t what;
  std::uint8_t code;  // the error of an answer
  std::uint8_t op;
  std::uint16_t who;
  std::int32_t about;
  std::uint32_t reserved;

  static meeting_note of(std::uint16_t what, error e = {}) noexcept {
    meeting_note n{};
    __builtin_memcpy(n.magic, magic_bytes, sizeof n.magic);
    n.version = current_version, n.what = what;
    n.code = static_cast<std::uint8_t>(e.code), n.op = static_cast<std::uint8_t>(e.op);
    n.who = e.who, n.about = e.detail;
    return n;
  }
  [[nodiscard]] status check() const noexcept {
    if (__builtin_memcmp(magic, magic_bytes, sizeof magic) != 0)
      return error(errc::corrupt, step::join, subject::magic);
    if (version != current_version) return error(errc::mismatch, step::join, subject::format_version);
    return {};
  }
  [[nodiscard]] status answered() const noexcept {
    if (what != answer) return error(errc::mismatch, step::join, subject::role);  // both offer
    if (code > static_cast<std::uint8_t>(errc::os) || op > static_cast<std::uint8_t>(step::finish))
      return error(errc::corrupt, step::join);
    error e(static_cast<errc>(code), static_cast<step>(op), about);
    e.who = who;
    return e;
  }
};
static_assert(sizeof(meeting_note) == 24 && std::is_trivially_copyable_v<meeting_note>);

/// A Unix connection: a unix_stream, or a unix_seqpacket.
template <class C>
concept unix_connection = waitable<C> && requires(C& c) {
  { c.handle() } noexcept -> std::same_as<int>;
  { c.close() } noexcept;
};

// Both move a note whole, or close the connection: who comes in the middle of one understands nothing any more.
template <unix_connection Connection>
status send_note(Connection& to, const meeting_note& note, std::span<const int> handles, const until& by) noexcept {
  auto rest = std::as_bytes(std::span(&note, 1));
  const status s = wait_for(to, want::push, by, [&]() -> status {
    while (!rest.empty()) {
      const auto n = send_message(to.handle(), rest, handles);
      if (!n) return n.err();
      rest = rest.subspan(*n), handles = {};
    }
    return {};
  });
  if (!s && rest.size() != sizeof note) to.close();
  return s;
}
template <unix_connection Connection>
result<meeting_note> take_note(Connection& from, std::span<unique_handle> handles, const until& by) noexcept {
  meeting_note note{};
  auto rest = std::as_writable_bytes(std::span(&note, 1));
  bool came = false;
  status s = wait_for(from, want::pop, by, [&]() -> status {
    while (!rest.empty()) {
      const auto r = receive_message(from.handle(), rest, handles);
      if (r ? r->size != 0 || r->handles != 0 : !r.err().again()) came = true;
      if (!r) return r.err();
      if (r->size == 0) return error(rest.size() == sizeof note ? errc::closed : errc::truncated, step::join);
      rest = rest.subspan(r->size), handles = handles.subspan(r->handles);
    }
    return {};
  });
  if (s) s = note.check();
  if (!s && came) from.close();
  return s ? result<meeting_note>(note) : result<meeting_note>(s.err());
}

/// Is this what create_memfd_region() makes: plain memory that nobody can cut short, and that is all there? What an
/// honest side offers has its blocks, so that nothing is allocated here on behalf of a stranger.
inline status check_offered(int fd) noexcept {
  constexpr int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  struct stat st = {};
  if (fd < 0) return error(errc::invalid, step::validate, subject::descriptors);
  if (::fstat(fd, &st) != 0) return last_error(step::validate);
  if (!S_ISREG(st.st_mode)) return error(errc::invalid, step::validate, subject::file_type);
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & needed) != needed) return error(errc::denied, step::validate, subject::seals);
  if (st.st_blocks < st.st_size / 512) return error(errc::truncated, step::validate, subject::size);
  return {};
}

template <class End>
result<End> open_end_behind(int handle, const ring_options& o) noexcept {
  using home = typename End::home_type;
  if (o.directory != nullptr) return error(errc::invalid, step::open, subject::options);
  auto h = home::open([&](auto heal, auto begin) {
    return membership<typename home::policy>::join(handle, false, o.region(), home::spec(o), End::seats, heal, begin);
  });
  return h ? result<End>(End(std::move(*h), o.wait)) : result<End>(h.err());
}

/// `left` is the end that is left for the other side.
template <class End, unix_connection Connection>
result<End> offer_end(Connection& to, std::uint16_t left, const ring_options& o, const until& u) noexcept {
  if (to.handle() < 0) return error(errc::closed, step::join);
  const auto fd = create_memfd_region(End::home_type::spec(o), o.region());
  if (!fd) return fd.err();
  auto end = open_end_behind<End>(fd->get(), o);
  if (!end) return end;
  const until by = u.absolute();
  const int passed[] = {fd->get()};
  if (status s = send_note(to, meeting_note::of(left), passed, by); !s) return s.err();
  unique_handle stray;  // of a side that offers too
  const auto note = take_note(to, {&stray, 1}, by);
  const status s = note ? note->answered() : status(note.err());
  // An answer that may still come would be taken for something else.
  if (!s && !(note && note->what == meeting_note::answer)) to.close();
  return s ? std::move(end) : result<End>(s.err());
}
template <class End, unix_connection Connection>
result<End> accept_end(Connection& from, std::uint16_t wanted, const ring_options& o, const until& u) noexcept {
  if (from.handle() < 0) return error(errc::closed, step::join);
  const until by = u.absolute();
  unique_handle fd;
  const auto note = take_note(from, {&fd, 1}, by);
  if (!note) return note.err();
  auto end = [&]() -> result<End> {
    if (note->what != wanted) return error(errc::mismatch, step::join, subject::role);
    if (status s = check_offered(fd.get()); !s) return s.err();
    return open_end_behind<End>(fd.get(), o);
  }();
  const status told = send_note(from, meeting_note::of(meeting_note::answer, end.err()), {}, by);
  if (!told) from.close();
  return told || !end ? std::move(end) : result<End>(told.err());
}

}  // namespace detail

/// Makes a channel without a name, keeps its sending end, and gives the receiving end to who calls accept_source() at
/// the other side of `to`, a unix_stream or unix_seqpacket that was opened there with `.handles = true`.
///
/// Blocks: until the other side has answered; up to two seconds more there, as shm_source. If the patience ends before
/// the answer comes, `to` is closed: the answer could be taken for something else. Allocates: as shm_sink. Errors: as
/// shm_sink, and those of the other side; closed, denied (descriptors), timeout, stopped, corrupt (it speaks something
/// else).
template <wire T, channel_kind Kind = spsc, class P = native_memory, detail::unix_connection Connection>
[[nodiscard]] auto offer_sink(Connection& to, const ring_options& o = {}, until u = {}) noexcept {
  using end = typename detail::shared_ends<T, Kind, P>::sink;
  return detail::offer_end<end>(to, detail::meeting_note::be_source, o, u);
}
/// The reverse: keeps the receiving end, and gives the sending end to who calls accept_sink().
template <wire T, channel_kind Kind = spsc, class P = native_memory, detail::unix_connection Connection>
[[nodiscard]] auto offer_source(Connection& to, const ring_options& o = {}, until u = {}) noexcept {
  using end = typename detail::shared_ends<T, Kind, P>::source;
  return detail::offer_end<end>(to, detail::meeting_note::be_sink, o, u);
}
/// Takes the receiving end that the other side of `from` offers. The memory must be of this user (or of the group in
/// the options), sealed against a change of its size, and a channel of this type and kind; both sides learn what was
/// wrong.
///
/// Blocks: until an offer comes. Errors: as shm_source, and closed, timeout, stopped, corrupt (no offer), invalid (no
/// descriptor, or not of memory), denied (not sealed, or another user's), truncated (not all of it is there).
template <wire T, channel_kind Kind = spsc, class P = native_memory, detail::unix_connection Connection>
[[nodiscard]] auto accept_source(Connection& from, until u = {}, const ring_options& o = {}) noexcept {
  using end = typename detail::shared_ends<T, Kind, P>::source;
  return detail::accept_end<end>(from, detail::meeting_note::be_source, o, u);
}
/// The reverse: takes the sending end that the other side offers by offer_source().
template <wire T, channel_kind Kind = spsc, class P = native_memory, detail::unix_connection Connection>
[[nodiscard]] auto accept_sink(Connection& from, until u = {}, const ring_options& o = {}) noexcept {
  using end = typename detail::shared_ends<T, Kind, P>::sink;
  return detail::accept_end<end>(from, detail::meeting_note::be_sink, o, u);
}

/// The same for messages of any length; with channel/shared_bytes.hpp.
template <class Kind = spsc, class P = native_memory, detail::unix_connection Connection>
[[nodiscard]] auto offer_bytes_sink(Connection& to, const ring_options& o = {}, until u = {}) noexcept {
  using end = typename detail::shared_bytes<bytes_of<Kind>, P>::sink;
  return detail::offer_end<end>(to, detail::meeting_note::be_source, o, u);
}
template <class Kind = spsc, class P = native_memory, detail::unix_connection Connection>
[[nodiscard]] auto offer_bytes_source(Connection& to, const ring_options& o = {}, until u = {}) noexcept {
  using end = typename detail::shared_bytes<bytes_of<Kind>, P>::source;
  return detail::offer_end<end>(to, detail::meeting_note::be_sink, o, u);
}
template <class Kind = spsc, class P = native_memory, detail::unix_connection Connection>
[[nodiscard]] auto accept_bytes_source(Connection& from, until u = {}, const ring_options& o = {}) noexcept {
  using end = typename detail::shared_bytes<bytes_of<Kind>, P>::source;
  return detail::accept_end<end>(from, detail::meeting_note::be_source, o, u);
}
template <class Kind = spsc, class P = native_memory, detail::unix_connection Connection>
[[nodiscard]] auto accept_bytes_sink(Connection& from, until u = {}, const ring_options& o = {}) noexcept {
  using end = typename detail::shared_bytes<bytes_of<Kind>, P>::sink;
  return detail::accept_end<end>(from, detail::meeting_note::be_sink, o, u);
}

}  // namespace sluice

#endif
