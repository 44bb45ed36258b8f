// SPDX-License-Identifier: MIT
#ifndef SLUICE_BRIDGE_ASIO_HPP
#define SLUICE_BRIDGE_ASIO_HPP

#include <sluice/bridge/waiting_attempt.hpp>

#include <memory>
#include <utility>

// The verbs as asynchronous operations of Asio: that of Boost, or the one that stands alone, whichever has been included
// before; else whichever there is.

#if !defined(BOOST_ASIO_VERSION) && !defined(ASIO_VERSION)
#if __has_include(<boost/asio.hpp>)
#include <boost/asio.hpp>
#elif __has_include(<asio.hpp>)
#include <asio.hpp>
#endif
#endif

#if defined(BOOST_ASIO_VERSION) || defined(ASIO_VERSION)

#if defined(BOOST_ASIO_VERSION)
#define SLUICE_ASIO_VERSION() BOOST_ASIO_VERSION
#else
#define SLUICE_ASIO_VERSION() ASIO_VERSION
#endif

namespace sluice {

#if defined(BOOST_ASIO_VERSION)
inline namespace over_boost {
namespace net = boost::asio;
using net_error = boost::system::error_code;
#else
inline namespace over_asio {
namespace net = asio;
using net_error = std::error_code;
#endif

/// Where ends meet the loop of an io_context. Each operation completes with what the verb returns:
///
///     asio_port port(io.get_executor());
///     port.async_pop(rx, [](result<quote> q) { ... });
///     result<quote> q = co_await port.async_pop(rx, net::use_awaitable);
///
/// and cases are those of a poller: `port.add(on(rx, f))`. Its descriptor is the only one that Asio watches, while anything
/// waits. An operation that is cancelled, or whose port goes (it may, in a handler), completes with `stopped`, and has
/// taken and sent nothing: a message is taken in the step that calls the handler, if that runs in the executor of the port.
///
/// Threads: one at a time, that of the executor (or its strand). Allocates: each operation. Errors: those of the verb;
/// no_space (no descriptor was left for the port).
class asio_port {
 public:
  explicit asio_port(net::any_io_executor e, poller_options o = {}) : state_(std::make_shared<state>(std::move(e), o)) {}
  asio_port(const asio_port&) = delete;
  asio_port& operator=(const asio_port&) = delete;
  ~asio_port() { state_->end(); }

  [[nodiscard]] net::any_io_executor get_executor() const noexcept { return state_->watched.get_executor(); }

  template <source Source, class Token>
  auto async_pop(Source& from, Token&& token) {
    return async_attempt<result<item_t<Source>>>(from, want::pop, [&from] { return from.try_pop(); },
                                                 std::forward<Token>(token));
  }
  /// The message is kept until there is room for it. One that was not sent is gone with the operation.
  template <class Sink, class Token>
    requires sink<Sink>
  auto async_push(Sink& into, item_t<Sink> value, Token&& token) {
    return async_attempt<status>(into, want::push, detail::push_attempt<Sink, item_t<Sink>>(into, std::move(value)),
                                 std::forward<Token>(token));
  }

  /// Cases, as of a poller, which run in the executor.
  template <detail::flow_case Case>
  result<poller::key> add(Case c) {
    if (!state_->watched.is_open()) return error(errc::no_space, step::wait, subject::descriptors);
    auto k = state_->cases.add(std::move(c));
    state_->watch();
    return k;
  }
  bool remove(poller::key k) noexcept {
    const bool was = state_->cases.remove(k);
    state_->watch();
    return was;
  }
  bool look_again(poller::key k) noexcept { return state_->cases.look_again(k); }
  /// How many cases and operations there are.
  [[nodiscard]] std::size_t size() const noexcept { return state_->cases.size(); }

 private:
  struct state;

  struct operation {
    explicit operation(state& s) noexcept;
    virtual ~operation();
    virtual void stop() = 0;

    state* whose;
    operation *before_me = nullptr, *behind_me = nullptr;
  };

  template <class Outcome, class End, class Attempt, class Handler>
  struct operation_of final : operation, detail::waiting_attempt<End, Attempt> {
    using base = detail::waiting_attempt<End, Attempt>;
    using executor = net::associated_executor_t<Handler, net::any_io_executor>;

    operation_of(state& s, End& e, want k, Attempt a, Handler h)
        : operation(s), base(s.cases, e, k, until(), std::move(a)), handler(std::move(h)),
          work(net::get_associated_executor(handler, s.watched.get_executor())) {}

    void begin() {
      if (!this->whose->watched.is_open()) return fail(error(errc::no_space, step::wait, subject::descriptors));
      if (!base::enter()) return fail(base::outcome_.err());  // or else it has a turn soon
    }
    /// In a turn of the poller, in the executor: nothing can come between the message and the handler.
    error deliver() override { return complete([](auto& e, auto f) { net::dispatch(e, std::move(f)); }), error(); }
    void stop() override {
      base::leave();
      this->whose->watch();
      fail(error(errc::stopped, step::wait));
    }
    /// Not in the call that cancels it, or began it.
    void fail(error why) {
      base::give_up(why);
      complete([](auto& e, auto f) { net::post(e, std::move(f)); });
    }
    /// What the attempt has thrown comes out of the run of the executor, and the handler is not called.
    template <class Submit>
    void complete(Submit submit) {
#if SLUICE_ASIO_VERSION() >= 101900
      net::get_associated_cancellation_slot(handler).clear();
#endif
      std::unique_ptr<operation_of> me(this);
      const auto to = work.get_executor();
      auto call = [h = std::move(handler), r = base::take(), w = std::move(work)]() mutable { std::move(h)(std::move(r)); };
      me.reset();  // before the call, which may be the end of the port
      submit(to, std::move(call));
    }

    Handler handler;
    net::executor_work_guard<executor> work;
  };

  struct state : std::enable_shared_from_this<state> {
    state(net::any_io_executor e, poller_options o) : cases(o), watched(std::move(e)) {
      if (const int fd = cases.handle(); fd >= 0) watched.assign(fd);
    }
    /// Has Asio wait while anybody does.
    void watch() {
      if (watching || !watched.is_open() || cases.size() == 0) {
        if (watching && cases.size() == 0) watched.cancel();
        return;
      }
      watching = true;
      watched.async_wait(net::posix::stream_descriptor::wait_read, [me = this->shared_from_this()](net_error) {
        me->watching = false;
        if (!me->watched.is_open()) return;
        const struct on {  // also if a handler of a case throws
          state& s;
          ~on() { s.watch(); }
        } then{*me};
        (void)me->cases.try_run();
      });
    }
    void end() {
      while (first != nullptr) first->stop();
      cases.clear();  // now, while their ends are there
      if (watched.is_open()) (void)watched.release();  // the descriptor is the poller's
    }

    poller cases;
    net::posix::stream_descriptor watched;
    bool watching = false;
    operation* first = nullptr;
  };

  template <class Outcome, class End, class Attempt, class Token>
  auto async_attempt(End& end, want k, Attempt attempt, Token&& token) {
    return net::async_initiate<Token, void(Outcome)>(
        [s = state_, &end, k](auto handler, Attempt a) {
          using op_type = operation_of<Outcome, End, Attempt, decltype(handler)>;
          auto* const op = new op_type(*s, end, k, std::move(a), std::move(handler));  // until it completes
#if SLUICE_ASIO_VERSION() >= 101900
          if (auto slot = net::get_associated_cancellation_slot(op->handler); slot.is_connected())
            slot.assign([op](net::cancellation_type t) {
              if (t != net::cancellation_type::none) op->stop();
            });
#endif
          op->begin();
          s->watch();
        },
        token, std::move(attempt));
  }

  std::shared_ptr<state> state_;
};

inline asio_port::operation::operation(state& s) noexcept : whose(&s) {
  behind_me = std::exchange(s.first, this);
  if (behind_me != nullptr) behind_me->before_me = this;
}
inline asio_port::operation::~operation() {
  (before_me != nullptr ? before_me->behind_me : whose->first) = behind_me;
  if (behind_me != nullptr) behind_me->before_me = before_me;
}

}  // namespace over_asio or over_boost

}  // namespace sluice

#undef SLUICE_ASIO_VERSION

#endif

#endif
