//! Who is told when a function is opened to others, or called: rules of EventBridge, and metric filters with alarms.

use std::collections::BTreeMap;

use super::guardrails::Answer;
use super::state::StateFacts;
use crate::snapshot::Scope;
use crate::snapshot::api::*;
use crate::value::{Reading, Why};
use crate::watch::{Watches, filter_watches, rule_watches};

/// What a trail records, where it records at all.
#[derive(Debug)]
pub(super) struct Recording {
    changes: Reading<bool>,
    calls: Reading<bool>,
}

impl Recording {
    /// Does a pattern that watches these see a record of it?
    fn shows(&self, watches: Watches) -> Reading<bool> {
        any([
            all([watches.changes.reading(Why::Malformed), self.changes.clone()]),
            all([watches.calls.reading(Why::Malformed), self.calls.clone()]),
        ])
    }
}

impl StateFacts<'_> {
    /// By the ARNs of trails.
    pub(super) fn recordings(&self) -> BTreeMap<&str, Recording> {
        let trails = self.index.recorders.trails();
        trails
            .map(|trail| {
                let of = |what: Reading<bool>| all([trail.logging.clone(), what]);
                let recording = Recording {
                    changes: of(trail.covers_changes.clone()),
                    calls: of(trail.covers_lambda.clone()),
                };
                (trail.arn, recording)
            })
            .collect()
    }

    pub(super) fn alerts(&self, scope: &Scope, recordings: &BTreeMap<&str, Recording>) -> Answer<'_> {
        let all_of = &self.index.guardrails;
        let unread = |api| self.index.why(api, scope, None).map(Reading::Unread);
        let trails: Vec<(&Recording, Option<&str>)> = all_of
            .trails
            .get(scope)
            .into_iter()
            .flatten()
            .filter_map(|(arn, group)| Some((recordings.get(arn.as_str())?, group.as_deref())))
            .collect();
        let rules = all_of.rules.get(scope).into_iter().flatten().map(|rule| {
            let Some(pattern) = rule.event_pattern.as_deref() else { return Reading::Known(false) };
            let watches = rule_watches(pattern);
            // The bus gets only what a trail records.
            // <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>
            let shown = any(trails.iter().map(|(recording, _)| recording.shows(watches)));
            all([shown, is_enabled(rule), self.has_target(scope, rule)])
        });
        let filters = trails.iter().filter_map(|(recording, group)| Some((recording, (*group)?)));
        let filters = filters.map(|(recording, group)| self.group_tells(recording, group));
        let lists = [unread(LIST_RULES), unread(DESCRIBE_TRAILS)].into_iter().flatten();
        let (on, why) = match any(rules.chain(filters).chain(lists)) {
            Reading::Known(on) => (on, None),
            Reading::Unread(why) => (false, Some(why)),
            Reading::Absent => (false, None),
        };
        let reason = "no rule with a target and no metric filter with an alarm tells of what opens functions, or of \
                      invocations, out of what a trail records";
        Answer::of(on, why, LIST_RULES, reason)
    }

    fn has_target(&self, scope: &Scope, rule: &EventRule) -> Reading<bool> {
        let count = self.index.guardrails.targets.get(&(scope.clone(), rule.name.clone()));
        match self.index.why(LIST_TARGETS, scope, Some(&rule.name)) {
            _ if count.is_some_and(|count| *count > 0) => Reading::Known(true),
            Some(why) => Reading::Unread(why),
            None => Reading::Known(false),
        }
    }

    /// Is there an alarm on a filter of this log group, to which a trail writes?
    fn group_tells(&self, recording: &Recording, group: &str) -> Reading<bool> {
        let all_of = &self.index.guardrails;
        // `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:*`
        let mut parts = group.splitn(8, ':');
        let (Some(region), Some(account), Some(name)) = (parts.nth(3), parts.next(), parts.nth(1)) else {
            return Reading::Unread(Why::Malformed);
        };
        let scope = Scope { account: account.to_owned(), region: region.to_owned() };
        let unread = |api| self.index.why(api, &scope, None).map(Reading::Unread);
        let alarms = all_of.alarms.get(&scope).map_or(&[][..], Vec::as_slice);
        let here = all_of.filters.get(&scope).into_iter().flatten();
        let here = here.filter(|filter| filter.log_group_name == name);
        let tell = here.map(|filter| {
            let mut metrics = filter.metric_transformations.iter();
            let has_alarm =
                metrics.any(|metric| alarms.iter().any(|alarm| alerts(alarm) && is_on(alarm, metric)));
            let has_alarm = any([Reading::Known(has_alarm)].into_iter().chain(unread(DESCRIBE_ALARMS)));
            all([recording.shows(filter_watches(&filter.filter_pattern)), has_alarm])
        });
        any(tell.chain(unread(DESCRIBE_METRIC_FILTERS)))
    }
}

/// True if one is, else unread if one is.
pub(super) fn any(readings: impl IntoIterator<Item = Reading<bool>>) -> Reading<bool> {
    let mut any = Reading::Known(false);
    for one in readings {
        match one {
            Reading::Known(true) => return Reading::Known(true),
            Reading::Unread(why) if any.known().is_some() => any = Reading::Unread(why),
            Reading::Known(false) | Reading::Unread(_) | Reading::Absent => {}
        }
    }
    any
}

/// False if one is, else unread if one is.
fn all<const N: usize>(readings: [Reading<bool>; N]) -> Reading<bool> {
    any(readings.map(|one| one.map(|holds| !holds))).map(|fails| !fails)
}

/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Rule.html>
fn is_enabled(rule: &EventRule) -> Reading<bool> {
    match rule.state.as_deref() {
        Some("ENABLED" | "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS") => Reading::Known(true),
        Some("DISABLED") => Reading::Known(false),
        _ => Reading::Unread(Why::Malformed),
    }
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
