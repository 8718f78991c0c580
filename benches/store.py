#!/usr/bin/env python3
"""Measures `replay --store`: what a second run over unchanged files costs, and whether killed runs lose anything.

    store.py [--records 1000000] [--runs 3] [--corpus DIR] [--kills 50]

The second run's processor time (user and system, of the whole process, two threads) is compared with the first's, which
reads every file and writes the store; the least of several runs each. Then runs over a corpus of 60,000 records are
killed (SIGKILL) at random moments, each going on from what the one before left, every tenth from nothing. After every
fifth, and at the end, one is left to finish. Its report must be that of a run without a store, but for what tells new
findings from known ones. Prints each figure with its limit, and fails beyond one.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import replay

SHARE_LIMIT = 5.0
RESIDENT_LIMIT = 150


def command(binary, corpus, store, output):
    flags = ["--store", store] if store else []
    return [binary, "replay", corpus / "AWSLogs", "--threads", "2", "--exit-zero", "--allow-incomplete", "--quiet",
            "--now", "2026-11-20T12:00:00Z", "--output", f"json={output}", *flags]


def told(output):
    """A report without what tells new findings from known ones."""
    report = json.loads(output.read_text())
    report["summary"]["known"] = None
    for finding in report["findings"]:
        finding["seen"] = None
    return report


def costs(binary, corpus, work, runs):
    store, plain, beside = work / "audit.store", work / "plain.json", work / "beside.json"
    without, firsts, seconds, failures = [], [], [], []
    for _ in range(runs):
        store.unlink(missing_ok=True)
        without.append(replay.run(command(binary, corpus, None, plain)))
        firsts.append(replay.run(command(binary, corpus, store, beside)))
        same = [told(plain) == told(beside)]
        seconds.append(replay.run(command(binary, corpus, store, beside)))
        same.append(told(plain) == told(beside))
        if not all(same):
            failures.append("a report beside the store differs from the one without")
    (none, _), (first, first_memory), (second, _) = min(without), min(firsts), min(seconds)
    memory = max(memory for _, memory in seconds)
    share = 100 * second / first
    print(f"without a store {none:.2f} s of processor time, first run {first:.2f} s ({first_memory:.0f} MB), second {second:.2f} s: "
          f"{share:.1f} % of the first, limit {SHARE_LIMIT} %; {memory:.0f} MB, limit {RESIDENT_LIMIT}; "
          f"the store has {store.stat().st_size / 1e6:.0f} MB")
    if share > SHARE_LIMIT:
        failures.append(f"the second run takes {share:.1f} % of the first")
    if memory > RESIDENT_LIMIT:
        failures.append(f"the second run takes {memory:.0f} MB")
    return failures


def kills(binary, corpus, work, wanted):
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    store, plain, beside = work / "killed.store", work / "plain.json", work / "killed.json"
    replay.run(command(binary, corpus, None, plain))
    clean = told(plain)
    begun = time.monotonic()
    replay.run(command(binary, corpus, store, beside))
    whole = time.monotonic() - begun
    store.unlink()
    killed = finished = 0
    failures = []

    def finish():
        replay.run(command(binary, corpus, store, beside))
        if told(beside) != clean:
            failures.append(f"seed {seed}: after {killed} kills the report is another one")

    while killed < wanted and killed + finished < 20 * wanted:
        if (killed + finished) % 10 == 0:
            store.unlink(missing_ok=True)
        child = subprocess.Popen(command(binary, corpus, store, beside), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.random() * whole)
        alive = child.poll() is None
        child.kill()
        child.wait()
        killed += alive
        finished += not alive
        if alive and killed % 5 == 0:
            finish()
    finish()
    finish()
    print(f"killed {killed} times at random moments of {whole:.2f} s (limit {wanted}), {finished} runs ended before; "
          f"{'the reports are those of one clean run' if not failures else 'reports differ'}")
    if killed < wanted:
        failures.append(f"only {killed} runs could be killed")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--corpus", type=pathlib.Path, help="made where it is not there yet; else in a temporary directory")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--kill-corpus", type=pathlib.Path, help="the same of the corpus for kills")
    arguments = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--bins"], cwd=replay.ROOT, check=True)
    meta = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--no-deps", "--offline"], cwd=replay.ROOT))
    binary = pathlib.Path(meta["target_directory"]) / "release" / "lambda-audit"
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)

        def make(where, records):
            if not (where / "AWSLogs").exists():
                subprocess.run([sys.executable, replay.ROOT / "benches" / "corpus.py", where, "--records", str(records)], check=True)
            return where
        corpus = make((arguments.corpus or work / "corpus").resolve(), arguments.records)
        failures = costs(binary, corpus, work, arguments.runs)
        few = make((arguments.kill_corpus or work / "few").resolve(), 60_000)
        failures += kills(binary, few, work, arguments.kills)
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
