// SPDX-License-Identifier: MIT
#if SLUICE_TEST_CATCH2_MAJOR == 2
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#else
#include <catch2/catch_session.hpp>
#endif

// Read by the sanitizers, if there are any; the environment overrides them. Tests fork while other threads run.
extern "C" {
const char* __tsan_default_options();
const char* __tsan_default_options() { return "halt_on_error=1:die_after_fork=0:second_deadlock_stack=1"; }
const char* __ubsan_default_options();
const char* __ubsan_default_options() { return "print_stacktrace=1"; }
}

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
