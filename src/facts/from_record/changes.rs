//! Facts of configuration changes: URLs, layers, event source mappings, destinations. Grants are in `grants`.
//!
//! What a record set is read from the answer (`responseElements`) where it is there, else from the parameters.
//! Parameter names: the API's members with the first letter lower-cased.

use std::borrow::Cow;

use super::{Reader, Wanted, grants, reading, required, text};
use crate::arn;
use crate::facts::schema::Origin;
use crate::facts::{Body, EventSource, Fact, Function, FunctionUrl, LayerUse, Subject};
use crate::trail::{Field, FunctionRef, Raw, RawKind};
use crate::value::{Reading, TextList, Why};

pub(super) fn changes(reader: &Reader<'_, '_>, wanted: Wanted, emit: &mut dyn FnMut(&Fact<'_>)) {
    match reader.name.as_ref() {
        "AddPermission" | "PutResourcePolicy" | "AddLayerVersionPermission" if wanted.grant => {
            grants::grants(reader, emit);
        }
        "CreateFunctionUrlConfig" | "UpdateFunctionUrlConfig" if wanted.function_url => reader.url(emit),
        "CreateEventSourceMapping" | "UpdateEventSourceMapping" if wanted.event_source => {
            reader.mapping(emit)
        }
        "CreateFunction" | "UpdateFunctionConfiguration" => {
            if wanted.layer_use {
                reader.layers(emit);
            }
            if wanted.function {
                reader.configuration(emit);
            }
        }
        "DeleteFunctionCodeSigningConfig" | "PutFunctionCodeSigningConfig" | "UpdateCodeSigningConfig"
            if wanted.code_signing_change =>
        {
            reader.code_signing(emit);
        }
        "PutFunctionEventInvokeConfig" | "UpdateFunctionEventInvokeConfig" if wanted.function => {
            reader.configuration(emit);
        }
        _ => {}
    }
}

const UNREAD: Why = Why::NotInRecord;

impl<'a> Reader<'_, 'a> {
    /// A member of the answer.
    fn answer(&self, path: &[&str]) -> Option<Raw<'a>> {
        let elements = self.record.response_elements();
        elements.known().and_then(|elements| elements.at(path)).filter(|value| !value.is_null())
    }

    /// A member that a change sets: the answer's, else the parameter's. `Absent` only where the parameters or the
    /// answer are there and do not have it.
    pub(super) fn set(&self, path: &[&str]) -> Field<Raw<'a>> {
        match self.answer(path) {
            Some(value) => Field::Known(value),
            None => match self.record.request_parameter(path) {
                Field::Unread if self.record.response_elements().known().is_some() => Field::Absent,
                other => other,
            },
        }
    }

    pub(super) fn set_text(&self, path: &[&str]) -> Field<Cow<'a, str>> {
        match self.set(path) {
            Field::Known(value) => value.as_str().map_or(Field::Unread, Field::Known),
            Field::Absent => Field::Absent,
            Field::Unread => Field::Unread,
        }
    }

    fn owner(&self, function: &FunctionRef<'a>) -> Option<Cow<'a, str>> {
        function.account.known().cloned().or_else(|| self.account.clone())
    }

    /// Is `account` trusted by what `owner` owns? Unread where either is not known, or where a member list is not.
    fn trusts(&self, owner: Option<&str>, account: Option<&str>) -> Reading<bool> {
        let (Some(owner), Some(account)) = (owner, account) else { return Reading::Unread(UNREAD) };
        let trusted = self.cx.trusts.of(Some(owner)).account(account, Some(owner));
        Reading::or_unread(trusted, Why::NotCollected)
    }

    pub(super) fn url(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let function = self.record.function();
        let qualifier = function.qualifier.known().cloned();
        let subject = self.function_subject(&function, qualifier.as_deref());
        let subject = Subject { kind: "function_url", ..subject };
        let created = self.name.starts_with("Create");
        let whole = created || self.record.response_elements().known().is_some();
        let cors = self.set(&["cors"]);
        let (allow_origins, allow_credentials) = match cors {
            Field::Known(cors) => (
                match cors.get("allowOrigins").filter(|origins| !origins.is_null()) {
                    Some(origins) => texts(origins),
                    None => Reading::Known(TextList::default()),
                },
                match cors.get("allowCredentials").filter(|allow| !allow.is_null()) {
                    Some(allow) => Reading::or_unread(allow.as_bool(), UNREAD),
                    None => Reading::Known(false),
                },
            ),
            // Without an answer, an update that does not mention CORS leaves what was there.
            Field::Absent if whole => (Reading::Known(TextList::default()), Reading::Known(false)),
            Field::Absent | Field::Unread => (Reading::Unread(UNREAD), Reading::Unread(UNREAD)),
        };
        let body = FunctionUrl {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            account: text(self.owner(&function)),
            region: text(self.region.clone()),
            qualifier: reading(function.qualifier.clone()),
            url: reading(self.set_text(&["functionUrl"])),
            auth_type: match self.set_text(&["authType"]).text().and_then(auth_type) {
                Some(word) => Reading::Known(Cow::Borrowed(word)),
                None => Reading::Unread(UNREAD),
            },
            admits_public: Reading::Unread(UNREAD),
            allow_origins,
            allow_credentials,
        };
        emit(&self.fact(subject, Origin::Change, String::new(), Body::FunctionUrl(Box::new(body))));
    }

    /// The layers that the record attaches: all that the function has from then on, `None` where an element cannot be
    /// read. Absent: it does not mention layers, and attaches none.
    pub(super) fn attached(&self) -> Field<Vec<Option<Cow<'a, str>>>> {
        let is_list = |list: &Raw<'a>| list.kind() == RawKind::Array;
        let layers = match self.record.request_parameter(&["layers"]) {
            Field::Absent => return Field::Absent,
            Field::Unread => return Field::Unread,
            Field::Known(asked) => match (self.answer(&["layers"]), asked) {
                // An answer that shows less than was asked for does not take it back.
                (Some(answer), asked) if is_list(&answer) && is_list(&asked) => {
                    let (answer, asked) = (answer.items(), asked.items());
                    if answer.len() < asked.len() { asked } else { answer }
                }
                (Some(list), _) | (None, list) if is_list(&list) => list.items(),
                _ => return Field::Unread,
            },
        };
        let layer = |layer: Raw<'a>| layer.as_str().or_else(|| layer.get("arn").and_then(Raw::as_str));
        Field::Known(layers.into_iter().map(layer).collect())
    }

    fn layers(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let layers = match self.attached() {
            Field::Absent => return,
            Field::Known(layers) => Some(layers),
            Field::Unread => None,
        };
        let function = self.record.function();
        let owner = self.owner(&function);
        let created = self.name.starts_with("Create");
        let mut one = |layer: Option<Cow<'a, str>>| {
            let subject = self.function_subject(&function, None);
            let account =
                layer.as_deref().and_then(arn::account).map(|account| Cow::Owned(account.to_owned()));
            let aws_owned =
                account.as_deref().map(|account: &str| self.cx.lists.is_aws_layer_account(account));
            let body = LayerUse {
                subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
                account: text(owner.clone()),
                region: text(self.region.clone()),
                layer: text(layer.clone()),
                trusted: self.trusts(owner.as_deref(), account.as_deref()),
                layer_account: text(account),
                aws_owned: Reading::or_unread(aws_owned, UNREAD),
                attached: match &layer {
                    Some(_) => Reading::Known(true),
                    None => Reading::Unread(UNREAD),
                },
                existing_function: Reading::Known(!created),
                before: Reading::Known(Cow::Borrowed(if created { "absent" } else { "not_known" })),
            };
            let part = layer.map_or(String::new(), Cow::into_owned);
            emit(&self.fact(subject, Origin::Change, part, Body::LayerUse(Box::new(body))));
        };
        match layers {
            None => one(None),
            Some(layers) => layers.into_iter().for_each(one),
        }
    }

    pub(super) fn mapping(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let created = self.name.starts_with("Create");
        let function = self.record.function();
        let target = match self.set_text(&["functionArn"]) {
            Field::Known(target) => Reading::Known(target),
            _ => required(self.set_text(&["functionName"])),
        };
        let owner = self.account.clone().or_else(|| self.owner(&function));
        let uuid = match self.set_text(&["uUID"]) {
            Field::Known(uuid) => Some(uuid),
            _ => self.set_text(&["uuid"]).known().cloned(),
        };
        let mapping = match (uuid, function.arn.text(), owner.as_deref(), self.region.as_deref()) {
            (Some(uuid), function, Some(owner), Some(region)) => {
                let partition =
                    function.or(target.known().map(Cow::as_ref)).and_then(arn::partition).unwrap_or("aws");
                let arn = format!("arn:{partition}:lambda:{region}:{owner}:event-source-mapping:{uuid}");
                Some((arn, uuid))
            }
            _ => None,
        };
        let subject = match mapping {
            Some((arn, uuid)) => Subject {
                arn: Some(Cow::Owned(arn)),
                kind: "event_source_mapping",
                name: uuid,
                account: owner.clone(),
                region: self.region.clone(),
            },
            None => self.function_subject(&function, None),
        };
        let self_managed = match self.set(&["selfManagedEventSource"]) {
            Field::Known(_) => Reading::Known(true),
            Field::Absent if created || self.record.response_elements().known().is_some() => {
                Reading::Known(false)
            }
            Field::Absent | Field::Unread => Reading::Unread(UNREAD),
        };
        let source = match (self.set_text(&["eventSourceArn"]), &self_managed) {
            (Field::Known(source), _) => Reading::Known(source),
            (_, Reading::Known(true)) => Reading::Absent,
            _ => Reading::Unread(UNREAD),
        };
        let (source_account, trusted) =
            source_trust(&source, &self_managed, |account| self.trusts(owner.as_deref(), Some(account)));
        let enabled = match self.set_text(&["state"]).text() {
            Some(state) => Reading::or_unread(mapping_enabled(state), UNREAD),
            None => match self.record.request_parameter(&["enabled"]) {
                Field::Known(enabled) => Reading::or_unread(enabled.as_bool(), UNREAD),
                Field::Absent if created => Reading::Known(true),
                Field::Absent | Field::Unread => Reading::Unread(UNREAD),
            },
        };
        let sets_function = match self.record.request_parameter(&["functionName"]) {
            Field::Known(_) => Reading::Known(true),
            Field::Absent => Reading::Known(created),
            Field::Unread if created => Reading::Known(true),
            Field::Unread => Reading::Unread(UNREAD),
        };
        let part = mapping_part(&source, &target);
        let body = EventSource {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            account: text(owner.clone()),
            region: text(self.region.clone()),
            function: target,
            source,
            source_account,
            self_managed,
            trusted,
            enabled,
            action: Reading::Known(Cow::Borrowed(if created { "created" } else { "updated" })),
            sets_function,
        };
        emit(&self.fact(subject, Origin::Change, part, Body::EventSource(Box::new(body))));
    }

    /// The function's configuration as far as the record sets it.
    fn configuration(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let function = self.record.function();
        let subject = self.function_subject(&function, None);
        let owner = self.owner(&function);
        let paths: [&[&str]; 3] = [
            &["deadLetterConfig", "targetArn"],
            &["destinationConfig", "onSuccess", "destination"],
            &["destinationConfig", "onFailure", "destination"],
        ];
        let mut targets = TextList::default();
        for path in paths {
            match self.record.request_parameter(path) {
                Field::Known(target) => match target.as_str() {
                    Some(target) if target.is_empty() => {}
                    Some(target) => targets.items.push(target),
                    None => targets.incomplete = Some(UNREAD),
                },
                Field::Absent => {}
                Field::Unread => targets.incomplete = Some(UNREAD),
            }
        }
        let untrusted = untrusted(&targets, |account| self.trusts(owner.as_deref(), Some(account)));
        let body = Function {
            subject: Reading::Known(Cow::Owned(subject.label().to_owned())),
            name: required(function.name.clone()),
            account: text(owner),
            region: text(self.region.clone()),
            runtime: match self.set_text(&["runtime"]) {
                Field::Known(runtime) => Reading::Known(runtime),
                // A record that does not mention it says nothing of what the function has.
                Field::Absent | Field::Unread => Reading::Unread(UNREAD),
            },
            role: required(self.set_text(&["role"])),
            action: Reading::Known(Cow::Borrowed(match self.name.as_ref() {
                "CreateFunction" => "created",
                "UpdateFunctionConfiguration" => "updated",
                _ => "invoke_config",
            })),
            sets_role: Reading::Known(match self.name.as_ref() {
                "CreateFunction" => true,
                "UpdateFunctionConfiguration" => self.record.request_parameter(&["role"]) != Field::Absent,
                _ => false,
            }),
            destinations: Reading::Known(targets),
            untrusted_destinations: Reading::Known(untrusted),
            // `previous_role` is the timeline's to say; the rest are a snapshot's.
            ..Function::unread(UNREAD)
        };
        emit(&self.fact(subject, Origin::Change, String::new(), Body::Function(Box::new(body))));
    }
}

fn texts<'t>(list: Raw<'t>) -> Reading<TextList<'t>> {
    if list.kind() != RawKind::Array {
        return Reading::Unread(UNREAD);
    }
    let mut texts = TextList::default();
    for item in list.items() {
        match item.as_str() {
            Some(item) => texts.items.push(item),
            None => texts.incomplete = Some(UNREAD),
        }
    }
    Reading::Known(texts)
}

/// Does a mapping in this state read its source, or is it about to? `None`: no state that is known.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html>
pub(in crate::facts) fn mapping_enabled(state: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(state));
    if is(&["Enabled", "Enabling", "Creating", "Updating"]) {
        return Some(true);
    }
    is(&["Disabled", "Disabling", "Deleting"]).then_some(false)
}

/// A URL's AuthType in AWS's spelling. `None`: a word that is not known, which may ask for nothing.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionUrlConfig.html>
pub(in crate::facts) fn auth_type(word: &str) -> Option<&'static str> {
    ["NONE", "AWS_IAM"].into_iter().find(|known| known.eq_ignore_ascii_case(word))
}

/// The account of a mapping's source, and whether it is trusted: a broker outside AWS never is.
pub(in crate::facts) fn source_trust<'t>(
    source: &Reading<Cow<'t, str>>,
    self_managed: &Reading<bool>,
    trusts: impl Fn(&str) -> Reading<bool>,
) -> (Reading<Cow<'t, str>>, Reading<bool>) {
    if let Reading::Known(true) = self_managed {
        return (Reading::Absent, Reading::Known(false));
    }
    match source {
        Reading::Known(source) => match arn::account(source) {
            Some(account) => (Reading::Known(Cow::Owned(account.to_owned())), trusts(account)),
            None => (Reading::Unread(UNREAD), Reading::Unread(UNREAD)),
        },
        Reading::Absent => (Reading::Unread(UNREAD), Reading::Unread(UNREAD)),
        Reading::Unread(why) => (Reading::Unread(*why), Reading::Unread(*why)),
    }
}

/// What tells mappings apart in a fingerprint: the source and the function.
pub(in crate::facts) fn mapping_part(
    source: &Reading<Cow<'_, str>>,
    target: &Reading<Cow<'_, str>>,
) -> String {
    let text =
        |reading: &Reading<Cow<'_, str>>| reading.known().map_or(String::new(), |text| text.to_string());
    format!("{}\u{1f}{}", text(source), text(target))
}

/// The targets in untrusted accounts. Incomplete where a target's account or its trust is not known.
pub(in crate::facts) fn untrusted<'t>(
    targets: &TextList<'t>,
    trusts: impl Fn(&str) -> Reading<bool>,
) -> TextList<'t> {
    let mut out = TextList { items: Vec::new(), incomplete: targets.incomplete };
    for target in &targets.items {
        match arn::account(target).map(&trusts) {
            Some(Reading::Known(true)) => {}
            Some(Reading::Known(false)) => out.items.push(target.clone()),
            Some(Reading::Unread(why)) => out.incomplete = Some(why),
            Some(Reading::Absent) | None => out.incomplete = Some(Why::NotCollected),
        }
    }
    out
}
