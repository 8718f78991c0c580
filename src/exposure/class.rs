//! What a box of callers amounts to: its exposure, whom it names, and whether they are trusted.

use super::Exposure;
use super::callers::{Callers, KeySet, Kind};
use super::condition::{Key, OWNER, fixed_account, fixed_organization, fixed_user};
use super::document::Few;
use super::pattern::{Manner, Pattern, Work, arn_parts, glob, has_wildcard, is_account};
use super::principal::{Named, Services};
use crate::trust::Trust;

/// The judgement of one box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) exposure: Exposure,
    /// `None`: it depends on an unknown member list.
    pub(super) trusted: Option<bool>,
    pub(super) accounts: Vec<String>,
    pub(super) organizations: Vec<String>,
    pub(super) services: Vec<String>,
    pub(super) source_accounts: Vec<String>,
    pub(super) ground: Ground,
}

/// What an exposure rests on, where the exposure alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    Plain,
    /// Everyone but a few that are named.
    AllBut,
    /// A bucket's ARN has no account.
    Bucket,
    /// A source ARN leaves its account open.
    SourceOpen,
    /// A principal without its account: a canonical user or a unique id.
    Unnamed,
    /// The source is fixed by a token.
    Token,
    /// Callers without credentials.
    Anonymous,
    /// The owner's id is not known.
    OwnerUnknown,
}

/// Whose resource, and whom it trusts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) owner: Option<&'a str>,
    pub(super) trust: &'a Trust,
}

pub(super) fn all_trusted(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut whole = Some(true);
    for answer in answers {
        match answer {
            Some(false) => return Some(false),
            None => whole = None,
            Some(true) => {}
        }
    }
    whole
}

fn either_trusted(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn plain(exposure: Exposure, trusted: Option<bool>) -> Class {
    Class {
        exposure,
        trusted,
        accounts: Vec::new(),
        organizations: Vec::new(),
        services: Vec::new(),
        source_accounts: Vec::new(),
        ground: Ground::Plain,
    }
}

/// Nobody.
pub(super) fn nobody() -> Class {
    plain(Exposure::None, Some(true))
}

/// Judges a box that is not empty.
pub(super) fn class(callers: &Callers<'_>, side: Side<'_>, work: &Work) -> Class {
    match callers.kind {
        Kind::Service => service(callers, side, work),
        Kind::Principal => principal(callers, side, work),
        Kind::Anonymous => {
            let exposure = if callers.network_is_bounded() { Exposure::Network } else { Exposure::Public };
            Class { ground: Ground::Anonymous, ..plain(exposure, Some(false)) }
        }
    }
}

fn principal(callers: &Callers<'_>, side: Side<'_>, work: &Work) -> Class {
    let organizations = organizations(callers, Key::PrincipalOrgId, Key::PrincipalOrgPaths, work);
    if organizations.as_ref().is_some_and(|list| list.is_empty()) {
        return nobody();
    }
    let organization_trust =
        organizations.as_ref().map(|ids| all_trusted(ids.iter().map(|id| Some(side.trust.organization(id)))));
    match accounts(callers, work) {
        Some(names) if names.is_empty() => nobody(),
        Some(names) => {
            let unnamed = names.contains(&"");
            let is_owner = |name: &str| name == OWNER || side.owner == Some(name);
            let foreign = names.iter().any(|name| !is_owner(name));
            let trusted = all_trusted(names.iter().map(|name| match *name {
                "" => Some(false),
                OWNER => Some(true),
                name => side.trust.account(name, side.owner),
            }));
            let exposure = if foreign { Exposure::CrossAccount } else { Exposure::SameAccount };
            let trusted = either_trusted(trusted, organization_trust.unwrap_or(Some(false)));
            let ground = match side.owner {
                _ if unnamed => Ground::Unnamed,
                None if foreign => Ground::OwnerUnknown,
                _ => Ground::Plain,
            };
            let accounts =
                names.into_iter().filter(|name| !name.is_empty()).map(|name| owned(name, side)).collect();
            Class { accounts, organizations: strings(organizations), ground, ..plain(exposure, trusted) }
        }
        None => match organizations {
            Some(organizations) => {
                let trusted = organization_trust.flatten();
                Class {
                    organizations: strings(Some(organizations)),
                    ..plain(Exposure::Organization, trusted)
                }
            }
            None if callers.network_is_bounded() => plain(Exposure::Network, Some(false)),
            None => {
                let few = callers.principals.leaves_out();
                let ground = if few { Ground::AllBut } else { Ground::Plain };
                Class { ground, ..plain(Exposure::Public, Some(false)) }
            }
        },
    }
}

fn owned(name: &str, side: Side<'_>) -> String {
    if name == OWNER { side.owner.unwrap_or("the owner") } else { name }.to_owned()
}

fn service(callers: &Callers<'_>, side: Side<'_>, work: &Work) -> Class {
    let may_be = |name: &str| {
        callers.key(Key::ServiceName).is_none_or(|set| {
            let other_name = |p: &Pattern<'_>| p.literal().is_some_and(|other| one_service(name, other));
            set.admits(name, work) || set.within.iter().flatten().any(other_name)
        })
    };
    let services = match &callers.services {
        Services::In(list) => {
            let left: Vec<&str> = list.iter().map(AsRef::as_ref).filter(|name| may_be(name)).collect();
            if left.is_empty() {
                return nobody();
            }
            Some(left)
        }
        Services::AllBut(_) => None,
    };
    let by_key =
        |key| -> Option<Vec<&str>> { callers.limited_to(key)?.iter().map(Pattern::literal).collect() };
    let services: Vec<&str> = match (services, by_key(Key::ServiceName)) {
        (Some(list), _) => list,
        (None, Some(list)) => {
            let spared = |name: &&str| !matches!(&callers.services, Services::AllBut(not) if not.iter().any(|other| other == name));
            let left: Vec<&str> = list.into_iter().filter(spared).collect();
            if left.is_empty() {
                return nobody();
            }
            left
        }
        // One of a service's names: it may have others.
        (None, None) => by_key(Key::ServiceNames).into_iter().flatten().collect(),
    };
    let organizations = organizations(callers, Key::SourceOrgId, Key::SourceOrgPaths, work);
    let mut sources = meet(
        account_key(callers, Key::SourceAccount),
        callers
            .limited_to(Key::SourceArn)
            .and_then(|list| list.iter().map(|p| fixed_account(p)).collect::<Option<Few<_>>>()),
    );
    // The account of the source's ARN is the source's: what the key may not be, that is not either.
    if let (Some(names), Some(set)) = (&mut sources, callers.key(Key::SourceAccount)) {
        let by_owner = set.within.iter().flatten().any(|pattern| pattern.text == OWNER);
        names.retain(|name| set.missing || by_owner || *name == OWNER || set.admits(name, work));
    }
    let token = callers.limited_to(Key::EventSourceToken).is_some_and(|l| l.iter().all(Pattern::is_whole));
    if sources.as_ref().is_some_and(|list| list.is_empty())
        || organizations.as_ref().is_some_and(|list| list.is_empty())
    {
        return nobody();
    }
    let services = services.into_iter().map(str::to_owned).collect();
    let base = |exposure, trusted| Class { services, ..plain(exposure, trusted) };
    if sources.is_none() && organizations.is_none() {
        if token {
            return Class { ground: Ground::Token, ..base(Exposure::ServiceRestricted, Some(true)) };
        }
        let ground = match callers.limited_to(Key::SourceArn) {
            Some(list) if list.iter().any(|p| p.text.contains(":s3:::")) => Ground::Bucket,
            Some(_) => Ground::SourceOpen,
            None => Ground::Plain,
        };
        return Class { ground, ..base(Exposure::ServiceUnrestricted, Some(false)) };
    }
    let account_trust = sources.as_ref().map_or(Some(false), |list| {
        all_trusted(list.iter().map(|name| match *name {
            OWNER => Some(true),
            name => side.trust.account(name, side.owner),
        }))
    });
    let organization_trust = organizations
        .as_ref()
        .map_or(Some(false), |ids| all_trusted(ids.iter().map(|id| Some(side.trust.organization(id)))));
    Class {
        source_accounts: sources.unwrap_or_default().into_iter().map(|name| owned(name, side)).collect(),
        organizations: strings(organizations),
        ..base(Exposure::ServiceRestricted, either_trusted(account_trust, organization_trust))
    }
}

/// May both be names of one service? A service may have names for its regions and parts beside its plain one, as
/// `logs.eu-west-1.amazonaws.com` and `delivery.logs.amazonaws.com` are of `logs.amazonaws.com`: such share a label.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalservicenameslist>
fn one_service(a: &str, b: &str) -> bool {
    let domain = |label: &&str| matches!(*label, "amazonaws" | "amazon" | "com" | "cn");
    let parts = |name| str::split(name, '.').filter(|label| !domain(label));
    parts(a).any(|label| parts(b).any(|other| other == label))
}

/// Two lists that both limit the same thing.
fn meet<'c>(a: Option<Few<&'c str>>, b: Option<Few<&'c str>>) -> Option<Few<&'c str>> {
    let mut list = match (a, b) {
        (Some(a), Some(b)) => {
            // An owner that is not known may be any account of the other list.
            let in_both = |x: &&&str, other: &[&str]| other.iter().any(|y| y == *x || *y == OWNER);
            let mut both: Few<&str> = a.iter().filter(|x| in_both(x, &b)).copied().collect();
            both.extend(b.iter().filter(|x| in_both(x, &a)).copied());
            both
        }
        (Some(list), None) | (None, Some(list)) => list,
        (None, None) => return None,
    };
    list.sort_unstable();
    list.dedup();
    Some(list)
}

fn strings(list: Option<Few<&str>>) -> Vec<String> {
    list.into_iter().flatten().map(str::to_owned).collect()
}

fn account_key<'c>(callers: &'c Callers<'_>, key: Key) -> Option<Few<&'c str>> {
    callers.limited_to(key)?.iter().map(Pattern::literal).collect()
}

/// The organizations that a box is limited to. `None`: not limited.
fn organizations<'c>(callers: &'c Callers<'_>, id: Key, paths: Key, work: &Work) -> Option<Few<&'c str>> {
    let fixed =
        |key| -> Option<Few<&'c str>> { callers.limited_to(key)?.iter().map(fixed_organization).collect() };
    let mut names = meet(fixed(id), fixed(paths))?;
    // Whoever has a path has the id that it starts with, whatever else is asked of that.
    let path = |name: &str| {
        callers.key(paths).is_none_or(|set| {
            let starts = |p: &Pattern<'_>| fixed_organization(p).is_none_or(|id| id == name);
            set.present && set.within.as_ref().is_none_or(|list| list.iter().any(starts))
        })
    };
    names.retain(|name| callers.key(id).is_none_or(|set| set.admits(name, work)) && path(name));
    Some(names)
}

/// The accounts that a box of principals is limited to, an empty name for one that the document does not tell.
/// `None`: not limited.
fn accounts<'c>(callers: &'c Callers<'_>, work: &Work) -> Option<Few<&'c str>> {
    let arns = callers.limited_to(Key::PrincipalArn);
    let without_arns = callers.key(Key::PrincipalArn).map_or(&[][..], |set| set.without.as_slice());
    let named: Option<Few<&str>> = callers.principals.among.as_ref().map(|list| {
        let allowed = |named: &&Named<'_>| {
            arns.is_none_or(|arns| arns.iter().any(|p| may_be(named, p, work)))
                && !own_arn(named).is_some_and(|arn| without_arns.iter().any(|p| p.matches(arn, work)))
        };
        list.iter().filter(allowed).map(|named| named.account.as_ref()).collect()
    });
    let out = &callers.principals.but;
    let fallen =
        |p: &&Pattern<'_>| p.literal().is_some_and(|arn| out.iter().any(|named| own_arn(named) == Some(arn)));
    let by_arn: Option<Few<&str>> =
        arns.and_then(|list| list.iter().filter(|p| !fallen(p)).map(fixed_account).collect());
    let by_user: Option<Few<&str>> = callers.limited_to(Key::UserId).and_then(|list| {
        let account = |id| if is_account(id) { id } else { "" };
        list.iter().map(|p| fixed_user(p).map(account)).collect()
    });
    let by_key = account_key(callers, Key::PrincipalAccount);
    let limits = [named, by_arn, by_user, by_key];
    if limits.iter().all(Option::is_none) {
        return None;
    }
    let limits = || limits.iter().flatten();
    // An unnamed principal, or an owner that is not known, may be in any account that another limit names.
    let open = |name: &&str| name.is_empty() || *name == OWNER;
    let mut names: Few<&str> = limits()
        .flatten()
        .filter(|name| !name.is_empty())
        .filter(|name| limits().all(|list| list.contains(name) || list.iter().any(open)))
        .copied()
        .collect();
    if limits().all(|list| list.iter().any(|name| name.is_empty())) {
        names.push("");
    }
    let excluded = |name: &str| {
        // A variable that could not be replaced is the owner, and the owner may be this account.
        let admitted = callers.key(Key::PrincipalAccount).is_none_or(|set| {
            let by_owner = set.within.as_ref().is_some_and(|list| list.iter().any(|p| p.text == OWNER));
            by_owner || set.admits(name, work)
        });
        let fallen = out.iter().any(|named| named.arn.is_none() && named.account == name);
        fallen || !admitted || arns_exclude(callers, name, work)
    };
    names.retain(|name| name.is_empty() || !excluded(name));
    names.sort_unstable();
    names.dedup();
    Some(names)
}

/// May the named principal have an ARN that the pattern matches?
fn may_be(named: &Named<'_>, pattern: &Pattern<'_>, work: &Work) -> bool {
    let fixed = fixed_account(pattern).filter(|account| *account != OWNER && !named.account.is_empty());
    if fixed.is_some_and(|account| account != named.account) {
        return false;
    }
    own_arn(named).is_none_or(|arn| pattern.matches(arn, work) || pattern.loose)
}

/// The one value that `aws:PrincipalArn` has for the named principal: a user's ARN, and a role's for its sessions
/// too. A session named as principal shows another ARN than its own.
fn own_arn<'n>(named: &'n Named<'_>) -> Option<&'n str> {
    let arn = named.arn.as_ref()?.literal()?;
    (arn.contains(":iam::") && (arn.contains(":user/") || arn.contains(":role/"))).then_some(arn)
}

/// Every principal of the account has an ARN that is excluded.
fn arns_exclude(callers: &Callers<'_>, account: &str, work: &Work) -> bool {
    let Some(set) = callers.key(Key::PrincipalArn) else { return false };
    // Names that no document has: a pattern that matches them matches by its wildcards.
    let samples = [
        "iam::ACCOUNT:root",
        "iam::ACCOUNT:user/\u{1}/\u{1}",
        "iam::ACCOUNT:role/\u{1}/\u{1}",
        "sts::ACCOUNT:federated-user/\u{1}",
    ];
    let out = callers.principals.but.as_slice();
    if set.within.as_ref().is_some_and(|list| list.iter().all(|p| is_excluded_in(p, account, set, out, work)))
    {
        return true;
    }
    set.without.iter().any(|pattern| {
        ["aws", "aws-cn", "\u{1}"].iter().all(|partition| {
            samples.iter().all(|sample| {
                pattern.matches(&format!("arn:{partition}:{}", sample.replace("ACCOUNT", account)), work)
            })
        })
    })
}

/// No ARN that the pattern matches is in the account, unless it is excluded, or that of a principal who is `out`.
fn is_excluded_in(
    pattern: &Pattern<'_>,
    account: &str,
    set: &KeySet<'_>,
    out: &[Named<'_>],
    work: &Work,
) -> bool {
    let Some(parts) = arn_parts(&pattern.text) else { return false };
    if account == OWNER || parts[4].contains(OWNER) {
        return false;
    }
    let [arn, partition, service, region, _, resource] = parts;
    if pattern.manner == Manner::Glob && !parts[..4].iter().any(|part| part.contains(['*', '?'])) {
        // What stands before the account is fixed; behind it anything may follow, colons included.
        let text = format!("{arn}:{partition}:{service}:{region}:{account}:*");
        let narrowed = Pattern { text: text.into(), manner: Manner::Glob, loose: false };
        return set.without.iter().any(|not| not.covers(&narrowed, work));
    }
    if pattern.manner != Manner::Arn {
        return false;
    }
    let text = format!("{arn}:{partition}:{service}:{region}:{account}:{resource}");
    let is_out = |named: &Named<'_>| own_arn(named) == Some(text.as_str());
    if !has_wildcard(&text) && out.iter().any(is_out) {
        return true;
    }
    let narrowed = Pattern { text: text.into(), manner: Manner::Arn, loose: false };
    !glob(parts[4], account, work) || set.without.iter().any(|not| not.covers(&narrowed, work))
}
