#!/usr/bin/env python3
"""Writes fixtures/accounts: invented accounts, each a snapshot and a trail that tell one story.

    make_fixtures.py            write them
    make_fixtures.py --check    fail if the committed files are not what this writes

Standard library only, no clock, no chance: the same script gives the same files. Compressed files are compared by
what they hold, since the bytes depend on the zlib at hand. Before anything is written, `fixtures.agree` checks that
snapshot and trail of each story agree.
"""

import argparse
import gzip
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from fixtures.agree import disagreements  # noqa: E402
from fixtures.demo import demo  # noqa: E402
from fixtures.stories import clean, denied, organization, throttled  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent / "fixtures" / "accounts"
STORIES = [demo, clean, denied, throttled, organization]

README = """# Fixture accounts

Invented accounts, written by `scripts/make_fixtures.py` (`--check` fails if a file here is not what it writes). Every
company, person, account, address and id is made up; addresses are of the ranges reserved for documentation.

Each story has `snapshot.jsonl`, `trail/AWSLogs/…` and `expected.yaml`: under `fail`, for each policy of the strict
profile, every subject that must fail and no other; under `unknown`, what must be judged unknown; `not_read`, what
coverage must list; `silent`, near misses with the policy that must not fire on them. `now` is the time to judge at.

| story | shows | expected to fail |
|---|---|---|
"""


def content(path, data):
    return gzip.decompress(data) if path.endswith(".gz") else data


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()

    files, readme = {}, README
    for tell in STORIES:
        story = tell()
        faults = disagreements(story)
        if faults:
            sys.exit(f"{story.name}: snapshot, trail and expectations disagree:\n  " + "\n  ".join(faults))
        files.update(story.files())
        readme += f"| `{story.name}` | {story.shows} | {', '.join(f'`{p}`' for p in sorted(story.fail))} |\n"
    files["README.md"] = readme.encode()

    there = {str(p.relative_to(ROOT)): p for p in ROOT.rglob("*") if p.is_file()}
    stale = sorted(set(there) - set(files))
    differing = sorted(path for path, data in files.items() if path not in there
                       or content(path, there[path].read_bytes()) != content(path, data))
    if options.check:
        for path in differing:
            print(f"differs: {path}")
        for path in stale:
            print(f"not written by this script: {path}")
        sys.exit(1 if differing or stale else 0)
    for path in differing:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(files[path])
    for path in stale:
        there[path].unlink()
    print(f"{len(files)} files, {len(differing)} written, {len(stale)} removed")


if __name__ == "__main__":
    main()
