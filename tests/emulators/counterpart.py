"""What the emulators' scripts share: state that is made through boto3, a snapshot of it, and the comparison of both."""

import io
import json
import os
import socket
import subprocess
import tempfile
import time
import zipfile

import boto3

REGION = "eu-west-1"
# Enough for several pages of fifty.
FUNCTIONS = 120
SECRET = "canary-value"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def code():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("main.py", "def handler(event, context):\n    return 1\n")
    return out.getvalue()


class Server:
    """An emulator on a port of loopback, until the end of the `with`."""

    def __init__(self, port, command, **variables):
        self.port, self.command, self.variables = port, command, variables
        self.url = f"http://127.0.0.1:{port}"

    def __enter__(self):
        self.home = tempfile.TemporaryDirectory()
        environment = {"PATH": os.environ["PATH"], "HOME": self.home.name, **self.variables}
        self.process = subprocess.Popen(self.command, env=environment, cwd=self.home.name,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            if self.process.poll() is not None:
                raise SystemExit(f"{self.command[0]} ended with {self.process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                break
            except OSError:
                time.sleep(0.1)
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.home.cleanup()

    def clients(self, key):
        session = boto3.Session(aws_access_key_id=key, aws_secret_access_key="testing", region_name=REGION)
        return lambda service: session.client(service, endpoint_url=self.url)

    def run(self, program, key, *arguments):
        environment = {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "testing",
                       "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "PATH": os.environ["PATH"]}
        ran = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True)
        return ran


def create(client, account, functions_count=FUNCTIONS):
    """What is there afterwards, by the API that lists it."""
    made = {"functions": set(), "mappings": set(), "layers": set(), "grants": set()}
    iam, functions = client("iam"), client("lambda")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    layer = functions.publish_layer_version(LayerName="tools", Content={"ZipFile": code()},
                                            CompatibleRuntimes=["python3.12"])
    made["layers"].add(layer["LayerArn"])
    queue = client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    queue = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for at in range(functions_count):
        name = f"orders-{at:03}"
        arguments = {"Layers": [layer["LayerVersionArn"]]} if at % 10 == 0 else {}
        functions.create_function(
            FunctionName=name, Runtime="python3.12", Role=role, Handler="main.handler", Code={"ZipFile": code()},
            Environment={"Variables": {"TOKEN": SECRET}}, Publish=True, **arguments)
        arn = f"arn:aws:lambda:{REGION}:{account}:function:{name}"
        made["functions"].add(arn)
        if at % 5 == 0:
            functions.add_permission(FunctionName=name, StatementId="bucket", Action="lambda:InvokeFunction",
                                     Principal="s3.amazonaws.com", SourceAccount=account,
                                     SourceArn="arn:aws:s3:::example-bucket")
            made["grants"].add((arn, "bucket"))
        if at % 40 == 0:
            mapping = functions.create_event_source_mapping(EventSourceArn=queue, FunctionName=name, BatchSize=1)
            made["mappings"].add(mapping["UUID"])
    return made


def create_trail(client):
    client("s3").create_bucket(Bucket="example-trail", CreateBucketConfiguration={"LocationConstraint": REGION})
    trails = client("cloudtrail")
    trail = trails.create_trail(Name="main", S3BucketName="example-trail", IsMultiRegionTrail=True)["TrailARN"]
    trails.put_event_selectors(TrailName="main", EventSelectors=[{
        "ReadWriteType": "All", "IncludeManagementEvents": True,
        "DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}]}])
    trails.start_logging(Name="main")
    return trail


def read(path):
    """The same of the snapshot, the calls that were not answered, and whether it is complete and holds no secret."""
    names = ("functions", "mappings", "layers", "grants", "trails", "selectors", "logging", "aliases", "urls",
             "destinations", "roles", "accounts", "layer_versions")
    out = {name: set() for name in names}
    refused, complete, text = set(), False, open(path).read()
    for line in text.splitlines():
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
        elif api == "lambda:ListLayerVersions":
            out["layer_versions"] |= {one["LayerVersionArn"] for one in data["LayerVersions"]}
        elif api == "lambda:GetPolicy" and data.get("Policy"):
            out["grants"] |= {(resource, one["Sid"]) for one in json.loads(data["Policy"])["Statement"]}
        elif api == "lambda:ListAliases":
            out["aliases"] |= {f"{resource}:{one['Name']}" for one in data["Aliases"]}
        elif api == "lambda:ListFunctionUrlConfigs":
            out["urls"] |= {(one["FunctionArn"], one["AuthType"]) for one in data["FunctionUrlConfigs"]}
        elif api == "lambda:ListFunctionEventInvokeConfigs":
            configs = [one.get("DestinationConfig") or {} for one in data["FunctionEventInvokeConfigs"]]
            out["destinations"] |= {(resource, one["OnFailure"]["Destination"]) for one in configs if one.get("OnFailure")}
        elif api == "cloudtrail:DescribeTrails":
            out["trails"] |= {one["TrailARN"] for one in data["trailList"]}
        elif api == "cloudtrail:GetEventSelectors":
            selectors = data.get("EventSelectors") or []
            types = {kind["Type"] for one in selectors for kind in one.get("DataResources") or []}
            out["selectors"] |= {(resource, kind) for kind in types}
        elif api == "cloudtrail:GetTrailStatus":
            out["logging"].add((resource, data["IsLogging"]))
        elif api == "iam:GetRole":
            out["roles"].add(data["Role"]["Arn"])
        elif api == "iam:GetAccountAuthorizationDetails":
            out["roles"] |= {one["Arn"] for one in data.get("RoleDetailList") or []}
        elif api == "organizations:ListAccounts":
            out["accounts"] |= {one["Id"] for one in data["Accounts"]}
    return out, refused, complete and SECRET not in text


def snapshot(server, program, key, *more):
    with tempfile.TemporaryDirectory() as directory:
        file = os.path.join(directory, "snapshot.jsonl")
        ran = server.run(program, key, "snapshot", "-o", file, "--everything", "--quota-scale", "40", *more)
        print(ran.stdout + ran.stderr, end="")
        return read(file)


def faults_of(made, found, refused, expected_refused, sound):
    """What differs between what was made and what was read."""
    faults = []
    for name, expected in made.items():
        for what, entries in (("missing", expected - found[name]), ("not created", found[name] - expected)):
            if entries:
                faults.append(f"{name}: {len(entries)} {what}: {sorted(entries, key=str)[:3]}")
    if refused != expected_refused:
        faults.append(f"not answered: {sorted(refused)}, expected {sorted(expected_refused)}")
    if not sound:
        faults.append("the snapshot has no closing line, or holds a value of an environment variable")
    return faults


def tell(name, made, faults):
    for fault in faults:
        print(fault)
    print(f"{name}: {sum(map(len, made.values()))} things compared, {len(faults)} faults")
    return 1 if faults else 0
