//! Records that were looked up in CloudTrail's history: a trail of chosen names, with what it does not serve.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::state::Hole;
use crate::report::{NotInScope, Read};

/// A text in memory, and the name it is shown under.
pub type NamedText = (String, Arc<[u8]>);

/// What was looked up, and how that ended.
#[derive(Debug, Clone, Default)]
pub struct LookedUp {
    pub files: Vec<NamedText>,
    pub paths: Vec<PathBuf>,
    /// The calls, for the ledger.
    pub rows: Vec<Read>,
    /// Accounts, and the seconds of which everything that was asked for was read.
    pub read: Vec<(String, i64, i64)>,
    /// What was asked for and not read.
    pub holes: Vec<Hole>,
    pub not_in_scope: Vec<NotInScope>,
}

impl LookedUp {
    /// Did any call succeed? No record is an answer too.
    pub fn is_usable(&self) -> bool {
        self.rows.iter().any(|row| row.outcome == "ok")
    }
}
