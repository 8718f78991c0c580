//! Which optional fields a condition proves to be there.

use std::collections::BTreeSet;

use super::ir::{Pred, PredKind};

/// Fields by index.
pub(crate) type Guards = BTreeSet<usize>;

/// The fields that are there whenever the condition has the given outcome.
pub(crate) fn proven(pred: &Pred, outcome: Outcome) -> Guards {
    match (&pred.kind, outcome) {
        (PredKind::Has(field), Outcome::Holds) => Guards::from([*field]),
        (PredKind::Not(of), _) => proven(of, outcome.opposite()),
        (PredKind::All(parts), Outcome::Holds) | (PredKind::Any(parts), Outcome::Fails) => {
            parts.iter().flat_map(|part| proven(part, outcome)).collect()
        }
        (PredKind::All(parts), Outcome::Fails) | (PredKind::Any(parts), Outcome::Holds) => {
            let mut each = parts.iter().map(|part| proven(part, outcome));
            let first = each.next().unwrap_or_default();
            each.fold(first, |both, next| both.intersection(&next).copied().collect())
        }
        (PredKind::If(condition, yes, no), _) => {
            // A branch that is a constant of the other outcome was not taken.
            let branch = |side: Outcome, value: &Pred| {
                let impossible =
                    matches!(value.kind, PredKind::Const(value) if value != (outcome == Outcome::Holds));
                (!impossible).then(|| {
                    let mut guards = proven(condition, side);
                    guards.extend(proven(value, outcome));
                    guards
                })
            };
            match (branch(Outcome::Holds, yes), branch(Outcome::Fails, no)) {
                (Some(yes), Some(no)) => yes.intersection(&no).copied().collect(),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => Guards::new(),
            }
        }
        _ => Guards::new(),
    }
}

/// How a condition came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Holds,
    Fails,
}

impl Outcome {
    fn opposite(self) -> Self {
        match self {
            Outcome::Holds => Outcome::Fails,
            Outcome::Fails => Outcome::Holds,
        }
    }
}
