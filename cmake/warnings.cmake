# SPDX-License-Identifier: MIT
# sluice_warnings: linked privately by our own tests, examples and benchmarks, never by the library target.
option(SLUICE_WERROR "Warnings are errors in sluice's own builds" ON)

add_library(sluice_warnings INTERFACE)
if(MSVC)
  target_compile_options(sluice_warnings INTERFACE /W4 /permissive- /Zc:__cplusplus $<$<BOOL:${SLUICE_WERROR}>:/WX>)
else()
  target_compile_options(sluice_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wcast-qual -Wcast-align
    -Wnon-virtual-dtor -Woverloaded-virtual -Wnull-dereference -Wdouble-promotion -Wformat=2 -Wundef -Wextra-semi
    -Wmissing-declarations
    # Not -Wuseless-cast: a cast that is idle here is needed where size_t or off_t has another width.
    $<$<CXX_COMPILER_ID:GNU>:-Wduplicated-cond -Wduplicated-branches -Wlogical-op>
    $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
endif()
