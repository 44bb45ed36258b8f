# SPDX-License-Identifier: MIT
# Compiles one file of tests/compile_fail. Its first line is `// expect: REGEX`, what is wrong with it stands between
# #ifdef SLUICE_MUST_FAIL and #endif. KIND=must_not_compile: with that part it fails, and the compiler's words match
# REGEX. KIND=must_compile: without that part it compiles, so it failed for the right reason.
cmake_minimum_required(VERSION 3.23)
file(STRINGS "${FILE}" first LIMIT_COUNT 1)
if(NOT first MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${FILE}: the first line must be `// expect: REGEX`")
endif()
set(expected "${CMAKE_MATCH_1}")

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
elseif(NOT diagnostics MATCHES "${expected}")
  message("${diagnostics}")
  message(FATAL_ERROR "does not compile, but the reason given does not match: ${expected}")
endif()
