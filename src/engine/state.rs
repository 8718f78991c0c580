//! Judging across records, in two phases. While records are read, each adds to the tables of the policies that have
//! state, and those whose verdict hangs on what else there is are held. When all have been read, the held ones are
//! judged. Neither the order of the records nor how they were divided changes a verdict.
//!
//! Not here: policies that judge facts by themselves, and what becomes of a verdict.

mod count;
mod history;
mod key;
mod part;
mod reading;
mod repeat;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::facts::plain;
use crate::facts::schema::FieldAccess;
use crate::hashed::Keys;
use crate::moment::{Came, Moment};
use crate::policy::judge::{Judge, Outcome};
use crate::policy::program::{Among, Program};
use crate::policy::{Env, Window};
use crate::value::{Truth, Value};
pub(crate) use count::Recount;
use history::Certainty;
use key::{Keyed, Other};
pub(crate) use part::{CountMode, Counted, Now, Part, Settled};
pub use reading::{EventClass, Hole, Reading};

/// Where and when a fact's record stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    moment: Moment,
    /// The account whose trail it is.
    #[serde(with = "plain::shared_option")]
    pub account: Option<Arc<str>>,
    pub class: EventClass,
    #[serde(with = "plain::shared")]
    pub file: Arc<str>,
    /// Byte offset of the record in the decompressed text.
    pub offset: u64,
}

impl Occasion {
    /// `time`: seconds since 1970, UTC.
    pub fn new(
        (time, event_id): (i64, Option<&str>),
        account: Option<Arc<str>>,
        class: EventClass,
        (file, offset): (Arc<str>, u64),
    ) -> Self {
        Occasion { moment: Moment::new(time, event_id, &file, offset), account, class, file, offset }
    }

    /// Seconds since 1970, UTC.
    pub fn time(&self) -> i64 {
        self.moment.time
    }

    pub fn event_id(&self) -> Option<String> {
        self.moment.event_id()
    }
}

impl Occasion {
    /// The same, borrowed.
    pub fn standing(&self) -> Standing<'_> {
        Standing {
            time: self.moment.time,
            event_id: None,
            moment: self.moment.clone().into(),
            account: self.account.as_ref(),
            class: self.class,
            file: &self.file,
            offset: self.offset,
        }
    }
}

/// Where and when a record stands that is being read. Most are remembered by little of it, and nothing is copied.
#[derive(Debug, Clone)]
pub struct Standing<'r> {
    time: i64,
    event_id: Option<Cow<'r, str>>,
    moment: OnceCell<Moment>,
    account: Option<&'r Arc<str>>,
    class: EventClass,
    pub(crate) file: &'r Arc<str>,
    pub(crate) offset: u64,
}

impl<'r> Standing<'r> {
    /// See [`Occasion::new`].
    pub fn new(
        (time, event_id): (i64, Option<Cow<'r, str>>),
        account: Option<&'r Arc<str>>,
        class: EventClass,
        (file, offset): (&'r Arc<str>, u64),
    ) -> Self {
        Standing { time, event_id, moment: OnceCell::new(), account, class, file, offset }
    }
}

impl Came for Standing<'_> {
    fn time(&self) -> i64 {
        self.time
    }

    fn moment(&self) -> &Moment {
        self.moment.get_or_init(|| Moment::new(self.time, self.event_id.as_deref(), self.file, self.offset))
    }
}

/// A policy with state, as written or as a mutant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'p> {
    pub(crate) program: &'p Program,
    pub(crate) judge: &'p Judge,
    /// By what keys are made.
    pub(crate) keys: Keys,
}

/// What one record means for one policy, before anything else is known.
pub(crate) struct Look {
    /// Histories the record is among, or may be.
    marks: Vec<Mentioned>,
    kind: LookKind,
}

/// A history's key as one record has it.
#[derive(Debug, Serialize, Deserialize)]
struct Mentioned {
    history: usize,
    keyed: Keyed,
    /// What another record differs in, of a history without a window.
    value: Option<Other>,
    certainty: Certainty,
}

/// What bars a policy; few.
type Barring = SmallVec<[Mentioned; 1]>;

enum LookKind {
    /// The verdict, whatever other records say.
    Final(Outcome),
    /// Other records decide. A pass if a history that bars the policy has certainly seen one of these keys.
    Open { barring: Barring },
    /// It counts; `possible`: perhaps. `value`: by which, if it is not by itself.
    Counts { keyed: Keyed, possible: bool, value: Option<u64> },
}

/// What is certain of a fact before it is looked at: the verdict by itself, and whether it is one of each history's.
type Known<'k> = (Option<Outcome>, &'k [Truth]);

impl<'p> Rules<'p> {
    /// Looks at one record; nothing is added yet.
    pub(crate) fn look(&self, fact: &dyn FieldAccess, at: &Standing<'_>) -> Look {
        self.look_with((fact, (None, &[])), at, Vec::new())
    }

    /// The same with what is certain before. `marks` is empty: its space is used.
    #[inline]
    fn look_with(
        &self,
        (fact, (outcome, histories)): (&dyn FieldAccess, Known<'_>),
        at: &Standing<'_>,
        mut marks: Vec<Mentioned>,
    ) -> Look {
        self.marks((fact, histories), at, |mark| marks.push(mark));
        let outcome = outcome.unwrap_or_else(|| self.judge.outcome(fact, &Env::default()));
        let kind = self.kind(outcome, (fact, &marks), at);
        Look { marks, kind }
    }

    /// Gives `each` every history that a record is among, or may be, with its key there. `known`: whether it is one of
    /// each, as far as that was worked out before.
    #[inline(always)]
    fn marks(
        &self,
        (fact, known): (&dyn FieldAccess, &[Truth]),
        at: &impl Came,
        mut each: impl FnMut(Mentioned),
    ) {
        // The last key that was made, and for which history.
        let mut made: Option<(usize, Keyed)> = None;
        for (index, history) in self.program.histories.iter().enumerate() {
            let Some(certainty) = self.certainty(history, fact, known.get(index)) else { continue };
            let of = history.same_key.unwrap_or(index);
            let keyed = match made {
                Some((known, keyed)) if known == of => keyed,
                _ => self.keys.of(&history.by, fact),
            };
            made = Some((of, keyed));
            each(self.mentioned((index, history), keyed, fact, at, certainty));
        }
    }

    /// Whether a fact is one of a history's; `None`: it is not.
    fn certainty(&self, history: &Among, fact: &dyn FieldAccess, known: Option<&Truth>) -> Option<Certainty> {
        let among = match known {
            Some(&among @ (Truth::True | Truth::False)) => among,
            Some(Truth::Unknown) | None => history.among.eval(fact, &Env::default()),
        };
        match among {
            Truth::True => Some(Certainty::Sure),
            Truth::Unknown => Some(Certainty::Possible),
            Truth::False => None,
        }
    }

    /// What another record of a history without a window has to differ in.
    fn other(&self, history: &Among, fact: &dyn FieldAccess, at: &impl Came) -> Option<Other> {
        match history.window {
            Window::All => self.keys.value(history.other, fact, at),
            Window::Last(_) => None,
        }
    }

    /// The fact's key for a history, made once where one of the marks has it.
    fn keyed(&self, index: usize, history: &Among, (fact, marks): (&dyn FieldAccess, &[Mentioned])) -> Keyed {
        let made = marks.iter().find(|mark| mark.history == index);
        made.map_or_else(|| self.keys.of(&history.by, fact), |mark| mark.keyed)
    }

    /// Whether the fact's key is unread for every history: then none ever answers for it.
    fn is_keyless(&self, of: (&dyn FieldAccess, &[Mentioned])) -> bool {
        let mut histories = self.program.histories.iter().enumerate();
        histories.all(|(index, history)| self.keyed(index, history, of).unread != 0)
    }

    /// The verdict, if no other record has a part in it.
    pub(crate) fn alone(&self, fact: &dyn FieldAccess) -> Option<Outcome> {
        let outcome = self.judge.outcome(fact, &Env::default());
        let waits = match outcome {
            Outcome::Pass | Outcome::NotApplicable => false,
            Outcome::Unknown | Outcome::Fail { .. } => {
                self.program.count.is_some() || self.asks(outcome, fact)
            }
        };
        (!waits).then_some(outcome)
    }

    /// Whether histories, or what was reported before, decide with such a verdict.
    fn asks(&self, outcome: Outcome, fact: &dyn FieldAccess) -> bool {
        match outcome {
            Outcome::Unknown => self.program.when_asks && self.judge.applies(fact) == Truth::True,
            // Also where the level is certain: the evidence names every level that holds.
            Outcome::Fail { .. } => self.program.levels_ask || self.program.repeat.is_some(),
            Outcome::Pass | Outcome::NotApplicable => false,
        }
    }

    fn kind(
        &self,
        outcome: Outcome,
        of @ (fact, _): (&dyn FieldAccess, &[Mentioned]),
        at: &impl Came,
    ) -> LookKind {
        if let Some(count) = &self.program.count {
            let possible = match outcome {
                Outcome::Pass | Outcome::NotApplicable => return LookKind::Final(outcome),
                Outcome::Unknown => true,
                Outcome::Fail { .. } => false,
            };
            let (possible, value) = match count.distinct.map(|field| fact.value(field)) {
                None => (possible, None),
                Some(Value::Text(text)) => (possible, Some(count::value(text))),
                // Not a value that was read: it may be a new one, and counts as one of its own.
                Some(_) => (true, None),
            };
            return LookKind::Counts { keyed: self.keys.of(&count.by, fact), possible, value };
        }
        if !self.asks(outcome, fact) || (outcome == Outcome::Unknown && self.is_keyless(of)) {
            return LookKind::Final(outcome);
        }
        let barring = match outcome {
            Outcome::Unknown => self.program.barring.as_slice(),
            _ => &[],
        };
        let keyed = |index: &usize| {
            let history = self.program.histories.get(*index)?;
            let keyed = self.keyed(*index, history, of);
            Some(self.mentioned((*index, history), keyed, fact, at, Certainty::Sure))
        };
        LookKind::Open { barring: barring.iter().filter_map(keyed).collect() }
    }

    fn mentioned(
        &self,
        (index, history): (usize, &Among),
        keyed: Keyed,
        fact: &dyn FieldAccess,
        at: &impl Came,
        certainty: Certainty,
    ) -> Mentioned {
        Mentioned { history: index, keyed, value: self.other(history, fact, at), certainty }
    }
}
