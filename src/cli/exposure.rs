//! `exposure`: who does a resource policy admit?

use std::io::Read;
use std::path::PathBuf;

use super::common::{self, CommonArgs};
use super::output::{self, Format};
use super::{Failure, common::read_text};
use crate::exposure::{ResourceKind, input, render};
use crate::findings::gate::{Exit, Outcome, gate};
use crate::policy::Severity;
use crate::report::json;
use crate::report::text::Color;

/// Say who a resource policy admits, and why
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads a bare document, the answer of `aws lambda get-policy` or `get-layer-version-policy`, or lines of a snapshot.
Exits 1 if something outside trust is admitted, 3 if that cannot be told, 0 if nothing is.

Examples:
  lambda-audit exposure policy.json --owner 111122223333
  aws lambda get-policy --function-name orders | lambda-audit exposure - --owner 111122223333
  lambda-audit exposure layer.json --owner 111122223333 --kind layer --trusted-account 444455556666")]
pub(crate) struct Args {
    /// Policy documents; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The account that owns the resource; not needed where the input names the resource's ARN
    #[arg(long, value_name = "ID", value_parser = common::account)]
    owner: Option<String>,
    /// What the policy is attached to
    #[arg(long, value_enum, default_value_t = Kind::Function)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Kind {
    Function,
    Layer,
}

/// The largest input, in bytes: snapshots are lines of policies.
const LIMIT: u64 = 1 << 30;

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    let mut inputs = Vec::new();
    for path in &args.files {
        let (name, text) = if path.as_os_str() == "-" {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(LIMIT + 1).read_to_string(&mut text);
            let whole = read.and_then(|length| match length as u64 > LIMIT {
                true => Err(std::io::Error::other(format!("it is longer than {LIMIT} bytes"))),
                false => Ok(text),
            });
            ("standard input".to_owned(), whole)
        } else {
            (path.display().to_string(), read_text(path, LIMIT))
        };
        let text = text.map_err(|error| Failure::Usage(format!("cannot read {name}: {error}")))?;
        let input = input::read(&name, &text);
        inputs.push((name, input));
    }
    let kind = match args.kind {
        Kind::Function => ResourceKind::Function,
        Kind::Layer => ResourceKind::Layer,
    };
    let answer = render::answer(inputs, args.owner.as_deref(), kind, &plan.trust);
    if let Some(judged) = answer.documents.iter().find(|judged| judged.owner.is_none()) {
        return Err(Failure::Usage(format!(
            "{} names no resource: say which account owns it, as in --owner 111122223333",
            judged.found.source
        )));
    }
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&answer.json(), &mut out),
            _ => {
                let color = match plan.style_of(target).color {
                    Color::Always => render::Color::Always,
                    Color::Never => render::Color::Never,
                };
                let mut text = String::new();
                render::text(&answer, color, &mut text).map_err(std::io::Error::other)?;
                out.write_all(text.as_bytes())
            }
        })?;
    }
    // Here a finding always counts, whatever `--fail-on`.
    let thresholds = crate::findings::gate::Thresholds { fail_on: Severity::Info, ..plan.thresholds.clone() };
    let code = answer.exit_code();
    let outcome = Outcome {
        gravest: (code == Exit::Failed.code()).then_some(Severity::High),
        incomplete: code == Exit::Incomplete.code(),
        nothing_read: code == Exit::Unusable.code(),
    };
    Ok(gate(outcome, &thresholds))
}
