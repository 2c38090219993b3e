"""Request-reply and publish-subscribe through pyzmq."""

import zmq

ROUNDS = 100

context = zmq.Context()
print("libzmq", zmq.zmq_version())


def socket(kind):
    result = context.socket(kind)
    result.rcvtimeo = 10000
    return result


server, client = socket(zmq.REP), socket(zmq.REQ)
server.bind("tcp://127.0.0.1:*")
client.connect(server.last_endpoint)
for i in range(ROUNDS):
    client.send_string(f"Hello {i}")
    server.send_string(server.recv_string().replace("Hello", "World"))
    assert client.recv_string() == f"World {i}"
print(f"request-reply: {ROUNDS} answers")

publisher, subscriber = socket(zmq.XPUB), socket(zmq.SUB)
publisher.bind("tcp://127.0.0.1:*")
subscriber.subscribe("update")
subscriber.connect(publisher.last_endpoint)
assert publisher.recv() == b"\1update"
for i in range(ROUNDS):
    publisher.send_string("other")
    publisher.send_string(f"update {i}")
for i in range(ROUNDS):
    assert subscriber.recv_string() == f"update {i}"
print(f"publish-subscribe: {ROUNDS} updates")

for each in (server, client, publisher, subscriber):
    each.close()
context.term()
