//! Whose a role's session is, as far as other records and a snapshot tell: by whom its credentials were issued, or
//! whether Lambda may take the role and the session has a function's name.
//!
//! What is gathered merges in any order, any number of times, to the same. Not here: what a record itself says of its
//! session (`trail`), and which records wait for an answer (`engine`).

mod trust;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use siphasher::sip128::Hasher128;
use smallvec::SmallVec;

pub(crate) use trust::percent_decoded;
pub use trust::{Admits, admits_lambda};

use super::plain;
use crate::arn;
use crate::hashed::{AddressMap, HashedMap, Keys};
use crate::moment::EventId;
use crate::trail::{Field, IdentityKind, LambdaSession, Principal, Raw, TrailRecord, parse_event_time};

/// Texts in little space. Nobody can make two with the same who does not know by which secret they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(#[serde(with = "crate::sixteen")] [u8; 16]);

// It is a hash already: tables take it as it is.
impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.as_hash());
    }
}

impl Id {
    fn of(keys: Keys, parts: &[&str]) -> Self {
        Id::of_parts(keys, parts.iter().map(|part| Some(part.as_bytes())))
    }

    /// Of texts, some of which there may not be.
    fn of_parts<'t>(keys: Keys, parts: impl IntoIterator<Item = Option<&'t [u8]>>) -> Self {
        let mut bytes: SmallVec<[u8; 256]> = SmallVec::new();
        for part in parts {
            // No text is as long.
            bytes.extend_from_slice(&part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.unwrap_or_default());
        }
        let mut hasher = keys.hasher();
        hasher.write(&bytes);
        Id(hasher.finish128().as_bytes())
    }

    pub(crate) fn as_hash(&self) -> u64 {
        self.0.first_chunk().map_or(0, |first| u64::from_le_bytes(*first))
    }
}

/// By whom credentials were issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum IssuedTo {
    Lambda,
    Another,
    /// Records contradict each other.
    Both,
}

/// A role by account and name, with a colon between, which no account has: a session does not tell its path, and a name
/// stands once in an account, whatever its case.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoleName(#[serde(with = "plain::shared")] Arc<str>);

impl RoleName {
    pub fn new(account: &str, name: &str) -> Self {
        RoleName(RoleName::text(account, name).as_str().into())
    }

    /// Of a role's ARN, with its path or without.
    pub fn of_arn(text: &str) -> Option<Self> {
        RoleName::made_of_arn(text, &mut |text| text.into())
    }

    /// `own`: makes its text.
    fn made_of_arn(text: &str, own: &mut dyn FnMut(&str) -> Arc<str>) -> Option<Self> {
        let account = arn::account(text)?;
        let name = arn::role_path(text)?.rsplit('/').next()?;
        Some(RoleName(own(&RoleName::text(account, name))))
    }

    fn text(account: &str, name: &str) -> String {
        let mut text = String::with_capacity(account.len() + 1 + name.len());
        text.push_str(account);
        text.push(':');
        let from = text.len();
        text.push_str(name);
        if let Some(name) = text.get_mut(from..) {
            name.make_ascii_lowercase();
        }
        text
    }

    pub fn account(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(account, _)| account)
    }
}

/// A role's session of which its record does not say whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    key: Option<Id>,
    role: Option<RoleName>,
    /// The function that would have this session: account and name.
    function: Option<Id>,
    /// When its credentials were issued: from, and to.
    issued: (i64, i64),
}

/// A session lasts twelve hours at most. <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use.html>
const LONGEST: i64 = 12 * 3_600;
/// How long a change of a trust policy may take until it holds everywhere; generous.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html>
const SPREAD: i64 = 15 * 60;

impl Session {
    /// With its id; `None` where the record itself says whose the session is, or that it is no role's.
    pub fn of(record: &TrailRecord<'_>, keys: Keys) -> Option<(Id, Self)> {
        let unsaid = Unsaid::of(record, keys)?;
        Some((unsaid.id, unsaid.session(&mut |text| text.into())))
    }

    /// Its text as `own` has it.
    pub(crate) fn share(&mut self, own: impl FnOnce(&mut Arc<str>)) {
        if let Some(RoleName(text)) = &mut self.role {
            own(text);
        }
    }
}

/// What a record tells of a session, but not whose it is.
#[derive(Debug)]
pub struct Unsaid<'r> {
    /// The session's.
    pub id: Id,
    key: Option<Cow<'r, str>>,
    principal: Option<Cow<'r, str>>,
    name: Option<Cow<'r, str>>,
    issued: (i64, i64),
    keys: Keys,
}

impl<'r> Unsaid<'r> {
    /// `None` where the record says whose the session is, or that it is no role's.
    pub fn of(record: &TrailRecord<'r>, keys: Keys) -> Option<Self> {
        let identity = record.identity();
        if identity.lambda_session() != LambdaSession::Unread {
            return None;
        }
        let key = identity.access_key_id().into_known();
        let principal = identity.principal().known().map(Principal::text);
        let name = identity.session_name().into_known();
        let issued @ (from, to) = issued(record);
        let parts = [
            key.as_deref().map(str::as_bytes),
            principal.as_deref().map(str::as_bytes),
            name.as_deref().map(str::as_bytes),
            Some(&from.to_be_bytes()),
            Some(&to.to_be_bytes()),
        ];
        let id = Id::of_parts(keys, parts);
        Some(Unsaid { id, key, principal, name, issued, keys })
    }

    /// The session. `own`: makes its text.
    pub(crate) fn session(&self, own: &mut dyn FnMut(&str) -> Arc<str>) -> Session {
        let Unsaid { id: _, key, principal, name, issued, keys } = self;
        let key = key.as_deref().map(|key| Id::of(*keys, &[key]));
        let role = principal.as_deref().and_then(|principal| RoleName::made_of_arn(principal, own));
        let function =
            role.as_ref().zip(name.as_deref()).map(|(role, name)| Id::of(*keys, &[role.account(), name]));
        Session { key, role, function, issued: *issued }
    }
}

/// When a session's credentials were issued: from, and to.
fn issued(record: &TrailRecord<'_>) -> (i64, i64) {
    let time = record.event_time();
    let created = record.identity().session_created().text().and_then(parse_event_time);
    match created.filter(|created| *created <= time) {
        Some(created) => (created.saturating_sub(SPREAD), created),
        None => (time.saturating_sub(LONGEST + SPREAD), time),
    }
}

/// What a role's trust policy was made to, by time and eventID.
type RoleChanges = BTreeMap<(i64, Option<EventId>), Admits>;

/// What records and a snapshot say about sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    /// By which ids are made. What a store has was made by its own, and is only put to others.
    #[serde(skip, default = "known")]
    keys: Keys,
    /// By access key.
    issued: HashedMap<Id, IssuedTo>,
    /// What each role's trust policy was made to, and when: in order of time and eventID.
    changes: BTreeMap<RoleName, RoleChanges>,
    /// What a snapshot has as trust policies.
    snapshot: BTreeMap<RoleName, Admits>,
    /// Functions that were named: account and name.
    functions: BTreeSet<Id>,
    /// Accounts of which records of IAM were read. They stand in one region only, whose files may not be given.
    iam: BTreeSet<String>,
}

fn known() -> Keys {
    Keys::KNOWN
}

/// Nothing, for where nothing is gathered.
impl Default for Sessions {
    fn default() -> Self {
        Sessions::new(known())
    }
}

/// STS calls that answer with credentials.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_Operations.html>
const ISSUING: [&str; 6] = [
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "GetFederationToken",
    "GetSessionToken",
];

impl Sessions {
    /// Nothing yet. Whatever is put together must have ids that were made by the same keys.
    pub fn new(keys: Keys) -> Self {
        Sessions {
            keys,
            issued: HashedMap::default(),
            changes: BTreeMap::new(),
            snapshot: BTreeMap::new(),
            functions: BTreeSet::new(),
            iam: BTreeSet::new(),
        }
    }

    /// Can a record of this source and name say anything?
    pub fn wants(source: &str, name: &str) -> bool {
        match source {
            "sts.amazonaws.com" => ISSUING.contains(&name),
            "lambda.amazonaws.com" => name != "Invoke",
            "iam.amazonaws.com" => true,
            _ => false,
        }
    }

    /// Takes in what a record says; `account` is the one whose trail it is from. Most records say nothing, and cost a
    /// comparison of their source.
    pub fn gather(&mut self, record: &TrailRecord<'_>, source: &str, name: &str, account: Option<&str>) {
        match source {
            "sts.amazonaws.com" if ISSUING.contains(&name) => self.issue(record, name),
            "iam.amazonaws.com" => {
                let Some(account) = account else { return };
                if !self.iam.contains(account) {
                    self.iam.insert(account.to_owned());
                }
                if matches!(name, "CreateRole" | "UpdateAssumeRolePolicy") && record.succeeded() {
                    self.change(record, account);
                }
            }
            "lambda.amazonaws.com" if name != "Invoke" && record.succeeded() => {
                let function = record.function();
                if let (Some(name), Some(account)) =
                    (function.name.text(), function.account.text().or(account))
                {
                    self.functions.insert(Id::of(self.keys, &[account, name]));
                }
            }
            _ => {}
        }
    }

    fn issue(&mut self, record: &TrailRecord<'_>, name: &str) {
        let key = match record.response_elements() {
            Field::Known(answer) => answer.at(&["credentials", "accessKeyId"]).and_then(Raw::as_str),
            Field::Absent | Field::Unread => None,
        };
        let Some(key) = key.filter(|key| !key.is_empty()) else { return };
        let caller = record.identity();
        let to = match (caller.kind(), caller.invoked_by().text()) {
            (IdentityKind::None | IdentityKind::Other, _) => return,
            (IdentityKind::AwsService, Some("lambda.amazonaws.com")) if name == "AssumeRole" => {
                IssuedTo::Lambda
            }
            // Lambda@Edge and whatever else of Lambda's takes roles: not known to be a function's, nor not.
            (IdentityKind::AwsService, service) if service.is_none_or(|by| by.contains("lambda")) => {
                return;
            }
            _ => IssuedTo::Another,
        };
        self.key(Id::of(self.keys, &[&key]), to);
    }

    fn key(&mut self, key: Id, to: IssuedTo) {
        let known = self.issued.entry(key).or_insert(to);
        if *known != to {
            *known = IssuedTo::Both;
        }
    }

    fn change(&mut self, record: &TrailRecord<'_>, account: &str) {
        let text = |name: &str| {
            record
                .request_parameter(&[name])
                .known()
                .and_then(|value| value.as_str())
                .map(|text| text.into_owned())
        };
        let Some(role) = text("roleName") else { return };
        let document = text("assumeRolePolicyDocument").or_else(|| text("policyDocument"));
        let admits = document.map_or(Admits::Unread, |text| admits_lambda(&serde_json::Value::String(text)));
        let id = record.event_id().known().map(|id| EventId::of(id));
        let changes = self.changes.entry(RoleName::new(account, &role)).or_default();
        let known = changes.entry((record.event_time(), id)).or_insert(admits);
        if *known != admits {
            *known = Admits::Unread;
        }
    }

    /// A role as a snapshot has it.
    pub fn snapshot_role(&mut self, role: &str, admits: Admits) {
        if let Some(role) = RoleName::of_arn(role) {
            self.snapshot.insert(role, admits);
        }
    }

    /// A function that is there, by its ARN.
    pub fn function(&mut self, function: &str) {
        if let (Some(account), Some((_, name))) = (arn::account(function), function.split_once(":function:"))
        {
            let name = name.split(':').next().unwrap_or(name);
            self.functions.insert(Id::of(self.keys, &[account, name]));
        }
    }

    pub fn merge(&mut self, other: Sessions) {
        if self.issued.is_empty() {
            self.issued = other.issued;
        } else {
            other.issued.into_iter().for_each(|(key, to)| self.key(key, to));
        }
        for (role, changes) in other.changes {
            let known = self.changes.entry(role).or_default();
            for (at, admits) in changes {
                let known = known.entry(at).or_insert(admits);
                if *known != admits {
                    *known = Admits::Unread;
                }
            }
        }
        self.snapshot.extend(other.snapshot);
        self.functions.extend(other.functions);
        self.iam.extend(other.iam);
    }

    /// Whose are they? `read` says whether all of an account's records of these seconds (both included; `None`: until
    /// now) were read, as far as is known.
    pub fn answers<'s>(
        &'s self,
        asked: impl Iterator<Item = (&'s Id, &'s Session)>,
        read: &dyn Fn(&str, i64, Option<i64>) -> bool,
    ) -> Answers {
        let mut roles = KnownRoles::default();
        let mut answers = Answers::new(self.keys);
        for (id, session) in asked {
            answers.add(*id, self.answer_with(session, &mut roles, read));
        }
        answers
    }

    /// Whose is it? `None`: neither is shown.
    fn answer_with<'s>(
        &'s self,
        session: &'s Session,
        roles: &mut KnownRoles<'s>,
        read: &dyn Fn(&str, i64, Option<i64>) -> bool,
    ) -> Option<bool> {
        match session.key.and_then(|key| self.issued.get(&key)) {
            Some(IssuedTo::Lambda) => return Some(true),
            Some(IssuedTo::Another) => return Some(false),
            Some(IssuedTo::Both) | None => {}
        }
        let role = session.role.as_ref()?;
        let (from, to) = session.issued;
        let known =
            roles.entry(role.0.as_ptr()).or_insert_with(|| (self.changes.get(role), self.snapshot.get(role)));
        let (changes, snapshot) = (known.0, known.1.copied());
        let behind = |time: i64| (time.saturating_add(1), None);
        let before = changes.and_then(|changes| changes.range(..behind(from)).next_back());
        let since = || changes.into_iter().flat_map(|changes| changes.range(behind(from)..));
        // What the role's trust policy admitted while the credentials may have been issued.
        let while_issued = since().take_while(|((at, _), _)| *at <= to);
        let mut held: SmallVec<[Admits; 8]> = while_issued.map(|(_, to)| *to).collect();
        // A snapshot's policy was the one before too, if none of the records changed it since.
        let unchanged = since().next().is_none();
        let known_since = match (before, snapshot.filter(|_| unchanged)) {
            (Some(((at, _), admits)), None) => {
                held.push(*admits);
                read(role.account(), *at, Some(to))
            }
            (before, Some(admits)) => {
                held.push(admits);
                held.extend(before.map(|(_, admits)| *admits));
                self.iam.contains(role.account()) && read(role.account(), from, None)
            }
            (None, None) => false,
        };
        let may = held.contains(&Admits::Yes) || snapshot == Some(Admits::Yes);
        if may {
            return session.function.filter(|function| self.functions.contains(function)).map(|_| true);
        }
        (known_since && held.iter().all(|admits| *admits == Admits::No)).then_some(false)
    }
}

/// What is known of roles that were asked about, by where their texts stand: many sessions are of one, and have its
/// text in common.
type KnownRoles<'s> = AddressMap<*const u8, (Option<&'s RoleChanges>, Option<&'s Admits>)>;

/// The answers for sessions, asked when all records have been read. Of most there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    keys: Keys,
    all: HashedMap<Id, bool>,
}

impl Answers {
    /// None yet, for sessions whose ids were made by these keys.
    pub fn new(keys: Keys) -> Self {
        Answers { keys, all: HashedMap::default() }
    }

    pub fn add(&mut self, session: Id, answer: Option<bool>) {
        match answer {
            Some(answer) => self.all.insert(session, answer),
            None => self.all.remove(&session),
        };
    }

    pub fn of(&self, session: Id) -> Option<bool> {
        self.all.get(&session).copied()
    }

    /// The answer for the session of a record that does not say whose it is.
    pub fn of_record(&self, record: &TrailRecord<'_>) -> Option<bool> {
        self.of(Unsaid::of(record, self.keys)?.id)
    }
}

#[cfg(test)]
mod tests;
