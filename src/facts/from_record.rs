//! Facts from trail records: what happened (`api_call`, `invocation`), and what a configuration change made so.
//!
//! A record with an error code changed nothing: it makes an `api_call` and no other fact. A successful change whose
//! parameters are null or hidden makes a fact with unread fields.

pub(super) mod changes;
mod effects;
mod grants;
mod whence;

use std::borrow::Cow;

use super::schema::Origin;
use super::{ApiCall, Body, Event, Fact, Invocation, Place, Subject};
use crate::lists::Lists;
use crate::network::Networks;
use crate::trail::{Field, FunctionRef, Identity, IdentityKind, LambdaSession, TrailFileName, TrailRecord};
use crate::trust::Trusts;
use crate::value::{Reading, Why};

pub use effects::effects_of;
pub(crate) use effects::is_change;

/// The service whose records make facts of the other kinds.
pub(crate) const LAMBDA: &str = "lambda.amazonaws.com";

/// What facts are made with, beside the record.
#[derive(Debug, Clone, Copy)]
pub struct RecordContext<'c> {
    pub trusts: &'c Trusts,
    pub lists: &'c Lists,
    pub networks: &'c Networks,
}

/// Which facts a run has policies for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub api_call: bool,
    pub invocation: bool,
    pub grant: bool,
    pub function_url: bool,
    pub layer_use: bool,
    pub event_source: bool,
    pub function: bool,
}

impl Wanted {
    pub const ALL: Wanted = Wanted {
        api_call: true,
        invocation: true,
        grant: true,
        function_url: true,
        layer_use: true,
        event_source: true,
        function: true,
    };
}

/// A trail record with its place, as facts are made from it.
pub(super) struct Reader<'r, 'a> {
    pub(super) record: &'r TrailRecord<'a>,
    pub(super) name: Cow<'a, str>,
    pub(super) file: &'r str,
    pub(super) event_id: Option<Cow<'a, str>>,
    /// The account whose trail it is.
    pub(super) account: Option<Cow<'a, str>>,
    pub(super) region: Option<Cow<'a, str>>,
    pub(super) cx: RecordContext<'r>,
}

/// Makes the facts of one record that are wanted.
pub fn facts_of(
    record: &TrailRecord<'_>,
    file: &str,
    named: Option<&TrailFileName>,
    wanted: Wanted,
    cx: RecordContext<'_>,
    emit: &mut dyn FnMut(&Fact<'_>),
) {
    let reader = Reader::new(record, file, named, cx);
    let lambda = record.event_source() == LAMBDA;
    if wanted.api_call {
        reader.api_call(lambda, emit);
    }
    if !lambda {
        return;
    }
    if wanted.invocation && INVOCATIONS.contains(&reader.name.as_ref()) {
        reader.invocation(emit);
    }
    if error_code(record) == Field::Absent {
        changes::changes(&reader, wanted, emit);
    }
}

/// Names of the data events that are invocations.
pub const INVOCATIONS: [&str; 4] =
    ["Invoke", "InvokeExecution", "InvokeFunctionUrl", "InvokeWebFunctionEndpoint"];

/// Why the call did not happen. Tables and exports write an empty text where there is none.
fn error_code<'a>(record: &TrailRecord<'a>) -> Field<Cow<'a, str>> {
    match record.error_code() {
        Field::Known(code) if code.is_empty() => Field::Absent,
        code => code,
    }
}

/// A record's field as a fact has it: what cannot be read is not in the record.
pub(super) fn reading<T>(field: Field<T>) -> Reading<T> {
    match field {
        Field::Known(value) => Reading::Known(value),
        Field::Absent => Reading::Absent,
        Field::Unread => Reading::Unread(Why::NotInRecord),
    }
}

/// The same for a field that every record should have: absent is as good as unread.
pub(super) fn required<T>(field: Field<T>) -> Reading<T> {
    match field {
        Field::Known(value) => Reading::Known(value),
        Field::Absent | Field::Unread => Reading::Unread(Why::NotInRecord),
    }
}

pub(super) fn text<'t>(value: Option<Cow<'t, str>>) -> Reading<Cow<'t, str>> {
    Reading::or_unread(value, Why::NotInRecord)
}

/// What stands in place of a name that a record does not give.
const NO_FUNCTION: &str = "a function the record does not name";
const NO_LAYER: &str = "a layer the record does not name";

/// Does the record not say which function or layer it is about?
fn is_unnamed(subject: &Subject<'_>) -> bool {
    subject.arn.is_none() && [NO_FUNCTION, NO_LAYER].iter().any(|name| subject.name.starts_with(name))
}

impl<'r, 'a> Reader<'r, 'a> {
    fn new(
        record: &'r TrailRecord<'a>,
        file: &'r str,
        named: Option<&TrailFileName>,
        cx: RecordContext<'r>,
    ) -> Self {
        Reader {
            record,
            name: record.canonical_name(),
            file,
            event_id: record.event_id().known().cloned(),
            account: record.trail_account(named).known().cloned(),
            region: record.aws_region().known().cloned(),
            cx,
        }
    }

    pub(super) fn fact<'f>(
        &'f self,
        subject: Subject<'f>,
        origin: Origin,
        part: String,
        body: Body<'f>,
    ) -> Fact<'f> {
        let event = Event {
            file: self.file,
            offset: self.record.offset(),
            id: self.event_id.as_deref(),
            time: self.record.event_time(),
        };
        Fact { subject, origin, place: Place::Event(event), part, body }
    }

    /// What is read of the caller, in the form that `api_call` and `invocation` share.
    fn caller(&self) -> Caller<'a> {
        let identity = self.record.identity();
        let nobody = identity.anonymous || identity.kind == IdentityKind::AwsService;
        let account = match &identity.account {
            Field::Known(account) => Reading::Known(account.clone()),
            _ if nobody => Reading::Absent,
            _ => Reading::Unread(Why::NotInRecord),
        };
        let principal = match &identity.principal {
            Field::Known(principal) => Reading::Known(Cow::Owned(principal.to_string())),
            Field::Absent | Field::Unread => Reading::Unread(Why::NotInRecord),
        };
        let (lambda_session, lambda_function) = match &identity.lambda_session {
            LambdaSession::Yes { function } => (Reading::Known(true), reading(function.clone())),
            LambdaSession::No => (Reading::Known(false), Reading::Absent),
            LambdaSession::Unread => (Reading::Unread(Why::NotInRecord), Reading::Unread(Why::NotInRecord)),
        };
        let direct = Reading::or_unread(identity.direct, Why::NotInRecord);
        Caller { identity, principal, account, lambda_session, lambda_function, direct }
    }

    fn api_call(&self, lambda: bool, emit: &mut dyn FnMut(&Fact<'_>)) {
        let record = self.record;
        let caller = self.caller();
        let function = if lambda { Some(record.function()) } else { None };
        let error_code = reading(error_code(record));
        let subject = match &function {
            Some(function) if function.name.known().is_some() => self.function_subject(function, None),
            _ => self.principal_subject(&caller),
        };
        let whence = self.whence(&caller);
        let identity = &caller.identity;
        let call = ApiCall {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            event_source: Reading::Known(record.event_source()),
            event_name: Reading::Known(self.name.clone()),
            succeeded: Reading::Known(matches!(error_code, Reading::Absent)),
            error_code,
            account: text(self.account.clone()),
            region: text(self.region.clone()),
            principal: caller.principal.clone(),
            identity_type: match record.user_identity().known().and_then(|object| object.get("type")) {
                Some(kind) => Reading::or_unread(kind.as_str(), Why::NotInRecord),
                None => Reading::Unread(Why::NotInRecord),
            },
            caller_account: caller.account.clone(),
            session_arn: reading(identity.arn.clone()),
            session_name: reading(identity.session_name.clone()),
            access_key: reading(identity.access_key_id.clone()),
            direct: caller.direct.clone(),
            on_behalf_of: reading(identity.invoked_by.clone()),
            lambda_session: caller.lambda_session.clone(),
            lambda_function: caller.lambda_function.clone(),
            function: match &function {
                Some(function) => reading(function.name.clone()),
                None => Reading::Absent,
            },
            qualifier: match &function {
                Some(function) => reading(function.qualifier.clone()),
                None => Reading::Absent,
            },
            read_only: required(record.read_only()),
            source_ip: reading(record.source_ip_address()),
            user_agent: reading(record.user_agent()),
            vpc_endpoint: reading(record.vpc_endpoint_id()),
            vpc_endpoint_account: reading(record.vpc_endpoint_account_id()),
            vpc_endpoint_trusted: whence.vpc_endpoint_trusted,
            asn: whence.asn,
            cloud: whence.cloud,
            outside: whence.outside,
            command_line: whence.command_line,
        };
        emit(&self.fact(subject, Origin::Activity, String::new(), Body::ApiCall(Box::new(call))));
    }

    fn invocation(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let record = self.record;
        let caller = self.caller();
        let function = record.function();
        // A bare name says nothing of the owner.
        let owner = match function.account_basis {
            Some(crate::trail::AccountBasis::Caller) | None => Reading::Unread(Why::NotInRecord),
            Some(_) => required(function.account.clone()),
        };
        let (cross_account, foreign, trusted) = self.sides(&caller, &owner);
        let dry_run = match record.request_parameter(&["invocationType"]) {
            // A URL knows no dry run.
            _ if self.name != "Invoke" => Reading::Known(false),
            Field::Known(kind) => {
                Reading::or_unread(kind.as_str().map(|kind| kind == "DryRun"), Why::NotInRecord)
            }
            Field::Absent => Reading::Known(false),
            Field::Unread => Reading::Unread(Why::NotInRecord),
        };
        let error_code = reading(error_code(record));
        let whence = self.whence(&caller);
        let subject = self.function_subject(&function, None);
        let body = Invocation {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            event_name: Reading::Known(self.name.clone()),
            succeeded: Reading::Known(matches!(error_code, Reading::Absent)),
            error_code,
            account: text(self.account.clone()),
            region: text(self.region.clone()),
            function_account: owner,
            qualifier: reading(function.qualifier.clone()),
            dry_run,
            principal: caller.principal.clone(),
            caller_account: caller.account.clone(),
            cross_account,
            foreign_account: foreign,
            trusted,
            direct: caller.direct.clone(),
            on_behalf_of: reading(caller.identity.invoked_by.clone()),
            anonymous: match caller.identity.kind {
                IdentityKind::None => Reading::Unread(Why::NotInRecord),
                _ => Reading::Known(caller.identity.anonymous),
            },
            lambda_session: caller.lambda_session.clone(),
            access_key: reading(caller.identity.access_key_id.clone()),
            source_ip: reading(record.source_ip_address()),
            user_agent: reading(record.user_agent()),
            vpc_endpoint_trusted: whence.vpc_endpoint_trusted,
            asn: whence.asn,
            cloud: whence.cloud,
            outside: whence.outside,
            command_line: whence.command_line,
        };
        emit(&self.fact(subject, Origin::Activity, String::new(), Body::Invocation(Box::new(body))));
    }

    /// Whether caller and function are in different accounts, which of the two is the stranger, and whether the other
    /// trusts it.
    fn sides(
        &self,
        caller: &Caller<'a>,
        owner: &Reading<Cow<'a, str>>,
    ) -> (Reading<bool>, Reading<Cow<'a, str>>, Reading<bool>) {
        let unread = Why::NotInRecord;
        match (&caller.account, owner) {
            (Reading::Absent, _) => (Reading::Known(false), Reading::Absent, Reading::Known(true)),
            (Reading::Known(caller), Reading::Known(owner)) if caller == owner => {
                (Reading::Known(false), Reading::Absent, Reading::Known(true))
            }
            (Reading::Known(caller), Reading::Known(owner)) => {
                let outbound = self.account.as_ref() == Some(caller);
                let (ours, foreign) = if outbound { (caller, owner) } else { (owner, caller) };
                let trusted = self.cx.trusts.of(Some(ours)).account(foreign, Some(ours));
                (
                    Reading::Known(true),
                    Reading::Known(foreign.clone()),
                    Reading::or_unread(trusted, Why::NotCollected),
                )
            }
            _ => (Reading::Unread(unread), Reading::Unread(unread), Reading::Unread(unread)),
        }
    }

    /// The function (or its alias or version) that a record is about.
    pub(super) fn function_subject(
        &self,
        function: &FunctionRef<'a>,
        qualifier: Option<&str>,
    ) -> Subject<'a> {
        let name = function.name.text().unwrap_or(NO_FUNCTION);
        let qualified = |text: &str| match qualifier {
            Some(qualifier) => format!("{text}:{qualifier}"),
            None => text.to_owned(),
        };
        let arn = function.arn.text().map(|arn| Cow::Owned(qualified(arn)));
        // Told apart by account and region where there is no ARN, so that two functions never share a finding.
        let account = function.account.known().cloned().or_else(|| self.account.clone());
        Subject {
            arn,
            kind: match qualifier {
                None => "function",
                Some(version) if version.bytes().all(|byte| byte.is_ascii_digit()) => "function_version",
                Some(_) => "alias",
            },
            name: Cow::Owned(qualified(name)),
            account,
            region: self.region.clone(),
        }
    }

    fn principal_subject(&self, caller: &Caller<'a>) -> Subject<'a> {
        let label = match &caller.principal {
            Reading::Known(principal) => principal.clone(),
            Reading::Absent | Reading::Unread(_) => Cow::Borrowed("a caller the record does not name"),
        };
        Subject {
            arn: label.starts_with("arn:").then(|| label.clone()),
            kind: "principal",
            name: label,
            account: caller.account.known().cloned(),
            region: self.region.clone(),
        }
    }
}

struct Caller<'a> {
    identity: Identity<'a>,
    principal: Reading<Cow<'a, str>>,
    account: Reading<Cow<'a, str>>,
    lambda_session: Reading<bool>,
    lambda_function: Reading<Cow<'a, str>>,
    direct: Reading<bool>,
}
