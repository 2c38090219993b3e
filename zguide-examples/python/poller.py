"""Several sockets in one loop: zmq.Poller, and zmq.Again when nothing is there.

poller.py [endpoint]
"""

import sys
import threading

import zmq

from loaded import print_library

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:*"

print_library("poller.py")
context = zmq.Context.instance()
tasks, control = context.socket(zmq.PULL), context.socket(zmq.PAIR)
tasks.bind(endpoint)
control.bind("inproc://control")

try:
    tasks.recv(zmq.NOBLOCK)
except zmq.Again:
    print("poller.py: nothing there yet", flush=True)


def feed(where):
    with context.socket(zmq.PUSH) as sender, context.socket(zmq.PAIR) as end:
        sender.connect(where)
        end.connect("inproc://control")
        for number in range(100):
            sender.send_string(str(number))
        end.recv()  # all have arrived


thread = threading.Thread(target=feed, args=(tasks.last_endpoint,))
thread.start()
poller = zmq.Poller()
poller.register(tasks, zmq.POLLIN)
received = []
while len(received) < 100:
    events = dict(poller.poll(20_000))
    if tasks not in events:
        sys.exit("poller.py: nothing comes")
    received.append(int(tasks.recv_string()))
control.send(b"")
thread.join()
assert received == list(range(100))
print("poller.py: got 100 tasks, in order", flush=True)
tasks.close()
control.close()
context.term()
