"""Request-reply, the server: answers "Hello N" with "World N".

hwserver.py [endpoint] [requests]
"""

import sys

import zmq

from loaded import print_library

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"
requests = int(sys.argv[2]) if len(sys.argv) > 2 else 10

print_library("hwserver.py")
with zmq.Context() as context, context.socket(zmq.REP) as responder:
    # Wait for the last reply to leave when the context ends.
    responder.linger = -1
    responder.bind(endpoint)
    print(f"hwserver.py: bound to {responder.last_endpoint.decode()}", flush=True)
    for _ in range(requests):
        word, number = responder.recv_string().split(" ")
        assert word == "Hello", word
        responder.send_string(f"World {number}")
    print(f"hwserver.py: served {requests} requests", flush=True)
