// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_SPAWN_HPP
#define SLUICE_STREAM_SPAWN_HPP

#include <sluice/platform/spawn.hpp>
#include <sluice/stream/pipe.hpp>

#include <initializer_list>

namespace sluice {

/// What a standard stream of a child is.
class standard_stream {
 public:
  enum class kind : std::uint8_t { pipe, inherited, nothing, given, as_output };

  static constexpr standard_stream pipe() noexcept { return {kind::pipe, -1}; }
  static constexpr standard_stream inherited() noexcept { return {kind::inherited, -1}; }
  static constexpr standard_stream nothing() noexcept { return {kind::nothing, -1}; }      // /dev/null
  static constexpr standard_stream given(int fd) noexcept { return {kind::given, fd}; }    // the caller keeps its own
  static constexpr standard_stream as_output() noexcept { return {kind::as_output, -1}; }  // of .err: where .out goes

  [[nodiscard]] constexpr kind what() const noexcept { return kind_; }
  [[nodiscard]] constexpr int handle() const noexcept { return fd_; }

 private:
  constexpr standard_stream(kind k, int fd) noexcept : kind_(k), fd_(fd) {}
  kind kind_;
  int fd_;
};

struct spawn_options {
  const char* directory = nullptr;                // where the child works, and looks for a relative program; null: here
  const char* const* environment = nullptr;       // "NAME=value" ..., null at the end; null: that of this process
  standard_stream in = standard_stream::pipe();
  standard_stream out = standard_stream::pipe();
  standard_stream err = standard_stream::inherited();
  std::span<const int> kept = {};                 // descriptors that stay open in the child; all others are closed
};

/// How a child ended.
struct exit_status {
  int code = 0;    // what it returned
  int killed = 0;  // or the signal that ended it

  [[nodiscard]] constexpr bool ok() const noexcept { return code == 0 && killed == 0; }
  friend constexpr bool operator==(exit_status, exit_status) noexcept = default;
};

/// A child process as a source of one message, its exit status; then `closed`. Waits beside all other ends.
///
/// Destroying or closing it ends the child: SIGKILL, and wait until it is gone, so no zombie is left and no program
/// that nobody watches. A forked child of this process has no part in that. Somebody else who waits for all children
/// (or ignores SIGCHLD) takes the status away: that is the error ECHILD, once.
///
/// Threads: one at a time. Blocks: pop, close and the destructor; never try_pop. Allocates: never.
class child_process : public detail::handle_end, public source_verbs<child_process> {
 public:
  using value_type = exit_status;
  static constexpr end_traits traits{.survives_fork = false, .spans = reach::host, .max_size = sizeof(exit_status)};

  explicit child_process(unique_handle pidfd) noexcept : handle_end(std::move(pidfd)) {}
  child_process(child_process&&) noexcept = default;
  child_process& operator=(child_process&& o) noexcept {
    if (this != &o) {
      close();
      fd_ = std::move(o.fd_);
      parent_ = o.parent_;
    }
    return *this;
  }
  ~child_process() { close(); }

  result<exit_status> try_pop() noexcept {
    if (!fd_) return error(errc::closed, step::pop);
    if (parent_ != ::getpid()) return error(errc::forked, step::pop);
    siginfo_t how = {};
    const error e = detail::end_of(fd_.get(), false, how).err();
    if (!e || e == error(errc::os, step::pop, ECHILD)) fd_.reset();
    if (e) return e;
    return how.si_code == CLD_EXITED ? exit_status{how.si_status, 0} : exit_status{0, how.si_status};
  }
  /// Sends it a signal; `closed` if its status has been taken. Never goes to another process that has got its number.
  status send(int number) noexcept {
    return fd_ ? detail::send_signal(fd_.get(), number) : error(errc::closed, step::write);
  }
  void close() noexcept {
    if (fd_ && parent_ == ::getpid()) {
      siginfo_t how = {};
      (void)detail::send_signal(fd_.get(), SIGKILL);
      (void)detail::end_of(fd_.get(), true, how);
    }
    fd_.reset();
  }

 private:
  pid_t parent_ = ::getpid();
};

/// How long a child may take to end by itself. A stop in one of these cuts that stage short.
struct ending_patience {
  until after_close = std::chrono::seconds(2);      // once its standard input has ended
  until after_terminate = std::chrono::seconds(2);  // once SIGTERM was sent; then SIGKILL
};

/// A running child and our ends of its standard streams; a stream that is no pipe is inert and says `closed`.
///
///     auto c = must(spawn({"sort", "-n"}));
///     auto numbers = source_of<T>(std::move(c.out));
struct child {
  pipe_writer in;
  pipe_reader out;
  pipe_reader err;
  child_process process;

  /// Ends it, more and more firmly, and says how it ended. Its output is not read meanwhile: a child that waits for
  /// that to be done ends by SIGTERM.
  result<exit_status> end(const ending_patience& patience = {}) noexcept {
    in.close();
    auto how = process.pop(patience.after_close);
    if (alive(how)) {
      (void)process.send(SIGTERM);
      how = process.pop(patience.after_terminate);
    }
    if (alive(how)) {
      (void)process.send(SIGKILL);
      how = process.pop();
    }
    return how;
  }

 private:
  static bool alive(const result<exit_status>& r) noexcept {
    return !r && (r.err().again() || r.err() == errc::timeout || r.err() == errc::stopped);
  }

 public:
  child(pipe_writer i, pipe_reader o, pipe_reader e, child_process p) noexcept
      : in(std::move(i)), out(std::move(o)), err(std::move(e)), process(std::move(p)) {}
};

namespace detail {

/// The two ends of a standard stream: ours, which does not block, and the child's, which does, as programs expect.
struct stream_ends {
  unique_handle ours, theirs;
};
inline error make_stream(const standard_stream& s, int number, stream_ends& ends) noexcept {
  if (s.what() == standard_stream::kind::nothing) {
    ends.theirs = open_at(AT_FDCWD, "/dev/null", O_RDWR);
    return ends.theirs ? error() : last_error(step::open);
  }
  if (s.what() != standard_stream::kind::pipe) return {};
  int fd[2];
  if (::pipe2(fd, O_CLOEXEC) != 0) return last_error(step::create);
  const bool into_child = number == 0;
  ends = {unique_handle(fd[into_child ? 1 : 0]), unique_handle(fd[into_child ? 0 : 1])};
  return ::fcntl(ends.ours.get(), F_SETFL, O_NONBLOCK) == 0 ? error() : last_error(step::create);
}

}  // namespace detail

/// Starts a program: `arguments` as execve() takes them, the program first and null at the end; without a slash it is
/// looked for along PATH. No shell is involved. The child begins with default signal actions, none blocked, and with
/// three descriptors. Where it does not come to the program, the reason is returned and nothing is left.
///
/// Threads: any; the calling one stands still until the program is loaded. Allocates: never (128 KiB are mapped
/// meanwhile).
/// Errors: not_found, denied, invalid, no_space, os; at step open they are about the directory.
[[nodiscard]] inline result<child> spawn(std::span<const char* const> arguments, const spawn_options& o = {}) noexcept {
  if (arguments.size() < 2 || arguments.back() != nullptr || arguments.front() == nullptr) {
    return error(errc::invalid, step::create, subject::options);
  }
  const standard_stream wanted[3] = {o.in, o.out, o.err};
  detail::stream_ends ends[3];
  detail::child_plan plan;
  for (int i = 0; i < 3; ++i) {
    if (const error e = detail::make_stream(wanted[i], i, ends[i])) return e;
    if (ends[i].theirs) plan.streams[i] = ends[i].theirs.get();
    else if (wanted[i].what() == standard_stream::kind::given) plan.streams[i] = wanted[i].handle();
    else if (wanted[i].what() == standard_stream::kind::as_output && i == 2) plan.streams[i] = plan.streams[1];
    if (plan.streams[i] < 0) return error(errc::invalid, step::create, subject::descriptors);
  }
  plan.arguments = arguments.data();
  plan.environment = o.environment != nullptr ? o.environment : const_cast<const char* const*>(::environ);
  plan.directory = o.directory;
  plan.search = ::getenv("PATH");
  if (plan.search == nullptr) plan.search = "/bin:/usr/bin";
  plan.kept = o.kept;
  auto started = detail::start_child(plan);
  if (!started) return started.err();
  return child(pipe_writer(std::move(ends[0].ours)), pipe_reader(std::move(ends[1].ours)),
               pipe_reader(std::move(ends[2].ours)), child_process(*std::move(started)));
}
/// The same for arguments that are written down: `spawn({"grep", "-c", word})`; at most 63.
[[nodiscard]] inline result<child> spawn(std::initializer_list<const char*> arguments,
                                         const spawn_options& o = {}) noexcept {
  const char* list[64];
  if (arguments.size() > 63) return error(errc::too_big, step::create);
  std::size_t n = 0;
  for (const char* a : arguments) list[n++] = a;
  list[n++] = nullptr;
  return spawn(std::span<const char* const>(list, n), o);
}

}  // namespace sluice

#endif
