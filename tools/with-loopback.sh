#!/usr/bin/env bash
# Runs a command in a new network namespace, where the loopback interface is still down: brings it up first.
#
#   unshare -n tools/with-loopback.sh COMMAND...
set -euo pipefail
ip link set lo up
exec "$@"
