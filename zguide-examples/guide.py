#!/usr/bin/env python3
"""Compiles and runs the C programs of the guide itself, unchanged, from a checkout that you have.

    zguide-examples/guide.py FOLDER [--lib DIR] [--only REGEX]

FOLDER is examples/C of the guide: its programs bring zhelpers.h along, and czmq comes from Debian. They are compiled against
the header of this repository and run on Debian's libzmq and on the library in DIR. A scene is one program that ends by itself, with
those that it needs at the other end; it has to end in time, with status 0, and to print what it should. A scene that does not
succeed on Debian's libzmq, with Debian's header, says nothing about this library and is only shown.

The ports are those of the guide, 5555 and the like: nobody else may use them meanwhile. The last line is
"guide: N passed, M failed".
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading

from run import ROOT, die, library_folder, reference_library

OUT = os.path.join(ROOT, "target", "guide")
FLAGS = ["-std=gnu11", "-O1", "-w"]  # their warnings are theirs
LINKS = ["-lczmq", "-lzmq", "-lpthread", "-lm"]

# Who has to end, what it prints, how often, in how many seconds, and who is needed besides: these are started first, and stopped in
# the end. Without something to print it must not end, but go on for so long. "*" behind a name: it is at the other end, and not the one that is waited for, but ends by itself.
SCENES = [
    ("version", r"version is 4\.3\.", 1, 20, []),
    ("hwclient", r"World", 10, 40, ["hwserver"]),
    ("wuclient", r"Average temperature", 1, 240, ["wuserver"]),
    ("tasksink", r"Total elapsed time", 1, 60, ["taskwork", "taskwork", "taskvent*"]),
    ("msreader", None, 0, 5, ["wuserver", "taskvent"]),
    ("mspoller", None, 0, 5, ["wuserver", "taskvent"]),
    ("rrclient", r"World", 10, 60, ["rrbroker", "rrworker"]),
    ("rrclient", r"World", 10, 60, ["msgqueue", "rrworker"]),
    ("hwclient", r"World", 10, 60, ["mtserver"]),
    ("mtrelay", r"successful", 1, 20, []),
    ("syncpub", r"Broadcasting", 1, 120, ["syncsub*"] * 10),
    ("identity", r"\[005\]", 2, 20, []),
    # The end of the program may come before the last thread has printed.
    ("rtreq", r"Completed", 8, 60, []),
    ("rtdealer", r"Completed|received", 1, 60, []),
    ("lbbroker", r"Client: OK", 8, 60, []),
    ("tripping", r"calls/second", 2, 120, []),
    ("asyncsrv", r"client-\d+: request", 1, 60, []),
    ("mdclient", r"requests/replies processed", 1, 240, ["mdbroker", "mdworker"]),
]


class Program:
    def __init__(self, binary, environment, folder):
        # taskvent waits for the key Enter.
        self._process = subprocess.Popen([binary], env=environment, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, start_new_session=True)
        self.output = b""
        threading.Thread(target=self._enter, daemon=True).start()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _enter(self):
        try:
            self._process.stdin.write(b"\n")
            self._process.stdin.close()
        except OSError:
            pass

    def _read(self):
        self.output = self._process.stdout.read()

    def ends(self, seconds):
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join()
        return status

    def stop(self):
        """Ends what is left; whoever had ended badly by itself is told."""
        status = self._process.poll()
        if status is None:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        return status


def scene(binaries, settings, leading, pattern, count, seconds, others):
    """None, or what went wrong."""
    folder = tempfile.mkdtemp(prefix="zmq-guide.")
    crowd = [(name.rstrip("*"), name.endswith("*"), Program(binaries[name.rstrip("*")], settings, folder)) for name in others]
    leader = Program(binaries[leading], settings, folder)
    try:
        status = leader.ends(seconds)
        if pattern is None:
            if status is not None:
                return f"{leading} ended with {status}"
            ended = [f"{name} ended with {ended}" for name, _, program in crowd if (ended := program.stop()) not in (None, 0)]
            return ended[0] if ended else None
        if status is None:
            return f"{leading} did not end in {seconds} s"
        if status != 0:
            return f"{leading} ended with {status}"
        found = len(re.findall(pattern, leader.output.decode(errors="replace")))
        if found < count:
            return f"{leading} printed {found} of {count} times /{pattern}/"
        for name, by_itself, program in crowd:
            status = program.ends(20) if by_itself else program.stop()
            if (status is None and by_itself) or (status or 0) != 0:
                return f"{name} {'did not end' if status is None else f'ended with {status}'}"
        return None
    finally:
        for program in [leader, *(program for _, _, program in crowd)]:
            program.stop()
        shutil.rmtree(folder, ignore_errors=True)


def compiled(folder, names, includes):
    """For each program its binary; and for those that do not compile what was said."""
    binaries, said = {}, {}
    os.makedirs(OUT, exist_ok=True)
    for name in names:
        binary = os.path.join(OUT, name)
        # Some read other sources with #include, as the guide's own build wants it.
        command = ["gcc", *FLAGS, *includes, "-o", binary, os.path.join(folder, f"{name}.c"), *LINKS]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            said[name] = result.stderr
        else:
            binaries[name] = binary
    return binaries, said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--lib", default=os.path.join(ROOT, "target", "dist", "lib"))
    parser.add_argument("--only", default="", help="run the scenes of programs whose name matches")
    arguments = parser.parse_args()
    if not os.path.exists(os.path.join(arguments.folder, "zhelpers.h")):
        die(f"no zhelpers.h in {arguments.folder}")
    ours = os.path.realpath(os.path.join(arguments.lib, "libzmq.so.5"))
    if not os.path.exists(ours):
        die(f"no libzmq.so.5 in {arguments.lib}")
    subprocess.run([os.path.join(ROOT, "demo", "debs.sh"), "gcc", "libc6-dev", "libzmq5", "libzmq3-dev", "libczmq-dev", "uuid-dev"], check=True)
    settings = {name: {**os.environ, "LD_LIBRARY_PATH": library_folder(name, path)}
                for name, path in (("reference", reference_library()), ("ours", ours))}

    scenes = [one for one in SCENES if re.search(arguments.only, one[0])]
    names = sorted({name.rstrip("*") for leading, *_, others in scenes for name in [leading, *others]})
    there = [name for name in names if os.path.exists(os.path.join(arguments.folder, f"{name}.c"))]
    binaries, said = compiled(arguments.folder, there, ["-I", os.path.join(ROOT, "include")])
    theirs = compiled(arguments.folder, said, [])[1]
    passed = failed = 0
    for leading, pattern, count, seconds, others in scenes:
        cast = [leading, *others]
        title = leading + (f" with {', '.join(name.rstrip('*') for name in dict.fromkeys(others))}" if others else "")
        needed = {name.rstrip("*") for name in cast}
        broken = sorted(needed & said.keys())
        if needed - set(there):
            print(f"--    {title}: {', '.join(sorted(needed - set(there)))} not in the folder")
            continue
        if broken:
            if needed & theirs.keys():
                print(f"--    {title}: {', '.join(broken)} does not compile with Debian's header either")
            else:
                failed += 1
                print(f"FAIL  {title}: {', '.join(broken)} does not compile\n{said[broken[0]]}")
            continue
        reasons = {name: scene(binaries, settings[name], leading, pattern, count, seconds, others) for name in settings}
        if reasons["ours"] is None:
            passed += 1
            print(f"ok    {title}" + (f" (the reference: {reasons['reference']})" if reasons["reference"] else ""))
        elif reasons["reference"] is not None:
            print(f"--    {title}: {reasons['ours']}; the reference: {reasons['reference']}")
        else:
            failed += 1
            print(f"FAIL  {title}: {reasons['ours']}")
        sys.stdout.flush()
    print(f"guide: {passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
