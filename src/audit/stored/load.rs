//! What a store has, put together; and all of it written down as one, since that is quicker to load than many.

use std::collections::{BTreeSet, HashSet};

use super::pack;
use crate::audit::AuditError;
use crate::audit::gathered::Gathered;
use crate::engine::Engine;
use crate::store::{Blob, Policies, Store};

/// What the store had.
pub(super) struct Loaded {
    pub(super) gathered: Gathered,
    pub(super) merged: Merging,
}

/// Whether everything is to be written down as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Merging {
    /// It cannot be: the store has what this run does not use.
    Not,
    /// What there is cannot be used.
    Anew,
    /// It can, with what came since.
    Beside,
}

impl Merging {
    /// Loading what files gave one by one costs more than what all gave; writing that costs too.
    pub(super) fn is_due(self, store: &Store) -> bool {
        match (self, store.merged()) {
            (Merging::Not, _) => false,
            (Merging::Anew, _) | (Merging::Beside, None) => store.files().next().is_some(),
            (Merging::Beside, Some((blob, pending))) => {
                4 * pending.map(|(_, bytes)| bytes).sum::<u64>() > blob.length()
            }
        }
    }
}

/// What these files of the store gave to these policies.
pub(super) fn load(
    engine: &Engine<'_>,
    wanted: &Policies,
    (used, replaced): (&BTreeSet<String>, &HashSet<String>),
    store: &mut Store,
) -> Result<Loaded, AuditError> {
    let mut all = Gathered::nothing(engine);
    let whole = store.files().all(|(path, _)| used.contains(path));
    let (merged, files): (Option<Blob>, Vec<String>) = match store.merged() {
        Some((blob, pending)) if whole && is_usable(store.policies(blob), wanted) => {
            (Some(*blob), pending.map(|(path, _)| path.to_owned()).collect())
        }
        Some(_) | None => (None, used.iter().cloned().collect()),
    };
    if let Some(blob) = merged {
        add_blobs(engine, wanted, &[blob], &mut all, store)?;
    }
    for path in files {
        let Some(stored) = store.file(&path) else { continue };
        let blobs = stored.blobs.clone();
        add_blobs(engine, wanted, &blobs, &mut all, store)?;
    }
    // What is read anew takes the place of what there was.
    let all_used = || store.files().all(|(path, _)| used.contains(path) || replaced.contains(path));
    let merging = match merged {
        Some(_) => Merging::Beside,
        None if all_used() => Merging::Anew,
        None => Merging::Not,
    };
    Ok(Loaded { gathered: all, merged: merging })
}

/// Has it something of all that is wanted?
fn is_usable(set: Option<&Policies>, wanted: &Policies) -> bool {
    set.is_some_and(|set| {
        set.makers == wanted.makers && wanted.policies.iter().all(|policy| set.policies.contains(policy))
    })
}

/// Adds what the blobs of one file have, of each policy once.
fn add_blobs(
    engine: &Engine<'_>,
    wanted: &Policies,
    blobs: &[Blob],
    all: &mut Gathered,
    store: &mut Store,
) -> Result<(), AuditError> {
    let mut done = HashSet::new();
    for blob in blobs {
        let apart = store.read(blob, pack::read)?.map_err(|error| store.damaged(error))?;
        let Some(set) = store.policies(blob) else { continue };
        let place = |policy| {
            let at = wanted.policies.iter().position(|wanted| wanted == policy)?;
            done.insert(at).then_some(at)
        };
        let places: Vec<Option<usize>> = set.policies.iter().map(place).collect();
        if apart.shares.len() != places.len()
            || !all.add(engine, apart, |at| places.get(at).copied().flatten())
        {
            return Err(store.damaged("what it has of a policy is none of that policy's").into());
        }
    }
    Ok(())
}

/// Writes down what all files gave together.
pub(super) fn write_merged(
    engine: &Engine<'_>,
    wanted: &Policies,
    all: Gathered,
    store: &mut Store,
) -> Result<Gathered, AuditError> {
    let apart = all.apart(engine);
    let bytes = pack::write("all files", &apart, false)?;
    store.merge(wanted, &bytes)?;
    drop(bytes);
    store.tidy()?;
    let mut all = Gathered::nothing(engine);
    let sound = all.add(engine, apart, Some);
    debug_assert!(sound, "shares of this very engine");
    Ok(all)
}
