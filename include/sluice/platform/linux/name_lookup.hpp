// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_NAME_LOOKUP_HPP
#define SLUICE_PLATFORM_LINUX_NAME_LOOKUP_HPP

#include <sluice/platform/poll.hpp>
#include <sluice/platform/socket.hpp>

#if SLUICE_HAS_LINUX()

#include <atomic>
#include <csignal>
#include <cstdio>
#include <netdb.h>
#include <new>
#include <pthread.h>
#include <string_view>
#include <utility>

namespace sluice::detail {

/// A host's addresses, looked up by a thread of its own, since getaddrinfo can neither be waited for together with
/// anything else nor be called off. Whoever gives up leaves the state to that thread, which frees it when it is done.
///
/// Threads: one at a time. Allocates: the state, at start. After fork() the child has the question and not the thread:
/// for it the answer never comes.
class name_lookup {
 public:
  static constexpr unsigned max_addresses = 16;
  /// So many threads at most look up names in a process; who comes later waits for one of them to end.
  static constexpr int max_threads = 32;

  name_lookup() noexcept = default;
  name_lookup(name_lookup&& o) noexcept : state_(std::exchange(o.state_, nullptr)) {}
  name_lookup& operator=(name_lookup&& o) noexcept {
    std::swap(state_, o.state_);
    return *this;
  }
  ~name_lookup() {
    if (state_ != nullptr) leave(state_);
  }
  explicit operator bool() const noexcept { return state_ != nullptr; }

  /// Asks for a host of at most 253 characters.
  [[nodiscard]] static result<name_lookup> ask(std::string_view host, std::uint16_t port) noexcept {
    if (host.empty() || host.size() > 253) return error(errc::invalid, step::open, subject::address);
    name_lookup l;
    l.state_ = new (std::nothrow) state;
    if (l.state_ == nullptr) return error(errc::no_space, step::open, subject::size);
    host.copy(l.state_->host, host.size());
    std::snprintf(l.state_->port, sizeof l.state_->port, "%u", unsigned{port});
    l.state_->bell = make_bell();
    if (!l.state_->bell) return socket_error(step::open);
    return l;
  }
  /// The number of addresses, once they are there; until then `empty`.
  [[nodiscard]] result<unsigned> try_answer() noexcept {
    if (!state_->started) {
      if (const status s = start(); !s) return s.err();
    }
    if (!state_->done.load(std::memory_order_acquire)) return error(errc::empty, step::open);
    if (state_->failure) return state_->failure;
    return state_->count;
  }
  [[nodiscard]] const sockaddr* address(unsigned i) const noexcept {
    return reinterpret_cast<const sockaddr*>(&state_->address[i]);
  }
  /// Readable once the answer is there.
  [[nodiscard]] int bell() const noexcept { return state_->bell.get(); }
  /// False while it waits for others to end their questions; nothing rings for that.
  [[nodiscard]] bool asked() const noexcept { return state_->started; }

 private:
  struct state {
    std::atomic<int> owners{1};  // whoever takes the last one off frees it
    std::atomic<bool> done{false};
    bool started = false;  // the asker's own
    unique_handle bell;
    error failure;
    unsigned count = 0;
    char host[254] = {};
    char port[8] = {};
    sockaddr_storage address[max_addresses];
  };
  static inline constinit std::atomic<int> threads{0};

  static void leave(state* s) noexcept {
    if (s->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete s;
  }
  static error failure_of(int code) noexcept {
    switch (code) {
      case EAI_AGAIN:
      case EAI_FAIL: return error(errc::not_found, step::open, subject::name_server);
      case EAI_MEMORY: return error(errc::no_space, step::open, subject::size);
      case EAI_SYSTEM: return socket_error(step::open);
      default: return error(errc::not_found, step::open, subject::host_name);
    }
  }
  static void* work(void* p) noexcept {
    auto* const s = static_cast<state*>(p);
    addrinfo hints{}, *list = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    if (const int code = ::getaddrinfo(s->host, s->port, &hints, &list); code != 0) {
      s->failure = failure_of(code);
    } else {
      for (const addrinfo* a = list; a != nullptr && s->count != max_addresses; a = a->ai_next)
        if ((a->ai_family == AF_INET || a->ai_family == AF_INET6) && a->ai_addrlen <= sizeof s->address[0])
          __builtin_memcpy(&s->address[s->count++], a->ai_addr, a->ai_addrlen);
      ::freeaddrinfo(list);
      if (s->count == 0) s->failure = error(errc::not_found, step::open, subject::host_name);
    }
    s->done.store(true, std::memory_order_release);
    ring_bell(s->bell.get());
    leave(s);
    threads.fetch_sub(1, std::memory_order_relaxed);
    return nullptr;
  }
  status start() noexcept {
    if (threads.fetch_add(1, std::memory_order_relaxed) >= max_threads) {
      threads.fetch_sub(1, std::memory_order_relaxed);
      return error(errc::empty, step::open);
    }
    // The program's signal handlers are not for this thread.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    state_->owners.store(2, std::memory_order_relaxed);
    pthread_t thread;
    const int failed = ::pthread_create(&thread, nullptr, work, state_);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failed != 0) {
      state_->owners.store(1, std::memory_order_relaxed);
      threads.fetch_sub(1, std::memory_order_relaxed);
      return error(errc::no_space, step::open, subject::size);
    }
    ::pthread_detach(thread);
    state_->started = true;
    return {};
  }

  state* state_ = nullptr;
};

}  // namespace sluice::detail

#endif
#endif
