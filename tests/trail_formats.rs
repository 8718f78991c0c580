//! Every shape of trail text, plain and gzipped, gives the same records.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod trail_support;

use lambda_audit::trail::{FileKind, Status};
use trail_support::{gzip, gzip_members, read_bytes, record};

fn corpus() -> Vec<String> {
    (0..7).map(|i| record(&format!("Event{i}"), i)).collect()
}

/// Each shape's name and text.
fn shapes(records: &[String]) -> Vec<(&'static str, String)> {
    let entries: Vec<String> = records
        .iter()
        .map(|record| {
            let text = serde_json::to_string(record).unwrap();
            format!(r#"{{"EventId":"x","EventName":"Other","CloudTrailEvent":{text},"Resources":[]}}"#)
        })
        .collect();
    let pretty: serde_json::Value =
        serde_json::from_str(&format!("{{\"Records\":[{}]}}", records.join(","))).unwrap();
    let halves = records.split_at(3);
    vec![
        ("records", format!("{{\"Records\":[{}]}}", records.join(","))),
        ("pretty", serde_json::to_string_pretty(&pretty).unwrap()),
        ("array", format!("[{}]", records.join(",\n"))),
        ("lines", format!("{}\n", records.join("\n"))),
        ("lines without end", records.join("\n")),
        ("crlf lines", format!("{}\r\n", records.join("\r\n"))),
        ("blank lines", format!("\n\n{}\n\n", records.join("\n\n"))),
        ("lookup", format!("{{\"NextToken\":\"t\",\"Events\":[{}]}}", entries.join(", "))),
        (
            "lookup pages",
            format!(
                "{{\"Events\":[{}]}}\n{{\"Events\":[{}]}}",
                entries[..3].join(","),
                entries[3..].join(",")
            ),
        ),
        ("lookup events only", format!("[{}]", entries.join(","))),
        ("bom", format!("\u{feff}{{\"Records\":[{}]}}", records.join(","))),
        (
            "joined files",
            format!("{{\"Records\":[{}]}}{{\"Records\":[{}]}}", halves.0.join(","), halves.1.join(",")),
        ),
        (
            "containers on lines",
            format!("{{\"Records\":[{}]}}\n{{\"Records\":[{}]}}\n", halves.0.join(","), halves.1.join(",")),
        ),
        (
            "other members",
            format!("{{\"x\":{{\"Records\":[1]}},\"Records\":[{}],\"y\":\"}}\"}}", records.join(",")),
        ),
    ]
}

#[test]
fn every_shape_plain_gzipped_and_in_several_members_gives_the_same_records() {
    let records = corpus();
    let wanted: Vec<String> = (0..7).map(|i| format!("Event{i}")).collect();
    for (shape, text) in shapes(&records) {
        let bytes = text.into_bytes();
        let packed = [
            ("plain", bytes.clone()),
            ("gzip", gzip(&bytes)),
            ("members", gzip_members(&bytes, 97)),
            (
                "members of one byte",
                gzip_members(&bytes[..300], 1).into_iter().chain(gzip(&bytes[300..])).collect(),
            ),
            ("empty members", [gzip(b""), gzip(&bytes), gzip(b"")].concat()),
            ("padding", [gzip(&bytes), vec![0; 512]].concat()),
        ];
        for (packing, packed) in packed {
            let (outcome, seen) = read_bytes(&packed);
            assert_eq!(seen.names, wanted, "{shape} {packing} {:?}", outcome.faults);
            assert_eq!((outcome.kind, outcome.status), (FileKind::Trail, Status::Ok), "{shape} {packing}");
            assert_eq!(outcome.records, 7, "{shape} {packing}");
            assert_eq!(outcome.text_bytes, bytes.len() as u64, "{shape} {packing}");
            assert!(outcome.is_usable() && outcome.faults.is_empty());
        }
    }
}

#[test]
fn offsets_point_at_the_record_in_the_text() {
    let records = corpus();
    for (shape, text) in shapes(&records) {
        let (_, seen) = read_bytes(&gzip_members(text.as_bytes(), 500));
        for (offset, name) in seen.offsets.iter().zip(&seen.names) {
            let at = &text[*offset as usize..];
            let own = match shape.starts_with("lookup") {
                true => serde_json::Deserializer::from_str(at).into_iter::<String>().next().unwrap().unwrap(),
                false => at.to_owned(),
            };
            let value: serde_json::Value =
                serde_json::Deserializer::from_str(&own).into_iter().next().unwrap().unwrap();
            assert_eq!(value["eventName"], **name, "{shape}");
        }
    }
}

#[test]
fn a_valid_file_without_records_is_read() {
    for text in ["{\"Records\":[]}", "[]", "{\"Events\":[]}", " { \"Records\" : [ ] } \n"] {
        let (outcome, seen) = read_bytes(text.as_bytes());
        assert_eq!((outcome.kind, outcome.status), (FileKind::Trail, Status::Ok), "{text}");
        assert!(outcome.is_usable() && seen.names.is_empty());
    }
}

#[test]
fn the_times_of_a_file_are_those_of_its_records() {
    let (outcome, _) = read_bytes([record("A", 50), record("B", 3), record("C", 20)].join("\n").as_bytes());
    let base = trail_support::BASE_TIME;
    assert_eq!(outcome.times, Some((base + 3, base + 50)));
}

#[test]
fn a_name_quoted_in_another_records_text_or_members_is_not_taken() {
    let inner = serde_json::to_string(&record("Inner", 1)).unwrap();
    let outer = format!(
        r#"{{"requestParameters":{{"eventName":"Nested","eventSource":"nested","text":{inner},"Records":[{nested}]}},"eventTime":"2025-03-01T00:00:00Z","eventSource":"lambda.amazonaws.com","event\u004eame":"Outer","x":["eventName",":","Listed"]}}"#,
        nested = record("InList", 2),
    );
    for text in [outer.clone(), format!("{{\"Records\":[{outer}]}}"), format!("[{outer},{outer}]")] {
        let (outcome, seen) = read_bytes(text.as_bytes());
        assert_eq!(outcome.status, Status::Ok, "{:?}", outcome.faults);
        assert!(seen.names.iter().all(|name| name == "Outer") && !seen.names.is_empty());
    }
}

#[test]
fn of_duplicate_members_the_last_wins() {
    let text = r#"{"eventName":"A","eventTime":"2025-03-01T00:00:00Z","eventSource":"a","event\u004eame":"B","eventSource":"b"}"#;
    let (_, seen) = read_bytes(text.as_bytes());
    assert_eq!((seen.names, seen.sources), (vec!["B".to_owned()], vec!["b".to_owned()]));
}
