//! What the records added so far mean for one policy, and how it judges what it held when all have been read.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::count::{Counts, One, Recount};
use super::history::{Asked, History};
use super::reading::{EventClass, Reading};
use super::repeat::{Repeats, told};
use super::{Barring, Known, Look, LookKind, Mentioned, Rules, Standing};
use crate::facts::schema::FieldAccess;
use crate::facts::{Source, plain};
use crate::moment::{Came, Moment};
use crate::policy::judge::Outcome;
use crate::policy::program::{Among, Counting, Program};
use crate::policy::{Env, Window};
use crate::value::Truth;

/// A record that is judged when all have been read.
#[derive(Debug, Serialize, Deserialize)]
struct Held<T> {
    moment: Moment,
    #[serde(with = "plain::shared_option")]
    account: Option<Arc<str>>,
    class: EventClass,
    /// It is reported; if not, it is held for what others ask of it.
    counts: bool,
    barring: Barring,
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

/// How records are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CountMode<'c> {
    /// Each by itself.
    Exactly,
    /// Roughly: which are to be counted by themselves is told when all have been read.
    Roughly(&'c Counting),
    /// Those that are.
    Again(&'c Recount),
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
    /// Records that may reach it and could not be read again to be counted, and one of their key.
    Lost { held: T, records: u64 },
}

/// One record that counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) moment: Moment,
    pub(crate) file: Arc<str>,
    pub(crate) offset: u64,
}

impl Counted {
    pub(crate) fn source(&self) -> Source {
        let event_id = self.moment.event_id();
        Source::Record { file: self.file.to_string(), offset: self.offset, event_id }
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
        fact: (&dyn FieldAccess, Known<'_>),
        at: &Standing<'_>,
    ) -> Look {
        rules.look_with(fact, at, std::mem::take(&mut self.spare))
    }

    /// Adds a record that was looked at. `hold` is called where the fact is needed later. `counts`: whether it is judged,
    /// not only remembered for others.
    pub(crate) fn add(
        &mut self,
        look: Look,
        (at, counts, mode): (&Standing<'_>, bool, CountMode<'_>),
        hold: impl FnOnce() -> T,
    ) -> Now {
        let Look { mut marks, kind } = look;
        marks.drain(..).for_each(|mark| self.note(mark, at));
        self.spare = marks;
        match kind {
            LookKind::Final(outcome) => Now::Judge(outcome),
            LookKind::Open { barring } => {
                if self.barred(&barring, at.moment()) {
                    return Now::Judge(Outcome::Pass);
                }
                self.held.push(Box::new(Held {
                    moment: at.moment().clone(),
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
            LookKind::Counts { keyed, possible, value } => {
                let key = (keyed.unread == 0).then_some(keyed.key);
                let one = One { key, possible, moment: at.moment(), value, place: (at.file, at.offset) };
                match mode {
                    CountMode::Exactly => self.counts.add(&one, hold),
                    CountMode::Roughly(count) => self.counts.add_roughly(count, &one, hold),
                    CountMode::Again(recount) => self.counts.add_again(recount, &one, hold),
                }
                Now::Wait
            }
        }
    }

    /// Adds a record only to histories, and not to those that are left out. `known`: whether it is one of each history's,
    /// as far as that was worked out before.
    #[inline]
    pub(crate) fn mention(
        &mut self,
        rules: Rules<'_>,
        (fact, known): (&dyn FieldAccess, &[Truth]),
        at: &Standing<'_>,
        leave_out: &[bool],
    ) {
        rules.marks((fact, known), at, |mark| {
            if leave_out.get(mark.history) != Some(&true) {
                self.note(mark, at);
            }
        });
    }

    #[inline]
    fn note(&mut self, mark: Mentioned, at: &Standing<'_>) {
        if let Some(history) = self.histories.get_mut(mark.history) {
            history.add(mark.keyed, mark.certainty, at, mark.value);
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

    /// Which records are to be counted by themselves, now that all were counted roughly.
    pub(crate) fn recount(&mut self, count: &Counting) -> Recount {
        self.counts.recount(count)
    }

    /// What was to be counted again of these times, in seconds, could not be read.
    pub(crate) fn give_up(&mut self, recount: &Recount, times: (i64, i64)) {
        self.counts.give_up(recount, times);
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
        // Looking at each waits for memory: twice in all, about, is often enough.
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
        self.counts.settle(count.window, count.at_least, |total| {
            each(Settled::Passed(total.passed));
            let records: Vec<Counted> = total
                .reached
                .into_iter()
                .map(|(moment, mark)| Counted { moment, file: mark.place.0, offset: mark.place.1 })
                .collect();
            if let (Some(held), 1..) = (total.held.as_ref().or(total.doubt.as_ref()), total.lost) {
                each(Settled::Lost { held: held.clone(), records: total.lost });
            }
            if let (Some(doubt), 1..) = (total.doubt, total.unknown) {
                each(Settled::Unknown { held: doubt, records: total.unknown });
            }
            if let (Some(held), false) = (total.held, records.is_empty()) {
                each(Settled::Reached { held, records, most: total.most });
            }
        });
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
