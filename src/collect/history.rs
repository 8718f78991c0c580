//! Which records of CloudTrail's lookup history the loaded policies need, and which policies it cannot serve.
//!
//! LookupEvents takes one attribute and matches it exactly: every spelling of an event's name is a look-up of its own,
//! and all records of a service are one. It has management events of 90 days, never data events.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>

mod data_events;

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Engine;
use crate::facts::from_record::{CLOUDTRAIL, LAMBDA, Wanted, change_names};
use crate::facts::schema::Origin;
use crate::findings::gaps::AcceptedGaps;
use crate::policy::Policy;
use crate::report::NotInScope;
use crate::trail::lambda_event_names;

/// How far back the history goes.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
pub const DAYS: i64 = 90;

const IAM: &str = "iam.amazonaws.com";

/// Whose the sessions of roles are hangs on what the trust policies of these were made to.
const TRUST_CHANGES: [&str; 2] = ["CreateRole", "UpdateAssumeRolePolicy"];

/// Kinds that are judged of a snapshot and are the work of whoever changed what is recorded.
const OF_RECORDERS: [&str; 3] = ["invoke_logging", "logging_change", "trail"];

/// The events to look up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Canonical names by the endpoint of their service.
    events: BTreeMap<String, BTreeSet<String>>,
    /// Policies that only data events would serve.
    data: BTreeSet<String>,
    /// Policies that ask for records of any name.
    broad: BTreeSet<String>,
    /// A policy asks whose sessions are: what a role's trust policy says may answer it.
    sessions: bool,
}

impl History {
    /// What these policies ask of records. `snapshot`: the state is judged too, and findings of it have causes.
    pub fn of(policies: &[&Policy], snapshot: bool) -> Self {
        let gaps = AcceptedGaps::default();
        let mut history = History::default();
        let mut served: Vec<&Policy> = Vec::new();
        for policy in policies {
            let events = policy.trail_events();
            let named: Option<Vec<(&str, &str)>> =
                events.iter().map(|event| Some((event.source.as_deref()?, event.name.as_deref()?))).collect();
            match named {
                None => {
                    history.broad.insert(policy.id.clone());
                }
                Some(named) if named.iter().any(|(source, name)| data_events::has(source, name)) => {
                    history.data.insert(policy.id.clone());
                }
                Some(named) => {
                    served.push(policy);
                    named.into_iter().for_each(|(source, name)| history.add(source, name));
                }
            }
        }
        let engine = Engine::new(served.clone(), &gaps);
        // A finding of a snapshot asks for its cause, and one of a change for what became of it.
        let change =
            |kind| engine.wants(kind, Origin::Change) || (snapshot && engine.wants(kind, Origin::State));
        let wanted = Wanted {
            api_call: false,
            invocation: false,
            grant: change("grant"),
            function_url: change("function_url"),
            layer_use: change("layer_use"),
            event_source: change("event_source"),
            function: change("function"),
            code_signing_change: change("code_signing_change"),
            logging_change: OF_RECORDERS.into_iter().any(change),
        };
        for (source, name) in change_names(wanted) {
            history.add(source, name);
        }
        history.sessions = engine.asks_sessions();
        if history.sessions {
            TRUST_CHANGES.into_iter().for_each(|name| history.add(IAM, name));
        }
        history
    }

    fn add(&mut self, source: &str, name: &str) {
        self.events.entry(source.to_owned()).or_default().insert(name.to_owned());
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Does it take the trust policies of the roles that its records name?
    pub fn asks_roles(&self) -> bool {
        self.sessions
    }

    /// Can the history serve it?
    pub fn serves(&self, policy: &Policy) -> bool {
        !self.data.contains(&policy.id) && !self.broad.contains(&policy.id)
    }

    /// Is this event one of those that are asked for?
    pub fn has(&self, source: &str, canonical: &str) -> bool {
        self.events.get(source).is_some_and(|names| names.contains(canonical))
    }

    /// What is looked up in a region: services, each with every known spelling of the names.
    pub fn in_region(&self, region: &str, partition: &str) -> Vec<(String, BTreeSet<String>)> {
        let here = |source: &str| match reach(source) {
            Reach::Regional | Reach::Both => true,
            Reach::Global => home(partition).is_none_or(|home| home == region),
        };
        let of = |(source, names): (&String, &BTreeSet<String>)| {
            let spellings = names.iter().flat_map(|name| spellings(source, name)).collect();
            (source.clone(), spellings)
        };
        self.events.iter().filter(|(source, _)| here(source)).map(of).collect()
    }

    /// The region of the events of global services, if any of them is asked for.
    pub fn home(&self, partition: &str) -> Option<&'static str> {
        let global = self.events.keys().any(|source| reach(source) != Reach::Regional);
        home(partition).filter(|_| global)
    }

    /// What is looked up in a region where only global services are asked for.
    pub fn at_home(&self, region: &str, partition: &str) -> Vec<(String, BTreeSet<String>)> {
        let mut all = self.in_region(region, partition);
        all.retain(|(source, _)| reach(source) != Reach::Regional);
        all
    }

    /// The policies that the history cannot serve, with what would.
    pub fn not_in_scope(&self) -> Vec<NotInScope> {
        let row = |ids: &BTreeSet<String>, what: &str, why: &str| {
            let policies = match ids.first() {
                Some(one) if ids.len() == 1 => one.clone(),
                _ => format!("{} policies", ids.len()),
            };
            NotInScope {
                what: format!("{what} ({policies}): {why}"),
                command: "lambda-audit replay s3://BUCKET/AWSLogs".to_owned(),
            }
        };
        let mut rows = Vec::new();
        if !self.data.is_empty() {
            let why = "CloudTrail's lookup history holds no data events";
            rows.push(row(&self.data, "Invocations and other data events", why));
        }
        if !self.broad.is_empty() {
            let why = "they ask about records of any name, too many to look up";
            rows.push(row(&self.broad, "What was called", why));
        }
        rows
    }
}

/// Every known spelling of a name, as LookupEvents matches it.
fn spellings(source: &str, name: &str) -> Vec<String> {
    let known = if source == LAMBDA { lambda_event_names(name) } else { &[] };
    if known.is_empty() {
        return vec![name.to_owned()];
    }
    known.iter().map(|name| (*name).to_owned()).collect()
}

/// In which regions a service's events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Regional,
    /// In one region of the partition.
    Global,
    /// It has regional endpoints and a global one.
    Both,
}

/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html>
fn reach(source: &str) -> Reach {
    match source {
        IAM | "cloudfront.amazonaws.com" | "organizations.amazonaws.com" | "route53.amazonaws.com" => {
            Reach::Global
        }
        "sts.amazonaws.com" | "signin.amazonaws.com" => Reach::Both,
        CLOUDTRAIL | LAMBDA => Reach::Regional,
        _ => Reach::Regional,
    }
}

/// The region that has the events of global services; `None`: not known, so they are asked for in all.
/// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
fn home(partition: &str) -> Option<&'static str> {
    match partition {
        "aws" => Some("us-east-1"),
        "aws-us-gov" => Some("us-gov-west-1"),
        "aws-cn" => Some("cn-north-1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{PolicySet, Selection, SourceText};

    fn of(globs: &[&str], snapshot: bool) -> History {
        let (set, _) = PolicySet::load_with_bundled(&[], &Default::default());
        let only = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let (policies, errors) = set.select(&Selection { only, ..Selection::default() });
        assert!(errors.is_empty());
        History::of(&policies, snapshot)
    }

    fn names(history: &History, source: &str, region: &str) -> Vec<String> {
        let all = history.in_region(region, "aws");
        all.into_iter().filter(|(of, _)| of == source).flat_map(|(_, names)| names).collect()
    }

    #[test]
    fn every_spelling_of_what_a_policy_asks_and_of_what_may_undo_it() {
        let grants = of(&["function-invoke-public"], false);
        let all = names(&grants, LAMBDA, "eu-west-1");
        for name in [
            "AddPermission20150331v2",
            "AddPermission20150331",
            "AddPermission",
            "RemovePermission20150331v2",
            "DeleteFunction20150331",
            "DeleteResourcePolicy",
        ] {
            assert!(all.iter().any(|one| one == name), "{name}: {all:?}");
        }
        // Each deployment makes one, and no grant hangs on it.
        assert!(!all.iter().any(|one| one.starts_with("UpdateFunctionCode")));
        assert!(grants.not_in_scope().is_empty());
    }

    #[test]
    fn global_services_are_asked_in_their_region_only() {
        let iam = of(&["lambda-role-iam-write"], false);
        assert!(names(&iam, IAM, "eu-west-1").is_empty());
        assert!(names(&iam, IAM, "us-east-1").contains(&"CreateAccessKey".to_owned()));
        assert_eq!(iam.home("aws"), Some("us-east-1"));
        // Where it is not known which that is, in all.
        assert!(iam.in_region("eusc-de-east-1", "aws-eusc").iter().any(|(source, _)| source == IAM));
        assert_eq!(of(&["function-invoke-public"], true).home("aws"), None);
    }

    #[test]
    fn data_events_and_broad_reads_are_not_in_scope_with_what_would_serve_them() {
        let history = of(&["invoke-*", "lambda-token-*", "function-deleted"], false);
        let rows = history.not_in_scope();
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(rows.iter().all(|row| row.command.contains("s3://")));
        assert!(!history.has(LAMBDA, "Invoke") && history.has(LAMBDA, "DeleteFunction"));
    }

    /// Of a policy that judges the state alone, only the causes of its findings are looked up.
    #[test]
    fn causes_are_looked_up_beside_a_snapshot_only() {
        assert!(of(&["invoke-logging-missing"], false).is_empty());
        assert!(of(&["invoke-logging-missing"], true).has(CLOUDTRAIL, "StopLogging"));
        assert!(of(&["trail-files-missing"], true).is_empty());
    }

    /// A policy of somebody's own, about the data events of another service.
    #[test]
    fn data_events_of_other_services_are_not_looked_up_in_vain() {
        let of = |source: &str, name: &str| {
            let text = format!(
                "id: own-policy\ntitle: t\nseverity: low\nrisk_score: 1\nsince: 0.1.0\nprofile: default\non: api_call\n\
                 when: api_call.event_source == '{source}' && api_call.event_name == '{name}'\nmessage: m\n"
            );
            let (set, errors) =
                PolicySet::load(&[SourceText::new("own-policy.yaml", text)], &Default::default());
            let policy = set.get("own-policy").unwrap_or_else(|| panic!("{errors:?}"));
            let history = History::of(&[policy], false);
            (history.has(source, name), history.serves(policy), history.not_in_scope().len())
        };
        assert_eq!(of("s3.amazonaws.com", "GetObject"), (false, false, 1));
        assert_eq!(of("dynamodb.amazonaws.com", "PutItem"), (false, false, 1));
        assert_eq!(of("s3.amazonaws.com", "PutBucketPolicy"), (true, true, 0));
    }

    #[test]
    fn every_bundled_policy_is_served_or_listed() {
        let (set, _) = PolicySet::load_with_bundled(&[], &Default::default());
        let (policies, _) = set.select(&Selection::default());
        let history = History::of(&policies, true);
        for policy in policies {
            for event in policy.trail_events() {
                let named = event.source.zip(event.name);
                let asked = named.is_some_and(|(source, name)| history.has(&source, &name));
                assert!(asked || !history.serves(policy), "{}", policy.id);
            }
        }
    }
}
