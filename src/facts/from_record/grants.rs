//! Grants that a record adds.
use super::Reader;
use crate::facts::Fact;
pub(super) fn grants(_reader: &Reader<'_, '_>, _emit: &mut dyn FnMut(&Fact<'_>)) {}
