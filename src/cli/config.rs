//! `config`: check or show the configuration.

use clap::Subcommand;

use super::Failure;
use super::common::{self, CommonArgs};
use super::output::{self, Format};
use crate::config;
use crate::findings::gate::Exit;
use crate::policy::PolicySet;
use crate::report::json;
use crate::term;

/// Check or show the configuration
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lambda-audit config check
  lambda-audit config show --config audit.toml --output json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check the file against its schema and the loaded policies; exit 1 if anything is wrong
    Check,
    /// Show what is in force: file and command line together
    Show,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    match args.command {
        What::Check => check(common),
        What::Show => show(common),
    }
}

fn check(common: &CommonArgs) -> Result<Exit, Failure> {
    let Some((path, text)) = common.read_config()? else {
        return Err(Failure::Usage(format!(
            "there is no {} here: name one with --config",
            config::FILE_NAME
        )));
    };
    let name = path.display().to_string();
    let shown = crate::report::text::safe(&name);
    let faults = match config::parse(&name, &text) {
        Err(faults) => faults,
        Ok(config) => {
            let sources = common::policy_sources(&common.policies)?;
            PolicySet::load_with_bundled(&sources, &config.overrides).1
        }
    };
    if faults.is_empty() {
        let target = output::Output { format: Format::Text, path: None };
        if !common.quiet {
            output::write(&target, |out| writeln!(out, "{shown}: nothing wrong"))?;
        }
        return Ok(Exit::Passed);
    }
    let (rendered, _) = common::rendered(&faults, common.color);
    let errors = if faults.len() == 1 { "1 error".to_owned() } else { format!("{} errors", faults.len()) };
    term::tell(&format!("{rendered}\n{shown}: {errors}"));
    Ok(Exit::Failed)
}

fn show(common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    let selected = plan.selected()?;
    let config = &plan.config;
    let accounts: Vec<&String> = config.trusted_accounts.iter().chain(&common.trusted_account).collect();
    let organizations: Vec<serde_json::Value> = config
        .trusted_organizations
        .iter()
        .map(|(id, accounts)| serde_json::json!({"id": id, "accounts": accounts}))
        .chain(common.trusted_org.iter().map(|id| serde_json::json!({"id": id, "accounts": null})))
        .collect();
    let value = serde_json::json!({
        "version": "1",
        "file": plan.config_file.as_ref().map(|path| path.display().to_string()),
        "trusted_accounts": accounts,
        "trusted_organizations": organizations,
        "own_networks": config.own_networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "fail_on": plan.thresholds.fail_on,
        "require": config.require.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
        "policies": selected.iter().map(|policy| policy.id.as_str()).collect::<Vec<_>>(),
        "params": selected.iter().filter(|policy| !policy.params.is_empty()).map(|policy| {
            let values: serde_json::Map<String, serde_json::Value> = policy.params.iter()
                .map(|param| (param.name.clone(), super::policy::param_value(param))).collect();
            (policy.id.clone(), serde_json::Value::Object(values))
        }).collect::<serde_json::Map<_, _>>(),
        "accepted_gaps": config.accepted_gaps.iter().map(|gap| serde_json::json!({
            "reason": gap.reason, "owner": gap.owner, "expires": gap.expires.to_string(),
        })).collect::<Vec<_>>(),
        "waivers": config.waivers.iter().map(|waiver| serde_json::json!({
            "what": waiver.text, "reason": waiver.reason, "owner": waiver.owner,
            "expires": waiver.expires.to_string(),
        })).collect::<Vec<_>>(),
    });
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&value, &mut out),
            _ => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    writeln!(out, "{key}: {}", crate::report::text::safe(&value.to_string()))?;
                }
                Ok(())
            }
        })?;
    }
    Ok(Exit::Passed)
}
