//! What a function's configuration says beside who may call it: runtime, network, environment, and what is asked of
//! each function for itself.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::index::Index;
use super::state::StateFacts;
use crate::arn;
use crate::facts::Function;
use crate::snapshot::Scope;
use crate::snapshot::api::*;
use crate::value::{Reading, TextList, Why};

impl StateFacts<'_> {
    /// The function with these settings, and all others unread.
    pub(super) fn settings<'f>(&'f self, one: &'f FunctionConfiguration, scope: &Scope) -> Function<'f> {
        // A list with versions names each with its qualifier; what is asked about is the function.
        let function = arn::split_function(&one.function_arn).map_or(&*one.function_arn, |(arn, _)| arn);
        let index = self.index;
        let of_function = |api| index.why(api, scope, Some(function));
        Function {
            package_type: Reading::or_unread(
                one.package_type.as_deref().and_then(|word| known_word(word, &["Zip", "Image"])),
                Why::NotCollected,
            ),
            runtime_support: self.runtime_support(one),
            vpc: kept(one, |_| Reading::or_absent(vpc(one).map(Cow::Borrowed))),
            zones: kept(one, |_| Reading::Known(zones(one, index, scope))),
            tags: match (of_function(LIST_TAGS), index.settings.tags.get(function)) {
                (None, Some(keys)) => {
                    Reading::Known(TextList::complete(keys.iter().map(|key| Cow::Borrowed(key.as_str()))))
                }
                (why, _) => Reading::Unread(why.unwrap_or(Why::Malformed)),
            },
            tracing: kept(one, |tracing| {
                let word =
                    tracing.mode.as_deref().and_then(|word| known_word(word, &["Active", "PassThrough"]));
                Reading::or_unread(word, Why::Malformed)
            }),
            failure_targets: kept(one, |_| Reading::Known(failure_targets(one, index, function, scope))),
            kms_key: kept(one, |_| Reading::or_absent(one.kms_key_arn.as_deref().map(Cow::Borrowed))),
            environment: kept(one, |_| environment(one, names)),
            environment_secrets: kept(one, |_| environment(one, secrets)),
            code_signing: match (of_function(GET_CODE_SIGNING), index.settings.code_signing.get(function)) {
                (None, Some(config)) => Reading::or_absent(config.as_deref().map(Cow::Borrowed)),
                (why, _) => Reading::Unread(why.unwrap_or(Why::Malformed)),
            },
            reserved_concurrency: match (
                of_function(GET_CONCURRENCY),
                index.settings.concurrency.get(function),
            ) {
                (None, Some(reserved)) => Reading::or_absent(*reserved),
                (why, _) => Reading::Unread(why.unwrap_or(Why::Malformed)),
            },
            ..Function::unread(Why::NotCollected)
        }
    }

    /// By the snapshot's own day: what a state is judged by does not change with the day it is judged on.
    fn runtime_support<'f>(&self, one: &'f FunctionConfiguration) -> Reading<Cow<'f, str>> {
        let Some(runtime) = &one.runtime else { return Reading::Absent };
        let started = self.index.header.as_ref().and_then(|header| header.started.as_deref());
        let day = started.and_then(|text| text.parse::<Timestamp>().ok());
        let Some(day) = day.map(|time| time.to_zoned(TimeZone::UTC).date()) else {
            return Reading::Unread(Why::NotCollected);
        };
        match self.lists.is_deprecated(runtime, day) {
            Some(true) => Reading::Known(Cow::Borrowed("deprecated")),
            Some(false) => Reading::Known(Cow::Borrowed("supported")),
            None => Reading::Unread(Why::NotCollected),
        }
    }
}

/// What a configuration says that was kept as a whole. Its tracing is always there: without it, what is not there may
/// only have been left out.
fn kept<T>(one: &FunctionConfiguration, read: impl FnOnce(&TracingConfig) -> Reading<T>) -> Reading<T> {
    one.tracing_config.as_ref().map_or(Reading::Unread(Why::NotCollected), read)
}

fn known_word(word: &str, known: &[&'static str]) -> Option<Cow<'static, str>> {
    known.iter().find(|one| **one == word).map(|one| Cow::Borrowed(*one))
}

/// AWS writes an empty id where there is none.
fn vpc(one: &FunctionConfiguration) -> Option<&str> {
    one.vpc_config.as_ref().and_then(|config| config.vpc_id.as_deref()).filter(|id| !id.is_empty())
}

fn zones<'f>(one: &FunctionConfiguration, index: &'f Index, scope: &Scope) -> TextList<'f> {
    let subnets = one.vpc_config.iter().flat_map(|config| config.subnet_ids.iter().flatten());
    let mut zones = BTreeSet::new();
    let mut incomplete = None;
    for subnet in subnets {
        match index.settings.subnet_zones.get(subnet) {
            Some(zone) => {
                zones.insert(zone.as_str());
            }
            // A subnet of another account that was not shared with this one, perhaps.
            None => incomplete = index.why(DESCRIBE_SUBNETS, scope, None).or(Some(Why::NotCollected)),
        }
    }
    // In a VPC, and in no subnet of it: an answer that was cut.
    if zones.is_empty() && incomplete.is_none() && vpc(one).is_some() {
        incomplete = Some(Why::Malformed);
    }
    TextList { items: zones.into_iter().map(Cow::Borrowed).collect(), incomplete }
}

fn failure_targets<'f>(
    one: &'f FunctionConfiguration,
    index: &'f Index,
    function: &str,
    scope: &Scope,
) -> TextList<'f> {
    let dead_letter = one.dead_letter_config.as_ref().and_then(|config| config.target_arn.as_deref());
    let on_failure = index.settings.on_failure.get(function);
    let all = dead_letter.into_iter().chain(on_failure.into_iter().flatten().map(String::as_str));
    TextList {
        items: all.filter(|target| !target.is_empty()).map(Cow::Borrowed).collect(),
        incomplete: index.why(LIST_EVENT_INVOKE_CONFIGS, scope, Some(function)),
    }
}

/// What is known of the environment; where AWS gives none, there are no variables.
fn environment<'f>(
    one: &'f FunctionConfiguration,
    of: impl FnOnce(&'f Environment) -> Option<Vec<Cow<'f, str>>>,
) -> Reading<TextList<'f>> {
    let Some(environment) = &one.environment else { return Reading::Known(TextList::default()) };
    match (of(environment), &environment.error) {
        (Some(items), None) => Reading::Known(TextList { items, incomplete: None }),
        (_, Some(error)) => {
            let denied = error.error_code.as_deref().is_some_and(|code| code.contains("AccessDenied"));
            Reading::Unread(if denied { Why::Denied } else { Why::Failed })
        }
        (None, None) => Reading::Unread(Why::Malformed),
    }
}

fn names(kept: &Environment) -> Option<Vec<Cow<'_, str>>> {
    Some(kept.names.as_ref()?.iter().map(|name| Cow::Borrowed(name.as_str())).collect())
}

fn secrets(kept: &Environment) -> Option<Vec<Cow<'_, str>>> {
    let of = |one: &FoundSecret| Cow::Owned(format!("{}: {}", one.name, one.rule));
    Some(kept.secrets.as_ref()?.iter().map(of).collect())
}
