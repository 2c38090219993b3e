"""A plugin for pytest: fails the run when the process is not on the libzmq that it is meant to be on."""

import os
from pathlib import Path


def pytest_sessionfinish(session):
    wanted = os.environ["CLIENTS_LIBRARY"]
    preloaded = os.environ.get("LD_PRELOAD") == wanted
    with open("/proc/self/maps", encoding="utf-8") as maps:
        files = {line.split(maxsplit=5)[5].strip() for line in maps if line.count(" ") > 4 and "libzmq" in line}
    found = {str(Path(file).resolve()) for file in files if Path(file).name.startswith("libzmq")}
    # A preloaded library leaves the one that it replaces mapped, but without use.
    if wanted not in found or (len(found) > 1 and not preloaded):
        print(f"\nmeant to run on {wanted}, mapped: {sorted(found)}")
        session.exitstatus = 99
