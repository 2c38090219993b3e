#!/usr/bin/env python3
"""Runs pyzmq's own test-suite on the reference and on this library.

    pyzmq.py --prefix DIR [CONFIGURATION...]

CONFIGURATION is one of (without any, all of them, in this order):

    wheel    the wheel from PyPI; its own libzmq is the reference, ours is preloaded
    cython   built from the source distribution, on Debian's libzmq3-dev and on what is installed in DIR
    cffi     the same with the other backend

What passes on the reference has to pass on ours. The tests come from the source distribution and run file by file,
each with a limit of time. Where a file has a failure on the reference, or does not come to its end there, its tests
run again one by one on both, so that one failure does not hide the others. A process on a wrong library is a failure
on either, and so is an area of pyzmq in which nothing passes.

Each configuration ends with "pyzmq-NAME: N passed, M failed". Everything that is made goes to target/clients/pyzmq.
"""

import argparse
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUT = ROOT / "target" / "clients" / "pyzmq"
REQUIREMENTS = HERE / "pyzmq-requirements.txt"

CONFIGURATIONS = ["wheel", "cython", "cffi"]
FILE_SECONDS = 240
ALONE_SECONDS = 40
# Two cores; the tests mostly wait.
JOBS = 2

# Files that are not about the library.
LEFT_OUT = {"test_mypy": "it is about the types in pyzmq's source", "test_win32_shim": "it is about Windows"}

# Tests whose outcome is a matter of luck with any library.
LUCK = {
    "test_curve_keygen.py::test_curve_keygen_secret":
        "it gives a random key to a program as an argument, and one key in 85 begins like an option",
    "test_log.py::TestPubLog::test_blank_root_topic":
        "it publishes right after subscribing over tcp, and waits for ever when the message was faster",
    "test_retry_eintr.py::TestEINTRSysCall::test_retry_poll":
        "pyzmq cuts the time at which it began to wait to whole seconds, and after a signal waits too short or not at all",
}

# In each of these some test has to pass, so that none is skipped as a whole for want of a module.
AREAS = {
    "asyncio": r"\.test_asyncio\b",
    "gevent": r"Green",
    "authentication": r"\.test_auth\b",
    "monitors": r"\.test_monitor\b",
    "devices": r"\.test_device\b",
    "tornado": r"\.test_zmqstream\b",
}
# What the plugin ends pytest with.
WRONG_LIBRARY = 99


def die(text):
    print(f"pyzmq: {text}", file=sys.stderr)
    sys.exit(2)


def run(command, **settings):
    """Runs a command of the preparation, silently unless it fails."""
    result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", check=False, timeout=1200,
                            **settings)
    if result.returncode != 0:
        print(result.stdout, file=sys.stderr)
        die(f"failed: {' '.join(str(part) for part in command)}")
    return result.stdout


# ------------------------------------------------------------------------------------------ preparing


class Installation:
    """One pyzmq in a directory of its own, and the library that it is to run on."""

    def __init__(self, python, packages, library, preload):
        self.python = python
        self.packages = packages
        self.library = library
        self.preload = preload

    def environment(self):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("LD_", "PYTHON", "ZMQ_", "PYZMQ_"))}
        environment["PYTHONPATH"] = f"{self.packages}:{HERE}"
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["CLIENTS_LIBRARY"] = str(self.library)
        if self.preload:
            environment["LD_PRELOAD"] = str(self.library)
        return environment

    def check_bindings(self):
        """The dynamic linker itself says to which file it bound each zmq_ function that pyzmq calls."""
        code = ("import sys, zmq; print(*[module.__file__ for name, module in sys.modules.items() "
                "if name in ('zmq.backend.cython._zmq', 'zmq.backend.cffi._cffi')])")
        with tempfile.TemporaryDirectory() as directory:
            environment = self.environment()
            environment.update(LD_BIND_NOW="1", LD_DEBUG="bindings", LD_DEBUG_OUTPUT=f"{directory}/bindings")
            extension = run([self.python, "-c", code], env=environment).strip()
            report = "".join(file.read_text(errors="replace") for file in Path(directory).iterdir())
        symbols = run(["nm", "-D", "--undefined-only", extension])
        wanted = set(re.findall(r"\bU (zmq_\w+)", symbols))
        bound = {symbol: Path(file).resolve() for file, symbol in re.findall(
            rf"binding file {re.escape(extension)} \[0\] to (\S+) \[0\]: normal symbol `(zmq_\w+)'", report)}
        wrong = {symbol for symbol in wanted if bound.get(symbol) != self.library}
        if not wanted or wrong:
            return f"not bound to {self.library.name}: {' '.join(sorted(wrong)) or 'nothing is called'}"
        return None


def prepare_python():
    """A virtual environment with all that the tests need except pyzmq itself."""
    venv = OUT / "venv"
    python = venv / "bin" / "python"
    stamp = venv / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == REQUIREMENTS.read_bytes():
        return python
    shutil.rmtree(venv, ignore_errors=True)
    OUT.mkdir(parents=True, exist_ok=True)
    run([sys.executable, "-m", "venv", venv])
    tools = [line for line in REQUIREMENTS.read_text().splitlines()
             if line and not line.startswith(("#", "pyzmq"))]
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *tools])
    shutil.copy(REQUIREMENTS, stamp)
    return python


def requirement():
    for line in REQUIREMENTS.read_text().splitlines():
        if line.startswith("pyzmq"):
            return line.strip()
    die(f"{REQUIREMENTS.name} does not name pyzmq")


def source_distribution(python):
    """The unpacked source distribution of pyzmq."""
    name = requirement().replace("==", "-")
    source = OUT / name
    if not (source / "tests").is_dir():
        # --no-build-isolation would ask for the build's requirements here; the archive alone is wanted.
        run([python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--no-binary", "pyzmq", "--dest", OUT, requirement()])
        with tarfile.open(OUT / f"{name}.tar.gz") as archive:
            archive.extractall(OUT)
    return source


def wheel_from_pypi(python):
    packages = OUT / "wheel"
    if not (packages / "zmq").is_dir():
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
             "--only-binary", ":all:", "--target", packages, requirement()])
    return packages


def built(python, source, backend, name, prefix):
    """pyzmq built with one backend: on what is in `prefix`, or on what the machine has."""
    packages = OUT / f"{backend}-{name}"
    shutil.rmtree(packages, ignore_errors=True)
    environment = {key: value for key, value in os.environ.items()
                   if not key.startswith(("LD_", "ZMQ_", "PYZMQ_", "CMAKE_", "PKG_CONFIG"))}
    environment["PYZMQ_BACKEND"] = backend
    # Never a libzmq that the build would fetch or bring along.
    environment["PYZMQ_NO_BUNDLE"] = "ON"
    if prefix:
        environment["ZMQ_PREFIX"] = str(prefix)
    log = run([python, "-m", "pip", "install", "--verbose", "--disable-pip-version-check", "--no-deps",
               "--no-cache-dir", "--target", packages, source], env=environment)
    (OUT / f"{backend}-{name}.log").write_text(log)
    return packages


def library_of(extension):
    """The libzmq that the loader finds for an extension module."""
    found = re.search(r"libzmq\.so\.5 => (\S+)", run(["ldd", extension]))
    return Path(found.group(1)).resolve() if found else None


def installations(configuration, python, prefix):
    """The two installations that a configuration compares: the reference's and ours."""
    ours = next(iter(sorted(prefix.glob("lib/**/libzmq.so.5"))), None)
    if ours is None:
        die(f"no libzmq.so.5 below {prefix}/lib")
    ours = ours.resolve()
    if configuration == "wheel":
        packages = wheel_from_pypi(python)
        bundled = next(iter(packages.glob("pyzmq.libs/libzmq-*")), None)
        if bundled is None:
            die("the wheel has no libzmq of its own")
        return [Installation(python, packages, bundled.resolve(), False),
                Installation(python, packages, ours, True)]
    source = source_distribution(python)
    pair = []
    for name, where in (("reference", None), ("ours", prefix)):
        packages = built(python, source, configuration, name, where)
        extension = next(iter([*packages.glob("zmq/backend/cython/_zmq*.so"),
                               *packages.glob("zmq/backend/cffi/_cffi*.so")]), None)
        if extension is None:
            die(f"{configuration}, {name}: no extension was built")
        library = library_of(extension)
        if (library == ours) != (name == "ours") or library is None:
            die(f"{configuration}, {name}: the build is on {library}")
        pair.append(Installation(python, packages, library, False))
    return pair


# -------------------------------------------------------------------------------------------- running


def pytest_command(installation, *arguments):
    return [installation.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "which_libzmq",
            *arguments, *(f"--deselect=tests/{test}" for test in LUCK)]


def run_pytest(installation, directory, selection, report, limit=FILE_SECONDS):
    """Runs pytest in its own process group; the outcome of each test, and what went wrong with the run itself."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = pytest_command(installation, f"--junitxml={report}", selection)
    with open(report.with_suffix(".log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen([str(part) for part in command], cwd=directory, env=installation.environment(),
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                   start_new_session=True)
        trouble = None
        try:
            code = process.wait(timeout=limit)
        except subprocess.TimeoutExpired:
            trouble = f"no end after {limit} s"
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
    # 0: all passed, 1: some failed, 5: none was there.
    if trouble is None and code == WRONG_LIBRARY:
        trouble = "on a wrong library"
    elif trouble is None and code not in (0, 1, 5):
        trouble = f"pytest ended with {code}"
    return outcomes(report), trouble


def outcomes(report):
    result = {}
    if not report.exists():
        return result
    try:
        tree = xml.etree.ElementTree.parse(report)
    except xml.etree.ElementTree.ParseError:
        return result
    for case in tree.iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            result[name] = "failed"
        elif "skipped" in kinds:
            reason = case.find("skipped").get("message", "")
            result.setdefault(name, "too old" if "removed in libzmq 4.3.5" in reason else "skipped")
        else:
            result.setdefault(name, "passed")
    return result


def collected(installation, directory, file):
    """The tests of a file, asked of pytest, which runs none of them."""
    listing = run(pytest_command(installation, "--collect-only", f"tests/{file}.py"), cwd=directory,
                  env=installation.environment())
    return re.findall(rf"^tests/{file}\.py::(\S.*)$", listing, re.M)


def one_by_one(installation, directory, file, tests, reports):
    """Each test of a file in a process of its own: outcomes, and how many of the processes were on a wrong library."""
    result, wrong = {}, 0
    for number, test in enumerate(tests):
        # pytest says test_x.py::Class::test, its report tests.test_x.Class::test.
        *inside, name = test.split("::")
        name = f"{'.'.join(['tests', file, *inside])}::{name}"
        found, trouble = run_pytest(installation, directory, f"tests/{file}.py::{test}", reports / file / f"{number}.xml",
                                    ALONE_SECONDS)
        result[name] = found.get(name, "failed")
        wrong += trouble == "on a wrong library"
    return result, wrong


class Comparison:
    """What a file of tests gives on the reference and on ours."""

    def __init__(self, file, reference, ours):
        self.file = file
        # Debian's reference may be an older version than ours, and have what was taken away since.
        self.good = {name for name, outcome in reference.items()
                     if outcome == "passed" and ours.get(name) != "too old"}
        self.lost = sorted(name for name in self.good if ours.get(name) != "passed")
        self.not_on_reference = sorted(name for name, outcome in reference.items() if outcome == "failed")
        self.skipped = sum(outcome in ("skipped", "too old") for outcome in reference.values())
        self.removed = sorted(name for name, outcome in ours.items()
                              if outcome == "too old" and reference.get(name) != "too old")
        self.notes, self.faults = [], []


def compare_file(pair, directory, file, reports):
    (reference, broken), (ours, trouble) = [
        run_pytest(installation, directory, f"tests/{file}.py", reports / name / f"{file}.xml")
        for name, installation in zip(("reference", "ours"), pair)]
    wrong = [f"{name}: {said}" for name, said in (("reference", broken), ("ours", trouble))
             if said == "on a wrong library"]
    # On a wrong library nothing that they say counts.
    if not wrong and (broken or "failed" in reference.values()):
        tests = collected(pair[0], directory, file)
        (reference, wrong_there), (ours, wrong_here) = [
            one_by_one(installation, directory, file, tests, reports / name / "alone")
            for name, installation in zip(("reference", "ours"), pair)]
        if wrong_there or wrong_here:
            wrong.append(f"alone, {wrong_there + wrong_here} tests on a wrong library")
    comparison = Comparison(file, reference, ours)
    comparison.faults += wrong
    if wrong:
        return comparison
    if broken:
        comparison.notes.append(f"one by one, because of the reference: {broken}")
        if not comparison.good:
            comparison.faults.append("nothing passes on the reference")
    elif trouble:
        comparison.faults.append(f"ours: {trouble}")
    return comparison


def run_configuration(configuration, python, prefix, only):
    print(f"== pyzmq's test-suite: {configuration}", flush=True)
    pair = installations(configuration, python, prefix)
    source = source_distribution(python)
    for file, reason in LEFT_OUT.items():
        print(f"      left out: {file}: {reason}")
    passed = failed = 0
    for name, installation in zip(("reference", "ours"), pair):
        trouble = installation.check_bindings()
        if trouble:
            failed += 1
            print(f"FAIL  the {name} answers: {trouble}")
        else:
            passed += 1
            print(f"ok    each function that pyzmq calls is bound to {shown(installation.library)} ({name})")

    # Only tests and settings: beside the package's source, python would import that.
    directory = OUT / "tests" / configuration
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    shutil.copytree(source / "tests", directory / "tests")
    shutil.copy(source / "pytest.ini", directory)
    reports = OUT / "reports" / configuration
    shutil.rmtree(reports, ignore_errors=True)
    files = sorted(file.stem for file in (directory / "tests").glob("test_*.py")
                   if file.stem not in LEFT_OUT and (not only or file.stem in only))
    if not files:
        die("no test files")
    seen = set()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for found in pool.map(lambda file: compare_file(pair, directory, file, reports), files):
            good = found.good.difference(found.lost)
            seen |= good
            passed += len(good)
            failed += len(found.lost) or bool(found.faults)
            mark = "FAIL " if found.lost or found.faults else "ok   "
            notes = [f"{len(good)} of the {len(found.good)} that pass on the reference"]
            if found.skipped:
                notes.append(f"{found.skipped} skipped there")
            if found.removed:
                notes.append(f"{len(found.removed)} of what 4.3.5 has no more")
            if found.not_on_reference:
                notes.append(f"{len(found.not_on_reference)} fail there")
            print(f"{mark} {found.file}: {', '.join([*notes, *found.notes, *found.faults])}", flush=True)
            for test, reason in LUCK.items():
                if test.startswith(f"{found.file}.py"):
                    print(f"      left out: {test.rpartition('::')[2]}: {reason}")
            for name in found.removed:
                print(f"      4.3.5 has no more: {name}")
            for name in found.not_on_reference:
                print(f"      fails on the reference: {name}")
            for name in found.lost:
                print(f"      LOST {name}")
            if found.lost or found.faults:
                for name in ("ours",) if found.lost else ("reference", "ours"):
                    log = reports / name / f"{found.file}.log"
                    for line in log.read_text(errors="replace").splitlines()[-80:]:
                        print(f"      {name} | {line}")
    for area, pattern in AREAS.items() if not only else ():
        count = sum(bool(re.search(pattern, name)) for name in seen)
        if count:
            passed += 1
            print(f"ok    {area}: {count} tests")
        else:
            failed += 1
            print(f"FAIL  {area}: no test has passed")
    print(f"pyzmq-{configuration}: {passed} passed, {failed} failed", flush=True)
    return failed == 0


def shown(path):
    path = Path(path)
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prefix", type=Path, required=True, help="where this library is installed")
    parser.add_argument("--file", action="append", default=[], help="only this test file (test_socket), repeatable")
    parser.add_argument("configuration", nargs="*", choices=[[], *CONFIGURATIONS], default=[])
    arguments = parser.parse_args()
    python = prepare_python()
    good = [run_configuration(configuration, python, arguments.prefix.resolve(), arguments.file)
            for configuration in arguments.configuration or CONFIGURATIONS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
