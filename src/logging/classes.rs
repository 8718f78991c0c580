//! The classes that a function's records fall into, and what each selector records of them.
//!
//! A class is an event name, a console session or not, and a value of `userIdentity.arn` standing for all that the
//! selectors at hand do not tell from it.

use std::collections::BTreeSet;

use super::patterns::{Condition, witnesses};
use super::selector::{Fit, Selector};
use super::solve::{Activity, Candidate};
use super::{Configured, Event, Gap, Target};
use crate::value::Why;

/// The most values of `userIdentity.arn`, times the selectors they are checked against, for one function. AWS allows
/// 500 values in all selectors of a trail. Beyond it, conditions on callers are not decided.
const WITNESS_LIMIT: usize = 8_192;

/// A selector for the function; without one, selectors that were not read.
pub(super) struct Claim<'a> {
    /// Index of the candidate; `None`: a recorder that was not listed.
    pub(super) candidate: Option<usize>,
    pub(super) selector: Option<&'a Selector>,
    pub(super) events: [Fit; 3],
    pub(super) console: [Fit; 2],
    pub(super) principal: &'a [Condition],
    /// What it can be at best: not recording, recording perhaps, recording.
    pub(super) cap: Fit,
    /// Why it is no more than perhaps, apart from what `cap` says.
    pub(super) gap: Option<(Why, String)>,
    /// Per class of records whether it records it.
    pub(super) fits: Vec<Fit>,
}

const EVERYTHING: ([Fit; 3], [Fit; 2]) = ([Fit::Maybe; 3], [Fit::Yes; 2]);

impl<'a> Claim<'a> {
    pub(super) fn everything(candidate: Option<usize>, gap: (Why, String)) -> Self {
        let (events, console) = EVERYTHING;
        Claim {
            candidate,
            selector: None,
            events,
            console,
            principal: &[],
            cap: Fit::Maybe,
            gap: Some(gap),
            fits: Vec::new(),
        }
    }

    /// What a selector of an active recorder records.
    pub(super) fn of(selector: &'a Selector) -> Self {
        Claim {
            candidate: None,
            selector: Some(selector),
            events: selector.events,
            console: selector.console,
            principal: &selector.principal,
            cap: Fit::Yes,
            gap: None,
            fits: Vec::new(),
        }
    }

    /// It records every record of the events, for certain.
    pub(super) fn is_everything(&self, events: &BTreeSet<Event>) -> bool {
        self.cap == Fit::Yes
            && self.principal.is_empty()
            && self.console == [Fit::Yes; 2]
            && events.iter().all(|event| self.events[event.index()] == Fit::Yes)
    }

    /// How many classes it records for certain that are not covered yet.
    fn adds(&self, covered: &[bool]) -> usize {
        self.fits.iter().zip(covered).filter(|(fit, covered)| **fit == Fit::Yes && !**covered).count()
    }

    fn cover(&self, covered: &mut [bool]) {
        covered.iter_mut().zip(&self.fits).for_each(|(covered, fit)| *covered |= *fit == Fit::Yes);
    }

    /// It may record a class that nothing records for certain.
    pub(super) fn matters(&self, classes: &[Class]) -> bool {
        self.fits.iter().zip(classes).any(|(fit, class)| *fit == Fit::Maybe && *class == Fit::Maybe)
    }

    /// Why it is not known whether it records.
    pub(super) fn gaps(&self, candidates: &[Candidate<'_>], target: &Target<'_>) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        let mut add = |(why, detail): (Why, String)| gaps.push(Gap { why, detail });
        self.gap.iter().cloned().for_each(&mut add);
        let Some(candidate) = self.candidate.and_then(|at| candidates.get(at)) else { return gaps };
        candidate.unsure.iter().cloned().for_each(&mut add);
        if let Activity::Unread(why) = candidate.activity {
            let detail = format!(
                "whether {} is recording in {} could not be read ({why})",
                candidate.name(),
                target.region
            );
            add((why, detail));
        }
        if let Some(selector) = self.selector {
            let of = format!("{} of {} may record it", selector.label, candidate.name());
            let undocumented = self.events.contains(&Fit::Maybe) || self.console.contains(&Fit::Maybe);
            match &selector.doubt {
                Some(doubt) => add((Why::Malformed, format!("{of}: {doubt}"))),
                None if undocumented => {
                    add((
                        Why::Malformed,
                        format!("{of}: AWS does not document what it matches ({})", selector.text),
                    ));
                }
                None => {}
            }
        }
        gaps
    }
}

/// What is known of one class of records.
pub(super) type Class = Fit;

/// Checks every class of records against every claim, and notes in claims and candidates what they record.
pub(super) fn check(
    claims: &mut [Claim<'_>],
    candidates: &mut [Candidate<'_>],
    events: &BTreeSet<Event>,
) -> Vec<Class> {
    let limit = WITNESS_LIMIT / claims.len().max(1);
    let found = witnesses(claims.iter().flat_map(|claim| claim.principal), limit);
    let decided = found.is_some();
    let principals = found.unwrap_or_else(|| vec![None]);
    let mut classes = vec![Fit::No; events.len() * 2 * principals.len()];
    for claim in claims.iter_mut() {
        let mut would = Fit::No;
        let callers: Vec<Fit> = principals
            .iter()
            .map(|value| match decided || claim.principal.is_empty() {
                true => claim.principal.iter().all(|one| one.matches(value.as_deref())).into(),
                false => Fit::Maybe,
            })
            .collect();
        if !decided && !claim.principal.is_empty() {
            let detail = "the conditions on userIdentity.arn are too many to decide".to_owned();
            claim.gap = Some((Why::Malformed, detail));
        }
        let fits = events.iter().flat_map(|event| {
            let event = claim.events[event.index()];
            claim.console.into_iter().flat_map({
                let callers = &callers;
                move |console| callers.iter().map(move |caller| event.min(console).min(*caller))
            })
        });
        let mut mine = Vec::with_capacity(classes.len());
        for (class, fit) in classes.iter_mut().zip(fits) {
            would = would.max(fit);
            let fit = fit.min(claim.cap);
            *class = (*class).max(fit);
            mine.push(fit);
        }
        claim.fits = mine;
        if let Some(candidate) = claim.candidate.and_then(|at| candidates.get_mut(at)) {
            let would = if candidate.unsure.is_some() { would.min(Fit::Maybe) } else { would };
            candidate.would = candidate.would.max(would);
        }
    }
    classes
}

/// `None`: it depends on what was not read.
pub(super) fn judge(classes: &[Class]) -> Option<Configured> {
    let any = |fit: Fit| classes.contains(&fit);
    match (any(Fit::Yes), any(Fit::Maybe), any(Fit::No)) {
        (true, false, false) => Some(Configured::Yes),
        (false, false, _) => Some(Configured::No),
        (true, _, true) => Some(Configured::Partial),
        (_, true, _) => None,
    }
}

/// Claims that record all classes that are recorded for certain: greedily the one that adds most, then without those
/// that the later ones made superfluous.
pub(super) fn smallest_cover<'c, 'a>(claims: &'c [Claim<'a>], classes: usize) -> Vec<&'c Claim<'a>> {
    let mut covered = vec![false; classes];
    let mut chosen: Vec<&Claim<'_>> = Vec::new();
    loop {
        let mut best: Option<(usize, &Claim<'_>)> = None;
        for claim in claims {
            let gain = claim.adds(&covered);
            if gain > best.map_or(0, |(gain, _)| gain) {
                best = Some((gain, claim));
            }
        }
        let Some((_, claim)) = best else { break };
        claim.cover(&mut covered);
        chosen.push(claim);
    }
    let mut at = 0;
    while let Some(claim) = chosen.get(at) {
        let mut others = vec![false; classes];
        chosen
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != at)
            .for_each(|(_, one)| one.cover(&mut others));
        if claim.adds(&others) == 0 {
            chosen.remove(at);
        } else {
            at += 1;
        }
    }
    chosen
}
