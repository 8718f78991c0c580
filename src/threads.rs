//! What threads keep for themselves from one piece of work to the next.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values that are used by one thread at a time, each by the one that used it before: what it holds is in that thread's
/// caches, and was made of the same part of the input. Threads outside of a pool count as one.
#[derive(Debug)]
pub(crate) struct PerThread<T>(Mutex<Vec<(Option<usize>, T)>>);

impl<T> Default for PerThread<T> {
    fn default() -> Self {
        PerThread(Mutex::default())
    }
}

impl<T> PerThread<T> {
    /// What this thread put back last.
    pub(crate) fn take(&self) -> Option<T> {
        let own = rayon::current_thread_index();
        let mut all = self.all();
        let at = all.iter().rposition(|(of, _)| *of == own)?;
        Some(all.swap_remove(at).1)
    }

    pub(crate) fn put(&self, value: T) {
        self.all().push((rayon::current_thread_index(), value));
    }

    /// Drops what no thread uses now.
    pub(crate) fn clear(&self) {
        self.all().clear();
    }

    /// What was put back.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().map(|(_, value)| value)
    }

    fn all(&self) -> MutexGuard<'_, Vec<(Option<usize>, T)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn each_thread_has_its_own() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let counts: PerThread<(Option<usize>, u64)> = PerThread::default();
        assert_eq!(counts.take(), None);
        let add = |_: usize| {
            let here = rayon::current_thread_index();
            let (of, count) = counts.take().unwrap_or((here, 0));
            assert_eq!(of, here);
            counts.put((of, count + 1));
        };
        pool.install(|| (0..10_000usize).into_par_iter().with_max_len(1).for_each(add));
        add(0);
        let mut counts: Vec<_> = counts.into_values().collect();
        counts.sort_unstable();
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 10_001);
        assert_eq!(counts[0], (None, 1));
        counts.dedup_by_key(|(of, _)| *of);
        assert!(counts.len() <= 5 && counts.iter().map(|(_, count)| count).sum::<u64>() == 10_001);
    }
}
