"""Publish-subscribe, the publisher: weather updates for five places.

wuserver.py [endpoint] [rounds] [subscribers]

An XPUB socket receives the subscriptions, so the publisher knows when everybody
has joined and needs no sleep.
"""

import sys

import zmq

from loaded import print_library

PLACES = ["10001", "10002", "20001", "20002", "30001"]

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
subscribers = int(sys.argv[3]) if len(sys.argv) > 3 else 1

print_library("wuserver.py")
with zmq.Context() as context, context.socket(zmq.XPUB) as publisher:
    publisher.linger = -1
    publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
    publisher.setsockopt(zmq.XPUB_NODROP, 1)
    publisher.bind(endpoint)
    print(f"wuserver.py: bound to {publisher.last_endpoint.decode()}", flush=True)
    joined = 0
    while joined < subscribers:
        event = publisher.recv()
        if event[0] == 1:
            print(f'wuserver.py: subscription to "{event[1:].decode()}"', flush=True)
            joined += 1
    for i in range(rounds):
        for n, place in enumerate(PLACES):
            publisher.send_string(f"{place} {i} {(i * 7 + n * 13) % 60 - 20}")
    print(f"wuserver.py: published {rounds * len(PLACES)} updates", flush=True)
