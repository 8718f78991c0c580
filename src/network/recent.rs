//! Addresses that were looked up before: records come from a few of them over and over.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::{Networks, Place};
use crate::short::same;

/// How many addresses are kept before all are forgotten.
const KEPT: usize = 8_192;

/// What was found for the addresses that one thread met. They come from records: the hash is seeded by chance.
#[derive(Debug, Default)]
pub struct Recent {
    /// Texts stand beside what was found for them: every record asks.
    known: HashTable<(SmallVec<[u8; 24]>, Place)>,
    hasher: foldhash::quality::RandomState,
}

impl Recent {
    /// The same as [`Networks::lookup`], always asked of the same networks.
    #[inline]
    pub fn lookup(&mut self, networks: &Networks, text: &str) -> Place {
        let Recent { known, hasher } = self;
        let bytes = text.as_bytes();
        let hash = hasher.hash_one(bytes);
        if let Some((_, place)) = known.find(hash, |(of, _)| same(of, bytes)) {
            return place.clone();
        }
        let place = networks.lookup(text);
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert_unique(hash, (bytes.into(), place.clone()), |(of, _)| hasher.hash_one(&**of));
        place
    }
}
