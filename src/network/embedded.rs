//! The built-in table: `data/asn.bin`, written and described by `scripts/make_asn_table.py`.

use std::sync::LazyLock;

use jiff::civil::Date;
use libdeflater::Decompressor;

use super::table::{About, Family, Key, Origin, Range, Table};

static FILE: &[u8] = include_bytes!("../../data/asn.bin");
const MAGIC: &[u8] = b"LAASN\0\0\x01";
/// What a distance or length of zero has in the place of its trailing zero bits.
const ZERO: u8 = 255;
/// More than the file will ever hold, in bytes when inflated.
const LIMIT: u32 = 64 << 20;

/// The built-in table is damaged. A test holds that the one that ships is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the built-in table of networks is damaged: {0}")]
pub struct Damaged(&'static str);

/// Reads the built-in table. It takes a few hundredths of a second, so it is read once, and only where it is needed.
///
/// # Errors
/// [`Damaged`] if it is not as its script writes it.
pub fn built_in() -> Result<&'static Table, Damaged> {
    static TABLE: LazyLock<Result<Table, Damaged>> = LazyLock::new(|| decode(FILE));
    TABLE.as_ref().map_err(|damaged| *damaged)
}

/// What is known of the built-in table without reading it.
///
/// # Errors
/// As [`built_in`].
pub fn about() -> Result<About, Damaged> {
    header(FILE).map(|(about, _)| about)
}

/// What a table is, and what follows.
fn header(file: &[u8]) -> Result<(About, &[u8]), Damaged> {
    let rest = file.strip_prefix(MAGIC).ok_or(Damaged("it begins wrongly"))?;
    let (date, rest) = little(rest)?;
    let about = About { origin: Origin::BuiltIn, date: Some(day(date).ok_or(Damaged("its date is none"))?) };
    Ok((about, rest))
}

fn decode(file: &[u8]) -> Result<Table, Damaged> {
    let (about, rest) = header(file)?;
    let (length, packed) = little(rest)?;
    if length > LIMIT {
        return Err(Damaged("it claims to be longer than it can be"));
    }
    let mut text = vec![0; length as usize];
    let inflated = Decompressor::new().zlib_decompress(packed, &mut text);
    if inflated.ok() != Some(text.len()) {
        return Err(Damaged("it does not inflate"));
    }
    let mut reader = Reader { rest: &text };
    let count = reader.count()?;
    let numbers = (0..count).map(|_| reader.small()).collect::<Result<Vec<u32>, _>>()?;
    let v4 = reader.family(&numbers, |wide| u32::try_from(wide).ok())?;
    let v6 = reader.family(&numbers, Some)?;
    if !reader.rest.is_empty() {
        return Err(Damaged("something follows its end"));
    }
    Ok(Table::of_families(about, v4, v6))
}

fn little(bytes: &[u8]) -> Result<(u32, &[u8]), Damaged> {
    let (first, rest) = bytes.split_first_chunk::<4>().ok_or(Damaged("it ends early"))?;
    Ok((u32::from_le_bytes(*first), rest))
}

/// 20260617 as a date.
fn day(number: u32) -> Option<Date> {
    let part = |by: u32, of: u32| i8::try_from(number / by % of).ok();
    Date::new(i16::try_from(number / 10_000).ok()?, part(100, 100)?, part(1, 100)?).ok()
}

struct Reader<'t> {
    rest: &'t [u8],
}

impl<'t> Reader<'t> {
    fn byte(&mut self) -> Result<u8, Damaged> {
        let (&byte, rest) = self.rest.split_first().ok_or(Damaged("it ends early"))?;
        self.rest = rest;
        Ok(byte)
    }

    fn bytes(&mut self, count: usize) -> Result<&'t [u8], Damaged> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Damaged("it ends early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// LEB128.
    #[inline]
    fn number(&mut self) -> Result<u128, Damaged> {
        // Most take a few bytes.
        let mut small = 0u64;
        for (at, &byte) in self.rest.iter().take(8).enumerate() {
            small |= u64::from(byte & 127) << (7 * at);
            if byte < 128 {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(small.into());
            }
        }
        self.large()
    }

    fn large(&mut self) -> Result<u128, Damaged> {
        let (mut value, mut shift) = (0u128, 0u32);
        loop {
            let byte = self.byte()?;
            let part = u128::from(byte & 127);
            if shift > 126 || (shift == 126 && part > 3) {
                return Err(Damaged("a number is too long"));
            }
            value |= part << shift;
            if byte < 128 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    fn small(&mut self) -> Result<u32, Damaged> {
        u32::try_from(self.number()?).map_err(|_| Damaged("a number is too large"))
    }

    /// How many of something follow. Each takes a byte or more, so that there are never more than bytes.
    fn count(&mut self) -> Result<usize, Damaged> {
        let count = self.small()? as usize;
        if count > self.rest.len() {
            return Err(Damaged("it counts more than it holds"));
        }
        Ok(count)
    }

    fn column(&mut self, count: usize) -> Result<Vec<u128>, Damaged> {
        let shifts = self.bytes(count)?;
        let one = |&shift: &u8| {
            if shift == ZERO {
                return Ok(0);
            }
            let odd = self.number()?;
            if u32::from(shift) > odd.leading_zeros() {
                return Err(Damaged("a number is too large"));
            }
            Ok(odd << shift)
        };
        shifts.iter().map(one).collect()
    }

    fn family<K: Key>(
        &mut self,
        numbers: &[u32],
        narrow: impl Fn(u128) -> Option<K>,
    ) -> Result<Family<K>, Damaged> {
        const BEYOND: Damaged = Damaged("a range lies beyond the last address");
        let count = self.count()?;
        let gaps = self.column(count)?;
        let lengths = self.column(count)?;
        let mut free = Some(0u128);
        // Each begins behind the one before.
        Family::disjoint(gaps.into_iter().zip(lengths).map(|(gap, length)| {
            let first = free.and_then(|free| free.checked_add(gap)).ok_or(BEYOND)?;
            let before = length.checked_sub(1).ok_or(Damaged("a range is empty"))?;
            let last = first.checked_add(before).ok_or(BEYOND)?;
            free = last.checked_add(1);
            Ok(Range {
                first: narrow(first).ok_or(BEYOND)?,
                last: narrow(last).ok_or(BEYOND)?,
                number: *numbers.get(self.small()? as usize).ok_or(Damaged("an AS number is missing"))?,
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with this text, as the script would write it.
    fn file(text: &[u8]) -> Vec<u8> {
        let mut packed = vec![0; 1 << 12];
        let mut level = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let length = level.zlib_compress(text, &mut packed).unwrap();
        let mut file = MAGIC.to_vec();
        file.extend(20_260_617_u32.to_le_bytes());
        file.extend((text.len() as u32).to_le_bytes());
        file.extend(&packed[..length]);
        file
    }

    /// AS 64496 and 64511; 192.0.2.0/24 and 2001:db8::/32 of the one, 198.51.100.0/25 of the other.
    fn small() -> Vec<u8> {
        let leb = |mut number: u128| {
            let mut out = Vec::new();
            while number > 127 {
                out.push(number as u8 | 128);
                number >>= 7;
            }
            out.push(number as u8);
            out
        };
        let (first, second, end) = (0xc000_0200_u128, 0xc633_6400_u128, 0xc000_0300_u128);
        let wide = 0x2001_0db8_u128;
        let mut text = vec![2];
        text.extend([leb(64496), leb(64511)].concat());
        text.push(2);
        text.extend([vec![9, 8], leb(first >> 9), leb((second - end) >> 8)].concat());
        text.extend([vec![8, 7], leb(1), leb(1), vec![0, 1]].concat());
        text.push(1);
        text.extend([vec![96 + 3], leb(wide >> 3), vec![96], leb(1), vec![0]].concat());
        text
    }

    #[test]
    fn the_format_is_read_as_the_script_describes_it() {
        let table = decode(&file(&small())).unwrap();
        let number = |text: &str| table.number(text.parse().unwrap());
        assert_eq!(table.about().date, Some(jiff::civil::date(2026, 6, 17)));
        assert_eq!([number("192.0.1.255"), number("192.0.2.0")], [None, Some(64496)]);
        assert_eq!([number("192.0.2.255"), number("192.0.3.0")], [Some(64496), None]);
        assert_eq!([number("198.51.100.127"), number("198.51.100.128")], [Some(64511), None]);
        assert_eq!([number("2001:db8::"), number("2001:db9::")], [Some(64496), None]);
    }

    #[test]
    fn a_damaged_table_is_refused() {
        let text = small();
        for length in 0..text.len() {
            assert!(decode(&file(&text[..length])).is_err(), "cut to {length}");
        }
        assert!(decode(&file(&[&text[..], &[0]].concat())).is_err(), "something behind its end");
        let whole = file(&text);
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "file cut to {length}");
        }
        // Any byte replaced by any other: an error or a table, never a panic.
        for at in 0..text.len() {
            for value in [0, 1, 127, 128, 254, 255] {
                let mut other = text.clone();
                other[at] = value;
                drop(decode(&file(&other)));
            }
        }
    }
}
