//! Callers of every kind, with the keys that their requests have.

use lambda_audit::exposure::evaluator::{Caller, Keys};

use super::{NAMED, ORGS, OWNER, STRANGE_ORG, STRANGERS};

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

/// A caller by the route of this number: the later ones go through a URL.
fn actor(
    (caller, keys): (Caller, Keys),
    (account, organization): (&str, &str),
    inside: bool,
    route: usize,
) -> Actor {
    let (account, organization) = (account.to_owned(), organization.to_owned());
    Actor { caller, keys, account, organization, inside, url: route >= 2 }
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
                        all.push(actor((caller, of), (account, organization), inside, route_index));
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
                            // Of these a string's wildcard for the account takes more than an ARN's does.
                            "arn:aws:sns:eu-west-1:ACCOUNT:x:444455556666:topic",
                            // A service that sends the source's ARN only.
                            "only arn:aws:sns:eu-west-1:ACCOUNT:topic",
                            "only arn:aws:sns:eu-west-1:ACCOUNT:x:444455556666:y",
                            "only arn:aws:sns:eu-west-1:ACCOUNT:x:444455556666:topic",
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
                            all.push(actor((caller, of), (account, organization), inside, route_index));
                        }
                    }
                }
            }
        }
    }
    all
}

/// Some of the callers, others for each seed.
pub(crate) fn sample(actors: &[Actor], seed: u64, count: u64) -> impl Iterator<Item = &Actor> + Clone {
    (1..=count).map(move |step| &actors[(seed.wrapping_mul(2 * step + 1) >> 20) as usize % actors.len()])
}
