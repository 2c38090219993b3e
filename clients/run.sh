#!/usr/bin/env bash
# Programs and bindings that were written for the reference, on this library.
#
#   clients/run.sh --lib DIR [PART...]      (or: make clients)
#
#   --lib DIR   what `make lib` has built (target/dist/lib); `make command` puts its part beside it
#   PART        pyzmq-wheel, pyzmq-cython, pyzmq-cffi, programs, processes, command; without any, all
#
# Each part has a closing line of its own; the last line adds them up:
# "clients: N passed, N failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
lib=
parts=()
while [ $# -gt 0 ]; do
    case $1 in
    --lib) lib=$(cd "${2:?--lib needs a directory}" && pwd); shift 2 ;;
    -*) sed -n '4,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) parts+=("$1"); shift ;;
    esac
done
[ -n "$lib" ] && [ -e "$lib/libzmq.so.5" ] || { echo "clients: no libzmq.so.5 (give --lib DIR)" >&2; exit 2; }
[ ${#parts[@]} -gt 0 ] || parts=(command programs processes pyzmq-wheel pyzmq-cython pyzmq-cffi)

out=$root/target/clients
log=$out/log
mkdir -p "$out"
: >"$log"
status=0
part() { "$@" 2>&1 </dev/null | tee -a "$log" || status=1; }

# A real installation: bindings are built against it.
prefix=$out/prefix
file_version=$(basename "$(readlink -f "$lib/libzmq.so.5")" | sed 's/^libzmq\.so\.//')
version=$(sed -n 's/^VERSION := //p' "$root/Makefile")
DIST=$(dirname "$lib") VERSION=$version FILE_VERSION=$file_version PREFIX=$prefix LIBDIR=$prefix/lib \
    "$root/tools/install.sh" install

for name in "${parts[@]}"; do
    case $name in
    pyzmq-*)
        "$root/demo/debs.sh" gcc g++ libc6-dev libzmq5 libzmq3-dev pkg-config binutils
        python3 -c 'import ensurepip' 2>/dev/null || "$root/demo/debs.sh" python3-venv
        python3-config --includes >/dev/null 2>&1 || "$root/demo/debs.sh" python3-dev
        part python3 "$here/pyzmq.py" --prefix "$prefix" "${name#pyzmq-}"
        ;;
    programs) part "$here/programs.sh" "$prefix/lib" ;;
    processes) part "$here/processes.sh" "$prefix/lib" ;;
    command) part "$here/command.sh" "$prefix/lib" "$lib/../bin/zmq-oxide" ;;
    *) echo "clients: there is no part $name" >&2; exit 2 ;;
    esac
done

awk -v status="$status" '/^[a-z-]+: [0-9]+ passed, [0-9]+ failed/ { passed += $2; failed += $4 }
    END {
        # A part that broke off has no closing line.
        if (status && !failed) failed = 1
        printf "clients: %d passed, %d failed\n", passed, failed
        exit status || passed == 0
    }' "$log"
