//! Who made a call: the reading of `userIdentity`.
//!
//! Source: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use std::borrow::Cow;

use super::field::Field;
use super::json::{Indexed, Raw};
use super::record::{TrailRecord, member_string, string_field};

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
    fn from_type(text: Option<&str>) -> Self {
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

/// The caller of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    /// `type`.
    pub kind: IdentityKind,
    /// The role, user or service without session.
    pub principal: Field<Principal<'a>>,
    /// `arn` as it stands: for a role's session with the session's name.
    pub arn: Text<'a>,
    /// The session's name, for `AssumedRole` and `FederatedUser`.
    pub session_name: Text<'a>,
    /// `principalId` as it stands.
    pub principal_id: Text<'a>,
    /// The caller's account: 12 digits. Absent for AWS services and anonymous callers.
    pub account: Text<'a>,
    /// `accessKeyId`; absent where empty.
    pub access_key_id: Text<'a>,
    /// `userName`; unread where CloudTrail hides it.
    pub user_name: Text<'a>,
    /// The AWS service that made the call or passed it on.
    pub invoked_by: Text<'a>,
    /// `identityProvider` of SAML and web identities.
    pub identity_provider: Text<'a>,
    /// `sessionContext.sourceIdentity`, set by whoever assumed the role first.
    pub source_identity: Text<'a>,
    /// When the session's credentials were issued: RFC 3339.
    pub session_created: Text<'a>,
    /// Whether the caller itself made the call: no AWS service, nor one on its behalf. `None`: not known.
    pub direct: Option<bool>,
    /// Whether nobody signed the request: any caller in the world.
    pub anonymous: bool,
    /// Whether the credentials are a Lambda function's.
    pub lambda_session: LambdaSession<'a>,
}

impl<'a> TrailRecord<'a> {
    /// Who made the call. Some records have no `userIdentity`, or one without a type.
    pub fn identity(&self) -> Identity<'a> {
        let object = self.user_identity();
        let Field::Known(object) = object else {
            return Identity::without_fields(Field::Absent, self);
        };
        if object.kind() != super::json::RawKind::Object {
            return Identity::without_fields(Field::Unread, self);
        }
        Identity::read(object, self)
    }
}

impl<'a> Identity<'a> {
    fn without_fields(all: Text<'a>, record: &TrailRecord<'a>) -> Self {
        Self {
            kind: IdentityKind::None,
            principal: Field::Unread,
            arn: all.clone(),
            session_name: all.clone(),
            principal_id: all.clone(),
            account: all.clone(),
            access_key_id: all.clone(),
            user_name: all.clone(),
            invoked_by: all.clone(),
            identity_provider: all.clone(),
            source_identity: all.clone(),
            session_created: all,
            direct: if from_service(record) { Some(false) } else { None },
            anonymous: false,
            lambda_session: LambdaSession::Unread,
        }
    }

    fn read(object: Raw<'a>, record: &TrailRecord<'a>) -> Self {
        let object = object.indexed();
        let member = |key| object.get(key).map_or(Field::Absent, string_field);
        let string = |key| non_empty(member(key));
        let context = object.get("sessionContext");
        let in_context =
            |path: &[&str]| context.and_then(|context| context.at(path)).map_or(Field::Absent, string_field);
        let type_text = string("type");
        let kind = IdentityKind::from_type(type_text.text());
        let (arn, principal_id, invoked_by) = (string("arn"), string("principalId"), string("invokedBy"));
        let issuer = non_empty(in_context(&["sessionIssuer", "arn"]));

        let anonymous = kind == IdentityKind::AwsAccount
            && (principal_id.text() == Some("anonymous")
                || member("accountId").text() == Some("ANONYMOUS_PRINCIPAL"));
        let account = match string("accountId") {
            Field::Known(id) if is_account(&id) => Field::Known(id),
            // "aws" and "ANONYMOUS_PRINCIPAL" stand where an anonymous caller has no account.
            Field::Known(_) if anonymous => Field::Absent,
            Field::Known(_) | Field::Unread => Field::Unread,
            Field::Absent => {
                arn_account(arn.text()).map_or(Field::Absent, |id| Field::Known(Cow::Owned(id.into())))
            }
        };
        let session_name = match kind {
            IdentityKind::AssumedRole | IdentityKind::FederatedUser => session_name(&arn, &principal_id),
            _ => Field::Absent,
        };
        let principal = if anonymous {
            Field::Known(Principal::Anonymous)
        } else {
            principal(kind, &arn, &issuer, &principal_id, &account, &invoked_by)
        };
        let linked_role = issuer.text().is_some_and(|arn| arn.contains(":role/aws-service-role/"));
        let direct = match (kind, &invoked_by) {
            (IdentityKind::AwsService, _) | (_, Field::Known(_)) => Some(false),
            _ if linked_role || from_service(record) => Some(false),
            (_, Field::Unread) | (IdentityKind::None | IdentityKind::Other, _) => None,
            (_, Field::Absent) => Some(true),
        };
        Self {
            kind,
            principal,
            session_name,
            account,
            access_key_id: string("accessKeyId"),
            user_name: string("userName"),
            identity_provider: string("identityProvider"),
            source_identity: in_context(&["sourceIdentity"]),
            session_created: in_context(&["attributes", "creationDate"]),
            direct,
            anonymous,
            lambda_session: lambda_session(kind, anonymous, &object, context, &principal_id),
            arn,
            principal_id,
            invoked_by,
        }
    }
}

fn non_empty(field: Text<'_>) -> Text<'_> {
    match field {
        Field::Known(text) if text.is_empty() => Field::Absent,
        other => other,
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
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
    let mut parts = arn.splitn(6, ':');
    let (prefix, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let mut names = resource.strip_prefix(kind)?.strip_prefix('/')?.splitn(2, '/');
    let name = names.next().filter(|name| !name.is_empty())?;
    (prefix == "arn" && service == "sts").then_some((partition, account, name, names.next()))
}

fn session_name<'a>(arn: &Text<'a>, principal_id: &Text<'a>) -> Text<'a> {
    if let Some((_, _, _, Some(session))) = arn.text().and_then(|arn| session_arn(arn, "assumed-role")) {
        return Field::Known(Cow::Owned(session.to_owned()));
    }
    if let Some((_, _, name, _)) = arn.text().and_then(|arn| session_arn(arn, "federated-user")) {
        return Field::Known(Cow::Owned(name.to_owned()));
    }
    match principal_id.text().and_then(|id| id.split_once(':')) {
        Some((_, session)) => Field::Known(Cow::Owned(session.to_owned())),
        None => Field::Unread,
    }
}

fn principal<'a>(
    kind: IdentityKind,
    arn: &Text<'a>,
    issuer: &Text<'a>,
    principal_id: &Text<'a>,
    account: &Text<'a>,
    invoked_by: &Text<'a>,
) -> Field<Principal<'a>> {
    let from_id = || match principal_id {
        Field::Known(id) => {
            let id = id.split_once(':').map_or(id.as_ref(), |(id, _)| id).to_owned();
            Field::Known(Principal::Id { account: account.known().cloned(), id })
        }
        Field::Absent | Field::Unread => Field::Unread,
    };
    match kind {
        IdentityKind::AwsService | IdentityKind::None
            if invoked_by.known().is_some() && arn.known().is_none() =>
        {
            invoked_by.clone().map(Principal::Service)
        }
        IdentityKind::AssumedRole | IdentityKind::Role | IdentityKind::FederatedUser => {
            if let Field::Known(issuer) = issuer {
                return Field::Known(Principal::Arn(issuer.clone()));
            }
            let Some(text) = arn.text() else { return from_id() };
            match session_arn(text, "assumed-role") {
                Some((partition, account, name, _)) => Field::Known(Principal::RoleWithoutPath(format!(
                    "arn:{partition}:iam::{account}:role/{name}"
                ))),
                None => arn.clone().map(Principal::Arn),
            }
        }
        // Federated identities: the id is `provider:client:user`, all of which names the caller.
        IdentityKind::SamlUser | IdentityKind::WebIdentityUser => match principal_id {
            Field::Known(id) => {
                Field::Known(Principal::Id { account: account.known().cloned(), id: id.clone().into_owned() })
            }
            Field::Absent | Field::Unread => Field::Unread,
        },
        _ => match arn {
            // A foreign account's role may appear with its session.
            Field::Known(text) => match session_arn(text, "assumed-role") {
                Some((partition, account, name, _)) => Field::Known(Principal::RoleWithoutPath(format!(
                    "arn:{partition}:iam::{account}:role/{name}"
                ))),
                None => Field::Known(Principal::Arn(text.clone())),
            },
            Field::Absent => from_id(),
            Field::Unread => Field::Unread,
        },
    }
}

/// Signs, beside `userIdentity`, that a service made the call: AWS sets both fields.
fn from_service(record: &TrailRecord<'_>) -> bool {
    let is_service_name = |text: &str| {
        text == "AWS Internal" || text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn")
    };
    record.event_type().text() == Some("AwsServiceEvent")
        || record.source_ip_address().text().is_some_and(is_service_name)
}

/// `inScopeOf` names what the credentials were issued to (newer records); `ec2RoleDelivery` means an instance. Where a
/// session might be a function's and the record has neither, it does not say.
fn lambda_session<'a>(
    kind: IdentityKind,
    anonymous: bool,
    object: &Indexed<'a>,
    context: Option<Raw<'a>>,
    principal_id: &Text<'a>,
) -> LambdaSession<'a> {
    let scope = object.get("inScopeOf").or_else(|| context?.get("inScopeOf"));
    let foreign_role = principal_id.text().is_none_or(|id| id.starts_with("AROA"));
    match kind {
        IdentityKind::AssumedRole | IdentityKind::Role | IdentityKind::Other | IdentityKind::None => {}
        IdentityKind::AwsAccount if !anonymous && foreign_role => {}
        _ => return LambdaSession::No,
    }
    match scope.map(|scope| (scope, member_string(scope, "issuerType"))) {
        Some((scope, Field::Known(issuer))) if issuer == "AWS::Lambda::Function" => {
            let function = member_string(scope, "credentialsIssuedTo").or_if_absent(|| Field::Unread);
            LambdaSession::Yes { function }
        }
        Some((_, Field::Known(_))) => LambdaSession::No,
        _ if context
            .is_some_and(|context| context.get("ec2RoleDelivery").is_some_and(|value| !value.is_null())) =>
        {
            LambdaSession::No
        }
        _ => LambdaSession::Unread,
    }
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
