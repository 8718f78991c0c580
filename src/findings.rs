//! Findings: what failed, with evidence, and what is to be done about it: gate, waivers, baseline,
//! accepted gaps. Pure.

pub mod baseline;
pub mod cause;
pub mod diff;
pub mod gaps;
pub mod gate;
#[cfg(test)]
mod sample;
pub mod triage;
pub mod waivers;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What identifies a finding across runs (version 1): a hash of the policy's id, the subject, and what tells findings
/// about one subject apart. It does not change with severities, messages, statement ids or the order of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint([u8; 16]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v1:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The fingerprint of a finding. Lengths go into the hash, so that no two different triples share a text.
pub fn fingerprint(policy: &str, subject: &str, part: &str) -> Fingerprint {
    let mut hasher = Sha256::new();
    for text in [policy, subject, part] {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    let hash: [u8; 32] = hasher.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    Fingerprint(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_stable_and_keeps_its_parts_apart() {
        assert_eq!(fingerprint("a", "b", "c").to_string(), "v1:bd735517dea8b04bba91d58ed956ea9c");
        assert_ne!(fingerprint("ab", "c", ""), fingerprint("a", "bc", ""));
    }
}
