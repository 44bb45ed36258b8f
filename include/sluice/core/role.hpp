// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_ROLE_HPP
#define SLUICE_CORE_ROLE_HPP

#include <sluice/core/error.hpp>
#include <sluice/core/gate.hpp>

namespace sluice {

/// Where the holder of a role is in its life.
enum class phase : std::uint8_t {
  never,   // nobody has held the role yet
  live,    // held; whether the holder still lives, the kernel knows
  closed,  // ended by close()
  left,    // ended by the destruction of the end
  died,    // killed, and healed by somebody else
};

/// One value of a role word: a session number, and the phase of that session.
struct role_view {
  std::uint32_t word = 0;

  [[nodiscard]] constexpr phase now() const noexcept { return static_cast<phase>(word & 7u); }
  [[nodiscard]] constexpr std::uint32_t session() const noexcept { return word >> 3; }
  [[nodiscard]] constexpr bool ended() const noexcept { return now() > phase::live; }
  [[nodiscard]] static constexpr role_view make(std::uint32_t session, phase p) noexcept {
    return {session << 3 | static_cast<std::uint32_t>(p)};
  }
  /// What the end of this session means to the other side; `ok` where it means nothing. In a persistent channel only
  /// an explicit close is an end.
  [[nodiscard]] constexpr errc verdict(bool persistent) const noexcept {
    switch (now()) {
      case phase::closed: return errc::closed;
      case phase::left: return persistent ? errc::ok : errc::closed;
      case phase::died: return persistent ? errc::ok : errc::peer_died;
      case phase::never:
      case phase::live: break;
    }
    return errc::ok;
  }
  friend constexpr bool operator==(role_view, role_view) noexcept = default;
};

namespace site {
struct role_end : order_site<std::memory_order_release> {};   // (E1) after the last publish of the session, for (E2)
struct role_read : order_site<std::memory_order_acquire> {};  // (E2) whoever sees the end looks for messages once more
struct role_peek : order_site<std::memory_order_relaxed> {};  // compared with the one before; (E2) follows a change
}  // namespace site

/// What one role shows to the other side: the state of its session and the gate its holder sleeps on, on one line that
/// the other side reads with every operation and that is written when somebody comes, goes or goes to sleep.
///
/// The role word is written by the living holder of the role, or by a healer that has a certificate of its death.
template <class P = native_memory>
class role {
 public:
  [[nodiscard]] role_view peek() const noexcept { return {word_.load(P::template order<site::role_peek>)}; }
  [[nodiscard]] role_view read() const noexcept { return {word_.load(P::template order<site::role_read>)}; }

  /// Begins the next session.
  void begin() noexcept {
    word_.store(role_view::make(peek().session() + 1, phase::live).word, P::template order<site::role_end>);
  }
  /// Ends the session, if it is live.
  void end(phase how) noexcept {
    const auto v = peek();
    if (v.now() == phase::live) word_.store(role_view::make(v.session(), how).word, P::template order<site::role_end>);
  }
  [[nodiscard]] gate<P>& doorstep() noexcept { return gate_; }

 private:
  typename P::template atomic<std::uint32_t> word_;
  gate<P> gate_;
};

}  // namespace sluice

#endif
