//! Where a call came from: an address with its AS, AWS's or not, one's own or not; or a service. Pure: [`load`] reads
//! the files, and only where a policy asks.
//!
//! What is known of an address: the AS that announces it, by a table ([`Table`]: built in, or given); whether it is
//! AWS's, by AWS's own list of ranges where that is given, else by the AS; whether it is one of the configured networks.
//! An address that the table does not list has its AS unread, and is not AWS's. Without a table and a list nothing is
//! known of an address but what its bits say.

mod embedded;
pub mod load;
mod recent;
mod table;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;

use crate::value::{Reading, Why};
use table::Set;

pub use embedded::{Damaged, about};
pub use load::AwsRanges;
pub use recent::Recent;
pub use table::{About, Origin, Table};

/// Where a call came from, by what a record has as `sourceIPAddress`.
/// Source: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Address(Address),
    /// An AWS service, which is named instead of an address: `cloudformation.amazonaws.com`.
    Service,
    /// `AWS Internal`, which stands for services too.
    AwsInternal,
    /// Neither of these, or an address that nothing can be sent from.
    Unparsable,
}

/// An address and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// IPv4 in its own form, however the record writes it.
    pub ip: IpAddr,
    /// The AS that announces it; absent for private addresses, which none does.
    pub asn: Reading<u32>,
    /// AWS announces it: not only AWS, but anyone with an instance may call from there.
    pub aws: Reading<bool>,
    /// The AS is a large cloud provider's (`data/cloud-asns.toml`); absent where there can be none.
    pub cloud: Reading<bool>,
    /// In one of the configured networks.
    pub own: bool,
    /// Of a range that is not routed on the internet.
    pub private: bool,
}

/// How AWS's addresses are known.
#[derive(Debug, Clone)]
enum Aws {
    /// By the AS numbers listed in `data/aws-asns.toml`.
    Numbers(BTreeSet<u32>),
    /// By AWS's own list.
    Ranges(Arc<AwsRanges>),
}

/// The table that addresses are looked up in.
#[derive(Debug, Clone)]
enum Listed {
    /// The one that the program carries.
    BuiltIn(About),
    Given(Arc<Table>),
}

impl Listed {
    fn about(&self) -> &About {
        match self {
            Listed::BuiltIn(about) => about,
            Listed::Given(table) => table.about(),
        }
    }

    /// The AS that announces the address, if one does. `None`: the table cannot be read.
    fn number(&self, ip: IpAddr) -> Option<Option<u32>> {
        match self {
            Listed::BuiltIn(_) => embedded::number(ip).ok(),
            Listed::Given(table) => Some(table.number(ip)),
        }
    }
}

/// The networks of a run.
#[derive(Debug, Clone)]
pub struct Networks {
    table: Option<Listed>,
    aws: Aws,
    clouds: BTreeSet<u32>,
    own: Set,
    /// Addresses of examples have AS numbers.
    examples: bool,
}

/// A list of AS numbers does not parse. A test holds that those that ship do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("data/{file}: {error}")]
pub struct ListError {
    file: &'static str,
    error: toml::de::Error,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Numbers {
    asn: Vec<ListedNumber>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "what, source and date are for readers of the file; parsing holds that they are there"
)]
struct ListedNumber {
    number: u32,
    what: String,
    source: String,
    date: String,
}

impl Networks {
    /// Networks of which only the configured ones are known: nothing else is answered, and nothing guessed.
    pub fn unread(own: &[IpNet]) -> Self {
        Networks {
            table: None,
            aws: Aws::Numbers(BTreeSet::new()),
            clouds: BTreeSet::new(),
            own: Set::of(own.iter().copied()),
            examples: false,
        }
    }

    /// A table, AWS's list of ranges where it was given, and the configured networks.
    ///
    /// # Errors
    /// [`ListError`] if a list of AS numbers that ships does not parse.
    pub fn new(table: Arc<Table>, ranges: Option<Arc<AwsRanges>>, own: &[IpNet]) -> Result<Self, ListError> {
        Networks::of(Listed::Given(table), ranges, own)
    }

    fn of(table: Listed, ranges: Option<Arc<AwsRanges>>, own: &[IpNet]) -> Result<Self, ListError> {
        let aws = match ranges {
            Some(ranges) => Aws::Ranges(ranges),
            None => Aws::Numbers(listed("aws-asns.toml", include_str!("../data/aws-asns.toml"))?),
        };
        let clouds = listed("cloud-asns.toml", include_str!("../data/cloud-asns.toml"))?;
        let own = Set::of(own.iter().copied());
        Ok(Networks { table: Some(table), aws, clouds, own, examples: false })
    }

    /// What addresses are looked up in.
    pub fn table(&self) -> Option<&About> {
        self.table.as_ref().map(Listed::about)
    }

    /// AWS's own list, where it was given.
    pub fn aws_ranges(&self) -> Option<&AwsRanges> {
        match &self.aws {
            Aws::Ranges(ranges) => Some(ranges),
            Aws::Numbers(_) => None,
        }
    }

    /// Gives addresses that are reserved for documentation the AS numbers that are: cases of policies and the demo have
    /// some. Nobody announces either.
    #[must_use]
    pub fn with_examples(self) -> Self {
        Networks { examples: true, ..self }
    }

    /// What a record's `sourceIPAddress` says.
    pub fn lookup(&self, text: &str) -> Place {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return self.address(ip.to_canonical());
        }
        match text {
            "AWS Internal" => Place::AwsInternal,
            _ if is_service(text) => Place::Service,
            _ => Place::Unparsable,
        }
    }

    fn address(&self, ip: IpAddr) -> Place {
        let own = self.own.contains(ip);
        match reach(ip) {
            Reach::Nowhere => Place::Unparsable,
            Reach::Private => {
                let (asn, aws, cloud) = (Reading::Absent, Reading::Known(false), Reading::Absent);
                Place::Address(Address { ip, asn, aws, cloud, own, private: true })
            }
            Reach::Public => {
                let example = || if self.examples { documentation(ip) } else { None };
                // Nobody announces an example: no table has it.
                let number = self.table.as_ref().and_then(|table| match example() {
                    Some(example) => Some(Some(example)),
                    None => table.number(ip),
                });
                let aws = match (&self.aws, number) {
                    (Aws::Ranges(ranges), _) => Reading::Known(ranges.contains(ip)),
                    (Aws::Numbers(_), None) => Reading::Unread(Why::NotCollected),
                    (Aws::Numbers(numbers), Some(number)) => {
                        Reading::Known(number.is_some_and(|number| numbers.contains(&number)))
                    }
                };
                let asn = Reading::or_unread(number.flatten(), Why::NotCollected);
                let cloud = asn.clone().map(|number| self.clouds.contains(&number));
                Place::Address(Address { ip, asn, aws, cloud, own, private: false })
            }
        }
    }
}

fn listed(file: &'static str, text: &str) -> Result<BTreeSet<u32>, ListError> {
    let list: Numbers = toml::from_str(text).map_err(|error| ListError { file, error })?;
    Ok(list.asn.into_iter().map(|entry| entry.number).collect())
}

/// The name of a service's endpoint, in the commercial and the Chinese partition.
fn is_service(text: &str) -> bool {
    let name = text.strip_suffix(".amazonaws.com").or_else(|| text.strip_suffix(".amazonaws.com.cn"));
    name.is_some_and(|name| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    })
}

/// Where packets with an address can come from.
enum Reach {
    Public,
    Private,
    Nowhere,
}

/// By the registries of special addresses. The ranges for documentation and everything unlisted count as public.
/// Sources: <https://www.iana.org/assignments/iana-ipv4-special-registry/>,
/// <https://www.iana.org/assignments/iana-ipv6-special-registry/>; a VPC may have any of the private ones:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>
fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    match ip.octets() {
        // This network; multicast; reserved and broadcast.
        [0 | 224..=255, ..] => Reach::Nowhere,
        [10 | 127, ..]
        | [100, 64..=127, ..]
        | [169, 254, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [198, 18..=19, ..] => Reach::Private,
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] | [0xff00..=0xffff, ..] => Reach::Nowhere,
        // Loopback; unique local; link-local and the old site-local.
        [0, 0, 0, 0, 0, 0, 0, 1] | [0xfc00..=0xfdff, ..] | [0xfe80..=0xfeff, ..] => Reach::Private,
        _ => Reach::Public,
    }
}

/// Addresses of examples have AS numbers of examples, so that cases and the demo have some: nobody announces either.
/// <https://www.rfc-editor.org/rfc/rfc5737>, <https://www.rfc-editor.org/rfc/rfc3849>,
/// <https://www.rfc-editor.org/rfc/rfc5398>
fn documentation(address: IpAddr) -> Option<u32> {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [192, 0, 2, _] => Some(64_496),
            [198, 51, 100, _] => Some(64_497),
            [203, 0, 113, _] => Some(64_498),
            _ => None,
        },
        IpAddr::V6(address) => match address.segments() {
            [0x2001, 0x0db8, ..] => Some(64_499),
            _ => None,
        },
    }
}

#[cfg(test)]
#[path = "network/tests.rs"]
mod tests;
