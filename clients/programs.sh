#!/usr/bin/env bash
# Debian's bindings of libzmq, and programs that use it, on this library: each does
# request-reply and publish-subscribe, first on Debian's libzmq5, then here.
#
#   clients/programs.sh DIR       DIR holds libzmq.so.5
#
# The dynamic linker reports which libzmq a program has loaded; it must be this one alone.
#
# Ends with "programs: N passed, M failed".
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
lib=$(cd "${1:?a directory is needed}" && pwd)
out=$root/target/clients/programs
source=$here/programs
mkdir -p "$out"
work=$(mktemp -d /tmp/zmq-programs.XXXXXX)
trap 'rm -rf "$work"' EXIT

passed=0
failed=0
pass() { passed=$((passed + 1)); echo "ok    $*"; }
fail() {
    failed=$((failed + 1))
    echo "FAIL  $*"
    tail -n 30 "$work/output" | sed 's/^/      | /'
}

packages=(
    libzmq5 gcc libc6-dev
    python3-zmq
    libczmq-dev libzmq3-dev # Debian 12 has czmq's library, and no package of its tools
    php-cli php-zmq
    ruby ruby-ffi-rzmq
    octave octave-zeromq
    default-jdk-headless libzmq-java libzmq-jni
    r-base-core r-cran-pbdzmq
    libzmq-ffi-perl
    zurl rsyslog rsyslog-czmq
)
"$root/demo/debs.sh" "${packages[@]}"
reference=$(dirname "$(readlink -f "$(dpkg -L libzmq5 | grep -m1 '/libzmq\.so\.5$')")")
ours=$(readlink -f "$lib/libzmq.so.5")

# ------------------------------------------------------------------------ running

# Each libzmq that one of the program's processes has loaded.
loaded() {
    cat "$work"/loaded.* 2>/dev/null | sed -n 's/.*calling init: \(.*\/libzmq[^/]*\.so[^/]*\)$/\1/p' \
        | while read -r file; do readlink -f "$file"; done | sort -u
}

wanted='request-reply: 100 answers
publish-subscribe: 100 updates'

# run DIRECTORY COMMAND...: with the libzmq that is in there
run() {
    local directory=$1
    shift
    rm -f "$work"/loaded.*
    # LD_LIBRARY_PATH for what is loaded by name; LD_PRELOAD for launchers that put
    # the system's directories in front, as R's does.
    env LD_LIBRARY_PATH="$directory" LD_PRELOAD="$directory/libzmq.so.5" LD_DEBUG=libs \
        LD_DEBUG_OUTPUT="$work/loaded" HOME="$work" timeout -k 5 120 "$@" >"$work/output" 2>&1 </dev/null
}

# With "beside" Debian's library may be loaded too, as long as it is not the one that
# answers: the program has to say that it is on version 4.3.5.
both_patterns() { # [beside] TITLE COMMAND...
    local beside="" title which directory file libraries
    [ "$1" != beside ] || { beside=yes; shift; }
    title=$1
    shift
    for which in reference ours; do
        if [ "$which" = ours ]; then directory=$lib file=$ours
        else directory=$reference file=$(readlink -f "$reference/libzmq.so.5"); fi
        if ! run "$directory" "$@"; then
            fail "$title, on $which: it failed"
            continue
        elif [ "$(grep -E '^(request-reply|publish-subscribe): ' "$work/output")" != "$wanted" ]; then
            fail "$title, on $which: it said something else"
            continue
        fi
        libraries=$(loaded)
        [ -z "$beside" ] || ! grep -qx 'libzmq 4\.3\.5' "$work/output" || libraries=$(grep -Fx "$file" <<<"$libraries")
        if [ "$libraries" != "$file" ]; then
            fail "$title, on $which: it has loaded $(tr '\n' ' ' <<<"$libraries")"
        elif [ "$which" = ours ]; then
            pass "$title: $(sed 's/:.*//' <<<"$wanted" | paste -sd, | sed 's/,/ and /')"
        fi
    done
}

# ----------------------------------------------------------------------- bindings

both_patterns "python3-zmq" /usr/bin/python3 "$source/both_patterns.py"

if gcc -O1 -Wall -Wextra -Werror -o "$work/czmq" "$source/both_patterns.c" -lczmq -lzmq >"$work/output" 2>&1; then
    both_patterns "libczmq, with zauth and CURVE" "$work/czmq"
else
    fail "libczmq: the program does not compile"
fi

both_patterns "php-zmq" php "$source/both_patterns.php"
both_patterns "ruby-ffi-rzmq" ruby "$source/both_patterns.rb"
both_patterns "octave-zeromq" octave-cli --quiet --no-init-file "$source/both_patterns.m"

if javac -nowarn -cp /usr/share/java/jzmq.jar -d "$work" "$source/BothPatterns.java" >"$work/output" 2>&1; then
    both_patterns "libzmq-jni (jzmq)" java -Djava.library.path="$(dirname "$(dpkg -L libzmq-jni | grep -m1 'libjzmq\.so$')")" \
        -cp "/usr/share/java/jzmq.jar:$work" BothPatterns
else
    fail "libzmq-jni: the program does not compile"
fi

# It also opens libzmq.so by its full name, and then calls the one that is there already.
both_patterns beside "r-cran-pbdzmq" Rscript --vanilla "$source/both_patterns.R"
both_patterns "libzmq-ffi-perl" perl "$source/both_patterns.pl"

# ----------------------------------------------------------------------- programs

both_patterns "zurl" /usr/bin/python3 "$source/zurl.py"
wanted='publish-subscribe: 100 updates' both_patterns "rsyslog-czmq" /usr/bin/python3 "$source/rsyslog.py"

# ------------------------------------------------------------------------ Node.js

# zeromq 5 can be built on an installed libzmq, and takes whichever the loader finds. zeromq 6 has its libzmq inside,
# linked statically, but leaves its functions open to be replaced: preloading does that.
build_on_installed() {
    local gyp headers
    headers=$(dirname "$(dirname "$(dirname "$(readlink -f "$(ls /usr/include/node/node.h /usr/include/nodejs/src/node.h \
        2>/dev/null | head -n 1)")")")")
    gyp=$(find /usr/lib/node_modules/npm /usr/share/nodejs/node-gyp -name node-gyp.js -path '*/bin/*' 2>/dev/null | head -n 1)
    cd node_modules/zeromq &&
        npm_config_zmq_external=true CXXFLAGS="-I$root/include" LDFLAGS="-L$lib" \
            nice timeout 600 node "$gyp" rebuild --nodedir="$headers" --zmq_external=true
}
node_module() { # VERSION
    local to=$out/node-$1
    [ -e "$to/done" ] && return 0
    command -v npm >/dev/null || "$root/demo/debs.sh" nodejs npm libnode-dev || return 1
    rm -rf "$to"
    mkdir -p "$to"
    (
        # Joined by &&: set -e means nothing in a function that is asked for its status.
        cd "$to" &&
            echo '{ "private": true }' >package.json &&
            timeout 300 npm install --no-audit --no-fund --ignore-scripts "zeromq@$1" &&
            { [ "$1" = "${1#5.}" ] || build_on_installed; } &&
            touch "$to/done"
    ) >"$work/output" 2>&1
}
"$root/demo/debs.sh" g++ make
if node_module 5.3.1; then
    both_patterns "Node.js, zeromq 5 built on the installed library" \
        env NODE_PATH="$out/node-5.3.1/node_modules" node "$source/both_patterns.js"
else
    fail "Node.js, zeromq 5: it cannot be built"
fi

# The dynamic linker says to which file it binds what the module calls.
all_bound() {
    local calls
    LD_BIND_NOW=1 LD_PRELOAD=$ours LD_DEBUG=bindings LD_DEBUG_OUTPUT=$work/bindings \
        timeout 60 node -e "require('$out/node-6.8.0/node_modules/zeromq')" >"$work/output" 2>&1 || return 1
    # Not the other way round: functions of C that the module has for itself.
    calls=$(cat "$work"/bindings.* | sed -n 's/.*binding file .*\.node \[0\] to \([^ ]*\) .*`\(zmq_[a-z_]*\)'"'"'.*/\2 \1/p' | grep -v '^zmq_sha1_')
    [ -n "$calls" ] && ! grep -vF " $lib/libzmq.so" <<<"$calls" >"$work/output"
}
if node_module 6.8.0; then
    if all_bound; then pass "Node.js, zeromq 6: every function of zmq.h that it calls is bound to this library"
    else fail "Node.js, zeromq 6: not all that it calls is bound to this library"; fi
    both_patterns "Node.js, zeromq 6 with its own libzmq, by preloading" \
        env NODE_PATH="$out/node-6.8.0/node_modules" node "$source/both_patterns_6.js"
else
    fail "Node.js, zeromq 6: it cannot be installed"
fi

printf 'programs: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
