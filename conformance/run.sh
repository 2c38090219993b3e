#!/usr/bin/env bash
# The reference's own functional tests, on the reference and on this library. `run.py` does the work and has the options.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# libsodium: without it the reference has no CURVE.
"$here/../demo/debs.sh" gcc g++ libc6-dev libsodium-dev python3
exec python3 "$here/run.py" "$@"
