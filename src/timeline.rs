//! What changes did to the things they changed, in order of time: what a value was before a change, and whether what
//! a change made still holds.
//!
//! A record of a change has [`Effect`]s on lines: one facet of one subject (the resource policy of an alias, the role
//! of a function, the selectors of a trail). A line is a map from keys to values; an effect replaces it, sets some of
//! its keys, or leaves open what became of it. [`Timeline`] gathers them, in any order and from any number of copies;
//! [`History`] answers from all of them, the holes between them, and a snapshot ([`Base`]).
//!
//! Which effects a record has is told by `facts::from_record`; which findings ask, by the engine. Pure.

mod base;
mod history;
mod of_fact;
mod question;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use base::{Base, merge};
pub use history::{History, Since, Standing};
pub use of_fact::{line, recorder_part, stands, statement_key, traces};
pub use question::Question;
pub use state::State;

use crate::arn;
use crate::facts::plain;
pub use crate::moment::Moment;
use crate::ordered::Distinct;
use crate::texts::Kept;

/// What became of a change. `fail_on_status` may narrow the gate to some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeStatus {
    /// It still holds at the end of what was read, or in a newer snapshot.
    Live,
    /// A later change narrows or blocks it.
    Mitigated,
    /// A later change removed the very thing.
    Reverted,
    /// What came later was not read, or does not say.
    Unconfirmed,
}

impl ChangeStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            ChangeStatus::Live => "live",
            ChangeStatus::Mitigated => "mitigated",
            ChangeStatus::Reverted => "reverted",
            ChangeStatus::Unconfirmed => "unconfirmed",
        }
    }

    /// How much of the change is left. Of several changes that show one finding, the one of which most is left speaks.
    pub const fn rank(self) -> u8 {
        match self {
            ChangeStatus::Reverted => 0,
            ChangeStatus::Mitigated => 1,
            ChangeStatus::Unconfirmed => 2,
            ChangeStatus::Live => 3,
        }
    }
}

/// A side of a subject that changes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Facet {
    /// Resource policy of a function, version, alias or layer version: statements by their Sid.
    Policy,
    /// A function URL: `auth_type` and `cors`.
    Url,
    /// Layers of a function, by ARN.
    Layers,
    /// A function's execution role, under the key `role`.
    Role,
    /// Where a function's asynchronous results and failures go.
    Destinations,
    /// An event source mapping: `function`, `source`, `enabled`.
    Mapping,
    /// A trail or event data store: `exists`, `logging`, `multi_region`, `organization`, `selectors`.
    Recorder,
}

impl Facet {
    /// Those of functions, their versions and aliases.
    pub const OF_FUNCTION: [Facet; 5] =
        [Facet::Policy, Facet::Url, Facet::Layers, Facet::Role, Facet::Destinations];
}

/// One facet of one subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Line {
    /// ARN, of functions without a qualifier; a name with account and region where the ARN is not known.
    pub subject: String,
    /// Version or alias; empty for the function itself and for what has none.
    pub scope: String,
    pub facet: Facet,
}

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Slot {
    Known(Box<str>),
    Absent,
    /// Something that the record does not say.
    Unread,
}

pub type Keys = Vec<(Box<str>, Slot)>;

/// What an effect does to a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Act {
    /// The line has these keys and no other.
    Replace(Keys),
    /// These keys are set; the others stay.
    Set(Keys),
    /// Something came that the record does not say; nothing went.
    Added,
    /// Anything may have changed: the record does not say.
    Unread,
}

impl Slot {
    pub fn text(value: impl Into<Box<str>>) -> Self {
        Slot::Known(value.into())
    }
}

/// What an effect does, and where on its subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Deed {
    /// `None`: the subject with all its versions and aliases.
    pub scope: Option<Box<str>>,
    /// `None`: every facet.
    pub facet: Option<Facet>,
    pub act: Act,
}

/// One effect of one record, as compact as it can be: there may be a million.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Effect {
    moment: Moment,
    /// Among the effects of its record.
    step: u8,
    #[serde(with = "plain::counted")]
    deed: Arc<Deed>,
}

impl Effect {
    fn is_on(&self, line: &Line) -> bool {
        let Deed { scope, facet, act: _ } = &*self.deed;
        scope.as_deref().is_none_or(|scope| scope == line.scope)
            && facet.is_none_or(|facet| facet == line.facet)
    }

    fn act(&self) -> &Act {
        &self.deed.act
    }
}

/// What an effect is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    Subject(String),
    /// Some subject of this account and region: the record does not say which.
    Somewhere {
        account: Option<String>,
        region: Option<String>,
    },
}

/// The effects of all records. Merging is commutative, associative and idempotent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    subjects: BTreeMap<String, Distinct<Effect>>,
    somewhere: BTreeSet<(Option<String>, Option<String>, Effect)>,
    /// The same is done again and again.
    #[serde(skip)]
    deeds: Kept<Deed>,
}

impl Timeline {
    /// `step`: among the effects of its record.
    pub fn add(&mut self, target: Target, (moment, step): (Moment, u8), deed: Deed) {
        let effect = Effect { moment, step, deed: self.deeds.keep_own(deed) };
        match target {
            Target::Subject(subject) => {
                self.subjects.entry(subject).or_default().add(effect);
            }
            Target::Somewhere { account, region } => {
                self.somewhere.insert((account, region, effect));
            }
        }
    }

    pub fn merge(&mut self, other: Timeline) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let Timeline { subjects, somewhere, deeds: _ } = other;
        for (subject, effects) in subjects {
            match self.subjects.get_mut(&subject) {
                Some(known) => known.merge(effects),
                None => {
                    self.subjects.insert(subject, effects);
                }
            }
        }
        self.somewhere.extend(somewhere);
    }

    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty() && self.somewhere.is_empty()
    }

    /// The effects on a line, in order.
    fn on(&self, line: &Line) -> Vec<&Effect> {
        let own = self.subjects.get(&line.subject).into_iter().flat_map(Distinct::added);
        let mut all: Vec<&Effect> = own.filter(|effect| effect.is_on(line)).collect();
        all.sort_unstable();
        all.dedup();
        let (account, region) = (arn::account(&line.subject), arn::region(&line.subject));
        // What is not known of either side may be the same.
        let may_be = |known: &Option<String>, of: Option<&str>| match (known.as_deref(), of) {
            (Some(known), Some(of)) => known == of,
            (None, _) | (_, None) => true,
        };
        let somewhere = self
            .somewhere
            .iter()
            .filter(|(in_account, in_region, _)| may_be(in_account, account) && may_be(in_region, region))
            .map(|(_, _, effect)| effect);
        all.extend(somewhere.filter(|effect| effect.is_on(line)));
        all.sort();
        all
    }
}

/// A value that a finding rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Want {
    /// `None`: under whatever key. A statement keeps its finding alive under every key; its own tells it apart.
    pub key: Option<Box<str>>,
    pub value: Box<str>,
}

/// What has to stand for a finding to hold: all of these values, on one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trace {
    pub line: Line,
    pub wants: Vec<Want>,
}

impl Want {
    /// Is it what is wanted?
    fn is_met(&self, facet: Facet, key: &str, value: &str) -> bool {
        match facet {
            Facet::Policy => of_fact::grants(value, &self.value),
            Facet::Recorder => {
                self.key.as_deref() == Some(key) && of_fact::recorder_value(key, value) == *self.value
            }
            _ => self.key.as_deref().is_none_or(|wanted| wanted == key) && *self.value == *value,
        }
    }
}
