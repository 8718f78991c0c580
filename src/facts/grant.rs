//! Grant facts from an assessed policy: one per statement and class of actions, because a Deny may cover only some
//! actions and policies ask about invoking and about everything else.

use std::borrow::Cow;

use super::{Body, Grant, Subject};
use crate::exposure::{self, Exposure, Reach};
use crate::lists::Lists;
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
        lists: &Lists,
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
            url_only: Reading::Known(statement.url.is_only()),
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
            listed_principal: Reading::Known(!invoke && listed(statement, &normal, lists)),
            ..base.clone()
        };
        match (&statement.invoke, &statement.beyond) {
            (None, None) => {
                let fact = if statement.exposure == Exposure::Unknown {
                    Grant { reason: Reading::Known(Cow::Borrowed(&statement.reason)), ..base.clone() }
                } else {
                    Grant {
                        actions: Reading::Known(borrowed(&statement.actions)),
                        allows_invoke: Reading::Known(false),
                        allows_beyond_invoke: Reading::Known(false),
                        exposure: Reading::Known(Cow::Borrowed(statement.exposure.as_str())),
                        trusted: Reading::or_unread(statement.trusted, Why::NotCollected),
                        reason: Reading::Known(Cow::Borrowed(&statement.reason)),
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

fn borrowed(items: &[String]) -> TextList<'_> {
    TextList { items: items.iter().map(|item| Cow::Borrowed(item.as_str())).collect(), incomplete: None }
}

/// Is every principal of the statement one that AWS itself needs there for these actions?
fn listed(statement: &exposure::Grant, normal: &exposure::Normal, lists: &Lists) -> bool {
    !statement.not_action
        && !normal.principals.is_empty()
        && normal.principals.iter().all(|principal| {
            let bare = principal.strip_prefix("Service:").or_else(|| principal.strip_prefix("AWS:"));
            lists.is_listed_principal(bare.unwrap_or(principal), &statement.actions)
        })
}
