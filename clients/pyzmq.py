#!/usr/bin/env python3
"""Runs pyzmq's own test-suite on the reference and on this library.

    pyzmq.py --prefix DIR [CONFIGURATION...]

CONFIGURATION is one of (without any, all of them, in this order):

    wheel    the wheel from PyPI; its own libzmq is the reference, ours is preloaded
    cython   built from the source distribution, on Debian's libzmq3-dev and on what is installed in DIR
    cffi     the same with the other backend

What passes on the reference has to pass on ours. The tests come from the source distribution and run file by file,
each with a limit of time. Where a file has a failure on the reference, its tests run again one by one on both, so
that one failure does not hide the others.

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

# They ask about the package's source, not about the library: types, and Windows.
LEFT_OUT = {"test_mypy", "test_win32_shim"}

# Tests whose outcome is a matter of luck with any library.
LUCK = {
    "test_curve_keygen.py::test_curve_keygen_secret":
        "it gives a random key to a program as an argument, and one key in 85 begins like an option",
    "test_log.py::TestPubLog::test_blank_root_topic":
        "it publishes right after subscribing over tcp, and waits for ever when the message was faster",
}


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


def run_pytest(installation, directory, selection, report, limit=FILE_SECONDS):
    """Runs pytest in its own process group; the outcome of each test, and what went wrong with the run itself."""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    command = [installation.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "which_libzmq",
               f"--junitxml={report}", selection, *(f"--deselect=tests/{test}" for test in LUCK)]
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
    if trouble is None and code not in (0, 1, 5):
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


def one_by_one(installation, directory, file, names, reports):
    """Each test of a file in a process of its own."""
    result = {}
    for name in names:
        # classname is "tests.test_x.Class" or "tests.test_x"; pytest wants tests/test_x.py::Class::name.
        classname, _, test = name.partition("::")
        inside = classname.split(".")[2:]
        selection = "::".join([f"tests/{file}.py", *inside, test])
        report = reports / file / f"{len(result)}.xml"
        found, _ = run_pytest(installation, directory, selection, report, ALONE_SECONDS)
        result[name] = found.get(name, "failed")
    return result


def compare_file(pair, directory, file, reports):
    """What passes on the reference, what of that does not on ours, and what went wrong."""
    results, troubles = [], []
    for name, installation in zip(("reference", "ours"), pair):
        found, trouble = run_pytest(installation, directory, f"tests/{file}.py", reports / name / f"{file}.xml")
        results.append(found)
        if trouble:
            troubles.append(f"{name}: {trouble}")
    if "failed" in results[0].values():
        names = [name for name, outcome in results[0].items() if outcome in ("passed", "failed")]
        results = [one_by_one(installation, directory, file, names, reports / name / "alone")
                   for name, installation in zip(("reference", "ours"), pair)]
    # Debian's reference may be an older version than ours, and have what was taken away since.
    passed = {name for name, outcome in results[0].items()
              if outcome == "passed" and results[1].get(name) != "too old"}
    lost = sorted(name for name in passed if results[1].get(name) != "passed")
    not_on_reference = sorted(name for name, outcome in results[0].items() if outcome == "failed")
    skipped = sum(outcome in ("skipped", "too old") for outcome in results[0].values())
    removed = sum(outcome == "too old" for outcome in results[1].values()) \
        - sum(outcome == "too old" for outcome in results[0].values())
    return file, sorted(passed), lost, not_on_reference, skipped, removed, troubles


def run_configuration(configuration, python, prefix, only):
    print(f"== pyzmq's test-suite: {configuration}", flush=True)
    pair = installations(configuration, python, prefix)
    source = source_distribution(python)
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
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for file, good, lost, unable, skipped, removed, troubles in pool.map(
                lambda file: compare_file(pair, directory, file, reports), files):
            passed += len(good) - len(lost)
            failed += len(lost)
            ours_in_trouble = any(trouble.startswith("ours") for trouble in troubles)
            if ours_in_trouble and not lost:
                failed += 1
            mark = "FAIL " if lost or ours_in_trouble else "ok   "
            notes = [f"{len(good) - len(lost)} of the {len(good)} that pass on the reference"]
            if skipped:
                notes.append(f"{skipped} skipped there")
            if removed:
                notes.append(f"{removed} of what 4.3.5 has no more")
            if unable:
                notes.append(f"{len(unable)} fail there")
            print(f"{mark} {file}: {', '.join([*notes, *troubles])}", flush=True)
            for test, reason in LUCK.items():
                if test.startswith(f"{file}.py"):
                    print(f"      left out: {test.rpartition('::')[2]}: {reason}")
            for name in unable:
                print(f"      fails on the reference: {name}")
            for name in lost:
                print(f"      LOST {name}")
            if lost or ours_in_trouble:
                log = reports / "ours" / f"{file}.log"
                for line in log.read_text(errors="replace").splitlines()[-80:]:
                    print(f"      | {line}")
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
