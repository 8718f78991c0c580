//! The condition an advanced selector puts on one field: values that select and values that deselect.
//!
//! Several values of one operator and several selecting operators are alternatives; a value that is deselected by any
//! operator is out. There are no wildcards. A field that the record does not have satisfies no selecting operator and
//! is not deselected: AWS says that the negated operators exclude events whose field matches.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/filtering-data-events.html>

use std::collections::BTreeSet;

use crate::snapshot::api::FieldSelector;

/// What one field must be.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    select: Patterns,
    deselect: Patterns,
}

/// Alternatives: exact values, beginnings and endings.
#[derive(Debug, Clone)]
struct Patterns {
    equals: BTreeSet<String>,
    starts: Affixes,
    ends: Affixes,
}

/// Beginnings of texts (of reversed texts, for endings): sorted, and none begins with another, so that one binary
/// search finds the only one that may match, however many there are.
#[derive(Debug, Clone)]
struct Affixes(Vec<Vec<u8>>);

impl Condition {
    /// `None` if the selector has no operator: AWS asks for one, so this is not its whole text.
    pub(super) fn new(selector: &FieldSelector) -> Option<Self> {
        let condition = Condition {
            select: Patterns::new(&selector.equals, &selector.starts_with, &selector.ends_with),
            deselect: Patterns::new(&selector.not_equals, &selector.not_starts_with, &selector.not_ends_with),
        };
        let empty = condition.select.is_empty() && condition.deselect.is_empty();
        (!empty).then_some(condition)
    }

    /// Whether a record with this value of the field satisfies the condition; `None`: the record has no such field.
    pub(super) fn matches(&self, value: Option<&str>) -> bool {
        match value {
            Some(value) => {
                (self.select.is_empty() || self.select.matches(value)) && !self.deselect.matches(value)
            }
            None => self.select.is_empty(),
        }
    }

    fn patterns(&self) -> [&Patterns; 2] {
        [&self.select, &self.deselect]
    }
}

impl Patterns {
    fn new(equals: &Option<Vec<String>>, starts: &Option<Vec<String>>, ends: &Option<Vec<String>>) -> Self {
        let bytes = |values: &Option<Vec<String>>| -> Vec<Vec<u8>> {
            values.iter().flatten().map(|value| value.clone().into_bytes()).collect()
        };
        let mut reversed = bytes(ends);
        reversed.iter_mut().for_each(|value| value.reverse());
        Patterns {
            equals: equals.iter().flatten().cloned().collect(),
            starts: Affixes::new(bytes(starts)),
            ends: Affixes::new(reversed),
        }
    }

    fn is_empty(&self) -> bool {
        self.equals.is_empty() && self.starts.0.is_empty() && self.ends.0.is_empty()
    }

    fn matches(&self, value: &str) -> bool {
        if self.equals.contains(value) || self.starts.begins(value.as_bytes()) {
            return true;
        }
        if self.ends.0.is_empty() {
            return false;
        }
        let reversed: Vec<u8> = value.bytes().rev().collect();
        self.ends.begins(&reversed)
    }
}

impl Affixes {
    fn new(mut all: Vec<Vec<u8>>) -> Self {
        all.sort();
        let mut kept: Vec<Vec<u8>> = Vec::with_capacity(all.len());
        for affix in all {
            if !kept.last().is_some_and(|shorter| affix.starts_with(shorter)) {
                kept.push(affix);
            }
        }
        Affixes(kept)
    }

    fn begins(&self, value: &[u8]) -> bool {
        let after = self.0.partition_point(|affix| affix.as_slice() <= value);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|affix| value.starts_with(affix))
    }
}

/// Values of a field that stand for all values: two that no witness tells apart, no condition does either. The field
/// left out is the first one.
///
/// A text is told apart only by equalling a value, or by the longest beginning and the longest ending it has. So every
/// exact value, and every beginning with every ending around a character that occurs nowhere, is enough.
///
/// `None` if there would be more than `limit` of them.
pub(super) fn witnesses<'a>(
    conditions: impl Iterator<Item = &'a Condition>,
    limit: usize,
) -> Option<Vec<Option<String>>> {
    let mut equals: BTreeSet<&str> = BTreeSet::new();
    let mut starts: BTreeSet<&[u8]> = BTreeSet::from([&[][..]]);
    let mut ends: BTreeSet<&[u8]> = BTreeSet::from([&[][..]]);
    for patterns in conditions.flat_map(Condition::patterns) {
        equals.extend(patterns.equals.iter().map(String::as_str));
        starts.extend(patterns.starts.0.iter().map(Vec::as_slice));
        ends.extend(patterns.ends.0.iter().map(Vec::as_slice));
        let around = starts.len().saturating_mul(ends.len());
        if equals.len().saturating_add(around).saturating_add(1) > limit {
            return None;
        }
    }
    let fresh = ('\u{1}'..'\u{20}').find(|fresh| {
        let byte = *fresh as u8;
        !equals.iter().any(|value| value.contains(*fresh))
            && !starts.iter().chain(&ends).any(|affix| affix.contains(&byte))
    })?;
    let mut all = vec![None];
    all.extend(equals.into_iter().map(|value| Some(value.to_owned())));
    for start in &starts {
        for end in &ends {
            let mut text = String::from_utf8_lossy(start).into_owned();
            text.push(fresh);
            let ending: Vec<u8> = end.iter().rev().copied().collect();
            text.push_str(&String::from_utf8_lossy(&ending));
            all.push(Some(text));
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Option<Vec<String>> {
        Some(values.iter().map(|value| (*value).to_owned()).collect())
    }

    #[test]
    fn the_reduced_search_agrees_with_the_plain_one() {
        let starts = ["a", "ab", "b:", "ba", "", "é"];
        let values = ["", "a", "abc", "b", "b:c", "bac", "zab", "éa", "e"];
        for mask in 1_u32..64 {
            let chosen: Vec<&str> = starts
                .iter()
                .enumerate()
                .filter(|(at, _)| mask >> at & 1 == 1)
                .map(|(_, text)| *text)
                .collect();
            let field =
                FieldSelector { field: "f".into(), starts_with: texts(&chosen), ..Default::default() };
            let ending = FieldSelector { field: "f".into(), ends_with: texts(&chosen), ..Default::default() };
            let negated =
                FieldSelector { field: "f".into(), not_starts_with: texts(&chosen), ..Default::default() };
            for value in values {
                let begins = chosen.iter().any(|start| value.starts_with(start));
                let ends = chosen.iter().any(|end| value.ends_with(end));
                assert_eq!(
                    Condition::new(&field).unwrap().matches(Some(value)),
                    begins,
                    "{chosen:?} {value}"
                );
                assert_eq!(
                    Condition::new(&negated).unwrap().matches(Some(value)),
                    !begins,
                    "{chosen:?} {value}"
                );
                assert_eq!(Condition::new(&ending).unwrap().matches(Some(value)), ends, "{chosen:?} {value}");
            }
        }
    }

    #[test]
    fn a_field_that_is_not_there_is_neither_selected_nor_deselected() {
        let selecting = FieldSelector { field: "f".into(), equals: texts(&["a"]), ..Default::default() };
        let deselecting =
            FieldSelector { field: "f".into(), not_ends_with: texts(&["a"]), ..Default::default() };
        assert!(!Condition::new(&selecting).unwrap().matches(None));
        assert!(Condition::new(&deselecting).unwrap().matches(None));
    }

    #[test]
    fn a_selector_without_an_operator_is_no_condition() {
        assert!(Condition::new(&FieldSelector { field: "f".into(), ..Default::default() }).is_none());
        let empty = FieldSelector { field: "f".into(), equals: Some(Vec::new()), ..Default::default() };
        assert!(Condition::new(&empty).is_none());
    }

    #[test]
    fn witnesses_stay_within_their_limit() {
        let many: Vec<String> = (0..2_000).map(|n| format!("arn:{n}")).collect();
        let field = FieldSelector { field: "f".into(), equals: Some(many), ..Default::default() };
        let condition = Condition::new(&field).unwrap();
        assert!(witnesses([&condition].into_iter(), 100).is_none());
        assert_eq!(witnesses([&condition].into_iter(), 4_000).unwrap().len(), 2_002);
    }
}
