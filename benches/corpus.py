#!/usr/bin/env python3
"""A trail corpus for measuring: any number of records of an invented company, with planted ones that must be found.

    corpus.py DIR [--records 1000000] [--seed 1] [--copies 1]

Writes DIR/AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/*.json.gz as CloudTrail lays them out, and DIR/planted.jsonl: a
line for each planted record with its eventID and the policy that must name it. The same arguments give the same
records. With --copies N each file is written N times under other names and with other eventIDs: N times the records
of the same callers, functions and days. Standard library only.

Texts vary as they do in trails: a record has 1,370 bytes and compresses to 148. The 2,900 records of a recorded exercise
(https://github.com/invictus-ir/aws_dataset) have 1,260, and compress to 147.
"""
import argparse
import datetime
import functools
import gzip
import json
import pathlib
import random
import re
import string
import uuid

ACCOUNTS = ["111122223333", "444455556666"]
REGIONS = ["eu-west-1", "us-east-1"]
STRANGER = "777788889999"
START = datetime.datetime(2026, 9, 1, tzinfo=datetime.timezone.utc)
DAYS = 60
PER_FILE = 3000

AGENTS = [
    "Boto3/1.40.52 md/Botocore#1.40.52 ua/2.1 os/linux#6.1.153 md/arch#x86_64 lang/python#3.13.9",
    "aws-sdk-go-v2/1.39.4 ua/2.1 os/linux lang/go#1.25.3 md/GOOS#linux md/GOARCH#arm64 api/dynamodb#1.52.2",
    "APN/1.0 HashiCorp/1.0 Terraform/1.13.4 (+https://www.terraform.io) terraform-provider-aws/6.18.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
]
CLI = "aws-cli/2.31.23 md/awscrt#0.28.2 ua/2.1 os/linux#6.1.153 md/arch#x86_64 lang/python#3.13.9"
# (service, call, read only, request parameters, answer)
CALLS = [
    ("sts", "AssumeRole", True, {"roleArn": "arn:aws:iam::@account@:role/deploy", "roleSessionName": "deploy", "durationSeconds": 3600},
     {"credentials": {"accessKeyId": "ASIAEXAMPLE@upper9@", "sessionToken": "FwoGZXIvYXdzEXAMPLE@mixed300@", "expiration": "Nov 1, 2026, 1:00:00 PM"}}),
    ("s3", "GetBucketAcl", True, {"bucketName": "@word@-@account@", "Host": "@word@-@account@.s3.eu-west-1.amazonaws.com", "acl": ""}, None),
    ("dynamodb", "DescribeTable", True, {"tableName": "@word@"}, None),
    ("kms", "Decrypt", True, {"encryptionContext": {"aws:lambda:FunctionArn": "arn:aws:lambda:@region@:@account@:function:@word@"}, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"}, None),
    ("ec2", "DescribeInstances", True, {"instancesSet": {}, "filterSet": {"items": [{"name": "tag:team", "valueSet": {"items": [{"value": "@word@"}]}}]}}, None),
    ("logs", "CreateLogStream", False, {"logStreamName": "2026/09/01/[$LATEST]@lower32@", "logGroupName": "/aws/lambda/@word@"}, None),
    ("iam", "GetRole", True, {"roleName": "@word@"}, None),
    ("cloudwatch", "DescribeAlarms", True, {"maxRecords": 100, "alarmTypes": ["MetricAlarm"]}, None),
    ("ssm", "GetParameter", True, {"name": "/@word@/price-list", "withDecryption": True}, None),
    ("sqs", "GetQueueAttributes", True, {"queueUrl": "https://sqs.@region@.amazonaws.com/@account@/@word@", "attributeNames": ["All"]}, None),
]


# What a name is drawn from, and kinds of random texts.
WORDS = [f"{first}-{second}" for first in ("orders", "billing", "search", "media", "audit", "report", "mail", "cart", "stock", "login")
         for second in ("api", "worker", "import", "export", "index", "archive", "events", "cleanup", "cache", "sync")]
LETTERS = {"upper": string.ascii_uppercase + "234567", "lower": "0123456789abcdef", "mixed": string.ascii_letters + string.digits + "+/"}


@functools.lru_cache(100_000)
def code(of):
    """The nine letters at the end of an id: the same for the same."""
    drawn = random.Random(str(of))
    return "".join(drawn.choices(LETTERS["upper"], k=9))


class Corpus:
    """Everything that is drawn by chance comes from one generator."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.planted = []

    def event_id(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def filled(self, text, account, region):
        """A text with what stands between @ filled in: @account@, @region@, @word@, or @upper9@ for nine random letters."""
        def one(match):
            kind, length = match[1], match[2]
            if length:
                return "".join(self.random.choices(LETTERS[kind], k=int(length)))
            return {"account": account, "region": region}.get(kind) or self.random.choice(WORDS)
        return re.sub(r"@([a-z]+)([0-9]*)@", one, text)

    def identity(self, account, kind, number, when):
        """Who calls: one of 40 users, 60 roles of people and pipelines, 80 functions, each with several sessions at a time."""
        if kind == "user":
            name = f"user{number % 40}"
            return {"type": "IAMUser", "principalId": f"AIDAEXAMPLE{code(name)}", "arn": f"arn:aws:iam::{account}:user/{name}",
                    "accountId": account, "accessKeyId": f"AKIAEXAMPLE{code(name)}", "userName": name}
        function = kind == "function"
        name = f"function{number % 80}" if function else f"role{number % 60}"
        # A session lasts six hours, and its keys with it.
        begun = f"{when[:11]}{int(when[11:13]) // 6 * 6:02}:00:00Z"
        identity = {
            "type": "AssumedRole", "principalId": f"AROAEXAMPLE{code(name)}:{name}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{name}/{name}", "accountId": account,
            "accessKeyId": f"ASIAEXAMPLE{code((name, number, begun))}",
            "sessionContext": {
                "sessionIssuer": {"type": "Role", "principalId": f"AROAEXAMPLE{code(name)}", "arn": f"arn:aws:iam::{account}:role/{name}",
                                  "accountId": account, "userName": name},
                "attributes": {"creationDate": begun, "mfaAuthenticated": "false" if function else "true"},
            },
        }
        if function:
            identity["inScopeOf"] = {"issuerType": "AWS::Lambda::Function",
                                     "credentialsIssuedTo": f"arn:aws:lambda:eu-west-1:{account}:function:{name}"}
        return identity

    def record(self, account, region, when, identity, service, name, parameters, answer, **more):
        return {
            "eventVersion": "1.11", "userIdentity": identity, "eventTime": when, "eventSource": f"{service}.amazonaws.com",
            "eventName": name, "awsRegion": region, "sourceIPAddress": more.pop("address", "198.51.100.20"),
            "userAgent": more.pop("agent", AGENTS[0]), "requestParameters": parameters, "responseElements": answer,
            "requestID": self.event_id(), "eventID": self.event_id(), "readOnly": more.pop("read_only", False), **more,
            "eventType": "AwsApiCall", "managementEvent": more.get("eventCategory") is None, "recipientAccountId": account,
            "eventCategory": more.pop("eventCategory", "Management"),
            "tlsDetails": {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": f"{service}.{region}.amazonaws.com"},
        }

    def ordinary(self, account, region, when):
        number = self.random.randrange(240)
        kind = self.random.choice(["user", "role", "role", "function", "function"])
        identity = self.identity(account, kind, number, when)
        address = f"3.{80 + number % 16}.{number % 250}.{number % 199 + 1}" if kind == "function" else f"198.51.100.{number % 60 + 1}"
        if self.random.random() < 0.3:
            name = f"function{self.random.randrange(80)}"
            arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
            return self.record(account, region, when, identity, "lambda", "Invoke",
                               {"functionName": arn, "invocationType": "RequestResponse"}, None, address=address, agent=AGENTS[number % 2],
                               additionalEventData={"functionVersion": f"{arn}:$LATEST"}, eventCategory="Data",
                               resources=[{"accountId": account, "type": "AWS::Lambda::Function", "ARN": arn}])
        service, name, read_only, parameters, answer = self.random.choice(CALLS)
        parameters, answer = json.loads(self.filled(json.dumps([parameters, answer]), account, region))
        refused = {"errorCode": "AccessDenied", "errorMessage": "not \"allowed\""} if self.random.random() < 0.03 else {}
        return self.record(account, region, when, identity, service, name, parameters, answer, address=address,
                           agent=self.random.choice(AGENTS), read_only=read_only, **refused)

    def plant(self, account, region, when):
        """A change or call that a policy must name."""
        user = self.identity(account, "user", 7, when)
        function = f"planted-{self.random.randrange(16**6):06x}"
        arn = f"arn:aws:lambda:{region}:{account}:function:{function}"

        def permission(principal, **more):
            statement = {"Sid": "s", "Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": arn}
            flat = principal if isinstance(principal, str) else next(iter(principal.values()))
            return ("AddPermission20150331v2", {"functionName": function, "statementId": "s", "action": "lambda:InvokeFunction", "principal": flat, **more},
                    {"statement": json.dumps(statement)})
        kinds = {
            "function-invoke-public": permission("*"),
            "function-invoke-cross-account": permission({"AWS": f"arn:aws:iam::{STRANGER}:root"}),
            "function-invoke-service-unrestricted": permission({"Service": "sns.amazonaws.com"}),
            "function-url-public": ("CreateFunctionUrlConfig", {"functionName": function, "authType": "NONE"},
                                    {"functionArn": arn, "authType": "NONE", "functionUrl": "https://example.lambda-url.eu-west-1.on.aws/"}),
            "function-deleted": ("DeleteFunction20150331", {"functionName": function}, None),
            "event-source-mapping-created": ("CreateEventSourceMapping20150331", {"functionName": function, "eventSourceArn": f"arn:aws:sqs:{region}:{account}:orders"},
                                             {"uUID": self.event_id(), "functionArn": arn, "eventSourceArn": f"arn:aws:sqs:{region}:{account}:orders"}),
        }
        policy = self.random.choice([*kinds, "lambda-role-iam-write", "invoke-cross-account"])
        if policy == "lambda-role-iam-write":
            record = self.record(account, "us-east-1", when, self.identity(account, "function", 11, when), "iam", "CreateUser", {"userName": function}, None, address="3.80.7.7")
        elif policy == "invoke-cross-account":
            caller = {"type": "AWSAccount", "principalId": "AROAEXAMPLESTRANGER:x", "accountId": STRANGER}
            record = self.record(account, region, when, caller, "lambda", "Invoke", {"functionName": arn}, None, eventCategory="Data",
                                 resources=[{"accountId": account, "type": "AWS::Lambda::Function", "ARN": arn}])
        else:
            name, parameters, answer = kinds[policy]
            record = self.record(account, region, when, user, "lambda", name, parameters, answer, agent=CLI)
        self.planted.append({"event_id": record["eventID"], "policy": policy})
        return record

    def write(self, root, records, copies):
        files = max(1, records // PER_FILE)
        plants = set(self.random.sample(range(records), min(200, records)))
        at = 0
        for number in range(files):
            # One time in order after another, as trails write them.
            begin = START + datetime.timedelta(seconds=DAYS * 86400 * number // files)
            account, region = ACCOUNTS[number % 2], REGIONS[number // 2 % 2]
            count = records - at if number == files - 1 else PER_FILE
            lines = []
            for _ in range(count):
                when = (begin + datetime.timedelta(seconds=self.random.randrange(300))).strftime("%Y-%m-%dT%H:%M:%SZ")
                record = self.plant(account, region, when) if at in plants else self.ordinary(account, region, when)
                lines.append(record)
                at += 1
            for copy in range(copies):
                if copy:
                    for record in lines:
                        record["eventID"] = self.event_id()
                place = root / "AWSLogs" / account / "CloudTrail" / region / begin.strftime("%Y/%m/%d")
                place.mkdir(parents=True, exist_ok=True)
                stamp = begin.strftime("%Y%m%dT%H%MZ")
                name = f"{account}_CloudTrail_{region}_{stamp}_{self.random.getrandbits(64):016x}.json.gz"
                body = json.dumps({"Records": lines}, separators=(",", ":")).encode()
                (place / name).write_bytes(gzip.compress(body, 6, mtime=0))
        planted = "".join(json.dumps(one) + "\n" for one in self.planted)
        (root / "planted.jsonl").write_text(planted)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--copies", type=int, default=1)
    arguments = parser.parse_args()
    Corpus(arguments.seed).write(arguments.dir, arguments.records, arguments.copies)


if __name__ == "__main__":
    main()
