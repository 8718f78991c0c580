//! One strict scan of a record that finds where the members stand that something may ask for, those of `userIdentity`
//! included. Records of one file have mostly the same members in the same order: behind each key the one is looked for
//! that came there before, which takes two comparisons, and only where another one stands is it looked up.
//!
//! It accepts what the scanner of [`super::json`] accepts, and finds the same. Where it is not sure (a key with an escape,
//! a file of another shape, anything that is not JSON), the record is left to that scanner, which names the fault.

use super::caller::{self, Found};
use super::json::{peek, skip_plain, skip_string, skip_value};
use super::record::{Escapes, Index};
use super::slot::{Slot, slot_before};

/// What a record turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Walked {
    /// Behind its closing bracket.
    pub(crate) end: usize,
    /// Nobody needs it: only the members of a first look were noted.
    pub(crate) passed_over: bool,
    /// The strings that were noted.
    pub(crate) strings: Escapes,
}

/// How much of a record is noted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// All, and source and name are not both known yet.
    Unnamed,
    All,
    /// The members of a first look.
    First,
}

/// Scans records of one text, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Walker {
    records: Order,
    callers: [Order; caller::OBJECT_COUNT],
}

impl Walker {
    /// Walks from the bracket at `open` to behind the one that closes it. `needs` is asked once, as soon as source and
    /// name are known. `None`: the record is for another scanner.
    pub(crate) fn walk<'a>(
        &mut self,
        text: &'a str,
        open: usize,
        index: &mut Index<'a>,
        needs: impl FnOnce(&str, &str) -> bool,
    ) -> Option<Walked> {
        let Walker { records, callers } = self;
        let bytes = text.as_bytes();
        let mut needs = Some(needs);
        let mut wanted = Wanted::Unnamed;
        let mut strings = Escapes::None;
        let end = walk(records, slot_of, bytes, open + 1, |of, value, first| {
            let slot = match Slot::at(of) {
                Some(slot) if wanted != Wanted::First || slot.is_first() => slot,
                _ => return skip(bytes, value, first, 1),
            };
            if first == b'{' && slot == Slot::UserIdentity {
                let found = index.begin_identity();
                let end = walk_caller((callers, 0), (bytes, value + 1, 2), (found, &mut strings))?;
                index.set(slot, value, end);
                return Some(end);
            }
            let end = noted(bytes, value, first, 1, &mut strings)?;
            index.set(slot, value, end);
            match slot {
                Slot::EventSource | Slot::EventName => {
                    // A second one is not what was asked about, and the last counts.
                    if wanted != Wanted::Unnamed {
                        return None;
                    }
                    let text = |slot| index.get(slot).and_then(|value| strings.read(value));
                    if let (Some(source), Some(name)) = (text(Slot::EventSource), text(Slot::EventName)) {
                        let needed = needs.take().is_none_or(|needs| needs(&source, &name));
                        wanted = if needed { Wanted::All } else { Wanted::First };
                    }
                }
                Slot::UserIdentity => index.forget_identity(),
                // How files of other shapes are told apart is not looked for here.
                Slot::CloudTrailEvent | Slot::DigestS3Bucket | Slot::DigestStartTime => return None,
                _ => {}
            }
            Some(end)
        })?;
        (wanted != Wanted::Unnamed).then_some(Walked { end, passed_over: wanted == Wanted::First, strings })
    }
}

/// Walks one of a caller's objects, from behind its bracket, and those within it. `orders`: its own, and behind it those
/// of the objects that follow. `outer`: how many levels enclose its members.
fn walk_caller(
    (orders, object): (&mut [Order], usize),
    (bytes, at, outer): (&[u8], usize, u32),
    (found, strings): (&mut Found<'_>, &mut Escapes),
) -> Option<usize> {
    let (order, inner) = orders.split_first_mut()?;
    let asked = |before: &[u8]| caller::place_of(object, before);
    walk(order, asked, bytes, at, |place, value, first| {
        if place == OTHER {
            return skip(bytes, value, first, outer);
        }
        let within = caller::object_at(place);
        if let Some(within) = within {
            found.begin(within);
        }
        let end = match within.filter(|_| first == b'{') {
            Some(within) => {
                let orders = inner.get_mut(within - object - 1..)?;
                walk_caller((orders, within), (bytes, value + 1, outer + 1), (found, strings))?
            }
            None => noted(bytes, value, first, outer, strings)?,
        };
        found.set(place, value, end);
        Some(end)
    })
}

/// Skips a value, which begins with the byte `first` and which `outer` levels enclose.
#[inline(always)]
fn skip(bytes: &[u8], at: usize, first: u8, outer: u32) -> Option<usize> {
    let is = |word: &[u8]| bytes.get(at..at + word.len()).is_some_and(|found| found == word);
    match first {
        b'"' => skip_string(bytes, at + 1).ok(),
        b'n' if is(b"null") => Some(at + 4),
        b't' if is(b"true") => Some(at + 4),
        b'f' if is(b"false") => Some(at + 5),
        _ => skip_value(bytes, at, outer).ok(),
    }
}

/// Skips a value that is noted. `strings`: those that were noted so far.
#[inline(always)]
fn noted(bytes: &[u8], at: usize, first: u8, outer: u32, strings: &mut Escapes) -> Option<usize> {
    if first != b'"' {
        return skip(bytes, at, first, outer);
    }
    skip_plain(bytes, at + 1).or_else(|| {
        let end = skip_string(bytes, at + 1).ok()?;
        if bytes.get(at..end)?.contains(&b'\\') {
            *strings = Escapes::Perhaps;
        }
        Some(end)
    })
}

/// The slot of a key without escapes that ends where this text ends.
fn slot_of(before: &[u8]) -> Option<u8> {
    slot_before(before).map(|slot| slot as u8)
}

/// Walks an object from behind its `{` to behind its `}`. `note` gets what is asked of each member (`OTHER`: nothing),
/// where its value begins and with which byte, and gives where it ends.
#[inline(always)]
fn walk(
    order: &mut Order,
    asked: impl Fn(&[u8]) -> Option<u8>,
    bytes: &[u8],
    at: usize,
    mut note: impl FnMut(u8, usize, u8) -> Option<usize>,
) -> Option<usize> {
    let (mut at, byte) = peek(bytes, at)?;
    if byte == b'}' {
        return Some(at + 1);
    }
    let mut last = 0;
    loop {
        let (key, of, behind) = match order.expected(last, bytes, at) {
            Some(found) => found,
            None => order.look_up(last, &asked, bytes, at)?,
        };
        last = key;
        let (value, first) = peek(bytes, behind)?;
        let end = note(of, value, first)?;
        match peek(bytes, end)? {
            (comma, b',') => at = comma + 1,
            (end, b'}') => return Some(end + 1),
            _ => return None,
        }
    }
}

/// What is asked of a member that nobody asks for.
pub(crate) const OTHER: u8 = u8::MAX;

/// How many keys are expected; others are looked up.
const KEYS: usize = 64;

/// The longest key that is expected, with quotes and colon.
const LONGEST: usize = 32;

/// Keys in the order in which they came. The first stands for an object's beginning.
#[derive(Debug)]
struct Order(Vec<Key>);

impl Default for Order {
    fn default() -> Self {
        Order(vec![Key { first: 0, last: 0, len: 0, of: OTHER, next: [0; 2] }])
    }
}

/// A key with its quotes and its colon.
#[derive(Debug, Clone, Copy)]
struct Key {
    /// Its first and its last sixteen bytes; eight of a shorter one, or four. They may overlap.
    first: u128,
    last: u128,
    len: usize,
    /// What is asked of its member.
    of: u8,
    /// Which came behind it, the latest first.
    next: [u8; 2],
}

impl Key {
    /// `None` where it is too long, or too short.
    #[inline(always)]
    fn ends(text: &[u8]) -> Option<(u128, u128)> {
        if let (Some(first), Some(last)) = (text.first_chunk::<16>(), text.last_chunk::<16>()) {
            return Some((u128::from_le_bytes(*first), u128::from_le_bytes(*last)));
        }
        if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
            return Some((u64::from_le_bytes(*first).into(), u64::from_le_bytes(*last).into()));
        }
        let (first, last) = (text.first_chunk::<4>()?, text.last_chunk::<4>()?);
        Some((u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()))
    }
}

impl Order {
    /// The key behind the one at `last`, what is asked of it, and the place behind its colon, if it is one that came
    /// there before.
    #[inline(always)]
    fn expected(&mut self, last: usize, bytes: &[u8], at: usize) -> Option<(usize, u8, usize)> {
        let next = self.0.get(last)?.next;
        for expected in next {
            let key = self.0.get(usize::from(expected))?;
            let there = bytes.get(at..at + key.len)?;
            if Key::ends(there) == Some((key.first, key.last)) {
                return Some((usize::from(expected), key.of, at + key.len));
            }
        }
        None
    }

    /// The same for any key without escapes; it will be expected.
    #[cold]
    #[inline(never)]
    fn look_up(
        &mut self,
        last: usize,
        asked: &impl Fn(&[u8]) -> Option<u8>,
        bytes: &[u8],
        at: usize,
    ) -> Option<(usize, u8, usize)> {
        let (open, b'"') = peek(bytes, at)? else { return None };
        let close = skip_string(bytes, open + 1).ok()?;
        let text = bytes.get(open..close)?;
        if text.contains(&b'\\') {
            return None;
        }
        let (colon, b':') = peek(bytes, close)? else { return None };
        let of = asked(bytes.get(..close - 1)?).unwrap_or(OTHER);
        let with_colon = bytes.get(open..=colon)?;
        let key = match Key::ends(with_colon) {
            Some((first, last)) if colon == close && with_colon.len() <= LONGEST => {
                let is_it = |key: &Key| (key.first, key.last, key.len) == (first, last, with_colon.len());
                match self.0.iter().skip(1).position(is_it) {
                    Some(key) => key + 1,
                    None if self.0.len() < KEYS => {
                        self.0.push(Key { first, last, len: with_colon.len(), of, next: [0; 2] });
                        self.0.len() - 1
                    }
                    None => 0,
                }
            }
            _ => 0,
        };
        if let Some(before) = self.0.get_mut(last).filter(|_| key > 0) {
            before.next = [key as u8, before.next[0]];
        }
        Some((key, of, colon + 1))
    }
}
