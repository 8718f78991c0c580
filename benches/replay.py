#!/usr/bin/env python3
"""Measures `replay` against its floor, and checks first that it finds what it must.

    replay.py [--records 1000000] [--runs 3] [--corpus DIR] [--memory]

The floor is decompressing the same files with the same library and nothing else (examples/floor.rs). Both run in turn,
with two threads; what is compared is each one's least processor time over the runs (user and system, of the whole
process), so that other work on the machine cancels out as far as it can. Prints each figure and its limit, and fails
beyond a limit. --memory: ten times the files as well, for the growth of memory.

The limits of time are this corpus's, a tenth above what was measured: they tell that something became slower. What is
promised is told of another corpus, in docs/performance.md.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPOSURE = ["function-invoke-*", "function-write-granted", "function-url-public", "function-url-cors-any-origin", "layer-shared-externally",
            "layer-external", "layer-added-to-function", "event-source-*", "function-destination-external"]
CHANGES = [*EXPOSURE, "function-deleted", "function-code-updated", "public-grant-blocked", "lambda-role-iam-write"]
# Name, policies (none: all), limit as a multiple of the floor.
SETS = [("all policies", [], 4.5), ("changes only", CHANGES, 2.1), ("changes and invoke-cross-account", [*CHANGES, "invoke-cross-account"], 2.4)]
RESIDENT_LIMIT = 150
GROWTH_LIMIT = 1.3


def run(command):
    """Processor seconds, and the most memory in MB."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT)
    message = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{message.decode()}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def replay(binary, corpus, policies, output):
    chosen = [part for policy in policies for part in ("--policy", policy)]
    return [binary, "replay", corpus / "AWSLogs", "--threads", "2", "--exit-zero", "--allow-incomplete", "--quiet",
            "--output", f"json={output}", *chosen]


def check(corpus, output):
    """Every planted record is found under its eventID and by the policy it must be found by."""
    found = {(finding["policy"], event) for finding in json.loads(output.read_text())["findings"] for event in finding["event_ids"]}
    planted = [json.loads(line) for line in (corpus / "planted.jsonl").read_text().splitlines()]
    missed = [one for one in planted if (one["policy"], one["event_id"]) not in found]
    print(f"planted records found: {len(planted) - len(missed)} of {len(planted)}")
    return [f"not found: {one}" for one in missed]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--corpus", type=pathlib.Path, help="made where it is not there yet; else in a temporary directory")
    parser.add_argument("--memory", action="store_true")
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--bins", "--example", "floor"], cwd=ROOT, check=True)
    meta = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline"], cwd=ROOT))
    release = pathlib.Path(meta["target_directory"]) / "release"
    binary, floor = release / "lambda-audit", release / "examples" / "floor"
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        corpus = (arguments.corpus or work / "corpus").resolve()
        output = work / "run.json"

        def make(where, copies):
            if not (where / "planted.jsonl").exists():
                subprocess.run([sys.executable, ROOT / "benches" / "corpus.py", where, "--records", str(arguments.records), "--copies", str(copies)], check=True)
        make(corpus, 1)
        failures = []
        for name, policies, limit in SETS:
            floors, figures = [], []
            for _ in range(arguments.runs):
                floors.append(run([floor, corpus, "2"])[0])
                figures.append(run(replay(binary, corpus, policies, output)))
            if not policies:
                failures += check(corpus, output)
            least, resident = min(figure for figure, _ in figures), max(memory for _, memory in figures)
            ratio = least / min(floors)
            print(f"{name}: {least:.2f} s of processor time, {ratio:.2f} × the floor ({min(floors):.2f} s), limit {limit}; {resident:.0f} MB, limit {RESIDENT_LIMIT}")
            if ratio > limit:
                failures.append(f"{name}: {ratio:.2f} × the floor is more than {limit}")
            if resident > RESIDENT_LIMIT:
                failures.append(f"{name}: {resident:.0f} MB are more than {RESIDENT_LIMIT}")
        if arguments.memory:
            ten = corpus.parent / f"{corpus.name}-ten"
            make(ten, 10)
            once, tenfold = (run(replay(binary, where, [], output))[1] for where in (corpus, ten))
            print(f"memory for ten times the files: {tenfold / once:.2f} × ({tenfold:.0f} MB after {once:.0f} MB), limit {GROWTH_LIMIT}")
            if tenfold > once * GROWTH_LIMIT:
                failures.append(f"memory grows {tenfold / once:.2f} ×")
        for failure in failures:
            print(failure, file=sys.stderr)
        sys.exit(bool(failures))


if __name__ == "__main__":
    main()
