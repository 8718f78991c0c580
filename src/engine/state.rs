//! Judging across records, in two phases. While records are read, each adds to the tables of the policies that have
//! state, and those whose verdict hangs on what else there is are held. When all have been read, the held ones are
//! judged. Neither the order of the records nor how they were divided changes a verdict.
//!
//! Not here: policies that judge facts by themselves, and what becomes of a verdict.

mod count;
mod history;
mod key;
mod reading;
mod repeat;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use count::{Counts, Mark};
use history::{Asked, Certainty, History};
pub(crate) use key::Keys;
pub(crate) use key::Moment;
use key::{Key, Keyed};
pub use reading::{EventClass, Hole, Reading};

use crate::facts::schema::FieldAccess;
use crate::facts::{Source, plain};
use repeat::{Repeats, told};

use crate::policy::judge::{Judge, Outcome};
use crate::policy::program::{Among, Program};
use crate::policy::{Env, Window};
use crate::value::{Truth, Value};

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
            moment: self.moment.clone(),
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
    pub(crate) moment: Moment,
    account: Option<&'r Arc<str>>,
    class: EventClass,
    pub(crate) file: &'r Arc<str>,
    pub(crate) offset: u64,
}

impl<'r> Standing<'r> {
    /// See [`Occasion::new`].
    pub fn new(
        (time, event_id): (i64, Option<&str>),
        account: Option<&'r Arc<str>>,
        class: EventClass,
        (file, offset): (&'r Arc<str>, u64),
    ) -> Self {
        Standing { moment: Moment::new(time, event_id, file, offset), account, class, file, offset }
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
    moment: Moment,
}

/// A history's key as one record has it.
#[derive(Debug, Serialize, Deserialize)]
struct Mentioned {
    history: usize,
    keyed: Keyed,
    /// What another record differs in, of a history without a window.
    value: Option<Key>,
    certainty: Certainty,
}

enum LookKind {
    /// The verdict, whatever other records say.
    Final(Outcome),
    /// Other records decide. A pass if a history that bars the policy has certainly seen one of these keys.
    Open { barring: Vec<Mentioned> },
    /// It counts; `possible`: perhaps.
    Counts { keyed: Keyed, possible: bool, mark: Mark },
}

/// What is certain of a fact before it is looked at: that it passes or does not apply, and whether it is one of each
/// history's.
type Known<'k> = (Option<Outcome>, &'k [Truth]);

impl<'p> Rules<'p> {
    /// Looks at one record; nothing is added yet.
    pub(crate) fn look(&self, fact: &dyn FieldAccess, at: &Standing<'_>) -> Look {
        self.look_with((fact, None), at, Vec::new())
    }

    /// The same with what is certain before. `marks` is empty: its space is used.
    fn look_with(
        &self,
        (fact, known): (&dyn FieldAccess, Option<Known<'_>>),
        at: &Standing<'_>,
        mut marks: Vec<Mentioned>,
    ) -> Look {
        let moment = at.moment.clone();
        let histories = known.map_or(&[][..], |(_, histories)| histories);
        self.marks((fact, histories), &moment, |mark| marks.push(mark));
        let kind = match known {
            Some((Some(outcome), _)) => LookKind::Final(outcome),
            _ => self.kind((fact, &marks), at, &moment),
        };
        Look { marks, kind, moment }
    }

    /// Gives `each` every history that a record is among, or may be, with its key there. `known`: whether it is one of
    /// each, as far as that was worked out before.
    fn marks(
        &self,
        (fact, known): (&dyn FieldAccess, &[Truth]),
        moment: &Moment,
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
            each(self.mentioned((index, history), keyed, fact, moment, certainty));
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
    fn other(&self, history: &Among, fact: &dyn FieldAccess, moment: &Moment) -> Option<Key> {
        match history.window {
            Window::All => self.keys.value(history.other, fact, moment),
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
        of @ (fact, _): (&dyn FieldAccess, &[Mentioned]),
        at: &Standing<'_>,
        moment: &Moment,
    ) -> LookKind {
        let outcome = self.judge.outcome(fact, &Env::default());
        if let Some(count) = &self.program.count {
            let possible = match outcome {
                Outcome::Pass | Outcome::NotApplicable => return LookKind::Final(outcome),
                Outcome::Unknown => true,
                Outcome::Fail { .. } => false,
            };
            let place = (Arc::clone(at.file), at.offset);
            let (possible, mark) = match count.distinct.map(|field| fact.value(field)) {
                None => (possible, Mark::record(moment, place)),
                Some(Value::Text(text)) => (possible, Mark::value(text, place)),
                // Not a value that was read: it may be a new one, and counts as one of its own.
                Some(_) => (true, Mark::record(moment, place)),
            };
            return LookKind::Counts { keyed: self.keys.of(&count.by, fact), possible, mark };
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
            Some(self.mentioned((*index, history), keyed, fact, moment, Certainty::Sure))
        };
        LookKind::Open { barring: barring.iter().filter_map(keyed).collect() }
    }

    fn mentioned(
        &self,
        (index, history): (usize, &Among),
        keyed: Keyed,
        fact: &dyn FieldAccess,
        moment: &Moment,
        certainty: Certainty,
    ) -> Mentioned {
        Mentioned { history: index, keyed, value: self.other(history, fact, moment), certainty }
    }
}

/// A record that is judged when all have been read.
#[derive(Debug, Serialize, Deserialize)]
struct Held<T> {
    moment: Moment,
    #[serde(with = "plain::shared_option")]
    account: Option<Arc<str>>,
    class: EventClass,
    /// It is reported; if not, it is held for what others ask of it.
    counts: bool,
    barring: Vec<Mentioned>,
    held: T,
}

/// What the records added so far mean for one policy. `T` is what is held of a fact.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part<T> {
    histories: Vec<History>,
    held: Vec<Box<Held<T>>>,
    /// How many are held before those that have become certain are let go.
    let_go_at: usize,
    /// Records that were held and turned out to pass.
    passed: u64,
    counts: Counts<T>,
    /// Space for the next look.
    #[serde(skip)]
    spare: Vec<Mentioned>,
}

/// What is to be done with a record now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Now {
    /// The verdict is final.
    Judge(Outcome),
    /// It is judged, or counted, when all have been read.
    Wait,
}

/// How a record or key came out when all had been read.
#[derive(Debug)]
pub(crate) enum Settled<T> {
    /// Judge it with these answers, one per history.
    Judged { held: T, seen: Vec<Truth> },
    /// It fails, and was reported too short a time ago to be reported again.
    Repeated(T),
    /// The account's history begins too late before it; judged from `from` on.
    WarmingUp { held: T, account: Arc<str>, from: i64 },
    /// Records that passed.
    Passed(u64),
    /// The records of one key that reach the threshold.
    Reached { held: T, records: Vec<Counted>, most: u64 },
    /// Records that may reach it together with what was not read, and one of those that may count.
    Unknown { held: T, records: u64 },
}

/// One record that counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) time: i64,
    pub(crate) event_id: Option<String>,
    pub(crate) file: Arc<str>,
    pub(crate) offset: u64,
}

impl Counted {
    pub(crate) fn source(&self) -> Source {
        Source::Record { file: self.file.to_string(), offset: self.offset, event_id: self.event_id.clone() }
    }
}

const LET_GO_AT: usize = 1_024;

impl<T: Clone> Part<T> {
    pub(crate) fn new(program: &Program) -> Self {
        Part {
            histories: program.histories.iter().map(|history| History::new(history.window)).collect(),
            held: Vec::new(),
            let_go_at: LET_GO_AT,
            passed: 0,
            counts: Counts::default(),
            spare: Vec::new(),
        }
    }

    /// Looks at a record of which something is certain.
    pub(crate) fn look(
        &mut self,
        rules: Rules<'_>,
        fact: (&dyn FieldAccess, Option<Known<'_>>),
        at: &Standing<'_>,
    ) -> Look {
        rules.look_with(fact, at, std::mem::take(&mut self.spare))
    }

    /// Adds a record that was looked at. `hold` is called where the fact is needed later. `counts`: whether it is judged,
    /// not only remembered for others.
    pub(crate) fn add(
        &mut self,
        look: Look,
        (at, counts): (&Standing<'_>, bool),
        hold: impl FnOnce() -> T,
    ) -> Now {
        let Look { mut marks, kind, moment } = look;
        marks.drain(..).for_each(|mark| self.note(mark, &moment));
        self.spare = marks;
        match kind {
            LookKind::Final(outcome) => Now::Judge(outcome),
            LookKind::Open { barring } => {
                if self.barred(&barring, &moment) {
                    return Now::Judge(Outcome::Pass);
                }
                self.held.push(Box::new(Held {
                    moment,
                    account: at.account.cloned(),
                    class: at.class,
                    counts,
                    barring,
                    held: hold(),
                }));
                if self.held.len() >= self.let_go_at {
                    self.let_go();
                }
                Now::Wait
            }
            LookKind::Counts { keyed, possible, mark } => {
                let key = (keyed.unread == 0).then_some(keyed.key);
                self.counts.add(key, possible, (moment, mark), hold);
                Now::Wait
            }
        }
    }

    /// Adds a record only to histories, and not to those that are left out. `known`: whether it is one of each history's,
    /// as far as that was worked out before.
    pub(crate) fn mention(
        &mut self,
        rules: Rules<'_>,
        (fact, known): (&dyn FieldAccess, &[Truth]),
        at: &Standing<'_>,
        leave_out: &[bool],
    ) {
        rules.marks((fact, known), &at.moment, |mark| {
            if leave_out.get(mark.history) != Some(&true) {
                self.note(mark, &at.moment);
            }
        });
    }

    fn note(&mut self, mark: Mentioned, moment: &Moment) {
        if let Some(history) = self.histories.get_mut(mark.history) {
            history.add(mark.keyed, mark.certainty, Asked { moment, value: mark.value });
        }
    }

    /// Adds what other records of the same policy mean.
    pub(crate) fn merge(&mut self, other: Part<T>) {
        for (history, more) in self.histories.iter_mut().zip(other.histories) {
            history.merge(more);
        }
        self.held.extend(other.held);
        self.passed += other.passed;
        self.counts.merge(other.counts);
        if self.held.len() >= self.let_go_at {
            self.let_go();
        }
    }

    /// Has it what this policy asks for?
    pub(crate) fn is_of(&self, program: &Program) -> bool {
        self.histories.len() == program.histories.len()
            && self.histories.iter().zip(&program.histories).all(|(one, among)| one.is_of(among.window))
    }

    fn barred(&self, barring: &[Mentioned], moment: &Moment) -> bool {
        barring.iter().any(|mark| {
            let asked = Asked { moment, value: mark.value };
            self.histories.get(mark.history).is_some_and(|history| history.surely(mark.keyed, asked))
        })
    }

    /// Lets go of records that pass by now: more records never change that.
    fn let_go(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (barred, held): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|one| self.barred(&one.barring, &one.moment));
        // When one is let go is chance: what is not reported must not be counted by it.
        self.passed += barred.iter().filter(|one| one.counts).count() as u64;
        self.let_go_at = (held.len() * 2).max(LET_GO_AT);
        self.held = held;
    }

    /// Judges what was held, in order of time and eventID.
    pub(crate) fn settle(
        mut self,
        rules: Rules<'_>,
        reading: &Reading,
        fields: impl Fn(&T) -> &dyn FieldAccess,
        each: &mut dyn FnMut(Settled<T>),
    ) {
        self.let_go();
        let mut held = std::mem::take(&mut self.held);
        held.sort_by(|a, b| a.moment.cmp(&b.moment));
        each(Settled::Passed(self.passed));
        let mut repeats = rules.program.repeat.as_ref().map(|repeat| (repeat, Repeats::new(repeat.every)));
        let keys = rules.keys;
        for one in held {
            let one = *one;
            let fact = fields(&one.held);
            let warm = Warmth::of(rules.program, &one, reading);
            let answers = rules.program.histories.iter().zip(&self.histories);
            let mut withheld = false;
            let seen: Vec<Truth> = answers
                .map(|(among, history)| {
                    let keyed = keys.of(&among.by, fact);
                    let value = rules.other(among, fact, &one.moment);
                    // Over all that was read there is no time before which too little was.
                    let warms = matches!(among.window, Window::Last(_));
                    match history.seen((keys, &among.by), fact, keyed, Asked { moment: &one.moment, value }) {
                        Truth::False
                            if missing(among, &one, reading) || (warms && warm == Warmth::NotTold) =>
                        {
                            Truth::Unknown
                        }
                        Truth::False if warms && matches!(warm, Warmth::WarmingUp { .. }) => {
                            withheld = true;
                            Truth::Unknown
                        }
                        answer => answer,
                    }
                })
                .collect();
            let outcome = rules.judge.outcome(fact, &Env { seen: &seen });
            match (warm, outcome, one.account.clone()) {
                (Warmth::WarmingUp { from }, Outcome::Unknown, Some(account)) if withheld => {
                    each(Settled::WarmingUp { held: one.held, account, from });
                }
                (_, Outcome::Fail { rank, certain, .. }, _) if repeats.is_some() => {
                    let report = repeats.as_mut().is_none_or(|(repeat, repeats)| {
                        let keyed = keys.of(&repeat.by, fact);
                        let key = (keyed.unread == 0).then_some(keyed.key);
                        repeats.report(key, &one.moment, told(rank, certain))
                    });
                    if report {
                        each(Settled::Judged { held: one.held, seen });
                    } else {
                        each(Settled::Repeated(one.held));
                    }
                }
                _ => each(Settled::Judged { held: one.held, seen }),
            }
        }
        let Some(count) = &rules.program.count else { return };
        for total in self.counts.settle(count.window, count.at_least) {
            each(Settled::Passed(total.passed));
            let records: Vec<Counted> = total
                .reached
                .into_iter()
                .map(|(moment, mark)| Counted {
                    time: moment.time,
                    event_id: moment.event_id(),
                    file: mark.place.0,
                    offset: mark.place.1,
                })
                .collect();
            if let (Some(doubt), 1..) = (total.doubt, total.unknown) {
                each(Settled::Unknown { held: doubt, records: total.unknown });
            }
            if let (Some(held), false) = (total.held, records.is_empty()) {
                each(Settled::Reached { held, records, most: total.most });
            }
        }
    }
}

/// Is something missing of what the history would have to know?
fn missing<T>(among: &Among, one: &Held<T>, reading: &Reading) -> bool {
    let account = one.account.as_deref().filter(|_| among.one_account);
    match among.window {
        Window::Last(window) => {
            let from = one.moment.time.saturating_sub(window).saturating_add(1);
            reading.has_hole(account, from, one.moment.time)
        }
        Window::All => reading.has_hole(account, i64::MIN, i64::MAX),
    }
}

/// Whether enough history was read before a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Warmth {
    Warm,
    WarmingUp {
        from: i64,
    },
    /// The record does not say whose it is.
    NotTold,
}

impl Warmth {
    fn of<T>(program: &Program, one: &Held<T>, reading: &Reading) -> Warmth {
        let Some(warm_up) = program.warm_up else { return Warmth::Warm };
        let Some(account) = &one.account else { return Warmth::NotTold };
        let Some(since) = reading.since(account, one.class) else { return Warmth::NotTold };
        let from = since.saturating_add(warm_up);
        if from <= one.moment.time { Warmth::Warm } else { Warmth::WarmingUp { from } }
    }
}
