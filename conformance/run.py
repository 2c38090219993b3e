#!/usr/bin/env python3
"""Compiles the functional tests of libzmq 4.3.5 once and runs them on the reference and on this library.

Sources come from the crate `zeromq-src`, which cargo fetches; nothing of them is in this repository. The reference is
built from the same source. Everything that is made goes to target/conformance.

A case that passes on the reference has to pass here, unless expected_failures.txt names it; an entry there that
passes is an error, so that list only gets shorter. Where the outcome hangs on timing the reason begins with
"sometimes: ", and either outcome is taken. skips.txt names what cannot be run, and why.
"""

import argparse
import concurrent.futures
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUT = ROOT / "target" / "conformance"

# Those bind or connect to fixed ports, share a name, or measure time so closely that they want to be alone.
ALONE = {
    "test_bind_after_connect_tcp", "test_bind_src_address", "test_immediate", "test_last_endpoint",
    "test_reconnect_options", "test_req_relaxed", "test_reconnect_ivl", "test_use_fd", "test_setsockopt",
    "test_many_sockets", "test_timeo", "test_timers", "test_hwm_pubsub",
}
# At first those that take longest.
LONG = ["test_heartbeats", "test_security_curve", "test_security_zap", "test_socks", "test_security_plain",
        "test_hwm_pubsub", "test_xpub_manual", "test_ctx_destroy", "test_stream_timeout", "test_monitor"]
# Seconds that the whole may take.
TIME_LIMIT = 8 * 60
# Sources of the reference that a program links besides the library.
EXTRA = {"test_security_curve": ["err", "random", "clock"]}

# What a program runs in: this one needs a Kerberos server with its keys.
AROUND = {"test_security_gssapi": [str(ROOT / "capi-tests" / "gssapi" / "kdc.sh")]}

FLAGS = ["-w", "-DZMQ_CUSTOM_PLATFORM_HPP", "-D_GNU_SOURCE", "-D_REENTRANT", f"-I{HERE}"]


def die(text):
    print(f"conformance: {text}", file=sys.stderr)
    sys.exit(2)


# ------------------------------------------------------------------------------ source and building


def find_source():
    """Where cargo has put the source of the reference."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1",
               "--manifest-path", str(HERE / "Cargo.toml")]
    result = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        die("cargo metadata failed")
    for package in json.loads(result.stdout)["packages"]:
        if package["name"] == "zeromq-src":
            return Path(package["manifest_path"]).parent / "vendor"
    die("cargo does not know zeromq-src")


def newest(paths):
    return max(path.stat().st_mtime for path in paths)


def command_for(compiler, source, target, flags):
    """A compiler call, or None when the target is up to date."""
    headers = [HERE / "platform.hpp", HERE / "case.h"]
    if target.exists() and target.stat().st_mtime >= newest([source, *headers]):
        return None
    return [compiler, *flags, "-c", str(source), "-o", str(target)]


def run_all(commands, jobs):
    """Runs compiler calls side by side. Gives the output of each that failed, by its target."""
    failed = {}

    def one(command):
        # A build that is interrupted must not leave half a file.
        target = command[-1]
        part = target + ".part"
        result = subprocess.run(["nice", "-n", "10", *command[:-1], part], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode == 0:
            os.replace(part, target)
        else:
            failed[target] = result.stdout

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(one, [command for command in commands if command]))
    return failed


def build_reference(source, jobs):
    """The reference as a shared library: release, no drafts, CURVE by libsodium, GSSAPI by MIT Kerberos."""
    folder = OUT / "reference"
    library = folder / "libzmq.so.5"
    (folder / "obj").mkdir(parents=True, exist_ok=True)
    flags = [*FLAGS, "-std=c++11", "-O2", "-DNDEBUG", "-fPIC", "-fvisibility=hidden",
             f"-I{source}/include", f"-I{source}/src"]
    # WebSocket belongs to the drafts.
    sources = [path for path in sorted((source / "src").glob("*.cpp")) if not path.stem.startswith(("ws_", "wss_"))]
    objects = [folder / "obj" / (path.stem + ".o") for path in sources]
    commands = [command_for("g++", path, target, flags) for path, target in zip(sources, objects)]
    if any(commands):
        print(f"building the reference ({sum(map(bool, commands))} files)", flush=True)
    failed = run_all(commands, jobs)
    if failed:
        die("the reference does not compile:\n" + next(iter(failed.values()))[:2000])
    if not library.exists() or library.stat().st_mtime < newest(objects):
        link = ["g++", "-shared", "-Wl,-soname,libzmq.so.5", *map(str, objects), "-lsodium", "-lgssapi_krb5",
                "-lpthread", "-lrt", "-o", str(library)]
        failed = run_all([link], 1)
        if failed:
            die("the reference does not link:\n" + next(iter(failed.values()))[:2000])
    return folder


def build_programs(source, names, reference, jobs):
    """Gives what went wrong, by program."""
    obj, binaries = OUT / "obj", OUT / "bin"
    obj.mkdir(parents=True, exist_ok=True)
    binaries.mkdir(parents=True, exist_ok=True)
    unity = source / "external" / "unity"
    # A program that includes "../src/platform.hpp" finds ours through this folder.
    shim = OUT / "shim"
    (shim / "src").mkdir(parents=True, exist_ok=True)
    (shim / "tests").mkdir(exist_ok=True)
    (shim / "src" / "platform.hpp").write_text('#include "../../../../conformance/platform.hpp"\n')
    c_flags = [*FLAGS, "-O1", "-g", f"-I{unity}", "-DUNITY_EXCLUDE_FLOAT"]
    flags = [*c_flags, "-std=c++11", "-O0", "-include", str(HERE / "case.h"), f"-I{shim}/tests"]

    common = ["testutil", "testutil_monitoring", "testutil_security", "testutil_unity"]
    commands = [command_for("g++", source / "tests" / f"{name}.cpp", obj / f"{name}.o", flags) for name in common]
    commands.append(command_for("gcc", unity / "unity.c", obj / "unity.o", c_flags))
    commands.append(command_for("gcc", HERE / "case.c", obj / "case.o", c_flags))
    for extra in sorted({extra for name in names for extra in EXTRA.get(name, [])}):
        commands.append(command_for("g++", source / "src" / f"{extra}.cpp", obj / f"src_{extra}.o", flags))
    commands += [command_for("g++", source / "tests" / f"{name}.cpp", obj / f"{name}.o", flags) for name in names]
    if any(commands):
        print(f"compiling the tests ({sum(map(bool, commands))} files)", flush=True)
    failed = run_all(commands, jobs)

    shared = [obj / f"{name}.o" for name in [*common, "unity", "case"]]
    missing = [path for path in shared if not path.exists()]
    if missing:
        die("the test helpers do not compile:\n" + failed[str(missing[0])][:2000])
    links, errors = [], {}
    for name in names:
        if str(obj / f"{name}.o") in failed:
            errors[name] = failed[str(obj / f"{name}.o")]
            continue
        parts = [obj / f"{name}.o", *shared, *(obj / f"src_{extra}.o" for extra in EXTRA.get(name, []))]
        target = binaries / name
        if target.exists() and target.stat().st_mtime >= newest(parts):
            continue
        links.append(["g++", *map(str, parts), str(reference / "libzmq.so.5"),
                      "-Wl,--allow-shlib-undefined", "-lsodium", "-lpthread", "-ldl", "-o", str(target)])
    for target, text in run_all(links, jobs).items():
        errors[Path(target).name] = text
    return errors


# ------------------------------------------------------------------------------------------ lists


def read_list(path):
    """`name | reason` a line; `#` begins a comment."""
    entries = {}
    if path.exists():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            name, bar, reason = line.partition(" | ")
            if not bar or not reason.strip():
                die(f"{path.name}:{number}: not `name | reason`")
            entries[name.strip()] = reason.strip()
    return entries


# ---------------------------------------------------------------------------------------- running

RESULT = re.compile(r"^(?:[^:\s]*):(\d+):([A-Za-z_0-9]+):(PASS|FAIL|IGNORE)(?:: ?(.*))?$")
running = set()
running_lock = threading.Lock()


def run_process(binary, folder, library, only, skip, limit):
    """Gives the output, the exit status (negative for a signal) and whether time ran out."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ZMQ_LOG", "CONFORMANCE_"))}
    environment["LD_LIBRARY_PATH"] = str(library)
    if only is not None:
        environment["CONFORMANCE_ONLY"] = ",".join(only)
    if skip:
        environment["CONFORMANCE_SKIP"] = ",".join(skip)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    log = folder.with_suffix(".log")
    late = False
    with open(log, "wb") as output:
        command = [str(ROOT / "tools" / "alone.sh"), *AROUND.get(binary.name, []), str(binary)]
        child = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        with running_lock:
            running.add(child)
        try:
            child.wait(limit)
        except subprocess.TimeoutExpired:
            late = True
            # Its own session, so its own group: nothing else is in it.
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        finally:
            with running_lock:
                running.discard(child)
    return log.read_text(errors="replace"), child.returncode, late


def run_side(name, label, library, only=None, skip=(), limit=60.0):
    """Runs a program; again without the cases that are done, as long as one ends it early.

    Gives {case: (state, text)}, with states PASS, FAIL and IGNORE."""
    results, begin = {}, time.monotonic()
    expected_file = os.path.realpath(library / "libzmq.so.5")
    while True:
        done = [*skip, *results]
        text, status, late = run_process(OUT / "bin" / name, OUT / "work" / name / label, library, only, done, limit)
        loaded = re.search(r"^LIBRARY (.*)$", text, re.M)
        if loaded and os.path.realpath(loaded[1]) != expected_file:
            die(f"{name} has loaded {loaded[1]} and not {expected_file}")
        current, tail = None, ""
        for line in text.splitlines():
            if line.startswith("CASE "):
                current, tail = line[5:], ""
                continue
            match = RESULT.match(line)
            if match:
                case = match[2]
                if results.get(case, ("PASS",))[0] != "FAIL":
                    results[case] = (match[3], f"line {match[1]}: {match[4]}" if match[4] else "")
                if case == current:
                    current = None
            elif line.strip() and not line.startswith(("LIBRARY ", "-----")):
                tail = "" if re.match(r"\d+ Tests |OK$|FAIL$", line) else line.strip()
        if late:
            why = f"still running after {limit:.0f} s"
        elif status == -signal.SIGALRM:
            why = "its own alarm ended it"
        elif status < 0:
            why = f"killed by {signal.Signals(-status).name}"
        elif current is not None:
            why = f"exited with status {status} in the middle"
        elif status != 0 and not any(state == "FAIL" for state, _ in results.values()):
            why = f"exit status {status}"
        else:
            if not results:
                # A program that is one test, without Unity; or it went by without a test and says why.
                one = not tail and not re.search(r"^\d+ Tests ", text, re.M)
                results["main"] = ("PASS" if one else "IGNORE", tail)
            break
        if tail:
            why += f" ({tail[:160]})"
        if current is None:
            results["main" if not results else "end"] = ("FAIL", why)
            break
        results[current] = ("FAIL", why)
    return results, time.monotonic() - begin


def cached_reference(name, library, cache, fresh):
    """The reference does not change, so a full pass of a program is remembered."""
    stamp = [(OUT / "bin" / name).stat().st_mtime, (library / "libzmq.so.5").stat().st_mtime, str(library)]
    entry = cache.get(name)
    if entry and entry["stamp"] == stamp and not fresh:
        return {case: tuple(value) for case, value in entry["results"].items()}, entry["time"]
    results, took = run_side(name, "reference", library)
    if any(state == "FAIL" for state, _ in results.values()):
        again, took = run_side(name, "reference", library)
        for case, value in again.items():
            if value[0] == "PASS" and results.get(case, ("FAIL",))[0] == "FAIL":
                results[case] = value
    if all(state != "FAIL" for state, _ in results.values()):
        cache[name] = {"stamp": stamp, "results": results, "time": took}
    else:
        cache.pop(name, None)
    return results, took


class Outcome:
    def __init__(self, name):
        self.name = name
        self.reference, self.ours, self.seconds = {}, {}, 0.0
        # Known after the run: cases of each kind.
        self.failed, self.expected, self.mended, self.skipped, self.second = [], [], [], [], []


def run_program(name, options, skips, expected, cache):
    outcome = Outcome(name)
    outcome.reference, took = cached_reference(name, options.reference, cache, options.fresh)
    outcome.seconds = took
    if options.ref_only:
        return outcome
    mine = [entry.partition(":")[2] for entry in expected if entry.partition(":")[0] == name]
    apart = [entry.partition(":")[2] for entry in skips if entry.partition(":")[0] == name and ":" in entry]
    todo = [case for case in outcome.reference if case not in mine and case not in apart]
    ours = {}
    if todo or not outcome.reference:
        ours, took = run_side(name, "ours", options.lib, skip=[*mine, *apart])
        outcome.seconds += took
    listed = [case for case in mine if case in outcome.reference]
    if listed:
        # They may hang: no more time than it takes the reference, and a little.
        limit = min(60.0, 5 + 3 * took)
        only = None if "main" in listed else listed
        more, took = run_side(name, "ours-expected", options.lib, only=only, limit=limit)
        ours.update({case: value for case, value in more.items() if case in listed})
        outcome.seconds += took
    outcome.ours = ours
    return outcome


def judge(outcome, skips, expected):
    outcome.failed, outcome.expected, outcome.mended, outcome.skipped = [], [], [], []
    for case, (state, _) in outcome.reference.items():
        full = f"{outcome.name}:{case}"
        if full in skips or state != "PASS":
            outcome.skipped.append(case)
            continue
        good = outcome.ours.get(case, ("FAIL", "not run"))[0] == "PASS"
        if full in expected:
            sometimes = expected[full].startswith("sometimes: ")
            (outcome.mended if good and not sometimes else outcome.expected).append(case)
        elif not good:
            outcome.failed.append(case)
    # What only ours reports: a program that ends badly after its last case.
    for case, (state, _) in outcome.ours.items():
        full = f"{outcome.name}:{case}"
        if case not in outcome.reference and state == "FAIL":
            (outcome.expected if full in expected else outcome.failed).append(case)


def why(outcome, case):
    if case in outcome.ours:
        return outcome.ours[case][1]
    end = outcome.ours.get("end") or outcome.ours.get("main")
    return "not run" + (f": {end[1]}" if end and end[1] else "")


def show(outcome, options):
    def count(results):
        good = sum(results.get(case, ("FAIL",))[0] == "PASS" for case in outcome.reference)
        return f"{good}/{len(outcome.reference)}"

    state = "ok"
    if outcome.failed:
        state = "FAIL"
    elif outcome.mended:
        state = "MENDED"
    elif outcome.expected:
        state = f"ok, {len(outcome.expected)} expected to fail"
    ours = "-" if options.ref_only else count(outcome.ours)
    print(f"{outcome.name:34} reference {count(outcome.reference):>7}   ours {ours:>7}   {outcome.seconds:5.1f} s   {state}")
    for case in outcome.failed:
        print(f"    FAIL {outcome.name}:{case} | {why(outcome, case)}")
    for case in outcome.mended:
        print(f"    {outcome.name}:{case} now passes: remove it from the list")
    for case, (result, text) in outcome.reference.items():
        if result != "PASS" and case in outcome.skipped:
            print(f"    not counted: {outcome.name}:{case}: {result} on the reference: {text}")
    if options.verbose:
        for case in outcome.expected:
            print(f"    expected: {outcome.name}:{case} | {why(outcome, case)}")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--lib", type=Path, default=ROOT / "target" / "dist" / "lib",
                        help="directory of our libzmq.so.5 (default target/dist/lib)")
    parser.add_argument("--reference", type=Path, help="directory of another reference than the one built here")
    parser.add_argument("--ref-only", action="store_true", help="run on the reference only")
    parser.add_argument("--fresh", action="store_true", help="run the reference also where it is known to pass")
    parser.add_argument("--verbose", action="store_true", help="show the expected failures too")
    parser.add_argument("-j", "--jobs", type=int, default=4, help="programs at a time")
    parser.add_argument("filter", nargs="?", default="", help="only programs whose name contains this")
    options = parser.parse_args()
    options.lib = options.lib.resolve()
    if not options.ref_only and not (options.lib / "libzmq.so.5").exists():
        die(f"{options.lib} has no libzmq.so.5 (make lib)")

    begin = time.monotonic()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source = find_source()
    cores = os.cpu_count() or 2
    OUT.mkdir(parents=True, exist_ok=True)
    if options.reference is None:
        options.reference = build_reference(source, cores)
    options.reference = options.reference.resolve()

    skips = read_list(HERE / "skips.txt")
    expected = read_list(HERE / "expected_failures.txt")
    every = sorted(path.stem for path in (source / "tests").glob("test_*.cpp"))
    for entry in [*skips, *expected]:
        if entry.partition(":")[0] not in every:
            die(f"a list names {entry}, which does not exist")
    skipped_programs = [name for name in every if name in skips and options.filter in name]
    names = [name for name in every if name not in skips and options.filter in name]
    if not names and not skipped_programs:
        die(f"no program matches '{options.filter}'")
    errors = build_programs(source, names, options.reference, cores)
    built = time.monotonic() - begin

    cache_file = OUT / "reference.json"
    try:
        cache = json.loads(cache_file.read_text())
    except (OSError, ValueError):
        cache = {}

    outcomes = {}
    ready = [name for name in names if name not in errors]
    ready.sort(key=lambda name: (LONG.index(name) if name in LONG else len(LONG), name))

    def finish(name):
        outcome = run_program(name, options, skips, expected, cache)
        if not options.ref_only:
            judge(outcome, skips, expected)
        outcomes[name] = outcome
        return outcome

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(finish, name) for name in ready if name not in ALONE]
        for future in concurrent.futures.as_completed(futures):
            show(future.result(), options)
    for name in ready:
        if name in ALONE:
            show(finish(name), options)

    # What failed beside other programs gets a second try alone: these tests take silence for an answer.
    again = [name for name in ready if outcomes[name].failed] if not options.ref_only else []
    if again:
        print("\nsecond try, one at a time")
    for name in again:
        outcome = outcomes[name]
        real = [case for case in outcome.failed if case in outcome.reference and case != "main"]
        results, _ = run_side(name, "ours-again", options.lib, only=real or None)
        for case in real or outcome.failed:
            if results.get(case, ("FAIL",))[0] == "PASS":
                outcome.second.append(case)
                outcome.ours[case] = results[case]
        judge(outcome, skips, expected)
        for case in outcome.second:
            print(f"    passed at the second try: {name}:{case}")
        show(outcome, options)
    cache_file.write_text(json.dumps(cache))

    print()
    for name, text in errors.items():
        print(f"    {name} does not compile: {text[:400]}")
    stale = [entry for entry in expected if options.filter in entry.partition(":")[0]
             and entry.partition(":")[0] in outcomes
             and entry.partition(":")[2] not in [*outcomes[entry.partition(":")[0]].reference, "end"]]
    if not options.ref_only:
        for entry in stale:
            print(f"    {entry} is in the list of expected failures, but there is no such case")
    else:
        stale = []

    passed = failed = known = 0
    skipped = len(skipped_programs)
    for outcome in outcomes.values():
        if options.ref_only:
            states = [state for state, _ in outcome.reference.values()]
            passed += states.count("PASS")
            failed += states.count("FAIL")
            continue
        bad = len(outcome.failed) + len(outcome.mended)
        failed += bad
        known += len(outcome.expected)
        skipped += len(outcome.skipped)
        passed += sum(outcome.ours.get(case, ("FAIL",))[0] == "PASS" for case, (state, _) in outcome.reference.items()
                      if state == "PASS" and case not in [*outcome.mended, *outcome.expected])
    failed += len(errors) + len(stale)
    second = sum(len(outcome.second) for outcome in outcomes.values())
    seconds = time.monotonic() - begin
    if seconds - built > TIME_LIMIT and not options.filter:
        failed += 1
        print(f"    too slow: {seconds - built:.0f} s without building, {TIME_LIMIT} at most")
    print(f"{len(outcomes)} programs, {len(skipped_programs)} left out by skips.txt; "
          f"{seconds:.0f} s, {built:.0f} s of it building")
    print(f"conformance: {passed} passed, {failed} failed, {skipped} skipped ({known} expected failures, "
          f"{second} at the second try)")
    return 0 if failed == 0 and passed > 0 else 1


def stop(number, _frame):
    with running_lock:
        for child in running:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    os._exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main())
