//! What is known of the terminal: colour and width, decided once; progress on it.

mod progress;

use std::io::{self, IsTerminal, Write};

use crate::report::text::{Color, Style};

pub use progress::{ProgressLine, end_on_interrupt, is_shown, writing};

/// What `--color` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ColorChoice {
    /// Colour on a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    Always,
    Never,
}

/// Columns where the width is not known.
const WIDTH: u16 = 100;

/// The style for standard output.
pub fn stdout_style(choice: ColorChoice) -> Style {
    style(choice, io::stdout().is_terminal())
}

/// The style for messages on standard error.
pub fn stderr_style(choice: ColorChoice) -> Style {
    style(choice, io::stderr().is_terminal())
}

fn style(choice: ColorChoice, terminal: bool) -> Style {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let color = match choice {
        ColorChoice::Always => Color::Always,
        ColorChoice::Auto
            if terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|t| t != "dumb") =>
        {
            Color::Always
        }
        ColorChoice::Auto | ColorChoice::Never => Color::Never,
    };
    let columns = std::env::var("COLUMNS").ok().and_then(|value| value.parse::<u16>().ok());
    let measured = if terminal { comfy_table_width() } else { None };
    let width = columns.or(measured).unwrap_or(WIDTH).clamp(60, 200);
    Style { color, width }
}

/// The terminal's width, where it can be asked.
fn comfy_table_width() -> Option<u16> {
    terminal_size::terminal_size().map(|(terminal_size::Width(columns), _)| columns)
}

/// Writes a message to standard error. A closed standard error is no reason to stop.
pub fn tell(text: &str) {
    let mut stderr = io::stderr().lock();
    let written = writeln!(stderr, "{text}").and_then(|()| stderr.flush());
    // Nobody is left to be told.
    drop(written);
}
