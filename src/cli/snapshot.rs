//! `snapshot`: collects the state of live accounts into a file, to be judged later or elsewhere.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Failure;
use super::common::{CommonArgs, Plan};
use super::live::LiveArgs;
use super::output::{self, Format};
use crate::collect::needs::Needs;
use crate::collect::{Ended, Known, Opened};
use crate::findings::gate::{Exit, Outcome, gate};
use crate::policy::{Profile, Selection};
use crate::report::json;
use crate::report::text::{plural, safe};
use crate::snapshot::Input;
use crate::term;

/// Collect the state of live accounts into a file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Asks what the loaded policies need (strict ones included), and nothing else; `lambda-audit permissions` prints the IAM
policy for it. FILE.partial holds what was read until all of it was; then it becomes FILE. Values of environment
variables and code are never kept. Exits 3 if something was not read.

Examples:
  lambda-audit snapshot -o snapshot.jsonl
  lambda-audit snapshot -o snapshot.jsonl --all-regions --profile audit
  lambda-audit snapshot -o org.jsonl --org-role AuditReader --all-regions --exclude-account 123456789012
  lambda-audit snapshot --plan --all-regions           the calls it takes, and how long the quotas make them
  lambda-audit snapshot --resume snapshot.jsonl        go on where an earlier collection stopped")]
pub(crate) struct Args {
    /// The file to write
    #[arg(short = 'o', long = "to", value_name = "FILE", required_unless_present_any = ["resume", "plan"])]
    file: Option<PathBuf>,
    /// Go on with an unfinished snapshot: FILE or FILE.partial; calls that were answered are not repeated
    #[arg(long, value_name = "FILE", conflicts_with = "plan")]
    resume: Option<PathBuf>,
    /// Only say which calls it takes and how long the quotas make them
    #[arg(long)]
    plan: bool,
    /// Collect what no loaded policy reads too
    #[arg(long)]
    everything: bool,
    #[command(flatten)]
    live: LiveArgs,
}

#[derive(Debug, Serialize)]
struct Answer {
    version: &'static str,
    file: String,
    complete: bool,
    /// Why it stopped before its end.
    stopped: Option<String>,
    calls: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    account: String,
    region: Option<String>,
    api: String,
    outcome: &'static str,
    missing_permission: Option<String>,
    count: u64,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    let needs = needs(args, &plan)?;
    if args.plan {
        let needs = args.live.needs(needs);
        return super::plan::show(&plan, &args.live.whence(), (&needs, None), args.live.pace.quota_share);
    }
    let named = args.resume.as_ref().or(args.file.as_ref());
    let named = named.ok_or_else(|| Failure::Usage("no file is named: see -o".to_owned()))?;
    let file = args.file.clone().unwrap_or_else(|| finished_name(named));
    let partial = with_suffix(&file, ".partial");
    let known = match &args.resume {
        Some(named) => known(named)?,
        None if partial.exists() => {
            return Err(Failure::Usage(format!(
                "{} is there from a collection that did not end: go on with --resume {}, or remove it",
                partial.display(),
                file.display()
            )));
        }
        None => Known::default(),
    };
    let ended = args.live.collect(needs, known, None, (|| open(&partial), &plan))?;
    if ended.stopped.is_none() {
        let cannot = |error| Failure::Write { to: file.display().to_string(), error };
        fs::rename(&partial, &file).map_err(cannot)?;
    }
    tell(&plan, &file, &partial, ended)
}

/// All policies that are loaded, of every profile, unless the command line chooses some.
fn needs(args: &Args, plan: &Plan) -> Result<Needs, Failure> {
    if args.everything {
        return Ok(Needs::everything());
    }
    let chosen = !plan.selection.only.is_empty() || !plan.selection.skip.is_empty();
    if chosen {
        return Ok(Needs::of(&plan.selected()?));
    }
    let all = Selection { profile: Some(Profile::Strict), ..plan.selection.clone() };
    Ok(Needs::of(&plan.policies.select(&all).0))
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// `FILE` of `FILE.partial`.
fn finished_name(named: &Path) -> PathBuf {
    let text = named.to_string_lossy();
    text.strip_suffix(".partial").map_or_else(|| named.to_owned(), PathBuf::from)
}

/// What an earlier collection read: of `FILE.partial`, if it is there, else of `FILE`.
fn known(named: &Path) -> Result<Known, Failure> {
    let file = finished_name(named);
    let partial = with_suffix(&file, ".partial");
    let path = if partial.exists() { partial } else { file };
    let cannot =
        |error: &dyn std::fmt::Display| Failure::Usage(format!("cannot resume {}: {error}", path.display()));
    if !path.exists() {
        return Err(cannot(&"there is no such file"));
    }
    Known::read(&Input::File(path.clone())).map_err(|error| cannot(&error))
}

/// The partial file. What was known is written to another one first, which then takes its name: whenever this ends,
/// one of them holds everything.
fn open(partial: &Path) -> io::Result<Opened> {
    let fresh = with_suffix(partial, ".new");
    let out = File::create(&fresh)?;
    let (from, to) = (fresh, partial.to_owned());
    Ok(Opened { out: Box::new(out), begun: Box::new(move || fs::rename(from, to)) })
}

fn tell(plan: &Plan, file: &Path, partial: &Path, ended: Ended) -> Result<Exit, Failure> {
    let complete = ended.stopped.is_none();
    let written = if complete { file } else { partial };
    let calls: Vec<Row> = ended
        .counts
        .into_iter()
        .map(|(key, count)| Row {
            account: key.account,
            region: key.region,
            api: key.api,
            outcome: key.outcome,
            missing_permission: key.missing_permission,
            count,
        })
        .collect();
    let unread = |row: &&Row| !matches!(row.outcome, "ok" | "disabled");
    let outcome = Outcome {
        gravest: None,
        incomplete: !complete || calls.iter().any(|row| unread(&row)),
        nothing_read: complete && !calls.is_empty() && calls.iter().all(|row| unread(&row)),
    };
    let answer = Answer {
        version: "1",
        file: written.display().to_string(),
        complete,
        stopped: ended.stopped.as_ref().map(ToString::to_string),
        calls,
    };
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&answer, &mut out),
            _ => text(&answer, &mut out),
        })?;
    }
    if let Some(stop) = &answer.stopped {
        term::tell(&safe(&format!(
            "The collection stopped: {stop}. {} holds what was read; go on with `lambda-audit snapshot --resume {}`",
            partial.display(),
            file.display()
        )));
    }
    Ok(gate(outcome, &plan.thresholds))
}

fn text(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let count = |word: fn(&Row) -> bool| -> u64 {
        answer.calls.iter().filter(|row| word(row)).map(|row| row.count).sum()
    };
    let (all, read) = (count(|_| true), count(|row| matches!(row.outcome, "ok" | "disabled")));
    let places: std::collections::BTreeSet<_> =
        answer.calls.iter().filter_map(|row| Some((&row.account, row.region.as_ref()?))).collect();
    let accounts: std::collections::BTreeSet<_> = answer.calls.iter().map(|row| &row.account).collect();
    writeln!(
        out,
        "{}: {} of {} answered, of {} and {}",
        safe(&answer.file),
        read,
        plural(all, "call"),
        plural(accounts.len() as u64, "account"),
        plural(places.len() as u64, "region")
    )?;
    for row in answer.calls.iter().filter(|row| !matches!(row.outcome, "ok")) {
        let permission = row.missing_permission.as_deref();
        let missing = permission.map_or_else(String::new, |permission| format!(", missing {permission}"));
        let region = row.region.as_deref().unwrap_or("-");
        let line = format!("{} {region} {}: {} {}{missing}", row.account, row.api, row.count, row.outcome);
        writeln!(out, "  {}", safe(&line))?;
    }
    Ok(())
}
