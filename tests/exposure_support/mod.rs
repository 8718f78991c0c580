//! Documents and callers to try each other on: what the property test and the second opinion draw from.
// Helpers of tests, outside of any test function.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use lambda_audit::exposure::evaluator::{Caller, Keys, Policy, Request};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

pub(crate) const OWNER: &str = "111122223333";
pub(crate) const NAMED: [&str; 2] = ["444455556666", "777788889999"];
/// In no document; two of them start like accounts that are.
pub(crate) const STRANGERS: [&str; 3] = ["999900001111", "444400001111", "111100002222"];
pub(crate) const ORGS: [&str; 2] = ["o-exampleorg1", "o-otherorg22"];
pub(crate) const STRANGE_ORG: &str = "o-stranger000";
pub(crate) const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
pub(crate) const RESOURCES: [&str; 3] = [
    FUNCTION,
    "arn:aws:lambda:eu-west-1:111122223333:function:orders:live",
    "arn:aws:lambda:eu-west-1:111122223333:function:orders:7",
];
pub(crate) const ACTIONS: [&str; 6] = [
    "lambda:InvokeFunction",
    "lambda:InvokeFunctionUrl",
    "lambda:InvokeAsync",
    "lambda:UpdateFunctionCode",
    "lambda:GetFunction",
    // For those that no list names.
    "lambda:SomethingNew",
];

// ---- documents

pub(crate) fn principals() -> Vec<Value> {
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

pub(crate) fn string_keys() -> Vec<(&'static str, Vec<Value>)> {
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

pub(crate) fn arn_keys() -> Vec<(&'static str, Vec<Value>)> {
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
pub(crate) const CROSSING: &str = "arn:aws:*:444455556666:role/app";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    Allow,
    Deny,
}

/// Every condition the generator draws from, as (operator, key, value).
pub(crate) fn conditions(use_for: For) -> Vec<(String, String, Value)> {
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
pub(crate) struct Draft {
    effect: For,
    not_principal: u8,
    principal: prop::sample::Index,
    conditions: Vec<prop::sample::Index>,
    action: prop::sample::Index,
    resource: prop::sample::Index,
}

pub(crate) fn draft(effect: For) -> impl Strategy<Value = Draft> {
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

pub(crate) struct Pools {
    principals: Vec<Value>,
    allow: Vec<(String, String, Value)>,
    deny: Vec<(String, String, Value)>,
}

impl Pools {
    pub(crate) fn new() -> Self {
        Self { principals: principals(), allow: conditions(For::Allow), deny: conditions(For::Deny) }
    }

    /// One or two Allows, and up to two Denies.
    pub(crate) fn document(&self, allows: &[Draft], denies: &[Draft]) -> Value {
        let statements: Vec<Value> = allows.iter().chain(denies).map(|draft| self.statement(draft)).collect();
        json!({"Version": "2012-10-17", "Statement": statements})
    }

    pub(crate) fn statement(&self, draft: &Draft) -> Value {
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
pub(crate) struct Actor {
    pub(crate) caller: Caller,
    pub(crate) keys: Keys,
    /// The account of a principal, or for which a service acts; empty if there is none.
    pub(crate) account: String,
    pub(crate) organization: String,
    /// From one of the networks that documents name.
    pub(crate) inside: bool,
    pub(crate) url: bool,
}

pub(crate) fn keys(pairs: &[(&str, &str)]) -> Keys {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect()
}

pub(crate) fn actors() -> Vec<Actor> {
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
    all
}

/// Callers without credentials come through a URL and can only invoke.
pub(crate) fn possible(actor: &Actor, action: &str) -> bool {
    // Approximation 16: the keys of a URL are judged apart from the action, so signed callers may have any of them.
    match actor.caller {
        Caller::Anonymous => {
            actor.url && matches!(action, "lambda:InvokeFunctionUrl" | "lambda:InvokeFunction")
        }
        Caller::Principal { .. } | Caller::Service(_) => true,
    }
}

pub(crate) fn request(actor: &Actor, action: &str, resource: &str) -> Request {
    Request {
        caller: actor.caller.clone(),
        action: action.into(),
        resource: resource.into(),
        keys: actor.keys.clone(),
    }
}

/// Every action on every resource, but one only of those of which the same statements speak and to which the same
/// rules of the test apply: whatever a caller is answered to one, it is to the others.
pub(crate) fn distinct(policy: &Policy) -> Vec<(&'static str, &'static str)> {
    let mut seen = Vec::new();
    let mut kept = Vec::new();
    for action in ACTIONS {
        let rules =
            (action.starts_with("lambda:Invoke"), action == "lambda:InvokeFunction", action.ends_with("Url"));
        for resource in RESOURCES {
            let class = (policy.speaking_of(action, resource), rules);
            if !seen.contains(&class) {
                seen.push(class);
                kept.push((action, resource));
            }
        }
    }
    kept
}

/// Drafts of the Allows and the Denies of one document, and a number to choose callers by.
pub(crate) fn drafts() -> impl Strategy<Value = (Vec<Draft>, Vec<Draft>, u64)> {
    (
        prop::collection::vec(draft(For::Allow), 1..3),
        prop::collection::vec(draft(For::Deny), 0..3),
        any::<u64>(),
    )
}

/// Some of the callers, others for each seed.
pub(crate) fn sample(actors: &[Actor], seed: u64, count: u64) -> impl Iterator<Item = &Actor> {
    (1..=count).map(move |step| &actors[(seed.wrapping_mul(2 * step + 1) >> 20) as usize % actors.len()])
}
