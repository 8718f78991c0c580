//! Texts that come again and again are kept once.

use std::collections::HashSet;
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
