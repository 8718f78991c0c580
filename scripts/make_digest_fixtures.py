#!/usr/bin/env python3
"""Writes fixtures/digests: a morning of an invented trail with CloudTrail's digests, as it lies in a bucket.

    python3 scripts/make_digest_fixtures.py [--check]

Four hours of one region, five log files, four digests. Of the log files one is not there: the second digest lists it.
The signatures that S3 keeps as object metadata stand beside the digests, in both forms that the tool reads; the third
digest has none, and is proven by the fourth. The key was made for this and signs nothing else.
"""

import argparse
import base64
import gzip
import hashlib
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "digests"
ACCOUNT, REGION, TRAIL, BUCKET = "111122223333", "eu-west-1", "fernhill-audit", "example-trail-bucket"
LOGS = f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/11/17/"
DIGESTS = f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/11/17/"

# RSA, 2048 bits: modulus, public and private exponent.
N = int(
    "9927f5a3d2dc181cfa2e0f26ad5811549343d8bc800d6a3d857d0e0b9285a41b217f57afcc9afe7acfc3089f5c60912b"
    "5adbe321f8960ac640d0af27d26c761e452a53e5833dfad58d62eb0dd8678fdcb787b38ad4228cb0752f5e59479dbdaa"
    "270db5f84a6b1480b54b43b06b39eef03afba2f5c14b7ea4f91f8c6ddb74c8979c31c21c7860ea943e127ef8db64c6f9"
    "b7c2abb085bc073bb565a5d4bca420c95bf6e68e21c317237148123f671612cbab419e4825c0ac724ffd10d1e5821997"
    "8c9fa5edddf6cb2fb41c6ad5a354d1817f8e96f5384f6dcfd3c6201ba69d759404604589a454de17e1eece6fecfc0e71"
    "6b75500cade98ed005fea0128264aa65",
    16)
E = 65537
D = int(
    "15306518ac348d157d3b60173ec63f678f1444e9176243bf8d3756f91ce56665e68582b12cc288d09eebe1c682764dbf"
    "4ccbbd29d705932a088f969c10cdb6adcb6de6bb8b23c90f40875df3c56bd68877cfcb743a932919c4acb005f4158bc6"
    "fdae34edcc05f289380bd8aa90bb2c268a5284223202eadb789701d46faa1875d57d4a77100571553a22fad6b05becd6"
    "851f570a08babaea54413ec96b10f468f9b499144c70b5b42189b0e74a7186a7ea61d75b2a28272cd00239580b5b75e1"
    "f4df514e232a5467eab3bc044ac4325323c94f2c9bab793c9f140ad1937f34de7e22524bbdb620305751f2d6d36f951d"
    "37fb8f32ac776d562c05d643df5cb4c1",
    16)
SIZE = 256


def der(tag, content):
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def integer(value):
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


PUBLIC = der(0x30, integer(N) + integer(E))
FINGERPRINT = hashlib.md5(PUBLIC).hexdigest()


def sign(data):
    """PKCS #1 v1.5 with SHA-256 (RFC 8017)."""
    info = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(data).digest()
    block = b"\x00\x01" + b"\xff" * (SIZE - len(info) - 3) + b"\x00" + info
    return pow(int.from_bytes(block, "big"), D, N).to_bytes(SIZE, "big").hex()


def record(when, event, number):
    return {
        "eventVersion": "1.11", "eventTime": when, "eventSource": "lambda.amazonaws.com", "eventName": event,
        "awsRegion": REGION, "sourceIPAddress": "192.0.2.17", "userAgent": "aws-cli/2.31.0",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLEEXAMPLE000", "accountId": ACCOUNT,
                         "arn": f"arn:aws:iam::{ACCOUNT}:user/infra-admin", "userName": "infra-admin"},
        "requestParameters": None, "responseElements": None, "requestID": f"00000000-0000-4000-8000-00000000010{number}",
        "eventID": f"00000000-0000-4000-8000-00000000000{number}", "readOnly": True, "eventType": "AwsApiCall",
        "managementEvent": True, "recipientAccountId": ACCOUNT, "eventCategory": "Management",
    }


# Hour of the digest's end → its log files: minute, unique part, event.
HOURS = [
    (1, [(20, "Qb3vT0kW8mYx2LdR", "ListFunctions20150331")]),
    (2, [(5, "n5XhJc7ZpA1sGuEw", "GetFunction20150331v2"), (35, "R8fKd2QyLx6VtB0o", "GetPolicy20150331v2")]),
    (3, []),
    (4, [(10, "w1MzPe9CjS4aHn7U", "ListFunctions20150331"), (50, "t6YgUo3BvD8kIqX5", "ListAliases20150331")]),
]
GONE = "R8fKd2QyLx6VtB0o"


def files():
    out, previous, number = {}, None, 0
    for end, logs in HOURS:
        listed = []
        for minute, unique, event in logs:
            number += 1
            when = f"2026-11-17T{end - 1:02}:{minute - 3:02}:41Z"
            content = json.dumps({"Records": [record(when, event, number)]}).encode()
            key = f"{LOGS}{ACCOUNT}_CloudTrail_{REGION}_20261117T{end - 1:02}{minute:02}Z_{unique}.json.gz"
            if unique != GONE:
                out[key] = gzip.compress(content, mtime=0)
            listed.append({"s3Bucket": BUCKET, "s3Object": key, "hashValue": hashlib.sha256(content).hexdigest(),
                           "hashAlgorithm": "SHA-256", "newestEventTime": when, "oldestEventTime": when})
        key = (f"{DIGESTS}{ACCOUNT}_CloudTrail-Digest_{REGION}_{TRAIL}_{REGION}_20261117T{end:02}0512Z.json.gz")
        digest = {
            "awsAccountId": ACCOUNT, "digestStartTime": f"2026-11-17T{end - 1:02}:05:12Z",
            "digestEndTime": f"2026-11-17T{end:02}:05:12Z", "digestS3Bucket": BUCKET, "digestS3Object": key,
            "digestPublicKeyFingerprint": FINGERPRINT, "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": listed[-1]["newestEventTime"] if listed else None,
            "oldestEventTime": listed[0]["oldestEventTime"] if listed else None,
            "previousDigestS3Bucket": previous and BUCKET, "previousDigestS3Object": previous and previous[0],
            "previousDigestHashValue": previous and previous[1],
            "previousDigestHashAlgorithm": previous and "SHA-256",
            "previousDigestSignature": previous and previous[2], "logFiles": listed,
        }
        content = json.dumps(digest, indent=2).encode()
        content_hash = hashlib.sha256(content).hexdigest()
        before = previous[2] if previous else "null"
        signature = sign(f"{digest['digestEndTime']}\n{BUCKET}/{key}\n{content_hash}\n{before}".encode())
        out[key] = gzip.compress(content, mtime=0)
        if end in (1, 2):
            out[f"{key}.signature"] = f"{signature}\n".encode()
        if end == 4:
            head = {"ContentLength": len(out[key]), "ContentType": "application/json", "Metadata":
                    {"signature-algorithm": "SHA256withRSA", "signature": signature}}
            out[f"{key}.metadata.json"] = (json.dumps(head, indent=2) + "\n").encode()
        previous = (key, content_hash, signature)
    keys = {"PublicKeyList": [{"Value": base64.b64encode(PUBLIC).decode(), "ValidityStartTime":
            "2026-11-10T04:11:00+00:00", "ValidityEndTime": "2026-12-10T04:11:00+00:00", "Fingerprint": FINGERPRINT}]}
    out["public-keys.json"] = (json.dumps(keys, indent=2) + "\n").encode()
    out["README.md"] = (__doc__.split("\n\n", 2)[2] +
                        "\nWritten by scripts/make_digest_fixtures.py.\n").encode()
    out[".gitattributes"] = b"* text eol=lf\n*.gz binary\n"
    return out


def content(path, data):
    return gzip.decompress(data) if path.endswith(".gz") else data


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = files()
    there = {str(path.relative_to(ROOT)): path for path in ROOT.rglob("*") if path.is_file()}
    differing = sorted(path for path, data in wanted.items() if path not in there
                       or content(path, there[path].read_bytes()) != content(path, data))
    stale = sorted(set(there) - set(wanted))
    if check:
        for path in differing + stale:
            print(f"differs: {path}")
        sys.exit(1 if differing or stale else 0)
    for path in differing:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(wanted[path])
    for path in stale:
        there[path].unlink()
    print(f"{len(wanted)} files, {len(differing)} written, {len(stale)} removed")


if __name__ == "__main__":
    main()
