//! The ends of strings, found beforehand: of every 64 bytes of a text, which are quotes that no backslash escapes and
//! which need a closer look. A string's end is then the next bit, not the next of its bytes.
//!
//! Strings with an escape or a control character are left to the scanner that reads every byte: what this module
//! accepts, that one accepts too, and everything it refuses is refused there.
//!
//! The way to find escaped quotes without branches is simdjson's: Langdale and Lemire, *Parsing gigabytes of JSON per
//! second*, VLDB Journal 28 (2019), section 3.1.1, <https://arxiv.org/abs/1902.08318>.

use wide::u8x16;

use super::json::{Scan, Strings, skip_string};

/// Bytes in a block: one for each bit of a mask.
const BLOCK: usize = 64;
/// Blocks that are looked at together: 64 KiB of text, so that both text and masks stay in the processor's cache.
const WINDOW: usize = 1_024;

/// What is known of a block's bytes; the lowest bit is the first byte's.
#[derive(Debug, Clone, Copy)]
struct Masks {
    /// Quotes that no backslash escapes.
    quotes: u64,
    /// Backslashes and control characters.
    special: u64,
}

/// The quotes of one text, a window at a time: reading moves forward.
#[derive(Debug, Default)]
pub(crate) struct Quotes {
    window: Vec<Masks>,
    /// Which block the window begins with.
    first: usize,
    /// One if the first byte behind the window is escaped, else zero.
    escaped: u64,
}

impl Strings for Quotes {
    #[inline]
    fn skip_string(&mut self, bytes: &[u8], at: usize) -> Scan<usize> {
        let mut block = at / BLOCK;
        let mut behind = !0u64 << (at % BLOCK);
        loop {
            let Some(masks) = self.window.get(block.wrapping_sub(self.first)).copied() else {
                if self.reach(bytes, block) {
                    continue;
                }
                return skip_string(bytes, at);
            };
            let (quotes, special) = (masks.quotes & behind, masks.special & behind);
            if quotes == 0 && special == 0 {
                behind = !0;
                block += 1;
                continue;
            }
            let end = quotes.trailing_zeros();
            if special.trailing_zeros() < end {
                return skip_string(bytes, at);
            }
            return Ok(block * BLOCK + end as usize + 1);
        }
    }
}

impl Quotes {
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
            let escaped = &mut self.escaped;
            self.window.extend(blocks.iter().map(|block| masks(block, escaped)));
            if !rest.is_empty() {
                let mut last = [b' '; BLOCK];
                last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                self.window.push(masks(&last, escaped));
            }
        }
        true
    }
}

#[inline]
fn masks(block: &[u8; BLOCK], escaped: &mut u64) -> Masks {
    let (mut quotes, mut slashes, mut special) = (0u64, 0u64, 0u64);
    let (quote, slash, control) = (u8x16::splat(b'"'), u8x16::splat(b'\\'), u8x16::splat(0x1f));
    let (parts, _) = block.as_chunks::<16>();
    let mut any = u8x16::splat(0);
    for (at, part) in parts.iter().enumerate() {
        let part = u8x16::from(*part);
        let is_slash = part.simd_eq(slash);
        let is_special = is_slash | part.min(control).simd_eq(part);
        quotes |= u64::from(part.simd_eq(quote).to_bitmask()) << (at * 16);
        special |= u64::from(is_special.to_bitmask()) << (at * 16);
        any |= is_slash;
    }
    if *escaped == 0 && any.to_bitmask() == 0 {
        return Masks { quotes, special };
    }
    for (at, part) in parts.iter().enumerate() {
        slashes |= u64::from(u8x16::from(*part).simd_eq(slash).to_bitmask()) << (at * 16);
    }
    Masks { quotes: quotes & !escapes(slashes, escaped), special }
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
