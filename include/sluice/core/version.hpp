// SPDX-License-Identifier: MIT
#ifndef SLUICE_CORE_VERSION_HPP
#define SLUICE_CORE_VERSION_HPP

// Two copies of the library may meet in one translation unit (an installed one and a copied header); that works as
// long as they are the same version. Say so here instead of in a page of redefinition errors.
#if defined(SLUICE_VERSION_MAJOR) && \
    (SLUICE_VERSION_MAJOR != 0 || SLUICE_VERSION_MINOR != 1 || SLUICE_VERSION_PATCH != 0)
#error "two different versions of sluice are included in one translation unit"
#endif

#define SLUICE_VERSION_MAJOR 0
#define SLUICE_VERSION_MINOR 1
#define SLUICE_VERSION_PATCH 0

#endif
