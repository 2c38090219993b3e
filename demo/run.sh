#!/usr/bin/env bash
# Shows the main job: C and Python programs on this library, alone and mixed
# with the reference library at the other end of the connection.
#
#   demo/run.sh            (or: make demo)
#
# ZMQ_LIB_DIR=DIR  the directory of the libzmq.so.5 to show; without it the
#                  library is built and taken from target/dist/lib
# ZMQ_INCLUDE_DIR=DIR  its headers; without it include/, next to the library's own
# DEMO_REQUESTS=N, DEMO_ROUNDS=N  how many requests and rounds of updates
#
# Needs cargo, gcc and python3. Installs libzmq5 (Debian) and pyzmq (PyPI, into
# target/venv). Ends with "demo: N passed, M failed".
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
examples=$root/zguide-examples
requests=${DEMO_REQUESTS:-1000}
rounds=${DEMO_ROUNDS:-1000}
seconds=60 # the most that one program may take
passed=0
failed=0

# ---------------------------------------------------------------- housekeeping

# Short: an ipc path may have about a hundred characters.
work=$(mktemp -d /tmp/zmq-demo.XXXXXX)
running=()

clean_up() {
    local pid
    for pid in "${running[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading() { printf '\n== %s\n' "$*"; }
pass() { passed=$((passed + 1)); echo "ok    $*"; }
fail() { failed=$((failed + 1)); echo "FAIL  $*"; }
finish() {
    printf '\ndemo: %d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ]
    exit
}
give_up() {
    fail "$*"
    finish
}
indent() { sed 's/^/      | /' "$@"; }

# ------------------------------------------------------------------ the pieces

heading "building and installing"
if [ -z "${ZMQ_LIB_DIR:-}" ]; then
    make --no-print-directory lib || give_up "the library does not build"
    ZMQ_LIB_DIR=$root/target/dist/lib
fi
ours=$(readlink -f "$ZMQ_LIB_DIR/libzmq.so.5") || true
[ -f "$ours" ] || give_up "no libzmq.so.5 in $ZMQ_LIB_DIR"

for include in "${ZMQ_INCLUDE_DIR:-}" "$root/include" "$ZMQ_LIB_DIR/../include" /usr/include; do
    [ -z "$include" ] || [ ! -f "$include/zmq.h" ] || break
done

"$root/demo/debs.sh" libzmq5 || give_up "Debian's libzmq5 cannot be installed"
# Asked of the package, not of the linker: another libzmq may be installed in /usr/local.
reference=$(readlink -f "$(dpkg -L libzmq5 | grep -m1 '/libzmq\.so\.5$')") || true
[ -f "$reference" ] || give_up "libzmq5 has no libzmq.so.5"

python=$("$root/demo/venv.sh") || give_up "pyzmq cannot be installed"
path_of() { if [ "$1" = ours ]; then echo "$ours"; else echo "$reference"; fi; }

extension=$("$python" -c 'import zmq.backend.cython._zmq as e; print(e.__file__)') \
    || give_up "pyzmq has no compiled extension"

mkdir -p "$work/bin"
for program in hwserver hwclient wuserver wuclient; do
    gcc -std=c99 -O2 -Wall -Wextra -pedantic -Werror -I "$include" -o "$work/bin/$program" \
        "$examples/$program.c" "$ours" || give_up "$program.c does not compile"
done
echo "library:    $ours"
echo "reference:  $reference"
echo "header:     $(readlink -f "$include")/zmq.h"
echo "pyzmq:      $("$python" -c 'import zmq; print(zmq.__version__)') on $("$python" -V)"
pass "the four C programs compile without a warning"

# --------------------------------------------------- pyzmq really calls LIBRARY

# The wheel has a libzmq of its own; a preloaded one must take its place for each
# function that the extension module uses. The dynamic linker itself reports
# which file it bound each of them to.
check_bindings() { # NAME
    local name=$1 library wanted bound
    library=$(path_of "$name")
    wanted=$(nm_undefined "$extension" | sort -u)
    LD_BIND_NOW=1 LD_DEBUG=bindings LD_DEBUG_OUTPUT="$work/bindings-$name" LD_PRELOAD=$library \
        timeout "$seconds" "$python" -c 'import zmq' </dev/null || true
    bound=$(cat "$work/bindings-$name".* 2>/dev/null | awk -v extension="$extension" -v library="$library" '
        $2 == "binding" && $3 == "file" && $4 == extension && $7 == library {
            gsub(/[`'"'"']/, "", $NF)
            if ($NF ~ /^zmq_/) print $NF
        }' | sort -u)
    if [ -n "$wanted" ] && [ "$wanted" = "$bound" ]; then
        pass "pyzmq with $name preloaded: all $(wc -l <<<"$wanted") zmq_ functions it uses are bound to $library"
    else
        fail "pyzmq with $name preloaded: not bound to $library:" \
            "$(comm -23 <(echo "$wanted") <(echo "$bound") | tr '\n' ' ')"
    fi
}

# The zmq_ functions that a shared object needs from elsewhere.
nm_undefined() { nm -D --undefined-only "$1" | awk '$2 ~ /^zmq_/ { print $2 }'; }

heading "what LD_PRELOAD does to pyzmq"
check_bindings ours
check_bindings reference

# -------------------------------------------------------------- running a pair

# Two directories with one libzmq.so.5 each, for LD_LIBRARY_PATH.
for name in ours reference; do
    mkdir "$work/$name"
    ln -s "$(path_of "$name")" "$work/$name/libzmq.so.5"
done

# Starts PROGRAM in LANGUAGE on the library called NAME, output to LOG; sets $pid.
start() { # LANGUAGE NAME LOG PROGRAM ARGUMENT...
    local language=$1 name=$2 log=$3 program=$4
    shift 4
    : >"$log"
    if [ "$language" = C ]; then
        timeout -k 5 "$seconds" env LD_LIBRARY_PATH="$work/$name" \
            "$work/bin/$program" "$@" >"$log" 2>&1 </dev/null &
    else
        timeout -k 5 "$seconds" env LD_PRELOAD="$(path_of "$name")" \
            "$python" "$examples/python/$program.py" "$@" >"$log" 2>&1 </dev/null &
    fi
    pid=$!
    running+=("$pid")
}

# The endpoint that the server in LOG says it is bound to; waits for it.
bound_endpoint() { # PID LOG
    local endpoint tries=0
    while :; do
        endpoint=$(sed -n 's/.*: bound to //p' "$2")
        [ -z "$endpoint" ] || { echo "$endpoint"; return 0; }
        kill -0 "$1" 2>/dev/null || return 1
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || return 1
        sleep 0.05
    done
}

loaded() { sed -n 's/^[a-z.]*: loaded //p' "$1"; }
version() { sed -n 's/^[a-z.]*: libzmq \([0-9.]*\)$/\1/p' "$1"; }

# pair PATTERN SCHEME SERVER-LANGUAGE SERVER-NAME CLIENT-LANGUAGE CLIENT-NAME
count=0
pair() {
    local pattern=$1 scheme=$2 server_language=$3 server_name=$4 client_language=$5 client_name=$6
    local server client amount endpoint server_pid client_pid title reason=
    count=$((count + 1))
    local server_log=$work/$count.server client_log=$work/$count.client
    case $pattern in
    request-reply) server=hwserver client=hwclient amount=$requests ;;
    publish-subscribe) server=wuserver client=wuclient amount=$rounds ;;
    esac
    case $scheme in
    tcp) endpoint='tcp://127.0.0.1:*' ;;
    ipc) endpoint="ipc://$work/$count.ipc" ;;
    esac
    title="$pattern, $scheme: server $server_language on $server_name,"
    title+=" client $client_language on $client_name"

    running=()
    start "$server_language" "$server_name" "$server_log" "$server" "$endpoint" "$amount"
    server_pid=$pid
    if endpoint=$(bound_endpoint "$server_pid" "$server_log"); then
        start "$client_language" "$client_name" "$client_log" "$client" "$endpoint" "$amount"
        client_pid=$pid
        if ! wait "$client_pid"; then
            reason="the client failed"
            # Without its client the server would only wait for its time to run out.
            kill "$server_pid" 2>/dev/null || true
        fi
        wait "$server_pid" || reason=${reason:-the server failed}
    else
        reason="the server did not bind"
        : >"$client_log"
        kill "$server_pid" 2>/dev/null || true
        wait "$server_pid" || true
    fi
    running=()

    # Each end must have run on the library that it was given.
    [ -n "$reason" ] || [ "$(loaded "$server_log")" = "$(path_of "$server_name")" ] \
        || reason="the server ran on: $(loaded "$server_log")"
    [ -n "$reason" ] || [ "$(loaded "$client_log")" = "$(path_of "$client_name")" ] \
        || reason="the client ran on: $(loaded "$client_log")"

    if [ -z "$reason" ]; then
        pass "$title"
        printf '        server: libzmq %s, %s\n' "$(version "$server_log")" "$(loaded "$server_log")"
        printf '        client: libzmq %s, %s\n' "$(version "$client_log")" "$(loaded "$client_log")"
        printf '        %s\n' "$(tail -n 1 "$client_log" | sed 's/^[^:]*: //')"
    else
        fail "$title: $reason"
        echo "      server:"
        indent "$server_log"
        echo "      client:"
        indent "$client_log"
    fi
}

# ---------------------------------------------------------------- the main job

patterns="request-reply publish-subscribe"
schemes="tcp ipc"

for language in C Python; do
    heading "$language and $language, both ends on ours"
    for pattern in $patterns; do
        for scheme in $schemes; do
            pair "$pattern" "$scheme" "$language" ours "$language" ours
        done
    done
done

for server_language in C Python; do
    for client_language in C Python; do
        heading "server in $server_language, client in $client_language: one end on ours, the other on the reference"
        for pattern in $patterns; do
            for scheme in $schemes; do
                pair "$pattern" "$scheme" "$server_language" ours "$client_language" reference
                pair "$pattern" "$scheme" "$server_language" reference "$client_language" ours
            done
        done
    done
done

finish
