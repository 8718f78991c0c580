//! What a policy asks across records, ready to be run: the histories' conditions as closures.

use super::lang::compile::Compiled;
use super::lang::ir::{Param, Pred, PredKind};
use super::read::parse_duration;
use super::{Quantity, Repeat, State, Window};
use crate::facts::schema::KindDecl;
use crate::value::OwnedValue;

/// One history, ready to be run.
#[derive(Debug)]
pub(crate) struct Among {
    pub(crate) by: Vec<usize>,
    pub(crate) among: Compiled,
    pub(crate) window: Window,
    /// The field in which another record differs; only without a window.
    pub(crate) other: Option<usize>,
    /// The key has the account: only its own account's records can be part of it.
    pub(crate) one_account: bool,
    /// A history before this one has the same key.
    pub(crate) same_key: Option<usize>,
}

/// A count, with its parameters' values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Counting {
    pub(crate) by: Vec<usize>,
    /// Seconds.
    pub(crate) window: i64,
    pub(crate) distinct: Option<usize>,
    pub(crate) at_least: u64,
}

/// The state of a policy, ready to be run. Mutants of a policy have others.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) histories: Vec<Among>,
    /// Histories that must not have seen a key for `when` to be true.
    pub(crate) barring: Vec<usize>,
    /// `when` asks a history.
    pub(crate) when_asks: bool,
    /// A level asks a history.
    pub(crate) levels_ask: bool,
    /// Seconds.
    pub(crate) warm_up: Option<i64>,
    pub(crate) count: Option<Counting>,
    pub(crate) repeat: Option<Repeat>,
}

impl Program {
    /// `None` for a policy that judges every fact by itself.
    pub(crate) fn new<'p>(
        state: &State,
        when: &Pred,
        levels: impl Iterator<Item = &'p Pred>,
        kind: &KindDecl,
        params: &[Param],
    ) -> Option<Self> {
        if state.is_empty() {
            return None;
        }
        let account = kind.field("account");
        let histories = state
            .histories
            .iter()
            .enumerate()
            .map(|(at, history)| Among {
                same_key: state.histories.iter().take(at).position(|before| before.by == history.by),
                by: history.by.clone(),
                among: Compiled::new(&history.among, params),
                window: history.window,
                other: history.other,
                one_account: account.is_some_and(|account| history.by.contains(&account)),
            })
            .collect();
        let mut barring = Vec::new();
        negated(when, &mut barring);
        let when_asks = !when.histories().is_empty();
        let levels_ask = { levels }.any(|pred| !pred.histories().is_empty());
        let count = state.count.as_ref().map(|count| Counting {
            by: count.by.clone(),
            window: count.window.value(params),
            distinct: count.distinct,
            at_least: u64::try_from(count.at_least.value(params)).unwrap_or(u64::MAX),
        });
        let repeat = state.repeat.clone();
        Some(Program { histories, barring, when_asks, levels_ask, warm_up: state.warm_up, count, repeat })
    }
}

impl Quantity {
    /// The number with these parameters. The checker lets no parameter through that has none; such a one would be as
    /// wide as can be, and never quietly empty.
    pub(crate) fn value(self, params: &[Param]) -> i64 {
        match self {
            Quantity::Is(value) => value,
            Quantity::Param(index) => params.get(index).and_then(number).unwrap_or(i64::MAX),
        }
    }
}

/// A parameter as a number: an int, or the seconds of a length of time.
pub(crate) fn number(param: &Param) -> Option<i64> {
    match &param.value {
        OwnedValue::Int(value) => Some(*value),
        OwnedValue::Text(text) => parse_duration(text),
        _ => None,
    }
}

/// The histories whose `!seen.NAME` must hold for the condition to be true.
pub(crate) fn negated(pred: &Pred, list: &mut Vec<usize>) {
    match &pred.kind {
        PredKind::All(parts) => parts.iter().for_each(|part| negated(part, list)),
        PredKind::Not(of) => {
            if let PredKind::Seen(index) = of.kind {
                list.push(index);
            }
        }
        _ => {}
    }
}
