// SPDX-License-Identifier: MIT
#ifndef SLUICE_STREAM_ENDPOINT_HPP
#define SLUICE_STREAM_ENDPOINT_HPP

#include <sluice/platform/describe.hpp>
#include <sluice/platform/socket.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string_view>

namespace sluice {

enum class ip_family : std::uint8_t { v4, v6 };

/// An internet address and a port, as a value.
///
///     endpoint::parse("127.0.0.1:7000")   "[::1]:7000"   "[fe80::1%eth0]:7000"   ":7000" (every address of this host)
class endpoint {
 public:
  /// Nowhere: port 0 of the unspecified IPv4 address.
  endpoint() noexcept : endpoint(any(ip_family::v4, 0)) {}

  /// From numbers; no name is looked up.
  [[nodiscard]] static result<endpoint> parse(std::string_view text) noexcept {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return bad();
    const auto host = text.substr(0, colon);
    if (host.find(':') != host.npos && host.front() != '[') return bad();  // where the port begins, nobody could say
    const auto port = number(text.substr(colon + 1));
    if (!port) return port.err();
    return of(host, *port);
  }
  /// The same with the port apart; a host of "" is every address, of the kind that can take both families.
  [[nodiscard]] static result<endpoint> of(std::string_view host, std::uint16_t port) noexcept {
    if (host.empty()) return any(ip_family::v6, port);
    if (host.front() == '[') {
      if (host.size() < 3 || host.back() != ']') return bad();
      host = host.substr(1, host.size() - 2);
    }
    char zone[IF_NAMESIZE] = {};
    if (const auto percent = host.find('%'); percent != host.npos) {
      const auto name = host.substr(percent + 1);
      if (name.empty() || name.size() >= sizeof zone) return bad();
      name.copy(zone, name.size());
      host = host.substr(0, percent);
    }
    char address[INET6_ADDRSTRLEN] = {};
    if (host.size() >= sizeof address) return bad();
    host.copy(address, host.size());
    endpoint e = any(ip_family::v4, port);
    if (zone[0] == '\0' && ::inet_pton(AF_INET, address, &e.v4_.sin_addr) == 1) return e;
    e = any(ip_family::v6, port);
    if (::inet_pton(AF_INET6, address, &e.v6_.sin6_addr) != 1) return bad();
    if (zone[0] != '\0') {
      e.v6_.sin6_scope_id = ::if_nametoindex(zone);
      if (e.v6_.sin6_scope_id == 0) return error(errc::not_found, step::open, subject::address);
    }
    return e;
  }
  [[nodiscard]] static endpoint any(ip_family family, std::uint16_t port) noexcept { return {family, port, false}; }
  [[nodiscard]] static endpoint loopback(ip_family family, std::uint16_t port) noexcept { return {family, port, true}; }
  /// From what the system filled in; of another family, nothing.
  [[nodiscard]] static result<endpoint> from(const sockaddr* address, socklen_t size) noexcept {
    endpoint e;
    if (address->sa_family == AF_INET && size >= sizeof e.v4_) __builtin_memcpy(&e.v4_, address, sizeof e.v4_);
    else if (address->sa_family == AF_INET6 && size >= sizeof e.v6_) __builtin_memcpy(&e.v6_, address, sizeof e.v6_);
    else return bad();
    return e;
  }

  [[nodiscard]] ip_family family() const noexcept { return any_.sa_family == AF_INET ? ip_family::v4 : ip_family::v6; }
  [[nodiscard]] std::uint16_t port() const noexcept {
    return ntohs(family() == ip_family::v4 ? v4_.sin_port : v6_.sin6_port);
  }
  [[nodiscard]] endpoint with_port(std::uint16_t port) const noexcept {
    endpoint e = *this;
    (family() == ip_family::v4 ? e.v4_.sin_port : e.v6_.sin6_port) = htons(port);
    return e;
  }
  /// "127.0.0.1:7000", "[::1]:7000".
  [[nodiscard]] fixed_text<80> text() const noexcept {
    fixed_text<80> t;
    char address[INET6_ADDRSTRLEN] = {};
    if (family() == ip_family::v4) {
      t.add(::inet_ntop(AF_INET, &v4_.sin_addr, address, sizeof address));
    } else {
      t.add("[").add(::inet_ntop(AF_INET6, &v6_.sin6_addr, address, sizeof address));
      if (char zone[IF_NAMESIZE]; v6_.sin6_scope_id != 0 && ::if_indextoname(v6_.sin6_scope_id, zone) != nullptr)
        t.add("%").add(zone);
      t.add("]");
    }
    return t.add(":").add_number(port());
  }

  [[nodiscard]] const sockaddr* data() const noexcept { return &any_; }
  [[nodiscard]] socklen_t size() const noexcept { return family() == ip_family::v4 ? sizeof v4_ : sizeof v6_; }

  friend bool operator==(const endpoint& a, const endpoint& b) noexcept {
    if (a.family() != b.family() || a.port() != b.port()) return false;
    if (a.family() == ip_family::v4) return a.v4_.sin_addr.s_addr == b.v4_.sin_addr.s_addr;
    return __builtin_memcmp(&a.v6_.sin6_addr, &b.v6_.sin6_addr, sizeof a.v6_.sin6_addr) == 0 &&
           a.v6_.sin6_scope_id == b.v6_.sin6_scope_id;
  }

 private:
  endpoint(ip_family family, std::uint16_t port, bool loopback) noexcept : v6_{} {
    if (family == ip_family::v4) {
      v4_ = {};
      v4_.sin_family = AF_INET;
      v4_.sin_port = htons(port);
      v4_.sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY);
    } else {
      v6_.sin6_family = AF_INET6;
      v6_.sin6_port = htons(port);
      v6_.sin6_addr = loopback ? in6addr_loopback : in6addr_any;
    }
  }
  static error bad() noexcept { return error(errc::invalid, step::open, subject::address); }
  static result<std::uint16_t> number(std::string_view digits) noexcept {
    unsigned n = 0;
    if (digits.empty() || digits.size() > 5) return bad();
    for (const char c : digits) {
      if (c < '0' || c > '9') return bad();
      n = n * 10 + static_cast<unsigned>(c - '0');
    }
    return n <= 0xffff ? result<std::uint16_t>(static_cast<std::uint16_t>(n)) : bad();
  }

  union {
    sockaddr any_;
    sockaddr_in v4_;
    sockaddr_in6 v6_;
  };
};

namespace detail {

/// Where a socket is bound, or whom it is connected to.
template <int (*Ask)(int, sockaddr*, socklen_t*) noexcept>
result<endpoint> endpoint_of(int fd) noexcept {
  sockaddr_storage room{};
  socklen_t size = sizeof room;
  if (Ask(fd, reinterpret_cast<sockaddr*>(&room), &size) != 0) return socket_error(step::validate);
  return endpoint::from(reinterpret_cast<const sockaddr*>(&room), size);
}

}  // namespace detail
}  // namespace sluice

#endif
