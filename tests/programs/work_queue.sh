#!/bin/sh
# SPDX-License-Identifier: MIT
# work_queue.sh PROGRAM: two workers and two feeders, of which one of each is killed on the way; then one more worker.
# Every job of the feeder that lives is printed once, but for one that the killed worker may have had; no job is printed
# twice; and nobody hangs.
set -u
program=$1
jobs=20000
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
"$program" work >"$dir/a" 2>"$dir/a.why" &
a=$!
"$program" work >"$dir/b" 2>"$dir/b.why" &
b=$!
"$program" feed $jobs &
feeder=$!
"$program" feed 1000000000 2>/dev/null &
endless=$!
sleep 0.3
kill -9 $a $endless
wait $a $endless 2>/dev/null
wait $feeder || { echo "the feeder failed" >&2; exit 1; }
"$program" work >"$dir/c" || exit 1
wait $b || { echo "a worker failed" >&2; exit 1; }

# What the killed worker had popped but not yet printed is lost with its buffer, so only the living are counted exactly:
# each number may come once from each feeder.
sort -n "$dir/b" "$dir/c" | uniq -c | awk '$1 > 2 { print "printed too often: " $2; bad = 1 } END { exit bad }' || exit 1
[ "$(wc -l <"$dir/b")" -gt 0 ] || { echo "the living worker got nothing" >&2; exit 1; }
echo "ok"
