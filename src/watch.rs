//! Who would be told: do EventBridge patterns and CloudWatch Logs filter patterns match the records of calls that open a
//! function to others, or of invocations?
//!
//! Asked is about a few whole records: a grant to everyone, a URL that needs no signature, an invocation, each made by
//! a role and not refused. What a pattern asks of other members, and every part of a pattern that is not understood to
//! the end, is unknown: never a match.
//!
//! Pure. Patterns: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html>.

mod event_pattern;
mod filter_pattern;
mod sample;

use crate::value::Truth;
use filter_pattern::Filter;
use sample::{CALLS, CHANGES, Sample};

/// What a pattern matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watches {
    /// Calls that open a function.
    pub(crate) changes: Truth,
    /// Invocations.
    pub(crate) calls: Truth,
}

impl Watches {
    const UNKNOWN: Self = Watches { changes: Truth::Unknown, calls: Truth::Unknown };

    fn of(matches: impl Fn(&Sample) -> Truth) -> Self {
        let any = |samples: &[Sample]| {
            Truth::any(samples.iter().map(|sample| match matches(sample) {
                // It matches a spelling that CloudTrail may not use.
                Truth::True if !sample.is_seen => Truth::Unknown,
                matched => matched,
            }))
        };
        Watches { changes: any(&CHANGES), calls: any(&CALLS) }
    }
}

/// What a rule with this pattern takes.
pub(crate) fn rule_watches(pattern: &str) -> Watches {
    match serde_json::from_str(pattern) {
        Ok(serde_json::Value::Object(pattern)) => {
            Watches::of(|sample| event_pattern::matches(&pattern, sample))
        }
        _ => Watches::UNKNOWN,
    }
}

/// What a metric filter with this pattern counts.
pub(crate) fn filter_watches(pattern: &str) -> Watches {
    match Filter::parse(pattern) {
        Some(filter) => Watches::of(|sample| filter.matches(sample)),
        None => Watches::UNKNOWN,
    }
}

#[cfg(test)]
mod tests;
