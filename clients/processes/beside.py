"""pyzmq, and a second libzmq that is loaded with ctypes, talk to each other in one process.

    beside.py LIBRARY
"""

import ctypes
import os
import sys
import threading

import zmq

ROUNDS = 100
path = sys.argv[1]
other = ctypes.CDLL(path)
for name in ("zmq_ctx_new", "zmq_socket"):
    getattr(other, name).restype = ctypes.c_void_p


def call(name, *arguments):
    result = getattr(other, name)(*arguments)
    assert result is not None and result != -1, name
    return result


files = {os.path.realpath(line.split(maxsplit=5)[5].strip()) for line in open("/proc/self/maps", encoding="utf-8")
         if "/libzmq" in line}
assert os.path.realpath(path) in files and len(files) == 2, files

context = call("zmq_ctx_new")
pyzmq_context = zmq.Context()


def serve(server):
    for _ in range(ROUNDS):
        server.send(server.recv().replace(b"Hello", b"World"))


# pyzmq serves, the other asks.
server = pyzmq_context.socket(zmq.REP)
server.rcvtimeo = 10000
server.bind("tcp://127.0.0.1:*")
thread = threading.Thread(target=serve, args=(server,))
thread.start()
client = ctypes.c_void_p(call("zmq_socket", ctypes.c_void_p(context), zmq.REQ))
call("zmq_connect", client, server.last_endpoint)
buffer = ctypes.create_string_buffer(64)
for i in range(ROUNDS):
    text = b"Hello %d" % i
    call("zmq_send", client, text, len(text), 0)
    size = call("zmq_recv", client, buffer, len(buffer), 0)
    assert buffer.raw[:size] == b"World %d" % i
thread.join()
call("zmq_close", client)

# The other publishes, pyzmq subscribes.
publisher = ctypes.c_void_p(call("zmq_socket", ctypes.c_void_p(context), zmq.XPUB))
call("zmq_bind", publisher, b"tcp://127.0.0.1:*")
endpoint = ctypes.create_string_buffer(256)
length = ctypes.c_size_t(len(endpoint))
call("zmq_getsockopt", publisher, zmq.LAST_ENDPOINT, endpoint, ctypes.byref(length))
subscriber = pyzmq_context.socket(zmq.SUB)
subscriber.rcvtimeo = 10000
subscriber.subscribe(b"update")
subscriber.connect(endpoint.value.decode())
assert call("zmq_recv", publisher, buffer, len(buffer), 0) == 7
for i in range(ROUNDS):
    text = b"update %d" % i
    call("zmq_send", publisher, text, len(text), 0)
    assert subscriber.recv() == text
call("zmq_close", publisher)

server.close()
subscriber.close()
pyzmq_context.term()
call("zmq_ctx_term", ctypes.c_void_p(context))
