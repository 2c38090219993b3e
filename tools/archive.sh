#!/usr/bin/env bash
# Makes the static library that is shipped out of the one that cargo has built.
#
#   tools/archive.sh BUILT SHIPPED
#
# Cargo's archive also defines the symbols of Rust's runtime and of libsodium. In a
# program with Rust parts of its own, or with another libsodium, these would be
# defined twice. So all that the library needs becomes one object, in which only
# the functions of zmq.h can be seen from outside.
set -euo pipefail

[ $# -eq 2 ] || { sed -n '4s/^# *//p' "$0" >&2; exit 2; }
built=$1
shipped=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One function is enough to bring in the rest: they are in the same object.
# Without groups, for what is in a group may be taken from the other Rust.
${LD:-ld} -r --force-group-allocation -u zmq_version -o "$work/whole.o" "$built"
# The parts with intermediate code would mislead linkers that look into them.
${OBJCOPY:-objcopy} --wildcard --keep-global-symbol='zmq_*' \
    --remove-section=.llvmbc --remove-section=.llvmcmd "$work/whole.o" "$work/libzmq.o"
rm -f "$work/libzmq.a"
${AR:-ar} crs "$work/libzmq.a" "$work/libzmq.o"
install -m 644 "$work/libzmq.a" "$shipped"
