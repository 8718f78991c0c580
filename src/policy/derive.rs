//! What a policy needs to be read: permissions, trail events, surfaces. Derived from its fact kind and the fields it
//! reads; no policy states them.

use std::collections::BTreeSet;

use super::Policy;
use super::lang::ast::Relation;
use super::lang::ir::{Pred, PredKind, Term, TermKind};
use crate::facts::schema::Origin;
use crate::value::{OwnedValue, Truth};

/// A trail event that a policy may be about. `None` stands for any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrailEvent {
    /// Endpoint of the service: `iam.amazonaws.com`.
    pub source: Option<String>,
    /// Canonical name, without a date or version suffix: `CreateRole`.
    pub name: Option<String>,
}

impl std::fmt::Display for TrailEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = self.source.as_deref().map_or("*", |source| source.trim_end_matches(".amazonaws.com"));
        write!(f, "{source}:{}", self.name.as_deref().unwrap_or("*"))
    }
}

/// An input that makes facts a policy judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Surface {
    Snapshot,
    /// Management events of a trail.
    TrailManagement,
    /// Data events of a trail.
    TrailData,
    /// The digests of trail files.
    TrailDigests,
    /// What CloudWatch counted, beside trail files.
    Counts,
}

impl Surface {
    pub const fn as_str(self) -> &'static str {
        match self {
            Surface::Snapshot => "snapshot",
            Surface::TrailManagement => "trail management events",
            Surface::TrailData => "trail data events",
            Surface::TrailDigests => "trail digests",
            Surface::Counts => "CloudWatch's counts of invocations, beside trail files",
        }
    }
}

impl Policy {
    /// Every predicate of the policy.
    pub(crate) fn predicates(&self) -> impl Iterator<Item = &Pred> {
        let levels = self.levels.iter().map(|level| &level.when.pred);
        let among = self.state.histories.iter().map(|history| &history.among);
        self.applies_to.iter().map(|clause| &clause.pred).chain([&self.when.pred]).chain(levels).chain(among)
    }

    /// Indexes of the fields that the verdict depends on: of `applies_to` and `when`.
    pub fn deciding_fields(&self) -> BTreeSet<usize> {
        self.applies_to
            .iter()
            .map(|clause| &clause.pred)
            .chain([&self.when.pred])
            .flat_map(Pred::field_list)
            .collect()
    }

    /// Indexes of all fields read, those of levels and the message included.
    pub fn fields(&self) -> BTreeSet<usize> {
        self.predicates().flat_map(Pred::field_list).chain(self.message.fields()).collect()
    }

    /// Indexes of all fields that anything is made of: what is read, and what tells findings, histories and counts apart.
    pub(crate) fn used_fields(&self) -> BTreeSet<usize> {
        let state = &self.state;
        let histories = state.histories.iter().flat_map(|history| history.by.iter().chain(&history.other));
        let counts = state.count.iter().flat_map(|count| count.by.iter().chain(&count.distinct));
        let repeats = state.repeat.iter().flat_map(|repeat| &repeat.by);
        let keys = self.group_by.iter().chain(histories).chain(counts).chain(repeats);
        self.fields().into_iter().chain(keys.copied()).collect()
    }

    /// IAM actions that the collector needs for the policy to be judged on a live account.
    pub fn permissions(&self) -> BTreeSet<&'static str> {
        if !self.origins.contains(&Origin::State) {
            return BTreeSet::new();
        }
        let fields = self.fields();
        fields
            .into_iter()
            .filter_map(|index| self.kind.fields.get(index))
            .flat_map(|field| field.permissions)
            .copied()
            .collect()
    }

    /// The inputs that make facts this policy judges.
    pub fn surfaces(&self) -> BTreeSet<Surface> {
        self.origins
            .iter()
            .map(|origin| match origin {
                Origin::State if self.kind.name == "trail_file" => Surface::TrailDigests,
                Origin::State if self.kind.name == "invoke_delivery" => Surface::Counts,
                Origin::State => Surface::Snapshot,
                Origin::Change => Surface::TrailManagement,
                Origin::Activity if self.kind.name == "invocation" => Surface::TrailData,
                Origin::Activity => Surface::TrailManagement,
            })
            .collect()
    }

    /// The trail events that can make a fact for which the policy is not certainly silent; empty where it judges
    /// snapshots only. Sound: an event that matches none of these cannot fail or be unknown, and no history asks for it.
    pub fn trail_events(&self) -> Vec<TrailEvent> {
        if !self.origins.iter().any(|origin| matches!(origin, Origin::Change | Origin::Activity)) {
            return Vec::new();
        }
        let name_field = self.kind.field("event_name");
        let source_field = self.kind.field("event_source");
        let predicates: Vec<&Pred> =
            self.applies_to.iter().map(|clause| &clause.pred).chain([&self.when.pred]).collect();
        let among: Vec<&Pred> = self.state.histories.iter().map(|history| &history.among).collect();
        let silent = |source: &Seen<'_>, name: &Seen<'_>| {
            let look = Look { policy: self, fields: [(source_field, source), (name_field, name)] };
            let is_false = |pred: &&Pred| look.eval(pred) == Truth::False;
            predicates.iter().any(is_false) && among.iter().all(is_false)
        };
        if !self.kind.events.is_empty() {
            return self
                .kind
                .events
                .iter()
                .filter_map(|event| event.split_once(':'))
                .map(|(service, name)| (format!("{service}.amazonaws.com"), name))
                .filter(|(source, name)| !silent(&Seen::Is(source), &Seen::Is(name)))
                .map(|(source, name)| TrailEvent { source: Some(source), name: Some(name.to_owned()) })
                .collect();
        }
        let predicates: Vec<&Pred> = predicates.iter().chain(&among).copied().collect();
        let sources = self.literals(&predicates, source_field);
        let names = self.literals(&predicates, name_field);
        let others = |texts: &BTreeSet<String>| -> Vec<Option<String>> {
            texts.iter().cloned().map(Some).chain([None]).collect()
        };
        let mut events = Vec::new();
        for source in others(&sources) {
            for name in others(&names) {
                let seen_source = source.as_deref().map_or(Seen::Other(&sources), Seen::Is);
                let seen_name = name.as_deref().map_or(Seen::Other(&names), Seen::Is);
                if !silent(&seen_source, &seen_name) {
                    events.push(TrailEvent { source: source.clone(), name });
                }
            }
        }
        // `*` covers what stands beside it: a list never says the same twice.
        let all = events.clone();
        events.retain(|event| {
            !all.iter().any(|wide| {
                wide != event
                    && (wide.source.is_none() || wide.source == event.source)
                    && (wide.name.is_none() || wide.name == event.name)
            })
        });
        events.sort();
        events
    }

    /// The texts that a field is compared with for equality.
    fn literals(&self, predicates: &[&Pred], field: Option<usize>) -> BTreeSet<String> {
        let mut texts = BTreeSet::new();
        for pred in predicates {
            pred.walk(&mut |part| {
                let (left, right) = match &part.kind {
                    PredKind::Compare(Relation::Eq | Relation::Ne, left, right)
                    | PredKind::In(left, right) => (left, right),
                    _ => return,
                };
                for (of, value) in [(left, right), (right, left)] {
                    if matches!(of.kind, TermKind::Field(index) if Some(index) == field) {
                        texts.extend(self.constant_texts(value).unwrap_or_default());
                    }
                }
            });
        }
        texts
    }

    /// The texts a term can be, if the policy's text and parameters alone decide that.
    fn constant_texts(&self, term: &Term) -> Option<Vec<String>> {
        match &term.kind {
            TermKind::Text(text) => Some(vec![text.clone()]),
            TermKind::Texts(texts) => Some(texts.clone()),
            TermKind::Param(index) => match self.params.get(*index).map(|param| &param.value) {
                Some(OwnedValue::Text(text)) => Some(vec![text.clone()]),
                Some(OwnedValue::List(list)) => {
                    Some(list.items.iter().map(|item| item.to_string()).collect())
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// What is known of a field when only an event's name and source are.
enum Seen<'t> {
    Is(&'t str),
    /// None of these.
    Other(&'t BTreeSet<String>),
}

/// Kleene evaluation with everything unknown but two fields.
struct Look<'p> {
    policy: &'p Policy,
    fields: [(Option<usize>, &'p Seen<'p>); 2],
}

impl Look<'_> {
    fn eval(&self, pred: &Pred) -> Truth {
        match &pred.kind {
            PredKind::Const(true) => Truth::True,
            PredKind::Const(false) => Truth::False,
            PredKind::Not(of) => !self.eval(of),
            PredKind::All(parts) => Truth::all(parts.iter().map(|part| self.eval(part))),
            PredKind::Any(parts) => Truth::any(parts.iter().map(|part| self.eval(part))),
            PredKind::If(condition, yes, no) => match self.eval(condition) {
                Truth::True => self.eval(yes),
                Truth::False => self.eval(no),
                Truth::Unknown => match (self.eval(yes), self.eval(no)) {
                    (yes, no) if yes == no => yes,
                    _ => Truth::Unknown,
                },
            },
            PredKind::Compare(Relation::Eq, left, right) => self.equality(left, right),
            PredKind::Compare(Relation::Ne, left, right) => !self.equality(left, right),
            PredKind::In(item, list) => self.equality(item, list),
            _ => Truth::Unknown,
        }
    }

    /// Whether a field is one of the constants on the other side.
    fn equality(&self, left: &Term, right: &Term) -> Truth {
        for (of, value) in [(left, right), (right, left)] {
            let TermKind::Field(index) = of.kind else { continue };
            let Some((_, seen)) = self.fields.iter().find(|(field, _)| *field == Some(index)) else {
                continue;
            };
            let Some(texts) = self.policy.constant_texts(value) else { continue };
            let is = match seen {
                Seen::Is(text) => texts.iter().any(|known| known == text),
                Seen::Other(named) if texts.iter().all(|text| named.contains(text)) => false,
                Seen::Other(_) => return Truth::Unknown,
            };
            return if is { Truth::True } else { Truth::False };
        }
        Truth::Unknown
    }
}
