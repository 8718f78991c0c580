//! The gate: from triaged findings and coverage to the exit code. One function, the same for every output format.

use crate::policy::Severity;

/// What the run was asked to fail on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// The least severity that fails the gate.
    pub fail_on: Severity,
    /// Findings do not fail the gate.
    pub exit_zero: bool,
    /// What was not read does not fail the gate.
    pub allow_incomplete: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    Passed,
    Failed,
    /// Usage, configuration, policy or waiver error, or nothing usable read.
    Unusable,
    /// The gate passed, but something in scope was not fully read or judged.
    Incomplete,
}

impl Exit {
    pub const fn code(self) -> u8 {
        match self {
            Exit::Passed => 0,
            Exit::Failed => 1,
            Exit::Unusable => 2,
            Exit::Incomplete => 3,
        }
    }
}

/// What a run found, as far as the gate cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The gravest finding that counts as new.
    pub gravest: Option<Severity>,
    /// Something in scope was tried and not fully read, or judged unknown, and is not an accepted gap.
    pub incomplete: bool,
    /// Nothing usable was read.
    pub nothing_read: bool,
}

/// The exit code: first 2, then 1, then 3, then 0.
pub fn gate(outcome: Outcome, thresholds: &Thresholds) -> Exit {
    let failed = outcome.gravest.is_some_and(|severity| severity >= thresholds.fail_on);
    if outcome.nothing_read {
        Exit::Unusable
    } else if failed && !thresholds.exit_zero {
        Exit::Failed
    } else if outcome.incomplete && !thresholds.allow_incomplete {
        Exit::Incomplete
    } else {
        Exit::Passed
    }
}

/// The exit of a run that was saved with this exit code, with what is allowed now. A run that failed may besides have
/// been incomplete. `None`: no exit code of this program.
pub fn again(code: u8, complete: bool, thresholds: &Thresholds) -> Option<Exit> {
    let saved = match code {
        0 => Exit::Passed,
        1 => Exit::Failed,
        2 => Exit::Unusable,
        3 => Exit::Incomplete,
        _ => return None,
    };
    let passed = if complete || thresholds.allow_incomplete { Exit::Passed } else { Exit::Incomplete };
    Some(match saved {
        Exit::Failed if thresholds.exit_zero => passed,
        Exit::Incomplete if thresholds.allow_incomplete => Exit::Passed,
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_unusable_failed_incomplete_passed() {
        let plain = Thresholds { fail_on: Severity::High, exit_zero: false, allow_incomplete: false };
        let lax = Thresholds { exit_zero: true, allow_incomplete: true, ..plain.clone() };
        let zero = Thresholds { exit_zero: true, ..plain.clone() };
        for (gravest, incomplete, nothing_read, expected, expected_zero, expected_lax) in [
            (None, false, false, 0, 0, 0),
            (Some(Severity::Medium), false, false, 0, 0, 0),
            (Some(Severity::High), false, false, 1, 0, 0),
            (Some(Severity::Critical), true, false, 1, 3, 0),
            (None, true, false, 3, 3, 0),
            (Some(Severity::High), true, true, 2, 2, 2),
        ] {
            let outcome = Outcome { gravest, incomplete, nothing_read };
            assert_eq!(gate(outcome, &plain).code(), expected, "{outcome:?}");
            assert_eq!(gate(outcome, &zero).code(), expected_zero, "{outcome:?} --exit-zero");
            assert_eq!(
                gate(outcome, &lax).code(),
                expected_lax,
                "{outcome:?} --exit-zero --allow-incomplete"
            );
        }
    }
    #[test]
    fn a_saved_run_ends_as_it_did_but_for_what_is_allowed_now() {
        let of =
            |exit_zero, allow_incomplete| Thresholds { fail_on: Severity::High, exit_zero, allow_incomplete };
        for (code, complete, zero, allow, expected) in [
            (0, true, false, false, Some(0)),
            // A demo: it exits 0 although not everything was read.
            (0, false, false, false, Some(0)),
            (1, true, false, false, Some(1)),
            (1, true, true, false, Some(0)),
            (1, false, true, false, Some(3)),
            (1, false, true, true, Some(0)),
            (1, false, false, true, Some(1)),
            (2, false, true, true, Some(2)),
            (3, false, true, false, Some(3)),
            (3, false, false, true, Some(0)),
            (9, true, true, true, None),
        ] {
            assert_eq!(
                again(code, complete, &of(zero, allow)).map(Exit::code),
                expected,
                "{code} {complete}"
            );
        }
    }
}
