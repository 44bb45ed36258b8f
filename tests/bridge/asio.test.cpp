// SPDX-License-Identifier: MIT
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wnull-dereference"  // in code of theirs that is inlined into ours
#endif
#if __has_include(<boost/asio.hpp>)
#include <utility>  // which Boost 1.74 forgets

#include <boost/asio.hpp>

#include "bridge/asio.hpp"
#endif
