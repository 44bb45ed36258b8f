// SPDX-License-Identifier: MIT
#ifndef SLUICE_TESTS_CONFORMANCE_LAWS_HPP
#define SLUICE_TESTS_CONFORMANCE_LAWS_HPP

#include "conformance/transport.hpp"

#include <string>

// The laws of the vocabulary (core/concepts.hpp), put to every transport in the same words. What a transport cannot
// promise, its end_traits say; that is not asked for, and is said in the report.

namespace conformance {

/// Puts all laws to a transport; returns what it breaks, a line each.
std::string broken_laws(const transport&);

template <class Factory>
std::string broken_laws() {
  return broken_laws(transport_of<Factory>());
}

}  // namespace conformance

#endif
