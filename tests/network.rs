//! Where calls came from: the fields of facts made from records, and runs with tables of one's own.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use lambda_audit::facts::Body;
use lambda_audit::facts::from_record::{RecordContext, RecordFile, Wanted, facts_of};
use lambda_audit::lists::Lists;
use lambda_audit::network::load::{Files, networks};
use lambda_audit::network::{AwsRanges, Networks};
use lambda_audit::trail::TrailRecord;
use lambda_audit::trust::{Trust, Trusts};
use lambda_audit::value::{self, Reading, Why};
use serde_json::{Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const ME: &str = "111122223333";
const STRANGER: &str = "777788889999";
const NOT_SAID: Why = Why::NotInRecord;

/// An Invoke by a session of the own account from an address; `change` alters the record.
fn record(change: impl FnOnce(&mut Value)) -> Value {
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole", "principalId": "AROAEXAMPLEROLE000001:orders", "accountId": ME,
            "arn": format!("arn:aws:sts::{ME}:assumed-role/orders/orders"),
        },
        "eventTime": "2026-11-18T12:31:40Z", "eventSource": "lambda.amazonaws.com", "eventName": "Invoke",
        "awsRegion": "eu-west-1", "sourceIPAddress": "203.0.113.40", "userAgent": "Boto3/1.40.52",
        "requestParameters": {"functionName": "orders"}, "responseElements": null,
        "eventID": "4c176443-da66-4447-8ccb-4b52367a1926", "recipientAccountId": ME,
    });
    change(&mut record);
    record
}

/// asn, cloud, outside, command_line, vpc_endpoint_trusted
type Fields = (Reading<i64>, Reading<bool>, Reading<bool>, Reading<bool>, Reading<bool>);

/// The fields of the record's `api_call`; its `invocation` must have the same.
fn fields(networks: &Networks, record: &Value) -> Fields {
    let mut trust = Trust::default();
    trust.add_account("444455556666");
    trust.add_organization("o-exampleorgid", None);
    let (trusts, lists) = (Trusts::new(trust), Lists::embedded().unwrap());
    let context = RecordContext { trusts: &trusts, lists: &lists, networks, answers: None };
    let text = record.to_string();
    let mut found = Vec::new();
    let record = TrailRecord::parse(&text).unwrap();
    let recent = std::cell::RefCell::default();
    let file = RecordFile { path: "file", named: None, recent: &recent };
    facts_of(&record, file, Wanted::ALL, context, &mut |fact| {
        let Body::Activity(one) = fact.body else { return };
        let read = |name| one.value(one.kind().field(name).unwrap());
        let flag = |name| match read(name) {
            value::Value::Bool(flag) => Reading::Known(flag),
            value::Value::Absent => Reading::Absent,
            value::Value::Unread(why) => Reading::Unread(why),
            other => panic!("{name} is {other:?}"),
        };
        let asn = match read("asn") {
            value::Value::Int(number) => Reading::Known(number),
            value::Value::Absent => Reading::Absent,
            value::Value::Unread(why) => Reading::Unread(why),
            other => panic!("asn is {other:?}"),
        };
        found.push((asn, flag("cloud"), flag("outside"), flag("command_line"), flag("vpc_endpoint_trusted")));
    });
    assert_eq!(found.len(), 2, "an api_call and an invocation");
    assert_eq!(found[0], found[1]);
    found.remove(0)
}

fn built_in(own: &str) -> Networks {
    networks(&Files::default(), &[own.parse().unwrap()]).unwrap()
}

fn outside(networks: &Networks, change: impl FnOnce(&mut Value)) -> Reading<bool> {
    fields(networks, &record(change)).2
}

#[test]
fn outside_is_a_public_address_that_nothing_explains() {
    let networks = built_in("198.51.100.0/24");
    let from = |address: &str| outside(&networks, |record| record["sourceIPAddress"] = json!(address));
    for address in ["203.0.113.40", "2001:db8::40", "::ffff:203.0.113.40", "8.8.8.8", "192.0.2.1"] {
        assert_eq!(from(address), Reading::Known(true), "{address}");
    }
    let inside = [
        "198.51.100.7",
        "::ffff:198.51.100.7",
        "10.0.0.1",
        "100.64.0.9",
        "fd00::1",
        "3.5.140.1",
        "2a05:d018::1",
        "AWS Internal",
        "cloudformation.amazonaws.com",
    ];
    for address in inside {
        assert_eq!(from(address), Reading::Known(false), "{address}");
    }
    for address in ["", "unknown", "203.0.113.40, 10.0.0.1", "0.0.0.0", "203.0.113.40:443"] {
        assert_eq!(from(address), Reading::Unread(NOT_SAID), "{address:?}");
    }
    let without = |name: &'static str| {
        outside(&networks, move |record| {
            record.as_object_mut().unwrap().remove(name);
        })
    };
    assert_eq!(without("sourceIPAddress"), Reading::Unread(NOT_SAID));
    assert_eq!(outside(&networks, |record| record["sourceIPAddress"] = json!(7)), Reading::Unread(NOT_SAID));
}

#[test]
fn an_endpoint_or_a_service_is_not_outside_whatever_the_address() {
    let networks = built_in("198.51.100.0/24");
    for address in ["203.0.113.40", "unknown"] {
        let endpoint = outside(&networks, |record| {
            record["sourceIPAddress"] = json!(address);
            record["vpcEndpointId"] = json!("vpce-0f9e8d7c6b5a43210");
        });
        assert_eq!(endpoint, Reading::Known(false), "{address}");
        let behalf = outside(&networks, |record| {
            record["sourceIPAddress"] = json!(address);
            record["userIdentity"]["invokedBy"] = json!("cloudformation.amazonaws.com");
        });
        assert_eq!(behalf, Reading::Known(false), "{address}");
    }
    // Hidden or malformed, either might be there: not known. From inside it does not matter.
    for (path, value) in [("/vpcEndpointId", json!(7)), ("/userIdentity/invokedBy", json!(["x"]))] {
        let with = |address: &str| {
            outside(&networks, |record| {
                record["sourceIPAddress"] = json!(address);
                record["vpcEndpointId"] = Value::Null;
                record["userIdentity"]["invokedBy"] = Value::Null;
                *record.pointer_mut(path).unwrap() = value.clone();
            })
        };
        assert_eq!(with("203.0.113.40"), Reading::Unread(NOT_SAID), "{path}");
        assert_eq!(with("10.0.0.1"), Reading::Known(false), "{path}");
    }
}

#[test]
fn the_as_is_that_of_the_address() {
    let networks = built_in("198.51.100.0/24");
    let of = |address: &str| {
        let found = fields(&networks, &record(|record| record["sourceIPAddress"] = json!(address)));
        (found.0, found.1)
    };
    use Reading::{Absent, Known, Unread};
    assert_eq!(of("8.8.8.8"), (Known(15169), Known(true)));
    assert_eq!(of("1.1.1.1"), (Known(13335), Known(false)));
    assert_eq!(of("2d00::1"), (Unread(Why::NotCollected), Unread(Why::NotCollected)), "not in the table");
    // Addresses of examples have AS numbers of examples.
    for (address, number) in
        [("192.0.2.1", 64496), ("198.51.100.1", 64497), ("203.0.113.40", 64498), ("2001:db8::1", 64499)]
    {
        assert_eq!(of(address), (Known(number), Known(false)), "{address}");
    }
    assert_eq!(of("10.0.0.1"), (Absent, Absent));
    assert_eq!(of("AWS Internal"), (Absent, Absent));
    assert_eq!(of("nonsense"), (Unread(NOT_SAID), Unread(NOT_SAID)));
}

#[test]
fn without_a_table_outside_is_known_only_where_the_record_decides() {
    let networks = Networks::unread(&["198.51.100.0/24".parse().unwrap()]);
    let from = |address: &str| outside(&networks, |record| record["sourceIPAddress"] = json!(address));
    assert_eq!(from("203.0.113.40"), Reading::Unread(Why::NotCollected));
    assert_eq!(from("198.51.100.7"), Reading::Known(false));
    assert_eq!(from("10.0.0.1"), Reading::Known(false));
}

#[test]
fn an_endpoint_is_trusted_with_its_account() {
    let networks = Networks::unread(&[]);
    let trusted = |endpoint: Value, account: Value| {
        let changed = record(|record| {
            record["vpcEndpointId"] = endpoint;
            record["vpcEndpointAccountId"] = account;
        });
        fields(&networks, &changed).4
    };
    let id = || json!("vpce-0f9e8d7c6b5a43210");
    assert_eq!(trusted(Value::Null, Value::Null), Reading::Absent);
    assert_eq!(trusted(id(), json!(ME)), Reading::Known(true));
    assert_eq!(trusted(id(), json!("444455556666")), Reading::Known(true), "a trusted account");
    // A member of the trusted organization, perhaps: its members are not known.
    assert_eq!(trusted(id(), json!(STRANGER)), Reading::Unread(Why::NotCollected));
    assert_eq!(trusted(id(), Value::Null), Reading::Unread(NOT_SAID));
    assert_eq!(trusted(json!(7), Value::Null), Reading::Unread(NOT_SAID));
}

#[test]
fn a_command_line_is_known_by_its_user_agent() {
    let networks = Networks::unread(&[]);
    let of = |agent: Value| fields(&networks, &record(|record| record["userAgent"] = agent)).3;
    assert_eq!(of(json!("aws-cli/2.31.9 md/awscrt#0.27.6")), Reading::Known(true));
    assert_eq!(of(json!("[aws-cli/1.18.5 Python/3.8.1]")), Reading::Known(true));
    assert_eq!(of(json!("Boto3/1.40.52")), Reading::Known(false));
    assert_eq!(of(Value::Null), Reading::Known(false));
    assert_eq!(of(json!(7)), Reading::Unread(NOT_SAID));
}

/// A policy that fails for calls from outside and names their AS.
const POLICY: &str = r#"
id: from-outside
title: A call from outside
severity: medium
risk_score: 47
since: 0.1.0
profile: default
on: api_call
when: api_call.outside
message: "{api_call.subject} from AS {api_call.asn}"
why: |
  A test.
investigate: |
  A test.
remediate: |
  A test.
false_positives: [none]
references: ["https://example.org/"]
"#;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lambda-audit-network-{name}-{}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(path.join("policies")).unwrap();
        fs::write(path.join("policies/from-outside.yaml"), POLICY).unwrap();
        fs::write(path.join("trail.json"), json!({"Records": [record(|_| {})]}).to_string()).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.0.join(name), bytes).unwrap();
        name.to_owned()
    }

    /// Judges the one record from 203.0.113.40 with the one policy.
    fn replay(&self, args: &[&str]) -> (i32, Value, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-audit"));
        command.current_dir(&self.0).args(["replay", "trail.json", "--output", "json", "--color", "never"]);
        command.args(["--policies", "policies", "--policy", "from-outside", "--now"]).args(args);
        let output = command.output().unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code().unwrap(), report, String::from_utf8(output.stderr).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

const NOW: &str = "2026-11-20T09:00:00Z";

fn notices(report: &Value) -> Vec<String> {
    serde_json::from_value(report["notices"].clone()).unwrap()
}

#[test]
fn a_run_says_which_table_it_used_and_how_old_it_is() {
    let folder = Folder::new("built-in");
    let (_, report, _) = folder.replay(&[NOW]);
    assert_eq!(report["summary"]["by_policy"]["from-outside"], 1, "{report}");
    let said = notices(&report);
    assert_eq!(said.len(), 1, "{said:?}");
    for part in [
        "the built-in table of 2026-",
        "https://db-ip.com",
        "CC BY 4.0",
        "Route Views",
        "NRO",
        "--aws-ranges",
    ] {
        assert!(said[0].contains(part), "{part}: {}", said[0]);
    }
    let (_, report, _) = folder.replay(&["2027-11-20T09:00:00Z"]);
    let said = notices(&report);
    assert!(said.len() == 2 && said[1].contains("days old") && said[1].contains("--asn-db"), "{said:?}");
    // A policy that does not ask is not told.
    let (_, report, _) =
        folder.replay(&[NOW, "--skip-policy", "from-outside", "--policy", "function-deleted"]);
    assert_eq!(notices(&report), Vec::<String>::new());
}

#[test]
fn a_table_of_ones_own_replaces_the_built_in_one() {
    let folder = Folder::new("own-table");
    let mmdb = root().join("fixtures/networks/maxmind-asn.mmdb");
    let text = folder.file("table.tsv", b"203.0.113.32\t203.0.113.47\t65552\tZZ\tx\n");
    for (file, message) in [(mmdb.to_str().unwrap(), "not known"), (&text, "65552")] {
        let (_, report, errors) = folder.replay(&[NOW, "--asn-db", file]);
        assert_eq!(report["summary"]["by_policy"]["from-outside"], 1, "{errors}");
        let said = report["findings"][0]["message"].as_str().unwrap();
        assert!(message == "not known" || said.ends_with(message), "{said}");
        let said = notices(&report);
        assert!(said[0].contains(file) && !said[0].contains("db-ip"), "{said:?}");
    }
    // By number AWS's, so not outside.
    let aws = folder.file("aws.csv", b"203.0.113.0/24,16509\n");
    let (code, report, _) = folder.replay(&[NOW, "--asn-db", &aws]);
    assert_eq!((code, &report["summary"]["by_policy"]), (0, &json!({})));
    // AWS's own list goes first.
    let list = folder.file(
        "ip-ranges.json",
        br#"{"createDate": "2026-01-02-03-04-05", "prefixes": [{"ip_prefix": "192.0.2.0/24"}], "ipv6_prefixes": []}"#,
    );
    let (_, report, _) = folder.replay(&[NOW, "--asn-db", &aws, "--aws-ranges", &list]);
    assert_eq!(report["summary"]["by_policy"]["from-outside"], 1);
    let said = notices(&report);
    assert!(said[0].contains("AWS's own list of 2026-01-02") && said[1].contains("322 days old"), "{said:?}");
}

#[test]
fn own_networks_are_those_of_the_configuration() {
    let folder = Folder::new("own-networks");
    folder.file("lambda-audit.toml", b"own_networks = [\"203.0.113.0/24\"]\n");
    let (code, report, _) = folder.replay(&[NOW]);
    assert_eq!((code, &report["summary"]["by_policy"]), (0, &json!({})));
}

#[test]
fn a_file_that_cannot_be_used_stops_the_run_and_says_what_to_give() {
    let folder = Folder::new("faults");
    let broken = folder.file("broken.csv", b"203.0.113.0/24,16509\n203.0.113.0/99,1\n");
    let empty = folder.file("empty.csv", b"# nothing\n");
    let binary = folder.file("binary.csv", b"\x00\x01\x02");
    let country = root().join("fixtures/networks/country.mmdb");
    for (file, fault) in [
        (broken.as_str(), "line 2: "),
        (&empty, "no range"),
        (&binary, "neither an MMDB nor text"),
        (country.to_str().unwrap(), "no AS numbers"),
        ("absent.mmdb", "absent.mmdb"),
    ] {
        let (code, _, errors) = folder.replay(&[NOW, "--asn-db", file]);
        assert_eq!(code, 2, "{file}");
        assert!(errors.contains(fault) && errors.contains("first,last,number"), "{file}: {errors}");
    }
    let everything =
        folder.file("wide.json", br#"{"prefixes": [{"ip_prefix": "0.0.0.0/0"}], "ipv6_prefixes": []}"#);
    let (code, _, errors) = folder.replay(&[NOW, "--aws-ranges", &everything]);
    assert_eq!(code, 2);
    assert!(errors.contains("0.0.0.0/0 is wider") && errors.contains("ip-ranges.amazonaws.com"), "{errors}");
}

#[test]
fn networks_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Arc<Networks>>();
    shared::<AwsRanges>();
}

#[test]
fn a_policy_that_only_tells_findings_apart_by_as_has_them_looked_up() {
    let folder = Folder::new("by-as");
    let policy = POLICY.replace("api_call.outside", "api_call.succeeded");
    let policy =
        policy.replace(" from AS {api_call.asn}\"", "\"\ngroup_by: [api_call.principal, api_call.asn]");
    assert!(policy.contains("group_by") && !policy.contains("outside\""));
    folder.file("policies/from-outside.yaml", policy.as_bytes());
    let (_, report, errors) = folder.replay(&[NOW]);
    assert_eq!(notices(&report).len(), 1, "{errors}");
}
