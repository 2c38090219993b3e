#!/usr/bin/env bash
# The command zmq-oxide: what it starts, what it says, what it hands on.
#
#   clients/command.sh DIR COMMAND      DIR holds libzmq.so.5
#
# Ends with "command: N passed, M failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
lib=$(cd "${1:?a directory is needed}" && pwd)
command=$(readlink -f "${2:?the command is needed}")
work=$(mktemp -d /tmp/zmq-command.XXXXXX)
running=
clean_up() {
    [ -z "$running" ] || kill "$running" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

"$root/demo/debs.sh" libzmq5 libzmq3-dev gcc libc6-dev python3-zmq
ours=$(readlink -f "$lib/libzmq.so.5")
reference=$(readlink -f "$(dpkg -L libzmq5 | grep -m1 '/libzmq\.so\.5$')")
version=$(dpkg-query -W -f '${Version}' libzmq5 | sed 's/-.*//')
export ZMQ_OXIDE_LIBRARY=$ours TMPDIR=$work
unset LD_PRELOAD LD_LIBRARY_PATH

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
run() { timeout -k 5 60 "$command" run "$@" </dev/null >"$work/output" 2>"$work/report"; }
said() { # LINE...: the report has these
    cat "$work/output" "$work/report"
    local line
    for line in "$@"; do grep -qF -- "$line" "$work/report" || { echo "not said: $line"; return 1; }; done
}

# -------------------------------------------------------------------------- run

linked() {
    gcc -I "$root/include" -o "$work/hwserver" "$root/zguide-examples/hwserver.c" -lzmq || return 1
    LD_LIBRARY_PATH="" "$work/hwserver" 'tcp://127.0.0.1:*' 0 | grep -F "libzmq $version" || return 1
    run "$work/hwserver" 'tcp://127.0.0.1:*' 0 || return 1
    said "on $ours" "hwserver (process " "): replaced $reference" || return 1
    grep -Fx "hwserver: libzmq 4.3.5" "$work/output" && grep -Fx "hwserver: loaded $ours" "$work/output"
}
expect "a program that is linked with Debian's library" linked

binding() {
    run /usr/bin/python3 "$here/programs/both_patterns.py" || { said; return 1; }
    said "/usr/bin/python3 (process " "replaced $reference" && grep -Fx "libzmq 4.3.5" "$work/output"
}
expect "a binding that is loaded when the program runs" binding

python="$("$root/demo/venv.sh")/bin/python"
own_library() {
    run "$python" "$here/programs/both_patterns.py" || { said; return 1; }
    said "/pyzmq.libs/libzmq-" "(loaded, but not called)"
}
expect "a binding that brings its own library" own_library

in_a_child() { run sh -c "true; '$work/hwserver' 'tcp://127.0.0.1:*' 0; true" && said "hwserver (process " "replaced $reference"; }
expect "a program that another one starts" in_a_child

by_full_name() {
    run /usr/bin/python3 -c "import ctypes; ctypes.CDLL('$reference').zmq_ctx_new" || { said; return 1; }
    said "NOT replaced $reference (opened by its full name)"
}
expect "a library that is opened by its full name is said not to be replaced" by_full_name

# What the command cannot reach.
contained() {
    gcc -I "$root/include" -o "$work/static" "$root/zguide-examples/hwserver.c" "$lib/libzmq.a" \
        $(sed -n 's/^Libs.private: //p' "$lib/pkgconfig/libzmq.pc") || return 1
    run "$work/static" 'tcp://127.0.0.1:*' 0 || return 1
    # None of its functions is open to be replaced.
    said "no libzmq was replaced" && ! nm -D "$work/static" | grep ' zmq_'
}
expect "a program that contains the library statically stays on it" contained

privileged() {
    if findmnt -n -o OPTIONS -T "$work" | grep -qw nosuid; then
        echo "not shown: no program gets other rights in $work"
        return 0
    fi
    cp "$work/hwserver" "$work/privileged" && chown nobody "$work/privileged" && chmod 4755 "$work/privileged" || return 1
    run "$work/privileged" 'tcp://127.0.0.1:*' 0 || return 1
    said "no libzmq was replaced" && grep -Fx "hwserver: loaded $reference" "$work/output"
}
# Somebody else's rights can only be given by root.
[ "$(id -u)" -ne 0 ] || expect "a program with somebody else's rights stays on the machine's library" privileged

without() { run true && said "no libzmq was replaced"; }
expect "a program without libzmq" without

exit_code() { local code=0; run sh -c 'exit 7' || code=$?; [ "$code" -eq 7 ]; }
expect "the exit code is the program's" exit_code
killed() { local code=0; run sh -c 'kill -KILL $$' || code=$?; [ "$code" -eq 137 ]; }
expect "so is the signal that ended it" killed
no_program() { local code=0; run "$work/none" || code=$?; [ "$code" -eq 1 ] && said "none: No such file"; }
expect "a program that does not exist" no_program

streams() { [ "$(printf 'one two' | "$command" run cat 2>/dev/null)" = 'one two' ] && [ "$("$command" run printf '%s|' 'a b' '*' 2>/dev/null)" = 'a b|*|' ]; }
expect "input, output and arguments pass unchanged" streams

terminated() {
    mkfifo "$work/ready"
    "$command" run sh -c "trap 'exit 3' TERM; echo >'$work/ready'; while :; do sleep 0.05; done" >"$work/output" 2>&1 &
    running=$!
    timeout 30 cat "$work/ready"
    kill -TERM "$running"
    local code=0
    wait "$running" || code=$?
    running=
    [ "$code" -eq 3 ] || { echo "ended with $code"; return 1; }
}
expect "SIGTERM reaches the program" terminated

# Bit 0 of the mask is SIGHUP.
ignored() { (trap '' HUP; "$command" run grep SigIgn /proc/self/status >"$work/output" 2>/dev/null) && grep -E '^SigIgn:.*[13579bdf]$' "$work/output"; }
expect "a signal that is ignored stays ignored" ignored

tidy() { [ -z "$(find "$work" -name 'zmq-oxide.*')" ]; }
expect "nothing is left in the temporary directory" tidy

# What a daemon starts later must not find the dynamic linker's notes on its stdout.
goes_on() {
    local said notes
    "$command" run sh -c '(sleep 1; exec /bin/true) >"$0" 2>&1 & ' "$work/daemon" >"$work/out" 2>"$work/err" || return 1
    said=$(grep "go on; remove" "$work/err") || { cat "$work/err"; return 1; }
    notes=${said#*remove }
    notes=${notes%% *}
    [ -d "$notes" ] || return 1
    sleep 2
    [ ! -s "$work/daemon" ] || { cat "$work/daemon"; return 1; }
    rm -r "$notes"
}
expect "a program that leaves a process behind" goes_on

# ----------------------------------------------------------------- info and bench

info() {
    "$command" info | tee "$work/output"
    grep -Fx "zmq-oxide, in place of libzmq 4.3.5" "$work/output" && grep -F "$ours" "$work/output" \
        && grep -E '^features:  .*\bcurve\b' "$work/output" && grep -E '^build:     rustc version [0-9.]+' "$work/output" \
        && grep -Fx "machine's: libzmq $version, $reference" "$work/output"
}
expect "info: version, features, build, and the machine's library" info

bench() {
    timeout 300 "$command" bench | tee "$work/output"
    [ "$(grep -cE ' [0-9.]+ +[0-9.]+ +(us|messages/s|MB/s) +[0-9.]+ times as fast$' "$work/output")" -eq 4 ]
}
expect "bench: four comparisons with the machine's library" bench

wrong() { local code=0; "$command" "$@" >"$work/output" 2>&1 || code=$?; [ "$code" -eq 2 ] && grep -q '^usage: ' "$work/output"; }
expect "no command" wrong
expect "an unknown command" wrong fly
expect "run without a program" wrong run
no_library() { ! ZMQ_OXIDE_LIBRARY=$work/none "$command" info >"$work/output" 2>&1 && grep -F "$work/none: No such file" "$work/output"; }
expect "a library that is not there" no_library
beside() {
    mkdir -p "$work/prefix/bin" "$work/prefix/lib"
    cp "$command" "$work/prefix/bin/" && cp "$ours" "$work/prefix/lib/libzmq.so.5"
    env -u ZMQ_OXIDE_LIBRARY "$work/prefix/bin/zmq-oxide" info | grep -F "$work/prefix/lib/libzmq.so.5"
}
expect "the library is found beside the command" beside

printf 'command: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
