//! What one condition demands: an operator and a key, turned into the values that make it true and whether it is
//! true where the key is missing.
//!
//! Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>,
//! `reference_policies_condition-single-vs-multi-valued-context-keys.html` (set operators),
//! `reference_policies_condition-keys.html` (keys), `reference_policies_variables.html`.

use std::borrow::Cow;

use super::document::{Condition, Few};
use super::network::IpSet;
use super::pattern::{Manner, Pattern, is_account};

/// A condition key that says who calls or how. Everything else is [`Key::Free`]: any account can bring it about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    PrincipalAccount,
    PrincipalArn,
    PrincipalOrgId,
    PrincipalOrgPaths,
    UserId,
    IsService,
    ServiceName,
    ServiceNames,
    SourceAccount,
    SourceArn,
    SourceOrgId,
    SourceOrgPaths,
    EventSourceToken,
    SourceIp,
    SourceVpc,
    SourceVpce,
    SourceVpcArn,
    VpceAccount,
    VpceOrgId,
    VpceOrgPaths,
    VpcSourceIp,
    UrlAuthType,
    ViaUrl,
    /// Known, and not about the caller or in any caller's hand.
    Free,
    /// Not a key this program knows.
    Unknown,
}

const KEYS: &[(&str, Key)] = &[
    ("aws:principalaccount", Key::PrincipalAccount),
    ("aws:principalarn", Key::PrincipalArn),
    ("aws:principalorgid", Key::PrincipalOrgId),
    ("aws:principalorgpaths", Key::PrincipalOrgPaths),
    ("aws:userid", Key::UserId),
    ("aws:principalisawsservice", Key::IsService),
    ("aws:principalservicename", Key::ServiceName),
    ("aws:principalservicenameslist", Key::ServiceNames),
    ("aws:sourceaccount", Key::SourceAccount),
    ("aws:sourcearn", Key::SourceArn),
    ("aws:sourceorgid", Key::SourceOrgId),
    ("aws:sourceorgpaths", Key::SourceOrgPaths),
    ("lambda:eventsourcetoken", Key::EventSourceToken),
    ("aws:sourceip", Key::SourceIp),
    ("aws:sourcevpc", Key::SourceVpc),
    ("aws:sourcevpce", Key::SourceVpce),
    ("aws:sourcevpcarn", Key::SourceVpcArn),
    ("aws:vpceaccount", Key::VpceAccount),
    ("aws:vpceorgid", Key::VpceOrgId),
    ("aws:vpceorgpaths", Key::VpceOrgPaths),
    ("aws:vpcsourceip", Key::VpcSourceIp),
    ("lambda:functionurlauthtype", Key::UrlAuthType),
    ("lambda:invokedviafunctionurl", Key::ViaUrl),
    ("aws:resourceaccount", Key::Free),
    ("aws:resourceorgid", Key::Free),
    ("aws:resourceorgpaths", Key::Free),
    ("aws:calledvia", Key::Free),
    ("aws:calledviafirst", Key::Free),
    ("aws:calledvialast", Key::Free),
    ("aws:currenttime", Key::Free),
    ("aws:epochtime", Key::Free),
    ("aws:tokenissuetime", Key::Free),
    ("aws:multifactorauthage", Key::Free),
    ("aws:multifactorauthpresent", Key::Free),
    ("aws:principaltype", Key::Free),
    ("aws:referer", Key::Free),
    ("aws:requestedregion", Key::Free),
    ("aws:securetransport", Key::Free),
    ("aws:sourceidentity", Key::Free),
    ("aws:tagkeys", Key::Free),
    ("aws:useragent", Key::Free),
    ("aws:username", Key::Free),
    ("aws:viaawsservice", Key::Free),
    ("aws:federatedprovider", Key::Free),
    ("aws:chatbotsourcearn", Key::Free),
    ("aws:ec2instancesourcevpc", Key::Free),
    ("aws:ec2instancesourceprivateipv4", Key::Free),
    ("lambda:sourcefunctionarn", Key::Free),
    ("lambda:functionarn", Key::Free),
    ("lambda:layer", Key::Free),
    ("lambda:principal", Key::Free),
    ("lambda:vpcids", Key::Free),
    ("lambda:subnetids", Key::Free),
    ("lambda:securitygroupids", Key::Free),
    ("lambda:codesigningconfigarn", Key::Free),
];

const FREE_PREFIXES: &[&str] = &["aws:principaltag/", "aws:requesttag/", "aws:resourcetag/"];

impl Key {
    /// Key names are compared without regard to case.
    pub(super) fn of(name: &str) -> Self {
        if let Some((_, key)) = KEYS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return *key;
        }
        let starts =
            |prefix: &&str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        if FREE_PREFIXES.iter().any(starts) { Key::Free } else { Key::Unknown }
    }

    fn is_arn(self) -> bool {
        matches!(self, Self::PrincipalArn | Self::SourceArn | Self::SourceVpcArn)
    }

    fn is_bool(self) -> bool {
        matches!(self, Self::IsService | Self::ViaUrl)
    }
}

/// What a condition yields for a caller that lacks the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    True,
    False,
    /// The documentation does not say for this combination.
    Unsaid,
}

/// The values of the key for which the condition is true.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values<'n> {
    In(Few<Pattern<'n>>),
    NotIn(Few<Pattern<'n>>),
    Ip(IpSet),
    NotIp(IpSet),
    /// Some, and which cannot be told.
    Some,
    /// All: the condition asks for presence.
    All,
    /// None: the condition asks for absence.
    None,
}

/// A condition as a set of situations.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meaning<'n> {
    pub(crate) key: Key,
    pub(crate) missing: Missing,
    pub(crate) values: Values<'n>,
    /// `Some` if nothing may be concluded from the condition, with why.
    pub(crate) ignored: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SetOperator {
    None,
    All,
    Any,
}

#[derive(Clone, Copy)]
enum Base {
    Text(Manner),
    Bool,
    Ip,
    Null,
    /// Numbers, dates, bytes: compared with keys that never say who calls.
    Other,
}

/// An operator's parts.
#[derive(Clone, Copy)]
struct Operator {
    set: SetOperator,
    negated: bool,
    if_exists: bool,
    base: Base,
}

const BASES: &[(&str, Base, bool)] = &[
    ("stringequals", Base::Text(Manner::Exact), false),
    ("stringlike", Base::Text(Manner::Glob), false),
    ("arnlike", Base::Text(Manner::Arn), false),
    ("arnequals", Base::Text(Manner::Arn), false),
    ("stringnotequals", Base::Text(Manner::Exact), true),
    ("stringnotlike", Base::Text(Manner::Glob), true),
    ("stringequalsignorecase", Base::Text(Manner::AnyCase), false),
    ("stringnotequalsignorecase", Base::Text(Manner::AnyCase), true),
    ("arnnotlike", Base::Text(Manner::Arn), true),
    ("arnnotequals", Base::Text(Manner::Arn), true),
    ("bool", Base::Bool, false),
    ("ipaddress", Base::Ip, false),
    ("notipaddress", Base::Ip, true),
    ("null", Base::Null, false),
    ("numericequals", Base::Other, false),
    ("numericnotequals", Base::Other, true),
    ("numericlessthan", Base::Other, false),
    ("numericlessthanequals", Base::Other, false),
    ("numericgreaterthan", Base::Other, false),
    ("numericgreaterthanequals", Base::Other, false),
    ("dateequals", Base::Other, false),
    ("datenotequals", Base::Other, true),
    ("datelessthan", Base::Other, false),
    ("datelessthanequals", Base::Other, false),
    ("dategreaterthan", Base::Other, false),
    ("dategreaterthanequals", Base::Other, false),
    ("binaryequals", Base::Other, false),
];

fn strip_start<'s>(text: &'s str, prefix: &str) -> Option<&'s str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn strip_end<'s>(text: &'s str, suffix: &str) -> Option<&'s str> {
    let at = text.len().checked_sub(suffix.len())?;
    text.get(at..)?.eq_ignore_ascii_case(suffix).then(|| &text[..at])
}

impl Operator {
    fn of(name: &str) -> Option<Self> {
        let (set, name) = if let Some(rest) = strip_start(name, "ForAllValues:") {
            (SetOperator::All, rest)
        } else if let Some(rest) = strip_start(name, "ForAnyValue:") {
            (SetOperator::Any, rest)
        } else {
            (SetOperator::None, name)
        };
        let (if_exists, name) = match strip_end(name, "IfExists") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let (_, base, negated) = BASES.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        Some(Self { set, negated: *negated, if_exists, base: *base })
    }

    /// A missing key makes a positive operator false and a negated one true; `IfExists` and `ForAllValues` true;
    /// `ForAnyValue` false, even where negated.
    fn missing(self) -> Missing {
        match (self.set, self.if_exists) {
            (SetOperator::Any, true) => Missing::Unsaid,
            (SetOperator::Any, false) => Missing::False,
            (SetOperator::All, _) | (SetOperator::None, true) => Missing::True,
            (SetOperator::None, false) if self.negated => Missing::True,
            (SetOperator::None, false) => Missing::False,
        }
    }
}

/// What `aws:PrincipalAccount` and `aws:userid` are for a caller without credentials.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalaccount>
pub(super) const ANONYMOUS: &str = "anonymous";

/// Stands for the owner's account id where it is not known.
pub(super) const OWNER: &str = "(owner)";
/// The variable that always holds the owner's account id.
const OWNER_VARIABLE: &str = "${aws:ResourceAccount}";

/// Replaces policy variables. Yes, a document of an older version than 2012-10-17 has no variables; reading them
/// there admits more, never fewer, because a replaced pattern is loose.
fn resolve<'n>(value: &Cow<'n, str>, owner: Option<&'n str>, manner: Manner) -> Pattern<'n> {
    if !value.contains("${") {
        return Pattern { text: value.clone(), manner, loose: false };
    }
    if value.eq_ignore_ascii_case(OWNER_VARIABLE) {
        return Pattern { text: Cow::Borrowed(owner.unwrap_or(OWNER)), manner: Manner::Exact, loose: true };
    }
    let mut text = String::with_capacity(value.len());
    let mut rest: &str = value;
    let mut shifts = false;
    while let Some(at) = rest.find("${") {
        text.push_str(&rest[..at]);
        // One that does not end may be anything too, and so is one whose default may hold the brace.
        let Some(end) =
            rest[at..].find('}').filter(|end| rest[at..at + end].matches('\'').count().is_multiple_of(2))
        else {
            shifts |= text.matches(':').count() < 5;
            text.push('*');
            rest = "";
            break;
        };
        let name = &rest[at + 2..at + end];
        match name.split(',').next().map(str::trim) {
            Some(name) if name.eq_ignore_ascii_case("aws:ResourceAccount") => {
                text.push_str(owner.unwrap_or(OWNER))
            }
            _ => {
                shifts |= text.matches(':').count() < 5;
                text.push('*');
            }
        }
        rest = &rest[at + end + 1..];
    }
    text.push_str(rest);
    let manner = match manner {
        // A tag's value may hold colons: one before an ARN's last part may move its account.
        Manner::Arn if !shifts => Manner::Arn,
        _ => Manner::Glob,
    };
    Pattern { text: Cow::Owned(text), manner, loose: true }
}

/// Reads a condition. `owner` is the account of the resource.
pub(crate) fn meaning<'n>(condition: &Condition<'n>, owner: Option<&'n str>) -> Meaning<'n> {
    let key = Key::of(condition.key);
    let ignored = |why| Meaning { key, missing: Missing::Unsaid, values: Values::Some, ignored: Some(why) };
    if let Some(why) = condition.fault {
        return ignored(why);
    }
    let Some(operator) = Operator::of(condition.operator) else {
        return ignored("the operator is unknown");
    };
    match key {
        Key::Unknown => return ignored("the key is unknown"),
        Key::Free => return ignored("any caller can bring this about"),
        _ => {}
    }
    let list = |patterns| if operator.negated { Values::NotIn(patterns) } else { Values::In(patterns) };
    let mut missing = operator.missing();
    let values = match operator.base {
        Base::Null => {
            let truth = |text: &str| condition.values.iter().all(|value| value.eq_ignore_ascii_case(text));
            if operator.set != SetOperator::None || operator.if_exists {
                return ignored("this form of Null is not documented");
            } else if truth("true") {
                missing = Missing::True;
                Values::None
            } else if truth("false") {
                missing = Missing::False;
                Values::All
            } else {
                return ignored("Null takes true or false");
            }
        }
        Base::Other => Values::Some,
        Base::Bool => {
            let mut patterns = Few::new();
            for value in &condition.values {
                match value {
                    value if value.eq_ignore_ascii_case("true") => patterns.push(Pattern::exact("true")),
                    value if value.eq_ignore_ascii_case("false") => patterns.push(Pattern::exact("false")),
                    _ => return ignored("Bool takes true or false"),
                }
            }
            if key.is_bool() { list(patterns) } else { Values::Some }
        }
        Base::Ip if key == Key::SourceIp => match IpSet::of(&condition.values) {
            Some(set) if operator.negated => Values::NotIp(set),
            Some(set) => Values::Ip(set),
            None => return ignored("a value is not an address or a network"),
        },
        Base::Ip => Values::Some,
        Base::Text(Manner::Arn) if !key.is_arn() => Values::Some,
        Base::Text(Manner::Exact) if key == Key::SourceIp => match IpSet::of_addresses(&condition.values) {
            Some(set) if operator.negated => Values::NotIp(set),
            Some(set) => Values::Ip(set),
            None => Values::Some,
        },
        Base::Text(_) if key == Key::SourceIp || key == Key::VpcSourceIp => Values::Some,
        Base::Text(manner) => {
            let pattern = |value| one_case(key, resolve(value, owner, manner));
            list(condition.values.iter().map(pattern).collect())
        }
    };
    // A variable that has no value makes the whole statement invalid, and then it neither admits nor denies.
    // Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
    let open = |value: &Cow<'_, str>| value.contains("${") && !value.eq_ignore_ascii_case(OWNER_VARIABLE);
    if missing == Missing::True && condition.values.iter().any(open) {
        missing = Missing::Unsaid;
    }
    Meaning { key, missing, values, ignored: None }
}

/// Where a key's values have letters of one case only, a comparison without regard to case is an exact one.
/// Source: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html> (ids' patterns)
fn one_case(key: Key, mut pattern: Pattern<'_>) -> Pattern<'_> {
    if pattern.manner != Manner::AnyCase {
        return pattern;
    }
    let text = match key {
        Key::UrlAuthType => pattern.text.to_ascii_uppercase(),
        Key::PrincipalOrgId | Key::SourceOrgId | Key::VpceOrgId => pattern.text.to_ascii_lowercase(),
        Key::PrincipalOrgPaths | Key::SourceOrgPaths | Key::VpceOrgPaths => pattern.text.to_ascii_lowercase(),
        Key::SourceVpc | Key::SourceVpce | Key::ServiceName | Key::ServiceNames => {
            pattern.text.to_ascii_lowercase()
        }
        _ => return pattern,
    };
    pattern.text = Cow::Owned(text);
    pattern.manner = Manner::Exact;
    pattern
}

/// Can the key ever have a value that the pattern matches? An account id has twelve digits, an organization id starts
/// with `o-`; under an operator without wildcards, `*` is a character that neither has.
pub(super) fn possible(key: Key, pattern: &Pattern<'_>) -> bool {
    if !pattern.is_whole() {
        return true;
    }
    let text = pattern.text.as_ref();
    match key {
        Key::PrincipalAccount if text == ANONYMOUS => true,
        Key::PrincipalAccount | Key::SourceAccount | Key::VpceAccount => is_account(text) || text == OWNER,
        Key::PrincipalOrgId | Key::SourceOrgId | Key::VpceOrgId => {
            is_organization(text) && !text.contains('/')
        }
        Key::PrincipalOrgPaths | Key::SourceOrgPaths | Key::VpceOrgPaths => is_organization(text),
        Key::PrincipalArn | Key::SourceArn | Key::SourceVpcArn => match super::pattern::arn_parts(text) {
            Some([arn, partition, service, region, account, resource]) => {
                arn == "arn"
                    && ![partition, service, region, account].iter().any(|part| part.contains(['*', '?']))
                    // A bucket's name has neither character. Other services' resources are left alone.
                    && (service != "s3" || !resource.contains(['*', '?']))
            }
            // Whether an ARN operator takes a pattern with too few parts for one that matches is not documented.
            None => pattern.manner == Manner::Arn,
        },
        Key::UserId | Key::SourceVpc | Key::SourceVpce | Key::ServiceName | Key::ServiceNames => {
            !text.contains(['*', '?'])
        }
        _ => true,
    }
}

/// What every value of the key that the pattern matches has in common: an account, an organization, a unique id.
pub(super) fn fixed<'p>(key: Key, pattern: &'p Pattern<'_>) -> Option<&'p str> {
    match key {
        Key::PrincipalArn | Key::SourceArn | Key::SourceVpcArn => fixed_account(pattern),
        Key::PrincipalOrgPaths | Key::SourceOrgPaths | Key::VpceOrgPaths => fixed_organization(pattern),
        Key::UserId => fixed_user(pattern),
        _ => None,
    }
}

/// The account that a pattern over ARNs fixes, if every ARN it matches is in one account.
pub(super) fn fixed_account<'p>(pattern: &'p Pattern<'_>) -> Option<&'p str> {
    let [arn, partition, service, region, account, _] = super::pattern::arn_parts(&pattern.text)?;
    let whole = is_account(account) || account == OWNER;
    // Under StringLike a wildcard before the account may swallow colons, and with them the place of the account.
    let crossing = pattern.manner == Manner::Glob
        && [arn, partition, service, region].iter().any(|part| part.contains(['*', '?']));
    (whole && !crossing).then_some(account)
}

/// The organization that a pattern fixes: a whole id, or the first part of a path.
pub(super) fn fixed_organization<'p>(pattern: &'p Pattern<'_>) -> Option<&'p str> {
    let id = pattern.text.split('/').next()?;
    let id = if pattern.text.contains('/') || pattern.is_whole() { id } else { return None };
    is_organization(id).then_some(id)
}

/// An organization's id, or a path that starts with one.
fn is_organization(text: &str) -> bool {
    text.len() > 2 && strip_start(text, "o-").is_some() && !text.contains(['*', '?', '$'])
}

/// The unique id that a pattern over `aws:userid` fixes: all of it, or what stands before the session's name. The
/// root user's is the account id, a federated user's starts with it.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>
pub(super) fn fixed_user<'p>(pattern: &'p Pattern<'_>) -> Option<&'p str> {
    let id = pattern.text.split(':').next()?;
    let whole = pattern.is_whole() || pattern.text.contains(':');
    (whole && id.len() >= 12 && !id.contains(['*', '?', '$'])).then_some(id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn column(text: &str, name: &str) -> BTreeSet<String> {
        let row = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        text.lines().map(|line| row(line)[name].as_str().unwrap().to_ascii_lowercase()).collect()
    }

    /// What `tests/exposure_vocabulary.rs` judges is all there is.
    #[test]
    fn the_fixtures_have_every_operator_and_every_key() {
        let operators = column(include_str!("../../fixtures/exposure/operators.jsonl"), "operator");
        let known: BTreeSet<String> = BASES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(operators, known);
        let rows = include_str!("../../fixtures/exposure/operators.jsonl").lines();
        for row in rows.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()) {
            assert_eq!(row["forms"].as_object().unwrap().len(), 6, "{row}");
        }
        let mut keys = column(include_str!("../../fixtures/exposure/keys.jsonl"), "key");
        for prefix in FREE_PREFIXES {
            let before = keys.len();
            keys.retain(|key| !key.starts_with(prefix));
            assert!(keys.len() < before, "{prefix}");
        }
        assert_eq!(keys, KEYS.iter().map(|(name, _)| (*name).to_owned()).collect());
    }
}
