#!/usr/bin/env python3
"""Compares the header and the library with the reference's.

    check.py [--header zmq.h] [--reference-header zmq.h] [--lib DIR] [--reference DIR] [--build DIR]

Every constant, structure layout and prototype of the reference's header must be in ours with the same value; the
reference's exported names must be in ours; ours must export exactly the names of symbols.txt. The header must
compile as C89, C99 and C++98 without a warning. A missing header or library of ours is skipped.
"""

import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

OUR_VERSION = {"ZMQ_VERSION_MAJOR": "4", "ZMQ_VERSION_MINOR": "3", "ZMQ_VERSION_PATCH": "5", "ZMQ_VERSION": "40305"}
# Values that later versions of the reference changed in the draft part: name -> allowed values.
CHANGED = {"ZMQ_RECONNECT_STOP_AFTER_DISCONNECT": {"3", "4"}}
NOT_CONSTANTS = {"ZMQ_EXPORT", "ZMQ_MAKE_VERSION", "ZMQ_ERROR"}

# sizeof, alignof and offsetof of what callers allocate themselves; "draft" rows need ZMQ_BUILD_DRAFT_API.
TYPES = [
    ("zmq_msg_t", [], False),
    ("zmq_fd_t", [], False),
    ("zmq_pollitem_t", ["socket", "fd", "events", "revents"], False),
    ("zmq_free_fn *", [], False),
    ("zmq_timer_fn *", [], False),
    ("zmq_thread_fn *", [], False),
    ("zmq_poller_event_t", ["socket", "fd", "user_data", "events"], True),
]

STANDARDS = [
    ("C89", "cc", ["-x", "c", "-std=c89"]),
    ("C99", "cc", ["-x", "c", "-std=c99"]),
    ("C11", "cc", ["-x", "c", "-std=c11"]),
    ("C++98", "c++", ["-x", "c++", "-std=c++98"]),
    ("C++17", "c++", ["-x", "c++", "-std=c++17"]),
]


class Failure(Exception):
    pass


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode != 0:
        first = (done.stderr or done.stdout).strip().splitlines()[:6]
        raise Failure("%s failed:\n    %s" % (" ".join(command[:2]), "\n    ".join(first)))
    return done.stdout


def constants_of(header, draft):
    """Names of the object-like macros that the header defines, in the order of the text."""
    with open(header, encoding="utf-8") as text:
        named = re.findall(r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)(?!\w|\()", text.read(), re.M)
    active = run(["cc", "-E", "-dM", *draft, "-x", "c", header])
    active = set(re.findall(r"^#define (\w+)(?!\()\b", active, re.M))
    names = []
    for name in named:
        if name in active and name not in NOT_CONSTANTS and not name.startswith("_") and not name.endswith("_INCLUDED") \
                and (name.startswith("ZMQ_") or re.match(r"E[A-Z]+$", name)) and name not in names:
            names.append(name)
    return names


def probe_program(names, draft):
    """A C program that prints `name value` for every constant and layout fact."""
    lines = [
        "#include <zmq.h>", "#include <stddef.h>", "#include <stdio.h>",
        "static void number (const char *n, long long v) { printf (\"%s %lld\\n\", n, v); }",
        "static void text (const char *n, const char *v) { printf (\"%s \\\"%s\\\"\\n\", n, v); }",
        "#define SHOW(n, v) _Generic ((v), char *: text, const char *: text, default: number) (n, v)",
        "#define STRINGIZE(x) #x", "#define IS_EMPTY(x) (sizeof STRINGIZE (x) == 1)",
        "int main (void) {",
    ]
    for name in names:
        lines += ["#ifdef %s" % name]
        if name.startswith("ZMQ_HAVE_"):
            lines += ["printf (\"%s defined\\n\");" % name]
        else:
            lines += ["SHOW (\"%s\", %s);" % (name, name)]
        lines += ["#endif"]
    for name, members, only_draft in TYPES:
        if only_draft and not draft:
            continue
        lines += ["number (\"sizeof(%s)\", sizeof (%s));" % (name.replace(" ", ""), name),
                  "number (\"alignof(%s)\", _Alignof (%s));" % (name.replace(" ", ""), name)]
        for member in members:
            lines += ["number (\"offsetof(%s,%s)\", offsetof (%s, %s));" % (name, member, name, member),
                      "number (\"sizeof(%s,%s)\", sizeof (((%s *) 0)->%s));" % (name, member, name, member)]
    lines += ["number (\"ZMQ_MAKE_VERSION(1,2,3)\", ZMQ_MAKE_VERSION (1, 2, 3));", "return 0; }"]
    return "\n".join(lines) + "\n"


def values_of(header, draft, build, label):
    """What the probe program compiled against this header prints, as a dictionary."""
    source = os.path.join(build, "probe_%s.c" % label)
    binary = source[:-2]
    with open(source, "w", encoding="utf-8") as out:
        out.write(probe_program(constants_of(header, draft), bool(draft)))
    run(["cc", "-std=c11", "-w", *draft, "-I", os.path.dirname(header), "-o", binary, source])
    return dict(line.split(" ", 1) for line in run([binary]).splitlines())


def compare_values(ours, reference):
    wrong = []
    for name, value in reference.items():
        expected = OUR_VERSION.get(name, value)
        if name not in ours:
            wrong.append("%s is missing (%s)" % (name, expected))
        elif ours[name] != expected and ours[name] not in CHANGED.get(name, ()):
            wrong.append("%s is %s, expected %s" % (name, ours[name], expected))
    if wrong:
        raise Failure("\n    ".join(["%d differences" % len(wrong)] + wrong))
    return "%d facts equal, %d more in ours" % (len(reference), len(set(ours) - set(reference)))


def prototypes_of(header, draft, build):
    """The functions a header declares, as prototypes in plain C."""
    listing = os.path.join(build, "prototypes.txt")
    source = os.path.join(build, "only_header.c")
    with open(source, "w", encoding="utf-8") as out:
        out.write("#include <zmq.h>\n")
    run(["gcc", "-std=c11", "-w", *draft, "-I", os.path.dirname(header), "-fsyntax-only", "-aux-info", listing, source])
    with open(listing, encoding="utf-8") as text:
        lines = [re.sub(r"^/\*.*?\*/\s*", "", line).strip() for line in text]
    return {re.search(r"\b(zmq_\w+) \(", line)[1]: line for line in lines if re.search(r"\bzmq_\w+ \(", line)}


def compare_prototypes(ours, reference, draft, build):
    """Declares each function of the reference again after our header: the compiler refuses a difference."""
    wanted = prototypes_of(reference, draft, build)
    if not wanted:
        raise Failure("no prototypes found in %s" % reference)
    source = os.path.join(build, "redeclare.c")
    with open(source, "w", encoding="utf-8") as out:
        out.write("#include <zmq.h>\nstruct iovec;\n")
        for line in wanted.values():
            out.write(line + "\n")
        # A function the header lacks would be declared by the line above: name it without that.
    run(["gcc", "-std=c11", "-w", *draft, "-I", os.path.dirname(ours), "-fsyntax-only", source])
    declared = prototypes_of(ours, draft, build)
    missing = sorted(set(wanted) - set(declared))
    if missing:
        raise Failure("not declared: %s" % " ".join(missing))
    return "%d functions equal, %d more in ours" % (len(wanted), len(set(declared) - set(wanted)))


def compile_header(header, build):
    done = []
    names = ["zmq.h"] + [n for n in ["zmq_utils.h"] if os.path.exists(os.path.join(os.path.dirname(header), n))]
    for name in names:
        source = os.path.join(build, "standard.c")
        with open(source, "w", encoding="utf-8") as out:
            out.write("#include <%s>\n#include <%s>\nint main (void);\nint main (void) { return 0; }\n" % (name, name))
        for label, compiler, flags in STANDARDS:
            for draft in ([], ["-DZMQ_BUILD_DRAFT_API"]):
                warn = ["-Wall", "-Wextra", "-pedantic", "-Werror"]
                if name == "zmq_utils.h":
                    warn += ["-Wno-cpp", "-Wno-error"]
                try:
                    # -iquote and -I: warnings in the header itself are wanted, so it is no system directory.
                    run([compiler, *flags, *warn, *draft, "-I", os.path.dirname(header), "-fsyntax-only", source])
                except Failure as failure:
                    raise Failure("%s as %s%s: %s" % (name, label, " with drafts" if draft else "", failure)) from None
        done.append(name)
    return "%s as %s" % (" and ".join(done), ", ".join(label for label, _, _ in STANDARDS))


def exported(library):
    names = set()
    for line in run(["nm", "-D", "--defined-only", library]).splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":
            names.add(name.split("@")[0])
    return names


def expected_symbols():
    with open(os.path.join(HERE, "symbols.txt"), encoding="utf-8") as text:
        return {line.strip() for line in text if line.strip() and not line.startswith("#")}


def check_symbols(ours, reference):
    names, expected = exported(ours), expected_symbols()
    lost = sorted(n for n in exported(reference) if n.startswith("zmq_") and n not in names)
    wrong = []
    if lost:
        wrong.append("names of the reference that are missing: " + " ".join(lost))
    if expected - names:
        wrong.append("missing: " + " ".join(sorted(expected - names)))
    if names - expected:
        wrong.append("not to be exported: " + " ".join(sorted(names - expected)))
    if wrong:
        raise Failure("\n    ".join(wrong))
    return "%d names" % len(names)


def check_soname(library):
    found = re.search(r"\(SONAME\).*\[(.*)\]", run(["readelf", "-d", library]))
    if not found or found[1] != "libzmq.so.5":
        raise Failure("SONAME is %s" % (found[1] if found else "missing"))
    return found[1]


def check_reference_symbols(reference):
    names = {n for n in exported(reference) if n.startswith("zmq_")}
    if names - expected_symbols():
        raise Failure("symbols.txt lacks: " + " ".join(sorted(names - expected_symbols())))
    return "%d names, all in symbols.txt" % len(names)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--header", default=os.path.join(ROOT, "include", "zmq.h"))
    parser.add_argument("--reference-header", default="/usr/include/zmq.h")
    parser.add_argument("--lib", help="directory of our libzmq.so.5")
    parser.add_argument("--reference", help="directory of the reference's libzmq.so.5")
    parser.add_argument("--build", default=os.path.join(ROOT, "target", "capi", "abi"))
    args = parser.parse_args()
    os.makedirs(args.build, exist_ok=True)

    counts = [0, 0]

    def check(who, what, function, *arguments):
        try:
            line, good = "ok   " + function(*arguments), True
        except Failure as failure:
            line, good = "FAIL " + str(failure), False
        counts[0 if good else 1] += 1
        print("%-9s %-16s %s" % (who, what, line), flush=True)

    for label, draft in (("stable", []), ("draft", ["-DZMQ_BUILD_DRAFT_API"])):
        try:
            reference = values_of(args.reference_header, draft, args.build, "reference_" + label)
        except Failure as failure:
            print("reference header: %s" % failure)
            return 1
        if args.lib and os.path.exists(args.header):
            check("ours", "abi-" + label,
                  lambda d=draft, r=reference, n=label: compare_values(
                      values_of(args.header, d, args.build, "ours_" + n), r))
            check("ours", "prototypes-" + label, compare_prototypes, args.header, args.reference_header, draft, args.build)
        else:
            check("reference", "abi-" + label, lambda r=reference: "%d facts" % len(r))
            check("reference", "prototypes-" + label, compare_prototypes, args.reference_header, args.reference_header,
                  draft, args.build)
    if args.reference:
        check("reference", "abi-symbols", check_reference_symbols, os.path.join(args.reference, "libzmq.so.5"))
    if args.lib:
        if os.path.exists(args.header):
            check("ours", "abi-standards", compile_header, args.header, args.build)
        else:
            check("ours", "abi-header", lambda: (_ for _ in ()).throw(Failure("%s is missing" % args.header)))
        library = os.path.join(args.lib, "libzmq.so.5")
        check("ours", "abi-soname", check_soname, library)
        if args.reference:
            check("ours", "abi-symbols", check_symbols, library, os.path.join(args.reference, "libzmq.so.5"))
    print("abi-count: %d %d" % tuple(counts))
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main())
