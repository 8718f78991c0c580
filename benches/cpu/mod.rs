//! How long this process has had a processor, so that other work on the machine does not count.

use std::time::Instant;

/// Time so far, where the system tells: Linux counts it for a process's first thread, and there is no other here.
/// Source: <https://docs.kernel.org/scheduler/sched-stats.html> (`/proc/<pid>/schedstat`)
fn on_processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    let nanoseconds: u64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds as f64 / 1e9)
}

/// Counts the processor's time, and where that is not told the clock's.
pub(crate) struct Clock {
    start: Instant,
    /// What is counted, for people.
    pub(crate) kind: &'static str,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let kind = if on_processor().is_some() { "CPU-seconds" } else { "seconds" };
        Self { start: Instant::now(), kind }
    }

    /// Seconds.
    pub(crate) fn now(&self) -> f64 {
        on_processor().unwrap_or_else(|| self.start.elapsed().as_secs_f64())
    }
}
