#!/usr/bin/env bash
# How processes begin and end around this library, and two libraries in one process:
# nothing may crash, hang or answer wrongly.
#
#   clients/processes.sh DIR [FILTER]      DIR holds libzmq.so.5
#
# Each case runs several times, on Debian's libzmq5 first. What crashes the reference
# too must still not crash this library.
#
# Environment: RUNS (5), RUN_TIMEOUT (seconds, 30).
# Ends with "processes: N passed, M failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
lib=$(cd "${1:?a directory is needed}" && pwd)
filter=${2:-}
runs=${RUNS:-5}
limit=${RUN_TIMEOUT:-30}
work=$(mktemp -d /tmp/zmq-processes.XXXXXX)
trap 'rm -rf "$work"' EXIT

"$root/demo/debs.sh" libzmq5 gcc g++ libc6-dev python3-zmq
mkdir "$work/reference" "$work/ours"
ln -s "$(readlink -f "$(dpkg -L libzmq5 | grep -m1 '/libzmq\.so\.5$')")" "$work/reference/libzmq.so.5"
ln -s "$(readlink -f "$lib/libzmq.so.5")" "$work/ours/libzmq.so.5"
ours=$work/ours/libzmq.so.5
reference=$work/reference/libzmq.so.5

flags=(-O1 -Wall -Wextra -Werror -I "$root/include")
gcc -std=gnu99 "${flags[@]}" -o "$work/lifetimes" "$here/processes/lifetimes.c" "$ours" -lpthread
gcc -std=gnu99 "${flags[@]}" -o "$work/loading" "$here/processes/loading.c" -ldl -lpthread
g++ -std=c++11 "${flags[@]}" -o "$work/statics" "$here/processes/statics.cpp" "$ours"

passed=0
failed=0

# The first run that does not end with 0 says how it went: code, or signal as 128 more.
attempt() { # DIRECTORY COMMAND...
    local directory=$1 run status
    shift
    for ((run = 0; run < runs; run++)); do
        status=0
        # No core files, and what is said there is shown when it matters.
        (ulimit -c 0; LD_LIBRARY_PATH=$directory exec timeout -k 5 "$limit" "$@") >"$work/output" 2>&1 </dev/null || status=$?
        if [ "$status" -ne 0 ]; then
            echo "run $((run + 1)) of $runs ended with $status"
            return
        fi
    done
}

check() { # TITLE REFERENCE-COMMAND -- OUR-COMMAND
    local title=$1 before=() theirs mine
    shift
    [ -z "$filter" ] || [ "${title#*"$filter"}" != "$title" ] || return 0
    while [ "$1" != -- ]; do before+=("$1"); shift; done
    shift
    theirs=
    [ ${#before[@]} -eq 0 ] || theirs=$(attempt "$work/reference" "${before[@]}")
    mine=$(attempt "$work/ours" "$@")
    if [ -z "$mine" ]; then
        passed=$((passed + 1))
        echo "ok    $title${theirs:+ (the reference: $theirs)}"
    else
        failed=$((failed + 1))
        echo "FAIL  $title: $mine${theirs:+ (the reference too: $theirs)}"
        head -n 20 "$work/output" | sed 's/^/      | /'
    fi
}

# --------------------------------------------------------------- ends of processes

for name in $("$work/lifetimes"); do
    check "$name" "$work/lifetimes" "$name" -- "$work/lifetimes" "$name"
done
check "objects before and after main, in C++" "$work/statics" -- "$work/statics"

# ------------------------------------------------------------ loading and unloading

for name in $("$work/loading"); do
    case $name in
    two_libraries*) check "$name" -- "$work/loading" "$name" "$ours" "$reference" ;;
    *) check "$name" "$work/loading" "$name" "$reference" "$ours" -- "$work/loading" "$name" "$ours" "$reference" ;;
    esac
done

# A Python extension with the libzmq that it was built for, and ours beside it, in each order.
check "python3-zmq on the reference, ours beside it" \
    -- env LD_LIBRARY_PATH= /usr/bin/python3 "$here/processes/beside.py" "$ours"
check "python3-zmq on ours, the reference beside it" \
    -- /usr/bin/python3 "$here/processes/beside.py" "$reference"
python="$("$root/demo/venv.sh")/bin/python"
check "pyzmq's wheel with its own libzmq, ours beside it" \
    -- env LD_LIBRARY_PATH= "$python" "$here/processes/beside.py" "$ours"

printf 'processes: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
