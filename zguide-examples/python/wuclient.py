"""Publish-subscribe, the subscriber: the weather at one place.

wuclient.py [endpoint] [rounds] [place]
"""

import sys

import zmq

from loaded import print_library

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
place = sys.argv[3] if len(sys.argv) > 3 else "10001"

print_library("wuclient.py")
with zmq.Context() as context, context.socket(zmq.SUB) as subscriber:
    subscriber.setsockopt_string(zmq.SUBSCRIBE, place + " ")
    subscriber.connect(endpoint)
    total = 0
    for i in range(rounds):
        update = subscriber.recv_string()
        where, number, temperature = update.split(" ")
        if where != place or int(number) != i:
            sys.exit(f"wuclient.py: round {i}: unexpected update: {update}")
        total += int(temperature)
    # Rounded towards zero, like the C program's division.
    print(f"wuclient.py: got {rounds} updates for {place}, average {int(total / rounds)}", flush=True)
