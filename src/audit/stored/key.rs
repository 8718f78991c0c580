//! What things are kept under: files by their path, size and time, and policies by a hash of all that they depend on.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Metadata};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};

use crate::audit::{AuditError, Job, NETWORK_FIELDS};
use crate::engine::Engine;
use crate::findings::gaps::AcceptedGaps;
use crate::policy::Policy;
use crate::store::{Digest, FileKey, Makers, Policies, StoreError};
use crate::trust::Trusts;

/// Real paths; those of directories are asked for once.
#[derive(Default)]
pub(super) struct Real {
    directories: BTreeMap<PathBuf, Option<PathBuf>>,
}

impl Real {
    /// Of a directory.
    fn directory(&mut self, path: &Path) -> Option<PathBuf> {
        if let Some(known) = self.directories.get(path) {
            return known.clone();
        }
        let is_itself = || fs::symlink_metadata(path).is_ok_and(|own| own.is_dir());
        let real = match (path.parent(), path.file_name()) {
            // Most are where the one around them is.
            (Some(around), Some(name)) if !around.as_os_str().is_empty() && is_itself() => {
                self.directory(around).map(|around| around.join(name))
            }
            _ => fs::canonicalize(path).ok(),
        };
        self.directories.insert(path.to_owned(), real.clone());
        real
    }

    /// `None`: it cannot be told apart from others for sure, so it is read every time.
    pub(super) fn key(&mut self, path: &Path, named: bool) -> Option<FileKey> {
        let own = fs::symlink_metadata(path).ok()?;
        let (metadata, real) = if own.is_symlink() {
            (fs::metadata(path).ok()?, fs::canonicalize(path).ok()?)
        } else {
            let parent = match path.parent() {
                Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
                Some(parent) => parent,
                None => return None,
            };
            (own, self.directory(parent)?.join(path.file_name()?))
        };
        let path = real.to_str()?.to_owned();
        metadata.is_file().then(|| modified(&metadata)).flatten().map(|modified| FileKey {
            path,
            named,
            size: metadata.len(),
            modified,
        })
    }
}

/// Seconds and nanoseconds since 1970.
fn modified(metadata: &Metadata) -> Option<(i64, u32)> {
    let time = metadata.modified().ok()?;
    Some(match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).ok()?, after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            (-i64::try_from(before.as_secs()).ok()?, before.subsec_nanos())
        }
    })
}

/// The policies of a run, under hashes of all that what they gather depends on.
pub(super) fn policies(
    job: &Job<'_>,
    engine: &Engine<'_>,
    gaps: &AcceptedGaps,
    trusts: &Trusts,
) -> Result<Policies, AuditError> {
    let mut probe = DefaultHasher::new();
    "what is counted is told apart by this hash".hash(&mut probe);
    let makers = digest(&[
        env!("LAMBDA_AUDIT_MAKERS"),
        env!("CARGO_PKG_VERSION"),
        &format!("{:x}", probe.finish()),
        &format!("{trusts:?}"),
        &format!("{:?}", job.config.own_networks),
        &job.options.max_file_bytes.to_string(),
    ]);
    let networks = networks(job)?;
    let one = |policy: &&Policy| {
        let gaps: Vec<_> = gaps.of_policy(&policy.id).collect();
        let reads = Engine::new(vec![policy], &AcceptedGaps::default()).reads(&NETWORK_FIELDS);
        let hash = digest(&[
            &format!("{makers:?}"),
            &policy.source.text,
            &format!("{:?}", policy.params),
            &format!("{:?} {}", policy.severity, policy.risk_score),
            &format!("{gaps:?}"),
            if reads { &networks } else { "" },
            // What lies outside of what is reported is only remembered.
            &format!("{:?}", job.scope),
        ]);
        (policy.id.clone(), hash)
    };
    let policies = engine.policies().iter().map(one).collect();
    Ok(Policies { makers: Makers(makers), policies, has_facts: true })
}

/// The files of networks that were given, by what is in them. What is built in is part of the program.
fn networks(job: &Job<'_>) -> Result<String, AuditError> {
    let mut hasher = Sha256::new();
    for path in [&job.networks.asn_db, &job.networks.aws_ranges] {
        match path {
            None => hasher.update([0]),
            Some(path) => {
                hasher.update([1]);
                // It was read before: an error now is one of a file that has just changed.
                let bytes = fs::read(path).map_err(|error| StoreError::Read { path: path.clone(), error })?;
                hasher.update(Sha256::digest(&bytes));
            }
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn digest(texts: &[&str]) -> Digest {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    let hash: [u8; 32] = hasher.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
}
