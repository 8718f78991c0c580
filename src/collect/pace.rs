//! Keeps requests to a share of a quota: evenly spaced, slower after a throttle, and back to full speed after it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far requests that were held up may be made up for at once. AWS's buckets hold at least a second's worth.
const CATCH_UP: Duration = Duration::from_millis(250);
/// After a throttle the rate falls to this part of itself, at most once in each [`CALM`].
const SLOWER: f64 = 0.6;
/// It never falls below this part of the full rate.
const FLOOR: f64 = 0.05;
/// Without a throttle for so long, the rate grows again.
const CALM: Duration = Duration::from_secs(1);
/// By this part of the full rate, each second.
const GROWTH: f64 = 0.1;

/// The pace of one bucket of one account and region.
#[derive(Debug)]
pub(super) struct Pace {
    full: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: f64,
    /// When the next request may leave.
    next: Instant,
    slowed: Option<Instant>,
    grown: Instant,
}

impl Pace {
    /// At most so many requests a second.
    pub(super) fn new(per_second: f64) -> Self {
        let now = Instant::now();
        let full = per_second.max(0.01);
        Pace { full, state: Mutex::new(State { rate: full, next: now, slowed: None, grown: now }) }
    }

    /// Waits until the next request may leave.
    pub(super) async fn turn(&self) {
        sleep_until(self.reserve(Instant::now())).await;
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = state.slowed.unwrap_or(state.grown).max(state.grown);
        if state.rate < self.full && state.slowed.is_none_or(|at| now.duration_since(at) >= CALM) {
            let seconds = now.saturating_duration_since(since).as_secs_f64();
            state.rate = (state.rate + self.full * GROWTH * seconds).min(self.full);
        }
        state.grown = now;
        let earliest = now.checked_sub(CATCH_UP).unwrap_or(now);
        let at = state.next.max(earliest);
        state.next = at + Duration::from_secs_f64(1.0 / state.rate);
        at
    }

    /// A request was throttled: others share the quota.
    pub(super) fn throttled(&self) {
        let now = Instant::now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.slowed.is_none_or(|at| now.duration_since(at) >= CALM) {
            state.rate = (state.rate * SLOWER).max(self.full * FLOOR);
            state.slowed = Some(now);
        }
        state.next = state.next.max(now + Duration::from_secs_f64(1.0 / state.rate));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn after(pace: &Pace, start: Instant, requests: u32) -> f64 {
        let mut now = start;
        for _ in 0..requests {
            now = now.max(pace.reserve(now));
        }
        (now - start).as_secs_f64()
    }

    #[test]
    fn requests_are_evenly_spaced() {
        let pace = Pace::new(10.0);
        let start = pace.state.lock().unwrap().next;
        let taken = after(&pace, start, 101);
        assert!((taken - 10.0).abs() < 0.01, "{taken}");
    }

    #[test]
    fn idle_time_is_no_credit_for_a_burst() {
        let pace = Pace::new(10.0);
        let later = pace.state.lock().unwrap().next + Duration::from_secs(60);
        let taken = after(&pace, later, 11);
        assert!(taken >= 0.74, "{taken}");
    }

    #[test]
    fn a_throttle_slows_down_and_calm_brings_the_rate_back() {
        let pace = Pace::new(10.0);
        pace.throttled();
        pace.throttled();
        let slow = pace.state.lock().unwrap().rate;
        assert!((slow - 6.0).abs() < 1e-9, "two throttles of one moment count once: {slow}");
        let start = Instant::now();
        after(&pace, start, 400);
        let rate = pace.state.lock().unwrap().rate;
        assert!((rate - 10.0).abs() < 1e-9, "{rate}");
    }

    #[test]
    fn the_rate_never_falls_to_nothing() {
        let pace = Pace::new(10.0);
        for _ in 0..100 {
            pace.state.lock().unwrap().slowed = None;
            pace.throttled();
        }
        assert!(pace.state.lock().unwrap().rate >= 0.5 - 1e-9);
    }
}
