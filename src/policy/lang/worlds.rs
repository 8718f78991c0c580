//! Abstract evaluation: which outcomes a condition can have at all.
//!
//! A *world* gives every field one of finitely many representative values (each literal it is compared with, one
//! other value, absent) and every test that is not understood a free truth value. There are at least as many worlds
//! as distinguishable facts, so "true in every world" proves "always true", never the other way round.

use std::collections::BTreeMap;

use super::ast::Relation;
use super::compile::{Compiled, Env};
use super::ir::{Param, Pred, PredKind, Term, TermKind};
use crate::facts::schema::{FieldAccess, FieldType, KindDecl};
use crate::value::{OwnedValue, Truth, Value, Why};

/// More worlds than this are not looked at, and nothing is concluded.
const MAX_WORLDS: usize = 1 << 14;

/// The outcomes a condition can have where others hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Possible {
    /// True and false, or too many cases to tell.
    Both,
    AlwaysTrue,
    AlwaysFalse,
    /// The conditions that are given cannot hold together.
    Nowhere,
}

/// Whether `pred` can be true and can be false for facts of which all of `given` are true and all of `denied` false.
pub fn possible(
    pred: &Pred,
    given: &[&Pred],
    denied: &[&Pred],
    kind: &'static KindDecl,
    params: &[Param],
) -> Possible {
    let all: Vec<&Pred> = given.iter().chain(denied).copied().chain([pred]).collect();
    let Some(space) = Space::new(&all, kind, params) else { return Possible::Both };
    let (mut holds, mut fails) = (false, false);
    for number in 0..space.worlds {
        let world = space.digits(number);
        // What is unknown in a world may be either.
        let excluded = given.iter().any(|given| space.eval(given, &world) == Truth::False)
            || denied.iter().any(|denied| space.eval(denied, &world) == Truth::True);
        if !excluded {
            let outcome = space.eval(pred, &world);
            holds |= outcome != Truth::False;
            fails |= outcome != Truth::True;
            if holds && fails {
                return Possible::Both;
            }
        }
    }
    match (holds, fails) {
        (true, true) => Possible::Both,
        (true, false) => Possible::AlwaysTrue,
        (false, true) => Possible::AlwaysFalse,
        (false, false) => Possible::Nowhere,
    }
}

/// A field's value in a world.
#[derive(Debug, Clone, PartialEq)]
enum Known {
    Value(OwnedValue),
    /// None of the values that predicates name.
    Other,
}

struct Space<'p> {
    kind: &'static KindDecl,
    params: &'p [Param],
    /// How an atom's truth follows from a world, by the atom's address.
    atoms: BTreeMap<*const Pred, Slot>,
    /// How many values each digit of a world's number has.
    radix: Vec<usize>,
    worlds: usize,
}

enum Slot {
    /// The digit that decides, and the truth for each of its values.
    Decided(usize, Vec<Truth>),
    Constant(Truth),
}

impl<'p> Space<'p> {
    fn new(preds: &[&'p Pred], kind: &'static KindDecl, params: &'p [Param]) -> Option<Self> {
        let mut space = Space { kind, params, atoms: BTreeMap::new(), radix: Vec::new(), worlds: 1 };
        let mut atoms: Vec<&'p Pred> = Vec::new();
        for pred in preds {
            space.list_atoms(pred, &mut atoms);
        }
        let mut fields: Vec<usize> = atoms.iter().flat_map(|atom| atom.field_list()).collect();
        fields.sort_unstable();
        fields.dedup();
        for index in fields {
            let values = space.representatives(index, &atoms);
            let digit = space.radix.len();
            space.radix.push(values.len());
            let mut decided = Vec::new();
            for atom in atoms.iter().filter(|atom| space.understood(atom) && atom.field_list() == [index]) {
                let table = values.iter().map(|value| space.atom(atom, index, value)).collect();
                decided.push((std::ptr::from_ref(*atom), Slot::Decided(digit, table)));
            }
            space.atoms.extend(decided);
        }
        let mut free: Vec<(Pred, usize)> = Vec::new();
        for atom in atoms {
            let address = std::ptr::from_ref(atom);
            if space.atoms.contains_key(&address) {
                continue;
            }
            if constant(atom) {
                let value = space.atom(atom, usize::MAX, &Known::Value(OwnedValue::Absent));
                space.atoms.insert(address, Slot::Constant(value));
                continue;
            }
            let bare = atom.without_spans();
            let digit = match free.iter().find(|(other, _)| *other == bare) {
                Some((_, digit)) => *digit,
                None => {
                    free.push((bare, space.radix.len()));
                    space.radix.push(2);
                    space.radix.len() - 1
                }
            };
            space.atoms.insert(address, Slot::Decided(digit, vec![Truth::False, Truth::True]));
        }
        for radix in &space.radix {
            space.worlds = space.worlds.checked_mul(*radix).filter(|worlds| *worlds <= MAX_WORLDS)?;
        }
        Some(space)
    }

    fn digits(&self, number: usize) -> Vec<usize> {
        let mut rest = number;
        self.radix
            .iter()
            .map(|radix| {
                let digit = rest % radix;
                rest /= radix;
                digit
            })
            .collect()
    }

    fn eval(&self, pred: &Pred, world: &[usize]) -> Truth {
        match &pred.kind {
            PredKind::Not(of) => !self.eval(of, world),
            PredKind::All(parts) => Truth::all(parts.iter().map(|part| self.eval(part, world))),
            PredKind::Any(parts) => Truth::any(parts.iter().map(|part| self.eval(part, world))),
            PredKind::If(condition, yes, no) => match self.eval(condition, world) {
                Truth::True => self.eval(yes, world),
                Truth::False => self.eval(no, world),
                Truth::Unknown => Truth::Unknown,
            },
            PredKind::Same(left, right) => match (self.eval(left, world), self.eval(right, world)) {
                (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
                (left, right) if left == right => Truth::True,
                _ => Truth::False,
            },
            _ => match self.atoms.get(&std::ptr::from_ref(pred)) {
                Some(Slot::Decided(digit, table)) => {
                    world.get(*digit).and_then(|digit| table.get(*digit)).copied().unwrap_or(Truth::Unknown)
                }
                Some(Slot::Constant(value)) => *value,
                None => Truth::Unknown,
            },
        }
    }

    /// The conditions that stand below `&&`, `||`, `!`, `?:` and bool comparison.
    fn list_atoms(&self, pred: &'p Pred, list: &mut Vec<&'p Pred>) {
        match &pred.kind {
            PredKind::Not(of) => self.list_atoms(of, list),
            PredKind::All(parts) | PredKind::Any(parts) => {
                parts.iter().for_each(|part| self.list_atoms(part, list))
            }
            PredKind::If(condition, yes, no) => {
                self.list_atoms(condition, list);
                self.list_atoms(yes, list);
                self.list_atoms(no, list);
            }
            PredKind::Same(left, right) => {
                self.list_atoms(left, list);
                self.list_atoms(right, list);
            }
            _ => list.push(pred),
        }
    }

    /// One value for each class of values that the atoms tell apart.
    fn representatives(&self, index: usize, atoms: &[&Pred]) -> Vec<Known> {
        let Some(field) = self.kind.fields.get(index) else { return vec![Known::Other] };
        let mut values: Vec<Known> = match field.ty {
            FieldType::Bool => [false, true].map(|value| Known::Value(OwnedValue::Bool(value))).into(),
            FieldType::Text if !field.values.is_empty() => {
                field.values.iter().map(|value| Known::Value(OwnedValue::Text((*value).to_owned()))).collect()
            }
            FieldType::Text | FieldType::Int => {
                let mut values = Vec::new();
                for atom in atoms {
                    for value in self.named(atom, index) {
                        if !values.contains(&Known::Value(value.clone())) {
                            values.push(Known::Value(value));
                        }
                    }
                }
                values.push(Known::Other);
                values
            }
            FieldType::List => vec![Known::Other],
        };
        let about: Vec<&&Pred> =
            atoms.iter().filter(|atom| atom.field_list().contains(&index) && self.understood(atom)).collect();
        // Values that every understood atom treats alike need one representative only. Atoms over several fields are
        // not understood, so each atom's truth depends on this field alone.
        let mut classes: Vec<Vec<Truth>> = Vec::new();
        values.retain(|value| {
            let class: Vec<Truth> = about.iter().map(|atom| self.atom(atom, index, value)).collect();
            let new = !classes.contains(&class);
            if new {
                classes.push(class);
            }
            new
        });
        if field.optional {
            values.push(Known::Value(OwnedValue::Absent));
        }
        values
    }

    /// The values of the field that an atom names.
    fn named(&self, atom: &Pred, index: usize) -> Vec<OwnedValue> {
        match &atom.kind {
            PredKind::Compare(_, left, right) => match (&left.kind, &right.kind) {
                (TermKind::Field(field), _) if *field == index => self.constants(right),
                (_, TermKind::Field(field)) if *field == index => self.constants(left),
                _ => Vec::new(),
            },
            PredKind::In(item, list) if matches!(item.kind, TermKind::Field(field) if field == index) => {
                self.constants(list)
            }
            _ => Vec::new(),
        }
    }

    fn constants(&self, term: &Term) -> Vec<OwnedValue> {
        match &term.kind {
            TermKind::Text(text) => vec![OwnedValue::Text(text.clone())],
            TermKind::Int(value) => vec![OwnedValue::Int(*value)],
            TermKind::Texts(texts) => texts.iter().cloned().map(OwnedValue::Text).collect(),
            TermKind::Ints(ints) => ints.iter().copied().map(OwnedValue::Int).collect(),
            TermKind::Param(index) => match self.params.get(*index).map(|param| &param.value) {
                Some(OwnedValue::List(list)) => {
                    list.items.iter().map(|item| OwnedValue::Text(item.to_string())).collect()
                }
                Some(value) => vec![value.clone()],
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Whether an atom's truth follows from the values of a world: it reads one field that is not a list, and no
    /// value that depends on anything else.
    fn understood(&self, atom: &Pred) -> bool {
        let is_field = |term: &Term| matches!(term.kind, TermKind::Field(_));
        let constant = |term: &Term| {
            matches!(
                term.kind,
                TermKind::Text(_)
                    | TermKind::Int(_)
                    | TermKind::Texts(_)
                    | TermKind::Ints(_)
                    | TermKind::Param(_)
            )
        };
        let closed = |index: usize| self.kind.fields.get(index).is_some_and(|field| !field.values.is_empty());
        match &atom.kind {
            PredKind::Field(_) | PredKind::Has(_) => true,
            // An order can tell apart more values than those that are named.
            PredKind::Compare(relation, left, right) => {
                let one = is_field(left) && constant(right) || constant(left) && is_field(right);
                let equality = matches!(relation, Relation::Eq | Relation::Ne);
                one && (equality || atom.field_list().iter().all(|index| closed(*index)))
            }
            PredKind::In(item, list) => constant(list) && is_field(item),
            PredKind::Test(_, text, pattern) => {
                constant(pattern) && matches!(text.kind, TermKind::Field(index) if closed(index))
            }
            _ => false,
        }
    }

    /// The truth of an understood or constant atom for one value of its field.
    fn atom(&self, atom: &Pred, index: usize, value: &Known) -> Truth {
        let value = match value {
            Known::Value(value) => value.clone(),
            // Equal to nothing that is named. Understood atoms only ask for equality of open values.
            Known::Other => {
                return match &atom.kind {
                    PredKind::Compare(Relation::Ne, ..) | PredKind::Has(_) => Truth::True,
                    _ => Truth::False,
                };
            }
        };
        let fact = OneField { kind: self.kind, index, value };
        Compiled::new(atom, self.params).eval(&fact, &Env::default())
    }
}

/// Whether the atom reads nothing but the policy's own text.
fn constant(atom: &Pred) -> bool {
    let mut seen = false;
    atom.walk(&mut |part| seen |= matches!(part.kind, PredKind::Seen(_)));
    !seen && atom.field_list().is_empty()
}

struct OneField {
    kind: &'static KindDecl,
    index: usize,
    value: OwnedValue,
}

impl FieldAccess for OneField {
    fn kind(&self) -> &'static KindDecl {
        self.kind
    }

    fn value(&self, index: usize) -> Value<'_> {
        if index == self.index { self.value.view() } else { Value::Unread(Why::NotCollected) }
    }
}
