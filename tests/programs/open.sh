#!/bin/sh
# SPDX-License-Identifier: MIT
# open.sh PROGRAM: the same program over every transport that a URI can name, either side first; and URIs that name none.
set -u
program=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
name=sluice_p11_$$
bad=0

# check URI FIRST EXPECTED
check() {
  if [ "$2" = recv ]; then
    timeout 60 "$program" recv "$1" >got &
    sleep 0.2
    timeout 60 "$program" send "$1" || bad=1
    wait $! || bad=1
  else
    timeout 60 "$program" send "$1" &
    sleep 0.2
    timeout 60 "$program" recv "$1" >got || bad=1
    wait $! || bad=1
  fi
  [ "$(cat got)" = "$3" ] || { echo "$1, $2 first: got $(cat got), not $3" >&2; bad=1; }
}
for uri in shm:/$name file:t.ring fifo:$dir/fifo unix:$dir/socket unix:@$name tcp:127.0.0.1:17811; do
  check "$uri" recv 500500
  check "$uri" send 500500
done
rm -f "/dev/shm/sluice.$(id -u)/$name"
if [ -d /dev/mqueue ] && [ -n "$(ls -d /proc/sys/fs/mqueue 2>/dev/null)" ]; then
  check mq:/$name recv 500500
  rm -f "/dev/mqueue/$name"
fi
# Datagrams may be lost: something comes, and the program ends.
timeout 60 "$program" recv udp:127.0.0.1:17812 >got &
sleep 0.2
timeout 60 "$program" send udp:127.0.0.1:17812 || bad=1
wait $! || bad=1
[ "$(cat got)" -gt 0 ] || { echo "udp: nothing came" >&2; bad=1; }

for uri in nothing journal:t.journal tcp:nowhere shm:/a/b; do
  for how in send recv; do
    timeout 60 "$program" $how "$uri" 2>why && { echo "$how $uri was opened" >&2; bad=1; }
    [ -s why ] || { echo "$how $uri: no word of why" >&2; bad=1; }
  done
done
[ $bad = 0 ] && echo ok
exit $bad
