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
