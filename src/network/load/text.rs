//! Tables of networks as text, a range a line, with commas or tabs between the fields:
//!
//! - first, last, number, …: as ip-location-db (addresses or their numbers) and iptoasn.com (tabs) write them;
//! - network, number, …: as MaxMind's GeoLite2 ASN writes it.
//!
//! The fields behind the number are not read. A first line that is no range is taken for the names of the columns.
//! Sources: <https://github.com/sapics/ip-location-db>, <https://iptoasn.com/>,
//! <https://dev.maxmind.com/geoip/docs/databases/asn/>

use std::net::IpAddr;

use ipnet::IpNet;

use super::Fault;
use crate::network::table::{Range, Ranges};

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    #[error("not `first,last,number` nor `network,number`")]
    Shape,
    #[error("the range ends before it begins")]
    Backwards,
    #[error("a range of two kinds of addresses")]
    Mixed,
    #[error("not an AS number")]
    Number,
}

pub(super) fn ranges(bytes: &[u8], limit: usize) -> Result<Ranges, Fault> {
    let mut ranges = Ranges::default();
    let mut first = true;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        match add(line, &mut ranges) {
            Ok(()) => {}
            Err(LineFault::Shape) if first => {}
            Err(what) => return Err(Fault::Line { line: at + 1, what }),
        }
        first = false;
        if ranges.len() > limit {
            return Err(Fault::TooMany(limit));
        }
    }
    Ok(ranges)
}

fn add(line: &[u8], ranges: &mut Ranges) -> Result<(), LineFault> {
    let separator = if line.contains(&b'\t') { b'\t' } else { b',' };
    // Names, which may have separators and any bytes in them, stand behind the number.
    let mut fields = line.split(|byte| *byte == separator).map(|field| {
        let field = field.trim_ascii();
        let bare = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field);
        std::str::from_utf8(bare).unwrap_or_default()
    });
    let mut field = || fields.next().ok_or(LineFault::Shape);
    let begin = field()?;
    if begin.contains('/') {
        let network: IpNet = begin.parse().map_err(|_| LineFault::Shape)?;
        ranges.add(network, number(field()?).ok_or(LineFault::Number)?);
        return Ok(());
    }
    let (first, last) = (address(begin)?, address(field()?)?);
    let number = number(field()?).ok_or(LineFault::Number)?;
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => {
            ranges.v4.push(Range { first: first.into(), last: last.into(), number });
        }
        (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => {
            ranges.v6.push(Range { first: first.into(), last: last.into(), number });
        }
        (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => return Err(LineFault::Backwards),
        _ => return Err(LineFault::Mixed),
    }
    Ok(())
}

/// An address, or its number: up to 2³² − 1 of IPv4, above of IPv6.
fn address(text: &str) -> Result<IpAddr, LineFault> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u128 = text.parse().ok().filter(|_| digits).ok_or(LineFault::Shape)?;
    Ok(u32::try_from(number).map_or_else(|_| IpAddr::V6(number.into()), |number| IpAddr::V4(number.into())))
}

/// `64496` or `AS64496`. 0 is what some tables have for ranges that nobody announces.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("AS").or_else(|| text.strip_prefix("as")).unwrap_or(text);
    digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))
}
