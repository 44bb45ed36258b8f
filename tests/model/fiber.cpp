// SPDX-License-Identifier: MIT
#include "fiber.hpp"

#include <cstdint>

// Saves what a call preserves, swaps stack pointers, restores. 5 ns where swapcontext, with its two system calls, takes
// half a microsecond.
#if defined(__x86_64__) && defined(__linux__)
#define MODEL_SWITCH 1
extern "C" void sluice_model_switch(void** save, void* load);
asm(R"(
  .text
  .type sluice_model_switch, @function
  .globl sluice_model_switch
sluice_model_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size sluice_model_switch, . - sluice_model_switch
)");
#else
#define MODEL_SWITCH 0
#include <ucontext.h>
#endif

namespace model {

#if MODEL_SWITCH

struct fiber::machine {
  void* outside = nullptr;
  void* inside = nullptr;
  void (*entry)(void*) = nullptr;
  void* argument = nullptr;
  static inline machine* entering = nullptr;
  static void first() { entering->entry(entering->argument); }
};
fiber::fiber() : stack_(new std::byte[stack_bytes]), machine_(new machine) {}
void fiber::begin(void (*entry)(void*), void* argument) noexcept {
  machine_->entry = entry;
  machine_->argument = argument;
  auto top = reinterpret_cast<std::uintptr_t>(stack_.get() + stack_bytes) & ~std::uintptr_t{15};
  auto* p = reinterpret_cast<std::uintptr_t*>(top);
  *--p = 0;  // first() returns to nowhere, and finds its stack aligned as after a call
  *--p = reinterpret_cast<std::uintptr_t>(&machine::first);
  for (int k = 0; k < 6; ++k) *--p = 0;
  machine_->inside = p;
}
void fiber::enter() noexcept {
  machine::entering = machine_.get();
  sluice_model_switch(&machine_->outside, machine_->inside);
}
void fiber::leave() noexcept { sluice_model_switch(&machine_->inside, machine_->outside); }

#else

struct fiber::machine {
  ucontext_t outside, inside;
  void (*entry)(void*) = nullptr;
  void* argument = nullptr;
  static inline machine* entering = nullptr;
  static void first() { entering->entry(entering->argument); }
};
fiber::fiber() : stack_(new std::byte[stack_bytes]), machine_(new machine) {}
void fiber::begin(void (*entry)(void*), void* argument) noexcept {
  machine_->entry = entry;
  machine_->argument = argument;
  ::getcontext(&machine_->inside);
  machine_->inside.uc_stack.ss_sp = stack_.get();
  machine_->inside.uc_stack.ss_size = stack_bytes;
  machine_->inside.uc_link = nullptr;
  ::makecontext(&machine_->inside, &machine::first, 0);
}
void fiber::enter() noexcept {
  machine::entering = machine_.get();
  ::swapcontext(&machine_->outside, &machine_->inside);
}
void fiber::leave() noexcept { ::swapcontext(&machine_->inside, &machine_->outside); }

#endif

fiber::~fiber() = default;

}  // namespace model
