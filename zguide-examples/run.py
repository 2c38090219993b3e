#!/usr/bin/env python3
"""Compiles the example programs and checks each on the reference library, on this one, and on both mixed.

    zguide-examples/run.py --lib DIR [--only REGEX] [--library NAME] [--jobs N] [--sanitize] [--repeat N] [--within SECONDS]

DIR holds the library under test as libzmq.so.5. A check starts programs, does to them
what its name says, and compares what they print with what the pattern promises. One line
a check and library; the last line is "examples: N passed, N failed in N s". With --within it is a failure, too, when
all together takes longer. --sanitize builds the programs with
the address and undefined-behaviour sanitizers, which also report what a program leaks.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from checks import lab as laboratory  # noqa: E402
from checks import ALL  # noqa: E402,F401  (registers the checks)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
OUT = os.path.join(ROOT, "target", "examples")
SHOWN = 80  # lines of the log of a failed check; the file has them all
FLAGS = ["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"]


def die(message):
    sys.exit(f"examples: {message}")


def reference_library():
    """Debian's, asked of the package: another libzmq may be installed in /usr/local."""
    subprocess.run([os.path.join(ROOT, "demo", "debs.sh"), "libzmq5"], check=True)
    files = subprocess.run(["dpkg", "-L", "libzmq5"], check=True, capture_output=True, text=True).stdout
    return os.path.realpath(next(line for line in files.splitlines() if line.endswith("/libzmq.so.5")))


def library_folder(name, path):
    """A folder with nothing in it but that library, as libzmq.so.5 and for the linker as libzmq.so."""
    folder = os.path.join(OUT, f"lib-{name}")
    os.makedirs(folder, exist_ok=True)
    for link in ("libzmq.so.5", "libzmq.so"):
        # Put in place as a whole: another run may be using it.
        link = os.path.join(folder, link)
        temporary = f"{link}.{os.getpid()}"
        os.symlink(path, temporary)
        os.replace(temporary, link)
    return folder


def sources():
    """Every program: its name, which is FOLDER-FILE, and its source."""
    for folder, folders, files in os.walk(HERE):
        folders.sort()
        for file in sorted(files):
            if file.endswith(".c"):
                path = os.path.join(folder, file)
                yield os.path.relpath(path, HERE)[:-2].replace(os.sep, "-"), path


def build(binaries, link_with, sanitize):
    """Compiles what is older than its sources; the names of what does not compile."""
    os.makedirs(binaries, exist_ok=True)
    headers = [os.path.join(folder, file) for top in (HERE, os.path.join(ROOT, "include"))
               for folder, _, files in os.walk(top) for file in files if file.endswith(".h")]
    newest_header = max(map(os.path.getmtime, [*headers, __file__]))

    def compile_one(program):
        name, source = program
        binary = os.path.join(binaries, name)
        if os.path.exists(binary) and os.path.getmtime(binary) > max(os.path.getmtime(source), newest_header):
            return None
        # Programs as users bring them say what their makefiles would.
        with open(source, encoding="utf-8") as text:
            said = dict(re.findall(r"^/\*  (Compiled|Links) with: (.*) \*/$", text.read(), re.M))
        flags = said["Compiled"].split() if "Compiled" in said else FLAGS
        command = ["gcc", *flags, *(SANITIZERS if sanitize else []), "-I", os.path.join(ROOT, "include"), "-I", HERE,
                   "-o", binary, source, *said.get("Links", "").split(), f"-L{link_with}", "-lzmq"]
        result = subprocess.run(command, capture_output=True, text=True)
        return None if result.returncode == 0 else (name, result.stderr)

    programs = list(sources())
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        broken = [failure for failure in pool.map(compile_one, programs) if failure]
    return len(programs), broken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lib", default=os.path.join(ROOT, "target", "dist", "lib"))
    parser.add_argument("--only", default="", help="run the checks whose name matches")
    parser.add_argument("--library", choices=["reference", "ours", "mixed"], help="run on one library only")
    parser.add_argument("--jobs", type=int, default=8, help="checks side by side; they mostly wait")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--within", type=float, metavar="SECONDS", help="the most that all may take, compiling included")
    arguments = parser.parse_args()

    begin = time.monotonic()
    ours = os.path.realpath(os.path.join(arguments.lib, "libzmq.so.5"))
    if not os.path.exists(ours):
        die(f"no libzmq.so.5 in {arguments.lib}")
    subprocess.run([os.path.join(ROOT, "demo", "debs.sh"), "gcc", "g++", "libc6-dev", "libczmq-dev"], check=True)
    paths = {"reference": reference_library(), "ours": ours}
    if paths["reference"] == paths["ours"]:
        die("the library under test is the reference")
    venv = subprocess.run([os.path.join(ROOT, "demo", "venv.sh")], check=True, stdout=subprocess.PIPE, text=True)
    python = os.path.join(venv.stdout.strip(), "bin", "python")

    binaries = os.path.join(OUT, "bin-sanitized" if arguments.sanitize else "bin")
    folders = {name: library_folder(name, path) for name, path in paths.items()}
    count, broken = build(binaries, folders["ours"], arguments.sanitize)
    for name, message in broken:
        print(f"FAIL  {name} does not compile\n{message}")
    if broken:
        print(f"examples: 0 passed, {len(broken)} failed")
        return 1
    print(f"{count} programs compiled in {time.monotonic() - begin:.0f} s")
    print(f"library:    {paths['ours']}\nreference:  {paths['reference']}", flush=True)

    # In the third run the programs take turns: each has peers on the other library.
    orders = {"reference": ["reference"], "ours": ["ours"], "mixed": ["ours", "reference"]}
    settings = {name: (paths[name], {**os.environ, "LD_LIBRARY_PATH": folders[name]}, {**os.environ, "LD_PRELOAD": paths[name]})
                for name in paths}
    jobs = [(title, function, name)
            for title, function, libraries in laboratory.CASES for name in libraries
            if re.search(arguments.only, title) and arguments.library in (None, name)] * arguments.repeat
    if not jobs:
        die("no check has such a name")
    output, failures = threading.Lock(), []

    def run(job):
        title, function, name = job
        # Short: an ipc path may have about a hundred characters.
        folder = tempfile.mkdtemp(prefix="zmq-ex.", dir="/tmp")
        place = laboratory.Lab(folder, [settings[library] for library in orders[name]], binaries, HERE, python)
        started, reason = time.monotonic(), None
        try:
            function(place)
            place.check_libraries()
        except laboratory.Failure as failure:
            reason = str(failure)
        except Exception:  # a fault of the check itself
            reason = traceback.format_exc()
        finally:
            place.discard()
            shutil.rmtree(folder, ignore_errors=True)
        with output:
            seconds = time.monotonic() - started
            notes = f"; {', '.join(place.notes)}" if place.notes else ""
            if reason is None:
                print(f"ok    {name:9} {title} ({seconds:.1f} s{notes})", flush=True)
            else:
                print(f"FAIL  {name:9} {title} ({seconds:.1f} s): {reason}")
                lines = [f"{moment - started:7.3f} {who}: {line}\n" for moment, who, line in sorted(place.log)]
                failures.append(title)
                path = os.path.join(OUT, f"failed-{len(failures)}.log")
                with open(path, "w", encoding="utf-8") as whole:
                    whole.writelines([f"{name} {title}: {reason}\n", *lines])
                print("".join(f"      | {line}" for line in lines[-SHOWN:]) + f"      all {len(lines)} lines: {path}", flush=True)
        return reason is None

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(run, jobs))
    seconds = time.monotonic() - begin
    late = arguments.within is not None and seconds > arguments.within
    if late:
        print(f"FAIL  it took longer than {arguments.within:.0f} s")
    print(f"examples: {sum(results)} passed, {len(results) - sum(results) + late} failed in {seconds:.0f} s")
    return 0 if all(results) and not late else 1


if __name__ == "__main__":
    sys.exit(main())
