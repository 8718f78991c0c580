//! Guardrails: what protects an account and region, joined from the answers of several services.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::controls::Above;
use super::index::data;
use super::state::{Emit, StateFacts, known};
use crate::exposure::guard::limits_exposure;
use crate::facts::from_record::guardrails::LAMBDA_FEATURE;
use crate::facts::{Body, Guardrail, Subject};
use crate::snapshot::api::*;
use crate::snapshot::{Outcome, Part, Scope};
use crate::value::{Reading, TextList, Why};
use crate::watch::{filter_watches, rule_watches};

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
    filters: BTreeMap<Scope, Vec<MetricFilter>>,
    alarms: BTreeMap<Scope, Vec<MetricAlarm>>,
    rules: BTreeMap<Scope, Vec<EventRule>>,
    targets: BTreeMap<(Scope, String), usize>,
    /// Log groups that trails write to, as ARNs, by where the trail shows.
    groups: BTreeMap<Scope, BTreeSet<String>>,
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
        let groups =
            trails.trail_list.iter().filter_map(|trail| trail.cloud_watch_logs_log_group_arn.clone());
        self.groups.entry(scope.clone()).or_default().extend(groups);
    }
}

/// What is said of one guardrail.
struct Answer<'a> {
    enabled: Reading<bool>,
    missing: TextList<'a>,
    reason: String,
    api: &'static str,
}

impl Answer<'_> {
    /// On if something makes it so; else unknown if something was not read; else off.
    fn of(on: bool, unread: Option<Why>, api: &'static str, reason: &str) -> Self {
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
        for scope in &scopes {
            let answers = [
                ("guardduty_lambda", self.guardduty(scope)),
                ("security_hub_lambda", self.security_hub(scope)),
                ("access_analyzer_external", self.analyzers(scope, EXTERNAL)),
                ("access_analyzer_unused", self.analyzers(scope, UNUSED)),
                ("lambda_alerts", self.alerts(scope)),
            ];
            let functions = match self.index.why(LIST_FUNCTIONS, scope, None) {
                Some(why) => Reading::Unread(why),
                None => Reading::Known(self.index.functions.get(scope).is_some_and(|all| !all.is_empty())),
            };
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
            let Some(answer) = self.control_policies(account) else { continue };
            self.guardrail("control_policy_exposure", account, None, Reading::Absent, 1, &answer, emit);
        }
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
        // Of one that is being set up or taken away, the controls are asked all the same.
        for subscription in subscriptions.iter().filter(|one| one.standards_status != "FAILED") {
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

    fn analyzers(&self, scope: &Scope, kinds: [&str; 2]) -> Answer<'_> {
        let mut unread = self.index.why(LIST_ANALYZERS, scope, None);
        let has = |scope: &Scope, kinds: &[&str]| {
            let all = self.index.guardrails.analyzers.get(scope).map_or(&[][..], Vec::as_slice);
            all.iter().any(|one| one.status == "ACTIVE" && kinds.contains(&one.kind.as_str()))
        };
        let mut on = has(scope, &kinds);
        // One of the organization's is in its management account or in one that was delegated to, and shows only there.
        if let Reading::Known(organization) = self.index.organization_of(&scope.account) {
            let id = organization.id.as_str();
            for other in self.index.scopes() {
                let same = other.region == scope.region
                    && other.account != scope.account
                    && matches!(self.index.organization_of(&other.account), Reading::Known(one) if one.id == id);
                if same {
                    on |= has(&other, &kinds[1..]);
                    unread = unread.or(self.index.why(LIST_ANALYZERS, &other, None));
                }
            }
        }
        let reason =
            "no active analyzer of that kind is in the region, in none of the accounts that were read";
        Answer::of(on, unread, LIST_ANALYZERS, reason)
    }

    /// A rule with a target, or a metric filter with an alarm on a trail's log group.
    fn alerts(&self, scope: &Scope) -> Answer<'_> {
        let all = &self.index.guardrails;
        let mut unread = self.index.why(LIST_RULES, scope, None);
        let mut on = false;
        for rule in all.rules.get(scope).into_iter().flatten() {
            let Some(pattern) = rule.event_pattern.as_deref().filter(|_| is_enabled(rule)) else { continue };
            match rule_watches(pattern) {
                None => unread = unread.or(Some(Why::Malformed)),
                Some(false) => {}
                Some(true) => {
                    on |=
                        all.targets.get(&(scope.clone(), rule.name.clone())).is_some_and(|count| *count > 0);
                    unread = unread.or(self.index.why(LIST_TARGETS, scope, Some(&rule.name)));
                }
            }
        }
        unread = unread.or(self.index.why(DESCRIBE_TRAILS, scope, None));
        for group in all.groups.get(scope).into_iter().flatten() {
            let (watched, why) = self.group_is_watched(group);
            on |= watched;
            unread = unread.or(why);
        }
        let reason = "no rule with a target and no metric filter with an alarm watches changes of Lambda's permissions, \
                      or invocations";
        Answer::of(on, unread, LIST_RULES, reason)
    }

    /// Is there an alarm on a filter of this log group, and what of it was not read?
    fn group_is_watched(&self, group: &str) -> (bool, Option<Why>) {
        let all = &self.index.guardrails;
        // `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*`
        let mut parts = group.splitn(8, ':');
        let (Some(region), Some(account), Some(name)) = (parts.nth(3), parts.next(), parts.nth(1)) else {
            return (false, Some(Why::Malformed));
        };
        let scope = Scope { account: account.to_owned(), region: region.to_owned() };
        let mut unread = self.index.why(DESCRIBE_METRIC_FILTERS, &scope, None);
        let alarms = all.alarms.get(&scope).map_or(&[][..], Vec::as_slice);
        let mut on = false;
        let here =
            all.filters.get(&scope).into_iter().flatten().filter(|filter| filter.log_group_name == name);
        for filter in here {
            match filter_watches(&filter.filter_pattern) {
                None => unread = unread.or(Some(Why::Malformed)),
                Some(false) => {}
                Some(true) => {
                    on |= filter
                        .metric_transformations
                        .iter()
                        .any(|metric| alarms.iter().any(|alarm| alerts(alarm) && is_on(alarm, metric)));
                    unread = unread.or(self.index.why(DESCRIBE_ALARMS, &scope, None));
                }
            }
        }
        (on, unread)
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

fn is_enabled(rule: &EventRule) -> bool {
    rule.state.as_deref() != Some("DISABLED")
}

/// Does it tell anyone?
fn alerts(alarm: &MetricAlarm) -> bool {
    alarm.actions_enabled != Some(false) && !alarm.alarm_actions.is_empty()
}

fn is_on(alarm: &MetricAlarm, metric: &MetricTransformation) -> bool {
    let same = |namespace: &Option<String>, name: &Option<String>| {
        namespace.as_deref() == Some(metric.metric_namespace.as_str())
            && name.as_deref() == Some(metric.metric_name.as_str())
    };
    let several = alarm.metrics.iter().flatten().filter_map(|one| one.metric_stat.as_ref());
    same(&alarm.namespace, &alarm.metric_name)
        || several.map(|stat| &stat.metric).any(|one| same(&one.namespace, &one.metric_name))
}
