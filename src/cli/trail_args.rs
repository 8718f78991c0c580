//! The flags of the commands that read trail files.

use std::path::PathBuf;

use super::Failure;
use super::common::read_text;
use crate::trail::digest::PublicKeys;

/// The largest file of keys, in bytes: some hundred thousand keys.
const KEYS_LIMIT: u64 = 64 << 20;

/// Flags of the check of digests.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DigestArgs {
    /// Check the trail files against CloudTrail's digests: missing, altered and unsigned files are findings
    #[arg(long, help_heading = "Integrity")]
    verify_digests: bool,
    /// Keys of the digests' signatures: the answer of `aws cloudtrail list-public-keys`. May be repeated
    #[arg(long, value_name = "FILE", requires = "verify_digests", help_heading = "Integrity")]
    public_keys: Vec<PathBuf>,
}

impl DigestArgs {
    /// The keys to check digests with, if they are to be checked.
    ///
    /// # Errors
    /// A file of keys that cannot be used.
    pub(crate) fn keys(&self) -> Result<Option<PublicKeys>, Failure> {
        if !self.verify_digests {
            return Ok(None);
        }
        let mut keys = PublicKeys::default();
        for path in &self.public_keys {
            let unusable = |error: &dyn std::fmt::Display| {
                Failure::Usage(format!(
                    "cannot use the public keys in {}: {error}\nWrite them with: aws cloudtrail list-public-keys \
                     --start-time TIME --end-time TIME --region REGION",
                    path.display()
                ))
            };
            let text = read_text(path, KEYS_LIMIT).map_err(|error| unusable(&error))?;
            keys.add(&text).map_err(|error| unusable(&error))?;
        }
        Ok(Some(keys))
    }
}
