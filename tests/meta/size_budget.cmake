# SPDX-License-Identifier: MIT
# Compiles FILE with -Os and compares its code with the first line, `// budget: BYTES`. Static data is not allowed at all.
cmake_minimum_required(VERSION 3.23)
file(STRINGS "${FILE}" first LIMIT_COUNT 1)
if(NOT first MATCHES "^// budget: ([0-9]+)$")
  message(FATAL_ERROR "${FILE}: the first line must be `// budget: BYTES`")
endif()
set(budget "${CMAKE_MATCH_1}")
cmake_path(GET FILE STEM name)
execute_process(
  COMMAND "${CXX}" -std=c++20 -Os -DNDEBUG -fno-exceptions -fno-rtti "-I${INCLUDE}" -c "${FILE}" -o "size_${name}.o"
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${SIZE}" -A "size_${name}.o" OUTPUT_VARIABLE sections COMMAND_ERROR_IS_FATAL ANY)
message("${sections}")

set(code 0)
set(data 0)
string(REPLACE "\n" ";" sections "${sections}")
foreach(line IN LISTS sections)
  if(line MATCHES "^\\.(text|rodata)[^ ]* +([0-9]+)")
    math(EXPR code "${code} + ${CMAKE_MATCH_2}")
  elseif(line MATCHES "^\\.(data|bss|tdata|tbss|init_array)[^ ]* +([0-9]+)")
    math(EXPR data "${data} + ${CMAKE_MATCH_2}")
  endif()
endforeach()
message("${code} bytes of ${budget}, ${data} bytes of static data")
if(code GREATER budget OR data GREATER 0)
  message(FATAL_ERROR "over budget")
endif()
