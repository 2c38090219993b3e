#!/usr/bin/env bash
# The interop matrix: two processes of one C program, each on its own library, over every core pattern and mechanism.
#
#   interop/run.sh --lib DIR [--quick] [--only REGEX] [--mechanisms LIST] [--reference DIR]
#   interop/run.sh --self [--quick]      the reference on all sides, to check the tests themselves
#
# DIR holds the library under test as libzmq.so.5 (or libzmq.so). A cell is: pattern, library of side a and of side b, transport,
# binding side, mechanism and which side is its server unless it is NULL. One line a cell; the last line is "interop: N passed, M failed"; the status is 0 only if nothing failed.
# JOBS cells run at a time (2). INTEROP_DIR: where it works (target/interop); two runs at once need two.
# --mechanisms names other mechanisms and leaves the cells without one out; "gssapi" and "gssapi-plain" need what capi-tests/gssapi/kdc.sh starts.
# --only keeps the cells whose name matches, e.g. --only '^PUB/SUB ours-ref tcp'.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
out=${INTEROP_DIR:-$root/target/interop}
mode=full lib='' self='' only='' reference='' without=yes
mechanisms="plain-a plain-b curve-a curve-b"

usage() { sed -n '2,11p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
        --lib) lib=${2-}; shift ;;
        --reference) reference=${2-}; shift ;;
        --only) only=${2-}; shift ;;
        --mechanisms) mechanisms=${2-} without=''; shift ;;
        --quick) mode=quick ;;
        --full) mode=full ;;
        --self) self=yes ;;
        *) usage ;;
    esac
    shift || usage
done
# Without --lib: what `make lib` has left.
[ -z "$lib$self" ] && [ -d "$root/target/dist/lib" ] && lib=$root/target/dist/lib
[ -n "$lib$self" ] || usage

die() { echo "interop: $*" >&2; exit 2; }

# The file that is to be loaded from a directory.
library_in() {
    local name
    for name in libzmq.so.5 libzmq.so; do
        [ -e "$1/$name" ] && { realpath "$1/$name"; return; }
    done
    return 1
}

mkdir -p "$out"
if [ -z "$reference" ]; then
    found=$("$root/tools/reference.sh") || die "the reference library is not installed (Debian: apt-get install libzmq5 libzmq3-dev)"
    reference=$(dirname "$found")
fi
ref_file=$(library_in "$reference") || die "no libzmq.so.5 in $reference"
if [ -n "$self" ]; then
    our_file=$ref_file
else
    our_file=$(library_in "$lib") || die "no libzmq.so.5 or libzmq.so in $lib"
fi

# One directory a library with nothing in it but libzmq.so.5, whatever the file itself is called.
for side in ours ref; do
    [ $side = ours ] && file=$our_file || file=$ref_file
    mkdir -p "$out/lib-$side"
    ln -sfn "$file" "$out/lib-$side/libzmq.so.5"
done

include=()
[ -e "$root/include/zmq.h" ] && [ -z "$self" ] && include=(-I "$root/include")
${CC:-cc} -std=c11 -O2 -g -Wall -Wextra -Werror "${include[@]}" -o "$out/peer" \
    "$here/peer.c" "$here/patterns.c" "$here/message.c" "$here/restart.c" "$here/security.c" -pthread "$out/lib-ref/libzmq.so.5" || die "the programs do not compile"

jobs_max=${JOBS:-2}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/interop.XXXXXX")
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
}
trap 'stop; wait; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# Bounds: of one cell, and of the whole run (cells that come later count as failed).
if [ $mode = quick ]; then cell_limit=20 run_limit=400; else cell_limit=60 run_limit=900; fi

# run_side a|b LIBRARY bind|connect TRANSPORT: the two pipes are opened in the order that lets both sides through.
run_side() {
    local side=$1 library=$2 action=$3 transport=$4 file
    [ "$library" = ours ] && file=$our_file || file=$ref_file
    export LD_LIBRARY_PATH=$out/lib-$library
    if [ "$side" = a ]; then
        exec <"$work/to-a" >"$work/to-b"
    else
        exec >"$work/to-a" <"$work/to-b"
    fi
    exec timeout -k 2 "$cell_limit" "$out/peer" "$pattern" "$side" "$action" "$transport" "$mode" "$file" "$mechanism" 2>"$work/err-$side"
}

# What became of a side, from its exit status.
verdict() {
    local side=$1 status=$2
    case $status in
        0) return ;;
        124 | 137) echo "$side: nothing more happened for ${cell_limit} s" ;;
        143) echo "$side: ended after the other side failed" ;;
        12[89] | 1[3-5][0-9]) echo "$side: killed by signal $((status - 128)) $(head -c 300 "$work/err-$side" | tr '\n' ' ')" ;;
        *) echo "$side: $(head -c 300 "$work/err-$side" | tr '\n' ' ' | sed 's/ *$//') (status $status)" ;;
    esac
}

run_cell() {
    local lib_a=$1 lib_b=$2 transport=$3 binder=$4
    mechanism=${5-null}
    local name="$pattern $lib_a-$lib_b $transport $binder-binds"
    [ "$mechanism" = null ] || name="$name $mechanism"
    if [ -n "$only" ] && ! [[ $name =~ $only ]]; then return; fi
    cells=$((cells + 1))
    [ $((cells % jobs_max)) -eq "$lane" ] || return
    if [ $SECONDS -ge $run_limit ]; then
        failed=$((failed + 1))
        echo "$name: FAIL not run, the time of the whole run is up"
        return
    fi
    local where=tcp act_a=bind act_b=connect
    [ "$transport" = ipc ] && where=$work/socket
    [ "$binder" = b ] && act_a=connect act_b=bind
    rm -f "$work/to-a" "$work/to-b" "$work/socket"
    mkfifo "$work/to-a" "$work/to-b"
    : >"$work/err-a"
    : >"$work/err-b"

    (run_side a "$lib_a" $act_a "$where") &
    local pid_a=$!
    (run_side b "$lib_b" $act_b "$where") &
    local pid_b=$!
    pids=("$pid_a" "$pid_b")

    # The first to fail takes the other one with it; `timeout` passes the signal on.
    local first status status_a status_b
    wait -n -p first "$pid_a" "$pid_b" 2>/dev/null
    status=$?
    local other=$pid_b
    [ "$first" = "$pid_b" ] && other=$pid_a
    [ $status -ne 0 ] && kill "$other" 2>/dev/null
    wait "$other" 2>/dev/null
    local second=$?
    if [ "$first" = "$pid_a" ]; then status_a=$status status_b=$second; else status_a=$second status_b=$status; fi
    pids=()

    if [ $status_a -eq 0 ] && [ $status_b -eq 0 ]; then
        passed=$((passed + 1))
        echo "$name: ok"
    else
        failed=$((failed + 1))
        echo "$name: FAIL $( (verdict a $status_a; verdict b $status_b) | paste -sd';' | sed 's/;/; /g')"
    fi
}

pairs="ours-ref ref-ours ours-ours"
[ -n "$self" ] && pairs="ref-ref"

export LD_LIBRARY_PATH=$out/lib-ref
patterns=$("$out/peer" patterns) || die "the program does not run"
unset LD_LIBRARY_PATH

# run_lane NUMBER: every so many-th cell, one after the other; the counts go to a file.
run_lane() {
    lane=$1 cells=0 passed=0 failed=0 pids=()
    work=$scratch/$lane
    trap stop EXIT
    trap 'exit 130' INT TERM
    mkdir "$work"
    while read -r pattern; do
        for pair in $pairs; do
            for transport in ${without:+tcp ipc}; do
                for binder in a b; do
                    run_cell "${pair%-*}" "${pair#*-}" $transport $binder
                done
            done
            # STREAM sockets have no mechanism. Who comes and goes is not asked for one.
            [[ "$pattern" = STREAM/STREAM || "$pattern" = *-kill-? ]] && continue
            # Who binds and who is the server have nothing to do with each other: once each way.
            for mechanism in $mechanisms; do
                [[ "$mechanism" = *plain-* ]] && binder=a || binder=b
                # A REQ of the reference never gets through the handshake as a server.
                [[ "$pattern $pair $mechanism" =~ ^REQ/.*\ ref-.*-a$ ]] && continue
                # What a SUB or XSUB of the reference subscribes to with its options does not arrive through GSSAPI.
                [[ "$pattern $pair $mechanism" =~ /X?SUB(-[a-z]+)?\ .*-ref\ gssapi-.$ ]] && continue
                run_cell "${pair%-*}" "${pair#*-}" tcp $binder $mechanism
            done
        done
    done <<<"$patterns"
    echo "$passed $failed" >"$work/counts"
}

for ((lane = 0; lane < jobs_max; lane++)); do
    run_lane "$lane" &
    pids+=($!)
done
wait

passed=0 failed=0
for ((lane = 0; lane < jobs_max; lane++)); do
    if read -r good bad 2>/dev/null <"$scratch/$lane/counts"; then
        passed=$((passed + good)) failed=$((failed + bad))
    else
        failed=$((failed + 1))
    fi
done
pids=()
echo "interop: $passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
