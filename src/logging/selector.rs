//! Selectors, prepared once: everything about them that does not depend on the function is decided here.

use std::collections::HashSet;

use super::collected::{Advanced, Basic, Selectors};
use super::explain::{field_text, short, values_text};
use super::patterns::Condition;
use super::{Case, Event};
use crate::snapshot::api::FieldSelector;
use crate::value::{Reading, Why};

pub(super) const FUNCTION: &str = "AWS::Lambda::Function";
const SOURCE: &str = "lambda.amazonaws.com";
const API_CALL: &str = "AwsApiCall";

/// Whether something holds: for certain, perhaps, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    No,
    Maybe,
    Yes,
}

impl From<bool> for Fit {
    fn from(holds: bool) -> Self {
        if holds { Fit::Yes } else { Fit::No }
    }
}

/// A recorder's selectors for Lambda functions.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) selectors: Vec<Selector>,
    /// Basic selectors beside advanced ones, which replace them.
    pub(super) replaced: Vec<Selector>,
}

/// A selector for data events of Lambda functions.
#[derive(Debug)]
pub(super) struct Selector {
    /// Its place among the selectors of its kind.
    pub(super) at: usize,
    /// `selector 'NAME'` or `selector N`.
    pub(super) label: String,
    pub(super) text: String,
    /// Why it cannot be decided for certain what it records.
    pub(super) doubt: Option<String>,
    resources: Resources,
    /// Per [`Event`]: whether name, source, type and `readOnly` allow it.
    pub(super) events: [Fit; 3],
    /// Per [`Event`]: the condition that keeps it out, or may.
    pub(super) narrow_event: [Option<(Case, String)>; 3],
    /// Not from the console, from the console.
    pub(super) console: [Fit; 2],
    pub(super) principal: Vec<Condition>,
    /// The conditions on callers and sessions, as text.
    pub(super) narrow_principal: Option<String>,
}

#[derive(Debug)]
enum Resources {
    /// `arn:PARTITION:lambda`, or no condition on `resources.ARN`.
    All,
    /// A basic selector's values: whole ARNs.
    Exact(HashSet<String>),
    /// An advanced selector's conditions on `resources.ARN`, and as text.
    Conditions(Vec<Condition>, String),
}

impl Compiled {
    pub(super) fn new(selectors: &Selectors, partition: &str) -> Self {
        let basic = || selectors.basic.iter().enumerate();
        let basic = || basic().filter_map(|(at, one)| Selector::basic(at, one, partition)).collect();
        if selectors.advanced.is_empty() {
            return Compiled { selectors: basic(), replaced: Vec::new() };
        }
        let advanced = selectors.advanced.iter().enumerate();
        let advanced = advanced.filter_map(|(at, one)| Selector::advanced(at, one, partition)).collect();
        Compiled { selectors: advanced, replaced: basic() }
    }

    /// Whether any selector records data events of any function.
    pub(super) fn covers_lambda(&self) -> Reading<bool> {
        let fit = |selector: &Selector| {
            let somebody = selector.console.iter().max().copied().unwrap_or(Fit::No);
            let events = selector.events.iter().max().copied().unwrap_or(Fit::No);
            events.min(somebody).min(selector.resources.any())
        };
        match self.selectors.iter().map(fit).max() {
            Some(Fit::Yes) => Reading::Known(true),
            Some(Fit::Maybe) => Reading::Unread(Why::Malformed),
            Some(Fit::No) | None => Reading::Known(false),
        }
    }
}

impl Resources {
    pub(super) fn any(&self) -> Fit {
        match self {
            Resources::Exact(arns) => arns.iter().any(|arn| is_unqualified(arn)).into(),
            Resources::All | Resources::Conditions(..) => Fit::Yes,
        }
    }

    fn matches(&self, arn: &str) -> bool {
        match self {
            Resources::All => true,
            Resources::Exact(arns) => arns.contains(arn),
            Resources::Conditions(conditions, _) => conditions.iter().all(|one| one.matches(Some(arn))),
        }
    }
}

/// `arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME` and nothing after it.
fn is_unqualified(arn: &str) -> bool {
    arn.split(':').count() == 7
}

impl Selector {
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html>,
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DataResource.html>
    fn basic(at: usize, selector: &Basic, partition: &str) -> Option<Self> {
        let mut arns: HashSet<String> = HashSet::new();
        let mut doubt = None;
        for (kind, values) in &selector.resources {
            match kind.as_deref() {
                Some(FUNCTION) => {}
                Some(_) => continue,
                None => doubt = Some("it has a data resource without a type".to_owned()),
            }
            arns.extend(values.iter().cloned());
        }
        if arns.is_empty() {
            return None;
        }
        // All is the default where AWS leaves the member out.
        let read_write = selector.read_write.as_deref().unwrap_or("All");
        let writes = match read_write {
            "All" | "WriteOnly" => Fit::Yes,
            "ReadOnly" => Fit::No,
            other => {
                doubt = Some(format!("its ReadWriteType '{}' is not known", short(other)));
                Fit::Maybe
            }
        };
        let fit = if doubt.is_some() { writes.min(Fit::Maybe) } else { writes };
        let mut values: Vec<&str> = arns.iter().map(String::as_str).collect();
        values.sort_unstable();
        let text = format!("ReadWriteType {}, {FUNCTION} {}", short(read_write), values_text(&values));
        Some(Selector {
            at,
            label: format!("selector {}", at + 1),
            text,
            doubt,
            resources: if arns.contains(&format!("arn:{partition}:lambda")) {
                Resources::All
            } else {
                Resources::Exact(arns)
            },
            events: [fit; 3],
            narrow_event: [(); 3].map(|()| {
                let read = "records read events only, and an invocation is a write";
                (writes == Fit::No).then(|| (Case::ReadOnly, read.to_owned()))
            }),
            console: [Fit::Yes; 2],
            principal: Vec::new(),
            narrow_principal: None,
        })
    }

    /// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html>
    fn advanced(at: usize, selector: &Advanced, partition: &str) -> Option<Self> {
        let mut reading = Fields::new(partition);
        for field in &selector.fields {
            reading.add(field);
        }
        if reading.category == Some(false) || reading.kind == Some(false) {
            return None;
        }
        if reading.category.is_none() || reading.kind.is_none() {
            reading.doubt = Some("it lacks eventCategory or resources.type".to_owned());
        }
        if reading.doubt.is_some() {
            let at_most_maybe = |fit: Fit| fit.min(Fit::Maybe);
            reading.events = reading.events.map(at_most_maybe);
        }
        let text = selector.fields.iter().map(field_text).collect::<Vec<_>>().join("; ");
        let label = match selector.name.as_deref().filter(|name| !name.is_empty()) {
            Some(name) => format!("selector '{}'", short(name)),
            None => format!("selector {}", at + 1),
        };
        Some(Selector {
            at,
            label,
            text,
            doubt: reading.doubt,
            resources: if reading.resources.is_empty() {
                Resources::All
            } else {
                Resources::Conditions(reading.resources, reading.resources_text.join("; "))
            },
            events: reading.events,
            narrow_event: reading.narrow_event,
            console: reading.console,
            principal: reading.principal,
            narrow_principal: (!reading.principal_text.is_empty()).then(|| reading.principal_text.join("; ")),
        })
    }

    pub(super) fn matches_arn(&self, arn: &str) -> bool {
        self.resources.matches(arn)
    }

    /// Which functions it is for instead, as the end of a sentence that begins with the selector.
    pub(super) fn other_arn(&self, arn: &str) -> String {
        match &self.resources {
            Resources::All => "records all functions".to_owned(),
            Resources::Exact(arns) => {
                let near = |wanted: &dyn Fn(&str) -> bool| {
                    arns.iter().map(String::as_str).filter(|value| wanted(value)).min().map(short)
                };
                let of_this = |value: &str| value.strip_prefix(arn).is_some_and(|rest| rest.starts_with(':'));
                if let Some(qualified) = near(&of_this) {
                    return format!(
                        "names the qualified ARN {qualified}, which matches no record: records carry the unqualified ARN"
                    );
                }
                if let Some(prefix) = near(&|value: &str| arn.starts_with(value)) {
                    return format!("names {prefix}, and a basic selector matches whole ARNs, not prefixes");
                }
                let mut values: Vec<&str> = arns.iter().map(String::as_str).collect();
                values.sort_unstable();
                format!("records only {}", values_text(&values))
            }
            Resources::Conditions(_, text) => {
                let wildcard =
                    if text.contains('*') { " (advanced selectors have no wildcards)" } else { "" };
                format!("records only {text}{wildcard}")
            }
        }
    }
}

/// An advanced selector's fields, as they are read one by one. Fields are ANDed.
struct Fields<'a> {
    partition: &'a str,
    category: Option<bool>,
    kind: Option<bool>,
    doubt: Option<String>,
    events: [Fit; 3],
    narrow_event: [Option<(Case, String)>; 3],
    console: [Fit; 2],
    resources: Vec<Condition>,
    resources_text: Vec<String>,
    principal: Vec<Condition>,
    principal_text: Vec<String>,
}

impl<'a> Fields<'a> {
    fn new(partition: &'a str) -> Self {
        Fields {
            partition,
            category: None,
            kind: None,
            doubt: None,
            events: [Fit::Yes; 3],
            narrow_event: [None, None, None],
            console: [Fit::Yes; 2],
            resources: Vec::new(),
            resources_text: Vec::new(),
            principal: Vec::new(),
            principal_text: Vec::new(),
        }
    }

    fn add(&mut self, field: &FieldSelector) {
        let Some(condition) = Condition::new(field) else {
            self.doubt = Some(format!("its field '{}' has no operator that is known", short(&field.field)));
            return;
        };
        let is = |value: &str| condition.matches(Some(value));
        let text = || field_text(field);
        match field.field.as_str() {
            "eventCategory" => self.category = Some(self.category.unwrap_or(true) && is("Data")),
            "resources.type" => self.kind = Some(self.kind.unwrap_or(true) && is(FUNCTION)),
            "readOnly" => self.keep_events(Case::ReadOnly, &text(), |_| is("false").into()),
            "eventName" => self.keep_events(Case::OtherEvent, &text(), |event| is(event.as_str()).into()),
            "eventSource" => {
                // How the newer partitions name the source is not documented.
                let known = matches!(self.partition, "aws" | "aws-us-gov");
                self.keep_events(Case::OtherEvent, &text(), |_| {
                    if known { is(SOURCE).into() } else { Fit::Maybe }
                });
            }
            "eventType" => self.keep_events(Case::OtherEvent, &text(), |event| match event {
                Event::Invoke => is(API_CALL).into(),
                // What type these records have is not documented.
                Event::InvokeFunctionUrl | Event::InvokeExecution => Fit::Maybe,
            }),
            "resources.ARN" => {
                self.resources_text.push(text());
                self.resources.push(condition);
            }
            "sessionCredentialFromConsole" => {
                self.principal_text.push(text());
                let fits = match console_fit(field) {
                    Some(fits) => fits,
                    None => [Fit::Maybe; 2],
                };
                for (mine, fit) in self.console.iter_mut().zip(fits) {
                    *mine = (*mine).min(fit);
                }
            }
            "userIdentity.arn" => {
                self.principal_text.push(text());
                self.principal.push(condition);
            }
            other => self.doubt = Some(format!("its field '{}' is not known", short(other))),
        }
    }

    fn keep_events(&mut self, case: Case, text: &str, fit: impl Fn(Event) -> Fit) {
        for event in Event::ALL {
            let fit = fit(event);
            let (mine, narrow) = (&mut self.events[event.index()], &mut self.narrow_event[event.index()]);
            if fit < *mine {
                *mine = fit;
                let why = if case == Case::ReadOnly { ", and an invocation is a write" } else { "" };
                *narrow = Some((case, format!("records only {text}{why}")));
            }
        }
    }
}

/// Not from the console, from the console. Only the value `true` is documented; what another would match is not known.
fn console_fit(field: &FieldSelector) -> Option<[Fit; 2]> {
    let condition = Condition::new(field)?;
    let values = field.equals.iter().chain(&field.not_equals).flatten();
    let documented = values.into_iter().all(|value| value == "true")
        && [&field.starts_with, &field.ends_with, &field.not_starts_with, &field.not_ends_with]
            .iter()
            .all(|values| values.is_none());
    documented.then(|| [condition.matches(None).into(), condition.matches(Some("true")).into()])
}
