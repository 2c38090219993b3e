"""No message of a stranger may end a program, or keep it from serving the others."""

from checks.lab import case
from checks.pirates import BEAT, majordomo_broker, majordomo_worker, paranoid_broker, paranoid_worker
from checks.titanic import titanic


def talk(lab, *targets, messages=600):
    """Strangers talk to all of the endpoints side by side, until they have nothing more to say."""
    strangers = [lab.start("checks/garbage", kind, endpoint, messages, seed, name=f"stranger-{seed}")
                 for seed, (kind, endpoint) in enumerate(targets, 1)]
    for stranger in strangers:
        stranger.ends()


def lazy(lab, endpoint, requests=20):
    lab.run("lazy_pirate/client", endpoint, "ann", requests, 500, 60).wait(f"reply {requests}:")


@case("strangers", "brokers of the Pirates take nonsense from both sides, and serve their clients after it")
def pirate_brokers(lab):
    queue = lab.start("load_balancer/broker", lab.endpoint("front"), lab.endpoint("back"))
    queue.wait("backend: bound to")
    talk(lab, ("dealer", lab.endpoint("front")), ("req", lab.endpoint("front")),
         ("dealer", lab.endpoint("back")), ("req", lab.endpoint("back")))
    worker = lab.start("simple_pirate/worker", lab.endpoint("back"), "worker", 0)
    lazy(lab, lab.endpoint("front"))
    lab.stop(queue, worker)
    broker = paranoid_broker(lab)
    talk(lab, ("dealer", lab.endpoint("front")), ("req", lab.endpoint("front")), ("dealer", lab.endpoint("back")))
    worker = paranoid_worker(lab, "worker")
    lazy(lab, lab.endpoint("front"))
    lab.stop(broker, worker)


@case("strangers", "Majordomo and Titanic take nonsense, and serve their clients after it")
def majordomo(lab):
    broker, keeper = majordomo_broker(lab, expiry=500), titanic(lab)
    worker = majordomo_worker(lab, "worker", work=0)
    talk(lab, ("dealer", lab.endpoint("broker")), ("req", lab.endpoint("broker")), ("dealer", lab.endpoint("broker")), messages=300)
    lab.run("majordomo/client", lab.endpoint("broker"), "echo", "ann", 20, 500, 60).wait("reply 20:")
    lab.run("titanic/client", lab.endpoint("broker"), "echo", "bob", 3).wait("closed 3: 200, then 400")
    lab.expect(keeper.running and broker.running and worker.running, "one of them has ended")
    lab.stop(worker, keeper, broker)


@case("strangers", "servers without a broker take nonsense, and serve their clients after it")
def servers(lab):
    plain = lab.start("lazy_pirate/server", lab.endpoint("plain"), 0)
    primary = lab.start("binary_star/server", "primary", lab.endpoint("primary"), lab.endpoint("state-1"), lab.endpoint("state-2"), BEAT, 0)
    second, third = (lab.start(f"freelance/server_{number}", lab.endpoint(f"s{number}"), 0) for number in (2, 3))
    talk(lab, ("dealer", lab.endpoint("plain")), ("dealer", lab.endpoint("primary")), ("req", lab.endpoint("primary")),
         ("dealer", lab.endpoint("s2")), ("dealer", lab.endpoint("s3")))
    lazy(lab, lab.endpoint("plain"))
    lazy(lab, lab.endpoint("primary"))
    lab.run("freelance/client_2", "ann", 20, 20000, lab.endpoint("s2")).wait("reply 20:")
    lab.run("freelance/client_3", "ann", 20, 20000, BEAT, lab.endpoint("s3")).wait("reply 20:")
    lab.stop(plain, primary, second, third)


@case("strangers", "caches and clones take nonsense, and serve their clients after it")
def caches(lab):
    cache = lab.start("last_value_cache/cache", lab.endpoint("front"), lab.endpoint("back"))
    clone = lab.start("clone/server", "single", lab.endpoint("clone"), BEAT)
    clone.wait("is ready")
    talk(lab, ("pub", lab.endpoint("front")), ("dealer", lab.endpoint("clone-0")), ("req", lab.endpoint("clone-0")),
         ("pub", lab.endpoint("clone-2")))
    subscriber = lab.start("publish_subscribe/subscriber", "news.art", 50, lab.endpoint("back"))
    cache.wait('subscription to "news.art"')
    lab.run("publish_subscribe/publisher", "--connect", lab.endpoint("front"), "one", 50, 1)
    subscriber.ends()
    client = lab.start("clone/client", "ann", "/t/", 20, 2, 0, BEAT, lab.endpoint("clone"))
    client.wait("all 20 changes are done")
    lab.stop(client, clone, cache)
