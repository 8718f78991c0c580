//! Generated documents: principals, conditions, actions and resources that meet the callers of `actors`.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{FUNCTION, NAMED, ORGS, OWNER};

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

/// Drafts of the Allows and the Denies of one document, and a number to choose callers by.
pub(crate) fn drafts() -> impl Strategy<Value = (Vec<Draft>, Vec<Draft>, u64)> {
    (
        prop::collection::vec(draft(For::Allow), 1..3),
        prop::collection::vec(draft(For::Deny), 0..3),
        any::<u64>(),
    )
}
