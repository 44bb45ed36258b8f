// SPDX-License-Identifier: MIT
#include "initramfs.hpp"

#include <sluice/platform/describe.hpp>
#include <sluice/stream/spawn.hpp>

#include <cstdlib>
#include <netinet/in.h>
#include <sstream>
#include <vector>

// boot KERNEL INIT PROGRAM [ARGUMENT...]
//
// Runs a program that wants SCTP: here, if this kernel has it; else in the kernel that lies in the directory KERNEL
// (see fetch.sh), in a machine that QEMU emulates in software. That one has a file system in memory, with the program,
// the libraries it needs, and init.cpp as the first process. Ends with what the program returns (at most 31), with 77
// if something is missing, with 99 if the machine does not come to an end.

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 170s;

int skip(const std::string& why) {
  std::printf("skipped: %s\n", why.c_str());
  return 77;
}
bool has_sctp() {
  const sluice::unique_handle fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP));
  return static_cast<bool>(fd);
}
std::string output_of(std::initializer_list<const char*> command) {
  std::string all;
  auto c = sluice::spawn(command, {.in = sluice::standard_stream::nothing()});
  if (!c) return all;
  char part[4096];
  while (const auto n = c->out.read(std::as_writable_bytes(std::span(part)), 10s)) all.append(part, *n);
  const auto how = c->end();
  return how && how->ok() ? all : std::string();
}

/// A file system in which init, the program and their libraries are found.
bool make_image(const std::string& path, const std::filesystem::path& kernel, char** init_program_arguments) {
  ::kernel::initramfs image(path);
  for (const char* d : {"/dev", "/proc", "/sys", "/tmp", "/lib"}) image.directory(d);
  const char* const init = init_program_arguments[0];
  const char* const program = init_program_arguments[1];
  bool ok = image.copy(init, "/init") && image.copy(program, "/program");
  std::string arguments;
  for (char** a = init_program_arguments + 2; *a != nullptr; ++a) arguments += std::string(*a) + '\n';
  image.file("/arguments", arguments);
  for (const auto& m : std::filesystem::directory_iterator(kernel / "modules"))
    ok = ok && image.copy(m.path(), "/modules" / m.path().filename());
  // "libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)"; the loader stands alone, and is found only where it is.
  std::istringstream words(output_of({"ldd", init, program}));
  std::set<std::string> libraries;
  std::string before;
  for (std::string word; words >> word; before = word) {
    if (word.front() != '/' || word.back() == ':' || !libraries.insert(word).second) continue;
    const std::filesystem::path from = word;
    ok = ok && image.copy(from, before == "=>" ? "/lib" / from.filename() : from);
  }
  return ok && !libraries.empty() && image.finish();
}

/// Starts the machine; what it writes goes to our output.
int emulate(const std::string& kernel, const std::string& image) {
  sluice::spawn_options o;
  o.in = sluice::standard_stream::nothing();
  o.out = sluice::standard_stream::inherited();
  auto machine = sluice::spawn(
      {"qemu-system-x86_64", "-machine", "pc", "-accel", "tcg", "-m", "512", "-nodefaults", "-no-user-config",
       "-display", "none", "-no-reboot", "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", kernel.c_str(),
       "-initrd", image.c_str(), "-append", "console=ttyS0 quiet panic=-1 reboot=t LD_LIBRARY_PATH=/lib"}, o);
  if (!machine) return std::printf("no machine: %s\n", sluice::describe(machine.err()).c_str()), 99;
  const auto how = machine->process.pop(patience);
  if (!how) return std::printf("the machine does not come to an end: %s\n", sluice::describe(how.err()).c_str()), 99;
  // init.cpp writes 32 + N to that port, which makes QEMU end with twice that and 1. All else is an accident.
  if (how->code < 65 || how->killed != 0) return std::printf("the machine ended by itself\n"), 99;
  return (how->code - 65) / 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (argc < 4) return std::fprintf(stderr, "usage: boot KERNEL INIT PROGRAM [ARGUMENT...]\n"), 2;
  if (has_sctp()) {
    std::printf("this kernel has SCTP\n");
    ::execv(argv[3], argv + 3);
    return std::perror(argv[3]), 99;
  }
#if !defined(__x86_64__)
  return skip("this kernel has no SCTP, and another one is started on x86-64 only");
#endif
  const std::filesystem::path kernel = argv[1];
  if (std::system("command -v qemu-system-x86_64 >/dev/null") != 0)
    return skip("this kernel has no SCTP; for another one: apt-get install --no-install-recommends qemu-system-x86");
  if (!std::filesystem::exists(kernel / "vmlinuz"))
    return skip("this kernel has no SCTP, and none lies in " + kernel.string() + "; sh tests/kernel/fetch.sh " +
                kernel.string() + " unpacks that of the package linux-image-cloud-amd64 there");
  const std::string image = std::string(argv[3]) + ".initramfs";
  if (!make_image(image, kernel, argv + 2)) return std::printf("cannot write %s\n", image.c_str()), 99;
  return emulate(kernel / "vmlinuz", image);
}
