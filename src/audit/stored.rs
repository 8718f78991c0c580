//! Trail files beside a store: what is in it and unchanged is not read, what is read is kept, and both together give
//! what one reading of all files would.
//!
//! What a file gave is kept for each policy by itself, under a hash of all that it depends on. A policy that is new or
//! was changed has the files read for it alone, as long as they are there and as they were. Of files that are not, its
//! past is a hole, which is said: their records are never taken for ones that passed.

mod keep;
mod key;
mod load;
mod pack;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::PoisonError;

use super::gathered::Gathered;
use super::records::{Again, Digests, Judge};
use super::{AuditError, Job};
use crate::engine::Engine;
use crate::engine::state::{Hole, Reading};
use crate::facts::from_record::RecordContext;
use crate::findings::gaps::AcceptedGaps;
use crate::report::Read;
use crate::store::{Digest, FileKey, Policies, Store, Stored};
use crate::trail::digest::Object;
use crate::trail::{self, Entry, FileOutcome, Options, Status, What};
use crate::trust::Trusts;
use keep::{Both, Keeper, Shared, Task, Tasks};
use key::Real;
use load::{Loaded, load, write_merged};

/// A file in the store that is gone, or changed and out of reach, and of which something would have to be read anew.
#[derive(Debug)]
pub(super) struct Lost {
    /// As it was shown when it was read.
    pub(super) path: String,
    accounts: BTreeSet<String>,
    /// Earliest and latest record.
    times: Option<(i64, i64)>,
    /// The policies, by position, that know nothing of it; `None`: nothing of what is kept of it can be used.
    pub(super) policies: Option<Vec<usize>>,
}

impl Lost {
    /// The row in the ledger of what was not read.
    pub(super) fn row(&self) -> Read {
        let detail = match &self.policies {
            None => {
                "it is gone, and what the store has of it was made by another version or with other trust"
            }
            Some(_) => {
                "it is gone, and the store has nothing of it for policies that are new or were changed"
            }
        };
        Read {
            account: self.accounts.first().filter(|_| self.accounts.len() == 1).cloned(),
            region: None,
            surface: "store".to_owned(),
            outcome: "failed".to_owned(),
            missing_permission: None,
            source: Some(self.path.clone()),
            detail: Some(detail.to_owned()),
            count: 1,
            accepted: false,
        }
    }

    /// What is missing of the past: of every account where it is not known whose records they were.
    pub(super) fn holes(&self, all: &BTreeSet<String>) -> Vec<Hole> {
        let Some((from, to)) = self.times else { return Vec::new() };
        let accounts = if self.accounts.is_empty() { all } else { &self.accounts };
        accounts.iter().map(|account| Hole { account: account.clone(), from, to }).collect()
    }

    pub(super) fn is_of(&self, at: usize) -> bool {
        self.policies.as_ref().is_none_or(|policies| policies.contains(&at))
    }
}

/// What is to be read, and what is not.
pub(super) struct Plan {
    wanted: Policies,
    /// Digests are checked.
    digests: Digests,
    entries: Vec<Entry>,
    tasks: Tasks,
    /// The policies, by position, that some unchanged files are read for.
    more: Vec<usize>,
    /// Keys of files that are in the store and used.
    used: BTreeSet<String>,
    /// Of these, what the store says of them; and what the check of digests needs.
    known: Vec<(FileOutcome, Option<Object>)>,
    /// What was said before of the files that are read for some policies, as they are shown.
    before: HashMap<String, FileOutcome>,
    lost: Vec<Lost>,
    sources: Sources,
}

/// What a reading gave.
pub(super) struct Outcome {
    pub(super) gathered: Gathered,
    pub(super) files: Vec<FileOutcome>,
    pub(super) objects: Vec<Object>,
    pub(super) lost: Vec<Lost>,
    pub(super) sources: Sources,
}

/// Where files are, by the path that is shown; `None` where that is not one that can be read, as it was.
#[derive(Debug, Default)]
pub(super) struct Sources(BTreeMap<String, Option<(PathBuf, bool)>>);

impl Sources {
    fn add(&mut self, shown: &str, entry: Option<&Entry>) {
        let at = entry.and_then(|entry| match entry.what {
            What::File { named } => Some((entry.path.clone(), named)),
            _ => None,
        });
        // Two files that are shown alike cannot be told apart.
        self.0.entry(shown.to_owned()).and_modify(|known| *known = None).or_insert(at);
    }

    /// Those of these files that are there and as they were.
    pub(super) fn entries(&self, again: &Again) -> Vec<Entry> {
        let entry = |display: &String| {
            let (path, named) = self.0.get(display)?.clone()?;
            let mut entry = Entry::new(path, What::File { named });
            entry.show(display);
            Some(entry)
        };
        let mut entries: Vec<Entry> = again.keys().filter_map(entry).collect();
        entries.sort_by(Entry::by_display);
        entries
    }
}

/// The bounds of a reading beside a store: every file is read, since a later run may report more than this one.
pub(super) fn options(job: &Job<'_>) -> Options {
    Options { prune: trail::Prune::default(), ..job.options.clone() }
}

impl Plan {
    /// Looks at the files and at the store; nothing is read yet.
    pub(super) fn new(
        job: &Job<'_>,
        engine: &Engine<'_>,
        (paths, gaps, trusts): (&[PathBuf], &AcceptedGaps, &Trusts),
        store: &Store,
    ) -> Result<Plan, AuditError> {
        let mut plan = Plan {
            wanted: key::policies(job, engine, gaps, trusts)?,
            digests: if job.digests.is_some() { Digests::Checked } else { Digests::Ignored },
            entries: Vec::new(),
            tasks: Tasks::new(),
            more: Vec::new(),
            used: BTreeSet::new(),
            known: Vec::new(),
            before: HashMap::new(),
            lost: Vec::new(),
            sources: Sources::default(),
        };
        let mut real = Real::default();
        let mut given = HashSet::new();
        for entry in trail::list(paths, &options(job)) {
            let key = match entry.what {
                What::File { named } => real.key(&entry.path, named),
                _ => None,
            };
            let stored = key.as_ref().and_then(|key| {
                given.insert(key.path.clone());
                store.file(&key.path).filter(|stored| stored.key == *key)
            });
            match stored {
                Some(stored) => plan.known(store, stored, Some((entry, key))),
                None => plan.read(entry, key, false),
            }
        }
        for (path, stored) in store.files() {
            if !given.contains(path) {
                // Of what is not asked for but there and unchanged, what is missing can be read.
                let mut entry = Entry::new(PathBuf::from(path), What::File { named: stored.key.named });
                entry.show(&stored.outcome.path);
                let key = real.key(&entry.path, stored.key.named).filter(|key| *key == stored.key);
                let there = key.map(|key| (entry, Some(key)));
                plan.known(store, stored, there);
            }
        }
        plan.entries.sort_by(Entry::by_display);
        Ok(plan)
    }

    /// Is any file to be read?
    pub(super) fn reads(&self) -> bool {
        !self.entries.is_empty()
    }

    fn read(&mut self, mut entry: Entry, key: Option<FileKey>, more: bool) {
        // What was shown by this path in another directory is shown by its whole path now.
        if self.tasks.contains_key(&*entry.display()) {
            entry.show_path();
        }
        let display = entry.display().into_owned();
        self.sources.add(&display, Some(&entry));
        self.tasks.insert(display, Task { key, more });
        self.entries.push(entry);
    }

    /// A file that is in the store. `there`: it is unchanged, and can be read.
    fn known(&mut self, store: &Store, stored: &Stored, there: Option<(Entry, Option<FileKey>)>) {
        let mut lacks = missing(store, stored, &self.wanted);
        if stored.outcome.records == 0 && stored.outcome.status == Status::Ok && there.is_none() {
            // There is nothing in it that could be missing.
            lacks = None;
        }
        if self.digests == Digests::Checked && stored.object.is_none() && there.is_some() {
            // Nobody asked what its bytes are.
            lacks = Some(Lack::All);
        }
        match (lacks, there) {
            (None, there) => self.keep(stored, there.as_ref().map(|(entry, _)| entry)),
            (Some(Lack::All), Some((entry, key))) => self.read(entry, key, false),
            (Some(Lack::Of(policies)), Some((mut entry, key))) => {
                // What waits of it is put together with what waited before.
                let display = &stored.outcome.path;
                entry.show(display);
                if self.more.is_empty() {
                    self.more.clone_from(&policies);
                }
                let more = self.more == policies && !self.tasks.contains_key(display);
                if more {
                    self.used.insert(stored.key.path.clone());
                    self.before.insert(display.clone(), stored.outcome.clone());
                }
                self.read(entry, key, more);
            }
            (Some(lack), None) => {
                let policies = match lack {
                    Lack::All => None,
                    Lack::Of(policies) => Some(policies),
                };
                let is_known = policies.is_some();
                self.lost.push(Lost {
                    path: stored.outcome.path.clone(),
                    accounts: stored.accounts.clone(),
                    times: stored.outcome.times,
                    policies,
                });
                if is_known {
                    self.keep(stored, None);
                } else if stored.outcome.times.is_none() {
                    // Nothing was read of it, and its name may say of when that was.
                    self.known.push((stored.outcome.clone(), self.object(stored)));
                }
            }
        }
    }

    fn keep(&mut self, stored: &Stored, entry: Option<&Entry>) {
        self.used.insert(stored.key.path.clone());
        self.sources.add(&stored.outcome.path, entry);
        self.known.push((stored.outcome.clone(), self.object(stored)));
    }

    /// What the check of digests needs of a file that is not read.
    fn object(&self, stored: &Stored) -> Option<Object> {
        match (self.digests, &stored.object) {
            (Digests::Ignored, _) => None,
            (Digests::Checked, Some(object)) => object.clone(),
            (Digests::Checked, None) => Object::unread(&stored.outcome),
        }
    }

    /// Reads what is to be read, keeps it, and adds what the store has.
    pub(super) fn carry_out(
        self,
        job: &Job<'_>,
        engine: &Engine<'_>,
        (context, gaps): (RecordContext<'_>, &AcceptedGaps),
        store: &mut Store,
    ) -> Result<Outcome, AuditError> {
        let Plan { wanted, digests, entries, tasks, more, used, known, mut before, lost, sources } = self;
        let of_more = more.iter().filter_map(|&at| engine.policies().get(at).copied()).collect();
        let more_engine = Engine::new(of_more, gaps).reporting(job.scope.clone()).keyed_by(store.keys());
        let more_wanted = Policies {
            makers: wanted.makers.clone(),
            policies: more.iter().filter_map(|&at| wanted.policies.get(at).cloned()).collect(),
            has_facts: false,
        };
        let replaced: HashSet<String> =
            tasks.values().filter_map(|task| Some(task.key.as_ref()?.path.clone())).collect();
        let Loaded { gathered: mut all, merged } = load(engine, &wanted, (&used, &replaced), store)?;
        let shared = Shared::new(store);
        let (tasks, shared) = (&tasks, &shared);
        let full_keeper = Keeper { policies: &wanted, tasks, digests, shared };
        let more_keeper = Keeper { policies: &more_wanted, tasks, digests, shared };
        let watched = (digests, &job.options.watch);
        let visitor = Both {
            tasks,
            failed: &shared.failed,
            full: Judge::keeping(engine, context, watched, &full_keeper),
            more: Judge::keeping(&more_engine, context, watched, &more_keeper),
        };
        let read = trail::read_entries(entries, &options(job), &visitor);
        let Both { full, more: more_judge, .. } = visitor;
        let loose = (full.loose(), more_judge.loose());
        let (of_files, of_more) = (full.finish(), more_judge.finish());
        if let Some(error) = shared.error.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error.into());
        }
        let mut store = shared.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.commit()?;

        let position = |at: usize| more.get(at).copied();
        let mut sound = all.add(engine, of_files.apart(engine), Some);
        sound &= all.add(engine, of_more.apart(&more_engine), position);
        if merged.is_due(&store) {
            all = write_merged(engine, &wanted, all, &mut store)?;
        }
        for apart in loose.0 {
            sound &= all.add(engine, apart, Some);
        }
        for apart in loose.1 {
            sound &= all.add(engine, apart, position);
        }
        if !sound {
            return Err(store.damaged("what it has of a policy is none of that policy's").into());
        }
        // Each reading looks closer at what its policies ask about: the one that found more wrong says more.
        let read = read.into_iter().map(|(file, object)| {
            let file = match before.remove(&file.path) {
                Some(before) if before.is_worse(&file) => before,
                _ => file,
            };
            (file, object.map(|object| *object))
        });
        let mut all_files: Vec<(FileOutcome, Option<Object>)> = known.into_iter().chain(read).collect();
        all_files.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
        let (files, objects): (Vec<_>, Vec<_>) = all_files.into_iter().unzip();
        let objects = objects.into_iter().flatten().collect();
        Ok(Outcome { gathered: all, files, objects, lost, sources })
    }
}

/// What a stored file lacks for these policies.
#[derive(Debug, PartialEq, Eq)]
enum Lack {
    /// Nothing of it can be used.
    All,
    /// These have nothing of it, by position.
    Of(Vec<usize>),
}

fn missing(store: &Store, stored: &Stored, wanted: &Policies) -> Option<Lack> {
    let sets: Vec<&Policies> = stored.blobs.iter().filter_map(|blob| store.policies(blob)).collect();
    if sets.len() != stored.blobs.len() || sets.iter().any(|set| set.makers != wanted.makers) {
        return Some(Lack::All);
    }
    let has = |policy: &(String, Digest)| sets.iter().any(|set| set.policies.contains(policy));
    let lacks: Vec<usize> =
        wanted.policies.iter().enumerate().filter(|(_, policy)| !has(policy)).map(|(at, _)| at).collect();
    (!lacks.is_empty()).then_some(Lack::Of(lacks))
}

/// What was read of the past, for each policy: of files that are gone, some know less than others.
pub(super) fn readings(
    base: &Reading,
    lost: &[Lost],
    accounts: &BTreeSet<String>,
    policies: usize,
) -> Vec<Option<Reading>> {
    let of = |at: usize| {
        let mine: Vec<&Lost> = lost.iter().filter(|one| one.policies.is_some() && one.is_of(at)).collect();
        (!mine.is_empty()).then(|| {
            let mut reading = base.clone();
            mine.into_iter().flat_map(|one| one.holes(accounts)).for_each(|hole| reading.hole(hole));
            reading
        })
    };
    (0..policies).map(of).collect()
}
