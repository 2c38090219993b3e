"""Titanic: what has been accepted is answered, whatever is killed and whenever."""

import os

from checks.lab import case
from checks.pirates import BEAT, majordomo_broker, majordomo_worker


def titanic(lab):
    process = lab.start("titanic/titanic", lab.endpoint("broker"), lab.path("store"), BEAT, name="titanic")
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


@case("titanic", "everything killed at once, and started again: nothing accepted is lost")
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
