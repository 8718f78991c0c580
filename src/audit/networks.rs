//! What a report says of the networks it looked addresses up in: which table, how old, whose work.

use std::cell::OnceCell;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Job, NETWORK_FIELDS};
use crate::engine::Engine;
use crate::network::load::{self, LoadError};
use crate::network::{About, Networks, Origin};

/// Days after which a table is called old: address ranges change hands all the time.
pub(super) const OLD: i32 = 180;

/// The licence of the built-in table asks for these names wherever results from it are shown.
const CREDIT: &str = "IP to AS data by Route Views (https://www.routeviews.org), NRO (https://www.nro.net) and DB-IP \
                      (https://db-ip.com), CC BY 4.0, joined by ip-location-db";

/// The networks that addresses were looked up in, in this run or in those whose results a store kept.
#[derive(Debug, Clone)]
pub(super) struct Consulted {
    table: About,
    /// Where AWS's own list was given, its date.
    aws: Option<Option<Date>>,
}

impl Consulted {
    /// `None` where no policy asked for them.
    pub(super) fn of(networks: &Networks) -> Option<Self> {
        let aws = networks.aws_ranges().map(|ranges| ranges.date());
        Some(Consulted { table: networks.table()?.clone(), aws })
    }

    /// The built-in table, which was not read.
    pub(super) fn built_in() -> Result<Self, crate::network::Damaged> {
        Ok(Consulted { table: crate::network::about()?, aws: None })
    }
}

/// The networks of a run. Beside a store what is built in is loaded only when a file is read.
#[derive(Debug)]
pub(super) struct Lookups<'j> {
    job: &'j Job<'j>,
    /// Trail records are read, and a policy asks where calls came from.
    asked: bool,
    loaded: OnceCell<Networks>,
}

impl<'j> Lookups<'j> {
    pub(super) fn new(job: &'j Job<'j>, engine: &Engine<'_>, store: bool) -> Result<Self, LoadError> {
        let asked = job.trail.is_given() && engine.reads(&NETWORK_FIELDS);
        let lookups = Lookups { job, asked, loaded: OnceCell::new() };
        let load::Files { asn_db, aws_ranges } = &job.networks;
        if !store || asn_db.is_some() || aws_ranges.is_some() {
            lookups.networks()?;
        }
        Ok(lookups)
    }

    /// The networks, for reading records.
    pub(super) fn networks(&self) -> Result<&Networks, LoadError> {
        if let Some(networks) = self.loaded.get() {
            return Ok(networks);
        }
        let own = &self.job.config.own_networks;
        let networks =
            if self.asked { load::networks(&self.job.networks, own)? } else { Networks::unread(own) };
        Ok(self.loaded.get_or_init(|| networks))
    }

    /// What addresses were looked up in; `None` where no policy asked.
    pub(super) fn consulted(&self) -> Result<Option<Consulted>, LoadError> {
        match (self.loaded.get(), self.asked) {
            (Some(networks), _) => Ok(Consulted::of(networks)),
            // Those that the store's results are from: others would have been read anew.
            (None, true) => Ok(Some(Consulted::built_in()?)),
            (None, false) => Ok(None),
        }
    }
}

/// Notices about the networks.
pub(super) fn notices(consulted: &Consulted, now: Timestamp) -> Vec<String> {
    let about = &consulted.table;
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut out = Vec::new();

    let of = |date: Option<Date>| date.map(|date| format!(" of {date}")).unwrap_or_default();
    let table = match &about.origin {
        Origin::BuiltIn => format!("the built-in table{} ({CREDIT})", of(about.date)),
        Origin::File(path) => format!("{path}{}", of(about.date)),
    };
    let aws = match consulted.aws {
        Some(date) => format!("AWS's own list{} tells its addresses", of(date)),
        None => "AWS's addresses are told by AS number (exact with --aws-ranges FILE)".to_owned(),
    };
    out.push(format!("addresses were looked up in {table}; {aws}"));

    let days = |date: Date| today.since(date).ok().map(|span| span.get_days()).filter(|days| *days > OLD);
    if let Some(days) = about.date.and_then(days) {
        out.push(format!("the table of networks is {days} days old: give a newer one with --asn-db FILE"));
    }
    if let Some(days) = consulted.aws.flatten().and_then(days) {
        out.push(format!(
            "AWS's list of ranges is {days} days old: https://ip-ranges.amazonaws.com/ip-ranges.json"
        ));
    }
    out
}
