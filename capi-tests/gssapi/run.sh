#!/usr/bin/env bash
# GSSAPI against a real key distribution centre (kdc.sh): C programs on the reference first, then on ours; ours at one end and the reference at the
# other; and ours on a system without the library.
#
#   run.sh [--lib DIR] [--ref-only] [FILTER]
#
#   --lib DIR     directory that holds our libzmq.so.5 (default: target/dist/lib)
#   --ref-only    run on the reference only
#   FILTER        only what has this text in its name
#
# Environment: BUILD_DIR (default target/gssapi), CC, CFLAGS.
# Exit code 0 when everything passed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD_DIR:-$root/target/gssapi}
lib=$root/target/dist/lib
ref_only=0
filter=
limit=100

die() {
    echo "run.sh: $*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
        --lib) [ $# -ge 2 ] || die "--lib needs a directory"; lib=$2; shift 2 ;;
        --ref-only) ref_only=1; shift ;;
        -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) die "unknown option $1" ;;
        *) filter=$1; shift ;;
    esac
done

reference=$("$root/tools/reference.sh") || die "no reference libzmq.so.5 on this system (install libzmq5)"
reference=$(dirname "$reference")
[ "$ref_only" = 1 ] || [ -e "$lib/libzmq.so.5" ] || die "$lib has no libzmq.so.5 (give --lib DIR, or --ref-only)"
lib=$(cd "$lib" 2>/dev/null && pwd)

mkdir -p "$build/link" "$build/without" || die "cannot make $build"
ln -sfn "$reference/libzmq.so.5" "$build/link/libzmq.so"
# What the loader finds first, and cannot load.
: >"$build/without/libgssapi_krb5.so.2"

passed=0
failed=0

# report NAME STATUS LOG
report() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
        printf '%-28s ok   %s\n' "$1" "$(tail -n 1 "$3")"
    else
        failed=$((failed + 1))
        printf '%-28s FAIL %s\n' "$1" "$(tail -n 1 "$3")"
        sed -n '1,12s/^/    /p' "$3"
    fi
}

# compile NAME
compile() {
    "${CC:-cc}" -std=c11 -O1 -g -Wall -Wextra -Werror -I"$root/include" ${CFLAGS:-} -o "$build/$1" "$here/$1.c" \
        -L"$build/link" -Wl,--allow-shlib-undefined -lzmq -lpthread -ldl >"$build/$1.compile" 2>&1
}

for name in gssapi own_gssapi without_gssapi; do
    compile $name || { sed -n '1,12s/^/    /p' "$build/$name.compile"; die "$name.c does not compile"; }
done

labels=()
pids=()

# program LABEL NAME LIBRARY [VARIABLE=VALUE...]: with a centre of its own; most of its time it waits, so it runs beside the others
program() {
    local label=$1 name=$2 directory=$3 loaded
    shift 3
    [[ $label == *"$filter"* ]] || return 0
    loaded=$(LD_LIBRARY_PATH=$directory timeout 20 "$build/$name" --which 2>&1)
    [ "$(readlink -f "${loaded#* }")" = "$(readlink -f "${directory%%:*}/libzmq.so.5")" ] ||
        die "$label has loaded $loaded and not the library in $directory"
    timeout "$limit" "$here/kdc.sh" env LD_LIBRARY_PATH="$directory" "$@" "$build/$name" >"$build/${label//[ ,]/-}.log" 2>&1 &
    labels+=("$label")
    pids+=($!)
}

program "reference gssapi" gssapi "$reference"
if [ "$ref_only" = 0 ]; then
    program "ours gssapi" gssapi "$lib"
    program "ours gssapi, not inline" gssapi "$lib" ZMQ_OXIDE_INLINE=off
    program "ours own_gssapi" own_gssapi "$lib"
    program "ours own_gssapi, not inline" own_gssapi "$lib" ZMQ_OXIDE_INLINE=off
    program "ours without_gssapi" without_gssapi "$lib:$build/without"
fi
for i in "${!pids[@]}"; do
    wait "${pids[$i]}"
    report "${labels[$i]}" $? "$build/${labels[$i]//[ ,]/-}.log"
done

if [ "$ref_only" = 0 ] && [[ "both interop" == *"$filter"* ]]; then
    log=$build/interop.log
    # Some of what `kdc.sh interop/run.sh --lib DIR --mechanisms "gssapi-a gssapi-b gssapi-plain-a gssapi-plain-b"` has.
    cells='(REQ/REP|PUSH/PULL|PUB/SUB) (ours-ref|ref-ours) .* gssapi-.$|^(DEALER/ROUTER|PUB/SUB) (ours-ref|ref-ours) .* gssapi-plain-a$'
    INTEROP_DIR=$build/interop timeout 300 "$here/kdc.sh" "$root/interop/run.sh" --lib "$lib" --quick \
        --mechanisms "gssapi-a gssapi-b gssapi-plain-a" --only "^$cells" >"$log" 2>&1
    status=$?
    [ $status = 0 ] || grep FAIL "$log" | sed 's/^/    /'
    report "both interop" $status "$log"
fi

echo "gssapi: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
