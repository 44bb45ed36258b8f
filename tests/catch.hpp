// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_CATCH_HPP
#define SLUICE_TESTS_CATCH_HPP

// The one place that knows which Catch2 there is. Tests keep to what versions 2.13 and 3 share: TEST_CASE, SECTION,
// CHECK*, REQUIRE*, STATIC_REQUIRE, TEMPLATE_TEST_CASE, GENERATE, INFO, CAPTURE. The macros are not thread-safe: other
// threads count into plain variables, and the main thread asserts after the join.
#if SLUICE_TEST_CATCH2_MAJOR == 2
#include <catch2/catch.hpp>
#else
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
using Catch::Approx;
#endif

#endif
