"""Titanic: what has been accepted is answered, whatever is killed and whenever."""

import os

from checks.lab import case
from checks.pirates import BEAT, majordomo_broker, majordomo_worker


def titanic(lab, **environment):
    process = lab.start("titanic/titanic", lab.endpoint("broker"), lab.path("store"), BEAT, name="titanic", **environment)
    process.wait("is ready")
    return process


def client(lab, name, requests):
    return lab.start("titanic/client", lab.endpoint("broker"), "echo", name, requests, name=name)


def account(lab, clients, lives, requests):
    """Every accepted request has its own reply; what is left over was never accepted by anybody."""
    accepted = []
    for process in clients:
        accepted += process.groups(r"accepted \d+ ([0-9A-F]{32})$")
        numbers = [str(number) for number in range(1, requests + 1)]
        lab.equal(f"right replies of {process.name}", process.groups(r"the right reply (\d+)"), numbers)
        lab.equal(f"wrong replies of {process.name}", process.matches("a wrong reply|another answer"), [])
        lab.equal(f"asked again by {process.name}", len(process.matches("asked again: the same")), requests)
        lab.equal(f"closed by {process.name}", process.groups(r"closed (\d+): 200, then 400"), numbers)
    lab.equal("ids", len(set(accepted)), len(clients) * requests)
    stored = {identity for life in lives for identity in life.groups(r"stored ([0-9A-F]{32})")}
    files = {entry.split(".")[0] for entry in os.listdir(lab.path("store"))}
    # A request may be stored and its id not arrive: the client then hands it in once more. A
    # crash may come between storing and the line that says so.
    lab.equal("closed, and still on the disk", sorted(files & set(accepted)), [])
    lab.note(f"{len(accepted)} accepted, {len(accepted)} answered as stored, {len(stored - set(accepted))} stored twice")


@case("titanic", "requests handed in before the service exists are answered when it comes")
def absent(lab):
    broker, keeper = majordomo_broker(lab), titanic(lab)
    ann = client(lab, "ann", 15)
    ann.wait("accepted 15 ")
    worker = majordomo_worker(lab, "worker")
    ann.ends()
    account(lab, [ann], [keeper], 15)
    lab.stop(worker, keeper, broker)


@case("titanic", "Titanic killed while it accepts, and while it answers: nothing accepted is lost")
def keeper_killed(lab):
    broker, lives = majordomo_broker(lab), [titanic(lab)]
    worker = majordomo_worker(lab, "worker", work=5)
    clients = [client(lab, name, 40) for name in ("ann", "bob")]
    for line in ("accepted 10 ", "accepted 30 ", "the right reply 10$", "the right reply 25$"):
        clients[0].wait(line)
        lives[-1].kill()
        lives.append(titanic(lab))
    for process in clients:
        process.ends()
    account(lab, clients, lives, 40)
    lab.stop(worker, lives[-1], broker)


@case("titanic", "Titanic paused while it accepts, and while it answers: it joins again, nothing accepted is lost")
def keeper_paused(lab):
    broker, keeper = majordomo_broker(lab), titanic(lab)
    worker = majordomo_worker(lab, "worker", work=5)
    clients = [client(lab, name, 30) for name in ("ann", "bob")]
    for line in ("accepted 10 ", "the right reply 5$"):
        clients[0].wait(line)
        gone = len(broker.matches("a worker for titanic.request is gone"))
        keeper.freeze()
        broker.wait("a worker for titanic.request is gone", gone + 1)
        keeper.thaw()
    for process in clients:
        process.ends()
    account(lab, clients, [keeper], 30)
    lab.stop(worker, keeper, broker)


@case("titanic", "broker paused in the middle: all join again, nothing accepted is lost")
def broker_paused(lab):
    broker, keeper = majordomo_broker(lab), titanic(lab)
    worker = majordomo_worker(lab, "worker", work=5)
    clients = [client(lab, name, 30) for name in ("ann", "bob")]
    for line in ("accepted 10 ", "the right reply 5$"):
        clients[0].wait(line)
        joined = len(keeper.matches("joins again"))
        broker.freeze()
        # Each of its three services.
        keeper.wait("joins again", joined + 3)
        broker.thaw()
    for process in clients:
        process.ends()
    account(lab, clients, [keeper], 30)
    lab.stop(worker, keeper, broker)


@case("titanic", "broker killed in the middle: all come back, nothing accepted is lost")
def broker_killed(lab):
    broker, keeper = majordomo_broker(lab), titanic(lab)
    worker = majordomo_worker(lab, "worker", work=5)
    clients = [client(lab, name, 30) for name in ("ann", "bob")]
    for line in ("accepted 10 ", "the right reply 5$"):
        clients[0].wait(line)
        broker.kill()
        broker = majordomo_broker(lab)
    for process in clients:
        process.ends()
    account(lab, clients, [keeper], 30)
    lab.stop(worker, keeper, broker)


@case("titanic", "everything killed at once, and started again: nothing accepted is lost", tcp=True)
def all_killed(lab):
    broker, lives = majordomo_broker(lab), [titanic(lab)]
    worker = majordomo_worker(lab, "worker", work=20)
    clients = [client(lab, name, 30) for name in ("ann", "bob")]
    for line in ("accepted 15 ", "the right reply 3$"):
        clients[0].wait(line)
        for process in (worker, lives[-1], broker):
            process.kill()
        broker, worker = majordomo_broker(lab), majordomo_worker(lab, "worker", work=5)
        lives.append(titanic(lab))
    for process in clients:
        process.ends()
    account(lab, clients, lives, 30)
    lab.stop(worker, lives[-1], broker)


@case("titanic", "worker killed and paused in the middle: its requests are done again")
def worker_killed(lab):
    broker, keeper = majordomo_broker(lab), titanic(lab)
    worker = majordomo_worker(lab, "worker", work=10)
    broker.wait("a worker for echo has joined")
    ann = client(lab, "ann", 30)
    ann.wait("accepted 10 ")
    worker.kill()
    worker = majordomo_worker(lab, "worker", work=10)
    ann.wait("the right reply 5$")
    worker.freeze()
    broker.wait("a worker for echo is gone", 2)
    worker.thaw()
    ann.ends()
    account(lab, [ann], [keeper], 30)
    lab.stop(worker, keeper, broker)


# A request, its reply and its end take three steps each: flush the file, rename it, flush the
# folder; and in the end remove both, and flush the folder.
STEPS = 9


def watched(lab, **environment):
    # The sanitizers do not like to come second.
    return titanic(lab, LD_PRELOAD=lab.binary("checks/disk"), ASAN_OPTIONS="verify_asan_link_order=0", **environment)


@case("titanic", "nothing is promised before it is on the disk: flushed, renamed, and the folder flushed")
def order_of_steps(lab):
    broker, keeper = majordomo_broker(lab), watched(lab)
    worker = majordomo_worker(lab, "worker")
    client(lab, "ann", 5).ends()
    lab.stop(worker, keeper, broker)
    lines = keeper.lines
    promised = 0
    for kind, promise in (("request", "stored"), ("reply", "answered")):
        for identity in keeper.groups(rf"titanic: {promise} ([0-9A-F]{{32}})"):
            end = lines.index(f"titanic: {promise} {identity}")
            lab.equal(f"what came before the promise about a {kind}", lines[end - 3:end], [
                f"disk: fsync {identity}.unfinished ", f"disk: rename {identity}.unfinished {identity}.{kind}", "disk: fsync store "])
            promised += 1
    lab.equal("promises", promised, 10)


@case("titanic", "killed just before each single step on the disk: nothing accepted is lost, nothing is left over")
def killed_at_each_step(lab):
    broker, worker = majordomo_broker(lab), majordomo_worker(lab, "worker")
    for step in range(1, STEPS + 1):
        dying = watched(lab, CRASH_AT=str(step))
        ann = client(lab, f"ann{step}", 1)
        dying.ends(status=-9)
        keeper = titanic(lab)
        ann.ends()
        account(lab, [ann], [dying, keeper], 1)
        lab.equal("unfinished files", [entry for entry in os.listdir(lab.path("store")) if "unfinished" in entry], [])
        keeper.stop()
    lab.notes = [f"{STEPS} steps"]
    lab.stop(worker, broker)
