//! Where the members of a record stand, noted by the one scan that also checked it.

use std::borrow::Cow;

use super::caller::Found;
use super::field::Field;
use super::identity::{Beside, Identity};
use super::json::{Member, unescape};
use super::raw::Raw;
use super::record::{Escapes, HIDDEN};
use super::slot::{SLOTS, Slot, slot_before};
use crate::short::same;

/// Where a value stands in a text: from, and behind it. Nowhere: zeros.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span(u32, u32);

impl Span {
    #[inline(always)]
    pub(super) fn at(from: u32, to: u32) -> Self {
        Span(from, to)
    }

    /// Texts are shorter than [`MAX_TEXT`]: what lies behind that is nowhere.
    #[inline(always)]
    pub(super) fn new(from: usize, to: usize) -> Self {
        match (u32::try_from(from), u32::try_from(to)) {
            (Ok(from), Ok(to)) => Span(from, to),
            _ => Span::default(),
        }
    }

    /// The text between the quotes of a string that was found there; `None`: it is another kind of value, or nowhere.
    #[inline(always)]
    fn quoted(self, text: &str) -> Option<&str> {
        let (from, to) = (self.0 as usize, self.1 as usize);
        if text.as_bytes().get(from) != Some(&b'"') {
            return None;
        }
        text.get(from + 1..to.checked_sub(1)?)
    }

    #[inline(always)]
    fn bytes(self, text: &[u8]) -> &[u8] {
        text.get(self.0 as usize..self.1 as usize).unwrap_or_default()
    }

    #[inline]
    pub(super) fn of(self, text: &str) -> Option<Raw<'_>> {
        let Span(from, to) = self;
        if to == 0 { None } else { text.get(from as usize..to as usize).map(Raw::scanned) }
    }
}

/// So many places are there for members whose numbers are less; others have the place of their last five bits.
pub(super) const ROOM: usize = u32::BITS as usize;

/// The bit of that place.
#[inline(always)]
pub(super) fn bit(place: u8) -> u32 {
    1u32.wrapping_shl(place.into())
}

/// How long a text may be in which records are found.
pub(crate) const MAX_TEXT: usize = u32::MAX as usize;

/// The indexed members of one object. Of duplicate keys the last wins.
#[derive(Debug, Clone)]
pub(crate) struct Index<'a> {
    /// In which they stand.
    bytes: &'a [u8],
    /// The same, where it is known to be one: of a record that is passed over only what is asked for is looked at.
    text: Option<&'a str>,
    values: [Span; ROOM],
    /// Which of them were noted since it was cleared: one bit each. The others stand for nothing.
    noted: u32,
    /// `userIdentity`, where its members were found on the way.
    identity: Identity<'a>,
    found_identity: bool,
    /// What stands beside it was found, too.
    has_identity: bool,
    /// Where the string value of `CloudTrailEvent` starts.
    pub(crate) inner_at: usize,
}

impl<'a> Index<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        // The last place is of what nobody asks for.
        const { assert!(SLOTS < ROOM) };
        let (values, identity) = ([Span::default(); ROOM], Identity::unfound());
        let (bytes, text) = (text.as_bytes(), Some(text));
        Self {
            bytes,
            text,
            values,
            noted: 0,
            identity,
            found_identity: false,
            has_identity: false,
            inner_at: 0,
        }
    }

    /// The members of a record with which this text begins are to be found.
    pub(super) fn begin(&mut self, bytes: &'a [u8]) {
        (self.bytes, self.text) = (bytes, None);
        self.noted = 0;
        self.forget_identity();
        self.inner_at = 0;
    }

    /// In which they stand, or are looked for.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Its members follow.
    pub(super) fn begin_identity(&mut self) -> &mut Found<'a> {
        self.found_identity = true;
        self.identity.begin()
    }

    /// It is not what its members were found in.
    pub(crate) fn forget_identity(&mut self) {
        (self.found_identity, self.has_identity) = (false, false);
    }

    /// All was found, in this text. `strings`: those that were noted.
    pub(super) fn complete(&mut self, text: &'a str, strings: Escapes) {
        self.text = Some(text);
        if self.found_identity {
            let signs = self.signs();
            self.identity.complete(text, Beside { signs, strings });
            self.has_identity = true;
        }
    }

    /// `userIdentity`, if its members were found on the way, and all others.
    #[inline]
    pub(super) fn identity(&self) -> Option<&Identity<'a>> {
        if self.has_identity { Some(&self.identity) } else { None }
    }

    /// What tells of services beside it.
    #[inline]
    pub(super) fn signs(&self) -> [Option<Raw<'a>>; 2] {
        [Slot::EventType, Slot::SourceIpAddress].map(|slot| self.get(slot))
    }

    /// The member of the slot of this number stands there. What nobody asks for is noted in a place of its own: that takes
    /// less than telling it.
    #[inline(always)]
    pub(super) fn note(&mut self, slot: u8, value: Span) {
        self.values[usize::from(slot) % ROOM] = value;
        self.noted |= bit(slot);
    }

    #[inline]
    pub(crate) fn add(&mut self, member: &Member<'a>) {
        // A key may have an escaped quote in it, and behind that the text of another key.
        let of = |before: &[u8], key: &str| slot_before(before).filter(|slot| slot.key().len() == key.len());
        let found = of(member.before, member.key).or_else(|| {
            let key = unescape(member.key);
            if let Cow::Owned(key) = key { of(format!("\"{key}").as_bytes(), &key) } else { None }
        });
        let Some(slot) = found else { return };
        if slot == Slot::CloudTrailEvent {
            self.inner_at = member.at;
        }
        self.note(slot as u8, Span::new(member.at, member.at + member.value.text().len()));
    }

    #[inline]
    pub(crate) fn get(&self, slot: Slot) -> Option<Raw<'a>> {
        match self.text {
            Some(text) => self.span(slot)?.of(text),
            None => std::str::from_utf8(self.written(slot)?).ok().map(Raw::scanned),
        }
    }

    /// A member as it stands.
    #[inline]
    pub(super) fn written(&self, slot: Slot) -> Option<&'a [u8]> {
        Some(self.span(slot)?.bytes(self.bytes))
    }

    /// Where the member of a slot stands, if it was noted.
    #[inline(always)]
    fn span(&self, slot: Slot) -> Option<Span> {
        if self.noted & bit(slot as u8) != 0 { self.values.get(slot as usize).copied() } else { None }
    }

    /// See [`Escapes::field`], of a member that has no escapes.
    #[inline(always)]
    pub(super) fn plain_string(&self, slot: Slot) -> Field<Cow<'a, str>> {
        match self.span(slot).zip(self.text).and_then(|(span, text)| span.quoted(text)) {
            Some(text) if same(text.as_bytes(), HIDDEN.as_bytes()) => Field::Unread,
            Some(text) => Field::Known(Cow::Borrowed(text)),
            None => self.get(slot).map_or(Field::Absent, |value| Escapes::None.field(value)),
        }
    }

    /// A member that is a string, by what is known of escapes.
    #[inline(always)]
    pub(super) fn string(&self, slot: Slot, strings: Escapes) -> Option<Cow<'a, str>> {
        let inner = match self.text {
            Some(text) => self.span(slot)?.quoted(text)?,
            None => self.get(slot)?.inner_text()?,
        };
        Some(match strings {
            Escapes::None => Cow::Borrowed(inner),
            Escapes::Perhaps => unescape(inner),
        })
    }

    /// The bytes of the same.
    #[inline(always)]
    pub(super) fn string_bytes(&self, slot: Slot, strings: Escapes) -> Option<Cow<'a, [u8]>> {
        match (strings, self.written(slot)?) {
            (Escapes::None, [b'"', inner @ .., b'"']) => Some(Cow::Borrowed(inner)),
            (Escapes::None, _) => None,
            (Escapes::Perhaps, _) => Some(match self.string(slot, strings)? {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            }),
        }
    }
}
