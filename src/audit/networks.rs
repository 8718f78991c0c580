//! What a report says of the networks it looked addresses up in: which table, how old, whose work.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::network::{Networks, Origin};

/// Days after which a table is called old: address ranges change hands all the time.
const OLD: i32 = 180;

/// The licence of the built-in table asks for these names wherever results from it are shown.
const CREDIT: &str = "IP to AS data by Route Views (https://www.routeviews.org), NRO (https://www.nro.net) and DB-IP \
                      (https://db-ip.com), CC BY 4.0, joined by ip-location-db";

/// Notices about the networks; none where no policy asked for them.
pub(super) fn notices(networks: &Networks, now: Timestamp) -> Vec<String> {
    let Some(table) = networks.table() else { return Vec::new() };
    let about = table.about();
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut out = Vec::new();

    let of = |date: Option<Date>| date.map(|date| format!(" of {date}")).unwrap_or_default();
    let table = match &about.origin {
        Origin::BuiltIn => format!("the built-in table{} ({CREDIT})", of(about.date)),
        Origin::File(path) => format!("{path}{}", of(about.date)),
    };
    let aws = match networks.aws_ranges() {
        Some(ranges) => format!("AWS's own list{} tells its addresses", of(ranges.date())),
        None => "AWS's addresses are told by AS number (exact with --aws-ranges FILE)".to_owned(),
    };
    out.push(format!("addresses were looked up in {table}; {aws}"));

    let days = |date: Date| today.since(date).ok().map(|span| span.get_days()).filter(|days| *days > OLD);
    if let Some(days) = about.date.and_then(days) {
        out.push(format!("the table of networks is {days} days old: give a newer one with --asn-db FILE"));
    }
    if let Some(days) = networks.aws_ranges().and_then(|ranges| ranges.date()).and_then(days) {
        out.push(format!(
            "AWS's list of ranges is {days} days old: https://ip-ranges.amazonaws.com/ip-ranges.json"
        ));
    }
    out
}
