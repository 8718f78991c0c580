//! One trail record: an index of its members, made by the one scan that also checked it, and typed access to them.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::field::Field;
use super::function::FunctionResource;
use super::identity::Identity;
use super::index::Index;
use super::names::canonical_name;
use super::raw::Raw;
use super::slot::Slot;
use super::time::{Clock, parse_event_time};
use super::walk::Walked;

/// What CloudTrail writes instead of a value that may be sensitive.
pub const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// One CloudTrail record. Making it costs one scan; every accessor reads only its own member.
#[derive(Debug, Clone)]
pub struct TrailRecord<'a> {
    index: Index<'a>,
    text: &'a str,
    offset: u64,
    time: i64,
    /// Where it was not found on the way.
    identity: OnceCell<Box<Identity<'a>>>,
    pub(super) function_resource: OnceCell<Option<FunctionResource<'a>>>,
    /// Whether the strings among its members, and among its caller's, are known to have escapes or not.
    strings: Escapes,
}

impl<'a> TrailRecord<'a> {
    /// A record of which nothing is known.
    pub(super) fn unfound() -> Self {
        TrailRecord {
            index: Index::new(""),
            text: "",
            offset: 0,
            time: 0,
            identity: OnceCell::new(),
            function_resource: OnceCell::new(),
            strings: Escapes::Perhaps,
        }
    }

    /// In the same space another one, which begins at `offset`, with which this text begins, and whose members are to be
    /// found.
    pub(super) fn begin(&mut self, bytes: &'a [u8], offset: u64) {
        self.index.begin(bytes);
        (self.text, self.offset, self.time, self.strings) = ("", offset, 0, Escapes::Perhaps);
        self.identity.take();
        self.function_resource.take();
    }

    /// Where its members are noted.
    pub(super) fn index(&mut self) -> &mut Index<'a> {
        &mut self.index
    }

    /// Its members were found, source and name among them. `None`: it has no time.
    pub(super) fn complete(
        &mut self,
        Walked { len, passed_over, strings }: Walked,
        clock: &mut Clock,
    ) -> Option<()> {
        self.strings = strings;
        self.time = clock.read(&self.index.string_bytes(Slot::EventTime, strings)?)?;
        if !passed_over {
            self.text = simdutf8::basic::from_utf8(self.index.bytes().get(..len)?).ok()?;
            self.index.complete(self.text, strings);
        }
        Some(())
    }

    /// A record from its indexed members, or the names of the members it cannot do without.
    pub(crate) fn new(index: Index<'a>, text: &'a str, offset: u64) -> Result<Self, Vec<&'static str>> {
        let is_string = |slot| index.string(slot, Escapes::None).is_some();
        let time = index.string(Slot::EventTime, Escapes::Perhaps).and_then(|text| parse_event_time(&text));
        let there = [
            ("eventSource", is_string(Slot::EventSource)),
            ("eventName", is_string(Slot::EventName)),
            ("eventTime", time.is_some()),
        ];
        let missing = there.into_iter().filter_map(|(name, is_there)| (!is_there).then_some(name));
        match (time, missing.collect::<Vec<_>>()) {
            (Some(time), missing) if missing.is_empty() => {
                Ok(TrailRecord { index, text, offset, time, ..TrailRecord::unfound() })
            }
            (_, missing) => Err(missing),
        }
    }

    /// Reads one record from its own JSON text, as LookupEvents gives it in `CloudTrailEvent`.
    ///
    /// # Errors
    /// What is wrong and at which byte of the text.
    pub fn parse(text: &'a str) -> Result<Self, super::outcome::Fault> {
        super::split::parse_record(text)
    }

    /// The service: `lambda.amazonaws.com`.
    #[inline(always)]
    pub fn event_source(&self) -> Cow<'a, str> {
        self.index.string(Slot::EventSource, self.strings).unwrap_or_default()
    }

    /// The event name as written, with its date and version.
    #[inline]
    pub fn event_name(&self) -> Cow<'a, str> {
        self.index.string(Slot::EventName, self.strings).unwrap_or_default()
    }

    /// The event name without date and version: see [`canonical_name`].
    #[inline]
    pub fn canonical_name(&self) -> Cow<'a, str> {
        match self.event_name() {
            Cow::Borrowed(name) => Cow::Borrowed(canonical_name(name)),
            Cow::Owned(name) => Cow::Owned(canonical_name(&name).to_owned()),
        }
    }

    /// When it happened: seconds since 1970-01-01T00:00:00Z.
    #[inline]
    pub fn event_time(&self) -> i64 {
        self.time
    }

    /// Where the record starts: bytes into the decompressed text of its file. For a record inside a `CloudTrailEvent`
    /// string, where that string starts.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The record's own JSON text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Moves the record to where the string that holds it stands.
    pub(crate) fn stand_at(&mut self, offset: u64) {
        self.offset = offset;
    }

    #[inline(always)]
    fn string(&self, slot: Slot) -> Field<Cow<'a, str>> {
        match self.strings {
            Escapes::None => self.index.plain_string(slot),
            Escapes::Perhaps => self.index.get(slot).map_or(Field::Absent, string_field),
        }
    }

    fn bool(&self, slot: Slot) -> Field<bool> {
        match self.index.get(slot) {
            None => Field::Absent,
            Some(value) if value.is_null() => Field::Absent,
            Some(value) => match value.as_bool().or(match value.inner_text() {
                Some("true") => Some(true),
                Some("false") => Some(false),
                _ => None,
            }) {
                Some(read) => Field::Known(read),
                None => Field::Unread,
            },
        }
    }

    fn value(&self, slot: Slot) -> Field<Raw<'a>> {
        not_null(self.index.get(slot))
    }

    /// The record's unique id. Nothing takes its place where it is absent.
    #[inline]
    pub fn event_id(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::EventId)
    }

    /// `AwsApiCall`, `AwsServiceEvent`, `AwsConsoleSignIn`, …
    pub fn event_type(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::EventType)
    }

    /// `Management`, `Data`, `NetworkActivity`, …
    #[inline]
    pub fn event_category(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::EventCategory)
    }

    /// The region of the event.
    #[inline]
    pub fn aws_region(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::AwsRegion)
    }

    /// The account that received the record: the one whose trail this is.
    #[inline]
    pub fn recipient_account_id(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::RecipientAccountId)
    }

    /// Account and region of the record as they stand in the text, quotes included; empty where there is none.
    pub(crate) fn place_as_written(&self) -> [&'a [u8]; 2] {
        [Slot::RecipientAccountId, Slot::AwsRegion].map(|slot| self.index.written(slot).unwrap_or_default())
    }

    /// The category of the record as it stands in the text.
    pub(crate) fn category_as_written(&self) -> &'a [u8] {
        self.index.written(Slot::EventCategory).unwrap_or_default()
    }

    /// Where the request came from: an address, a service's name, or `AWS Internal`.
    #[inline]
    pub fn source_ip_address(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::SourceIpAddress)
    }

    /// What the client says it is. Anyone can write anything here.
    #[inline]
    pub fn user_agent(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::UserAgent)
    }

    /// Why the call did not happen. Tables and exports write an empty text where there is no error.
    pub fn error_code(&self) -> Field<Cow<'a, str>> {
        match self.string(Slot::ErrorCode) {
            Field::Known(code) if code.is_empty() => Field::Absent,
            code => code,
        }
    }

    /// Whether the call happened, as far as that was read.
    pub fn succeeded(&self) -> bool {
        self.error_code() == Field::Absent
    }

    /// The error's description.
    pub fn error_message(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::ErrorMessage)
    }

    /// The request's id; an asynchronous invocation's records share it.
    pub fn request_id(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::RequestId)
    }

    /// The same for the copies of one event that different accounts receive.
    pub fn shared_event_id(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::SharedEventId)
    }

    /// The VPC endpoint a request came through.
    #[inline]
    pub fn vpc_endpoint_id(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::VpcEndpointId)
    }

    /// The account that owns that VPC endpoint.
    pub fn vpc_endpoint_account_id(&self) -> Field<Cow<'a, str>> {
        self.string(Slot::VpcEndpointAccountId)
    }

    /// Whether the call changes nothing. (`"true"` as a string, in old records, counts as `true`.)
    pub fn read_only(&self) -> Field<bool> {
        self.bool(Slot::ReadOnly)
    }

    /// Whether this is a management event.
    pub fn management_event(&self) -> Field<bool> {
        self.bool(Slot::ManagementEvent)
    }

    /// Whether the credentials came from a console session.
    pub fn session_credential_from_console(&self) -> Field<bool> {
        self.bool(Slot::SessionCredentialFromConsole)
    }

    /// `userIdentity`, as it stands; see [`TrailRecord::identity`].
    pub fn user_identity(&self) -> Field<Raw<'a>> {
        self.value(Slot::UserIdentity)
    }

    /// Who made the call. Some records have no `userIdentity`, or one without a type.
    #[inline]
    pub fn identity(&self) -> &Identity<'a> {
        match self.index.identity() {
            Some(identity) => identity,
            None => {
                self.identity.get_or_init(|| Identity::new(self.user_identity(), self.index.signs()).into())
            }
        }
    }

    /// The call's parameters; absent where the record has `null`.
    pub fn request_parameters(&self) -> Field<Raw<'a>> {
        self.value(Slot::RequestParameters)
    }

    /// The call's answer; absent where the record has `null`.
    pub fn response_elements(&self) -> Field<Raw<'a>> {
        self.value(Slot::ResponseElements)
    }

    /// Additional data of the event.
    pub fn additional_event_data(&self) -> Field<Raw<'a>> {
        self.value(Slot::AdditionalEventData)
    }

    /// Details of an event made by a service.
    pub fn service_event_details(&self) -> Field<Raw<'a>> {
        self.value(Slot::ServiceEventDetails)
    }

    /// The resources the event is about: an array of objects with `ARN`, `accountId`, `type`.
    pub fn resources(&self) -> Field<Raw<'a>> {
        self.value(Slot::Resources)
    }

    /// One request parameter at a path of keys. Unread where the parameters are `null` or not there: CloudTrail drops
    /// them on some records, so their absence says nothing about the call.
    pub fn request_parameter(&self, path: &[&str]) -> Field<Raw<'a>> {
        match self.request_parameters() {
            Field::Known(parameters) => not_null(parameters.at(path)),
            Field::Absent | Field::Unread => Field::Unread,
        }
    }

    /// Several request parameters at once, as [`Self::request_parameter`] has each.
    pub(crate) fn request_parameters_of<const N: usize>(&self, keys: &[&str; N]) -> [Field<Raw<'a>>; N] {
        match self.request_parameters() {
            Field::Known(parameters) => parameters.get_all(keys).map(not_null),
            Field::Absent | Field::Unread => [const { Field::Unread }; N],
        }
    }

    /// The account whose trail this is: `recipientAccountId`, else the account in the file's name.
    #[inline]
    pub fn trail_account(&self, file: Option<&super::TrailFileName>) -> Field<Cow<'a, str>> {
        match self.recipient_account_id() {
            Field::Known(account) => Field::Known(account),
            other => match file {
                Some(name) => Field::Known(Cow::Owned(name.account.clone())),
                None => other,
            },
        }
    }
}

/// A value that is there, and not `null`.
fn not_null(value: Option<Raw<'_>>) -> Field<Raw<'_>> {
    match value {
        Some(value) if !value.is_null() => Field::Known(value),
        _ => Field::Absent,
    }
}

/// What is known of the escapes in some strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// There is none.
    None,
    Perhaps,
}

impl Escapes {
    /// The text of a string; `None` of another kind of value.
    #[inline]
    pub(super) fn read(self, value: Raw<'_>) -> Option<Cow<'_, str>> {
        match self {
            Escapes::None => value.inner_text().map(Cow::Borrowed),
            Escapes::Perhaps => value.as_str(),
        }
    }

    /// A string member: `null` is absent, another kind and hidden values are unread.
    #[inline(always)]
    pub(super) fn field(self, value: Raw<'_>) -> Field<Cow<'_, str>> {
        match self.read(value) {
            Some(text) if text == HIDDEN => Field::Unread,
            Some(text) => Field::Known(text),
            None if value.is_null() => Field::Absent,
            None => Field::Unread,
        }
    }
}

/// See [`Escapes::field`].
pub(crate) fn string_field(value: Raw<'_>) -> Field<Cow<'_, str>> {
    Escapes::Perhaps.field(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::{FaultKind, TrailFileName};

    fn text(members: &str) -> String {
        format!(r#"{{"eventTime":"2025-03-01T00:00:00Z","eventSource":"s","eventName":"n"{members}}}"#)
    }

    #[test]
    fn absent_unread_and_known_are_kept_apart() {
        let text = text(
            r#","readOnly":"true","managementEvent":1,"sessionCredentialFromConsole":null,"eventID":7,"awsRegion":"",
            "errorCode":null,"userAgent":"HIDDEN_DUE_TO_SECURITY_REASONS","requestParameters":null,"resources":[]"#,
        );
        let record = TrailRecord::parse(&text).unwrap();
        assert_eq!(record.read_only(), Field::Known(true));
        assert_eq!(record.management_event(), Field::Unread);
        assert_eq!(record.session_credential_from_console(), Field::Absent);
        assert_eq!((record.event_id(), record.error_code()), (Field::Unread, Field::Absent));
        assert_eq!(record.aws_region(), Field::Known("".into()));
        assert_eq!((record.user_agent(), record.event_type()), (Field::Unread, Field::Absent));
        assert_eq!(record.request_parameters(), Field::Absent);
        assert_eq!(record.request_parameter(&["functionName"]), Field::Unread);
        assert_eq!(record.resources().known().unwrap().text(), "[]");
    }

    #[test]
    fn the_trails_account_is_the_recipients_else_the_files() {
        let name = "444455556666_CloudTrail_us-east-1_20250301T0005Z_x.json.gz";
        let file = TrailFileName::parse(name).unwrap();
        let with = text(r#","recipientAccountId":"111122223333""#);
        let record = TrailRecord::parse(&with).unwrap();
        assert_eq!(record.trail_account(Some(&file)).text(), Some("111122223333"));
        let without = text("");
        let record = TrailRecord::parse(&without).unwrap();
        assert_eq!(record.trail_account(Some(&file)).text(), Some("444455556666"));
        assert_eq!(record.trail_account(None), Field::Absent);
    }

    #[test]
    fn a_single_records_faults_are_told() {
        let fault = |text: &str| TrailRecord::parse(text).unwrap_err();
        assert_eq!(fault("[]").kind, FaultKind::NotAnObject);
        assert_eq!(fault("{}").kind, FaultKind::Missing(vec!["eventSource", "eventName", "eventTime"]));
        assert_eq!(fault(r#"{"a":}"#).offset, 5);
        let twice = text("") + "{}";
        assert_eq!(fault(&twice).offset, twice.len() as u64 - 2);
        let escaped = TrailRecord::parse(
            r#"{"eventTime":"2025-03-01T00:00:00Z","eventSource":"lambd\u0061","eventName":"Add\u0050ermission20150331v2"}"#,
        );
        let escaped = escaped.unwrap();
        assert_eq!(
            (escaped.event_source(), escaped.canonical_name()),
            ("lambda".into(), "AddPermission".into())
        );
    }
}
