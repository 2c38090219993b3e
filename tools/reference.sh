#!/usr/bin/env bash
# Prints the file of the reference library: that of Debian's package, whatever else is installed; without the package the one that the
# dynamic linker finds.
set -euo pipefail
PATH=$PATH:/sbin:/usr/sbin
file=$(dpkg -L libzmq5 2>/dev/null | grep -m1 '/libzmq\.so\.5$') || file=
[ -n "$file" ] || file=$(ldconfig -p | awk '$1 == "libzmq.so.5" && !found++ { print $NF }')
[ -n "$file" ] || exit 1
if dpkg -S "$(readlink -f "$file")" 2>/dev/null | grep -q '^libzmq5-oxide'; then
    echo "what stands in for libzmq5 is no reference: install libzmq5" >&2
    exit 1
fi
readlink -f "$file"
