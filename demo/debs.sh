#!/usr/bin/env bash
# Installs the named Debian packages that are missing; none is removed for them. The package lists are
# fetched only when an installation needs them.
#
#   demo/debs.sh PACKAGE...
set -euo pipefail

missing=()
for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "needed: ${missing[*]} (run as root, or install sudo)" >&2; exit 1; }
    as_root=(sudo)
fi

install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-remove --no-install-recommends "${missing[@]}" </dev/null
}

echo "installing Debian packages: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! install >"$log" 2>&1; then
    # Old lists, or none.
    "${as_root[@]}" apt-get update -q </dev/null >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
    install >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi
