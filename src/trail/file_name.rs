//! What the path of a trail file says: account, region and time.

use serde::{Deserialize, Serialize};

use super::time::parse_event_time;
use crate::arn::is_account;

/// The parts of CloudTrail's file names:
/// `ACCOUNT_CloudTrail_REGION_20250301T0005Z_UNIQUE.json.gz`, usually below
/// `AWSLogs/[o-ORG/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`.
/// Source: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailFileName {
    /// 12-digit account id.
    pub account: String,
    /// Region: `us-east-1`.
    pub region: String,
    /// When the file was delivered: seconds since 1970. Its records are up to some minutes older.
    pub time: i64,
    /// `CloudTrail`, `CloudTrail-Digest`, `CloudTrail-Insight`, …
    pub class: String,
    /// The organization in the path, for an organization's trail.
    pub organization: Option<String>,
}

impl TrailFileName {
    /// Reads a path with `/` or `\` between its components; `None` if the file's name does not follow the naming.
    pub fn parse(path: &str) -> Option<Self> {
        let mut components = path.rsplit(['/', '\\']);
        let name = components.next()?;
        let mut parts = name.split('_');
        let (account, class, region) = (parts.next()?, parts.next()?, parts.next()?);
        // Digest files have the trail's name and home region between region and time.
        let time = parts.find_map(file_time)?;
        if !is_account(account) || !class.starts_with("CloudTrail") || region.is_empty() {
            return None;
        }
        let organization = components.find(|part| is_organization(part)).map(str::to_owned);
        Some(Self { account: account.into(), region: region.into(), time, class: class.into(), organization })
    }
}

fn is_organization(part: &str) -> bool {
    part.strip_prefix("o-").is_some_and(|id| {
        (10..=32).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// `20250301T0005Z`, or with seconds in digest names, perhaps followed by an extension.
fn file_time(part: &str) -> Option<i64> {
    let (digits, _) = part.split_once('Z')?;
    let (date, clock) = digits.split_once('T')?;
    let piece = |text: &str, from: usize, to: usize| text.get(from..to).map(str::to_owned);
    let second = match clock.len() {
        4 => "00".to_owned(),
        6 => piece(clock, 4, 6)?,
        _ => return None,
    };
    if date.len() != 8 {
        return None;
    }
    parse_event_time(&format!(
        "{}-{}-{}T{}:{}:{second}Z",
        piece(date, 0, 4)?,
        piece(date, 4, 6)?,
        piece(date, 6, 8)?,
        piece(clock, 0, 2)?,
        piece(clock, 2, 4)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_of_trails_digests_and_organizations() {
        let name = TrailFileName::parse(
            "logs/AWSLogs/o-exampleorg1/111122223333/CloudTrail/us-east-1/2025/03/01/\
             111122223333_CloudTrail_us-east-1_20250301T0005Z_AbCdEfGhIjKlMnOp.json.gz",
        )
        .unwrap();
        assert_eq!((name.account.as_str(), name.region.as_str()), ("111122223333", "us-east-1"));
        assert_eq!(Some(name.time), parse_event_time("2025-03-01T00:05:00Z"));
        assert_eq!(name.organization.as_deref(), Some("o-exampleorg1"));
        assert_eq!(name.class, "CloudTrail");

        let digest = TrailFileName::parse(
            "111122223333_CloudTrail-Digest_us-east-1_my_trail_us-east-1_20250301T010203Z.json.gz",
        )
        .unwrap();
        assert_eq!(digest.class, "CloudTrail-Digest");
        assert_eq!(Some(digest.time), parse_event_time("2025-03-01T01:02:03Z"));
    }

    #[test]
    fn refuses_other_names() {
        for other in [
            "",
            "notes.txt",
            "11112222333_CloudTrail_us-east-1_20250301T0005Z_x.json",
            "111122223333_Config_us-east-1_20250301T0005Z_x.json",
            "111122223333_CloudTrail_us-east-1_20251301T0005Z_x.json",
            "111122223333_CloudTrail_us-east-1_x.json",
            "111122223333_CloudTrail_us-east-1_é0250301T0005Z_x.json",
        ] {
            assert_eq!(TrailFileName::parse(other), None, "{other}");
        }
    }
}
