#!/usr/bin/env python3
"""Compares `replay --verify-digests` with the validator that AWS ships in its command line, over the same files.

    pip install awscli==1.46.3
    cargo build --release
    python3 scripts/check_digests.py [--runs 200] [--seed 1] [--binary target/release/lambda-audit]

Each run makes a signed chain of digests and log files with a key of its own and a few faults in it. The validator of
PyPI's awscli (awscli.customizations.cloudtrail.validation) reads them through stubs of S3 and CloudTrail that answer
from the same directory. The verdict on every file must be the same; where the two differ by intention, the
differences are listed in `explained`.
"""

import argparse
import base64
import contextlib
import datetime as dt
import gzip
import hashlib
import io
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import types

import rsa
from awscli.customizations.cloudtrail import validation
from botocore.exceptions import ClientError

ACCOUNT, REGION, TRAIL, BUCKET = "111122223333", "eu-west-1", "org_main-trail", "example-bucket"
KEYS = [rsa.newkeys(2048) for _ in range(2)]


def fingerprint(public):
    return hashlib.md5(public.save_pkcs1("DER")).hexdigest()


def text(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


class Bucket:
    """Objects with their metadata, as S3 has them."""

    def __init__(self):
        self.objects, self.metadata = {}, {}

    def put(self, key, data, metadata=None):
        self.objects[key], self.metadata[key] = data, metadata or {}


class Chain:
    """A chain of digests with the log files they list, some hours long."""

    def __init__(self, chance, bucket):
        self.chance, self.bucket = chance, bucket
        self.prefix = chance.choice(["", "", "some/prefix/"])
        self.digests, self.logs = [], []
        self.touched = set()
        start = dt.datetime(2026, 11, 17, chance.randrange(24), chance.randrange(60), chance.randrange(60))
        self.hours(start, chance.randint(3, 9), backfill=False)
        if chance.random() < 0.3:
            self.hours(start + dt.timedelta(hours=1), chance.randint(1, 4), backfill=True)
        self.start = start

    def key(self, kind, when, rest):
        return (f"{self.prefix}AWSLogs/{ACCOUNT}/{kind}/{REGION}/{when:%Y/%m/%d}/"
                f"{ACCOUNT}_{kind}_{REGION}_{rest}")

    def log(self, when):
        unique = "".join(self.chance.choices("ABCDEFGHIJKLMNOPabcdefghijklmnop0123456789", k=16))
        key = self.key("CloudTrail", when, f"{when:%Y%m%dT%H%MZ}_{unique}.json.gz")
        record = {"eventVersion": "1.11", "eventTime": text(when), "eventSource": "lambda.amazonaws.com",
                  "eventName": "ListFunctions20150331", "awsRegion": REGION, "eventID": unique,
                  "recipientAccountId": ACCOUNT, "userIdentity": {"type": "Root", "accountId": ACCOUNT}}
        content = json.dumps({"Records": [record]}).encode()
        self.bucket.put(key, gzip.compress(content, mtime=0))
        self.logs.append(key)
        return {"s3Bucket": BUCKET, "s3Object": key, "hashValue": hashlib.sha256(content).hexdigest(),
                "hashAlgorithm": "SHA-256", "newestEventTime": text(when), "oldestEventTime": text(when)}

    def hours(self, start, count, backfill):
        previous = None
        for hour in range(count):
            begin, end = start + dt.timedelta(hours=hour), start + dt.timedelta(hours=hour + 1)
            # Validation was switched off and on again.
            if previous and self.chance.random() < 0.07:
                previous = None
            rest = f"{TRAIL}_{REGION}_{end:%Y%m%dT%H%M%SZ}{'_backfill' if backfill else ''}.json.gz"
            key = self.key("CloudTrail-Digest", end, rest)
            digest = {
                "awsAccountId": ACCOUNT, "digestStartTime": text(begin), "digestEndTime": text(end),
                "digestS3Bucket": BUCKET, "digestS3Object": key,
                "digestPublicKeyFingerprint": fingerprint(KEYS[0][0]), "digestSignatureAlgorithm": "SHA256withRSA",
                "newestEventTime": text(end), "oldestEventTime": text(begin),
                "previousDigestS3Bucket": previous and BUCKET, "previousDigestS3Object": previous and previous[0],
                "previousDigestHashValue": previous and previous[1],
                "previousDigestHashAlgorithm": previous and "SHA-256",
                "previousDigestSignature": previous and previous[2],
                "logFiles": [self.log(begin + dt.timedelta(minutes=self.chance.randrange(60)))
                             for _ in range(self.chance.randrange(4))],
            }
            previous = (key, *self.sign(key, digest, KEYS[0][1], backfill))
            self.digests.append((key, digest, backfill))

    def sign(self, key, digest, private, backfill):
        content = json.dumps(digest, indent=1).encode()
        content_hash = hashlib.sha256(content).hexdigest()
        signed = (f"{digest['digestEndTime']}\n{BUCKET}/{digest['digestS3Object']}\n{content_hash}\n"
                  f"{digest['previousDigestSignature'] or 'null'}")
        signature = rsa.sign(signed.encode(), private, "SHA-256").hex()
        metadata = {"signature": signature, "signature-algorithm": "SHA256withRSA"}
        if backfill:
            metadata["backfill-generation-timestamp"] = "2026-11-19T00:00:00Z"
        self.bucket.put(key, gzip.compress(content, mtime=0), metadata)
        return content_hash, signature

    # ---------------------------------------------------------------- faults

    def faults(self):
        done = []
        for _ in range(self.chance.choice([0, 1, 1, 2, 3])):
            fault = self.chance.choice(FAULTS)
            if fault(self):
                done.append(fault.__name__)
        return done

    def a_log(self):
        there = [key for key in self.logs if key not in self.touched]
        return self.touch(self.chance.choice(there)) if there else None

    def touch(self, key):
        # One fault a file.
        self.touched.add(key)
        return key

    def a_digest(self):
        # The oldest is left alone: what came before the first file that was given is not this check's to say.
        oldest = {min(d["digestEndTime"] for _, d, b in self.digests if b == backfill): backfill
                  for backfill in {b for _, _, b in self.digests}}
        there = [one for one in self.digests if one[0] not in self.touched
                 and oldest.get(one[1]["digestEndTime"]) != one[2]]
        if not there:
            return None
        found = self.chance.choice(there)
        self.touch(found[0])
        return found


def missing_log(chain):
    key = chain.a_log()
    return key and chain.bucket.objects.pop(key)


def altered_log(chain):
    key = chain.a_log()
    if key:
        content = gzip.decompress(chain.bucket.objects[key]).replace(b"ListFunctions", b"ListAliases__")
        chain.bucket.put(key, gzip.compress(content, mtime=0))
    return key


def cut_log(chain):
    key = chain.a_log()
    if key:
        chain.bucket.put(key, chain.bucket.objects[key][:-30])
    return key


def log_with_more_behind(chain):
    key = chain.a_log()
    if key:
        more = chain.chance.choice([b"more", gzip.compress(b'{"Records":[]}', mtime=0)])
        chain.bucket.put(key, chain.bucket.objects[key] + more)
    return key


def missing_digest(chain):
    found = chain.a_digest()
    # Without a later one, nothing shows that it was there.
    later = found and any(d["previousDigestS3Object"] == found[0] and k in chain.bucket.objects
                          for k, d, _ in chain.digests)
    return later and chain.bucket.objects.pop(found[0])


def altered_digest(chain):
    found = chain.a_digest()
    if found:
        key, digest, _ = found
        digest = json.loads(gzip.decompress(chain.bucket.objects[key]))
        if digest["logFiles"] and chain.chance.random() < 0.5:
            digest["logFiles"].pop()
        else:
            digest["newestEventTime"] = "2026-11-17T00:00:01Z"
        chain.bucket.put(key, gzip.compress(json.dumps(digest).encode(), mtime=0), chain.bucket.metadata[key])
    return found


def wrong_signature(chain):
    found = chain.a_digest()
    if found:
        metadata = dict(chain.bucket.metadata[found[0]])
        if "signature" not in metadata:
            return None
        old = metadata["signature"]
        metadata["signature"] = ("0" if old[0] != "0" else "1") + old[1:]
        chain.bucket.metadata[found[0]] = metadata
    return found


def no_signature(chain):
    found = chain.a_digest()
    if found:
        rest = {k: v for k, v in chain.bucket.metadata[found[0]].items() if k != "signature"}
        chain.bucket.metadata[found[0]] = rest
    return found


def signed_by_another(chain):
    found = chain.a_digest()
    if found:
        chain.sign(found[0], found[1], KEYS[1][1], found[2])
    return found


def unknown_key(chain):
    found = chain.a_digest()
    if found:
        digest = dict(found[1], digestPublicKeyFingerprint="00" * 16)
        chain.sign(found[0], digest, KEYS[1][1], found[2])
    return found


def no_digest_at_all(chain):
    found = chain.a_digest()
    if found:
        other = chain.chance.choice([gzip.compress(b"{}", mtime=0), gzip.compress(b"\x00", mtime=0), b"not gzip",
                                     chain.bucket.objects[found[0]][:-20]])
        chain.bucket.put(found[0], other, chain.bucket.metadata[found[0]])
    return found


def moved_digest(chain):
    one, other = chain.a_digest(), chain.a_digest()
    if one and other and one[0] != other[0]:
        chain.bucket.put(one[0], chain.bucket.objects[other[0]], chain.bucket.metadata[other[0]])
        return one
    return None


FAULTS = [missing_log, altered_log, cut_log, log_with_more_behind, missing_digest, altered_digest, wrong_signature,
          no_signature, signed_by_another, unknown_key, no_digest_at_all, moved_digest]


# -------------------------------------------------------------------- AWS's validator

class S3:
    def __init__(self, bucket):
        self.bucket = bucket

    def get_object(self, Bucket, Key):
        if Bucket != BUCKET or Key not in self.bucket.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "not there"}}, "GetObject")
        return {"Body": io.BytesIO(self.bucket.objects[Key]), "Metadata": self.bucket.metadata[Key]}

    def get_paginator(self, name):
        assert name == "list_objects"

        def paginate(Bucket, Marker, Prefix):
            keys = [key for key in sorted(self.bucket.objects) if key.startswith(Prefix) and key > Marker]
            return types.SimpleNamespace(search=lambda _: iter(keys))
        return types.SimpleNamespace(paginate=paginate)


def theirs(chain):
    """Key → `valid`, or why not, of every file that the validator looked at."""
    command = validation.CloudTrailValidateLogs(session=None)
    command.trail_arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}"
    command.is_verbose, command._source_region = True, REGION
    command.start_time = validation.normalize_date(chain.start + dt.timedelta(seconds=1))
    command.end_time = validation.normalize_date(chain.start + dt.timedelta(hours=48))
    command.s3_bucket, command.s3_prefix = BUCKET, chain.prefix.rstrip("/") or None
    command.s3_client_provider = types.SimpleNamespace(get_client=lambda _: S3(chain.bucket))
    command.organization_client = None
    command.cloudtrail_client = types.SimpleNamespace(list_public_keys=lambda **_: public_keys())
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        command._call()
    verdicts = {}
    for line in (out.getvalue() + err.getvalue()).splitlines():
        parts = line.split("\t")
        if len(parts) == 3:
            verdicts[parts[1].removeprefix(f"s3://{BUCKET}/")] = parts[2]
    return verdicts


def public_keys():
    public = KEYS[0][0]
    return {"PublicKeyList": [{"Value": base64.b64encode(public.save_pkcs1("DER")).decode(),
                               "Fingerprint": fingerprint(public), "ValidityStartTime": "2026-11-01T00:00:00Z",
                               "ValidityEndTime": 1798761600.0}]}


# -------------------------------------------------------------------- ours

def ours(chain, binary, root):
    """Key → word of the ledger, of every file that is not intact, and the row of the policy."""
    for key, data in chain.bucket.objects.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        metadata = chain.bucket.metadata[key]
        if "CloudTrail-Digest" in key:
            if chain.chance.random() < 0.5 and "signature" in metadata:
                path.with_name(path.name + ".signature").write_text(metadata["signature"] + "\n")
            else:
                head = {"ContentLength": len(data), "Metadata": metadata}
                path.with_name(path.name + ".metadata.json").write_text(json.dumps(head))
    keys = root / "keys.json"
    keys.write_text(json.dumps(public_keys()))
    run = subprocess.run(
        [binary, "replay", root, "--verify-digests", "--public-keys", keys, "--policy", "trail-files-missing",
         "--output", "json", "--now", "2026-11-20T09:00:00Z"], capture_output=True, text=True, check=False)
    report = json.loads(run.stdout)
    found = {}
    for finding in report["findings"]:
        observed = [one["observed"] for one in finding["evidence"] if one["field"] == "trail_file.integrity"]
        found[finding["subject"]["name"].removeprefix(f"{root}/")] = observed[0]
    return found, report["coverage"]["policies"][0]


def compare(seed, binary):
    chance = random.Random(seed)
    chain = Chain(chance, Bucket())
    faults = chain.faults()
    listed_by_valid = set()
    verdicts = theirs(chain)
    for key, _, _ in chain.digests:
        if verdicts.get(key) == "valid":
            listed_by_valid.update(one["s3Object"] for one in
                                   json.loads(gzip.decompress(chain.bucket.objects[key]))["logFiles"])
    with tempfile.TemporaryDirectory() as directory:
        found, row = ours(chain, binary, pathlib.Path(directory))
    faulty = []
    valid = [key for key, verdict in verdicts.items() if verdict == "valid"]
    for key, verdict in sorted(verdicts.items()):
        # Not proven is not altered: without its key, ours says unknown.
        explained = "public key not found" in verdict and key not in found
        # Ours does not judge a file that its own content calls by another name, and says why.
        if verdict != "valid" and key not in found and not explained:
            faulty.append(f"{key}: theirs {verdict}, ours nothing")
        if verdict == "valid" and key in found:
            faulty.append(f"{key}: theirs valid, ours {found[key]}")
    for key, word in sorted(found.items()):
        # Theirs looks at no log file that only an invalid digest lists; ours says what is missing or altered there too,
        # and what no digest lists.
        explained = "CloudTrail/" in key and key not in listed_by_valid
        if key not in verdicts and not explained:
            faulty.append(f"{key}: theirs nothing, ours {word}")
    if row["pass"] != len(valid):
        faulty.append(f"theirs has {len(valid)} valid files, ours {row['pass']}")
    return faults, faulty, len(verdicts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binary", default="target/release/lambda-audit")
    options = parser.parse_args()
    kinds, files, bad = {}, 0, 0
    for seed in range(options.seed, options.seed + options.runs):
        faults, faulty, count = compare(seed, options.binary)
        files += count
        for fault in faults or ["none"]:
            kinds[fault] = kinds.get(fault, 0) + 1
        if faulty:
            bad += 1
            print(f"seed {seed} ({', '.join(faults) or 'no fault'}):\n  " + "\n  ".join(faulty))
    print(f"{options.runs} chains, {files} verdicts compared, {bad} chains differ; faults: "
          + ", ".join(f"{name} {count}" for name, count in sorted(kinds.items())))
    unused = {fault.__name__ for fault in FAULTS} - set(kinds)
    if options.runs >= 100 and unused:
        sys.exit(f"never tried: {', '.join(sorted(unused))}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
