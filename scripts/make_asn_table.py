#!/usr/bin/env python3
"""Writes data/asn.bin, the built-in table from address ranges to AS numbers, and checks it.

    npm pack @ip-location-db/asn && tar xzf ip-location-db-asn-*.tgz
    make_asn_table.py package            write the table
    make_asn_table.py package --check    fail if the committed table does not hold what the package holds

Standard library only. The package is CC BY 4.0 (Route Views, NRO, DB-IP): see NOTICE. Its numeric files have one range
a line: first, last, AS number, name. The table's date is that of the package's version (2.3.2026061719 is 2026-06-17).

The file: the 8 bytes `LAASN` 0 0 1, the date as a little-endian u32 (20260617), the length of what follows when
inflated as a little-endian u32, then a zlib stream. Inflated: the number of AS numbers and these, the most frequent
first; then for IPv4 and for IPv6 the number of ranges and three columns: how far each range begins behind the end of
the last, its length, and the place of its AS number in the list. Places and counts are LEB128; distances and lengths
are a byte with the number of trailing zero bits (255: the distance is zero) and the rest as LEB128.
"""

import argparse
import csv
import json
import re
import sys
import zlib
from collections import Counter
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "data" / "asn.bin"
MAGIC = b"LAASN\0\0\1"
ZERO = 255


def leb(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def ranges(path, bits):
    """The file's ranges in order, disjoint, neighbours of one AS joined."""
    rows = []
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            first, last, number = (int(cell) for cell in row[:3])
            if not (0 <= first <= last < 1 << bits and 0 < number < 1 << 32):
                sys.exit(f"{path}: not a range: {row}")
            rows.append((first, last, number))
    rows.sort()
    out = []
    for first, last, number in rows:
        if out and first <= out[-1][1]:
            # Two origins are claimed for what lies in both: it is left out, so that it is known to be unknown.
            before = out.pop()
            print(f"{path.name}: {before} and {(first, last, number)} overlap: the common part is left out")
            if before[0] < first:
                out.append((before[0], first - 1, before[2]))
            if last <= before[1]:
                sys.exit(f"{path}: a range lies in another: this script cannot tell which holds")
            first = before[1] + 1
        if out and out[-1][1] + 1 == first and out[-1][2] == number:
            out[-1] = (out[-1][0], last, number)
        else:
            out.append((first, last, number))
    return out


def column(numbers):
    shifts, rests = bytearray(), bytearray()
    for number in numbers:
        if number == 0:
            shifts.append(ZERO)
            continue
        shift = (number & -number).bit_length() - 1
        shifts.append(shift)
        rests += leb(number >> shift)
    return bytes(shifts + rests)


def encoded(families):
    counts = Counter(number for rows in families for _, _, number in rows)
    numbers = sorted(counts, key=lambda number: (-counts[number], number))
    place = {number: at for at, number in enumerate(numbers)}
    out = bytearray(leb(len(numbers)))
    for number in numbers:
        out += leb(number)
    for rows in families:
        out += leb(len(rows))
        ends = [-1] + [last for _, last, _ in rows]
        out += column(first - end - 1 for (first, _, _), end in zip(rows, ends))
        out += column(last - first + 1 for first, last, _ in rows)
        for _, _, number in rows:
            out += leb(place[number])
    return bytes(out)


def date_of(package):
    version = json.loads((package / "package.json").read_text())["version"]
    found = re.fullmatch(r"\d+\.\d+\.(\d{8})\d{2}", version)
    if not found:
        sys.exit(f"no date in the package's version {version}")
    return int(found[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()

    families = [ranges(options.package / f"asn-ipv{version}-num.csv", bits) for version, bits in ((4, 32), (6, 128))]
    body = encoded(families)
    head = MAGIC + date_of(options.package).to_bytes(4, "little") + len(body).to_bytes(4, "little")
    print(f"{len(families[0])} IPv4 and {len(families[1])} IPv6 ranges, {len(body)} bytes")
    if options.check:
        there = TARGET.read_bytes()
        sys.exit(0 if there[:16] == head and zlib.decompress(there[16:]) == body else f"{TARGET} is out of date")
    TARGET.write_bytes(head + zlib.compress(body, 9))
    print(f"{TARGET}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
