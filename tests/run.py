#!/usr/bin/python3
"""Runs the stages of the tests, each with real parts, and counts what passed, failed and was skipped.

usage: tests/run.py [--pattern TEXT] [--fuzz-seconds N] STAGE…      (all: every stage in order)
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as tree

ROOT = pathlib.Path(__file__).resolve().parent.parent
JOBS = str(os.cpu_count() or 2)

# name → (folder, compiler, meson options). `faults` has the named fault points and is never shipped.
BUILDS = {
    "plain": ("build", "gcc", ["--buildtype=release", "-Ddebug=true", "-Db_ndebug=false"]),
    "asan": ("build-asan", "clang", ["--buildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Db_lundef=false"]),
    "faults": ("build-faults", "gcc", ["--buildtype=debugoptimized", "-Dfaults=true"]),
    "fuzz": ("build-fuzz", "clang",
             ["--buildtype=debugoptimized", "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"]),
}


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.bad, self.reasons = [], []

    def add(self, name, ok, note=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            self.bad.append(name)
        print(f"{'ok  ' if ok else 'FAIL'} {name}{'  ' + note if note else ''}", flush=True)

    def skip(self, name, reason):
        self.skipped += 1
        self.reasons.append(f"{name}: {reason}")
        print(f"skip {name}  {reason}", flush=True)


def tail(text, lines=60):
    return "\n".join(text.splitlines()[-lines:])


def command(args, **kw):
    return subprocess.run(args, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **kw)


def build(which, count):
    """Configures (once) and builds; a failure counts as one failed test."""
    folder, compiler, options = BUILDS[which]
    started = time.time()
    if not (ROOT / folder / "build.ninja").exists():
        shutil.rmtree(ROOT / folder, ignore_errors=True)
        done = command(["meson", "setup", folder, *options], env={**os.environ, "CC": compiler})
        if done.returncode:
            print(tail(done.stdout))
            count.add(f"build {which}", False)
            return False
    done = command(["ninja", "-C", folder])
    if done.returncode:
        print(tail(done.stdout))
    count.add(f"build {which} ({compiler})", done.returncode == 0, f"{time.time() - started:.0f} s")
    return done.returncode == 0


def unit(which, count, options, suites=()):
    """meson's tests of one build; each result is read from its log."""
    folder = BUILDS[which][0]
    args = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", *sum((["--suite", s] for s in suites), [])]
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    done = command(args, env=env)
    log = ROOT / folder / "meson-logs" / "testlog.json"
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    if not rows:
        print(tail(done.stdout))
        count.add(f"unit {which}", False, "no test ran")
    for row in rows:
        if options.pattern and options.pattern not in row["name"]:
            continue
        ok = row["result"] in ("OK", "EXPECTEDFAIL")
        count.add(f"unit {which} {row['name']}", ok, f"{row['duration']:.1f} s")
        if not ok:
            print(tail(row.get("stdout", "") + row.get("stderr", "")))


def namespaces():
    """The prefix that gives a command a network and mounts of its own, or None where that is not allowed."""
    for prefix in (["unshare", "-n", "-m"], ["unshare", "-U", "-r", "-n", "-m"]):
        if command([*prefix, "true"]).returncode == 0:
            return prefix
    return None


def pytest(folder, count, options, which="plain", prefix=()):
    report = ROOT / BUILDS[which][0] / f"pytest-{folder.replace('/', '-')}.xml"
    args = [*prefix, "/usr/bin/python3", "-m", "pytest", "-q", "-x" if options.first else "-q", "-p", "no:cacheprovider", f"--junitxml={report}", f"tests/{folder}"]
    if options.pattern:
        args += ["-k", options.pattern]
    env = {**os.environ, "AVOW": str(ROOT / BUILDS[which][0] / "avow"), "PYTHONDONTWRITEBYTECODE": "1"}
    report.unlink(missing_ok=True)
    done = command(args, env=env)
    if not report.exists():
        if done.returncode != 5:  # 5: the pattern chose none
            print(tail(done.stdout))
            count.add(f"pytest {folder}", False, "it did not run")
        return
    for case in tree.parse(report).iter("testcase"):
        name = f"{folder} {case.get('classname', '').split('.')[-1]}.{case.get('name')}"
        skipped = case.find("skipped")
        bad = case.find("failure") if case.find("failure") is not None else case.find("error")
        if skipped is not None:
            count.skip(name, skipped.get("message", ""))
        else:
            count.add(name, bad is None, f"{float(case.get('time', 0)):.1f} s")
            if bad is not None:
                print(tail((bad.text or "") + (bad.get("message") or ""), 40))


def stage_layers(count, options):
    done = command(["/usr/bin/python3", "tests/layers.py"])
    print(done.stdout.strip() if done.returncode else "", end="")
    count.add("layers", done.returncode == 0)


def stage_unit(count, options):
    if build("plain", count):
        unit("plain", count, options)


def stage_asan(count, options):
    if build("asan", count):
        unit("asan", count, options)


def stage_fuzz(count, options):
    if not build("fuzz", count):
        return
    folder = ROOT / BUILDS["fuzz"][0]
    for program in sorted(p for p in (folder / "tests" / "fuzz").glob("fuzz_*") if p.is_file() and os.access(p, os.X_OK)):
        name = program.name[len("fuzz_"):]
        if options.pattern and options.pattern not in program.name:
            continue
        corpus, seeds = folder / "corpus" / name, ROOT / "tests" / "fuzz" / "seeds" / name
        corpus.mkdir(parents=True, exist_ok=True)
        args = [str(program), f"-max_total_time={options.fuzz_seconds}", "-timeout=20", "-rss_limit_mb=2048", "-max_len=65536",
                f"-artifact_prefix={folder}/finding-{name}-", str(corpus)] + ([str(seeds)] if seeds.is_dir() else [])
        done = command(args)
        runs = [line for line in done.stdout.splitlines() if line.startswith("Done ")]
        count.add(f"fuzz {name}", done.returncode == 0, runs[0] if runs else "")
        if done.returncode:
            print(tail(done.stdout))


# cppcheck reads no header outside src and cannot guess macros that stand for whole declarations.
OPENSSL_MACROS = ["-DDECLARE_ASN1_ITEM(type)=", "-DASN1_SEQUENCE(type)=static const int type##_fields[]", "-DASN1_SEQUENCE_END(type)=;"]


def stage_lint(count, options):
    if not (ROOT / BUILDS["plain"][0] / "compile_commands.json").exists() and not build("plain", count):
        return
    folder = BUILDS["plain"][0]
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.c"))
    # One file a process: clang-tidy 14 carries the state of va_list checks from one file into the next.
    done = command(["sh", "-c", 'printf "%s\\n" "$@" | xargs -P "$0" -n 1 clang-tidy --quiet -p "$AVOW_BUILD" '
                    "--extra-arg=-Wno-unknown-warning-option '--warnings-as-errors=*' 2>/dev/null", JOBS, *files],
                   env={**os.environ, "AVOW_BUILD": folder})
    bad = done.returncode != 0
    if bad:
        print(tail(done.stdout))
    count.add("lint clang-tidy", not bad, f"{len(files)} files")
    done = command(["cppcheck", "--quiet", "-j", JOBS, "--enable=warning,performance,portability", "--inline-suppr", "--std=c11",
                    "--error-exitcode=1", "--suppress=missingInclude", "--suppress=normalCheckLevelMaxBranches",
                    "--suppressions-list=tests/cppcheck.txt", "-D_GNU_SOURCE", *OPENSSL_MACROS, "-Isrc", "src"])
    if done.returncode:
        print(tail(done.stdout))
    count.add("lint cppcheck", done.returncode == 0)


def stage_integration(count, options):
    if build("plain", count):
        pytest("integration", count, options)


def stage_interop(count, options):
    if not build("plain", count):
        return
    prefix = namespaces()
    if prefix is None:
        count.skip("interop", "no network namespace of our own can be made here (unshare -n -m)")
        return
    pytest("interop", count, options, prefix=prefix)


def stage_fault(count, options):
    if build("faults", count):
        pytest("fault", count, options, "faults")


STAGES = {
    "layers": stage_layers, "unit": stage_unit, "asan": stage_asan, "integration": stage_integration, "interop": stage_interop,
    "fault": stage_fault, "fuzz": stage_fuzz, "lint": stage_lint,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pattern", default="", help="only tests whose name contains this")
    parser.add_argument("--fuzz-seconds", type=int, default=4, help="how long each fuzz harness runs")
    parser.add_argument("--first", action="store_true", help="stop a pytest stage at its first failure")
    parser.add_argument("stages", nargs="+", metavar="STAGE", help=f"all, or of: {', '.join(STAGES)}")
    options = parser.parse_args()
    names = list(STAGES) if "all" in options.stages else options.stages
    if "all" in options.stages and options.pattern:
        names.remove("lint")
    unknown = [n for n in names if n not in STAGES]
    if unknown:
        parser.error(f"no such stage: {', '.join(unknown)}")
    count = Count()
    for name in names:
        started = time.time()
        print(f"== {name}", flush=True)
        try:
            STAGES[name](count, options)
        except (OSError, ValueError, tree.ParseError) as e:  # a missing program, a report cut short: counted, and the others still run
            count.add(f"stage {name}", False, str(e))
        print(f"== {name}: {time.time() - started:.0f} s", flush=True)
    for reason in count.reasons:
        print(f"skipped: {reason}")
    for name in count.bad:
        print(f"failed: {name}")
    print(f"{count.passed} passed, {count.failed} failed, {count.skipped} skipped")
    return 1 if count.failed or count.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
