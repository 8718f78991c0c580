#!/usr/bin/env python3
"""Collects from localstack-core, an emulator of AWS that this project did not write, and compares the snapshot with what
was created there through boto3: what the others do not do as AWS does, that is the policies of functions, aliases and
versions each by itself, the forms that principals take, and URLs of functions and aliases.

Started by `tests/emulators/localstack`, in a network of its own: it listens on all interfaces. Not compared, because it
does not answer: trails, whole policies, lists of destinations, organizations. That has to stand in the snapshot.
"""

import json
import os
import sys

from counterpart import REGION, Server, code, faults_of, snapshot, tell

ACCOUNT = "111122223333"
FUNCTIONS = 12
REFUSED = {
    "lambda:GetResourcePolicy",
    "cloudtrail:DescribeTrails",
    "cloudtrail:ListEventDataStores",
    "lambda:ListFunctionEventInvokeConfigs",
    "organizations:DescribeOrganization",
}
# How a principal is asked for, and how the policy has it.
PRINCIPALS = {
    "444455556666": {"AWS": "arn:aws:iam::444455556666:root"},
    "*": "*",
    "sns.amazonaws.com": {"Service": "sns.amazonaws.com"},
}


def create(client):
    made = {name: set() for name in ("functions", "grants", "aliases", "urls", "destinations", "roles")}
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = client("iam").create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    made["roles"].add(role)
    functions = client("lambda")
    for at in range(FUNCTIONS):
        name = f"orders-{at:02}"
        functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="main.handler",
                                  Code={"ZipFile": code()}, Environment={"Variables": {"TOKEN": "canary-value"}})
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        made["functions"].add(arn)
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        made["aliases"].add(f"{arn}:live")
        principal = list(PRINCIPALS)[at % len(PRINCIPALS)]
        for qualifier in (None, "live", version)[: 1 + at % 3]:
            where = {"Qualifier": qualifier} if qualifier else {}
            functions.add_permission(FunctionName=name, StatementId=f"to-{qualifier}", Principal=principal,
                                     Action="lambda:InvokeFunction", **where)
            made["grants"].add((f"{arn}:{qualifier}" if qualifier else arn, f"to-{qualifier}"))
        if at % 4 == 0:
            functions.create_function_url_config(FunctionName=name, AuthType="NONE")
            made["urls"].add((arn, "NONE"))
        if at % 4 == 1:
            functions.create_function_url_config(FunctionName=name, AuthType="AWS_IAM", Qualifier="live")
            made["urls"].add((f"{arn}:live", "AWS_IAM"))
    return made


def principals(server, program):
    """Each form of a principal is judged for what it is."""
    arguments = ["scan", "--no-history", "--output", "json", "--quota-scale", "40", "--exit-zero", "--allow-incomplete",
                 "--policy", "function-invoke-public", "function-invoke-cross-account",
                 "function-invoke-service-unrestricted"]
    report = json.loads(server.run(program, ACCOUNT, *arguments).stdout)
    count = {}
    for one in report["findings"]:
        count[one["policy"]] = count.get(one["policy"], 0) + 1
    # Functions 1, 4, 7, 10 admit everyone: two statements each; 0, 3, 6, 9 an account: one; 2, 5, 8, 11 a service: three.
    expected = {"function-invoke-public": 8, "function-invoke-cross-account": 4,
                "function-invoke-service-unrestricted": 12}
    print(f"findings: {count}")
    return [] if count == expected else [f"findings: {count}, expected {expected}"]


def main(program):
    port = 4566
    home = {"GATEWAY_LISTEN": f"127.0.0.1:{port}", "LOCALSTACK_HOST": "127.0.0.1", "EAGER_SERVICE_LOADING": "0",
            "SKIP_SSL_CERT_DOWNLOAD": "1", "DISABLE_EVENTS": "1"}
    with Server(port, [sys.executable, "-m", "localstack.runtime.main"], **home) as server:
        made = create(server.clients(ACCOUNT))
        found, refused, sound = snapshot(server, program, ACCOUNT)
        faults = faults_of(made, found, refused, REFUSED, sound) + principals(server, program)
    return tell("localstack", made, faults)


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
