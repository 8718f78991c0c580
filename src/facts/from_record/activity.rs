//! What happened: `api_call` and `invocation` facts. A trail has millions of them, and most policies need a few of
//! their fields to be done with one: each is read when it is first asked.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::whence::SourcePlace;
use super::{LAMBDA, Reader, reading, required, text};
use crate::facts::schema::{FieldAccess, Origin};
use crate::facts::{
    About, ApiCallSource, Body, Fact, InvocationSource, LazyApiCall, LazyInvocation, Maker, Place, Subject,
};
use crate::trail::{AccountBasis, Field, FunctionRef, Identity, IdentityKind, LambdaSession};
use crate::value::{Reading, Why};

type Text<'a> = Reading<Cow<'a, str>>;

/// What several fields are read from, once it was read.
#[derive(Debug, Default)]
pub(super) struct Asked<'a> {
    function: OnceCell<FunctionRef<'a>>,
    sides: OnceCell<Sides<'a>>,
    /// Whether the session is a function's, by other records.
    answer: OnceCell<Option<bool>>,
    pub(super) place: OnceCell<SourcePlace>,
    made: MadeTexts,
}

/// Texts that stand in no record; few, each behind the one before, so that what borrows from one is not in the way of
/// another.
#[derive(Debug, Default)]
struct MadeTexts(OnceCell<Box<(String, MadeTexts)>>);

impl MadeTexts {
    fn keep(&self, text: String) -> &str {
        let mut end = self;
        while let Some(made) = end.0.get() {
            end = &made.1;
        }
        &end.0.get_or_init(|| Box::new((text, MadeTexts::default()))).0
    }
}

/// Whether caller and function are in different accounts, which of the two is the stranger, and whether the other
/// trusts it.
#[derive(Debug, Clone)]
struct Sides<'a> {
    cross_account: Reading<bool>,
    foreign: Text<'a>,
    trusted: Reading<bool>,
}

/// The subject of a call.
struct Called<'r, 'c, 'a>(&'r Reader<'c, 'a>);

impl<'f, 'a: 'f> Maker<'f> for Called<'_, '_, 'a> {
    fn subject(&self) -> Subject<'f> {
        self.0.call_subject()
    }

    fn label(&self) -> Option<Cow<'f, str>> {
        if self.0.record.event_source() == LAMBDA { self.0.record.function_arn() } else { None }
    }
}

/// The subject of an invocation.
struct Invoked<'r, 'c, 'a>(&'r Reader<'c, 'a>);

impl<'f, 'a: 'f> Maker<'f> for Invoked<'_, '_, 'a> {
    fn subject(&self) -> Subject<'f> {
        self.0.function_subject(self.0.function(), None)
    }

    fn label(&self) -> Option<Cow<'f, str>> {
        self.0.record.function_arn()
    }
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn api_call(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        self.activity(&Called(self), &LazyApiCall::new(self), emit);
    }

    pub(super) fn invocation(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        self.activity(&Invoked(self), &LazyInvocation::new(self), emit);
    }

    fn activity<'f>(
        &'f self,
        subject: &'f dyn Maker<'f>,
        fields: &'f dyn FieldAccess,
        emit: &mut dyn FnMut(&Fact<'_>),
    ) {
        emit(&Fact {
            subject: About::lazily(subject),
            origin: Origin::Activity,
            place: Place::Event(self.event()),
            part: String::new(),
            body: Body::Activity(fields),
        });
    }

    pub(super) fn identity(&self) -> &Identity<'a> {
        self.record.identity()
    }

    /// Whether a session whose record does not say it is a function's.
    fn is_functions(&self) -> Option<bool> {
        let answers = self.cx.answers?;
        *self.asked.answer.get_or_init(|| answers.of_record(self.record))
    }

    fn function(&self) -> &FunctionRef<'a> {
        self.asked.function.get_or_init(|| self.record.function_called_by(self.identity()))
    }

    /// The function, where it is a call of Lambda's.
    fn called_function(&self) -> Option<&FunctionRef<'a>> {
        (self.record.event_source() == LAMBDA).then(|| self.function())
    }

    /// The function that the call is about, else the caller.
    fn call_subject(&self) -> Subject<'a> {
        if let Some(function) = self.called_function().filter(|function| function.name.known().is_some()) {
            return self.function_subject(function, None);
        }
        let label = match self.caller() {
            Reading::Known(principal) => principal,
            Reading::Absent | Reading::Unread(_) => Cow::Borrowed("a caller the record does not name"),
        };
        Subject {
            arn: label.starts_with("arn:").then(|| label.clone()),
            kind: "principal",
            name: label,
            account: self.account_of_caller().known().cloned(),
            region: self.region.clone(),
        }
    }

    /// The role or user, without the session.
    fn caller(&self) -> Text<'a> {
        match self.identity().principal() {
            Field::Known(principal) => Reading::Known(principal.text()),
            Field::Absent | Field::Unread => Reading::Unread(Why::NotInRecord),
        }
    }

    pub(super) fn account_of_caller(&self) -> Text<'a> {
        let identity = self.identity();
        match identity.account() {
            Field::Known(account) => Reading::Known(account),
            _ if identity.kind() == IdentityKind::AwsService || identity.anonymous() => Reading::Absent,
            _ => Reading::Unread(Why::NotInRecord),
        }
    }

    /// The owner of the function. A bare name says nothing of it.
    fn known_owner(&self) -> Text<'a> {
        if self.asked.function.get().is_none()
            && let Some(owner) = self.record.function_owner()
        {
            return Reading::Known(owner);
        }
        let function = self.function();
        match function.account_basis {
            Some(AccountBasis::Caller) | None => Reading::Unread(Why::NotInRecord),
            Some(_) => required(function.account.clone()),
        }
    }

    fn sides(&self) -> &Sides<'a> {
        self.asked.sides.get_or_init(|| {
            let same = || Sides {
                cross_account: Reading::Known(false),
                foreign: Reading::Absent,
                trusted: Reading::Known(true),
            };
            match (self.account_of_caller(), self.known_owner()) {
                (Reading::Absent, _) => same(),
                (Reading::Known(caller), Reading::Known(owner)) if caller == owner => same(),
                (Reading::Known(caller), Reading::Known(owner)) => {
                    let outbound = self.account.as_ref() == Some(&caller);
                    let (ours, foreign) = if outbound { (caller, owner) } else { (owner, caller) };
                    let trusted = self.cx.trusts.of(Some(&ours)).account(&foreign, Some(&ours));
                    Sides {
                        cross_account: Reading::Known(true),
                        foreign: Reading::Known(foreign),
                        trusted: Reading::or_unread(trusted, Why::NotCollected),
                    }
                }
                _ => {
                    let unread = Why::NotInRecord;
                    Sides {
                        cross_account: Reading::Unread(unread),
                        foreign: Reading::Unread(unread),
                        trusted: Reading::Unread(unread),
                    }
                }
            }
        })
    }
}

/// Fields that both kinds have.
macro_rules! shared {
    () => {
        fn keep(&self, text: String) -> &'a str {
            self.asked.made.keep(text)
        }

        fn event_name(&self) -> Text<'a> {
            Reading::Known(self.name.clone())
        }

        fn succeeded(&self) -> Reading<bool> {
            Reading::Known(self.record.succeeded())
        }

        fn error_code(&self) -> Text<'a> {
            reading(self.record.error_code())
        }

        fn account(&self) -> Text<'a> {
            text(self.account.clone())
        }

        fn region(&self) -> Text<'a> {
            text(self.region.clone())
        }

        fn principal(&self) -> Text<'a> {
            self.caller()
        }

        fn caller_account(&self) -> Text<'a> {
            self.account_of_caller()
        }

        fn access_key(&self) -> Text<'a> {
            reading(self.identity().access_key_id())
        }

        fn direct(&self) -> Reading<bool> {
            Reading::or_unread(self.identity().direct(), Why::NotInRecord)
        }

        fn on_behalf_of(&self) -> Text<'a> {
            reading(self.identity().invoked_by())
        }

        fn lambda_session(&self) -> Reading<bool> {
            match self.identity().lambda_session() {
                LambdaSession::Yes { .. } => Reading::Known(true),
                LambdaSession::No => Reading::Known(false),
                LambdaSession::Unread => Reading::or_unread(self.is_functions(), Why::NotInRecord),
            }
        }

        fn source_ip(&self) -> Text<'a> {
            reading(self.record.source_ip_address())
        }

        fn user_agent(&self) -> Text<'a> {
            reading(self.record.user_agent())
        }

        fn vpc_endpoint_trusted(&self) -> Reading<bool> {
            self.endpoint_trusted()
        }

        fn asn(&self) -> Reading<i64> {
            self.place().asn()
        }

        fn cloud(&self) -> Reading<bool> {
            self.place().cloud()
        }

        fn outside(&self) -> Reading<bool> {
            self.is_outside()
        }

        fn command_line(&self) -> Reading<bool> {
            self.is_command_line()
        }
    };
}

impl<'a> ApiCallSource<'a> for &'a Reader<'_, '_> {
    shared!();

    fn weakens_guardrail(&self) -> Reading<bool> {
        Reader::weakens_guardrail(self)
    }

    fn subject(&self) -> Text<'a> {
        let subject = self.call_subject();
        Reading::Known(subject.arn.unwrap_or(subject.name))
    }

    fn event_source(&self) -> Text<'a> {
        Reading::Known(self.record.event_source())
    }

    fn identity_type(&self) -> Text<'a> {
        match self.identity().type_text() {
            Field::Known(kind) => Reading::Known(kind),
            Field::Absent | Field::Unread => Reading::Unread(Why::NotInRecord),
        }
    }

    fn session_arn(&self) -> Text<'a> {
        reading(self.identity().arn())
    }

    fn session_name(&self) -> Text<'a> {
        reading(self.identity().session_name())
    }

    fn lambda_function(&self) -> Text<'a> {
        match self.identity().lambda_session() {
            LambdaSession::Yes { function } => reading(function),
            LambdaSession::No => Reading::Absent,
            LambdaSession::Unread if self.is_functions() == Some(false) => Reading::Absent,
            LambdaSession::Unread => Reading::Unread(Why::NotInRecord),
        }
    }

    fn function(&self) -> Text<'a> {
        self.called_function().map_or(Reading::Absent, |function| reading(function.name.clone()))
    }

    fn qualifier(&self) -> Text<'a> {
        self.called_function().map_or(Reading::Absent, |function| reading(function.qualifier.clone()))
    }

    fn read_only(&self) -> Reading<bool> {
        required(self.record.read_only())
    }

    fn vpc_endpoint(&self) -> Text<'a> {
        reading(self.record.vpc_endpoint_id())
    }

    fn vpc_endpoint_account(&self) -> Text<'a> {
        reading(self.record.vpc_endpoint_account_id())
    }
}

impl<'a> InvocationSource<'a> for &'a Reader<'_, '_> {
    shared!();

    fn subject(&self) -> Text<'a> {
        let subject = self.function_subject(Reader::function(self), None);
        Reading::Known(subject.arn.unwrap_or(subject.name))
    }

    fn function_account(&self) -> Text<'a> {
        self.known_owner()
    }

    fn qualifier(&self) -> Text<'a> {
        reading(Reader::function(self).qualifier.clone())
    }

    fn dry_run(&self) -> Reading<bool> {
        match self.record.request_parameter(&["invocationType"]) {
            // A URL knows no dry run.
            _ if self.name != "Invoke" => Reading::Known(false),
            Field::Known(kind) => {
                Reading::or_unread(kind.as_str().map(|kind| kind == "DryRun"), Why::NotInRecord)
            }
            Field::Absent => Reading::Known(false),
            Field::Unread => Reading::Unread(Why::NotInRecord),
        }
    }

    fn cross_account(&self) -> Reading<bool> {
        self.sides().cross_account.clone()
    }

    fn foreign_account(&self) -> Text<'a> {
        self.sides().foreign.clone()
    }

    fn trusted(&self) -> Reading<bool> {
        self.sides().trusted.clone()
    }

    fn anonymous(&self) -> Reading<bool> {
        match self.identity().kind() {
            IdentityKind::None => Reading::Unread(Why::NotInRecord),
            _ => Reading::Known(self.identity().anonymous()),
        }
    }
}
