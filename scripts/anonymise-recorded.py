#!/usr/bin/env python3
"""Makes fixtures/recorded/ from the trail files of the Invictus IR "aws_dataset" (MIT).

    scripts/anonymise-recorded.py SOURCE/CloudTrail fixtures/recorded

Every Lambda record, IAM write and CloudTrail change is taken, every record whose userIdentity has an unusual shape,
and of the other events the first of each kind until the bound is reached. The same thing in the source becomes the same
thing here, everywhere, so that relations between records stay true. The result does not depend on anything but the
source: running it twice writes the same bytes.
"""
import gzip
import hashlib
import io
import json
import pathlib
import re
import sys
import urllib.parse

MOST_RECORDS = 230
MOST_BYTES_A_RECORD = 6000
OWN_ACCOUNT = "111122223333"

# Account ids of the source → invented ones. The source's own account comes first; others follow as they appear.
OTHER_ACCOUNTS = ["444455556666", "777788889999", "123456789012", "210987654321", "999988887777"]
# People, buckets and words that name the exercise's authors.
WORDS = {"benjamin": "alice", "bert-jan": "bob", "bertjan": "bob", "invictus": "example", "korstiaan": "carol",
         "baker221b": "example-app", "zbvx22khdave": "example"}
# Members whose value must never be kept, whatever it is.
SECRET = re.compile(r"password|secretstring|secretbinary|sessiontoken|secretaccesskey|userdata|privatekey|mfaidentifier",
                    re.I)
DOCUMENTS = {"policy", "policyDocument", "assumeRolePolicyDocument", "bucketPolicy"}


class Mapping:
    """Consistent replacements, numbered in the order in which things are first met."""

    def __init__(self, own):
        self.tables = {}
        self.accounts = {own: OWN_ACCOUNT}

    def number(self, table, text):
        entries = self.tables.setdefault(table, {})
        return entries.setdefault(text, len(entries) + 1)

    def account(self, match):
        found = match.group(0)
        if found not in self.accounts:
            at = len(self.accounts) - 1
            self.accounts[found] = OTHER_ACCOUNTS[at % len(OTHER_ACCOUNTS)]
        return self.accounts[found]

    def key_id(self, match):
        kind = match.group(1)
        return f"{kind}EXAMPLE{self.number(kind, match.group(0)):09d}"

    def address(self, match):
        found = match.group(0)
        first, second = (int(part) for part in found.split(".")[:2])
        private = first in (0, 10, 127) or (first, second) == (192, 168) or (first == 172 and 16 <= second < 32)
        if private:
            return found
        return f"203.0.113.{self.number('address', found) % 254 + 1}"

    def hexed(self, match):
        """Ids of resources: the same prefix and length, other digits."""
        prefix, digits = match.group(1), match.group(2)
        made = f"{self.number(prefix, digits):x}"
        return f"{prefix}-0{made.rjust(len(digits) - 1, '0')}"

    def uuid(self, match):
        made = hashlib.sha256(("recorded:" + match.group(0).lower()).encode()).hexdigest()
        text = f"{made[:8]}-{made[8:12]}-4{made[13:16]}-8{made[17:20]}-{made[20:32]}"
        return text.upper() if match.group(0).isupper() else text

    def token(self, match):
        """Opaque tokens: long, and of capitals, small letters and digits mixed. Names and paths have no such run."""
        found = match.group(0)
        opaque = all(re.search(kind, found) for kind in ("[A-Z]", "[a-z]", "[0-9]")) and not found.startswith("assumed-role")
        return "EXAMPLE" if opaque and "stratus" not in found else found

    def text(self, value):
        value = re.sub(r"\b(AKIA|ASIA|AIDA|AROA|AIPA|ANPA|AGPA|ANVA)[A-Z0-9]{12,}\b", self.key_id, value)
        value = re.sub(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])", self.uuid, value)
        value = re.sub(r"(?<![0-9.])\d{12}(?![0-9])", self.account, value)
        value = re.sub(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])", self.address, value)
        value = re.sub(
            r"\b(vpce-svc|vpce|vpc-cidr-assoc|vpc|subnet|eni-attach|eni|sg|sgr|rtbassoc|rtb|igw|vol|snap|ami|nat|acl|eipalloc|eipassoc|fl"
            r"|dopt|i|r|lt)-([0-9a-f]{8,17})\b", self.hexed, value)
        value = re.sub(r"(ec2-)\d+(-\d+){3}", r"\g<1>203-0-113-1", value)
        value = re.sub(r"[A-Za-z0-9+/_-]{40,}={0,2}", self.token, value)
        for word, other in WORDS.items():
            value = re.sub(word, other, value, flags=re.I)
        return value

    def value(self, value, key=""):
        if isinstance(value, dict):
            return {name: self.value(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [self.value(member, key) for member in value]
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if SECRET.search(key) and value not in ("true", "false", "HIDDEN_DUE_TO_SECURITY_REASONS", "") \
                and not value.startswith(("arn:", "<sensitive")):
            return "EXAMPLE"
        if key in DOCUMENTS:
            return self.document(value)
        if key == "codeSha256":
            return value
        if key in ("encodedMessage", "x-amz-id-2") or re.fullmatch(r"[A-Za-z0-9+/_=-]{120,}", value):
            return "EXAMPLE"
        return self.text(value)

    def document(self, value):
        """A policy document, which may be URL-encoded JSON: replaced inside, written the same way again."""
        encoded = value.startswith("%7B")
        plain = urllib.parse.unquote_plus(value) if encoded else value
        try:
            made = json.dumps(self.value(json.loads(plain)), separators=(",", ":"))
        except ValueError:
            return self.text(value)
        return urllib.parse.quote_plus(made) if encoded else made


def shape(record):
    identity = record.get("userIdentity") or {}
    context = identity.get("sessionContext") or {}
    return identity.get("type"), tuple(sorted(identity)), tuple(sorted(context)), record.get("eventType")


def choose(files):
    """The records to keep, as (file, position) pairs."""
    kept, shapes, events, rest = set(), set(), {}, []
    for name, records in files:
        for at, record in enumerate(records):
            source, event = record["eventSource"].split(".")[0], record["eventName"]
            wanted = source == "lambda" or (source in ("iam", "cloudtrail", "signin") and not record.get("readOnly"))
            kind = shape(record)
            if wanted or kind not in shapes:
                shapes.add(kind)
                kept.add((name, at))
                continue
            by = "AWSService" if (record.get("userIdentity") or {}).get("type") in (None, "AWSService") else "user"
            place = events.setdefault((source, event, by, bool(record.get("errorCode"))), len(events))
            rest.append((place, name, at, record))
    taken = set()
    # One of each kind of event, those with an error or by a service first.
    rest.sort(key=lambda item: (item[3].get("errorCode") is None, item[3].get("userIdentity", {}).get("type") != "AWSService",
                                item[0], item[1], item[2]))
    for place, name, at, record in rest:
        if len(kept) >= MOST_RECORDS:
            break
        if place not in taken and len(json.dumps(record)) <= MOST_BYTES_A_RECORD:
            taken.add(place)
            kept.add((name, at))
    return kept


def main(source, target):
    files = [(path.name, json.loads(path.read_text())["Records"]) for path in sorted(pathlib.Path(source).glob("*.json"))]
    own = files[0][1][0]["recipientAccountId"]
    kept = choose(files)
    mapping = Mapping(own)
    groups = {}
    for name, records in files:
        _, _, region, time, _ = name.split("_", 4)
        for at, record in enumerate(records):
            if (name, at) in kept:
                groups.setdefault((region, time), []).append(mapping.value(record))
    for number, ((region, time), records) in enumerate(sorted(groups.items())):
        day = f"{time[:4]}/{time[4:6]}/{time[6:8]}"
        folder = pathlib.Path(target) / "AWSLogs" / OWN_ACCOUNT / "CloudTrail" / region / day
        folder.mkdir(parents=True, exist_ok=True)
        unique = hashlib.sha256(f"{region}{time}".encode()).hexdigest()[:16]
        text = json.dumps({"Records": records}, separators=(",", ":"), ensure_ascii=False).encode()
        path = folder / f"{OWN_ACCOUNT}_CloudTrail_{region}_{time}_{unique}.json"
        # As S3 delivers them; one stays plain to be read by people.
        if number == 0:
            path.write_bytes(text)
            continue
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as out:
            out.write(text)
        path.with_suffix(".json.gz").write_bytes(packed.getvalue())


if __name__ == "__main__":
    main(*sys.argv[1:])
