//! The reference of commands, from the command line's grammar.

use clap::Command;

use super::NOTE;

/// Columns of the help texts: what fits a page.
const WIDTH: usize = 100;

const INTRODUCTION: &str = "
# Commands

What `lambda-audit COMMAND --help` prints. Every command also takes the options that the first part lists; the others
do not repeat them. Exit codes: [configuration](configuration.md#exit-codes).
";

/// The page `docs/cli.md`.
pub fn cli_reference(grammar: &Command) -> String {
    let mut top = grammar.clone().term_width(WIDTH);
    // Hands options and names down to the commands below.
    top.build();
    let mut page = format!("{NOTE}{INTRODUCTION}");
    section(&mut page, 2, &top);
    page.push_str("\nOptions of every command:\n\n```text\n");
    page.push_str(&shared_options(grammar));
    page.push_str("```\n");
    for command in top.get_subcommands() {
        command_and_below(&mut page, 2, command);
    }
    page
}

fn command_and_below(page: &mut String, level: usize, command: &Command) {
    if command.get_name() == "help" {
        return;
    }
    section(page, level, command);
    for below in command.get_subcommands() {
        command_and_below(page, level + 1, below);
    }
}

/// The command's help, without the options that every command has.
fn section(page: &mut String, level: usize, command: &Command) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let shared: Vec<clap::Id> =
        command.get_arguments().filter(|arg| arg.is_global_set()).map(|arg| arg.get_id().clone()).collect();
    let mut command = command.clone().term_width(WIDTH);
    for id in shared {
        command = command.mut_arg(id, |arg| arg.hide(true));
    }
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    page.push_str(&format!(
        "\n{} {name}\n\n```text\n{}\n```\n",
        "#".repeat(level),
        lines.join("\n").trim_end()
    ));
}

/// The help of the options that every command has, alone.
fn shared_options(grammar: &Command) -> String {
    let mut alone = Command::new("options")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .help_template("{options}")
        .term_width(WIDTH);
    for arg in grammar.get_arguments().filter(|arg| arg.is_global_set()) {
        alone = alone.arg(arg.clone());
    }
    let help = alone.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_matches('\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_section_and_shared_options_stand_once() {
        let grammar = crate::cli::grammar();
        let page = cli_reference(&grammar);
        for command in grammar.get_subcommands() {
            assert!(page.contains(&format!("\n## lambda-audit {}\n", command.get_name())), "{page}");
        }
        assert_eq!(page.matches("--skip-policy <GLOB>").count(), 1);
        assert!(!page.contains('\u{1b}'));
    }
}
