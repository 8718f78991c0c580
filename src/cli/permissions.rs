//! `permissions`: the least IAM policy that lets a live account be audited.

use std::io::{self, Write};

use super::Failure;
use super::common::CommonArgs;
use super::output::{self, Format};
use crate::collect::needs::{Document, Needs};
use crate::findings::gate::Exit;
use crate::report::json;

/// Print the least IAM policy that the loaded policies need on a live account
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every action only reads. Policies that are left out (--policy, --skip-policy) ask for nothing.

Examples:
  lambda-audit permissions                             with what each action is for
  lambda-audit permissions --output json               the IAM policy
  lambda-audit permissions --as terraform              the same, as an aws_iam_policy
  lambda-audit permissions --as cloudformation --policy 'function-*'")]
pub(crate) struct Args {
    /// Write it for this tool instead
    #[arg(long = "as", value_enum, value_name = "TOOL")]
    template: Option<Template>,
    /// What `--versions all` needs too
    #[arg(long)]
    all_versions: bool,
    /// What `--metrics` needs too
    #[arg(long)]
    metrics: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Template {
    Terraform,
    Cloudformation,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    let mut needs = Needs::of(&plan.selected()?);
    if args.all_versions {
        needs = needs.with_versions();
    }
    if args.metrics {
        needs = needs.with_metrics();
    }
    let document = needs.document();
    for target in &plan.outputs {
        output::write(target, |mut out| match (args.template, target.format) {
            (Some(Template::Terraform), _) => terraform(&document, &mut out),
            (Some(Template::Cloudformation), _) => cloudformation(&document, &mut out),
            (None, Format::Json) => json::write(&document, &mut out),
            (None, _) => text(&needs, &mut out),
        })?;
    }
    Ok(Exit::Passed)
}

fn text(needs: &Needs, out: &mut impl Write) -> io::Result<()> {
    let permissions = needs.permissions();
    if permissions.is_empty() {
        return writeln!(out, "The policies that are loaded ask nothing of a live account.");
    }
    let longest = permissions.keys().map(|action| action.len()).max().unwrap_or_default();
    for (action, purpose) in permissions {
        writeln!(out, "{action:<longest$}  {purpose}")?;
    }
    Ok(())
}

fn terraform(document: &Document, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "data \"aws_iam_policy_document\" \"lambda_audit\" {{")?;
    for (at, statement) in document.statement.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        writeln!(out, "  statement {{")?;
        writeln!(out, "    sid       = \"{}\"", statement.sid)?;
        writeln!(out, "    effect    = \"{}\"", statement.effect)?;
        writeln!(out, "    resources = [\"{}\"]", statement.resource)?;
        writeln!(out, "    actions = [")?;
        for action in &statement.action {
            writeln!(out, "      \"{action}\",")?;
        }
        writeln!(out, "    ]\n  }}")?;
    }
    writeln!(out, "}}\n")?;
    writeln!(out, "resource \"aws_iam_policy\" \"lambda_audit\" {{")?;
    writeln!(out, "  name        = \"lambda-audit\"")?;
    writeln!(out, "  description = \"What lambda-audit reads\"")?;
    writeln!(out, "  policy      = data.aws_iam_policy_document.lambda_audit.json\n}}")
}

fn cloudformation(document: &Document, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "AWSTemplateFormatVersion: \"2010-09-09\"")?;
    writeln!(out, "Description: What lambda-audit reads")?;
    writeln!(out, "Resources:\n  LambdaAuditPolicy:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:")?;
    writeln!(out, "      Description: What lambda-audit reads")?;
    writeln!(out, "      PolicyDocument:\n        Version: \"{}\"\n        Statement:", document.version)?;
    for statement in &document.statement {
        writeln!(out, "          - Sid: {}", statement.sid)?;
        writeln!(out, "            Effect: {}", statement.effect)?;
        writeln!(out, "            Resource: \"{}\"\n            Action:", statement.resource)?;
        for action in &statement.action {
            writeln!(out, "              - {action}")?;
        }
    }
    writeln!(out, "Outputs:\n  PolicyArn:\n    Value: !Ref LambdaAuditPolicy")
}
