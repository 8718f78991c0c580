//! Calls, and how they ended.

use crate::snapshot::{Outcome, Scope};
use crate::value::Why;

/// One call: the API, whom it asked, and about what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    pub api: &'static str,
    pub account: String,
    pub region: Option<String>,
    pub resource: Option<String>,
}

impl Call {
    /// A call of a region: about one resource, or (`None`) a list of all.
    pub(super) fn of(api: &'static str, scope: &Scope, resource: Option<&str>) -> Self {
        Call {
            api,
            account: scope.account.clone(),
            region: Some(scope.region.clone()),
            resource: resource.map(str::to_owned),
        }
    }

    /// A call of a whole account.
    pub(super) fn global(api: &'static str, account: &str, resource: Option<&str>) -> Self {
        let resource = resource.map(str::to_owned);
        Call { api, account: account.to_owned(), region: None, resource }
    }
}

/// How a call ended, over all its pages and attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallState {
    /// An answer came; of a list: its last page.
    pub(super) answered: bool,
    /// Of a list: a page came that does not parse. Later pages do not bring back what stood on it.
    pub(super) page_lost: bool,
    /// The last failure.
    pub failure: Option<Outcome>,
    /// The line of its first part.
    pub line: u64,
}

impl CallState {
    /// Why the answer is unread; `None`: it was read.
    pub fn why(&self) -> Option<Why> {
        if self.answered && !self.page_lost {
            return None;
        }
        Some(self.failure.as_ref().and_then(Outcome::why).unwrap_or(Why::NotCollected))
    }
}
