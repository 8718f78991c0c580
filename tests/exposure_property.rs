//! The classifier against the reference evaluator, over generated documents and callers.
//!
//! Soundness: a caller outside the classified exposure is never allowed. No empty alarm: for every exposure but
//! `none`, some caller of that class is allowed. What the documents leave out is what `docs/exposure.md` lists under
//! "Approximations". `LAMBDA_AUDIT_LONG` set: 20,000 documents.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use lambda_audit::exposure::evaluator::{Caller, Decision, Request, decide};
use lambda_audit::exposure::{Context, Exposure, Grant, Reach, ResourceKind, assess};
use lambda_audit::trust::Trust;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use serde_json::{Map, Value, json};

const OWNER: &str = "111122223333";
const NAMED: [&str; 2] = ["444455556666", "777788889999"];
/// In no document; two of them start like accounts that are.
const STRANGERS: [&str; 3] = ["999900001111", "444400001111", "111100002222"];
const ORGS: [&str; 2] = ["o-exampleorg1", "o-otherorg22"];
const STRANGE_ORG: &str = "o-stranger000";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const RESOURCES: [&str; 3] = [
    FUNCTION,
    "arn:aws:lambda:eu-west-1:111122223333:function:orders:live",
    "arn:aws:lambda:eu-west-1:111122223333:function:orders:7",
];
const ACTIONS: [&str; 6] = [
    "lambda:InvokeFunction",
    "lambda:InvokeFunctionUrl",
    "lambda:InvokeAsync",
    "lambda:UpdateFunctionCode",
    "lambda:GetFunction",
    // For those that no list names.
    "lambda:SomethingNew",
];

// ---- documents

fn principals() -> Vec<Value> {
    let arn = |account: &str, name: &str| format!("arn:aws:iam::{account}:{name}");
    vec![
        json!("*"),
        json!({"AWS": "*"}),
        json!({"AWS": NAMED[0]}),
        json!({"AWS": arn(OWNER, "root")}),
        json!({"AWS": [OWNER, NAMED[1]]}),
        json!({"AWS": arn(NAMED[0], "role/app")}),
        json!({"AWS": [arn(NAMED[0], "user/x"), arn(OWNER, "role/app")]}),
        json!({"Service": "sns.amazonaws.com"}),
        json!({"Service": ["s3.amazonaws.com", "sns.amazonaws.com"]}),
        json!({"AWS": NAMED[0], "Service": "sns.amazonaws.com"}),
    ]
}

fn string_keys() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        (
            "aws:PrincipalAccount",
            vec![
                json!(OWNER),
                json!(NAMED[0]),
                json!(NAMED),
                json!("4444*"),
                json!("*"),
                json!("${aws:ResourceAccount}"),
                json!("${aws:PrincipalAccount}"),
            ],
        ),
        ("AWS:principalOrgId", vec![json!(ORGS[0]), json!(ORGS), json!("o-*"), json!([ORGS[1], "o-exam*"])]),
        (
            "aws:PrincipalOrgPaths",
            vec![
                json!(format!("{}/*", ORGS[0])),
                json!(format!("{}/r-ab12/ou-ab12-11111111/", ORGS[1])),
                json!("o-*/r-ab12/*"),
            ],
        ),
        (
            "aws:SourceAccount",
            vec![json!(OWNER), json!(NAMED[0]), json!("1111*"), json!("${aws:ResourceAccount}")],
        ),
        ("aws:SourceOrgID", vec![json!(ORGS[0]), json!("o-*")]),
        ("aws:SourceVpce", vec![json!("vpce-0abc1234"), json!("vpce-*")]),
        ("aws:SourceVpc", vec![json!("vpc-0abc1234"), json!("vpc-*")]),
        ("aws:PrincipalServiceName", vec![json!("sns.amazonaws.com"), json!("*.amazonaws.com")]),
        ("lambda:FunctionUrlAuthType", vec![json!("NONE"), json!("AWS_IAM")]),
        ("aws:userid", vec![json!("AROAEXAMPLEROLE12345:*"), json!("*:session")]),
    ]
}

fn arn_keys() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        (
            "aws:PrincipalArn",
            vec![
                json!(format!("arn:aws:iam::{}:role/app", NAMED[0])),
                json!(format!("arn:aws:iam::{OWNER}:*")),
                json!("arn:aws:iam::*:role/app"),
                json!(CROSSING),
                json!("arn:aws:iam::${aws:PrincipalAccount}:role/app"),
                json!("arn:aws:iam::${aws:ResourceAccount}:role/app"),
            ],
        ),
        (
            "AWS:SourceArn",
            vec![
                json!(format!("arn:aws:sns:eu-west-1:{OWNER}:topic")),
                json!(format!("arn:aws:sns:*:{}:*", NAMED[0])),
                json!("arn:aws:sns:eu-west-1:*:topic"),
                json!("arn:aws:s3:::a-bucket"),
                json!([format!("arn:aws:sns:eu-west-1:{OWNER}:topic"), "arn:aws:s3:::a-bucket"]),
            ],
        ),
    ]
}

/// Its wildcard crosses colons.
const CROSSING: &str = "arn:aws:*:444455556666:role/app";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    Allow,
    Deny,
}

/// Every condition the generator draws from, as (operator, key, value).
fn conditions(use_for: For) -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    let mut with = |bases: &[&str], keys: Vec<(&'static str, Vec<Value>)>| {
        for (key, values) in keys {
            for value in values {
                for base in bases {
                    // Approximation 14: whether an ARN with a part too few matches anything is not documented.
                    if base.starts_with("Arn") && value == CROSSING {
                        continue;
                    }
                    for set in ["", "", "", "ForAllValues:", "ForAnyValue:"] {
                        for exists in ["", "", "IfExists"] {
                            // The documentation does not say what a missing key makes of both together.
                            if set == "ForAnyValue:" && !exists.is_empty() {
                                continue;
                            }
                            all.push((format!("{set}{base}{exists}"), key.to_owned(), value.clone()));
                        }
                    }
                }
            }
        }
    };
    let strings =
        ["StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIgnoreCase"];
    with(&strings, string_keys());
    with(&["ArnLike", "ArnEquals", "ArnNotLike", "StringLike", "StringNotLike"], arn_keys());
    let networks = [
        json!("203.0.113.0/24"),
        json!("0.0.0.0/0"),
        json!("10.0.0.0/8"),
        json!(["203.0.113.0/25", "10.0.0.0/8", "2001:db8::/32"]),
    ];
    for network in networks {
        for operator in ["IpAddress", "NotIpAddress", "IpAddressIfExists", "NotIpAddressIfExists"] {
            all.extend(std::iter::repeat_n(
                (operator.to_owned(), "aws:SourceIp".to_owned(), network.clone()),
                8,
            ));
        }
    }
    for key in ["aws:PrincipalIsAWSService", "lambda:InvokedViaFunctionUrl"] {
        for value in ["true", "false"] {
            for operator in ["Bool", "BoolIfExists"] {
                all.extend(std::iter::repeat_n((operator.to_owned(), key.to_owned(), json!(value)), 8));
            }
        }
    }
    for key in ["aws:PrincipalOrgID", "aws:SourceAccount", "aws:SourceArn", "aws:SourceVpce", "aws:SourceIp"]
    {
        for value in ["true", "false"] {
            all.extend(std::iter::repeat_n(("Null".to_owned(), key.to_owned(), json!(value)), 6));
        }
    }
    // Keys in any caller's hand are taken as satisfiable, so each is asked for one thing only: callers below have
    // the first and third, and lack the others.
    let free = match use_for {
        For::Allow => [("StringEquals", "aws:UserAgent"), ("StringNotEquals", "aws:PrincipalTag/team")],
        For::Deny => [("StringNotEquals", "aws:RequestTag/x"), ("StringEquals", "aws:Referer")],
    };
    for (operator, key) in free {
        all.extend(std::iter::repeat_n((operator.to_owned(), key.to_owned(), json!("any")), 20));
    }
    all
}

#[derive(Debug, Clone)]
struct Draft {
    effect: For,
    not_principal: u8,
    principal: prop::sample::Index,
    conditions: Vec<prop::sample::Index>,
    action: prop::sample::Index,
    resource: prop::sample::Index,
}

fn draft(effect: For) -> impl Strategy<Value = Draft> {
    (
        0..12_u8,
        any::<prop::sample::Index>(),
        prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(move |(not_principal, principal, conditions, action, resource)| Draft {
            effect,
            not_principal,
            principal,
            conditions,
            action,
            resource,
        })
}

struct Pools {
    principals: Vec<Value>,
    allow: Vec<(String, String, Value)>,
    deny: Vec<(String, String, Value)>,
}

impl Pools {
    fn statement(&self, draft: &Draft) -> Value {
        let mut statement = Map::new();
        let principal = draft.principal.get(&self.principals).clone();
        let (effect, pool) = match draft.effect {
            For::Allow => ("Allow", &self.allow),
            For::Deny => ("Deny", &self.deny),
        };
        statement.insert("Effect".into(), json!(effect));
        let sense = match draft.effect {
            For::Deny if draft.not_principal < 3 => "NotPrincipal",
            For::Deny if draft.not_principal < 9 => "*",
            For::Allow if draft.not_principal == 0 => "NotPrincipal",
            For::Allow if draft.not_principal < 6 => "*",
            _ => "Principal",
        };
        match sense {
            "*" => statement.insert("Principal".into(), json!("*")),
            sense => statement.insert(sense.into(), principal),
        };
        let actions = [
            ("Action", json!("lambda:InvokeFunction")),
            ("Action", json!("lambda:InvokeFunction")),
            ("Action", json!(["lambda:invokefunction", "lambda:UpdateFunctionCode"])),
            ("Action", json!("lambda:Invoke*")),
            ("Action", json!("lambda:*")),
            ("Action", json!("lambda:InvokeFunctionUrl")),
            ("NotAction", json!("lambda:InvokeFunction")),
            ("NotAction", json!(["lambda:Get*", "lambda:UpdateFunctionCode"])),
        ];
        let (name, value) = draft.action.get(&actions);
        statement.insert((*name).into(), value.clone());
        let resources = [
            json!(FUNCTION),
            json!(FUNCTION),
            json!(FUNCTION),
            json!(format!("{FUNCTION}:*")),
            json!([FUNCTION, format!("{FUNCTION}:live")]),
            json!("*"),
        ];
        statement.insert("Resource".into(), draft.resource.get(&resources).clone());
        let mut block: Map<String, Value> = Map::new();
        for index in &draft.conditions {
            let (operator, key, value) = index.get(pool);
            let keys = block.entry(operator.clone()).or_insert_with(|| json!({}));
            keys.as_object_mut().unwrap().insert(key.clone(), value.clone());
        }
        if !block.is_empty() {
            statement.insert("Condition".into(), Value::Object(block));
        }
        Value::Object(statement)
    }
}

// ---- callers

#[derive(Debug, Clone, PartialEq, Eq)]
struct Actor {
    caller: Caller,
    /// Every request it can send, resources in order for each action.
    requests: Vec<Request>,
    keys: BTreeMap<String, Vec<String>>,
    /// The account of a principal, or for which a service acts; empty if there is none.
    account: String,
    organization: String,
    /// From one of the networks that documents name.
    inside: bool,
    url: bool,
}

fn keys(pairs: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect()
}

fn actors() -> Vec<Actor> {
    let networks: [(bool, &[(&str, &str)]); 9] = [
        (false, &[("aws:sourceip", "198.51.100.9")]),
        (true, &[("aws:sourceip", "203.0.113.9")]),
        // In the /24 and not in its first half; and the IPv6 network that stands beside that.
        (true, &[("aws:sourceip", "203.0.113.200")]),
        (true, &[("aws:sourceip", "2001:db8::9")]),
        // 0.0.0.0/0 has none of these.
        (false, &[("aws:sourceip", "3fff::9")]),
        (true, &[("aws:sourcevpc", "vpc-0abc1234"), ("aws:sourcevpce", "vpce-0abc1234")]),
        (false, &[("aws:sourcevpc", "vpc-0fff9999"), ("aws:sourcevpce", "vpce-0fff9999")]),
        (true, &[("aws:sourcevpc", "vpc-0abc1234"), ("aws:sourcevpce", "vpce-0fff9999")]),
        (true, &[("aws:sourcevpc", "vpc-0fff9999"), ("aws:sourcevpce", "vpce-0abc1234")]),
    ];
    let routes: [&[(&str, &str)]; 6] = [
        &[],
        &[("lambda:invokedviafunctionurl", "false")],
        &[("lambda:functionurlauthtype", "AWS_IAM"), ("lambda:invokedviafunctionurl", "true")],
        &[("lambda:functionurlauthtype", "NONE"), ("lambda:invokedviafunctionurl", "true")],
        &[("lambda:invokedviafunctionurl", "true")],
        &[("lambda:functionurlauthtype", "NONE")],
    ];
    let common = [("aws:resourceaccount", OWNER), ("aws:useragent", "any"), ("aws:requesttag/x", "any")];
    let mut all = Vec::new();
    // Two units, told apart by the route, which seldom matters.
    let path = |org: &str, first: bool| {
        let root = if org == STRANGE_ORG || !first { "zz99" } else { "ab12" };
        let unit = if first { "11111111" } else { "22222222" };
        format!("{org}/r-{root}/ou-{root}-{unit}/")
    };
    for (inside, network) in networks {
        for (route_index, route) in routes.iter().enumerate() {
            let mut base = keys(&common);
            base.extend(keys(network));
            base.extend(keys(route));
            if route_index >= 3 {
                // Whether such a call has these keys is said differently in different places: both ways.
                let mut named = base.clone();
                named.extend(keys(&[("aws:principalaccount", "anonymous"), ("aws:userid", "anonymous")]));
                for keys in [base.clone(), named] {
                    let (account, organization) = (String::new(), String::new());
                    all.push(Actor {
                        requests: Vec::new(),
                        caller: Caller::Anonymous,
                        keys,
                        account,
                        organization,
                        inside,
                        url: true,
                    });
                }
            }
            for account in [OWNER, NAMED[0], NAMED[1]].into_iter().chain(STRANGERS) {
                for organization in ["", ORGS[0], ORGS[1], STRANGE_ORG, "o-exampled999", "o-elsewhere1"] {
                    for name in
                        ["role/app", "user/x", "root", "user/x:444455556666:role/app", "federated-user/bob"]
                    {
                        let service = if name.starts_with("federated") { "sts" } else { "iam" };
                        let arn = format!("arn:aws:{service}::{account}:{name}");
                        let mut of = base.clone();
                        // A unique id is one principal's in the world.
                        let user = match (name, account) {
                            ("root", _) => account.to_owned(),
                            ("federated-user/bob", _) => format!("{account}:bob"),
                            ("role/app", "444455556666") => "AROAEXAMPLEROLE12345:session".to_owned(),
                            ("role/app", _) => format!("AROA{account}AAAA:session"),
                            _ => format!("AIDA{account}AAAA"),
                        };
                        of.extend(keys(&[
                            ("aws:principalaccount", account),
                            ("aws:principalarn", &arn),
                            ("aws:principalisawsservice", "false"),
                            ("aws:userid", &user),
                        ]));
                        if !organization.is_empty() {
                            of.extend(keys(&[
                                ("aws:principalorgid", organization),
                                ("aws:principalorgpaths", &path(organization, route_index > 0)),
                            ]));
                        }
                        let caller = Caller::Principal { account: account.into(), arn, session: None };
                        let (account, organization) = (account.to_owned(), organization.to_owned());
                        all.push(Actor {
                            requests: Vec::new(),
                            caller,
                            keys: of,
                            account,
                            organization,
                            inside,
                            url: route_index >= 2,
                        });
                    }
                }
            }
        }
    }
    let no_network: (bool, &[(&str, &str)]) = (false, &[]);
    for (inside, network) in networks.into_iter().chain([no_network]) {
        // CloudFront calls a function's URL under its own name, so a service may come that way too.
        for (route_index, route) in routes.iter().enumerate().filter(|(index, _)| *index < 4) {
            for service in
                ["sns.amazonaws.com", "s3.amazonaws.com", "events.amazonaws.com", "alexa-appkit.amazon.com"]
            {
                for account in ["", OWNER, NAMED[0]].into_iter().chain(STRANGERS) {
                    for organization in ["", ORGS[0], STRANGE_ORG, "o-exampled999"] {
                        for source in [
                            "",
                            "arn:aws:s3:::a-bucket",
                            "arn:aws:sns:eu-west-1:ACCOUNT:topic",
                            "arn:aws:sns:eu-west-1:ACCOUNT:x:444455556666:y",
                            // A service that sends the source's ARN only.
                            "only arn:aws:sns:eu-west-1:ACCOUNT:topic",
                            "only arn:aws:sns:eu-west-1:ACCOUNT:x:444455556666:y",
                        ] {
                            if account.is_empty() && (!organization.is_empty() || source.contains("ACCOUNT"))
                            {
                                continue;
                            }
                            let alone = source.starts_with("only ");
                            let mut of = keys(&common);
                            of.extend(keys(network));
                            of.extend(keys(route));
                            of.extend(keys(&[
                                ("aws:principalisawsservice", "true"),
                                ("aws:principalservicename", service),
                            ]));
                            for (key, value) in [
                                ("aws:sourceaccount", if alone { String::new() } else { account.to_owned() }),
                                ("aws:sourceorgid", organization.to_owned()),
                                ("aws:sourcearn", source.replace("only ", "").replace("ACCOUNT", account)),
                            ] {
                                if !value.is_empty() {
                                    of.insert(key.into(), vec![value]);
                                }
                            }
                            let caller = Caller::Service(service.into());
                            let (account, organization) = (account.to_owned(), organization.to_owned());
                            all.push(Actor {
                                requests: Vec::new(),
                                caller,
                                keys: of,
                                account,
                                organization,
                                inside,
                                url: route_index >= 2,
                            });
                        }
                    }
                }
            }
        }
    }
    for actor in &mut all {
        let mut requests = Vec::new();
        for action in ACTIONS.iter().filter(|action| possible(actor, action)) {
            requests.extend(RESOURCES.iter().map(|resource| request(actor, action, resource)));
        }
        actor.requests = requests;
    }
    all
}

/// Callers without credentials come through a URL and can only invoke.
fn possible(actor: &Actor, action: &str) -> bool {
    // Approximation 16: the keys of a URL are judged apart from the action, so signed callers may have any of them.
    match actor.caller {
        Caller::Anonymous => {
            actor.url && matches!(action, "lambda:InvokeFunctionUrl" | "lambda:InvokeFunction")
        }
        Caller::Principal { .. } | Caller::Service(_) => true,
    }
}

fn request(actor: &Actor, action: &str, resource: &str) -> Request {
    Request {
        caller: actor.caller.clone(),
        action: action.into(),
        resource: resource.into(),
        keys: actor.keys.clone(),
    }
}

// ---- the two properties

fn at_least(reach: &Reach, exposure: Exposure) -> bool {
    matches!((reach.exposure.rank(), exposure.rank()), (Some(found), Some(wanted)) if found <= wanted)
}

/// Is the caller among those that the reach says it admits?
fn inside(reach: &Reach, actor: &Actor) -> bool {
    if reach.exposure == Exposure::Public {
        return true;
    }
    let by_network = at_least(reach, Exposure::Network) && actor.inside;
    let in_organization = reach.organizations.contains(&actor.organization);
    match actor.caller {
        Caller::Anonymous => by_network,
        Caller::Service(_) => {
            reach.exposure == Exposure::ServiceUnrestricted
                || at_least(reach, Exposure::ServiceUnrestricted) && reach.source_accounts.is_empty()
                || at_least(reach, Exposure::ServiceRestricted)
                    && (reach.source_accounts.contains(&actor.account) || in_organization)
                || at_least(reach, Exposure::ServiceUnrestricted)
        }
        Caller::Principal { .. } => {
            by_network
                || at_least(reach, Exposure::SameAccount) && actor.account == OWNER
                || at_least(reach, Exposure::CrossAccount) && reach.accounts.contains(&actor.account)
                || at_least(reach, Exposure::Organization) && in_organization
                // A unique id names a principal whose account the document does not tell.
                || reach.reason.contains("does not tell") && actor.account == NAMED[0]
        }
    }
}

/// Is the caller what makes the exposure what it is?
fn typical(reach: &Reach, actor: &Actor) -> bool {
    let service = matches!(actor.caller, Caller::Service(_));
    let signed = matches!(actor.caller, Caller::Principal { .. });
    match reach.exposure {
        Exposure::Public => {
            !service
                && (actor.account.is_empty() || STRANGERS.contains(&actor.account.as_str()))
                && !actor.inside
        }
        Exposure::CrossAccount => {
            signed
                && actor.account != OWNER
                && (reach.accounts.contains(&actor.account) || actor.account == NAMED[0])
        }
        Exposure::Network => {
            !service
                && (actor.account.is_empty() || STRANGERS.contains(&actor.account.as_str()))
                && actor.inside
        }
        Exposure::ServiceUnrestricted => {
            service && (actor.account.is_empty() || STRANGERS.contains(&actor.account.as_str()))
        }
        Exposure::Organization => signed && reach.organizations.contains(&actor.organization),
        Exposure::ServiceRestricted => {
            service
                && (reach.source_accounts.contains(&actor.account)
                    || reach.organizations.contains(&actor.organization))
        }
        Exposure::SameAccount => signed && actor.account == OWNER,
        Exposure::None | Exposure::Unknown => false,
    }
}

fn reach_for<'g>(grant: &'g Grant, action: &str) -> Option<&'g Reach> {
    if action.starts_with("lambda:Invoke") { grant.invoke.as_ref() } else { grant.beyond.as_ref() }
}

fn unsound(document: &Value, grants: &[Grant], actors: &[&Actor]) -> Option<String> {
    for actor in actors {
        for request in &actor.requests {
            // Approximation 15: without the URL's own action this one is out of reach.
            if actor.caller == Caller::Anonymous && request.action == "lambda:InvokeFunction" {
                continue;
            }
            let admits = |grant| reach_for(grant, &request.action).is_some_and(|reach| inside(reach, actor));
            if !grants.iter().any(admits) && decide(document, request) == Decision::Allowed {
                return Some(format!("allowed, though not admitted: {request:?}"));
            }
        }
    }
    None
}

/// The statement's worst reach has a caller that this statement, less every Deny, allows.
fn empty_alarm(document: &Value, at: usize, grant: &Grant, actors: &[Actor]) -> Option<String> {
    let statements = document["Statement"].as_array().unwrap();
    let alone: Vec<&Value> = statements
        .iter()
        .enumerate()
        .filter(|(index, statement)| *index == at || statement["Effect"] == "Deny")
        .map(|(_, statement)| statement)
        .collect();
    let alone = json!({"Version": "2012-10-17", "Statement": alone});
    for (reach, invoking) in [(&grant.invoke, true), (&grant.beyond, false)] {
        let Some(reach) = reach.as_ref().filter(|reach| reach.exposure != Exposure::None) else { continue };
        // Which account a unique id belongs to, a document does not tell: here it is the first named one.
        if reach.reason.contains("does not tell") {
            continue;
        }
        // In strides, so that different ones come early.
        let strides = (0..actors.len()).map(|step| &actors[step * 7919 % actors.len()]);
        let found = strides.filter(|actor| typical(reach, actor)).any(|actor| {
            actor.requests.iter().any(|request| {
                request.action.starts_with("lambda:Invoke") == invoking
                    && decide(&alone, request) == Decision::Allowed
            })
        });
        if !found {
            return Some(format!("no {} caller is allowed: {}", reach.exposure.as_str(), reach.reason));
        }
    }
    None
}

/// May the answer be wider than AWS's? The numbers are those of `docs/exposure.md`.
fn is_approximate(document: &Value) -> bool {
    let text = document.to_string();
    let statements = document["Statement"].as_array().unwrap();
    let of = |effect: &'static str| {
        statements.iter().filter(move |s| s["Effect"] == effect).map(|s| &s["Resource"])
    };
    // 3: a variable includes and never excludes. 7: whose a unique id is.
    ["${", "aws:userid"].iter().any(|wide| text.contains(wide))
        // 4 and 11: Denies that cover an Allow's resources only together.
        || of("Allow").any(|allowed| allowed.to_string().contains('*') && of("Deny").any(|denied| denied != allowed))
        // 4: two patterns with wildcards that no ARN matches at once, or of which one contains the other's matches.
        || text.contains(CROSSING) && text.contains("arn:aws:iam::*:role/app")
        || ["arn:aws:sns:*:444455556666:*", "arn:aws:sns:eu-west-1:*:topic"].iter().all(|one| text.contains(one))
        // 10: no address, and no endpoint either.
        || text.contains(r#""aws:SourceIp":"true""#)
        // 17: an organization's id and its paths.
        || text.contains("AWS:principalOrgId") && text.contains("aws:PrincipalOrgPaths")
        || text.contains("aws:PrincipalOrgID") && text.contains("aws:PrincipalOrgPaths")
        // 16: the two keys of a URL.
        || ["lambda:FunctionUrlAuthType", "lambda:InvokedViaFunctionUrl"].iter().all(|key| text.contains(key))
}

/// Runs `check` over generated documents.
fn over_documents(check: impl Fn(&Value, &[Grant], &[Actor], u64) -> Option<String>) {
    let long = std::env::var_os("LAMBDA_AUDIT_LONG").is_some();
    let cases = match (long, cfg!(debug_assertions)) {
        (true, _) => 20_000,
        (false, false) => 4_000,
        // Unoptimised, the evaluator takes ten times as long.
        (false, true) => 500,
    };
    let pools =
        Pools { principals: principals(), allow: conditions(For::Allow), deny: conditions(For::Deny) };
    let actors = actors();
    let trust = Trust::default();
    let context = Context { owner: Some(OWNER), kind: ResourceKind::Function, trust: &trust };
    let strategy = (
        prop::collection::vec(draft(For::Allow), 1..3),
        prop::collection::vec(draft(For::Deny), 0..3),
        any::<u64>(),
    );
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let outcome = TestRunner::new(config).run(&strategy, |(allows, denies, seed)| {
        let statements: Vec<Value> =
            allows.iter().chain(&denies).map(|draft| pools.statement(draft)).collect();
        let document = json!({"Version": "2012-10-17", "Statement": statements});
        let judged = assess(&document.to_string(), &context).unwrap();
        match check(&document, &judged.grants, &actors, seed) {
            Some(fault) => Err(TestCaseError::fail(format!("{document:#}\n{fault}"))),
            None => Ok(()),
        }
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("{why}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn nobody_outside_the_exposure_is_allowed() {
    over_documents(|document, grants, actors, seed| {
        let sample: Vec<&Actor> = (1..=60_u64)
            .map(|step| &actors[(seed.wrapping_mul(2 * step + 1) >> 20) as usize % actors.len()])
            .collect();
        unsound(document, grants, &sample)
    });
}

#[test]
fn no_alarm_is_empty() {
    over_documents(|document, grants, actors, _| {
        if is_approximate(document) {
            return None;
        }
        grants.iter().enumerate().find_map(|(at, grant)| {
            empty_alarm(document, at, grant, actors).map(|fault| format!("statement {at}: {fault}"))
        })
    });
}
