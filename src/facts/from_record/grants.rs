//! Grants that a record adds: one statement judged alone (an upper bound: what the policy denies is not in the
//! record), or the whole document of PutResourcePolicy.

use std::borrow::Cow;

use super::Reader;
use crate::arn;
use crate::exposure::change::{LayerPermissionRequest, PermissionRequest, layer_permission, permission};
use crate::exposure::{Assessment, Context, ResourceKind, assess};
use crate::facts::grant::Owner;
use crate::facts::schema::Origin;
use crate::facts::{Body, Fact, Grant, Subject};
use crate::trail::{Field, Raw, string_field};
use crate::value::{Reading, Why};

pub(super) fn grants(reader: &Reader<'_, '_>, emit: &mut dyn FnMut(&Fact<'_>)) {
    match reader.name.as_ref() {
        "AddLayerVersionPermission" => reader.layer_grant(emit),
        "PutResourcePolicy" => reader.whole_policy(emit),
        _ => reader.function_grant(emit),
    }
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text_parameter(name).known().cloned()
    }

    /// A parameter that is a text. Hidden, or of another kind: unread, which is not the same as not given. A
    /// condition that cannot be read narrows the grant in a way that nobody knows.
    fn text_parameter(&self, name: &str) -> Field<Cow<'a, str>> {
        match self.record.request_parameter(&[name]) {
            Field::Known(value) => string_field(value),
            Field::Absent => Field::Absent,
            Field::Unread => Field::Unread,
        }
    }

    /// The statement AWS stored, as the answer has it: JSON in a string.
    fn stored_statement(&self) -> Option<Cow<'a, str>> {
        self.record.response_elements().known()?.get("statement")?.as_str()
    }

    fn function_grant(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let function = self.record.function();
        let qualifier = function.qualifier.known().cloned();
        let subject = self.function_subject(&function, qualifier.as_deref());
        let names = [
            "statementId",
            "action",
            "principal",
            "sourceArn",
            "sourceAccount",
            "principalOrgID",
            "functionUrlAuthType",
            "eventSourceToken",
        ];
        let read = names.map(|name| self.text_parameter(name));
        let via_url = match self.record.request_parameter(&["invokedViaFunctionUrl"]) {
            Field::Known(via) => via.as_bool().map_or(Field::Unread, Field::Known),
            Field::Absent => Field::Absent,
            Field::Unread => Field::Unread,
        };
        let stored = self.stored_statement();
        let hidden = via_url == Field::Unread || read.contains(&Field::Unread);
        let [sid, action, principal, source_arn, source_account, org, auth_type, token] =
            read.map(|field| field.known().cloned());
        let request = PermissionRequest {
            statement_id: sid.as_deref(),
            action: action.as_deref(),
            principal: principal.as_deref(),
            source_arn: source_arn.as_deref(),
            source_account: source_account.as_deref(),
            principal_org_id: org.as_deref(),
            function_url_auth_type: auth_type.as_deref(),
            invoked_via_function_url: via_url.known().copied(),
            event_source_token: token.as_deref(),
            resource: subject.arn.as_deref(),
        };
        let trust = self.cx.trusts.of(subject.account.as_deref());
        let context = Context { owner: subject.account.as_deref(), kind: ResourceKind::Function, trust };
        let assessed = match (&stored, hidden) {
            (None, true) => None,
            (stored, _) => permission(&request, stored.as_deref(), &context).ok(),
        };
        let qualifier = super::reading(function.qualifier.clone());
        self.emit_grants(subject.clone(), "function", qualifier, false, assessed, emit);
    }

    /// The layer version that a record is about, and its number.
    pub(super) fn layer_subject(&self) -> (Subject<'a>, Option<i64>) {
        let layer = self.record.layer();
        let name = layer.name.text().unwrap_or(super::NO_LAYER).to_owned();
        let version = layer.version.known().copied();
        let made = match (layer.arn.text(), self.account.as_deref(), self.region.as_deref()) {
            (Some(arn), _, _) => Some(arn.to_owned()),
            (None, Some(account), Some(region)) if layer.name.known().is_some() => {
                let caller = self.record.identity().arn();
                let partition = caller.text().and_then(arn::partition).unwrap_or("aws");
                Some(format!("arn:{partition}:lambda:{region}:{account}:layer:{name}"))
            }
            _ => None,
        };
        let with_version = |text: String| match version {
            Some(version) => format!("{text}:{version}"),
            None => text,
        };
        let made = made.map(with_version);
        let owner = made.as_deref().and_then(arn::account).map(|account| Cow::Owned(account.to_owned()));
        let subject = Subject {
            arn: made.map(Cow::Owned),
            kind: "layer_version",
            name: Cow::Owned(with_version(name)),
            account: owner.or_else(|| self.account.clone()),
            region: self.region.clone(),
        };
        (subject, version)
    }

    fn layer_grant(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let names = ["statementId", "action", "principal", "organizationId"];
        let read = names.map(|name| self.text_parameter(name));
        let stored = self.stored_statement();
        let hidden = read.contains(&Field::Unread);
        let [sid, action, principal, organization] = read.map(|field| field.known().cloned());
        let (subject, version) = self.layer_subject();
        let request = LayerPermissionRequest {
            statement_id: sid.as_deref(),
            action: action.as_deref(),
            principal: principal.as_deref(),
            organization_id: organization.as_deref(),
            resource: subject.arn.as_deref(),
        };
        let trust = self.cx.trusts.of(subject.account.as_deref());
        let context = Context { owner: subject.account.as_deref(), kind: ResourceKind::Layer, trust };
        let assessed = match (&stored, hidden) {
            (None, true) => None,
            (stored, _) => layer_permission(&request, stored.as_deref(), &context).ok(),
        };
        let qualifier =
            Reading::or_unread(version.map(|version| Cow::Owned(version.to_string())), Why::NotInRecord);
        self.emit_grants(subject.clone(), "layer", qualifier, false, assessed, emit);
    }

    /// What the policy of PutResourcePolicy or DeleteResourcePolicy is attached to, by `resourceArn`, and its
    /// qualifier.
    fn policy_of(&self) -> (Subject<'a>, Reading<Cow<'a, str>>) {
        let resource = self.parameter("resourceArn");
        let function = self.record.function();
        let (arn_text, qualifier) = match resource.as_deref().and_then(arn::split_function) {
            Some((arn, qualifier)) => (Some(arn.to_owned()), qualifier.map(str::to_owned)),
            None => (
                function.arn.known().map(|arn| arn.to_string()),
                function.qualifier.known().map(|qualifier| qualifier.to_string()),
            ),
        };
        let qualified = |text: &str| match &qualifier {
            Some(qualifier) => format!("{text}:{qualifier}"),
            None => text.to_owned(),
        };
        let subject = match &arn_text {
            Some(text) => Subject {
                arn: Some(Cow::Owned(qualified(text))),
                kind: if qualifier.is_some() { "alias" } else { "function" },
                name: Cow::Owned(qualified(arn::last(text))),
                account: arn::account(text).map(|account| Cow::Owned(account.to_owned())),
                region: self.region.clone(),
            },
            None => self.function_subject(&function, None),
        };
        let qualifier = match (arn_text.is_some(), qualifier) {
            (_, Some(qualifier)) => Reading::Known(Cow::Owned(qualifier)),
            (true, None) => Reading::Absent,
            (false, None) => Reading::Unread(Why::NotInRecord),
        };
        (subject, qualifier)
    }

    pub(super) fn policy_subject(&self) -> Subject<'a> {
        self.policy_of().0
    }

    /// PutResourcePolicy: `resourceArn` (with its qualifier) and `policy`, a JSON text.
    fn whole_policy(&self, emit: &mut dyn FnMut(&Fact<'_>)) {
        let (subject, qualifier) = self.policy_of();
        let policy = match self.record.request_parameter(&["policy"]) {
            Field::Known(policy) => Some(policy.as_str().unwrap_or_else(|| Cow::Borrowed(Raw::text(policy)))),
            Field::Absent | Field::Unread => None,
        };
        let trust = self.cx.trusts.of(subject.account.as_deref());
        let context = Context { owner: subject.account.as_deref(), kind: ResourceKind::Function, trust };
        let assessed = policy.and_then(|policy| assess(&policy, &context).ok());
        self.emit_grants(subject.clone(), "function", qualifier, true, assessed, emit);
    }

    /// `None`: the record does not say what was granted.
    fn emit_grants(
        &self,
        subject: Subject<'_>,
        resource_type: &'static str,
        qualifier: Reading<Cow<'_, str>>,
        deny_applied: bool,
        assessed: Option<Assessment>,
        emit: &mut dyn FnMut(&Fact<'_>),
    ) {
        let owner = Owner { subject, resource_type, qualifier, deny_applied, why: Why::NotInRecord };
        let mut one = |part: String, body: Body<'_>| {
            emit(&self.fact(owner.subject.clone(), Origin::Change, part, body));
        };
        match &assessed {
            Some(assessed) => {
                for statement in &assessed.grants {
                    owner.facts(statement, &mut one);
                }
            }
            None => one(String::new(), Body::Grant(Box::new(Grant { ..owner.unread() }))),
        }
    }
}
