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

from fixtures.agree import disagreements, trail_of  # noqa: E402
from fixtures.demo import demo  # noqa: E402
from fixtures.stories import clean, denied, organization, throttled  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent / "fixtures" / "accounts"
STORIES = [demo, clean, denied, throttled, organization]

README = """# Fixture accounts

Invented accounts, written by `scripts/make_fixtures.py` (`--check` fails if a file here is not what it writes). Every
company, person, account, address and id is made up; addresses are of the ranges reserved for documentation.

Each story has `snapshot.jsonl`, `trail/AWSLogs/…` and `expected.yaml`: under `fail`, for each policy of the strict
profile, every subject that must fail and no other; under `unknown`, what must be judged unknown, once each, and
nothing else; `not_read`, the calls that coverage must list with their outcome; `not_collected`, those that should be
there and have no part; `silent`, near misses with the policy that must not fire on them; `planted`, what the demo's
trail holds for policies that need a history or a count. `now` is the time to judge at. Nobody is trusted but each
account's own organization.

| story | shows | expected to fail |
|---|---|---|
"""

DEMO = """
## The demo's story

Fernhill Outdoor sells tents and boots: production (111122223333) in Ireland, Virginia and Frankfurt, a shared account
(444455556666), one organization. Its trail holds ninety days up to 20 November 2026, a few quarter-hours a week of each
account and region: {records} records. Times are UTC.

| when | what |
|---|---|
| 3 September | an engineer sends the failures of `returns-processor` to the carrier's queue |
| 22 September – 5 October | `promo-banner-us` is created; its policy is replaced by one with a condition that binds nobody |
| 27 October | `basket-api` is public for seventeen minutes, to debug |
| 17 November 02:11 | the key of the contractor `m.tilling-ext` is used from a new address: a burst of questions, code fetched |
| 02:15 – 02:27 | a grant to 777788889999, a public one refused and another not, a URL, a mapping from a foreign queue, a foreign layer in `search-indexer` |
| 02:31, 02:33 | one trail narrowed to some functions, one stopped |
| 02:36 | new code for `search-indexer`; from 02:44 on, 777788889999 calls `orders-export` |
| 03:05 | `search-indexer`, with its role, makes the administrator `svc-metrics` |
| 03:20, 03:26 | `svc-metrics` shares a layer with everyone and deletes `audit-log-forwarder` |
| 18 November 03:58 | `svc-metrics` exports customers, then tries gift card numbers, more than a thousand in an hour; at 04:50 it opens a URL |
| 10:58 | the credentials of `search-indexer` are used from outside, by a command line |
| 14:02 – 14:18 | the on-call engineer disables both keys and removes that URL; the rest is still there on the 20th |
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
        if tell is demo:
            count = len(trail_of(story))
    # The same bytes on every system.
    files[".gitattributes"] = b"* text eol=lf\n*.gz binary\n"
    files["README.md"] = (readme + DEMO.format(records=f"{count:,}")).encode()

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
