#!/usr/bin/env bash
# Runs a command with a Kerberos realm of its own: a key distribution centre (MIT) on a free port of the loopback interface, whose
# database, keys and configuration are in a temporary folder. Everything ends with the command.
#
#   kdc.sh COMMAND...
#
# The realm is ZMQ.TEST. Its principals are client, guest, zmq/localhost, other/localhost, and zmqtest2 on this host; the keys of all lie in one keytab (KRB5_KTNAME and
# KRB5_CLIENT_KTNAME), because the reference wants to accept and to initiate with whatever it is given. The first ticket in the cache (KRB5CCNAME) is
# that of "client". GSSAPI_FOLDER is the temporary folder; in it are "servers.keytab" with the keys of the servers alone, and "stranger", a
# configuration (KRB5_CONFIG) of a realm that nobody serves.
set -euo pipefail

[ $# -gt 0 ] || { sed -n '2,11p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
PATH=$PATH:/usr/sbin:/sbin

folder=$(mktemp -d "${TMPDIR:-/tmp}/kdc.XXXXXX")
kdc=
cleanup() {
    [ -z "$kdc" ] || { kill "$kdc" 2>/dev/null && wait "$kdc" 2>/dev/null; } || true
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

export GSSAPI_FOLDER=$folder
export KRB5_CONFIG=$folder/krb5.conf KRB5_KDC_PROFILE=$folder/kdc.conf
export KRB5_KTNAME=FILE:$folder/keytab KRB5_CLIENT_KTNAME=FILE:$folder/keytab
# A folder, for the tickets of several principals.
export KRB5CCNAME=DIR:$folder/tickets KRB5RCACHEDIR=$folder
mkdir "$folder/tickets"

# A port that is free for both protocols. Somebody may take it before the server does; then another one is tried.
free_port() {
    python3 - <<'PYTHON'
import socket
while True:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        try:
            udp.bind(tcp.getsockname())
        except OSError:
            continue
        print(tcp.getsockname()[1])
        break
PYTHON
}

# configure PORT: for clients and for the server
configure() {
    write_clients ZMQ.TEST "$1" >"$KRB5_CONFIG"
    write_clients NOBODY.TEST "$1" >"$folder/stranger"
    cat >"$KRB5_KDC_PROFILE" <<CONFIG
[kdcdefaults]
    kdc_listen = 127.0.0.1:$1
    kdc_tcp_listen = 127.0.0.1:$1
[realms]
    ZMQ.TEST = {
        database_name = $folder/principal
        key_stash_file = $folder/stash
        acl_file = $folder/acl
        max_life = 1h
        supported_enctypes = aes256-cts-hmac-sha1-96:normal
    }
[logging]
    kdc = FILE:$folder/kdc.log
CONFIG
}

# write_clients REALM PORT
write_clients() {
    cat <<CONFIG
[libdefaults]
    default_realm = $1
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    qualify_shortname = ""
    rdns = false
[realms]
    ZMQ.TEST = {
        kdc = 127.0.0.1:$2
    }
    NOBODY.TEST = {
        kdc = 127.0.0.1:1
    }
[domain_realm]
    localhost = $1
CONFIG
}

host=$(uname -n)
log=$folder/log
run() { "$@" >>"$log" 2>&1 || { echo "kdc.sh: $1 failed" >&2; tail -n 20 "$log" >&2; exit 2; }; }

configure 0
run kdb5_util -r ZMQ.TEST create -s -P "$(head -c 18 /dev/urandom | base64)"
run kadmin.local -r ZMQ.TEST <<ADMIN
add_principal -randkey client
add_principal -randkey guest
add_principal -randkey zmq/localhost
add_principal -randkey other/localhost
add_principal -randkey zmqtest2/$host
ktadd -norandkey -k $folder/servers.keytab zmq/localhost other/localhost
ktadd -norandkey -k $folder/keytab client guest zmq/localhost other/localhost zmqtest2/$host
ADMIN
[ -s "$folder/servers.keytab" ] && [ -s "$folder/keytab" ] || { echo "kdc.sh: no keys" >&2; cat "$log" >&2; exit 2; }

# It says so when it listens, and ends when somebody else has taken the port.
mkfifo "$folder/said"
exec 9<>"$folder/said"
for attempt in 1 2 3 4 5; do
    configure "$(free_port)"
    krb5kdc -n -r ZMQ.TEST 2>&9 9>&- &
    kdc=$!
    line=
    while [[ $line != *starting* ]] && kill -0 "$kdc" 2>/dev/null; do
        read -r -t 1 -u 9 line || true
    done
    [[ $line != *starting* ]] || break
    wait "$kdc" || true
    kdc=
done
[ -n "$kdc" ] || { echo "kdc.sh: the server does not start" >&2; cat "$folder/kdc.log" >&2; exit 2; }

run kinit -k -t "$folder/keytab" client
"$@"
