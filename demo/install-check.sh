#!/usr/bin/env bash
# Installs the built library into a stage and uses it from there as a build
# would, through pkg-config: shared and static. Then uninstalls.
#
#   demo/install-check.sh      (or: make install-check)
#
# Ends with "install: N passed, M failed".
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
stage=$root/target/stage
work=$(mktemp -d /tmp/zmq-install.XXXXXX)
running=
clean_up() {
    [ -z "$running" ] || kill "$running" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

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

lib=$stage/usr/lib
# A packager's settings, and a stage: the .pc names the final place.
settings=(PREFIX=/usr DESTDIR="$stage" LIBDIR=/usr/lib INCLUDEDIR=/usr/include)
run_make() { make --no-print-directory -C "$root" "$@" "${settings[@]}"; }
pc() {
    env PKG_CONFIG_SYSROOT_DIR="$stage" PKG_CONFIG_LIBDIR="$lib/pkgconfig" \
        PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 pkg-config "$@" libzmq
}

rm -rf "$stage"
expect "make install" run_make install

version_is() { [ "$(pc --modversion)" = 4.3.5 ]; }
expect "pkg-config knows libzmq 4.3.5" version_is

soname_is() { readelf -d "$lib/libzmq.so" | grep -q 'SONAME.*\[libzmq\.so\.5\]'; }
expect "the shared library calls itself libzmq.so.5" soname_is

build() { # KIND FLAG...
    local kind=$1 program
    shift
    for program in hwserver hwclient; do
        # shellcheck disable=SC2046
        gcc -std=c99 -Wall -Wextra -Werror $(pc --cflags) -o "$work/$program-$kind" \
            "zguide-examples/$program.c" "$@" || return 1
    done
}
build_shared() { build shared $(pc --libs); }
# -l:libzmq.a picks the archive where -lzmq would pick the shared library.
build_static() { build static $(pc --libs --static | sed 's/-lzmq\b/-l:libzmq.a/g'); }
expect "programs link with 'pkg-config --libs'" build_shared
expect "programs link with the archive and 'pkg-config --libs --static'" build_static

no_libzmq() { ! readelf -d "$work/hwserver-static" | grep 'NEEDED.*libzmq'; }
expect "the statically linked program needs no libzmq.so" no_libzmq

talk() { # SERVER-KIND CLIENT-KIND
    local endpoint tries=0 status=0
    : >"$work/server" # looked at below, perhaps before the server has begun
    env LD_LIBRARY_PATH="$lib" timeout 30 "$work/hwserver-$1" 'tcp://127.0.0.1:*' 100 >"$work/server" 2>&1 &
    running=$!
    while endpoint=$(sed -n 's/.*: bound to //p' "$work/server") && [ -z "$endpoint" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || break
        sleep 0.05
    done
    env LD_LIBRARY_PATH="$lib" timeout 30 "$work/hwclient-$2" "${endpoint:-tcp://127.0.0.1:1}" 100 || status=1
    [ "$status" -eq 0 ] || kill "$running" 2>/dev/null || true
    wait "$running" || status=1
    running=
    cat "$work/server"
    return "$status"
}
expect "shared server, static client: request-reply" talk shared static
expect "static server, shared client: request-reply" talk static shared

# What the archive needs is what the compiler says it needs.
private_libraries() {
    local wanted stated
    wanted=$(CARGO_TARGET_DIR=$root/target/native-static-libs cargo rustc --lib --crate-type staticlib \
        -- --print native-static-libs 2>&1 | tee /dev/stderr \
        | sed -n 's/.*native-static-libs: //p' | tail -n 1)
    stated=$(sed -n 's/^Libs.private: //p' pkgconfig/libzmq.pc.in)
    [ -n "$wanted" ] || return 1
    echo "the compiler says: $wanted"
    echo "libzmq.pc says:    $stated"
    diff <(tr -s ' ' '\n' <<<"$wanted" | sort -u) <(tr -s ' ' '\n' <<<"$stated" | sort -u)
}
# Otherwise cargo, with nothing to compile, might not say it again.
rm -rf "$root"/target/native-static-libs/debug/.fingerprint/zmq-oxide-*
expect "Libs.private is what the static library needs" private_libraries

nothing_left() {
    run_make uninstall || return 1
    [ -z "$(find "$stage" ! -type d)" ] || { find "$stage" ! -type d; return 1; }
}
expect "make uninstall leaves nothing" nothing_left

printf 'install: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
