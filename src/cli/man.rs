//! `man`: the manual pages, from the command line's grammar.

use std::path::{Path, PathBuf};

use super::common::CommonArgs;
use super::{Failure, output};
use crate::findings::gate::Exit;

/// Print the manual page, or write those of all commands
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  lambda-audit man | man -l -
  lambda-audit man --to /usr/local/share/man/man1")]
pub(crate) struct Args {
    /// Write a page for every command into this directory
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, common: &CommonArgs) -> Result<Exit, Failure> {
    let mut grammar = super::grammar();
    // Hands names down to the commands below.
    grammar.build();
    let Some(directory) = &args.to else {
        for target in &output::checked(&common.output)? {
            output::write(target, |mut out| clap_mangen::Man::new(grammar.clone()).render(&mut out))?;
        }
        return Ok(Exit::Passed);
    };
    std::fs::create_dir_all(directory)
        .map_err(|error| Failure::Write { to: directory.display().to_string(), error })?;
    pages(directory, &grammar)?;
    Ok(Exit::Passed)
}

/// The command's page and those below it: `lambda-audit-policy-list.1`.
fn pages(directory: &Path, command: &clap::Command) -> Result<(), Failure> {
    // Building the grammar gave each its whole name, with dashes.
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = directory.join(format!("{name}.1"));
    let page = clap_mangen::Man::new(command.clone());
    output::to_file(&path, |mut out| page.render(&mut out))
        .map_err(|error| Failure::Write { to: path.display().to_string(), error })?;
    let below = command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set());
    below.into_iter().try_for_each(|below| pages(directory, below))
}
