"""The other way round: the REQ binds, and services connect to it. Several share the work.

req_bind.py [endpoint] [requests]
"""

import sys

import zmq

from loaded import print_library

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5560"
requests = int(sys.argv[2]) if len(sys.argv) > 2 else 10

print_library("req_bind.py")
context = zmq.Context.instance()
assert zmq.Context.instance() is context  # one for the whole process
requester = context.socket(zmq.REQ)
requester.bind(endpoint)
print(f"req_bind.py: bound to {requester.last_endpoint.decode()}", flush=True)
for i in range(requests):
    requester.send_string(f"Grüße {i}")  # encoded as UTF-8
    reply = requester.recv_string()
    if reply != f"GRÜSSE {i}":
        sys.exit(f"req_bind.py: unexpected reply {reply!r}")
print(f"req_bind.py: got {requests} replies", flush=True)
requester.close()
context.term()
