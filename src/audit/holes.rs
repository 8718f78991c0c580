//! What is known to be missing between the trail files that were read.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::state::Hole;
use crate::trail::digest::{Findings, State};
use crate::trail::{FileKind, FileOutcome, LeftOut, Prune, Status};

/// A trail delivers a record within some minutes; a file's records are so much older than its name says, at most.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html>
const DELIVERY: i64 = 15 * 60;

/// One hole for every trail file that could not be read, or not in full: up to the next file of its account and
/// region, or to the end of time where there is none. A file whose name says nothing has no place in time; it is in
/// the coverage ledger all the same.
pub(super) fn holes(files: &[FileOutcome]) -> Vec<Hole> {
    let mut times: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
    let trails = || files.iter().filter_map(|file| Some((file, file.named.as_ref()?)));
    for (_, named) in trails().filter(|(_, named)| named.class == "CloudTrail") {
        times.entry((&named.account, &named.region)).or_default().push(named.time);
    }
    times.values_mut().for_each(|times| times.sort_unstable());
    let broken = |(file, named): (&FileOutcome, &crate::trail::TrailFileName)| {
        if file.status == Status::Ok || named.class != "CloudTrail" {
            return None;
        }
        let times = times.get(&(named.account.as_str(), named.region.as_str()))?;
        let next = times.get(times.partition_point(|time| *time <= named.time)).copied();
        Some(Hole {
            account: named.account.clone(),
            from: named.time.saturating_sub(DELIVERY),
            to: next.unwrap_or(i64::MAX),
        })
    };
    trails().filter_map(broken).collect()
}

/// One hole for every file that the digests show to be missing or not as it was delivered, and for time that they leave
/// out. What is only not verified was read: it is in the coverage ledger.
pub(super) fn of_digests(found: &Findings) -> Vec<Hole> {
    let gone = found.files.iter().filter_map(|file| {
        let gone = matches!(file.state, State::Missing | State::Altered(_) | State::Unsigned);
        let (from, to) = file.span.filter(|_| gone)?;
        let account = file.account.clone()?;
        Some(Hole { account, from: from.saturating_sub(DELIVERY), to })
    });
    let broken = found.breaks.iter().map(|broken| Hole {
        account: broken.account.clone(),
        from: broken.from.saturating_sub(DELIVERY),
        to: broken.to,
    });
    gone.chain(broken).collect()
}

/// What was left out is not missing of what is judged: histories do not reach there. Of changes it is not known what
/// they replaced or what became of them.
pub(super) fn of_left_out(files: &[FileOutcome], prune: &Prune) -> Vec<Hole> {
    let mut holes = BTreeSet::new();
    for file in files {
        let (FileKind::LeftOut(why), Some(named)) = (file.kind, &file.named) else { continue };
        let (from, to) = match why {
            LeftOut::Before => (i64::MIN, prune.from.map_or(i64::MAX, |from| from.saturating_sub(1))),
            LeftOut::After => (prune.to.unwrap_or(i64::MIN), i64::MAX),
            LeftOut::Account => (i64::MIN, i64::MAX),
            // No policy that is judged asks for other records, and changes are of one region.
            LeftOut::Region => continue,
        };
        holes.insert(Hole { account: named.account.clone(), from, to });
    }
    holes.into_iter().collect()
}

/// Was it not read, or not in full, and does its name not say of when its records are?
pub(super) fn is_unplaced(file: &FileOutcome) -> bool {
    let named = file.named.as_ref().is_some_and(|named| named.class == "CloudTrail");
    file.status != Status::Ok && !named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::{FileKind, TrailFileName};

    fn file(region: &str, clock: &str, status: Status) -> FileOutcome {
        let path = format!("111122223333_CloudTrail_{region}_20261101T{clock}Z_abcdefghijklmnop.json.gz");
        FileOutcome {
            named: TrailFileName::parse(&path),
            path,
            kind: FileKind::Trail,
            status,
            records: 0,
            summaries: 0,
            text_bytes: 0,
            times: None,
            faults: Vec::new(),
            fault_count: 0,
        }
    }

    #[test]
    fn a_hole_reaches_to_the_next_file_of_its_account_and_region() {
        let noon = TrailFileName::parse("111122223333_CloudTrail_x_20261101T1200Z_a").unwrap().time;
        let mut files = vec![
            file("eu-west-1", "1200", Status::Failed),
            file("us-east-1", "1205", Status::Ok),
            file("eu-west-1", "1210", Status::Ok),
            file("us-east-1", "1210", Status::Malformed),
        ];
        let hole = |from, to| Hole { account: "111122223333".to_owned(), from, to };
        let expected = [hole(noon - DELIVERY, noon + 600), hole(noon + 600 - DELIVERY, i64::MAX)];
        assert_eq!(holes(&files), expected);
        files.reverse();
        assert_eq!(holes(&files), [expected[1].clone(), expected[0].clone()]);
    }
}
