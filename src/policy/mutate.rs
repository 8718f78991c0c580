//! Do the cases notice? Every atom of a policy's predicates is replaced by true and by false, every literal moved,
//! every member of a list dropped, every window and warm-up halved and doubled, every `at_least` moved by one; a mutant
//! that no case tells from the policy survives.

use super::cases::Case;
use super::judge::Judge;
use super::lang::Span;
use super::lang::ir::{Param, Pred, PredKind, Term, TermKind};
use super::program::Program;
use super::read::parse_duration;
use super::test::{Answer, FactMaker, prepare};
use super::yaml::place;
use super::{Diagnostic, Policy, Quantity, Severity, State, Window};
use crate::value::OwnedValue;

/// How the mutants of one policy fared.
#[derive(Debug, Clone)]
pub struct MutationReport {
    pub policy: String,
    /// How many there were.
    pub mutants: usize,
    /// Those that no case tells from the policy, each placed where it differs.
    pub survivors: Vec<Diagnostic>,
}

/// Mutates a policy and judges its cases with every mutant.
pub fn run(policy: &Policy, cases: &[Case], maker: &dyn FactMaker) -> MutationReport {
    let prepared = prepare(policy, cases, maker);
    let original: Vec<Option<Answer>> =
        prepared.iter().map(|case| case.answer(&policy.judge, policy.program.as_ref())).collect();
    let mut mutants = 0;
    let mut survivors = Vec::new();
    for mutant in all(policy) {
        mutants += 1;
        let (judge, program) = mutant.judge(policy);
        let told = prepared
            .iter()
            .zip(&original)
            .any(|(case, answer)| case.answer(&judge, program.as_ref()) != *answer);
        if !told {
            let message = format!("no case notices: {}", mutant.what);
            survivors.push(Diagnostic::new(&policy.source, mutant.place, message, None));
        }
    }
    MutationReport { policy: policy.id.clone(), mutants, survivors }
}

struct Mutant {
    /// Bytes of the policy file.
    place: Span,
    what: String,
    change: Change,
}

enum Change {
    AppliesTo(Pred),
    When(Pred),
    Level(usize, Pred),
    Params(Vec<Param>),
    State(State),
}

impl Mutant {
    fn judge(&self, policy: &Policy) -> (Judge, Option<Program>) {
        let mut applies_to = policy.applies_to.as_ref().map(|clause| &clause.pred);
        let mut when = &policy.when.pred;
        let mut params = &policy.params;
        let mut state = &policy.state;
        let mut replaced = None;
        match &self.change {
            Change::AppliesTo(pred) => applies_to = Some(pred),
            Change::When(pred) => when = pred,
            Change::Level(index, pred) => replaced = Some((*index, pred)),
            Change::Params(changed) => params = changed,
            Change::State(changed) => state = changed,
        }
        let levels: Vec<(&Pred, (Severity, u8))> = policy
            .levels
            .iter()
            .enumerate()
            .map(|(index, level)| {
                let pred = replaced.filter(|(at, _)| *at == index).map_or(&level.when.pred, |(_, pred)| pred);
                (pred, (level.severity, level.risk_score))
            })
            .collect();
        let preds = levels.iter().map(|(pred, _)| *pred);
        let program = Program::new(state, when, preds, policy.kind, params);
        let base = (policy.severity, policy.risk_score);
        (Judge::new(applies_to, when, levels, base, params), program)
    }
}

fn all(policy: &Policy) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    let mut add = |clause: &super::judge::Clause, change: &dyn Fn(Pred) -> Change| {
        for variant in variants(&clause.pred, policy) {
            let place = place(&policy.source.text, &clause.span, clause.text(), &variant.span);
            mutants.push(Mutant { place, what: variant.what, change: change(variant.pred) });
        }
    };
    if let Some(clause) = &policy.applies_to {
        add(clause, &Change::AppliesTo);
    }
    add(&policy.when, &Change::When);
    for (index, level) in policy.levels.iter().enumerate() {
        add(&level.when, &|pred| Change::Level(index, pred));
    }
    for (index, param) in policy.params.iter().enumerate() {
        for (what, value) in moved_param(param) {
            let mut params = policy.params.clone();
            if let Some(slot) = params.get_mut(index) {
                slot.value = value;
            }
            let at = param_place(policy, &param.name);
            mutants.push(Mutant { place: at, what, change: Change::Params(params) });
        }
    }
    mutants.extend(states(policy));
    mutants
}

/// Mutants of what is asked across records.
fn states(policy: &Policy) -> Vec<Mutant> {
    let state = &policy.state;
    let mut mutants = Vec::new();
    let mut add = |place: Span, what: String, change: &dyn Fn(&mut State)| {
        let mut changed = state.clone();
        change(&mut changed);
        mutants.push(Mutant { place, what, change: Change::State(changed) });
    };
    for (index, history) in state.histories.iter().enumerate() {
        let name = &history.name;
        let block = key_place(policy, "histories", name);
        for variant in variants(&history.among, policy) {
            add(block.clone(), format!("`among` of {name}: {}", variant.what), &|state| {
                state
                    .histories
                    .iter_mut()
                    .skip(index)
                    .take(1)
                    .for_each(|one| one.among = variant.pred.clone());
            });
        }
        let windows = match history.window {
            Window::Last(window) => halved_and_doubled(window)
                .map(|(what, window)| (format!("the window of {name} is {what}"), Window::Last(window)))
                .to_vec(),
            // What differs in `other` is only kept without a window: it goes with it.
            Window::All if history.other.is_some() => Vec::new(),
            Window::All => {
                vec![(format!("{name} sees only what came before"), Window::Last(i64::MAX / 4))]
            }
        };
        for (what, window) in windows {
            add(block.clone(), what, &|state| {
                state.histories.iter_mut().skip(index).take(1).for_each(|one| one.window = window);
            });
        }
        if history.other.is_some() {
            add(block.clone(), format!("{name} sees any other record"), &|state| {
                state.histories.iter_mut().skip(index).take(1).for_each(|one| one.other = None);
            });
        }
        for (dropped, by) in dropped(&history.by) {
            let field = policy.kind.fields.get(dropped).map_or("?", |field| field.name);
            add(block.clone(), format!("the key of {name} loses {field}"), &|state| {
                state.histories.iter_mut().skip(index).take(1).for_each(|one| one.by.clone_from(&by));
            });
        }
    }
    for (what, seconds) in state.warm_up.iter().flat_map(|seconds| halved_and_doubled(*seconds)) {
        let at = key_place(policy, "warm_up", "");
        add(at, format!("the warm-up is {what}"), &|state| state.warm_up = Some(seconds));
    }
    if let Some(repeat) = &state.repeat {
        let at = key_place(policy, "repeat", "");
        for (what, every) in halved_and_doubled(repeat.every) {
            add(at.clone(), format!("the time of `repeat` is {what}"), &|state| {
                state.repeat.iter_mut().for_each(|repeat| repeat.every = every);
            });
        }
        for (dropped, by) in dropped(&repeat.by) {
            let field = policy.kind.fields.get(dropped).map_or("?", |field| field.name);
            add(at.clone(), format!("the key of `repeat` loses {field}"), &|state| {
                state.repeat.iter_mut().for_each(|repeat| repeat.by.clone_from(&by));
            });
        }
    }
    let Some(count) = &state.count else { return mutants };
    let at = key_place(policy, "count", "");
    if let Quantity::Is(window) = count.window {
        for (what, window) in halved_and_doubled(window) {
            add(at.clone(), format!("the window of the count is {what}"), &|state| {
                state.count.iter_mut().for_each(|count| count.window = Quantity::Is(window));
            });
        }
    }
    if let Quantity::Is(least) = count.at_least {
        for next in [least - 1, least + 1] {
            add(at.clone(), format!("at_least becomes {next}"), &|state| {
                state.count.iter_mut().for_each(|count| count.at_least = Quantity::Is(next));
            });
        }
    }
    for (dropped, by) in dropped(&count.by) {
        let field = policy.kind.fields.get(dropped).map_or("?", |field| field.name);
        add(at.clone(), format!("the key of the count loses {field}"), &|state| {
            state.count.iter_mut().for_each(|count| count.by.clone_from(&by));
        });
    }
    if count.distinct.is_some() {
        add(at, "every record counts, not every distinct value".to_owned(), &|state| {
            state.count.iter_mut().for_each(|count| count.distinct = None);
        });
    }
    mutants
}

fn halved_and_doubled(seconds: i64) -> [(&'static str, i64); 2] {
    [("halved", seconds / 2), ("doubled", seconds.saturating_mul(2))]
}

/// Where a key of the file stands, or a name below it.
fn key_place(policy: &Policy, key: &str, below: &str) -> Span {
    let text = &policy.source.text;
    let from = text.find(&format!("\n{key}:")).map_or(0, |at| at + 1);
    if below.is_empty() {
        return from..from + key.len();
    }
    let at = text.get(from..).and_then(|rest| rest.find(&format!("{below}:"))).map_or(from, |at| from + at);
    at..at + below.len()
}

/// Where a parameter is named in the file: its key below `params:`.
fn param_place(policy: &Policy, name: &str) -> Span {
    let text = &policy.source.text;
    let from = text.find("\nparams:").unwrap_or(0);
    let at = text.get(from..).and_then(|rest| rest.find(&format!("{name}:"))).map_or(from, |at| from + at);
    at..at + name.len()
}

struct Variant {
    span: Span,
    what: String,
    pred: Pred,
}

/// The condition with one thing changed, in every way.
fn variants(pred: &Pred, policy: &Policy) -> Vec<Variant> {
    let rewrap = |list: Vec<Variant>, wrap: &dyn Fn(Pred) -> PredKind| -> Vec<Variant> {
        list.into_iter()
            .map(|variant| Variant {
                pred: Pred { span: pred.span.clone(), kind: wrap(variant.pred) },
                ..variant
            })
            .collect()
    };
    let chain = |parts: &[Pred], make: fn(Vec<Pred>) -> PredKind| -> Vec<Variant> {
        let mut list = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            list.extend(rewrap(variants(part, policy), &|changed| {
                let mut parts = parts.to_vec();
                if let Some(slot) = parts.get_mut(index) {
                    *slot = changed;
                }
                make(parts)
            }));
        }
        list
    };
    match &pred.kind {
        // A parameter is mutated where it is given: always its own value is no change.
        PredKind::Const(_) | PredKind::Param(_) => Vec::new(),
        PredKind::Not(of) => rewrap(variants(of, policy), &|changed| PredKind::Not(Box::new(changed))),
        PredKind::All(parts) => chain(parts, PredKind::All),
        PredKind::Any(parts) => chain(parts, PredKind::Any),
        PredKind::If(condition, yes, no) => {
            let mut list = rewrap(variants(condition, policy), &|changed| {
                PredKind::If(Box::new(changed), yes.clone(), no.clone())
            });
            list.extend(rewrap(variants(yes, policy), &|changed| {
                PredKind::If(condition.clone(), Box::new(changed), no.clone())
            }));
            list.extend(rewrap(variants(no, policy), &|changed| {
                PredKind::If(condition.clone(), yes.clone(), Box::new(changed))
            }));
            list
        }
        PredKind::Same(left, right) => {
            let mut list =
                rewrap(variants(left, policy), &|changed| PredKind::Same(Box::new(changed), right.clone()));
            list.extend(rewrap(variants(right, policy), &|changed| {
                PredKind::Same(left.clone(), Box::new(changed))
            }));
            list
        }
        _ => atom(pred, policy),
    }
}

fn atom(pred: &Pred, policy: &Policy) -> Vec<Variant> {
    let with = |kind: PredKind| Pred { span: pred.span.clone(), kind };
    let mut list: Vec<Variant> = [true, false]
        .into_iter()
        .map(|value| Variant {
            span: pred.span.clone(),
            what: format!("this is always {value}"),
            pred: with(PredKind::Const(value)),
        })
        .collect();
    let mut terms = |left: &Term, right: &Term, make: &dyn Fn(Term, Term) -> PredKind| {
        for (what, changed) in moved(left, right, policy) {
            list.push(Variant { span: left.span.clone(), what, pred: with(make(changed, right.clone())) });
        }
        for (what, changed) in moved(right, left, policy) {
            list.push(Variant { span: right.span.clone(), what, pred: with(make(left.clone(), changed)) });
        }
    };
    match &pred.kind {
        PredKind::Compare(relation, left, right) => {
            terms(left, right, &|left, right| PredKind::Compare(*relation, left, right));
        }
        PredKind::In(item, of) => terms(item, of, &PredKind::In),
        PredKind::Test(test, text, pattern) => {
            terms(text, pattern, &|text, pattern| PredKind::Test(*test, text, pattern));
        }
        PredKind::InCidr(address, networks) => terms(address, networks, &PredKind::InCidr),
        PredKind::Each(each, of, body) => {
            for (what, changed) in moved(of, of, policy) {
                let kind = PredKind::Each(*each, changed, body.clone());
                list.push(Variant { span: of.span.clone(), what, pred: with(kind) });
            }
            for variant in variants(body, policy) {
                let kind = PredKind::Each(*each, of.clone(), Box::new(variant.pred));
                list.push(Variant { pred: with(kind), ..variant });
            }
        }
        _ => {}
    }
    list
}

/// The term with its literal moved or one member dropped. `other` is what it is compared with: a closed set offers
/// another of its values.
fn moved(term: &Term, other: &Term, policy: &Policy) -> Vec<(String, Term)> {
    let with = |kind: TermKind| Term { kind, ..term.clone() };
    match &term.kind {
        TermKind::Text(text) => {
            let text_moved = moved_text(text, other, policy);
            vec![(format!("\"{text}\" becomes \"{text_moved}\""), with(TermKind::Text(text_moved)))]
        }
        TermKind::Int(value) => [value.checked_sub(1), value.checked_add(1)]
            .into_iter()
            .flatten()
            .map(|next| (format!("{value} becomes {next}"), with(TermKind::Int(next))))
            .collect(),
        TermKind::Texts(texts) => dropped(texts)
            .map(|(gone, rest)| (format!("\"{gone}\" is dropped"), with(TermKind::Texts(rest))))
            .collect(),
        TermKind::Ints(ints) => dropped(ints)
            .map(|(gone, rest)| (format!("{gone} is dropped"), with(TermKind::Ints(rest))))
            .collect(),
        TermKind::Size(of) => moved(of, of, policy)
            .into_iter()
            .map(|(what, changed)| (what, with(TermKind::Size(Box::new(changed)))))
            .collect(),
        TermKind::If(condition, yes, no) => {
            let mut list: Vec<(String, Term)> = variants(condition, policy)
                .into_iter()
                .map(|variant| {
                    let kind = TermKind::If(Box::new(variant.pred), yes.clone(), no.clone());
                    (format!("in the conditional, {}", variant.what), with(kind))
                })
                .collect();
            list.extend(moved(yes, other, policy).into_iter().map(|(what, changed)| {
                (what, with(TermKind::If(condition.clone(), Box::new(changed), no.clone())))
            }));
            list.extend(moved(no, other, policy).into_iter().map(|(what, changed)| {
                (what, with(TermKind::If(condition.clone(), yes.clone(), Box::new(changed))))
            }));
            list
        }
        TermKind::Field(_) | TermKind::Param(_) | TermKind::Element => Vec::new(),
    }
}

fn dropped<T: Clone>(items: &[T]) -> impl Iterator<Item = (T, Vec<T>)> {
    (0..items.len()).filter_map(|gone| {
        let rest =
            items.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, item)| item.clone()).collect();
        Some((items.get(gone)?.clone(), rest))
    })
}

fn moved_text(text: &str, other: &Term, policy: &Policy) -> String {
    if let TermKind::Field(index) = other.kind
        && let Some(values) = policy.kind.fields.get(index).map(|field| field.values)
        && let Some(at) = values.iter().position(|value| *value == text)
        && values.len() > 1
    {
        return values.get((at + 1) % values.len()).map_or_else(String::new, |value| (*value).to_owned());
    }
    altered(text)
}

/// A text of the same sort that is certainly another: networks stay networks.
fn altered(text: &str) -> String {
    if super::lang::compile::network(text).is_some() {
        let elsewhere = if text.starts_with("203.0.113.") { "198.51.100.255/32" } else { "203.0.113.255/32" };
        return elsewhere.to_owned();
    }
    format!("{text}~")
}

fn moved_param(param: &Param) -> Vec<(String, OwnedValue)> {
    let name = &param.name;
    match &param.value {
        OwnedValue::Bool(value) => {
            vec![(format!("params.{name} becomes {}", !value), OwnedValue::Bool(!value))]
        }
        OwnedValue::Int(value) => [value.checked_sub(1), value.checked_add(1)]
            .into_iter()
            .flatten()
            .map(|next| (format!("params.{name} becomes {next}"), OwnedValue::Int(next)))
            .collect(),
        OwnedValue::Text(text) if parse_duration(text).is_some() => parse_duration(text)
            .into_iter()
            .flat_map(halved_and_doubled)
            .map(|(what, seconds)| {
                (format!("params.{name} is {what}"), OwnedValue::Text(format!("{seconds}s")))
            })
            .collect(),
        OwnedValue::Text(text) => {
            let next = altered(text);
            vec![(format!("params.{name} becomes \"{next}\""), OwnedValue::Text(next))]
        }
        OwnedValue::List(list) => dropped(&list.items)
            .map(|(gone, rest)| {
                let value = OwnedValue::List(crate::value::TextList { items: rest, incomplete: None });
                (format!("\"{gone}\" is dropped from params.{name}"), value)
            })
            .collect(),
        OwnedValue::Absent | OwnedValue::Unread(_) => Vec::new(),
    }
}
