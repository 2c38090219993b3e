#!/usr/bin/env bash
# Runs a command in a network namespace of its own, where one may be made, and otherwise as it is: programs that run side by side
# do not take each other's ports, not even one that is free for a moment because its peer is to come back there.
#
#   tools/alone.sh COMMAND...
set -euo pipefail
if command -v ip >/dev/null && unshare -n true 2>/dev/null; then
    exec unshare -n "${BASH_SOURCE[0]%/*}/with-loopback.sh" "$@"
fi
exec "$@"
