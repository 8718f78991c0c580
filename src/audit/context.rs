//! What a report says beside findings and coverage: the policies that were judged, and whom the snapshot's resources
//! admit from outside.

use std::borrow::Cow;
use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::facts::{Body, Fact, FunctionUrl, Grant, Place, Source};
use crate::policy::Policy;
use crate::report::{Access, PolicyInfo};
use crate::value::{Reading, TextList, Why};

/// A policy, as its findings' readers need it.
pub(super) fn policy(policy: &Policy) -> PolicyInfo {
    PolicyInfo {
        id: policy.id.clone(),
        title: policy.title.clone(),
        severity: policy.severity,
        risk_score: policy.risk_score,
        profile: policy.profile,
        on: policy.kind.name.to_owned(),
        origins: policy.origins.clone(),
        attack: policy.attack.clone(),
        controls: policy.controls.clone(),
        why: policy.texts.why.clone(),
        investigate: policy.texts.investigate.clone(),
        remediate: policy.texts.remediate.clone(),
        false_positives: policy.texts.false_positives.clone(),
        references: policy.texts.references.clone(),
        version: version(policy),
    }
}

/// A hash of everything that the policy's verdicts rest on.
fn version(policy: &Policy) -> String {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    add(&policy.source.text);
    for param in &policy.params {
        add(&param.name);
        add(&format!("{:?}", param.value));
    }
    let hash: [u8; 32] = hasher.finalize().into();
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Gathers whom the resources of a snapshot admit.
#[derive(Debug, Default)]
pub(super) struct Outside(BTreeSet<Access>);

impl Outside {
    pub(super) fn add(&mut self, fact: &Fact<'_>) {
        let row = match &fact.body {
            Body::Grant(grant) => of_grant(fact, grant),
            Body::FunctionUrl(url) => of_url(fact, url),
            _ => None,
        };
        self.0.extend(row);
    }

    /// In order of subject.
    pub(super) fn rows(self) -> Vec<Access> {
        self.0.into_iter().collect()
    }
}

fn blank(fact: &Fact<'_>, via: &str) -> Option<Access> {
    let Place::Part { file, line, api, pointer } = &fact.place else { return None };
    let subject = &fact.subject;
    let own = |text: &Option<Cow<'_, str>>| text.as_ref().map(ToString::to_string);
    Some(Access {
        subject: subject.label().to_owned(),
        name: subject.name.to_string(),
        account: own(&subject.account),
        region: own(&subject.region),
        via: via.to_owned(),
        exposure: "unknown".to_owned(),
        who: Vec::new(),
        actions: Vec::new(),
        trusted: None,
        reason: None,
        unread: None,
        source: Source::Snapshot {
            file: (*file).to_owned(),
            line: *line,
            pointer: pointer.clone(),
            api: (*api).to_owned(),
        },
    })
}

fn items(list: &Reading<TextList<'_>>) -> Vec<String> {
    list.known().into_iter().flat_map(|list| &list.items).map(ToString::to_string).collect()
}

fn text(reading: &Reading<Cow<'_, str>>) -> Option<String> {
    reading.known().map(ToString::to_string)
}

/// The row of a statement. What cannot be read is a row too; what admits nobody from outside, or only opens a URL
/// that has its own row, is none.
fn of_grant(fact: &Fact<'_>, grant: &Grant<'_>) -> Option<Access> {
    let mut row = blank(fact, "resource_policy")?;
    match &grant.effect {
        Reading::Known(effect) if effect == "allow" => {}
        Reading::Known(_) => return None,
        Reading::Absent => row.unread = Some(Why::Malformed),
        Reading::Unread(why) => row.unread = Some(*why),
    }
    match &grant.exposure {
        Reading::Known(exposure) if matches!(exposure.as_ref(), "same_account" | "none") => return None,
        Reading::Known(exposure) => row.exposure = exposure.to_string(),
        Reading::Absent => row.unread = Some(Why::Malformed),
        Reading::Unread(why) => row.unread = Some(*why),
    }
    if row.unread.is_none() && grant.url_only == Reading::Known(true) {
        return None;
    }
    if row.unread.is_some() {
        row.exposure = "unknown".to_owned();
    }
    for list in [&grant.accounts, &grant.organizations, &grant.services, &grant.source_accounts] {
        row.who.extend(items(list));
    }
    row.actions = items(&grant.actions);
    row.trusted = grant.trusted.known().copied();
    row.reason = text(&grant.reason);
    Some(row)
}

fn of_url(fact: &Fact<'_>, url: &FunctionUrl<'_>) -> Option<Access> {
    let mut row = blank(fact, "function_url")?;
    row.reason = text(&url.url).map(|url| format!("its address is {url}"));
    match &url.auth_type {
        Reading::Known(auth) if auth == "NONE" => {}
        // Who may sign is said by the resource policy.
        Reading::Known(_) => return None,
        Reading::Absent => row.unread = Some(Why::Malformed),
        Reading::Unread(why) => row.unread = Some(*why),
    }
    match &url.admits_public {
        Reading::Known(admits) if admits == "neither" && row.unread.is_none() => return None,
        Reading::Known(_) if row.unread.is_none() => {
            row.exposure = "public".to_owned();
            row.trusted = Some(false);
            row.actions = vec!["lambda:InvokeFunctionUrl".to_owned()];
        }
        Reading::Known(_) => {}
        Reading::Absent => row.unread = Some(Why::Malformed),
        Reading::Unread(why) => row.unread = Some(*why),
    }
    Some(row)
}
