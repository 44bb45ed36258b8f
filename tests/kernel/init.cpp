// SPDX-License-Identifier: MIT
#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <net/if.h>
#include <string>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vector>

// The first process of the machine that boot.cpp starts: mounts what programs expect, loads the modules, runs the
// program, and ends the machine with what that returns.

namespace {

constexpr int killed = 30, not_started = 31;

[[noreturn]] void end(int code) {
  std::fflush(nullptr);
  ::tcdrain(1);
  if (::ioperm(0xf4, 4, 1) == 0) ::outb_p(static_cast<unsigned char>(32 + std::min(code, not_started)), 0xf4);
  for (;;) ::pause();  // nobody took it: boot.cpp loses its patience
}
void need(bool done, const std::string& what) {
  if (done) return;
  std::perror(what.c_str());
  end(not_started);
}

void mount_all() {
  struct place {
    const char *kind, *at;
  };
  for (const place p : {place{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/tmp"}})
    need(::mount(p.kind, p.at, p.kind, 0, nullptr) == 0, p.at);
  ::mkdir("/dev/shm", 01777);
  need(::mount("tmpfs", "/dev/shm", "tmpfs", 0, nullptr) == 0, "/dev/shm");
}
void plain_console() {
  termios t{};
  if (::tcgetattr(1, &t) != 0) return;
  t.c_oflag &= ~static_cast<tcflag_t>(OPOST);  // lines end as in a file
  ::tcsetattr(1, TCSANOW, &t);
}
void load_modules() {
  std::vector<std::string> files;
  for (const auto& m : std::filesystem::directory_iterator("/modules")) files.push_back(m.path());
  std::sort(files.begin(), files.end());
  for (const auto& f : files) {
    const int fd = ::open(f.c_str(), O_RDONLY | O_CLOEXEC);
    need(::syscall(SYS_finit_module, fd, "", 0) == 0, f);
    ::close(fd);
  }
}
void start_loopback() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq lo{};
  std::strcpy(lo.ifr_name, "lo");
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  need(::ioctl(fd, SIOCSIFFLAGS, &lo) == 0, "lo");
  ::close(fd);
}

int run_program() {
  std::vector<std::string> words{"/program"};
  std::ifstream file("/arguments");
  for (std::string line; std::getline(file, line);) words.push_back(line);
  std::vector<char*> arguments;
  for (auto& w : words) arguments.push_back(w.data());
  arguments.push_back(nullptr);
  int output[2];
  need(::pipe2(output, O_CLOEXEC) == 0, "pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(output[1], 1), ::dup2(output[1], 2);  // as in a file: a console would get colours
    ::execv("/program", arguments.data());
    ::_exit(not_started);
  }
  ::close(output[1]);
  char part[4096];
  for (ssize_t n; (n = ::read(output[0], part, sizeof part)) > 0;) (void)!::write(1, part, static_cast<std::size_t>(n));
  for (;;) {  // whose parents have ended are ours
    int how = 0;
    const pid_t p = ::wait(&how);
    if (p != child) continue;
    if (WIFSIGNALED(how)) std::printf("%s\n", ::strsignal(WTERMSIG(how)));
    return WIFEXITED(how) ? WEXITSTATUS(how) : killed;
  }
}

}  // namespace

int main() {
  mount_all();
  plain_console();
  load_modules();
  start_loopback();
  end(run_program());
}
