//! The recorded files: what real records look like, read in full.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod trail_support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lambda_audit::trail::{
    AccountBasis, Field, FileKind, FileOutcome, IdentityKind, LambdaSession, Options, Principal,
    RecordVisitor, Status, TrailFileName, TrailRecord, read_inputs,
};

struct Each<F>(F);

impl<F: Fn(&TrailRecord<'_>) + Sync> RecordVisitor for Each<F> {
    type PerFile = ();
    type Kept = ();
    fn begin(&self, _: &str, _: Option<&TrailFileName>) {}
    fn record(&self, (): &mut (), record: &TrailRecord<'_>) {
        (self.0)(record);
    }
    fn end(&self, (): (), _: &FileOutcome) {}
}

fn each(check: impl Fn(&TrailRecord<'_>) + Sync) -> Vec<FileOutcome> {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recorded/AWSLogs");
    read_inputs(&[folder], &Options::default(), &Each(check))
        .into_iter()
        .map(|(outcome, ())| outcome)
        .collect()
}

#[test]
fn every_recorded_file_is_read_without_a_fault() {
    let outcomes = each(|_| {});
    assert_eq!(outcomes.iter().map(|outcome| outcome.records).sum::<u64>(), 230);
    for outcome in &outcomes {
        assert_eq!((outcome.kind, outcome.status), (FileKind::Trail, Status::Ok), "{outcome:?}");
        let named = outcome.named.as_ref().unwrap();
        assert_eq!((named.account.as_str(), named.region.as_str()), ("111122223333", "us-east-1"));
        // Records are delivered within about 15 minutes.
        let (first, last) = outcome.times.unwrap();
        assert!(named.time - 1_800 < first && last <= named.time + 300, "{outcome:?}");
    }
}

/// The slow reader that knows nothing of ours: `serde_json::Value`.
#[test]
fn every_field_agrees_with_a_plain_reader() {
    each(|record| {
        let value: serde_json::Value = serde_json::from_str(record.text()).unwrap();
        let text = |field: Field<std::borrow::Cow<'_, str>>| field.text().map(str::to_owned);
        for (ours, key) in [
            (text(record.event_id()), "eventID"),
            (text(record.event_type()), "eventType"),
            (text(record.event_category()), "eventCategory"),
            (text(record.aws_region()), "awsRegion"),
            (text(record.recipient_account_id()), "recipientAccountId"),
            (text(record.source_ip_address()), "sourceIPAddress"),
            (text(record.user_agent()), "userAgent"),
            (text(record.error_code()), "errorCode"),
            (text(record.error_message()), "errorMessage"),
            (text(record.request_id()), "requestID"),
            (text(record.shared_event_id()), "sharedEventID"),
            (text(record.vpc_endpoint_id()), "vpcEndpointId"),
            (Some(record.event_name().into_owned()), "eventName"),
            (Some(record.event_source().into_owned()), "eventSource"),
        ] {
            assert_eq!(ours.as_deref(), value.get(key).and_then(|value| value.as_str()), "{key}");
        }
        for (ours, key) in [(record.read_only(), "readOnly"), (record.management_event(), "managementEvent")]
        {
            assert_eq!(ours.known().copied(), value[key].as_bool(), "{key}");
        }
        for (ours, key) in [
            (record.user_identity(), "userIdentity"),
            (record.request_parameters(), "requestParameters"),
            (record.response_elements(), "responseElements"),
            (record.resources(), "resources"),
            (record.additional_event_data(), "additionalEventData"),
            (record.service_event_details(), "serviceEventDetails"),
        ] {
            let parsed: Option<serde_json::Value> =
                ours.known().map(|raw| serde_json::from_str(raw.text()).unwrap());
            assert_eq!(parsed.as_ref(), value.get(key).filter(|value| !value.is_null()), "{key}");
        }
    });
}

#[test]
fn callers_are_recognised() {
    let kinds = std::sync::Mutex::new(BTreeMap::<IdentityKind, u32>::new());
    each(|record| {
        let caller = record.identity();
        *kinds.lock().unwrap().entry(caller.kind()).or_default() += 1;
        assert!(!caller.anonymous());
        match caller.kind() {
            IdentityKind::IamUser => {
                let Field::Known(principal) = &caller.principal() else { panic!("{}", record.text()) };
                assert!(
                    matches!(principal, Principal::Arn(arn) if arn.contains(":user/"))
                        || caller.arn() == Field::Absent
                );
                assert_eq!(caller.lambda_session(), LambdaSession::No);
            }
            IdentityKind::AssumedRole => {
                assert!(
                    matches!(&caller.principal(), Field::Known(Principal::Arn(arn)) if arn.contains(":role/"))
                );
                assert!(caller.session_name().known().is_some());
            }
            IdentityKind::AwsService | IdentityKind::None => {
                assert!(
                    matches!(&caller.principal(), Field::Known(Principal::Service(_))),
                    "{}",
                    record.text()
                );
                assert_eq!(caller.direct(), Some(false));
            }
            other => panic!("{other:?}"),
        }
    });
    let kinds = kinds.into_inner().unwrap();
    assert_eq!(
        kinds.keys().copied().collect::<Vec<_>>(),
        [IdentityKind::IamUser, IdentityKind::AssumedRole, IdentityKind::AwsService, IdentityKind::None]
    );
}

#[test]
fn lambda_records_name_their_function() {
    let names = std::sync::Mutex::new(BTreeMap::<String, u32>::new());
    each(|record| {
        if record.event_source() != "lambda.amazonaws.com" {
            return;
        }
        *names.lock().unwrap().entry(record.canonical_name().into_owned()).or_default() += 1;
        let function = record.function();
        let arn = function.arn.text().unwrap();
        assert!(arn.starts_with("arn:aws:lambda:us-east-1:111122223333:function:stratus-red-team-"), "{arn}");
        assert!(arn.ends_with(function.name.text().unwrap()));
        assert_eq!(function.qualifier, Field::Absent);
        let by_arn = record.event_name().starts_with("UpdateFunctionCode");
        let basis = if by_arn { AccountBasis::Designator } else { AccountBasis::Caller };
        assert_eq!(function.account_basis, Some(basis), "{}", record.text());
        if record.canonical_name() == "AddPermission" {
            assert_eq!(record.request_parameter(&["principal"]).known().unwrap().as_str().unwrap(), "*");
            let statement =
                record.response_elements().known().unwrap().get("statement").unwrap().as_str().unwrap();
            assert!(lambda_audit::trail::Raw::parse(&statement).unwrap().get("Effect").is_some());
        }
    });
    let wanted = [
        ("AddPermission", 1),
        ("CreateFunction", 6),
        ("DeleteFunction", 2),
        ("GetFunction", 7),
        ("GetFunctionCodeSigningConfig", 4),
        ("ListVersionsByFunction", 4),
        ("RemovePermission", 1),
        ("UpdateFunctionCode", 2),
    ];
    assert_eq!(names.into_inner().unwrap(), wanted.map(|(name, count)| (name.to_owned(), count)).into());
}

#[test]
fn nothing_of_the_source_that_could_be_secret_is_there() {
    each(|record| {
        for word in ["\"sessionToken\":\"", "\"secretAccessKey\":\"", "\"password\":\"", "\"userData\":\""] {
            for found in record.text().split(word).skip(1) {
                let hidden = ["EXAMPLE", "HIDDEN_DUE_TO_SECURITY_REASONS", "<sensitiveDataRemoved>"];
                assert!(hidden.iter().any(|text| found.starts_with(text)), "{word}{}", &found[..20]);
            }
        }
    });
}
