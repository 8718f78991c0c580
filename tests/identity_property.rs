//! What users and roles may do, against a slow plain model: every action on every resource in every situation, each
//! request decided by `exposure::evaluator`, which shares no code with `identity`.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use lambda_audit::exposure::evaluator::{Caller, Decision, Keys, Request, decide};
use lambda_audit::identity::{Document, Held, Holder, IamWrite, May, Policies, Questions, rights};
use lambda_audit::value::Why;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const WRITES: [(&str, &str); 3] =
    [("AttachRolePolicy", "role"), ("CreateUser", "user"), ("PutRolePolicy", "role")];

const ACTIONS: [&str; 15] = [
    "*",
    "*:*",
    "iam:*",
    "iam:Create*",
    "iam:CreateUser",
    "IAM:attachrolepolicy",
    "iam:Put*",
    "iam:?ut*",
    "lambda:*",
    "lambda:InvokeFunction",
    "Lambda:Invoke*",
    "lambda:UpdateFunctionCode",
    "lambda:*Code",
    "s3:*",
    "s3:GetObject",
];
const RESOURCES: [&str; 16] = [
    "*",
    "arn:aws:iam::111122223333:*",
    "arn:aws:iam::111122223333:user/*",
    "arn:aws:iam::111122223333:role/app-*",
    "arn:aws:iam::*:role/*-dev",
    "arn:aws:iam::444455556666:role/*",
    "arn:aws:iam::111122223333:user/${aws:username}",
    "arn:aws:iam::111122223333:${aws:PrincipalTag/team}",
    "arn:aws:lambda:*:*:function:*",
    "arn:aws:lambda:*:111122223333:*",
    "arn:aws:lambda:eu-west-1:111122223333:function:*",
    "arn:aws:lambda:eu-*:111122223333:function:pay*",
    "arn:aws:lambda:*:*:function:*:live",
    "arn:aws:lambda:us-east-1:111122223333:function:pay",
    "arn:aws:s3:::bucket/*",
    "arn:*",
];
/// Some of every pattern above, of every pair of them, and some that none names.
const IAM: [(&str, &[&str]); 2] =
    [("user", &["alice", "bob", "blue"]), ("role", &["app-1", "app-1-dev", "y-dev", "zz", "blue"])];
const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-south-1"];

fn condition() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some(json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}))),
        1 => Just(Some(json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}))),
        1 => select(vec!["role/app-1", "role/*", "user/*", "role/other"]).prop_map(|name| {
            Some(json!({"ArnLike": {"aws:PrincipalArn": format!("arn:aws:iam::{ACCOUNT}:{name}")}}))
        }),
        1 => select(vec!["role/app-1", "user/alice", "role/other"]).prop_map(|name| {
            Some(json!({"ArnNotLike": {"aws:PrincipalArn": [format!("arn:aws:iam::{ACCOUNT}:{name}")]}}))
        }),
        1 => select(vec![ACCOUNT, "444455556666"])
            .prop_map(|account| Some(json!({"StringEquals": {"aws:PrincipalAccount": account}}))),
        1 => Just(Some(json!({"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT},
                             "Bool": {"aws:MultiFactorAuthPresent": "true"}}))),
        1 => Just(Some(json!({"Null": {"aws:PrincipalArn": "false"}}))),
        1 => Just(Some(json!({"StringEquals": {"aws:PrincipalTag/team": "blue"}}))),
    ]
}

fn statement() -> impl Strategy<Value = Value> {
    let some = |all: &'static [&'static str]| subsequence(all.to_vec(), 1..=2);
    (any::<[u8; 3]>(), some(&ACTIONS), some(&RESOURCES), condition()).prop_map(
        |(dice, actions, resources, condition)| {
            let mut one = json!({"Effect": if dice[0] % 4 == 0 { "Deny" } else { "Allow" }});
            one[if dice[1] % 6 == 0 { "NotAction" } else { "Action" }] = json!(actions);
            one[if dice[2] % 6 == 0 { "NotResource" } else { "Resource" }] = json!(resources);
            if let Some(condition) = condition {
                one["Condition"] = condition;
            }
            one
        },
    )
}

fn document() -> impl Strategy<Value = Value> {
    prop::collection::vec(statement(), 1..=3)
        .prop_map(|all| json!({"Version": "2012-10-17", "Statement": all}))
}

fn allow_all() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

/// One world: what is held, and by whom.
#[derive(Debug, Clone)]
struct World {
    user: bool,
    identity: Vec<Value>,
    boundary: Option<Value>,
    controls: Vec<Vec<Value>>,
}

fn world() -> impl Strategy<Value = World> {
    let level = prop::collection::vec(prop_oneof![document(), Just(allow_all())], 1..=2);
    (
        any::<bool>(),
        prop::collection::vec(document(), 1..=2),
        prop::option::weighted(0.4, document()),
        prop::collection::vec(level, 0..=2),
    )
        .prop_map(|(user, identity, boundary, controls)| World { user, identity, boundary, controls })
}

/// For the evaluator, which judges resource policies: the same about everyone, with the variables of resources put in.
/// One without a value matches nothing.
fn about_everyone(document: &Value, keys: &Keys) -> Value {
    let value = |key: &str| keys.get(key).map_or("\u{2}", |values| values[0].as_str()).to_owned();
    let text = document.to_string();
    let text = text.replace("${aws:username}", &value("aws:username"));
    let text = text.replace("${aws:PrincipalTag/team}", &value("aws:principaltag/team"));
    let mut document: Value = serde_json::from_str(&text.replace('\u{2}', "\\u0002")).unwrap();
    for one in document["Statement"].as_array_mut().unwrap() {
        one["Principal"] = json!("*");
    }
    document
}

impl World {
    fn denies(&self) -> impl Iterator<Item = Value> {
        let statements = |one: &Value| one["Statement"].as_array().unwrap().clone();
        self.identity.iter().flat_map(statements).filter(|one| one["Effect"] == "Deny")
    }

    fn arn(&self) -> String {
        format!("arn:aws:iam::{ACCOUNT}:{}", if self.user { "user/alice" } else { "role/app-1" })
    }

    fn keys(&self) -> Vec<Keys> {
        let mut all = Vec::new();
        for mfa in [None, Some("true"), Some("false")] {
            for team in [None, Some("blue"), Some("user/bob")] {
                let mut keys: Keys = BTreeMap::new();
                keys.insert("aws:principalarn".into(), vec![self.arn()]);
                keys.insert("aws:principalaccount".into(), vec![ACCOUNT.into()]);
                if self.user {
                    keys.insert("aws:username".into(), vec!["alice".into()]);
                }
                mfa.map(|mfa| keys.insert("aws:multifactorauthpresent".into(), vec![mfa.into()]));
                team.map(|team| keys.insert("aws:principaltag/team".into(), vec![team.into()]));
                all.push(keys);
            }
        }
        all
    }

    fn allows(&self, action: &str, resource: &str, keys: &Keys) -> bool {
        let request = Request {
            caller: Caller::Principal { account: ACCOUNT.into(), arn: self.arn(), session: None },
            action: action.into(),
            resource: resource.into(),
            keys: keys.clone(),
        };
        let layers = std::iter::once(self.identity.clone())
            .chain(self.boundary.iter().map(|one| vec![one.clone()]))
            .chain(self.controls.iter().cloned());
        let mut through = true;
        for layer in layers {
            let all: Vec<Decision> =
                layer.iter().map(|document| decide(&about_everyone(document, keys), &request)).collect();
            assert!(!all.contains(&Decision::Unreadable));
            if all.contains(&Decision::Denied) {
                return false;
            }
            through &= all.contains(&Decision::Allowed);
        }
        through
    }

    /// (in some situation, in every one): is the action allowed on one of the resources?
    fn some(&self, action: &str, resources: &[String]) -> (bool, bool) {
        let in_each: Vec<bool> = self
            .keys()
            .iter()
            .map(|keys| resources.iter().any(|resource| self.allows(action, resource, keys)))
            .collect();
        (in_each.contains(&true), !in_each.contains(&false))
    }

    fn judged(&self, hidden: Option<usize>) -> lambda_audit::identity::Rights {
        let writes =
            WRITES.map(|(action, kind)| IamWrite { action: action.into(), resource_type: kind.into() });
        let questions = Questions::new(&writes);
        let read = |document: &Value| Document::read(&document.to_string(), &questions);
        let identity: Vec<Document> = self.identity.iter().map(read).collect();
        let boundary = self.boundary.as_ref().map(read);
        let controls: Vec<Vec<Document>> =
            self.controls.iter().map(|level| level.iter().map(read).collect()).collect();
        let held = |at: usize, document| Held {
            through: format!("policy {at}").into(),
            document: if hidden == Some(at) { Err(Why::Denied) } else { Ok(document) },
        };
        let policies = Policies {
            identity: identity.iter().enumerate().map(|(at, one)| held(at, one)).collect(),
            boundary: boundary.as_ref().map(|one| held(identity.len(), one)),
            controls: controls.iter().map(|level| level.iter().map(|one| held(3, one)).collect()).collect(),
        };
        let arn = self.arn();
        let holder = Holder { arn: &arn, account: ACCOUNT, user: self.user.then_some("alice") };
        rights(&holder, &policies, &questions)
    }
}

fn iam_resources(kind: &str) -> Vec<String> {
    let names = IAM.iter().find(|(of, _)| *of == kind).unwrap().1;
    names.iter().map(|name| format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}")).collect()
}

/// A function that no policy names, wherever it is; and its alias.
fn unnamed_functions() -> Vec<String> {
    let of = |region: &&str| {
        let arn = format!("arn:aws:lambda:{region}:{ACCOUNT}:function:unnamed");
        [format!("{arn}:live"), arn]
    };
    REGIONS.iter().flat_map(of).collect()
}

fn is_allowed(may: May) -> bool {
    matches!(may, May::Yes | May::Conditional)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// What the model allows in any situation is never "no".
    #[test]
    fn nothing_that_is_allowed_is_left_out(world in world()) {
        let rights = world.judged(None);
        let mut any_write = false;
        for (action, kind) in WRITES {
            let name = format!("iam:{action}");
            let (some, _) = world.some(&name, &iam_resources(kind));
            any_write |= some;
            prop_assert!(!some || rights.iam_write.actions.contains(&name), "{name}: {rights:#?}");
        }
        prop_assert!(!any_write || is_allowed(rights.iam_write.may));
        let (invoke, _) = world.some("lambda:InvokeFunction", &unnamed_functions());
        prop_assert!(!invoke || is_allowed(rights.invoke.may), "{rights:#?}");
        let (control, _) = world.some("lambda:UpdateFunctionCode", &unnamed_functions());
        prop_assert!(!control || rights.control.actions.contains(&"lambda:UpdateFunctionCode".to_owned()));
        let unnamed = vec!["arn:aws:unnamed:eu-west-1:111122223333:thing/1".to_owned()];
        let (anything, _) = world.some("unnamed:Do", &unnamed);
        prop_assert!(!(anything && any_write) || is_allowed(rights.admin.may), "{rights:#?}");
        for answer in [&rights.admin, &rights.invoke, &rights.control, &rights.iam_write] {
            prop_assert_eq!(is_allowed(answer.may), !answer.by.is_empty());
        }
    }

    /// Of one layer, a definite yes is allowed in every situation.
    #[test]
    fn a_yes_is_allowed_in_every_situation(world in world()) {
        // Approximations: what several layers or several Denies do together; a Deny on all but some resources.
        let world = World { boundary: None, controls: Vec::new(), ..world };
        let denies: Vec<Value> = world.denies().collect();
        if denies.len() > 1 || denies.iter().any(|one| !one["NotResource"].is_null()) {
            return Ok(());
        }
        let rights = world.judged(None);
        if rights.invoke.may == May::Yes {
            let mut functions = unnamed_functions();
            functions.push(format!("arn:aws:lambda:eu-unnamed:{ACCOUNT}:function:unnamed"));
            prop_assert!(world.some("lambda:InvokeFunction", &functions).1, "{rights:#?}");
        }
        if rights.iam_write.may == May::Yes {
            let every = WRITES.iter().any(|(action, kind)| {
                world.some(&format!("iam:{action}"), &iam_resources(kind)).1
            });
            prop_assert!(every, "{rights:#?}");
        }
    }

    /// What is known without a policy holds with it.
    #[test]
    fn what_is_known_without_a_policy_holds_with_it(world in world(), at in 0usize..4) {
        let with = world.judged(None);
        // 3: every control policy.
        prop_assume!(at == 3 && !world.controls.is_empty() || at < world.identity.len() + usize::from(world.boundary.is_some()));
        let hidden = world.judged(Some(at));
        for (hidden, with) in [(hidden.admin, with.admin), (hidden.invoke, with.invoke), (hidden.control, with.control), (hidden.iam_write, with.iam_write)] {
            match hidden.may {
                May::No => prop_assert_eq!(with.may, May::No),
                May::Unread(why) => prop_assert_eq!((why, hidden.unread), (Why::Denied, Some(Why::Denied))),
                May::Yes | May::Conditional => prop_assert!(false, "a policy was not read: {hidden:?}"),
            }
        }
    }
}

/// What is allowed for certain is denied, and what is not denied hangs on a tag, or on a second factor.
#[test]
fn what_is_denied_does_not_make_the_rest_certain() {
    let dev = json!("arn:aws:iam::*:role/*-dev");
    let deny = json!({"Effect": "Deny", "Action": "iam:*", "Resource": dev});
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let others = [
        json!({"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*:role/${aws:PrincipalTag/team}"}),
        json!({"Effect": "Allow", "Action": "iam:*", "Resource": "arn:aws:iam::*:role/*", "Condition": mfa}),
        json!({"Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": mfa}),
    ];
    for other in others {
        let may = |denied: bool| {
            let mut statements =
                vec![json!({"Effect": "Allow", "Action": "iam:*", "Resource": dev}), other.clone()];
            statements.extend(denied.then(|| deny.clone()));
            let identity = vec![json!({"Version": "2012-10-17", "Statement": statements})];
            let world = World { user: false, identity, boundary: None, controls: Vec::new() };
            world.judged(None).iam_write.may
        };
        assert_eq!((may(false), may(true)), (May::Yes, May::Conditional), "{other}");
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}
