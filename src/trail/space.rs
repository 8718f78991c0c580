//! What readings use one after the other: the threads that read, their buffers, and how these are filled.

use std::io::Read;
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

/// What a buffer begins with.
const FIRST_ROOM: usize = 64 << 10;
/// Where a buffer's contents begin is a multiple of this. Some processors (AMD's family 19h was measured) take three times as
/// long to copy from a page of a file to sixteen bytes behind the beginning of another page, where allocators like to put
/// large buffers.
const PAGE: usize = 4 << 10;

/// Makes a buffer at least so long, or as long as `most` bytes. What is in it is lost if it was shorter.
///
/// It becomes a good deal longer, as the next file may be: memory that nobody used costs nothing, but each new buffer is
/// memory to be found and cleared.
pub(super) fn make_room(buffer: &mut Vec<u8>, len: usize, most: usize) {
    let len = len.min(most);
    if buffer.len() < len {
        // The old one is given back first.
        *buffer = Vec::new();
        *buffer = vec![0; len.checked_next_power_of_two().unwrap_or(len).min(most)];
    }
}

/// Reads a source to its end, or `most` bytes of it, into a buffer whose length grows as needed and is kept for the next
/// one. `size`: how long it is said to be. What came, and what ended it before its end.
pub(super) fn fill<'b>(
    buffer: &'b mut Vec<u8>,
    source: &mut impl Read,
    (size, most): (usize, usize),
) -> (&'b [u8], Option<std::io::Error>) {
    // One byte more than there should be: where nothing comes for it, that is the end.
    let first = size.saturating_add(1).clamp(FIRST_ROOM, Buffers::KEEP).min(most).saturating_add(PAGE);
    make_room(buffer, first, most.saturating_add(PAGE));
    let start = buffer.as_ptr().align_offset(PAGE);
    let start = if start < PAGE { start } else { 0 };
    let mut len = 0;
    let error = loop {
        let room = most.min(buffer.len().saturating_sub(start));
        if len == room {
            if len == most {
                break None;
            }
            buffer.resize(buffer.len().saturating_mul(2), 0);
            continue;
        }
        match source.read(buffer.get_mut(start + len..start + room).unwrap_or_default()) {
            Ok(0) => break None,
            Ok(count) => len += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => break Some(error),
        }
    };
    (buffer.get(start..start + len).unwrap_or_default(), error)
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use proptest::prelude::*;

    use super::*;

    /// Gives a text in parts of these lengths, with an interruption before each, and then perhaps an error.
    struct Parts<'t> {
        text: &'t [u8],
        parts: Vec<usize>,
        interrupted: bool,
        fails: bool,
    }

    impl Read for Parts<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            self.interrupted = !self.interrupted;
            if self.interrupted {
                return Err(ErrorKind::Interrupted.into());
            }
            if self.text.is_empty() && self.fails {
                return Err(Error::other("gone"));
            }
            let len = self.parts.pop().unwrap_or(usize::MAX).min(self.text.len()).min(into.len());
            let (now, later) = self.text.split_at(len);
            into[..len].copy_from_slice(now);
            self.text = later;
            Ok(len)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Whatever a source is said to hold, however it comes, and whatever the buffer held before.
        #[test]
        fn a_buffer_is_filled_with_all_there_is(
            len in 0..300_000usize, parts in prop::collection::vec(1..100_000usize, 0..9), fails in any::<bool>(),
            said in prop_oneof![Just(0), Just(usize::MAX), 0..300_000usize], most in 1..400_000usize, before in 0..200_000usize,
        ) {
            let text: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut buffer = vec![7; before];
            let mut source = Parts { text: &text, parts, interrupted: false, fails };
            let (filled, error) = fill(&mut buffer, &mut source, (said, most));
            prop_assert!(filled == &text[..len.min(most)]);
            // What is not read says nothing.
            prop_assert_eq!(error.is_some(), fails && len < most);
            prop_assert!(buffer.len() <= 2 * (most.max(before).max(FIRST_ROOM) + PAGE));
        }
    }
}
