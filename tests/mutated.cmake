# SPDX-License-Identifier: MIT

# sluice_mutated(<directory> <header> <text> <replacement>): a copy of the header with one piece of text replaced, which
# must be there exactly once, as <directory>/sluice/<header>. Whoever has <directory> first in its include path is a mutant.
function(sluice_mutated directory header text replacement)
  set(original "${PROJECT_SOURCE_DIR}/include/sluice/${header}")
  file(READ "${original}" source)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${original}")
  string(FIND "${source}" "${text}" first)
  string(FIND "${source}" "${text}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "Mutant ${directory}: its text is not exactly once in ${header}")
  endif()
  string(REPLACE "${text}" "${replacement}" source "${source}")
  file(CONFIGURE OUTPUT "${directory}/sluice/${header}" CONTENT "${source}" @ONLY)
endfunction()

# Owns the precompiled Catch2 of all mutants of unit tests.
if(NOT TARGET mutant_catch)
  add_library(mutant_catch OBJECT EXCLUDE_FROM_ALL "${CMAKE_CURRENT_LIST_DIR}/precompiled.cpp")
  target_link_libraries(mutant_catch PRIVATE sluice_test_main)
  target_compile_options(mutant_catch PRIVATE -O0 -g0 -w)
  target_precompile_headers(mutant_catch PRIVATE "${CMAKE_CURRENT_LIST_DIR}/catch.hpp")
endif()

# unit_mutant(<name> <test> <header> <text> <replacement>): a test of this folder built over such a header; it must go red,
# or hang. In the ci tier one in eight of a folder is built; that each text is in its header is looked at for all.
find_program(SLUICE_TIMEOUT timeout)
function(unit_mutant name test header text replacement)
  sluice_mutated("mutants/${name}" ${header} "${text}" "${replacement}")
  get_property(before DIRECTORY PROPERTY sluice_unit_mutants)
  math(EXPR before "0${before} + 1")
  set_property(DIRECTORY PROPERTY sluice_unit_mutants ${before})
  math(EXPR out_of_turn "${before} % 8")
  if(out_of_turn AND NOT SLUICE_TEST_TIER STREQUAL "full")
    return()
  endif()
  add_executable(mutant_${name} ${test}.test.cpp)
  target_include_directories(mutant_${name} BEFORE PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/mutants/${name}")
  target_link_libraries(mutant_${name} PRIVATE sluice::sluice sluice_test_main)
  target_compile_options(mutant_${name} PRIVATE -O0 -g0 -w) # what is left unused by a mutant is no news
  target_precompile_headers(mutant_${name} REUSE_FROM mutant_catch)
  if(SLUICE_TIMEOUT)
    add_test(NAME mutant.${name} COMMAND ${SLUICE_TIMEOUT} 60 $<TARGET_FILE:mutant_${name}>)
  else()
    add_test(NAME mutant.${name} COMMAND mutant_${name})
  endif()
  set_tests_properties(mutant.${name} PROPERTIES LABELS mutant TIMEOUT 300 WILL_FAIL TRUE)
endfunction()
