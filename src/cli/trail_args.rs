//! The flags of the commands that read trail files.

use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;

use super::Failure;
use super::common::read_text;
use crate::engine::Scope;
use crate::store::Store;
use crate::trail::digest::PublicKeys;

/// The largest file of keys, in bytes: some hundred thousand keys.
const KEYS_LIMIT: u64 = 64 << 20;

/// Flags of the check of digests.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DigestArgs {
    /// Check the trail files against CloudTrail's digests: missing, altered and unsigned files are findings
    #[arg(long, help_heading = "Integrity")]
    verify_digests: bool,
    /// Keys of the digests' signatures: the answer of `aws cloudtrail list-public-keys`. May be repeated
    #[arg(long, value_name = "FILE", requires = "verify_digests", help_heading = "Integrity")]
    public_keys: Vec<PathBuf>,
}

/// Flags of the commands that can go on where an earlier run ended.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StoreArgs {
    /// Keep what each trail file gave in FILE, and looked-up records in FILE.history; next time only what is new is read
    /// or asked for. Made where there is none
    #[arg(long, value_name = "FILE", help_heading = "Store")]
    store: Option<PathBuf>,
}

impl StoreArgs {
    /// Opens the store, before anything else is read. `look_ups`: records are looked up, and kept beside it.
    ///
    /// # Errors
    /// It cannot be used; or standard input, which no run can tell from that of another, or S3 is among the inputs.
    pub(crate) fn open(&self, trail: &[PathBuf], look_ups: Kept) -> Result<Option<Store>, Failure> {
        let Some(path) = &self.store else { return Ok(None) };
        if trail.is_empty() && look_ups == Kept::Nothing {
            return Err(Failure::Usage("--store keeps what trail files give: name some".to_owned()));
        }
        if trail.iter().any(|path| path.as_os_str() == "-") {
            return Err(Failure::Usage(
                "--store keeps what files give: standard input is none. Write it to a file, and name that"
                    .to_owned(),
            ));
        }
        if trail.iter().any(|path| super::scan::is_s3(path)) {
            return Err(Failure::Usage(
                "--store keeps what files of this machine give. Copy those of S3 with `aws s3 sync` first, and name \
                 the copy"
                    .to_owned(),
            ));
        }
        Store::open(path).map(Some).map_err(|error| Failure::Usage(error.to_string()))
    }

    /// Where looked-up records are kept: where that is named, else beside the store.
    #[cfg(feature = "aws")]
    pub(crate) fn history(&self, named: Option<&std::path::Path>) -> Option<PathBuf> {
        let beside = || {
            let mut name = self.store.as_ref()?.clone().into_os_string();
            name.push(".history");
            Some(PathBuf::from(name))
        };
        named.map(PathBuf::from).or_else(beside)
    }
}

/// Whether there are records beside those of files that a store is to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    #[cfg(feature = "aws")]
    LookUps,
    Nothing,
}

/// Flags that limit the time that is reported.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TimeArgs {
    /// Report only records from then on: RFC 3339, a date (00:00 UTC), or how long ago (7d, 12h)
    #[arg(long, value_name = "TIME", help_heading = "What is reported")]
    since: Option<When>,
    /// Report only records before then
    #[arg(long, value_name = "TIME", help_heading = "What is reported")]
    until: Option<When>,
}

/// Flags that limit what is reported. `scan` has the first part: there accounts and regions say what is asked.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ScopeArgs {
    #[command(flatten)]
    time: TimeArgs,
    /// Report only this account. May be repeated
    #[arg(long, value_name = "ID", value_parser = super::common::account, help_heading = "What is reported")]
    account: Vec<String>,
    /// Report only this region. May be repeated
    #[arg(long, value_name = "REGION", value_parser = region, help_heading = "What is reported")]
    region: Vec<String>,
}

/// A time, or how long before the present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    At(i64),
    Ago(i64),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = text.parse::<Timestamp>() {
            return Ok(When::At(time.as_second()));
        }
        // A time without an offset is not taken for its date.
        if text.len() == "2026-11-01".len()
            && let Ok(date) = text.parse::<jiff::civil::Date>()
        {
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|error| error.to_string())?;
            return Ok(When::At(midnight.timestamp().as_second()));
        }
        crate::policy::parse_duration(text).map(When::Ago).ok_or_else(|| {
            "a time is 2026-11-01T09:30:00Z, 2026-11-01 (00:00 UTC), or how long ago: 7d, 12h, 30m".to_owned()
        })
    }
}

impl When {
    fn seconds(self, now: Timestamp) -> i64 {
        match self {
            When::At(time) => time,
            When::Ago(seconds) => now.as_second().saturating_sub(seconds),
        }
    }
}

/// Only the form: which regions there are changes.
fn region(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.len() <= 32 && text.contains('-') && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("a region looks like eu-west-1".to_owned())
    }
}

impl ScopeArgs {
    /// # Errors
    /// Times in the wrong order.
    pub(crate) fn scope(&self, now: Timestamp) -> Result<Scope, Failure> {
        Ok(Scope {
            accounts: self.account.iter().cloned().collect(),
            regions: self.region.iter().cloned().collect(),
            ..self.time.scope(now)?
        })
    }
}

impl TimeArgs {
    /// # Errors
    /// Times in the wrong order.
    pub(crate) fn scope(&self, now: Timestamp) -> Result<Scope, Failure> {
        let scope = Scope {
            since: self.since.map(|when| when.seconds(now)),
            until: self.until.map(|when| when.seconds(now)),
            ..Scope::default()
        };
        match (scope.since, scope.until) {
            (Some(since), Some(until)) if since >= until => {
                Err(Failure::Usage("--until is not later than --since: nothing would be reported".to_owned()))
            }
            _ => Ok(scope),
        }
    }
}

impl DigestArgs {
    /// The keys to check digests with, if they are to be checked.
    ///
    /// # Errors
    /// A file of keys that cannot be used.
    pub(crate) fn keys(&self) -> Result<Option<PublicKeys>, Failure> {
        if !self.verify_digests {
            return Ok(None);
        }
        let mut keys = PublicKeys::default();
        for path in &self.public_keys {
            let unusable = |error: &dyn std::fmt::Display| {
                Failure::Usage(format!(
                    "cannot use the public keys in {}: {error}\nWrite them with: aws cloudtrail list-public-keys \
                     --start-time TIME --end-time TIME --region REGION",
                    path.display()
                ))
            };
            let text = read_text(path, KEYS_LIMIT).map_err(|error| unusable(&error))?;
            keys.add(&text).map_err(|error| unusable(&error))?;
        }
        Ok(Some(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_ago() {
        let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<When>().unwrap().seconds(now);
        assert_eq!(at("2026-11-20T10:00:00+01:00"), now.as_second());
        assert_eq!(at("2026-11-20"), now.as_second() - 9 * 3_600);
        assert_eq!(at("7d"), now.as_second() - 7 * 86_400);
        for bad in ["", "yesterday", "7", "2026-13-01", "-7d", "2026-11-20T10:00:00"] {
            assert!(bad.parse::<When>().is_err(), "{bad}");
        }
        assert!(region("eu-west-1").is_ok() && region("EU WEST").is_err());
        let args = TimeArgs { since: Some(When::Ago(10)), until: Some(When::Ago(20)) };
        assert!(args.scope(now).is_err());
    }
}
