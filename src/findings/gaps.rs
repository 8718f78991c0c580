//! Accepted gaps: holes in coverage that someone has accepted, with a reason, an owner and an expiry.

use wildmatch::WildMatch;

use crate::facts::{Fact, Place};

/// One accepted gap, as the configuration states it. Globs: `*` and `?`; what is not given matches everything, but
/// `surface` or `policy` is given.
#[derive(Debug, Clone)]
pub struct AcceptedGap {
    /// The API (`cloudtrail:GetEventSelectors`) or input file that was not read.
    pub surface: Option<WildMatch>,
    /// Policies whose unknown verdicts are accepted.
    pub policy: Option<WildMatch>,
    pub subject: Option<WildMatch>,
    pub account: Option<WildMatch>,
    pub region: Option<WildMatch>,
    pub reason: String,
    pub owner: String,
    /// The last day it holds, `2027-01-31`.
    pub expires: jiff::civil::Date,
}

/// The accepted gaps that have not expired.
#[derive(Debug, Clone, Default)]
pub struct AcceptedGaps(Vec<AcceptedGap>);

impl AcceptedGaps {
    /// The gaps that hold on `today`.
    pub fn on(today: jiff::civil::Date, gaps: impl IntoIterator<Item = AcceptedGap>) -> Self {
        AcceptedGaps(gaps.into_iter().filter(|gap| gap.expires >= today).collect())
    }

    /// Those that may cover what this policy cannot judge.
    pub fn of_policy(&self, policy: &str) -> impl Iterator<Item = &AcceptedGap> {
        self.0.iter().filter(move |gap| matches(&gap.policy, Some(policy)))
    }

    /// Is it accepted that this surface was not read?
    pub fn accepts_unread(&self, surface: &str, account: Option<&str>, region: Option<&str>) -> bool {
        self.0.iter().any(|gap| {
            gap.subject.is_none()
                && gap.policy.is_none()
                && gap.surface.as_ref().is_some_and(|glob| glob.matches(surface))
                && matches(&gap.account, account)
                && matches(&gap.region, region)
        })
    }

    /// Is it accepted that this policy cannot judge this fact? A gap that names only a surface accepts what could not
    /// be judged because that surface was not read.
    pub fn accepts_unknown(&self, policy: &str, fact: &Fact<'_>) -> bool {
        let surface = match &fact.place {
            Place::Part { api, .. } => api,
            Place::Event(event) => event.file,
            Place::File { .. } => "trail_file",
        };
        self.0.iter().any(|gap| {
            matches(&gap.surface, Some(surface))
                && matches(&gap.policy, Some(policy))
                && matches(&gap.subject, Some(fact.subject.label()))
                && matches(&gap.account, fact.subject.account.as_deref())
                && matches(&gap.region, fact.subject.region.as_deref())
        })
    }
}

/// A glob that is given needs a value to match.
fn matches(glob: &Option<WildMatch>, value: Option<&str>) -> bool {
    match (glob, value) {
        (None, _) => true,
        (Some(glob), Some(value)) => glob.matches(value),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(surface: Option<&str>, policy: Option<&str>, expires: &str) -> AcceptedGap {
        AcceptedGap {
            surface: surface.map(WildMatch::new),
            policy: policy.map(WildMatch::new),
            subject: None,
            account: Some(WildMatch::new("111122223333")),
            region: None,
            reason: "the audit role gets the permission next quarter".to_owned(),
            owner: "platform".to_owned(),
            expires: expires.parse().unwrap(),
        }
    }

    #[test]
    fn a_gap_covers_its_surface_and_account_until_it_expires() {
        let today = "2026-11-20".parse().unwrap();
        let gaps = AcceptedGaps::on(today, [gap(Some("lambda:*"), None, "2026-11-20")]);
        assert!(gaps.accepts_unread("lambda:GetPolicy", Some("111122223333"), None));
        assert!(!gaps.accepts_unread("iam:GetRole", Some("111122223333"), None));
        assert!(!gaps.accepts_unread("lambda:GetPolicy", Some("444455556666"), None));
        assert!(!gaps.accepts_unread("lambda:GetPolicy", None, None), "no account read, none accepted");
        let expired = AcceptedGaps::on(today, [gap(Some("lambda:*"), None, "2026-11-19")]);
        assert!(!expired.accepts_unread("lambda:GetPolicy", Some("111122223333"), None));
        let policies_only = AcceptedGaps::on(today, [gap(None, Some("*"), "2027-01-01")]);
        assert!(!policies_only.accepts_unread("lambda:GetPolicy", Some("111122223333"), None));
    }
}
