#!/usr/bin/env python3
"""Collects from moto, an emulator of AWS that this project did not write, and compares the snapshot with what was
created there through boto3.

    pip install 'moto[server]==5.2.5' boto3
    python3 tests/emulators/moto_counterpart.py target/debug/lambda-audit

moto listens on loopback only. Not compared, because moto does not do it as AWS does: policies per qualifier (it keeps
one pooled list), whole policies, function URLs and event data stores (it has no such calls), aliases and layer versions
(it takes no ARN where AWS does), LookupEvents. What it refuses has to stand in the snapshot as not answered.
"""

import os
import sys

from counterpart import Server, create, create_trail, faults_of, free_port, snapshot, tell

ACCOUNT = "123456789012"
KEY = "testing"
# Calls that moto refuses or does not know: they stand in the snapshot as what they are.
REFUSED = {
    "lambda:GetResourcePolicy",
    "lambda:ListAliases",
    "lambda:ListFunctionUrlConfigs",
    "cloudtrail:ListEventDataStores",
    "securityhub:GetEnabledStandards",
    "access-analyzer:ListAnalyzers",
}


def main(program):
    port = free_port()
    beside = os.path.dirname(sys.executable)
    with Server(port, [os.path.join(beside, "moto_server"), "-H", "127.0.0.1", "-p", str(port)]) as server:
        client = server.clients(KEY)
        made = create(client, ACCOUNT)
        trail = create_trail(client)
        made |= {"trails": {trail}, "logging": {(trail, True)}, "selectors": {(trail, "AWS::Lambda::Function")}}
        found, refused, sound = snapshot(server, program, KEY)
    return tell("moto", made, faults_of(made, found, refused, REFUSED, sound))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
