// SPDX-License-Identifier: MIT
#ifndef SLUICE_MEMORY_RIGHTS_HPP
#define SLUICE_MEMORY_RIGHTS_HPP

#include <sluice/core/config.hpp>

#include <cstdint>

namespace sluice {

/// What an end may do to its region. With less than it needs it is refused; never is it given less than it asks for.
enum class rights : std::uint8_t {
  read_write,         // what every end may
  payload_read_only,  // for a reader that writes only where it is and that it sleeps: no bug of its can spoil a message
  read_only,          // for a reader that writes nothing at all: it needs no permission to, takes no slot, and sleeps by polling
};

}  // namespace sluice

#endif
