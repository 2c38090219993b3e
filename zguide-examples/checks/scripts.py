"""The first scripts people write in Python, on pyzmq over the library."""

from checks.lab import case

ANY = "tcp://127.0.0.1:*"


@case("python", "request-reply and weather, with C at the other end")
def pairs(lab):
    server = lab.script("hwserver.py", ANY, 200)
    lab.run("hwclient", server.endpoint(), 200).wait("got 200 replies")
    server.ends()
    server = lab.start("wuserver", ANY, 200, 1)
    lab.script("wuclient.py", server.endpoint(), 200).ends().wait("got 200 updates")
    server.ends()


@case("python", "a REQ that binds and a REP that connects, with Context.instance and strings")
def other_way_round(lab):
    for endpoint in (ANY, lab.endpoint("other")):
        client = lab.script("req_bind.py", endpoint, 200)
        server = lab.script("rep_connect.py", client.endpoint(), 200)
        client.ends().wait("got 200 replies")
        server.ends().wait("served 200 requests")


@case("python", "strings, multipart, JSON, objects, zero copy")
def multipart(lab):
    for endpoint in (ANY, lab.endpoint("multipart"), "inproc://multipart"):
        lab.script("multipart.py", endpoint).ends().wait("all as sent")


@case("python", "a poller over several sockets")
def poller(lab):
    lab.script("poller.py", ANY).ends().wait("got 100 tasks, in order")
