"""The Pirates and Majordomo under faults: each request and each reply is counted.

What a client promises: each request is answered exactly once, with its own reply. What the
patterns do not promise is that it is done only once: a request may be done again each time it
is asked again, and not more often than that.
"""

import collections

from checks.lab import case

BEAT = 100  # ms between heartbeats
TIMEOUT = 500  # ms until a client asks again
TRIES = 60  # enough for the slowest machine


def account(lab, clients, workers, requests, redelivered=0):
    """Compares what clients asked and got with what the workers did; `requests` of each, or by name."""
    asked = repeated = late = 0
    wanted = set()
    for name, client in clients.items():
        number = requests[name] if isinstance(requests, dict) else requests
        strange = client.matches("strange")
        lab.expect(not strange, f"{name}: {len(strange)} replies to another request")
        got = [match.group(1, 2) for match in client.matches(r"reply (\d+): (.*)")]
        lab.equal(f"replies of {name}", sorted(got, key=lambda reply: int(reply[0])),
                  [(str(one), f"{name} {one}") for one in range(1, number + 1)])
        wanted.update(text for _, text in got)
        repeated += len(client.matches("no reply to")) + sum(map(int, client.groups(r"(\d+)(?: requests)? asked again")))
        late += sum(map(int, client.groups(r"dropped (\d+) late replies")))
        asked += len(client.matches("asks "))
    done = collections.Counter(text for worker in workers for text in worker.groups(r"does (.*)"))
    missing = [text for text in wanted if not done[text]]
    lab.equal("answered, but done by nobody", missing, [])
    lab.equal("done, but asked by nobody", [text for text in done if text not in wanted], [])
    extra = sum(done.values()) - len(wanted)
    lab.expect(extra <= repeated + redelivered,
               f"{extra} requests were done again, though only {repeated} were asked again and {redelivered} redelivered")
    # Who waits on a socket of its own for each try does not see them.
    lab.expect(late <= extra, f"{late} late replies, though only {extra} requests were done again")
    lab.note(f"{len(wanted)} requests, {len(wanted)} replies, 0 lost, {repeated} asked again, {extra} done again, {late} late replies seen and dropped")
    return asked


def pirates(lab, endpoint, names, requests):
    return {name: lab.start("lazy_pirate/client", endpoint, name, requests, TIMEOUT, TRIES, name=name) for name in names}


def finish(lab, clients, others):
    for client in clients.values():
        client.ends()
    lab.stop(*others)


# --------------------------------------------------------------------- Lazy Pirate


@case("lazy_pirate", "server killed and started again, twice: every request is answered once", tcp=True)
def lazy_killed(lab):
    def server():
        return lab.start("lazy_pirate/server", lab.endpoint("server"), 3)

    servers = [server()]
    clients = pirates(lab, lab.endpoint("server"), ["ann", "bob"], 120)
    for reached in (20, 60):
        clients["ann"].wait(f"reply {reached}:")
        servers[-1].kill()
        servers.append(server())
    finish(lab, clients, servers[-1:])
    account(lab, clients, servers, 120)


@case("lazy_pirate", "server paused: the client asks again, late replies do not mix with others")
def lazy_paused(lab):
    server = lab.start("lazy_pirate/server", "tcp://127.0.0.1:*", 2)
    clients = pirates(lab, server.endpoint(), ["ann", "bob"], 100)
    for reached in (20, 50):
        clients["bob"].wait(f"reply {reached}:")
        before = len(clients["bob"].matches("no reply"))
        server.freeze()
        clients["bob"].wait("no reply", before + 2)
        server.thaw()
    finish(lab, clients, [server])
    account(lab, clients, [server], 100)


@case("lazy_pirate", "server gone for good: the client says so")
def lazy_gone(lab):
    server = lab.start("lazy_pirate/server", lab.endpoint("server"), 1)
    client = lab.start("lazy_pirate/client", lab.endpoint("server"), "ann", 100000, TIMEOUT, 3)
    client.wait("reply 20:")
    server.kill()
    client.ends(status=1)
    last = int(client.groups(r"reply (\d+):")[-1])
    lab.equal("tries of the last request", len(client.matches(rf"asks {last + 1}$")), 3)
    lab.equal("gives up at", client.groups(r"gives up at (\d+)"), [str(last + 1)])


# ------------------------------------------------------------------- Simple Pirate


def simple(lab, names):
    broker = lab.start("load_balancer/broker", lab.endpoint("front"), lab.endpoint("back"), name="broker")
    broker.wait("backend: bound to")
    return broker, [simple_worker(lab, name) for name in names]


def simple_worker(lab, name):
    worker = lab.start("simple_pirate/worker", lab.endpoint("back"), name, 4, name=name)
    worker.wait("is ready")
    return worker


@case("simple_pirate", "workers killed, paused and added: every request is answered once", tcp=True)
def simple_workers(lab):
    broker, workers = simple(lab, ["w1", "w2", "w3"])
    clients = pirates(lab, lab.endpoint("front"), ["ann", "bob", "eve"], 120)
    clients["ann"].wait("reply 20:")
    workers[0].kill()
    clients["ann"].wait("reply 40:")
    workers[1].freeze()
    # Its request is lost for this try; the other worker serves the next one.
    clients["ann"].wait("reply 60:")
    workers[1].thaw()
    workers.append(simple_worker(lab, "w4"))
    finish(lab, clients, [broker, *workers[1:]])
    account(lab, clients, workers, 120)


@case("simple_pirate", "broker killed: with broker and workers started again every request is answered once")
def simple_broker(lab):
    broker, workers = simple(lab, ["w1", "w2"])
    clients = pirates(lab, lab.endpoint("front"), ["ann", "bob"], 120)
    clients["ann"].wait("reply 40:")
    broker.kill()
    # Workers do not notice: this pattern wants them started again.
    lab.stop(*workers)
    broker, again = simple(lab, ["w3", "w4"])
    finish(lab, clients, [broker, *again])
    account(lab, clients, workers + again, 120)


@case("simple_pirate", "broker paused: the clients ask again, every request is answered once")
def simple_broker_paused(lab):
    broker, workers = simple(lab, ["w1", "w2"])
    clients = pirates(lab, lab.endpoint("front"), ["ann", "bob"], 100)
    for reached in (20, 50):
        clients["bob"].wait(f"reply {reached}:")
        before = len(clients["bob"].matches("no reply"))
        broker.freeze()
        clients["bob"].wait("no reply", before + 2)
        broker.thaw()
    finish(lab, clients, [broker, *workers])
    account(lab, clients, workers, 100)


# ----------------------------------------------------------------- Paranoid Pirate


def paranoid_broker(lab):
    broker = lab.start("paranoid_pirate/broker", lab.endpoint("front"), lab.endpoint("back"), BEAT, name="broker")
    broker.wait("backend: bound to")
    return broker


def paranoid(lab, names):
    return paranoid_broker(lab), [paranoid_worker(lab, name) for name in names]


def paranoid_worker(lab, name):
    return lab.start("paranoid_pirate/worker", lab.endpoint("back"), name, 4, BEAT, name=name)


@case("paranoid_pirate", "workers killed and paused: given up, taken back, every request answered once")
def paranoid_workers(lab):
    broker, workers = paranoid(lab, ["w1", "w2", "w3"])
    broker.wait("joined, 3 now")
    clients = pirates(lab, lab.endpoint("front"), ["ann", "bob", "eve"], 160)
    clients["ann"].wait("reply 20:")
    workers[0].kill()
    clients["ann"].wait("reply 40:")
    workers[1].freeze()
    broker.wait("1 left")
    workers[1].thaw()
    # It finds that it has been given up, and begins anew.
    workers[1].wait("is ready", 2)
    workers.append(paranoid_worker(lab, "w4"))
    finish(lab, clients, [broker, *workers[1:]])
    account(lab, clients, workers, 160)


@case("paranoid_pirate", "broker killed and started again: workers and clients come back by themselves", tcp=True)
def paranoid_broker_killed(lab):
    broker, workers = paranoid(lab, ["w1", "w2"])
    clients = pirates(lab, lab.endpoint("front"), ["ann", "bob"], 120)
    for reached in (20, 60):
        clients["ann"].wait(f"reply {reached}:")
        broker.kill()
        broker = paranoid_broker(lab)
    finish(lab, clients, [broker, *workers])
    account(lab, clients, workers, 120)
    for worker in workers:
        lab.expect(len(worker.matches("is ready")) > 1, f"{worker.name} never joined again")


@case("paranoid_pirate", "broker paused: workers begin anew, every request is answered once")
def paranoid_broker_paused(lab):
    broker, workers = paranoid(lab, ["w1", "w2"])
    clients = pirates(lab, lab.endpoint("front"), ["ann", "bob"], 100)
    clients["bob"].wait("reply 30:")
    broker.freeze()
    for worker in workers:
        worker.wait("the broker is silent")
    clients["bob"].wait("no reply")
    broker.thaw()
    finish(lab, clients, [broker, *workers])
    account(lab, clients, workers, 100)


# ----------------------------------------------------------------------- Majordomo


def majordomo_broker(lab, expiry=30000):
    broker = lab.start("majordomo/broker", lab.endpoint("broker"), BEAT, expiry, name="broker")
    broker.wait("bound to")
    return broker


def majordomo_worker(lab, name, service="echo", work=3):
    return lab.start("majordomo/worker", lab.endpoint("broker"), service, work, BEAT, name=name)


def synchronous(lab, names, requests, timeout=TIMEOUT, tries=TRIES):
    return {name: lab.start("majordomo/client", lab.endpoint("broker"), "echo", name, requests, timeout, tries, name=name)
            for name in names}


def asynchronous(lab, names, requests, timeout=TIMEOUT):
    return {name: lab.start("majordomo/client_async", lab.endpoint("broker"), "echo", name, requests, timeout, name=name)
            for name in names}


def redeliveries(brokers):
    return sum(len(broker.matches("goes to another worker")) for broker in brokers)


def account_async(lab, clients, workers, requests, broker_lives):
    """Like account, with the sums that the clients print themselves."""
    again = 0
    for name, client in clients.items():
        sums = client.wait(r"(\d+) requests, (\d+) replies, (\d+) duplicates, (\d+) asked again").groups()
        lab.equal(f"sums of {name}", sums[:3], (str(requests), str(requests), "0"))
        again += int(sums[3])
    redelivered = redeliveries(broker_lives)
    account(lab, clients, workers, requests, redelivered)
    lab.note(f"{redelivered} redelivered")
    return again, redelivered


@case("majordomo", "service discovery: found, not found, not implemented, and a name that is reserved")
def majordomo_lookup(lab):
    broker = majordomo_broker(lab)
    worker = majordomo_worker(lab, "w1", "coffee")
    broker.wait("a worker for coffee has joined")
    lookup = lab.run("majordomo/lookup", lab.endpoint("broker"), "coffee", "tea")
    lab.equal("answers", lookup.groups(r"lookup: (mmi.*)"),
              ["mmi.service coffee: 200", "mmi.service tea: 404", "mmi.weather tomorrow: 501"])
    intruder = majordomo_worker(lab, "intruder", "mmi.service")
    intruder.wait("disconnected by the broker", 2)
    worker.stop()
    broker.wait("a worker for coffee has joined")
    lookup = lab.run("majordomo/lookup", lab.endpoint("broker"), "coffee")
    lab.equal("after it left", lookup.groups(r"lookup: (mmi.service.*)"), ["mmi.service coffee: 404"])
    lab.stop(broker, intruder)


@case("majordomo", "a request for a service that nobody offers waits, expires, and is served when it comes")
def majordomo_expiry(lab):
    broker = majordomo_broker(lab, expiry=400)
    client = lab.start("majordomo/client", lab.endpoint("broker"), "echo", "ann", 1, 300, 2)
    client.ends(status=1)
    broker.wait("a request for echo has expired", 2)
    clients = synchronous(lab, ["bob"], 1, timeout=20000)
    worker = majordomo_worker(lab, "w1")
    finish(lab, clients, [broker, worker])
    # The requests of the client that is gone are not done after all.
    account(lab, clients, [worker], 1)


@case("majordomo", "workers killed and paused: their requests go to others, no client asks again", tcp=True)
def majordomo_workers(lab):
    broker = majordomo_broker(lab)
    workers = [majordomo_worker(lab, name) for name in ("w1", "w2", "w3")]
    broker.wait("has joined", 3)
    clients = asynchronous(lab, ["ann", "bob"], 400, timeout=30000)
    clients["ann"].wait("reply", 50)
    workers[0].kill()
    clients["ann"].wait("reply", 150)
    workers[1].freeze()
    broker.wait("is gone", 2)
    workers[1].thaw()
    broker.wait("has joined", 4)
    finish(lab, clients, [broker, *workers[1:]])
    again, redelivered = account_async(lab, clients, workers, 400, [broker])
    lab.equal("asked again", again, 0)
    lab.expect(redelivered >= 1, "a worker was killed and paused, and nothing redelivered")


@case("majordomo", "broker killed and started again, twice: all join again, every request is answered once", tcp=True)
def majordomo_broker_killed(lab):
    brokers = [majordomo_broker(lab)]
    workers = [majordomo_worker(lab, name) for name in ("w1", "w2", "w3")]
    clients = synchronous(lab, ["ann"], 100)
    quick = asynchronous(lab, ["bob"], 500)
    for reached in (20, 50):
        clients["ann"].wait(f"reply {reached}:")
        brokers[-1].kill()
        brokers.append(majordomo_broker(lab))
    finish(lab, {**clients, **quick}, [brokers[-1], *workers])
    account(lab, {**clients, **quick}, workers, {"ann": 100, "bob": 500}, redeliveries(brokers))


@case("majordomo", "broker paused: it does not blame its workers, every request is answered once")
def majordomo_broker_paused(lab):
    broker = majordomo_broker(lab)
    workers = [majordomo_worker(lab, name) for name in ("w1", "w2")]
    broker.wait("has joined", 2)
    clients = asynchronous(lab, ["ann"], 300)
    clients["ann"].wait("reply", 60)
    broker.freeze()
    clients["ann"].wait("asks again")
    broker.thaw()
    finish(lab, clients, [broker, *workers])
    account_async(lab, clients, workers, 300, [broker])


@case("majordomo", "a worker and a client cut off from the broker, and back: every request is answered once")
def majordomo_cut(lab):
    broker = majordomo_broker(lab)
    to_broker = lab.relay("relay", "broker")
    far = lab.start("majordomo/worker", to_broker.endpoint, "echo", 3, BEAT, name="far")
    near = majordomo_worker(lab, "near")
    broker.wait("has joined", 2)
    ann = lab.start("majordomo/client", to_broker.endpoint, "echo", "ann", 100, TIMEOUT, TRIES, name="ann")
    bob = lab.start("majordomo/client", lab.endpoint("broker"), "echo", "bob", 150, TIMEOUT, TRIES, name="bob")
    ann.wait("reply 20:")
    to_broker.cut()
    broker.wait("a worker for echo is gone")
    bob.wait("reply", len(bob.matches("reply")) + 20)
    to_broker.heal()
    broker.wait("has joined", 3)
    for client in (ann, bob):
        client.ends()
    lab.stop(broker, near, far)
    account(lab, {"ann": ann, "bob": bob}, [near, far], {"ann": 100, "bob": 150}, redeliveries([broker]))
