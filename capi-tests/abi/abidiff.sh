#!/usr/bin/env bash
# Compares this library with Debian's libzmq5 by abidiff: first the libraries, then what programs see of them, which
# are the types in zmq.h. abidiff.suppr names the differences that are meant, and why.
#
#   abidiff.sh --lib DIR       DIR holds our libzmq.so.5
#
# Ends with "abidiff: N passed, M failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
[ "${1:-}" = --lib ] && [ $# -eq 2 ] || { sed -n '5s/^# *//p' "$0" >&2; exit 2; }
ours=$(readlink -f "$2/libzmq.so.5")
"$root/demo/debs.sh" abigail-tools gcc libc6-dev libzmq5 libzmq3-dev
reference=$(readlink -f "$(dpkg -L libzmq5 | grep -m1 '/libzmq\.so\.5$')")
reference_header=$(dpkg -L libzmq3-dev | grep -m1 '/zmq\.h$')
work=$root/target/abidiff
rm -rf "$work"
mkdir -p "$work/reference" "$work/ours"

passed=0
failed=0
expect() { # TITLE COMMAND...
    local title=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $title"
    else
        failed=$((failed + 1))
        echo "FAIL  $title"
        sed 's/^/      | /' "$work/log"
    fi
}

# ---------------------------------------------------------------- the libraries

# 4 is "something changed", the other bits are errors.
reported() { # ABIDIFF-ARGUMENT...
    local status=0
    abidiff "$@" >"$work/report" 2>&1 || status=$?
    cat "$work/report"
    [ "$status" -eq 0 ] || [ "$status" -eq 4 ] || exit "$status"
    return "$status"
}
expect "nothing of Debian's library is missing or changed, nothing unexplained is added" \
    reported --suppressions "$here/abidiff.suppr" "$reference" "$ours"

# An explanation that explains nothing is an old one: without it the report has to be longer.
each_is_needed() {
    local count index added
    count=$(grep -c '^\[suppress_function\]' "$here/abidiff.suppr")
    for ((index = 1; index <= count; index++)); do
        awk -v without="$index" '/^\[suppress_function\]/ { block++ } block != without' \
            "$here/abidiff.suppr" >"$work/without.suppr"
        ! reported --suppressions "$work/without.suppr" "$reference" "$ours" >/dev/null \
            || { echo "entry $index suppresses nothing"; return 1; }
        added=$(grep -c '\[A\]' "$work/report") || true
        echo "entry $index: $added"
    done
}
expect "every explanation has its difference" each_is_needed

# Versions would bind programs to one of the libraries.
no_versions() {
    local names
    names=$(readelf --dyn-syms -W "$1" | grep -E ' zmq_[a-z0-9_]+(@.*)?$') && ! grep '@' <<<"$names"
}
expect "the reference's functions have no symbol versions" no_versions "$reference"
expect "ours have none either" no_versions "$ours"

# ----------------------------------------------------------------- what programs see

# A pointer to each function that Debian's library exports: its type says which parameters there are, and of which types.
names=$(nm -D --defined-only "$reference" | awk '$3 ~ /^zmq_/ { print $3 }' | sort)
{
    echo '#include <zmq.h>'
    echo '#include <zmq_utils.h>'
    for name in $names; do
        grep -q "\b$name\b" "$reference_header" "$(dirname "$reference_header")/zmq_utils.h" || continue
        echo "__typeof__ ($name) *see_$name = $name;"
    done
    echo 'struct seen { zmq_msg_t message; zmq_pollitem_t item; zmq_free_fn *release; zmq_timer_fn *timer; zmq_thread_fn *thread; } see_types;'
} >"$work/seen.c"
see() { # NAME HEADERS LIBRARY
    gcc -g -shared -fPIC -I "$2" -o "$work/$1/libseen.so" "$work/seen.c" "$3"
}
expect "a program that uses every function compiles with Debian's header" \
    see reference "$(dirname "$reference_header")" "$reference"
expect "the same program compiles with ours" see ours "$root/include" "$ours"
expect "it sees the same $(grep -c typeof "$work/seen.c") functions, with the same types" \
    reported "$work/reference/libseen.so" "$work/ours/libseen.so"

printf 'abidiff: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
