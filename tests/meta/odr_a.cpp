// SPDX-License-Identifier: MIT
#undef NDEBUG
#include <cstddef>

#include "all.hpp"
#include "odr.hpp"

int main() {
  auto ends = sluice::channel<int>(4);
  auto& [tx, rx] = ends;
  if (sizeof(odr_ends) != odr_size_in_b()) return 1;
  if (!tx.push(odr_value)) return 2;
  return odr_pop_in_b(ends) == odr_value ? 0 : 3;
}
