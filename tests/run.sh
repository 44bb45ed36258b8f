#!/bin/sh
# SPDX-License-Identifier: MIT
# sh tests/run.sh [quick|ci|full]
#
# Builds and runs the tests below build/: with GCC, with the sanitizers, and with clang if there is one. What is missing
# is installed where that is possible (root on a Debian-like system), else named. Environment: CXX, JOBS.
#   quick  one build: unit and meta tests
#   ci     (default) that, bounded stress and kill runs, TSan, clang with ASan+UBSan
#   full   the same with the heavy campaigns, GCC with ASan+UBSan, clang without: hours
# shellcheck disable=SC2086 # lists of words are meant to split
set -u
LC_ALL=C
export LC_ALL

tier=${1:-ci}
case $tier in
quick | ci | full) ;;
*)
  echo "usage: sh tests/run.sh [quick|ci|full]" >&2
  exit 2
  ;;
esac
cd "$(dirname "$0")/.." || exit 2
mkdir -p build || exit 2
work=build/run
mkdir -p $work

# --- tools ------------------------------------------------------------------------------------------------------------

has() { command -v "$1" >/dev/null 2>&1; }

at_least() { # COMPILER MAJOR
  has "$1" && [ "$("$1" -dumpversion 2>/dev/null | sed 's/\..*//')" -ge "$2" ] 2>/dev/null
}

find_clang() {
  for c in clang++-19 clang++-18 clang++-17 clang++-16 clang++; do
    if at_least $c 16; then
      echo $c
      return
    fi
  done
}

find_compiler() { # the main one: GCC if possible
  for c in ${CXX:-} g++ g++-14 g++-13 g++-12; do
    case $c in
    *clang*) at_least "$c" 16 && echo "$c" && return ;;
    *) at_least "$c" 12 && echo "$c" && return ;;
    esac
  done
  find_clang
}

has_catch2() {
  [ -n "${Catch2_DIR:-}${CMAKE_PREFIX_PATH:-}" ] && return
  for h in catch.hpp catch_session.hpp; do
    for d in /usr/include /usr/local/include; do [ -e $d/catch2/$h ] && return; done
  done
  return 1
}

missing() {
  [ -n "$(find_compiler)" ] || echo g++
  has cmake || echo cmake
  has ninja || has make || echo ninja-build
  has pkg-config || has pkgconf || echo pkg-config
  has_catch2 || echo catch2
}

updated=
install() { # PACKAGE...
  [ "$(id -u)" = 0 ] && has apt-get || return 1
  DEBIAN_FRONTEND=noninteractive
  export DEBIAN_FRONTEND
  if [ -z "$updated" ]; then
    apt-get update -q >$work/apt.log 2>&1 || return 1
    updated=yes
  fi
  echo "installing $*"
  apt-get install -q -y --no-install-recommends "$@" >>$work/apt.log 2>&1
}

need=$(missing | tr '\n' ' ')
if [ -n "$need" ] && ! install $need; then
  [ -e $work/apt.log ] && tail -n 5 $work/apt.log >&2
fi
need=$(missing | tr '\n' ' ')
if [ -n "$need" ]; then
  echo "please install (Debian names): $need" >&2
  echo "wanted: g++ >= 12 or clang++ >= 16, cmake >= 3.23, ninja or make, pkg-config, Catch2 2.13 or 3" >&2
  exit 2
fi
cxx=$(find_compiler)

clang=$(find_clang)
if [ $tier != quick ] && [ -z "$clang" ]; then
  install clang-16 libclang-rt-16-dev libc++-16-dev libc++abi-16-dev ||
    install clang-19 libclang-rt-19-dev libc++-19-dev libc++abi-19-dev || true
  clang=$(find_clang)
fi

# What streams are tested against. A test that misses one says so, and passes.
foreign() {
  has curl || echo curl
  has socat || echo socat
  has nc || echo netcat-openbsd
  has python3 || echo python3
  has wrk || echo wrk
  pc=$(command -v pkg-config || command -v pkgconf)
  $pc --exists libuv 2>/dev/null || echo libuv1-dev
  $pc --exists glib-2.0 2>/dev/null || echo libglib2.0-dev
  [ -e /usr/include/asio.hpp ] || echo libasio-dev
  has nginx || [ ! -x /usr/sbin/policy-rc.d ] || echo nginx-light # not where it would be started as a service at once
}
if [ $tier != quick ]; then
  for package in $(foreign); do install "$package" || break; done
fi

# What SCTP is tested in, where this kernel has none: see tests/kernel. What is missing, the test says itself.
has_sctp() { [ -d /proc/sys/net/sctp ] || [ -d "/lib/modules/$(uname -r)/kernel/net/sctp" ]; }
if [ $tier != quick ] && [ "$(uname -m)" = x86_64 ] && ! has_sctp && [ "$(id -u)" = 0 ] && has apt-get; then
  has qemu-system-x86_64 || install qemu-system-x86 || true
  if [ ! -e build/kernel/vmlinuz ]; then
    [ -n "$updated" ] || apt-get update -q >>$work/apt.log 2>&1
    echo "unpacking a kernel with SCTP"
    sh tests/kernel/fetch.sh build/kernel >>$work/apt.log 2>&1 || true
  fi
fi

if [ -z "${JOBS:-}" ]; then # a compiler process may take 1.5 GB
  JOBS=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
  room=$(awk '/^MemAvailable:/ { print int($2 / 1500000) }' /proc/meminfo 2>/dev/null)
  [ "${room:-$JOBS}" -ge "$JOBS" ] || JOBS=$room
  [ "$JOBS" -ge 1 ] || JOBS=1
fi
if has ninja; then
  generator=Ninja keep_going="-k 0"
else
  generator="Unix Makefiles" keep_going=-k
fi

# --- rows -------------------------------------------------------------------------------------------------------------

passed=0
failed=0
report=

note() { report="$report$1
"; }

# What each Catch2 program said at its end.
summaries() {
  awk '/^[0-9]+\/[0-9]+ Test: / { name = $3 }
    /^(All tests passed \(|test cases:|assertions:)/ { printf "%-22s %s\n", name, $0 }' "$1" 2>/dev/null
}

# What failed, in short: for the end of the log, where it is seen.
failures() {
  awk '
    /^[0-9]+\/[0-9]+ Test: / { name = $3; last = text = ""; kept = left = 0 }
    / s: / { last = $0 }
    /FAILED:|Sanitizer: |runtime error:|terminate called|SIG[A-Z]+ - / && kept < 40 { left = 8; text = text "-- " name ":\n" }
    left > 0 { text = text $0 "\n"; --left; ++kept }
    /^Test (Failed|Fail Reason|Timeout|Exception)/ {
      printf "%s-- %s failed; the last test case before the end: %s\n", text, name, last
    }' "$1" 2>/dev/null
}

# Counts in a ctest log: the test cases of a Catch2 program one by one, any other test as one; so is one that is to fail.
count() {
  awk '
    /^[0-9]+\/[0-9]+ Test: / { inside = 1; good = bad = 0; next }
    inside && /^All tests passed \(/ { for (i = 1; i < NF; ++i) if ($(i + 1) ~ /^test/ && $i != "tests") good = $i }
    inside && /^test cases:/ { for (i = 2; i <= NF; ++i) { if ($i == "passed") good = $(i - 1); if ($i == "failed") bad = $(i - 1) } }
    inside && /^Test (Passed|Pass Reason)/ { p += good && !bad ? good : 1; inside = 0 }
    inside && /^Test (Failed|Fail Reason|Timeout|Exception)/ { p += good; f += bad ? bad : 1; inside = 0 }
    END { print p + 0, f + 0 }' "$1"
}

# row NAME COMPILER FLAGS TARGETS CTEST_ARGUMENTS
row() {
  name=$1 targets=$4 selection=$5
  dir=build/run-$name
  echo
  echo "== $name"
  # A build directory that came along with a copied checkout is of no use.
  [ ! -e $dir ] || grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$(pwd -P)" $dir/CMakeCache.txt 2>/dev/null || rm -rf $dir
  if ! cmake -S . -B $dir -G "$generator" "-DCMAKE_CXX_COMPILER=$2" "-DCMAKE_CXX_FLAGS=$3" -DCMAKE_BUILD_TYPE=None \
    -DCMAKE_CXX_EXTENSIONS=OFF "-DSLUICE_TEST_TIER=$extent" >$work/$name.log 2>&1; then
    cat $work/$name.log
    failed=$((failed + 1))
    note "$name: cannot be configured"
    return
  fi
  built=yes
  if ! cmake --build $dir -j "$JOBS" --target $targets -- $keep_going >$work/$name.log 2>&1; then
    grep -E -A 12 '^FAILED|error|undefined reference' $work/$name.log | head -n 200 || tail -n 20 $work/$name.log
    built=no
    failed=$((failed + 1))
  fi
  rm -f $dir/Testing/Temporary/LastTest*.log
  status=0
  # Many tests sleep most of the time; those that measure run alone.
  (cd $dir && $wrap ctest -j "$((JOBS + 1))" --output-on-failure --no-tests=error $selection) || status=$?
  echo
  summaries $dir/Testing/Temporary/LastTest.log
  counts=$(count $dir/Testing/Temporary/LastTest.log 2>/dev/null || echo "0 0")
  good=${counts% *} bad=${counts#* }
  [ $status = 0 ] || [ "$bad" -gt 0 ] || bad=1
  passed=$((passed + good))
  failed=$((failed + bad))
  [ $built = yes ] || name="$name (does not build)"
  note "$name: $good passed, $bad failed"
  [ "$bad" = 0 ] || note "$(failures $dir/Testing/Temporary/LastTest.log)"
}

# sanitized_row NAME COMPILER FLAGS MORE_TESTS: unit tests and stress under a sanitizer, if it works here
sanitized_row() {
  echo 'int main() {}' >$probe
  if ! $2 $3 $probe -o $work/probe >/dev/null 2>&1; then
    note "$1: skipped, $2 cannot link it"
    return
  fi
  wrap=
  if ! $work/probe >/dev/null 2>&1; then # some kernels randomise addresses more than the runtime can take
    wrap="setarch $(uname -m) -R"
    if ! $wrap $work/probe >/dev/null 2>&1; then
      note "$1: skipped, its runtime does not start on this system"
      wrap=
      return
    fi
  fi
  row "$1" "$2" "-g1 $3" sanitized_tests "-R ^(unit[.]|stress$4)"
  wrap=
}

extent=ci
[ $tier = full ] && extent=full
wrap=
probe=$work/probe.cpp
optimized='-O2 -DNDEBUG'
addresses="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"

if [ $tier = quick ]; then
  row main "$cxx" "$optimized" "unit unit_single" "-L unit|meta"
else
  row main "$cxx" "$optimized" all ""

  # A sanitized GCC gives false warnings; those of the first row count.
  sanitized_row tsan "$cxx" "-O1 -fsanitize=thread -w" ""
  if [ -z "$clang" ] || [ $tier = full ]; then
    sanitized_row asan "$cxx" "-O1 $addresses -w" ""
  fi

  if [ -n "$clang" ]; then
    library=
    # A compiled Catch2 belongs to the other standard library; the header-only one fits any.
    if [ -e /usr/include/catch2/catch.hpp ] && echo '#include <vector>
int main() { return std::vector<int>(1)[0]; }' >$probe && $clang -stdlib=libc++ $probe -o $work/probe >/dev/null 2>&1; then
      library=-stdlib=libc++
    fi
    # One build is both the other compiler and the check of addresses: a third less to compile. Checks are as many
    # without an optimiser, and to optimise them takes clang more than twice the rest.
    level=-O0
    [ $tier = full ] && level=-O1
    sanitized_row clang "$clang" "$level $library $addresses" "|must_|embedded"
    if [ $tier = full ]; then
      row clang_optimized "$clang" "$library $optimized" unit "-R ^unit[.]"
      # Coverage as libFuzzer sees it finds what our own driver does not; it needs the usual standard library.
      row libfuzzer "$clang" "" fuzz_targets "-R ^libfuzzer_"
    fi
  else
    note "clang: skipped, no clang++ >= 16 here"
  fi
fi

echo
echo "== tests/run.sh $tier with $($cxx --version | head -n 1)"
printf '%s' "$report"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
