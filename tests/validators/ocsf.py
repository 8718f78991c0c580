#!/usr/bin/env python3
"""Judges OCSF events, one a line, by the schema that the project publishes for their class, profiles and version.

Usage: ocsf.py FILE...    needs the packages in requirements.txt, and no network.
"""

import json
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema


def main(paths: list[str]) -> int:
    validators: dict[tuple, jsonschema.Draft202012Validator] = {}
    faults = events = 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                event = json.loads(line)
                events += 1
                profiles = event["metadata"].get("profiles", [])
                key = (event["metadata"]["version"], event["class_uid"], tuple(profiles))
                if key not in validators:
                    schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=key[0]))
                    name = schemas.lookup_class_name_from_uid(key[1])
                    schema = schemas.get_class_schema(name, list(profiles))
                    validators[key] = jsonschema.Draft202012Validator(schema)
                for error in validators[key].iter_errors(event):
                    faults += 1
                    place = "/".join(str(part) for part in error.absolute_path)
                    print(f"{path}:{number}: {place}: {error.message}", file=sys.stderr)
    print(f"OCSF: {events} events, {len(validators)} classes, {faults} faults")
    # No event at all would prove nothing.
    return 1 if faults or not events else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
