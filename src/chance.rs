//! What is chosen by chance, so that nobody can know it beforehand.

use std::hash::{BuildHasher, RandomState};

use crate::hashed::Keys;

/// A secret to make the keys of histories and counts by.
pub(crate) fn keys() -> Keys {
    Keys::of_secret(RandomState::new().hash_one(0), RandomState::new().hash_one(1))
}
