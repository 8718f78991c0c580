//! What comes again and again is kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use foldhash::quality::RandomState;

/// Values of which each is kept once; beyond `MOST` different ones a value is kept by itself. What is kept for sharing is
/// no part of what shares it: all are equal. Values come from records: the hash is seeded by chance.
#[derive(Debug)]
pub(crate) struct Kept<T: ?Sized, const MOST: usize = 10_000>(HashSet<Arc<T>, RandomState>);

/// Texts of which each is kept once.
pub(crate) type Texts = Kept<str, 100_000>;

impl<T: ?Sized, const MOST: usize> Default for Kept<T, MOST> {
    fn default() -> Self {
        Kept(HashSet::default())
    }
}

impl<T: ?Sized, const MOST: usize> Clone for Kept<T, MOST> {
    fn clone(&self) -> Self {
        Kept(self.0.clone())
    }
}

impl<T: ?Sized, const MOST: usize> PartialEq for Kept<T, MOST> {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl<T: ?Sized, const MOST: usize> Eq for Kept<T, MOST> {}

impl<T: ?Sized + Eq + Hash, const MOST: usize> Kept<T, MOST> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value that is kept.
    pub(crate) fn keep<'v>(&mut self, value: &'v T) -> Arc<T>
    where
        Arc<T>: From<&'v T>,
    {
        match self.0.get(value) {
            Some(known) => Arc::clone(known),
            None => self.add(value.into()),
        }
    }

    /// The same of a value that nobody else needs.
    pub(crate) fn keep_own(&mut self, value: T) -> Arc<T>
    where
        T: Sized,
    {
        match self.0.get(&value) {
            Some(known) => Arc::clone(known),
            None => self.add(value.into()),
        }
    }

    /// Puts the value that is kept in the place of one like it.
    pub(crate) fn share(&mut self, value: &mut Arc<T>) {
        match self.0.get(&**value) {
            Some(known) => value.clone_from(known),
            None => *value = self.add(Arc::clone(value)),
        }
    }

    fn add(&mut self, new: Arc<T>) -> Arc<T> {
        if self.0.len() < MOST {
            self.0.insert(Arc::clone(&new));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_is_kept_once() {
        let mut texts = Texts::default();
        let first = texts.keep("a");
        let mut other: Arc<str> = "a".into();
        assert!(!Arc::ptr_eq(&first, &other));
        texts.share(&mut other);
        assert!(Arc::ptr_eq(&first, &other) && Arc::ptr_eq(&first, &texts.keep("a")));
        const MOST: usize = 100;
        let mut values = Kept::<usize, MOST>::default();
        let one = values.keep_own(1);
        assert!(Arc::ptr_eq(&one, &values.keep_own(1)) && *values.keep_own(2) == 2);
        for value in 0..=MOST {
            assert_eq!(*values.keep_own(value), value);
        }
        assert_eq!(values.0.len(), MOST, "no more than that");
    }
}
