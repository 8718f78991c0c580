//! What comes again and again is kept once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Texts of which each is kept once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Texts(HashSet<Arc<str>>);

/// The most different texts kept for sharing: beyond it a text is kept by itself.
const TEXTS: usize = 100_000;

impl Texts {
    /// The text that is kept.
    pub(crate) fn keep(&mut self, text: &str) -> Arc<str> {
        match self.0.get(text) {
            Some(known) => Arc::clone(known),
            None => self.add(text.into()),
        }
    }

    /// Puts the text that is kept in the place of one like it.
    pub(crate) fn share(&mut self, text: &mut Arc<str>) {
        match self.0.get(text) {
            Some(known) => text.clone_from(known),
            None => *text = self.add(Arc::clone(text)),
        }
    }

    fn add(&mut self, new: Arc<str>) -> Arc<str> {
        if self.0.len() < TEXTS {
            self.0.insert(Arc::clone(&new));
        }
        new
    }
}

/// Values of which each is kept once. What is kept for sharing is no part of what shares it: all are equal.
#[derive(Debug, Clone)]
pub(crate) struct Kept<T>(HashSet<Arc<T>>);

/// The most different values kept for sharing.
const VALUES: usize = 10_000;

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(HashSet::new())
    }
}

impl<T> PartialEq for Kept<T> {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl<T> Eq for Kept<T> {}

impl<T: Eq + Hash> Kept<T> {
    /// The value that is kept.
    pub(crate) fn keep(&mut self, value: T) -> Arc<T> {
        if let Some(known) = self.0.get(&value) {
            return Arc::clone(known);
        }
        let value = Arc::new(value);
        if self.0.len() < VALUES {
            self.0.insert(Arc::clone(&value));
        }
        value
    }
}
