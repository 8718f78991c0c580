//! Runs the program on a snapshot that is sound in every part but one.

#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its own part, and fails by panicking")]

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "eu-west-1";
pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const TRAIL: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";

/// A part of the snapshot's one account and region.
pub(crate) fn part(api: &str, resource: Option<&str>, outcome: &str, data: Value) -> Value {
    json!({"type": "part", "account": ACCOUNT, "region": REGION, "api": api, "resource": resource,
        "outcome": {"status": outcome}, "data": data})
}

pub(crate) fn ok(api: &str, resource: Option<&str>, data: Value) -> Value {
    part(api, resource, "ok", data)
}

pub(crate) fn function(arn: &str) -> Value {
    json!({"FunctionName": "orders", "FunctionArn": arn, "Role": "arn:aws:iam::111122223333:role/orders",
        "PackageType": "Zip", "TracingConfig": {"Mode": "Active"},
        "VpcConfig": {"VpcId": "vpc-0a", "SubnetIds": ["subnet-0a", "subnet-0b"]},
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:eu-west-1:111122223333:orders-dead"}})
}

/// GetPolicy's answer for a function that everyone may invoke.
pub(crate) fn public() -> Value {
    let document = json!({"Version": "2012-10-17", "Statement": [{"Sid": "open", "Effect": "Allow",
        "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": FUNCTION}]});
    json!({"Policy": document.to_string()})
}

/// A sound snapshot of one function without a policy, whose parts of `api` are replaced.
pub(crate) fn snapshot(api: &str, instead: &[Value]) -> String {
    let sound = [
        ok("lambda:ListFunctions", None, json!({"Functions": [function(FUNCTION)]})),
        ok("lambda:GetPolicy", Some(FUNCTION), json!({"Policy": null})),
        ok("lambda:ListAliases", Some(FUNCTION), json!({"Aliases": []})),
        ok("lambda:ListFunctionUrlConfigs", Some(FUNCTION), json!({"FunctionUrlConfigs": []})),
        ok(
            "lambda:ListFunctionEventInvokeConfigs",
            Some(FUNCTION),
            json!({"FunctionEventInvokeConfigs": []}),
        ),
        ok("lambda:ListTags", Some(FUNCTION), json!({"Tags": {"owner": "orders"}})),
        ok("lambda:GetFunctionConcurrency", Some(FUNCTION), json!({"ReservedConcurrentExecutions": 5})),
        ok(
            "lambda:GetFunctionCodeSigningConfig",
            Some(FUNCTION),
            json!({"CodeSigningConfigArn": "arn:aws:lambda:eu-west-1:111122223333:code-signing-config:csc-0a"}),
        ),
        ok(
            "ec2:DescribeSubnets",
            None,
            json!({"Subnets": [{"SubnetId": "subnet-0a", "AvailabilityZone": "eu-west-1a"},
                {"SubnetId": "subnet-0b", "AvailabilityZone": "eu-west-1b"}]}),
        ),
        json!({"type": "part", "account": ACCOUNT, "region": null, "api": "iam:GetAccountAuthorizationDetails",
            "resource": null, "outcome": {"status": "ok"}, "data": {"UserDetailList": [], "GroupDetailList": [],
            "RoleDetailList": [{"Arn": function(FUNCTION)["Role"], "RoleName": "orders"}], "Policies": []}}),
        ok("guardduty:ListDetectors", None, json!({"DetectorIds": ["d1"]})),
        ok(
            "guardduty:GetDetector",
            Some("d1"),
            json!({"Status": "ENABLED", "Features": [{"Name": "LAMBDA_NETWORK_LOGS", "Status": "ENABLED"}]}),
        ),
        ok(
            "securityhub:GetEnabledStandards",
            None,
            json!({"StandardsSubscriptions": [{"StandardsSubscriptionArn": "arn:s", "StandardsStatus": "READY"}]}),
        ),
        ok(
            "securityhub:DescribeStandardsControls",
            Some("arn:s"),
            json!({"Controls": [{"ControlId": "Lambda.1", "ControlStatus": "ENABLED"},
                {"ControlId": "Lambda.2", "ControlStatus": "ENABLED"}]}),
        ),
        ok(
            "access-analyzer:ListAnalyzers",
            None,
            json!({"analyzers": [{"arn": "arn:a", "type": "ACCOUNT", "status": "ACTIVE"},
                {"arn": "arn:b", "type": "ACCOUNT_UNUSED_ACCESS", "status": "ACTIVE"}]}),
        ),
        ok(
            "events:ListRules",
            None,
            json!({"Rules": [{"Name": "r", "State": "ENABLED", "EventPattern": "{\"source\": [\"aws.lambda\"]}"}]}),
        ),
        ok("events:ListTargetsByRule", Some("r"), json!({"Targets": [{"Arn": "arn:t"}]})),
        json!({"type": "part", "account": ACCOUNT, "region": null, "api": "organizations:DescribeOrganization",
            "resource": null, "outcome": {"status": "disabled"}}),
        ok("lambda:ListLayers", None, json!({"Layers": []})),
        ok("lambda:ListEventSourceMappings", None, json!({"EventSourceMappings": []})),
        ok(
            "cloudtrail:DescribeTrails",
            None,
            json!({"trailList": [{"Name": "main", "TrailARN": TRAIL, "HomeRegion": REGION,
                "IsMultiRegionTrail": true, "IsOrganizationTrail": false, "LogFileValidationEnabled": true}]}),
        ),
        ok(
            "cloudtrail:GetEventSelectors",
            Some(TRAIL),
            json!({"EventSelectors": [{"ReadWriteType": "All", "DataResources":
                [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}]}]}),
        ),
        ok("cloudtrail:GetTrailStatus", Some(TRAIL), json!({"IsLogging": true})),
        ok("cloudtrail:ListEventDataStores", None, json!({"EventDataStores": []})),
    ];
    let kept = sound.into_iter().filter(|part| part["api"] != api);
    lines(&kept.chain(instead.iter().cloned()).collect::<Vec<_>>())
}

/// Header with the scope, parts, closing line.
pub(crate) fn lines(parts: &[Value]) -> String {
    let header = json!({"type": "header", "version": 1, "scope": [{"account": ACCOUNT, "region": REGION}]});
    let end = json!({"type": "end", "parts": parts.len()});
    let all = [header].into_iter().chain(parts.iter().cloned()).chain([end]);
    all.map(|line| line.to_string() + "\n").collect()
}

/// An empty directory of the test's own.
pub(crate) fn directory(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("review").join(name);
    drop(std::fs::remove_dir_all(&path));
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The program, with nothing of this process's environment.
pub(crate) fn program(directory: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-audit"));
    command.env_clear().current_dir(directory);
    command
}

/// The report and exit code of a scan of the text, with every policy.
pub(crate) fn scan(name: &str, text: &str) -> (Value, i32) {
    let directory = directory(name);
    std::fs::write(directory.join("s.jsonl"), text).unwrap();
    let args = ["scan", "--snapshot", "s.jsonl", "--policy-profile", "strict", "--output", "json"];
    let output = program(&directory).args(args).output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (report, output.status.code().unwrap())
}

/// Ids of the policies that found something.
pub(crate) fn found(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["policy"].as_str().unwrap()).collect()
}
