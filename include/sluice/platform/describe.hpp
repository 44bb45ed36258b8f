// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_DESCRIBE_HPP
#define SLUICE_PLATFORM_DESCRIBE_HPP

#include <sluice/core/result.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sluice {

/// A short text in a buffer of its own.
template <std::size_t Room>
class fixed_text {
 public:
  [[nodiscard]] const char* c_str() const noexcept { return text_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  fixed_text& add(const char* s) noexcept { return add(s, std::strlen(s)); }
  fixed_text& add(const char* s, std::size_t n) noexcept {
    if (n > Room - 1 - size_) n = Room - 1 - size_;
    std::memcpy(text_ + size_, s, n);
    text_[size_ += n] = '\0';
    return *this;
  }
  fixed_text& add_number(long long v) noexcept {
    char digits[24];
    return add(digits, static_cast<std::size_t>(std::snprintf(digits, sizeof digits, "%lld", v)));
  }

 private:
  char text_[Room] = {};
  std::size_t size_ = 0;
};

namespace detail {

constexpr const char* name_of(step s) noexcept {
  switch (s) {
    case step::none: break;
    case step::push: return "push";
    case step::pop: return "pop";
    case step::claim: return "claim";
    case step::borrow: return "borrow";
    case step::read: return "read";
    case step::write: return "write";
    case step::wait: return "wait";
    case step::create: return "create";
    case step::open: return "open";
    case step::validate: return "open";
    case step::map: return "map";
    case step::lock: return "lock";
    case step::join: return "join";
    case step::leave: return "leave";
    case step::link: return "name";
    case step::remove: return "remove";
    case step::finish: return "finish";
  }
  return "";
}

// What is wrong, and what to do about it.
constexpr const char* sentence_for(error e) noexcept {
  switch (e.code) {
    case errc::ok: return "no error";
    case errc::empty: return "nothing there yet; wait by passing a duration, or try again";
    case errc::full: return "no room yet; wait by passing a duration, or try again";
    case errc::pending:
      if (e.about() == subject::descriptors)
        return "a connection waits, but this process has too many open descriptors; close some, or raise the limit "
               "(ulimit -n)";
      if (e.about() == subject::size) return "a connection waits, but the system is short of memory; free some";
      return "another participant is in the middle of an operation; wait for it, or look why it is stopped";
    case errc::timeout: return "the time is up; nothing was taken and nothing was sent";
    case errc::stopped: return "stopped on request; nothing was taken and nothing was sent";
    case errc::closed:
      return e.op == step::push || e.op == step::claim
                 ? "the other side has closed and takes nothing more"
                 : "the other side has closed, and everything it had sent is taken";
    case errc::lagged: return "messages were overwritten before they were read; read faster, or use a larger capacity";
    case errc::too_big:
      if (e.op == step::read) return "the message is larger than the place given for it, and stays; give more";
      switch (e.about()) {
        case subject::capacity: return "the capacity is beyond what a ring of such messages can have; ask for less";
        case subject::size:
          return "the file would be larger than its file system or a limit allows; ask for a smaller capacity";
        case subject::frame:
          return "a message is larger than its framing or codec allows; raise the maximum on both sides, or send less";
        case subject::descriptors: return "one message takes at most 253 descriptors along; send several";
        case subject::mq_msgsize_max:
          return "the messages of this queue are smaller than this type; use one type on both sides, or remove the "
                 "queue";
        case subject::message_type:
          return "a message larger than this type is next, and stays; take it as a larger type, or remove the queue";
        case subject::sysv_msgmax: return "no System V message is so large here; send less, or raise kernel.msgmax";
        case subject::sysv_msgmnb:
          return "the queue holds fewer bytes than one such message; send less, or raise kernel.msgmnb and make it "
                 "anew";
        default: return "the message can never fit; use a larger capacity or smaller messages";
      }
    case errc::truncated:
      if (e.about() == subject::descriptors)
        return "more descriptors came than there was room for; all are closed and the message is lost, so give more "
               "room";
      if (e.op == step::map) return "the file was cut short while it was mapped, or its disk failed; map it anew";
      return e.about() == subject::size
                 ? "the file is shorter than a region must be; it is damaged or no region, remove it"
                 : "the stream ended inside a message; the other side was interrupted";
    case errc::corrupt:
      switch (e.about()) {
        case subject::magic: return "this file is no sluice region; choose another name, or remove it";
        case subject::checksum: return "the header of the region is damaged (wrong checksum); remove the region";
        case subject::cursor:
        case subject::stamp: return "the ring holds words that no correct program writes; remove the region";
        case subject::frame:
          return "these bytes are no frame, and where the next one begins nobody knows; use one framing on both sides";
        case subject::sequence: return "a message was lost, repeated or put out of order on the way; connect anew";
        case subject::frame_checksum: return "a message was altered on the way (wrong checksum); connect anew";
        case subject::encoding:
          return "the bytes of the message are not what its codec writes; skip it, or use one codec on both sides";
        case subject::greeting:
          return "the stream does not begin with a greeting; ask for it on both sides, or on neither";
        default: return "the region contradicts itself; remove it";
      }
    case errc::mismatch:
      switch (e.about()) {
        case subject::mq_msgsize_max:
          return "the queue is for larger messages than this type; use one type on both sides, or remove the queue";
        case subject::type_layout:
          if (e.op == step::pop)
            return "the other side sends another message type; explain() of the source says which field differs";
          return "the region holds another message type; explain<T>(name) says which field differs";
        case subject::capacity:
          return "what is there has another capacity; leave .capacity unset to adopt it, or remove it";
        case subject::kind:
          return "the region is another kind of channel; open it as that kind, or choose another name";
        case subject::format_version:
          if (e.op == step::pop)
            return "the other side uses an incompatible version of sluice; use one version on both sides";
          return "the region was made by an incompatible version of sluice; use one version, or remove the region";
        case subject::feature_flags:
          return "the region uses features that this version of sluice does not know; use the newer one on both sides";
        case subject::byte_order:
          if (e.op == step::pop) return "the other side has another byte order; use a codec that fixes one";
          return "the region was made on a machine of another byte order; remove it";
        case subject::participants:
          return "the region has another number of participant slots; leave .participants unset to adopt it";
        case subject::persistence: return "the region is not persistent; remove it first to create it anew";
        case subject::role:
          return "the other side offers the other end: a sink is for who offers a source, and the reverse";
        case subject::after_death:
          return "the region was created with another .after_death; leave it unset to adopt that, or remove the region";
        case subject::file_type: return "this is no FIFO; choose another name";
        case subject::size: return "a message of another size came; use one type on both sides";
        default: return "the other side is not of the same making";
      }
    case errc::peer_died:
      return e.op == step::push || e.op == step::claim
                 ? "the other side was killed; what it has not taken waits for its successor, so start it again"
                 : "the other side was killed, and everything it had sent is taken; start it again";
    case errc::busy:
      if (e.about() == subject::address) return "the address is in use; stop who uses it, or choose another one";
      if (e.about() == subject::name)
        return "there is one of that name already; open it without .exclusive, or remove it";
      if (e.about() == subject::capacity) return "more bytes are in the pipe than it would hold; read some first";
      if (e.about() == subject::role)
        return "another living participant has this role; stop it first, or choose another name";
      if (e.op == step::push || e.op == step::claim) return "a slot of this end is out; commit or drop it first";
      if (e.op == step::pop || e.op == step::borrow) return "a loan of this end is out; release or keep it first";
      return "somebody is joining or repairing this region just now, or was stopped while doing so; try again";
    case errc::forked: return "this end belongs to the parent process; call reopen(end), or open one by name";
    case errc::invalid:
      switch (e.about()) {
        case subject::signal_number:
          return "this signal cannot be had here: it cannot be caught, or is not blocked in this thread, or has no such "
                 "number";
        case subject::name:
          return "not a usable name: one component of 1 to 200 characters, without '/' inside, not '.' or '..'";
        case subject::file_type: return "this is not a regular file (a directory, FIFO or device); choose another name";
        case subject::directory: return "a part of the path is not a directory; check it";
        case subject::capacity: return "a capacity of 0 holds nothing; ask for at least 1";
        case subject::participants: return "not that many participants: at least one slot for each end, at most 1024";
        case subject::permissions: return "the mode must let the owner read and write, and not let everybody write";
        case subject::descriptors: return "one of the descriptors is not open, or none came with the message";
        case subject::address: return "not an address of this host, or not written as HOST:PORT ([HOST]:PORT for IPv6)";
        case subject::member_alignment:
          return "a member of the message type has an alignas that cannot be seen; specialise described_layout for it";
        case subject::protocol: return "the descriptor is of another kind than this end is for";
        case subject::options: return ".directory belongs to shared memory names; a file has its directory in the path";
        case subject::priority: return "a priority of a message queue is at most 32767";
        case subject::message_type: return "the type of a System V message is a positive number";
        case subject::project: return "the project of a System V key is 1 to 255";
        case subject::uri: return "a URI begins with its transport: shm:, file:, fifo:, unix:, tcp:, udp:, sctp:, mq: or sysv:";
        case subject::route: return "there is no sink of the number that the key of the message gives";
        case subject::delimiter:
          return "the message contains the delimiter of its framing; use another delimiter, or another framing";
        default: return "the argument is not valid";
      }
    case errc::denied:
      switch (e.about()) {
        case subject::descriptors: return "the other side takes no descriptors; it must say .handles = true";
        case subject::seals:
          return "the size of this memory is not sealed, so it could be cut short while it is used; offer it sealed";
        case subject::symlink: return "the name is a symbolic link, which is not followed; name the file itself";
        case subject::owner:
          return "the file belongs to another user; choose another name, or set .group to share within a group";
        case subject::world_writable:
          return "everybody may write the file, so nothing in it can be relied on; take that permission away (chmod "
                 "o-w)";
        case subject::directory:
          return "the directory may not be used: not yours, or open to others; set .directory, or mend its owner and "
                 "mode";
        case subject::capacity:
          return "a pipe may not be so large here (fs.pipe-max-size, fs.pipe-user-pages-soft); ask for less";
        case subject::persistence:
          return "the file was not left in order before this boot, and a reader cannot empty it; open it for writing "
                 "first";
        default: return "no permission; check the owner and mode of the file and of its directory";
      }
    case errc::not_found:
      switch (e.about()) {
        case subject::address: return "nobody listens at that address; start the other side first";
        case subject::route:
          return "that host cannot be reached, or does not answer; check the address and the network";
        case subject::host_name: return "no such host; check how its name is written";
        case subject::name_server:
          return "the name of the host could not be looked up just now; try again, or give its address";
        case subject::device: return "no such network device; see `ip link` for their names";
        case subject::descriptors: return "the service manager gave this process no such listener; check LISTEN_FDS";
        case subject::directory: return "no such directory; create it first";
        default: return "no such name";
      }
    case errc::no_space:
      if (e.about() == subject::descriptors)
        return "too many open descriptors; close some, or raise the limit (ulimit -n)";
      switch (e.about()) {
        case subject::mq_msg_max:
          return "no message queue holds so many messages here; ask for less, or raise fs.mqueue.msg_max";
        case subject::mq_msgsize_max:
          return "no message queue takes so large messages here; send less, or raise fs.mqueue.msgsize_max";
        case subject::mq_queues_max:
          return "there are as many message queues as may be; remove some (/dev/mqueue), or raise fs.mqueue.queues_max";
        case subject::mq_bytes:
          return "the message queues of this user take as many bytes as they may; remove some, or raise the limit "
                 "(ulimit -q)";
        case subject::sysv_msgmnb:
          return "no System V queue holds so many bytes here; ask for less, or raise kernel.msgmnb";
        case subject::sysv_msgmni:
          return "there are as many System V queues as may be; remove some (ipcs, ipcrm), or raise kernel.msgmni";
        default: break;
      }
      return e.about() == subject::participants ? "every participant slot is taken; create the region with more .participants"
                                                : "not enough memory or disk space; free some, or ask for a smaller capacity";
    case errc::unsupported:
      switch (e.about()) {
        case subject::proc_file_system: return "/proc is not mounted, and regions need it; mount it";
        case subject::file_system:
          return "this file system cannot hold a shared region (remote, or without locks); choose a local one";
        case subject::protocol: return "this system has not that protocol or option of sockets";
        case subject::rights:
          return "only readers of lossy_broadcast and latest can do with read-only access, those of broadcast with a "
                 "read-only payload";
        case subject::page_size:
          return "the pages of this system are larger than those of the region, so the payload alone cannot be "
                 "protected; use another .rights";
        case subject::after_death:
          return "only mpsc, spmc and mpmc can drop what a dead consumer held; leave .after_death unset";
        case subject::wipe_on_fork:
          return "this kernel cannot wipe memory in forked children (MADV_WIPEONFORK), and regions need it; use Linux "
                 "4.14 or newer";
        case subject::uri: return "no such transport; there are shm:, file:, fifo:, unix:, tcp:, udp:, sctp:, mq: and sysv:";
        default: return "this system cannot do it";
      }
    case errc::os: return "the system refused";
  }
  return "unknown error";
}

}  // namespace detail

using error_text = fixed_text<256>;

/// A plain sentence: the step, what is wrong, and what to do next.
[[nodiscard]] inline error_text describe(error e) noexcept {
  error_text t;
  if (const char* at = detail::name_of(e.op); *at != '\0') t.add(at).add(": ");
  t.add(detail::sentence_for(e));
  if (e.code == errc::os) {
    t.add(" (").add(std::strerror(e.detail)).add(", error ").add_number(e.detail).add(")");
  } else if (e.code == errc::lagged || (e.code == errc::too_big && e.op == step::read)) {
    t.add(" (").add_number(e.detail).add(")");
  }
  if (e.who != 0) t.add(" (participant ").add_number(e.who - 1).add(")");
  return t;
}

namespace detail {

[[noreturn]] inline void give_up(error e) noexcept {
  std::fprintf(stderr, "%s\n", describe(e).c_str());
  std::exit(1);
}

}  // namespace detail

/// The value of a result; or prints the sentence about its error and ends the program. For examples and scripts.
template <class T>
[[nodiscard]] T must(result<T> r) noexcept {
  if (!r) detail::give_up(r.err());
  return *std::move(r);
}
/// The same for an operation that has no value.
inline void must(status s) noexcept {
  if (!s) detail::give_up(s.err());
}

}  // namespace sluice

#endif
