//! The words: why a condition binds or not, and what a grant comes down to. Nothing is decided here.

use std::borrow::Cow;

use super::callers::endpoint_is_fixed;
use super::class::{Class, Ground, Side};
use super::condition::{
    Key, Meaning, Missing, Values, fixed_account, fixed_organization, fixed_user, possible,
};
use super::document::{Condition, Few};
use super::json::{self, Node, Value};
use super::network::IpSet;
use super::pattern::Pattern;
use super::principal::Cast;
use super::words::kept;
use super::{ConditionNote, Exposure, Grant, Normal, Reach};

/// Judges one condition alone, for people: exposure comes from all of them together.
pub(super) fn note(condition: &Condition<'_>, meaning: &Meaning<'_>, cast: &Cast<'_>) -> ConditionNote {
    let (binds, why) = verdict(condition, meaning, cast);
    ConditionNote {
        key: kept(condition.key),
        operator: kept(condition.operator),
        values: condition.values.iter().map(|value| value.clone().into_owned()).collect(),
        binds,
        why,
        span: condition.span.clone(),
    }
}

type Why = Cow<'static, str>;

fn verdict(condition: &Condition<'_>, meaning: &Meaning<'_>, cast: &Cast<'_>) -> (bool, Why) {
    let says = |text: &'static str| (false, Cow::Borrowed(text));
    if let Some(why) = meaning.ignored {
        return match meaning.key {
            Key::Free if condition.fault.is_none() => says(free(condition.key)),
            _ => (false, Cow::Owned(format!("nothing follows from it: {why}"))),
        };
    }
    if matches!(meaning.key, Key::UrlAuthType | Key::ViaUrl) {
        return says("it says how the function is called, not who calls");
    }
    match &meaning.values {
        Values::None => return says("it asks that the key be missing, which names no one"),
        Values::All => {
            return if services_only(meaning.key) {
                says("it only asks for a call made by an AWS service, for whichever customer")
            } else {
                says("it only asks that the key be there, whatever its value")
            };
        }
        Values::NotIn(_) | Values::NotIp(_) => {
            return says("a negated operator admits everyone it does not name");
        }
        _ => {}
    }
    let services = !cast.services.is_empty();
    let signed = !cast.principals.is_empty();
    if meaning.missing == Missing::False {
        if principals_only(meaning.key) && services && !signed {
            return (true, "no AWS service calling for itself has this key, so nobody is admitted".into());
        }
        if services_only(meaning.key) && signed && !services {
            return (true, "only calls made by AWS services have this key, so nobody is admitted".into());
        }
    } else {
        let always =
            matches!(meaning.key, Key::PrincipalAccount | Key::PrincipalArn | Key::UserId | Key::IsService);
        if !always || services || cast.anonymous {
            return says("a caller that lacks the key passes");
        }
    }
    match &meaning.values {
        Values::Ip(set) => {
            let reachable = set.intersect(&IpSet::internet());
            if reachable.is_empty() {
                (true, "private addresses never appear in aws:SourceIp, so nobody is admitted".into())
            } else if !reachable.is_bounded() {
                says("the networks are too wide to bound anyone (over /8, or /32 in IPv6)")
            } else if !signed && !cast.anonymous {
                says("an AWS service calls from its own addresses, whomever it acts for")
            } else {
                (true, "only calls from these addresses are admitted".into())
            }
        }
        Values::In(list) => named(meaning.key, list),
        _ => says("it cannot name a caller with this operator and key"),
    }
}

fn named(key: Key, list: &[Pattern<'_>]) -> (bool, Why) {
    let fixed = |test: &dyn Fn(&Pattern<'_>) -> bool, binds: &'static str, not: &'static str| {
        if list.iter().all(test) { (true, binds.into()) } else { (false, Cow::Borrowed(not)) }
    };
    if !list.iter().any(|pattern| possible(key, pattern)) {
        return (true, "no caller has such a value, so nobody is admitted".into());
    }
    match key {
        Key::PrincipalAccount => fixed(
            &|p| p.literal().is_some(),
            "only these accounts are admitted",
            "the pattern does not fix an account",
        ),
        Key::PrincipalArn => fixed(
            &|p| fixed_account(p).is_some(),
            "only principals of the ARN's account are admitted",
            "the pattern does not fix the principal's account",
        ),
        Key::PrincipalOrgId | Key::PrincipalOrgPaths => fixed(
            &|p| fixed_organization(p).is_some(),
            "only members of the organization are admitted",
            "the pattern does not fix an organization",
        ),
        Key::UserId => fixed(
            &|p| fixed_user(p).is_some(),
            "only the principal with this unique id is admitted",
            "the pattern does not fix a unique id",
        ),
        Key::IsService if list.iter().any(|p| p.text == "false") => {
            (false, "it only keeps AWS services out".into())
        }
        Key::IsService | Key::ServiceName | Key::ServiceNames => {
            (true, "only AWS services are admitted, acting for whichever customer".into())
        }
        Key::SourceAccount => fixed(
            &|p| p.literal().is_some(),
            "the service may act for these accounts only",
            "the pattern does not fix an account",
        ),
        Key::SourceArn if list.iter().any(|p| fixed_account(p).is_none() && p.text.contains(":s3:::")) => {
            (false, "the bucket's owner is not fixed: a bucket's ARN has no account".into())
        }
        Key::SourceArn => fixed(
            &|p| fixed_account(p).is_some(),
            "the service may act for the ARN's account only",
            "the pattern does not fix the source's account",
        ),
        Key::SourceOrgId | Key::SourceOrgPaths => fixed(
            &|p| fixed_organization(p).is_some(),
            "the service may act for members of the organization only",
            "the pattern does not fix an organization",
        ),
        Key::EventSourceToken => fixed(
            &|p| p.is_whole(),
            "only the event source with this token is admitted",
            "the pattern does not fix a token",
        ),
        Key::VpcSourceIp => (false, "addresses inside a VPC repeat in any customer's VPC".into()),
        key => fixed(
            &|p| endpoint_is_fixed(key, p),
            "only calls through the named network are admitted",
            "the pattern does not fix a network",
        ),
    }
}

fn services_only(key: Key) -> bool {
    matches!(
        key,
        Key::SourceAccount
            | Key::SourceArn
            | Key::SourceOrgId
            | Key::SourceOrgPaths
            | Key::EventSourceToken
            | Key::ServiceName
            | Key::ServiceNames
    )
}

fn principals_only(key: Key) -> bool {
    matches!(
        key,
        Key::PrincipalAccount
            | Key::PrincipalArn
            | Key::PrincipalOrgId
            | Key::PrincipalOrgPaths
            | Key::UserId
    )
}

fn free(key: &str) -> &'static str {
    let key = key.to_ascii_lowercase();
    let (_, name) = key.split_once(':').unwrap_or(("", key.as_str()));
    match name.split('/').next().unwrap_or_default() {
        "resourceaccount" | "resourceorgid" | "resourceorgpaths" => {
            "it is about the function's owner, not the caller"
        }
        "principaltag" | "username" | "sourceidentity" | "principaltype" | "federatedprovider" => {
            "any account can give this to its own principals"
        }
        "useragent" | "referer" | "requesttag" | "tagkeys" => "any caller can send this",
        "calledvia" | "calledviafirst" | "calledvialast" | "viaawsservice" => {
            "principals of any account can call through a service"
        }
        "currenttime" | "epochtime" => "it says when, not who",
        "multifactorauthage" | "multifactorauthpresent" | "tokenissuetime" => {
            "it says how the caller signed in, not whose it is"
        }
        "securetransport" => "it says how the request travels, not who calls",
        _ => "it does not say who calls",
    }
}

/// What a Deny does.
pub(super) fn deny(cast: &Cast<'_>, meanings: &[Meaning<'_>]) -> &'static str {
    match (cast.unread, meanings.iter().any(|meaning| meaning.ignored.is_some())) {
        (Some(_), _) => "it denies, but its principal cannot be read in full, so less is taken away for sure",
        (None, true) => "it denies, but a condition leaves open whom: it takes away nobody for sure",
        (None, false) if meanings.is_empty() => "it denies everyone it names",
        (None, false) => "it denies whoever it names while its conditions hold",
    }
}

/// Sums up the boxes of one class of actions.
pub(super) fn reach(
    mut classes: Few<Class>,
    cast: &Cast<'_>,
    notes: &[ConditionNote],
    actions: Vec<Cow<'static, str>>,
    met: Met,
    side: Side<'_>,
) -> Reach {
    let trusted = super::class::all_trusted(classes.iter().map(|class| class.trusted));
    let worst = classes.iter().min_by_key(|class| class.exposure.rank());
    let exposure = worst.map_or(Exposure::None, |class| class.exposure);
    let reason = worst.map_or("".into(), |class| sentence(class, cast, notes, met, side));
    let mut together = |pick: fn(&mut Class) -> &mut Vec<String>| {
        let mut all = Vec::new();
        for class in &mut classes {
            // The first list is taken as it is: mostly there is no other.
            match all.is_empty() {
                true => all = std::mem::take(pick(class)),
                false => all.append(pick(class)),
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    };
    Reach {
        listed: false,
        exposure,
        trusted,
        reason,
        accounts: together(|class| &mut class.accounts),
        organizations: together(|class| &mut class.organizations),
        services: together(|class| &mut class.services),
        source_accounts: together(|class| &mut class.source_accounts),
        actions,
    }
}

/// Does the statement admit anyone before a Deny is asked?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    Possible,
    Never,
}

/// The sentence in one piece of memory.
fn said(parts: &[&str]) -> Cow<'static, str> {
    Cow::Owned(parts.concat())
}

/// `before`, the names with commas between them, `after`.
fn listed<'s>(
    before: &str,
    names: impl Iterator<Item = &'s String> + Clone,
    after: &str,
) -> Cow<'static, str> {
    let length: usize = names.clone().map(|name| name.len() + 2).sum();
    let mut text = String::with_capacity(before.len() + length + after.len());
    text.push_str(before);
    for (index, name) in names.enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(name);
    }
    text.push_str(after);
    Cow::Owned(text)
}

/// The services, then `after`.
fn services(class: &Class, after: &str) -> Cow<'static, str> {
    if class.services.is_empty() {
        said(&["AWS services", after])
    } else {
        listed("", class.services.iter(), after)
    }
}

fn sentence(
    class: &Class,
    cast: &Cast<'_>,
    notes: &[ConditionNote],
    met: Met,
    side: Side<'_>,
) -> Cow<'static, str> {
    match (class.exposure, class.ground) {
        (Exposure::Public, Ground::Anonymous) => {
            "anyone can call it through its URL, without credentials".into()
        }
        (Exposure::Public, Ground::AllBut) => "every AWS account but the ones taken out is admitted".into(),
        (Exposure::Public, _) => {
            let start = if cast.principals.leaves_out() {
                "NotPrincipal admits everyone it does not name"
            } else {
                "any AWS account is admitted"
            };
            match notes {
                [] => said(&[start, ", and no condition limits who calls"]),
                [only] => said(&[start, ": ", &only.key, " does not bind the caller, ", &only.why]),
                _ => said(&[start, ": none of the conditions binds the caller"]),
            }
        }
        (Exposure::CrossAccount, Ground::Unnamed) => {
            "a principal is admitted whose account the document does not tell".into()
        }
        (Exposure::CrossAccount, Ground::OwnerUnknown) => listed(
            "principals of ",
            class.accounts.iter(),
            " are admitted; the owner's account is not known, so none is taken for its own",
        ),
        (Exposure::CrossAccount, _) => {
            let foreign = class.accounts.iter().filter(|name| side.owner != Some(name.as_str()));
            listed("principals of ", foreign, " are admitted")
        }
        (Exposure::Network, _) => "any AWS account is admitted from the named networks".into(),
        (Exposure::ServiceUnrestricted, Ground::Bucket) => {
            services(class, " may call for any customer: the bucket's owner is not fixed (no source account)")
        }
        (Exposure::ServiceUnrestricted, Ground::SourceOpen) => {
            services(class, " may call for any customer: the source ARN fixes no account")
        }
        (Exposure::ServiceUnrestricted, _) => {
            services(class, " may call for any customer: no source account, organization or ARN fixes one")
        }
        (Exposure::Organization, _) => listed("members of ", class.organizations.iter(), " are admitted"),
        (Exposure::ServiceRestricted, Ground::Token) => {
            services(class, " may call for one event source, fixed by its token")
        }
        (Exposure::ServiceRestricted, _) => {
            let whom =
                if class.source_accounts.is_empty() { &class.organizations } else { &class.source_accounts };
            let who = services(class, " may call for ");
            listed(&who, whom.iter(), " only")
        }
        (Exposure::SameAccount, _) => "only the owner's own principals are admitted".into(),
        (Exposure::None, _) => nobody(cast, notes, met),
        (Exposure::Unknown, _) => "it cannot be read".into(),
    }
}

fn nobody(cast: &Cast<'_>, notes: &[ConditionNote], met: Met) -> Cow<'static, str> {
    let empty = cast.principals.is_empty() && cast.services.is_empty() && !cast.anonymous;
    if empty && cast.departed {
        return "nobody: its principals are deleted, only their unique ids are left (remove the statement)"
            .into();
    }
    if met == Met::Possible {
        return "nobody: a Deny takes away everyone it would admit".into();
    }
    match notes.iter().find(|note| note.why.ends_with("nobody is admitted")) {
        Some(note) => {
            let why = note.why.trim_end_matches(", so nobody is admitted");
            said(&["nobody: ", &note.key, " cannot be met, because ", why])
        }
        None => "nobody: its conditions cannot be met together".into(),
    }
}

impl Grant {
    /// Does it name this action (`lambda:InvokeFunction`)? Actions are case-insensitive, and may have wildcards.
    /// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>
    pub fn names_action(&self, action: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let named = |written: &Cow<'_, str>| {
            wildmatch::WildMatch::new(&written.to_ascii_lowercase()).matches(&action)
        };
        self.actions.iter().any(named) != self.not_action
    }

    /// The statement in the form that fingerprints use. Made when asked for.
    pub fn normal(&self) -> Normal {
        let sorted = |mut list: Vec<String>| {
            list.sort_unstable();
            list.dedup();
            list
        };
        let text = self.principal.as_ref().map_or("null", |written| written.as_str());
        let mut principals = Vec::new();
        if let Ok(node) = json::parse(text) {
            match node.get("NotPrincipal") {
                Some(spared) => principal_names(spared, "not ", &mut principals),
                None => principal_names(&node, "", &mut principals),
            }
        }
        let prefix = if self.not_action { "not " } else { "" };
        let condition = |note: &ConditionNote| {
            let mut values: Vec<&str> = note.values.iter().map(String::as_str).collect();
            values.sort_unstable();
            let (operator, key) = (note.operator.to_ascii_lowercase(), note.key.to_ascii_lowercase());
            format!("{operator} {key} {}", values.join("|"))
        };
        Normal {
            principals: sorted(principals),
            actions: sorted(
                self.actions.iter().map(|a| format!("{prefix}{}", a.to_ascii_lowercase())).collect(),
            ),
            conditions: sorted(self.conditions.iter().map(condition).collect()),
        }
    }
}

fn principal_names(node: &Node<'_>, prefix: &str, out: &mut Vec<String>) {
    let mut name = |kind: &str, value: &Node<'_>| {
        let value = value.text().map_or_else(|| value.to_compact(), str::to_owned);
        let value = match super::pattern::arn_parts(&value) {
            Some(["arn", _, "iam", _, account, "root"]) => account,
            _ => value.as_str(),
        };
        out.push(if value == "*" { format!("{prefix}*") } else { format!("{prefix}{kind}:{value}") });
    };
    match &node.value {
        Value::Object(kinds) => {
            for kind in kinds {
                match &kind.node.value {
                    Value::Array(list) => list.iter().for_each(|value| name(&kind.name, value)),
                    _ => name(&kind.name, &kind.node),
                }
            }
        }
        _ => name("", node),
    }
}
