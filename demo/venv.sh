#!/usr/bin/env bash
# Makes a virtual environment with pyzmq, once, in target/venv, and prints its path.
#
#   demo/venv.sh
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/target/venv
complain() { echo "$*" >&2; exit 1; }

if ! "$venv/bin/python" -c 'import zmq' 2>/dev/null; then
    # Debian keeps ensurepip in a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || "$root/demo/debs.sh" python3-venv >&2 \
        || complain "python3-venv cannot be installed"
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv" || complain "no virtual environment"
    timeout 300 "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: pyzmq \
        </dev/null >&2 || complain "pyzmq cannot be installed"
fi
echo "$venv"
