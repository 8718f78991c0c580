#!/usr/bin/env python3
"""Writes fixtures/networks: small tables of AS numbers in each format that --asn-db reads. Addresses and numbers are
those reserved for documentation. Needs PyPI `mmdb_writer` 0.2 (`netaddr` comes with it).

The same ranges in every file, so that each must give the same answers; answers.csv has these.
"""

import sys
from pathlib import Path

from mmdb_writer import MmdbU32, MMDBWriter
from netaddr import IPSet

ROOT = Path(__file__).resolve().parent.parent / "fixtures" / "networks"
RANGES = [
    ("192.0.2.0/25", 64496, "Example One"),
    ("198.51.100.0/24", 64497, 'Example "Two", Ltd.'),
    ("203.0.113.16/28", 65551, "Example Three"),
    ("2001:db8:1::/48", 64496, "Example One"),
    ("2001:db8:2::/64", 65551, "Example Three"),
]
# 2026-11-01T00:00:00Z
BUILT = 1793491200


def mmdb(name, version, record):
    writer = MMDBWriter(ip_version=version, database_type=name, languages=["en"], description="invented",
                        ipv4_compatible=version == 6)
    for network, number, who in RANGES:
        if version == 6 or ":" not in network:
            writer.insert_network(IPSet([network]), record(number, who))
    path = ROOT / f"{name}.mmdb"
    writer.to_db_file(str(path))
    data = path.read_bytes()
    # The writer's clock, in the last bytes of the file: replaced, so that the same script gives the same file.
    at = data.rindex(b"build_epoch") + len(b"build_epoch")
    size = data[at] & 31
    assert data[at] >> 5 == 0 and data[at + 1] == 2 and size <= 8, "build_epoch is not the u64 that was expected"
    path.write_bytes(data[:at + 2] + BUILT.to_bytes(size, "big") + data[at + 2 + size:])


def main():
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    ROOT.mkdir(parents=True, exist_ok=True)
    mmdb("maxmind-asn", 6, lambda number, who: {
        "autonomous_system_number": MmdbU32(number), "autonomous_system_organization": who})
    mmdb("maxmind-asn-ipv4", 4, lambda number, who: {"autonomous_system_number": MmdbU32(number)})
    mmdb("ipinfo-lite", 6, lambda number, who: {"asn": f"AS{number}", "as_name": who, "country_code": "ZZ"})
    mmdb("country", 6, lambda number, who: {"country": {"iso_code": "ZZ"}})


if __name__ == "__main__":
    main()
