// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_ODR_HPP
#define SLUICE_TESTS_ODR_HPP

inline constexpr int odr_value = 7;
using odr_ends = decltype(sluice::channel<int>(4));

std::size_t odr_size_in_b();
int odr_pop_in_b(odr_ends& ends);

#endif
