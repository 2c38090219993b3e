"""The basic patterns: every message is counted, its order and contents compared."""

import signal

from checks.lab import Tally, case

ANY = "tcp://127.0.0.1:*"


@case("request_reply", "each request gets its reply, over tcp and ipc")
def request_reply(lab):
    for endpoint in (ANY, lab.endpoint("hello")):
        server = lab.start("hwserver", endpoint, 500)
        client = lab.start("hwclient", server.endpoint(), 500)
        client.ends()
        server.ends()
        client.wait("got 500 replies")
        server.wait("served 500 requests")


@case("weather", "a subscriber gets each update of its place, in order")
def weather(lab):
    server = lab.start("wuserver", ANY, 200, 2)
    clients = [lab.start("wuclient", server.endpoint(), 200, place) for place in ("10001", "20002")]
    for client in clients:
        client.ends().wait("got 200 updates")
    server.ends()


@case("publish_subscribe", "prefixes select, and several publishers reach one subscriber")
def publish_subscribe(lab):
    rounds = 100
    publishers = [lab.start("publish_subscribe/publisher", ANY, name, rounds, 3) for name in ("north", "south")]
    endpoints = [publisher.endpoint() for publisher in publishers]
    wanted = {"news.": ["news.art", "news.sport"], "": ["news.art", "news.sport", "weather"], "weather": ["weather"]}
    subscribers = {prefix: lab.start("publish_subscribe/subscriber", prefix, len(topics) * rounds * 2, *endpoints)
                   for prefix, topics in wanted.items()}
    for publisher in publishers:
        publisher.ends()
    for prefix, subscriber in subscribers.items():
        subscriber.ends()
        got = {}
        for match in subscriber.matches(r"update (\S+) (\S+) (\d+)"):
            got.setdefault(match.group(1, 2), []).append(int(match.group(3)))
        every = {(topic, name): list(range(1, rounds + 1)) for topic in wanted[prefix] for name in ("north", "south")}
        lab.equal(f"updates of \"{prefix}\"", got, every)


@case("pipeline", "each task is done once, by one of three workers, and collected")
def pipeline(lab):
    sink = lab.start("pipeline/sink", lab.endpoint("results"), lab.endpoint("control"), 3)
    workers = [lab.start("pipeline/worker", lab.endpoint("tasks"), lab.endpoint("results"), lab.endpoint("control"), name)
               for name in ("w1", "w2", "w3")]
    ventilator = lab.start("pipeline/ventilator", lab.endpoint("tasks"), lab.endpoint("results"), 300, 3)
    for process in (ventilator, sink, *workers):
        process.ends()
    lost, duplicated = Tally(range(1, 301)).against(sink.groups(r"result (\d+) "))
    lab.equal("lost and duplicated", (lost, duplicated), ([], 0))
    # Dealt out in turn: nobody is ahead by more than the tasks that were under way.
    lab.equal("shares", [worker.groups(r"did (\d+) tasks")[0] for worker in workers], ["100"] * 3)


@case("pair_threads", "signals between threads arrive in order")
def pair_threads(lab):
    lab.run("pair_threads/pair_threads", 5000).wait("5000 messages, in order")


@case("multipart", "parts arrive together or not at all")
def multipart(lab):
    for endpoint in ("inproc://multipart", ANY, lab.endpoint("multipart")):
        program = lab.run("multipart/multipart", endpoint)
        lab.equal(endpoint, program.groups(r"^multipart: ([pb].*)"), [
            "before the last part: nothing to read", "part 1: 6 bytes, more follow", "part 2: 0 bytes, more follow",
            "part 3: 100000 bytes, more follow", "part 4: 7 bytes, the last one"])


@case("envelope", "each hop adds its id in front and takes it away again")
def envelope(lab):
    program = lab.run("envelope/envelope")
    lab.equal("what is seen", program.groups(r"envelope: (.* sees.*)"), [
        "the first ROUTER sees [ann] [] [Hello]", "the second ROUTER sees [id] [ann] [] [Hello]", "REP sees [Hello]",
        "the second DEALER sees [id] [ann] [] [World]", "the first DEALER sees [ann] [] [World]", "REQ sees [World]"])


def device(lab, kind):
    process = lab.start("devices/device", kind, lab.endpoint(f"{kind}-front"), lab.endpoint(f"{kind}-back"))
    process.wait("backend: bound to")
    return process


@case("devices", "queue: three clients and two services, each request answered once")
def queue(lab):
    broker = device(lab, "queue")
    server = [lab.start("async_server/server", "--connect", lab.endpoint("queue-back"), 1) for _ in range(2)]
    clients = [lab.start("hwclient", lab.endpoint("queue-front"), 200) for _ in range(3)]
    for client in clients:
        client.ends().wait("got 200 replies")
    broker.stop(signal.SIGINT).wait("ended")
    lab.stop(*server)


@case("devices", "streamer: tasks go through it, each once")
def streamer(lab):
    broker = device(lab, "streamer")
    sink = lab.start("pipeline/sink", lab.endpoint("results"), lab.endpoint("control"), 2)
    workers = [lab.start("pipeline/worker", lab.endpoint("streamer-back"), lab.endpoint("results"), lab.endpoint("control"), name)
               for name in ("w1", "w2")]
    feeder = lab.start("pipeline/ventilator", "--connect", lab.endpoint("streamer-front"), lab.endpoint("results"), 200)
    for process in (feeder, sink, *workers):
        process.ends()
    lab.equal("lost and duplicated", Tally(range(1, 201)).against(sink.groups(r"result (\d+) ")), ([], 0))
    broker.stop().wait("ended")


@case("devices", "forwarder and bridge: subscriptions go in, updates come out")
def forwarder(lab):
    forwarder = device(lab, "forwarder")
    bridge = lab.start("devices/device", "bridge", lab.endpoint("forwarder-back"), lab.endpoint("outer"))
    bridge.wait("backend: bound to")
    inner = lab.start("publish_subscribe/subscriber", "news.", 200, lab.endpoint("forwarder-back"))
    outer = lab.start("publish_subscribe/subscriber", "weather", 100, lab.endpoint("outer"))
    # Two subscriptions, of two prefixes, have to arrive through the devices before it begins.
    publisher = lab.start("publish_subscribe/publisher", "--connect", lab.endpoint("forwarder-front"), "one", 100, 2)
    for process in (publisher, inner, outer):
        process.ends()
    lab.equal("inner", len(inner.matches(r"update news\.")), 200)
    lab.equal("outer", outer.groups(r"update weather one (\d+)"), [str(n) for n in range(1, 101)])
    lab.stop(forwarder, bridge)


@case("poll", "three sockets are served by one thread")
def poll(lab):
    poller = lab.start("poll/poller", ANY, ANY, ANY)
    endpoints = [poller.wait(rf"^{name}: bound to (.*)").group(1) for name in ("tasks", "updates", "requests")]
    lab.run("poll/feeder", *endpoints, 300)
    poller.stop(signal.SIGINT)
    lab.equal("requests", poller.groups(r"poller: (\d+) requests"), ["300"])


@case("identity", "ROUTER ids: chosen by the library or by the peer, and unknown ones")
def identity(lab):
    program = lab.run("identity/identity")
    lab.equal("output", program.groups(r"identity: (from|answered|to)"), ["from", "answered", "from", "answered", "to", "to"])
    program.wait("from an id of 5 bytes that begins with 0: no name of my own")
    program.wait("from bob: my name is bob")
    program.wait("to eve: no such peer")


@case("high_water_mark", "a full queue blocks PUSH, and makes PUB drop")
def high_water_mark(lab):
    program = lab.run("high_water_mark/high_water_mark")
    lab.equal("output", program.groups(r"high_water_mark: ([PSwX].*)"), [
        "PUSH took 8, then would block", "PULL got 8", "writable again: yes",
        "PUB took 20: it drops and never blocks", "SUB got 8",
        "XPUB with ZMQ_XPUB_NODROP took 8, then would block", "SUB got 8"])


@case("node_coordination", "no subscriber misses an update, however late it starts")
def node_coordination(lab):
    publisher = lab.start("node_coordination/publisher", lab.endpoint("updates"), lab.endpoint("sync"), 3, 5000)
    subscribers = []
    for name in ("one", "two", "three"):
        subscribers.append(lab.start("node_coordination/subscriber", lab.endpoint("updates"), lab.endpoint("sync"), name))
        publisher.wait(f"{name} is there")
    for subscriber in subscribers:
        subscriber.ends().wait("got 5000 updates")
    publisher.ends()


@case("slow_joiner", "what the trap loses, and that the ways out lose nothing")
def slow_joiner(lab):
    program = lab.run("slow_joiner/slow_joiner", ANY)
    lab.equal("the ways out", program.groups(r"after (.* arrive)"), [
        "the subscription: 100 of 100 arrive", '"welcome": 100 of 100 arrive',
        "a probe: 100 of 100 arrive"])
    lab.note("published at once: " + program.groups(r"published at once: (\d+ of 100)")[0])


@case("combinations", "the valid ones carry messages to and fro")
def valid(lab):
    for endpoint in (ANY, lab.endpoint("valid")):
        program = lab.run("combinations/valid", endpoint)
        lab.equal(endpoint, program.groups(r"^valid: (\S+: .*)"), [
            "rep/req: REP gets [hello]", "rep/req: REQ gets [hello]",
            "router/req: ROUTER gets [id] [] [hello]", "router/req: REQ gets [hello]",
            "rep/dealer: REP gets [hello]", "rep/dealer: DEALER gets [] [hello]",
            "router/dealer: ROUTER gets [id] [hello]", "router/dealer: DEALER gets [hello]",
            "dealer/dealer: DEALER gets [hello]", "dealer/dealer: DEALER gets [hello]",
            "router/router: ROUTER gets [bob] [hello]", "router/router: ROUTER gets [ann] [hello]",
            "pub/sub: SUB gets [news: first]",
            "xpub/xsub: XPUB gets the subscription [1][news]", "xpub/xsub: XSUB gets [news: first]",
            "xpub/xsub: XPUB gets [upstream]",
            "pub/xsub: XSUB gets [news: first]",
            "xpub/sub: XPUB gets the subscription [1][news]", "xpub/sub: SUB gets [news: first]",
            "pull/push: PULL gets [hello]", "pair/pair: PAIR gets [hello]", "pair/pair: PAIR gets [hello]"])


@case("combinations", "the invalid ones are ended in the handshake")
def invalid(lab):
    program = lab.run("combinations/invalid", ANY)
    lab.equal("over tcp", program.groups(r"^invalid: (\S+): zmq_connect succeeds, the connection is made, the handshake ends it"),
              ["req/req", "req/dealer", "rep/rep", "rep/router", "push/push", "pub/pull"])
    lab.equal("over inproc", program.groups(r"over inproc: (.*)"),
              ['one takes "question of the other" for its answer', "the other is not answered"])


@case("load_balancer", "each request goes to a free worker, and is answered once")
def load_balancer(lab):
    broker = lab.start("load_balancer/broker", lab.endpoint("front"), lab.endpoint("back"))
    broker.wait("backend: bound to")
    workers = [lab.start("load_balancer/worker", lab.endpoint("back"), name, work)
               for name, work in (("slow", 40), ("quick-1", 1), ("quick-2", 1))]
    for worker in workers:
        worker.wait("ready")
    clients = [lab.start("hwclient", lab.endpoint("front"), 60) for _ in range(4)]
    for client in clients:
        client.ends().wait("got 60 replies")
    lab.stop(broker, *workers)
    done = [int(worker.groups(r"did (\d+) requests")[0]) for worker in workers]
    lab.equal("done by all", sum(done), 240)
    # The least recently used free one is asked: a slow worker is not given a queue of its own.
    lab.expect(min(done[1:]) > 2 * done[0], f"the slow worker did {done[0]}, the others {done[1:]}")
    lab.note(f"slow {done[0]}, quick {done[1]} and {done[2]}")


@case("async_server", "requests and replies overlap, and go back to whom they belong")
def async_server(lab):
    server = lab.start("async_server/server", lab.endpoint("server"), 3)
    server.wait("bound to")
    clients = [lab.start("async_server/client", lab.endpoint("server"), name, 100) for name in ("ann", "bob", "eve")]
    for client in clients:
        client.ends().wait("100 requests, 100 replies, 0 strange")
    # At least one client had its replies in another order than its requests.
    overtaken = sum(int(client.groups(r"(\d+) overtaken")[0]) for client in clients)
    lab.expect(overtaken > 0, "three workers never overtook each other")
    lab.note(f"{overtaken} replies overtook another")
    server.stop(signal.SIGINT)


@case("peering", "three clusters share their workers, each request is answered once")
def peering(lab):
    names = ("paris", "rome", "oslo")
    brokers = [lab.start("peering/broker", lab.folder, name, *(peer for peer in names if peer != name), name=f"broker-{name}")
               for name in names]
    # No worker in Rome: its requests have to be done elsewhere.
    workers = [lab.start("load_balancer/worker", lab.endpoint(f"{name}-localbe"), f"{name}-{number}", 2)
               for name in ("paris", "oslo") for number in range(2)]
    clients = [lab.start("hwclient", lab.endpoint(f"{name}-localfe"), 60) for name in names for _ in range(2)]
    for client in clients:
        client.ends().wait("got 60 replies")
    lab.stop(*brokers, *workers)
    done = [int(worker.groups(r"did (\d+) requests")[0]) for worker in workers]
    lab.equal("done by all", sum(done), 360)
    away = int(brokers[1].groups(r"(\d+) sent to peers")[0])
    lab.expect(away >= 120, f"of Rome's 120 requests {away} were sent away")
    lab.note(f"Rome sent away {away}")
