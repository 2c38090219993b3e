#!/usr/bin/env bash
# The reference's own functional tests, on the reference and on this library. `run.py` does the work and has the options.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# libsodium and Kerberos: without them the reference has no CURVE and no GSSAPI.
"$here/../demo/debs.sh" gcc g++ libc6-dev libsodium-dev libkrb5-dev python3 krb5-kdc krb5-admin-server krb5-user
exec python3 "$here/run.py" "$@"
