#!/usr/bin/env bash
# Every suite, again and again, to find what fails now and then.
#
#   tools/soak.sh [N]      N runs (20), ended by the first failure
#
# SUITES names the suites, if not all of them are wanted: unit loom conformance install capi capi-noinline abidiff gssapi interop examples clients.
# Suites that mostly wait run side by side, each in a network namespace of its own where one may be made, so that they do not take
# each other's ports. What they print goes to target/soak; the last line is "soak: N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-20}
suites=${SUITES:-unit loom conformance install capi capi-noinline abidiff gssapi interop examples clients}
out=$PWD/target/soak
dist=$PWD/target/dist/lib
rm -rf "$out"
mkdir -p "$out"

# What the suites install: in a namespace of their own they have no network. The check of the installation fetches crates, too.
prepare() {
    make --no-print-directory deps lib command \
        && demo/debs.sh gcc g++ libc6-dev make cmake pkg-config binutils cppzmq-dev libsodium-dev libczmq-dev abigail-tools \
            libkrb5-dev libgssapi-krb5-2 krb5-kdc krb5-admin-server krb5-user python3-zmq \
        && demo/venv.sh \
        && cargo fetch --locked \
        && cargo fetch --locked --manifest-path conformance/Cargo.toml \
        && demo/install-check.sh
}
prepare >"$out/build.log" 2>&1 || { cat "$out/build.log"; exit 1; }
export CARGO_NET_OFFLINE=true

# suite NAME COMMAND...: one line on stdout
suite() {
    local name=$1 begin=$SECONDS log
    shift
    [[ " $suites " = *" $name "* ]] || return 0
    log=$out/$run.$name.log
    if tools/alone.sh "$@" >"$log" 2>&1 </dev/null; then
        echo "soak: run $run: $(grep -E '^[a-z-]+: [0-9]+ passed' "$log" | tail -n 1 | sed "s/^[a-z-]*/$name/") in $((SECONDS - begin)) s"
    else
        echo "soak: run $run: $name FAILED after $((SECONDS - begin)) s, see $log"
        return 1
    fi
}

# Three chains of suites, side by side: most of their time is waiting. More of them, on two processors, keep programs from running for so long that
# even the reference misses its deadlines.
run_all() {
    local pids=() pid failed=0
    suite capi capi-tests/run.sh --lib "$dist" & pids+=($!)
    (suite conformance conformance/run.sh --lib "$dist" \
        && suite capi-noinline env OURS_ONLY=1 ZMQ_OXIDE_INLINE=off BUILD_DIR="$PWD/target/capi-noinline" capi-tests/run.sh --lib "$dist" \
        && suite clients clients/run.sh --lib "$dist" processes command) & pids+=($!)
    (suite interop interop/run.sh --lib "$dist" --quick && suite examples zguide-examples/run.py --lib "$dist" \
        && suite unit make --no-print-directory unit && suite loom make --no-print-directory loom \
        && suite abidiff capi-tests/abi/abidiff.sh --lib "$dist" && suite gssapi capi-tests/gssapi/run.sh --lib "$dist" \
        && suite install demo/install-check.sh) & pids+=($!)
    for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
    return $failed
}

for ((run = 1; run <= runs; run++)); do
    begin=$SECONDS
    if ! run_all; then
        echo "soak: $((run - 1)) passed, 1 failed"
        exit 1
    fi
    echo "soak: run $run of $runs: all passed in $((SECONDS - begin)) s"
done
echo "soak: $runs passed, 0 failed"
