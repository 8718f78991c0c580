//! Grant facts from an assessed policy: one per statement and class of actions, because a Deny may cover only some
//! actions and policies ask about invoking and about everything else.

use std::borrow::Cow;

use super::{Body, Grant, Subject};
use crate::exposure::{self, Exposure, Reach, UrlUse};
use crate::value::{Reading, TextList, Why};

/// What the grants of one policy have in common.
#[derive(Debug, Clone)]
pub(super) struct Owner<'a> {
    pub(super) subject: Subject<'a>,
    /// `function` or `layer`.
    pub(super) resource_type: &'static str,
    pub(super) qualifier: Reading<Cow<'a, str>>,
    /// Whether the policy's Deny statements were read with its grants.
    pub(super) deny_applied: bool,
    /// Why what is missing is missing.
    pub(super) why: Why,
}

impl Owner<'_> {
    /// A grant of which nothing is known but where it would be.
    pub(super) fn unread(&self) -> Grant<'_> {
        Grant {
            subject: Reading::Known(Cow::Borrowed(self.subject.label())),
            resource_type: Reading::Known(Cow::Borrowed(self.resource_type)),
            qualifier: self.qualifier.clone(),
            account: Reading::or_unread(self.subject.account.clone(), self.why),
            region: Reading::or_unread(self.subject.region.clone(), self.why),
            deny_applied: Reading::Known(self.deny_applied),
            ..Grant::unread(self.why)
        }
    }

    /// The facts of one statement, each with what tells it apart in a fingerprint.
    pub(super) fn facts<'f>(
        &'f self,
        statement: &'f exposure::Grant,
        emit: &mut dyn FnMut(String, Body<'f>),
    ) {
        let normal = statement.normal();
        let part = |class: &str| {
            let mut part = class.to_owned();
            for list in [&normal.principals, &normal.actions, &normal.conditions] {
                part.push('\u{1e}');
                part.push_str(&list.join("\u{1f}"));
            }
            part
        };
        let base = Grant {
            statement_id: Reading::or_absent(statement.sid.as_deref().map(Cow::Borrowed)),
            effect: match statement.effect.as_deref() {
                Some(effect) if effect.eq_ignore_ascii_case("allow") => {
                    Reading::Known(Cow::Borrowed("allow"))
                }
                Some(effect) if effect.eq_ignore_ascii_case("deny") => Reading::Known(Cow::Borrowed("deny")),
                _ => Reading::Unread(Why::Malformed),
            },
            principal: Reading::Known(Cow::Owned(normal.principals.join(", "))),
            url_only: Reading::Known(is_evidence_of_url(statement)),
            ..self.unread()
        };
        let with = |reach: &'f Reach, invoke: bool| Grant {
            actions: Reading::Known(borrowed(&reach.actions)),
            allows_invoke: Reading::Known(invoke),
            allows_beyond_invoke: Reading::Known(!invoke),
            exposure: match reach.exposure {
                Exposure::Unknown => Reading::Unread(Why::Malformed),
                known => Reading::Known(Cow::Borrowed(known.as_str())),
            },
            trusted: match (reach.exposure, reach.trusted) {
                (Exposure::Unknown, _) => Reading::Unread(Why::Malformed),
                (_, trusted) => Reading::or_unread(trusted, Why::NotCollected),
            },
            reason: Reading::Known(Cow::Borrowed(&reach.reason)),
            accounts: Reading::Known(borrowed(&reach.accounts)),
            organizations: Reading::Known(borrowed(&reach.organizations)),
            services: Reading::Known(borrowed(&reach.services)),
            source_accounts: Reading::Known(borrowed(&reach.source_accounts)),
            listed_principal: Reading::Known(reach.listed),
            ..base.clone()
        };
        match (&statement.invoke, &statement.beyond) {
            (None, None) => {
                let fact = if statement.exposure == Exposure::Unknown {
                    Grant { reason: Reading::Known(Cow::Borrowed(statement.reason())), ..base.clone() }
                } else {
                    Grant {
                        actions: Reading::Known(borrowed(&statement.actions)),
                        allows_invoke: Reading::Known(false),
                        allows_beyond_invoke: Reading::Known(false),
                        exposure: Reading::Known(Cow::Borrowed(statement.exposure.as_str())),
                        trusted: Reading::or_unread(statement.trusted, Why::NotCollected),
                        reason: Reading::Known(Cow::Borrowed(statement.reason())),
                        accounts: Reading::Known(TextList::default()),
                        organizations: Reading::Known(TextList::default()),
                        services: Reading::Known(TextList::default()),
                        source_accounts: Reading::Known(TextList::default()),
                        listed_principal: Reading::Known(false),
                        ..base.clone()
                    }
                };
                emit(part("none"), Body::Grant(Box::new(fact)));
            }
            (invoke, beyond) => {
                if let Some(reach) = invoke {
                    emit(part("invoke"), Body::Grant(Box::new(with(reach, true))));
                }
                if let Some(reach) = beyond {
                    emit(part("beyond"), Body::Grant(Box::new(with(reach, false))));
                }
            }
        }
    }
}

fn borrowed<S: AsRef<str>>(items: &[S]) -> TextList<'_> {
    TextList { items: items.iter().map(|item| Cow::Borrowed(item.as_ref())).collect(), incomplete: None }
}

/// Does it only open a URL that asks for no signature, so that the URL's own finding tells it? A grant of
/// `InvokeFunctionUrl` that also, or only, opens URLs of type AWS_IAM is a finding of its own: everyone it names can
/// sign. `InvokeFunction` through a URL admits nobody without `InvokeFunctionUrl`.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
fn is_evidence_of_url(statement: &exposure::Grant) -> bool {
    match statement.url {
        UrlUse::NotOnly => false,
        UrlUse::OnlyOpen => true,
        UrlUse::Only | UrlUse::OnlyIam => !statement.names_action("lambda:InvokeFunctionUrl"),
    }
}
