//! Digests against each other: signatures, links, and what is missing between them.

use std::collections::BTreeMap;

use super::file::{Digest, DigestFault, Previous};
use super::keys::{Checked, PublicKeys};
use super::object::{FoundDigest, Hash, NotADigest, Signature};
use super::{Altered, Break, Findings, Role, State, Unverified, Verdict, base_name, log_name, whose};
use crate::trail::file_name::TrailFileName;

/// CloudTrail writes a digest every hour.
const HOUR: i64 = 3_600;
/// Copies of one digest that are looked past.
const COPIES: usize = 64;

/// All digests that were found, and what their objects' metadata say.
#[derive(Debug, Default)]
pub(super) struct Chains {
    nodes: Vec<Node>,
    metadata: BTreeMap<String, Vec<Signature>>,
}

#[derive(Debug)]
struct Node {
    path: String,
    named: TrailFileName,
    /// Account, region, trail and home region of the trail, as the name has them, and whether it was filled in later:
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>
    chain: (String, bool),
    signature: Option<Signature>,
    content: Result<(Hash, Digest), NotADigest>,
}

/// A digest whose lists can be compared with the log files.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) path: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) verified: bool,
    pub(super) backfill: bool,
    pub(super) digest: Digest,
}

impl Node {
    fn backfill(&self) -> bool {
        self.chain.1
    }

    fn digest(&self) -> Option<&Digest> {
        self.content.as_ref().ok().map(|(_, digest)| digest)
    }

    /// The end of the time it covers, by its content or its name.
    fn end(&self) -> i64 {
        self.digest().map_or(self.named.time, |digest| digest.end)
    }

    fn verdict(&self, state: State, span: (i64, i64)) -> Verdict {
        let (account, region) = whose(Some(&self.named));
        let name = self.digest().map_or(self.path.as_str(), |digest| digest.object.as_str());
        // A name that its own content made up tells nobody which file is meant.
        let moved = matches!(state, State::Altered(Altered::Moved));
        let name = if moved { self.path.as_str() } else { name };
        Verdict {
            name: name.to_owned(),
            seen_in: self.path.clone(),
            role: Role::Digest,
            account,
            region,
            state,
            span: Some(span),
        }
    }
}

/// The chain of a digest's name, and whether it was filled in later.
fn chain_of(name: &str) -> (String, bool) {
    let stem = log_name(name);
    let stem = stem.strip_suffix(".json").unwrap_or(stem);
    let (stem, backfill) = match stem.strip_suffix("_backfill") {
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    (stem.rsplit_once('_').map_or(stem, |(chain, _)| chain).to_owned(), backfill)
}

impl Chains {
    pub(super) fn metadata(&mut self, of: String, signature: Signature) {
        self.metadata.entry(of).or_default().push(signature);
    }

    pub(super) fn add(&mut self, found: FoundDigest) {
        let FoundDigest { path, named, signature, content } = found;
        let chain = chain_of(base_name(&path));
        self.nodes.push(Node { path, named, chain, signature, content });
    }

    /// Judges every digest, and finds those that are missing.
    pub(super) fn judge(mut self, keys: &PublicKeys, out: &mut Findings) -> Vec<Judged> {
        // The newest first: a digest's signature stands in the next one too.
        self.nodes.sort_by(|a, b| (&a.chain, b.end(), &b.path).cmp(&(&b.chain, a.end(), &a.path)));
        let mut referrers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(previous) = node.digest().and_then(|digest| digest.previous.as_ref()) {
                referrers.entry(log_name(&previous.object)).or_default().push(at);
            }
        }
        let mut states: Vec<State> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let next = referrers.get(log_name(&node.path)).map_or(&[][..], Vec::as_slice);
            // Only those that have been judged: a link to a later digest is no link of a chain.
            let next = next.iter().filter_map(|&at| Some((self.nodes.get(at)?, *states.get(at)?)));
            states.push(self.state(node, next.collect::<Vec<_>>().as_slice(), keys));
        }
        self.gaps(&states, out);
        let judged = self.nodes.into_iter().zip(states).filter_map(|(node, state)| {
            let (_, digest) = node.content.ok()?;
            Some(Judged {
                path: node.path,
                account: node.named.account,
                region: node.named.region,
                verified: state == State::Intact,
                backfill: node.chain.1,
                digest,
            })
        });
        judged.collect()
    }

    fn state(&self, node: &Node, next: &[(&Node, State)], keys: &PublicKeys) -> State {
        let (hash, digest) = match &node.content {
            Ok(content) => content,
            Err(NotADigest::Format(DigestFault::TooLong)) | Err(NotADigest::NotRead) => {
                return State::Unverified(Unverified::NotRead);
            }
            Err(NotADigest::Format(fault)) => return State::Altered(Altered::Format(*fault)),
            Err(NotADigest::Packing) => return State::Altered(Altered::Packing),
        };
        if log_name(&node.path) != log_name(&digest.object) {
            return State::Altered(Altered::Moved);
        }
        let own = self.own_signature(node, |hex| keys.check(digest, hash, hex, node.backfill()));
        // A digest that is not proven itself cannot accuse one that is.
        let link = |(other, state): &(&Node, State)| {
            let previous = other.digest()?.previous.as_ref()?;
            (previous.hash? != *hash).then_some(*state == State::Intact)
        };
        let accused: Vec<bool> = next.iter().filter_map(link).collect();
        if accused.contains(&true) || (!accused.is_empty() && own != Some(State::Intact)) {
            return State::Altered(Altered::Link);
        }
        own.unwrap_or_else(|| signed_by_next(next, |hex| keys.check(digest, hash, hex, node.backfill())))
    }

    /// What its own metadata prove; `None` if they say nothing.
    fn own_signature(
        &self,
        node: &Node,
        mut check: impl FnMut(&str) -> Result<(), Checked>,
    ) -> Option<State> {
        let beside = self.metadata.get(base_name(&node.path)).map_or(&[][..], Vec::as_slice);
        let all: Vec<&Signature> = node.signature.iter().chain(beside).collect();
        let results: Vec<Result<(), Checked>> = all
            .iter()
            .filter_map(|signature| if let Signature::Hex(hex) = signature { Some(check(hex)) } else { None })
            .collect();
        match results.first() {
            _ if results.contains(&Ok(())) => Some(State::Intact),
            Some(Err(Checked::Wrong(how))) => Some(State::Altered(*how)),
            Some(Err(Checked::Not(why))) => Some(State::Unverified(*why)),
            _ if all.contains(&&Signature::None) => Some(State::Unsigned),
            _ => None,
        }
    }

    /// Digests that the chain names and that are not there, and time between them.
    fn gaps(&self, states: &[State], out: &mut Findings) {
        let names: std::collections::BTreeSet<&str> =
            self.nodes.iter().map(|node| log_name(&node.path)).collect();
        for (at, (node, state)) in self.nodes.iter().zip(states).enumerate() {
            // Copies of the same digest are no link; hardly anyone has more than a few.
            let mut earlier = self.nodes.iter().skip(at + 1).take(COPIES);
            let older = earlier.find(|older| log_name(&older.path) != log_name(&node.path));
            let older = older.filter(|older| older.chain == node.chain);
            let covers = match (node.digest(), older) {
                (Some(digest), _) => (digest.start, digest.end),
                (None, Some(older)) => (older.end().min(node.named.time), node.named.time),
                (None, None) => (node.named.time - HOUR, node.named.time),
            };
            out.files.push(node.verdict(*state, covers));
            let (Some(digest), Some(older)) = (node.digest(), older) else { continue };
            let until = older.end();
            match &digest.previous {
                Some(previous) if !names.contains(log_name(&previous.object)) => {
                    out.files.push(missing(node, previous, (until.min(digest.start), digest.start)));
                }
                // What was filled in later leaves time out by its nature.
                _ if node.backfill() || until >= digest.start => {}
                _ => out.breaks.push(Break {
                    account: node.named.account.clone(),
                    region: node.named.region.clone(),
                    from: until,
                    to: digest.start,
                    seen_in: node.path.clone(),
                }),
            }
        }
    }
}

/// The signature as the next digest has it.
fn signed_by_next(next: &[(&Node, State)], mut check: impl FnMut(&str) -> Result<(), Checked>) -> State {
    let mut out = State::Unverified(Unverified::NoSignature);
    for (other, state) in next {
        let Some(hex) = other.digest().and_then(|digest| digest.previous_signature.as_ref()) else {
            continue;
        };
        match check(hex) {
            Ok(()) => return State::Intact,
            Err(Checked::Wrong(how)) if *state == State::Intact => out = State::Altered(how),
            Err(Checked::Wrong(_)) if out == State::Unverified(Unverified::NoSignature) => {
                out = State::Unverified(Unverified::NextUnverified);
            }
            Err(Checked::Wrong(_)) => {}
            Err(Checked::Not(why)) if !matches!(out, State::Altered(_)) => out = State::Unverified(why),
            Err(Checked::Not(_)) => {}
        }
    }
    out
}

fn missing(node: &Node, previous: &Previous, span: (i64, i64)) -> Verdict {
    let named = TrailFileName::parse(&previous.object);
    let (account, region) = whose(Some(named.as_ref().unwrap_or(&node.named)));
    Verdict {
        name: previous.object.clone(),
        seen_in: node.path.clone(),
        role: Role::Digest,
        account,
        region,
        state: State::Missing,
        span: Some(span),
    }
}
