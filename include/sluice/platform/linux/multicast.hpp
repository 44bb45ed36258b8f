// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_MULTICAST_HPP
#define SLUICE_PLATFORM_LINUX_MULTICAST_HPP

#include <sluice/platform/socket.hpp>

#if SLUICE_HAS_LINUX()

#include <net/if.h>
#include <netinet/in.h>

namespace sluice::detail {

/// Joins or leaves a group through that device; of that source only, unless it is null.
inline status change_membership(int fd, bool join, const char* device, const sockaddr* group, socklen_t size,
                                const sockaddr* source) noexcept {
  const unsigned index = ::if_nametoindex(device);
  if (index == 0) return error(errc::not_found, step::join, subject::device);
  const int level = group->sa_family == AF_INET ? int{IPPROTO_IP} : int{IPPROTO_IPV6};
  status s;
  if (source == nullptr) {
    group_req r{};
    r.gr_interface = index;
    __builtin_memcpy(&r.gr_group, group, size);
    s = set_option(fd, level, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, r);
  } else {
    group_source_req r{};
    r.gsr_interface = index;
    __builtin_memcpy(&r.gsr_group, group, size);
    __builtin_memcpy(&r.gsr_source, source, size);
    s = set_option(fd, level, join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, r);
  }
  return s ? s : s.err().during(join ? step::join : step::leave);
}

/// How datagrams to groups are sent: through that device, over so many routers, to this host too or not.
inline status set_multicast(int fd, int family, const char* device, int hops, bool loop) noexcept {
  const auto index = static_cast<int>(::if_nametoindex(device));
  if (index == 0) return error(errc::not_found, step::open, subject::device);
  if (family == AF_INET) {
    ip_mreqn through{};
    through.imr_ifindex = index;
    status s = set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, through);
    if (s) s = set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, hops);
    return s ? set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, int{loop}) : s;
  }
  status s = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
  if (s) s = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, hops);
  return s ? set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, int{loop}) : s;
}

/// Only groups that this socket has joined; else Linux delivers those that any socket of the host has joined.
inline void own_groups_only(int fd, int family) noexcept {
  constexpr int v4_all = 49, v6_all = 29;  // IPV6_MULTICAST_ALL is of Linux 4.20; without it, things are as they were
  (void)set_option(fd, IPPROTO_IP, v4_all, 0);
  if (family == AF_INET6) (void)set_option(fd, IPPROTO_IPV6, v6_all, 0);
}

}  // namespace sluice::detail

#endif
#endif
