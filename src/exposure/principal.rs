//! Whom a principal element names.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use std::borrow::Cow;

use super::document::{Few, PrincipalElement, Sense};
use super::pattern::{Manner, Pattern, Work, arn_parts, has_wildcard, is_account};

/// An account, or principals in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named<'n> {
    /// Twelve digits, or empty where the document names a principal without its account.
    pub(super) account: Cow<'n, str>,
    /// `None`: every principal of the account.
    pub(super) arn: Option<Pattern<'n>>,
}

impl Named<'_> {
    /// Every principal of `other` is one of these.
    pub(super) fn covers(&self, other: &Self, work: &Work) -> bool {
        if self.account != other.account || self.account.is_empty() && self != other {
            return false;
        }
        match (&self.arn, &other.arn) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => mine.covers(theirs, work),
        }
    }

    /// What both name, or `None` if that is surely nothing.
    fn meet(&self, other: &Self, work: &Work) -> Option<Self> {
        if self.covers(other, work) {
            return Some(other.clone());
        }
        if other.covers(self, work) {
            return Some(self.clone());
        }
        if self.account.is_empty() || other.account.is_empty() {
            // One of them does not tell its account: it may be the other's.
            return Some(if self.account.is_empty() { other.clone() } else { self.clone() });
        }
        if self.account != other.account {
            return None;
        }
        match (&self.arn, &other.arn) {
            (Some(mine), Some(theirs)) if apart(mine, theirs, work) => None,
            _ => Some(self.clone()),
        }
    }
}

/// A session is also its role, so only two users or roles by their own ARNs are surely different principals.
fn apart(a: &Pattern<'_>, b: &Pattern<'_>, work: &Work) -> bool {
    let own =
        |p: &Pattern<'_>| arn_parts(&p.text).is_some_and(|parts| parts[2] == "iam" && parts[5] != "root");
    own(a) && own(b) && !a.overlaps(b, work)
}

/// A set of IAM principals: some, or everyone, less those that are taken out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Principals<'n> {
    /// `None`: everyone.
    pub(super) among: Option<Few<Named<'n>>>,
    pub(super) but: Few<Named<'n>>,
}

impl<'n> Principals<'n> {
    pub(super) fn nobody() -> Self {
        Self::only(Few::new())
    }

    pub(super) fn only(list: Few<Named<'n>>) -> Self {
        Self { among: Some(list), but: Few::new() }
    }

    pub(super) fn all_but(list: Few<Named<'n>>) -> Self {
        Self { among: None, but: list }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.among.as_ref().is_some_and(|list| list.is_empty())
    }

    /// Everyone but some that are named.
    pub(super) fn leaves_out(&self) -> bool {
        self.among.is_none() && !self.but.is_empty()
    }

    pub(super) fn intersect(&self, other: &Self, work: &Work) -> Self {
        let mut but = self.but.clone();
        but.extend(other.but.iter().filter(|named| !self.but.contains(named)).cloned());
        let mut among = match (&self.among, &other.among) {
            (Some(a), Some(b)) => {
                work.spend(a.len() * b.len());
                Some(a.iter().flat_map(|x| b.iter().filter_map(|y| x.meet(y, work))).collect::<Few<_>>())
            }
            (Some(list), None) | (None, Some(list)) => Some(list.clone()),
            (None, None) => None,
        };
        if let Some(among) = &mut among {
            work.spend(among.len() * but.len());
            among.retain(|named| !but.iter().any(|out| out.covers(named, work)));
        }
        Self { among, but }
    }

    /// Everyone else, and of a set that has both parts perhaps more.
    pub(super) fn complement(&self) -> Self {
        match &self.among {
            Some(list) if self.but.is_empty() => Self::all_but(list.clone()),
            Some(_) => Self::all_but(Few::new()),
            None => Self::only(self.but.clone()),
        }
    }
}

/// A set of service names, lower case.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Services<'n> {
    In(Few<Cow<'n, str>>),
    AllBut(Few<Cow<'n, str>>),
}

impl Services<'_> {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::In(list) if list.is_empty())
    }

    pub(super) fn intersect(&self, other: &Self, work: &Work) -> Self {
        match (self, other) {
            (Self::In(a), Self::In(b)) => {
                work.spend(a.len() * b.len());
                Self::In(a.iter().filter(|x| b.contains(x)).cloned().collect())
            }
            (Self::In(a), Self::AllBut(b)) | (Self::AllBut(b), Self::In(a)) => {
                work.spend(a.len() * b.len());
                Self::In(a.iter().filter(|x| !b.contains(x)).cloned().collect())
            }
            (Self::AllBut(a), Self::AllBut(b)) => Self::AllBut(a.iter().chain(b).cloned().collect()),
        }
    }

    pub(super) fn complement(&self) -> Self {
        match self {
            Self::In(list) => Self::AllBut(list.clone()),
            Self::AllBut(list) => Self::In(list.clone()),
        }
    }
}

/// The callers a principal element names, by kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cast<'n> {
    pub(super) principals: Principals<'n>,
    pub(super) services: Services<'n>,
    /// Callers without credentials.
    pub(super) anonymous: bool,
    /// Unique ids of deleted principals stand among the entries.
    pub(super) departed: bool,
    /// An entry could not be read: the set may be larger than it says.
    pub(super) unread: Option<&'static str>,
}

/// A principal's id as IAM shows it once the principal is gone.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
pub(super) fn is_unique_id(text: &str) -> bool {
    const PREFIXES: [&str; 8] = ["AIDA", "AROA", "AGPA", "AIPA", "ANPA", "ANVA", "AKIA", "ASIA"];
    text.len() > 8
        && PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// On which side an answer may err.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    /// It may name more than the document does: what an Allow admits.
    AtMost,
    /// It may name fewer: what a Deny takes away.
    AtLeast,
}

/// Reads a principal element.
pub(super) fn cast<'n>(element: &PrincipalElement<'n>, bound: Bound) -> Cast<'n> {
    // The complement of a set that errs one way errs the other way.
    let generous = (bound == Bound::AtMost) == (element.sense == Sense::Named);
    let mut cast = Cast {
        principals: Principals::nobody(),
        services: Services::In(Few::new()),
        anonymous: false,
        departed: false,
        unread: element.fault,
    };
    let (mut named, mut services) = (Few::new(), Few::new());
    let (mut every_service, mut everybody_signed) = (false, false);
    for (kind, value) in &element.entries {
        match (*kind, value.as_ref()) {
            ("*", "*") => (every_service, everybody_signed, cast.anonymous) = (true, true, true),
            // For callers without credentials it is documented to be the same as a lone star, for services it is not.
            ("AWS", "*") => {
                (everybody_signed, cast.anonymous) = (true, true);
                every_service |= generous;
            }
            // AWS stores no such name; it may be any service's, and takes none away.
            ("Service", name) if has_wildcard(name) => every_service |= generous,
            ("Service", _) => services.push(Cow::Owned(value.to_ascii_lowercase())),
            ("Federated", text) => match account_of(text) {
                Some(account) if is_account(account) => named.push(Named {
                    account: Cow::Owned(account.to_owned()),
                    arn: Some(Pattern { text: value.clone(), manner: Manner::Exact, loose: false }),
                }),
                // A web identity provider serves people of every account.
                _ => everybody_signed |= generous,
            },
            // Nor such a user.
            ("CanonicalUser", name) if has_wildcard(name) => {
                (everybody_signed, cast.anonymous) =
                    (everybody_signed || generous, cast.anonymous || generous);
            }
            ("CanonicalUser", _) => named.push(Named {
                account: Cow::Borrowed(""),
                arn: Some(Pattern { text: value.clone(), manner: Manner::Exact, loose: false }),
            }),
            (_, text) if is_account(text) => named.push(Named { account: value.clone(), arn: None }),
            (_, text) if is_unique_id(text) => cast.departed = true,
            (_, text) => match arn_parts(text) {
                // No part of a principal's ARN may be a wildcard.
                Some(["arn", _, _, _, account, _])
                    if is_account(account) && has_wildcard(text) && !generous => {}
                Some(["arn", _, service, _, account, resource]) if is_account(account) => {
                    let whole = resource == "root" && (service == "iam" || generous);
                    let arn = (!whole).then(|| Pattern {
                        text: value.clone(),
                        manner: if has_wildcard(text) { Manner::Arn } else { Manner::Exact },
                        loose: false,
                    });
                    named.push(Named { account: Cow::Owned(account.to_owned()), arn });
                }
                Some(["arn", _, _, _, account, _]) if has_wildcard(account) => everybody_signed |= generous,
                _ => cast.unread = Some("a principal that names no account"),
            },
        }
    }
    cast.principals =
        if everybody_signed { Principals::all_but(Few::new()) } else { Principals::only(named) };
    cast.services = if every_service { Services::AllBut(Few::new()) } else { Services::In(services) };
    if element.sense == Sense::AllBut {
        cast.principals = cast.principals.complement();
        cast.services = cast.services.complement();
        cast.anonymous = !cast.anonymous;
    }
    cast
}

fn account_of(arn: &str) -> Option<&str> {
    arn_parts(arn).map(|parts| parts[4])
}
