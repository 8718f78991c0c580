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
const NEXT: usize = 3;

/// The longest key that is expected, with all that stands around it.
const LONGEST: usize = 32;

/// Stands for an object's beginning.
pub(super) const BEGINNING: u8 = 0;

/// Stands for a key that is not expected. What is expected behind it must be what stood behind such a key.
const OTHER_KEY: u8 = 1;

/// Keys in the order in which they came. Before them stand those that are none.
#[derive(Debug)]
pub(super) struct Order(Vec<Key>);

impl Default for Order {
    fn default() -> Self {
        Order(vec![Key::NONE; usize::from(OTHER_KEY) + 1])
    }
}

/// A key, or an object's end, with all that stands between the values around it: a bracket or a comma, white space, a
/// colon.
#[derive(Debug, Clone, Copy)]
struct Key {
    is: [u8x16; 2],
    /// Set where nothing is asked of a byte.
    any: [u8x16; 2],
    len: u8,
    /// What is asked of its member.
    of: u8,
    /// Which came behind it, those first that come often.
    next: [u8; NEXT],
}

impl Key {
    const NONE: Key =
        Key { is: [u8x16::ZERO; 2], any: [u8x16::ZERO; 2], len: 0, of: OTHER, next: [BEGINNING; NEXT] };
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

/// Thirty-two bytes that begin with these, and are `fill` behind them.
fn padded(text: &[u8], fill: u8) -> Option<[u8x16; 2]> {
    let mut bytes = [fill; LONGEST];
    bytes.get_mut(..text.len())?.copy_from_slice(text);
    let (chunks, _) = bytes.as_chunks::<16>();
    Some([u8x16::from(*chunks.first()?), u8x16::from(*chunks.last()?)])
}

impl Order {
    /// What follows the key at `last` and its value, with which `rest` begins, if it came there before.
    #[inline(always)]
    pub(super) fn expected<'t>(&mut self, last: u8, rest: &'t [u8]) -> Option<Next<'t>> {
        let bytes = rest.first_chunk::<LONGEST>()?;
        let (chunks, _) = bytes.as_chunks::<16>();
        let [first, second] = chunks else { return None };
        let (first, second) = (u8x16::from(*first), u8x16::from(*second));
        for (at, next) in self.0.get(usize::from(last))?.next.into_iter().enumerate() {
            let key = self.0.get(usize::from(next))?;
            let same = (first.simd_eq(key.is[0]) | key.any[0]) & (second.simd_eq(key.is[1]) | key.any[1]);
            if same.to_bitmask() == 0xffff {
                let value = rest.get(usize::from(key.len)..)?;
                let found = Next { key: next, of: key.of, value };
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
        if let Some(before) = self.0.get_mut(usize::from(last)) {
            before.next.swap(at - 1, at);
        }
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
        if key.contains(&b'\\') {
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
        let (is, any) = (padded(whole, 0)?, padded([0; LONGEST].get(..whole.len())?, u8::MAX)?);
        let none = usize::from(OTHER_KEY) + 1;
        let at = match self.0.iter().skip(none).position(|key| key.is == is && key.any == any) {
            Some(known) => none + known,
            None if self.0.len() < KEYS => {
                self.0.push(Key { is, any, len: u8::try_from(whole.len()).ok()?, of, ..Key::NONE });
                self.0.len() - 1
            }
            None => return None,
        };
        let at = u8::try_from(at).ok()?;
        let before = self.0.get_mut(usize::from(last))?;
        if !before.next.contains(&at) {
            before.next.rotate_right(1);
            if let Some(first) = before.next.first_mut() {
                *first = at;
            }
        }
        Some(at)
    }
}
