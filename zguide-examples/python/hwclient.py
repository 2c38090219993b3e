"""Request-reply, the client: sends "Hello N" and expects "World N".

hwclient.py [endpoint] [requests]
"""

import sys

import zmq

from loaded import print_library

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"
requests = int(sys.argv[2]) if len(sys.argv) > 2 else 10

print_library("hwclient.py")
with zmq.Context() as context, context.socket(zmq.REQ) as requester:
    requester.connect(endpoint)
    for i in range(requests):
        requester.send_string(f"Hello {i}")
        reply = requester.recv_string()
        if reply != f"World {i}":
            sys.exit(f"hwclient.py: expected 'World {i}', got {reply!r}")
    print(f"hwclient.py: got {requests} replies", flush=True)
