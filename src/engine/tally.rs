//! What judging has found so far. Merging is commutative, associative, and does not count an event twice.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::state::Counted;
use crate::facts::schema::Origin;
use crate::facts::{Source, Subject, plain};
use crate::findings::Fingerprint;
use crate::policy::judge::Outcome;
use crate::policy::{Evidence, Severity};
use crate::timeline::{ChangeStatus, History, Moment, Since, Standing, Trace};
use crate::value::Why;

/// The most eventIDs a finding carries: the earliest.
const EVENT_IDS: usize = 20;

/// One failing judgement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Occurrence {
    /// Index into the engine's policies.
    pub policy: usize,
    pub severity: Severity,
    /// 0–100.
    pub risk_score: u8,
    /// The note of the level that decided, if one did.
    pub level: Option<String>,
    pub origin: Origin,
    /// Seconds since 1970 UTC, for records.
    pub time: Option<i64>,
    pub event_id: Option<String>,
    #[serde(with = "plain::source")]
    pub source: Source,
    pub subject: Subject<'static>,
    pub message: String,
    pub evidence: Vec<Evidence>,
    /// What has to stand for it to hold.
    pub traces: Vec<Trace>,
}

impl Occurrence {
    /// The one that speaks for a finding comes first: the gravest, then state before change, then the earliest.
    fn key(&self) -> impl Ord + '_ {
        use std::cmp::Reverse;
        (
            Reverse(self.severity),
            Reverse(self.risk_score),
            self.origin,
            self.time,
            &self.event_id,
            &self.source,
            &self.message,
        )
    }

    fn identity(&self) -> u64 {
        identity(self.event_id.as_deref(), || self.source.clone())
    }
}

/// Two deliveries of one event are one.
fn identity(event_id: Option<&str>, source: impl FnOnce() -> Source) -> u64 {
    let mut hasher = DefaultHasher::new();
    match event_id {
        Some(id) => (1u8, id).hash(&mut hasher),
        None => (2u8, source()).hash(&mut hasher),
    }
    hasher.finish()
}

/// What the occurrences of one finding rest on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Rests {
    /// What changes made, and the last of them that did: what undid that one undid those before.
    changes: BTreeMap<Trace, Moment>,
    /// There is a change of which it cannot be told whether it holds.
    untraced: bool,
    /// What the snapshot shows.
    shown: BTreeSet<Trace>,
}

impl Rests {
    fn of(occurrence: &mut Occurrence) -> Self {
        let mut rests = Rests::default();
        let traces = std::mem::take(&mut occurrence.traces);
        match (occurrence.origin, occurrence.time, &occurrence.source) {
            (Origin::Change, Some(time), Source::Record { file, offset, .. }) => {
                let moment = Moment::new(time, occurrence.event_id.as_deref(), file, *offset);
                rests.untraced = traces.is_empty();
                rests.changes.extend(traces.into_iter().map(|trace| (trace, moment.clone())));
            }
            (Origin::Change, ..) => rests.untraced = true,
            (Origin::State, ..) => rests.shown.extend(traces),
            (Origin::Activity, ..) => {}
        }
        rests
    }

    fn merge(&mut self, other: Rests) {
        for (trace, moment) in other.changes {
            match self.changes.get_mut(&trace) {
                Some(known) if *known >= moment => {}
                Some(known) => *known = moment,
                None => {
                    self.changes.insert(trace, moment);
                }
            }
        }
        self.untraced |= other.untraced;
        self.shown.extend(other.shown);
    }
}

/// All occurrences of one finding.
#[derive(Debug, Serialize, Deserialize)]
pub struct Gathered {
    pub speaker: Occurrence,
    pub origins: BTreeSet<Origin>,
    /// The earliest (time, eventID), at most [`EVENT_IDS`].
    pub events: BTreeSet<(i64, String)>,
    pub first: Option<i64>,
    pub last: Option<i64>,
    rests: Rests,
    seen: HashSet<u64>,
}

impl Gathered {
    fn of(mut occurrence: Occurrence) -> Self {
        let rests = Rests::of(&mut occurrence);
        let event = occurrence.time.zip(occurrence.event_id.clone());
        Gathered {
            origins: BTreeSet::from([occurrence.origin]),
            events: event.into_iter().collect(),
            first: occurrence.time,
            last: occurrence.time,
            rests,
            seen: HashSet::from([occurrence.identity()]),
            speaker: occurrence,
        }
    }

    fn merge(&mut self, other: Gathered) {
        if other.speaker.key() < self.speaker.key() {
            self.speaker = other.speaker;
        }
        self.origins.extend(other.origins);
        self.events.extend(other.events);
        while self.events.len() > EVENT_IDS {
            self.events.pop_last();
        }
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.rests.merge(other.rests);
        self.seen.extend(other.seen);
    }

    /// Whether it still holds; `None` for what merely happened. What a snapshot alone shows holds.
    pub fn standing(&self, history: &History<'_>) -> Option<Standing> {
        let plain = |status| Standing { status, by: None };
        if !self.origins.contains(&Origin::Change) {
            return self.origins.contains(&Origin::State).then(|| plain(ChangeStatus::Live));
        }
        let changes = self.rests.changes.iter();
        let changes = changes.map(|(trace, moment)| history.standing(trace, Since::Record(moment)));
        let untraced = self.rests.untraced.then(|| plain(ChangeStatus::Unconfirmed));
        let shown = self.rests.shown.iter().map(|trace| history.standing(trace, Since::Snapshot));
        changes.chain(untraced).chain(shown).reduce(Standing::or)
    }

    /// How many different records or snapshot places it was seen in.
    pub fn count(&self) -> u64 {
        self.seen.len() as u64
    }
}

/// Why judgements are unknown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnknownKey {
    /// The field that was not read: `grant.exposure`.
    pub field: String,
    pub why: Why,
    /// An accepted gap covers it.
    pub accepted: bool,
}

/// How often, and where for example.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownTally {
    pub count: u64,
    #[serde(with = "plain::example")]
    pub example: (String, Source),
}

/// The counts of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyTally {
    pub fail: u64,
    /// Of these, not reported again: `repeat`.
    pub repeated: u64,
    pub pass: u64,
    pub not_applicable: u64,
    pub unknown: u64,
    /// Of the unknown ones, those that an accepted gap covers.
    pub accepted: u64,
    pub why: BTreeMap<UnknownKey, UnknownTally>,
}

impl PolicyTally {
    pub fn judged(&self) -> u64 {
        self.fail + self.pass + self.not_applicable + self.unknown
    }

    pub(super) fn merge(&mut self, other: PolicyTally) {
        let PolicyTally { fail, repeated, pass, not_applicable, unknown, accepted, why } = other;
        self.fail += fail;
        self.repeated += repeated;
        self.pass += pass;
        self.not_applicable += not_applicable;
        self.unknown += unknown;
        self.accepted += accepted;
        for (key, unknown) in why {
            add_unknown(&mut self.why, key, unknown);
        }
    }
}

/// What judging has found so far.
#[derive(Debug)]
pub struct Tally {
    pub policies: Vec<PolicyTally>,
    pub findings: HashMap<Fingerprint, Gathered>,
    /// By policy and account, the second from which records are judged: those before have too little history.
    pub warming_up: BTreeMap<(usize, String), i64>,
}

impl Tally {
    pub(super) fn new(policies: usize) -> Self {
        Tally {
            policies: vec![PolicyTally::default(); policies],
            findings: HashMap::new(),
            warming_up: BTreeMap::new(),
        }
    }

    pub(super) fn count(&mut self, policy: usize, change: impl FnOnce(&mut PolicyTally)) {
        if let Some(row) = self.policies.get_mut(policy) {
            change(row);
        }
    }

    /// Counts a verdict that finds nothing.
    pub(super) fn passed(&mut self, policy: usize, outcome: Outcome) {
        self.count(policy, |row| match outcome {
            Outcome::NotApplicable => row.not_applicable += 1,
            _ => row.pass += 1,
        });
    }

    pub(super) fn fail(&mut self, fingerprint: Fingerprint, occurrence: Occurrence) {
        self.gather(fingerprint, Gathered::of(occurrence));
    }

    pub(super) fn gather(&mut self, fingerprint: Fingerprint, gathered: Gathered) {
        match self.findings.entry(fingerprint) {
            std::collections::hash_map::Entry::Occupied(mut entry) => entry.get_mut().merge(gathered),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(gathered);
            }
        }
    }

    /// Counts judgements as unknown, with everything that was missing.
    pub fn unknown(
        &mut self,
        policy: usize,
        accepted: bool,
        judgements: u64,
        keys: impl IntoIterator<Item = UnknownKey>,
        example: &str,
        source: &Source,
    ) {
        let Some(row) = self.policies.get_mut(policy) else { return };
        row.unknown += judgements;
        if accepted {
            row.accepted += judgements;
        }
        for key in keys {
            let one = UnknownTally { count: judgements, example: (example.to_owned(), source.clone()) };
            add_unknown(&mut row.why, key, one);
        }
    }

    /// Adds another tally over the same policies.
    pub fn merge(&mut self, other: Tally) {
        for (row, more) in self.policies.iter_mut().zip(other.policies) {
            row.merge(more);
        }
        for (fingerprint, gathered) in other.findings {
            self.gather(fingerprint, gathered);
        }
        for ((policy, account), from) in other.warming_up {
            self.warming_up(policy, &account, from);
        }
    }

    /// A record of this account was not judged, since those of its class are judged from `from` on.
    pub(super) fn warming_up(&mut self, policy: usize, account: &str, from: i64) {
        let known = self.warming_up.entry((policy, account.to_owned())).or_insert(from);
        *known = from.max(*known);
    }

    /// All occurrences of one finding at once.
    pub(super) fn fail_all(&mut self, fingerprint: Fingerprint, occurrence: Occurrence, records: &[Counted]) {
        let mut gathered = Gathered::of(occurrence);
        gathered.events.clear();
        gathered.seen.clear();
        for record in records {
            let (time, id) = (record.moment.time, record.moment.event_id());
            gathered.seen.insert(identity(id.as_deref(), || record.source()));
            if let Some(id) = id.filter(|_| gathered.events.len() < EVENT_IDS) {
                gathered.events.insert((time, id));
            }
            gathered.last = gathered.last.max(Some(time));
        }
        self.gather(fingerprint, gathered);
    }
}

fn add_unknown(why: &mut BTreeMap<UnknownKey, UnknownTally>, key: UnknownKey, more: UnknownTally) {
    match why.entry(key) {
        std::collections::btree_map::Entry::Occupied(mut entry) => {
            let known = entry.get_mut();
            known.count += more.count;
            if more.example < known.example {
                known.example = more.example;
            }
        }
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(more);
        }
    }
}
