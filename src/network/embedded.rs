//! The built-in table: `data/asn.bin`, written and described by `scripts/make_asn_table.py`. It is searched where it lies:
//! nothing of it is unpacked before, and of each family some dozens of bytes behind its blocks' first addresses.

use std::net::IpAddr;

use jiff::civil::Date;

use super::table::{About, Origin, Range};

static FILE: &[u8] = include_bytes!("../../data/asn.bin");
const MAGIC: &[u8] = b"LAASN\0\0\x02";
/// How many bytes tell of a block: its first address, and where its ranges begin.
const V4: usize = 4 + 4;
const V6: usize = 16 + 4;

/// The built-in table is damaged. A test holds that the one that ships is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the built-in table of networks is damaged: {0}")]
pub struct Damaged(&'static str);

/// What is known of the built-in table.
///
/// # Errors
/// [`Damaged`] if it is not as its script writes it, as far as can be seen without reading the ranges.
pub fn about() -> Result<About, Damaged> {
    Packed::of(FILE).map(|packed| packed.about)
}

/// The AS that announces the address; `None`: the table does not list it. An IPv4 address in the form of an IPv6 one is
/// looked up as what it is.
///
/// # Errors
/// [`Damaged`] if the table is not as its script writes it.
pub(super) fn number(address: IpAddr) -> Result<Option<u32>, Damaged> {
    Packed::of(FILE)?.number(address)
}

/// A table as its file has it.
struct Packed<'f> {
    about: About,
    v4: Family<'f, V4>,
    v6: Family<'f, V6>,
}

impl<'f> Packed<'f> {
    fn of(file: &'f [u8]) -> Result<Self, Damaged> {
        let rest = file.strip_prefix(MAGIC).ok_or(Damaged("it begins wrongly"))?;
        let (date, rest) = little(rest)?;
        let date = day(date).ok_or(Damaged("its date is none"))?;
        let (v4, rest) = Family::of(rest)?;
        let (v6, rest) = Family::of(rest)?;
        if !rest.is_empty() {
            return Err(Damaged("something follows its end"));
        }
        Ok(Packed { about: About { origin: Origin::BuiltIn, date: Some(date) }, v4, v6 })
    }

    fn number(&self, address: IpAddr) -> Result<Option<u32>, Damaged> {
        match address.to_canonical() {
            IpAddr::V4(address) => self.v4.number(u32::from(address).into()),
            IpAddr::V6(address) => self.v6.number(address.into()),
        }
    }
}

fn little(bytes: &[u8]) -> Result<(u32, &[u8]), Damaged> {
    let (first, rest) = bytes.split_first_chunk().ok_or(Damaged("it ends early"))?;
    Ok((u32::from_le_bytes(*first), rest))
}

/// 20260617 as a date.
fn day(number: u32) -> Option<Date> {
    let part = |by: u32, of: u32| i8::try_from(number / by % of).ok();
    Date::new(i16::try_from(number / 10_000).ok()?, part(100, 100)?, part(1, 100)?).ok()
}

/// The ranges of one family, in blocks of which `N` bytes tell.
struct Family<'f, const N: usize> {
    blocks: &'f [[u8; N]],
    ranges: &'f [u8],
}

impl<'f, const N: usize> Family<'f, N> {
    /// The family with which a text begins, and what follows it.
    fn of(text: &'f [u8]) -> Result<(Self, &'f [u8]), Damaged> {
        const EARLY: Damaged = Damaged("it ends early");
        let (count, text) = little(text)?;
        let (length, text) = little(text)?;
        let blocks = (count as usize).checked_mul(N).ok_or(EARLY)?;
        let (blocks, text) = text.split_at_checked(blocks).ok_or(EARLY)?;
        let (ranges, rest) = text.split_at_checked(length as usize).ok_or(EARLY)?;
        Ok((Family { blocks: blocks.as_chunks().0, ranges }, rest))
    }

    fn number(&self, address: u128) -> Result<Option<u32>, Damaged> {
        let behind = self.blocks.partition_point(|block| first_of(block) <= address);
        let Some(at) = behind.checked_sub(1) else { return Ok(None) };
        for range in self.block(at)? {
            let Range { first, last, number } = range?;
            if address <= last {
                return Ok((first <= address).then_some(number));
            }
        }
        Ok(None)
    }

    /// The ranges of one block, in order.
    fn block(&self, at: usize) -> Result<Block<'f>, Damaged> {
        const MISSING: Damaged = Damaged("a block is missing");
        let block = self.blocks.get(at).ok_or(MISSING)?;
        let to = self.blocks.get(at + 1).map_or(self.ranges.len(), from_of);
        let rest = self.ranges.get(from_of(block)..to).ok_or(MISSING)?;
        Ok(Block { rest, free: Some(first_of(block)) })
    }
}

/// A block's first address.
fn first_of<const N: usize>(block: &[u8; N]) -> u128 {
    let (first, _) = block.split_at(N - 4);
    first.iter().fold(0, |address, byte| address << 8 | u128::from(*byte))
}

/// Where a block's ranges begin.
fn from_of<const N: usize>(block: &[u8; N]) -> usize {
    block.last_chunk().map_or(usize::MAX, |from| u32::from_be_bytes(*from) as usize)
}

/// The ranges of a block. Behind a damaged one come none.
struct Block<'f> {
    rest: &'f [u8],
    /// The first address behind the last range.
    free: Option<u128>,
}

impl Iterator for Block<'_> {
    type Item = Result<Range<u128>, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let range = self.range();
        if range.is_err() {
            self.rest = &[];
        }
        Some(range)
    }
}

impl Block<'_> {
    fn range(&mut self) -> Result<Range<u128>, Damaged> {
        const BEYOND: Damaged = Damaged("a range lies beyond the last address");
        let (shift, rest) = (self.byte()?, self.leb()?);
        let length = shifted(rest | 1, shift)?;
        let gap = if rest & 1 == 1 {
            let shift = self.byte()?;
            shifted(self.leb()?, shift)?
        } else {
            0
        };
        let first = self.free.and_then(|free| free.checked_add(gap)).ok_or(BEYOND)?;
        let last = first.checked_add(length - 1).ok_or(BEYOND)?;
        self.free = last.checked_add(1);
        let number = u32::try_from(self.leb()?).map_err(|_| Damaged("an AS number is too large"))?;
        Ok(Range { first, last, number })
    }

    fn byte(&mut self) -> Result<u8, Damaged> {
        let (&byte, rest) = self.rest.split_first().ok_or(Damaged("it ends early"))?;
        self.rest = rest;
        Ok(byte)
    }

    /// LEB128.
    fn leb(&mut self) -> Result<u128, Damaged> {
        let (mut value, mut shift) = (0u128, 0u8);
        loop {
            let byte = self.byte()?;
            value |= shifted((byte & 127).into(), shift)?;
            if byte < 128 {
                return Ok(value);
            }
            shift += 7;
        }
    }
}

/// A number with so many zero bits behind it.
fn shifted(number: u128, zeros: u8) -> Result<u128, Damaged> {
    let fits = u32::from(zeros) <= number.leading_zeros();
    number.checked_shl(zeros.into()).filter(|_| fits).ok_or(Damaged("a number is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AS 64496 has 192.0.2.0/24, what lies between 192.0.3.0 and 192.0.3.2, and 2001:db8::/32; AS 64511 has
    /// 198.51.100.0/25 of another block, and the last IPv6 address.
    fn small() -> Vec<u8> {
        let (first, second) = (vec![0xf0, 0xf7, 3], vec![0xff, 0xf7, 3]);
        let little = |numbers: &[u32]| numbers.iter().flat_map(|one| one.to_le_bytes()).collect::<Vec<u8>>();
        let block = |address: &[u8], from: u32| [address, &from.to_be_bytes()].concat();
        let rows = [&[8, 0][..], &first, &[0, 3, 0, 1], &first, &[7, 0], &second].concat();
        let wide = [&[96, 0][..], &first, &[0, 0], &second].concat();
        [
            MAGIC.to_vec(),
            little(&[20_260_617, 2, rows.len() as u32]),
            block(&[192, 0, 2, 0], 0),
            block(&[198, 51, 100, 0], 12),
            rows,
            little(&[2, wide.len() as u32]),
            block(&[&[0x20, 0x01, 0x0d, 0xb8][..], &[0; 12]].concat(), 0),
            block(&[255; 16], 5),
            wide,
        ]
        .concat()
    }

    /// At both ends of what [`small`] has.
    const ADDRESSES: [&str; 14] = [
        "0.0.0.0",
        "192.0.1.255",
        "192.0.2.0",
        "192.0.2.255",
        "192.0.3.0",
        "192.0.3.1",
        "192.0.3.3",
        "192.0.3.4",
        "198.51.100.127",
        "198.51.100.128",
        "::1",
        "2001:db8::",
        "2001:db9::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ];

    #[test]
    fn the_format_is_read_as_the_script_describes_it() {
        let file = small();
        let packed = Packed::of(&file).unwrap();
        assert_eq!(packed.about.date, Some(jiff::civil::date(2026, 6, 17)));
        let numbers = ADDRESSES.map(|text| packed.number(text.parse().unwrap()).unwrap());
        let (one, other) = (Some(64_496), Some(64_511));
        let v4 = [None, None, one, one, None, one, one, None, other, None];
        assert_eq!(numbers, [&v4[..], &[None, one, None, other]].concat()[..]);
        assert_eq!(packed.number("::ffff:192.0.2.1".parse().unwrap()), Ok(one));
    }

    #[test]
    fn a_damaged_table_is_refused() {
        let whole = small();
        for length in 0..whole.len() {
            assert!(Packed::of(&whole[..length]).is_err(), "cut to {length}");
        }
        assert!(Packed::of(&[&whole[..], &[0]].concat()).is_err(), "something behind its end");
        // Any byte replaced by any other: an error or a number, never a panic.
        for at in 0..whole.len() {
            for value in 0..=255 {
                let mut other = whole.clone();
                other[at] = value;
                if let Ok(packed) = Packed::of(&other) {
                    let numbers = ADDRESSES.map(|text| packed.number(text.parse().unwrap()));
                    assert!(numbers.iter().any(|number| number.is_ok()) || at >= MAGIC.len(), "{at} {value}");
                }
            }
        }
    }

    /// All ranges, after a check that they are in order and disjoint, those of different blocks too.
    fn ranges<const N: usize>(family: &Family<'_, N>, last: u128) -> usize {
        let (mut count, mut free) = (0, Some(0));
        for at in 0..family.blocks.len() {
            let before = count;
            for range in family.block(at).unwrap() {
                let range = range.unwrap();
                assert!(
                    free.is_some_and(|free| free <= range.first) && range.last <= last && range.number > 0
                );
                let ends = [range.first, range.last].map(|address| family.number(address));
                assert_eq!(ends, [Ok(Some(range.number)); 2]);
                free = range.last.checked_add(1);
                count += 1;
            }
            assert!((1..=32).contains(&(count - before)));
        }
        count
    }

    #[test]
    fn the_table_that_ships_is_sound() {
        let packed = Packed::of(FILE).unwrap();
        let counts = [ranges(&packed.v4, u32::MAX.into()), ranges(&packed.v6, u128::MAX)];
        assert!(counts[0] > 400_000 && counts[1] > 100_000, "{counts:?}");
    }
}
