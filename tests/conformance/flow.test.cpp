// SPDX-License-Identifier: MIT
#include "laws.hpp"

#include "catch.hpp"

#include <sluice/channel/channel.hpp>
#include <sluice/flow/any_sink.hpp>
#include <sluice/flow/any_source.hpp>
#include <sluice/flow/batch.hpp>
#include <sluice/flow/deal.hpp>
#include <sluice/flow/drop_newest.hpp>
#include <sluice/flow/drop_oldest.hpp>
#include <sluice/flow/filter.hpp>
#include <sluice/flow/map.hpp>
#include <sluice/flow/merge.hpp>
#include <sluice/flow/newest.hpp>
#include <sluice/flow/open.hpp>
#include <sluice/flow/rate.hpp>
#include <sluice/flow/route.hpp>
#include <sluice/flow/scan.hpp>
#include <sluice/flow/take.hpp>
#include <sluice/flow/tee.hpp>
#include <sluice/flow/topic.hpp>
#include <sluice/flow/watch.hpp>
#include <sluice/flow/zip_latest.hpp>
#include <sluice/stream/messages.hpp>
#include <sluice/stream/pipe.hpp>

// An adapted end is an end: it keeps the laws of those that it is made of.

namespace {

using namespace std::chrono_literals;

struct ring {
  template <class T>
  static auto make() {
    auto [out, in] = sluice::channel<T>(64);
    return conformance::link{std::move(out), std::move(in)};
  }
};
struct stream {
  template <class T>
  static auto make() {
    auto p = sluice::must(sluice::pipe());
    return conformance::link{sluice::sink_of<T>(std::move(p.out)), sluice::source_of<T>(std::move(p.in))};
  }
};

/// An end elsewhere, and a reference to it.
template <class End>
struct kept {
  std::unique_ptr<End> end;
};
template <class End>
struct kept_ref : kept<End>, sluice::end_ref<End> {
  explicit kept_ref(End e) : kept<End>{std::make_unique<End>(std::move(e))}, sluice::end_ref<End>(*this->end) {}
};

/// What comes out of both of two sources that should say the same.
template <class Source>
class twins : public sluice::source_verbs<twins<Source>> {
 public:
  using value_type = sluice::item_t<Source>;
  static constexpr auto traits = sluice::traits_of<Source>;

  twins(Source a, Source b) : a_(std::move(a)), b_(std::move(b)) {}
  sluice::result<value_type> try_pop() {
    if (!first_) first_ = a_.try_pop();
    auto second = first_ || !first_.err().again() ? b_.try_pop() : sluice::result<value_type>(sluice::errc::empty);
    if (!second) return second;
    auto both = std::exchange(first_, sluice::errc::empty);
    if (both && both->seq != second->seq) both->check = 0;  // damaged
    return both;
  }
  void arm(sluice::want k, sluice::wait_set& set) noexcept { a_.arm(k, set), b_.arm(k, set); }
  void disarm(sluice::want k) noexcept { a_.disarm(k), b_.disarm(k); }
  void close() noexcept { a_.close(), b_.close(), first_ = sluice::errc::closed; }

 private:
  Source a_, b_;
  sluice::result<value_type> first_ = sluice::errc::empty;
};

/// An end whose type promises nothing, with the promises of another, to which it is then held.
template <class End, class Like>
struct promising : End {
  static constexpr auto traits = sluice::traits_of<Like>;
  explicit promising(End e) : End(std::move(e)) {}
};

// How the ends of one link are adapted, or those of two.

struct referred {
  static constexpr const char* name = "references";
  static auto of(auto l) { return conformance::link{kept_ref(std::move(l.out)), kept_ref(std::move(l.in))}; }
};
struct mapped {
  static constexpr const char* name = "map";
  static auto of(auto l) {
    return conformance::link{std::move(l.out), std::move(l.in) | sluice::map([n = 0](auto m) mutable { return ++n, m; })};
  }
};
struct filtered {
  static constexpr const char* name = "filter";
  static auto of(auto l) {
    return conformance::link{std::move(l.out), std::move(l.in) | sluice::filter([](const auto& m) { return m.is_whole(); })};
  }
};
struct taken {
  static constexpr const char* name = "take";
  static auto of(auto l) { return conformance::link{std::move(l.out), std::move(l.in) | sluice::take(1'000'000)}; }
};
struct scanned {
  static constexpr const char* name = "scan";
  static auto of(auto l) {
    const auto last = [](auto, auto m) { return m; };
    return conformance::link{std::move(l.out), std::move(l.in) | sluice::scan(conformance::note::make(0), last)};
  }
};
struct batched {
  static constexpr const char* name = "batch";
  static auto of(auto l) {
    const auto only = sluice::map([](auto b) {
      auto last = conformance::note::make(~0u);
      for (auto& m : b) last = m;
      return last;
    });
    return conformance::link{std::move(l.out), std::move(l.in) | sluice::batch<1>(1ms) | only | sluice::batch(1) | only};
  }
};
struct zipped {
  static constexpr const char* name = "zip_latest";
  static auto of(auto l) {
    auto one = sluice::zip_latest(std::move(l.in)) | sluice::map([](auto m) { return std::get<0>(m); });
    return conformance::link{std::move(l.out), std::move(one)};
  }
};
struct the_newest {
  static constexpr const char* name = "latest, of a source";
  static auto of(auto l) { return conformance::link{std::move(l.out), std::move(l.in) | sluice::latest()}; }
};
struct without_the_newest {
  static constexpr const char* name = "drop_newest";
  static auto of(auto l) { return conformance::link{std::move(l.out) | sluice::drop_newest(), std::move(l.in)}; }
};
struct without_the_oldest {
  static constexpr const char* name = "drop_oldest";
  static auto of(auto l) { return conformance::link{std::move(l.out) | sluice::drop_oldest<8>(), std::move(l.in)}; }
};
struct slowed_down {
  static constexpr const char* name = "rate";
  static auto of(auto l) {
    constexpr std::uint32_t burst = 500'000;  // so that the laws of a full end meet a full end, and not a slow one
    return conformance::link{std::move(l.out) | sluice::rate(1'000'000, 1s, burst), std::move(l.in) | sluice::rate(1'000'000, 1s)};
  }
};
struct dealt_and_merged {
  static constexpr const char* name = "deal and merge";
  static auto of(auto a, auto b) {
    return conformance::link{sluice::deal(std::move(a.out), std::move(b.out)), sluice::merge(std::move(a.in), std::move(b.in))};
  }
};
struct routed_and_merged {
  static constexpr const char* name = "route and merge";
  static auto of(auto a, auto b) {
    return conformance::link{sluice::route([](const auto& m) { return m.seq % 2; }, std::move(a.out), std::move(b.out)),
                             sluice::merge(std::move(a.in), std::move(b.in))};
  }
};
struct teed {
  static constexpr const char* name = "tee";
  static auto of(auto a, auto b) {
    return conformance::link{sluice::tee(std::move(a.out), std::move(b.out)), twins(std::move(a.in), std::move(b.in))};
  }
};

template <class Adapted, class Transport>
struct over {
  static constexpr const char* name = Adapted::name;
  template <class T>
  static auto make() {
    if constexpr (requires { Adapted::of(Transport::template make<T>()); }) return Adapted::of(Transport::template make<T>());
    else return Adapted::of(Transport::template make<T>(), Transport::template make<T>());
  }
};

struct erased {
  static constexpr const char* name = "any";
  template <class Out, class In>
  static auto of(conformance::link<Out, In> l) {
    using T = sluice::item_t<In>;
    return conformance::link{promising<sluice::any_sink<T>, Out>(sluice::any_sink<T>(std::move(l.out))),
                             promising<sluice::any_source<T>, In>(sluice::any_source<T>(std::move(l.in)))};
  }
};
struct by_shm {
  static constexpr const char* name = "shm:";
  template <class T>
  using sink = std::remove_cvref_t<decltype(*sluice::shm_sink<T>(""))>;
  template <class T>
  using source = std::remove_cvref_t<decltype(*sluice::shm_source<T>(""))>;
  static std::string where() { return "/" + test::unique("law"); }
};
struct by_tcp {
  static constexpr const char* name = "tcp:";
  template <class T>
  using sink = sluice::message_sink<T, sluice::tcp_stream>;
  template <class T>
  using source = sluice::first_caller_source<T, sluice::tcp_listener>;
  static std::string where() {
    auto l = sluice::must(sluice::tcp_listen("127.0.0.1:0"));
    return "127.0.0.1:" + std::to_string(sluice::must(l.local()).port());  // free just now
  }
};
struct by_unix {
  static constexpr const char* name = "unix:";
  template <class T>
  using sink = sluice::message_sink<T, sluice::unix_stream>;
  template <class T>
  using source = sluice::first_caller_source<T, sluice::unix_listener>;
  static std::string where() { return "@" + test::unique("law"); }
};
template <class How>
struct opened {
  static constexpr const char* name = How::name;
  template <class T>
  static auto make() {
    const std::string where = How::where();
    auto in = sluice::must(sluice::open_source<T>(How::name + where));
    auto out = sluice::must(sluice::open_sink<T>(How::name + where));
    if (where[0] == '/') (void)sluice::shm_remove(where);
    using sink = promising<sluice::any_sink<T>, typename How::template sink<T>>;
    using source = promising<sluice::any_source<T>, typename How::template source<T>>;
    return conformance::link{sink(std::move(out)), source(std::move(in))};
  }
};
struct watched {
  static constexpr const char* name = "watch";
  template <class T>
  static auto make() {
    auto [out, in] = sluice::watch<T>();
    return conformance::link{std::move(out), std::move(in)};
  }
};
struct published {
  static constexpr const char* name = "topic";
  template <class T>
  static auto make() {
    sluice::topic<T> t(64);
    auto in = sluice::must(t.subscribe());
    return conformance::link{std::move(t), std::move(in)};
  }
};

}  // namespace

TEMPLATE_TEST_CASE("a watch and a topic keep the laws", "[conformance]", watched, published) {
  CHECK(conformance::broken_laws<TestType>() == "");
}
TEMPLATE_TEST_CASE("an adapted end over a channel keeps the laws", "[conformance]", referred, mapped, filtered, taken, scanned, batched, zipped,
                   the_newest, without_the_newest, without_the_oldest, slowed_down, dealt_and_merged, routed_and_merged, teed, erased) {
  CHECK(conformance::broken_laws<over<TestType, ring>>() == "");
}
TEMPLATE_TEST_CASE("an adapted end over a stream keeps the laws", "[conformance]", referred, filtered, batched, the_newest, without_the_oldest,
                   slowed_down, dealt_and_merged, routed_and_merged, teed, erased) {
  CHECK(conformance::broken_laws<over<TestType, stream>>() == "");
}
#if SLUICE_TEST_TIER_FULL
TEMPLATE_TEST_CASE("the other adapted ends keep the laws over a stream, too", "[conformance]", mapped, taken, scanned, zipped, without_the_newest) {
  CHECK(conformance::broken_laws<over<TestType, stream>>() == "");
}
#endif
TEMPLATE_TEST_CASE("ends that a URI names keep the laws", "[conformance]", by_shm, by_tcp, by_unix) {
  CHECK(conformance::broken_laws<opened<TestType>>() == "");
}
