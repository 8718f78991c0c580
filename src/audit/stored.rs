//! Trail files beside a store: what is in it and unchanged is not read, what is read is kept, and both together give
//! what one reading of all files would.
//!
//! What a file gave is kept for each policy by itself, under a hash of all that it depends on. A policy that is new or
//! was changed has the files read for it alone, as long as they are there and as they were. Of files that are not, its
//! past is a hole, which is said: their records are never taken for ones that passed.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{self, Metadata};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::records::{Gathered, Judge, Keep, Loose, PerFile, RecordFacts};
use super::{AuditError, Job, NETWORK_FIELDS};
use crate::engine::state::{Hole, Reading};
use crate::engine::{Engine, Share};
use crate::facts::from_record::RecordContext;
use crate::findings::gaps::AcceptedGaps;
use crate::policy::Policy;
use crate::report::Read;
use crate::store::{Digest, FileKey, Gave, Makers, Policies, Store, StoreError, Stored};
use crate::trail::{self, Entry, FaultKind, FileOutcome, RecordVisitor, TrailFileName, TrailRecord, What};
use crate::trust::Trusts;

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

/// What is kept of one file, or of all.
#[derive(Serialize)]
struct Keeping<'k> {
    facts: Option<&'k RecordFacts>,
    shares: &'k [Share],
}

#[derive(Deserialize)]
struct Kept {
    facts: Option<RecordFacts>,
    shares: Vec<Share>,
}

/// What is to be read, and what is not.
pub(super) struct Plan {
    wanted: Policies,
    entries: Vec<Entry>,
    tasks: HashMap<String, Task>,
    /// The policies, by position, that some unchanged files are read for.
    more: Vec<usize>,
    /// Keys of files that are in the store and used.
    used: BTreeSet<String>,
    outcomes: Vec<FileOutcome>,
    /// What was said before of the files that are read for some policies, as they are shown.
    before: HashMap<String, FileOutcome>,
    lost: Vec<Lost>,
}

/// What is to become of one file that is read.
#[derive(Debug, Clone)]
struct Task {
    /// `None`: it cannot be kept.
    key: Option<FileKey>,
    /// Only for the policies that know nothing of it.
    more: bool,
}

/// What a reading gave.
pub(super) struct Outcome {
    pub(super) gathered: Gathered,
    pub(super) files: Vec<FileOutcome>,
    pub(super) lost: Vec<Lost>,
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
            wanted: policies(job, engine, gaps, trusts)?,
            entries: Vec::new(),
            tasks: HashMap::new(),
            more: Vec::new(),
            used: BTreeSet::new(),
            outcomes: Vec::new(),
            before: HashMap::new(),
            lost: Vec::new(),
        };
        let mut real = Real::default();
        let mut given = HashSet::new();
        for entry in trail::list(paths, &job.options) {
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
                let entry = Entry {
                    path: PathBuf::from(path),
                    display: stored.outcome.path.clone(),
                    what: What::File { named: stored.key.named },
                };
                let key = real.key(&entry.path, stored.key.named).filter(|key| *key == stored.key);
                let there = key.map(|key| (entry, Some(key)));
                plan.known(store, stored, there);
            }
        }
        plan.entries.sort_by(|a, b| a.display.cmp(&b.display));
        Ok(plan)
    }

    /// Is any file to be read?
    pub(super) fn reads(&self) -> bool {
        !self.entries.is_empty()
    }

    fn read(&mut self, entry: Entry, key: Option<FileKey>, more: bool) {
        self.tasks.insert(entry.display.clone(), Task { key, more });
        self.entries.push(entry);
    }

    /// A file that is in the store. `there`: it is unchanged, and can be read.
    fn known(&mut self, store: &Store, stored: &Stored, there: Option<(Entry, Option<FileKey>)>) {
        let mut lacks = missing(store, stored, &self.wanted);
        if stored.outcome.records == 0 && stored.outcome.status == trail::Status::Ok && there.is_none() {
            // There is nothing in it that could be missing.
            lacks = None;
        }
        match (lacks, there) {
            (None, _) => self.keep(stored),
            (Some(Lack::All), Some((entry, key))) => self.read(entry, key, false),
            (Some(Lack::Of(policies)), Some((entry, key))) => {
                if self.more.is_empty() {
                    self.more.clone_from(&policies);
                }
                let more = self.more == policies;
                if more {
                    self.used.insert(stored.key.path.clone());
                    self.before.insert(entry.display.clone(), stored.outcome.clone());
                }
                self.read(entry, key, more);
            }
            (Some(lack), None) => {
                let policies = match lack {
                    Lack::All => None,
                    Lack::Of(policies) => Some(policies),
                };
                self.lost.push(Lost {
                    path: stored.outcome.path.clone(),
                    accounts: stored.accounts.clone(),
                    times: stored.outcome.times,
                    policies,
                });
                if self.lost.last().is_some_and(|lost| lost.policies.is_some()) {
                    self.keep(stored);
                }
            }
        }
    }

    fn keep(&mut self, stored: &Stored) {
        self.used.insert(stored.key.path.clone());
        self.outcomes.push(stored.outcome.clone());
    }

    /// Reads what is to be read, keeps it, and adds what the store has.
    pub(super) fn carry_out(
        self,
        job: &Job<'_>,
        engine: &Engine<'_>,
        (context, gaps): (RecordContext<'_>, &AcceptedGaps),
        store: &mut Store,
    ) -> Result<Outcome, AuditError> {
        let Plan { wanted, entries, tasks, more, used, outcomes: mut files, mut before, lost } = self;
        let more_engine =
            Engine::new(more.iter().filter_map(|&at| engine.policies().get(at).copied()).collect(), gaps);
        let more_wanted = Policies {
            makers: wanted.makers.clone(),
            policies: more.iter().filter_map(|&at| wanted.policies.get(at).cloned()).collect(),
            has_facts: false,
        };
        let loaded = load(engine, &wanted, &used, store)?;
        let full_keeper = Keeper::new(&wanted, &tasks);
        let shared =
            Shared { store: Mutex::new(store), error: Mutex::default(), failed: AtomicBool::new(false) };
        let full_keep = full_keeper.with(&shared);
        let more_keeper = Keeper::new(&more_wanted, &tasks);
        let more_keep = more_keeper.with(&shared);
        let visitor = Both {
            tasks: &tasks,
            failed: &shared.failed,
            full: Judge::keeping(engine, context, &full_keep),
            more: Judge::keeping(&more_engine, context, &more_keep),
        };
        let read = trail::read_entries(&entries, &job.options, &visitor);
        let Both { full, more: more_judge, .. } = visitor;
        let loose = (full.loose(), more_judge.loose());
        let of_files = full.finish();
        let of_more = more_judge.finish();
        let Shared { store, error, .. } = shared;
        let store = store.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error.into());
        }
        store.commit()?;

        let Loaded { gathered: mut all, merged } = loaded;
        let position = |at: usize| more.get(at).copied().unwrap_or(usize::MAX);
        let mut sound = {
            let Gathered { tally, memory, facts, .. } = of_files;
            all.add(engine, engine.shares(tally, memory).into_iter().enumerate(), facts)
        };
        let shares = more_engine.shares(of_more.tally, of_more.memory);
        let shares = shares.into_iter().enumerate().map(|(at, share)| (position(at), share));
        sound &= all.add(engine, shares, RecordFacts::default());
        if merged.is_due(store) {
            all = write_merged(engine, &wanted, all, store)?;
        }
        for Loose { facts, shares } in loose.0 {
            sound &= all.add(engine, shares.into_iter().enumerate(), facts);
        }
        for Loose { shares, .. } in loose.1 {
            let shares = shares.into_iter().enumerate().map(|(at, share)| (position(at), share));
            sound &= all.add(engine, shares, RecordFacts::default());
        }
        if !sound {
            return Err(store.damaged("what it has of a policy is none of that policy's").into());
        }
        // Each reading looks closer at what its policies ask about: the one that found more wrong says more.
        files.extend(read.into_iter().map(|(file, ())| match before.remove(&file.path) {
            Some(before) if before.is_worse(&file) => before,
            _ => file,
        }));
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Outcome { gathered: all, files, lost })
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

/// What the store had.
struct Loaded {
    gathered: Gathered,
    merged: Merging,
}

/// Whether everything is to be written down as one.
enum Merging {
    /// What there is cannot be used.
    None,
    /// It can, with what came since.
    Beside,
}

impl Merging {
    /// Loading what files gave one by one costs more than what all gave; writing that costs too.
    fn is_due(&self, store: &Store) -> bool {
        match (self, store.merged()) {
            (Merging::None, _) | (_, None) => store.files().next().is_some(),
            (Merging::Beside, Some((blob, pending))) => {
                4 * pending.map(|(_, bytes)| bytes).sum::<u64>() > blob.length()
            }
        }
    }
}

fn load(
    engine: &Engine<'_>,
    wanted: &Policies,
    used: &BTreeSet<String>,
    store: &mut Store,
) -> Result<Loaded, AuditError> {
    let mut all = Gathered::nothing(engine);
    let whole = store.files().filter(|(path, _)| used.contains(*path)).count() == store.files().count();
    let (merged, files) = {
        let usable = store.merged().filter(|(blob, _)| {
            let set = store.policies(blob);
            whole && set.is_some_and(|set| set.makers == wanted.makers && covers(set, wanted))
        });
        let usable: (_, Vec<String>) = match usable {
            Some((blob, pending)) => (Some(*blob), pending.map(|(path, _)| path.to_owned()).collect()),
            None => (None, used.iter().cloned().collect()),
        };
        usable
    };
    let merging = if merged.is_some() { Merging::Beside } else { Merging::None };
    if let Some(blob) = merged {
        add_blobs(engine, wanted, &[blob], &mut all, store)?;
    }
    for path in files {
        let Some(stored) = store.file(&path) else { continue };
        let blobs = stored.blobs.clone();
        add_blobs(engine, wanted, &blobs, &mut all, store)?;
    }
    Ok(Loaded { gathered: all, merged: merging })
}

fn covers(set: &Policies, wanted: &Policies) -> bool {
    wanted.policies.iter().all(|policy| set.policies.contains(policy))
}

/// Adds what the blobs of one file have, of each policy once.
fn add_blobs(
    engine: &Engine<'_>,
    wanted: &Policies,
    blobs: &[crate::store::Blob],
    all: &mut Gathered,
    store: &mut Store,
) -> Result<(), AuditError> {
    let mut done = HashSet::new();
    for blob in blobs {
        let bytes = store.read(blob)?;
        let Kept { facts, shares } = postcard::from_bytes(&bytes).map_err(|error| store.damaged(error))?;
        let Some(set) = store.policies(blob) else { continue };
        let mut mine = Vec::new();
        for (policy, share) in set.policies.iter().zip(shares) {
            if let Some(at) = wanted.policies.iter().position(|wanted| wanted == policy)
                && done.insert(at)
            {
                mine.push((at, share));
            }
        }
        if !all.add(engine, mine.into_iter(), facts.unwrap_or_default()) {
            return Err(store.damaged("what it has of a policy is none of that policy's").into());
        }
    }
    Ok(())
}

/// Writes down what all files gave together.
fn write_merged(
    engine: &Engine<'_>,
    wanted: &Policies,
    all: Gathered,
    store: &mut Store,
) -> Result<Gathered, AuditError> {
    let Gathered { tally, memory, facts, .. } = all;
    let shares = engine.shares(tally, memory);
    let bytes = encode("all files", Some(&facts), &shares)?;
    store.merge(wanted, &bytes)?;
    store.tidy()?;
    let mut all = Gathered::nothing(engine);
    let sound = all.add(engine, shares.into_iter().enumerate(), facts);
    debug_assert!(sound, "shares of this very engine");
    Ok(all)
}

fn encode(file: &str, facts: Option<&RecordFacts>, shares: &[Share]) -> Result<Vec<u8>, StoreError> {
    postcard::to_allocvec(&Keeping { facts, shares })
        .map_err(|error| StoreError::Encode { file: file.to_owned(), what: error.to_string() })
}

/// What all keepers write to.
struct Shared<'s> {
    store: Mutex<&'s mut Store>,
    error: Mutex<Option<StoreError>>,
    failed: AtomicBool,
}

/// Keeps what files give to a set of policies.
struct Keeper<'k> {
    policies: &'k Policies,
    tasks: &'k HashMap<String, Task>,
}

impl<'k> Keeper<'k> {
    fn new(policies: &'k Policies, tasks: &'k HashMap<String, Task>) -> Self {
        Keeper { policies, tasks }
    }

    fn with<'a, 's>(&'a self, shared: &'a Shared<'s>) -> Writing<'a, 's> {
        Writing { keeper: self, shared }
    }
}

struct Writing<'a, 's> {
    keeper: &'a Keeper<'a>,
    shared: &'a Shared<'s>,
}

impl Keep for Writing<'_, '_> {
    fn keep(&self, outcome: &FileOutcome, facts: &RecordFacts, shares: &[Share]) -> bool {
        let Some(Task { key: Some(key), more }) = self.keeper.tasks.get(&outcome.path) else { return false };
        // It may be read next time.
        if outcome.faults.iter().any(|fault| matches!(fault.kind, FaultKind::Io(_))) {
            return false;
        }
        let facts_kept = self.keeper.policies.has_facts.then_some(facts);
        let written = encode(&outcome.path, facts_kept, shares).and_then(|gathered| {
            let gave =
                Gave { file: key, outcome, accounts: &facts.accounts, adds: *more, gathered: &gathered };
            let mut store = self.shared.store.lock().unwrap_or_else(PoisonError::into_inner);
            store.add(self.keeper.policies, &gave)
        });
        if let Err(error) = written {
            // Whatever follows is not read: the run is over.
            self.shared.failed.store(true, Ordering::Relaxed);
            self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        true
    }
}

/// Judges files in full, or for the policies that know nothing of them.
struct Both<'v> {
    tasks: &'v HashMap<String, Task>,
    failed: &'v AtomicBool,
    full: Judge<'v>,
    more: Judge<'v>,
}

impl<'v> Both<'v> {
    fn judge(&self, more: bool) -> &Judge<'v> {
        if more { &self.more } else { &self.full }
    }
}

impl RecordVisitor for Both<'_> {
    type PerFile = (bool, PerFile);
    type Kept = ();

    fn begin(&self, path: &str, named: Option<&TrailFileName>) -> Self::PerFile {
        let more = self.tasks.get(path).is_some_and(|task| task.more);
        (more, self.judge(more).begin(path, named))
    }

    fn may_pass_over(&self) -> bool {
        self.full.may_pass_over() || self.more.may_pass_over()
    }

    fn needs(&self, (more, file): &mut Self::PerFile, source: &str, name: &str) -> bool {
        self.judge(*more).needs(file, source, name)
    }

    fn pass_over(&self, (more, file): &mut Self::PerFile, record: &TrailRecord<'_>) -> bool {
        self.judge(*more).pass_over(file, record)
    }

    fn record(&self, (more, file): &mut Self::PerFile, record: &TrailRecord<'_>) {
        if !self.failed.load(Ordering::Relaxed) {
            self.judge(*more).record(file, record);
        }
    }

    fn end(&self, (more, file): Self::PerFile, outcome: &FileOutcome) {
        if !self.failed.load(Ordering::Relaxed) {
            self.judge(more).end(file, outcome);
        }
    }
}

/// Real paths; those of directories are asked for once.
#[derive(Default)]
struct Real {
    directories: BTreeMap<PathBuf, Option<PathBuf>>,
}

impl Real {
    /// `None`: it cannot be told apart from others for sure, so it is read every time.
    fn key(&mut self, path: &Path, named: bool) -> Option<FileKey> {
        let own = fs::symlink_metadata(path).ok()?;
        let (metadata, real) = if own.is_symlink() {
            (fs::metadata(path).ok()?, fs::canonicalize(path).ok()?)
        } else {
            let parent = match path.parent() {
                Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
                Some(parent) => parent,
                None => return None,
            };
            let canonical =
                self.directories.entry(parent.to_owned()).or_insert_with(|| fs::canonicalize(parent).ok());
            (own, canonical.as_ref()?.join(path.file_name()?))
        };
        let path = real.to_str()?.to_owned();
        metadata.is_file().then(|| modified(&metadata)).flatten().map(|modified| FileKey {
            path,
            named,
            size: metadata.len(),
            modified,
        })
    }
}

/// Seconds and nanoseconds since 1970.
fn modified(metadata: &Metadata) -> Option<(i64, u32)> {
    let time = metadata.modified().ok()?;
    Some(match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).ok()?, after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            (-i64::try_from(before.as_secs()).ok()?, before.subsec_nanos())
        }
    })
}

/// The policies of a run, under hashes of all that what they gather depends on.
fn policies(
    job: &Job<'_>,
    engine: &Engine<'_>,
    gaps: &AcceptedGaps,
    trusts: &Trusts,
) -> Result<Policies, AuditError> {
    let mut probe = DefaultHasher::new();
    "what is counted is told apart by this hash".hash(&mut probe);
    let makers = digest(&[
        env!("LAMBDA_AUDIT_MAKERS"),
        env!("CARGO_PKG_VERSION"),
        &format!("{:x}", probe.finish()),
        &format!("{trusts:?}"),
        &format!("{:?}", job.config.own_networks),
        &job.options.max_file_bytes.to_string(),
    ]);
    let networks = networks(job)?;
    let one = |policy: &&Policy| {
        let gaps: Vec<_> = gaps.of_policy(&policy.id).collect();
        let reads = Engine::new(vec![policy], &AcceptedGaps::default()).reads(&NETWORK_FIELDS);
        let hash = digest(&[
            &format!("{makers:?}"),
            &policy.source.text,
            &format!("{:?}", policy.params),
            &format!("{:?} {}", policy.severity, policy.risk_score),
            &format!("{gaps:?}"),
            if reads { &networks } else { "" },
        ]);
        (policy.id.clone(), hash)
    };
    let policies = engine.policies().iter().map(one).collect();
    Ok(Policies { makers: Makers(makers), policies, has_facts: true })
}

/// The files of networks that were given, by what is in them. What is built in is part of the program.
fn networks(job: &Job<'_>) -> Result<String, AuditError> {
    let mut hasher = Sha256::new();
    for path in [&job.networks.asn_db, &job.networks.aws_ranges] {
        match path {
            None => hasher.update([0]),
            Some(path) => {
                hasher.update([1]);
                // It was read before: an error now is one of a file that has just changed.
                let bytes = fs::read(path).map_err(|error| StoreError::Read { path: path.clone(), error })?;
                hasher.update(Sha256::digest(&bytes));
            }
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn digest(texts: &[&str]) -> Digest {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    let hash: [u8; 32] = hasher.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
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
