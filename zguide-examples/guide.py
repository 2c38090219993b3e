#!/usr/bin/env python3
"""Compiles and runs the C programs of the guide itself, unchanged, from a checkout that you have.

    zguide-examples/guide.py FOLDER [--lib DIR] [--only REGEX]

FOLDER is examples/C of the guide: its programs bring zhelpers.h along, and czmq comes from Debian. Each of them is compiled
against the header of this repository and against Debian's; those for an older czmq get guide/zctx.h. One that only Debian's header
compiles is a failure. Then the scenes of guide_scenes.py are played: on Debian's libzmq with what its header compiled, and on the
library in DIR with what ours did. Each program has to have loaded that library and no other libzmq. A scene that does not succeed on
Debian's libzmq either says nothing about this library and is only shown.

The ports are those of the guide, 5555 and the like: nobody else may use them meanwhile. The last line is
"guide: N passed, M failed".
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from guide_scenes import CTRL_C, ENDS, SCENES, TESTDATA
from run import HERE, ROOT, die, library_folder, reference_library

OUT = os.path.join(ROOT, "target", "guide")
FLAGS = ["-std=gnu11", "-O1", "-w"]  # their warnings are theirs
LINKS = ["-lczmq", "-lzmq", "-luuid", "-lpthread", "-lm"]
# As it is, and with what czmq once had. Some read other sources with #include, as the guide's own build wants it.
WAYS = [[], ["-include", os.path.join(HERE, "guide", "zctx.h")]]
HEADERS = {"reference": [], "ours": ["-I", os.path.join(ROOT, "include")]}
PATIENCE = 20  # seconds for an end that is due


class Program:
    def __init__(self, what, binaries, environment, folder):
        self.what = what.rstrip("*")
        self.ends_by_itself = what.endswith("*")
        name, *arguments = self.what.split()
        self._loader = os.path.join(folder, ".loader")
        # Lines are to be seen when they are printed. taskvent and peering2 wait for the key Enter.
        self._process = subprocess.Popen(
            ["stdbuf", "-oL", binaries[name], *arguments], cwd=folder, start_new_session=True,
            env={**environment, "LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": self._loader},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.output, self._changed, self._closed = "", threading.Condition(), False
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
        while chunk := os.read(self._process.stdout.fileno(), 65536):
            with self._changed:
                self.output += chunk.decode(errors="replace")
                self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def prints(self, pattern, count, seconds):
        """Whether it does, so often and in time."""
        def found():
            return len(re.findall(pattern, self.output)) >= count
        with self._changed:
            self._changed.wait_for(lambda: found() or self._closed, seconds)
            return found()

    def ends(self, seconds):
        """Its status, or None when it goes on."""
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join()
        return status

    def interrupted(self):
        """Its status, or None. A signal that comes between two waits wakes nobody: as a user would, it presses Ctrl-C again."""
        for _ in range(PATIENCE // 4):
            self._process.send_signal(signal.SIGINT)
            if (status := self.ends(4)) is not None:
                return status
        return None

    def stop(self):
        """Ends what is left; the status of who had ended before."""
        status = self._process.poll()
        if status is None:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        return status

    def libraries(self):
        """Every libzmq that it has loaded, as the loader tells."""
        with open(f"{self._loader}.{self._process.pid}", encoding="utf-8", errors="replace") as told:
            return set(re.findall(r"calling init: (\S*/libzmq\.so\S*)", told.read()))


def play(scene, binaries, environment):
    """None, or what went wrong."""
    folder = tempfile.mkdtemp(prefix="zmq-guide.")
    os.symlink(os.path.join(OUT, "testdata"), os.path.join(folder, "testdata"))
    programs = []
    try:
        for what in [*scene.others, scene.leading, *scene.after]:
            if what is scene.leading and scene.ready and not programs[-1].prints(scene.ready, 1, scene.seconds):
                return f"{programs[-1].what} did not print /{scene.ready}/"
            programs.append(Program(what, binaries, environment, folder))
        leader = programs[len(scene.others)]
        crowd = [program for program in programs if program is not leader]
        wrong = watch(scene, leader, crowd) or end_of(crowd)
        for program in programs:
            if program.libraries() != {os.path.join(environment["LD_LIBRARY_PATH"], "libzmq.so.5")}:
                die(f"{program.what} has loaded {', '.join(program.libraries()) or 'no libzmq'}")
        return wrong
    finally:
        for program in programs:
            program.stop()
        shutil.rmtree(folder, ignore_errors=True)


def watch(scene, leader, crowd):
    """None when the one that is looked at does what it should."""
    if scene.pattern is None:
        if (status := leader.ends(scene.seconds)) is not None:
            return f"{leader.what} {ended(status)}"
    elif not leader.prints(scene.pattern, scene.count, scene.seconds):
        return f"{leader.what} printed {len(re.findall(scene.pattern, leader.output))} of {scene.count} times /{scene.pattern}/"
    if scene.killed:
        next(program for program in crowd if program.what == scene.killed).stop()
    if scene.end == CTRL_C and (status := leader.interrupted()) != 0:
        return f"{leader.what} {ended(status)} after SIGINT"
    if scene.end == ENDS and (status := leader.ends(scene.seconds)) != 0:
        return f"{leader.what} {ended(status)}"
    if scene.then and not leader.prints(scene.then, 1, scene.seconds):
        return f"{leader.what} did not print /{scene.then}/"
    return None


def end_of(crowd):
    """None when those at the other end have ended as they should, or only now."""
    for program in crowd:
        status = program.ends(PATIENCE) if program.ends_by_itself else program.stop()
        if status is None and program.ends_by_itself or status not in (None, 0, -signal.SIGKILL):
            return f"{program.what} {ended(status)}"
    return None


def ended(status):
    return "did not end" if status is None else f"ended with {status}"


def programs_of(folder):
    for file in sorted(os.listdir(folder)):
        if file.endswith(".c"):
            with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as text:
                if re.search(r"^int\s+main\s*\(", text.read(), re.M):
                    yield file[:-2]


def compiled(folder, names, libraries):
    """For each header the binaries by name, and what was said of those that did not compile; and who needed zctx.h."""
    binaries, said, old = {"reference": {}, "ours": {}}, {"reference": {}, "ours": {}}, []
    for name in names:
        for way in WAYS:
            for header, include in HEADERS.items():
                binary = os.path.join(OUT, header, name)
                result = subprocess.run(["gcc", *FLAGS, *include, *way, "-o", binary, os.path.join(folder, f"{name}.c"),
                                         "-L", libraries[header], *LINKS], capture_output=True, text=True)
                if result.returncode:
                    said[header][name] = result.stderr
                else:
                    said[header].pop(name, None)
                    binaries[header][name] = binary
            if name in binaries["reference"] or name in binaries["ours"]:
                if way:
                    old.append(name)
                break
    return binaries, said, old


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--lib", default=os.path.join(ROOT, "target", "dist", "lib"))
    parser.add_argument("--only", default="", help="play the scenes whose title matches, and compile nothing else")
    arguments = parser.parse_args()
    if not os.path.exists(os.path.join(arguments.folder, "zhelpers.h")):
        die(f"no zhelpers.h in {arguments.folder}")
    ours = os.path.realpath(os.path.join(arguments.lib, "libzmq.so.5"))
    if not os.path.exists(ours):
        die(f"no libzmq.so.5 in {arguments.lib}")
    packages = ["gcc", "libc6-dev", "libzmq5", "libzmq3-dev", "libczmq-dev", "uuid-dev"]
    subprocess.run([os.path.join(ROOT, "demo", "debs.sh"), *packages], check=True)
    libraries = {name: library_folder(name, path) for name, path in (("reference", reference_library()), ("ours", ours))}
    for header in HEADERS:
        os.makedirs(os.path.join(OUT, header), exist_ok=True)
    with open(os.path.join(OUT, "testdata"), "wb") as file:
        file.write(os.urandom(TESTDATA))

    scenes = [(title, scene, cast) for scene in SCENES for title, cast in [described(scene)] if re.search(arguments.only, title)]
    there = set(programs_of(arguments.folder))
    wanted = set().union(*(cast for _, _, cast in scenes)) & there if arguments.only else there
    binaries, said, old = compiled(arguments.folder, sorted(wanted), libraries)
    failed = compile_report(binaries, said, old)
    passed = 0
    for title, scene, cast in scenes:
        missing = sorted(cast - (binaries["ours"].keys() & binaries["reference"].keys()))
        if missing:
            print(f"--    {title}: {', '.join(missing)} {'does not compile' if cast <= there else 'not in the folder'}")
            continue
        reasons, times = {}, {}
        for name, folder in libraries.items():
            begin = time.monotonic()
            reasons[name] = play(scene, binaries[name], {**os.environ, "LD_LIBRARY_PATH": folder})
            times[name] = time.monotonic() - begin
        if reasons["ours"] is None:
            passed += 1
            reference = reasons["reference"] or f"{times['reference']:.0f} s"
            print(f"ok    {title}: {times['ours']:.0f} s (the reference: {reference})", flush=True)
        elif reasons["reference"] is not None:
            print(f"--    {title}: {reasons['ours']}; the reference: {reasons['reference']}", flush=True)
        else:
            failed += 1
            print(f"FAIL  {title}: {reasons['ours']}", flush=True)
    print(f"guide: {passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


def described(scene):
    """Its title, and the programs in it."""
    others = [what.rstrip("*") for what in [*scene.others, *scene.after]]
    title = scene.leading + (f" with {', '.join(dict.fromkeys(others))}" if others else "")
    title += f", {scene.killed} killed" if scene.killed else ", Ctrl-C" if scene.end == CTRL_C else ""
    return title, {what.split()[0] for what in [scene.leading, *others]}


def compile_report(binaries, said, old):
    """How many have failed: what compiles with Debian's header has to compile with ours."""
    lost = sorted(binaries["reference"].keys() - binaries["ours"].keys())
    for name in lost:
        print(f"FAIL  {name} compiles with Debian's header only\n{said['ours'][name]}")
    neither = sorted(said["reference"].keys() & said["ours"].keys())
    both = len(binaries["reference"].keys() & binaries["ours"].keys())
    print(f"{both} compile with both headers, {len(old)} of them for an older czmq, {len(neither)} with neither"
          + (f": {', '.join(neither)}" if neither else ""), flush=True)
    return len(lost)


if __name__ == "__main__":
    sys.exit(main())
