// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_DATAGRAM_HPP
#define SLUICE_PLATFORM_LINUX_DATAGRAM_HPP

#include <sluice/platform/socket.hpp>

#if SLUICE_HAS_LINUX()

#include <netinet/in.h>
#include <sys/uio.h>

namespace sluice::detail {

// Spelled out: older C libraries lack them.
inline constexpr int udp_segment_option = 103, udp_combine_option = 104;

/// Up to `most` datagrams that one system call moves, as the system wants them written down.
class datagram_batch {
 public:
  static constexpr unsigned most = 32;

  [[nodiscard]] unsigned size() const noexcept { return size_; }
  [[nodiscard]] bool full() const noexcept { return size_ == most; }

  /// One to send; to whom the socket is connected, if `to` is null.
  void add(std::span<const std::byte> bytes, const sockaddr* to, socklen_t to_size) noexcept {
    msghdr& m = next(const_cast<std::byte*>(bytes.data()), bytes.size());
    m.msg_name = const_cast<sockaddr*>(to);
    m.msg_namelen = to == nullptr ? 0 : to_size;
  }
  /// The last one is to be cut into several of `segment` bytes by the system.
  void cut(std::uint16_t segment) noexcept {
    msghdr& m = message_[size_ - 1].msg_hdr;
    m.msg_control = control_[size_ - 1];
    m.msg_controllen = CMSG_SPACE(sizeof segment);
    cmsghdr* const c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = IPPROTO_UDP;
    c->cmsg_type = udp_segment_option;
    c->cmsg_len = CMSG_LEN(sizeof segment);
    __builtin_memcpy(CMSG_DATA(c), &segment, sizeof segment);
  }
  /// A place for one to come.
  void add(std::span<std::byte> place) noexcept {
    msghdr& m = next(place.data(), place.size());
    m.msg_name = &from_[size_ - 1];
    m.msg_namelen = sizeof from_[0];
    m.msg_control = control_[size_ - 1];
    m.msg_controllen = sizeof control_[0];
  }

  /// Sends as many as the system takes, from the first on; -1 and errno for none.
  int send(int fd) noexcept {
    return retry_interrupted([&] { return ::sendmmsg(fd, message_, size_, MSG_DONTWAIT | MSG_NOSIGNAL); });
  }
  /// Receives as many as are there.
  int receive(int fd) noexcept {
    return retry_interrupted([&] { return ::recvmmsg(fd, message_, size_, MSG_DONTWAIT | MSG_TRUNC, nullptr); });
  }

  /// Of the i-th that came: its true size, whether or not it fitted.
  [[nodiscard]] std::size_t true_size(unsigned i) const noexcept { return message_[i].msg_len; }
  [[nodiscard]] const sockaddr* from(unsigned i) const noexcept { return reinterpret_cast<const sockaddr*>(&from_[i]); }
  [[nodiscard]] socklen_t from_size(unsigned i) const noexcept { return message_[i].msg_hdr.msg_namelen; }
  /// The number that came along with it under that name, or `otherwise`.
  [[nodiscard]] std::uint32_t number(unsigned i, int level, int type, std::uint32_t otherwise) noexcept {
    msghdr& m = message_[i].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c)) {
      if (c->cmsg_level != level || c->cmsg_type != type || c->cmsg_len < CMSG_LEN(sizeof otherwise)) continue;
      __builtin_memcpy(&otherwise, CMSG_DATA(c), sizeof otherwise);
    }
    return otherwise;
  }

 private:
  msghdr& next(void* at, std::size_t n) noexcept {
    place_[size_] = {at, n};
    message_[size_] = {};
    msghdr& m = message_[size_].msg_hdr;
    m.msg_iov = &place_[size_++];
    m.msg_iovlen = 1;
    return m;
  }

  static constexpr std::size_t control_room = CMSG_SPACE(sizeof(std::uint32_t)) * 2;

  unsigned size_ = 0;
  mmsghdr message_[most];
  iovec place_[most];
  sockaddr_in6 from_[most];  // the larger of the two families
  alignas(cmsghdr) std::byte control_[most][control_room];
};

}  // namespace sluice::detail

#endif
#endif
