#!/usr/bin/env bash
# Writes THIRD-PARTY.md: what is compiled into the libraries besides this project's own code, with the notices that copies have to carry.
#
#   tools/third-party.sh           writes the file
#   tools/third-party.sh --check   fails where the file is not what would be written
set -euo pipefail
cd "$(dirname "$0")/.."

# Name, version and folder of each package.
packages() {
    cargo metadata --format-version 1 --locked --quiet >"$work/metadata"
    cargo tree --locked --edges normal,no-proc-macro --prefix none --format '{p}' | sed 's/ (.*//' | sort -u | grep -v '^zmq-oxide ' \
        | python3 -c '
import json, os, sys
known = {(p["name"], p["version"]): p for p in json.load(open(sys.argv[1]))["packages"]}
for line in sys.stdin:
    name, version = line.split()
    package = known[name, version.removeprefix("v")]
    print(name, os.path.dirname(package["manifest_path"]), package["license"], sep="\t")' "$work/metadata"
}

# Where there is a choice, the shorter licence is taken.
notice() { # FOLDER
    local file
    for file in LICENSE-MIT LICENSE-MIT.txt LICENSE LICENSE.txt LICENSE.md; do
        [ -e "$1/$file" ] || continue
        cat "$1/$file"
        return
    done
    echo "no notice in $1" >&2
    return 1
}

text() { # NAME LICENCE, the notice on stdin
    printf '\n## %s\n\nLicence: %s.\n\n' "$1" "$2"
    tr -d '\r' | sed -e 's/[[:space:]]*$//' -e 's/^\(.\)/    \1/' | cat -s
}

document() {
    cat <<'END'
# What else is in the libraries

`libzmq.so` and `libzmq.a` contain the following besides zmq-oxide itself. Where a package may be had under one of several licences, the notice of the
one that was chosen is given. `tools/third-party.sh` writes this file.

## The standard library of Rust

Licence: MIT OR Apache-2.0. Copyright The Rust Project Contributors; see <https://www.rust-lang.org/policies/licenses>. The text of the MIT licence is in
[LICENSE-MIT](LICENSE-MIT).
END
    packages | while IFS=$'\t' read -r name folder licence; do
        notice "$folder" | text "$name" "$licence"
        if [ "$name" = libsodium-sys-stable ]; then
            tar -xzOf "$folder/LATEST.tar.gz" --wildcards '*/LICENSE' | text "libsodium, which libsodium-sys-stable builds" ISC
        fi
    done
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
document >"$work/document"
case ${1:-} in
--check) cmp -s "$work/document" THIRD-PARTY.md || { echo "THIRD-PARTY.md is not up to date: run tools/third-party.sh" >&2; exit 1; } ;;
*) cat "$work/document" >THIRD-PARTY.md ;;
esac
