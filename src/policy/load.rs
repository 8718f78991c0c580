//! Many policy files to one set: bundled ones, then those of the user's directories, which add or replace by id.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use super::build::build;
use super::diagnostic::Diagnostic;
use super::lang::{Span, suggest};
use super::{Policy, Profile, Severity, SourceText, bundled};
use crate::value::{OwnedValue, TextList};

/// A parameter's value as the configuration gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum ParamValue {
    Bool(bool),
    Int(i64),
    Text(String),
    List(Vec<String>),
}

impl ParamValue {
    pub(crate) fn to_owned_value(&self) -> OwnedValue {
        match self {
            ParamValue::Bool(value) => OwnedValue::Bool(*value),
            ParamValue::Int(value) => OwnedValue::Int(*value),
            ParamValue::Text(value) => OwnedValue::Text(value.clone()),
            ParamValue::List(items) => OwnedValue::List(TextList::complete(items.clone())),
        }
    }
}

/// What the configuration changes: `[params.ID]` and `[severity]`.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Policy id → parameter → value.
    pub params: BTreeMap<String, BTreeMap<String, ParamValue>>,
    /// Policy id → severity instead of the policy's own. Levels keep theirs.
    pub severity: BTreeMap<String, Severity>,
    /// The configuration file, where there is one.
    pub file: Option<SourceText>,
    /// Where in the file each stands.
    pub places: BTreeMap<OverridePlace, Span>,
}

/// Something the configuration says of a policy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum OverridePlace {
    /// `[params.ID]` as a whole.
    Params(String),
    /// One parameter: policy id and name.
    Param(String, String),
    /// `ID = …` in `[severity]`.
    Severity(String),
}

impl Overrides {
    /// An error of the configuration, at its place where that is known.
    pub(super) fn error(&self, place: &OverridePlace, message: String, help: Option<String>) -> Diagnostic {
        match (&self.file, self.places.get(place)) {
            (Some(file), Some(span)) => Diagnostic::new(file, span.clone(), message, help),
            _ => Diagnostic::general("configuration", message, help),
        }
    }
}

/// Checked policies, in order of id.
#[derive(Debug, Default)]
pub struct PolicySet {
    policies: Vec<Policy>,
}

/// Which policies of a set are judged.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Globs of ids; empty: all of the profile. A policy that a glob here names is judged in any profile.
    pub only: Vec<String>,
    /// Globs of ids that are left out, whatever else names them.
    pub skip: Vec<String>,
    /// `Strict` adds to `Default`; `None` is `Default`.
    pub profile: Option<Profile>,
}

impl PolicySet {
    /// Loads the bundled policies and then `user`'s. All errors of all files are returned, and every policy without
    /// one; where there are errors, nothing should be judged.
    pub fn load_with_bundled(user: &[SourceText], overrides: &Overrides) -> (PolicySet, Vec<Diagnostic>) {
        Self::load_layers(&[&bundled::policies(), user], overrides)
    }

    /// Loads these files only. Errors as for [`PolicySet::load_with_bundled`].
    pub fn load(sources: &[SourceText], overrides: &Overrides) -> (PolicySet, Vec<Diagnostic>) {
        Self::load_layers(&[sources], overrides)
    }

    /// A later layer replaces policies of earlier ones by id; within a layer an id stands once.
    fn load_layers(layers: &[&[SourceText]], overrides: &Overrides) -> (PolicySet, Vec<Diagnostic>) {
        let mut errors = Vec::new();
        // Id → the layer and file that has it, and its policy unless it has errors.
        let mut found: BTreeMap<String, (usize, SourceText, Option<Policy>)> = BTreeMap::new();
        for (layer, sources) in layers.iter().enumerate() {
            for source in *sources {
                let built = build(source, overrides);
                errors.extend(built.errors);
                let Some(id) = built.id else { continue };
                let twice = found.get(&id.value).filter(|(other, ..)| *other == layer);
                if let Some((_, first, _)) = twice {
                    let message = format!("policy `{}` stands in two files", id.value);
                    let help = format!("the other is {}", first.name);
                    errors.push(Diagnostic::new(source, id.span, message, Some(help)));
                    continue;
                }
                found.insert(id.value, (layer, source.clone(), built.policy));
            }
        }
        let ids: Vec<&str> = found.keys().map(String::as_str).collect();
        let params = overrides.params.keys().map(|id| (id, OverridePlace::Params(id.clone())));
        let severities = overrides.severity.keys().map(|id| (id, OverridePlace::Severity(id.clone())));
        for (id, place) in params.chain(severities).filter(|(id, _)| !found.contains_key(*id)) {
            let help =
                suggest::nearest(id, ids.iter().copied()).map(|known| format!("did you mean `{known}`?"));
            errors.push(overrides.error(&place, format!("there is no policy `{id}`"), help));
        }
        let policies = found.into_values().filter_map(|(_, _, policy)| policy).collect();
        (PolicySet { policies }, errors)
    }

    /// All policies, in order of id.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.policies.iter()
    }

    pub fn len(&self) -> usize {
        self.policies.len()
    }

    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The policy of that id.
    pub fn get(&self, id: &str) -> Option<&Policy> {
        let index = self.policies.binary_search_by(|policy| policy.id.as_str().cmp(id)).ok()?;
        self.policies.get(index)
    }

    /// The selected policies, in order of id, and one error for each glob that names none: a mistyped name must not
    /// quietly judge less or more than was asked for.
    pub fn select(&self, selection: &Selection) -> (Vec<&Policy>, Vec<Diagnostic>) {
        let mut errors = Vec::new();
        let mut globs = |texts: &[String], option: &str| -> Vec<WildMatch> {
            texts
                .iter()
                .map(|text| {
                    let glob = WildMatch::new(text);
                    if !self.policies.iter().any(|policy| glob.matches(&policy.id)) {
                        let ids = self.policies.iter().map(|policy| policy.id.as_str());
                        let help =
                            suggest::nearest(text, ids).map(|known| format!("did you mean `{known}`?"));
                        errors.push(Diagnostic::general(option, format!("no policy matches `{text}`"), help));
                    }
                    glob
                })
                .collect()
        };
        let only = globs(&selection.only, "--policy");
        let skip = globs(&selection.skip, "--skip-policy");
        let profile = selection.profile.unwrap_or(Profile::Default);
        let any = |globs: &[WildMatch], policy: &Policy| globs.iter().any(|glob| glob.matches(&policy.id));
        let selected = self
            .policies
            .iter()
            .filter(|policy| if only.is_empty() { policy.profile <= profile } else { any(&only, policy) })
            .filter(|policy| !any(&skip, policy))
            .collect();
        (selected, errors)
    }
}
