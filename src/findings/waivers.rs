//! Waivers: findings that someone has accepted, with a reason, an owner and an expiry.

use wildmatch::WildMatch;

/// One waiver, as the configuration states it.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Glob over policy ids.
    pub policy: WildMatch,
    /// Glob over the subject's full ARN (its name where no ARN is known).
    pub subject: WildMatch,
    /// Both globs as written.
    pub text: String,
    pub reason: String,
    pub owner: String,
    /// The last day it holds, `2027-01-31`.
    pub expires: jiff::civil::Date,
}

impl Waiver {
    /// Does it name this finding, whatever the date?
    pub fn names(&self, policy: &str, subject: &str) -> bool {
        self.policy.matches(policy) && self.subject.matches(subject)
    }

    pub fn holds_on(&self, today: jiff::civil::Date) -> bool {
        self.expires >= today
    }
}
