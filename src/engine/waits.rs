//! What waits of many files until it is known whose the sessions are, by session: a session that comes in many files
//! takes its space once, and of each file only how many judgements wait there.
//!
//! Adding is commutative and associative: neither the order of files nor which thread read them changes anything.

use std::cmp::Ordering;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::by_session::BySession;
use super::places::{File, Places};
use super::waiting::Suspense;
use super::{Tally, UnknownKey, example};
use crate::facts::sessions::{Answers, Id, Session, Unsaid};
use crate::facts::{Source, plain};
use crate::hashed::AddressMap;
use crate::moment::EventId;
use crate::ordered;
use crate::policy::judge::Outcome;
use crate::texts::Texts;

/// A fact of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Example {
    #[serde(with = "plain::shared")]
    label: Arc<str>,
    event_id: Option<EventId>,
    offset: u64,
}

/// Judgements of one policy that are unknown for the same reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Unread {
    #[serde(with = "plain::shared_list")]
    keys: Arc<[UnknownKey]>,
    accepted: bool,
    count: u64,
    /// One of the facts: the least.
    file: File,
    example: Example,
}

/// How one policy judges the records of one session. There may be as many as there are records: most have one reason
/// and one file, which take no space of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Judged {
    /// The policy's position.
    policy: u32,
    /// If the session is no function's.
    pass: u64,
    not_applicable: u64,
    /// If it remains unread.
    unread: SmallVec<[Unread; 1]>,
    /// Its records must be seen again, whatever the answer.
    again: bool,
    /// How many judgements wait in each file.
    files: Places,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Waited {
    session: Session,
    /// Few.
    rows: SmallVec<[Judged; 1]>,
}

impl Waited {
    /// What waits for the policy at this position. It is there then: `None` never comes, as no run has so many policies.
    fn row(&mut self, policy: usize) -> Option<&mut Judged> {
        let policy = u32::try_from(policy).ok()?;
        let at = self.rows.iter().position(|row| row.policy == policy).unwrap_or(self.rows.len());
        if at == self.rows.len() {
            self.rows.push(Judged::of(policy));
        }
        self.rows.get_mut(at)
    }

    fn merge(&mut self, more: Waited, names: &[Arc<str>]) {
        for row in more.rows {
            match self.rows.iter_mut().find(|one| one.policy == row.policy) {
                Some(one) => one.merge(row, names),
                None => self.rows.push(row),
            }
        }
    }

    /// Its texts as others have them.
    fn share(&mut self, texts: &mut Texts) {
        self.session.share(|text| texts.share(text));
        for unread in self.rows.iter_mut().flat_map(|row| &mut row.unread) {
            texts.share(&mut unread.example.label);
        }
    }
}

/// What waits of all files that were read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Waits {
    /// The paths of files, by number.
    #[serde(with = "plain::texts")]
    files: Vec<Arc<str>>,
    /// Their numbers.
    #[serde(skip)]
    places: HashMap<Arc<str>, File>,
    /// The file that was put to last.
    #[serde(skip)]
    last: Option<(Arc<str>, File)>,
    sessions: BySession<Waited>,
    /// Texts that sessions have in common.
    #[serde(skip)]
    texts: Texts,
}

/// A fact of which one judgement waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting<'f> {
    /// The policy's position.
    pub(super) policy: usize,
    pub(super) suspense: Suspense,
    /// Why it is unknown if whose the session is remains unread.
    pub(super) keys: &'f Arc<[UnknownKey]>,
    pub(super) accepted: bool,
    pub(super) label: &'f str,
    pub(super) event_id: Option<&'f str>,
    pub(super) offset: u64,
}

impl Waits {
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    pub fn sessions(&self) -> impl Iterator<Item = (&Id, &Session)> {
        self.sessions.iter().map(|(id, one)| (id, &one.session))
    }

    /// A judgement of a fact of this session, in that file, waits.
    pub(super) fn add(&mut self, session: &Unsaid<'_>, path: &Arc<str>, fact: &Waiting<'_>) {
        let file = self.file(path);
        let Waits { files, sessions, texts, .. } = self;
        let new = || Waited { session: session.session(&mut |text| texts.keep(text)), rows: SmallVec::new() };
        let row = sessions.get_or_insert_with(session.id, new).and_then(|one| one.row(fact.policy));
        if let Some(row) = row {
            row.add(file, fact, (files, texts));
        }
    }

    /// Only these sessions wait on.
    pub fn retain(&mut self, waits: impl Fn(&Id) -> bool) {
        self.sessions.retain(|id, _| waits(id));
    }

    /// Adds what waits of other files, or more of the same.
    pub fn merge(&mut self, other: Waits) {
        if self.files.is_empty() {
            *self = other;
            return;
        }
        let Waits { files, places: _, last: _, sessions: mut more, texts } = other;
        let places: Vec<File> = files.iter().map(|path| self.numbered(path)).collect();
        // A number that no file has, which only a damaged store could hold, stays one.
        let place = |file: File| places.get(file as usize).copied().unwrap_or(File::MAX);
        // Of the few threads, each has its own texts in common.
        let shares = texts.is_empty();
        for waited in more.values_mut() {
            for row in &mut waited.rows {
                row.files.renumber(place);
                row.unread.iter_mut().for_each(|unread| unread.file = place(unread.file));
            }
            if shares {
                waited.share(&mut self.texts);
            }
        }
        let Waits { files, sessions, .. } = self;
        sessions.append(more, |known, more| known.merge(more, files));
    }

    /// What of it waits for policies that have a place among others, at these places.
    #[must_use]
    pub fn placed(mut self, place: impl Fn(usize) -> Option<usize>) -> Self {
        self.sessions.retain(|_, one| {
            one.rows.retain(|row| {
                let at = place(row.policy as usize).and_then(|at| u32::try_from(at).ok());
                at.map(|at| row.policy = at).is_some()
            });
            !one.rows.is_empty()
        });
        // There may be many of these, of a file each: their texts will be those that others have.
        self.texts = Texts::default();
        self
    }

    /// Judges what these answers decide, and says of which sessions which files must be seen again.
    pub fn decide(&self, answers: &Answers, tally: &mut Tally) -> BTreeMap<&str, BTreeSet<Id>> {
        let mut again: BTreeMap<&str, BTreeSet<Id>> = BTreeMap::new();
        let mut unread = Together { names: &self.files, rows: AddressMap::default() };
        for (id, one) in self.sessions.iter() {
            match answers.of(*id) {
                answer if answer == Some(true) || one.rows.iter().any(|row| row.again) => {
                    for (file, _) in one.rows.iter().flat_map(|row| row.files.iter()) {
                        if let Some(name) = self.files.get(file as usize) {
                            again.entry(name).or_default().insert(*id);
                        }
                    }
                }
                Some(_) => {
                    for row in &one.rows {
                        tally.count(row.policy as usize, |counts| {
                            counts.pass += row.pass;
                            counts.not_applicable += row.not_applicable;
                        });
                    }
                }
                None => {
                    for row in &one.rows {
                        row.unread.iter().for_each(|one| unread.add(row.policy as usize, one));
                    }
                }
            }
        }
        unread.tell(tally);
        again
    }

    /// The records of these sessions in that file could not be seen again: what they are is unknown. Why is told as of
    /// the session's first reason.
    pub fn give_up<'i>(&self, file: &str, sessions: impl IntoIterator<Item = &'i Id>, tally: &mut Tally) {
        let Some(file) = self.files.iter().position(|path| **path == *file) else { return };
        for row in sessions.into_iter().filter_map(|id| self.sessions.get(id)).flat_map(|one| &one.rows) {
            let waits = row.files.iter().filter(|(of, _)| *of as usize == file);
            for ((_, count), unread) in waits.zip(row.unread.iter().min_by_key(|unread| &unread.keys)) {
                unread.tell(row.policy as usize, count, &self.files, tally);
            }
        }
    }

    fn file(&mut self, path: &Arc<str>) -> File {
        if let Some((_, file)) = self.last.as_ref().filter(|(last, _)| Arc::ptr_eq(last, path)) {
            return *file;
        }
        let file = self.numbered(path);
        self.last = Some((Arc::clone(path), file));
        file
    }

    fn numbered(&mut self, path: &Arc<str>) -> File {
        if self.places.len() != self.files.len() {
            let numbered = self.files.iter().enumerate();
            self.places = numbered.map(|(at, path)| (Arc::clone(path), number(at))).collect();
        }
        if let Some(file) = self.places.get(path) {
            return *file;
        }
        let file = number(self.files.len());
        ordered::push(&mut self.files, Arc::clone(path));
        self.places.insert(Arc::clone(path), file);
        file
    }
}

/// No run has so many files that they could not be counted.
fn number(at: usize) -> File {
    File::try_from(at).unwrap_or(File::MAX)
}

impl Judged {
    /// Nothing yet, of the policy at this position.
    fn of(policy: u32) -> Self {
        let (unread, files) = (SmallVec::new(), Places::default());
        Judged { policy, pass: 0, not_applicable: 0, unread, again: false, files }
    }

    fn add(&mut self, file: File, fact: &Waiting<'_>, (names, texts): (&[Arc<str>], &mut Texts)) {
        match fact.suspense {
            Suspense::Simple(Outcome::NotApplicable) => self.not_applicable += 1,
            Suspense::Simple(_) => self.pass += 1,
            Suspense::None | Suspense::Open => self.again = true,
        }
        self.files.add(file);
        let example = |label| {
            let event_id = fact.event_id.map(EventId::of);
            Example { label, event_id, offset: fact.offset }
        };
        let is_same = |one: &&mut Unread| {
            one.accepted == fact.accepted && (Arc::ptr_eq(&one.keys, fact.keys) || one.keys == *fact.keys)
        };
        match self.unread.iter_mut().find(is_same) {
            Some(known) => {
                known.count += 1;
                let label = &known.example.label;
                match fact.label.cmp(label) {
                    Ordering::Less => known.offer(file, example(texts.keep(fact.label)), names),
                    Ordering::Equal => known.offer(file, example(Arc::clone(label)), names),
                    Ordering::Greater => {}
                }
            }
            None => {
                let (keys, accepted) = (Arc::clone(fact.keys), fact.accepted);
                let example = example(texts.keep(fact.label));
                self.unread.push(Unread { keys, accepted, count: 1, file, example });
            }
        }
    }

    fn merge(&mut self, other: Judged, names: &[Arc<str>]) {
        let Judged { policy: _, pass, not_applicable, unread, again, files } = other;
        self.pass += pass;
        self.not_applicable += not_applicable;
        self.again |= again;
        for more in unread {
            let same = |known: &&mut Unread| known.keys == more.keys && known.accepted == more.accepted;
            match self.unread.iter_mut().find(same) {
                Some(known) => known.merge(more, names),
                None => self.unread.push(more),
            }
        }
        self.files = self.files.with(&files);
    }
}

/// What is told of many sessions, put together by policy and reasons: there are many sessions, and few reasons.
struct Together<'w> {
    names: &'w [Arc<str>],
    /// By policy, where the reasons stand, and whether the gap is accepted: how many, and of which one is the example.
    rows: AddressMap<(usize, *const UnknownKey, bool), (u64, &'w Unread)>,
}

impl<'w> Together<'w> {
    fn add(&mut self, policy: usize, more: &'w Unread) {
        let Together { names, rows } = self;
        match rows.entry((policy, more.keys.as_ptr(), more.accepted)) {
            Entry::Occupied(mut entry) => {
                let (count, known) = entry.get_mut();
                *count += more.count;
                if more.is_told_before(known, names) {
                    *known = more;
                }
            }
            Entry::Vacant(entry) => {
                entry.insert((more.count, more));
            }
        }
    }

    fn tell(self, tally: &mut Tally) {
        for ((policy, ..), (count, one)) in self.rows {
            one.tell(policy, count, self.names, tally);
        }
    }
}

impl Unread {
    /// Would this one's example be the one that is told of both?
    fn is_told_before(&self, other: &Unread, names: &[Arc<str>]) -> bool {
        let (own, others) = (&*self.example.label, &*other.example.label);
        if own != others && !own.starts_with(others) && !others.starts_with(own) {
            return own < others;
        }
        self.told(names) < other.told(names)
    }

    fn merge(&mut self, other: Unread, names: &[Arc<str>]) {
        self.count += other.count;
        self.offer(other.file, other.example, names);
    }

    /// Takes that fact as its example if it is less than the one that it has.
    fn offer(&mut self, file: File, example: Example, names: &[Arc<str>]) {
        fn order<'u>(file: File, one: &'u Example, names: &'u [Arc<str>]) -> impl Ord + use<'u> {
            let Example { label, event_id, offset } = one;
            (label, event_id, names.get(file as usize), offset)
        }
        if order(file, &example, names) < order(self.file, &self.example, names) {
            (self.file, self.example) = (file, example);
        }
    }

    fn tell(&self, policy: usize, count: u64, names: &[Arc<str>], tally: &mut Tally) {
        let (example, source) = self.told(names);
        tally.unknown(policy, self.accepted, count, self.keys.iter().cloned(), &example, &source);
    }

    /// The example as it is told.
    fn told(&self, names: &[Arc<str>]) -> (String, Source) {
        let Example { label, event_id, offset } = &self.example;
        let event_id = event_id.as_ref().map(EventId::text);
        let source = Source::Record {
            file: names.get(self.file as usize).map(ToString::to_string).unwrap_or_default(),
            offset: *offset,
            event_id: event_id.clone(),
        };
        (example(label, event_id.as_deref()), source)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hashed::Keys;
    use crate::trail::TrailRecord;
    use crate::value::Why;

    /// A record of the session of this number.
    fn record(number: u8) -> String {
        format!(
            r#"{{"eventTime":"2026-10-16T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets",
            "userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLEROLE000001:orders",
            "arn":"arn:aws:sts::111122223333:assumed-role/orders/orders","accountId":"111122223333",
            "accessKeyId":"ASIAEXAMPLEKEY{number:06}"}}}}"#
        )
    }

    fn session(number: u8) -> Id {
        Session::of(&TrailRecord::parse(&record(number)).unwrap(), Keys::KNOWN).unwrap().0
    }

    /// A file's facts: session, policy, judgements that wait, and whether they must be seen again.
    type Given = (u8, u8, u8, bool);

    /// Reads a file.
    fn read(waits: &mut Waits, path: &Arc<str>, given: &[Given]) {
        let key = UnknownKey {
            field: "api_call.lambda_session".to_owned(),
            why: Why::NotInRecord,
            accepted: false,
        };
        let keys: Arc<[UnknownKey]> = Arc::new([key]);
        for (at, &(number, policy, count, again)) in given.iter().enumerate() {
            let text = record(number);
            let record = TrailRecord::parse(&text).unwrap();
            let fact = Waiting {
                policy: policy.into(),
                suspense: if again { Suspense::Open } else { Suspense::Simple(Outcome::Pass) },
                keys: &keys,
                accepted: false,
                label: ["orders", "billing"][at % 2],
                event_id: [None, Some("b"), Some("a")][at % 3],
                offset: at as u64,
            };
            (0..count).for_each(|_| waits.add(&Unsaid::of(&record, Keys::KNOWN).unwrap(), path, &fact));
        }
    }

    fn tally() -> Tally {
        Tally::new(3)
    }

    /// All that is told: counts with examples, and which files are read again.
    fn told(waits: &Waits, answers: &Answers) -> (String, Vec<(String, usize)>) {
        let mut tally = tally();
        let again = waits.decide(answers, &mut tally);
        let again = again.into_iter().map(|(file, ids)| (file.to_owned(), ids.len())).collect();
        (format!("{:?}", tally.policies), again)
    }

    proptest! {
        /// However the files are divided among threads, and in whatever order these are put together, it is the same;
        /// and every judgement that waits is told once: decided, unknown, or of a file that is read again.
        #[test]
        fn nothing_that_waits_is_lost_or_told_twice(
            files in proptest::collection::vec(proptest::collection::vec((0u8..4, 0u8..3, 1u8..9, any::<bool>()), 0..6), 1..6),
            threads in proptest::collection::vec(0usize..3, 6),
            answers in proptest::collection::vec(proptest::option::of(any::<bool>()), 4),
        ) {
            let mut all = Answers::new(Keys::KNOWN);
            answers.iter().enumerate().for_each(|(number, answer)| all.add(session(number as u8), *answer));
            let (mut one, mut parts) = (Waits::default(), vec![Waits::default(), Waits::default(), Waits::default()]);
            for (at, rows) in files.iter().enumerate() {
                let path = format!("file-{at}").into();
                read(&mut one, &path, rows);
                read(&mut parts[threads[at]], &path, rows);
            }
            let mut forward = Waits::default();
            parts.clone().into_iter().for_each(|part| forward.merge(part));
            let mut backward = Waits::default();
            parts.into_iter().rev().for_each(|part| backward.merge(part));
            let expected = told(&one, &all);
            prop_assert_eq!(&told(&forward, &all), &expected);
            prop_assert_eq!(&told(&backward, &all), &expected);

            let waits: u64 = one.sessions.iter().flat_map(|(_, one)| &one.rows).flat_map(|row| row.files.iter()).map(|(_, waits)| waits).sum();
            let mut found = tally();
            let again: Vec<(String, BTreeSet<Id>)> =
                one.decide(&all, &mut found).into_iter().map(|(file, ids)| (file.to_owned(), ids)).collect();
            again.iter().for_each(|(file, ids)| one.give_up(file, ids, &mut found));
            let judged: u64 = found.policies.iter().map(super::super::PolicyTally::judged).sum();
            prop_assert_eq!(judged, waits);
        }
    }
}
