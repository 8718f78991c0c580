//! `export`: what a team deploys so that policies are watched for continuously.

use std::io::{self, Write};

use serde::Serialize;

use super::Failure;
use super::common::CommonArgs;
use super::output::{self, Format};
use crate::export::{Detector, Service, Tool, carried, event_pattern, filter_pattern, template, threshold};
use crate::findings::gate::Exit;
use crate::policy::{Policy, Selection};
use crate::report::json;
use crate::report::text::{safe, wrap};

/// Write rules that watch for policies continuously: EventBridge rules, or metric filters with alarms
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A pattern looks at one record at a time: what a policy asks beyond that (who a grant admits, whom you trust, what came
before) is left out and named. A pattern is never narrower than its policy.

Examples:
  lambda-audit export eventbridge                      which policies it can carry, and how much of each
  lambda-audit export eventbridge function-deleted function-url-public --as cloudformation > rules.yaml
  lambda-audit export metric-filter 'invoke-*' --as terraform > filters.tf")]
pub(crate) struct Args {
    /// What to write
    #[arg(value_enum)]
    service: What,
    /// Policies, by id or glob [default: all that are loaded and judge records]
    #[arg(value_name = "POLICY")]
    chosen: Vec<String>,
    /// Write it for this tool
    #[arg(long = "as", value_enum, value_name = "TOOL")]
    tool: Option<As>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    Eventbridge,
    MetricFilter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum As {
    Cloudformation,
    Terraform,
}

#[derive(Debug, Serialize)]
struct Row<'r> {
    policy: &'r str,
    /// `exact` or `wider`.
    carries: &'static str,
    left_out: &'r [String],
    /// An event pattern, or the text of a filter pattern.
    pattern: serde_json::Value,
}

#[derive(Debug, Serialize)]
struct Left<'r> {
    policy: &'r str,
    why: &'r str,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    let selection;
    let policies: Vec<&Policy> = if args.chosen.is_empty() {
        plan.selected()?
    } else {
        selection = Selection { only: args.chosen.clone(), ..plan.selection.clone() };
        let (policies, errors) = plan.policies.select(&selection);
        if let Some(error) = errors.first() {
            return Err(Failure::Usage(error.to_string()));
        }
        policies
    };
    let service = match args.service {
        What::Eventbridge => Service::EventBridge,
        What::MetricFilter => Service::MetricFilter,
    };
    let (mut detectors, mut left) = (Vec::new(), Vec::new());
    for policy in policies {
        match detector(policy, service) {
            Ok(one) => detectors.push(one),
            Err(why) => left.push((policy.id.clone(), why)),
        }
    }
    if detectors.is_empty() {
        let (policy, why) = left.first().map_or(("no policy", "none is chosen"), |(id, why)| (id, why));
        return Err(Failure::Usage(format!("nothing can be exported: {policy}: {why}")));
    }
    for target in &plan.outputs {
        output::write(target, |mut out| match (args.tool, target.format) {
            (Some(tool), _) => {
                let tool = match tool {
                    As::Cloudformation => Tool::CloudFormation,
                    As::Terraform => Tool::Terraform,
                };
                out.write_all(template(service, tool, &detectors, &left).as_bytes())
            }
            (None, Format::Json) => in_full(service, &detectors, &left, &mut out),
            (None, _) => text(&detectors, &left, &mut out),
        })?;
    }
    Ok(Exit::Passed)
}

fn detector(policy: &Policy, service: Service) -> Result<Detector, String> {
    let carried = carried(policy).map_err(|why| why.to_string())?;
    let (pattern, whole) = match service {
        Service::EventBridge => (event_pattern(&carried).to_string(), true),
        Service::MetricFilter => {
            filter_pattern(&carried).ok_or("its pattern is longer than CloudWatch Logs takes")?
        }
    };
    let mut left_out = carried.left_out.clone();
    if !whole {
        left_out.push("what a filter pattern cannot say".to_owned());
    }
    Ok(Detector {
        policy: policy.id.clone(),
        title: policy.title.clone(),
        exact: left_out.is_empty(),
        left_out,
        pattern,
        only_reads: carried.only_reads(),
        threshold: threshold(policy),
    })
}

fn carries(one: &Detector) -> &'static str {
    if one.exact { "exact" } else { "wider" }
}

fn in_full(
    service: Service,
    detectors: &[Detector],
    left: &[(String, String)],
    out: &mut impl Write,
) -> io::Result<()> {
    let row = |one: &Detector| -> serde_json::Result<serde_json::Value> {
        let pattern = match service {
            Service::EventBridge => serde_json::from_str(&one.pattern)?,
            Service::MetricFilter => one.pattern.clone().into(),
        };
        let row = Row { policy: &one.policy, carries: carries(one), left_out: &one.left_out, pattern };
        serde_json::to_value(row)
    };
    let rows = detectors.iter().map(row).collect::<serde_json::Result<Vec<_>>>()?;
    let left: Vec<Left<'_>> = left.iter().map(|(policy, why)| Left { policy, why }).collect();
    json::write(&serde_json::json!({"version": "1", "patterns": rows, "not_exported": left}), out)
}

fn text(detectors: &[Detector], left: &[(String, String)], out: &mut impl Write) -> io::Result<()> {
    for one in detectors {
        let carries = if one.exact {
            "exact".to_owned()
        } else {
            format!("wider: it leaves out {}", one.left_out.join(", "))
        };
        writeln!(out, "{}", safe(&one.policy))?;
        writeln!(out, "{}", wrap(&format!("  {}", safe(&carries)), 98, "  "))?;
        writeln!(out, "  {}\n", safe(&one.pattern))?;
    }
    if !left.is_empty() {
        writeln!(out, "Not exported")?;
    }
    for (policy, why) in left {
        writeln!(out, "  {}: {why}", safe(policy))?;
    }
    Ok(())
}
