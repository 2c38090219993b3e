#!/usr/bin/env bash
# Installs the packages of `make deb` with apt, runs and builds programs on them, and
# removes them again. Before that, the same with `make install` and `make uninstall`
# below /usr/local.
#
#   packaging/deb-check.sh PACKAGE.deb...      (or: make deb-check)
#
# All of it happens on a copy of this machine's files that only this script sees
# and that is gone at its end. Needs root, or sudo.
#
# Ends with "deb: N passed, M failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)

if [ "${1:-}" != --inside ]; then
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "deb-check: run it as root, or install sudo" >&2; exit 2; }
        exec sudo "$0" "$@"
    fi
    # The package lists, and Debian's libzmq to begin with.
    "$root/demo/debs.sh" apt make gcc libc6-dev pkg-config util-linux
    [ -n "$(apt-cache policy python3-zmq | sed -n 's/.*Candidate: \(.*[0-9].*\)/\1/p')" ] || apt-get update -q
    packages=()
    for package in "$@"; do packages+=("$(readlink -f "$package")"); done
    layer=$(mktemp -d)
    trap 'rmdir "$layer"' EXIT
    unshare --mount --fork "$0" --inside "$root" "$layer" "${packages[@]}"
    exit
fi
root=$2
layer=$3
shift 3

# ----------------------------------------------------- a copy that nobody else sees

mount -t tmpfs -o size=2g tmpfs "$layer"
mkdir "$layer/upper" "$layer/work" "$layer/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
system=$layer/root
for directory in proc dev sys; do mount --rbind "/$directory" "$system/$directory"; done
mkdir -p "$system/tmp/debs" "$system/tmp/zguide"
cp "$@" "$system/tmp/debs/"
cp "$root"/zguide-examples/*.[ch] "$system/tmp/zguide/"
# What `make install` takes.
mkdir -p "$system/tmp/tree/target"
(cd "$root" && cp -a --parents Makefile LICENSE-MIT LICENSE-APACHE THIRD-PARTY.md include pkgconfig cmake tools/install.sh "$system/tmp/tree/")
cp -a "$root/target/dist" "$system/tmp/tree/target/"
# No service is started by an installation.
printf '#!/bin/sh\nexit 101\n' >"$system/usr/sbin/policy-rc.d"
chmod 755 "$system/usr/sbin/policy-rc.d"
log=$layer/log

passed=0
failed=0
expect() { # TITLE COMMAND...
    local title=$1
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $title"
    else
        failed=$((failed + 1))
        echo "FAIL  $title"
        tail -n 40 "$log" | sed 's/^/      | /'
    fi
}
inside() {
    chroot "$system" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" </dev/null
}
apt() { inside apt-get -y -q --no-install-recommends "$@"; }
status() { inside dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true; }
installed() { [ "$(status "$1")" = installed ] || { echo "$1: $(status "$1")"; return 1; }; }
absent() { [ "$(status "$1")" != installed ] || { echo "$1 is installed"; return 1; }; }
healthy() { inside dpkg --audit && [ -z "$(inside dpkg --audit)" ] && apt check; }

# ------------------------------------------------------------------- what is tried

# The name that apt wants: of a file when it begins with a slash or a dot.
runtime=$(basename "$system"/tmp/debs/libzmq5-oxide_*.deb)
development=$(basename "$system"/tmp/debs/libzmq3-oxide-dev_*.deb)

with_libzmq5() { apt install libzmq5 libzmq3-dev python3-zmq gcc libc6-dev pkg-config; }
expect "a system with Debian's libzmq5, libzmq3-dev and python3-zmq" with_libzmq5

# python3-zmq says which library it found: the version, and the file that is mapped.
talk='
import sys, zmq
context = zmq.Context()
server, client = context.socket(zmq.REP), context.socket(zmq.REQ)
for socket in (server, client):
    socket.rcvtimeo = 10000
port = server.bind_to_random_port("tcp://127.0.0.1")
client.connect("tcp://127.0.0.1:%d" % port)
for i in range(100):
    client.send(b"Hello %d" % i)
    assert server.recv() == b"Hello %d" % i
    server.send(b"World %d" % i)
    assert client.recv() == b"World %d" % i
files = {line.split()[-1] for line in open("/proc/self/maps") if "libzmq" in line}
print(zmq.zmq_version(), *files)
assert zmq.zmq_version() == sys.argv[1] and len(files) == 1 and files.pop().endswith(sys.argv[2])
'
python_runs_on() { inside timeout 60 /usr/bin/python3 -c "$talk" "$1" "$2"; }
debian_version=$(inside dpkg-query -W -f '${Version}' libzmq5 2>/dev/null | sed 's/-.*//')
debian_file=/$(basename "$(inside sh -c 'readlink -f "$(dpkg -L libzmq5 | grep "/libzmq.so.5$")"')")
expect "python3-zmq runs on Debian's library" python_runs_on "$debian_version" "$debian_file"

below_local() { inside find /usr/local ! -type d | sort; }
below_local >"$layer/before"
known() { inside ldconfig -p | grep -F " => /usr/local/lib/libzmq.so.5"; }
make_install() { inside make --no-print-directory -C /tmp/tree install && known; }
expect "make install puts this library below /usr/local, and the loader knows of it" make_install
expect "python3-zmq runs on it" python_runs_on 4.3.5 /usr/local/lib/libzmq.so.5.2.5
in_place() {
    inside sh -ec '
        gcc -o /tmp/program /tmp/zguide/hwserver.c $(pkg-config --cflags --libs libzmq)
        timeout 60 /tmp/program "tcp://127.0.0.1:*" 0' | grep -F "loaded /usr/local/lib/libzmq.so.5.2.5"
}
expect "a C program compiles and runs on it, with nothing said about where it is" in_place
make_uninstall() {
    inside make --no-print-directory -C /tmp/tree uninstall || return 1
    ! known && below_local | diff "$layer/before" -
}
expect "make uninstall takes it away, also from what the loader knows" make_uninstall
expect "python3-zmq runs on Debian's library as before" python_runs_on "$debian_version" "$debian_file"

expect "apt installs $runtime" apt install "/tmp/debs/$runtime"
expect "it is in place of libzmq5" installed libzmq5-oxide
expect "libzmq5 is gone" absent libzmq5
expect "python3-zmq stays" installed python3-zmq
expect "no dependency is broken" healthy
expect "python3-zmq runs on this library" python_runs_on 4.3.5 /libzmq.so.5.2.5

expect "apt installs $development" apt install "/tmp/debs/$runtime" "/tmp/debs/$development"
expect "libzmq3-dev is gone" absent libzmq3-dev
expect "no dependency is broken with the development files" healthy
depends_on_libzmq3_dev() { apt install cppzmq-dev && installed libzmq3-oxide-dev && absent libzmq3-dev; }
expect "cppzmq-dev, which depends on libzmq3-dev, is satisfied" depends_on_libzmq3_dev

compile_and_run() {
    inside sh -ec '
        cd /tmp/zguide
        gcc -o shared hwserver.c $(pkg-config --cflags --libs libzmq)
        gcc -o static hwserver.c $(pkg-config --cflags --libs --static libzmq | sed "s/-lzmq\b/-l:libzmq.a/")
        ldd ./shared | grep libzmq.so.5
        ! ldd ./static | grep libzmq
        for kind in shared static; do timeout 60 ./$kind "tcp://127.0.0.1:*" 0; done | tee out
        [ "$(grep -c "libzmq 4.3.5" out)" -eq 2 ]'
}
expect "a C program compiles with pkg-config and runs, shared and static" compile_and_run

unchanged() { inside dpkg --verify libzmq5-oxide libzmq3-oxide-dev >"$layer/verify" && [ ! -s "$layer/verify" ]; }
expect "the files are those of the packages" unchanged

back() { apt install libzmq5 libzmq3-dev && installed libzmq5 && installed libzmq3-dev && absent libzmq5-oxide && absent libzmq3-oxide-dev && installed python3-zmq; }
expect "apt installs libzmq5 and libzmq3-dev again, in place of this library" back
expect "python3-zmq runs on Debian's library again" python_runs_on "$debian_version" "$debian_file"
expect "no dependency is broken after that" healthy

removed() {
    apt install "/tmp/debs/$runtime" "/tmp/debs/$development" || return 1
    apt purge libzmq3-oxide-dev libzmq5-oxide || return 1
    absent libzmq5-oxide && absent libzmq3-oxide-dev || return 1
    # Debian's library may have come back for what needs one; of ours nothing is left.
    ! inside dpkg -S libzmq.so.5.2.5 || return 1
    [ -z "$(find "$system/usr/lib" "$system/usr/share/doc" -path '*oxide*' -o -name 'libzmq.so.5.2.5')" ]
}
expect "apt removes the packages, and nothing is left" removed
expect "no dependency is broken at the end" healthy

printf 'deb: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
