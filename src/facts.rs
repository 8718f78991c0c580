//! Facts: the typed statements that policies judge.
//!
//! A kind is declared once (`state_kinds`, `activity_kinds`); the declaration feeds the type checker of predicates,
//! the engine, `lambda-audit facts` and the reference. Facts are made from snapshot parts (`from_snapshot`) and from
//! trail records (`from_record`); nothing here judges them.

mod activity_kinds;
pub mod from_record;
pub mod from_snapshot;
mod grant;
pub mod open;
mod pages;
pub(crate) mod plain;
pub mod schema;
pub mod sessions;
mod state_kinds;

use std::borrow::Cow;
use std::cell::OnceCell;

use serde::{Deserialize, Serialize};

pub use activity_kinds::{
    API_CALL, ApiCall, ApiCallSource, INVOCATION, Invocation, InvocationSource, LazyApiCall, LazyInvocation,
};
pub use state_kinds::{
    CODE_SIGNING_CHANGE, CodeSigningChange, EVENT_SOURCE, EXPOSURES, EventSource, FUNCTION, FUNCTION_URL,
    Function, FunctionUrl, GRANT, GUARDRAIL, Grant, Guardrail, INVOKE_DELIVERY, INVOKE_LOGGING,
    InvokeDelivery, InvokeLogging, LAYER_USE, LOGGING_CHANGE, LayerUse, LoggingChange, PRINCIPAL, Principal,
    ROLE, Role, TRAIL, TRAIL_FILE, Trail, TrailFile,
};

use crate::value::Why;
use schema::{FieldAccess, FieldSet, KindDecl, Origin};

/// Every kind, in the order of the documentation.
pub static KINDS: [&KindDecl; 16] = [
    &GRANT,
    &FUNCTION_URL,
    &LAYER_USE,
    &EVENT_SOURCE,
    &FUNCTION,
    &CODE_SIGNING_CHANGE,
    &INVOKE_LOGGING,
    &INVOKE_DELIVERY,
    &LOGGING_CHANGE,
    &TRAIL,
    &TRAIL_FILE,
    &ROLE,
    &PRINCIPAL,
    &GUARDRAIL,
    &API_CALL,
    &INVOCATION,
];

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static KindDecl> {
    KINDS.into_iter().find(|kind| kind.name == name)
}

/// A fact of the kind with every field unread, for policy test cases.
pub fn unread_fact(kind: &KindDecl, why: Why) -> Option<Box<dyn FieldSet + Send + Sync>> {
    Some(match kind.name {
        "grant" => Box::new(Grant::unread(why)),
        "function_url" => Box::new(FunctionUrl::unread(why)),
        "layer_use" => Box::new(LayerUse::unread(why)),
        "event_source" => Box::new(EventSource::unread(why)),
        "function" => Box::new(Function::unread(why)),
        "code_signing_change" => Box::new(CodeSigningChange::unread(why)),
        "invoke_logging" => Box::new(InvokeLogging::unread(why)),
        "invoke_delivery" => Box::new(InvokeDelivery::unread(why)),
        "logging_change" => Box::new(LoggingChange::unread(why)),
        "trail" => Box::new(Trail::unread(why)),
        "trail_file" => Box::new(TrailFile::unread(why)),
        "role" => Box::new(Role::unread(why)),
        "principal" => Box::new(Principal::unread(why)),
        "guardrail" => Box::new(Guardrail::unread(why)),
        "api_call" => Box::new(ApiCall::unread(why)),
        "invocation" => Box::new(Invocation::unread(why)),
        _ => return None,
    })
}

/// A name of the program's own. Under this name, since the derived reading would borrow a `&str`.
pub type SubjectKind = &'static str;

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Subject<'a> {
    pub arn: Option<Cow<'a, str>>,
    /// `function`, `function_version`, `alias`, `layer_version`, `function_url`, `event_source_mapping`, `trail`,
    /// `trail_file`, `role`, `principal`, …
    #[serde(with = "plain::subject_kind")]
    pub kind: SubjectKind,
    pub name: Cow<'a, str>,
    pub account: Option<Cow<'a, str>>,
    pub region: Option<Cow<'a, str>>,
}

impl Subject<'_> {
    /// What a reader is shown: the ARN, else the name.
    pub fn label(&self) -> &str {
        self.arn.as_deref().unwrap_or(&self.name)
    }

    pub fn into_owned(self) -> Subject<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Subject {
            arn: self.arn.map(own),
            kind: self.kind,
            name: own(self.name),
            account: self.account.map(own),
            region: self.region.map(own),
        }
    }
}

/// The subject of a fact: known, or made when it is first asked, which for most records is never.
#[derive(Clone)]
pub struct About<'a> {
    made: OnceCell<Subject<'a>>,
    make: Option<&'a dyn Maker<'a>>,
}

/// What a subject is made of.
pub trait Maker<'a> {
    fn subject(&self) -> Subject<'a>;
    /// Its label, where that takes less than all of it.
    fn label(&self) -> Option<Cow<'a, str>>;
}

impl<'a> About<'a> {
    pub fn lazily(make: &'a dyn Maker<'a>) -> Self {
        About { made: OnceCell::new(), make: Some(make) }
    }

    /// Its [label](Subject::label), without making the subject if that can be avoided.
    pub fn only_label(&self) -> Cow<'_, str> {
        let known = || self.make.filter(|_| self.made.get().is_none())?.label();
        known().unwrap_or_else(|| Cow::Borrowed(self.label()))
    }
}

impl<'a> From<Subject<'a>> for About<'a> {
    fn from(subject: Subject<'a>) -> Self {
        About { made: OnceCell::from(subject), make: None }
    }
}

impl<'a> std::ops::Deref for About<'a> {
    type Target = Subject<'a>;

    fn deref(&self) -> &Subject<'a> {
        self.made.get_or_init(|| self.make.map_or_else(Subject::default, |make| make.subject()))
    }
}

impl std::fmt::Debug for About<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&**self, f)
    }
}

/// Where a fact was read.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(tag = "in", rename_all = "snake_case")]
pub enum Source {
    /// A snapshot: the file, the part's line (from 1), a JSON pointer into the part's data, and the API it came from.
    Snapshot { file: String, line: u64, pointer: String, api: String },
    /// A trail record: the file, the byte offset of the record in the decompressed text, its eventID.
    Record { file: String, offset: u64, event_id: Option<String> },
    /// A file as a whole: itself, or the digest that lists it.
    File { file: String },
}

/// A record's place and time, for facts that records make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    pub file: &'a str,
    /// Byte offset of the record in the decompressed text.
    pub offset: u64,
    pub id: Option<&'a str>,
    /// Seconds since 1970, UTC.
    pub time: i64,
}

/// The kind-specific part of a fact.
#[derive(Debug, Clone)]
pub enum Body<'a> {
    Grant(Box<Grant<'a>>),
    FunctionUrl(Box<FunctionUrl<'a>>),
    LayerUse(Box<LayerUse<'a>>),
    EventSource(Box<EventSource<'a>>),
    Function(Box<Function<'a>>),
    CodeSigningChange(Box<CodeSigningChange<'a>>),
    InvokeLogging(Box<InvokeLogging<'a>>),
    InvokeDelivery(Box<InvokeDelivery<'a>>),
    LoggingChange(Box<LoggingChange<'a>>),
    Trail(Box<Trail<'a>>),
    TrailFile(Box<TrailFile<'a>>),
    Role(Box<Role<'a>>),
    Principal(Box<Principal<'a>>),
    Guardrail(Box<Guardrail<'a>>),
    /// An `api_call` or an `invocation`: so many that their fields are read only where a policy asks.
    Activity(&'a dyn FieldAccess),
}

impl<'a> Body<'a> {
    pub fn fields(&self) -> &(dyn FieldAccess + 'a) {
        match self {
            Body::Grant(fact) => &**fact,
            Body::FunctionUrl(fact) => &**fact,
            Body::LayerUse(fact) => &**fact,
            Body::EventSource(fact) => &**fact,
            Body::Function(fact) => &**fact,
            Body::CodeSigningChange(fact) => &**fact,
            Body::InvokeLogging(fact) => &**fact,
            Body::InvokeDelivery(fact) => &**fact,
            Body::LoggingChange(fact) => &**fact,
            Body::Trail(fact) => &**fact,
            Body::TrailFile(fact) => &**fact,
            Body::Role(fact) => &**fact,
            Body::Principal(fact) => &**fact,
            Body::Guardrail(fact) => &**fact,
            Body::Activity(fact) => *fact,
        }
    }
}

/// Where a fact stands: in a snapshot part, in a trail record, or in what a file is.
#[derive(Debug, Clone)]
pub enum Place<'a> {
    Part { file: &'a str, line: u64, api: &'a str, pointer: String },
    Event(Event<'a>),
    File { file: &'a str },
}

/// A fact: what it is about, where it was read, and its fields.
#[derive(Debug, Clone)]
pub struct Fact<'a> {
    pub subject: About<'a>,
    pub origin: Origin,
    pub place: Place<'a>,
    /// What tells facts about the same subject apart in a fingerprint: of a grant the normal form of principals,
    /// actions and conditions; of a URL or mapping the field and its value; empty where `group_by` decides.
    pub part: String,
    pub body: Body<'a>,
}
