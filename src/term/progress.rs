//! Progress on a terminal, and what Ctrl-C does.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::trail::{Meter, Progress};

/// How often it is drawn.
const TICK: Duration = Duration::from_millis(120);

/// What Ctrl-C has to clean up.
struct Loose {
    bar: Option<ProgressBar>,
    partial: Option<PathBuf>,
}

static LOOSE: Mutex<Loose> = Mutex::new(Loose { bar: None, partial: None });

fn loose<T>(change: impl FnOnce(&mut Loose) -> T) -> T {
    change(&mut LOOSE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The line that shows a reading. It is gone when this is dropped.
#[derive(Debug)]
pub struct ProgressLine(Option<(Sender<()>, JoinHandle<()>)>);

/// Is progress shown at all? Only to people: not into files and pipes, not in CI, not if told to be quiet.
pub fn is_shown(quiet: bool) -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    !quiet && !dumb && !ci && io::stderr().is_terminal()
}

impl ProgressLine {
    /// Shows what the meter counts until it is dropped.
    pub fn start(meter: Arc<Meter>) -> Self {
        Self::of(move |elapsed| line(meter.progress(), elapsed))
    }

    /// Shows a line of figures, made anew from time to time, until it is dropped.
    pub fn of(line: impl Fn(Duration) -> String + Send + 'static) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is a constant: it parses, or the bar keeps its own.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        loose(|loose| loose.bar = Some(bar.clone()));
        let (stop, stopped) = mpsc::channel::<()>();
        let began = Instant::now();
        let draw = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(TICK) {
                bar.set_message(line(began.elapsed()));
                bar.tick();
            }
            bar.finish_and_clear();
        };
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(draw);
        ProgressLine(thread.ok().map(|thread| (stop, thread)))
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            // A thread that drew and failed has nothing left to clean up.
            let _ = thread.join();
        }
        loose(|loose| loose.bar = None);
    }
}

/// One line of figures. What a narrow terminal cuts off stands last.
fn line(progress: Progress, elapsed: Duration) -> String {
    let Progress { files_found, files, records, bytes, findings, again } = progress;
    if files_found == 0 {
        return "looking for files".to_owned();
    }
    let seconds = elapsed.as_secs_f64().max(0.001);
    let rate = (records as f64 / seconds) as u64;
    let left = match files {
        0 => String::new(),
        _ => {
            let left = elapsed.mul_f64((files_found.saturating_sub(files)) as f64 / files as f64);
            format!(", {} left", HumanDuration(left))
        }
    };
    let again = match again {
        0 => String::new(),
        _ => format!(", {} read again", HumanCount(again)),
    };
    format!(
        "{} of {} files{again}{left}, {} records ({}/s), {}, {} findings so far",
        HumanCount(files),
        HumanCount(files_found),
        HumanCount(records),
        HumanCount(rate),
        HumanBytes(bytes),
        HumanCount(findings),
    )
}

/// From now on Ctrl-C ends the process at once: the line is cleared, a file that is being written is removed, and
/// standard error says so. Exit code 130, as shells have it.
pub fn end_on_interrupt() {
    let ended = ctrlc::set_handler(|| {
        loose(|loose| {
            if let Some(bar) = &loose.bar {
                bar.finish_and_clear();
                // The thread that draws it may be about to do so once more.
                bar.set_draw_target(ProgressDrawTarget::hidden());
            }
            if let Some(partial) = &loose.partial {
                // What cannot be removed bears the name of a partial file.
                let _ = std::fs::remove_file(partial);
            }
            super::tell("interrupted: no report was written");
            leave();
        });
    });
    // Set before, or not to be had: then the system's own way of ending is left.
    drop(ended);
}

#[expect(clippy::exit, reason = "an interrupt ends the process wherever its threads are")]
fn leave() -> ! {
    std::process::exit(130)
}

/// Says which file is being written, so that an interrupt removes it; `None`: none is.
pub fn writing(partial: Option<&Path>) {
    loose(|loose| loose.partial = partial.map(Path::to_owned));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_and_how_long_it_takes() {
        let progress = Progress {
            files_found: 4_000,
            files: 1_000,
            records: 250_000,
            bytes: 3 << 20,
            findings: 12,
            again: 0,
        };
        assert_eq!(
            line(progress, Duration::from_secs(10)),
            "1,000 of 4,000 files, 30 seconds left, 250,000 records (25,000/s), 3.00 MiB, 12 findings so far"
        );
        assert_eq!(
            line(Progress { files: 3_900, again: 1_200, ..progress }, Duration::from_secs(39)),
            "3,900 of 4,000 files, 1,200 read again, 1 second left, 250,000 records (6,410/s), 3.00 MiB, \
             12 findings so far"
        );
        assert_eq!(line(Progress::default(), Duration::ZERO), "looking for files");
    }
}
