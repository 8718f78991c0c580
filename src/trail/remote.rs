//! Trail files that are not on this machine: somebody lists and fetches them ahead, and they are read as they come.

use std::any::Any;
use std::collections::BTreeSet;

use super::file_name::TrailFileName;
use super::meter::Watch;
use super::outcome::FaultKind;
use super::prune::{LeftOut, Prune};

/// A file, or what there is instead.
#[derive(Debug)]
pub struct Fetched {
    /// For display, and where it is found again.
    pub name: String,
    /// What the path says of account, region and time, where the name alone does not.
    pub named: Option<TrailFileName>,
    pub what: Content,
    /// Held as long as the bytes are: whoever fetches bounds the memory by it.
    pub room: Option<Box<dyn Any + Send>>,
}

#[derive(Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    LeftOut(LeftOut),
    Failed(FaultKind),
}

/// A place that holds trail files.
pub trait Remote: std::fmt::Debug + Send + Sync {
    /// Starts to fetch the files that `prune` does not leave out, or only those named. Each comes once, in any order.
    fn fetch(
        &self,
        prune: &Prune,
        only: Option<&BTreeSet<String>>,
        watch: &Watch,
    ) -> Box<dyn Iterator<Item = Fetched> + Send>;
}
