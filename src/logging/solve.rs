//! Solves one function: which classes of its records are recorded for certain, perhaps, or not.

use std::collections::{BTreeMap, BTreeSet};

use super::collected::{Kind, Recorder, Recorders};
use super::explain::{self, recorder_text, short};
use super::patterns::{Condition, witnesses};
use super::selector::{Compiled, Fit, Selector};
use super::{Answer, Case, Configured, Event, Exclusion, Gap, Proof, Target};
use crate::value::{Reading, Why};

/// The most values of `userIdentity.arn`, times the selectors they are checked against, for one function. AWS allows
/// 500 values in all selectors of a trail. Beyond it, conditions on callers are not decided.
const WITNESS_LIMIT: usize = 8_192;

/// Answers for functions, from selectors prepared once.
#[derive(Debug)]
pub struct Solver<'a> {
    recorders: &'a Recorders,
    all: Vec<Prepared<'a>>,
    by_owner: BTreeMap<&'a str, Vec<usize>>,
    /// Those that may record accounts other than their owner's.
    shared: Vec<usize>,
}

#[derive(Debug)]
struct Prepared<'a> {
    arn: &'a str,
    recorder: &'a Recorder,
    selectors: Result<Compiled, Why>,
}

/// Whether a recorder covers an account and region at all.
enum Reach {
    Yes,
    No,
    /// It covers the account, in another region.
    OtherRegion(String),
    Unknown(Why, String),
}

enum Activity {
    Active,
    Stopped(String),
    Failing(String),
    Unread(Why),
}

/// A recorder that covers the account and region, or may.
struct Candidate<'a> {
    prepared: &'a Prepared<'a>,
    unsure: Option<(Why, String)>,
    activity: Activity,
    /// Whether it would record any of the records, were it active.
    would: Fit,
}

/// A selector for the function; without one, selectors that were not read.
struct Claim<'a> {
    /// Index of the candidate; `None`: a recorder that was not listed.
    candidate: Option<usize>,
    selector: Option<&'a Selector>,
    events: [Fit; 3],
    console: [Fit; 2],
    principal: &'a [Condition],
    /// What it can be at best: not recording, recording perhaps, recording.
    cap: Fit,
    /// Why it is no more than perhaps, apart from what `cap` says.
    gap: Option<(Why, String)>,
    /// Per class of records whether it records it.
    fits: Vec<Fit>,
}

const EVERYTHING: ([Fit; 3], [Fit; 2]) = ([Fit::Maybe; 3], [Fit::Yes; 2]);

impl<'a> Solver<'a> {
    pub(super) fn new(recorders: &'a Recorders) -> Self {
        let mut solver = Solver { recorders, all: Vec::new(), by_owner: BTreeMap::new(), shared: Vec::new() };
        for ((arn, _), recorder) in &recorders.all {
            let at = solver.all.len();
            let selectors =
                recorder.selectors.get().map(|selectors| Compiled::new(selectors, &recorder.partition));
            solver.all.push(Prepared { arn, recorder, selectors });
            let owner = recorder.account.as_deref().unwrap_or_default();
            solver.by_owner.entry(owner).or_default().push(at);
            if recorder.organization.get() != Ok(&false) || recorders.listed_by_others(arn, owner) {
                solver.shared.push(at);
            }
        }
        solver
    }

    /// Whether all the given events of the function are recorded; without any, those of a function without a URL.
    pub fn solve(&self, target: &Target<'_>, events: &[Event]) -> Answer {
        let events: BTreeSet<Event> =
            if events.is_empty() { Event::OF_FUNCTION } else { events }.iter().copied().collect();
        let mut excluded = Vec::new();
        let mut candidates = Vec::new();
        for prepared in self.near(target.account) {
            match self.reach(prepared, target) {
                Reach::No => {}
                Reach::OtherRegion(home) => excluded.extend(other_region(prepared, &home, target)),
                Reach::Yes => candidates.push(Candidate::new(prepared, None, target)),
                Reach::Unknown(why, detail) => {
                    candidates.push(Candidate::new(prepared, Some((why, detail)), target));
                }
            }
        }
        let mut claims: Vec<Claim<'_>> = candidates
            .iter()
            .enumerate()
            .flat_map(|(at, candidate)| claims_of(at, candidate, target))
            .collect();
        if let Some(claim) = claims.iter().find(|claim| claim.is_everything(&events)) {
            return yes(&candidates, &[claim]);
        }
        claims.extend(self.not_listed(target));

        let classes = check(&mut claims, &mut candidates, &events);
        let proving = smallest_cover(&claims, classes.len());
        let configured = judge(&classes);
        if configured == Some(Configured::Yes) {
            return yes(&candidates, &proving);
        }
        for candidate in candidates.iter().filter(|candidate| candidate.unsure.is_none()) {
            excluded.extend(exclusions(candidate, target, &events));
        }
        excluded.sort();
        excluded.dedup();
        let mut gaps: Vec<Gap> = claims
            .iter()
            .filter(|claim| claim.matters(&classes))
            .flat_map(|claim| claim.gaps(&candidates, target))
            .collect();
        gaps.sort();
        gaps.dedup();
        let why = gaps.first().map_or(Why::NotCollected, |gap| gap.why);
        let delivery_failing = match delivery_failing(&candidates, &claims) {
            Some(failing) => Reading::Known(failing),
            None => {
                let every = claims.iter().flat_map(|claim| claim.gaps(&candidates, target));
                Reading::Unread(every.map(|gap| gap.why).min().unwrap_or(why))
            }
        };
        let (proof, names) = proofs(&candidates, &proving);
        let (configured, reason) = match configured {
            Some(Configured::No) => {
                (Reading::Known(Configured::No), explain::no(&excluded, target.account, target.region))
            }
            Some(known) => (Reading::Known(known), explain::partial(&proof, &names, &excluded)),
            None => (Reading::Unread(why), explain::unread(&gaps, &proof, &names, &excluded)),
        };
        if configured.known().is_some() {
            gaps.clear();
        }
        excluded.truncate(Answer::EXCLUDED_LIMIT);
        gaps.truncate(Answer::EXCLUDED_LIMIT);
        Answer { configured, delivery_failing, reason, proof, excluded, gaps }
    }

    /// The recorders that may concern an account, by ARN.
    fn near(&self, account: &str) -> impl Iterator<Item = &Prepared<'a>> {
        let own = self.by_owner.get(account).map(Vec::as_slice).unwrap_or_default();
        let near: BTreeSet<usize> = own.iter().chain(&self.shared).copied().collect();
        near.into_iter().filter_map(|at| self.all.get(at))
    }

    fn reach(&self, prepared: &Prepared<'_>, target: &Target<'_>) -> Reach {
        let recorder = prepared.recorder;
        let name = || recorder_text(prepared.arn, recorder);
        let account = self.covers_account(prepared, target);
        if account == Ok(false) {
            return Reach::No;
        }
        let region = match (recorder.home.get(), recorder.multi_region.get()) {
            (Ok(home), _) if home == target.region => Ok(None),
            (_, Ok(true)) => Ok(None),
            (Ok(home), Ok(false)) => Ok(Some(home)),
            (Err(why), Ok(false)) | (_, Err(why)) => Err(why),
        };
        match (account, region) {
            (Ok(_), Ok(None)) => Reach::Yes,
            (Ok(_), Ok(Some(home))) => Reach::OtherRegion(home.clone()),
            (Err(_), Ok(Some(_))) => Reach::No,
            (_, Err(why)) => Reach::Unknown(
                why,
                format!("whether {} records {} is not known ({why})", name(), target.region),
            ),
            (Err(why), Ok(None)) => Reach::Unknown(
                why,
                format!("whether {} records account {} is not known ({why})", name(), target.account),
            ),
        }
    }

    /// A trail covers the account that owns it, the accounts that list it, and as an organization's the accounts of
    /// the organization whose own lists were not read. An event data store is not listed in members' accounts.
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html>
    fn covers_account(&self, prepared: &Prepared<'_>, target: &Target<'_>) -> Result<bool, Why> {
        let recorder = prepared.recorder;
        let owner = recorder.account.as_deref();
        if owner == Some(target.account) {
            return Ok(true);
        }
        if recorder.kind == Kind::Trail {
            if self.recorders.lists(target.account, prepared.arn) {
                return Ok(true);
            }
            if self.recorders.trails_listed(target.account, target.region).is_ok() {
                return Ok(false);
            }
        }
        let organization = recorder.organization.get();
        if organization == Ok(&false) {
            return Ok(false);
        }
        let owner = owner.ok_or(Why::Malformed)?;
        match self.recorders.is_member(owner, target.account) {
            Some(false) => Ok(false),
            Some(true) => organization.copied(),
            None => Err(organization.err().unwrap_or(Why::NotCollected)),
        }
    }

    /// Recorders that nobody listed may record anything.
    fn not_listed(&self, target: &Target<'_>) -> impl Iterator<Item = Claim<'a>> {
        let what = [
            ("trails", self.recorders.trails_listed(target.account, target.region)),
            ("event data stores", self.recorders.stores_listed(target.account, target.region)),
        ];
        let (account, region) = (target.account.to_owned(), target.region.to_owned());
        what.into_iter().filter_map(move |(what, listed)| {
            let why = listed.err()?;
            let detail = format!("the {what} of account {account} in {region} were not listed ({why})");
            Some(Claim::everything(None, (why, detail)))
        })
    }
}

impl<'a> Candidate<'a> {
    fn new(prepared: &'a Prepared<'a>, unsure: Option<(Why, String)>, target: &Target<'_>) -> Self {
        let activity = match prepared.recorder.status_in(target.region) {
            Err(why) => Activity::Unread(why),
            Ok(status) => match (status.logging, &status.delivery_error) {
                (Some(false), _) => Activity::Stopped(
                    status.word.as_ref().map_or_else(|| "stopped".to_owned(), |word| word.clone()),
                ),
                (_, Some(error)) => Activity::Failing(error.clone()),
                (Some(true), None) => Activity::Active,
                (None, None) => Activity::Unread(Why::Malformed),
            },
        };
        Candidate { prepared, unsure, activity, would: Fit::No }
    }

    fn name(&self) -> String {
        recorder_text(self.prepared.arn, self.prepared.recorder)
    }

    fn cap(&self) -> Fit {
        match (&self.activity, &self.unsure) {
            (Activity::Stopped(_) | Activity::Failing(_), _) => Fit::No,
            (Activity::Active, None) => Fit::Yes,
            (Activity::Unread(_), _) | (Activity::Active, Some(_)) => Fit::Maybe,
        }
    }
}

fn claims_of<'a>(at: usize, candidate: &Candidate<'a>, target: &Target<'_>) -> Vec<Claim<'a>> {
    match &candidate.prepared.selectors {
        Err(why) => {
            let detail = format!("the selectors of {} could not be read ({why})", candidate.name());
            vec![Claim { cap: candidate.cap(), ..Claim::everything(Some(at), (*why, detail)) }]
        }
        Ok(compiled) => compiled
            .selectors
            .iter()
            .filter(|selector| selector.matches_arn(target.arn))
            .map(|selector| Claim {
                candidate: Some(at),
                selector: Some(selector),
                events: selector.events,
                console: selector.console,
                principal: &selector.principal,
                cap: candidate.cap(),
                gap: None,
                fits: Vec::new(),
            })
            .collect(),
    }
}

impl<'a> Claim<'a> {
    fn everything(candidate: Option<usize>, gap: (Why, String)) -> Self {
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

    /// It records every record of the events, for certain.
    fn is_everything(&self, events: &BTreeSet<Event>) -> bool {
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
    fn matters(&self, classes: &[Class]) -> bool {
        self.fits.iter().zip(classes).any(|(fit, class)| *fit == Fit::Maybe && *class == Fit::Maybe)
    }

    /// Why it is not known whether it records.
    fn gaps(&self, candidates: &[Candidate<'_>], target: &Target<'_>) -> Vec<Gap> {
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
type Class = Fit;

/// Checks every class of records against every claim, and notes in claims and candidates what they record.
fn check(claims: &mut [Claim<'_>], candidates: &mut [Candidate<'_>], events: &BTreeSet<Event>) -> Vec<Class> {
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
fn judge(classes: &[Class]) -> Option<Configured> {
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
fn smallest_cover<'c, 'a>(claims: &'c [Claim<'a>], classes: usize) -> Vec<&'c Claim<'a>> {
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

/// True: some recorder would record, and each that would is stopped or failing. `None`: it depends on what was not read.
fn delivery_failing(candidates: &[Candidate<'_>], claims: &[Claim<'_>]) -> Option<bool> {
    let hidden = claims.iter().any(|claim| claim.candidate.is_none());
    let working = |candidate: &Candidate<'_>| matches!(candidate.activity, Activity::Active);
    let broken =
        |candidate: &Candidate<'_>| matches!(candidate.activity, Activity::Stopped(_) | Activity::Failing(_));
    let may = || candidates.iter().filter(|candidate| candidate.would != Fit::No);
    let does = || candidates.iter().filter(|candidate| candidate.would == Fit::Yes);
    let can_be_true = !does().any(working) && (hidden || may().any(|candidate| !working(candidate)));
    let can_be_false = does().next().is_none() || hidden || may().any(|candidate| !broken(candidate));
    match (can_be_true, can_be_false) {
        (true, true) => None,
        (failing, _) => Some(failing),
    }
}

fn yes(candidates: &[Candidate<'_>], proving: &[&Claim<'_>]) -> Answer {
    let (proof, names) = proofs(candidates, proving);
    Answer {
        configured: Reading::Known(Configured::Yes),
        delivery_failing: Reading::Known(false),
        reason: explain::yes(&proof, &names),
        proof,
        excluded: Vec::new(),
        gaps: Vec::new(),
    }
}

/// The proofs in the order of their recorders, and the recorders' names.
fn proofs(candidates: &[Candidate<'_>], proving: &[&Claim<'_>]) -> (Vec<Proof>, Vec<String>) {
    let mut all: Vec<(Proof, String)> = proving
        .iter()
        .filter_map(|claim| {
            let (selector, candidate) = (claim.selector?, candidates.get(claim.candidate?)?);
            let proof = Proof {
                recorder: short(candidate.prepared.arn),
                selector: selector.label.clone(),
                text: selector.text.clone(),
            };
            Some((proof, candidate.name()))
        })
        .collect();
    all.sort();
    all.into_iter().unzip()
}

fn other_region(prepared: &Prepared<'_>, home: &str, target: &Target<'_>) -> Option<Exclusion> {
    let concerns = match &prepared.selectors {
        Ok(compiled) => compiled.selectors.iter().any(|selector| selector.matches_arn(target.arn)),
        Err(_) => true,
    };
    let detail =
        || format!("{} records {} only", recorder_text(prepared.arn, prepared.recorder), short(home));
    concerns.then(|| Exclusion { case: Case::OtherRegion, detail: detail() })
}

/// What excludes the function from a recorder's records, or narrows them.
fn exclusions(candidate: &Candidate<'_>, target: &Target<'_>, events: &BTreeSet<Event>) -> Vec<Exclusion> {
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
