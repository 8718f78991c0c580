//! What a run reports of: a time, accounts, regions. What lies outside may still be read, for what policies ask of other
//! records; it is not judged.

use std::collections::BTreeSet;

use crate::policy::{Policy, Window};

/// What is reported. The default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Records from then on: seconds since 1970.
    pub since: Option<i64>,
    /// Records before then.
    pub until: Option<i64>,
    /// Empty: all.
    pub accounts: BTreeSet<String>,
    /// Empty: all.
    pub regions: BTreeSet<String>,
}

/// What has to be read so that everything reported is judged as if all had been read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    /// Records from then on: seconds since 1970.
    pub from: Option<i64>,
    /// Records before then.
    pub to: Option<i64>,
    /// `None`: of all.
    pub accounts: Option<BTreeSet<String>>,
    /// `None`: of all.
    pub regions: Option<BTreeSet<String>>,
}

impl Scope {
    pub fn is_everything(&self) -> bool {
        *self == Scope::default()
    }

    /// Is a record of that time reported?
    pub fn has_time(&self, time: i64) -> bool {
        self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until)
    }

    /// Is what belongs there reported? What does not say where it belongs is.
    pub fn has_place(&self, account: Option<&str>, region: Option<&str>) -> bool {
        let in_set = |set: &BTreeSet<String>, value: Option<&str>| {
            set.is_empty() || value.is_none_or(|value| set.contains(value))
        };
        in_set(&self.accounts, account) && in_set(&self.regions, region)
    }

    /// What these policies need.
    pub fn needed(&self, policies: &[&Policy]) -> Needed {
        let programs = || policies.iter().filter_map(|policy| policy.program.as_ref());
        let back = programs()
            .map(|program| {
                let windows = program.histories.iter().filter_map(|history| match history.window {
                    Window::Last(seconds) => Some(seconds),
                    Window::All => None,
                });
                let count = program.count.as_ref().map(|count| count.window);
                windows.chain(count).chain(program.warm_up).max().unwrap_or(0)
            })
            .max()
            .unwrap_or(0);
        // A history over all that is read looks both ways, without end.
        let endless =
            programs().any(|program| program.histories.iter().any(|history| history.window == Window::All));
        // A count's key, and a history's that does not name the account, may have records in any.
        let own = programs().all(|program| {
            program.count.is_none() && program.histories.iter().all(|history| history.one_account)
        });
        let some = |set: &BTreeSet<String>, sound: bool| (sound && !set.is_empty()).then(|| set.clone());
        Needed {
            from: self.since.map(|since| since.saturating_sub(back)).filter(|_| !endless),
            to: self.until.filter(|_| !endless),
            accounts: some(&self.accounts, own),
            regions: some(&self.regions, programs().next().is_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_say_where_it_belongs_is_reported() {
        let only = |text: &str| BTreeSet::from([text.to_owned()]);
        let scope = Scope { accounts: only("111122223333"), regions: only("eu-west-1"), ..Scope::default() };
        assert!(scope.has_place(Some("111122223333"), Some("eu-west-1")));
        assert!(scope.has_place(None, None) && scope.has_place(Some("111122223333"), None));
        assert!(!scope.has_place(Some("444455556666"), Some("eu-west-1")));
        assert!(!scope.has_place(Some("111122223333"), Some("us-east-1")));
        let time = Scope { since: Some(10), until: Some(20), ..Scope::default() };
        assert_eq!([9, 10, 19, 20].map(|at| time.has_time(at)), [false, true, true, false]);
    }
}
