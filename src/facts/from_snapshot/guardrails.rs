//! Guardrails: what protects an account and region, joined from the answers of several services.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::alerts::any;
use super::controls::Above;
use super::index::data;
use super::state::{Emit, StateFacts, known};
use crate::exposure::guard::limits_exposure;
use crate::facts::from_record::guardrails::LAMBDA_FEATURE;
use crate::facts::{Body, Guardrail, Subject};
use crate::snapshot::api::*;
use crate::snapshot::{Outcome, Part, Scope};
use crate::value::{Reading, TextList, Why};

/// Types of analyzers. One of an organization looks at all of its accounts.
/// <https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CreateAnalyzer.html>
const EXTERNAL: [&str; 2] = ["ACCOUNT", "ORGANIZATION"];
const UNUSED: [&str; 2] = ["ACCOUNT_UNUSED_ACCESS", "ORGANIZATION_UNUSED_ACCESS"];

/// What the services answered.
#[derive(Debug, Default)]
pub(super) struct Guardrails {
    detectors: BTreeMap<Scope, BTreeSet<String>>,
    detector: BTreeMap<(Scope, String), Detector>,
    standards: BTreeMap<Scope, Vec<StandardSubscription>>,
    /// Subscription → its controls that are on.
    controls: HashMap<String, BTreeSet<String>>,
    analyzers: BTreeMap<Scope, Vec<Analyzer>>,
    pub(super) filters: BTreeMap<Scope, Vec<MetricFilter>>,
    pub(super) alarms: BTreeMap<Scope, Vec<MetricAlarm>>,
    pub(super) rules: BTreeMap<Scope, Vec<EventRule>>,
    /// Rule → how many targets it has.
    pub(super) targets: BTreeMap<(Scope, String), usize>,
    /// By where a trail shows: its ARN, and that of the log group it writes to.
    pub(super) trails: BTreeMap<Scope, BTreeSet<(String, Option<String>)>>,
}

impl Guardrails {
    /// Takes in an answer. `Ok(true)`: it is whole, or the last page.
    pub(super) fn add(&mut self, api: &str, part: &Part, scope: Scope) -> Result<bool, Outcome> {
        let resource = part.resource.clone().unwrap_or_default();
        match api {
            LIST_DETECTORS => {
                let page: DetectorPage = data(part)?;
                self.detectors.entry(scope).or_default().extend(page.detector_ids);
                Ok(page.next_token.is_none())
            }
            GET_DETECTOR => {
                self.detector.insert((scope, resource), data(part)?);
                Ok(true)
            }
            GET_ENABLED_STANDARDS => {
                let page: StandardPage = data(part)?;
                self.standards.entry(scope).or_default().extend(page.standards_subscriptions);
                Ok(page.next_token.is_none())
            }
            DESCRIBE_STANDARDS_CONTROLS => {
                let page: ControlPage = data(part)?;
                let on = page.controls.into_iter().filter(|control| control.control_status == "ENABLED");
                self.controls.entry(resource).or_default().extend(on.map(|control| control.control_id));
                Ok(page.next_token.is_none())
            }
            LIST_ANALYZERS => {
                let page: AnalyzerPage = data(part)?;
                self.analyzers.entry(scope).or_default().extend(page.analyzers);
                Ok(page.next_token.is_none())
            }
            DESCRIBE_METRIC_FILTERS => {
                let page: MetricFilterPage = data(part)?;
                self.filters.entry(scope).or_default().extend(page.metric_filters);
                Ok(page.next_token.is_none())
            }
            DESCRIBE_ALARMS => {
                let page: AlarmPage = data(part)?;
                self.alarms.entry(scope).or_default().extend(page.metric_alarms);
                Ok(page.next_token.is_none())
            }
            LIST_RULES => {
                let page: RulePage = data(part)?;
                self.rules.entry(scope).or_default().extend(page.rules);
                Ok(page.next_token.is_none())
            }
            _ => {
                let page: TargetPage = data(part)?;
                *self.targets.entry((scope, resource)).or_default() += page.targets.len();
                Ok(page.next_token.is_none())
            }
        }
    }

    pub(super) fn add_trails(&mut self, scope: &Scope, trails: &Trails) {
        let here = trails.trail_list.iter();
        let here = here.map(|one| (one.trail_arn.clone(), one.cloud_watch_logs_log_group_arn.clone()));
        self.trails.entry(scope.clone()).or_default().extend(here);
    }
}

/// What is said of one guardrail.
pub(super) struct Answer<'a> {
    enabled: Reading<bool>,
    missing: TextList<'a>,
    reason: String,
    api: &'static str,
}

impl Answer<'_> {
    /// On if something makes it so; else unknown if something was not read; else off.
    pub(super) fn of(on: bool, unread: Option<Why>, api: &'static str, reason: &str) -> Self {
        let enabled = match (on, unread) {
            (true, _) => Reading::Known(true),
            (false, Some(why)) => Reading::Unread(why),
            (false, None) => Reading::Known(false),
        };
        let reason = match &enabled {
            Reading::Known(false) => reason.to_owned(),
            Reading::Known(true) => "it is on".to_owned(),
            Reading::Absent | Reading::Unread(_) => "it could not be read".to_owned(),
        };
        Answer { enabled, missing: TextList::default(), reason, api }
    }
}

impl StateFacts<'_> {
    /// The guardrails of every region that was to be read, and of every account.
    pub(super) fn guardrails(&self, emit: Emit<'_>) {
        let scopes = self.index.scopes();
        let recordings = self.recordings();
        for scope in &scopes {
            let answers = [
                ("guardduty_lambda", self.guardduty(scope)),
                ("security_hub_lambda", self.security_hub(scope)),
                ("access_analyzer_external", self.external_analyzer(scope)),
                ("lambda_alerts", self.alerts(scope, &recordings)),
            ];
            let functions = self.has_functions([scope]);
            for (name, answer) in answers {
                let line = self.index.line(answer.api, scope, None);
                self.guardrail(
                    name,
                    &scope.account,
                    Some(&scope.region),
                    functions.clone(),
                    line,
                    &answer,
                    emit,
                );
            }
        }
        let accounts: BTreeSet<&str> = scopes.iter().map(|scope| scope.account.as_str()).collect();
        for account in accounts {
            let functions = self.has_functions(scopes.iter().filter(|scope| scope.account == account));
            let unused = self.unused_analyzer(account);
            self.guardrail("access_analyzer_unused", account, None, functions, 1, &unused, emit);
            let Some(answer) = self.control_policies(account) else { continue };
            self.guardrail("control_policy_exposure", account, None, Reading::Absent, 1, &answer, emit);
        }
    }

    fn has_functions<'s>(&self, scopes: impl IntoIterator<Item = &'s Scope>) -> Reading<bool> {
        any(scopes.into_iter().map(|scope| match self.index.functions.get(scope) {
            Some(functions) if !functions.is_empty() => Reading::Known(true),
            _ => match self.index.why(LIST_FUNCTIONS, scope, None) {
                Some(why) => Reading::Unread(why),
                None => Reading::Known(false),
            },
        }))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one fact")]
    fn guardrail(
        &self,
        name: &'static str,
        account: &str,
        region: Option<&str>,
        functions: Reading<bool>,
        line: u64,
        answer: &Answer<'_>,
        emit: Emit<'_>,
    ) {
        let label = format!("{name} of {account} in {}", region.unwrap_or("every region"));
        let subject = Subject {
            arn: None,
            kind: "guardrail",
            name: Cow::Owned(label.clone()),
            account: Some(Cow::Borrowed(account)),
            region: region.map(Cow::Borrowed),
        };
        let body = Guardrail {
            subject: Reading::Known(Cow::Owned(label)),
            name: known(name),
            account: known(account),
            region: Reading::or_absent(region.map(Cow::Borrowed)),
            has_functions: functions,
            enabled: answer.enabled.clone(),
            missing: Reading::Known(answer.missing.clone()),
            reason: Reading::Known(Cow::Borrowed(&answer.reason)),
        };
        let place = (answer.api, line, String::new());
        emit(&self.fact(subject, place, String::new(), Body::Guardrail(Box::new(body))));
    }

    fn guardduty(&self, scope: &Scope) -> Answer<'_> {
        let all = &self.index.guardrails;
        let mut unread = self.index.why(LIST_DETECTORS, scope, None);
        let mut on = false;
        let mut reason = "GuardDuty has no detector here";
        for id in all.detectors.get(scope).into_iter().flatten() {
            let Some(detector) = all.detector.get(&(scope.clone(), id.clone())) else {
                let why = self.index.why(GET_DETECTOR, scope, Some(id));
                unread = unread.or(Some(why.unwrap_or(Why::NotCollected)));
                continue;
            };
            let feature = detector.features.as_ref().map(|features| {
                features.iter().any(|one| one.name == LAMBDA_FEATURE && one.status == "ENABLED")
            });
            match feature {
                _ if detector.status != "ENABLED" => reason = "GuardDuty's detector is suspended",
                Some(true) => on = true,
                Some(false) => reason = "GuardDuty's detector is on, Lambda Protection is not",
                None => unread = unread.or(Some(Why::Malformed)),
            }
        }
        Answer::of(on, unread, LIST_DETECTORS, reason)
    }

    fn security_hub(&self, scope: &Scope) -> Answer<'_> {
        let all = &self.index.guardrails;
        let mut unread = self.index.why(GET_ENABLED_STANDARDS, scope, None);
        let mut on: BTreeSet<&str> = BTreeSet::new();
        let subscriptions = all.standards.get(scope).map_or(&[][..], Vec::as_slice);
        for subscription in subscriptions.iter().filter(|one| one.is_in_use()) {
            let arn = subscription.standards_subscription_arn.as_str();
            if let Some(why) = self.index.why(DESCRIBE_STANDARDS_CONTROLS, scope, Some(arn)) {
                unread = unread.or(Some(why));
            }
            on.extend(all.controls.get(arn).into_iter().flatten().map(String::as_str));
        }
        let missing: Vec<&str> =
            self.lists.security_hub_controls().filter(|control| !on.contains(control)).collect();
        let is_on = missing.is_empty();
        let reason = if subscriptions.is_empty() {
            "Security Hub is off, or has no standard that is on".to_owned()
        } else {
            format!("no standard that is on has {} on", missing.join(", "))
        };
        let mut answer = Answer::of(is_on, unread, GET_ENABLED_STANDARDS, &reason);
        answer.missing = match unread {
            None => TextList::complete(missing),
            // Any of them may be on in what was not read.
            Some(why) => TextList { items: Vec::new(), incomplete: (!is_on).then_some(why) },
        };
        answer
    }

    /// Findings about access from outside are made where the resources are: the region counts.
    fn external_analyzer(&self, scope: &Scope) -> Answer<'_> {
        self.analyzer(&scope.account, EXTERNAL, |other| other.region == scope.region)
    }

    /// Unused access is that of roles and users: an analyzer of any region looks at all of them.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-create-unused.html>
    fn unused_analyzer(&self, account: &str) -> Answer<'_> {
        self.analyzer(account, UNUSED, |_| true)
    }

    fn analyzer(&self, account: &str, kinds: [&str; 2], counts: impl Fn(&Scope) -> bool) -> Answer<'_> {
        let organization = self.index.organization_of(account).known().map(|one| one.id.as_str());
        let (mut on, mut unread) = (false, None);
        for scope in self.index.scopes().iter().filter(|scope| counts(scope)) {
            // One of the organization's is in its management account or in one that was delegated to, and shows only
            // there.
            let kinds = if scope.account == account {
                &kinds[..]
            } else {
                let other = self.index.organization_of(&scope.account);
                match (organization, other.known()) {
                    (Some(id), Some(other)) if other.id == id => &kinds[1..],
                    _ => continue,
                }
            };
            unread = unread.or(self.index.why(LIST_ANALYZERS, scope, None));
            let all = self.index.guardrails.analyzers.get(scope).into_iter().flatten();
            on |= all
                .filter(|one| one.status == "ACTIVE" && kinds.contains(&one.kind.as_str()))
                .any(|one| !one.excludes(account));
        }
        let reason = "no active analyzer of that kind is in the accounts and regions that were read";
        Answer::of(on, unread, LIST_ANALYZERS, reason)
    }

    /// `None`: no service control policy can apply to the account.
    fn control_policies(&self, account: &str) -> Option<Answer<'_>> {
        let (mut on, mut unread) = (false, None);
        match self.index.control_policies(account) {
            Above::Nothing => return None,
            Above::NotAsked => unread = Some(Why::NotCollected),
            Above::Unread(why) => unread = Some(why),
            Above::Levels(levels) => {
                for policy in levels.into_iter().flatten() {
                    match policy.map(|policy| limits_exposure(&policy.content)) {
                        Ok(Some(limits)) => on |= limits,
                        Ok(None) => unread = unread.or(Some(Why::Malformed)),
                        Err(why) => unread = unread.or(Some(why)),
                    }
                }
            }
        }
        let reason = "no service control policy above the account denies public grants or open function URLs";
        Some(Answer::of(on, unread, LIST_POLICIES_FOR_TARGET, reason))
    }
}
