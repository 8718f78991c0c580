#!/usr/bin/env python3
"""Writes data/asn.bin, the built-in table from address ranges to AS numbers, and checks it.

    npm pack @ip-location-db/asn && tar xzf ip-location-db-asn-*.tgz
    make_asn_table.py package            write the table
    make_asn_table.py package --check    fail if the committed table does not hold what the package holds

Standard library only. The package is CC BY 4.0 (Route Views, NRO, DB-IP): see NOTICE. Its numeric files have one range
a line: first, last, AS number, name. The table's date is that of the package's version (2.3.2026061719 is 2026-06-17).

The file is searched where it lies. The 8 bytes `LAASN` 0 0 2, the date as a little-endian u32 (20260617), then for IPv4
and for IPv6: the number of blocks and the bytes of their ranges, each a little-endian u32; for each block its first
address (4 or 16 bytes, as on the network) and where it begins among the ranges (a big-endian u32); the ranges. A block
has up to 32, each as: a byte with the number of trailing zero bits of its length, and the rest of that length, which is
odd, as LEB128. The lowest bit of the rest is set only where the range does not begin behind the one before: then a byte
and LEB128 follow with the distance, in the same way but for that bit. Last comes the AS number as LEB128.
"""

import argparse
import csv
import json
import re
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "data" / "asn.bin"
MAGIC = b"LAASN\0\0\2"
BLOCK = 32


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


def odd(number):
    """How many zero bits end it, and the rest."""
    shift = (number & -number).bit_length() - 1
    return shift, number >> shift


def family(rows, bits):
    """The blocks of one family, and before them where each begins."""
    firsts, out = bytearray(), bytearray()
    for at, (first, last, number) in enumerate(rows):
        gap = 0
        if at % BLOCK == 0:
            firsts += first.to_bytes(bits // 8, "big") + len(out).to_bytes(4, "big")
        else:
            gap = first - rows[at - 1][1] - 1
        shift, rest = odd(last - first + 1)
        out.append(shift)
        out += leb(rest - (gap == 0))
        if gap:
            shift, rest = odd(gap)
            out.append(shift)
            out += leb(rest)
        out += leb(number)
    counts = (-(-len(rows) // BLOCK)).to_bytes(4, "little") + len(out).to_bytes(4, "little")
    return counts + bytes(firsts + out)


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

    families = [(ranges(options.package / f"asn-ipv{version}-num.csv", bits), bits) for version, bits in ((4, 32), (6, 128))]
    date = date_of(options.package).to_bytes(4, "little")
    table = MAGIC + date + b"".join(family(rows, bits) for rows, bits in families)
    print(" and ".join(f"{len(rows)} ranges of {bits} bits" for rows, bits in families) + f", {len(table)} bytes")
    if options.check:
        sys.exit(0 if TARGET.read_bytes() == table else f"{TARGET} is out of date")
    TARGET.write_bytes(table)


if __name__ == "__main__":
    main()
