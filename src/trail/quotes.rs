//! The ends of strings, found beforehand: of every 64 bytes of a text, which are quotes that no backslash escapes and
//! which need a closer look. A string's end is then the next bit, not the next of its bytes.
//!
//! Strings with an escape or a control character are left to the scanner that reads every byte: what this module
//! accepts, that one accepts too, and everything it refuses is refused there.
//!
//! Where it is asked for, the brackets and colons outside of strings are found likewise, so that a record that nobody
//! will read can be passed over with a look at a few of its members.
//!
//! The way to find escaped quotes without branches is simdjson's: Langdale and Lemire, *Parsing gigabytes of JSON per
//! second*, VLDB Journal 28 (2019), section 3.1.1, <https://arxiv.org/abs/1902.08318>.

use wide::u8x16;

use super::json::{Scan, Strings, skip_string};

/// Bytes in a block: one for each bit of a mask.
pub(crate) const BLOCK: usize = 64;
/// Blocks that are looked at together: 32 KiB of text, so that both text and masks stay in the processor's cache.
const WINDOW: usize = 512;

/// What is known of a block's bytes; the lowest bit is the first byte's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Masks {
    /// Quotes that no backslash escapes.
    quotes: u64,
    /// Backslashes and control characters.
    pub(crate) special: u64,
    /// Brackets of both kinds outside of strings; empty unless asked for.
    pub(crate) brackets: u64,
    /// Colons outside of strings; empty unless asked for.
    pub(crate) colons: u64,
}

/// The quotes of one text, a window at a time: reading moves forward.
#[derive(Debug, Default)]
pub(crate) struct Quotes {
    window: Vec<Masks>,
    /// Which block the window begins with.
    first: usize,
    behind: Behind,
    tokens: bool,
}

/// What the bytes behind the window begin with.
#[derive(Debug, Default)]
struct Behind {
    /// One if the first byte is escaped, else zero.
    escaped: u64,
    /// All bits set if the first byte is inside a string, else none.
    in_string: u64,
}

impl Strings for Quotes {
    #[inline]
    fn skip_string(&mut self, bytes: &[u8], at: usize) -> Scan<usize> {
        match self.skip_plain(bytes, at) {
            Some(end) => Ok(end),
            None => skip_string(bytes, at),
        }
    }
}

impl Quotes {
    /// The place behind the closing quote of a string without escapes; `None` where it needs a closer look.
    #[inline]
    pub(crate) fn skip_plain(&mut self, bytes: &[u8], at: usize) -> Option<usize> {
        end_of_plain(at, |block| self.block(bytes, block))
    }

    /// The same, if it is known by now: the window stays where it is.
    #[inline]
    pub(crate) fn end_within(&self, at: usize) -> Option<usize> {
        end_of_plain(at, |block| self.window.get(block.wrapping_sub(self.first)).copied())
    }

    /// Finds brackets and colons too.
    pub(crate) fn with_tokens() -> Self {
        Quotes { tokens: true, ..Quotes::default() }
    }

    /// What is known of a block; `None` where there is none, or it was passed already.
    #[inline]
    pub(crate) fn block(&mut self, bytes: &[u8], block: usize) -> Option<Masks> {
        loop {
            if let Some(masks) = self.window.get(block.wrapping_sub(self.first)) {
                return Some(*masks);
            }
            if !self.reach(bytes, block) {
                return None;
            }
        }
    }

    /// Moves the window on until it holds `block`. False where there is none, or it was passed already.
    #[cold]
    fn reach(&mut self, bytes: &[u8], block: usize) -> bool {
        if block < self.first || block.saturating_mul(BLOCK) >= bytes.len() {
            return false;
        }
        while self.first + self.window.len() <= block {
            self.first += self.window.len();
            self.window.clear();
            let from = self.first * BLOCK;
            let to = bytes.len().min(from + WINDOW * BLOCK);
            let (blocks, rest) = bytes.get(from..to).unwrap_or_default().as_chunks::<BLOCK>();
            let behind = &mut self.behind;
            if self.tokens {
                self.window.extend(blocks.iter().map(|block| look::<true>(block, behind)));
            } else {
                self.window.extend(blocks.iter().map(|block| look::<false>(block, behind)));
            }
            if !rest.is_empty() {
                let mut last = [b' '; BLOCK];
                last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                self.window.push(match self.tokens {
                    true => look::<true>(&last, &mut self.behind),
                    false => look::<false>(&last, &mut self.behind),
                });
            }
        }
        true
    }
}

/// The place behind the first quote from `at` on; `None` where a block is not known, or something before needs a closer
/// look.
#[inline(always)]
fn end_of_plain(at: usize, mut masks: impl FnMut(usize) -> Option<Masks>) -> Option<usize> {
    let mut block = at / BLOCK;
    let mut behind = !0u64 << (at % BLOCK);
    loop {
        let masks = masks(block)?;
        let (quotes, special) = (masks.quotes & behind, masks.special & behind);
        if quotes | special != 0 {
            let end = quotes.trailing_zeros();
            let plain = special.trailing_zeros() > end;
            return plain.then_some(block * BLOCK + end as usize + 1);
        }
        behind = !0;
        block += 1;
    }
}

#[inline(always)]
fn look<const TOKENS: bool>(block: &[u8; BLOCK], behind: &mut Behind) -> Masks {
    let (quote, slash) = (u8x16::splat(b'"'), u8x16::splat(b'\\'));
    // The two kinds of brackets differ in this bit.
    let (kind, open, close) = (u8x16::splat(0x20), u8x16::splat(b'{'), u8x16::splat(b'}'));
    let colon = u8x16::splat(b':');
    let mut masks = Masks { quotes: 0, special: 0, brackets: 0, colons: 0 };
    // Backslashes are rare, and control characters are rarer: whether there is one is asked once a block.
    let (mut slashes, mut least) = (u8x16::splat(0), u8x16::splat(0xff));
    let (parts, _) = block.as_chunks::<16>();
    for (at, part) in parts.iter().enumerate() {
        let part = u8x16::from(*part);
        slashes |= part.simd_eq(slash);
        least = least.min(part);
        masks.quotes |= u64::from(part.simd_eq(quote).to_bitmask()) << (at * 16);
        if TOKENS {
            let (whole, part) = (part, part | kind);
            let brackets = part.simd_eq(open) | part.simd_eq(close);
            masks.brackets |= u64::from(brackets.to_bitmask()) << (at * 16);
            masks.colons |= u64::from(whole.simd_eq(colon).to_bitmask()) << (at * 16);
        }
    }
    let controls = least.min(u8x16::splat(0x1f)).simd_eq(least);
    if behind.escaped != 0 || (slashes | controls).to_bitmask() != 0 {
        let slashes = bits(block, |part| part.simd_eq(slash));
        masks.special = slashes | bits(block, |part| part.min(u8x16::splat(0x1f)).simd_eq(part));
        masks.quotes &= !escapes(slashes, &mut behind.escaped);
    }
    if TOKENS {
        // Each bit: whether an odd number of quotes stands before it, itself included.
        let mut inside = masks.quotes;
        for shift in [1, 2, 4, 8, 16, 32] {
            inside ^= inside << shift;
        }
        inside ^= behind.in_string;
        behind.in_string = 0u64.wrapping_sub(inside >> 63);
        masks.brackets &= !inside;
        masks.colons &= !inside;
    }
    masks
}

/// The bytes of a block that `found` says yes to.
fn bits(block: &[u8; BLOCK], found: impl Fn(u8x16) -> u8x16) -> u64 {
    let (parts, _) = block.as_chunks::<16>();
    let part =
        |(at, part): (usize, &[u8; 16])| u64::from(found(u8x16::from(*part)).to_bitmask()) << (at * 16);
    parts.iter().enumerate().map(part).fold(0, |all, part| all | part)
}

/// Which bytes are escaped: those behind an odd number of backslashes.
fn escapes(slashes: u64, escaped: &mut u64) -> u64 {
    const EVEN: u64 = 0x5555_5555_5555_5555;
    let slashes = slashes & !*escaped;
    let follows = slashes << 1 | *escaped;
    let odd_starts = slashes & !EVEN & !follows;
    let (even_runs, overflows) = odd_starts.overflowing_add(slashes);
    *escaped = u64::from(overflows);
    (EVEN ^ (even_runs << 1)) & follows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts in which quotes and backslashes are frequent, some longer than a window.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            3 => Just(b'"'), 3 => Just(b'\\'), 1 => Just(b'\n'), 1 => Just(0u8), 1 => Just(b'u'), 8 => b'a'..=b'z',
            1 => Just(0x7f), 1 => Just(0xc3),
        ];
        (proptest::collection::vec(byte, 0..400), 0usize..3).prop_map(|(text, windows)| {
            let mut long = vec![b'a'; windows * (WINDOW * BLOCK - 30)];
            long.extend(text);
            long
        })
    }

    proptest! {
        #[test]
        fn strings_end_where_the_byte_by_byte_scanner_ends_them(text in texts(), starts in proptest::collection::vec(any::<prop::sample::Index>(), 1..40)) {
            let mut quotes = Quotes::default();
            // From every place, also backwards. Behind an odd number of backslashes no string begins.
            for start in starts {
                let at = start.index(text.len() + 1);
                let slashes = text[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
                if slashes % 2 == 0 {
                    prop_assert_eq!(quotes.skip_string(&text, at), skip_string(&text, at), "at {}", at);
                }
            }
        }
    }

    #[test]
    fn an_escape_across_blocks_and_windows_is_seen() {
        for length in [BLOCK, WINDOW * BLOCK] {
            for slashes in 1..4 {
                let mut text = vec![b'a'; length - slashes];
                text.extend(std::iter::repeat_n(b'\\', slashes));
                text.extend(b"\"bc\" ");
                // From the first byte, so that the window with the backslashes is looked at.
                let mut quotes = Quotes::default();
                assert_eq!(quotes.skip_string(&text, 0), skip_string(&text, 0));
                let behind = length + 1;
                assert_eq!(quotes.skip_string(&text, behind), skip_string(&text, behind));
            }
        }
    }
}
