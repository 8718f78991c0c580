//! Solves one function: which classes of its records are recorded for certain, perhaps, or not.

use std::collections::{BTreeMap, BTreeSet};

use super::classes::{Claim, check, judge, smallest_cover};
use super::collected::{Kind, Recorder, Recorders};
use super::exclude::{exclusions, other_region};
use super::explain::{self, recorder_text, short};
use super::selector::{Compiled, Fit};
use super::{Answer, Configured, Event, Gap, Proof, Target};
use crate::value::{Reading, Why};

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
pub(super) struct Prepared<'a> {
    pub(super) arn: &'a str,
    pub(super) recorder: &'a Recorder,
    pub(super) selectors: Result<Compiled, Why>,
}

/// Whether a recorder covers an account and region at all.
enum Reach {
    Yes,
    No,
    /// It covers the account, in another region.
    OtherRegion(String),
    Unknown(Why, String),
}

pub(super) enum Activity {
    Active,
    Stopped(String),
    Failing(String),
    Unread(Why),
}

/// A recorder that covers the account and region, or may.
pub(super) struct Candidate<'a> {
    pub(super) prepared: &'a Prepared<'a>,
    pub(super) unsure: Option<(Why, String)>,
    pub(super) activity: Activity,
    /// Whether it would record any of the records, were it active.
    pub(super) would: Fit,
}

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
        self.solve_by(target, events, |_| true)
    }

    /// The same by trails alone: what they record is in files, and what an event data store does is not.
    pub fn in_files(&self, target: &Target<'_>, events: &[Event]) -> Reading<Configured> {
        self.solve_by(target, events, |kind| kind == Kind::Trail).configured
    }

    fn solve_by(&self, target: &Target<'_>, events: &[Event], counts: impl Fn(Kind) -> bool) -> Answer {
        let events: BTreeSet<Event> =
            if events.is_empty() { Event::OF_FUNCTION } else { events }.iter().copied().collect();
        let mut excluded = Vec::new();
        let mut candidates = Vec::new();
        for prepared in self.near(target.account).filter(|one| counts(one.recorder.kind)) {
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
        claims.extend(self.not_listed(target, &counts));

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
    fn not_listed(
        &self,
        target: &Target<'_>,
        counts: impl Fn(Kind) -> bool,
    ) -> impl Iterator<Item = Claim<'a>> {
        let what = [
            (Kind::Trail, "trails", self.recorders.trails_listed(target.account, target.region)),
            (
                Kind::EventDataStore,
                "event data stores",
                self.recorders.stores_listed(target.account, target.region),
            ),
        ];
        let what =
            what.into_iter().filter(move |(kind, ..)| counts(*kind)).map(|(_, what, listed)| (what, listed));
        let (account, region) = (target.account.to_owned(), target.region.to_owned());
        what.filter_map(move |(what, listed)| {
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

    pub(super) fn name(&self) -> String {
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
