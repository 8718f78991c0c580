//! Users and roles with what they may do, from IAM's answer about the whole account.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde_json::value::RawValue;

use super::controls::{Above, Level};
use super::state::{Emit, StateFacts, known};
use crate::facts::sessions::percent_decoded;
use crate::facts::{Body, Principal, Subject};
use crate::identity::{Answer, Document, Held, Holder, May, Policies, Questions, Rights, rights};
use crate::snapshot::api::*;
use crate::value::{Reading, TextList, Why};

/// Roles that AWS's services make for themselves, under a path that nobody else can use; what they may do is AWS's to
/// decide, and service control policies do not limit them.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>
const SERVICE_LINKED: &str = ":role/aws-service-role/";

/// The kind of holders that have a name of their own in their sessions.
const USER: &str = "user";

/// Where something stands in the snapshot.
#[derive(Debug, Clone, Default)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) pointer: String,
}

/// What the pages of one account say.
#[derive(Debug, Default)]
pub(super) struct Identities {
    users: BTreeMap<String, (UserDetail, At)>,
    roles: BTreeMap<String, (RoleDetail, At)>,
    groups: HashMap<String, GroupDetail>,
    policies: HashMap<String, ManagedPolicyDetail>,
}

impl Identities {
    pub(super) fn add(&mut self, page: AuthorizationPage, line: u64) {
        let at = |list: &str, at: usize| At { line, pointer: format!("/{list}/{at}") };
        for (number, user) in page.user_detail_list.into_iter().enumerate() {
            self.users.insert(user.arn.clone(), (user, at("UserDetailList", number)));
        }
        for (number, role) in page.role_detail_list.into_iter().enumerate() {
            self.roles.insert(role.arn.clone(), (role, at("RoleDetailList", number)));
        }
        for group in page.group_detail_list {
            self.groups.insert(group.group_name.clone(), group);
        }
        for policy in page.policies {
            self.policies.insert(policy.arn.clone(), policy);
        }
    }
}

/// A user or role with its rights.
#[derive(Debug)]
pub(super) struct Judged<'i> {
    arn: &'i str,
    name: &'i str,
    kind: &'static str,
    pub(super) at: &'i At,
    pub(super) rights: Rights,
    pub(super) control_policies: Reading<Cow<'static, str>>,
}

/// All users and roles of an account, by ARN.
pub(super) type Account<'i> = BTreeMap<&'i str, Judged<'i>>;

/// The documents of one account, each read once.
struct Documents<'i> {
    questions: &'i Questions,
    managed: HashMap<&'i str, Document>,
    controls: Vec<Vec<(String, Result<Document, Why>)>>,
}

impl<'i> Documents<'i> {
    fn of(identities: &'i Identities, controls: &[Level<'_>], questions: &'i Questions) -> Self {
        let managed = identities.policies.values().filter_map(|policy| {
            let versions = &policy.policy_version_list;
            let in_force = versions.iter().find(|one| one.version_id == policy.default_version_id)?;
            Some((policy.arn.as_str(), document(&in_force.document, questions)))
        });
        let control = |policy: &Result<&ControlPolicy, Why>| match policy {
            Ok(policy) => {
                let name = policy.policy_summary.name.as_deref().unwrap_or(&policy.policy_summary.id);
                (format!("service control policy {name}"), Ok(Document::read(&policy.content, questions)))
            }
            Err(why) => ("a service control policy".to_owned(), Err(*why)),
        };
        Documents {
            questions,
            managed: managed.collect(),
            controls: controls.iter().map(|level| level.iter().map(control).collect()).collect(),
        }
    }

    /// A managed policy that the answer does not have was not read.
    fn managed(&self, arn: &str, of: &str) -> Held<'_> {
        let document = self.managed.get(arn).ok_or(Why::NotCollected);
        Held { through: Cow::Owned(format!("managed policy {arn}{of}")), document }
    }

    fn controls(&self) -> Vec<Vec<Held<'_>>> {
        fn all<'d>(level: &'d [(String, Result<Document, Why>)]) -> Vec<Held<'d>> {
            let held = |(through, document): &'d (String, Result<Document, Why>)| Held {
                through: Cow::Borrowed(through),
                document: document.as_ref().map_err(|why| *why),
            };
            level.iter().map(held).collect()
        }
        self.controls.iter().map(|level| all(level)).collect()
    }
}

/// JSON, or JSON text, percent-encoded or not.
fn document(written: &RawValue, questions: &Questions) -> Document {
    let text = written.get();
    if text.starts_with('{') {
        return Document::read(text, questions);
    }
    let Ok(text) = serde_json::from_str::<String>(text) else { return Document::read("", questions) };
    let decoded = if text.trim_start().starts_with('{') { Some(text) } else { percent_decoded(&text) };
    Document::read(decoded.as_deref().unwrap_or_default(), questions)
}

/// What a user or role holds itself.
struct Own<'i> {
    arn: &'i str,
    name: &'i str,
    /// `user` or `role`.
    kind: &'static str,
    inline: &'i [PolicyDetail],
    attached: &'i [AttachedPolicy],
    groups: &'i [String],
    boundary: Option<&'i PermissionsBoundary>,
}

impl StateFacts<'_> {
    /// What the users and roles of every account may do.
    pub(super) fn judged(&self) -> BTreeMap<&str, Account<'_>> {
        let questions = Questions::new(self.lists.iam_writes());
        self.index
            .identities
            .iter()
            .map(|(id, identities)| (id.as_str(), self.account(id, identities, &questions)))
            .collect()
    }

    fn account<'s>(&'s self, id: &str, identities: &'s Identities, questions: &Questions) -> Account<'s> {
        let (levels, state) = match self.index.control_policies(id) {
            Above::Levels(levels) => (levels, known("applied")),
            Above::Nothing => (Vec::new(), known("none")),
            Above::NotAsked => (Vec::new(), known("not_read")),
            Above::Unread(why) => (vec![vec![Err(why)]], Reading::Unread(why)),
        };
        let documents = Documents::of(identities, &levels, questions);
        let mut all = Account::new();
        let users = identities.users.values().map(|(user, at)| (Own::of_user(user), at));
        let roles = identities.roles.values().map(|(role, at)| (Own::of_role(role), at));
        for (own, at) in users.chain(roles) {
            let rights = own.rights(id, identities, &documents);
            let Own { arn, name, kind, .. } = own;
            all.insert(arn, Judged { arn, name, kind, at, rights, control_policies: state.clone() });
        }
        all
    }

    /// A fact for each user and role, and one for those that were not read.
    pub(super) fn principals(&self, judged: &BTreeMap<&str, Account<'_>>, emit: Emit<'_>) {
        let accounts: std::collections::BTreeSet<String> =
            self.index.scopes().into_iter().map(|scope| scope.account).collect();
        for account in &accounts {
            let Some(why) = self.index.why_of_account(GET_ACCOUNT_AUTHORIZATION_DETAILS, account, None)
            else {
                continue;
            };
            let subject = Subject {
                arn: None,
                kind: "account",
                name: Cow::Owned(format!("users and roles of {account}")),
                account: Some(Cow::Borrowed(account)),
                region: None,
            };
            let line = self.index.line_of_account(GET_ACCOUNT_AUTHORIZATION_DETAILS, account);
            let place = (GET_ACCOUNT_AUTHORIZATION_DETAILS, line, String::new());
            let body =
                Body::Principal(Box::new(Principal { account: known(account), ..Principal::unread(why) }));
            emit(&self.fact(subject, place, String::new(), body));
        }
        for (account, all) in judged {
            for one in all.values() {
                let subject = Subject {
                    arn: Some(Cow::Borrowed(one.arn)),
                    kind: "principal",
                    name: Cow::Borrowed(one.name),
                    account: Some(Cow::Borrowed(account)),
                    region: None,
                };
                let Rights { admin, invoke, control, .. } = &one.rights;
                let body = Principal {
                    subject: known(one.arn),
                    name: known(one.name),
                    account: known(account),
                    kind: known(one.kind),
                    service_linked: Reading::Known(one.arn.contains(SERVICE_LINKED)),
                    admin: may(admin),
                    invokes_all: may(invoke),
                    invoke_granted_by: granted_by(invoke),
                    controls_all: may(control),
                    control_actions: actions(control),
                    control_granted_by: granted_by(control),
                    control_policies: one.control_policies.clone(),
                };
                let place = (GET_ACCOUNT_AUTHORIZATION_DETAILS, one.at.line, one.at.pointer.clone());
                emit(&self.fact(subject, place, String::new(), Body::Principal(Box::new(body))));
            }
        }
    }
}

pub(super) fn may(answer: &Answer) -> Reading<Cow<'static, str>> {
    match answer.may {
        May::No => known("no"),
        May::Conditional => known("conditional"),
        May::Yes => known("yes"),
        May::Unread(why) => Reading::Unread(why),
    }
}

pub(super) fn actions(answer: &Answer) -> Reading<TextList<'_>> {
    list(&answer.actions, answer.unread)
}

pub(super) fn granted_by(answer: &Answer) -> Reading<TextList<'_>> {
    list(&answer.by, answer.unread)
}

fn list(items: &[String], incomplete: Option<Why>) -> Reading<TextList<'_>> {
    let items = items.iter().map(|item| Cow::Borrowed(item.as_str())).collect();
    Reading::Known(TextList { items, incomplete })
}

impl<'i> Own<'i> {
    fn of_user(user: &'i UserDetail) -> Self {
        Own {
            arn: &user.arn,
            name: &user.user_name,
            kind: USER,
            inline: &user.user_policy_list,
            attached: &user.attached_managed_policies,
            groups: &user.group_list,
            boundary: user.permissions_boundary.as_ref(),
        }
    }

    fn of_role(role: &'i RoleDetail) -> Self {
        Own {
            arn: &role.arn,
            name: &role.role_name,
            kind: "role",
            inline: &role.role_policy_list,
            attached: &role.attached_managed_policies,
            groups: &[],
            boundary: role.permissions_boundary.as_ref(),
        }
    }

    fn rights(&self, account: &str, identities: &Identities, documents: &Documents<'_>) -> Rights {
        let questions = documents.questions;
        let groups: Vec<(&str, Option<&GroupDetail>)> =
            self.groups.iter().map(|name| (name.as_str(), identities.groups.get(name))).collect();
        // Inline documents are read here, managed ones once for the account.
        let inline = |policies: &[PolicyDetail], of: &str| -> Vec<(String, Document)> {
            let one = |policy: &PolicyDetail| {
                let through = format!("inline policy {}{of}", policy.policy_name);
                (through, document(&policy.policy_document, questions))
            };
            policies.iter().map(one).collect()
        };
        let mut read = inline(self.inline, "");
        for (name, group) in &groups {
            let policies = group.map_or(&[][..], |group| &group.group_policy_list);
            read.extend(inline(policies, &format!(" of group {name}")));
        }
        let mut identity: Vec<Held<'_>> = read
            .iter()
            .map(|(through, document)| Held { through: Cow::Borrowed(through), document: Ok(document) })
            .collect();
        identity.extend(self.attached.iter().map(|one| documents.managed(&one.policy_arn, "")));
        for (name, group) in &groups {
            match group {
                Some(group) => {
                    let of = format!(" of group {name}");
                    let attached = group.attached_managed_policies.iter();
                    identity.extend(attached.map(|one| documents.managed(&one.policy_arn, &of)));
                }
                None => identity.push(Held {
                    through: Cow::Owned(format!("group {name}")),
                    document: Err(Why::NotCollected),
                }),
            }
        }
        let boundary = self.boundary.map(|one| documents.managed(&one.permissions_boundary_arn, ""));
        let exempt = self.arn.contains(SERVICE_LINKED);
        let controls = if exempt { Vec::new() } else { documents.controls() };
        let holder = Holder { arn: self.arn, account, user: (self.kind == USER).then_some(self.name) };
        rights(&holder, &Policies { identity, boundary, controls }, questions)
    }
}
