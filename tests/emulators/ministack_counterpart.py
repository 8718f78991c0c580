#!/usr/bin/env python3
"""Collects from ministack, an emulator of AWS that this project did not write, and compares what is collected with what
was created there through boto3: an organization of three accounts, each entered through its role; trail files in S3
against the same files here; CloudWatch's counts.

    pip install ministack==1.5.33 boto3
    python3 tests/emulators/ministack_counterpart.py target/debug/lambda-audit

It listens on loopback only, and takes a twelve-digit access key id for the account. Not compared, because it does not do
it as AWS does: policies per qualifier (without one it gives all), layer versions (it takes no ARN of a layer), LookupEvents
(other names of events), event data stores and whole policies (it has no such calls).
"""

import glob
import json
import os
import sys

from counterpart import REGION, Server, create, create_trail, faults_of, free_port, snapshot, tell

ACCOUNT = "111122223333"
FUNCTIONS = 110
# Calls that it refuses. To each member it says that the member manages an organization, and then does not know the
# accounts of it.
REFUSED = {
    "cloudtrail:ListEventDataStores",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
    "guardduty:ListDetectors",
    "securityhub:GetEnabledStandards",
    "access-analyzer:ListAnalyzers",
}
TRAIL = "fixtures/accounts/demo/trail"


def more(client, account, made):
    """What the other emulators do not do."""
    functions = client("lambda")
    made |= {"aliases": set(), "urls": set(), "destinations": set(), "roles": set()}
    for at in range(0, FUNCTIONS, 9):
        name = f"orders-{at:03}"
        arn = f"arn:aws:lambda:{REGION}:{account}:function:{name}"
        functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
        made["aliases"].add(f"{arn}:live")
        functions.create_function_url_config(FunctionName=name, AuthType="NONE")
        made["urls"].add((arn, "NONE"))
        target = f"arn:aws:sqs:{REGION}:{account}:orders"
        functions.put_function_event_invoke_config(FunctionName=name, DestinationConfig={"OnFailure": {"Destination": target}})
        made["destinations"].add((arn, target))
    made["roles"].add(f"arn:aws:iam::{account}:role/orders")


def organization(server, made):
    """Members, each with functions of its own and a role to enter through."""
    management = server.clients(ACCOUNT)
    organizations = management("organizations")
    members = {ACCOUNT}
    for name in ("one", "two"):
        status = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
        members.add(status["AccountId"])
    for member in members - {ACCOUNT}:
        client = server.clients(member)
        for name, of in create(client, member, 3).items():
            made[name] |= of
        made["roles"] |= {f"arn:aws:iam::{member}:role/{role}" for role in ("orders", "AuditReader")}
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                 "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}]}
        client("iam").create_role(RoleName="AuditReader", AssumeRolePolicyDocument=json.dumps(trust))
    made["accounts"] = members


def replayed(server, program):
    """Trail files in its S3 give what the same files here give; the objects are more than a page."""
    bucket = server.clients(ACCOUNT)("s3")
    files = [path for path in glob.glob(f"{TRAIL}/**", recursive=True) if os.path.isfile(path)]
    for path in files:
        bucket.upload_file(path, "example-trail", os.path.relpath(path, TRAIL))
    for at in range(1_000):
        bucket.put_object(Bucket="example-trail", Key=f"AWSLogs/other/{at:04}.txt", Body=b"no trail file")

    def judged(where):
        arguments = ["replay", where, "--output", "json", "--now", "2026-11-20T09:00:00Z", "--exit-zero",
                     "--allow-incomplete"]
        ran = server.run(program, ACCOUNT, *arguments)
        report = json.loads(ran.stdout)
        findings = sorted((one["policy"], one["fingerprint"], one["count"]) for one in report["findings"])
        return report["inputs"]["records"], findings

    here, there = judged(TRAIL), judged("s3://example-trail/AWSLogs")
    print(f"replay: {here[0]} records in {len(files)} files here, {there[0]} there, {len(here[1])} findings")
    return [] if here == there and len(here[1]) > 20 else ["replay: S3 and the files here are judged differently"]


def main(program):
    port = free_port()
    command = [os.path.join(os.path.dirname(sys.executable), "ministack")]
    with Server(port, command, BIND_HOST="127.0.0.1", GATEWAY_PORT=str(port)) as server:
        client = server.clients(ACCOUNT)
        made = create(client, ACCOUNT, FUNCTIONS)
        more(client, ACCOUNT, made)
        trail = create_trail(client)
        made |= {"trails": {trail}, "logging": {(trail, True)}, "selectors": {(trail, "AWS::Lambda::Function")}}
        organization(server, made)
        found, refused, sound = snapshot(server, program, ACCOUNT, "--org-role", "AuditReader", "--metrics")
        faults = faults_of(made, found, refused, REFUSED, sound) + replayed(server, program)
        # CloudWatch's counts, in the protocol that this program speaks: nothing was invoked.
        ran = server.run(program, ACCOUNT, "logging", "--metrics", "--trail", TRAIL, "--output", "json")
        rows = json.loads(ran.stdout)["functions"]
        statuses = {(row["delivered"] or {}).get("status") for row in rows}
        print(f"logging: {len(rows)} functions, delivered {sorted(map(str, statuses))}")
        if len(rows) != FUNCTIONS or statuses != {"yes"}:
            faults.append("logging: the counts were not read")
    return tell("ministack", made, faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
