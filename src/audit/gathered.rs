//! What is gathered from trail records: by each thread, file after file; of all files together; and taken apart by policy,
//! to be kept.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::causes::Ways;
use super::delivery::Arrivals;
use super::relevance::Names;
use crate::engine::state;
use crate::engine::{Engine, Memory, Share, Tally, Waits};
use crate::facts::open::{OpenFact, Opened};
use crate::facts::sessions;
use crate::findings::cause::Changes;
use crate::network::Recent;
use crate::timeline::Timeline;

/// The last record of a function's invocation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LastInvoke {
    /// Seconds since 1970, UTC.
    pub time: i64,
    pub event_id: Option<String>,
}

/// What is learned from records beside findings.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RecordFacts {
    pub records: u64,
    /// Lambda data events.
    pub invocations: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
    pub accounts: BTreeSet<String>,
    pub regions: BTreeSet<String>,
    pub arrivals: Arrivals,
    /// By the function's unqualified ARN.
    pub last_invokes: BTreeMap<String, LastInvoke>,
    /// Of each account and class; empty where no policy asks what other records there are.
    pub reading: state::Reading,
    /// Who changed what.
    pub changes: Changes,
    /// What changes did to what the policies ask about.
    pub timeline: Timeline,
    /// Facts that are complete when all records have been read.
    pub open: Vec<OpenFact>,
}

impl RecordFacts {
    pub fn merge(&mut self, other: RecordFacts) {
        self.records += other.records;
        self.invocations += other.invocations;
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.accounts.extend(other.accounts);
        self.regions.extend(other.regions);
        self.arrivals.merge(other.arrivals);
        self.reading.merge(other.reading);
        self.changes.merge(other.changes);
        self.timeline.merge(other.timeline);
        self.open.extend(other.open);
        for (function, invoke) in other.last_invokes {
            self.invoked(&function, invoke);
        }
    }

    /// A function was invoked, by its unqualified ARN.
    pub(super) fn invoked(&mut self, function: &str, invoke: LastInvoke) {
        match self.last_invokes.get_mut(function) {
            Some(known) if *known >= invoke => {}
            Some(known) => *known = invoke,
            None => {
                self.last_invokes.insert(function.to_owned(), invoke);
            }
        }
    }
}

/// What one thread gathers, file after file. Which thread read which file changes nothing.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) tally: Tally,
    pub(super) memory: Memory,
    pub(super) facts: RecordFacts,
    /// What the records say about sessions.
    pub(super) sessions: sessions::Sessions,
    /// What waits until it is known whose the sessions are.
    pub(super) waiting: Waits,
    pub(super) names: Names,
    /// The addresses that were looked up before.
    pub(super) recent: RefCell<Recent>,
    /// How the changes that were met were made.
    pub(super) ways: Ways,
    /// What the facts that wait for what stood before have in common.
    pub(super) opened: Opened,
}

impl Gathered {
    pub(super) fn nothing(engine: &Engine<'_>) -> Self {
        Gathered {
            tally: engine.tally(),
            memory: engine.memory(),
            facts: RecordFacts::default(),
            sessions: sessions::Sessions::new(engine.keys()),
            waiting: Waits::default(),
            names: Names::default(),
            recent: RefCell::default(),
            ways: Ways::default(),
            opened: Opened::default(),
        }
    }

    pub(super) fn merge(&mut self, engine: &Engine<'_>, other: Gathered) {
        let Gathered { tally, memory, facts, sessions, waiting, names: _, recent: _, ways: _, opened: _ } =
            other;
        self.tally.merge(tally);
        engine.remember_all(&mut self.memory, memory);
        self.facts.merge(facts);
        self.sessions.merge(sessions);
        self.waiting.merge(waiting);
    }

    /// By policy, what can be kept.
    pub(super) fn apart(self, engine: &Engine<'_>) -> Apart {
        let Gathered { tally, memory, facts, sessions, waiting, names: _, recent: _, ways: _, opened: _ } =
            self;
        Apart { shares: engine.shares(tally, memory), facts, sessions, waiting }
    }

    /// Adds what some files gave. `place`: where the engine has each of its policies. False: a share is none of its
    /// policy's.
    pub(super) fn add(
        &mut self,
        engine: &Engine<'_>,
        apart: Apart,
        place: impl Fn(usize) -> Option<usize>,
    ) -> bool {
        let Apart { shares, facts, sessions, waiting } = apart;
        self.facts.merge(facts);
        self.sessions.merge(sessions);
        self.waiting.merge(waiting.placed(&place));
        let mut sound = true;
        for (at, share) in shares.into_iter().enumerate() {
            if let Some(at) = place(at) {
                sound &= engine.add_share(at, share, (&mut self.memory, &mut self.tally));
            }
        }
        sound
    }
}

/// What records gave, taken apart by policy.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Apart {
    /// In the order of the policies.
    pub(super) shares: Vec<Share>,
    /// Nothing where only policies are concerned.
    pub(super) facts: RecordFacts,
    pub(super) sessions: sessions::Sessions,
    /// Of policies by position.
    pub(super) waiting: Waits,
}
