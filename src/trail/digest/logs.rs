//! Log files against the digests that list them.

use std::collections::BTreeMap;

use super::chain::Judged;
use super::file::Listed;
use super::object::{FoundLog, NoHash};
use super::{Altered, Findings, Role, State, Unverified, Verdict, log_name, whose};
use crate::trail::file_name::TrailFileName;

/// A log file is listed by the digest of the hour it was delivered in, which may be the one after the hour in its
/// name. Files that no digest lists are told only where the digests go on for this long after.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>
const SPILL: i64 = 2 * 3_600;

/// The log files that were found.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    logs: Vec<FoundLog>,
}

/// What the digests that list a file prove of it.
#[derive(Debug, Clone, Copy, Default)]
struct Proof {
    listed: bool,
    /// A verified digest has its hash, or another one.
    same: bool,
    other: bool,
    /// The same of digests that are not verified.
    perhaps_other: bool,
    /// Listed with a hash in an unknown algorithm.
    algorithm: bool,
}

impl Shelf {
    pub(super) fn add(&mut self, log: FoundLog) {
        self.logs.push(log);
    }

    pub(super) fn judge(mut self, digests: &[Judged], out: &mut Findings) {
        self.logs.sort_by(|a, b| a.path.cmp(&b.path));
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, log) in self.logs.iter().enumerate().filter(|(_, log)| log.named.is_some()) {
            by_name.entry(log_name(&log.path)).or_default().push(at);
        }
        let mut proofs: Vec<(Proof, Option<&Listed>)> = vec![(Proof::default(), None); self.logs.len()];
        let mut missing: BTreeMap<&str, (&Judged, &Listed)> = BTreeMap::new();
        for digest in digests {
            for listed in &digest.digest.logs {
                let Some(found) = by_name.get(log_name(&listed.object)) else {
                    missing.entry(&listed.object).or_insert((digest, listed));
                    continue;
                };
                for &at in found {
                    if let (Some(proof), Some(log)) = (proofs.get_mut(at), self.logs.get(at)) {
                        proof.0.add(digest, listed, log);
                        proof.1 = proof.1.or(Some(listed));
                    }
                }
            }
        }
        for (object, (digest, listed)) in missing {
            let named = TrailFileName::parse(object);
            let (account, region) = whose(named.as_ref());
            out.files.push(Verdict {
                name: object.to_owned(),
                seen_in: digest.path.clone(),
                role: Role::Log,
                account: account.or_else(|| Some(digest.account.clone())),
                region: region.or_else(|| Some(digest.region.clone())),
                state: State::Missing,
                // Of a file whose times are not said, any record of the digest's hour may be.
                span: listed.span.or(Some((digest.digest.start, digest.digest.end))),
            });
        }
        let covered = Covered::of(digests);
        for (log, (proof, listed)) in self.logs.iter().zip(proofs) {
            if log.hash == Err(NoHash::LeftOut) {
                continue;
            }
            let (account, region) = whose(log.named.as_ref());
            let time = log.named.as_ref().map(|named| (named.time, named.time));
            out.files.push(Verdict {
                name: listed.map_or(log.path.as_str(), |listed| listed.object.as_str()).to_owned(),
                seen_in: log.path.clone(),
                role: Role::Log,
                account,
                region,
                state: proof.state(log, &covered),
                span: listed.and_then(|listed| listed.span).or(time),
            });
        }
    }
}

impl Proof {
    fn add(&mut self, digest: &Judged, listed: &Listed, log: &FoundLog) {
        self.listed = true;
        let Ok(hash) = log.hash else { return };
        match (listed.hash, digest.verified) {
            (None, _) => self.algorithm = true,
            (Some(expected), true) if expected == hash => self.same = true,
            (Some(_), true) => self.other = true,
            (Some(expected), false) => self.perhaps_other |= expected != hash,
        }
    }

    fn state(self, log: &FoundLog, covered: &Covered) -> State {
        match log.hash {
            Err(NoHash::Packing) if self.listed => return State::Altered(Altered::Packing),
            Err(NoHash::Unverified(why)) => return State::Unverified(why),
            _ => {}
        }
        if self.other {
            State::Altered(Altered::Content)
        } else if self.same {
            State::Intact
        } else if self.perhaps_other {
            State::Altered(Altered::Content)
        } else if self.algorithm {
            State::Unverified(Unverified::Algorithm)
        } else if self.listed {
            State::Unverified(Unverified::DigestUnverified)
        } else if log.named.as_ref().is_some_and(|named| covered.contains(named)) {
            State::Unlisted
        } else {
            State::Unverified(Unverified::NotCovered)
        }
    }
}

/// The time that the digests of each account and region cover without a break.
#[derive(Debug, Default)]
struct Covered(BTreeMap<(String, String), Vec<(i64, i64)>>);

impl Covered {
    fn of(digests: &[Judged]) -> Self {
        let mut all: BTreeMap<(String, String), Vec<(i64, i64)>> = BTreeMap::new();
        for judged in digests.iter().filter(|judged| !judged.backfill) {
            let spans = all.entry((judged.account.clone(), judged.region.clone())).or_default();
            spans.push((judged.digest.start, judged.digest.end));
        }
        for spans in all.values_mut() {
            spans.sort_unstable();
            let mut joined: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
            for &(start, end) in spans.iter() {
                match joined.last_mut() {
                    Some(last) if start <= last.1 => last.1 = last.1.max(end),
                    _ => joined.push((start, end)),
                }
            }
            *spans = joined;
        }
        Covered(all)
    }

    /// Was the file surely delivered in that time?
    fn contains(&self, named: &TrailFileName) -> bool {
        // Digests are about the files of this class; Insights have others.
        named.class == "CloudTrail"
            && self.0.get(&(named.account.clone(), named.region.clone())).is_some_and(|spans| {
                let from = spans.partition_point(|(start, _)| *start <= named.time);
                from.checked_sub(1)
                    .and_then(|at| spans.get(at))
                    .is_some_and(|(_, end)| named.time.saturating_add(SPILL) <= *end)
            })
    }
}
