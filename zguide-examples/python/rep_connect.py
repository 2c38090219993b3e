"""The other way round: the REP connects, and the REQ binds. Which side binds is free.

rep_connect.py [endpoint] [requests]
"""

import sys

import zmq

from loaded import print_library

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5560"
requests = int(sys.argv[2]) if len(sys.argv) > 2 else 10

print_library("rep_connect.py")
context = zmq.Context.instance()
responder = context.socket(zmq.REP)
responder.connect(endpoint)
for _ in range(requests):
    message = responder.recv_string()
    responder.send_string(message.upper())
print(f"rep_connect.py: served {requests} requests", flush=True)
responder.close()
context.term()
