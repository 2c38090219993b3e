"""A place in which example programs run: on one library, in a folder of their own.

Nothing here sleeps and hopes: a check waits for a line that a program prints, or
for its end, and each wait has a deadline.
"""

import itertools
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

CASES = []
PATIENCE = 40.0  # seconds; far beyond what any step takes on a busy machine


_next_port, _port_lock = itertools.count(random.randrange(20000, 30000, 4), 4), threading.Lock()


def free_ports():
    """The first of four ports in a row that nobody uses.

    They are below those that the system gives to connections: a server that is started again
    finds its port free, and no client connects to itself meanwhile.
    """
    with _port_lock:
        for port in _next_port:
            port = 20000 + port % 12000
            try:
                for number in range(port, port + 4):
                    with socket.socket() as probe:
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        probe.bind(("127.0.0.1", number))
                return port
            except OSError:
                continue
    raise AssertionError


class Failure(Exception):
    """What a program did is not what its pattern promises."""


def threads_of(pid):
    """What each thread of a process waits in: its stack where gdb is installed, else the kernel's function."""
    if shutil.which("gdb"):
        command = ["gdb", "-p", str(pid), "-batch", "-ex", "thread apply all backtrace 16"]
        stacks = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
        return "\n" + "\n".join(line for line in stacks.splitlines() if line.startswith(("Thread", "#")))
    waits = []
    for task in sorted(os.listdir(f"/proc/{pid}/task")):
        with open(f"/proc/{pid}/task/{task}/comm") as name, open(f"/proc/{pid}/task/{task}/wchan") as place:
            waits.append(f"{name.read().strip()} in {place.read()}")
    return ", ".join(waits)


def case(folder, promise, libraries=("reference", "ours", "mixed"), tcp=False):
    """Registers a check: it runs once on each of the libraries, and with its programs on one and the other in turn.

    With `tcp` it runs over tcp as well, where its endpoints are otherwise ipc.
    """

    def register(function):
        CASES.append((f"{folder}: {promise}", function, libraries))
        if tcp:

            def over_tcp(lab):
                lab.over_tcp = True
                function(lab)

            CASES.append((f"{folder}, over tcp: {promise}", over_tcp, libraries))
        return function

    return register


class Process:
    def __init__(self, lab, name, command, environment, log):
        self.lab, self.name = lab, name
        self._lines, self._changed, self._closed = [], threading.Condition(), False
        self.silent = False  # about its library
        self.began = time.monotonic()
        self._process = subprocess.Popen(
            command, env=environment, cwd=lab.folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        self.log = log
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for raw in self._process.stdout:
            line = raw.decode(errors="backslashreplace").rstrip("\n")
            with self._changed:
                self._lines.append(line)
                self.log.append((time.monotonic(), self.name, line))
                self._changed.notify_all()
        self._process.stdout.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # ------------------------------------------------------------- looking at it

    @property
    def lines(self):
        with self._changed:
            return list(self._lines)

    def matches(self, pattern):
        """The match objects of all lines so far that contain the pattern."""
        found = (re.search(pattern, line) for line in self.lines)
        return [match for match in found if match]

    def groups(self, pattern):
        """The first group of each match."""
        return [match.group(1) for match in self.matches(pattern)]

    def wait(self, pattern, count=1, timeout=PATIENCE, accept=lambda match: True):
        """Waits until `count` lines contain the pattern, and are accepted; the last match of them."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [m for m in (re.search(pattern, line) for line in self._lines) if m and accept(m)]
                if len(found) >= count:
                    return found[count - 1]
                if self._closed:
                    raise Failure(f"{self.name} ended with {len(found)} of {count} lines /{pattern}/")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"{self.name}: {len(found)} of {count} lines /{pattern}/ in {timeout:g} s")
                self._changed.wait(left)

    def endpoint(self):
        return self.wait(r"bound to (.*)").group(1)

    @property
    def running(self):
        return self._process.poll() is None

    # ---------------------------------------------------------- doing things to it

    def send(self, number):
        self.log.append((time.monotonic(), self.name, f"*** {signal.Signals(number).name}"))
        try:
            self._process.send_signal(number)
        except ProcessLookupError:
            pass

    def _await_beginning(self):
        """Until its first line, a program has done nothing that a crash or a pause could disturb, and a request to end just ends it."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closed, PATIENCE)

    def kill(self):
        """As a crash would: at once, with nothing said to anybody."""
        self._await_beginning()
        self.send(signal.SIGKILL)
        self._process.wait()
        self._reader.join()

    def freeze(self):
        self._await_beginning()
        self.send(signal.SIGSTOP)

    def thaw(self):
        self.send(signal.SIGCONT)

    def ends(self, status=0, timeout=PATIENCE):
        """Waits for its end, which has to be with this status."""
        try:
            actual = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end in {timeout:g} s: {threads_of(self._process.pid)}") from None
        self._reader.join()
        if actual != status:
            raise Failure(f"{self.name} ended with status {actual}, not {status}")
        return self

    def ask_to_end(self, number=signal.SIGTERM):
        """A program catches signals before it prints its first line."""
        self._await_beginning()
        self.send(number)

    def stop(self, number=signal.SIGTERM, status=0):
        """Asks it to end; it has to close everything and end cleanly."""
        self.ask_to_end(number)
        return self.ends(status)

    def discard(self):
        if self.running:
            self._process.kill()
        self._process.wait()
        self._reader.join()


class Relay:
    """Carries connections from one ipc endpoint to another, until it is cut."""

    def __init__(self, front, back):
        self.endpoint, self._front, self._back = f"ipc://{front}", front, back
        self._lock, self._pairs, self._listener = threading.Lock(), [], None
        self.heal()

    def heal(self):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self._front)
        listener.listen()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self._back)
            except OSError:
                near.close()
                far.close()
                continue
            with self._lock:
                self._pairs += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Ends all connections, and makes no new ones."""
        if self._listener is None:
            return
        os.unlink(self._front)
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for end in pairs:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


class Lab:
    def __init__(self, folder, settings, binaries, examples, python):
        """`settings` has for each library its file, and the environments for C programs and for Python."""
        self.folder, self.binaries, self.examples = folder, binaries, examples
        self._settings, self._python = itertools.cycle(settings), python
        self.log, self._processes, self._names = [], [], {}
        self.notes, self._relays = [], []
        self.over_tcp, self._ports = False, {}

    def endpoint(self, name):
        """An endpoint that can be named before anybody binds it."""
        if not self.over_tcp:
            return f"ipc://{self.folder}/{name}"
        if name not in self._ports:
            self._ports[name] = free_ports()
        return f"tcp://127.0.0.1:{self._ports[name]}"

    def path(self, name):
        return os.path.join(self.folder, name)

    def relay(self, name, to):
        """A relay with an endpoint of its own, to the endpoint called `to`."""
        relay = Relay(self.path(name), self.path(to))
        self._relays.append(relay)
        return relay

    def _begin(self, name, command, library, environment):
        self._names[name] = self._names.get(name, 0) + 1
        if self._names[name] > 1:
            name = f"{name}#{self._names[name]}"
        process = Process(self, name, command, environment, self.log)
        process.library = library
        self._processes.append(process)
        return process

    def binary(self, program):
        """The file of a C program, "folder/file" without its ending."""
        return os.path.join(self.binaries, program.replace("/", "-"))

    def start(self, program, *arguments, name=None, **environment):
        """Starts a C program."""
        library, settings, _ = next(self._settings)
        return self._begin(name or program, [self.binary(program), *map(str, arguments)], library, {**settings, **environment})

    def brought(self, program, *arguments):
        """Runs a C program that does not print its library; the linker is asked for it."""
        binary = self.binary(program)
        library, environment, _ = next(self._settings)
        linked = subprocess.run([binary], env={**environment, "LD_TRACE_LOADED_OBJECTS": "1"},
                                capture_output=True, text=True, check=True).stdout
        found = [os.path.realpath(path) for path in re.findall(r"libzmq\.so\.5 => (\S+)", linked)]
        self.equal(f"the library of {program}", found, [library])
        process = self._begin(program, [binary, *map(str, arguments)], library, environment)
        process.silent = True
        return process.ends()

    def compiles(self, compiler, *flags, text):
        """Compiles a text against this library's headers, warnings being errors."""
        include = os.path.join(os.path.dirname(self.examples), "include")
        command = [compiler, *flags, "-Wall", "-Wextra", "-pedantic", "-Werror", "-I", include, "-c", "-o", os.devnull, "-"]
        result = subprocess.run(command, input=text, capture_output=True, text=True)
        if result.returncode:
            raise Failure(f"{' '.join(command)}:\n{result.stderr}")

    def script(self, script, *arguments, name=None):
        """Starts a Python script of the folder python/ on pyzmq over the library."""
        path = os.path.join(self.examples, "python", script)
        library, _, environment = next(self._settings)
        return self._begin(name or script, [self._python, path, *map(str, arguments)], library, environment)

    def run(self, program, *arguments, **named):
        """Starts a C program and waits for its good end."""
        return self.start(program, *arguments, **named).ends()

    def stop(self, *processes):
        """Stops all of them side by side."""
        for process in processes:
            process.ask_to_end()
        for process in processes:
            process.ends()

    def note(self, text):
        """A count that belongs to the result."""
        self.notes.append(text)

    def expect(self, condition, message):
        if not condition:
            raise Failure(message)

    def equal(self, what, actual, expected):
        if actual != expected:
            raise Failure(f"{what}: {shorten(actual)}, not {shorten(expected)}")

    # ------------------------------------------------------------------ the ending

    def check_libraries(self):
        """Every process has to have run on the library it was given, and on no other."""
        for process in self._processes:
            if process.silent:
                continue
            loaded = process.groups(r": loaded (/.*)")
            if loaded != [process.library]:
                raise Failure(f"{process.name} ran on {loaded}, not on {process.library}")

    def discard(self):
        for process in self._processes:
            process.discard()
        for relay in self._relays:
            relay.cut()


def shorten(value):
    text = repr(value)
    return text if len(text) < 300 else text[:200] + " ... " + text[-80:]


class Tally:
    """Counts what happened to numbered requests."""

    def __init__(self, numbers):
        self.wanted = [int(number) for number in numbers]

    def against(self, answered):
        """(lost, duplicated): numbers never answered, and answers beyond the first."""
        answers = {}
        for number in map(int, answered):
            answers[number] = answers.get(number, 0) + 1
        lost = [number for number in self.wanted if number not in answers]
        return lost, sum(count - 1 for count in answers.values())
