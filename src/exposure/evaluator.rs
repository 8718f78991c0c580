//! Does AWS's documented logic allow this one request? The plain answer, without sets or classes.
//!
//! This is the reference that the classifier is tested against, so it shares nothing with it: it reads
//! `serde_json` values, and matches by itself. It judges the resource policy alone, as if the caller's own policies
//! allowed the call.
//!
//! Rules: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html> (a Deny wins),
//! `reference_policies_elements_principal.html`, `reference_policies_elements_notprincipal.html`,
//! `reference_policies_elements_condition_operators.html`, `reference_policies_multi-value-conditions.html`,
//! `reference_policies_variables.html`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

/// Who sends the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// An IAM principal.
    Principal {
        /// Its account, twelve digits.
        account: String,
        /// Its ARN; for a session the role's.
        arn: String,
        /// The session's own ARN, for a session.
        session: Option<String>,
    },
    /// An AWS service calling for itself.
    Service(String),
    /// Nobody's credentials.
    Anonymous,
}

/// Condition keys that a request has, names in lower case. A key that is not here is missing.
pub type Keys = BTreeMap<String, Vec<String>>;

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who sends it.
    pub caller: Caller,
    /// `lambda:InvokeFunction`
    pub action: String,
    /// The function's ARN, with its qualifier if the call has one.
    pub resource: String,
    /// Condition keys that the request has.
    pub keys: Keys,
}

/// The answer of one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// An Allow holds and no Deny does.
    Allowed,
    /// No statement holds.
    NotAllowed,
    /// A Deny holds.
    Denied,
    /// AWS would not have stored this document.
    Unreadable,
}

/// What a read document says, statement by statement.
#[derive(Debug, Clone)]
pub struct Policy {
    statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
struct Statement {
    allows: bool,
    principal: Sided<Element>,
    /// Lower case: actions are compared without regard to case.
    action: Sided<Vec<String>>,
    /// Absent: whatever the policy belongs to.
    resource: Option<Sided<Vec<String>>>,
    conditions: Vec<Condition>,
}

/// An element or its negation: `Principal`, `NotPrincipal`.
#[derive(Debug, Clone)]
struct Sided<T> {
    all_but: bool,
    named: T,
}

#[derive(Debug, Clone)]
enum Element {
    Everyone,
    Listed(Vec<(Kind, String)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Aws,
    Service,
    /// Federated and canonical users: no caller here is one.
    Other,
}

/// Judges one request against one document.
pub fn decide(document: &Value, request: &Request) -> Decision {
    Policy::read(document).map_or(Decision::Unreadable, |policy| policy.decide(request))
}

impl Policy {
    /// `None`: AWS would not have stored this document.
    pub fn read(document: &Value) -> Option<Self> {
        let statements = match document.get("Statement")? {
            Value::Array(list) => list.as_slice(),
            one @ Value::Object(_) => std::slice::from_ref(one),
            _ => return None,
        };
        // Only this version has variables; in older documents `${` is text.
        let variables = document.get("Version").and_then(Value::as_str) == Some("2012-10-17");
        let statements = statements.iter().map(|one| Statement::read(one.as_object()?, variables));
        Some(Self { statements: statements.collect::<Option<_>>()? })
    }

    /// The same policy with these statements only, counted from 0.
    #[must_use]
    pub fn only(&self, kept: impl Fn(usize) -> bool) -> Self {
        let statements = self.statements.iter().enumerate().filter(|(at, _)| kept(*at));
        Self { statements: statements.map(|(_, statement)| statement.clone()).collect() }
    }

    /// Which statements speak of this action on this resource? Requests for which the answer is the same, by the
    /// same caller with the same keys, are decided alike.
    pub fn speaking_of(&self, action: &str, resource: &str) -> Vec<bool> {
        let action = action.to_ascii_lowercase();
        self.statements.iter().map(|statement| statement.speaks_of(&action, resource)).collect()
    }

    /// Judges one request.
    pub fn decide(&self, request: &Request) -> Decision {
        let action = request.action.to_ascii_lowercase();
        let mut decision = Decision::NotAllowed;
        for statement in &self.statements {
            if statement.speaks_of(&action, &request.resource)
                && statement.principal.holds(|element| element.names(&request.caller))
                && statement.conditions.iter().all(|condition| condition.holds(&request.keys))
            {
                match statement.allows {
                    true => decision = Decision::Allowed,
                    false => return Decision::Denied,
                }
            }
        }
        decision
    }
}

impl<T> Sided<T> {
    fn read(
        statement: &Map<String, Value>,
        name: &str,
        not_name: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Option<Self> {
        match (statement.get(name), statement.get(not_name)) {
            (Some(named), None) => Some(Self { all_but: false, named: read(named)? }),
            (None, Some(spared)) => Some(Self { all_but: true, named: read(spared)? }),
            _ => None,
        }
    }

    fn holds(&self, names: impl Fn(&T) -> bool) -> bool {
        names(&self.named) != self.all_but
    }
}

impl Statement {
    fn read(statement: &Map<String, Value>, variables: bool) -> Option<Self> {
        let lower = |value: &Value| {
            strings(value).map(|list| list.iter().map(|text| text.to_ascii_lowercase()).collect())
        };
        let has = |name: &str| statement.contains_key(name);
        let resource = match has("Resource") || has("NotResource") {
            true => Some(Sided::read(statement, "Resource", "NotResource", strings)?),
            false => None,
        };
        let conditions = match statement.get("Condition") {
            None => Vec::new(),
            Some(block) => Condition::read_block(block.as_object()?, variables)?,
        };
        Some(Self {
            allows: match statement.get("Effect").and_then(Value::as_str) {
                Some("Allow") => true,
                Some("Deny") => false,
                _ => return None,
            },
            principal: Sided::read(statement, "Principal", "NotPrincipal", Element::read)?,
            action: Sided::read(statement, "Action", "NotAction", lower)?,
            resource,
            conditions,
        })
    }

    fn speaks_of(&self, action: &str, resource: &str) -> bool {
        let among = |patterns: &Vec<String>, text: &str| patterns.iter().any(|pattern| like(pattern, text));
        self.action.holds(|patterns| among(patterns, action))
            && self.resource.as_ref().is_none_or(|sided| sided.holds(|patterns| among(patterns, resource)))
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    let one = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(list) => list.iter().map(one).collect(),
        value => one(value).map(|text| vec![text]),
    }
}

impl Element {
    fn read(element: &Value) -> Option<Self> {
        let kinds = match element {
            Value::String(text) if text == "*" => return Some(Self::Everyone),
            Value::Object(kinds) => kinds,
            _ => return None,
        };
        let mut listed = Vec::new();
        for (kind, values) in kinds {
            let kind = match kind.as_str() {
                "AWS" => Kind::Aws,
                "Service" => Kind::Service,
                "Federated" | "CanonicalUser" => Kind::Other,
                _ => return None,
            };
            listed.extend(strings(values)?.into_iter().map(|value| (kind, value)));
        }
        Some(Self::Listed(listed))
    }

    /// `*` is everyone; under `AWS` it is documented to be the same for callers without credentials, and of services
    /// nothing is said. An account's id or root ARN is every principal in it. Another ARN is that principal, or every
    /// session of that role. No other wildcards are allowed.
    fn names(&self, caller: &Caller) -> bool {
        let Self::Listed(list) = self else { return true };
        list.iter().any(|(kind, value)| match (kind, caller) {
            (Kind::Aws, Caller::Principal { .. } | Caller::Anonymous) if value == "*" => true,
            (Kind::Aws, Caller::Principal { account, arn, session }) => {
                value == account
                    || value == arn
                    || session.as_ref() == Some(value)
                    || value.starts_with("arn:")
                        && value
                            .strip_suffix(":root")
                            .and_then(|rest| rest.strip_suffix(account.as_str()))
                            .is_some_and(|rest| rest.ends_with(":iam::"))
            }
            (Kind::Service, Caller::Service(name)) => value.eq_ignore_ascii_case(name),
            _ => false,
        })
    }
}

/// Stand in a pattern for a `*` and a `?` that are no wildcards. No request has these characters.
const STAR: char = '\u{1}';
const MARK: char = '\u{2}';

fn as_written(c: u8) -> Option<u8> {
    match char::from(c) {
        STAR => Some(b'*'),
        MARK => Some(b'?'),
        _ => None,
    }
}

/// `*` any characters, `?` one. Where characters do not fit, the last `*` takes one more.
fn like(pattern: &str, text: &str) -> bool {
    if pattern == text {
        return true;
    }
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut resume: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                resume = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] || as_written(c) == Some(text[t]) => {
                (p, t) = (p + 1, t + 1)
            }
            _ => match &mut resume {
                Some((after, from)) => {
                    *from += 1;
                    (p, t) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

/// ARNs are compared part by part.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    let each = (0..6).all(|_| match (patterns.next(), parts.next()) {
        (Some(p), Some(t)) => like(p, t),
        _ => false,
    });
    each || pattern == "*"
}

/// One key of one operator.
#[derive(Debug, Clone)]
struct Condition {
    set: Set,
    if_exists: bool,
    negated: bool,
    test: Test,
    /// Lower case.
    key: String,
    values: Vec<String>,
    networks: Vec<IpNet>,
    variables: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    None,
    All,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equals,
    EqualsAnyCase,
    Like,
    Arn,
    Network,
    /// `Null`: about the key, not its value.
    Missing,
}

impl Condition {
    /// Blocks and keys are ANDed.
    fn read_block(block: &Map<String, Value>, variables: bool) -> Option<Vec<Self>> {
        let mut all = Vec::new();
        for (operator, keys) in block {
            for (key, values) in keys.as_object()? {
                all.push(Self::read(operator, key, strings(values)?, variables)?);
            }
        }
        Some(all)
    }

    fn read(operator: &str, key: &str, values: Vec<String>, variables: bool) -> Option<Self> {
        let (set, name) = match operator.split_once(':') {
            Some(("ForAllValues", name)) => (Set::All, name),
            Some(("ForAnyValue", name)) => (Set::Any, name),
            Some(_) => return None,
            None => (Set::None, operator),
        };
        let (if_exists, name) = match name.strip_suffix("IfExists") {
            Some(name) => (true, name),
            None => (false, name),
        };
        let test = match name {
            "StringEquals" | "StringNotEquals" => Test::Equals,
            "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" | "Bool" => Test::EqualsAnyCase,
            "StringLike" | "StringNotLike" => Test::Like,
            "ArnLike" | "ArnEquals" | "ArnNotLike" | "ArnNotEquals" => Test::Arn,
            "IpAddress" | "NotIpAddress" => Test::Network,
            "Null" if operator == "Null" => Test::Missing,
            _ => return None,
        };
        let networks = match test {
            Test::Network => values.iter().map(|value| network(value)).collect::<Option<Vec<_>>>()?,
            _ => Vec::new(),
        };
        let variables = variables && values.iter().any(|value| value.contains("${"));
        let (negated, key) = (name.contains("Not"), key.to_ascii_lowercase());
        Some(Self { set, if_exists, negated, test, key, values, networks, variables })
    }

    /// What a missing key means, and how several values count: any for a positive operator, none for a negated one.
    fn holds(&self, keys: &Keys) -> bool {
        let found = keys.get(&self.key);
        match (self.set, found) {
            _ if self.test == Test::Missing => {
                self.values.iter().any(|value| *value == found.is_none().to_string())
            }
            (Set::All, None) => true,
            (_, None) if self.if_exists => true,
            (Set::Any, None) => false,
            (Set::None, None) => self.negated,
            (Set::All, Some(found)) => found.iter().all(|value| self.passes(value, keys)),
            (Set::None, Some(found)) if self.negated => found.iter().all(|value| self.passes(value, keys)),
            (Set::Any | Set::None, Some(found)) => found.iter().any(|value| self.passes(value, keys)),
        }
    }

    /// One value of the request against the policy's values.
    fn passes(&self, value: &str, keys: &Keys) -> bool {
        let hit = match self.test {
            Test::Network => value
                .parse::<IpAddr>()
                .is_ok_and(|address| self.networks.iter().any(|network| network.contains(&address))),
            _ if self.variables => self.values.iter().any(|pattern| {
                // A variable without a value: the comparison fails.
                replaced(pattern, self.test, keys).is_some_and(|pattern| compare(self.test, &pattern, value))
            }),
            _ => self.values.iter().any(|pattern| compare(self.test, pattern, value)),
        };
        hit != self.negated
    }
}

fn compare(test: Test, pattern: &str, value: &str) -> bool {
    match test {
        Test::Equals => value == pattern,
        Test::EqualsAnyCase => value.eq_ignore_ascii_case(pattern),
        Test::Like => like(pattern, value),
        Test::Arn => arn_like(pattern, value),
        Test::Network | Test::Missing => false,
    }
}

/// `${key}` is the key's value, `${key, 'default'}` the default where it is missing, `${*}`, `${?}` and `${$}` the
/// character. `None`: a variable has no value.
fn replaced(value: &str, test: Test, keys: &Keys) -> Option<String> {
    let wild = matches!(test, Test::Like | Test::Arn);
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        let (inside, tail) = after.split_once('}')?;
        let (name, default) = match inside.split_once(',') {
            Some((name, default)) => {
                (name, Some(default.trim().strip_prefix('\'')?.strip_suffix('\'')?.to_owned()))
            }
            None => (inside, None),
        };
        out.push_str(before);
        match (name.trim(), keys.get(&name.trim().to_ascii_lowercase()).map(Vec::as_slice)) {
            ("*", _) if wild => out.push(STAR),
            ("?", _) if wild => out.push(MARK),
            (one @ ("*" | "?" | "$"), _) => out.push_str(one),
            (_, Some([one])) => out.push_str(one),
            _ => out.push_str(&default?),
        }
        rest = tail;
    }
    out.push_str(rest);
    Some(out)
}

/// A network, or one address.
fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
