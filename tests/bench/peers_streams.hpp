// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_PEERS_STREAMS_HPP
#define SLUICE_BENCH_PEERS_STREAMS_HPP

#include "peers_sluice.hpp"

#include <arpa/inet.h>
#include <array>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#if SLUICE_BENCH_HAS_ASIO
#include <asio.hpp>
namespace bench {
namespace net = asio;
}
#elif SLUICE_BENCH_HAS_BOOST_ASIO
#include <boost/asio.hpp>
namespace bench {
namespace net = boost::asio;
}
#endif

// Two sides of a byte stream that talk in frames: 32 bits of length, little-endian, then the message. Every candidate
// puts the same bytes on it. A conversation has two of them, `a` and `b`, with send(message), send_all(messages), which
// is one write where that is possible, and receive().

namespace bench {

enum class way { pipe, unix_socket, tcp };

/// Both ends of a connection as plain descriptors that block: where a side reads, and where it writes.
struct plain_pair {
  struct side {
    int in, out;
  } a{-1, -1}, b{-1, -1};

  explicit plain_pair(way w) {
    int to[2], fro[2];
    if (w == way::pipe) {
      if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(fro, O_CLOEXEC) != 0) fail("no pipes");
      a = {fro[0], to[1]}, b = {to[0], fro[1]};
    } else if (w == way::unix_socket) {
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to) != 0) fail("no socket pair");
      a = {to[0], to[0]}, b = {to[1], to[1]};
    } else {
      connect_over_loopback();
    }
  }

 private:
  void connect_over_loopback() {
    const int door = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET, at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    auto* const address = reinterpret_cast<sockaddr*>(&at);
    if (::bind(door, address, size) != 0 || ::listen(door, 1) != 0 || ::getsockname(door, address, &size) != 0 ||
        ::connect(one, address, size) != 0)
      fail("no connection over loopback");
    const int other = ::accept4(door, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(door);
    const int yes = 1;
    for (const int fd : {one, other}) (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    a = {one, one}, b = {other, other};
  }
};

/// How a C program reads: a frame at a time; ahead, into a buffer as large as a pipe; ahead and without blocking in it,
/// so that it could wait for something else as well.
enum class reading { by_frame, ahead, polled };

/// What a C program does: a frame is a write.
template <class M, reading How>
class plain_side {
 public:
  explicit plain_side(plain_pair::side s) : in_(s.in), out_(s.out), buffer_(new char[room]) {
    if (How != reading::polled) return;
    for (const int fd : {in_, out_}) (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  }
  ~plain_side() {
    ::close(in_);
    if (out_ != in_) ::close(out_);
  }
  plain_side(const plain_side&) = delete;
  plain_side& operator=(const plain_side&) = delete;

  void send(const M& m) { send_all(std::span<const M, 1>(&m, 1)); }
  template <std::size_t N>
  void send_all(std::span<const M, N> all) {
    char frames[N * frame_size];
    for (std::size_t i = 0; i < N; ++i) {
      const std::uint32_t n = sizeof(M);
      std::memcpy(frames + i * frame_size, &n, sizeof n);
      std::memcpy(frames + i * frame_size + sizeof n, &all[i], sizeof(M));
    }
    for (std::size_t done = 0; done < sizeof frames;) {
      const ssize_t k = ::write(out_, frames + done, sizeof frames - done);
      if (k < 0 && waited_for(out_, POLLOUT)) continue;
      if (k <= 0) die("write failed");
      done += static_cast<std::size_t>(k);
    }
  }
  M receive() {
    if (end_ - begin_ < frame_size) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= begin_, begin_ = 0;
      while (end_ < frame_size) {
        const ssize_t k = ::read(in_, buffer_.get() + end_, (How == reading::by_frame ? frame_size : room) - end_);
        if (k < 0 && waited_for(in_, POLLIN)) continue;
        if (k <= 0) die("read failed");
        end_ += static_cast<std::size_t>(k);
      }
    }
    std::uint32_t n;
    M m;
    std::memcpy(&n, buffer_.get() + begin_, sizeof n);
    if (n != sizeof m) die("a frame of another size");
    std::memcpy(&m, buffer_.get() + begin_ + sizeof n, sizeof m);
    begin_ += frame_size;
    return m;
  }

 private:
  static constexpr std::size_t frame_size = sizeof(std::uint32_t) + sizeof(M), room = 64 * 1024;

  static bool waited_for(int fd, short what) {
    pollfd p{fd, what, 0};
    return How == reading::polled && errno == EAGAIN && ::ppoll(&p, 1, nullptr, nullptr) == 1;
  }

  int in_, out_;
  std::size_t begin_ = 0, end_ = 0;
  std::unique_ptr<char[]> buffer_;
};

template <class M, way Way, reading How>
struct plain_conversation {
  plain_pair ends{Way};
  plain_side<M, How> a{ends.a}, b{ends.b};
};

/// Ours, as a program would write it.
template <class M, class In, class Out>
class our_side {
 public:
  our_side(In in, Out out) : in_(std::move(in)), out_(std::move(out)) {}
  void send(const M& m) {
    if (!out_.push(m)) die("push failed");
  }
  void send_all(std::span<const M> all) {
    while (!all.empty()) {
      const auto n = out_.push(all);
      if (!n) die("push failed");
      all = all.subspan(*n);
    }
  }
  M receive() {
    auto r = in_.pop();
    if (!r) die("pop failed");
    return *r;
  }

 private:
  using framing = sluice::length_framing<sizeof(M)>;
  decltype(sluice::source_of<M>(std::declval<In>(), framing())) in_;
  decltype(sluice::sink_of<M>(std::declval<Out>(), framing())) out_;
};

template <class M, way Way>
struct our_conversation;
template <class M>
struct our_conversation<M, way::pipe> {
  sluice::pipe_ends to = opened(sluice::pipe()), fro = opened(sluice::pipe());
  our_side<M, sluice::pipe_reader, sluice::pipe_writer> a{std::move(fro.in), std::move(to.out)},
      b{std::move(to.in), std::move(fro.out)};
};
template <class M, class Stream>
struct our_sockets {
  using halves = typename Stream::halves;
  using side = our_side<M, decltype(halves::in), decltype(halves::out)>;
  our_sockets(Stream one, Stream other)
      : our_sockets(opened(std::move(one).split()), opened(std::move(other).split())) {}
  side a, b;

 private:
  our_sockets(halves one, halves other)
      : a(std::move(one.in), std::move(one.out)), b(std::move(other.in), std::move(other.out)) {}
};
template <class M>
struct our_conversation<M, way::unix_socket> : our_sockets<M, sluice::duplex_stream> {
  our_conversation() : our_conversation(opened(sluice::duplex())) {}

 private:
  explicit our_conversation(sluice::duplex_ends d)
      : our_sockets<M, sluice::duplex_stream>(std::move(d.one), std::move(d.other)) {}
};
template <class M>
struct our_conversation<M, way::tcp> : our_sockets<M, sluice::tcp_stream> {
  our_conversation() : our_conversation(opened(sluice::tcp_listen("127.0.0.1:0"))) {}

 private:
  explicit our_conversation(sluice::tcp_listener door)
      : our_conversation(opened(sluice::tcp_connect(opened(door.local()))), door) {}
  our_conversation(sluice::tcp_stream one, sluice::tcp_listener& door)
      : our_sockets<M, sluice::tcp_stream>(std::move(one), opened(door.pop())) {}
};

#if SLUICE_BENCH_HAS_ASIO || SLUICE_BENCH_HAS_BOOST_ASIO
/// Its synchronous calls, as its documentation has them: head and message in one write, and a read for each.
template <class M, class Stream>
class asio_side {
 public:
  template <class... Args>
  asio_side(net::io_context& c, const Args&... protocol_and_fd) : stream_(c, protocol_and_fd...) {}
  void send(const M& m) {
    const std::uint32_t n = sizeof m;
    net::write(stream_, std::array{net::const_buffer(&n, sizeof n), net::const_buffer(&m, sizeof m)});
  }
  template <std::size_t N>
  void send_all(std::span<const M, N> all) {
    const std::uint32_t n = sizeof(M);
    std::array<net::const_buffer, 2 * N> parts;
    for (std::size_t i = 0; i < N; ++i) {
      parts[2 * i] = net::const_buffer(&n, sizeof n);
      parts[2 * i + 1] = net::const_buffer(&all[i], sizeof(M));
    }
    net::write(stream_, parts);
  }
  M receive() {
    std::uint32_t n;
    M m;
    net::read(stream_, net::buffer(&n, sizeof n));
    if (n != sizeof m) die("a frame of another size");
    net::read(stream_, net::buffer(&m, sizeof m));
    return m;
  }

 private:
  Stream stream_;
};
template <class M>
struct asio_pipes {
  using one_way = asio_side<M, net::posix::stream_descriptor>;
  one_way in, out;
  asio_pipes(net::io_context& c, plain_pair::side s) : in(c, s.in), out(c, s.out) {}
  void send(const M& m) { out.send(m); }
  template <std::size_t N>
  void send_all(std::span<const M, N> all) {
    out.send_all(all);
  }
  M receive() { return in.receive(); }
};
template <class M, way Way>
struct asio_conversation {
  net::io_context context;
  plain_pair ends{Way};
  asio_side<M, net::ip::tcp::socket> a{context, net::ip::tcp::v4(), ends.a.in};
  asio_side<M, net::ip::tcp::socket> b{context, net::ip::tcp::v4(), ends.b.in};
};
template <class M>
struct asio_conversation<M, way::pipe> {
  net::io_context context;
  plain_pair ends{way::pipe};
  asio_pipes<M> a{context, ends.a}, b{context, ends.b};
};
template <class M>
struct asio_conversation<M, way::unix_socket> {
  using protocol = net::local::stream_protocol;
  net::io_context context;
  plain_pair ends{way::unix_socket};
  asio_side<M, protocol::socket> a{context, protocol(), ends.a.in}, b{context, protocol(), ends.b.in};
};
#endif

}  // namespace bench

#endif
