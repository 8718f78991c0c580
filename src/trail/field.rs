//! A field of a record: known, absent, or there but not readable.

/// What a record says about one field. *Unread* is a value of its own, never a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Field<T> {
    /// It was read.
    Known(T),
    /// The record was read, and the field is not there (or is `null`).
    #[default]
    Absent,
    /// It could not be read: hidden, of another shape than documented, or not derivable from this record.
    Unread,
}

impl<T> Field<T> {
    /// The value, where known. Callers must keep *absent* and *unread* apart themselves.
    pub fn known(&self) -> Option<&T> {
        match self {
            Field::Known(value) => Some(value),
            Field::Absent | Field::Unread => None,
        }
    }

    /// The same, taken out.
    pub fn into_known(self) -> Option<T> {
        match self {
            Field::Known(value) => Some(value),
            Field::Absent | Field::Unread => None,
        }
    }

    /// Whether the field could not be read.
    pub fn is_unread(&self) -> bool {
        matches!(self, Field::Unread)
    }

    /// Changes a known value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Field<U> {
        match self {
            Field::Known(value) => Field::Known(change(value)),
            Field::Absent => Field::Absent,
            Field::Unread => Field::Unread,
        }
    }

    /// Itself where known or unread; else what `other` says.
    pub fn or_if_absent(self, other: impl FnOnce() -> Field<T>) -> Field<T> {
        match self {
            Field::Absent => other(),
            read => read,
        }
    }
}

impl<T: AsRef<str>> Field<T> {
    /// The text, where known.
    pub fn text(&self) -> Option<&str> {
        self.known().map(AsRef::as_ref)
    }
}
