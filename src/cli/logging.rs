//! `logging`: is Lambda data-event logging on? Per function: configured, with the proof or what excludes it, and
//! observed, with the last record of an invocation.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;

use super::common::CommonArgs;
use super::output::{self, Format};
use super::{Failure, run, scan};
use crate::audit::{Audit, Delivery, LastInvoke};
use crate::findings::gate::{Exit, Outcome, gate};
use crate::policy::Severity;
use crate::report::text::{Style, plural, safe, wrap};
use crate::report::{Read, json};
use crate::value::Reading;

/// Verify that Lambda data-event logging is really on
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Configured says what the trails' and event data stores' selectors record, and proves it; observed says which
invocations arrived, where trail files are given. Exits 1 if a function is known not to be logged, 3 if that could not
be told for some.

Without --snapshot the accounts are asked, with the few calls that this takes. With --metrics, or a snapshot that was
taken with it, delivered says whether what CloudWatch counts arrived in the trail files.

Examples:
  lambda-audit logging --all-regions
  lambda-audit logging --metrics --trail s3://BUCKET/AWSLogs
  lambda-audit logging --snapshot snapshot.jsonl
  lambda-audit logging --snapshot snapshot.jsonl --trail ./AWSLogs --output json")]
pub(crate) struct Args {
    /// The snapshot: JSON Lines, plain or gzipped; `-` is standard input
    #[arg(long, value_name = "FILE")]
    snapshot: Option<PathBuf>,
    /// CloudTrail files or directories, or s3://BUCKET/PREFIX; `-` is standard input
    #[arg(long, value_name = "PATH", num_args = 1..)]
    trail: Vec<PathBuf>,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    live: super::live::LiveArgs,
}

#[derive(Debug, Serialize)]
struct Answer {
    version: &'static str,
    functions: Vec<Row>,
    /// What was not read and would have to be, to be sure.
    not_read: Vec<Read>,
}

#[derive(Debug, Serialize)]
struct Row {
    /// Null where the functions of a region could not be listed.
    arn: Option<String>,
    #[serde(skip)]
    name: String,
    account: Option<String>,
    region: Option<String>,
    configured: String,
    reason: Option<String>,
    proof: Option<String>,
    observed: Option<Observed>,
    /// Null where nothing was compared, or trails do not record every invocation.
    delivered: Option<Delivered>,
}

/// Did what CloudWatch counts arrive?
#[derive(Debug, Serialize)]
struct Delivered {
    /// `yes`, `no`, or `unknown`; also `yes` where CloudWatch counts none.
    status: &'static str,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Observed {
    last: String,
    event_id: Option<String>,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    #[cfg(feature = "aws")]
    if args.snapshot.is_some() {
        args.live.unused(args.trail.iter().any(|path| scan::is_s3(path)))?;
    }
    #[cfg(feature = "aws")]
    let trail = scan::trail_input(&args.trail, &args.live.whence(), false)?;
    #[cfg(not(feature = "aws"))]
    let trail = scan::trail_input(&args.trail)?;
    let snapshot = match &args.snapshot {
        Some(path) => scan::snapshot_input(path, &args.trail)?,
        #[cfg(feature = "aws")]
        None => {
            args.live.with_files(&args.trail)?;
            args.live.input(crate::collect::needs::Needs::logging(), None, &plan)?.0
        }
        #[cfg(not(feature = "aws"))]
        None => return Err(scan::offline()),
    };
    let inputs = run::Inputs { snapshot: Some(snapshot), trail, ..run::Inputs::default() };
    let audit = run::audit(&plan, Vec::new(), inputs)?;
    let answer = answer(audit);
    let count = |word: &str| answer.functions.iter().filter(|row| row.configured == word).count();
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&answer, &mut out),
            _ => text(&answer, !args.trail.is_empty(), plan.style_of(target), &mut out),
        })?;
    }
    let delivered = |word: &str| answer.functions.iter().any(|row| row.is_delivered(word));
    let outcome = Outcome {
        gravest: (count("no") > 0 || delivered("no")).then_some(Severity::High),
        incomplete: count("unknown") > 0
            || delivered("unknown")
            || answer.not_read.iter().any(|row| !row.accepted),
        nothing_read: false,
    };
    let thresholds = crate::findings::gate::Thresholds { fail_on: Severity::Info, ..plan.thresholds.clone() };
    Ok(gate(outcome, &thresholds))
}

impl Row {
    fn is_delivered(&self, word: &str) -> bool {
        self.delivered.as_ref().is_some_and(|delivered| delivered.status == word)
    }

    /// The proof, or what excludes the function.
    fn why(&self) -> &str {
        match (self.configured.as_str(), &self.proof) {
            ("yes", Some(proof)) => proof,
            _ => self.reason.as_deref().unwrap_or("no reason is known"),
        }
    }
}

/// What needs attention comes first.
fn rank(configured: &str) -> u8 {
    match configured {
        "no" => 0,
        "unknown" => 1,
        "partial" => 2,
        _ => 3,
    }
}

fn answer(audit: Audit) -> Answer {
    let mut invokes: BTreeMap<String, LastInvoke> = audit.last_invokes;
    let mut deliveries = audit.deliveries;
    let functions = audit
        .logging
        .into_iter()
        .map(|fact| {
            let subject = fact.subject;
            let observed = subject.arn.as_deref().and_then(|arn| invokes.remove(arn)).map(|invoke| {
                Observed { last: crate::audit::rfc3339(invoke.time), event_id: invoke.event_id }
            });
            let delivered = subject.arn.as_deref().and_then(|arn| deliveries.remove(arn)).and_then(delivered);
            let (configured, reason) = match fact.configured {
                Reading::Known(word) => (word, fact.reason),
                Reading::Unread(why) => {
                    ("unknown".to_owned(), fact.reason.or_else(|| Some(format!("not read: {why}"))))
                }
                Reading::Absent => ("unknown".to_owned(), fact.reason),
            };
            Row {
                arn: subject.arn.map(|arn| arn.into_owned()),
                name: subject.name.into_owned(),
                account: subject.account.map(|account| account.into_owned()),
                region: subject.region.map(|region| region.into_owned()),
                configured,
                reason,
                proof: fact.proof,
                observed,
                delivered,
            }
        })
        .collect();
    let concerns = |row: &Read| {
        let surface = row.surface.as_str();
        surface.starts_with("cloudtrail:")
            || matches!(
                surface,
                "trail"
                    | "snapshot"
                    | "cloudwatch:GetMetricData"
                    | "lambda:ListFunctions"
                    | "lambda:ListFunctionUrlConfigs"
            )
    };
    let not_read =
        audit.report.coverage.read.into_iter().filter(|row| row.is_gap() && concerns(row)).collect();
    Answer { version: "1", functions, not_read }
}

/// `None`: trails do not record every invocation, so what is missing proves nothing.
fn delivered(delivery: Delivery) -> Option<Delivered> {
    let Delivery { configured, comparison } = delivery;
    let status = match (configured, comparison.undelivered) {
        (Reading::Known("yes"), Reading::Known(true)) => "no",
        (Reading::Known("yes"), Reading::Known(false)) => "yes",
        (Reading::Known("yes") | Reading::Unread(_), _) => "unknown",
        (Reading::Known(_) | Reading::Absent, _) => return None,
    };
    Some(Delivered { status, reason: comparison.reason })
}

fn text(answer: &Answer, trail: bool, style: Style, out: &mut impl Write) -> std::io::Result<()> {
    let mut places: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in &answer.functions {
        let key = (row.account.as_deref().unwrap_or("?"), row.region.as_deref().unwrap_or("?"));
        places.entry(key).or_default().push(row);
    }
    for ((account, region), rows) in &places {
        let count = |word: &str| rows.iter().filter(|row| row.configured == word).count();
        let line = format!(
            "{} {}: {} logged, {} in part, {} not, {} unknown",
            safe(account),
            safe(region),
            count("yes"),
            count("partial"),
            count("no"),
            count("unknown")
        );
        writeln!(out, "{}", style.strong(&line))?;
        // Functions with the same answer stand together: most have the same proof.
        let mut answers: BTreeMap<(u8, &str, &str), Vec<&Row>> = BTreeMap::new();
        for row in rows {
            answers.entry((rank(&row.configured), &row.configured, row.why())).or_default().push(row);
        }
        for ((_, configured, why), rows) in answers {
            let head = match configured {
                "yes" => "Logged by",
                "partial" => "Logged in part:",
                "no" => "Not logged:",
                _ => "Not known:",
            };
            writeln!(out, "{}", wrap(&format!("{head} {}", safe(why)), usize::from(style.width), "  "))?;
            let longest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default().min(64);
            for row in rows {
                let name = safe(&row.name);
                let last = match &row.observed {
                    Some(seen) => format!("last record {}", seen.last),
                    None if trail => "no record read".to_owned(),
                    None => String::new(),
                };
                writeln!(out, "{}", format!("    {name:<longest$}  {last}").trim_end())?;
                if let Some(delivered) = row.delivered.as_ref().filter(|one| one.status != "yes") {
                    let head = if delivered.status == "no" { "Not delivered" } else { "Delivery not known" };
                    let line = format!("{head}: {}", safe(&delivered.reason));
                    writeln!(out, "{}", wrap(&line, usize::from(style.width), "      "))?;
                }
            }
        }
        writeln!(out)?;
    }
    for row in &answer.not_read {
        let place = [row.account.as_deref(), row.region.as_deref()];
        let place = place.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let mut line = format!("Not read: {place} {} ({})", row.surface, row.outcome);
        for more in [&row.missing_permission, &row.detail, &row.source].into_iter().flatten() {
            line.push_str("; ");
            line.push_str(more);
        }
        writeln!(out, "{}", wrap(&safe(&line), usize::from(style.width), ""))?;
    }
    let lost = answer.functions.iter().filter(|row| row.is_delivered("no")).count() as u64;
    if lost > 0 {
        writeln!(out, "Lost: invocations of {} were not delivered.", plural(lost, "function"))?;
    }
    let blind: Vec<&Row> = answer.functions.iter().filter(|row| row.configured == "no").collect();
    let unknown = answer.functions.iter().filter(|row| row.configured == "unknown").count() as u64;
    let total = answer.functions.len() as u64;
    if !blind.is_empty() {
        writeln!(
            out,
            "Blind: nothing records the invocations of {}.",
            plural(blind.len() as u64, "function")
        )?;
    } else if unknown > 0 {
        writeln!(out, "Not known for {} of {}.", unknown, plural(total, "function"))?;
    } else {
        writeln!(out, "Data-event logging covers {}, in part at least.", plural(total, "function"))?;
    }
    Ok(())
}
