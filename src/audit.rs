//! One run: a snapshot and trail files through facts and engine to a report. This is where the pure modules meet the
//! files; what is read, and how each reading ended, goes into the coverage ledger.

mod assemble;
pub mod cases;
mod causes;
mod context;
mod holes;
mod ledger;
mod networks;
mod records;
mod relevance;
mod stored;

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Config, Require};
use crate::engine::{Engine, Tally};
use crate::facts::from_record::{RecordContext, Wanted};
use crate::facts::from_snapshot::{Index, StateFacts};
use crate::facts::schema::Origin;
use crate::facts::{Body, Fact, Invocation, InvokeLogging, Place, Subject};
use crate::findings::Fingerprint;
use crate::findings::gaps::AcceptedGaps;
use crate::findings::gate::{Exit, Thresholds};
use crate::findings::triage::Known;
use crate::lists::{ListError, Lists};
use crate::network::Networks;
use crate::network::load::{self, LoadError};
use crate::policy::Policy;
use crate::report::Report;
use crate::snapshot::{self, ReadError, Visit};
use crate::store::{Store, StoreError};
use crate::trail::{self, FileOutcome, Options};
use crate::trust::Trust;
use crate::value::{Reading, Why};

pub use assemble::rfc3339;
pub use records::{LastInvoke, RecordFacts};

/// Trail records to read.
#[derive(Debug, Clone, Default)]
pub enum TrailInput {
    #[default]
    None,
    /// Files, directories, `-` for standard input.
    Paths(Vec<PathBuf>),
    /// Files in memory, with the names they are shown under.
    Memory(Vec<(String, Arc<[u8]>)>),
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
    /// Read only if a policy asks where calls came from.
    pub networks: load::Files,
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
    /// Of all findings, for a store to remember once they were reported.
    pub fingerprints: Vec<Fingerprint>,
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
    #[error(transparent)]
    Store(#[from] StoreError),
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
    /// Some file was not read, and its name does not say of when its records are.
    unplaced: bool,
    /// Files in the store of which something would have to be read that cannot be read any more.
    lost: Vec<stored::Lost>,
}

impl TrailRead {
    /// Is something known to be missing of an account's records between these seconds (both included)? `None`: of any
    /// account's. A file that was not read and whose name does not say of when it is may be of any time.
    fn is_missing(&self, account: Option<&str>, from: i64, to: i64) -> bool {
        self.facts.reading.has_hole(account, from, to) || self.unplaced
    }

    fn of(facts: RecordFacts, files: Vec<FileOutcome>, lost: Vec<stored::Lost>) -> Self {
        let mut read = TrailRead { unplaced: files.iter().any(holes::is_unplaced), files, facts, lost };
        let accounts = &read.facts.accounts;
        let outdated = read.lost.iter().filter(|lost| lost.policies.is_none());
        let gone: Vec<_> = outdated.flat_map(|lost| lost.holes(accounts)).collect();
        let holes = holes::holes(&read.files).into_iter().chain(gone);
        holes.for_each(|hole| read.facts.reading.hole(hole));
        read
    }
}

/// Carries out a run.
///
/// # Errors
/// [`AuditError`] if the snapshot, or a file of networks that is needed, cannot be read at all. Everything else that cannot be read is in the report.
pub fn run(job: &Job<'_>) -> Result<Audit, AuditError> {
    run_with(job, None)
}

/// Carries out a run beside a store of earlier ones.
///
/// # Errors
/// As [`run`], and if the store cannot be written: then it is as it was after its last batch.
pub fn run_with(job: &Job<'_>, mut store: Option<&mut Store>) -> Result<Audit, AuditError> {
    let lists = Lists::embedded()?;
    let today = job.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let gaps = AcceptedGaps::on(today, job.config.accepted_gaps.iter().cloned());
    let engine = Engine::new(job.policies.clone(), &gaps);
    let mut tally = engine.tally();
    let networks = networks(job, &engine, store.is_some())?;

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

    let plan = match (&mut store, &job.trail) {
        (Some(store), TrailInput::Paths(paths)) => {
            Some(stored::Plan::new(job, &engine, (paths, &gaps, &trusts), store)?)
        }
        _ => None,
    };
    let asked = asks_networks(job, &engine);
    let networks = match networks {
        Some(networks) => networks,
        None if asked && plan.as_ref().is_none_or(stored::Plan::reads) => {
            load::networks(&job.networks, &job.config.own_networks)?
        }
        None => Networks::unread(&job.config.own_networks),
    };
    let consulted = match networks::Consulted::of(&networks) {
        // Those that the store's results are from: others would have been read anew.
        None if asked => Some(networks::Consulted::built_in().map_err(LoadError::from)?),
        consulted => consulted,
    };
    let context = RecordContext { trusts: &trusts, lists: &lists, networks: &networks };
    let (gathered, files, lost) = match (plan, &mut store) {
        (Some(plan), Some(store)) => {
            let stored::Outcome { gathered, files, lost } =
                plan.carry_out(job, &engine, (context, &gaps), store)?;
            (gathered, files, lost)
        }
        _ => {
            let (gathered, files) = read_files(job, &engine, context);
            (gathered, files, Vec::new())
        }
    };
    let trail = judge_trail(&engine, gathered, files, lost, &mut tally);
    blind_functions(job, &engine, &logging, &trail, &mut tally);

    let read = assemble::Inputs {
        snapshot: snapshot.as_ref(),
        trail: &trail,
        logging: &logging,
        consulted: consulted.as_ref(),
        store: store.as_deref(),
        base: base.as_ref(),
    };
    let fingerprints = tally.findings.keys().copied().collect();
    let (report, exit) = assemble::report(job, &engine, &gaps, read, outside, tally);
    Ok(Audit { report, exit, fingerprints, logging, last_invokes: trail.facts.last_invokes })
}

/// The networks, if trail records are read and a policy asks where calls came from. Beside a store the built-in ones
/// wait until a file must really be read: `None`.
fn networks(job: &Job<'_>, engine: &Engine<'_>, store: bool) -> Result<Option<Networks>, LoadError> {
    let own = &job.config.own_networks;
    if !asks_networks(job, engine) {
        return Ok(Some(Networks::unread(own)));
    }
    let load::Files { asn_db, aws_ranges } = &job.networks;
    if store && asn_db.is_none() && aws_ranges.is_none() {
        return Ok(None);
    }
    load::networks(&job.networks, own).map(Some)
}

fn asks_networks(job: &Job<'_>, engine: &Engine<'_>) -> bool {
    job.trail.is_given() && engine.reads(&NETWORK_FIELDS)
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

/// Reads all files, without a store.
fn read_files(
    job: &Job<'_>,
    engine: &Engine<'_>,
    context: RecordContext<'_>,
) -> (records::Gathered, Vec<FileOutcome>) {
    let visitor = records::Judge::new(engine, wanted(job, engine), job.snapshot.is_some(), context);
    let read = match &job.trail {
        TrailInput::None => Vec::new(),
        TrailInput::Paths(paths) => trail::read_inputs(paths, &job.options, &visitor),
        TrailInput::Memory(files) => files
            .iter()
            .map(|(name, bytes)| trail::read_stream(name, Cursor::new(&bytes[..]), &job.options, &visitor))
            .collect(),
    };
    (visitor.finish(), read.into_iter().map(|(file, ())| file).collect())
}

/// Judges what waited for all records.
fn judge_trail(
    engine: &Engine<'_>,
    gathered: records::Gathered,
    files: Vec<FileOutcome>,
    lost: Vec<stored::Lost>,
    tally: &mut Tally,
) -> TrailRead {
    let records::Gathered { tally: of_records, memory, facts, .. } = gathered;
    let mut out = TrailRead::of(facts, files, lost);
    tally.merge(of_records);
    out.facts.changes.settle();
    for lost in &out.lost {
        engine.unread_file(&lost.path, |at| lost.is_of(at), tally);
    }
    if engine.has_state() {
        let base = &out.facts.reading;
        let readings = stored::readings(base, &out.lost, &out.facts.accounts, engine.policies().len());
        let reading = |at: usize| readings.get(at).and_then(Option::as_ref).unwrap_or(base);
        engine.recall(memory, &reading, tally);
    }
    out
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
    }
}

/// Are invocation policies in scope? If neither a Lambda data event nor a snapshot saying that one is logged was
/// read, they are not, unless the configuration requires them.
fn invocations_in_scope(job: &Job<'_>, logging: &[LoggingFact], trail: &TrailRead) -> bool {
    trail.facts.invocations > 0
        || job.config.require.contains(&Require::InvokeRecords)
        || (job.trail.is_given() && logging.iter().any(LoggingFact::is_logged))
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
