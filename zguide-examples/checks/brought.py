"""Programs as users bring them: nothing in the header may stop them."""

import itertools

from checks.lab import case

HEADERS = '#include <zmq.h>\n#include <zmq_utils.h>\n'
# What one program or the other takes from the header as a constant.
USES = HEADERS + """
int main (void)
{
    zmq_pollitem_t items[2] = {{NULL, 0, ZMQ_POLLIN, 0}, {NULL, 1, ZMQ_POLLIN | ZMQ_POLLOUT, 0}};
    zmq_msg_t message;
    char enough[ZMQ_VERSION >= ZMQ_MAKE_VERSION (4, 3, 0) ? 1 : -1];
    int old_names = ZMQ_XREQ + ZMQ_XREP + ZMQ_NOBLOCK + ZMQ_IDENTITY + ZMQ_FAIL_UNROUTABLE;
    (void) sizeof enough;
    (void) message;
    return items[0].revents + (old_names == 0) + (EFSM == ETERM) + (ENOCOMPATPROTO == EMTHREAD);
}
"""
C = ("c89", "c90", "gnu89", "c99", "gnu99", "c11", "gnu11", "c17")
CPP = ("c++98", "gnu++98", "c++11", "c++14", "c++17", "c++20")


@case("brought", "the headers compile without a warning as C89 to C17 and C++98 to C++20, with and without drafts", ("ours",))
def headers(lab):
    variants = itertools.product([("gcc", "c", standard) for standard in C] + [("g++", "c++", standard) for standard in CPP],
                                 ([], ["-DZMQ_BUILD_DRAFT_API"]))
    count = 0
    for (compiler, language, standard), defines in variants:
        lab.compiles(compiler, "-x", language, f"-std={standard}", *defines, text=USES)
        count += 1
    # In any order, twice, and beside what programs include most.
    around = ["errno.h", "poll.h", "pthread.h", "signal.h", "stdio.h", "string.h", "sys/socket.h", "sys/time.h", "unistd.h"]
    includes = "".join(f"#include <{header}>\n" for header in around)
    for text in (HEADERS + includes, includes + HEADERS, HEADERS + HEADERS, '#include <zmq_utils.h>\n'):
        lab.compiles("gcc", "-x", "c", "-std=gnu11", text=text + "int main (void) { return 0; }\n")
        lab.compiles("g++", "-x", "c++", "-std=gnu++98", text=text + "int main () { return 0; }\n")
        count += 2
    lab.note(f"{count} compilations")


@case("brought", "the names that programs use for themselves are free")
def names(lab):
    lab.brought("brought/names").wait(r"names: (\d+) of \1$")


@case("brought", "helpers of one's own, threads with contexts of their own, old names of functions and sockets")
def helpers(lab):
    program = lab.brought("brought/kitchen")
    lab.equal("dishes", sorted(program.groups(r"guest: (.*)")), sorted(f"hot soup {number}" for number in range(10)))
    program.wait("closed in time")
    dump = lab.brought("brought/visitors")
    # An id that the library makes up has five bytes and begins with 0.
    lab.expect(dump.lines and dump.matches(r"^5: 00( [0-9a-f]{2}){4}$"), "no id that the library has made up")
    lab.equal("dump", dump.lines[1:], ["0:", "18:you do not know me", "3:Ann", "8:it is me", "2: 01 02"])


@case("brought", "czmq: proxy, loop, monitor, curve with zauth, frames")
def czmq(lab):
    program = lab.brought("brought/czmq_services")
    lab.equal("output", program.groups(r"^czmq: (.*)"), [
        "proxy: 100 requests and replies, 200 captured", "loop: 5 ticks", "monitor: LISTENING, ACCEPTED",
        "curve and zauth: a secret", "frames: 3, equal", "done"])
