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
