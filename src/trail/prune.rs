//! Which files need not be opened: their path says that no record in them can matter.
//!
//! A file's name has the time of its delivery, to the minute. Its records are older: mostly by some minutes, "typically
//! within 15", and by more when a delivery is late or repeated. They are never newer but for the minute that the name cuts
//! off and clocks that differ. So a file is opened unless it lies outside by these margins.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html>

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::digest::is_digest;
use super::file_name::TrailFileName;

/// How much older than its name a file's records may be.
pub const OLDER: i64 = 24 * 3_600;
/// How much newer than its name a file's records may be.
pub const NEWER: i64 = 3_600;

/// What is to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prune {
    /// Records from then on: seconds since 1970.
    pub from: Option<i64>,
    /// Records before then.
    pub to: Option<i64>,
    /// `None`: of all.
    pub accounts: Option<BTreeSet<String>>,
    /// `None`: of all.
    pub regions: Option<BTreeSet<String>>,
}

/// Why a file was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, Serialize, Deserialize)]
pub enum LeftOut {
    #[error("before the time that is reported and what policies look back")]
    Before,
    #[error("after the time that is reported")]
    After,
    #[error("of an account that is not reported")]
    Account,
    #[error("of a region that is not reported")]
    Region,
}

impl Prune {
    /// Why the file need not be opened; `None`: it must be.
    pub(crate) fn leaves_out(&self, path: &str) -> Option<LeftOut> {
        if *self == Prune::default() {
            return None;
        }
        // A path that says nothing is opened.
        let named = TrailFileName::parse(path)?;
        let other = |set: &Option<BTreeSet<String>>, value: &str| {
            set.as_ref().is_some_and(|set| !set.contains(value))
        };
        if other(&self.accounts, &named.account) {
            return Some(LeftOut::Account);
        }
        if other(&self.regions, &named.region) {
            return Some(LeftOut::Region);
        }
        // Digests are few, and prove files of other hours.
        if is_digest(&named) {
            return None;
        }
        if self.from.is_some_and(|from| named.time.saturating_add(NEWER) < from) {
            return Some(LeftOut::Before);
        }
        if self.to.is_some_and(|to| named.time.saturating_sub(OLDER) >= to) {
            return Some(LeftOut::After);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_left_out_only_by_what_their_path_says() {
        let file =
            |time: &str| format!("x/111122223333_CloudTrail_eu-west-1_{time}Z_abcdefghijklmnop.json.gz");
        let noon = TrailFileName::parse(&file("20261101T1200")).unwrap().time;
        let prune = Prune { from: Some(noon), to: Some(noon + 3_600), ..Prune::default() };
        let why = |time: &str| prune.leaves_out(&file(time));
        assert_eq!(why("20261101T1059"), Some(LeftOut::Before));
        assert_eq!(why("20261101T1100"), None);
        assert_eq!(why("20261102T1259"), None);
        assert_eq!(why("20261102T1300"), Some(LeftOut::After));
        assert_eq!(prune.leaves_out("events.json"), None);
        let digest = "111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20200101T000000Z.json.gz";
        assert_eq!(prune.leaves_out(digest), None);
        let only = |text: &str| Some(BTreeSet::from([text.to_owned()]));
        let account = Prune { accounts: only("444455556666"), ..Prune::default() };
        assert_eq!(account.leaves_out(&file("20261101T1200")), Some(LeftOut::Account));
        assert_eq!(account.leaves_out(digest), Some(LeftOut::Account));
        let region = Prune { regions: only("eu-west-1"), ..Prune::default() };
        assert_eq!(region.leaves_out(&file("20261101T1200")), None);
        let region = Prune { regions: only("us-east-1"), ..Prune::default() };
        assert_eq!(region.leaves_out(&file("20261101T1200")), Some(LeftOut::Region));
    }
}
