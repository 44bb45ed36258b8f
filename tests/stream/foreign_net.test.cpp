// SPDX-License-Identifier: MIT
#include <sluice/core/crc32c.hpp>
#include <sluice/framing/delimiter.hpp>
#include <sluice/framing/length.hpp>
#include <sluice/framing/text_codec.hpp>
#include <sluice/stream/byte_messages.hpp>
#include <sluice/stream/fifo.hpp>
#include <sluice/stream/spawn.hpp>
#include <sluice/stream/tcp.hpp>
#include <sluice/stream/udp.hpp>
#include <sluice/stream/unix.hpp>

#include "catch.hpp"
#include "foreign.hpp"
#include "net.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <thread>

// Web clients, web servers and scripts that nobody here wrote, over every kind of stream: they listen and we connect,
// and the reverse. What is not installed is named, and passes.

using namespace std::chrono_literals;
using sluice::errc;
using sluice::ip_family;
using test::bytes_of;
using test::connect_soon;
using test::content;
using test::read_all;
using test::run;
using test::write_all;

namespace {

constexpr auto patience = 20s;  // for what does not fail

std::string number(std::size_t n) { return std::to_string(n); }
std::string port_of(const sluice::tcp_listener& door) { return number(door.local()->port()); }
/// Text of that size, of which no two parts are alike.
std::string long_text(std::size_t size) {
  std::string s;
  for (std::size_t i = 0; s.size() < size; ++i) s += number(i * i) + '\n';
  s.resize(size);
  return s;
}
std::uint32_t sum(std::string_view s) { return sluice::crc32c(std::as_bytes(std::span(s))); }

/// The head of a message of HTTP, which ends with an empty line.
using http_heads = sluice::delimiter_framing<8192, '\r', '\n', '\r', '\n'>;

/// Answers the requests of one connection, for as long as they come; returns how many.
template <class Stream>
unsigned serve(Stream s, const std::string& page) {
  auto halves = std::move(s).split();
  if (!halves) return 0;
  auto in = sluice::source_of<std::string>(std::move(halves->in), http_heads{});
  auto out = sluice::sink_of<std::string>(std::move(halves->out), http_heads{});
  unsigned answered = 0;
  for (const std::string& request : in.each(patience)) {
    const bool found = request.rfind("GET / HTTP/1.", 0) == 0;
    const std::string head = std::string("HTTP/1.1 ") + (found ? "200 OK" : "404 Not Found") +
                             "\r\nContent-Length: " + number(found ? page.size() : 0);
    if (!out.push(head, patience) || (found && !write_all(out.stream(), page))) break;
    ++answered;
    if (request.find("HTTP/1.0\r\n") != request.npos) break;
  }
  return answered;
}

/// A framing of our own: a message of HTTP, head and body, as long as its head says.
template <std::size_t Max>
struct http_messages {
  static constexpr std::size_t max_size = Max;
  static constexpr std::size_t overhead = 0;

  sluice::result<sluice::frame> next(std::span<const std::byte> in) const noexcept {
    const std::string_view text(reinterpret_cast<const char*>(in.data()), in.size());
    const auto end = text.find("\r\n\r\n");
    if (end == text.npos) return in.size() < Max ? errc::empty : errc::too_big;
    constexpr std::string_view field = "\r\nContent-Length: ";
    std::size_t body = 0;
    if (const auto at = text.find(field); at < end) {
      const char* const digits = text.data() + at + field.size();
      if (std::from_chars(digits, text.data() + end, body).ptr == digits) return errc::corrupt;
    }
    const std::size_t head = end + 4;
    if (body > Max - head) return errc::too_big;
    if (in.size() - head < body) return errc::empty;
    return sluice::frame{0, head + body, head + body};
  }
  sluice::result<std::size_t> head(std::size_t, std::span<std::byte>) const noexcept { return std::size_t{0}; }
};

/// nginx with a configuration and a directory of its own, as one process in the foreground.
class nginx {
 public:
  /// `address` as its directive `listen` takes it.
  explicit nginx(const std::string& address)
      : process_(run({"nginx", "-e", "stderr", "-p", dir_.c_str(), "-c", configuration(address)})) {}
  const std::string& small() const { return small_; }
  const std::string& large() const { return large_; }

 private:
  std::string configuration(const std::string& address) const {
    const std::string pages = dir_ / "pages", name = dir_ / "conf";
    ::mkdir(pages.c_str(), 0755);
    std::ofstream(pages + "/small") << small_;
    std::ofstream(pages + "/large") << large_;
    std::ofstream(name) << "daemon off;\nmaster_process off;\npid " << (dir_ / "pid")
                        << ";\nerror_log stderr crit;\nevents {}\nhttp {\n  access_log off;\n  client_body_temp_path "
                        << (dir_ / "body") << ";\n  server {\n    listen " << address << ";\n    root " << pages
                        << ";\n  }\n}\n";
    return name;
  }

  test::scratch dir_;
  std::string small_ = long_text(1000), large_ = long_text(20'000'000);
  test::child process_;
};
std::string request_for(const char* page, const char* more = "") {
  return std::string("GET /") + page + " HTTP/1.1\r\nHost: here" + more;
}

/// Fetches pages from a web server, over connections that `connect()` makes.
template <class Connect>
void fetch(const nginx& there, Connect connect) {
  {
    auto s = connect_soon(connect);
    auto halves = sluice::must(std::move(s).split());
    auto in = sluice::source_of<std::string>(std::move(halves.in), http_messages<65'536>{});
    auto out = sluice::sink_of<std::string>(std::move(halves.out), http_heads{});
    const auto good = [&](const sluice::result<std::string>& answer) {
      return answer && answer->rfind("HTTP/1.1 200 OK\r\n", 0) == 0 && answer->size() > there.small().size() &&
             answer->substr(answer->size() - there.small().size()) == there.small();
    };
    for (int i = 0; i < 3; ++i) {  // one connection, kept alive
      REQUIRE(out.push(request_for("small"), patience));
      CHECK(good(in.pop(patience)));
    }
    const std::vector<std::string> ten(10, request_for("small"));  // and none waits for the answer to another
    REQUIRE(*out.push(ten, patience) == 10);
    for (int i = 0; i < 10; ++i) CHECK(good(in.pop(patience)));
    REQUIRE(out.push(request_for("none"), patience));
    CHECK(in.pop(patience)->rfind("HTTP/1.1 404", 0) == 0);
    REQUIRE(out.push(request_for("small"), patience));
    out.close();  // a half close: the answer comes all the same
    CHECK(good(in.pop(patience)));
    CHECK(in.pop(patience).err() == errc::closed);
  }
  auto s = connect_soon(connect);
  REQUIRE(write_all(s, request_for("large", "\r\nConnection: close\r\n\r\n")));
  const std::string answer = read_all(s);
  REQUIRE(answer.size() > there.large().size());
  CHECK(answer.rfind("HTTP/1.1 200 OK\r\n", 0) == 0);
  CHECK(answer.find("\r\nContent-Length: " + number(there.large().size()) + "\r\n") < 1000);
  const auto body = answer.find("\r\n\r\n") + 4;
  CHECK(answer.size() - body == there.large().size());
  CHECK(sum(std::string_view(answer).substr(body)) == sum(there.large()));
}

/// Fetches a page from us by curl: twice over one connection, by the old protocol, and one that is not there.
template <class Door>
void be_fetched(Door& door, const std::string& url, const std::string& how) {
  const test::scratch dir;
  const std::string page = long_text(3'000'000), a = dir / "a", b = dir / "b", said = dir / "said";
  const auto curl = [&](const std::string& words) {
    return test::command("exec curl -g -sS --max-time 60 " + how + " " + words + " > " + said);
  };
  const auto answered = [&] {
    auto s = door.pop(patience);
    return s ? serve(*std::move(s), page) : 0;
  };
  {
    auto client = curl("-w '%{http_code}/%{num_connects} ' -o " + a + " -o " + b + " " + url + " " + url);
    CHECK(answered() == 2);
    CHECK(client.wait() == 0);
    CHECK(content(said) == "200/1 200/0 ");
    CHECK((content(a) == page));
    CHECK((content(b) == page));
  }
  {
    auto client = curl("-0 " + url);
    CHECK(answered() == 1);
    CHECK(client.wait() == 0);
    CHECK((content(said) == page));
  }
  auto client = curl("-f " + url + "elsewhere 2>/dev/null");
  CHECK(answered() == 1);
  CHECK(client.wait() == 22);
}

/// A script that reads messages, each with its size before it, and answers each with its bytes turned round. It begins
/// with `opening`, which makes the files `i` and `o`.
std::string turn_round(const std::string& opening) {
  return "import socket,struct,sys\n" + opening +
         "while True:\n"
         "  h=i.read(4)\n"
         "  if len(h)<4: break\n"
         "  d=i.read(struct.unpack('>I',h)[0])\n"
         "  o.write(h+d[::-1])\n"
         "  o.flush()\n";
}
/// Talks to that script.
template <class In, class Out>
void be_turned_round(In in_stream, Out out_stream) {
  using framing = sluice::length_framing<100'000, std::uint32_t, std::endian::big>;
  auto in = sluice::source_of<std::span<const std::byte>>(std::move(in_stream), framing{});
  auto out = sluice::sink_of<std::span<const std::byte>>(std::move(out_stream), framing{});
  for (const std::size_t size : {1u, 0u, 5u, 4095u, 4096u, 4097u, 65'536u, 100'000u}) {
    std::vector<std::byte> sent = test::pattern(size), back(100'000);
    REQUIRE(out.push(sent, patience));
    const auto n = in.pop(back, patience);
    REQUIRE(n);
    back.resize(*n);
    std::reverse(back.begin(), back.end());
    CHECK((back == sent));
  }
  out.close();
  std::byte more[1];
  CHECK(in.pop(more, patience).err() == errc::closed);
}
template <class Stream>
void be_turned_round(Stream s) {
  auto halves = sluice::must(std::move(s).split());
  be_turned_round(std::move(halves.in), std::move(halves.out));
}

}  // namespace

TEST_CASE("curl fetches pages from a listener of ours", "[foreign]") {
  SKIP_WITHOUT("curl");
  SECTION("over IPv4") {
    auto door = test::listener();
    be_fetched(door, "http://127.0.0.1:" + port_of(door) + "/", "");
  }
  SECTION("over IPv6") {
    auto door = test::listener(ip_family::v6);
    be_fetched(door, "http://[::1]:" + port_of(door) + "/", "");
  }
  SECTION("over a Unix socket") {
    const test::scratch dir;
    auto door = sluice::unix_listen(dir / "s");
    REQUIRE(door);
    be_fetched(*door, "http://here/", "--unix-socket " + (dir / "s"));
  }
}

TEST_CASE("nginx gives its pages to a connection of ours", "[foreign]") {
  SKIP_WITHOUT("nginx");
  SECTION("over TCP") {
    const auto at = test::nobody();
    const nginx there(at.text().c_str());
    fetch(there, [&] { return sluice::tcp_connect(at, 1s); });
  }
  SECTION("over a Unix socket") {
    const test::scratch dir;
    const std::string name = dir / "s";
    const nginx there("unix:" + name);
    fetch(there, [&] { return sluice::unix_connect(name, 1s); });
  }
}

TEST_CASE("wrk puts load on a listener, and sees no error", "[foreign][threads]") {
  SKIP_WITHOUT("wrk");
  const test::scratch dir;
  auto door = test::listener();
  const std::string page = "a small page";
  auto wrk = test::command("exec wrk -t1 -c64 -d2s http://127.0.0.1:" + port_of(door) + "/ > " + (dir / "said"));
  std::atomic<unsigned long> answered{0};
  std::vector<std::thread> servers;
  while (wrk.running()) {
    if (auto s = door.pop(50ms))
      servers.emplace_back([&, s = *std::move(s)]() mutable { answered += serve(std::move(s), page); });
  }
  for (auto& t : servers) t.join();
  CHECK(wrk.wait() == 0);
  const std::string said = content(dir / "said");
  INFO(said);
  unsigned long requests = 0;
  const auto at = said.find(" requests in ");
  REQUIRE(at < said.size());
  REQUIRE(std::sscanf(said.c_str() + said.rfind('\n', at), "%lu", &requests) == 1);
  CHECK(requests > 0);
  CHECK(requests <= answered);
  CHECK(servers.size() >= 64);
  CHECK(said.find("Socket errors") == said.npos);
  CHECK(said.find("Non-2xx") == said.npos);
  std::printf("wrk: %lu requests in 2 s over 64 connections, a thread each\n", requests);
}

TEST_CASE("who has ended its writing is still answered, by socat and by netcat", "[foreign]") {
  const std::string text = long_text(300'000);
  SECTION("socat") {
    SKIP_WITHOUT("socat");
    const auto at = test::nobody();
    const std::string listen = "TCP-LISTEN:" + number(at.port()) + ",bind=127.0.0.1,reuseaddr";
    auto other = run({"socat", "-t", "20", listen, "EXEC:wc -c"});
    auto s = connect_soon([&] { return sluice::tcp_connect(at, 1s); });
    REQUIRE(write_all(s, text));
    s.end_writing();
    CHECK(std::stoul(read_all(s)) == text.size());
    CHECK(s.finish(patience));
    CHECK(other.wait() == 0);
  }
  SECTION("socat, which counts a file of ours and ends its writing first") {
    SKIP_WITHOUT("socat");
    auto door = test::listener(ip_family::v6);
    const test::scratch dir;
    std::ofstream(dir / "text") << text;
    auto other = test::command("exec socat -t 20 - 'TCP6:[::1]:" + port_of(door) + "' < " + (dir / "text") + " > " +
                               (dir / "got"));
    auto s = door.pop(patience);
    REQUIRE(s);
    CHECK((read_all(*s) == text));
    test::sleep_us(100'000);
    REQUIRE(write_all(*s, "all of " + number(text.size())));
    CHECK(s->finish(patience));
    CHECK(other.wait() == 0);
    CHECK(content(dir / "got") == "all of " + number(text.size()));
  }
  SECTION("netcat") {
    SKIP_WITHOUT("nc");
    const test::scratch dir;
    const auto at = test::nobody();
    std::ofstream(dir / "text") << text;
    auto other = test::command("exec nc -N -l 127.0.0.1 " + number(at.port()) + " < " + (dir / "text") + " > " +
                               (dir / "got"));
    auto s = connect_soon([&] { return sluice::tcp_connect(at, 1s); });
    CHECK((read_all(s) == text));  // it has ended its writing
    REQUIRE(write_all(s, "the answer"));
    CHECK(s.finish(patience));
    CHECK(other.wait() == 0);
    CHECK(content(dir / "got") == "the answer");
  }
}

TEST_CASE("a foreign program that is killed ends a stream after whole messages", "[foreign]") {
  SECTION("while it writes") {
    SKIP_WITHOUT("socat");
    auto door = test::listener();
    auto other = run({"socat", "-u", "EXEC:yes a line of text", "TCP:127.0.0.1:" + port_of(door)});
    auto s = door.pop(patience);
    REQUIRE(s);
    auto in = sluice::source_of<std::string>(*std::move(s), sluice::line_framing<100>{});
    unsigned whole = 0, damaged = 0;
    sluice::error why;
    for (unsigned n = 0; !why; ++n) {
      if (n == 10'000) other.kill();
      if (const auto line = in.pop(patience)) ++(*line == "a line of text" ? whole : damaged);
      else why = line.err();
    }
    CHECK(whole >= 10'000);
    CHECK(damaged == 0);
    CAPTURE(sluice::describe(why).c_str());
    CHECK((why == errc::closed || why == errc::truncated || (why == errc::os && why.detail == ECONNRESET)));
  }
  SECTION("while it reads") {
    SKIP_WITHOUT("nc");
    const auto at = test::nobody();
    auto other = run({"nc", "-l", "127.0.0.1", number(at.port())});
    auto s = connect_soon([&] { return sluice::tcp_connect(at, 1s); });
    const std::string some = long_text(100'000);
    for (int i = 0; i < 10; ++i) REQUIRE(write_all(s, some));
    other.kill();
    sluice::error why;
    while (!why) why = s.write(bytes_of(some), patience).err();
    CHECK(why == errc::closed);
    CHECK(s.write(bytes_of(some), patience).err() == errc::closed);  // no signal either
  }
}

TEST_CASE("Python turns messages round over every kind of stream", "[foreign]") {
  SKIP_WITHOUT("python3");
  const test::scratch dir;
  SECTION("TCP, to our listener") {
    auto door = test::listener();
    auto other = run({"python3", "-c", turn_round("s=socket.create_connection(('127.0.0.1'," + port_of(door) + "))\n"
                                                  "i=o=s.makefile('rwb')\n")});
    be_turned_round(sluice::must(door.pop(patience)));
    CHECK(other.wait() == 0);
  }
  SECTION("TCP, to its listener") {
    const auto at = test::nobody(ip_family::v6);
    auto other = run({"python3", "-c", turn_round("l=socket.create_server(('::1'," + number(at.port()) +
                                                  "),family=socket.AF_INET6)\ni=o=l.accept()[0].makefile('rwb')\n")});
    be_turned_round(connect_soon([&] { return sluice::tcp_connect(at, 1s); }));
    CHECK(other.wait() == 0);
  }
  SECTION("a Unix socket") {
    auto door = sluice::unix_listen(dir / "s");
    REQUIRE(door);
    auto other = run({"python3", "-c", turn_round("s=socket.socket(socket.AF_UNIX)\ns.connect('" + (dir / "s") +
                                                  "')\ni=o=s.makefile('rwb')\n")});
    be_turned_round(sluice::must(door->pop(patience)));
    CHECK(other.wait() == 0);
  }
  SECTION("the pipes of a child") {
    const std::string script = turn_round("i,o=sys.stdin.buffer,sys.stdout.buffer\n");
    auto c = sluice::spawn({"python3", "-c", script.c_str()});
    REQUIRE(c);
    be_turned_round(std::move(c->out), std::move(c->in));
    CHECK(c->process.pop(patience)->ok());
  }
  SECTION("two FIFOs") {
    auto in = sluice::fifo_reader<>::open(dir / "back");
    auto out = sluice::fifo_writer<>::open(dir / "there");
    REQUIRE(in);
    REQUIRE(out);
    auto other = run({"python3", "-c", turn_round("i=open('" + (dir / "there") + "','rb')\no=open('" + (dir / "back") +
                                                  "','wb')\n")});
    be_turned_round(*std::move(in), *std::move(out));
    CHECK(other.wait() == 0);
  }
}

TEST_CASE("a shell writes lines into a FIFO session by session, and reads ours", "[foreign]") {
  const test::scratch dir;
  auto reader = sluice::fifo_reader<>::open(dir / "in");
  REQUIRE(reader);
  auto in = sluice::source_of<std::string>(*std::move(reader), sluice::line_framing<100>{});
  for (const std::string line : {"first", "second"}) {
    auto other = test::command("echo " + line + " > " + (dir / "in"));
    const auto got = in.pop(patience);
    REQUIRE(got);
    CHECK(*got == line);
    CHECK(in.pop(patience).err() == errc::closed);
    CHECK(other.wait() == 0);
    CHECK(in.stream().reopen());
  }
  auto writer = sluice::fifo_writer<>::open(dir / "out");
  REQUIRE(writer);
  auto other = test::command("wc -l < " + (dir / "out") + " > " + (dir / "count"));
  auto out = sluice::sink_of<std::string>(*std::move(writer), sluice::line_framing<100>{});
  int pushed = 0;
  while (pushed < 20'000 && out.push("line " + std::to_string(pushed), patience)) ++pushed;
  CHECK(pushed == 20'000);
  CHECK(out.finish(patience));
  CHECK(other.wait() == 0);
  CHECK(std::stoul(content(dir / "count")) == 20'000);
}

TEST_CASE("datagrams of Python come with their true size, and ours are cut short there", "[foreign]") {
  SKIP_WITHOUT("python3");
  auto in = sluice::must(sluice::udp_bind(sluice::endpoint::loopback(ip_family::v4, 0)));
  auto other = run({"python3", "-c", "import socket\ns=socket.socket(2,2)\ns.settimeout(20)\ns.connect(('127.0.0.1'," +
                                         number(in.local()->port()) +
                                         "))\nfor n in 0,1,1000,1001,65507: s.send(b'x'*n)\n"
                                         "d,a,flags,who=s.recvmsg(100)\n"
                                         "assert len(d)==100 and flags&socket.MSG_TRUNC\n"
                                         "assert s.recv(10)==b''\n"});
  std::array<std::byte, 1000> place;
  sluice::endpoint from;
  for (const std::size_t size : {0u, 1u, 1000u, 1001u, 65'507u}) {
    const auto d = in.receive(place, patience);
    REQUIRE(d);
    CHECK(d->size == size);
    CHECK(d->kept == std::min<std::size_t>(size, 1000));
    CHECK(d->truncated() == (size > 1000));
    CHECK(test::text_of(std::span(place).first(d->kept)) == std::string(d->kept, 'x'));
    from = d->from;
  }
  CHECK(in.send(bytes_of(long_text(3000)), from, patience));
  CHECK(in.send({}, from, patience));
  CHECK(other.wait() == 0);
}
