// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_CONFORMANCE_TRANSPORT_HPP
#define SLUICE_TESTS_CONFORMANCE_TRANSPORT_HPP

#include <sluice/wait/verbs.hpp>

#include "process.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <sys/wait.h>
#include <unistd.h>

// A transport takes part in the conformance suite by a factory:
//
//     struct over_pipe {
//       static constexpr const char* name = "pipe";
//       template <class T> static auto make() { ...; return conformance::link{std::move(sink), std::move(source)}; }
//     };
//
// and may offer more: `remote<T>(body)`, which runs `body(sink)` in another process and returns the source here; `bytes()`,
// a link of a writable and a readable; `spoilt<T>()`, a link of a writable and a source of T that reads what goes into it.
//
// The laws are compiled once: what they see of a transport are the virtual functions here, each of which is one call.

namespace conformance {

using namespace std::chrono_literals;
using sluice::error;
using sluice::result;
using sluice::status;
using sluice::until;

struct note {
  std::uint64_t seq;
  std::uint64_t check;
  static note make(std::uint64_t n) { return {n, ~n * 0x9e3779b97f4a7c15u}; }
  [[nodiscard]] bool is_whole() const { return check == ~seq * 0x9e3779b97f4a7c15u; }
};

template <class Sink, class Source>
struct link {
  Sink out;
  Source in;
};
template <class Sink, class Source>
link(Sink, Source) -> link<Sink, Source>;

/// A source here, and the process that has the sink.
template <class Source>
struct remote_end {
  pid_t child;
  Source in;
};

/// Runs `body` in a child, which ends with what it returns.
template <class Body>
pid_t in_child(Body body) {
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    ::_exit(body());
  }
  return pid;
}

class any_sink {
 public:
  virtual ~any_sink() = default;
  virtual status try_push(const note&) = 0;
  virtual status push(const note&, until) = 0;
  virtual result<std::size_t> push(std::span<const note>, until) = 0;
  virtual status flush(until) = 0;   // where there is none, there is nothing to do
  virtual status finish(until) = 0;  // likewise
  virtual void close() = 0;
  /// Moves the end into a new one, and leaves here what is left.
  virtual std::unique_ptr<any_sink> move() = 0;
};
class any_source {
 public:
  virtual ~any_source() = default;
  virtual result<note> try_pop() = 0;
  virtual result<note> pop(until) = 0;
  virtual result<std::size_t> pop(std::span<note>, until) = 0;
  /// The range of the same name, until `take` says no; returns its `why`.
  virtual error each(until, const std::function<bool(const note&)>& take) = 0;
  virtual void look_without_taking() = 0;  // arm and disarm
  virtual void close() = 0;
  virtual std::unique_ptr<any_source> move() = 0;
  /// Assigns a moved end of the same type.
  virtual void assign(any_source&&) = 0;
};
class any_writable {
 public:
  virtual ~any_writable() = default;
  virtual result<std::size_t> try_write(std::span<const std::byte>) = 0;
  virtual result<std::size_t> write(std::span<const std::byte>, until) = 0;
  virtual void close() = 0;
};
class any_readable {
 public:
  virtual ~any_readable() = default;
  virtual result<std::size_t> try_read(std::span<std::byte>) = 0;
  virtual result<std::size_t> read(std::span<std::byte>, until) = 0;
  virtual void close() = 0;
};

struct ends {
  std::unique_ptr<any_sink> out;
  std::unique_ptr<any_source> in;
};
struct byte_ends {
  std::unique_ptr<any_writable> out;
  std::unique_ptr<any_readable> in;
};
struct spoilt_ends {
  std::unique_ptr<any_writable> out;
  std::unique_ptr<any_source> in;
};
struct remote_source {
  pid_t child;
  std::unique_ptr<any_source> in;
};

/// What the laws are put to.
struct transport {
  const char* name;
  sluice::end_traits traits, sink_traits;
  std::chrono::milliseconds patience;  // for whatever does not fail
  bool has_batches;
  std::function<ends()> make;
  std::function<byte_ends()> bytes;      // these may be missing
  std::function<spoilt_ends()> spoilt;
  std::function<remote_source(std::function<void(any_sink&)>)> remote;
};

namespace detail {

template <class Sink>
class sink_of final : public any_sink {
 public:
  explicit sink_of(Sink s) : end_(std::move(s)) {}
  status try_push(const note& n) override { return end_.try_push(n); }
  status push(const note& n, until u) override { return end_.push(n, u); }
  result<std::size_t> push(std::span<const note> s, until u) override {
    if constexpr (requires { end_.push(s, u); }) return end_.push(s, u);
    else return sluice::errc::unsupported;
  }
  status flush(until u) override {
    if constexpr (requires { end_.flush(u); }) return end_.flush(u);
    else return {};
  }
  status finish(until u) override {
    if constexpr (requires { end_.finish(u); }) return end_.finish(u);
    else return {};
  }
  void close() override { end_.close(); }
  std::unique_ptr<any_sink> move() override { return std::make_unique<sink_of>(std::move(end_)); }

 private:
  Sink end_;
};
template <class Source>
class source_of final : public any_source {
 public:
  explicit source_of(Source s) : end_(std::move(s)) {}
  result<note> try_pop() override { return end_.try_pop(); }
  result<note> pop(until u) override { return end_.pop(u); }
  result<std::size_t> pop(std::span<note> s, until u) override {
    if constexpr (requires { end_.pop(s, u); }) return end_.pop(s, u);
    else return sluice::errc::unsupported;
  }
  error each(until u, const std::function<bool(const note&)>& take) override {
    auto range = end_.each(u);
    for (auto& m : range)
      if (!take(m)) break;
    return range.why;
  }
  void look_without_taking() override {
    sluice::wait_set set;
    end_.arm(sluice::want::pop, set);
    end_.disarm(sluice::want::pop);
  }
  void close() override { end_.close(); }
  std::unique_ptr<any_source> move() override { return std::make_unique<source_of>(std::move(end_)); }
  void assign(any_source&& o) override { end_ = std::move(static_cast<source_of&>(o).end_); }

 private:
  Source end_;
};
template <class Writable>
class writable_of final : public any_writable {
 public:
  explicit writable_of(Writable w) : end_(std::move(w)) {}
  result<std::size_t> try_write(std::span<const std::byte> s) override { return end_.try_write(s); }
  result<std::size_t> write(std::span<const std::byte> s, until u) override { return end_.write(s, u); }
  void close() override { end_.close(); }

 private:
  Writable end_;
};
template <class Readable>
class readable_of final : public any_readable {
 public:
  explicit readable_of(Readable r) : end_(std::move(r)) {}
  result<std::size_t> try_read(std::span<std::byte> s) override { return end_.try_read(s); }
  result<std::size_t> read(std::span<std::byte> s, until u) override { return end_.read(s, u); }
  void close() override { end_.close(); }

 private:
  Readable end_;
};

}  // namespace detail

template <class Factory>
transport transport_of() {
  using made = decltype(Factory::template make<note>());
  using sink = decltype(made::out);
  using source = decltype(made::in);
  static_assert(sluice::source<source>);
  static_assert(sluice::sink<sink>);
  static_assert(sluice::traits_of<source>.max_size >= sizeof(note));
  static_assert(!std::is_copy_constructible_v<source> && !std::is_copy_constructible_v<sink>);
  static_assert(std::is_nothrow_move_constructible_v<source> && std::is_nothrow_move_constructible_v<sink>);

  transport t{Factory::name, sluice::traits_of<source>, sluice::traits_of<sink>, std::chrono::seconds(20),
              requires(sink& out, source& in, std::span<note> s) { in.pop(s, until(1s)), out.push(std::span<const note>(s), until(1s)); },
              {}, {}, {}, {}};
  t.traits.reliable &= t.sink_traits.reliable;  // a link promises what both of its ends do
  t.traits.ordered &= t.sink_traits.ordered;
  if constexpr (requires { Factory::patience; }) t.patience = Factory::patience;
  t.make = [] {
    auto l = Factory::template make<note>();
    return ends{std::make_unique<detail::sink_of<sink>>(std::move(l.out)), std::make_unique<detail::source_of<source>>(std::move(l.in))};
  };
  if constexpr (requires { Factory::bytes(); })
    t.bytes = [] {
      auto l = Factory::bytes();
      return byte_ends{std::make_unique<detail::writable_of<decltype(l.out)>>(std::move(l.out)),
                       std::make_unique<detail::readable_of<decltype(l.in)>>(std::move(l.in))};
    };
  if constexpr (requires { Factory::template spoilt<note>(); })
    t.spoilt = [] {
      auto l = Factory::template spoilt<note>();
      return spoilt_ends{std::make_unique<detail::writable_of<decltype(l.out)>>(std::move(l.out)),
                         std::make_unique<detail::source_of<decltype(l.in)>>(std::move(l.in))};
    };
  if constexpr (requires { Factory::template remote<note>([](auto&) {}); })
    t.remote = [](const std::function<void(any_sink&)>& body) {
      auto r = Factory::template remote<note>([&](auto& out) {
        detail::sink_of<std::remove_cvref_t<decltype(out)>> erased(std::move(out));
        body(erased);
      });
      return remote_source{r.child, std::make_unique<detail::source_of<decltype(r.in)>>(std::move(r.in))};
    };
  return t;
}

}  // namespace conformance

#endif
