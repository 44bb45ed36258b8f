# SPDX-License-Identifier: MIT
# Installs BUILD to PREFIX by way of another directory: what cannot be moved must fail the consumers.
cmake_minimum_required(VERSION 3.23)
file(REMOVE_RECURSE "${PREFIX}" "${PREFIX}.first")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}.first" COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${PREFIX}.first" "${PREFIX}")
