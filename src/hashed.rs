//! Tables by what is a hash already, which is taken as it is, and by what nobody can choose.

use std::hash::{BuildHasherDefault, Hasher};

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
