"""Debian's rsyslog with its modules for CZMQ: it pulls lines, and publishes them."""

import subprocess
import tempfile

import zmq

ROUNDS = 100

directory = tempfile.mkdtemp()
with open(f"{directory}/conf", "w", encoding="utf-8") as conf:
    conf.write(f"""
module(load="imczmq")
module(load="omczmq")
template(name="bare" type="string" string="%msg%")
input(type="imczmq" endpoints="@ipc://{directory}/in" socktype="PULL" ruleset="publish")
ruleset(name="publish") {{
    action(type="omczmq" endpoints="@ipc://{directory}/out" socktype="PUB" template="bare")
}}
""")
rsyslog = subprocess.Popen(["/usr/sbin/rsyslogd", "-n", "-f", f"{directory}/conf", "-i", f"{directory}/pid"])
try:
    context = zmq.Context()
    subscriber = context.socket(zmq.SUB)
    subscriber.subscribe("")
    subscriber.connect(f"ipc://{directory}/out")
    sender = context.socket(zmq.PUSH)
    sender.linger = 0
    sender.connect(f"ipc://{directory}/in")

    def send(text):
        sender.send_string(f"<14>Jan  1 00:00:00 host program: {text}")

    # rsyslog opens its publisher with the first message, and the subscription takes its time.
    subscriber.rcvtimeo = 200
    for attempt in range(150):
        send("first")
        try:
            subscriber.recv()
            break
        except zmq.Again:
            pass
    subscriber.rcvtimeo = 20000
    for i in range(ROUNDS):
        send(f"update {i}")
        text = subscriber.recv_string().strip()
        while text == "first":
            text = subscriber.recv_string().strip()
        assert text == f"update {i}", text
    print(f"publish-subscribe: {ROUNDS} updates")
finally:
    rsyslog.terminate()
    rsyslog.wait(20)
