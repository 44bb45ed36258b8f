#!/bin/sh
# SPDX-License-Identifier: MIT
# sh tests/kernel/fetch.sh DIRECTORY
#
# Makes DIRECTORY hold a Linux kernel that has SCTP: `vmlinuz`, and `modules/` to load in the order of their names. They
# come out of a Debian package, which is unpacked and not installed: nothing that this machine boots from is touched.
set -eu
LC_ALL=C
export LC_ALL

[ $# = 1 ] || {
  echo "usage: sh tests/kernel/fetch.sh DIRECTORY" >&2
  exit 2
}
[ ! -e "$1/vmlinuz" ] || exit 0
mkdir -p "$(dirname "$1")"
rm -rf "$1" "$1.new"
mkdir -p "$1.new/modules"
cd "$1.new"

newest=linux-image-cloud-amd64
package=$(apt-cache depends $newest | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
[ -n "$package" ] || {
  echo "no package $newest here" >&2
  exit 1
}
apt-get download -q "$package" 2>&1
dpkg -x "$package"_*.deb package
cp package/boot/vmlinuz-* vmlinuz

file_of() { # MODULE: its file, whose name may have the other kind of line
  find package -name "$(echo "$1" | sed 's/[-_]/[-_]/g').ko*" | head -n 1
}
plain() { # FILE: what is in it
  case $1 in
  *.xz) xz -dc "$1" ;;
  *.zst) zstd -dqc "$1" ;;
  *) cat "$1" ;;
  esac
}
depends() { # MODULE: those that it needs
  plain "$(file_of "$1")" | tr '\0' '\n' | sed -n 's/^depends=//p' | tr ',' ' '
}

taken='' order='' more=sctp
while [ -n "$more" ]; do # a module comes before all that need it
  order="$more $order"
  next=''
  for m in $more; do next="$next$(depends "$m") "; done
  more=$(printf '%s' "$next" | xargs)
done
number=10
for m in $order; do
  case "$taken " in *" $m "*) continue ;; esac
  plain "$(file_of "$m")" >"modules/$number-$m.ko"
  taken="$taken $m"
  number=$((number + 1))
done

rm -rf package ./*.deb
cd - >/dev/null
mv "$1.new" "$1"
echo "$package, with$taken"
