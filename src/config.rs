//! The one configuration file, `lambda-audit.toml`: parsed and checked before any input is read. Pure: the command
//! line reads the file.
//!
//! Every fault is reported with its place. A file that is not of this shape at all gives one diagnostic (the parser
//! stops there); everything else is reported together.

use std::collections::BTreeMap;

use ipnet::IpNet;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use wildmatch::WildMatch;

use crate::arn;
use crate::findings::gaps::AcceptedGap;
use crate::findings::waivers::Waiver;
use crate::policy::load::{OverridePlace, ParamValue};
use crate::policy::{Diagnostic, Overrides, Profile, Severity, SourceText};
use crate::timeline::ChangeStatus;

/// The name looked for in the working directory.
pub const FILE_NAME: &str = "lambda-audit.toml";

/// What may be put in scope although nothing of it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// Lambda data events, from trail files.
    InvokeRecords,
    /// The organization's member list.
    Organization,
    /// Enough history for policies that compare with it.
    History,
    Snapshot,
    Trail,
}

impl Require {
    pub const fn as_str(self) -> &'static str {
        match self {
            Require::InvokeRecords => "invoke-records",
            Require::Organization => "organization",
            Require::History => "history",
            Require::Snapshot => "snapshot",
            Require::Trail => "trail",
        }
    }
}

/// The file as written. `lambda-audit schema config` is made from this.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Accounts that are not strangers: 12-digit ids.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    trusted_accounts: Vec<Spanned<String>>,
    /// Organizations whose members are not strangers.
    #[serde(default)]
    trusted_organizations: Vec<OrganizationEntry>,
    /// Addresses of your own networks, as CIDR blocks.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    own_networks: Vec<Spanned<String>>,
    /// `default`, or `strict` for more policies.
    #[schemars(with = "Option<String>")]
    policy_profile: Option<Spanned<String>>,
    /// The least severity that fails the gate; default `high`.
    #[schemars(with = "Option<Severity>")]
    fail_on: Option<Spanned<String>>,
    /// Only changes with one of these statuses fail the gate.
    #[schemars(with = "Option<Vec<ChangeStatus>>")]
    fail_on_status: Option<Vec<Spanned<String>>>,
    /// Surfaces that are in scope although nothing of them was given.
    #[serde(default)]
    #[schemars(with = "Vec<Require>")]
    require: Vec<Spanned<String>>,
    /// Values for policies' parameters: `[params.POLICY]`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, BTreeMap<String, serde_json::Value>>")]
    params: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
    /// Severities of policies: `POLICY = "low"`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Severity>")]
    severity: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Holes in coverage that someone has accepted.
    #[serde(default)]
    accepted_gaps: Vec<GapEntry>,
    /// Findings that someone has accepted.
    #[serde(default)]
    waivers: Vec<WaiverEntry>,
}

/// A trusted organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrganizationEntry {
    /// `o-…`
    #[schemars(with = "String")]
    id: Spanned<String>,
    /// Its member accounts. Without them, whether an account is trusted cannot be told where it depends on them.
    #[schemars(with = "Option<Vec<String>>")]
    accounts: Option<Vec<Spanned<String>>>,
}

/// A hole in coverage that someone has accepted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GapEntry {
    /// Glob over what is not read: an API (`cloudtrail:GetEventSelectors`) or an input file.
    surface: Option<String>,
    /// Glob over policies that cannot judge.
    policy: Option<String>,
    /// Glob over subjects that cannot be judged.
    subject: Option<String>,
    /// Glob over account ids.
    account: Option<String>,
    /// Glob over regions.
    region: Option<String>,
    #[schemars(with = "String")]
    reason: Spanned<String>,
    #[schemars(with = "String")]
    owner: Spanned<String>,
    /// The last day it holds: `2027-01-31`.
    #[schemars(with = "String")]
    expires: Spanned<toml::Value>,
}

/// A finding that someone has accepted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WaiverEntry {
    /// Glob over policy ids.
    #[schemars(with = "String")]
    policy: Spanned<String>,
    /// Glob over the subject's full ARN.
    #[schemars(with = "String")]
    subject: Spanned<String>,
    #[schemars(with = "String")]
    reason: Spanned<String>,
    #[schemars(with = "String")]
    owner: Spanned<String>,
    /// The last day it holds: `2027-01-31`.
    #[schemars(with = "String")]
    expires: Spanned<toml::Value>,
}

/// The checked configuration.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub trusted_accounts: Vec<String>,
    /// Id and members, where given.
    pub trusted_organizations: Vec<(String, Option<Vec<String>>)>,
    pub own_networks: Vec<IpNet>,
    pub policy_profile: Option<Profile>,
    pub fail_on: Option<Severity>,
    pub fail_on_status: Option<Vec<ChangeStatus>>,
    pub require: Vec<Require>,
    pub overrides: Overrides,
    pub accepted_gaps: Vec<AcceptedGap>,
    pub waivers: Vec<Waiver>,
}

/// Parses and checks the file.
///
/// # Errors
/// Every fault that could be told, each with its place.
pub fn parse(name: &str, text: &str) -> Result<Config, Vec<Diagnostic>> {
    let source = SourceText::new(name, text);
    let file: File = toml::from_str(text).map_err(|error| {
        let message = error.message().trim_end().to_owned();
        let span = error.span().unwrap_or(0..0);
        vec![Diagnostic::new(&source, span, message, None)]
    })?;
    let mut checker = Checker { source, faults: Vec::new() };
    let config = checker.check(file);
    if checker.faults.is_empty() {
        return Ok(config);
    }
    checker.faults.sort_by_key(|fault| (fault.line, fault.column));
    Err(checker.faults)
}

struct Checker {
    source: SourceText,
    faults: Vec<Diagnostic>,
}

impl Checker {
    fn fault(&mut self, at: std::ops::Range<usize>, message: impl Into<String>, help: Option<&str>) {
        self.faults.push(Diagnostic::new(&self.source, at, message, help.map(str::to_owned)));
    }

    fn check(&mut self, file: File) -> Config {
        let trusted_accounts = self.accounts(file.trusted_accounts);
        let trusted_organizations = file
            .trusted_organizations
            .into_iter()
            .map(|entry| {
                if !is_organization(entry.id.get_ref()) {
                    let message = format!("`{}` is not an organization id", entry.id.get_ref());
                    self.fault(entry.id.span(), message, Some("it looks like `o-exampleorgid`"));
                }
                let accounts = entry.accounts.map(|accounts| self.accounts(accounts));
                (entry.id.into_inner(), accounts)
            })
            .collect();
        let own_networks = file
            .own_networks
            .into_iter()
            .filter_map(|text| match text.get_ref().parse::<IpNet>() {
                Ok(network) => Some(network),
                Err(_) => {
                    let message = format!("`{}` is not a CIDR block", text.get_ref());
                    self.fault(text.span(), message, Some("write it as `203.0.113.0/24` or `2001:db8::/32`"));
                    None
                }
            })
            .collect();
        Config {
            trusted_accounts,
            trusted_organizations,
            own_networks,
            policy_profile: file.policy_profile.and_then(|text| {
                let known = [("default", Profile::Default), ("strict", Profile::Strict)];
                self.word(text, "policy profile", &known)
            }),
            fail_on: file.fail_on.and_then(|text| self.severity(text)),
            fail_on_status: file.fail_on_status.map(|list| {
                let known = [
                    ("live", ChangeStatus::Live),
                    ("mitigated", ChangeStatus::Mitigated),
                    ("reverted", ChangeStatus::Reverted),
                    ("unconfirmed", ChangeStatus::Unconfirmed),
                ];
                list.into_iter().filter_map(|text| self.word(text, "status", &known)).collect()
            }),
            require: {
                let all = [
                    Require::InvokeRecords,
                    Require::Organization,
                    Require::History,
                    Require::Snapshot,
                    Require::Trail,
                ];
                let known = all.map(|one| (one.as_str(), one));
                file.require.into_iter().filter_map(|text| self.word(text, "surface", &known)).collect()
            },
            overrides: self.overrides(file.params, file.severity),
            accepted_gaps: file.accepted_gaps.into_iter().filter_map(|entry| self.gap(entry)).collect(),
            waivers: file.waivers.into_iter().filter_map(|entry| self.waiver(entry)).collect(),
        }
    }

    fn accounts(&mut self, accounts: Vec<Spanned<String>>) -> Vec<String> {
        for account in &accounts {
            if !arn::is_account(account.get_ref()) {
                let message = format!("`{}` is not an account id", account.get_ref());
                self.fault(
                    account.span(),
                    message,
                    Some("an account id has 12 digits, leading zeros included"),
                );
            }
        }
        accounts.into_iter().map(Spanned::into_inner).collect()
    }

    /// One of a closed set of words.
    fn word<T: Copy>(&mut self, text: Spanned<String>, what: &str, known: &[(&str, T)]) -> Option<T> {
        let found = known.iter().find(|(word, _)| word == text.get_ref()).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<String> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
            let message = format!("unknown {what} `{}`", text.get_ref());
            self.fault(text.span(), message, Some(&format!("use {}", words.join(", "))));
        }
        found
    }

    fn severity(&mut self, text: Spanned<String>) -> Option<Severity> {
        let known = Severity::ALL.map(|severity| (severity.as_str(), severity));
        self.word(text, "severity", &known)
    }

    fn overrides(
        &mut self,
        params: BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<toml::Value>>>,
        severities: BTreeMap<Spanned<String>, Spanned<String>>,
    ) -> Overrides {
        let mut overrides = Overrides { file: Some(self.source.clone()), ..Overrides::default() };
        for (policy, values) in params {
            let id = policy.get_ref().clone();
            overrides.places.insert(OverridePlace::Params(id.clone()), policy.span());
            let table = overrides.params.entry(id.clone()).or_default();
            for (name, value) in values {
                let span = value.span();
                let place = OverridePlace::Param(id.clone(), name.get_ref().clone());
                overrides.places.insert(place, name.span());
                match plain(value.into_inner()) {
                    Some(value) => {
                        table.insert(name.into_inner(), value);
                    }
                    None => self.fault(
                        span,
                        format!("parameter `{}` is no bool, int, text or list of texts", name.get_ref()),
                        None,
                    ),
                }
            }
        }
        for (policy, severity) in severities {
            let span = policy.span();
            if let Some(severity) = self.severity(severity) {
                overrides.places.insert(OverridePlace::Severity(policy.get_ref().clone()), span);
                overrides.severity.insert(policy.into_inner(), severity);
            }
        }
        overrides
    }

    fn filled(&mut self, text: &Spanned<String>, what: &str) {
        if text.get_ref().trim().is_empty() {
            self.fault(
                text.span(),
                format!("the {what} is empty"),
                Some("say it, so that the next reader knows"),
            );
        }
    }

    fn date(&mut self, value: &Spanned<toml::Value>) -> Option<Date> {
        let text = match value.get_ref() {
            toml::Value::String(text) => text.clone(),
            toml::Value::Datetime(date) => date.to_string(),
            _ => String::new(),
        };
        let date = text.parse::<Date>().ok().filter(|_| text.len() == 10);
        if date.is_none() {
            self.fault(value.span(), "not a date", Some("write it as 2027-01-31"));
        }
        date
    }

    fn gap(&mut self, entry: GapEntry) -> Option<AcceptedGap> {
        self.filled(&entry.reason, "reason");
        self.filled(&entry.owner, "owner");
        if entry.surface.is_none() && entry.policy.is_none() {
            self.fault(
                entry.reason.span(),
                "an accepted gap needs a `surface` or a `policy`",
                Some("name the API or file that is not read, or the policy that cannot judge"),
            );
        }
        let expires = self.date(&entry.expires)?;
        let glob = |text: Option<String>| text.map(|text| WildMatch::new(&text));
        Some(AcceptedGap {
            surface: glob(entry.surface),
            policy: glob(entry.policy),
            subject: glob(entry.subject),
            account: glob(entry.account),
            region: glob(entry.region),
            reason: entry.reason.into_inner(),
            owner: entry.owner.into_inner(),
            expires,
        })
    }

    fn waiver(&mut self, entry: WaiverEntry) -> Option<Waiver> {
        self.filled(&entry.reason, "reason");
        self.filled(&entry.owner, "owner");
        self.filled(&entry.policy, "policy");
        self.filled(&entry.subject, "subject");
        let expires = self.date(&entry.expires)?;
        Some(Waiver {
            policy: WildMatch::new(entry.policy.get_ref()),
            subject: WildMatch::new(entry.subject.get_ref()),
            text: format!("{} on {}", entry.policy.get_ref(), entry.subject.get_ref()),
            reason: entry.reason.into_inner(),
            owner: entry.owner.into_inner(),
            expires,
        })
    }
}

pub(crate) fn is_organization(id: &str) -> bool {
    id.strip_prefix("o-").is_some_and(|rest| {
        (10..=32).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// A parameter's value; `None` for what no parameter can be.
fn plain(value: toml::Value) -> Option<ParamValue> {
    Some(match value {
        toml::Value::String(text) => ParamValue::Text(text),
        toml::Value::Integer(number) => ParamValue::Int(number),
        toml::Value::Boolean(flag) => ParamValue::Bool(flag),
        toml::Value::Array(items) => {
            let text =
                |item: toml::Value| if let toml::Value::String(text) = item { Some(text) } else { None };
            ParamValue::List(items.into_iter().map(text).collect::<Option<_>>()?)
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => return None,
    })
}

/// The JSON Schema of the file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}
