# SPDX-License-Identifier: MIT
# Compiles one file of tests/compile_fail. Its first line is `// expect: REGEX`, what is wrong with it stands between
# #ifdef SLUICE_MUST_FAIL and #endif. KIND=must_not_compile: with that part it fails, and the compiler's first error
# matches REGEX (`// expect below: REGEX`: any of its words, where the first ones cannot be ours). KIND=must_compile:
# without that part it compiles, so it failed for the right reason.
cmake_minimum_required(VERSION 3.23)
file(STRINGS "${FILE}" first LIMIT_COUNT 1)
if(NOT first MATCHES "^// expect( below)?: (.+)$")
  message(FATAL_ERROR "${FILE}: the first line must be `// expect: REGEX`")
endif()
set(below "${CMAKE_MATCH_1}")
set(expected "${CMAKE_MATCH_2}")

separate_arguments(flags NATIVE_COMMAND "${FLAGS}")
if(KIND STREQUAL "must_not_compile")
  list(APPEND flags -DSLUICE_MUST_FAIL)
endif()
execute_process(COMMAND "${CXX}" ${flags} -fsyntax-only "${FILE}"
  RESULT_VARIABLE result OUTPUT_VARIABLE diagnostics ERROR_VARIABLE diagnostics)

if(KIND STREQUAL "must_compile")
  if(result)
    message("${diagnostics}")
    message(FATAL_ERROR "the valid part does not compile")
  endif()
elseif(NOT result)
  message(FATAL_ERROR "the invalid part compiles")
endif()
set(words "${diagnostics}")
if(NOT below)
  string(REGEX MATCH " error: [^\n]*" words "${diagnostics}")
endif()
if(KIND STREQUAL "must_not_compile" AND NOT words MATCHES "${expected}")
  message("${diagnostics}")
  message(FATAL_ERROR "does not compile, but the reason given does not match: ${expected}")
endif()
