#!/usr/bin/env bash
# Makes target/venv, a virtual environment with pyzmq as PyPI has it, its own libzmq
# included. Prints the path of its python.
#
#   demo/venv.sh
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
venv=$root/target/venv
if ! "$venv/bin/python" -c 'import zmq' 2>/dev/null; then
    # Debian keeps ensurepip in a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || "$root/demo/debs.sh" python3-venv >&2
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv"
    timeout 300 "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: pyzmq </dev/null >&2
fi
echo "$venv/bin/python"
