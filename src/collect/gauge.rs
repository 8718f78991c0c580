//! How far a collection has come, for whoever shows it, and how long the quotas make what is known to be left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Counters of a collection.
#[derive(Debug, Default)]
pub struct Gauge {
    calls: AtomicU64,
    records: AtomicU64,
    regions: Mutex<Vec<Arc<Functions>>>,
}

/// The functions of one region: each takes calls from the same quota.
#[derive(Debug)]
pub(super) struct Functions {
    found: u64,
    done: AtomicU64,
    /// Seconds that the quota makes of one.
    each: f64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reached {
    /// Answered.
    pub calls: u64,
    /// Looked up.
    pub records: u64,
    pub functions: u64,
    pub functions_found: u64,
    /// What the functions that are left take; regions are asked at the same time.
    pub left: Duration,
}

impl Gauge {
    pub(super) fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn records(&self, more: usize) {
        self.records.fetch_add(more as u64, Ordering::Relaxed);
    }

    pub(super) fn functions(&self, found: usize, each: f64) -> Arc<Functions> {
        let region = Arc::new(Functions { found: found as u64, done: AtomicU64::new(0), each });
        self.regions.lock().unwrap_or_else(PoisonError::into_inner).push(region.clone());
        region
    }

    pub fn reached(&self) -> Reached {
        let regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let done = |region: &Arc<Functions>| region.done.load(Ordering::Relaxed).min(region.found);
        let left = |region: &Arc<Functions>| (region.found - done(region)) as f64 * region.each;
        Reached {
            calls: self.calls.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
            functions: regions.iter().map(done).sum(),
            functions_found: regions.iter().map(|region| region.found).sum(),
            left: Duration::try_from_secs_f64(regions.iter().map(left).fold(0.0, f64::max))
                .unwrap_or_default(),
        }
    }
}

impl Functions {
    pub(super) fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_region_decides_what_is_left() {
        let gauge = Gauge::default();
        let (small, large) = (gauge.functions(10, 0.5), gauge.functions(100, 0.5));
        (0..10).for_each(|_| small.done());
        (0..40).for_each(|_| large.done());
        let reached = gauge.reached();
        assert_eq!((reached.functions, reached.functions_found), (50, 110));
        assert_eq!(reached.left, Duration::from_secs(30));
    }
}
