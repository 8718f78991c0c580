//! What becomes of each finding: waived, in the baseline, or new. Each is exactly one of these, so that the counts add
//! up. Pure.

use jiff::civil::Date;

use super::baseline::Baseline;
use super::waivers::Waiver;
use crate::facts::schema::Origin;
use crate::report::{BaselineUse, Finding, Triage, WaiverNote};

/// A baseline, and what of it counts.
#[derive(Debug, Clone, Copy)]
pub struct Known<'b> {
    pub baseline: &'b Baseline,
    /// The file it was read from.
    pub file: &'b str,
    /// Activity that is in the baseline is known too. Without it, activity always counts: that something happened
    /// before is no reason to accept that it happens again.
    pub activity: bool,
}

/// `1 finding`, `2 findings`.
fn findings(count: u64) -> String {
    if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") }
}

/// Applies the waivers that hold on `today`; tells of those that are over or match nothing.
pub fn waive(found: &mut [Finding], waivers: &[Waiver], today: Date, notices: &mut Vec<String>) {
    for waiver in waivers {
        let mut named = 0u64;
        for finding in found.iter_mut().filter(|one| waiver.names(&one.policy, one.subject.label())) {
            named += 1;
            if waiver.holds_on(today) {
                finding.triage = Triage::Waived;
                // Of several, the one that holds longest.
                let note = waiver.note();
                if finding.waiver.as_ref().is_none_or(|other| other.expires < note.expires) {
                    finding.waiver = Some(note);
                }
            }
        }
        if !waiver.holds_on(today) {
            let again = if named == 1 { "counts" } else { "count" };
            notices.push(format!(
                "the waiver of {} ({}) expired on {}: {} {again} again",
                waiver.text,
                waiver.owner,
                waiver.expires,
                findings(named)
            ));
        } else if named == 0 {
            notices.push(format!("the waiver of {} ({}) matches no finding", waiver.text, waiver.owner));
        }
    }
}

impl Waiver {
    fn note(&self) -> WaiverNote {
        WaiverNote {
            reason: self.reason.clone(),
            owner: self.owner.clone(),
            expires: self.expires.to_string(),
        }
    }
}

/// Marks what the baseline knows. A finding counts as new in spite of it if it has become graver, or if it is a change
/// that was made again since.
pub fn compare(
    found: &mut [Finding],
    known: Known<'_>,
    versions: &[(String, String)],
    notices: &mut Vec<String>,
) -> BaselineUse {
    let mut seen = 0;
    let mut graver = 0;
    let mut again = 0;
    for finding in found.iter_mut() {
        let Some(entry) = known.baseline.get(&finding.fingerprint) else { continue };
        seen += 1;
        if finding.triage == Triage::Waived {
            continue;
        }
        if finding.origins.contains(&Origin::Activity) && !known.activity {
            continue;
        }
        if finding.severity > entry.severity {
            graver += 1;
            continue;
        }
        let only_change = finding.origins.iter().all(|origin| *origin == Origin::Change);
        if only_change && finding.last > entry.last {
            again += 1;
            continue;
        }
        finding.triage = Triage::Baseline;
    }
    let entries = known.baseline.len() as u64;
    let stale = entries.saturating_sub(seen);
    if stale > 0 {
        notices.push(format!(
            "the baseline lists {} that this run did not find: write it anew when they are gone for good",
            findings(stale)
        ));
    }
    if graver > 0 {
        notices.push(format!("{} of the baseline became graver and counted as new", findings(graver)));
    }
    if again > 0 {
        notices.push(format!(
            "{} of the baseline: the change was made again and counts as new",
            findings(again)
        ));
    }
    let changed: Vec<&str> = versions
        .iter()
        .filter(|(id, version)| known.baseline.version_of(id).is_some_and(|old| old != version))
        .map(|(id, _)| id.as_str())
        .collect();
    if !changed.is_empty() {
        notices
            .push(format!("since the baseline was written these policies changed: {}", changed.join(", ")));
    }
    BaselineUse {
        file: known.file.to_owned(),
        generated_at: known.baseline.generated_at().to_owned(),
        tool: known.baseline.tool().to_owned(),
        entries,
        stale,
        activity: known.activity,
    }
}

#[cfg(test)]
mod tests {
    use wildmatch::WildMatch;

    use super::*;
    use crate::findings::baseline::{Baseline, Unfit};
    use crate::findings::sample::{finding, report};
    use crate::policy::Severity;

    const STATE: &[Origin] = &[Origin::State];
    const CHANGE: &[Origin] = &[Origin::Change];
    const ACTIVITY: &[Origin] = &[Origin::Activity];

    fn waiver(subject: &str, expires: &str) -> Waiver {
        Waiver {
            policy: WildMatch::new("p"),
            subject: WildMatch::new(subject),
            text: format!("p on {subject}"),
            reason: "known".to_owned(),
            owner: "web".to_owned(),
            expires: expires.parse().unwrap(),
        }
    }

    fn today() -> Date {
        "2026-11-20".parse().unwrap()
    }

    #[test]
    fn a_waiver_holds_for_a_whole_arn_until_it_is_over_and_is_told_when_it_matches_nothing() {
        let of = |waivers: &[Waiver]| {
            let mut found = vec![finding("a", Severity::High, STATE), finding("b", Severity::High, STATE)];
            let mut notices = Vec::new();
            waive(&mut found, waivers, today(), &mut notices);
            (found, notices)
        };
        let (found, notices) = of(&[waiver("arn:*:function:a", "2026-11-20")]);
        assert_eq!((found[0].triage, found[1].triage), (Triage::Waived, Triage::New));
        assert_eq!(found[0].waiver.as_ref().unwrap().owner, "web");
        assert!(notices.is_empty());
        // The name alone is not the ARN.
        let (found, notices) = of(&[waiver("a", "2027-01-01")]);
        assert_eq!(found[0].triage, Triage::New);
        assert_eq!(notices, ["the waiver of p on a (web) matches no finding"]);
        let (found, notices) = of(&[waiver("*", "2026-11-19")]);
        assert!(found.iter().all(|one| one.triage == Triage::New && one.waiver.is_none()));
        assert_eq!(notices, ["the waiver of p on * (web) expired on 2026-11-19: 2 findings count again"]);
        let (found, _) =
            of(&[waiver("*", "2026-12-01"), waiver("*", "2027-06-01"), waiver("*", "2027-01-01")]);
        assert_eq!(found[0].waiver.as_ref().unwrap().expires, "2027-06-01");
    }

    fn compared(
        base: &[(&str, Severity, &[Origin])],
        now: Vec<Finding>,
        activity: bool,
    ) -> (Vec<Finding>, BaselineUse, Vec<String>) {
        let before = base.iter().map(|(name, severity, origins)| finding(name, *severity, origins)).collect();
        let written = serde_json::to_string(&Baseline::of(&report(before)).unwrap()).unwrap();
        let baseline = Baseline::parse(&written).unwrap();
        let (mut now, mut notices) = (now, Vec::new());
        let used = compare(&mut now, Known { baseline: &baseline, file: "b", activity }, &[], &mut notices);
        (now, used, notices)
    }

    #[test]
    fn only_what_the_baseline_knows_as_it_is_counts_as_known() {
        use Severity::{High, Low};
        let base: &[(&str, Severity, &[Origin])] = &[
            ("a", High, STATE),
            ("c", High, CHANGE),
            ("x", High, ACTIVITY),
            ("grave", Low, STATE),
            ("gone", High, STATE),
        ];
        let mut again = finding("c", High, CHANGE);
        again.last = Some("2026-11-13T00:00:00Z".to_owned());
        let mut waived = finding("a", High, STATE);
        waived.triage = Triage::Waived;
        for (now, activity, expected) in [
            (finding("a", High, STATE), false, Triage::Baseline),
            (finding("a", Low, STATE), false, Triage::Baseline),
            (finding("b", High, STATE), false, Triage::New),
            (finding("grave", High, STATE), false, Triage::New),
            (finding("c", High, CHANGE), false, Triage::Baseline),
            (again.clone(), false, Triage::New),
            (finding("x", High, ACTIVITY), false, Triage::New),
            (finding("x", High, ACTIVITY), true, Triage::Baseline),
            (waived, false, Triage::Waived),
        ] {
            let (found, used, notices) = compared(base, vec![now], activity);
            assert_eq!(found[0].triage, expected, "{found:?}");
            let named = u64::from(found[0].fingerprint != "b");
            assert_eq!((used.entries, used.stale), (5, 5 - named));
            assert!(notices[0].contains("that this run did not find"), "{notices:?}");
        }
    }

    #[test]
    fn each_finding_is_one_thing_so_that_the_counts_add_up() {
        let names = ["a", "b", "c", "d", "e", "f"];
        // Each subset of findings in the baseline, each with every other one waived.
        for bits in 0..64u32 {
            let base: Vec<(&str, Severity, &[Origin])> = names
                .iter()
                .enumerate()
                .filter(|(at, _)| bits >> at & 1 == 1)
                .map(|(_, name)| (*name, Severity::High, STATE))
                .collect();
            let mut now: Vec<Finding> =
                names.iter().map(|name| finding(name, Severity::High, STATE)).collect();
            waive(&mut now, &[waiver("*:b", "2027-01-01")], today(), &mut Vec::new());
            let waived = now.iter().filter(|one| one.triage == Triage::Waived).count();
            let (found, used, _) = compared(&base, now, false);
            let count = |triage| found.iter().filter(|one| one.triage == triage).count();
            assert_eq!(count(Triage::Waived), waived);
            assert_eq!(count(Triage::New) + count(Triage::Baseline) + count(Triage::Waived), names.len());
            assert_eq!(used.stale, 0);
            assert_eq!(count(Triage::Baseline) + usize::from(bits >> 1 & 1 == 1), bits.count_ones() as usize);
        }
    }

    #[test]
    fn a_baseline_comes_from_a_complete_run_that_left_nothing_out_and_holds_nothing_waived() {
        let mut waived = finding("w", Severity::High, STATE);
        waived.triage = Triage::Waived;
        let whole = report(vec![finding("a", Severity::High, STATE), waived]);
        let baseline = Baseline::of(&whole).unwrap();
        assert!(baseline.get("a").is_some() && baseline.get("w").is_none());
        let unfit = |change: fn(&mut crate::report::Report)| {
            let mut run = whole.clone();
            change(&mut run);
            Baseline::of(&run).unwrap_err()
        };
        assert_eq!(unfit(|run| run.scope.nothing_read = true), Unfit::NothingRead);
        assert_eq!(
            unfit(|run| run.scope.filters = vec!["--policy x".to_owned()]),
            Unfit::Filtered("--policy x".to_owned())
        );
        assert_eq!(unfit(|run| run.scope.unknown_open = 2), Unfit::Incomplete { gaps: 0, unknown: 2 });
        assert_eq!(unfit(|run| run.scope.complete = false), Unfit::Incomplete { gaps: 0, unknown: 0 });
    }
}
