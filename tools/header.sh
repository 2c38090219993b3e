#!/bin/sh
# Writes include/zmq.h and include/zmq_utils.h from src/capi.
#   tools/header.sh            writes them
#   tools/header.sh --check    fails when the committed ones are stale
#   tools/header.sh --compile  fails when they are not C89 and C++98, or lack a function or its right type
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

if [ "${1:-}" = --compile ]; then
    cc=${CC:-cc} cxx=${CXX:-c++}
    warnings="-Wall -Wextra -Werror -pedantic-errors -fsyntax-only -I$root/include"
    for draft in "" -DZMQ_BUILD_DRAFT_API; do
        for std in c89 c99 c11; do
            $cc -x c -std=$std $warnings $draft "$root/tools/header/prototypes.c"
        done
        for std in c++98 c++11 c++17; do
            $cxx -x c++ -std=$std $warnings $draft "$root/tools/header/prototypes.c"
        done
    done
    exit
fi

exec cargo run --quiet --locked --manifest-path "$root/tools/header/Cargo.toml" \
    --target-dir "${CARGO_TARGET_DIR:-$root/target}/tools" -- "$root" "$@"
