# SPDX-License-Identifier: MIT
# cmake [-DFIX=ON] -P cmake/check_layers.cmake
#
# The rules of the house that a machine can check:
#   - a header includes its own folder and lower floors only, never sideways, never up; umbrellas include umbrellas, and
#     nobody else does;
#   - our includes are spelled `#include <sluice/floor/name.hpp>` at column 0;
#   - sluice.hpp reaches every header except bridge/; embedded.hpp does not reach platform/;
#   - the list of headers in CMakeLists.txt is the tree (-DFIX=ON rewrites it).
cmake_minimum_required(VERSION 3.23)
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH repo)
set(include "${repo}/include")

set(floors core:0 platform:1 ring:1 framing:1 wait:2 memory:3 stream:4 signal:4 queue:4 file:4 channel:5 flow:6 ninep:7
  bridge:8)
foreach(floor IN LISTS floors)
  string(REPLACE ":" ";" floor "${floor}")
  list(GET floor 0 name)
  list(GET floor 1 rank_${name})
endforeach()

set(bad "")
file(GLOB_RECURSE headers RELATIVE "${include}" "${include}/*.hpp")
list(SORT headers)

foreach(h IN LISTS headers)
  set(from "")
  if(h MATCHES "^sluice/([a-z0-9_]+)/")
    set(from "${CMAKE_MATCH_1}")
    if(NOT DEFINED rank_${from})
      string(APPEND bad "${h}: no such floor\n")
      continue()
    endif()
  endif()
  set(includes_${h} "")
  file(STRINGS "${include}/${h}" lines REGEX "^[ \t]*#[ \t]*include[ \t]*([<\"]sluice|\")")
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^#include <(sluice/([a-z0-9_]+/)?[a-z0-9_/]+\\.hpp)>")
      string(APPEND bad "${h}: spell it `#include <sluice/floor/name.hpp>` at column 0: ${line}\n")
      continue()
    endif()
    set(target "${CMAKE_MATCH_1}")
    string(REPLACE "/" "" to "${CMAKE_MATCH_2}")
    list(APPEND includes_${h} "${target}")
    if(NOT target IN_LIST headers)
      string(APPEND bad "${h}: includes <${target}>, which does not exist\n")
    elseif(to STREQUAL "" AND NOT from STREQUAL "")
      string(APPEND bad "${h}: includes the umbrella <${target}>\n")
    elseif(from STREQUAL "" OR from STREQUAL to)
    elseif(NOT rank_${to} LESS rank_${from})
      string(APPEND bad "${h}: '${from}' (floor ${rank_${from}}) may not include '${to}' (floor ${rank_${to}})\n")
    endif()
  endforeach()
endforeach()

# What an umbrella reaches.
function(reach root result)
  set(todo "${root}")
  set(reached "")
  while(todo)
    list(POP_FRONT todo h)
    if(NOT h IN_LIST reached)
      list(APPEND reached "${h}")
      list(APPEND todo ${includes_${h}})
    endif()
  endwhile()
  set(${result} "${reached}" PARENT_SCOPE)
endfunction()

reach(sluice/sluice.hpp reached)
foreach(h IN LISTS headers)
  if(h MATCHES "^sluice/bridge/" AND h IN_LIST reached)
    string(APPEND bad "${h}: bridges are opt-in, sluice.hpp may not reach them\n")
  elseif(h MATCHES "^sluice/[a-z0-9_]+/" AND NOT h MATCHES "^sluice/bridge/" AND NOT h IN_LIST reached)
    string(APPEND bad "${h}: not reachable from sluice.hpp\n")
  endif()
endforeach()
reach(sluice/embedded.hpp reached)
foreach(h IN LISTS reached)
  if(h MATCHES "^sluice/(platform|bridge)/")
    string(APPEND bad "${h}: firmware has no such thing, embedded.hpp may not reach it\n")
  endif()
endforeach()

# The manifest, between its two marker lines.
file(READ "${repo}/CMakeLists.txt" cmakelists)
list(TRANSFORM headers PREPEND "  include/" OUTPUT_VARIABLE manifest)
list(JOIN manifest "\n" manifest)
set(mark "(  # begin of headers\n)(.*)(  # end of headers\n)")
if(NOT cmakelists MATCHES "${mark}")
  string(APPEND bad "CMakeLists.txt: the marker lines of the header list are gone\n")
elseif(NOT CMAKE_MATCH_2 STREQUAL "${manifest}\n")
  if(FIX)
    string(REPLACE "${CMAKE_MATCH_1}${CMAKE_MATCH_2}" "${CMAKE_MATCH_1}${manifest}\n" cmakelists "${cmakelists}")
    file(WRITE "${repo}/CMakeLists.txt" "${cmakelists}")
  else()
    string(APPEND bad "CMakeLists.txt: the header list differs from include/; run: cmake -DFIX=ON -P cmake/check_layers.cmake\n")
  endif()
endif()

if(bad)
  message("${bad}") # FATAL_ERROR would reflow the lines
  message(FATAL_ERROR "the rules of the house are broken")
endif()
