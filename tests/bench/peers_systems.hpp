// SPDX-License-Identifier: MIT
#ifndef SLUICE_BENCH_PEERS_SYSTEMS_HPP
#define SLUICE_BENCH_PEERS_SYSTEMS_HPP

#include "meeting.hpp"
#include "peers_sluice.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#if SLUICE_BENCH_HAS_BOOST_IPC
#include <boost/interprocess/ipc/message_queue.hpp>
#endif
#if SLUICE_BENCH_HAS_ZMQ
#include <zmq.h>
#endif
#if SLUICE_BENCH_HAS_NNG
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#endif
#if SLUICE_BENCH_HAS_POSIX_MQ
#include <mqueue.h>
#endif

// Mechanisms of the system and message libraries, all blocking.

namespace bench {

/// The ends of a link whose operations are `link.send(m)` and `link.receive()`.
template <class Link>
struct plain_ends {
  struct sender {
    Link& l;
    explicit sender(Link& link) : l(link) {}
    template <class M>
    void send(const M& m) {
      l.send(m);
    }
  };
  struct receiver {
    Link& l;
    explicit receiver(Link& link) : l(link) {}
    auto receive() { return l.receive(); }
  };
};

/// A pair of descriptors that carry whole messages: a pipe (writes this small are atomic) or a socket of packets.
template <class M, bool Socket>
struct descriptors : plain_ends<descriptors<M, Socket>> {
  int fd[2] = {-1, -1};

  descriptors() {
    const int r = Socket ? ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) : ::pipe2(fd, O_CLOEXEC);
    if (r != 0) fail("cannot make descriptors");
  }
  ~descriptors() {
    ::close(fd[0]);
    ::close(fd[1]);
  }
  descriptors(const descriptors&) = delete;
  descriptors& operator=(const descriptors&) = delete;

  void send(const M& m) {
    if (::write(fd[1], &m, sizeof m) != static_cast<ssize_t>(sizeof m)) die("write failed");
  }
  M receive() {
    M m;
    if (::read(fd[0], &m, sizeof m) != static_cast<ssize_t>(sizeof m)) die("read failed");
    return m;
  }
};

#if SLUICE_BENCH_HAS_BOOST_IPC
template <class M, bool Spins = false>
struct boost_message_queue : plain_ends<boost_message_queue<M, Spins>> {
  std::string name = fresh_name();
  boost::interprocess::message_queue q{boost::interprocess::create_only, name.c_str(), link_capacity, sizeof(M)};

  ~boost_message_queue() { boost::interprocess::message_queue::remove(name.c_str()); }
  void send(const M& m) {
    if constexpr (Spins) {
      while (!q.try_send(&m, sizeof m, 0)) {}
    } else {
      q.send(&m, sizeof m, 0);
    }
  }
  M receive() {
    M m;
    std::size_t n = 0;
    unsigned priority = 0;
    if constexpr (Spins) {
      while (!q.try_receive(&m, sizeof m, n, priority)) {}
    } else {
      q.receive(&m, sizeof m, n, priority);
    }
    return m;
  }
};
#endif

#if SLUICE_BENCH_HAS_ZMQ
template <class M, bool Ipc>
struct zeromq : plain_ends<zeromq<M, Ipc>> {
  std::string address = (Ipc ? "ipc:///tmp/" : "inproc://") + fresh_name();
  void* context = zmq_ctx_new();
  void* out = zmq_socket(context, ZMQ_PAIR);
  void* in = zmq_socket(context, ZMQ_PAIR);

  zeromq() {
    const int linger = 0;
    for (void* s : {out, in}) zmq_setsockopt(s, ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_bind(in, address.c_str()) != 0 || zmq_connect(out, address.c_str()) != 0) fail("zmq: no connection");
  }
  ~zeromq() {
    zmq_close(out);
    zmq_close(in);
    zmq_ctx_term(context);
  }
  zeromq(const zeromq&) = delete;
  zeromq& operator=(const zeromq&) = delete;

  void send(const M& m) {
    if (zmq_send(out, &m, sizeof m, 0) < 0) die("zmq_send failed");
  }
  M receive() {
    M m;
    if (zmq_recv(in, &m, sizeof m, 0) < 0) die("zmq_recv failed");
    return m;
  }
};
#endif

#if SLUICE_BENCH_HAS_NNG
template <class M, bool Ipc>
struct nanomsg_ng : plain_ends<nanomsg_ng<M, Ipc>> {
  std::string address = (Ipc ? "ipc:///tmp/" : "inproc://") + fresh_name();
  nng_socket out{}, in{};

  nanomsg_ng() {
    if (nng_pair0_open(&in) != 0 || nng_pair0_open(&out) != 0 || nng_listen(in, address.c_str(), nullptr, 0) != 0 ||
        nng_dial(out, address.c_str(), nullptr, 0) != 0)
      fail("nng: no connection");
  }
  ~nanomsg_ng() {
    nng_close(out);
    nng_close(in);
  }
  nanomsg_ng(const nanomsg_ng&) = delete;
  nanomsg_ng& operator=(const nanomsg_ng&) = delete;

  void send(const M& m) {
    M copy = m;
    if (nng_send(out, &copy, sizeof copy, 0) != 0) die("nng_send failed");
  }
  M receive() {
    M m;
    std::size_t n = sizeof m;
    if (nng_recv(in, &m, &n, 0) != 0) die("nng_recv failed");
    return m;
  }
};
#endif

#if SLUICE_BENCH_HAS_POSIX_MQ
/// With the ten messages that an unprivileged queue may have.
template <class M>
struct posix_mq : plain_ends<posix_mq<M>> {
  std::string name = "/" + fresh_name();
  mqd_t q;

  posix_mq() {
    mq_attr a{};
    a.mq_maxmsg = 10;
    a.mq_msgsize = sizeof(M);
    q = ::mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &a);
    if (q == static_cast<mqd_t>(-1)) fail("mq_open failed");
  }
  ~posix_mq() {
    ::mq_close(q);
    ::mq_unlink(name.c_str());
  }
  posix_mq(const posix_mq&) = delete;
  posix_mq& operator=(const posix_mq&) = delete;

  void send(const M& m) {
    char bytes[sizeof(M)];
    std::memcpy(bytes, &m, sizeof m);
    if (::mq_send(q, bytes, sizeof bytes, 0) != 0) die("mq_send failed");
  }
  M receive() {
    char bytes[sizeof(M)];
    if (::mq_receive(q, bytes, sizeof bytes, nullptr) < 0) die("mq_receive failed");
    M m;
    std::memcpy(&m, bytes, sizeof m);
    return m;
  }
};
#endif

}  // namespace bench

#endif
