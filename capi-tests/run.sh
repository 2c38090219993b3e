#!/usr/bin/env bash
# Compiles the C tests once and runs each on the reference library first, then on ours. Then compares what both do with every
# option (FILTER sweep), and header and exported names (FILTER abi).
#
#   run.sh [--lib DIR] [--ref-only] [--repeat N] [FILTER]
#
#   --lib DIR     directory that holds our libzmq.so.5 (default: target/release)
#   --ref-only    run on the reference only
#   --repeat N    run every program N times
#   FILTER        only the programs whose name contains this text
#
# Environment: BUILD_DIR (default target/capi), CC, CFLAGS, RUN_TIMEOUT (seconds, 60), JOBS (2),
# OURS_ONLY=1 (skip the reference), REQUIRE_ALL=1 (fail where the machine lacks what a case needs).
# Exit code 0 when everything passed.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
build=${BUILD_DIR:-$root/target/capi}
lib=$root/target/release
ref_only=0
repeat=1
filter=
compiler=${CC:-cc}
limit=${RUN_TIMEOUT:-60}
jobs_max=${JOBS:-2}

die() {
    echo "run.sh: $*" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
        --lib) [ $# -ge 2 ] || die "--lib needs a directory"; lib=$2; shift 2 ;;
        --lib=*) lib=${1#--lib=}; shift ;;
        --ref-only) ref_only=1; shift ;;
        --repeat) [ $# -ge 2 ] || die "--repeat needs a number"; repeat=$2; shift 2 ;;
        --repeat=*) repeat=${1#--repeat=}; shift ;;
        -h | --help) sed -n '2,14s/^# \{0,1\}//p' "$0"; exit 0 ;;
        -*) die "unknown option $1" ;;
        *) filter=$1; shift ;;
    esac
done

reference=$("$root/tools/reference.sh") || die "no reference libzmq.so.5 on this system (install libzmq5)"
reference=$(dirname "$reference")
if [ "$ref_only" = 0 ]; then
    [ -e "$lib/libzmq.so.5" ] || die "$lib has no libzmq.so.5 (give --lib DIR, or --ref-only)"
    lib=$(cd "$lib" && pwd)
fi

mkdir -p "$build/bin" "$build/link" "$build/out" || die "cannot make $build"
# The programs are linked against the soname alone, so that either library serves at run time.
ln -sfn "$reference/libzmq.so.5" "$build/link/libzmq.so"

if [ -f "$root/include/zmq.h" ]; then
    include=$root/include
    include_flags="-I$include"
else
    include_flags=
fi

# compile SOURCE BINARY: only when something is newer
compile() {
    local source=$1 binary=$2 header
    if [ -x "$binary" ] && [ "$binary" -nt "$source" ]; then
        local stale=0
        # A program of ours alone may be one of both with other settings.
        for header in "$here"/*.h ${include:+"$include/zmq.h"} \
            $(sed -n "s|^#include \"\.\./\(.*\.c\)\"|$here/\1|p" "$source"); do
            [ "$binary" -nt "$header" ] || stale=1
        done
        [ "$stale" = 0 ] && return 0
    fi
    # shellcheck disable=SC2086
    "$compiler" -std=c11 -O1 -g -Wall -Wextra -Werror $include_flags -I"$here" ${CFLAGS:-} \
        -o "$binary" "$source" -L"$build/link" -Wl,--allow-shlib-undefined -lzmq -lpthread
}

programs=()
kinds=()
for source in "$here"/*.c "$here"/ours_only/*.c; do
    [ -e "$source" ] || continue
    kind=both
    case $source in */ours_only/*) kind=ours ;; esac
    name=$(basename "$source" .c)
    case $name in *"$filter"*) ;; *) continue ;; esac
    [ "$kind" = ours ] && [ "$ref_only" = 1 ] && continue
    programs+=("$source")
    kinds+=("$kind")
done
[ ${#programs[@]} -gt 0 ] || [ "$filter" = abi ] || [ "$filter" = sweep ] || die "no program matches '$filter'"

# run_one SOURCE LABEL DIRECTORY: one line on stdout, exit code 0 when it passed
run_one() {
    local source=$1 label=$2 directory=$3 name log which loaded status round passed_line
    name=$(basename "$source" .c)
    log=$build/out/$name.$label.log
    if ! compile "$source" "$build/bin/$name" >"$log" 2>&1; then
        printf '%-9s %-16s FAIL does not compile\n' "$label" "$name"
        sed -n '1,8s/^/    /p' "$log"
        return 1
    fi
    which=$(LD_LIBRARY_PATH=$directory timeout 20 "$build/bin/$name" --which 2>&1)
    loaded=${which#* }
    if [ "$(readlink -f "$loaded" 2>/dev/null)" != "$(readlink -f "$directory/libzmq.so.5")" ]; then
        printf '%-9s %-16s FAIL loaded %s instead of the library in %s\n' "$label" "$name" "$which" "$directory"
        return 1
    fi
    for ((round = 1; round <= repeat; round++)); do
        LD_LIBRARY_PATH=$directory timeout "$limit" "$root/tools/alone.sh" "$build/bin/$name" >"$log" 2>&1
        status=$?
        if [ $status -ne 0 ]; then
            [ $status -eq 124 ] && echo "stopped after $limit seconds" >>"$log"
            printf '%-9s %-16s FAIL %s%s\n' "$label" "$name" "$(tail -n 1 "$log")" \
                "$([ "$repeat" -gt 1 ] && echo " (round $round)")"
            sed -n '1,8s/^/    /p' "$log"
            return 1
        fi
    done
    passed_line=$(tail -n 1 "$log")
    printf '%-9s %-16s ok   %s\n' "$label" "$name" "$passed_line"
}

# run_program INDEX: the reference first, then ours; writes its lines and counts to files
run_program() {
    local source=${programs[$1]} kind=${kinds[$1]} result=$build/out/result.$1 good=0 bad=0
    {
        if [ "$kind" = both ] && [ "${OURS_ONLY:-0}" != 1 ]; then
            if run_one "$source" reference "$reference"; then good=$((good + 1)); else bad=$((bad + 1)); fi
        fi
        if [ "$ref_only" = 0 ]; then
            if run_one "$source" ours "$lib"; then good=$((good + 1)); else bad=$((bad + 1)); fi
        fi
    } >"$result.part" 2>&1
    echo "$good $bad" >"$result.count"
    mv "$result.part" "$result"
    cat "$result"
}

rm -f "$build"/out/result.*
for i in "${!programs[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs_max" ]; do
        wait -n || true
    done
    run_program "$i" &
done
wait

passed=0
failed=0
for i in "${!programs[@]}"; do
    good=0
    bad=1
    [ -f "$build/out/result.$i.count" ] && read -r good bad <"$build/out/result.$i.count"
    passed=$((passed + good))
    failed=$((failed + bad))
done

# Every option number with many values, on both libraries. Does not depend on how bytes are moved.
sweep() {
    local source=$here/sweep/options.c skip=$here/sweep/not_compared.txt out=$build/out/sweep label
    compile "$source" "$build/bin/sweep" || return 1
    LD_LIBRARY_PATH=$reference timeout 300 "$build/bin/sweep" >"$out.reference" 2>/dev/null &
    LD_LIBRARY_PATH=$lib timeout 300 "$build/bin/sweep" >"$out.ours" 2>/dev/null || return 1
    wait $! || return 1
    for label in reference ours; do
        awk 'NR == FNR { if (!/^#/) skip[$1] = 1; next } !($1 in skip) && !($2 in skip)' "$skip" "$out.$label" >"$out.$label.kept"
    done
    [ "$(wc -l <"$out.ours.kept")" -gt 100000 ] || return 1
    # Not even where the reference ends too.
    if grep "ended with status" "$out.ours" >"$out.diff"; then
        return 1
    fi
    diff "$out.reference.kept" "$out.ours.kept" | cut -c1-300 >"$out.diff"
    [ ! -s "$out.diff" ]
}
if { [ -z "$filter" ] || [ "$filter" = sweep ]; } && [ "$ref_only" = 0 ] && [ "${OURS_ONLY:-0}" != 1 ] &&
    [ "${ZMQ_OXIDE_INLINE:-on}" != off ]; then
    if sweep; then
        passed=$((passed + 1))
        printf '%-9s %-16s ok   %s lines are the same\n' both sweep "$(wc -l <"$build/out/sweep.ours.kept")"
    else
        failed=$((failed + 1))
        printf '%-9s %-16s FAIL see %s\n' both sweep "$build/out/sweep.diff"
        sed -n '1,8s/^/    /p' "$build/out/sweep.diff"
    fi
fi

# The header and the exported names.
if [ -z "$filter" ] || [ "$filter" = abi ]; then
    abi=(python3 "$here/abi/check.py" --build "$build/abi" --reference "$reference")
    [ "$ref_only" = 0 ] && abi+=(--lib "$lib")
    counted=0
    while IFS= read -r line; do
        case $line in
            "abi-count: "*)
                read -r _ good bad <<<"$line"
                counted=$((good + bad))
                passed=$((passed + good))
                failed=$((failed + bad))
                ;;
            *) echo "$line" ;;
        esac
    done < <("${abi[@]}" 2>&1 || true)
    if [ "$counted" -eq 0 ]; then
        failed=$((failed + 1))
        printf '%-9s %-16s FAIL ended early\n' both abi
    fi
fi

echo "capi: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
