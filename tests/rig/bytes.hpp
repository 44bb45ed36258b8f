// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_RIG_BYTES_HPP
#define SLUICE_TESTS_RIG_BYTES_HPP

#include <sluice/channel/bytes_crowd.hpp>
#include <sluice/channel/shared_bytes.hpp>

#include "promise.hpp"

#include <cstring>

namespace rig {

/// What the proof rig must know of the rings of messages of any length, and their ends as ends of items: each item travels as a
/// message whose length depends on its number, with bytes behind it that belong to it alone.
struct bytes {
  using kind = sluice::bytes_of<sluice::spsc>;
  static constexpr const char* name = "bytes";

  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::bytes_publish>("bytes_publish");
    visit.template operator()<sluice::site::bytes_frame>("bytes_frame");
    visit.template operator()<sluice::site::bytes_consume>("bytes_consume");
    visit.template operator()<sluice::site::bytes_head>("bytes_head");
    visit.template operator()<sluice::site::bytes_pad>("bytes_pad");
    visit.template operator()<sluice::site::bytes_clear>("bytes_clear");
  }
  template <class Ring, class Visit>
  static void each_word(const Ring& r, Visit visit) {
    visit(r.shared().head, "head ", 0u);
    visit(r.shared().told, "told ", 0u);
    each_frame(r, visit);
  }

  static constexpr unsigned producers = 1, consumers = 1;  // how many may live at a time
  static constexpr promise promises{};

  /// All messages of one type of item take the same number of granules, one or two, so that an area has room for an exact
  /// number of them. For those of two it has one granule more: they come round to padding.
  template <class Item>
  static constexpr std::size_t granules = (sizeof(Item) - 1) / sluice::bytes_granule + 1;
  template <class Item>
  static constexpr std::size_t capacity(std::size_t items) noexcept {
    return (granules<Item> * items + (granules<Item> - 1)) * sluice::bytes_granule;
  }

  /// The message of an item, of which the first member is its number.
  template <class Item>
  struct message {
    static constexpr std::size_t longest = granules<Item> * sluice::bytes_granule;
    std::byte bytes[longest] = {};
    std::size_t size = 0;

    explicit message(const Item& i) noexcept {
      std::uint64_t number = 0;
      std::memcpy(&number, &i, sizeof number);
      std::memcpy(bytes, &i, sizeof i);
      for (size = sizeof i; size < sizeof i + number * 7 % (longest - sizeof i + 1); ++size)
        bytes[size] = static_cast<std::byte>(number * 31 + size);
    }
    /// The item, if these are the bytes of one and no others; or else nonsense.
    static Item read(std::span<const std::byte> m) noexcept {
      Item i{};
      if (m.size() >= sizeof i) std::memcpy(&i, m.data(), sizeof i);
      const message wanted(i);
      const bool whole = m.size() == wanted.size && std::memcmp(m.data(), wanted.bytes, m.size()) == 0;
      if (!whole) std::memset(&i, 0x5a, sizeof i);
      return i;
    }
  };

  template <class Item, class Base = typename sluice::detail::shared_bytes<kind, sluice::native_memory>::sink>
  class sink : public Base {
   public:
    using value_type = Item;
    using Base::Base;

    sluice::status push(const Item& i, sluice::until u = {}) {
      const message<Item> m(i);
      return Base::push(std::span(m.bytes, m.size), u);
    }
    sluice::status try_push(const Item& i) { return push(i, sluice::now); }
    sluice::result<std::size_t> push(std::span<const Item> some, sluice::until u) {
      std::size_t n = 0;
      for (const Item& i : some) {
        if (const auto s = push(i, n == 0 ? u : sluice::until(sluice::now)); !s) return n != 0 ? sluice::result<std::size_t>(n) : s.err();
        ++n;
      }
      return n;
    }
    /// A place for more than any of the messages needs.
    class place {
     public:
      explicit place(typename Base::slot_type s) noexcept : slot_(std::move(s)) {}
      explicit operator bool() const noexcept { return static_cast<bool>(slot_); }
      [[nodiscard]] sluice::error err() const noexcept { return slot_.err(); }
      Item& operator*() noexcept { return item_; }
      void commit() noexcept {
        const message<Item> m(item_);
        std::memcpy(slot_.data(), m.bytes, m.size);
        slot_.commit(m.size);
      }

     private:
      typename Base::slot_type slot_;
      Item item_{};
    };
    place claim(sluice::until u) {
      constexpr std::size_t spare = granules<Item> > 1 ? sluice::bytes_granule : 0;
      return place(Base::claim(message<Item>::longest + spare, u));
    }
  };

  template <class Item, class Base = typename sluice::detail::shared_bytes<kind, sluice::native_memory>::source>
  class source : public Base {
   public:
    using value_type = Item;
    using Base::Base;

    sluice::result<Item> pop(sluice::until u = {}) {
      std::byte to[message<Item>::longest];
      const auto n = Base::pop(std::span(to), u);
      return n ? sluice::result<Item>(message<Item>::read(std::span(to, *n))) : sluice::result<Item>(n.err());
    }
    sluice::result<Item> try_pop() { return pop(sluice::now); }
    /// A message that is out, and the item that it carries.
    class lent {
     public:
      explicit lent(typename Base::loan_type l) noexcept : loan_(std::move(l)) {
        if (loan_) item_ = message<Item>::read(*loan_);
      }
      explicit operator bool() const noexcept { return static_cast<bool>(loan_); }
      [[nodiscard]] sluice::error err() const noexcept { return loan_.err(); }
      const Item& operator*() const noexcept { return item_; }
      const Item* operator->() const noexcept { return &item_; }
      void release() noexcept { loan_.release(); }
      void keep() noexcept { loan_.keep(); }

     private:
      typename Base::loan_type loan_;
      Item item_{};
    };
    lent borrow(sluice::until u) { return lent(Base::borrow(u)); }
    sluice::result<std::size_t> pop(std::span<Item> to, sluice::until u) {
      std::size_t n = 0;
      for (Item& i : to) {
        auto one = pop(n == 0 ? u : sluice::until(sluice::now));
        if (!one) return n != 0 ? sluice::result<std::size_t>(n) : one.err();
        i = *one;
        ++n;
      }
      return n;
    }
  };

  template <class Item>
  struct ends {
    using sink = bytes::sink<Item>;
    using source = bytes::source<Item>;
  };

 protected:
  template <class Ring, class Visit>
  static void each_frame(const Ring& r, Visit visit) {
    for (unsigned k = 0; k < r.granules(); ++k) visit(r.at(k), "frame ", k);
  }
};

/// With many producers. Not the sites of gates and crowds, which the ordered ring has too.
struct bytes_mpsc : bytes {
  using kind = sluice::bytes_of<sluice::mpsc>;
  static constexpr const char* name = "bytes of many";
  static constexpr unsigned producers = sluice::crowd<>::most - 1, consumers = 1;
  // What is given back, by the living too, is taken until the reader has passed it; a claim is longer than a message, and may
  // come round to padding.
  static constexpr promise promises{.tombs = true, .tomb_takes = 2, .asks_every = 4096};

  template <class Item>
  struct ends {
    using shared = sluice::detail::shared_bytes<kind, sluice::native_memory>;
    using sink = bytes::sink<Item, typename shared::sink>;
    using source = bytes::source<Item, typename shared::source>;
  };

  template <class Visit>
  static void each_site(Visit visit) {
    visit.template operator()<sluice::site::bytes_publish>("bytes_publish");
    visit.template operator()<sluice::site::bytes_frame>("bytes_frame");
    visit.template operator()<sluice::site::bytes_consume>("bytes_consume");
    visit.template operator()<sluice::site::bytes_head>("bytes_head");
    visit.template operator()<sluice::site::bytes_tail>("bytes_tail");
    visit.template operator()<sluice::site::bytes_move>("bytes_move");
    visit.template operator()<sluice::site::bytes_lost>("bytes_lost");
    visit.template operator()<sluice::site::bytes_claim>("bytes_claim");
    visit.template operator()<sluice::site::bytes_rest>("bytes_rest");
    visit.template operator()<sluice::site::bytes_sweep>("bytes_sweep");
    visit.template operator()<sluice::site::bytes_heal>("bytes_heal");
  }
  template <class Ring, class Visit>
  static void each_word(const Ring& r, Visit visit) {
    visit(r.shared().tail, "tail ", 0u);
    visit(r.shared().head, "head ", 0u);
    each_frame(r, visit);
  }
  /// As if the ring had been filled by messages of one granule and emptied, `lap` times.
  template <class Ring>
  static void start_at(const Ring& r, typename Ring::word lap) noexcept {
    using word = typename Ring::word;
    const auto here = static_cast<word>(lap * r.one_lap()), before = static_cast<word>(here - r.one_lap());
    r.shared().tail.store(here);
    r.shared().head.store(here);
    for (word k = 0; k < r.granules(); ++k) r.at(k).store(Ring::frame_word(before, 1, Ring::state::message));
  }
  /// How many laps there are.
  template <class Ring>
  static constexpr auto laps(const Ring& r) noexcept {
    return static_cast<typename Ring::word>(static_cast<typename Ring::word>(0 - r.one_lap()) / r.one_lap() + 1);
  }
};

}  // namespace rig

#endif
