#!/bin/sh
# SPDX-License-Identifier: MIT
# sh examples/run.sh [argument...]: compiles examples/tour.cpp and runs it. Needs a C++20 compiler and nothing else.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

usable() { # COMPILER: g++ >= 12, clang++ >= 16
  command -v "$1" >/dev/null 2>&1 || return 1
  case $1 in *clang*) least=16 ;; *) least=12 ;; esac
  [ "$("$1" -dumpversion | sed 's/\..*//')" -ge $least ]
}

find_compiler() {
  for c in ${CXX:-} g++ g++-14 g++-13 g++-12 clang++-19 clang++-18 clang++-17 clang++-16 clang++; do
    if usable "$c"; then
      echo "$c"
      return
    fi
  done
}

cxx=$(find_compiler)
if [ -z "$cxx" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing g++" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends g++ libc6-dev >/dev/null
  cxx=$(find_compiler)
fi
if [ -z "$cxx" ]; then
  echo "please install g++ >= 12 or clang++ >= 16" >&2
  exit 2
fi

mkdir -p "$root/build/examples"
"$cxx" -std=c++20 -O2 -pthread -I"$root/include" "$root/examples/tour.cpp" -o "$root/build/examples/tour"
exec "$root/build/examples/tour" "$@"
