//! Service control policies: what is attached at which level above an account.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{Index, malformed};
use crate::snapshot::Outcome;
use crate::snapshot::api::*;
use crate::value::{Reading, Why};

/// The most levels: the root, five of organizational units, and the account.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>
const LEVELS: usize = 7;

/// What an organization's management account answered. Ids of roots, units and policies are its own.
#[derive(Debug, Default)]
pub(super) struct Controls {
    /// Account or unit → what it is below.
    parents: BTreeMap<String, String>,
    /// Account, unit or root → its policies.
    attached: BTreeMap<String, Attached>,
    policies: BTreeMap<String, ControlPolicy>,
}

#[derive(Debug, Default)]
struct Attached {
    policies: BTreeSet<String>,
    complete: bool,
}

impl Controls {
    pub(super) fn parents(&mut self, child: &str, page: ParentPage) -> Result<bool, Outcome> {
        // An account or unit has one parent.
        let Some(parent) = page.parents.into_iter().next() else {
            return Err(malformed("an account or unit without a parent"));
        };
        self.parents.insert(child.to_owned(), parent.id);
        Ok(true)
    }

    pub(super) fn attached(&mut self, target: &str, page: PolicyPage) -> bool {
        let last = page.next_token.is_none();
        let known = self.attached.entry(target.to_owned()).or_default();
        known.policies.extend(page.policies.into_iter().map(|policy| policy.id));
        known.complete |= last;
        last
    }

    pub(super) fn policy(&mut self, answer: DescribePolicy) {
        self.policies.insert(answer.policy.policy_summary.id.clone(), answer.policy);
    }
}

/// One level: its policies, each read or not.
pub(super) type Level<'c> = Vec<Result<&'c ControlPolicy, Why>>;

/// What service control policies say of an account.
pub(super) enum Above<'c> {
    /// The levels, its own first, without those that have none.
    Levels(Vec<Level<'c>>),
    /// None can apply: it is in no organization, or is the management account, which they never limit.
    /// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html>
    Nothing,
    /// Nobody asked: only the management account may.
    NotAsked,
    /// They were asked for, and something is missing.
    Unread(Why),
}

impl Index {
    pub(super) fn control_policies(&self, account: &str) -> Above<'_> {
        let organization = self.organization_of(account);
        match organization {
            Reading::Known(one) if one.master_account_id.as_deref() == Some(account) => {
                return Above::Nothing;
            }
            Reading::Absent => return Above::Nothing,
            Reading::Known(_) | Reading::Unread(_) => {}
        }
        let asks = [LIST_PARENTS, LIST_POLICIES_FOR_TARGET, DESCRIBE_POLICY];
        if !self.calls.keys().any(|call| asks.contains(&call.api)) {
            return Above::NotAsked;
        }
        let controls = &self.controls;
        let mut levels = Vec::new();
        let mut target = account;
        for _ in 0..LEVELS {
            let Some(attached) = controls.attached.get(target).filter(|attached| attached.complete) else {
                return Above::Unread(self.why_unread(LIST_POLICIES_FOR_TARGET, target));
            };
            let policy =
                |id: &String| controls.policies.get(id).ok_or_else(|| self.why_unread(DESCRIBE_POLICY, id));
            let level: Level<'_> = attached.policies.iter().map(policy).collect();
            if !level.is_empty() {
                levels.push(level);
            }
            if target.starts_with("r-") {
                return Above::Levels(levels);
            }
            let Some(parent) = controls.parents.get(target) else {
                return Above::Unread(self.why_unread(LIST_PARENTS, target));
            };
            target = parent;
        }
        Above::Unread(Why::Malformed)
    }

    /// Whoever was asked.
    fn why_unread(&self, api: &str, resource: &str) -> Why {
        let of = self.calls.iter().filter(|(call, _)| call.api == api);
        of.filter(|(call, _)| call.resource.as_deref() == Some(resource))
            .find_map(|(_, state)| state.why())
            .unwrap_or(Why::NotCollected)
    }
}
