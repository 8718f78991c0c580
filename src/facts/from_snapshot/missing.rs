//! Facts with unread fields, for what a snapshot should hold and does not.

use std::borrow::Cow;

use super::index::FunctionRow;
use super::state::{Emit, StateFacts, function_subject, known, owner};
use crate::exposure::ResourceKind;
use crate::facts::{
    Body, EventSource, Function, FunctionUrl, Grant, InvokeLogging, LayerUse, Role, Subject, Trail,
};
use crate::snapshot::Scope;
use crate::snapshot::api::*;
use crate::value::{Reading, Why};

/// Makes the body of a fact of which nothing was read.
type Unread = fn(Why) -> Body<'static>;

impl StateFacts<'_> {
    /// A fact of everything of a kind in an account and region.
    fn whole_region(
        &self,
        scope: &Scope,
        api: &'static str,
        what: &str,
        why: Why,
        body: Unread,
        emit: Emit<'_>,
    ) {
        let label = format!("{what} of {} in {}", scope.account, scope.region);
        let subject = Subject {
            arn: None,
            kind: "account_region",
            name: Cow::Owned(label),
            account: Some(Cow::Borrowed(&scope.account)),
            region: Some(Cow::Borrowed(&scope.region)),
        };
        let place = (api, self.index.line(api, scope, None), String::new());
        emit(&self.fact(subject, place, String::new(), body(why)));
    }

    pub(super) fn missing_of_region(&self, scope: &Scope, emit: Emit<'_>) {
        let functions: [(&str, Unread); 6] = [
            ("functions", |why| Body::Function(Box::new(Function::unread(why)))),
            ("policies of functions", |why| {
                let resource_type = Reading::Known(Cow::Borrowed("function"));
                Body::Grant(Box::new(Grant { resource_type, ..Grant::unread(why) }))
            }),
            ("function URLs", |why| Body::FunctionUrl(Box::new(FunctionUrl::unread(why)))),
            ("layers used by functions", |why| Body::LayerUse(Box::new(LayerUse::unread(why)))),
            ("execution roles of functions", |why| Body::Role(Box::new(Role::unread(why)))),
            ("logging of functions", |why| Body::InvokeLogging(Box::new(InvokeLogging::unread(why)))),
        ];
        if let Some(why) = self.index.why(LIST_FUNCTIONS, scope, None) {
            for (what, body) in functions {
                self.whole_region(scope, LIST_FUNCTIONS, what, why, body, emit);
            }
        }
        let others: [(&'static str, &str, Unread); 3] = [
            (LIST_MAPPINGS, "event source mappings", |why| {
                Body::EventSource(Box::new(EventSource::unread(why)))
            }),
            (LIST_LAYERS, "layers", |why| {
                let resource_type = Reading::Known(Cow::Borrowed("layer"));
                Body::Grant(Box::new(Grant { resource_type, ..Grant::unread(why) }))
            }),
            (DESCRIBE_TRAILS, "trails", |why| Body::Trail(Box::new(Trail::unread(why)))),
        ];
        for (api, what, body) in others {
            if let Some(why) = self.index.why(api, scope, None) {
                self.whole_region(scope, api, what, why, body, emit);
            }
        }
    }

    pub(super) fn missing_of_function(&self, scope: &Scope, function: &FunctionRow, emit: Emit<'_>) {
        let arn = function.arn.as_str();
        let mut policy = |resource: &str| match self.index.why(GET_POLICY, scope, Some(resource)) {
            Some(why) if !self.index.has_whole_policy(resource) => {
                self.unread_grant(GET_POLICY, scope, resource, ResourceKind::Function, why, emit);
            }
            _ => {}
        };
        policy(arn);
        for qualified in self.index.qualified.get(arn).into_iter().flatten() {
            policy(qualified);
        }
        if let Some(why) = self.index.why(LIST_ALIASES, scope, Some(arn)) {
            let resource = format!("{arn}:*");
            self.unread_grant(LIST_ALIASES, scope, &resource, ResourceKind::Function, why, emit);
        }
        // Versions are listed only on request; a list that was tried and not read is missing.
        if self.index.asked(LIST_VERSIONS, scope, arn)
            && let Some(why) = self.index.why(LIST_VERSIONS, scope, Some(arn))
        {
            let resource = format!("{arn}:*");
            self.unread_grant(LIST_VERSIONS, scope, &resource, ResourceKind::Function, why, emit);
        }
        if let Some(why) = self.index.why(LIST_URLS, scope, Some(arn)) {
            let subject = Subject {
                kind: "function_url",
                ..function_subject(arn, &scope.account, Some(&scope.region))
            };
            let body = FunctionUrl {
                subject: known(arn),
                account: known(&scope.account),
                region: known(&scope.region),
                ..FunctionUrl::unread(why)
            };
            let place = (LIST_URLS, self.index.line(LIST_URLS, scope, Some(arn)), String::new());
            emit(&self.fact(subject, place, String::new(), Body::FunctionUrl(Box::new(body))));
        }
    }

    pub(super) fn missing_of_layers(&self, scope: &Scope, emit: Emit<'_>) {
        for layer in self.index.layers.get(scope).into_iter().flatten() {
            if let Some(why) = self.index.why(LIST_LAYER_VERSIONS, scope, Some(layer)) {
                let resource = format!("{layer}:*");
                self.unread_grant(LIST_LAYER_VERSIONS, scope, &resource, ResourceKind::Layer, why, emit);
            }
            for version in self.index.layer_versions.get(layer).into_iter().flatten() {
                if let Some(why) = self.index.why(GET_LAYER_VERSION_POLICY, scope, Some(version)) {
                    self.unread_grant(
                        GET_LAYER_VERSION_POLICY,
                        scope,
                        version,
                        ResourceKind::Layer,
                        why,
                        emit,
                    );
                }
            }
        }
    }

    fn unread_grant(
        &self,
        api: &'static str,
        scope: &Scope,
        resource: &str,
        kind: ResourceKind,
        why: Why,
        emit: Emit<'_>,
    ) {
        let owner = owner(resource, kind, &scope.account, Some(&scope.region), why);
        let asked = resource.strip_suffix(":*").unwrap_or(resource);
        let place = (api, self.index.line(api, scope, Some(asked)), String::new());
        let body = Body::Grant(Box::new(owner.unread()));
        emit(&self.fact(owner.subject.clone(), place, String::new(), body));
    }
}
