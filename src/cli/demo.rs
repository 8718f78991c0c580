//! `demo`: a real audit of an invented company, embedded, with a fixed clock.

use std::io::Write;
use std::sync::Arc;

use super::common::{CommonArgs, ProfileArg};
use super::{Failure, output, run};
use crate::audit::TrailInput;
use crate::findings::gate::Exit;
use crate::snapshot::Input;
use crate::term;

/// Audit an invented company, offline
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The company is invented; the audit is real: the same reading, policies and report as `scan`.

Examples:
  lambda-audit demo
  lambda-audit demo --output json=demo.json
  lambda-audit demo --write ./demo     then: lambda-audit scan --snapshot demo/snapshot.jsonl --trail demo/trail")]
pub(crate) struct Args {
    /// Write the demo's snapshot and trail files to this directory instead of judging them
    #[arg(long, value_name = "DIR")]
    write: Option<std::path::PathBuf>,
}

/// The demo's clock.
const NOW: &str = "2026-11-20T09:00:00Z";

include!(concat!(env!("OUT_DIR"), "/demo_files.rs"));

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    if let Some(directory) = &args.write {
        return write_files(directory, common);
    }
    let mut common = common.clone();
    common.exit_zero = true;
    common.allow_incomplete = true;
    common.policy_profile = common.policy_profile.or(Some(ProfileArg::Strict));
    let fixed = NOW.parse().map_err(|error| Failure::Usage(format!("the demo's clock: {error}")))?;
    common.now = common.now.or(Some(fixed));
    let plan = common.resolve_report()?;
    let snapshot = FILES
        .iter()
        .find(|(path, _)| path.starts_with("snapshot"))
        .map(|(path, bytes)| Input::Memory { name: format!("demo/{path}"), bytes: Arc::from(*bytes) });
    let trail = FILES.iter().filter(|(path, _)| path.starts_with("trail/"));
    let trail = trail.map(|(path, bytes)| (format!("demo/{path}"), Arc::from(*bytes))).collect();
    let inputs = run::Inputs { snapshot, trail: TrailInput::Memory(trail), ..run::Inputs::default() };
    let audit = run::audit(&plan, plan.selected()?, inputs)?;
    let exit = run::write(&plan, &audit)?;
    if !plan.quiet {
        term::tell(
            "\nThis was an invented company, judged as `scan` judges a real one (a demo always exits 0).\nNext:\n  \
             lambda-audit demo --write ./demo                 its snapshot and trail, to look at or change\n  \
             lambda-audit policy show function-invoke-public  why a policy fires, and what to do\n  \
             lambda-audit replay ./AWSLogs                    your own CloudTrail files",
        );
    }
    Ok(exit)
}

fn write_files(directory: &std::path::Path, common: &CommonArgs) -> Result<Exit, Failure> {
    let failed = |to: &std::path::Path, error| Failure::Write { to: to.display().to_string(), error };
    for (path, bytes) in FILES {
        let target = directory.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
        }
        // Nothing that is already there is overwritten.
        let mut file = std::fs::File::create_new(&target).map_err(|error| failed(&target, error))?;
        file.write_all(bytes).map_err(|error| failed(&target, error))?;
    }
    let target = output::Output { format: output::Format::Text, path: None };
    if !common.quiet {
        output::write(&target, |out| {
            let at = directory.display().to_string();
            let at = crate::report::text::safe(&at);
            writeln!(out, "Wrote {} files. Judge them:", FILES.len())?;
            writeln!(out, "  lambda-audit scan --snapshot {at}/snapshot.jsonl --trail {at}/trail --now {NOW}")
        })?;
    }
    Ok(Exit::Passed)
}
