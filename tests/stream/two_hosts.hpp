// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_STREAM_TWO_HOSTS_HPP
#define SLUICE_TESTS_STREAM_TWO_HOSTS_HPP

#include "../process.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <deque>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>
#include <vector>

namespace test {

/// Two hosts with a cable between them: two network namespaces, each with a TUN device, and a thread that takes IPv4
/// packets out of one and puts them into the other, late, not all of them, or none. No program and no emulation in the
/// kernel is needed, and what was lost is known. To be made in a child that has no other thread.
class two_hosts {
 public:
  static constexpr const char* address[] = {"10.77.0.8", "10.77.0.16"};
  static constexpr const char* black_hole = "10.77.0.9";  // in reach of the first, and nobody's
  static constexpr unsigned tcp = 6, udp = 17;            // protocols, as packets number them

  two_hosts() : missing_(make()) {
    if (missing_ == nullptr) carrier_ = std::thread([this] { carry(); });
  }
  two_hosts(const two_hosts&) = delete;
  two_hosts& operator=(const two_hosts&) = delete;
  ~two_hosts() {
    over_ = true;
    if (carrier_.joinable()) carrier_.join();
    for (int host = 0; host < 2; ++host) ::close(device_[host]), ::close(namespace_[host]);
  }

  /// What this system has not, or null.
  [[nodiscard]] const char* missing() const { return missing_; }
  /// Runs `f` in this thread, which is then on that host: sockets belong to the host that they were made on.
  template <class F>
  auto on(int host, F f) {
    if (::setns(namespace_[host], CLONE_NEWNET) != 0) std::abort();
    return f();
  }
  /// Takes the device of a host down.
  bool take_down(int host) {
    return on(host, [] { return set_up(false); });
  }

  std::atomic<int> delay_us{0};
  std::atomic<unsigned> lost_in_1000{0};
  std::atomic<bool> cut{false};

  /// Packets of that protocol that the cable has got, and lost.
  [[nodiscard]] unsigned taken(unsigned protocol) const { return taken_[protocol & 255]; }
  [[nodiscard]] unsigned lost(unsigned protocol) const { return lost_[protocol & 255]; }

 private:
  struct packet {
    std::int64_t due;
    int to;
    std::vector<char> bytes;
  };

  /// What kept it from being made, or null.
  const char* make() {
    if (::unshare(CLONE_NEWNET) != 0 && !(enter_namespaces(0) && ::unshare(CLONE_NEWNET) == 0))
      return "no network namespaces for this user";
    for (int host = 0; host < 2; ++host) {
      if (host == 1 && ::unshare(CLONE_NEWNET) != 0) return "no second network namespace";
      namespace_[host] = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
      device_[host] = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
      if (device_[host] < 0) return "no /dev/net/tun for this user";
      ifreq r = named_device();
      r.ifr_flags = IFF_TUN | IFF_NO_PI;
      if (::ioctl(device_[host], TUNSETIFF, &r) != 0) return "no TUN devices in this kernel";
      if (!assign(SIOCSIFADDR, address[host]) || !assign(SIOCSIFNETMASK, "255.255.255.0") || !set_up(true))
        return "no device that takes an address";
    }
    return nullptr;
  }
  static ifreq named_device() {
    ifreq r{};
    std::strcpy(r.ifr_name, "cable");
    return r;
  }
  static bool ask(unsigned long what, ifreq& r) {
    const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool done = ::ioctl(any, what, &r) == 0;
    ::close(any);
    return done;
  }
  static bool assign(unsigned long what, const char* value) {
    ifreq r = named_device();
    sockaddr_in in{};
    in.sin_family = AF_INET;
    ::inet_pton(AF_INET, value, &in.sin_addr);
    std::memcpy(&r.ifr_addr, &in, sizeof in);
    return ask(what, r);
  }
  static bool set_up(bool up) {
    ifreq r = named_device();
    if (!ask(SIOCGIFFLAGS, r)) return false;
    r.ifr_flags = static_cast<short>(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
    return ask(SIOCSIFFLAGS, r);
  }

  void carry() {
    std::deque<packet> under_way;
    dice loss(7);
    while (!over_) {
      pollfd both[2] = {{device_[0], POLLIN, 0}, {device_[1], POLLIN, 0}};
      std::int64_t pause = under_way.empty() ? 20'000'000 : under_way.front().due - now_ns();
      if (pause < 0) pause = 0;
      const timespec t{0, static_cast<long>(pause < 20'000'000 ? pause : 20'000'000)};
      ::ppoll(both, 2, &t, nullptr);
      for (int from = 0; from < 2; ++from) {
        char place[2048];
        for (ssize_t n; (n = ::read(device_[from], place, sizeof place)) > 0;) {
          if (n < 20 || place[0] >> 4 != 4) continue;
          const auto protocol = static_cast<unsigned char>(place[9]);
          const bool gone = cut || loss.below(1000) < lost_in_1000;
          if (gone) ++lost_[protocol];
          else under_way.push_back({now_ns() + delay_us * std::int64_t{1000}, 1 - from, {place, place + n}});
          ++taken_[protocol];
        }
      }
      for (; !under_way.empty() && under_way.front().due <= now_ns(); under_way.pop_front()) {
        const packet& p = under_way.front();
        (void)!::write(device_[p.to], p.bytes.data(), p.bytes.size());
      }
    }
  }

  int namespace_[2] = {-1, -1};
  int device_[2] = {-1, -1};
  std::atomic<unsigned> taken_[256] = {}, lost_[256] = {};
  std::atomic<bool> over_{false};
  const char* missing_;  // made after all that make() uses
  std::thread carrier_;
};

}  // namespace test

#endif
