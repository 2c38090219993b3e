"""Reliable publish-subscribe: caches, snails, taps and clones."""

from checks.lab import case

BEAT = 100  # ms
BEAT_OF_PAIR = 200  # three of them are longer than a busy machine keeps a process from running


@case("last_value_cache", "who joins late gets the last value at once, and only of its topics")
def last_values(lab):
    cache = lab.start("last_value_cache/cache", lab.endpoint("front"), lab.endpoint("back"))
    cache.wait("backend: bound to")
    early = lab.start("publish_subscribe/subscriber", "", 300, lab.endpoint("back"))
    cache.wait('subscription to ""')
    publisher = lab.start("publish_subscribe/publisher", "--connect", lab.endpoint("front"), "one", 100, 1)
    # What the cache has passed on it has kept.
    for process in (publisher, early):
        process.ends()
    late = lab.start("publish_subscribe/subscriber", "news.", 2, lab.endpoint("back"))
    late.ends()
    lab.equal("last values of news", [match.groups() for match in late.matches(r"update (\S+) one (\d+)")],
              [("news.art", "100"), ("news.sport", "100")])
    every = lab.start("publish_subscribe/subscriber", "", 3 + 60, lab.endpoint("back"))
    every.wait("update", 3)
    lab.equal("last values", [match.groups() for match in every.matches(r"update (\S+) one (\d+)")][:3],
              [("news.art", "100"), ("news.sport", "100"), ("weather", "100")])
    # And then it follows: two topics by one publisher more, each update once and in order.
    lab.run("publish_subscribe/publisher", "--connect", lab.endpoint("front"), "two", 20, 1)
    every.ends()
    for topic in ("news.art", "news.sport", "weather"):
        lab.equal(topic, every.groups(rf"update {topic} two (\d+)"), [str(number) for number in range(1, 21)])
    cache.stop().wait("3 values")


@case("last_value_cache", "killed and started again: it is empty, who was subscribed is so again, and what comes is kept")
def cache_killed(lab):
    def start():
        process = lab.start("last_value_cache/cache", lab.endpoint("front"), lab.endpoint("back"), name="cache")
        process.wait("backend: bound to")
        return process

    cache = start()
    early = lab.start("publish_subscribe/subscriber", "", 300 + 60, lab.endpoint("back"), name="early")
    cache.wait('subscription to ""')
    lab.run("publish_subscribe/publisher", "--connect", lab.endpoint("front"), "one", 100, 1)
    early.wait("update", 300)
    cache.kill()
    cache = start()
    # By itself.
    cache.wait('subscription to ""')
    late = lab.start("publish_subscribe/subscriber", "news.", 40, lab.endpoint("back"), name="late")
    cache.wait('subscription to "news."')
    lab.run("publish_subscribe/publisher", "--connect", lab.endpoint("front"), "two", 20, 1)
    late.ends()
    lab.equal("updates of late by the first publisher", late.matches(" one "), [])
    early.ends()
    for subscriber, topics in ((late, ("news.art", "news.sport")), (early, ("news.art", "news.sport", "weather"))):
        for topic in topics:
            lab.equal(f"{topic} of {subscriber.name}", subscriber.groups(rf"update {topic} two (\d+)"),
                      [str(number) for number in range(1, 21)])
    last = lab.run("publish_subscribe/subscriber", "news.", 2, lab.endpoint("back"), name="last")
    lab.equal("last values", [match.groups() for match in last.matches(r"update (\S+) (\S+) (\d+)")],
              [("news.art", "two", "20"), ("news.sport", "two", "20")])
    cache.stop().wait("3 values")


@case("suicidal_snail", "publisher killed and started again: a subscriber that may have missed something ends")
def snail_publisher_killed(lab):
    def start():
        return lab.start("suicidal_snail/publisher", lab.endpoint("updates"), 1, name="publisher")

    publisher = start()
    subscribers = [lab.start("suicidal_snail/subscriber", lab.endpoint("updates"), 20000, name=name) for name in ("ann", "bob")]
    for subscriber in subscribers:
        subscriber.wait("received 100$")
    publisher.kill()
    # Silence alone is not the end: there may be nothing to say.
    lab.expect(all(subscriber.running for subscriber in subscribers), "a subscriber has ended before there was an update")
    publisher = start()
    for subscriber in subscribers:
        subscriber.ends(status=1).wait("the publisher has been started again")
    fresh = lab.start("suicidal_snail/subscriber", lab.endpoint("updates"), 20000, name="fresh")
    fresh.wait("received 100$")
    lab.stop(fresh, publisher)


@case("suicidal_snail", "a subscriber that was paused finds itself too slow and ends; the others go on")
def snail(lab):
    publisher = lab.start("suicidal_snail/publisher", lab.endpoint("updates"), 1)
    quick, slow = (lab.start("suicidal_snail/subscriber", lab.endpoint("updates"), limit, name=name)
                   for name, limit in (("quick", 20000), ("slow", 1000)))
    for subscriber in (quick, slow):
        subscriber.wait("received 100$")
    slow.freeze()
    # Long enough: the updates say themselves how much time has passed.
    quick.wait("received", len(quick.matches("received")) + 14)
    slow.thaw()
    slow.ends(status=1).wait("too slow|are missing")
    quick.wait("received", len(quick.matches("received")) + 2)
    lab.stop(quick, publisher)


@case("espresso", "the tap sees each update and each subscription that flows")
def espresso(lab):
    tap = lab.start("espresso/tap", lab.endpoint("front"), lab.endpoint("back"))
    tap.wait("backend: bound to")
    subscriber = lab.start("publish_subscribe/subscriber", "news.", 200, lab.endpoint("back"))
    publisher = lab.start("publish_subscribe/publisher", "--connect", lab.endpoint("front"), "one", 100, 1)
    for process in (publisher, subscriber):
        process.ends()
    tap.wait('unsubscribe "news."')
    lab.equal("subscriptions", tap.groups(r'tap: (\w*subscribe ".*")'), ['subscribe "news."', 'unsubscribe "news."'])
    for topic in ("news.art", "news.sport"):
        lab.equal(topic, tap.groups(rf"tap: \[{topic}\] \[one\] \[(\d+)\]"), [str(number) for number in range(1, 101)])
    # What nobody has subscribed to does not even come.
    lab.equal("weather", tap.matches(r"\[weather\]"), [])
    tap.stop().wait("ended")


@case("espresso", "the tap killed and started again: subscriptions and updates flow through it, and are seen, as before")
def tap_killed(lab):
    def start():
        process = lab.start("espresso/tap", lab.endpoint("front"), lab.endpoint("back"), name="tap")
        process.wait("backend: bound to")
        return process

    tap = start()
    subscriber = lab.start("publish_subscribe/subscriber", "news.", 200 + 40, lab.endpoint("back"))
    lab.run("publish_subscribe/publisher", "--connect", lab.endpoint("front"), "one", 100, 1)
    subscriber.wait("update", 200)
    tap.kill()
    tap = start()
    # The subscriber comes back by itself.
    tap.wait('subscribe "news."')
    lab.run("publish_subscribe/publisher", "--connect", lab.endpoint("front"), "two", 20, 1)
    subscriber.ends()
    tap.wait('unsubscribe "news."')
    for topic in ("news.art", "news.sport"):
        for name, count in (("one", 100), ("two", 20)):
            lab.equal(f"{topic} of {name}", subscriber.groups(rf"update {topic} {name} (\d+)"),
                      [str(number) for number in range(1, count + 1)])
        lab.equal(f"{topic} as the tap sees it", tap.groups(rf"tap: \[{topic}\] \[two\] \[(\d+)\]"),
                  [str(number) for number in range(1, 21)])
    tap.stop().wait("ended")


# ---------------------------------------------------------------------------- Clone


def single(lab):
    process = lab.start("clone/server", "single", lab.endpoint("one"), BEAT, name="server")
    process.wait("is ready")
    return process


def member(lab, role):
    other = "backup" if role == "primary" else "primary"
    process = lab.start("clone/server", role, lab.endpoint(role), lab.endpoint(other), BEAT_OF_PAIR, name=role)
    process.wait("is ready")
    return process


def clone(lab, name, sets, servers, subtree="/t/", pace=4, ttl=0):
    return lab.start("clone/client", name, subtree, sets, pace, ttl, BEAT, *map(lab.endpoint, servers), name=name)


def reach(client, number):
    """Waits for that change of the client, or a later one: a newer change may take the place of an older."""
    client.wait(rf"client: /\S*{client.name}/\d=(\d+)$", accept=lambda match: int(match.group(1)) >= number)


def final(name, sets, subtree="/t/"):
    """What the map holds of one client in the end."""
    values = {f"{subtree}{name}/{number % 10}": str(number) for number in range(1, sets + 1)}
    return {**values, f"{subtree}{name}/end": "end"}


def settle(lab, clients, writers):
    """Waits until all have seen the end of all, stops them, and compares their maps."""
    for client in clients:
        for writer in writers:
            client.wait(rf"client: /\S*{writer}/end=end")
    lab.stop(*clients)
    return {client.name: dict(match.groups() for match in client.matches(r"client: has (\S+)=(.*)")) for client in clients}


@case("clone", "snapshot and updates: early and late clients have the same map, a subtree is only itself")
def snapshot(lab):
    server = single(lab)
    ann, bob = clone(lab, "ann", 100, ["one"]), clone(lab, "bob", 100, ["one"], subtree="/t/deep/")
    reach(ann, 50)
    late, deep = clone(lab, "late", 0, ["one"]), clone(lab, "deep", 0, ["one"], subtree="/t/deep/")
    wide = settle(lab, [ann, late], ["ann", "bob", "late", "deep"])
    narrow = settle(lab, [bob, deep], ["bob", "deep"])
    below = {**final("bob", 100, "/t/deep/"), **final("deep", 0, "/t/deep/")}
    every = {**final("ann", 100), **final("late", 0), **below}
    for name, got in wide.items():
        lab.equal(f"map of {name}", got, every)
    for name, got in narrow.items():
        lab.equal(f"map of {name}", got, below)
    server.stop().wait(f"server: {len(every)} entries")


@case("clone", "ephemeral values disappear everywhere when their time is over")
def ephemeral(lab):
    server = single(lab)
    watcher = clone(lab, "watcher", 0, ["one"])
    watcher.wait("in sync")
    writer = clone(lab, "writer", 10, ["one"], ttl=1)
    for client in (watcher, writer):
        for number in range(10):
            client.wait(rf"writer/{number} is gone")
    maps = settle(lab, [watcher, writer], ["writer", "watcher"])
    for name, got in maps.items():
        lab.equal(f"map of {name}", got, {"/t/writer/end": "end", "/t/watcher/end": "end"})
    server.stop()


@case("clone", "a client that was paused asks for a new snapshot, and has everything again")
def client_paused(lab):
    server = single(lab)
    bob = clone(lab, "bob", 0, ["one"])
    bob.wait("in sync")
    ann = clone(lab, "ann", 200, ["one"])
    reach(ann, 50)
    bob.freeze()
    # The silence limit, measured in updates of which there is one each 4 ms at most.
    reach(ann, 180)
    bob.thaw()
    bob.wait("in sync", 2)
    maps = settle(lab, [ann, bob], ["ann", "bob"])
    for name, got in maps.items():
        lab.equal(f"map of {name}", got, {**final("ann", 200), **final("bob", 0)})
    server.stop()


@case("clone", "a client that was cut off, and is back, has everything again")
def client_cut(lab):
    server = single(lab)
    relays = [lab.relay(f"relay-{port}", f"one-{port}") for port in range(3)]
    bob = lab.start("clone/client", "bob", "/t/", 50, 10, 0, BEAT, f"ipc://{lab.path('relay')}", name="bob")
    reach(bob, 10)
    ann = clone(lab, "ann", 200, ["one"])
    reach(ann, 50)
    for relay in relays:
        relay.cut()
    reach(ann, 150)
    for relay in relays:
        relay.heal()
    bob.wait("in sync", 2)
    maps = settle(lab, [ann, bob], ["ann", "bob"])
    for name, got in maps.items():
        lab.equal(f"map of {name}", got, {**final("ann", 200), **final("bob", 50)})
    server.stop()


@case("clone", "the only server killed and started again: clients notice and go on; what it had is lost")
def single_killed(lab):
    server = single(lab)
    eve = clone(lab, "eve", 10, ["one"])
    eve.wait("eve/end=end")
    eve.stop()
    ann, bob = clone(lab, "ann", 400, ["one"]), clone(lab, "bob", 0, ["one"])
    bob.wait("in sync")
    reach(ann, 50)
    server.kill()
    server = single(lab)
    for client in (ann, bob):
        client.wait("in sync", 2)
    maps = settle(lab, [ann, bob], ["ann"])
    for name, got in maps.items():
        got.pop("/t/bob/end", None)  # sent before or after
        lab.equal(f"map of {name}", got, final("ann", 400))
    server.stop()


def members(lab):
    primary, backup = member(lab, "primary"), member(lab, "backup")
    primary.wait("the primary is active")
    backup.wait("has a snapshot")
    return primary, backup


def check_members(lab, clients, sets):
    maps = settle(lab, clients, [client.name for client in clients])
    every = {key: value for client in clients for key, value in final(client.name, sets).items()}
    for name, got in maps.items():
        lab.equal(f"map of {name}", got, every)
    lab.note(f"{len(clients) * sets} changes, 0 lost, "
             f"{sum(len(client.matches('again$')) for client in clients)} sent again")


@case("clone", "primary killed, started again, and fail-back: no change is lost, all have the same map", tcp=True)
def failover(lab):
    primary, backup = members(lab)
    clients = [clone(lab, name, 400, ["primary", "backup"], pace=8) for name in ("ann", "bob")]
    reach(clients[0], 50)
    primary.kill()
    backup.wait("takes over")
    reach(clients[0], 120)
    again = member(lab, "primary")
    again.wait("has a snapshot")
    reach(clients[0], 180)
    backup.kill()
    again.wait("takes over")
    check_members(lab, clients, 400)
    again.stop()


@case("clone", "primary paused: the backup takes over, the primary comes back as passive and up to date")
def primary_paused(lab):
    primary, backup = members(lab)
    clients = [clone(lab, name, 250, ["primary", "backup"], pace=6) for name in ("ann", "bob")]
    reach(clients[0], 50)
    primary.freeze()
    backup.wait("takes over")
    reach(clients[0], 100)
    primary.thaw()
    primary.wait("has a snapshot")
    check_members(lab, clients, 250)
    # Now the primary has everything: it can take over in its turn.
    backup.kill()
    last = clone(lab, "last", 1, ["primary", "backup"])
    last.wait("last/end=end")
    last.stop()
    got = dict(match.groups() for match in last.matches(r"client: has (\S+)=(.*)"))
    lab.equal("map of last", got, {**final("ann", 250), **final("bob", 250), **final("last", 1)})
    primary.stop()
