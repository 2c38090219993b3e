"""Says which libzmq a Python process runs on.

pyzmq's wheel brings a libzmq of its own, under another file name, and its
extension module asks for the functions by name. The dynamic linker answers
from the global scope first, where LD_PRELOAD puts a library, and only then from
the wheel's own copy, which is mapped in any case. So the library in use is the
one that holds the answer, not each one that is mapped.
"""

import ctypes
import os

import zmq
import zmq.backend.cython._zmq as extension


class _DlInfo(ctypes.Structure):
    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("symbol", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


def _defining_file(library, name):
    """The file that defines `name` as seen from `library`, or None."""
    try:
        function = getattr(library, name)
    except AttributeError:
        return None
    info = _DlInfo()
    dladdr = ctypes.CDLL(None).dladdr
    if not dladdr(ctypes.cast(function, ctypes.c_void_p), ctypes.byref(info)):
        return None
    return os.path.realpath(os.fsdecode(info.file))


def used():
    """The file that answers the extension module's calls of zmq_ctx_new."""
    name = "zmq_ctx_new"
    return _defining_file(ctypes.CDLL(None), name) or _defining_file(
        ctypes.CDLL(extension.__file__), name
    )


def mapped():
    """Every libzmq that the process has mapped."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        paths = {line[line.index("/"):].rstrip("\n") for line in maps if "/" in line}
    return sorted(p for p in paths if os.path.basename(p).startswith("libzmq"))


def print_library(program):
    path = used()
    print(f"{program}: libzmq {zmq.zmq_version()}", flush=True)
    print(f"{program}: loaded {path}", flush=True)
    for other in mapped():
        if other != path:
            print(f"{program}: mapped, not used: {other}", flush=True)
