//! The cases that exclude a function from a recorder's records, or narrow what is recorded.

use std::collections::BTreeSet;

use super::explain::{recorder_text, short};
use super::selector::{Fit, Selector};
use super::solve::{Activity, Candidate, Prepared};
use super::{Case, Event, Exclusion, Target};

/// A recorder of the account that records another region only, if its selectors concern the function.
pub(super) fn other_region(prepared: &Prepared<'_>, home: &str, target: &Target<'_>) -> Option<Exclusion> {
    let concerns = match &prepared.selectors {
        Ok(compiled) => compiled.selectors.iter().any(|selector| selector.matches_arn(target.arn)),
        Err(_) => true,
    };
    let detail =
        || format!("{} records {} only", recorder_text(prepared.arn, prepared.recorder), short(home));
    concerns.then(|| Exclusion { case: Case::OtherRegion, detail: detail() })
}

/// What excludes the function from a recorder's records, or narrows them.
pub(super) fn exclusions(
    candidate: &Candidate<'_>,
    target: &Target<'_>,
    events: &BTreeSet<Event>,
) -> Vec<Exclusion> {
    let name = candidate.name();
    let mut all = Vec::new();
    let mut add = |case: Case, detail: String| all.push(Exclusion { case, detail });
    if candidate.would != Fit::No {
        let region = target.region;
        match &candidate.activity {
            Activity::Stopped(word) if word == "stopped" => {
                add(Case::Stopped, format!("{name} is stopped in {region}"));
            }
            Activity::Stopped(word) => {
                add(Case::Stopped, format!("{name} is not enabled: its status is {}", short(word)));
            }
            Activity::Failing(error) => {
                add(Case::DeliveryFailing, format!("{name} cannot deliver in {region}: {}", short(error)));
            }
            Activity::Active | Activity::Unread(_) => {}
        }
    }
    let Ok(compiled) = &candidate.prepared.selectors else { return all };
    let keeps_out = |selector: &Selector| -> Vec<(Case, String)> {
        let narrow = |event: &Event| selector.narrow_event[event.index()].clone();
        let wanted = || events.iter().filter(|event| selector.events[event.index()] == Fit::No);
        let read_only = wanted().filter_map(narrow).find(|(case, _)| *case == Case::ReadOnly);
        if let Some(read_only) = read_only {
            return vec![read_only];
        }
        if !selector.matches_arn(target.arn) {
            return vec![(Case::OtherArn, selector.other_arn(target.arn))];
        }
        let principal = selector.narrow_principal.as_ref();
        let principal = principal.map(|text| (Case::OtherPrincipal, format!("records only {text}")));
        wanted().filter_map(narrow).take(1).chain(principal).collect()
    };
    let kept: Vec<Vec<(Case, String)>> = compiled.selectors.iter().map(keeps_out).collect();
    // One that keeps nothing out says all there is to say about the recorder.
    if !kept.iter().any(Vec::is_empty) {
        for (selector, kept) in compiled.selectors.iter().zip(kept) {
            for (case, text) in kept {
                add(case, format!("{} of {name} {text}", selector.label));
            }
        }
    }
    if compiled.selectors.is_empty() {
        add(Case::NoDataEvents, format!("{name} has no selector for Lambda data events"));
    }
    let replaced = compiled.replaced.iter().find(|basic| keeps_out(basic).is_empty());
    if let Some(basic) = replaced.filter(|_| candidate.would != Fit::Yes) {
        let detail =
            format!("basic {} of {name} would record it, but its advanced selectors replace it", basic.label);
        add(Case::Replaced, detail);
    }
    all
}
