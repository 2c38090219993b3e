#!/usr/bin/env bash
# Installs the built library into a stage, moves it, and builds programs on it as
# others would: with pkg-config, with CMake, in C++ with cppzmq, in Rust with the
# crate zmq, each with the shared and with the static library. Then uninstalls.
#
#   demo/install-check.sh      (or: make install-check)
#
# Ends with "install: N passed, M failed".
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
demo/debs.sh gcc g++ libc6-dev make cmake pkg-config cppzmq-dev libsodium-dev binutils
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

# ------------------------------------------------------------------ installing

# A packager's settings: a stage, and the final place below /usr.
settings=(PREFIX=/usr DESTDIR="$stage")
run_make() { make --no-print-directory -C "$root" "$@"; }

rm -rf "$stage"
expect "make install, PREFIX=/usr into a stage" run_make install "${settings[@]}"

# The machine's own directory for libraries, where Debian keeps them.
arch=$(gcc -print-multiarch)
lib=$stage/usr/lib${arch:+/$arch}
in_place() {
    local file
    for file in "$lib"/libzmq.{so.5.2.5,so.5,so,a} "$lib/pkgconfig/libzmq.pc" "$lib"/cmake/ZeroMQ/ZeroMQConfig{,Version}.cmake \
        "$stage"/usr/include/zmq{,_utils}.h; do
        [ -s "$file" ] || { echo "missing: $file"; return 1; }
    done
}
expect "LIBDIR is that of the machine's architecture" in_place

soname_is() { readelf -d "$lib/libzmq.so" | grep -q 'SONAME.*\[libzmq\.so\.5\]'; }
expect "the shared library calls itself libzmq.so.5" soname_is

# The places that do not hang together keep their full names.
apart() {
    run_make install PREFIX=/opt/a LIBDIR=/opt/b/lib INCLUDEDIR=/opt/c DESTDIR="$work/apart" || return 1
    [ "$(PKG_CONFIG_LIBDIR=$work/apart/opt/b/lib/pkgconfig pkg-config --cflags --libs libzmq)" \
        = '-I/opt/c -L/opt/b/lib -lzmq ' ] || return 1
    grep '"/opt/c"' "$work/apart/opt/b/lib/cmake/ZeroMQ/ZeroMQConfig.cmake" || return 1
    run_make uninstall PREFIX=/opt/a LIBDIR=/opt/b/lib INCLUDEDIR=/opt/c DESTDIR="$work/apart" || return 1
    [ -z "$(find "$work/apart" ! -type d)" ]
}
expect "LIBDIR and INCLUDEDIR outside of PREFIX" apart

# ------------------------------------------------------------------- pkg-config

# With a sysroot, as those do who build for another system.
sysroot_pc() {
    env PKG_CONFIG_SYSROOT_DIR="$stage" PKG_CONFIG_LIBDIR="$lib/pkgconfig" \
        PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1 pkg-config "$@" libzmq
}
sysroot_names_the_stage() {
    local flag directory
    for flag in $(sysroot_pc --cflags --libs); do
        case $flag in
        -I* | -L*)
            directory=$(realpath -m "${flag:2}")
            echo "$flag: $directory"
            [ -d "$directory" ] && [ "${directory#"$stage"}" != "$directory" ] || return 1
            ;;
        esac
    done
}
expect "pkg-config with a sysroot names the stage" sysroot_names_the_stage

# From here on the installation lies where nobody named it: what finds it is relocatable.
moved=$work/moved
mkdir "$moved"
cp -a "$stage/usr" "$moved/zmq"
moved_lib=$moved/zmq/lib${arch:+/$arch}
pc() { PKG_CONFIG_LIBDIR=$moved_lib/pkgconfig pkg-config "$@" libzmq; }

version_is() { [ "$(pc --modversion)" = 4.3.5 ]; }
expect "pkg-config knows libzmq 4.3.5" version_is

build() { # KIND FLAG...
    local kind=$1 program
    shift
    for program in hwserver hwclient; do
        # shellcheck disable=SC2046
        gcc -std=c99 -Wall -Wextra -Werror $(pc --cflags) -o "$work/$program-$kind" \
            "zguide-examples/$program.c" "$@" || return 1
    done
}
# shellcheck disable=SC2046
build_shared() { build shared $(pc --libs); }
# -l:libzmq.a picks the archive where -lzmq would pick the shared library.
# shellcheck disable=SC2046
build_static() { build static $(pc --libs --static | sed 's/-lzmq\b/-l:libzmq.a/g'); }
expect "programs link with 'pkg-config --libs'" build_shared
expect "programs link with the archive and 'pkg-config --libs --static'" build_static

needs_libzmq() { readelf -d "$1" | grep 'NEEDED.*\[libzmq.so.5\]'; }
no_libzmq() { ! readelf -d "$@" | grep 'NEEDED.*libzmq'; }
expect "the statically linked program needs no libzmq.so" no_libzmq "$work/hwserver-static"

# Nothing else: a program may have Rust's runtime, or libsodium, a second time.
only_zmq_functions() {
    nm -g --defined-only "$moved_lib/libzmq.a" | awk 'NF == 3 { print $3 }' | sort -u >"$work/archive"
    nm -D --defined-only "$moved_lib/libzmq.so" | awk 'NF == 3 { print $3 }' | sort -u >"$work/shared"
    grep -c '^zmq_' "$work/archive" || return 1
    diff "$work/shared" "$work/archive"
}
expect "the archive shows the functions that the shared library exports, and no others" only_zmq_functions

# The library has a libsodium inside; this program has another one.
# shellcheck disable=SC2046
with_libsodium() {
    cat >"$work/sodium.c" <<-END
	#include <sodium.h>
	#include <zmq.h>
	#include <stdio.h>
	int main (void)
	{
	    char public_key[41], secret_key[41];
	    unsigned char hash[crypto_generichash_BYTES];
	    if (sodium_init () < 0 || crypto_generichash (hash, sizeof hash, hash, 0, NULL, 0) || zmq_curve_keypair (public_key, secret_key))
	        return 1;
	    return printf ("libsodium %s\\n", sodium_version_string ()) < 0;
	}
	END
    gcc -o "$work/sodium" "$work/sodium.c" $(pc --cflags) $(pc --libs --static | sed 's/-lzmq\b/-l:libzmq.a/g') -l:libsodium.a || return 1
    gcc -o "$work/sodium" "$work/sodium.c" $(pc --cflags) -l:libsodium.a $(pc --libs --static | sed 's/-lzmq\b/-l:libzmq.a/g') || return 1
    "$work/sodium"
}
expect "the archive goes into a program that has a libsodium of its own" with_libsodium

talk() { # SERVER-PROGRAM CLIENT-PROGRAM
    local endpoint tries=0 status=0
    : >"$work/server" # looked at below, perhaps before the server has begun
    env LD_LIBRARY_PATH="$moved_lib" timeout 30 "$1" 'tcp://127.0.0.1:*' 100 >"$work/server" 2>&1 &
    running=$!
    while endpoint=$(sed -n 's/.*: bound to //p' "$work/server") && [ -z "$endpoint" ]; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || break
        sleep 0.05
    done
    env LD_LIBRARY_PATH="$moved_lib" timeout 30 "$2" "${endpoint:-tcp://127.0.0.1:1}" 100 || status=1
    [ "$status" -eq 0 ] || kill "$running" 2>/dev/null || true
    wait "$running" || status=1
    running=
    cat "$work/server"
    return "$status"
}
expect "shared server, static client: request-reply" talk "$work/hwserver-shared" "$work/hwclient-static"
expect "static server, shared client: request-reply" talk "$work/hwserver-static" "$work/hwclient-shared"

# ------------------------------------------------------------ CMake, C and C++

cmake_project() {
    cmake -S clients/cmake -B "$work/cmake" -DCMAKE_PREFIX_PATH="$moved/zmq" -DCMAKE_BUILD_TYPE=Release || return 1
    nice cmake --build "$work/cmake"
}
expect "a CMake project finds ZeroMQ and builds, with cppzmq too" cmake_project

uses_moved() { # PROGRAM: the loader takes the library that the build named
    ldd "$1" | grep -F "libzmq.so.5 => $moved_lib/libzmq.so.5 "
}
expect "CMake: libzmq is the shared library" uses_moved "$work/cmake/hwserver-shared"
expect "CMake: the variables lead to the shared library" uses_moved "$work/cmake/hwserver-variables"
expect "CMake: libzmq-static is in the program" no_libzmq "$work/cmake/hwserver-static" "$work/cmake/both_patterns-static"
expect "CMake: shared server, static client: request-reply" talk "$work/cmake/hwserver-shared" "$work/cmake/hwclient-static"
expect "CMake: static server, client by variables: request-reply" talk "$work/cmake/hwserver-static" "$work/cmake/hwclient-variables"

both_patterns() { # PROGRAM: says what it did, on version 4.3.5
    LD_LIBRARY_PATH=$moved_lib timeout 60 "$1" | tee /dev/stderr >"$work/output" || return 1
    diff - "$work/output" <<-END
	libzmq 4.3.5
	request-reply: 100 answers
	publish-subscribe: 100 updates
	END
}
expect "C++ with cppzmq, shared: both patterns" both_patterns "$work/cmake/both_patterns-shared"
expect "C++ with cppzmq, static: both patterns" both_patterns "$work/cmake/both_patterns-static"

cmake_versions() {
    local wanted outcome
    for wanted in 4.3.5:yes 4.3.4:yes 4:yes 4.3.6:no 5:no 4.0...4.4:yes 4.0...4.3:no '4.0...<4.3.5:no'; do
        mkdir -p "$work/version"
        cat >"$work/version/CMakeLists.txt" <<-END
		cmake_minimum_required(VERSION 3.19)
		project(version C)
		find_package(ZeroMQ ${wanted%:*} QUIET NO_DEFAULT_PATH PATHS "$moved/zmq")
		message(STATUS "found: \${ZeroMQ_FOUND}")
		END
        rm -rf "$work/version/build"
        outcome=$(cmake -S "$work/version" -B "$work/version/build" | sed -n 's/^-- found: //p')
        echo "${wanted}: $outcome"
        case ${wanted#*:} in
        yes) [ "$outcome" = 1 ] || [ "$outcome" = TRUE ] || return 1 ;;
        no) [ "$outcome" = 0 ] || [ "$outcome" = FALSE ] || return 1 ;;
        esac
    done
}
expect "CMake: older versions are served, newer are not" cmake_versions

# ------------------------------------------------------------------------- Rust

# zmq-sys builds a libzmq of its own. Cargo lets the builder name another for every
# crate that has `links = "zmq"`, and then runs no build script.
rust_program() { # KIND LIBRARY...
    local kind=$1 list=
    shift
    list=$(printf '"%s",' "$@")
    CARGO_TARGET_DIR="$root/target/clients/rust" nice cargo build --locked --manifest-path clients/rust/Cargo.toml \
        --config "target.$host.zmq.rustc-link-search=[\"$moved_lib\"]" \
        --config "target.$host.zmq.rustc-link-lib=[${list%,}]" || return 1
    cp "$root/target/clients/rust/debug/both-patterns" "$work/rust-$kind"
}
if command -v cargo >/dev/null; then
    host=$(rustc -vV | sed -n 's/^host: //p')
    mapfile -t private < <(pc --libs-only-l --static | tr ' ' '\n' | sed -n 's/^-l//p' | grep -v '^zmq$')
    expect "Rust with the crate zmq builds, shared" rust_program shared zmq
    expect "the Rust program is on libzmq.so.5" needs_libzmq "$work/rust-shared"
    expect "Rust with the crate zmq, shared: both patterns" both_patterns "$work/rust-shared"
    expect "Rust with the crate zmq builds, static" rust_program static static=zmq "${private[@]}"
    expect "the Rust program with the archive needs no libzmq.so" no_libzmq "$work/rust-static"
    expect "Rust with the crate zmq, static: both patterns" both_patterns "$work/rust-static"
fi

# ---------------------------------------------------------- what the archive needs

# What the archive needs is what the compiler says it needs, without what every C compiler adds by itself: there is no static libgcc_s.
private_libraries() {
    local wanted stated
    # cargo repeats it when there is nothing to compile.
    wanted=$(cargo rustc --lib --crate-type staticlib -- --print native-static-libs 2>&1 | tee /dev/stderr \
        | sed -n 's/.*native-static-libs: //p' | tail -n 1 | sed 's/-lgcc_s *//')
    stated=$(sed -n 's/^Libs.private: //p' "$lib/pkgconfig/libzmq.pc")
    [ -n "$wanted" ] || return 1
    echo "the compiler says: $wanted"
    echo "libzmq.pc says:    $stated"
    diff <(tr -s ' ' '\n' <<<"$wanted" | sort -u) <(tr -s ' ' '\n' <<<"$stated" | sort -u) || return 1
    stated=$(sed -n 's/.*INTERFACE_LINK_LIBRARIES "\(.*\)").*/\1/p' "$lib/cmake/ZeroMQ/ZeroMQConfig.cmake")
    echo "CMake says:        $stated"
    diff <(tr -s ' ' '\n' <<<"$wanted" | sort -u) <(tr -s ';' '\n' <<<"$stated" | sort -u)
}
expect "Libs.private is what the static library needs" private_libraries

nothing_shared() {
    gcc -static -o "$work/nothing-shared" "$root/zguide-examples/hwserver.c" $(pc --static --cflags --libs) || return 1
    ! readelf -d "$work/nothing-shared" | grep NEEDED && timeout 60 "$work/nothing-shared" "tcp://127.0.0.1:*" 0
}
expect "a program without any shared library" nothing_shared

nothing_left() {
    run_make uninstall "${settings[@]}" || return 1
    [ -z "$(find "$stage" ! -type d)" ] || { find "$stage" ! -type d; return 1; }
}
expect "make uninstall leaves nothing" nothing_left

printf 'install: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
