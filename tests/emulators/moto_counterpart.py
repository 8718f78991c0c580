#!/usr/bin/env python3
"""Collects from moto, an emulator of AWS that this project did not write, and compares the snapshot with what was
created there through boto3.

    pip install 'moto[server]==5.2.5' boto3
    python3 tests/emulators/moto_counterpart.py target/debug/lambda-audit

moto listens on loopback only. Not compared, because moto does not do it as AWS does: policies per qualifier (it keeps
one pooled list), whole policies, function URLs and event data stores (it has no such calls), aliases and layer versions
(it takes no ARN where AWS does), LookupEvents. What it refuses has to stand in the snapshot as not answered.
"""

import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import zipfile

import boto3

ACCOUNT = "123456789012"
REGION = "eu-west-1"
FUNCTIONS = 120
# Calls that moto refuses or does not know: they stand in the snapshot as what they are.
REFUSED = {
    "lambda:GetResourcePolicy",
    "lambda:ListAliases",
    "lambda:ListFunctionUrlConfigs",
    "cloudtrail:ListEventDataStores",
}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def code():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("main.py", "def handler(event, context):\n    return 1\n")
    return out.getvalue()


def create(client):
    """What is there afterwards, by the API that lists it."""
    made = {"functions": set(), "mappings": set(), "layers": set(), "grants": set()}
    iam, functions = client("iam"), client("lambda")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    layer = functions.publish_layer_version(LayerName="tools", Content={"ZipFile": code()}, CompatibleRuntimes=["python3.12"])
    made["layers"].add(layer["LayerArn"])
    queue = client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    queue = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for at in range(FUNCTIONS):
        name = f"orders-{at:03}"
        arguments = {"Layers": [layer["LayerVersionArn"]]} if at % 10 == 0 else {}
        one = functions.create_function(
            FunctionName=name, Runtime="python3.12", Role=role, Handler="main.handler", Code={"ZipFile": code()},
            Environment={"Variables": {"TOKEN": "canary-value"}}, Publish=True, **arguments)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        made["functions"].add(arn)
        if at % 5 == 0:
            functions.add_permission(FunctionName=name, StatementId="bucket", Action="lambda:InvokeFunction",
                                     Principal="s3.amazonaws.com", SourceAccount=ACCOUNT,
                                     SourceArn="arn:aws:s3:::example-bucket")
            made["grants"].add((arn, "bucket"))
        if at % 40 == 0:
            mapping = functions.create_event_source_mapping(EventSourceArn=queue, FunctionName=name, BatchSize=1)
            made["mappings"].add(mapping["UUID"])
    client("s3").create_bucket(Bucket="example-trail", CreateBucketConfiguration={"LocationConstraint": REGION})
    trails = client("cloudtrail")
    trail = trails.create_trail(Name="main", S3BucketName="example-trail", IsMultiRegionTrail=True)["TrailARN"]
    trails.put_event_selectors(TrailName="main", EventSelectors=[{
        "ReadWriteType": "All", "IncludeManagementEvents": True,
        "DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}]}])
    trails.start_logging(Name="main")
    made["trails"] = {trail}
    return made


def read(path):
    """The same of the snapshot, and the calls that were not answered."""
    out = {name: set() for name in ("functions", "mappings", "layers", "grants", "trails")}
    refused, selectors, logging, complete = set(), {}, {}, False
    for line in open(path):
        part = json.loads(line)
        complete |= part["type"] == "end"
        if part["type"] != "part":
            continue
        api, data, resource = part["api"], part.get("data"), part.get("resource")
        if part["outcome"]["status"] not in ("ok", "disabled"):
            refused.add(api)
            continue
        if data is None:
            continue
        if api == "lambda:ListFunctions":
            out["functions"] |= {one["FunctionArn"].removesuffix(":$LATEST") for one in data["Functions"]}
        elif api == "lambda:ListEventSourceMappings":
            out["mappings"] |= {one["UUID"] for one in data["EventSourceMappings"]}
        elif api == "lambda:ListLayers":
            out["layers"] |= {one["LayerArn"] for one in data["Layers"]}
        elif api == "lambda:GetPolicy" and data.get("Policy") and resource.count(":") == 6:
            out["grants"] |= {(resource, one["Sid"]) for one in json.loads(data["Policy"])["Statement"]}
        elif api == "cloudtrail:DescribeTrails":
            out["trails"] |= {one["TrailARN"] for one in data["trailList"]}
        elif api == "cloudtrail:GetEventSelectors":
            selectors[resource] = data
        elif api == "cloudtrail:GetTrailStatus":
            logging[resource] = data["IsLogging"]
    return out, refused, selectors, logging, complete


def main(program):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([os.path.join(os.path.dirname(sys.executable), "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        session = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)
        made = create(lambda service: session.client(service, endpoint_url=url))
        with tempfile.TemporaryDirectory() as directory:
            file = os.path.join(directory, "snapshot.jsonl")
            environment = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
                           "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ["PATH"]}
            ran = subprocess.run([program, "snapshot", "-o", file, "--everything", "--quota-scale", "40"],
                                 env=environment, capture_output=True, text=True)
            print(ran.stdout + ran.stderr, end="")
            text = open(file).read()
            found, refused, selectors, logging, complete = read(file)
    finally:
        server.terminate()
        server.wait()
    faults = []
    for name, expected in made.items():
        for what, entries in (("missing", expected - found[name]), ("not created", found[name] - expected)):
            if entries:
                faults.append(f"{name}: {len(entries)} {what}: {sorted(entries, key=str)[:3]}")
    if refused != REFUSED:
        faults.append(f"not answered: {sorted(refused)}, expected {sorted(REFUSED)}")
    if list(logging.values()) != [True] or "AWS::Lambda::Function" not in json.dumps(selectors):
        faults.append(f"trails: {logging} {selectors}")
    if not complete or "canary-value" in text:
        faults.append("the snapshot has no closing line, or holds a value of an environment variable")
    for fault in faults:
        print(fault)
    print(f"{sum(map(len, made.values()))} things compared, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
