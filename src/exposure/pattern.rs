//! Matching as IAM does it: `*` and `?` in strings, ARNs part by part. Pure text, with a bound on the work.
//!
//! Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
//! (string and ARN operators), `reference_policies_elements_resource.html` (wildcards in ARNs).

use std::borrow::Cow;
use std::cell::Cell;

/// Steps that one document may cost. A policy that AWS stores needs some thousands; a text made to be slow runs out
/// and is reported as unreadable instead of being waited for.
const BUDGET: u64 = 1_000_000;

/// What is left of the budget.
#[derive(Debug)]
pub(crate) struct Work(Cell<u64>);

impl Work {
    pub(crate) fn new() -> Self {
        Self(Cell::new(BUDGET))
    }

    pub(super) fn spend(&self, steps: usize) {
        self.0.set(self.0.get().saturating_sub(steps as u64));
    }

    /// Once exhausted, every answer given since is worthless and the document is unknown.
    pub(crate) fn exhausted(&self) -> bool {
        self.0.get() == 0
    }
}

/// How a value of a condition is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Character by character: `StringEquals`.
    Exact,
    /// The same, letters' case apart: `StringEqualsIgnoreCase`.
    AnyCase,
    /// `*` and `?` stand for any characters, colons included: `StringLike`.
    Glob,
    /// Wildcards within each of an ARN's six parts: `ArnLike`, `ArnEquals`.
    Arn,
}

/// One value that a key is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) manner: Manner,
    /// The pattern may match more than the policy's value does (a variable stands in it): it can include, never
    /// exclude.
    pub(crate) loose: bool,
}

impl<'a> Pattern<'a> {
    pub(super) fn exact(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into(), manner: Manner::Exact, loose: false }
    }

    /// The only text that matches, if there is just one.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.manner {
            Manner::Exact => Some(&self.text),
            Manner::AnyCase if !self.text.bytes().any(|b| b.is_ascii_alphabetic()) => Some(&self.text),
            Manner::AnyCase => None,
            Manner::Glob | Manner::Arn if has_wildcard(&self.text) => None,
            Manner::Glob | Manner::Arn => Some(&self.text),
        }
    }

    /// The value is meant whole, letters' case apart.
    pub(super) fn is_whole(&self) -> bool {
        self.manner == Manner::AnyCase || self.literal().is_some()
    }

    /// Under an ARN operator, and not an ARN: whether AWS takes `*` for one, or a part too few, is not documented.
    pub(super) fn is_short_arn(&self) -> bool {
        self.manner == Manner::Arn && arn_parts(&self.text).is_none()
    }

    /// Matches every value, of a key whose values are ARNs for an ARN operator.
    pub(super) fn is_everything(&self) -> bool {
        match self.manner {
            Manner::Glob => self.text == "*",
            Manner::Arn => arn_parts(&self.text).is_some_and(|[arn, rest @ ..]| {
                matches!(arn, "arn" | "*") && rest.iter().all(|part| *part == "*")
            }),
            Manner::Exact | Manner::AnyCase => false,
        }
    }

    pub(crate) fn matches(&self, text: &str, work: &Work) -> bool {
        match self.manner {
            Manner::Exact => {
                work.spend(1);
                self.text == text
            }
            Manner::AnyCase => {
                work.spend(1);
                self.text.eq_ignore_ascii_case(text)
            }
            Manner::Glob => glob(&self.text, text, work),
            Manner::Arn => arn(&self.text, text, work),
        }
    }

    /// Everything `other` matches, this matches too. "No" may mean "not seen".
    pub(super) fn covers(&self, other: &Pattern<'_>, work: &Work) -> bool {
        if self.loose {
            return false;
        }
        if self.manner == other.manner && self.text == other.text {
            return true;
        }
        match other.literal() {
            Some(text) => self.matches(text, work),
            None => match (self.manner, other.manner) {
                (Manner::AnyCase, Manner::AnyCase) => self.text.eq_ignore_ascii_case(&other.text),
                (Manner::Glob, Manner::Glob | Manner::Arn) => glob(&self.text, &other.text, work),
                (Manner::Arn, Manner::Arn) => arn(&self.text, &other.text, work),
                // Where only the resource is open, both manners mean the same.
                (Manner::Arn, Manner::Glob) => {
                    let plain = |parts: [&str; 6]| !parts[..5].iter().any(|part| has_wildcard(part));
                    arn_parts(&other.text).is_some_and(plain) && arn(&self.text, &other.text, work)
                }
                _ => false,
            },
        }
    }

    /// Some text may match both. "Yes" may mean "not excluded".
    pub(super) fn overlaps(&self, other: &Pattern<'_>, work: &Work) -> bool {
        match (self.literal(), other.literal()) {
            (Some(mine), Some(theirs)) => mine == theirs,
            (Some(mine), None) => other.matches(mine, work),
            (None, Some(theirs)) => self.matches(theirs, work),
            (None, None) => true,
        }
    }
}

pub(crate) fn has_wildcard(text: &str) -> bool {
    text.bytes().any(|b| matches!(b, b'*' | b'?'))
}

/// `*` matches any run of characters, `?` one. Where `text` is itself a pattern, its `*` is only matched by a `*`, so
/// a match means that `pattern` covers it.
pub(crate) fn glob(pattern: &str, text: &str, work: &Work) -> bool {
    glob_by(pattern, text, work, |a, b| a == b)
}

/// [`glob`] without regard to the case of ASCII letters: action names.
pub(crate) fn glob_any_case(pattern: &str, text: &str, work: &Work) -> bool {
    if !has_wildcard(pattern) {
        work.spend(1);
        return pattern.eq_ignore_ascii_case(text);
    }
    glob_by(pattern, text, work, |a, b| a.eq_ignore_ascii_case(&b))
}

fn glob_by(pattern: &str, text: &str, work: &Work, same: impl Fn(u8, u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut steps) = (0, 0, 1);
    let mut star: Option<(usize, usize)> = None;
    let matched = loop {
        steps += 1;
        if work.exhausted() {
            break false;
        }
        if steps % 4096 == 0 {
            work.spend(64);
        }
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            (None, None) => break true,
            // One character, which in UTF-8 is a leading byte and its continuations.
            (Some(b'?'), Some(&c)) if c != b'*' => {
                p += 1;
                t += 1;
                while text.get(t).is_some_and(|b| b & 0xc0 == 0x80) {
                    t += 1;
                }
                continue;
            }
            (Some(&a), Some(&b)) if same(a, b) && b != b'*' => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        match star {
            Some((star_p, star_t)) if star_t < text.len() => {
                star = Some((star_p, star_t + 1));
                p = star_p + 1;
                t = star_t + 1;
            }
            _ => break false,
        }
    };
    work.spend(1 + steps % 4096 / 64);
    matched
}

/// Is there a text that both patterns match?
pub(crate) fn globs_meet(one: &str, other: &str, work: &Work) -> bool {
    if !has_wildcard(one) {
        return glob(other, one, work);
    }
    if !has_wildcard(other) {
        return glob(one, other, work);
    }
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    work.spend(1 + one.len() * other.len() / 64);
    // Which ends of `other` meet the rest of `one`, from its end to its beginning.
    let mut after = vec![false; other.len() + 1];
    for at in (0..=one.len()).rev() {
        let mut here = vec![false; other.len() + 1];
        for to in (0..=other.len()).rev() {
            here[to] = match (one.get(at), other.get(to)) {
                (None, None) => true,
                (Some('*'), Some('*')) => after[to] || here[to + 1],
                (Some('*'), None) => after[to],
                (Some('*'), Some(_)) => after[to] || here[to + 1],
                (None, Some('*')) => here[to + 1],
                (Some(_), Some('*')) => here[to + 1] || after[to],
                (Some(a), Some(b)) => (a == b || *a == '?' || *b == '?') && after[to + 1],
                (None, Some(_)) | (Some(_), None) => false,
            };
        }
        after = here;
    }
    after[0]
}

/// An ARN's six parts. The last keeps its colons.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
pub(crate) fn arn_parts(text: &str) -> Option<[&str; 6]> {
    let mut parts = text.splitn(6, ':');
    let all = [parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?];
    Some(all)
}

/// Part by part: a wildcard never crosses one of the first five colons.
pub(crate) fn arn(pattern: &str, text: &str, work: &Work) -> bool {
    match (arn_parts(pattern), arn_parts(text)) {
        (Some(pattern), Some(text)) => pattern.iter().zip(text).all(|(p, t)| glob(p, t, work)),
        // A lone `*` is accepted by AWS in place of an ARN.
        _ => pattern == "*" || pattern == text,
    }
}

/// Twelve digits.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(pattern: &str, text: &str) -> bool {
        glob(pattern, text, &Work::new())
    }

    #[test]
    fn wildcards_match_as_documented() {
        assert!(globs("a*c", "abbc") && globs("*", "") && globs("a?c", "aéc") && globs("a*", "a"));
        assert!(!globs("a?c", "ac") && !globs("a", "ab") && !globs("a*c", "abd") && !globs("", "a"));
        assert!(globs("*a*b", "xaxxab"));
    }

    #[test]
    fn a_pattern_covers_only_what_it_contains() {
        let p = |text: &'static str, manner| Pattern { text: text.into(), manner, loose: false };
        let work = Work::new();
        assert!(p("a*", Manner::Glob).covers(&p("ab*", Manner::Glob), &work));
        assert!(!p("a?", Manner::Glob).covers(&p("a*", Manner::Glob), &work));
        assert!(!p("ab*", Manner::Glob).covers(&p("a*", Manner::Glob), &work));
        assert!(!p("a**b", Manner::Glob).covers(&p("a*", Manner::Glob), &work));
        assert!(p("arn:*:s3:::*", Manner::Arn).covers(&p("arn:aws:s3:::b*", Manner::Arn), &work));
        // A string's wildcard in the last part stays there; one before it may cross colons.
        assert!(p("arn:*:s3:::*", Manner::Arn).covers(&p("arn:aws:s3:::b*", Manner::Glob), &work));
        assert!(!p("arn:*:s3:::*", Manner::Arn).covers(&p("arn:aws*:s3:::b", Manner::Glob), &work));
        assert!(!Pattern { loose: true, ..p("*", Manner::Glob) }.covers(&p("a", Manner::Exact), &work));
    }

    #[test]
    fn an_arns_wildcards_stay_in_their_part() {
        let work = Work::new();
        assert!(!arn("arn:aws:sns:*:t", "arn:aws:sns:eu-west-1:111122223333:t", &work));
        assert!(arn("arn:aws:sns:*:*:t", "arn:aws:sns:eu-west-1:111122223333:t", &work));
        assert!(arn("arn:aws:x:r:111122223333:a:*", "arn:aws:x:r:111122223333:a:b:c", &work));
    }

    #[test]
    fn two_patterns_meet_where_some_text_matches_both() {
        let meet = |a: &str, b: &str| {
            let (there, back) = (globs_meet(a, b, &Work::new()), globs_meet(b, a, &Work::new()));
            assert_eq!(there, back, "{a} {b}");
            there
        };
        assert!(
            meet("a*", "*b") && meet("a*c", "ab*") && meet("*", "?") && meet("a?c", "ab*") && meet("*", "")
        );
        assert!(meet("role/app-*", "role/*-dev") && meet("**", "*"));
        assert!(
            !meet("a*", "b*")
                && !meet("a?", "a")
                && !meet("a*b", "a*c")
                && !meet("?", "")
                && !meet("ab", "ac")
        );
    }

    #[test]
    fn slow_patterns_run_out_of_budget() {
        let work = Work::new();
        let (pattern, text) = (format!("*{}b", "a".repeat(20_000)), "a".repeat(60_000));
        assert!(!glob(&pattern, &text, &work));
        assert!(work.exhausted());
    }
}
