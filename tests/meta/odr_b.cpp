// SPDX-License-Identifier: MIT
#ifndef NDEBUG
#define NDEBUG
#endif
#include <cstddef>

#include "all.hpp"
#include "odr.hpp"

std::size_t odr_size_in_b() { return sizeof(odr_ends); }

int odr_pop_in_b(odr_ends& ends) {
  auto& [tx, rx] = ends;
  auto message = rx.pop();
  return message ? *message : -1;
}
