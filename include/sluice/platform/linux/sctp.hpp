// SPDX-License-Identifier: MIT
#ifndef SLUICE_PLATFORM_LINUX_SCTP_HPP
#define SLUICE_PLATFORM_LINUX_SCTP_HPP

#include <sluice/core/config.hpp>

#if SLUICE_HAS_LINUX()

#include <cstdint>

// What is needed of <linux/sctp.h>, which not every system with SCTP has installed. Names without the sctp_ in front.

namespace sluice::detail::sctp {

inline constexpr int protocol = 132;  // IPPROTO_SCTP, SOL_SCTP
inline constexpr int option_init = 2, option_nodelay = 3, option_path_parameters = 9, option_recv_info = 32,
                     option_bind_more = 100, option_peer_addresses = 108, option_local_addresses = 109,
                     option_connect = 110, option_peel_off_flags = 122, option_event = 127;
inline constexpr int cmsg_send_info = 2, cmsg_recv_info = 3;
inline constexpr int flag_notification = 0x8000;     // of a received message
inline constexpr std::uint16_t send_unordered = 1;   // of send_info and recv_info
inline constexpr std::uint16_t association_changed = 0x8001, address_changed = 0x8002, shut_down = 0x8005;

struct init_message {
  std::uint16_t streams_out, streams_in, attempts, timeout;
};
struct send_info {
  std::uint16_t stream, flags;
  std::uint32_t ppid, context;
  std::int32_t association;
};
struct recv_info {
  std::uint16_t stream, sequence, flags;
  std::uint32_t ppid, number, cumulative, context;
  std::int32_t association;
};
struct event_choice {
  std::int32_t association;
  std::uint16_t type;
  std::uint8_t on;
};
/// How an address of the other side is watched; all zero: of every association to come, as the system does it.
struct [[gnu::packed, gnu::aligned(4)]] path_parameters {
  std::int32_t association;
  unsigned char address[128];
  std::uint32_t heartbeat;  // milliseconds
  std::uint16_t attempts;
  std::uint32_t mtu, ack_delay, flags, flow_label;
  std::uint8_t dscp;
};
inline constexpr std::uint32_t path_heartbeat_on = 1;
/// The question for addresses; they follow the answer, one behind the other.
struct addresses_head {
  std::int32_t association;
  std::uint32_t count;
};
struct peel_off {
  std::int32_t association;
  int handle;
  unsigned flags;  // SOCK_CLOEXEC, SOCK_NONBLOCK
};
/// How every notification begins, and what the three kinds have behind it.
struct notification {
  std::uint16_t type, flags;
  std::uint32_t size;
};
struct association_change {
  notification head;
  std::uint16_t state, error, streams_out, streams_in;
  std::int32_t association;
};
struct address_change {
  notification head;
  unsigned char address[128];
  std::int32_t state, error, association;
};
struct shutdown_event {
  notification head;
  std::int32_t association;
};

}  // namespace sluice::detail::sctp

#endif
#endif
