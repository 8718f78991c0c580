//! From the tally to the report: triage, gate, coverage, scope.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Job, LoggingFact, LookedUp, SnapshotRead, TrailRead, context, delivery, invocations_in_scope, ledger,
    looked_up, networks, stored,
};
use crate::collect::quota::{self, Bucket};
use crate::config::Require;
use crate::engine::{Engine, Gathered, Tally};
use crate::facts::schema::Origin;
use crate::findings::Fingerprint;
use crate::findings::cause;
use crate::findings::gaps::AcceptedGaps;
use crate::findings::gate::{Exit, Outcome, gate};
use crate::findings::triage;
use crate::lists::Lists;
use crate::policy::derive::Surface;
use crate::policy::{Policy, Severity};
use crate::report::{
    self, Coverage, Evidence, Finding, NotInScope, PolicyCoverage, Read, Report, Scope, Seen, SnapshotInput,
    Summary, Triage, UnknownWhy, WarmingUp,
};
use crate::store::Store;
use crate::timeline::{Base, History};
use crate::trail::{FileKind, FileOutcome};

/// What was read.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'i> {
    pub(super) snapshot: Option<&'i SnapshotRead>,
    pub(super) trail: &'i TrailRead,
    pub(super) logging: &'i [LoggingFact],
    pub(super) consulted: Option<&'i networks::Consulted>,
    pub(super) lists: &'i Lists,
    /// Tells what earlier runs have found, where there is a store.
    pub(super) store: Option<&'i Store>,
    /// The snapshot as a moment of the timeline, where it says when it was taken.
    pub(super) base: Option<&'i Base>,
}

impl Inputs<'_> {
    /// Does the history of some account end before it is long enough for every policy? Records at its beginning are
    /// always judged with less; they are listed, and no gap.
    fn cold(&self, tally: &Tally) -> bool {
        let until = |account: &str| self.trail.facts.reading.until(account);
        tally.warming_up.iter().any(|((_, account), from)| until(account).is_none_or(|until| until < *from))
    }
}

/// The accounts of which some records were not judged for want of history.
fn warming_up(engine: &Engine<'_>, tally: &Tally) -> Vec<WarmingUp> {
    let row = |((policy, account), from): (&(usize, String), &i64)| {
        let policy = engine.policies().get(*policy)?.id.clone();
        Some(WarmingUp { policy, account: account.clone(), from: rfc3339(*from) })
    };
    tally.warming_up.iter().filter_map(row).collect()
}

/// Seconds since 1970 as RFC 3339 UTC.
pub fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds} s"), |time| time.to_string())
}

pub(super) fn report(
    job: &Job<'_>,
    engine: &Engine<'_>,
    gaps: &AcceptedGaps,
    read: Inputs<'_>,
    outside: context::Outside,
    tally: Tally,
) -> (Report, Exit) {
    let mut notices = Vec::new();
    let warming_up = warming_up(engine, &tally);
    let cold = read.cold(&tally);
    let missing = |account: Option<&str>, from, to| read.trail.is_missing(account, from, to);
    let history = History::new(&read.trail.facts.timeline, read.base, &missing);
    let mut findings: Vec<Finding> = tally
        .findings
        .into_iter()
        .filter_map(|(fingerprint, gathered)| {
            let policy = engine.policies().get(gathered.speaker.policy)?;
            let seen = read.store.map(|store| Seen::of(store.knows(&fingerprint)));
            Some(Finding { seen, ..finding(policy, fingerprint, gathered, &history) })
        })
        .collect();
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| std::cmp::Reverse((finding.severity, finding.risk_score));
        (key(a), &a.policy, a.subject.label(), &a.fingerprint).cmp(&(
            key(b),
            &b.policy,
            b.subject.label(),
            &b.fingerprint,
        ))
    });
    let records = known_records(job, read);
    for finding in &mut findings {
        let kind = engine
            .policies()
            .iter()
            .find(|policy| policy.id == finding.policy)
            .map(|policy| policy.kind.name);
        finding.cause =
            kind.and_then(|kind| read.trail.facts.changes.cause(kind, finding, &records, rfc3339));
    }
    let today = job.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    triage::waive(&mut findings, &job.config.waivers, today, &mut notices);
    expired_gaps(job, today, &mut notices);
    notices.extend(old_runtimes(job, engine, read.lists.runtimes_read(), today));
    let judged: Vec<report::PolicyInfo> = engine.policies().iter().map(|one| context::policy(one)).collect();
    let baseline = job.baseline.map(|known| {
        let versions: Vec<_> = judged.iter().map(|one| (one.id.clone(), one.version.clone())).collect();
        triage::compare(&mut findings, known, &versions, &mut notices)
    });
    if let Some(consulted) = read.consulted.filter(|_| read.trail.facts.records > 0) {
        notices.extend(networks::notices(consulted, job.now));
    }

    let mut rows = ledger::rows(read.snapshot, read.trail, gaps);
    rows.extend(looked_up(job).into_iter().flat_map(|looked_up| looked_up.rows.iter()).map(|row| Read {
        accepted: gaps.accepts_unread(&row.surface, row.account.as_deref(), row.region.as_deref()),
        ..row.clone()
    }));
    rows.extend(required(job, read, cold));
    rows.extend(unusable(job, read));
    rows.extend(read.trail.lost.iter().map(stored::Lost::row));
    let policies: Vec<PolicyCoverage> = engine
        .policies()
        .iter()
        .zip(&tally.policies)
        .map(|(policy, row)| PolicyCoverage {
            policy: policy.id.clone(),
            judged: row.judged(),
            fail: row.fail,
            repeated: row.repeated,
            pass: row.pass,
            not_applicable: row.not_applicable,
            unknown: row.unknown,
            why: row
                .why
                .iter()
                .map(|(key, unknown)| UnknownWhy {
                    missing: key.field.clone(),
                    why: key.why,
                    count: unknown.count,
                    example: unknown.example.0.clone(),
                    source: unknown.example.1.clone(),
                    accepted: key.accepted,
                })
                .collect(),
        })
        .collect();
    let open_unknown: u64 = tally.policies.iter().map(|row| row.unknown - row.accepted).sum();
    let open_gaps = rows.iter().filter(|row| row.is_gap() && !row.accepted).count() as u64;

    let new = |finding: &&Finding| finding.triage == Triage::New;
    let counts = |finding: &&Finding| new(finding) && gates(job, finding);
    let outcome = Outcome {
        gravest: findings.iter().filter(counts).map(|finding| finding.severity).max(),
        incomplete: open_gaps > 0 || open_unknown > 0,
        nothing_read: nothing_read(job, read),
    };
    let exit = gate(outcome, job.thresholds);
    let mut by_severity: BTreeMap<Severity, u64> = Severity::ALL.into_iter().map(|one| (one, 0)).collect();
    let mut by_policy: BTreeMap<String, u64> = BTreeMap::new();
    for finding in &findings {
        *by_severity.entry(finding.severity).or_default() += 1;
        *by_policy.entry(finding.policy.clone()).or_default() += 1;
    }
    let count = |triage| findings.iter().filter(|finding| finding.triage == triage).count() as u64;
    let failing =
        findings.iter().filter(counts).filter(|one| one.severity >= job.thresholds.fail_on).count() as u64;
    let summary = Summary {
        by_severity,
        by_policy,
        new: count(Triage::New),
        baseline: count(Triage::Baseline),
        waived: count(Triage::Waived),
        known: read.store.map(|_| findings.iter().filter(|one| one.seen == Some(Seen::Known)).count() as u64),
        unknown: tally.policies.iter().map(|row| row.unknown).sum(),
        exit_code: exit.code(),
        verdict: verdict(job, exit, failing, open_gaps, open_unknown),
    };
    let coverage =
        Coverage { read: rows, policies, warming_up, not_in_scope: not_in_scope(job, engine, read) };
    let report = Report {
        version: report::VERSION.to_owned(),
        tool: format!("lambda-audit {}", env!("CARGO_PKG_VERSION")),
        generated_at: rfc3339(job.now.as_second()),
        scope: Scope {
            fail_on: Some(job.thresholds.fail_on),
            filters: job.filters.clone(),
            complete: !outcome.incomplete && !outcome.nothing_read,
            nothing_read: outcome.nothing_read,
            unknown_open: open_unknown,
            baseline,
        },
        inputs: inputs(engine, read),
        findings,
        access: outside.rows(),
        coverage,
        summary,
        notices,
        policies: judged,
    };
    (report, exit)
}

fn finding(policy: &Policy, fingerprint: Fingerprint, gathered: Gathered, history: &History<'_>) -> Finding {
    let count = gathered.count();
    let standing = gathered.standing(history);
    let Gathered { speaker, origins, events, first, last, .. } = gathered;
    let source = speaker.source;
    let evidence = speaker.evidence.into_iter().map(|one| Evidence {
        field: one.field,
        observed: one.observed,
        expected: one.expected,
        source: source.clone(),
    });
    let subject = speaker.subject;
    Finding {
        policy: policy.id.clone(),
        title: policy.title.clone(),
        severity: speaker.severity,
        risk_score: speaker.risk_score,
        level: speaker.level,
        origins: origins.into_iter().collect(),
        status: standing.as_ref().map(|standing| standing.status),
        status_event_id: standing.and_then(|standing| standing.by?.event_id()),
        subject: report::Subject {
            arn: subject.arn.map(|arn| arn.into_owned()),
            kind: subject.kind.to_owned(),
            name: subject.name.into_owned(),
            account: subject.account.map(|account| account.into_owned()),
            region: subject.region.map(|region| region.into_owned()),
            logical_id: None,
        },
        message: speaker.message,
        evidence: evidence.collect(),
        event_ids: events.into_iter().map(|(_, id)| id).collect(),
        first: first.map(rfc3339),
        last: last.map(rfc3339),
        count,
        fingerprint: fingerprint.to_string(),
        cause: None,
        triage: Triage::New,
        waiver: None,
        seen: None,
        knobs: knobs(policy),
    }
}

/// What is known of the records that were read, for findings without a cause.
fn known_records(job: &Job<'_>, read: Inputs<'_>) -> cause::History {
    let facts = &read.trail.facts;
    let whole = |file: &&crate::trail::FileOutcome| file.status == crate::trail::Status::Ok;
    let looked = looked_up(job).into_iter().flat_map(|looked_up| &looked_up.read).map(|(_, from, _)| *from);
    let since = looked.chain(facts.first).min();
    cause::History {
        given: job.trail.is_given(),
        unread: read.trail.files.iter().filter(|file| !whole(file)).count() as u64,
        first: since.map(rfc3339),
        accounts: facts.accounts.clone(),
        stopped: facts.changes.stopped(rfc3339),
    }
}

/// May it fail the gate? `fail_on_status` narrows it to changes with one of these statuses; what merely happened has
/// none, and always counts.
fn gates(job: &Job<'_>, finding: &Finding) -> bool {
    match (&job.config.fail_on_status, finding.status) {
        (Some(statuses), Some(status)) => statuses.contains(&status),
        (None, _) | (_, None) => true,
    }
}

/// What in the configuration would change the policy's findings.
fn knobs(policy: &Policy) -> Vec<String> {
    let mut knobs: Vec<String> =
        policy.knobs().map(|param| format!("params.{}.{}", policy.id, param.name)).collect();
    let trust = policy
        .deciding_fields()
        .into_iter()
        .filter_map(|field| policy.kind.fields.get(field))
        .any(|field| matches!(field.name, "trusted" | "untrusted_destinations"));
    if trust {
        knobs.push("trusted_accounts, trusted_organizations".to_owned());
    }
    knobs.push(format!("severity.{}", policy.id));
    knobs
}

/// Where runtimes are judged by a list that may not have the newest dates.
fn old_runtimes(
    job: &Job<'_>,
    engine: &Engine<'_>,
    read: jiff::civil::Date,
    today: jiff::civil::Date,
) -> Option<String> {
    let field = crate::facts::FUNCTION.field("runtime_support");
    let asks = |policy: &Policy| {
        policy.kind.name == "function" && field.is_some_and(|field| policy.fields().contains(&field))
    };
    job.snapshot.as_ref().and(engine.policies().iter().find(|policy| asks(policy)))?;
    let days = today.since(read).ok()?.get_days();
    (days > networks::OLD).then(|| {
        format!("the list of runtimes is {days} days old: AWS may have moved dates since, or added runtimes")
    })
}

fn expired_gaps(job: &Job<'_>, today: jiff::civil::Date, notices: &mut Vec<String>) {
    for gap in &job.config.accepted_gaps {
        if gap.expires < today {
            notices
                .push(format!("an accepted gap of {} expired on {}: {}", gap.owner, gap.expires, gap.reason));
        }
    }
}

/// Surfaces that the configuration puts in scope and that were not read.
fn required(job: &Job<'_>, read: Inputs<'_>, cold: bool) -> Vec<Read> {
    let missing = |require: &&Require| match require {
        Require::InvokeRecords => read.trail.facts.invocations == 0,
        Require::Organization => !read.snapshot.is_some_and(|snapshot| snapshot.index.has_organization()),
        Require::History => cold,
        Require::Snapshot => read.snapshot.is_none(),
        Require::Trail => !job.trail.is_given(),
    };
    let row = |require: &Require| Read {
        account: None,
        region: None,
        surface: require.as_str().to_owned(),
        outcome: "not_collected".to_owned(),
        missing_permission: None,
        source: None,
        detail: Some("required by the configuration".to_owned()),
        count: 1,
        accepted: false,
    };
    job.config.require.iter().filter(missing).map(row).collect()
}

/// Inputs that were given and hold nothing to judge: a wrong directory, or a snapshot of nothing, must not look like
/// an account without faults.
fn unusable(job: &Job<'_>, read: Inputs<'_>) -> Vec<Read> {
    let row = |surface: &str, detail: &str| Read {
        account: None,
        region: None,
        surface: surface.to_owned(),
        outcome: "failed".to_owned(),
        missing_permission: None,
        source: None,
        detail: Some(detail.to_owned()),
        count: 1,
        accepted: false,
    };
    let mut rows = Vec::new();
    if read.snapshot.is_some_and(|snapshot| snapshot.index.scopes().is_empty()) {
        rows.push(row("snapshot", "it names no account and region whose functions could be judged"));
    }
    // Look-ups have rows of their own.
    if job.trail.is_given() && looked_up(job).is_none() && !has_trail(read) {
        let left_out = |file: &FileOutcome| matches!(file.kind, FileKind::LeftOut(_));
        let why = if read.trail.files.iter().any(left_out) {
            "every CloudTrail file is outside of what is reported: see --since, --until, --account, --region"
        } else {
            "no CloudTrail file was found in what was given: is it the right path?"
        };
        rows.push(row("trail", why));
    }
    rows
}

fn has_trail(read: Inputs<'_>) -> bool {
    read.trail.files.iter().any(FileOutcome::is_usable)
}

/// Was nothing usable read at all?
fn nothing_read(job: &Job<'_>, read: Inputs<'_>) -> bool {
    let snapshot =
        read.snapshot.is_some_and(|read| !read.index.calls.is_empty() || !read.index.scopes().is_empty());
    let trail = job.trail.is_given() && has_trail(read);
    let answered = looked_up(job).is_some_and(LookedUp::is_usable);
    !snapshot && !trail && !answered
}

fn inputs(engine: &Engine<'_>, read: Inputs<'_>) -> report::Inputs {
    let facts = &read.trail.facts;
    let mut accounts = facts.accounts.clone();
    let mut regions = facts.regions.clone();
    if let Some(snapshot) = read.snapshot {
        for call in snapshot.index.calls.keys() {
            accounts.insert(call.account.clone());
            regions.extend(call.region.clone());
        }
    }
    report::Inputs {
        snapshot: read.snapshot.map(|snapshot| SnapshotInput {
            file: snapshot.name.clone(),
            started: snapshot.index.header.as_ref().and_then(|header| header.started.clone()),
            parts: snapshot.index.parts,
            functions: snapshot.index.function_count(),
            complete: snapshot.index.is_complete(),
        }),
        trail_files: read.trail.files.iter().filter(|file| file.is_usable()).count() as u64,
        records: facts.records,
        first_record: facts.first.map(rfc3339),
        last_record: facts.last.map(rfc3339),
        accounts: accounts.into_iter().collect(),
        regions: regions.into_iter().collect(),
        policies: engine.policies().len() as u64,
    }
}

fn verdict(job: &Job<'_>, exit: Exit, failing: u64, gaps: u64, unknown: u64) -> String {
    let findings = if failing == 1 { "1 finding".to_owned() } else { format!("{failing} findings") };
    let at_or_above = format!("{findings} at or above {}", job.thresholds.fail_on);
    let mut holes = Vec::new();
    if gaps > 0 {
        holes.push(format!("{gaps} of the inputs or calls were not fully read"));
    }
    if unknown > 0 {
        holes.push(format!("{unknown} judgements could not be made"));
    }
    let holes = holes.join(" and ");
    let with = |text: String| if holes.is_empty() { text } else { format!("{text}; {holes}") };
    match exit {
        Exit::Passed if failing > 0 => with(format!("Not gated (exit 0): {at_or_above}")),
        Exit::Passed => with(format!("Passed (exit 0): {at_or_above}")),
        Exit::Failed => with(format!("Failed (exit 1): {at_or_above}")),
        Exit::Unusable => "Nothing usable was read (exit 2)".to_owned(),
        Exit::Incomplete => format!("Incomplete (exit 3): {at_or_above}, but {holes}"),
    }
}

/// What the run did not set out to judge, and the command that would.
fn not_in_scope(job: &Job<'_>, engine: &Engine<'_>, read: Inputs<'_>) -> Vec<NotInScope> {
    let of = |surface: Surface| -> Vec<&str> {
        let judges = |policy: &&&Policy| policy.surfaces().contains(&surface);
        engine.policies().iter().filter(judges).map(|policy| policy.id.as_str()).collect()
    };
    let policies = |ids: &[&str]| match ids {
        [one] => (*one).to_owned(),
        many => format!("{} policies", many.len()),
    };
    let mut out = BTreeSet::new();
    let mut add = |what: String, command: &str| {
        out.insert(NotInScope { what, command: command.to_owned() });
    };
    let state = of(Surface::Snapshot);
    if read.snapshot.is_none() && !state.is_empty() {
        add(
            format!("What is configured now ({}): no snapshot was given", policies(&state)),
            "lambda-audit scan --snapshot FILE",
        );
    }
    let changes = of(Surface::TrailManagement);
    if !job.trail.is_given() && !changes.is_empty() {
        add(
            format!("What changed and what was called ({}): no trail records were given", policies(&changes)),
            "lambda-audit scan --snapshot FILE --trail PATH",
        );
    }
    let digests = of(Surface::TrailDigests);
    if job.trail.is_given() && looked_up(job).is_none() && job.digests.is_none() && !digests.is_empty() {
        add(
            format!("Whether the trail files are all there and unchanged ({})", policies(&digests)),
            "lambda-audit replay PATH --verify-digests --public-keys FILE",
        );
    }
    let counts = of(Surface::Counts);
    if !counts.is_empty() && !delivery::is_compared(job, read.snapshot) {
        add(
            format!(
                "Whether the invocations that CloudWatch counts arrived as records ({})",
                policies(&counts)
            ),
            "lambda-audit scan --metrics --trail s3://BUCKET/AWSLogs",
        );
    }
    let invocations = of(Surface::TrailData);
    if !invocations.is_empty() && job.trail.is_given() && !invocations_in_scope(job, read.logging, read.trail)
    {
        add(
            format!(
                "Invocations ({}): no Lambda data event was read, and no snapshot says that one is logged",
                policies(&invocations)
            ),
            "lambda-audit logging --snapshot FILE",
        );
    }
    let unlisted = read.snapshot.map_or(0, |snapshot| snapshot.index.functions_without_versions());
    if engine.wants("grant", Origin::State) && unlisted > 0 {
        add(
            format!(
                "Policies of published versions of {unlisted} functions: the snapshot does not list their versions \
                 (that takes a call for each, and one for each version: at least {:.0} s)",
                versions_take(unlisted)
            ),
            "lambda-audit snapshot -o FILE --versions all",
        );
    }
    out.extend(looked_up(job).into_iter().flat_map(|looked_up| looked_up.not_in_scope.iter().cloned()));
    out.into_iter().collect()
}

/// Seconds that listing the versions of so many functions takes at the default share of the quota.
fn versions_take(functions: u64) -> f64 {
    (functions as f64 / (Bucket::Lambda.per_second() * quota::SHARE)).ceil()
}
