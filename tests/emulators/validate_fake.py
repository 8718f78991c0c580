#!/usr/bin/env python3
"""Checks the fake endpoint's answers against botocore's service models: a judge that this project did not write.

    cargo run --example fake-aws &            (it prints its address and an access key id)
    pip install botocore
    python3 tests/emulators/validate_fake.py http://127.0.0.1:4571 111122223333

Every operation is called through botocore with the fake as its endpoint. The raw body is then compared with the
operation's output shape: unknown members, wrong types and missing required members are faults. Errors must be ones
that botocore can name, and each list must give every entry once when it is paged in small pages.
"""

import json
import sys

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

FAULTS = []
# The snapshot that the fake answers from may hold what the AWS CLI adds or the models do not have yet.
ALLOWED = {
    # A canary: the code's place, which GetFunction gives and ListFunctions does not.
    ("ListFunctions", "Code"),
}


def check(shape, value, where, operation):
    kind = shape.type_name
    if value is None:
        return
    if kind == "structure":
        if not isinstance(value, dict):
            FAULTS.append(f"{where}: not an object")
            return
        names = {m.serialization.get("name", n): (n, m) for n, m in shape.members.items()}
        for name, inner in value.items():
            if name not in names:
                if (operation, name) not in ALLOWED:
                    FAULTS.append(f"{where}.{name}: not in the model")
                continue
            check(names[name][1], inner, f"{where}.{name}", operation)
        for name in shape.required_members:
            name = shape.members[name].serialization.get("name", name)
            if name not in value:
                FAULTS.append(f"{where}.{name}: required and not there")
    elif kind == "list":
        if not isinstance(value, list):
            FAULTS.append(f"{where}: not a list")
            return
        for at, inner in enumerate(value):
            check(shape.member, inner, f"{where}[{at}]", operation)
    elif kind == "map":
        for name, inner in value.items():
            check(shape.value, inner, f"{where}.{name}", operation)
    elif kind in ("string", "blob"):
        if not isinstance(value, str):
            FAULTS.append(f"{where}: not text")
        elif getattr(shape, "enum", None) and value not in shape.enum:
            FAULTS.append(f"{where}: `{value}` is none of the model's values")
    elif kind == "timestamp" and (shape.serialization or {}).get("timestampFormat") == "iso8601":
        if not isinstance(value, str):
            FAULTS.append(f"{where}: not a time as text")
    elif kind in ("integer", "long", "float", "double", "timestamp"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            FAULTS.append(f"{where}: not a number")
    elif kind == "boolean" and not isinstance(value, bool):
        FAULTS.append(f"{where}: not a truth value")


def main(url, account):
    session = botocore.session.get_session()
    # Of the protocols that CloudWatch speaks, the one that the program does.
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def by_json(service_name, type_name, api_version=None):
        model = load(service_name, type_name, api_version)
        if service_name == "cloudwatch" and type_name == "service-2":
            assert "json" in model["metadata"]["protocols"], "CloudWatch does not speak JSON any more"
            model["metadata"].update(protocol="json", protocols=["json"])
        return model

    loader.load_service_model = by_json
    session.set_credentials(account, "none")
    calls = 0

    def client(service, region="eu-west-1", path_style=False):
        config = Config(
            retries={"max_attempts": 8, "mode": "standard"},
            s3={"addressing_style": "path"} if path_style else None,
            # The fake has no checksums to give.
            response_checksum_validation="when_required",
        )
        return session.create_client(service, region_name=region, endpoint_url=url, config=config)

    def call(of, operation, **arguments):
        nonlocal calls
        calls += 1
        raw = {}

        def keep(http_response, **_):
            raw["body"] = http_response.content

        name = f"before-parse.{of.meta.service_model.service_id.hyphenize()}.{operation}"
        of.meta.events.register(name, lambda response_dict, **_: raw.update(response_dict), unique_id="keep")
        try:
            answer = of._make_api_call(operation, arguments)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            known = {shape.name for shape in of.meta.service_model.operation_model(operation).error_shapes}
            generic = {"AccessDeniedException", "AccessDenied", "NoSuchEntity", "ThrottlingException", "ValidationError"}
            if code not in known | generic:
                FAULTS.append(f"{operation}: the model has no error {code}")
            return None
        finally:
            of.meta.events.unregister(name, unique_id="keep")
        output = of.meta.service_model.operation_model(operation).output_shape
        if of.meta.service_model.protocol.startswith(("json", "rest-json")):
            check(output, json.loads(raw["body"]), operation, operation)
        elif not {k for k in answer if k != "ResponseMetadata"}:
            FAULTS.append(f"{operation}: nothing was parsed of its XML")
        return answer

    def all_of(of, operation, entries, token, size=None, **arguments):
        seen, marker = [], None
        while True:
            page = dict(arguments)
            if marker:
                page["NextToken" if token == "NextToken" else "Marker"] = marker
            if size and token == "NextMarker":
                page["MaxItems"] = size
            answer = call(of, operation, **page) or {}
            seen += answer.get(entries, [])
            marker = answer.get(token)
            if not marker:
                return seen

    sts, iam = client("sts"), client("iam")
    call(sts, "GetCallerIdentity")
    call(sts, "AssumeRole", RoleArn=f"arn:aws:iam::{account}:role/AuditReader", RoleSessionName="check")
    regions = [one["RegionName"] for one in call(client("account"), "ListRegions")["Regions"]]
    organizations = client("organizations")
    call(organizations, "DescribeOrganization")
    all_of(organizations, "ListAccounts", "Accounts", "NextToken")
    call(iam, "GetRole", RoleName="nobody")
    described = []
    for entries in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"):
        found = all_of(iam, "GetAccountAuthorizationDetails", entries, "Marker")
        described += [one["Arn"] for one in found]
        for one in found:
            documents = one.get("RolePolicyList", []) + one.get("UserPolicyList", []) + one.get("GroupPolicyList", [])
            if not all(isinstance(d["PolicyDocument"], dict) for d in documents):
                FAULTS.append(f"GetAccountAuthorizationDetails: a document of {one['Arn']} is no JSON")
    if not described or len(described) != len(set(described)):
        FAULTS.append("GetAccountAuthorizationDetails: nothing, or an entry on two pages")
    pending, seen = [account], set()
    while pending:
        target = pending.pop()
        for policy in all_of(organizations, "ListPoliciesForTarget", "Policies", "NextToken", TargetId=target,
                             Filter="SERVICE_CONTROL_POLICY"):
            if policy["Id"] not in seen:
                seen.add(policy["Id"])
                json.loads(call(organizations, "DescribePolicy", PolicyId=policy["Id"])["Policy"]["Content"])
        if not target.startswith("r-"):
            pending += [one["Id"] for one in all_of(organizations, "ListParents", "Parents", "NextToken", ChildId=target)]
    if not seen:
        FAULTS.append("Organizations: no policies")
    for region in regions:
        functions = client("lambda", region)
        call(functions, "GetAccountSettings")
        listed = all_of(functions, "ListFunctions", "Functions", "NextMarker", 3)
        arns = [one["FunctionArn"] for one in listed]
        if len(arns) != len(set(arns)):
            FAULTS.append(f"ListFunctions in {region}: an entry is on two pages")
        for one in listed:
            arn = one["FunctionArn"]
            call(iam, "GetRole", RoleName=one["Role"].rsplit("/", 1)[-1])
            aliases = all_of(functions, "ListAliases", "Aliases", "NextMarker", FunctionName=arn)
            for qualifier in [None] + [alias["Name"] for alias in aliases]:
                arguments = {"FunctionName": arn}
                if qualifier:
                    arguments["Qualifier"] = qualifier
                call(functions, "GetPolicy", **arguments)
            call(functions, "GetResourcePolicy", ResourceArn=arn)
            call(functions, "ListTags", Resource=arn)
            call(functions, "GetFunctionConcurrency", FunctionName=arn)
            call(functions, "GetFunctionCodeSigningConfig", FunctionName=arn)
            all_of(functions, "ListFunctionUrlConfigs", "FunctionUrlConfigs", "NextMarker", FunctionName=arn)
            all_of(
                functions,
                "ListFunctionEventInvokeConfigs",
                "FunctionEventInvokeConfigs",
                "NextMarker",
                FunctionName=arn,
            )
        all_of(functions, "ListEventSourceMappings", "EventSourceMappings", "NextMarker")
        for layer in all_of(functions, "ListLayers", "Layers", "NextMarker"):
            name = layer["LayerArn"]
            for version in all_of(
                functions, "ListLayerVersions", "LayerVersions", "NextMarker", LayerName=name
            ):
                call(functions, "GetLayerVersionPolicy", LayerName=name, VersionNumber=version["Version"])
        network = client("ec2", region)
        subnets, token = [], None
        while True:
            page = call(network, "DescribeSubnets", MaxResults=5, **({"NextToken": token} if token else {})) or {}
            subnets += [one["SubnetId"] for one in page.get("Subnets", [])]
            token = page.get("NextToken")
            if not token:
                break
        used = {id for one in listed for id in one.get("VpcConfig", {}).get("SubnetIds", [])}
        if len(subnets) != len(set(subnets)) or not used <= set(subnets):
            FAULTS.append(f"DescribeSubnets in {region}: a subnet twice, or one that a function uses is missing")
        counts = client("cloudwatch", region)
        names = [arn.rsplit(":", 1)[-1] for arn in arns]
        counted = 0
        for at in range(0, len(names), 500):
            queries = [
                {
                    "Id": f"f{index}",
                    "Label": name,
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/Lambda",
                            "MetricName": "Invocations",
                            "Dimensions": [{"Name": "FunctionName", "Value": name}],
                        },
                        "Period": 3600,
                        "Stat": "Sum",
                    },
                }
                for index, name in enumerate(names[at : at + 500])
            ]
            span = {"StartTime": 1_700_000_000, "EndTime": 1_900_000_000}
            results = all_of(counts, "GetMetricData", "MetricDataResults", "NextToken", MetricDataQueries=queries, **span)
            counted += sum(len(one["Values"]) for one in results)
            if call(counts, "GetMetricData", MetricDataQueries=(queries * 501)[:501], **span) is not None:
                FAULTS.append("GetMetricData takes more than 500 metrics")
        print(f"{region}: {counted} hours with invocations")
        watch, hub, bus = client("guardduty", region), client("securityhub", region), client("events", region)
        for detector in all_of(watch, "ListDetectors", "DetectorIds", "NextToken"):
            call(watch, "GetDetector", DetectorId=detector)
        for one in all_of(hub, "GetEnabledStandards", "StandardsSubscriptions", "NextToken"):
            all_of(hub, "DescribeStandardsControls", "Controls", "NextToken",
                   StandardsSubscriptionArn=one["StandardsSubscriptionArn"])
        call(client("accessanalyzer", region), "ListAnalyzers")
        call(client("logs", region), "DescribeMetricFilters")
        for rule in all_of(bus, "ListRules", "Rules", "NextToken"):
            all_of(bus, "ListTargetsByRule", "Targets", "NextToken", Rule=rule["Name"])
        trails = client("cloudtrail", region)
        for trail in call(trails, "DescribeTrails")["trailList"]:
            call(trails, "GetTrailStatus", Name=trail["TrailARN"])
            home = client("cloudtrail", trail["HomeRegion"])
            call(home, "GetEventSelectors", TrailName=trail["TrailARN"])
        for store in all_of(trails, "ListEventDataStores", "EventDataStores", "NextToken"):
            call(trails, "GetEventDataStore", EventDataStore=store["EventDataStoreArn"])
        # Every service that has records, page by page; and what LookupEvents refuses.
        found = []
        for source in ("lambda.amazonaws.com", "iam.amazonaws.com", "cloudtrail.amazonaws.com"):
            attributes = [{"AttributeKey": "EventSource", "AttributeValue": source}]
            found += all_of(trails, "LookupEvents", "Events", "NextToken", LookupAttributes=attributes)
        ids = [one["EventId"] for one in found]
        if len(ids) != len(set(ids)):
            FAULTS.append(f"LookupEvents in {region}: a record is on two pages")
        for one in found:
            if json.loads(one["CloudTrailEvent"])["eventID"] != one["EventId"]:
                FAULTS.append("LookupEvents: an entry with another one's record")
        name = {"AttributeKey": "EventName", "AttributeValue": "AddPermission"}
        if call(trails, "LookupEvents", LookupAttributes=[name, name]) is not None:
            FAULTS.append("LookupEvents takes two attributes")
    bucket = client("s3", path_style=True)
    keys, token = [], None
    while True:
        more = {"ContinuationToken": token} if token else {}
        page = bucket.list_objects_v2(Bucket="example-trail", MaxKeys=1000, Prefix="AWSLogs/", **more)
        calls += 1
        keys += [one["Key"] for one in page["Contents"]]
        token = page.get("NextContinuationToken")
        if not page["IsTruncated"]:
            break
    if not keys or len(keys) != len(set(keys)):
        FAULTS.append("ListObjectsV2: no key, or one twice")
    body = bucket.get_object(Bucket="example-trail", Key=keys[0])["Body"].read()
    below = bucket.list_objects_v2(Bucket="example-trail", Prefix="AWSLogs/", Delimiter="/")
    if not body or not below.get("CommonPrefixes"):
        FAULTS.append("S3: an empty object, or no directory")
    for fault in sorted(set(FAULTS)):
        print(fault)
    print(f"{calls} calls, {len(set(FAULTS))} faults")
    return 1 if FAULTS or calls < 20 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
