//! The report as OCSF events, one JSON object a line, for Security Lake and other stores: what is configured as
//! Compliance Findings, what was changed or happened as Detection Findings, and each reason why something could not be
//! judged as a Compliance Finding whose status is unknown. <https://schema.ocsf.io/1.8.0/>

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{Finding, PolicyInfo, Report, Triage};
use crate::facts::schema::Origin;
use crate::policy::Severity;

/// The version of the schema that is written.
pub const SCHEMA: &str = "1.8.0";

const FINDINGS: u64 = 2;
const COMPLIANCE: u64 = 2003;
const DETECTION: u64 = 2004;

/// Milliseconds since 1970.
fn millis(time: &str) -> Option<i64> {
    time.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

const fn severity_id(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

/// Writes an event per finding and per reason of unknown judgements.
///
/// # Errors
/// The writer's.
pub fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for finding in &report.findings {
        line(&of_finding(report, finding), out)?;
    }
    for policy in &report.coverage.policies {
        for why in &policy.why {
            line(&of_unknown(report, &policy.policy, why), out)?;
        }
    }
    Ok(())
}

fn line(event: &Json, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, event)?;
    out.write_all(b"\n")
}

/// What every event has.
fn base(report: &Report, class: u64, severity: Severity) -> serde_json::Map<String, Json> {
    let version = report.tool.rsplit(' ').next().unwrap_or_default();
    let event = json!({
        "category_uid": FINDINGS,
        "category_name": "Findings",
        "class_uid": class,
        "class_name": if class == COMPLIANCE { "Compliance Finding" } else { "Detection Finding" },
        "activity_id": 1,
        "activity_name": "Create",
        "type_uid": class * 100 + 1,
        "type_name": if class == COMPLIANCE { "Compliance Finding: Create" } else { "Detection Finding: Create" },
        "time": millis(&report.generated_at).unwrap_or(0),
        "severity_id": severity_id(severity),
        "severity": severity_name(severity),
        "metadata": {
            "version": SCHEMA,
            "profiles": ["cloud"],
            "product": {"name": "lambda-audit", "vendor_name": "lambda-audit", "version": version},
        },
    });
    match event {
        Json::Object(event) => event,
        _ => serde_json::Map::new(),
    }
}

fn cloud(account: Option<&str>, region: Option<&str>) -> Json {
    let mut cloud = json!({"provider": "AWS"});
    if let Some(cloud) = cloud.as_object_mut() {
        if let Some(account) = account {
            cloud.insert("account".to_owned(), json!({"uid": account, "type": "AWS Account", "type_id": 10}));
        }
        if let Some(region) = region {
            cloud.insert("region".to_owned(), region.into());
        }
    }
    cloud
}

fn of_finding(report: &Report, finding: &Finding) -> Json {
    let state = finding.origins.contains(&Origin::State);
    let policy = report.policy(&finding.policy);
    let mut event = base(report, if state { COMPLIANCE } else { DETECTION }, finding.severity);
    let subject = &finding.subject;
    let suppressed = finding.triage == Triage::Waived;
    let mut set = |name: &str, value: Json| {
        event.insert(name.to_owned(), value);
    };
    set("message", finding.message.as_str().into());
    set("cloud", cloud(subject.account.as_deref(), subject.region.as_deref()));
    set("status_id", if suppressed { 3 } else { 1 }.into());
    set("status", if suppressed { "Suppressed" } else { "New" }.into());
    if let Some(waiver) = &finding.waiver {
        set("comment", format!("{} ({}, until {})", waiver.reason, waiver.owner, waiver.expires).into());
    }
    let mut resource = json!({"uid": subject.label(), "name": subject.name, "type": subject.kind});
    if let (Some(region), Some(resource)) = (&subject.region, resource.as_object_mut()) {
        resource.insert("region".to_owned(), region.as_str().into());
    }
    set("resources", json!([resource]));
    set("finding_info", info(report, finding, policy));
    let remediation = policy.and_then(|policy| policy.remediate.as_deref());
    if let Some(text) = remediation {
        set("remediation", json!({"desc": text, "references": policy.map(|one| &one.references)}));
    }
    if state {
        set(
            "compliance",
            json!({
                "control": finding.policy,
                "standards": ["lambda-audit"],
                "status": "Fail",
                "status_id": 3,
            }),
        );
    } else {
        set("is_alert", (finding.triage == Triage::New).into());
        set("risk_score", finding.risk_score.into());
    }
    let evidence: Vec<Json> = finding.evidence.iter().map(|one| json!({"data": one})).collect();
    if !state && !evidence.is_empty() {
        set("evidences", evidence.into());
    }
    // What the schema has no place for.
    set(
        "unmapped",
        json!({
            "triage": finding.triage,
            "origins": finding.origins,
            "status": finding.status,
            "status_event_id": finding.status_event_id,
            "event_ids": finding.event_ids,
            "evidence": if state { serde_json::to_value(&finding.evidence).unwrap_or_default() } else { Json::Null },
            "cause": finding.cause,
        }),
    );
    Json::Object(event)
}

fn info(report: &Report, finding: &Finding, policy: Option<&PolicyInfo>) -> Json {
    let mut info = json!({
        "uid": finding.fingerprint,
        "title": finding.title,
        "desc": finding.message,
        "types": [finding.policy],
        "created_time": millis(&report.generated_at).unwrap_or(0),
        "related_events_count": finding.count,
        "data_sources": finding.origins.iter().map(|origin| origin.as_str()).collect::<Vec<_>>(),
        "analytic": {"name": finding.policy, "uid": finding.policy, "type": "Rule", "type_id": 1},
    });
    let Some(object) = info.as_object_mut() else { return info };
    for (name, time) in [("first_seen_time", &finding.first), ("last_seen_time", &finding.last)] {
        if let Some(time) = time.as_deref().and_then(millis) {
            object.insert(name.to_owned(), time.into());
        }
    }
    let attacks: Vec<Json> = policy
        .into_iter()
        .flat_map(|policy| &policy.attack)
        .map(|attack| {
            let mut one = json!({"tactic": {"uid": attack.tactic}, "version": "17.1"});
            if let (Some(technique), Some(one)) = (&attack.technique, one.as_object_mut()) {
                let (base, sub) = technique
                    .split_once('.')
                    .map_or((technique.as_str(), None), |(base, _)| (base, Some(technique)));
                one.insert("technique".to_owned(), json!({"uid": base}));
                if let Some(sub) = sub {
                    one.insert("sub_technique".to_owned(), json!({"uid": sub}));
                }
            }
            one
        })
        .collect();
    if !attacks.is_empty() {
        object.insert("attacks".to_owned(), attacks.into());
    }
    info
}

fn of_unknown(report: &Report, policy: &str, why: &super::UnknownWhy) -> Json {
    let info = report.policy(policy);
    let mut event = base(report, COMPLIANCE, Severity::Info);
    let message =
        format!("{policy} could not be judged {} times: {} is unread ({})", why.count, why.missing, why.why);
    let mut set = |name: &str, value: Json| {
        event.insert(name.to_owned(), value);
    };
    set("message", message.as_str().into());
    set("cloud", cloud(None, None));
    set("status_id", if why.accepted { 3 } else { 1 }.into());
    set("status", if why.accepted { "Suppressed" } else { "New" }.into());
    set(
        "compliance",
        json!({
            "control": policy,
            "standards": ["lambda-audit"],
            "status": "Unknown",
            "status_id": 0,
            "status_detail": message,
        }),
    );
    set("resources", json!([{"uid": why.example, "type": "example"}]));
    set(
        "finding_info",
        json!({
            "uid": crate::findings::fingerprint(policy, "unknown", &format!("{}\u{1e}{}", why.missing, why.why)).to_string(),
            "title": info.map_or(policy, |info| info.title.as_str()),
            "desc": message,
            "types": [policy],
            "analytic": {"name": policy, "uid": policy, "type": "Rule", "type_id": 1},
        }),
    );
    Json::Object(event)
}
