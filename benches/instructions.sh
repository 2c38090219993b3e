#!/usr/bin/env bash
# Counts the instructions of the inner parts (benches/inner.rs) under callgrind: the same on a busy machine as on a quiet one.
#
#   benches/instructions.sh            prints the table; fails when a case takes a tenth more than instructions.txt says
#   benches/instructions.sh --accept   writes instructions.txt anew
#
# The counts are for x86_64 and one version of the compiler and of libc; after a change of those, accept them anew.
set -euo pipefail
cd "$(dirname "$0")/.."

accepted=benches/instructions.txt
demo/debs.sh valgrind
out=$PWD/target/instructions
mkdir -p "$out"
binary=$(cargo bench --bench inner --no-run --message-format=json 2>"$out/build.log" \
    | sed -n 's/.*"executable":"\([^"]*inner[^"]*\)".*/\1/p' | tail -n 1)
[ -x "$binary" ] || { cat "$out/build.log" >&2; exit 1; }

# The difference of two runs, so that what happens once does not count.
instructions() { # CASE COUNT
    local few many
    few=$(run "$1" $(($2 / 10)))
    many=$(run "$1" "$2")
    echo $(((many - few) / ($2 - $2 / 10)))
}
run() {
    valgrind --tool=callgrind --toggle-collect=measured --callgrind-out-file="$out/$1" "$binary" "$1" "$2" 2>&1 \
        | sed -n 's/.*Collected : //p'
}

worse=0
: >"$out/table"
printf '%-20s %12s %12s\n' case instructions accepted
for row in queue-32:20000 queue-100:20000 message-100:20000 message-again-100:20000 encode-64:20000 encode-1000:5000 \
    decode-64:20000 decode-1000:5000 subscribe:20000 match:20000 seal-100:2000 seal-65536:50; do
    case=${row%:*}
    now=$(instructions "$case" "${row#*:}")
    before=$(awk -v case="$case" '$1 == case { print $2 }' "$accepted" 2>/dev/null || true)
    mark=
    if [ -n "$before" ] && [ "$now" -gt $((before + before / 10)) ]; then mark='  WORSE' worse=1; fi
    printf '%-20s %12d %12s%s\n' "$case" "$now" "${before:--}" "$mark"
    echo "$case $now" >>"$out/table"
done
if [ "${1-}" = --accept ]; then
    cp "$out/table" "$accepted"
    exit 0
fi
[ "$worse" = 0 ] || { echo "some parts take a tenth more instructions than before" >&2; exit 1; }
