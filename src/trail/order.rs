//! Which keys an object has, in which order: objects of one kind have mostly the same ones in the same order. Behind each
//! key the one is looked for that came there before, or the end, with all that stands around it, which takes two
//! comparisons; and only where another one stands is it looked up.

use wide::u8x16;

use super::json::skip_string;
use super::skip::solid;

/// What is asked of a member that nobody asks for.
pub(crate) const OTHER: u8 = u8::MAX;

/// What stands in its place where the object ends.
pub(super) const END: u8 = u8::MAX - 1;

/// How many keys are expected; others are looked up.
const KEYS: usize = 64;

/// How many are expected behind one.
const NEXT: usize = 4;

/// The bytes in which a key that is expected stands, with all that stands around it: it is shorter.
const ROOM: usize = 32;

/// Stands for an object's beginning.
pub(super) const BEGINNING: u8 = 0;

/// Stands for a key that is not expected. What is expected behind it must be what stood behind such a key.
const OTHER_KEY: u8 = 1;

/// Keys in the order in which they came. Before them stand those that are none.
#[derive(Debug)]
pub(super) struct Order {
    keys: Box<[Key; KEYS]>,
    len: u8,
}

impl Default for Order {
    fn default() -> Self {
        Order { keys: Box::new([Key::NONE; KEYS]), len: OTHER_KEY + 1 }
    }
}

/// A key, or an object's end, with all that stands between the values around it: a bracket or a comma, white space, a
/// colon.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Key {
    is: [u8x16; 2],
    /// Nothing is asked of the bytes whose bits are set.
    any: u32,
    len: u8,
    /// What is asked of its member.
    of: u8,
    /// Which came behind it, those first that come often.
    next: [u8; NEXT],
}

impl Key {
    const NONE: Key = Key { is: [u8x16::ZERO; 2], any: 0, len: 0, of: OTHER, next: [BEGINNING; NEXT] };

    /// The key that is written so.
    fn written(whole: &[u8], of: u8) -> Option<Self> {
        let mut bytes = [0; ROOM];
        bytes.get_mut(..whole.len())?.copy_from_slice(whole);
        let any = u32::MAX.checked_shl(u32::try_from(whole.len()).ok()?)?;
        Some(Key { is: halves(&bytes), any, len: u8::try_from(whole.len()).ok()?, of, ..Key::NONE })
    }

    fn is_written_as(&self, other: &Self) -> bool {
        (self.is, self.any) == (other.is, other.any)
    }

    #[inline(always)]
    fn begins(&self, [first, second]: [u8x16; 2]) -> bool {
        let [first, second] = [first.simd_eq(self.is[0]), second.simd_eq(self.is[1])];
        first.to_bitmask() | second.to_bitmask() << 16 | self.any == u32::MAX
    }
}

#[inline(always)]
fn halves(bytes: &[u8; ROOM]) -> [u8x16; 2] {
    let (chunks, _) = bytes.as_chunks::<16>();
    let half = |at: usize| chunks.get(at).map_or(u8x16::ZERO, |chunk| u8x16::from(*chunk));
    [half(0), half(1)]
}

/// What follows a value, or an object's bracket: a key, or the object's end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next<'t> {
    /// By which what follows it is expected.
    pub(super) key: u8,
    /// What is asked of its member; [`END`]: nothing, the object ends.
    pub(super) of: u8,
    /// The text from its value on, or behind the end.
    pub(super) value: &'t [u8],
}

impl Order {
    /// Whether there is no room for another key.
    pub(super) fn is_full(&self) -> bool {
        usize::from(self.len) >= KEYS
    }

    /// The key at this place; all are less than there may be.
    #[inline(always)]
    fn at(&self, place: u8) -> &Key {
        &self.keys[usize::from(place) % KEYS]
    }

    fn at_mut(&mut self, place: u8) -> &mut Key {
        &mut self.keys[usize::from(place) % KEYS]
    }

    /// What follows the key at `last` and its value, with which `rest` begins, if it came there before.
    #[inline(always)]
    pub(super) fn expected<'t>(&mut self, last: u8, rest: &'t [u8]) -> Option<Next<'t>> {
        let bytes = halves(rest.first_chunk::<ROOM>()?);
        for (at, next) in self.at(last).next.into_iter().enumerate() {
            let key = self.at(next);
            if key.begins(bytes) {
                let found = Next { key: next, of: key.of, value: rest.get(usize::from(key.len) % ROOM..)? };
                if at > 0 {
                    self.came(last, at);
                }
                return Some(found);
            }
        }
        None
    }

    /// The one that was looked for at this place came: it is looked for earlier the next time.
    #[inline(never)]
    fn came(&mut self, last: u8, at: usize) {
        self.at_mut(last).next.swap(at - 1, at);
    }

    /// The same of any key without escapes. It will be expected. `text`: what `rest` is the end of.
    #[cold]
    #[inline(never)]
    pub(super) fn look_up<'t>(
        &mut self,
        last: u8,
        asked: &impl Fn(&[u8]) -> Option<u8>,
        (text, rest): (&[u8], &'t [u8]),
    ) -> Option<Next<'t>> {
        let begins = last == BEGINNING;
        let open = match solid(rest)? {
            [b'{', inner @ ..] if begins => match solid(inner)? {
                [b'}', behind @ ..] => return Some(Next { key: OTHER_KEY, of: END, value: behind }),
                inner => inner,
            },
            [b'}', behind @ ..] if !begins => {
                let whole = rest.get(..rest.len() - behind.len())?;
                let key = self.expect(last, whole, END).unwrap_or(OTHER_KEY);
                return Some(Next { key, of: END, value: behind });
            }
            [b',', behind @ ..] if !begins => solid(behind)?,
            _ => return None,
        };
        let [b'"', inner @ ..] = open else { return None };
        let (key, behind) = inner.split_at_checked(skip_string(inner, 0).ok()?)?;
        if key.contains(&b'\\') || std::str::from_utf8(key).is_err() {
            return None;
        }
        let [b':', behind @ ..] = solid(behind)? else { return None };
        let value = solid(behind)?;
        let before = text.get(..text.len() - inner.len() + key.len() - 1)?;
        let of = asked(before).unwrap_or(OTHER);
        let key = self.expect(last, rest.get(..rest.len() - value.len())?, of).unwrap_or(OTHER_KEY);
        Some(Next { key, of, value })
    }

    /// Expects a key, with all that stands around it, behind the one at `last`.
    fn expect(&mut self, last: u8, whole: &[u8], of: u8) -> Option<u8> {
        let new = Key::written(whole, of)?;
        let at = match (OTHER_KEY + 1..self.len).find(|at| new.is_written_as(self.at(*at))) {
            Some(known) => known,
            None if !self.is_full() => {
                *self.at_mut(self.len) = new;
                self.len += 1;
                self.len - 1
            }
            None => return None,
        };
        let next = &mut self.at_mut(last).next;
        if !next.contains(&at) {
            next.rotate_right(1);
            next[0] = at;
        }
        Some(at)
    }
}
