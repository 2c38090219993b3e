"""Debian's zurl, a daemon that fetches web pages for others: asked through REQ, and through PUSH with answers from PUB."""

import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading

import zmq

ROUNDS = 100


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
threading.Thread(target=web.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{web.server_port}"

directory = tempfile.mkdtemp()
spec = {name: f"ipc://{directory}/{name}" for name in ("in", "in_stream", "out", "in_req")}
with open(f"{directory}/conf", "w", encoding="utf-8") as conf:
    conf.write("[General]\ninstance_id=zurl\ndefpolicy=allow\n")
    for name, endpoint in spec.items():
        conf.write(f"{name}_spec={endpoint}\n")
zurl = subprocess.Popen(["zurl", f"--config={directory}/conf"], stdout=subprocess.DEVNULL)
try:
    context = zmq.Context()

    def socket(kind, name):
        result = context.socket(kind)
        result.rcvtimeo = 20000
        result.linger = 0
        if kind == zmq.SUB:
            result.subscribe("client ")
        result.connect(spec[name])
        return result

    client = socket(zmq.REQ, "in_req")
    for i in range(ROUNDS):
        client.send(b"J" + json.dumps({"id": str(i), "method": "GET", "uri": f"{base}/{i}"}).encode())
        answer = json.loads(client.recv()[1:])
        assert answer.get("body") == f"/{i}", answer
    print(f"request-reply: {ROUNDS} answers")

    subscriber = socket(zmq.SUB, "out")
    sender = socket(zmq.PUSH, "in")

    def ask(number):
        request = {"from": "client", "id": str(number), "method": "GET", "uri": f"{base}/{number}", "credits": 100000}
        sender.send(b"J" + json.dumps(request).encode())

    def answer():
        """One answer, which may come in several parts."""
        whole = ""
        while True:
            part = json.loads(subscriber.recv()[len("client J"):])
            if part.get("type") not in (None, "error"):
                continue
            whole += part.get("body", "")
            if not part.get("more"):
                return part["id"], whole

    # The subscription is there when the first answer is.
    subscriber.rcvtimeo = 200
    for attempt in range(100):
        ask("first")
        try:
            answer()
            break
        except zmq.Again:
            pass
    subscriber.rcvtimeo = 20000
    for i in range(ROUNDS):
        ask(i)
        number, body = answer()
        while number == "first":
            number, body = answer()
        assert (number, body) == (str(i), f"/{i}"), (number, body)
    print(f"publish-subscribe: {ROUNDS} updates")
finally:
    zurl.terminate()
    zurl.wait(20)
