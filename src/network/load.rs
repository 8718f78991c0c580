//! Reads networks from files: tables of AS numbers (MMDB, CSV, TSV) and AWS's list of its ranges. A file with anything
//! that cannot be read is refused whole: half a table would answer wrongly where the other half is missing.

mod text;

use std::fs::File;
use std::io::{self, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use ipnet::IpNet;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use maxminddb::{MaxMindDbError, PathElement, Reader, WithinOptions};
use memchr::memmem;
use serde::Deserialize;

use super::table::{About, Origin, Ranges, Set, Table};
use super::{Damaged, ListError, Listed, Networks, about};

/// The largest table, in bytes, also when inflated.
const TABLE_LIMIT: u64 = 512 << 20;
/// The most ranges of a table.
const RANGE_LIMIT: usize = 8_000_000;
/// The largest list of AWS's ranges, in bytes; it has about two million.
const AWS_LIMIT: u64 = 64 << 20;
/// What stands before the metadata of an MMDB.
/// Source: <https://maxmind.github.io/MaxMind-DB/>
const MMDB_MARK: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// The files that replace or add to what is built in.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// A table of AS numbers: MMDB, CSV or TSV.
    pub asn_db: Option<PathBuf>,
    /// AWS's `ip-ranges.json`.
    pub aws_ranges: Option<PathBuf>,
}

/// A file of networks cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("cannot read the table of networks {path}: {fault}")]
    Table { path: String, fault: Fault },
    #[error("cannot read AWS's ranges from {path}: {fault}")]
    AwsRanges { path: String, fault: Fault },
    #[error(transparent)]
    BuiltIn(#[from] Damaged),
    #[error(transparent)]
    List(#[from] ListError),
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    #[error("it has more than {0} ranges")]
    TooMany(usize),
    #[error("line {line}: {what}")]
    Line { line: usize, what: text::LineFault },
    #[error("it has no range")]
    Empty,
    #[error("it is neither an MMDB nor text")]
    Foreign,
    #[error("{0}")]
    Mmdb(#[from] MaxMindDbError),
    #[error("this MMDB has no AS numbers: its type is {0}")]
    NoNumbers(String),
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    #[error("`{0}` is not a network")]
    Network(String),
    #[error("{0} is wider than any network of AWS's")]
    TooWide(IpNet),
}

/// Reads what the files have, and what is built in where there is none.
///
/// # Errors
/// [`LoadError`] names the file and what is wrong with it.
pub fn networks(files: &Files, own: &[IpNet]) -> Result<Networks, LoadError> {
    let table = match &files.asn_db {
        Some(path) => {
            let name = || path.display().to_string();
            Listed::Given(Arc::new(table(path).map_err(|fault| LoadError::Table { path: name(), fault })?))
        }
        None => Listed::BuiltIn(about()?),
    };
    let read = |path: &PathBuf| {
        let fault = |fault| LoadError::AwsRanges { path: path.display().to_string(), fault };
        read(path, AWS_LIMIT).and_then(|bytes| aws_ranges(&bytes)).map(Arc::new).map_err(fault)
    };
    let ranges = files.aws_ranges.as_ref().map(read).transpose()?;
    let networks = Networks::of(table, ranges, own)?;
    Ok(if files.asn_db.is_none() { networks.with_examples() } else { networks })
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Fault> {
    bounded(File::open(path)?, limit)
}

fn bounded(from: impl Read, limit: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Fault::TooLong(limit));
    }
    Ok(bytes)
}

fn table(path: &Path) -> Result<Table, Fault> {
    let bytes = read(path, TABLE_LIMIT)?;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        bounded(MultiGzDecoder::new(&bytes[..]), TABLE_LIMIT)?
    } else {
        bytes
    };
    let origin = Origin::File(path.display().to_string());
    let (ranges, date) = if memmem::rfind(&bytes, MMDB_MARK).is_some() {
        mmdb(&bytes)?
    } else if memchr::memchr(0, &bytes).is_some() {
        return Err(Fault::Foreign);
    } else {
        (text::ranges(&bytes, RANGE_LIMIT)?, None)
    };
    if ranges.len() == 0 {
        return Err(Fault::Empty);
    }
    Ok(Table::of(About { origin, date }, ranges))
}

/// AS numbers as the makers of MMDB files write them: MaxMind, DB-IP and others `autonomous_system_number`, IPinfo
/// `asn` with a text.
/// Sources: <https://dev.maxmind.com/geoip/docs/databases/asn/>, <https://ipinfo.io/developers/ipinfo-lite-database>
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Number<'a> {
    Number(u32),
    Text(#[serde(borrow)] &'a str),
}

impl Number<'_> {
    fn value(&self) -> Option<u32> {
        match self {
            Number::Number(number) => Some(*number),
            Number::Text(text) => text::number(text),
        }
    }
}

/// Members that may have the number, the usual one first.
const MEMBERS: [&str; 2] = ["autonomous_system_number", "asn"];

fn mmdb(bytes: &[u8]) -> Result<(Ranges, Option<Date>), Fault> {
    let reader = Reader::from_source(bytes)?;
    let mut ranges = Ranges::default();
    let mut networks = 0usize;
    for found in reader.networks(WithinOptions::default())? {
        // A tree whose branches meet again has more networks than bytes.
        networks += 1;
        if networks > RANGE_LIMIT {
            return Err(Fault::TooMany(RANGE_LIMIT));
        }
        let found = found?;
        let mut number = None;
        for member in MEMBERS {
            if let Some(value) = found.decode_path::<Number<'_>>(&[PathElement::Key(member)])? {
                number = value.value();
                break;
            }
        }
        let Some(number) = number else { continue };
        let network = found.network()?;
        let network =
            IpNet::new(network.ip(), network.prefix()).map_err(|_| Fault::Network(network.to_string()))?;
        ranges.add(in_own_form(network), number);
    }
    if ranges.len() == 0 && networks > 0 {
        return Err(Fault::NoNumbers(reader.metadata().database_type.clone()));
    }
    let built = i64::try_from(reader.metadata().build_epoch).ok();
    let built = built.and_then(|seconds| Timestamp::from_second(seconds).ok());
    Ok((ranges, built.map(|time| time.to_zoned(TimeZone::UTC).date())))
}

/// In MMDB files for both families, IPv4 addresses stand as the IPv6 addresses of the same number.
fn in_own_form(network: IpNet) -> IpNet {
    if let IpNet::V6(wide) = network
        && let (Some(prefix), [0, 0, 0, 0, 0, 0, _, _]) =
            (wide.prefix_len().checked_sub(96), wide.addr().segments())
    {
        let number = u128::from(wide.addr()) as u32;
        return IpNet::new(IpAddr::V4(number.into()), prefix).unwrap_or(network);
    }
    network
}

/// AWS's addresses, as AWS publishes them.
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html>
#[derive(Debug, Clone)]
pub struct AwsRanges {
    set: Set,
    date: Option<Date>,
}

impl AwsRanges {
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.set.contains(ip)
    }

    /// The day AWS made the list.
    pub fn date(&self) -> Option<Date> {
        self.date
    }
}

#[derive(Debug, Deserialize)]
struct IpRanges {
    #[serde(rename = "createDate")]
    created: Option<String>,
    prefixes: Vec<Prefix>,
    ipv6_prefixes: Vec<Ipv6Prefix>,
}

#[derive(Debug, Deserialize)]
struct Prefix {
    ip_prefix: String,
}

#[derive(Debug, Deserialize)]
struct Ipv6Prefix {
    ipv6_prefix: String,
}

/// Parses `ip-ranges.json`. A list that holds everything would make everything AWS's: networks wider than AWS can have
/// are refused.
pub(super) fn aws_ranges(bytes: &[u8]) -> Result<AwsRanges, Fault> {
    let list: IpRanges = serde_json::from_slice(bytes)?;
    let texts = list.prefixes.iter().map(|one| &one.ip_prefix);
    let texts = texts.chain(list.ipv6_prefixes.iter().map(|one| &one.ipv6_prefix));
    let mut networks = Vec::new();
    for text in texts {
        let network: IpNet = text.parse().map_err(|_| Fault::Network(text.clone()))?;
        let narrowest = if network.addr().is_ipv4() { 8 } else { 20 };
        if network.prefix_len() < narrowest {
            return Err(Fault::TooWide(network));
        }
        networks.push(network);
    }
    if networks.is_empty() {
        return Err(Fault::Empty);
    }
    // 2026-11-20-19-33-09
    let date = list.created.as_deref().and_then(|text| text.get(..10)?.parse().ok());
    Ok(AwsRanges { set: Set::of(networks), date })
}

#[cfg(test)]
#[path = "load/tests.rs"]
mod tests;
