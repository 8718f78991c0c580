//! Reading the trail: all of it, or what a store does not have; what waited until all was read; and what is judged then.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use super::gathered::Gathered;
use super::networks::Lookups;
use super::records::{Again, Digests, Judge, Pass};
use super::{
    AuditError, Job, NamedText, TrailInput, TrailRead, holes, integrity, looked_up, stored, waiting,
};
use crate::engine::state::{EventClass, Occasion};
use crate::engine::{Engine, Memory, Sessions as Told, Tally, Treatment};
use crate::facts::from_record::{RecordContext, Wanted};
use crate::facts::schema::Origin;
use crate::facts::sessions::{Answers, Sessions};
use crate::findings::gaps::AcceptedGaps;
use crate::lists::Lists;
use crate::network::Networks;
use crate::store::Store;
use crate::timeline::{Base, History};
use crate::trail::digest::{self, Object};
use crate::trail::{self, FileOutcome, Options, Prune, Watch};
use crate::trust::Trusts;

/// With what records are judged.
#[derive(Clone, Copy)]
pub(super) struct With<'w> {
    pub(super) job: &'w Job<'w>,
    pub(super) engine: &'w Engine<'w>,
    pub(super) gaps: &'w AcceptedGaps,
    pub(super) trusts: &'w Trusts,
    pub(super) lists: &'w Lists,
}

impl<'w> With<'w> {
    fn context(self, networks: &'w Networks) -> RecordContext<'w> {
        RecordContext { trusts: self.trusts, lists: self.lists, networks, answers: None }
    }
}

/// What the first look at every file gave.
struct First {
    gathered: Gathered,
    files: Vec<FileOutcome>,
    objects: Vec<Object>,
    lost: Vec<stored::Lost>,
    /// Beside a store, where files are.
    sources: Option<stored::Sources>,
    options: Options,
}

/// `known`: what a snapshot says of sessions; `base`: and of what stood when it was taken.
pub(super) fn read_trail(
    with: With<'_>,
    lookups: &Lookups<'_>,
    store: Option<&mut Store>,
    (known, base): (Sessions, Option<&Base>),
    tally: &mut Tally,
) -> Result<TrailRead, AuditError> {
    let With { job, engine, .. } = with;
    let First { gathered: first, files, objects, lost, sources, options } = first(with, lookups, store)?;
    let mut memory = first.memory;
    let mut out = TrailRead { files, facts: first.facts, lost, ..TrailRead::default() };
    out.digests = job.digests.as_ref().map(|keys| digest::verify(objects, keys));
    if let Some(found) = &out.digests {
        integrity::judge(found, engine, tally);
    }
    out.facts.changes.settle();
    out.unplaced = out.files.iter().any(holes::is_unplaced);
    let broken = out.digests.iter().flat_map(holes::of_digests);
    let left_out = holes::of_left_out(&out.files, &options.prune);
    let not_looked_up = looked_up(job).into_iter().flat_map(|looked_up| looked_up.holes.iter().cloned());
    let outdated = out.lost.iter().filter(|lost| lost.policies.is_none());
    let gone = outdated.flat_map(|lost| lost.holes(&out.facts.accounts));
    let all: Vec<_> = holes::holes(&out.files)
        .into_iter()
        .chain(broken)
        .chain(left_out)
        .chain(gone)
        .chain(not_looked_up)
        .collect();
    all.into_iter().for_each(|hole| out.facts.reading.hole(hole));
    // Of what was asked for, everything of that time was read, whether there is a record of it or not.
    for (account, from, to) in looked_up(job).into_iter().flat_map(|looked_up| &looked_up.read) {
        for time in [*from, *to] {
            out.facts.reading.record(account, EventClass::Management, time);
        }
    }
    tally.merge(first.tally);
    for lost in &out.lost {
        engine.unread_file(&lost.path, |at| lost.is_of(at), tally);
    }
    let recounts = engine.recount(&mut memory);
    let answers = if first.waiting.is_empty() {
        Answers::new(engine.keys())
    } else {
        let mut sessions = first.sessions;
        sessions.merge(known);
        waiting::answers(&sessions, first.waiting.sessions(), &out.facts.reading)
    };
    let mut waits = first.waiting;
    let mut again = waiting::decide(&mut waits, &answers, tally);
    waiting::count(&recounts, &out.files, &mut again);
    if !again.is_empty() {
        let context = RecordContext { answers: Some(&answers), ..with.context(lookups.networks()?) };
        let pass = Pass::Second(&again, &recounts);
        // Digests are done with, and findings were counted the first time.
        let watch = Watch::default();
        let judge = Judge::new(engine, wanted(job, engine), false, context, pass, (Digests::Ignored, &watch));
        if let Some(meter) = &options.watch.0 {
            meter.again(again.len() as u64);
        }
        let (files, second) = match &sources {
            None => {
                let (files, _) = read_files(job, &options, &judge, Some(&again));
                (files, judge.finish())
            }
            Some(sources) => {
                let judge = judge.beside_store();
                let read = trail::read_entries(sources.entries(&again), &options, &judge);
                (read.into_iter().map(|(file, _)| file).collect(), judge.finish())
            }
        };
        tally.merge(second.tally);
        engine.remember_all(&mut memory, second.memory);
        waiting::missed((&waits, &recounts), &again, (&out.files, &files), engine, (&mut memory, tally));
    }
    drop(waits);
    job.options.space.free();
    close(engine, &out, base, &mut memory, tally);
    if engine.has_state() {
        let base = &out.facts.reading;
        let readings = stored::readings(base, &out.lost, &out.facts.accounts, engine.policies().len());
        let reading = |at: usize| readings.get(at).and_then(Option::as_ref).unwrap_or(base);
        engine.recall(memory, &reading, tally);
    }
    Ok(out)
}

fn first(with: With<'_>, lookups: &Lookups<'_>, store: Option<&mut Store>) -> Result<First, AuditError> {
    let With { job, engine, gaps, trusts, .. } = with;
    if let (Some(store), TrailInput::Paths(paths)) = (store, &job.trail) {
        let plan = stored::Plan::new(job, engine, (paths, gaps, trusts), store)?;
        let unread = Networks::unread(&job.config.own_networks);
        let networks = if plan.reads() { lookups.networks()? } else { &unread };
        let stored::Outcome { gathered, files, objects, lost, sources } =
            plan.carry_out(job, engine, (with.context(networks), gaps), store)?;
        let options = stored::options(job);
        return Ok(First { gathered, files, objects, lost, sources: Some(sources), options });
    }
    let needed = job.scope.needed(engine.policies());
    let prune =
        Prune { from: needed.from, to: needed.to, accounts: needed.accounts, regions: needed.regions };
    let options = Options { prune, ..job.options.clone() };
    let checked = if job.digests.is_some() { Digests::Checked } else { Digests::Ignored };
    let watched = (checked, &job.options.watch);
    let context = with.context(lookups.networks()?);
    let last_invokes = job.snapshot.is_some();
    let judge = Judge::new(engine, wanted(job, engine), last_invokes, context, Pass::First, watched);
    let (files, objects) = read_files(job, &options, &judge, None);
    Ok(First { gathered: judge.finish(), files, objects, lost: Vec::new(), sources: None, options })
}

/// Judges the facts that had to wait for what stood before their changes.
fn close(
    engine: &Engine<'_>,
    trail: &TrailRead,
    base: Option<&Base>,
    memory: &mut Memory,
    tally: &mut Tally,
) {
    let missing = |account: Option<&str>, from, to| trail.is_missing(account, from, to);
    let history = History::new(&trail.facts.timeline, base, &missing);
    for open in &trail.facts.open {
        let event_id = open.event_id();
        let event_id = event_id.as_deref();
        let Some(fact) = open.close(&history, event_id) else { continue };
        let (time, file, offset) = open.record();
        let (owner, home) = open.place();
        let account = owner.map(Arc::from);
        let occasion =
            Occasion::new((time, event_id), account, EventClass::Management, (file.into(), offset));
        let standing = occasion.standing();
        let scope = engine.scope();
        let reported = scope.has_place(owner, home) && scope.has_time(time);
        let treatment = if reported { Treatment::Judged } else { Treatment::Remembered };
        engine.judge_record(&fact, (None, treatment), &|| &standing, Told::NotAsked, (memory, tally));
    }
}

/// Can everything that is read be read again? A pipe cannot, and what a store keeps must be whole.
pub(super) fn reads_twice(job: &Job<'_>, has_store: bool) -> bool {
    let paths = match &job.trail {
        TrailInput::Paths(paths) | TrailInput::Remote(_, paths) => paths.as_slice(),
        TrailInput::None | TrailInput::Memory(_) => &[],
        TrailInput::LookedUp(looked_up) => looked_up.paths.as_slice(),
    };
    let can = |path: &PathBuf| path.as_os_str() != "-" && (path.is_file() || path.is_dir());
    !has_store && paths.iter().all(can)
}

/// Reads all files, or only these.
fn read_files(
    job: &Job<'_>,
    options: &Options,
    visitor: &Judge<'_>,
    only: Option<&Again>,
) -> (Vec<FileOutcome>, Vec<Object>) {
    let (paths, memory): (&[PathBuf], &[NamedText]) = match &job.trail {
        TrailInput::None => return (Vec::new(), Vec::new()),
        TrailInput::Paths(paths) | TrailInput::Remote(_, paths) => (paths, &[]),
        TrailInput::Memory(files) => (&[], files),
        TrailInput::LookedUp(looked_up) => (&looked_up.paths, &looked_up.files),
    };
    let (elsewhere, here): (BTreeSet<String>, Vec<&String>) = match (only, &job.trail) {
        (None, _) => (BTreeSet::new(), Vec::new()),
        (Some(only), TrailInput::Remote(..)) => {
            let (there, here): (Vec<_>, Vec<_>) = only.keys().partition(|name| name.starts_with("s3://"));
            (there.into_iter().cloned().collect(), here)
        }
        (Some(only), _) => (BTreeSet::new(), only.keys().collect()),
    };
    let in_memory = memory
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only.contains_key(name)))
        .map(|(name, bytes)| trail::read_stream(name, Cursor::new(&bytes[..]), options, visitor));
    let is_file = |name: &&&String| !memory.iter().any(|(known, _)| known == **name);
    let again: Option<Vec<PathBuf>> = only.map(|_| here.iter().filter(is_file).map(PathBuf::from).collect());
    let mut read = trail::read_inputs(again.as_deref().unwrap_or(paths), options, visitor);
    read.extend(in_memory);
    if let TrailInput::Remote(remote, _) = &job.trail {
        let files = remote.fetch(&options.prune, only.map(|_| &elsewhere), &options.watch);
        read.extend(trail::read_remote(files, options, visitor));
    }
    let mut objects = Vec::new();
    // One by one, in the space in which they are.
    let alone = |(file, object): (FileOutcome, Option<Box<Object>>)| {
        objects.extend(object.map(|object| *object));
        file
    };
    (read.into_iter().map(alone).collect(), objects)
}

/// The facts that the policies judge.
fn wanted(job: &Job<'_>, engine: &Engine<'_>) -> Wanted {
    // A finding of a snapshot asks for its cause, whether the policy judges the change itself or not.
    let caused = |kind| job.snapshot.is_some() && engine.wants(kind, Origin::State);
    let change = |kind| engine.wants(kind, Origin::Change) || caused(kind);
    Wanted {
        api_call: engine.wants("api_call", Origin::Activity),
        // When a function was last invoked is told beside its logging.
        invocation: job.snapshot.is_some() || engine.wants("invocation", Origin::Activity),
        grant: change("grant"),
        function_url: change("function_url"),
        layer_use: change("layer_use"),
        event_source: change("event_source"),
        function: change("function"),
        code_signing_change: change("code_signing_change"),
        logging_change: change("logging_change"),
    }
}
