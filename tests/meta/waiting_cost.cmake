# SPDX-License-Identifier: MIT
# What a push pays for sleepers that are not there: one load, of the gate, which lies beside the role word that is loaded
# anyway. Counts it in the disassembly of the same push with and without waiting support.
cmake_minimum_required(VERSION 3.23)
set(gate "0x84") # of the control part: the consumer's role at 0x80, and its gate

function(count_gate_loads result)
  execute_process(
    COMMAND "${CXX}" -std=c++20 -O2 -DNDEBUG "-I${INCLUDE}" ${ARGN} -c "${FILE}" -o waiting_cost.o
    COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${OBJDUMP}" -d --no-show-raw-insn waiting_cost.o OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "(mov|test|testb|testl|and|movl)[ \t]+[^\n]*[ \t,]${gate}\\(%[a-z0-9]+\\)[^\n]*" loads "${text}")
  string(REGEX MATCHALL "syscall" calls "${text}")
  message("${ARGN}: ${loads}")
  list(LENGTH loads n)
  list(LENGTH calls m)
  if(m GREATER 0)
    message(FATAL_ERROR "a push makes a system call")
  endif()
  set(${result} ${n} PARENT_SCOPE)
endfunction()

count_gate_loads(with)
count_gate_loads(without -DNOBODY_WAITS)
message("loads of the gate: ${with} with waiting support, ${without} without")
if(NOT with EQUAL 1 OR NOT without EQUAL 0)
  message(FATAL_ERROR "expected 1 and 0")
endif()
