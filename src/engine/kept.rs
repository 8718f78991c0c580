//! What was gathered of some records, taken apart by policy, so that it can be kept and put together later, under
//! whatever other policies there are then. Nothing may be lost on the way: everything is taken apart by name.

use serde::{Deserialize, Serialize};

use super::memory::Held;
use super::state::Part;
use super::tally::PolicyTally;
use super::{Engine, Gathered, Memory, Tally};
use crate::findings::Fingerprint;

/// What records mean for one policy.
#[derive(Debug, Serialize, Deserialize)]
pub struct Share {
    row: PolicyTally,
    findings: Vec<(Fingerprint, Gathered)>,
    /// `None` where the policy asks nothing of other records.
    part: Option<Part<Held>>,
}

impl Engine<'_> {
    /// The share of each policy, in the engine's order. Of records that are still remembered: not to be called when
    /// they were judged.
    pub fn shares(&self, tally: Tally, memory: Memory) -> Vec<Share> {
        // An account warms up when all records have been read.
        let Tally { policies, findings, warming_up: _ } = tally;
        let Memory { parts } = memory;
        let mut shares: Vec<Share> = policies
            .into_iter()
            .zip(parts)
            .map(|(row, part)| Share { row, findings: Vec::new(), part })
            .collect();
        for (fingerprint, gathered) in findings {
            if let Some(share) = shares.get_mut(gathered.speaker.policy) {
                share.findings.push((fingerprint, gathered));
            }
        }
        // Of the same records the same bytes.
        shares.iter_mut().for_each(|share| share.findings.sort_by_key(|(fingerprint, _)| *fingerprint));
        shares
    }

    /// Adds a share of the policy at this position to what was gathered. False: it is none of this policy's.
    #[must_use]
    pub fn add_share(&self, at: usize, share: Share, (memory, tally): (&mut Memory, &mut Tally)) -> bool {
        let Share { row, findings, part } = share;
        let (Some(policy), Some(known), Some(sum)) =
            (self.policies.get(at), memory.parts.get_mut(at), tally.policies.get_mut(at))
        else {
            return false;
        };
        match (known, part, &policy.program) {
            (Some(known), Some(part), Some(program)) if part.is_of(program) => known.merge(part),
            (None, None, None) => {}
            _ => return false,
        }
        sum.merge(row);
        for (fingerprint, mut gathered) in findings {
            gathered.speaker.policy = at;
            tally.gather(fingerprint, gathered);
        }
        true
    }
}
