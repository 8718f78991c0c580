//! Hashes that nobody can make alike on purpose, tables by what is a hash already, which is taken as it is, and tables by
//! what nobody can choose.

use std::hash::{BuildHasherDefault, Hasher};

use serde::{Deserialize, Serialize};
use siphasher::sip128::SipHasher13;

/// Makes keys: hashes of texts in a run's records, in its histories and counts, and of its sessions. Texts come from
/// strangers: the hash is keyed by a secret that was chosen by chance, so that nobody can make two texts collide, and one
/// seem to have been seen because another was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys(u64, u64);

impl Keys {
    /// Known to all: for cases, whose author is the policy's, and where no key is made.
    pub(crate) const KNOWN: Keys = Keys(0, 0);

    /// Of a secret that nobody can know who names what is judged.
    pub(crate) const fn of_secret(one: u64, two: u64) -> Self {
        Keys(one, two)
    }

    pub(crate) fn hasher(self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// Hashes what gives one number by that number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = self.0.rotate_left(8) ^ value;
    }
}

/// A table by hashes.
pub(crate) type HashedMap<K, V> = hashbrown::HashMap<K, V, BuildHasherDefault<AsItIs>>;

/// A table by addresses of memory: nobody chooses them.
pub(crate) type AddressMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::FixedState>;
