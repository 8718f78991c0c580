//! What CloudWatch counted: the hours with invocations, by function.

use std::collections::BTreeMap;

use super::index::Index;
use crate::logging::{Configured, Event, HOUR, Hours, Target};
use crate::snapshot::api::{
    DESCRIBE_TRAILS, GET_METRIC_DATA, LIST_FUNCTIONS, LIST_URLS, MetricPage, MetricSeries,
};
use crate::snapshot::{Outcome, Scope};
use crate::value::{Reading, Why};
use crate::{arn, logging};

/// The series of one function, over all pages.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    hours: Hours,
    /// The last page of it says that nothing is missing.
    whole: bool,
    line: u64,
}

/// By account and region, and by the function's name.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(BTreeMap<Scope, BTreeMap<String, Counted>>);

/// A function whose delivery is to be judged.
#[derive(Debug)]
pub struct Countable<'i> {
    /// `None`: the functions of the region were not listed.
    pub arn: Option<&'i str>,
    pub scope: Scope,
    pub counted: Result<&'i Hours, Why>,
    /// Whether trails record its invocations: what they record is in files.
    pub configured: Reading<Configured>,
    /// Where it stands.
    pub line: u64,
}

impl Counts {
    pub(super) fn add(&mut self, scope: Scope, page: MetricPage, line: u64) -> Result<(), Outcome> {
        let of = self.0.entry(scope).or_default();
        let malformed =
            || Outcome::Malformed { message: Some("its times and values do not match".to_owned()) };
        for series in page.metric_data_results {
            let MetricSeries { label, timestamps, values, status_code } = series;
            let one = of.entry(label).or_insert_with(|| Counted { line, ..Counted::default() });
            if timestamps.len() != values.len() {
                one.whole = false;
                return Err(malformed());
            }
            for (at, count) in timestamps.iter().zip(values) {
                let at = at.seconds().filter(|_| count.is_finite() && count >= 0.0).ok_or_else(malformed)?;
                if count > 0.0 {
                    // A page that is there twice adds nothing.
                    one.hours.insert(at.div_euclid(HOUR) * HOUR, count);
                }
            }
            one.whole = status_code.as_deref() == Some("Complete");
        }
        Ok(())
    }
}

impl Index {
    /// Was anything counted, or asked to be?
    pub fn has_counts(&self) -> bool {
        self.calls.keys().any(|call| call.api == GET_METRIC_DATA)
    }

    /// The accounts that own the trails that were listed.
    pub fn trail_owners(&self) -> std::collections::BTreeSet<String> {
        self.recorders
            .trails()
            .filter_map(|trail| trail.account.known().map(|one| (*one).to_owned()))
            .collect()
    }

    /// Every function with what was counted of it.
    pub fn countable(&self) -> Vec<Countable<'_>> {
        let solver = self.recorders.solver();
        let with_url = self.with_url();
        let mut all = Vec::new();
        for scope in self.scopes() {
            if let Some(why) = self.why(LIST_FUNCTIONS, &scope, None) {
                all.push(Countable {
                    arn: None,
                    scope: scope.clone(),
                    counted: Err(why),
                    configured: Reading::Unread(why),
                    line: self.line(LIST_FUNCTIONS, &scope, None),
                });
            }
            for function in self.functions.get(&scope).into_iter().flatten() {
                let arn = function.arn.as_str();
                let target = target(arn, &scope);
                let counted = self.counts.0.get(&scope).and_then(|of| of.get(arn::last(arn)));
                all.push(Countable {
                    arn: Some(arn),
                    counted: match counted {
                        Some(counted) if counted.whole => Ok(&counted.hours),
                        _ => Err(self.why_not_counted(&scope)),
                    },
                    configured: solver.in_files(&target, self.events_of(&scope, arn, &with_url)),
                    line: counted
                        .map_or_else(|| self.line(DESCRIBE_TRAILS, &scope, None), |counted| counted.line),
                    scope: scope.clone(),
                });
            }
        }
        all
    }

    fn why_not_counted(&self, scope: &Scope) -> Why {
        let of = |call: &&super::call::Call| {
            call.api == GET_METRIC_DATA
                && call.account == scope.account
                && call.region.as_ref() == Some(&scope.region)
        };
        let asked = self.calls.iter().filter(|(call, _)| of(call));
        asked.filter_map(|(_, state)| state.why()).next().unwrap_or(Why::NotCollected)
    }

    /// The functions that have a URL, so far as that was read.
    pub(super) fn with_url(&self) -> std::collections::HashSet<&str> {
        self.urls.iter().filter_map(|row| Some(arn::split_function(&row.config.function_arn)?.0)).collect()
    }

    /// What must be recorded for a function's invocations to be. Where it was not read whether it has a URL, what a URL
    /// would need is asked for too.
    pub(super) fn events_of(
        &self,
        scope: &Scope,
        arn: &str,
        with_url: &std::collections::HashSet<&str>,
    ) -> &'static [Event] {
        let urls_unread = self.why(LIST_URLS, scope, Some(arn)).is_some();
        if with_url.contains(arn) || urls_unread { Event::OF_FUNCTION_WITH_URL } else { Event::OF_FUNCTION }
    }
}

/// The function as the solver asks about it.
pub(super) fn target<'t>(arn: &'t str, scope: &'t Scope) -> logging::Target<'t> {
    Target {
        arn,
        account: &scope.account,
        region: &scope.region,
        partition: arn::partition(arn).unwrap_or("aws"),
    }
}
