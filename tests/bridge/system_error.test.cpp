// SPDX-License-Identifier: MIT
#include <sluice/bridge/system_error.hpp>

#include "catch.hpp"

#include <cerrno>

using sluice::errc;
using sluice::error;
using sluice::step;

TEST_CASE("our codes are error codes of the standard, and mean what its conditions mean", "[system_error]") {
  const std::error_code late = make_error_code(error(errc::timeout, step::wait));
  CHECK(late == errc::timeout);
  CHECK(late == std::errc::timed_out);
  CHECK(late != std::errc::broken_pipe);
  CHECK(std::string(late.category().name()) == "sluice");
  CHECK(late.message().find("time is up") != std::string::npos);
  CHECK(std::error_code(errc::closed) == std::errc::broken_pipe);
  CHECK(make_error_code(errc::peer_died) == std::errc::owner_dead);
  CHECK(make_error_code(errc::lagged) == errc::lagged);
  CHECK(make_error_code(errc::lagged).default_error_condition().category() == sluice::error_category());
  CHECK(!make_error_code(errc::ok));
}

TEST_CASE("what the system refused keeps the system's code", "[system_error]") {
  const std::error_code e = make_error_code(error(errc::os, step::open, EMFILE));
  CHECK(e.category() == std::system_category());
  CHECK(e == std::errc::too_many_files_open);
}

TEST_CASE("every code has a sentence and an equivalent", "[system_error]") {
  for (int c = static_cast<int>(errc::empty); c <= static_cast<int>(errc::os); ++c) {
    CAPTURE(c);
    const std::error_code e = make_error_code(static_cast<errc>(c));
    CHECK(e);
    CHECK(!e.message().empty());
    if (c != static_cast<int>(errc::lagged) && c != static_cast<int>(errc::os))
      CHECK(e.default_error_condition().category() == std::generic_category());
  }
}
