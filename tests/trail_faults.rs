//! Damaged, hostile and foreign input: the rest is read, and every fault names its byte.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod trail_support;

use lambda_audit::trail::{Fault, FaultKind, FileKind, ForeignWhy, JsonFault, Options, Status, Stream};
use trail_support::{gzip, gzip_members, read_bytes, read_with, record};

fn text_of(count: u32) -> String {
    let records: Vec<_> = (0..count).map(|i| record(&format!("Event{i}"), i)).collect();
    format!("{{\"Records\":[{}]}}", records.join(","))
}

#[test]
fn a_truncated_gzip_keeps_the_records_before_the_cut() {
    let text = text_of(3_000);
    for packed in [gzip(text.as_bytes()), gzip_members(text.as_bytes(), 100_000)] {
        let cut = &packed[..packed.len() * 2 / 3];
        let (outcome, seen) = read_bytes(cut);
        assert_eq!((outcome.kind, outcome.status), (FileKind::Trail, Status::Failed));
        assert!(outcome.records > 1_000 && outcome.records < 3_000, "{}", outcome.records);
        let wanted: Vec<_> = (0..outcome.records).map(|i| format!("Event{i}")).collect();
        assert_eq!(seen.names, wanted);
        let fault = &outcome.faults[0];
        assert_eq!((fault.stream, &fault.kind), (Stream::File, &FaultKind::GzipTruncated));
        assert!(fault.offset <= cut.len() as u64 && fault.offset + 70_000 > cut.len() as u64);
    }
}

#[test]
fn a_gzip_cut_in_its_trailer_is_still_truncated() {
    let packed = gzip(text_of(20).as_bytes());
    for cut in 1..=8 {
        let (outcome, seen) = read_bytes(&packed[..packed.len() - cut]);
        assert_eq!((outcome.status, seen.names.len()), (Status::Failed, 20), "{cut}");
        assert_eq!(outcome.faults[0].kind, FaultKind::GzipTruncated);
    }
}

#[test]
fn a_wrong_checksum_is_a_fault() {
    let mut packed = gzip(text_of(20).as_bytes());
    let at = packed.len() - 6;
    packed[at] ^= 1;
    let (outcome, seen) = read_bytes(&packed);
    assert_eq!((outcome.status, seen.names.len()), (Status::Failed, 20));
    assert_eq!(outcome.faults[0].kind, FaultKind::GzipCorrupt);
}

#[test]
fn garbage_behind_the_gzip_data_is_named_by_its_offset() {
    let packed = gzip(text_of(5).as_bytes());
    let (outcome, seen) = read_bytes(&[packed.clone(), b"garbage!".to_vec()].concat());
    assert_eq!((outcome.status, seen.names.len()), (Status::Failed, 5));
    let offset = packed.len() as u64;
    assert_eq!(outcome.faults, [Fault { offset, stream: Stream::File, kind: FaultKind::GzipTrailing }]);
}

#[test]
fn a_damaged_member_does_not_take_the_next_ones_along() {
    let second = text_of(4_000);
    let mut packed = [gzip(text_of(3).as_bytes()), gzip(second.as_bytes())].concat();
    let at = packed.len() / 2;
    packed[at..at + 32].fill(0);
    packed.extend(gzip(format!("{{\"Records\":[{}]}}", record("Last", 1)).as_bytes()));
    let (outcome, seen) = read_bytes(&packed);
    assert_eq!(outcome.status, Status::Failed);
    assert_eq!(seen.names[..3], ["Event0", "Event1", "Event2"]);
    assert_eq!(seen.names.last().unwrap(), "Last");
    assert!(outcome.faults.iter().any(|fault| fault.stream == Stream::File));
}

#[test]
fn a_bomb_stops_at_the_bound_and_says_so() {
    let limit = 1 << 20;
    let options = Options { max_file_bytes: limit, ..Options::default() };
    let bomb = format!("{{\"Records\":[{},{}", record("First", 0), " ".repeat(16 << 20));
    let packed = gzip(bomb.as_bytes());
    assert!(packed.len() < 50_000);
    for bytes in [packed, gzip_members(bomb.as_bytes(), 5 << 20), bomb.into_bytes()] {
        let (outcome, seen) = read_with(&bytes, &options);
        assert_eq!((outcome.kind, outcome.status), (FileKind::Trail, Status::Failed));
        assert_eq!((seen.names, outcome.text_bytes), (vec!["First".to_owned()], limit as u64));
        let fault = &outcome.faults[0];
        assert_eq!((fault.offset, &fault.kind), (limit as u64, &FaultKind::TooLarge { limit: limit as u64 }));
    }
}

#[test]
fn the_size_a_file_claims_is_not_believed() {
    let mut packed = gzip(text_of(5).as_bytes());
    let end = packed.len();
    packed[end - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
    let (outcome, seen) = read_bytes(&packed);
    assert_eq!((outcome.status, seen.names.len()), (Status::Failed, 5));
}

#[test]
fn invalid_json_in_the_middle_of_a_file() {
    let (a, b) = (record("A", 1), record("B", 2));
    let text = format!("{{\"Records\":[{a},{{\"eventName\":oops}},{b}]}}");
    let (outcome, seen) = read_bytes(text.as_bytes());
    assert_eq!((outcome.kind, outcome.status), (FileKind::Trail, Status::Malformed));
    assert_eq!(seen.names, ["A", "B"]);
    let offset = text.find("oops").unwrap() as u64;
    let kind = FaultKind::Json(JsonFault::Expected("a JSON value"));
    assert_eq!(outcome.faults, [Fault { offset, stream: Stream::Text, kind }]);
    assert_eq!(outcome.faults[0].to_string(), format!("invalid JSON: expected a JSON value (byte {offset})"));
}

#[test]
fn wrong_shapes_are_faults_that_name_themselves() {
    for (text, kinds) in [
        ("{\"Records\":{}}", vec![FaultKind::NotAnArray("Records")]),
        ("{\"Records\":null}", vec![FaultKind::NotAnArray("Records")]),
        ("{\"Records\":[1,\"x\",null,[]]}", vec![FaultKind::NotAnObject; 4]),
        ("{\"Records\":[{}]}", vec![FaultKind::Missing(vec!["eventSource", "eventName", "eventTime"])]),
        (
            "{\"Records\":[{\"eventSource\":\"s\",\"eventTime\":7}]}",
            vec![FaultKind::Missing(vec!["eventName", "eventTime"])],
        ),
    ] {
        let (outcome, _) = read_bytes(text.as_bytes());
        assert_eq!((outcome.kind, outcome.status), (FileKind::Trail, Status::Malformed), "{text}");
        assert_eq!(
            outcome.faults.iter().map(|fault| fault.kind.clone()).collect::<Vec<_>>(),
            kinds,
            "{text}"
        );
        assert!(!outcome.is_usable());
    }
}

#[test]
fn a_named_input_that_is_no_trail_is_a_fault() {
    for (bytes, why) in [
        (b"hello world".to_vec(), ForeignWhy::NotJson),
        (b"\x89PNG\r\n\x1a\n\0\0\0".to_vec(), ForeignWhy::NotJson),
        (b"{\"name\":\"package\"}".to_vec(), ForeignWhy::OtherJson),
        (b"[1,2,3]".to_vec(), ForeignWhy::OtherJson),
        (b"{\"Events\":7}".to_vec(), ForeignWhy::OtherJson),
        (b"\xff\xfe{\0\"\0".to_vec(), ForeignWhy::NotJson),
        (gzip(b"text"), ForeignWhy::NotJson),
    ] {
        let (outcome, _) = read_bytes(&bytes);
        assert_eq!((outcome.kind, outcome.status), (FileKind::Foreign(why), Status::Malformed));
        assert_eq!(outcome.faults[0].kind, FaultKind::NotATrail(why));
        assert!(!outcome.is_usable());
    }
}

#[test]
fn nothing_at_all_is_a_fault_not_an_empty_trail() {
    for bytes in [b"".to_vec(), b" \n\t\r\n".to_vec(), gzip(b""), gzip(b"\n"), b"\xef\xbb\xbf".to_vec()] {
        let (outcome, _) = read_bytes(&bytes);
        assert_eq!(outcome.status, Status::Malformed, "{bytes:?}");
        assert_eq!(outcome.faults[0].kind, FaultKind::Empty, "{bytes:?} {:?}", outcome.faults);
        assert!(!outcome.is_usable());
    }
}

#[test]
fn numbers_of_any_size_do_not_cost_a_record() {
    let text = format!(
        "{{\"Records\":[{}]}}",
        record("Big", 1).replace(
            "\"eventVersion\":\"1.11\"",
            "\"eventVersion\":1e99999,\"n\":123456789012345678901234567890"
        )
    );
    let (outcome, seen) = read_bytes(text.as_bytes());
    assert_eq!((outcome.status, seen.names), (Status::Ok, vec!["Big".to_owned()]));
}

#[test]
fn nul_bytes_and_deep_nesting_cost_their_record_only() {
    let deep = format!("{{\"x\":{}", "[".repeat(200_000));
    for (broken, separator) in [("\0\0\0\0", "\n"), ("{\"x\":\"\0\"}", ","), (deep.as_str(), "\n")] {
        let list = [record("A", 1), broken.to_owned(), record("B", 2)].join(separator);
        let text = if separator == "," { format!("[{list}]") } else { list };
        let (outcome, seen) = read_bytes(text.as_bytes());
        assert_eq!((outcome.status, seen.names), (Status::Malformed, vec!["A".to_owned(), "B".to_owned()]));
    }
}

#[test]
fn of_very_many_faults_some_are_kept_and_all_counted() {
    let (outcome, _) = read_bytes(format!("{{\"Records\":[{}0]}}", "0,".repeat(9_999)).as_bytes());
    assert_eq!(outcome.fault_count, 10_000);
    assert_eq!(outcome.faults.len(), lambda_audit::trail::FileOutcome::MAX_FAULTS);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// A few changed, lost or added bytes of a compressed file: never a crash, and never a lost or altered record
    /// without a fault of the bytes. (Damage may show only in the checksum behind the data: what came out before it
    /// is given, and the file's status says that it cannot be relied on.)
    #[test]
    fn a_damaged_file_never_passes_for_a_whole_one(
        changes in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0u8..3, proptest::prelude::any::<u8>()), 1..4),
        members in proptest::prelude::any::<bool>(),
    ) {
        let text = text_of(30);
        let mut packed = if members { gzip_members(text.as_bytes(), 3_000) } else { gzip(text.as_bytes()) };
        for (at, change, byte) in changes {
            let at = at.index(packed.len());
            match change {
                0 => packed[at] = byte,
                1 => { packed.remove(at); }
                _ => packed.insert(at, byte),
            }
        }
        let (outcome, seen) = read_bytes(&packed);
        let wanted: Vec<_> = (0..30).map(|i| format!("Event{i}")).collect();
        if seen.names == wanted {
            return Ok(());
        }
        // The first bytes gone, it is no gzip at all; else the compressed data itself is at fault.
        let still_gzip = packed.starts_with(&[0x1f, 0x8b, 0x08]);
        proptest::prop_assert_eq!(outcome.status, if still_gzip { Status::Failed } else { Status::Malformed });
        proptest::prop_assert!(!outcome.faults.is_empty());
    }
}
