//! `completions`: for the shells.

use clap_complete::Shell;

use super::Failure;
use super::common::CommonArgs;
use super::output;
use crate::findings::gate::Exit;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lambda-audit completions bash > /etc/bash_completion.d/lambda-audit
  lambda-audit completions zsh > \"${fpath[1]}/_lambda-audit\"")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let mut grammar = super::grammar();
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut grammar, "lambda-audit", &mut text);
    for target in &output::checked(&common.output)? {
        output::write(target, |out| out.write_all(&text))?;
    }
    Ok(Exit::Passed)
}
