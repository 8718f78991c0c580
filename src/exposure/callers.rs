//! Sets of callers, narrowed by conditions: the arithmetic behind every exposure.
//!
//! A [`Callers`] is a box: one kind of caller (an IAM principal, a service, nobody's credentials) with a set of
//! values for each key that says who calls. An Allow's conditions narrow a box; a Deny leaves the union of the boxes
//! in which it does not hold. Every step may keep too much and never drops a caller who could be admitted.

use smallvec::{SmallVec, smallvec};

use super::condition::{
    ANONYMOUS, Key, Meaning, Missing, OWNER, Values, fixed, fixed_account, fixed_organization, possible,
};
use super::document::Few;
use super::network::IpSet;
use super::pattern::{Manner, Pattern, Work};
use super::principal::{Principals, Services};

/// Who sends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A user, role, session or root user of some account.
    Principal,
    /// An AWS service calling for itself, not with somebody's credentials.
    Service,
    /// Nobody's credentials: possible through a function URL of type NONE only.
    Anonymous,
}

/// The values a key may have, and whether it may be missing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KeySet<'n> {
    pub(super) missing: bool,
    pub(super) present: bool,
    /// `None`: any value.
    pub(super) within: Option<Few<Pattern<'n>>>,
    pub(super) without: Few<Pattern<'n>>,
}

impl<'n> KeySet<'n> {
    fn any(missing: bool) -> Self {
        Self { missing, present: true, within: None, without: Few::new() }
    }

    fn absent() -> Self {
        Self { missing: true, present: false, within: None, without: Few::new() }
    }

    fn only(missing: bool, values: &[&'static str]) -> Self {
        let within = values.iter().map(|value| Pattern::exact(*value)).collect();
        Self { missing, present: true, within: Some(within), without: Few::new() }
    }

    /// Values of a known form.
    fn like(missing: bool, form: &'static str) -> Self {
        let form = Pattern { text: form.into(), manner: Manner::Glob, loose: false };
        Self { missing, present: true, within: Some(smallvec![form]), without: Few::new() }
    }

    /// What the documentation says of the key for that kind of caller, before any condition.
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
    fn of(key: Key, kind: Kind) -> Self {
        use Key::*;
        match (kind, key) {
            (Kind::Principal, PrincipalAccount) => {
                Self { without: smallvec![Pattern::exact(ANONYMOUS)], ..Self::any(false) }
            }
            (Kind::Principal, PrincipalArn | UserId) => Self::any(false),
            (Kind::Principal, IsService) => Self::only(false, &["false"]),
            (Kind::Principal | Kind::Service, UrlAuthType) => Self::only(true, &["NONE", "AWS_IAM"]),
            (Kind::Service, IsService) => Self::only(false, &["true"]),
            (Kind::Service, ServiceName | ServiceNames) => Self::any(false),
            (
                Kind::Service,
                PrincipalAccount | PrincipalArn | PrincipalOrgId | PrincipalOrgPaths | UserId,
            ) => Self::absent(),
            (Kind::Anonymous, PrincipalAccount | UserId) => Self::only(true, &[ANONYMOUS]),
            (Kind::Anonymous, PrincipalArn | PrincipalOrgId | PrincipalOrgPaths | IsService) => {
                Self::absent()
            }
            (Kind::Anonymous, UrlAuthType) => Self::only(true, &["NONE"]),
            (
                Kind::Principal | Kind::Anonymous,
                ServiceName | ServiceNames | SourceAccount | SourceArn | SourceOrgId | SourceOrgPaths
                | EventSourceToken,
            ) => Self::absent(),
            (Kind::Anonymous, ViaUrl) => Self::only(true, &["true"]),
            (_, SourceVpc) => Self::like(true, "vpc-*"),
            (_, SourceVpce) => Self::like(true, "vpce-*"),
            (_, PrincipalOrgId | SourceOrgId | VpceOrgId) => Self::like(true, "o-*"),
            (_, ViaUrl) => Self::only(true, &["true", "false"]),
            _ => Self::any(true),
        }
    }

    fn is_empty(&self) -> bool {
        !self.missing && (!self.present || self.within.as_ref().is_some_and(|list| list.is_empty()))
    }

    /// Can the key have this value?
    pub(super) fn admits(&self, value: &str, work: &Work) -> bool {
        self.present
            && self.within.as_ref().is_none_or(|list| list.iter().any(|p| p.matches(value, work)))
            && !self.without.iter().any(|p| p.matches(value, work))
    }

    /// Keeps the values that one of `patterns` matches.
    fn keep(&mut self, key: Key, patterns: &[Pattern<'n>], work: &Work) {
        let possible = patterns.iter().filter(|pattern| possible(key, pattern));
        let mut kept: Few<Pattern<'n>> = match &self.within {
            None => {
                work.spend(patterns.len());
                possible.cloned().collect()
            }
            Some(old) => {
                work.spend(patterns.len() * old.len());
                // Of two patterns the narrower one is kept: exact, or if neither contains the other the one that
                // names somebody. Both contain what they have in common.
                let meet = move |a: &Pattern<'n>, b: &Pattern<'n>| {
                    let names = (fixed(key, a), fixed(key, b));
                    let apart = matches!(names, (Some(a), Some(b))
                        if a != OWNER && b != OWNER && !a.eq_ignore_ascii_case(b));
                    if apart || !a.overlaps(b, work) {
                        return None;
                    }
                    let first = b.literal().is_none()
                        && (a.literal().is_some()
                            || b.covers(a, work)
                            || names.0.is_some() && names.1.is_none() && !a.covers(b, work));
                    Some(if first { a.clone() } else { b.clone() })
                };
                old.iter().flat_map(|a| possible.clone().filter_map(move |b| meet(a, b))).collect()
            }
        };
        work.spend(kept.len() * self.without.len());
        kept.retain(|value| !self.without.iter().any(|not| not.covers(value, work)));
        self.within = Some(kept);
        self.present &= self.within.as_ref().is_some_and(|list| !list.is_empty());
    }

    /// Removes the values that one of `patterns` is sure to match.
    fn drop(&mut self, patterns: &[Pattern<'n>], work: &Work) {
        let sure = |not: &&Pattern<'n>| !not.loose && !not.is_short_arn();
        let patterns: Few<&Pattern<'n>> = patterns.iter().filter(sure).collect();
        work.spend(patterns.len() * (1 + self.within.as_ref().map_or(0, |list| list.len())));
        if let Some(within) = &mut self.within {
            within.retain(|value| !patterns.iter().any(|not| not.covers(value, work)));
            self.present &= !within.is_empty();
        }
        if patterns.iter().any(|not| not.is_everything()) {
            self.present = false;
        }
        self.without.extend(patterns.into_iter().cloned());
    }
}

/// One box of callers.
#[derive(Debug, Clone)]
pub(super) struct Callers<'n> {
    pub(super) kind: Kind,
    /// For [`Kind::Principal`].
    pub(super) principals: Principals<'n>,
    /// For [`Kind::Service`].
    pub(super) services: Services<'n>,
    keys: SmallVec<[(Key, KeySet<'n>); 2]>,
    /// Addresses on the internet from which the request may come; `None`: any.
    internet: Option<IpSet>,
    /// `aws:SourceIp` may be missing, as it is behind a VPC endpoint.
    endpoint: bool,
}

/// Is a condition to hold, or to fail?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Holds,
    Fails,
}

impl<'n> Callers<'n> {
    pub(super) fn new(kind: Kind, principals: Principals<'n>, services: Services<'n>) -> Self {
        Self { kind, principals, services, keys: SmallVec::new(), internet: None, endpoint: true }
    }

    /// The state of a key, if a condition touched it.
    pub(super) fn key(&self, key: Key) -> Option<&KeySet<'n>> {
        self.keys.iter().find(|(known, _)| *known == key).map(|(_, set)| set)
    }

    /// The values a key is limited to, if it is: present, and from a list.
    pub(super) fn limited_to(&self, key: Key) -> Option<&[Pattern<'n>]> {
        self.key(key).filter(|set| !set.missing).and_then(|set| set.within.as_deref())
    }

    fn key_mut(&mut self, key: Key) -> &mut KeySet<'n> {
        let at = match self.keys.iter().position(|(known, _)| *known == key) {
            Some(at) => at,
            None => {
                self.keys.push((key, KeySet::of(key, self.kind)));
                self.keys.len() - 1
            }
        };
        &mut self.keys[at].1
    }

    /// Narrows to the callers for whom the condition may hold, or may fail. `false`: nobody is left.
    #[must_use]
    pub(super) fn narrow(&mut self, meaning: &Meaning<'n>, truth: Truth, work: &Work) -> bool {
        if meaning.ignored.is_some() {
            return true;
        }
        let missing = match meaning.missing {
            Missing::True => truth == Truth::Holds,
            Missing::False => truth == Truth::Fails,
            Missing::Unsaid => true,
        };
        match &meaning.values {
            Values::Ip(set) | Values::NotIp(set) => {
                let inside = matches!(meaning.values, Values::Ip(_)) == (truth == Truth::Holds);
                let old = self.internet.take().unwrap_or_else(IpSet::internet);
                work.spend(old.len() + set.len());
                self.internet = Some(if inside { old.intersect(set) } else { old.subtract(set) });
                self.endpoint &= missing;
            }
            values => {
                // A key of several values: what it is not cannot be told from one of them.
                let several = meaning.key == Key::ServiceNames;
                if meaning.key == Key::SourceIp {
                    self.endpoint &= missing;
                } else {
                    let set = self.key_mut(meaning.key);
                    set.missing &= missing;
                    match (values, truth) {
                        (Values::In(_), Truth::Fails) | (Values::NotIn(_), Truth::Holds) if several => {}
                        (Values::In(list), Truth::Holds) | (Values::NotIn(list), Truth::Fails) => {
                            set.keep(meaning.key, list, work);
                        }
                        (Values::NotIn(list), Truth::Holds) | (Values::In(list), Truth::Fails) => {
                            set.drop(list, work);
                        }
                        (Values::None, Truth::Holds) | (Values::All, Truth::Fails) => set.present = false,
                        _ => {}
                    }
                }
            }
        }
        !self.is_empty()
    }

    /// The same callers without those that `other` principals or services name.
    pub(super) fn within(
        &self,
        principals: &Principals<'n>,
        services: &Services<'n>,
        work: &Work,
    ) -> Option<Self> {
        let mut this = self.clone();
        match this.kind {
            Kind::Principal => this.principals = this.principals.intersect(principals, work),
            Kind::Service => this.services = this.services.intersect(services, work),
            Kind::Anonymous => {}
        }
        (!this.is_empty()).then_some(this)
    }

    /// Surely nobody.
    pub(super) fn is_empty(&self) -> bool {
        let nobody = match self.kind {
            Kind::Principal => self.principals.is_empty(),
            Kind::Service => self.services.is_empty(),
            Kind::Anonymous => false,
        };
        nobody
            || self.keys.iter().any(|(_, set)| set.is_empty())
            || !(self.comes_from_internet() || self.comes_from_endpoint() || self.comes_from_nowhere())
    }

    const ENDPOINT_KEYS: [Key; 7] = [
        Key::SourceVpc,
        Key::SourceVpce,
        Key::SourceVpcArn,
        Key::VpceAccount,
        Key::VpceOrgId,
        Key::VpceOrgPaths,
        Key::VpcSourceIp,
    ];

    /// A request over the internet has an address and none of the keys of an endpoint.
    fn comes_from_internet(&self) -> bool {
        self.internet.as_ref().is_none_or(|set| !set.is_empty())
            && Self::ENDPOINT_KEYS.iter().all(|&key| self.key(key).is_none_or(|set| set.missing))
    }

    /// A request through a VPC endpoint has no `aws:SourceIp`, and has its VPC and endpoint.
    fn comes_from_endpoint(&self) -> bool {
        self.endpoint
            && [Key::SourceVpc, Key::SourceVpce]
                .iter()
                .all(|&key| self.key(key).is_none_or(|set| set.present))
    }

    /// Where a service's own request comes from is not documented: it may have none of these keys.
    fn comes_from_nowhere(&self) -> bool {
        self.kind == Kind::Service
            && self.endpoint
            && Self::ENDPOINT_KEYS.iter().all(|&key| self.key(key).is_none_or(|set| set.missing))
    }

    /// Only from bounded addresses, named VPCs or named endpoints.
    pub(super) fn network_is_bounded(&self) -> bool {
        let internet = !self.comes_from_internet() || self.internet.as_ref().is_some_and(IpSet::is_bounded);
        internet
            && (!self.comes_from_endpoint()
                || Self::ENDPOINT_KEYS.iter().any(|&key| self.endpoint_is_named(key)))
    }

    fn endpoint_is_named(&self, key: Key) -> bool {
        let limits = match key {
            // Behind an endpoint these are never missing.
            Key::SourceVpc | Key::SourceVpce => self.key(key).and_then(|set| set.within.as_deref()),
            _ => self.limited_to(key),
        };
        limits.is_some_and(|list| list.iter().all(|pattern| endpoint_is_fixed(key, pattern)))
    }
}

/// Does the pattern fix a VPC, an endpoint, or whose endpoint it is?
pub(super) fn endpoint_is_fixed(key: Key, pattern: &Pattern<'_>) -> bool {
    match key {
        Key::VpceOrgId | Key::VpceOrgPaths => fixed_organization(pattern).is_some(),
        Key::SourceVpcArn => pattern.is_whole() || fixed_account(pattern).is_some(),
        Key::VpcSourceIp => false,
        _ => pattern.is_whole(),
    }
}
