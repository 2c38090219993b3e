"""The scenes that guide.py plays with the guide's own programs: who is in one, and what has to be seen.

A program may have arguments. "*" behind it: it is at the other end, and not the one that is looked at, but ends by itself.
"""

from typing import NamedTuple

# How a scene ends, once the one that is looked at has printed what it should.
ENDS = "ends"  # it ends by itself, with status 0
GOES_ON = "goes on"  # it would go on for ever, and is stopped
CTRL_C = "Ctrl-C"  # SIGINT comes, and it ends with status 0

# What the programs that send a file have to send; guide.py puts so much into it.
TESTDATA = 10_100_000


class Scene(NamedTuple):
    leading: str
    pattern: str | None  # without one it only has to go on for so many seconds
    count: int
    seconds: int
    others: list[str] = []  # started before it, and stopped in the end
    end: str = ENDS
    then: str = ""  # what it prints after the signal, or after the death of another
    after: list[str] = []  # started after it
    ready: str = ""  # printed by the last of the others before it is started
    killed: str = ""  # one of the others: killed once the pattern was printed


SCENES = [
    # The beginning
    Scene("version", r"version is 4\.3\.", 1, 20),
    Scene("hwclient", r"World", 10, 40, ["hwserver"]),
    Scene("wuclient", r"Average temperature", 1, 240, ["wuserver"]),
    Scene("tasksink", r"Total elapsed time", 1, 60, ["taskwork", "taskwork", "taskvent*"]),
    # Sockets and patterns
    Scene("msreader", None, 0, 5, ["wuserver", "taskvent"], GOES_ON),
    Scene("mspoller", None, 0, 5, ["wuserver", "taskvent"], GOES_ON),
    Scene("tasksink2", r"Total elapsed time", 1, 60, ["taskwork2*", "taskwork2*", "taskvent*"]),
    Scene("rrclient", r"World", 10, 60, ["rrbroker", "rrworker"]),
    Scene("rrclient", r"World", 10, 60, ["msgqueue", "rrworker"]),
    Scene("wuproxy", None, 0, 5, ["wuserver"], GOES_ON),
    Scene("interrupt", r"W: recv", 1, 40, [], CTRL_C, r"W: cleaning up", ["hwclient"]),
    Scene("hwclient", r"World", 10, 60, ["mtserver"]),
    Scene("mtrelay", r"successful", 1, 20),
    # It publishes more than its queues hold, and what is thrown away may be the END for a subscriber.
    Scene("syncpub", r"Broadcasting", 1, 120, ["syncsub"] * 10),
    Scene("psenvsub", r"\[B\] We would like to see this", 3, 60, ["psenvpub"], GOES_ON),
    # Request-reply further on
    Scene("identity", r"\[005\]", 2, 20),
    # The end of the program may come before the last thread has printed.
    Scene("rtreq", r"Completed", 8, 60),
    Scene("rtdealer", r"Completed|received", 1, 60),
    Scene("lbbroker", r"Client: OK", 8, 60),
    Scene("lbbroker2", r"Client: OK", 8, 60),
    Scene("lbbroker3", r"Client: OK", 20, 60, [], CTRL_C),
    Scene("asyncsrv", r"[0-9A-F]{4}-[0-9A-F]{4}.*request #\d", 1, 60),
    Scene("peering1 DC1 DC2 DC3", r"DC[23] - \d workers free", 4, 60, ["peering1 DC2 DC1 DC3", "peering1 DC3 DC1 DC2"], CTRL_C),
    Scene("peering2 DC1 DC2 DC3", r"Client C[0-9A-F]+: OK", 10, 60, ["peering2 DC2 DC1 DC3", "peering2 DC3 DC1 DC2"], CTRL_C),
    Scene("peering3 DC1 DC2 DC3", r"(?m)^[0-9A-F]{4}$", 20, 60, ["peering3 DC2 DC1 DC3", "peering3 DC3 DC1 DC2"], CTRL_C),
    # Reliable request-reply
    Scene("lpclient", r"server replied OK", 1, 60, ["lpserver"]),
    Scene("lpclient", r"server replied OK", 1, 60, ["spqueue", "spworker"]),
    Scene("lpclient", r"server replied OK", 1, 60, ["ppqueue", "ppworker"]),
    Scene("ppworker", r"worker heartbeat", 2, 60, ["ppqueue"], GOES_ON, then=r"(?s)can't reach queue.*I: worker ready", killed="ppqueue"),
    Scene("spqueue", None, 0, 5, ["spworker"], CTRL_C),
    Scene("ppqueue", None, 0, 5, ["ppworker"], CTRL_C),
    Scene("mdclient", r"\b100000 requests/replies processed", 1, 240, ["mdbroker", "mdworker"]),
    # It asks for all before it takes an answer, and the broker throws away what it has no room for.
    Scene("mdclient2", r"\d{4,} replies received", 1, 240, ["mdbroker", "mdworker"]),
    Scene("mmiecho", r"Lookup echo service: 200", 1, 60, ["mdbroker", "mdworker -v"], ready=r"received message from broker"),
    Scene("ticlient", r"Reply: Hello world", 1, 120, ["mdbroker", "titanic", "mdworker -v"],
          ready=r"received message from broker"),
    Scene("mdbroker", None, 0, 5, ["mdworker"], CTRL_C),
    # A backup that has not yet heard of its primary does not take its place.
    Scene("bstarcli", r"server replied OK", 6, 60, ["bstarsrv -p", "bstarsrv -b"], GOES_ON,
          then=r"(?s)failing over.*:5002.*server replied OK", killed="bstarsrv -p"),
    Scene("bstarcli", r"server replied OK", 6, 60, ["bstarsrv2 -p", "bstarsrv2 -b"], GOES_ON,
          then=r"(?s)failing over.*:5002.*server replied OK", killed="bstarsrv2 -p"),
    Scene("bstarsrv -p", r"ready active", 1, 60, ["bstarsrv -b", "bstarcli"], CTRL_C, r"W: interrupted"),
    Scene("flclient1 tcp://localhost:5555", r"Service is running OK", 1, 60, ["flserver1 tcp://*:5555"]),
    Scene("flclient1 tcp://localhost:5556 tcp://localhost:5555", r"(?s)no response.*Service is running OK", 1, 60,
          ["flserver1 tcp://*:5555"]),
    Scene("flclient2 tcp://localhost:5555 tcp://localhost:5556", r"^Average round trip cost", 1, 120,
          ["flserver2 tcp://*:5555", "flserver2 tcp://*:5556"]),
    Scene("flclient3", r"(?<!aborting)\nAverage round trip cost", 1, 120, ["flserver3"]),
    Scene("flclient3", r"connecting to tcp://localhost:5557", 1, 60, ["flserver3"], then=r"aborting", killed="flserver3"),
    Scene("flserver3 -v", r"random name", 1, 60, [], CTRL_C, r"W: interrupted", ["flclient3"]),
    # Publish-subscribe further on
    Scene("pathosub", r"Save Roger", 1, 60, [], GOES_ON, after=["pathopub"]),
    Scene("pathosub tcp://localhost:5558", r"Save Roger", 1, 60, ["lvcache", "pathopub tcp://localhost:5557"], GOES_ON),
    Scene("espresso", r"\] [AB]-\d{5}", 5, 60, [], CTRL_C, r" interrupted"),
    Scene("suisnail", r"subscriber cannot keep up", 1, 240),
    # As long as there is always an update, nothing waits, and Ctrl-C interrupts nothing.
    Scene("clonecli1", None, 0, 5, ["clonesrv1"], CTRL_C, r"\b[1-9]\d* messages in", killed="clonesrv1"),
    Scene("clonesrv1", None, 0, 5, ["clonecli1"], CTRL_C, r"\b[1-9]\d* messages out"),
    # A snapshot is more than the queue to a client holds, and its end may be thrown away: the client cannot be relied on.
    Scene("clonesrv2", r"Sending state shapshot=\d+", 1, 60, [], CTRL_C, r"\b[1-9]\d* messages out", ["clonecli2"]),
    Scene("clonecli3", r"I: received update=\d+", 3, 60, ["clonesrv3", "clonecli3"], CTRL_C, r"\b[1-9]\d* messages in"),
    Scene("clonesrv3", r"I: publishing update", 3, 60, ["clonecli3"], CTRL_C, r"\b[1-9]\d* messages handled"),
    Scene("clonecli4", r"I: received update=\d+", 3, 60, ["clonesrv4", "clonecli4"], CTRL_C, r"\b[1-9]\d* messages in"),
    Scene("clonecli5", r"I: received update=\d+", 3, 60, ["clonesrv5", "clonecli5"], CTRL_C, r"\b[1-9]\d* messages in"),
    Scene("clonesrv5", r"I: publishing update", 3, 60, ["clonecli5"], CTRL_C),
    Scene("clonecli6", r":5556 update=", 3, 90, ["clonesrv6 -p", "clonesrv6 -b"], GOES_ON, then=r":5566 snapshot=", killed="clonesrv6 -p"),
    # Advanced architecture
    Scene("tripping", r"calls/second", 2, 120),
    Scene("eagain", r"Sending message 4\nResource temporarily unavailable", 1, 20),
    Scene("fileio1", rf"\b42 chunks received, {TESTDATA} bytes", 1, 60),
    # In these the server throws chunks away when its queue of one or of twenty is full, which happens on Debian's libzmq.
    Scene("fileio2", rf"\b41 chunks received, {TESTDATA} bytes", 1, 60),
    Scene("fileio3", rf"\b41 chunks received, {TESTDATA} bytes", 1, 60),
    # They need an interface that broadcasts; README.md says what to do where there is none.
    Scene("udpping1", r"Pinging peers", 3, 60, [], CTRL_C, r"Found peer"),
    Scene("udpping2", r"Pinging peers", 3, 60, [], CTRL_C),
    Scene("udpping3", r"JOINED", 1, 60, ["udpping3"], CTRL_C),
]
