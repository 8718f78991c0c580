//! Whom the configuration trusts: accounts, and organizations with or without a known member list. Pure.
//!
//! A resource owner's own account is never external to it. Trust by organization decides an account's case only
//! when the organization's members are known; otherwise the answer is `None`, which every caller must carry on as
//! *unread*, never as "no".

use std::collections::{BTreeMap, BTreeSet};

/// Accounts and organizations that are not strangers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    accounts: BTreeSet<String>,
    /// Organization id → its member accounts, `None` where the list could not be read.
    organizations: BTreeMap<String, Option<BTreeSet<String>>>,
}

impl Trust {
    /// Trusts one 12-digit account id.
    pub fn add_account(&mut self, id: impl Into<String>) {
        self.accounts.insert(id.into());
    }

    /// Trusts an organization (`o-…`). Known members of several calls are united; a known list is never lost to a
    /// later unknown one.
    pub fn add_organization(&mut self, id: impl Into<String>, members: Option<BTreeSet<String>>) {
        let slot = self.organizations.entry(id.into()).or_insert(None);
        match (slot.as_mut(), members) {
            (Some(known), Some(more)) => known.extend(more),
            (None, Some(more)) => *slot = Some(more),
            (_, None) => {}
        }
    }

    /// Is `account` trusted by a resource that `owner` owns? `None`: it depends on a member list nobody could read.
    pub fn account(&self, account: &str, owner: Option<&str>) -> Option<bool> {
        if owner == Some(account) || self.accounts.contains(account) {
            return Some(true);
        }
        let mut answer = Some(false);
        for members in self.organizations.values() {
            match members {
                Some(members) if members.contains(account) => return Some(true),
                Some(_) => {}
                None => answer = None,
            }
        }
        answer
    }

    /// Is the organization trusted? Its id alone decides.
    pub fn organization(&self, id: &str) -> bool {
        self.organizations.contains_key(id)
    }
}

/// Whom each resource owner trusts: what the configuration says, and the owner's own organization.
#[derive(Debug, Clone, Default)]
pub struct Trusts {
    configured: Trust,
    owners: BTreeMap<String, Trust>,
}

impl Trusts {
    pub fn new(configured: Trust) -> Self {
        Trusts { configured, owners: BTreeMap::new() }
    }

    /// `owner` is a member of this organization: what it owns trusts the other members.
    pub fn add_own_organization(&mut self, owner: &str, id: &str, members: Option<BTreeSet<String>>) {
        let trust = self.owners.entry(owner.to_owned()).or_insert_with(|| self.configured.clone());
        trust.add_organization(id, members);
    }

    /// Whom a resource of this owner trusts.
    pub fn of(&self, owner: Option<&str>) -> &Trust {
        owner.and_then(|owner| self.owners.get(owner)).unwrap_or(&self.configured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_trusts_itself_and_a_member_list_decides_only_when_known() {
        let mut trust = Trust::default();
        assert_eq!(trust.account("111122223333", Some("111122223333")), Some(true));
        assert_eq!(trust.account("444455556666", Some("111122223333")), Some(false));
        trust.add_organization("o-exampleorg", None);
        assert_eq!(trust.account("444455556666", Some("111122223333")), None);
        trust.add_organization("o-exampleorg", Some(BTreeSet::from(["444455556666".to_owned()])));
        assert_eq!(trust.account("444455556666", None), Some(true));
        assert_eq!(trust.account("777788889999", None), Some(false));
        trust.add_account("777788889999");
        assert_eq!(trust.account("777788889999", None), Some(true));
        assert!(trust.organization("o-exampleorg") && !trust.organization("o-other"));
    }
}
