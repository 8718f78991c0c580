//! The snapshot as a moment of the timeline: when it was taken, and of what it can tell that nothing is there.

use jiff::Timestamp;

use super::index::Index;
use super::state::function_subject;
use crate::arn;
use crate::snapshot::api::*;
use crate::timeline::{self, Base, Facet, Line};

impl Index {
    /// `None`: the snapshot does not say when it was taken. Its facts are added by whoever makes them.
    pub fn base(&self) -> Option<Base> {
        let second = |text: &Option<String>| Some(text.as_deref()?.parse::<Timestamp>().ok()?.as_second());
        let from = second(&self.header.as_ref()?.started)?;
        // The part of a second in which it ended belongs to it.
        let to = self.end.as_ref().and_then(|end| second(&end.finished)).map(|to| to.saturating_add(1));
        let mut base = Base::new(from, to);
        for (call, state) in &self.calls {
            if state.why().is_some() {
                continue;
            }
            let region = call.region.as_deref();
            let resource = call.resource.as_deref();
            match (call.api, resource, region) {
                (LIST_FUNCTIONS, _, Some(region)) => base.functions_listed(&call.account, region),
                (LIST_MAPPINGS, _, Some(region)) => base.mappings_listed(&call.account, region),
                (GET_POLICY | GET_RESOURCE_POLICY, Some(resource), _) => {
                    let subject = function_subject(resource, &call.account, region);
                    base.read(timeline::line(&subject, Facet::Policy));
                }
                (GET_LAYER_VERSION_POLICY, Some(resource), _) => {
                    base.read(Line {
                        subject: resource.to_owned(),
                        scope: String::new(),
                        facet: Facet::Policy,
                    });
                }
                (LIST_URLS, Some(resource), _) => {
                    let function = arn::split_function(resource).map_or(resource, |(arn, _)| arn);
                    base.read_whole(function, Facet::Url);
                }
                _ => {}
            }
        }
        for function in self.functions.values().flatten() {
            base.function(&function.arn);
            let of = |facet| Line { subject: function.arn.clone(), scope: String::new(), facet };
            base.read(of(Facet::Layers));
        }
        Some(base)
    }
}
