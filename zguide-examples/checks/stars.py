"""Pairs and groups of servers without a broker: Binary Star and Freelance."""

from checks.lab import case
from checks.pirates import account

BEAT = 100  # ms
TIMEOUT, SETTLE, TRIES = 400, 500, 40


def server(lab, role, work=3, peer=None):
    other = "backup" if role == "primary" else "primary"
    return lab.start("binary_star/server", role, lab.endpoint(role), lab.endpoint(f"{role}-state"),
                     peer or lab.endpoint(f"{other}-state"), BEAT, work, name=role)


def clients_of_pair(lab, names, requests, tries=TRIES, servers=("primary", "backup")):
    return {name: lab.start("binary_star/client", *map(lab.endpoint, servers), name, requests, TIMEOUT, SETTLE, tries, name=name)
            for name in names}


def pair(lab, **settings):
    primary, backup = server(lab, "primary", **settings), server(lab, "backup", **settings)
    primary.wait("the primary is active")
    backup.wait("the backup is passive")
    return primary, backup


@case("binary_star", "primary killed: the backup takes over; fail-back by hand; every request is answered once", tcp=True)
def failover(lab):
    primary, backup = pair(lab)
    clients = clients_of_pair(lab, ["ann", "bob"], 150)
    clients["ann"].wait("reply 30:")
    primary.kill()
    backup.wait("the backup is active: its peer is silent and a client has come")
    clients["ann"].wait("reply 60:")
    again = server(lab, "primary")
    again.wait("the primary is passive: its peer is active")
    clients["ann"].wait("reply 90:")
    # Fail-back: whoever stops the backup decides when.
    backup.stop()
    again.wait("the primary is active")
    clients["ann"].wait("reply 110:")
    last = server(lab, "backup")
    last.wait("the backup is passive")
    for client in clients.values():
        client.ends()
    lab.stop(again, last)
    account(lab, clients, [primary, backup, again, last], 150)


@case("binary_star", "the active backup killed: the primary that has come back takes over again, every request is answered once")
def active_backup_killed(lab):
    primary, backup = pair(lab)
    clients = clients_of_pair(lab, ["ann", "bob"], 120)
    clients["ann"].wait("reply 20:")
    primary.kill()
    backup.wait("the backup is active: its peer is silent and a client has come")
    again = server(lab, "primary")
    again.wait("the primary is passive: its peer is active")
    clients["ann"].wait("reply 50:")
    backup.kill()
    again.wait("the primary is active: its peer is silent and a client has come")
    clients["ann"].wait("reply 80:")
    last = server(lab, "backup")
    last.wait("the backup is passive")
    for client in clients.values():
        client.ends()
    lab.stop(again, last)
    account(lab, clients, [primary, backup, again, last], 120)


@case("binary_star", "primary paused: the backup takes over, the primary steps down when it wakes up")
def paused(lab):
    primary, backup = pair(lab)
    clients = clients_of_pair(lab, ["ann", "bob"], 120)
    clients["bob"].wait("reply 30:")
    primary.freeze()
    backup.wait("the backup is active")
    clients["bob"].wait("reply 50:")
    done = len(primary.matches("does "))
    primary.thaw()
    primary.wait("the primary is passive: it was stopped for too long")
    for client in clients.values():
        client.ends()
    # It finishes at most the one that it was in the middle of, and nothing of what had come since.
    lab.expect(len(primary.matches("does ")) <= done + 1, "the primary served after it had been replaced")
    lab.stop(primary, backup)
    account(lab, clients, [primary, backup], 120)


@case("binary_star", "no client, no vote: a passive server does not take over by itself")
def no_vote(lab):
    primary, backup = pair(lab)
    primary.kill()
    # The silence alone changes nothing; a client that comes long after it does.
    alone = lab.start("lazy_pirate/client", lab.endpoint("primary"), "eve", 1, 4 * BEAT, 3)
    alone.ends(status=1)
    lab.equal("backup", backup.matches("the backup is active"), [])
    clients = clients_of_pair(lab, ["ann"], 20)
    clients["ann"].ends()
    backup.wait("the backup is active: its peer is silent and a client has come")
    lab.stop(backup)
    account(lab, clients, [backup], 20)


@case("binary_star", "a backup that never met its primary does not serve; a primary alone does")
def alone(lab):
    backup = server(lab, "backup")
    refused = clients_of_pair(lab, ["eve"], 1, tries=3)["eve"]
    refused.ends(status=1)
    lab.equal("done by the backup", backup.matches("does "), [])
    backup.stop()
    primary = server(lab, "primary")
    clients = clients_of_pair(lab, ["ann"], 20)
    clients["ann"].ends()
    lab.stop(primary)
    account(lab, clients, [primary], 20)


@case("binary_star", "split brain: two servers that were both active end, and say so, when they meet")
def split_brain(lab):
    to_primary, to_backup = (lab.relay(f"to-{role}", f"{role}-state") for role in ("primary", "backup"))
    primary = server(lab, "primary", peer=to_backup.endpoint)
    backup = server(lab, "backup", peer=to_primary.endpoint)
    primary.wait("the primary is active")
    backup.wait("the backup is passive")
    to_primary.cut()
    to_backup.cut()
    # One client reaches the primary only, another the backup only: the case that
    # the pattern cannot prevent.
    ann = lab.start("lazy_pirate/client", lab.endpoint("primary"), "ann", 1000000, TIMEOUT, 1000, name="ann")
    bob = lab.start("lazy_pirate/client", lab.endpoint("backup"), "bob", 1000000, TIMEOUT, 1000, name="bob")
    backup.wait("the backup is active")
    ann.wait("reply 20:")
    bob.wait("reply 20:")
    to_primary.heal()
    to_backup.heal()
    for one in (primary, backup):
        one.ends(status=3).wait("is out of service: both were active")
    lab.stop(ann, bob)


# ------------------------------------------------------------------------ Freelance


def group(lab, program, work=2):
    return [lab.start(program, lab.endpoint(name), work, name=name) for name in ("s1", "s2", "s3")]


def endpoints(lab):
    return [lab.endpoint(name) for name in ("s1", "s2", "s3")]


def trouble(lab, servers, client, program):
    """One server after the other is killed or paused; one is always left."""
    client.wait("reply 30:")
    servers[0].kill()
    client.wait("reply 60:")
    servers[1].freeze()
    client.wait("reply 90:")
    servers.append(lab.start(program, lab.endpoint("s1"), 2, name="s1"))
    servers[1].thaw()
    client.wait("reply 110:")
    servers[2].kill()


@case("freelance", "model one, one server after the other: every request is answered once", tcp=True)
def model_one(lab):
    servers = group(lab, "lazy_pirate/server")
    clients = {name: lab.start("freelance/client_1", name, 150, TIMEOUT, 30, *endpoints(lab), name=name) for name in ("ann", "bob")}
    trouble(lab, servers, clients["ann"], "lazy_pirate/server")
    for client in clients.values():
        client.ends()
    lab.stop(servers[1], servers[3])
    account(lab, clients, servers, 150)


@case("freelance", "model two, all servers at once: no failure is even noticed, late replies are dropped")
def model_two(lab):
    servers = group(lab, "freelance/server_2")
    clients = {name: lab.start("freelance/client_2", name, 150, 30000, *endpoints(lab), name=name) for name in ("ann", "bob")}
    trouble(lab, servers, clients["ann"], "freelance/server_2")
    for client in clients.values():
        client.ends()
    lab.stop(servers[1], servers[3])
    for client in clients.values():
        lab.equal(f"requests of {client.name}", len(client.matches("asks ")), 150)
    # Each of the three servers does each request at most once.
    account(lab, clients, servers, 150, redelivered=2 * 300)


@case("freelance", "model three, pings: a silent server is left at once, every request is answered once", tcp=True)
def model_three(lab):
    servers = group(lab, "freelance/server_3")
    clients = {name: lab.start("freelance/client_3", name, 150, 30000, BEAT, *endpoints(lab), name=name) for name in ("ann", "bob")}
    trouble(lab, servers, clients["ann"], "freelance/server_3")
    for client in clients.values():
        client.ends()
    lab.stop(servers[1], servers[3])
    account(lab, clients, servers, 150)


@case("freelance", "model three: a server that dies with a request and is back before it is missed")
def back_at_once(lab):
    servers = [lab.start("freelance/server_3", lab.endpoint("only"), 200, name="only")]
    client = lab.start("freelance/client_3", "ann", 3, 30000, BEAT, lab.endpoint("only"), name="ann")
    servers[0].wait("does ann 2")
    servers[0].kill()
    servers.append(lab.start("freelance/server_3", lab.endpoint("only"), 2, name="only"))
    client.ends()
    servers[1].stop()
    account(lab, {"ann": client}, servers, 3)


@case("freelance", "all servers gone: the clients of each model say so")
def all_gone(lab):
    nobody = [lab.endpoint("nobody"), lab.endpoint("nothing")]
    clients = [lab.start("freelance/client_1", "ann", 1, 100, 2, *nobody),
               lab.start("freelance/client_2", "ann", 1, 300, *nobody),
               lab.start("freelance/client_3", "ann", 1, 300, 50, *nobody)]
    for client in clients:
        client.ends(status=1).wait("gives up at 1")
