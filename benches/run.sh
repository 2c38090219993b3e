#!/usr/bin/env bash
# Measures the library under test against the reference, alternating in one run, with the same C program on both.
#
#   benches/run.sh --quick|--bars|--full --lib DIR [--only REGEX] [--reference DIR]
#   benches/run.sh --quick|--bars|--full --self     the reference on both sides, to see what noise does
#
# DIR holds libzmq.so.5 (or libzmq.so). --quick ends in under two minutes; --bars measures a few cases at length and exits with
# status 1 if one of them is missed; --full is the whole table of cases.txt. Prints a table and writes target/bench/MODE.json.
# Nothing is pinned to a processor. Figures are comparable only within one run: look at the ratios.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
out=$root/target/bench
mode='' lib='' self='' only='' reference=''

usage() { sed -n '2,9p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
die() { echo "bench: $*" >&2; exit 2; }

while [ $# -gt 0 ]; do
    case $1 in
        --quick | --bars | --full) mode=${1#--} ;;
        --lib) lib=${2-}; shift ;;
        --reference) reference=${2-}; shift ;;
        --only) only=${2-}; shift ;;
        --self) self=yes ;;
        *) usage ;;
    esac
    shift || usage
done
# Without --lib: what `make lib` has left.
[ -z "$lib$self" ] && [ -d "$root/target/dist/lib" ] && lib=$root/target/dist/lib
[ -n "$mode" ] && [ -n "$lib$self" ] || usage

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
for side in ours ref; do
    [ $side = ours ] && file=$our_file || file=$ref_file
    mkdir -p "$out/lib-$side"
    ln -sfn "$file" "$out/lib-$side/libzmq.so.5"
done

include=()
[ -e "$root/include/zmq.h" ] && [ -z "$self" ] && include=(-I "$root/include")
${CC:-cc} -std=c11 -O2 -g -Wall -Wextra -Werror -pthread "${include[@]}" -o "$out/zbench" "$here"/*.c "$out/lib-ref/libzmq.so.5" ||
    die "the harness does not compile"

# The library that is measured must be the one that is meant.
version_of() {
    local line
    line=$(LD_LIBRARY_PATH=$out/lib-$1 "$out/zbench" version) || die "the harness does not run on $2"
    [ "${line#*library=}" = "$2" ] || die "loaded ${line#*library=}, not $2"
    line=${line#version=}
    echo "${line%% *}"
}
ref_version=$(version_of ref "$ref_file") || exit 2
our_version=$(version_of ours "$our_file") || exit 2

case $mode in
    quick) which=1 limit=115 ;;
    bars) which=2 limit=600 ;;
    full) which=3 limit=2400 ;;
esac

samples=$out/$mode.tsv
: >"$samples"
child=''
trap '[ -n "$child" ] && kill "$child" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

trim() { local text=$1; text=${text#"${text%%[![:blank:]]*}"}; echo "${text%"${text##*[![:blank:]]}"}"; }

# The part of a/b/c (or a:b:c) for this mode.
choose() { local IFS=$1; set -- $2; shift $((which - 1)); echo "${1-0}"; }

# measure WHO ENVIRONMENT COMMAND...: one run, its figures appended to the samples.
measure() {
    local who=$1 setting=$2 library=$1 words=() word status
    shift 2
    [ "$who" = raw ] && library=ref
    [ -n "$setting" ] && [ "$who" = ours ] || setting=ZBENCH_NOTHING=1
    for word in "$@"; do
        [[ $word == *:*:* ]] && word=$(choose : "$word")
        words+=("$word")
    done
    env "$setting" LD_LIBRARY_PATH="$out/lib-$library" timeout -k 2 120 "$out/zbench" "${words[@]}" >"$out/out" 2>"$out/err" &
    child=$!
    wait $child 2>/dev/null
    status=$?
    child=''
    if [ $status -ne 0 ]; then
        printf '%s\t%s\terror\t%s (status %d)\n' "$name" "$who" "$(head -c 200 "$out/err" | tr '\n\t' '  ')" $status >>"$samples"
        return 1
    fi
    tr ' ' '\n' <"$out/out" | while IFS='=' read -r metric value; do
        [ -n "$metric" ] && printf '%s\t%s\t%s\t%s\n' "$name" "$who" "$metric" "$value" >>"$samples"
    done
}

load_before=$(cut -d' ' -f1-3 /proc/loadavg)
while IFS='|' read -r kind name modes runs command raw setting; do
    [ "$(trim "$kind")" = case ] || continue
    name=$(trim "$name") command=$(trim "$command") raw=$(trim "$raw") setting=$(trim "$setting")
    [[ " $modes " == *" $mode "* ]] || continue
    if [ -n "$only" ] && ! [[ $name =~ $only ]]; then continue; fi
    runs=$(choose / "$(trim "$runs")")
    [ -t 2 ] && printf '\r%-60s' "$name" >&2
    for ((run = 1; run <= runs; run++)); do
        if [ $SECONDS -ge $limit ]; then
            echo "bench: the time is up before run $run of: $name" >&2
            break
        fi
        # A failing command is not repeated.
        if [ -n "$raw" ]; then measure raw '' $raw || break; fi
        if [ "$command" != - ]; then
            measure ref '' $command || break
            measure ours "$setting" $command || break
        fi
    done </dev/null
done <"$here/cases.txt"
[ -t 2 ] && printf '\r%-60s\r' '' >&2
load_after=$(cut -d' ' -f1-3 /proc/loadavg)

echo "reference: $ref_version $ref_file"
echo "ours:      $our_version $our_file"
echo "machine:   $(nproc) processors, $(uname -sr), load $load_before before and $load_after after, $SECONDS s"
echo
head="\"mode\": \"$mode\", \"reference\": {\"version\": \"$ref_version\", \"file\": \"$ref_file\"}"
head="$head, \"ours\": {\"version\": \"$our_version\", \"file\": \"$our_file\"}, \"processors\": $(nproc)"
head="$head, \"kernel\": \"$(uname -r)\", \"load_before\": \"$load_before\", \"load_after\": \"$load_after\""
awk -v mode="$mode" -v json="$out/$mode.json" -v head="$head" -f "$here/table.awk" "$here/cases.txt" "$samples"
status=$?

[ -n "$self" ] && exit 0
[ "$mode" = bars ] && exit $status
# The other modes report; only a run that broke off counts as a failure.
! grep -q "$(printf '\terror\t')" "$samples"
