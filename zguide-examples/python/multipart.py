"""Strings, multipart messages, JSON and objects over one pair of sockets.

multipart.py [endpoint]
"""

import sys

import zmq

from loaded import print_library

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:*"

print_library("multipart.py")
with zmq.Context() as context, context.socket(zmq.PUSH) as sender, context.socket(zmq.PULL) as receiver:
    receiver.bind(endpoint)
    sender.connect(receiver.last_endpoint)

    sender.send(b"bytes")
    assert receiver.recv() == b"bytes"

    sender.send_string("a string: äöü €")
    assert receiver.recv_string() == "a string: äöü €"

    parts = [b"topic", b"", bytes(range(256)), b"x" * 100_000]
    sender.send_multipart(parts)
    assert receiver.recv_multipart() == parts

    # The same by hand: each part says whether another one follows.
    sender.send(b"first", zmq.SNDMORE)
    sender.send(b"last")
    assert receiver.recv() == b"first" and receiver.getsockopt(zmq.RCVMORE)
    assert receiver.recv() == b"last" and not receiver.getsockopt(zmq.RCVMORE)

    sender.send_json({"temperature": 21.5, "place": "Zürich"})
    assert receiver.recv_json() == {"temperature": 21.5, "place": "Zürich"}

    sender.send_pyobj({"numbers": [1, 2, 3]})
    assert receiver.recv_pyobj() == {"numbers": [1, 2, 3]}

    # Without a copy: the library reads the buffer itself, and says when it is done with it.
    tracker = sender.send(b"y" * 1_000_000, copy=False, track=True)
    frame = receiver.recv(copy=False)
    assert len(frame) == 1_000_000 and not frame.more
    del frame
    tracker.wait(timeout=20)
print("multipart.py: all as sent", flush=True)
