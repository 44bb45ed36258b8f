// SPDX-License-Identifier: MIT
// The owner of the precompiled header, which a target must have.
