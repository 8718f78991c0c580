//! Who does a resource policy admit? Policy documents → grants → exposure.
//!
//! [`assess`] reads the policy of a function, version, alias or layer version as AWS stores it and gives every
//! statement, and the whole, an [`Exposure`]; a Deny takes away what it surely covers. [`change`] judges single
//! grants from change records. The rules, and where they only approximate AWS, are stated in `docs/exposure.md`.
//!
//! Pure: text in, values out. Nothing here reads a file, a clock or the network. An answer may admit too much and
//! must never admit too little: [`evaluator`] decides single requests by AWS's own rules, and a test holds every
//! classification against it.

pub(crate) mod action;
mod assess;
mod callers;
pub mod change;
mod class;
pub(crate) mod condition;
pub mod document;
pub mod evaluator;
pub(crate) mod guard;
pub mod input;
pub mod json;
mod listed;
mod network;
pub(crate) mod pattern;
mod principal;
mod reason;
pub mod render;
mod words;

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;

use crate::trust::Trust;
use json::JsonError;

pub use assess::assess;

/// Who is admitted, worst first. `Unknown` is not part of the order: it is "could not be read".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exposure {
    /// Anyone, or any AWS account.
    Public,
    /// Named accounts, at least one of them not the owner.
    CrossAccount,
    /// Any account, from bounded addresses, VPCs or endpoints.
    Network,
    /// An AWS service acting for any customer.
    ServiceUnrestricted,
    /// Members of named organizations.
    Organization,
    /// An AWS service acting for a fixed account or organization.
    ServiceRestricted,
    /// The owner's own principals.
    SameAccount,
    /// Nobody.
    None,
    /// Not readable.
    Unknown,
}

impl Exposure {
    /// All of them in order.
    pub const ALL: [Self; 9] = [
        Self::Public,
        Self::CrossAccount,
        Self::Network,
        Self::ServiceUnrestricted,
        Self::Organization,
        Self::ServiceRestricted,
        Self::SameAccount,
        Self::None,
        Self::Unknown,
    ];

    /// As in the JSON output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::CrossAccount => "cross_account",
            Self::Network => "network",
            Self::ServiceUnrestricted => "service_unrestricted",
            Self::Organization => "organization",
            Self::ServiceRestricted => "service_restricted",
            Self::SameAccount => "same_account",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }

    /// 0 is the worst; `None` for [`Exposure::Unknown`], which has no rank.
    pub fn rank(self) -> Option<usize> {
        (self != Self::Unknown).then_some(self as usize)
    }
}

/// What the policy belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResourceKind {
    /// A function, version or alias.
    #[default]
    Function,
    /// A layer version.
    Layer,
}

/// What an assessment needs to know besides the document.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The resource's account, twelve digits. `None`: not known; every named account then counts as another's.
    pub owner: Option<&'a str>,
    /// What the policy belongs to.
    pub kind: ResourceKind,
    /// Whom the configuration trusts.
    pub trust: &'a Trust,
}

/// Why a document has no grants at all. Its exposure is [`Exposure::Unknown`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The text is not JSON, or beyond the limits of what is read.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON, but not an object.
    #[error("the document is not a JSON object")]
    NotAnObject,
    /// An object without statements.
    #[error("the document has no Statement object or list")]
    NoStatement,
    /// A member that decides is written twice.
    #[error("{0} is written twice, and which one holds cannot be told")]
    Twice(&'static str),
    /// More statements than a policy can hold.
    #[error("{0} statements are more than the {max} that are read", max = document::MAX_STATEMENTS)]
    TooManyStatements(usize),
    /// Working out the exposure would take too long.
    #[error("the document is too complex: comparing its patterns would take too long")]
    TooComplex,
    /// The input is no document, because it is not JSON or not an object.
    #[error("{0}")]
    Unusable(String),
    /// There is no document, because it could not be fetched.
    #[error("the policy was not read: {0}")]
    NotRead(String),
}

/// A whole policy, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// The worst grant's. Unknown if a statement could not be read and the others are no finding.
    pub exposure: Exposure,
    /// Is something outside trust admitted? `None`: it depends on an unread member list or statement.
    pub finding: Option<bool>,
    /// One per statement, in the order written.
    pub grants: Vec<Grant>,
    /// What the policy does for a function URL of type NONE.
    pub url: UrlAdmission,
}

/// One statement, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// `Sid`
    pub sid: Option<String>,
    /// `Allow`, `Deny`, or what else was written.
    pub effect: Option<Cow<'static, str>>,
    /// `Principal` as written; `{"NotPrincipal": …}` for that; `None` if it is missing.
    pub principal: Option<WrittenJson>,
    /// `Action` as written.
    pub actions: Vec<Cow<'static, str>>,
    /// The actions stand under `NotAction`: everything but them is meant.
    pub not_action: bool,
    /// `Resource` as written; a list as JSON text.
    pub resource: Option<String>,
    /// Whom the statement admits once every Deny is applied; `None` for a Deny.
    pub exposure: Exposure,
    /// Is everyone it admits trusted?
    pub trusted: Option<bool>,
    /// Does it need a function URL?
    pub url: UrlUse,
    /// Why it is so, where its reaches do not say.
    pub(crate) because: Option<Cow<'static, str>>,
    /// The condition block, one entry per operator and key.
    pub conditions: Vec<ConditionNote>,
    /// Whom it lets invoke (for a layer: use the version), if anyone is named for that.
    pub invoke: Option<Box<Reach>>,
    /// Whom it lets do anything else.
    pub beyond: Option<Box<Reach>>,
    /// Where the parts that decide stand in the document.
    pub marks: Marks,
}

impl Grant {
    /// The worse of its reaches, if it has any.
    pub(crate) fn worst(&self) -> Option<&Reach> {
        [&self.invoke, &self.beyond]
            .into_iter()
            .flatten()
            .map(AsRef::as_ref)
            .min_by_key(|reach| reach.exposure.rank())
    }

    /// One sentence for people: why it has its exposure.
    pub fn reason(&self) -> &str {
        match (&self.because, self.worst()) {
            (Some(because), _) => because,
            (None, Some(worst)) => &worst.reason,
            (None, None) => "it allows no action",
        }
    }
}

/// Whom one class of actions admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The worst, once every Deny is applied.
    pub exposure: Exposure,
    /// Is everyone trusted?
    pub trusted: Option<bool>,
    /// One sentence for people.
    pub reason: Cow<'static, str>,
    /// Accounts that it names, the owner's included.
    pub accounts: Vec<String>,
    /// Organizations that it is limited to.
    pub organizations: Vec<String>,
    /// Services, lower case; empty where any service is meant.
    pub services: Vec<String>,
    /// Accounts for which the services may act.
    pub source_accounts: Vec<String>,
    /// The actions of this class as written.
    pub actions: Vec<Cow<'static, str>>,
    /// It admits only a service that AWS itself needs to have these actions.
    pub listed: bool,
}

/// How a grant relates to function URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlUse {
    /// It also works without one.
    NotOnly,
    /// It works only through a URL, of either type.
    Only,
    /// Only through a URL of type NONE.
    OnlyOpen,
    /// Only through a URL of type AWS_IAM: every caller has signed.
    OnlyIam,
}

impl UrlUse {
    /// The grant works only through a URL.
    pub fn is_only(self) -> bool {
        self != Self::NotOnly
    }
}

/// Does the policy admit callers without credentials through a function URL of type NONE?
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlAdmission {
    /// Both `lambda:InvokeFunctionUrl` and `lambda:InvokeFunction`: the URL is open.
    Both,
    /// `lambda:InvokeFunctionUrl` only, the model before October 2025: whether it still opens the URL is not known.
    OnlyOlder,
    /// Not `lambda:InvokeFunctionUrl`.
    Neither,
    /// A statement that decides could not be read.
    Unknown,
}

/// One key of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionNote {
    /// As written.
    pub key: Cow<'static, str>,
    /// As written.
    pub operator: Cow<'static, str>,
    /// As text.
    pub values: Vec<String>,
    /// Is it false for every caller outside the ones it names?
    pub binds: bool,
    /// Why, in words.
    pub why: Cow<'static, str>,
    /// Where it stands in the document.
    #[serde(skip)]
    pub span: Range<usize>,
}

/// Parts of a statement as byte ranges of the document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks {
    /// The statement.
    pub statement: Range<usize>,
    /// The principal element's value.
    pub principal: Option<Range<usize>>,
    /// The value of `Action` or `NotAction`.
    pub actions: Option<Range<usize>>,
    /// What made the statement unreadable.
    pub fault: Option<Range<usize>>,
}

/// A statement's meaning, independent of its id, of order, and of spelling that IAM does not distinguish.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Normal {
    /// `AWS:111122223333`, `Service:s3.amazonaws.com`, `*`; with `not ` in front under `NotPrincipal`.
    pub principals: Vec<String>,
    /// Lower case; with `not ` in front under `NotAction`.
    pub actions: Vec<String>,
    /// `operator key value|value`, operator and key in lower case.
    pub conditions: Vec<String>,
}

/// JSON text, compact, members in the order written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenJson(pub(crate) String);

impl WrittenJson {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for WrittenJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &serde_json::value::RawValue =
            serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}
