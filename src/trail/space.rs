//! What readings use one after the other: the threads that read, and their buffers.

use std::sync::{Arc, OnceLock};

use libdeflater::Decompressor;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::threads::PerThread;

/// What one worker keeps from file to file.
pub(super) struct Buffers {
    pub(super) file: Vec<u8>,
    pub(super) text: Vec<u8>,
    pub(super) decompressor: Decompressor,
}

impl Buffers {
    /// What a buffer may keep between files.
    const KEEP: usize = 64 << 20;

    pub(super) fn new() -> Self {
        Self { file: Vec::new(), text: Vec::new(), decompressor: Decompressor::new() }
    }
}

/// The threads that read, and the buffers of those that read no file now. A second reading has the threads of the first:
/// memory that a thread gave back is mostly used again by that thread only.
#[derive(Clone, Default)]
pub struct Space(Arc<Shared>);

#[derive(Default)]
struct Shared {
    buffers: PerThread<Buffers>,
    /// So many were asked for first, and whether there could be any.
    threads: OnceLock<(usize, Option<ThreadPool>)>,
}

impl std::fmt::Debug for Space {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Space")
    }
}

/// It is no part of what is to be read: all are equal.
impl PartialEq for Space {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Space {}

impl Space {
    /// Gives back the buffers that no reading uses now.
    pub fn free(&self) {
        self.0.buffers.clear();
    }

    /// Runs this on so many threads; zero: as many as the machine offers.
    pub(super) fn on_threads<T: Send>(&self, count: usize, work: impl FnOnce() -> T + Send) -> T {
        let build = || ThreadPoolBuilder::new().num_threads(count).build().ok();
        let own;
        let threads = match self.0.threads.get_or_init(|| (count, build())) {
            (made, threads) if *made == count => threads.as_ref(),
            _ => {
                own = build();
                own.as_ref()
            }
        };
        match threads {
            Some(threads) => threads.install(work),
            // Without threads of its own, the reading uses the process's.
            None => work(),
        }
    }

    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Buffers) -> T) -> T {
        let mut buffers = self.0.buffers.take().unwrap_or_else(Buffers::new);
        let done = work(&mut buffers);
        for buffer in [&mut buffers.file, &mut buffers.text] {
            if buffer.capacity() > Buffers::KEEP {
                *buffer = Vec::new();
            }
        }
        self.0.buffers.put(buffers);
        done
    }
}
