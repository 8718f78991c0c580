//! Invariant 4 on the whole product: whatever of a complete input is then not read (denied, throttled, failed, never
//! collected), nothing that failed may pass in silence. For each policy and subject that fails in the complete run,
//! the degraded run either still reports it or has that policy unknown; and a run that lost something it had set out
//! to read never exits 0.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use lambda_audit::audit::{Audit, TrailInput};
use lambda_audit::findings::gate::Exit;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::{Library, STORIES, Story, failing, memory};

/// What becomes of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    Denied,
    Throttled,
    Failed,
    Malformed,
    /// The line is missing, and the closing line still counts it.
    Dropped,
    /// The line is cut in the middle.
    Cut,
}

fn loss() -> impl Strategy<Value = Loss> {
    prop::sample::select(vec![
        Loss::Denied,
        Loss::Throttled,
        Loss::Failed,
        Loss::Malformed,
        Loss::Dropped,
        Loss::Cut,
    ])
}

/// The line of a part after its loss.
fn lost(line: &str, loss: Loss) -> Option<String> {
    let mut part: Json = serde_json::from_str(line).unwrap();
    let outcome = match loss {
        Loss::Denied => json!({"status": "denied", "permission": part["api"]}),
        Loss::Throttled => json!({"status": "throttled"}),
        Loss::Failed => json!({"status": "failed", "message": "connection reset"}),
        Loss::Malformed => json!({"status": "malformed"}),
        Loss::Dropped => return None,
        Loss::Cut => {
            let middle = (line.len() / 2..).find(|at| line.is_char_boundary(*at)).unwrap();
            return Some(line[..middle].to_owned());
        }
    };
    part["outcome"] = outcome;
    part.as_object_mut().unwrap().remove("data");
    Some(part.to_string())
}

/// The snapshot's lines, some of them lost. Header and closing line stay. A list whose page was refused has no pages
/// after it: nobody had the token to ask for them.
fn degraded(whole: &Whole, losses: &BTreeMap<usize, Loss>) -> String {
    let mut out = String::new();
    let never_asked = |at: usize| {
        let page = whole.pages.iter().find(|pages| pages.contains(&at));
        page.into_iter()
            .flatten()
            .filter(|page| **page < at)
            .any(|page| losses.get(page).is_some_and(|loss| !matches!(loss, Loss::Dropped | Loss::Cut)))
    };
    for (at, line) in whole.lines.iter().enumerate() {
        if never_asked(at) {
            continue;
        }
        let line = match losses.get(&at) {
            Some(loss) => lost(line, *loss),
            None => Some(line.clone()),
        };
        if let Some(line) = line {
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

struct Whole {
    story: Story,
    lines: Vec<String>,
    /// Lines of parts that were read.
    parts: Vec<usize>,
    /// Lines of lists that came in several pages.
    pages: Vec<Vec<usize>>,
    failing: BTreeMap<String, BTreeSet<String>>,
}

impl Whole {
    fn read(library: &Library, name: &str, trail: TrailInput) -> Self {
        let story = Story::read(name);
        let lines: Vec<String> = story.snapshot.lines().map(str::to_owned).collect();
        let (mut parts, mut calls) = (Vec::new(), BTreeMap::<String, Vec<usize>>::new());
        for (at, line) in lines.iter().enumerate() {
            let value: Json = serde_json::from_str(line).unwrap();
            if value["type"] == "part" && value["outcome"]["status"] == "ok" {
                parts.push(at);
                let call = ["account", "region", "api", "resource"].map(|key| value[key].to_string());
                calls.entry(call.join(" ")).or_default().push(at);
            }
        }
        let pages = calls.into_values().filter(|lines| lines.len() > 1).collect();
        let failing = failing(&library.audit(Some(story.snapshot_input()), trail));
        Whole { story, lines, parts, pages, failing }
    }
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| Library::new(""));
/// The demo without its trail: what fails, fails by the snapshot alone, and a case takes a moment.
static DEMO: LazyLock<Whole> = LazyLock::new(|| Whole::read(&LIBRARY, "demo", TrailInput::None));
static CLEAN: LazyLock<Whole> = LazyLock::new(|| Whole::read(&LIBRARY, "clean", TrailInput::None));
static ORGANIZATION: LazyLock<Whole> =
    LazyLock::new(|| Whole::read(&LIBRARY, "organization", TrailInput::None));

fn unknown_of(audit: &Audit, policy: &str) -> u64 {
    audit.report.coverage.policies.iter().find(|row| row.policy == policy).map_or(0, |row| row.unknown)
}

/// Every (policy, subject) that failed before fails now or has its policy unknown.
fn nothing_passes_in_silence(
    before: &BTreeMap<String, BTreeSet<String>>,
    after: &Audit,
) -> Result<(), String> {
    let now = failing(after);
    for (policy, subjects) in before {
        for subject in subjects {
            let still = now.get(policy).is_some_and(|subjects| subjects.contains(subject));
            if !still && unknown_of(after, policy) == 0 {
                return Err(format!("{policy} was silent about {subject}"));
            }
        }
    }
    Ok(())
}

/// What was not read is no finding: no policy fails on a subject that passed with everything read.
fn nothing_new_fails(before: &BTreeMap<String, BTreeSet<String>>, after: &Audit) -> Result<(), String> {
    for (policy, subjects) in failing(after) {
        if let Some(subject) =
            subjects.iter().find(|one| !before.get(&policy).is_some_and(|all| all.contains(*one)))
        {
            return Err(format!("{policy} fails on {subject} only because something was not read"));
        }
    }
    Ok(())
}

/// The unknown judgements of a policy say what they miss and why, and the gate does not pass.
fn is_honest(audit: &Audit) -> Result<(), String> {
    let open = audit.report.coverage.read.iter().filter(|row| row.is_gap()).count();
    if open == 0 {
        return Err("nothing in the ledger says that something was not read".to_owned());
    }
    if matches!(audit.exit, Exit::Passed) {
        return Err(format!("exit 0: {}", audit.report.summary.verdict));
    }
    for row in &audit.report.coverage.policies {
        if (row.unknown > 0) == row.why.is_empty() {
            return Err(format!("{}: {} unknown, because {:?}", row.policy, row.unknown, row.why));
        }
    }
    Ok(())
}

fn holds(whole: &Whole, losses: &BTreeMap<usize, Loss>) -> Result<(), TestCaseError> {
    let audit = LIBRARY.audit(Some(memory(&degraded(whole, losses))), TrailInput::None);
    let shown = || {
        let lost: Vec<String> = losses
            .iter()
            .map(|(at, loss)| {
                let part: Json = serde_json::from_str(&whole.lines[*at]).unwrap();
                format!("{loss:?} {} {} {}", part["api"], part["region"], part["resource"])
            })
            .collect();
        format!("{} without\n{}", whole.story.name, lost.join("\n"))
    };
    // A page that is missing from the file among others cannot be told by its list: what says so is the line that
    // does not parse, or the closing line's count.
    let page_gone = losses.iter().any(|(at, loss)| {
        matches!(loss, Loss::Dropped | Loss::Cut) && whole.pages.iter().flatten().any(|page| page == at)
    });
    // An account's own organization is no stranger where it is known; where nobody could read it, its members are.
    let stranger =
        losses.keys().any(|at| whole.lines[*at].contains("\"organizations:DescribeOrganization\""));
    let said = audit.report.coverage.read.iter().any(|row| row.surface == "snapshot" && row.is_gap());
    nothing_passes_in_silence(&whole.failing, &audit)
        .or_else(|silent| if page_gone && said { Ok(()) } else { Err(silent) })
        .and_then(|()| if stranger { Ok(()) } else { nothing_new_fails(&whole.failing, &audit) })
        .and_then(|()| is_honest(&audit))
        .map_err(|error| TestCaseError::fail(format!("{error}\n{}", shown())))
}

fn losses(whole: &Whole) -> impl Strategy<Value = BTreeMap<usize, Loss>> + use<> {
    let parts = whole.parts.clone();
    // A few, or many: each alone, and what they do to each other.
    prop_oneof![
        prop::collection::btree_map(prop::sample::select(parts.clone()), loss(), 1..4),
        prop::collection::btree_map(prop::sample::select(parts.clone()), loss(), 1..(parts.len() / 2).max(2)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_finding_of_the_demo_is_lost_in_silence(losses in losses(&DEMO)) {
        holds(&DEMO, &losses)?;
    }

    #[test]
    fn no_finding_of_the_organization_is_lost_in_silence(losses in losses(&ORGANIZATION)) {
        holds(&ORGANIZATION, &losses)?;
    }

    #[test]
    fn a_clean_account_that_was_not_read_whole_does_not_pass(losses in losses(&CLEAN)) {
        holds(&CLEAN, &losses)?;
    }
}

/// Each part of the demo alone, refused and dropped: not left to chance.
#[test]
fn each_part_alone_is_missed() {
    let wrong_of = |loss: Loss| -> Vec<String> {
        let wrong = DEMO.parts.iter().filter_map(|part| holds(&DEMO, &BTreeMap::from([(*part, loss)])).err());
        wrong.map(|error| error.to_string()).collect()
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let wrong_of = &wrong_of;
        let runs = [Loss::Denied, Loss::Dropped].map(|loss| scope.spawn(move || wrong_of(loss)));
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of them\n{}", wrong.len(), wrong.join("\n"));
    assert!(!DEMO.pages.is_empty(), "no list of the demo has a second page");
}

/// An API that was refused everywhere, or that nobody asked: as an auditor's missing permission does it.
#[test]
fn an_api_that_was_never_readable_is_missed() {
    let mut wrong = Vec::new();
    for whole in [&*DEMO, &*ORGANIZATION, &*CLEAN] {
        let mut by_api: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for at in &whole.parts {
            let part: Json = serde_json::from_str(&whole.lines[*at]).unwrap();
            by_api.entry(support::text(&part["api"])).or_default().push(*at);
        }
        assert!(by_api.len() >= 10, "{:?}", by_api.keys());
        for lines in by_api.values() {
            for loss in [Loss::Denied, Loss::Throttled, Loss::Malformed, Loss::Dropped, Loss::Cut] {
                let losses = lines.iter().map(|at| (*at, loss)).collect();
                if let Err(error) = holds(whole, &losses) {
                    wrong.push(error.to_string());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them\n{}", wrong.len(), wrong.join("\n"));
}

/// A collection that stopped: the file ends anywhere, and no closing line comes.
#[test]
fn a_snapshot_that_stops_anywhere_is_incomplete() {
    for keep in (1..DEMO.lines.len()).step_by(7) {
        let text = DEMO.lines[..keep].join("\n") + "\n";
        let audit = LIBRARY.audit(Some(memory(&text)), TrailInput::None);
        nothing_passes_in_silence(&DEMO.failing, &audit)
            .and_then(|()| is_honest(&audit))
            .unwrap_or_else(|error| panic!("{keep} lines: {error}"));
    }
}

/// The stories that say what was refused: making the rest of them unreadable too hides nothing either.
#[test]
fn losing_more_never_ends_better() {
    for name in STORIES {
        let story = Story::read(name);
        let whole = Whole::read(&LIBRARY, name, story.trail_input());
        for modulus in [2, 3, 5] {
            let losses =
                whole.parts.iter().filter(|at| *at % modulus == 0).map(|at| (*at, Loss::Denied)).collect();
            let audit = LIBRARY.audit(Some(memory(&degraded(&whole, &losses))), story.trail_input());
            nothing_passes_in_silence(&whole.failing, &audit)
                .and_then(|()| is_honest(&audit))
                .unwrap_or_else(|error| panic!("{name}, each {modulus}th part: {error}"));
        }
    }
}

/// Records that were not delivered whole: what a file loses is in the ledger, and the rest is judged.
#[test]
fn a_damaged_trail_file_never_ends_in_0() {
    let story = Story::read("clean");
    for (at, (name, bytes)) in story.trail.iter().enumerate() {
        for keep in [bytes.len() - 1, bytes.len() / 2, bytes.len() / 10, 3] {
            let mut trail = story.trail.clone();
            trail[at] = (name.clone(), Arc::from(&bytes[..keep]));
            let audit = LIBRARY.audit(Some(story.snapshot_input()), TrailInput::Memory(trail));
            is_honest(&audit).unwrap_or_else(|error| panic!("{keep} bytes of {name}: {error}"));
            let row =
                audit.report.coverage.read.iter().find(|row| row.surface == "trail" && row.is_gap()).unwrap();
            assert_eq!(row.source.as_deref(), Some(name.as_str()));
            assert!(row.detail.as_deref().unwrap().contains("byte"), "{row:?}");
        }
    }
}

/// The check itself can fail: a run that drops a finding and says nothing of it is seen.
#[test]
fn the_check_notices_a_silent_pass() {
    let mut audit = LIBRARY.audit(Some(DEMO.story.snapshot_input()), TrailInput::None);
    assert!(nothing_passes_in_silence(&DEMO.failing, &audit).is_ok());
    assert!(is_honest(&audit).is_err(), "nothing was lost here");
    let gone = audit.report.findings.remove(0);
    let policy = gone.policy.clone();
    assert!(nothing_passes_in_silence(&DEMO.failing, &audit).unwrap_err().contains(&policy));
    audit.report.coverage.policies.iter_mut().find(|row| row.policy == policy).unwrap().unknown = 1;
    assert!(nothing_passes_in_silence(&DEMO.failing, &audit).is_ok(), "said to be unknown");
}
