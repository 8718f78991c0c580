//! Who made a call: the reading of `userIdentity`.
//!
//! Source: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use std::borrow::Cow;
use std::cell::OnceCell;

use super::caller::{
    ACCESS_KEY_ID, ACCOUNT_ID, ARN, CONTEXT_SCOPE, CONTEXT_SCOPE_FUNCTION, CONTEXT_SCOPE_ISSUER, CREATED,
    FEDERATED_PROVIDER, Found, IDENTITY_PROVIDER, IN_SCOPE_OF, INSTANCE, INVOKED_BY, ISSUER_ARN, MFA,
    PRINCIPAL_ID, SCOPE_FUNCTION, SCOPE_ISSUER, SOURCE_IDENTITY, TYPE, USER_NAME,
};
use super::field::Field;
use super::raw::{Raw, RawKind};
use super::record::Escapes;

use crate::arn::{is_account, role_path};

type Text<'a> = Field<Cow<'a, str>>;

/// `userIdentity.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKind {
    /// The account's root user.
    Root,
    /// An IAM user.
    IamUser,
    /// A session of a role.
    AssumedRole,
    /// A role itself.
    Role,
    /// Credentials of GetFederationToken.
    FederatedUser,
    /// A directory service user.
    Directory,
    /// Another account, as the owner of a resource sees it; anonymous callers too.
    AwsAccount,
    /// An AWS service of that account.
    AwsService,
    /// An IAM Identity Center user.
    IdentityCenterUser,
    /// A SAML identity asking for a session.
    SamlUser,
    /// A web identity asking for a session.
    WebIdentityUser,
    /// `Unknown`, or a type this version does not know.
    Other,
    /// No type in the record, or none that can be read.
    None,
}

impl IdentityKind {
    /// Whether a caller of this kind may be a Lambda function's session, whatever else the record says.
    pub(crate) fn may_be_lambdas(self) -> bool {
        match self {
            Self::AssumedRole | Self::Role | Self::AwsAccount | Self::Other | Self::None => true,
            Self::Root
            | Self::IamUser
            | Self::FederatedUser
            | Self::Directory
            | Self::AwsService
            | Self::IdentityCenterUser
            | Self::SamlUser
            | Self::WebIdentityUser => false,
        }
    }

    /// Of `userIdentity.type`.
    pub(crate) fn from_type(text: Option<&str>) -> Self {
        match text {
            Some("Root") => Self::Root,
            Some("IAMUser") => Self::IamUser,
            Some("AssumedRole") => Self::AssumedRole,
            Some("Role") => Self::Role,
            Some("FederatedUser") => Self::FederatedUser,
            Some("Directory") => Self::Directory,
            Some("AWSAccount") => Self::AwsAccount,
            Some("AWSService") => Self::AwsService,
            Some("IdentityCenterUser") => Self::IdentityCenterUser,
            Some("SAMLUser") => Self::SamlUser,
            Some("WebIdentityUser") => Self::WebIdentityUser,
            Some(_) => Self::Other,
            None => Self::None,
        }
    }
}

/// The role, user or service behind a call, without the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Principal<'a> {
    /// The ARN of a user, role or root user as the record has it.
    Arn(Cow<'a, str>),
    /// A role's ARN made from its session's: `arn:…:iam::ACCOUNT:role/NAME`. A session's ARN does not have the role's
    /// path, so the true ARN may be longer.
    RoleWithoutPath(String),
    /// A caller without ARN: the account, where it has one, and the principal id (`AROA…`, without the session).
    Id {
        /// 12-digit account id.
        account: Option<Cow<'a, str>>,
        /// The part of `principalId` that stays the same from session to session.
        id: String,
    },
    /// An AWS service: `events.amazonaws.com`.
    Service(Cow<'a, str>),
    /// Nobody in particular: the public.
    Anonymous,
}

impl<'a> Principal<'a> {
    /// The text that names it, the same as [`Display`](std::fmt::Display) writes.
    pub fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Arn(text) | Self::Service(text) => text.clone(),
            Self::Anonymous => Cow::Borrowed("anonymous"),
            Self::RoleWithoutPath(_) | Self::Id { .. } => Cow::Owned(self.to_string()),
        }
    }
}

impl std::fmt::Display for Principal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Arn(arn) => f.write_str(arn),
            Self::RoleWithoutPath(arn) => f.write_str(arn),
            Self::Id { account: Some(account), id } => write!(f, "{account}:{id}"),
            Self::Id { account: None, id } => f.write_str(id),
            Self::Service(name) => f.write_str(name),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}

/// Whether the credentials are those of a Lambda function, as far as the record alone says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LambdaSession<'a> {
    /// Issued to a function.
    Yes {
        /// The function's ARN (`credentialsIssuedTo`).
        function: Text<'a>,
    },
    /// Not a role's session, or issued to something else.
    No,
    /// The record does not say: other records or a snapshot may.
    Unread,
}

/// The caller of a record: each part is read when it is asked.
#[derive(Debug, Clone)]
pub struct Identity<'a> {
    found: Found<'a>,
    /// Why nothing was.
    missing: Option<Missing>,
    kind: OnceCell<IdentityKind>,
    principal: OnceCell<Field<Principal<'a>>>,
    beside: Beside<'a>,
}

/// What of a record tells of its caller beside `userIdentity`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    /// `eventType` and `sourceIPAddress`, signs that a service made the call: AWS sets both.
    pub(super) signs: [Option<Raw<'a>>; 2],
    /// Of the strings among the caller's members, and those two.
    pub(super) strings: Escapes,
}

/// Why there are no members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// There is no `userIdentity`.
    Absent,
    /// It is no object.
    Unread,
}

impl<'a> Identity<'a> {
    /// Of `userIdentity` as it stands.
    pub(super) fn new(object: Field<Raw<'a>>, signs: [Option<Raw<'a>>; 2]) -> Self {
        let (found, missing) = match object {
            Field::Known(object) if object.kind() == RawKind::Object => (Found::within(object), None),
            Field::Known(_) | Field::Unread => (Found::nothing(), Some(Missing::Unread)),
            Field::Absent => (Found::nothing(), Some(Missing::Absent)),
        };
        Identity {
            found,
            missing,
            beside: Beside { signs, strings: Escapes::Perhaps },
            ..Identity::unfound()
        }
    }

    /// Its members are still to be found.
    pub(super) fn unfound() -> Self {
        Identity {
            found: Found::nothing(),
            missing: None,
            kind: OnceCell::new(),
            principal: OnceCell::new(),
            beside: Beside { signs: [None; 2], strings: Escapes::Perhaps },
        }
    }

    /// The members of another one, in the same space, are to be found.
    pub(super) fn begin(&mut self) -> &mut Found<'a> {
        self.found.clear();
        self.kind.take();
        self.principal.take();
        &mut self.found
    }

    /// Its members, and those beside it, were found in this text.
    pub(super) fn complete(&mut self, text: &'a str, beside: Beside<'a>) {
        self.found.stand_in(text);
        self.beside = beside;
    }

    /// `type`.
    pub fn kind(&self) -> IdentityKind {
        *self.kind.get_or_init(|| IdentityKind::from_type(self.string(TYPE).text()))
    }

    #[inline(always)]
    fn member(&self, place: usize) -> Option<Raw<'a>> {
        self.found.get(place)
    }

    #[inline(always)]
    fn field(&self, value: Option<Raw<'a>>) -> Text<'a> {
        value.map_or(Field::Absent, |value| self.beside.strings.field(value))
    }

    /// A text of `userIdentity` that is not empty.
    #[inline(always)]
    fn string(&self, place: usize) -> Text<'a> {
        match self.missing {
            None => non_empty(self.field(self.member(place))),
            Some(Missing::Absent) => Field::Absent,
            Some(Missing::Unread) => Field::Unread,
        }
    }

    /// The ARN of the role that issued the session's credentials.
    fn issuer(&self) -> Text<'a> {
        self.string(ISSUER_ARN)
    }

    /// `type` as it stands.
    pub fn type_text(&self) -> Text<'a> {
        self.string(TYPE)
    }

    /// `arn` as it stands: for a role's session with the session's name.
    pub fn arn(&self) -> Text<'a> {
        self.string(ARN)
    }

    /// `principalId` as it stands.
    pub fn principal_id(&self) -> Text<'a> {
        self.string(PRINCIPAL_ID)
    }

    /// `accessKeyId`; absent where empty.
    pub fn access_key_id(&self) -> Text<'a> {
        self.string(ACCESS_KEY_ID)
    }

    /// `userName`; unread where CloudTrail hides it.
    pub fn user_name(&self) -> Text<'a> {
        self.string(USER_NAME)
    }

    /// The AWS service that made the call or passed it on.
    #[inline(always)]
    pub fn invoked_by(&self) -> Text<'a> {
        self.string(INVOKED_BY)
    }

    /// `identityProvider` of SAML and web identities.
    pub fn identity_provider(&self) -> Text<'a> {
        self.string(IDENTITY_PROVIDER)
    }

    /// `sessionContext.sourceIdentity`, set by whoever assumed the role first.
    pub fn source_identity(&self) -> Text<'a> {
        self.string(SOURCE_IDENTITY)
    }

    /// When the session's credentials were issued: RFC 3339.
    pub fn session_created(&self) -> Text<'a> {
        self.string(CREATED)
    }

    /// Whether nobody signed the request: any caller in the world.
    pub fn anonymous(&self) -> bool {
        self.kind() == IdentityKind::AwsAccount
            && (self.principal_id().text() == Some("anonymous")
                || self.field(self.member(ACCOUNT_ID)).text() == Some("ANONYMOUS_PRINCIPAL"))
    }

    /// The caller's account: 12 digits. Absent for AWS services and anonymous callers.
    pub fn account(&self) -> Text<'a> {
        match self.string(ACCOUNT_ID) {
            Field::Known(id) if is_account(&id) => Field::Known(id),
            // "aws" and "ANONYMOUS_PRINCIPAL" stand where an anonymous caller has no account.
            Field::Known(_) if self.anonymous() => Field::Absent,
            Field::Known(_) | Field::Unread => Field::Unread,
            Field::Absent => arn_account(self.arn().text())
                .map_or(Field::Absent, |id| Field::Known(Cow::Owned(id.to_owned()))),
        }
    }

    /// The session's name, for `AssumedRole` and `FederatedUser`.
    pub fn session_name(&self) -> Text<'a> {
        match (self.missing, self.kind()) {
            (Some(Missing::Absent), _) => Field::Absent,
            (Some(Missing::Unread), _) => Field::Unread,
            (None, IdentityKind::AssumedRole | IdentityKind::FederatedUser) => {
                session_name(&self.arn(), &self.principal_id())
            }
            (None, _) => Field::Absent,
        }
    }

    /// The role, user or service without session.
    pub fn principal(&self) -> Field<Principal<'a>> {
        self.principal.get_or_init(|| self.read_principal()).clone()
    }

    fn read_principal(&self) -> Field<Principal<'a>> {
        if self.missing.is_some() {
            return Field::Unread;
        }
        if self.anonymous() {
            return Field::Known(Principal::Anonymous);
        }
        let from_id = || match self.principal_id() {
            Field::Known(id) => {
                let id = id.split_once(':').map_or(id.as_ref(), |(id, _)| id).to_owned();
                Field::Known(Principal::Id { account: self.account().known().cloned(), id })
            }
            Field::Absent | Field::Unread => Field::Unread,
        };
        match self.kind() {
            IdentityKind::AwsService | IdentityKind::None
                if self.invoked_by().known().is_some() && self.arn().known().is_none() =>
            {
                self.invoked_by().map(Principal::Service)
            }
            IdentityKind::AssumedRole | IdentityKind::Role | IdentityKind::FederatedUser => {
                if let Field::Known(issuer) = self.issuer() {
                    return Field::Known(Principal::Arn(issuer));
                }
                match self.arn() {
                    Field::Known(arn) => Field::Known(without_session(arn)),
                    Field::Absent | Field::Unread => from_id(),
                }
            }
            // Federated identities: the id is `provider:client:user`, all of which names the caller.
            IdentityKind::SamlUser | IdentityKind::WebIdentityUser => match self.principal_id() {
                Field::Known(id) => Field::Known(Principal::Id {
                    account: self.account().known().cloned(),
                    id: id.into_owned(),
                }),
                Field::Absent | Field::Unread => Field::Unread,
            },
            // A foreign account's role may appear with its session.
            _ => match self.arn() {
                Field::Known(arn) => Field::Known(without_session(arn)),
                Field::Absent => from_id(),
                Field::Unread => Field::Unread,
            },
        }
    }

    /// Whether the caller itself made the call: no AWS service, nor one on its behalf. `None`: not known.
    pub fn direct(&self) -> Option<bool> {
        if self.missing.is_some() {
            return if self.is_from_service() { Some(false) } else { None };
        }
        match (self.kind(), self.invoked_by()) {
            (IdentityKind::AwsService, _) | (_, Field::Known(_)) => Some(false),
            _ if self.is_from_service() => Some(false),
            _ if self.issuer().text().and_then(role_path).is_some_and(|path| path.starts_with(LINKED)) => {
                Some(false)
            }
            (_, Field::Unread) | (IdentityKind::None | IdentityKind::Other, _) => None,
            (_, Field::Absent) => Some(true),
        }
    }

    fn is_from_service(&self) -> bool {
        let [event_type, source] = self.beside.signs;
        let is_service_name = |text: &str| {
            text == "AWS Internal" || text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn")
        };
        self.field(event_type).text() == Some("AwsServiceEvent")
            || self.field(source).text().is_some_and(is_service_name)
    }

    /// Whether the credentials are a Lambda function's. `inScopeOf` names what they were issued to (newer records);
    /// `ec2RoleDelivery` means an instance. Where a session might be a function's and the record has neither, it does
    /// not say.
    pub fn lambda_session(&self) -> LambdaSession<'a> {
        if self.missing.is_some() {
            return LambdaSession::Unread;
        }
        let stranger = self.kind() == IdentityKind::AwsAccount
            && (self.anonymous() || self.principal_id().text().is_some_and(|id| !id.starts_with("AROA")));
        if stranger || !self.kind().may_be_lambdas() {
            return LambdaSession::No;
        }
        let scope = if self.member(IN_SCOPE_OF).is_some() {
            Some((SCOPE_ISSUER, SCOPE_FUNCTION))
        } else {
            self.member(CONTEXT_SCOPE).map(|_| (CONTEXT_SCOPE_ISSUER, CONTEXT_SCOPE_FUNCTION))
        };
        match scope.map(|(issuer, function)| (function, self.string(issuer))) {
            Some((function, Field::Known(issuer))) if issuer == "AWS::Lambda::Function" => {
                LambdaSession::Yes { function: self.string(function).or_if_absent(|| Field::Unread) }
            }
            Some((_, Field::Known(_))) => LambdaSession::No,
            _ if self.issued_otherwise() || reserved_role(self.issuer().text()) => LambdaSession::No,
            _ => LambdaSession::Unread,
        }
    }

    /// Does the session say that its credentials were got in a way in which Lambda gets none: delivered to an instance,
    /// for a web identity, or after multi-factor authentication?
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
    fn issued_otherwise(&self) -> bool {
        let instance = self.member(INSTANCE).is_some_and(|value| !value.is_null());
        // An empty object stands in the records of every role's session.
        let federated = self.member(FEDERATED_PROVIDER).and_then(|value| self.beside.strings.read(value));
        let federated = federated.is_some_and(|provider| !provider.is_empty());
        let mfa = self.member(MFA);
        let mfa =
            mfa.is_some_and(|value| value.as_bool() == Some(true) || value.inner_text() == Some("true"));
        instance || federated || mfa
    }
}

fn non_empty(field: Text<'_>) -> Text<'_> {
    match field {
        Field::Known(text) if text.is_empty() => Field::Absent,
        other => other,
    }
}

/// The account of an ARN, where it has one.
fn arn_account(arn: Option<&str>) -> Option<&str> {
    let mut parts = arn?.split(':');
    if parts.next() != Some("arn") {
        return None;
    }
    parts.nth(3).filter(|account| is_account(account))
}

/// The parts of `arn:PARTITION:sts::ACCOUNT:KIND/NAME/SESSION`: partition, account, name, session.
fn session_arn<'t>(arn: &'t str, kind: &str) -> Option<(&'t str, &'t str, &'t str, Option<&'t str>)> {
    // Most callers are told from sessions here.
    let (partition, rest) = arn.strip_prefix("arn:")?.split_once(':')?;
    let mut parts = rest.strip_prefix("sts:")?.splitn(3, ':');
    let (_, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let mut names = resource.strip_prefix(kind)?.strip_prefix('/')?.splitn(2, '/');
    let name = names.next().filter(|name| !name.is_empty())?;
    Some((partition, account, name, names.next()))
}

fn session_name<'a>(arn: &Text<'a>, principal_id: &Text<'a>) -> Text<'a> {
    let of_arn = |arn| {
        let assumed = part(arn, |arn| session_arn(arn, "assumed-role")?.3);
        assumed.or_else(|| part(arn, |arn| Some(session_arn(arn, "federated-user")?.2)))
    };
    let of_id = |id| part(id, |id| Some(id.split_once(':')?.1));
    let name = arn.known().and_then(of_arn).or_else(|| principal_id.known().and_then(of_id));
    name.map_or(Field::Unread, Field::Known)
}

/// A part of a text, borrowed from what it is borrowed from.
fn part<'a>(text: &Cow<'a, str>, of: impl for<'t> Fn(&'t str) -> Option<&'t str>) -> Option<Cow<'a, str>> {
    match text {
        Cow::Borrowed(text) => of(text).map(Cow::Borrowed),
        Cow::Owned(text) => of(text).map(|part| Cow::Owned(part.to_owned())),
    }
}

/// The role of a session's ARN; another ARN as it is.
fn without_session(arn: Cow<'_, str>) -> Principal<'_> {
    match session_arn(&arn, "assumed-role") {
        Some((partition, account, name, _)) => {
            Principal::RoleWithoutPath(format!("arn:{partition}:iam::{account}:role/{name}"))
        }
        None => Principal::Arn(arn),
    }
}

/// The path of the roles that services make for themselves.
const LINKED: &str = "aws-service-role/";

/// Is it a role that only AWS makes, for a service that is not Lambda, and whose trust nobody else can change? Nobody
/// can make a role below these paths.
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>
fn reserved_role(issuer: Option<&str>) -> bool {
    let path = issuer.and_then(role_path).unwrap_or_default();
    match path.strip_prefix(LINKED) {
        // Lambda has linked roles of its own; whether functions ever get one is documented nowhere.
        Some(linked) => {
            let service = linked.split('/').next().unwrap_or_default();
            !service.is_empty() && !service.contains("lambda")
        }
        None => path.starts_with("aws-reserved/sso.amazonaws.com/"),
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
