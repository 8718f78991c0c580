//! One run: a snapshot and trail files through facts and engine to a report. This is where the pure modules meet the
//! files; what is read, and how each reading ended, goes into the coverage ledger.

mod assemble;
pub mod cases;
mod causes;
mod class;
mod context;
mod delivery;
mod gathered;
mod holes;
mod integrity;
mod ledger;
mod looked_up;
mod networks;
mod reading;
mod records;
mod relevance;
mod stored;
mod waiting;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::config::{Config, Require};
use crate::engine::{Engine, Scope, Tally};
use crate::facts::from_snapshot::{Index, StateFacts};
use crate::facts::schema::Origin;
use crate::facts::sessions::Sessions;
use crate::facts::{Body, Fact, Invocation, InvokeLogging, Place, Subject};
use crate::findings::Fingerprint;
use crate::findings::gaps::AcceptedGaps;
use crate::findings::gate::{Exit, Thresholds};
use crate::findings::triage::Known;
use crate::lists::{ListError, Lists};
use crate::network::load::{self, LoadError};
use crate::policy::Policy;
use crate::report::Report;
use crate::snapshot::{self, ReadError, Visit};
use crate::store::{Store, StoreError};
use crate::trail::digest::{self, PublicKeys};
use crate::trail::{FileOutcome, Options, Remote};
use crate::trust::Trust;
use crate::value::{Reading, Why};
use networks::Lookups;

pub use assemble::rfc3339;
pub use delivery::{Arrivals, Delivery};
pub use gathered::{LastInvoke, RecordFacts};
pub use looked_up::{LookedUp, NamedText};

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
    /// Of all findings, for a store to remember once they were reported.
    pub fingerprints: Vec<Fingerprint>,
    /// The logging of each function, of the snapshot.
    pub logging: Vec<LoggingFact>,
    /// The last invocation that was read of each function, by unqualified ARN.
    pub last_invokes: std::collections::BTreeMap<String, LastInvoke>,
    /// What the comparison with CloudWatch's counts found, by unqualified ARN.
    pub deliveries: std::collections::BTreeMap<String, Delivery>,
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
    /// What the digests prove, if they were checked.
    digests: Option<digest::Findings>,
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
    let keys = store.as_ref().map_or_else(crate::chance::keys, |store| store.keys());
    let engine = Engine::new(job.policies.clone(), &gaps)
        .reporting(job.scope.clone())
        .keyed_by(keys)
        .reading_twice(reading::reads_twice(job, store.is_some()));
    let mut tally = engine.tally();
    let lookups = Lookups::new(job, &engine, store.is_some())?;

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

    let known = snapshot.as_ref().map_or_else(|| Sessions::new(keys), |read| read.index.sessions(keys));
    let with = reading::With { job, engine: &engine, gaps: &gaps, trusts: &trusts, lists: &lists };
    let trail =
        reading::read_trail(with, &lookups, store.as_deref_mut(), (known, base.as_ref()), &mut tally)?;
    blind_functions(job, &engine, &logging, &trail, &mut tally);
    let deliveries = delivery::judge(job, &engine, snapshot.as_ref(), &trail, &mut tally);

    let consulted = lookups.consulted()?;
    let read = assemble::Inputs {
        snapshot: snapshot.as_ref(),
        trail: &trail,
        logging: &logging,
        consulted: consulted.as_ref(),
        lists: &lists,
        store: store.as_deref(),
        base: base.as_ref(),
    };
    let fingerprints = tally.findings.keys().copied().collect();
    let (report, exit) = assemble::report(job, &engine, &gaps, read, outside, tally);
    Ok(Audit { report, exit, fingerprints, logging, last_invokes: trail.facts.last_invokes, deliveries })
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

fn looked_up<'j>(job: &'j Job<'_>) -> Option<&'j LookedUp> {
    match &job.trail {
        TrailInput::LookedUp(looked_up) => Some(looked_up),
        TrailInput::None | TrailInput::Paths(_) | TrailInput::Memory(_) | TrailInput::Remote(..) => None,
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
