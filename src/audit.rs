//! One run: a snapshot and trail files through facts and engine to a report. This is where the pure modules meet the
//! files; what is read, and how each reading ended, goes into the coverage ledger.

mod assemble;
pub mod cases;
mod causes;
mod context;
mod holes;
mod integrity;
mod ledger;
mod looked_up;
mod networks;
mod records;
mod relevance;
mod waiting;

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Config, Require};
use crate::engine::state::{EventClass, Occasion};
use crate::engine::{Engine, Memory, Scope, Tally, Treatment};
use crate::facts::from_record::{RecordContext, Wanted};
use crate::facts::from_snapshot::{Index, StateFacts};
use crate::facts::schema::Origin;
use crate::facts::sessions::Sessions;
use crate::facts::{Body, Fact, Invocation, InvokeLogging, Place, Subject};
use crate::findings::gaps::AcceptedGaps;
use crate::findings::gate::{Exit, Thresholds};
use crate::findings::triage::Known;
use crate::lists::{ListError, Lists};
use crate::network::Networks;
use crate::network::load::{self, LoadError};
use crate::policy::Policy;
use crate::report::Report;
use crate::snapshot::{self, ReadError, Visit};
use crate::timeline::{Base, History};
use crate::trail::digest::{self, PublicKeys};
use crate::trail::{self, FileOutcome, Options, Prune, Remote};
use crate::trust::Trust;
use crate::value::{Reading, Why};

pub use assemble::rfc3339;
pub use looked_up::{LookedUp, NamedText};
pub use records::{LastInvoke, RecordFacts};

/// Trail records to read.
#[derive(Debug, Clone, Default)]
pub enum TrailInput {
    #[default]
    None,
    /// Files, directories, `-` for standard input.
    Paths(Vec<PathBuf>),
    /// Files in memory.
    Memory(Vec<NamedText>),
    /// Records of chosen names.
    LookedUp(Box<LookedUp>),
    /// Files elsewhere, and paths beside them.
    Remote(Arc<dyn Remote>, Vec<PathBuf>),
}

impl TrailInput {
    pub fn is_given(&self) -> bool {
        !matches!(self, TrailInput::None)
    }
}

/// What a run reads, and with what it judges.
#[derive(Debug)]
pub struct Job<'j> {
    pub snapshot: Option<snapshot::Input>,
    pub trail: TrailInput,
    pub options: Options,
    /// Checks the digests of the trail files with these keys.
    pub digests: Option<PublicKeys>,
    /// Read only if a policy asks where calls came from.
    pub networks: load::Files,
    /// What is reported.
    pub scope: Scope,
    pub policies: Vec<&'j Policy>,
    pub config: &'j Config,
    pub trust: &'j Trust,
    pub thresholds: &'j Thresholds,
    /// Findings that count as known.
    pub baseline: Option<Known<'j>>,
    /// Options that left policies or inputs out, as the report is to say.
    pub filters: Vec<String>,
    pub now: Timestamp,
}

/// What a run found.
#[derive(Debug)]
pub struct Audit {
    pub report: Report,
    pub exit: Exit,
    /// The logging of each function, of the snapshot.
    pub logging: Vec<LoggingFact>,
    /// The last invocation that was read of each function, by unqualified ARN.
    pub last_invokes: std::collections::BTreeMap<String, LastInvoke>,
}

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Snapshot(#[from] ReadError),
    #[error(transparent)]
    Lists(#[from] ListError),
    #[error(transparent)]
    Networks(#[from] LoadError),
}

/// What is known of a function's logging.
#[derive(Debug, Clone)]
pub struct LoggingFact {
    pub subject: Subject<'static>,
    /// `yes`, `partial` or `no`.
    pub configured: Reading<String>,
    pub reason: Option<String>,
    pub proof: Option<String>,
}

/// What was read of a snapshot.
struct SnapshotRead {
    name: String,
    index: Index,
    faults: Vec<snapshot::Fault>,
}

/// What was read of the trail.
#[derive(Default)]
struct TrailRead {
    files: Vec<FileOutcome>,
    facts: RecordFacts,
    /// What the digests prove, if they were checked.
    digests: Option<digest::Findings>,
    /// Some file was not read, and its name does not say of when its records are.
    unplaced: bool,
}

impl TrailRead {
    /// Is something known to be missing of an account's records between these seconds (both included)? `None`: of any
    /// account's. A file that was not read and whose name does not say of when it is may be of any time.
    fn is_missing(&self, account: Option<&str>, from: i64, to: i64) -> bool {
        self.facts.reading.has_hole(account, from, to) || self.unplaced
    }
}

/// Carries out a run.
///
/// # Errors
/// [`AuditError`] if the snapshot, or a file of networks that is needed, cannot be read at all. Everything else that cannot be read is in the report.
pub fn run(job: &Job<'_>) -> Result<Audit, AuditError> {
    let lists = Lists::embedded()?;
    let today = job.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let gaps = AcceptedGaps::on(today, job.config.accepted_gaps.iter().cloned());
    let engine = Engine::new(job.policies.clone(), &gaps).reporting(job.scope.clone());
    let mut tally = engine.tally();
    let networks = networks(job, &engine)?;

    let snapshot = job.snapshot.as_ref().map(index).transpose()?;
    let trusts = match &snapshot {
        Some(read) => read.index.trusts(job.trust),
        None => crate::trust::Trusts::new(job.trust.clone()),
    };
    let mut logging = Vec::new();
    let mut outside = context::Outside::default();
    let mut base = snapshot.as_ref().and_then(|read| read.index.base());
    if let (Some(read), Some(input)) = (&snapshot, &job.snapshot) {
        let mut facts = StateFacts::new(&read.name, &read.index, &trusts, &lists);
        let mut judge = |fact: &Fact<'_>| {
            if !job.scope.has_place(fact.subject.account.as_deref(), fact.subject.region.as_deref()) {
                return;
            }
            if let Body::InvokeLogging(body) = &fact.body {
                logging.push(LoggingFact::of(fact, body));
            }
            outside.add(fact);
            if let Some(base) = &mut base {
                base.add(fact);
            }
            engine.judge(fact, &mut tally);
        };
        snapshot::read(input, &mut |visit| {
            if let Visit::Part(part, line) = visit {
                facts.part(&part, line, &mut judge);
            }
        })?;
        facts.finish(&mut judge);
    }

    let context = RecordContext { trusts: &trusts, lists: &lists, networks: &networks, answers: None };
    let known = snapshot.as_ref().map(|read| read.index.sessions()).unwrap_or_default();
    let trail = read_trail(job, &engine, context, (known, base.as_ref()), &mut tally);
    blind_functions(job, &engine, &logging, &trail, &mut tally);

    let read = assemble::Inputs {
        snapshot: snapshot.as_ref(),
        trail: &trail,
        logging: &logging,
        networks: &networks,
        base: base.as_ref(),
    };
    let (report, exit) = assemble::report(job, &engine, &gaps, read, outside, tally);
    Ok(Audit { report, exit, logging, last_invokes: trail.facts.last_invokes })
}

/// The networks, if trail records are read and a policy asks where calls came from.
fn networks(job: &Job<'_>, engine: &Engine<'_>) -> Result<Networks, LoadError> {
    let own = &job.config.own_networks;
    if job.trail.is_given() && engine.reads(&NETWORK_FIELDS) {
        return load::networks(&job.networks, own);
    }
    Ok(Networks::unread(own))
}

/// The fields that a table of networks answers, of every kind that has them.
const NETWORK_FIELDS: [&str; 3] = ["asn", "cloud", "outside"];

/// The first pass over a snapshot.
fn index(input: &snapshot::Input) -> Result<SnapshotRead, ReadError> {
    let mut index = Index::default();
    let faults = snapshot::read(input, &mut |visit| index.add(visit))?;
    index.finish();
    Ok(SnapshotRead { name: input.name(), index, faults })
}

fn read_trail(
    job: &Job<'_>,
    engine: &Engine<'_>,
    context: RecordContext<'_>,
    (known, base): (Sessions, Option<&Base>),
    tally: &mut Tally,
) -> TrailRead {
    let wanted = wanted(job, engine);
    let needed = job.scope.needed(engine.policies());
    let prune =
        Prune { from: needed.from, to: needed.to, accounts: needed.accounts, regions: needed.regions };
    let options = Options { prune, ..job.options.clone() };
    let checked = if job.digests.is_some() { records::Digests::Checked } else { records::Digests::Ignored };
    let (watch, last_invokes) = (&job.options.watch, job.snapshot.is_some());
    let pass = records::Pass::First;
    let visitor = records::Judge::new(engine, wanted, last_invokes, context, pass, (checked, watch));
    let (files, objects) = read_files(job, &options, &visitor, None);
    let first = visitor.finish();
    let mut memory = first.memory;
    let mut out = TrailRead { files, facts: first.facts, ..TrailRead::default() };
    out.digests =
        job.digests.as_ref().map(|keys| digest::verify(objects.into_iter().flatten().collect(), keys));
    if let Some(found) = &out.digests {
        integrity::judge(found, engine, tally);
    }
    out.facts.changes.settle();
    out.unplaced = out.files.iter().any(holes::is_unplaced);
    let broken = out.digests.iter().flat_map(holes::of_digests);
    let left_out = holes::of_left_out(&out.files, &options.prune);
    let not_looked_up = looked_up(job).into_iter().flat_map(|looked_up| looked_up.holes.iter().cloned());
    let all: Vec<_> =
        holes::holes(&out.files).into_iter().chain(broken).chain(left_out).chain(not_looked_up).collect();
    all.into_iter().for_each(|hole| out.facts.reading.hole(hole));
    // Of what was asked for, everything of that time was read, whether there is a record of it or not.
    for (account, from, to) in looked_up(job).into_iter().flat_map(|looked_up| &looked_up.read) {
        for time in [*from, *to] {
            out.facts.reading.record(account, EventClass::Management, time);
        }
    }
    tally.merge(first.tally);
    if !first.waiting.is_empty() {
        let mut sessions = first.sessions;
        sessions.merge(known);
        let asked = first.waiting.iter().flat_map(|(_, waiting)| waiting.sessions());
        let answers = waiting::answers(&sessions, asked, &out.facts.reading);
        let context = RecordContext { answers: Some(&answers), ..context };
        let again = waiting::decide(&first.waiting, &answers, tally);
        if !again.is_empty() {
            // Progress and digests are done with.
            let quiet = (records::Digests::Ignored, &trail::Watch::default());
            let pass = records::Pass::Second(&again);
            let visitor = records::Judge::new(engine, wanted, false, context, pass, quiet);
            let options = Options { watch: trail::Watch::default(), ..options.clone() };
            let (files, _) = read_files(job, &options, &visitor, Some(&again));
            let second = visitor.finish();
            tally.merge(second.tally);
            engine.remember_all(&mut memory, second.memory);
            waiting::missed(&first.waiting, &again, (&out.files, &files), tally);
        }
    }
    close(engine, &out, base, &mut memory, tally);
    if engine.has_state() {
        engine.recall(memory, &out.facts.reading, tally);
    }
    out
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
        let Some(fact) = open.close(&history) else { continue };
        let occasion = || {
            let (time, event_id, file, offset) = open.record();
            let owner = open.owner.as_deref().map(Arc::from);
            Occasion::new((time, event_id), owner, EventClass::Management, (file.into(), offset))
        };
        let treated = (None, Treatment::Judged);
        engine.judge_record(&fact, treated, &occasion, crate::engine::Sessions::NotAsked, (memory, tally));
    }
}

fn looked_up<'j>(job: &'j Job<'_>) -> Option<&'j LookedUp> {
    match &job.trail {
        TrailInput::LookedUp(looked_up) => Some(looked_up),
        TrailInput::None | TrailInput::Paths(_) | TrailInput::Memory(_) | TrailInput::Remote(..) => None,
    }
}

/// Reads all files, or only these.
fn read_files(
    job: &Job<'_>,
    options: &Options,
    visitor: &records::Judge<'_>,
    only: Option<&records::Again>,
) -> (Vec<FileOutcome>, Vec<Option<digest::Object>>) {
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
    read.into_iter().unzip()
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
        logging_change: change("logging_change"),
    }
}

/// Are invocation policies in scope? If neither a Lambda data event nor a snapshot saying that one is logged was
/// read, they are not, unless the configuration requires them.
fn invocations_in_scope(job: &Job<'_>, logging: &[LoggingFact], trail: &TrailRead) -> bool {
    trail.facts.invocations > 0
        || job.config.require.contains(&Require::InvokeRecords)
        // The lookup history has no data events, whatever is logged.
        || (job.trail.is_given() && looked_up(job).is_none() && logging.iter().any(LoggingFact::is_logged))
}

/// Invocations of functions that nothing records cannot be judged: unknown, never silently empty.
fn blind_functions(
    job: &Job<'_>,
    engine: &Engine<'_>,
    logging: &[LoggingFact],
    trail: &TrailRead,
    tally: &mut Tally,
) {
    if !job.trail.is_given() || !invocations_in_scope(job, logging, trail) {
        return;
    }
    let file = job.snapshot.as_ref().map(snapshot::Input::name).unwrap_or_default();
    for function in logging {
        if matches!(&function.configured, Reading::Known(configured) if configured == "yes") {
            continue;
        }
        let body = Invocation::unread(Why::NotCollected);
        let place =
            Place::Part { file: &file, line: 1, api: "cloudtrail:DescribeTrails", pointer: String::new() };
        let fact = Fact {
            subject: function.subject.clone().into(),
            origin: Origin::Activity,
            place,
            part: String::new(),
            body: Body::Activity(&body),
        };
        engine.judge(&fact, tally);
    }
}

impl LoggingFact {
    fn of(fact: &Fact<'_>, body: &InvokeLogging<'_>) -> Self {
        LoggingFact {
            subject: Subject::clone(&fact.subject).into_owned(),
            configured: body.configured.clone().map(std::borrow::Cow::into_owned),
            reason: body.reason.known().map(ToString::to_string),
            proof: body.proof.known().map(ToString::to_string),
        }
    }

    /// Does a trail or event data store record at least some of its invocations?
    fn is_logged(&self) -> bool {
        matches!(&self.configured, Reading::Known(configured) if configured != "no")
    }
}
