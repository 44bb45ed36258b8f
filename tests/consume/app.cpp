// SPDX-License-Identifier: MIT
#include <sluice/sluice.hpp>

int main() {
  auto [tx, rx] = sluice::channel<int>(4);
  if (!tx.push(1)) return 1;
  auto message = rx.pop();
  return message && *message == 1 ? 0 : 2;
}
