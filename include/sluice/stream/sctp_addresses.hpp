// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_SCTP_ADDRESSES_HPP
#define SLUICE_STREAM_SCTP_ADDRESSES_HPP

#include <sluice/platform/sctp.hpp>
#include <sluice/stream/endpoint.hpp>

// Several addresses for one end of SCTP: the kernel takes and gives them one behind the other, each as long as its
// family is. What libsctp does in sctp_bindx() and its like is one socket option each.

namespace sluice::detail {

inline error sctp_error(step at) noexcept {
  // ENOSYS: the kernel has no hash to sign cookies by.
  return errno == ENOSYS ? error(errc::unsupported, at, subject::protocol) : socket_error(at);
}

/// Addresses as the kernel takes them.
class packed_addresses {
 public:
  static constexpr std::size_t most = 32;

  /// Errors: invalid (none), too_big.
  static result<packed_addresses> of(std::span<const endpoint> all) noexcept {
    if (all.empty()) return error(errc::invalid, step::open, subject::address);
    if (all.size() > most) return error(errc::too_big, step::open, subject::address);
    packed_addresses p;
    for (const endpoint& e : all) {
      __builtin_memcpy(p.bytes_ + p.size_, e.data(), e.size());
      p.size_ += e.size();
    }
    return p;
  }
  [[nodiscard]] const void* data() const noexcept { return bytes_; }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }

 private:
  unsigned char bytes_[most * sizeof(sockaddr_in6)] = {};
  socklen_t size_ = 0;
};

/// What a socket is for, if it is to have or to reach all of these: one for IPv6 takes addresses of both families.
template <class... Addresses>
ip_family family_for(const Addresses&... lists) noexcept {
  bool six = false;
  const auto look = [&six](std::span<const endpoint> list) {
    for (const endpoint& e : list) six = six || e.family() == ip_family::v6;
  };
  (look(lists), ...);
  return six ? ip_family::v6 : ip_family::v4;
}

/// The first one decides on the port, if that is to be any; the others have it too.
inline status bind_sctp(int fd, std::span<const endpoint> at) noexcept {
  if (at.empty()) return error(errc::invalid, step::create, subject::address);
  if (::bind(fd, at.front().data(), at.front().size()) != 0) return sctp_error(step::create);
  if (at.size() == 1) return {};
  const auto others = packed_addresses::of(at.subspan(1));
  if (!others) return others.err().during(step::create);
  return ::setsockopt(fd, sctp::protocol, sctp::option_bind_more, others->data(), others->size()) == 0
             ? status()
             : status(sctp_error(step::create));
}

/// Begins a connection. True if it is made already, false if it is under way.
inline result<bool> start_sctp(int fd, std::span<const endpoint> to) noexcept {
  const auto all = packed_addresses::of(to);
  if (!all) return all.err();
  // Success returns the number of the association.
  if (::setsockopt(fd, sctp::protocol, sctp::option_connect, all->data(), all->size()) >= 0) return true;
  return errno == EINPROGRESS ? result<bool>(false) : result<bool>(sctp_error(step::open));
}

/// What `question` lists: as many as there is room for, and how many there are.
inline result<std::size_t> addresses_of(int fd, int question, std::int32_t association,
                                        std::span<endpoint> to) noexcept {
  struct {
    sctp::addresses_head head;
    unsigned char list[packed_addresses::most * sizeof(sockaddr_in6)];
  } answer{{association, 0}, {}};
  socklen_t size = sizeof answer;
  if (::getsockopt(fd, sctp::protocol, question, &answer, &size) < 0) return socket_error(step::validate);
  std::size_t at = 0;
  for (std::size_t n = 0; n < answer.head.count && n < to.size(); ++n) {
    sockaddr_storage one{};
    __builtin_memcpy(&one, answer.list + at, sizeof(sockaddr_in6));
    const auto e = endpoint::from(reinterpret_cast<const sockaddr*>(&one), sizeof one);
    if (!e) return e.err().during(step::validate);
    to[n] = *e;
    at += e->size();
  }
  return answer.head.count;
}

}  // namespace sluice::detail

#endif
