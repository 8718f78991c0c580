//! Facts that join parts of the whole snapshot: what records invocations, trails, execution roles.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::counted::target;
use super::identities::{self, Account};
use super::state::{Emit, StateFacts, function_subject, known};
use crate::arn;
use crate::facts::{Body, InvokeLogging, Role, Subject, Trail};
use crate::identity::Answer;
use crate::snapshot::Scope;
use crate::snapshot::api::*;
use crate::value::{Reading, TextList, Why};

impl StateFacts<'_> {
    pub(super) fn logging(&self, emit: Emit<'_>) {
        let solver = self.index.recorders.solver();
        let with_url = self.index.with_url();
        for (scope, functions) in &self.index.functions {
            for function in functions {
                let arn = function.arn.as_str();
                let events = self.index.events_of(scope, arn, &with_url);
                let answer = solver.solve(&target(arn, scope), events);
                let mut excluded: Vec<&str> = answer.excluded.iter().map(|one| one.case.as_str()).collect();
                excluded.dedup();
                let proof: Vec<String> = answer.proof.iter().map(ToString::to_string).collect();
                let body = InvokeLogging {
                    subject: known(arn),
                    account: known(&scope.account),
                    region: known(&scope.region),
                    configured: answer.configured.map(|configured| Cow::Borrowed(configured.as_str())),
                    delivery_failing: answer.delivery_failing.clone(),
                    reason: Reading::Known(Cow::Borrowed(&answer.reason)),
                    proof: Reading::or_absent((!proof.is_empty()).then(|| Cow::Owned(proof.join("; ")))),
                    excluded: Reading::Known(TextList::complete(excluded)),
                };
                let subject = function_subject(arn, &scope.account, Some(&scope.region));
                let line = self.index.line(DESCRIBE_TRAILS, scope, None);
                let place = (DESCRIBE_TRAILS, line, String::new());
                emit(&self.fact(subject, place, String::new(), Body::InvokeLogging(Box::new(body))));
            }
        }
    }

    pub(super) fn trails(&self, emit: Emit<'_>) {
        for trail in self.index.recorders.trails() {
            let account = trail.account.known().copied();
            let region = trail.region.known().cloned();
            let subject = Subject {
                arn: Some(Cow::Borrowed(trail.arn)),
                kind: "trail",
                name: Cow::Owned(trail.name.known().cloned().unwrap_or_else(|| trail.arn.to_owned())),
                account: account.map(Cow::Borrowed),
                region: region.clone().map(Cow::Owned),
            };
            let scope =
                Scope { account: account.unwrap_or_default().to_owned(), region: region.unwrap_or_default() };
            let line = self.index.line(DESCRIBE_TRAILS, &scope, None);
            let body = Trail {
                subject: known(trail.arn),
                account: trail.account.map(Cow::Borrowed),
                region: trail.region.map(Cow::Owned),
                organization: trail.organization,
                multi_region: trail.multi_region,
                logging: trail.logging,
                validation: trail.validation,
                covers_lambda: trail.covers_lambda,
            };
            let place = (DESCRIBE_TRAILS, line, "/trailList".to_owned());
            emit(&self.fact(subject, place, String::new(), Body::Trail(Box::new(body))));
        }
    }

    pub(super) fn roles(&self, judged: &BTreeMap<&str, Account<'_>>, emit: Emit<'_>) {
        let mut used: BTreeMap<&str, Vec<Cow<'_, str>>> = BTreeMap::new();
        let mut homes: BTreeMap<&str, &Scope> = BTreeMap::new();
        for (scope, function) in
            self.index.functions.iter().flat_map(|(scope, all)| all.iter().map(move |one| (scope, one)))
        {
            if let Some(role) = &function.role {
                used.entry(role).or_default().push(Cow::Borrowed(&function.arn));
                homes.insert(&function.arn, scope);
            }
        }
        for (role, mut functions) in used {
            // Whatever order the parts came in.
            functions.sort_unstable();
            let account = arn::account(role);
            let name = role.rsplit('/').next().unwrap_or(role);
            let call = super::call::Call {
                api: GET_ROLE,
                account: account.unwrap_or_default().to_owned(),
                region: None,
                resource: Some(role.to_owned()),
            };
            let state = self.index.calls.get(&call);
            let lambda_may_assume = match (self.index.roles.get(role), state) {
                (Some(answer), _) => Reading::or_unread(trusts_lambda(answer), Why::Malformed),
                (None, state) => {
                    Reading::Unread(state.and_then(|state| state.why()).unwrap_or(Why::NotCollected))
                }
            };
            let incomplete =
                self.index.scopes().iter().find_map(|scope| self.index.why(LIST_FUNCTIONS, scope, None));
            let found = account.and_then(|account| judged.get(account)?.get(role));
            let unread = account
                .and_then(|account| {
                    self.index.why_of_account(GET_ACCOUNT_AUTHORIZATION_DETAILS, account, None)
                })
                // A role that is not in the answer was made after it, or is gone.
                .unwrap_or(Why::NotCollected);
            let rights = found.map(|found| &found.rights);
            let may = |answer: Option<&Answer>| answer.map_or(Reading::Unread(unread), identities::may);
            let (admin, iam) = (rights.map(|one| &one.admin), rights.map(|one| &one.iam_write));
            let stacks = self.stacks(&functions, incomplete, &homes);
            let body = Role {
                subject: known(role),
                name: known(name),
                account: Reading::or_unread(account.map(Cow::Borrowed), Why::Malformed),
                functions: Reading::Known(TextList { items: functions, incomplete }),
                stacks: Reading::Known(stacks),
                admin: may(admin),
                admin_granted_by: admin.map_or(Reading::Unread(unread), identities::granted_by),
                iam_write: may(iam),
                iam_actions: iam.map_or(Reading::Unread(unread), identities::actions),
                iam_granted_by: iam.map_or(Reading::Unread(unread), identities::granted_by),
                control_policies: found
                    .map_or(Reading::Unread(unread), |found| found.control_policies.clone()),
                lambda_may_assume,
            };
            let subject = Subject {
                arn: Some(Cow::Borrowed(role)),
                kind: "role",
                name: Cow::Borrowed(name),
                account: account.map(Cow::Borrowed),
                region: None,
            };
            let place = match found {
                Some(found) => (GET_ACCOUNT_AUTHORIZATION_DETAILS, found.at.line, found.at.pointer.clone()),
                None => (GET_ROLE, state.map_or(1, |state| state.line), String::new()),
            };
            emit(&self.fact(subject, place, String::new(), Body::Role(Box::new(body))));
        }
    }
}

impl StateFacts<'_> {
    /// The stacks of a role's functions. Those of a single function are one at most, whichever it is.
    fn stacks(
        &self,
        functions: &[Cow<'_, str>],
        mut incomplete: Option<Why>,
        homes: &BTreeMap<&str, &Scope>,
    ) -> TextList<'_> {
        let mut stacks = BTreeSet::new();
        for function in functions {
            let function = function.as_ref();
            let unread = homes
                .get(function)
                .map_or(Some(Why::NotCollected), |scope| self.index.why(LIST_TAGS, scope, Some(function)));
            match (unread, self.index.settings.stacks.get(function)) {
                (None, Some(stack)) => stacks.extend(stack.as_deref()),
                (why, _) if functions.len() > 1 => incomplete = incomplete.or(why).or(Some(Why::Malformed)),
                _ => {}
            }
        }
        TextList { items: stacks.into_iter().map(Cow::Borrowed).collect(), incomplete }
    }
}

/// Does the role's trust policy let Lambda assume it? `None`: it does not parse.
fn trusts_lambda(role: &crate::snapshot::api::Role) -> Option<bool> {
    let document = match role.assume_role_policy_document.as_ref()? {
        serde_json::Value::String(text) => {
            serde_json::from_str(&crate::facts::sessions::percent_decoded(text)?).ok()?
        }
        other => other.clone(),
    };
    let statements = match document.get("Statement")? {
        serde_json::Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let is_lambda = |name: &serde_json::Value| name == "lambda.amazonaws.com" || name == "*";
    Some(statements.iter().any(|statement| {
        let service = statement.pointer("/Principal/Service");
        statement.get("Effect").is_some_and(|effect| effect == "Allow")
            && service.is_some_and(|service| match service {
                serde_json::Value::Array(list) => list.iter().any(is_lambda),
                one => is_lambda(one),
            })
    }))
}
