use proptest::prelude::*;
use serde_json::Value;

use super::*;
use given::{any_record, caller, space};

#[path = "split_given.rs"]
mod given;

/// What a text gave: source, name, time and id of each record, and how much else.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    records: Vec<(String, String, i64, Option<String>)>,
    offsets: Vec<u64>,
    faults: Vec<Fault>,
    summaries: usize,
    digests: usize,
}

impl Sink for Seen {
    fn record(&mut self, record: &TrailRecord<'_>) {
        let id = record.event_id().text().map(str::to_owned);
        let (source, name) = (record.event_source().into_owned(), record.event_name().into_owned());
        self.records.push((source, name, record.event_time(), id));
        self.offsets.push(record.offset());
    }
    fn summary(&mut self) {
        self.summaries += 1;
    }
    fn digest(&mut self) {
        self.digests += 1;
    }
    fn claim(&mut self) {}
    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }
}

fn read(text: impl AsRef<[u8]>) -> Seen {
    let mut seen = Seen::default();
    read_text(text.as_ref(), 0, &mut seen);
    seen
}

/// Needs only some of the records as a whole: those whose name has a length that is no multiple.
struct Passing {
    seen: Seen,
    every: usize,
}

impl Sink for Passing {
    fn record(&mut self, record: &TrailRecord<'_>) {
        self.seen.record(record);
    }
    fn may_pass_over(&self) -> bool {
        true
    }
    fn needs(&mut self, _: &[u8], name: &[u8]) -> bool {
        !name.len().is_multiple_of(self.every)
    }
    fn pass_over(&mut self, record: &TrailRecord<'_>) {
        assert!(record.event_name().len().is_multiple_of(self.every), "it was needed");
        self.seen.record(record);
    }
    fn summary(&mut self) {
        self.seen.summary();
    }
    fn digest(&mut self) {
        self.seen.digest();
    }
    fn claim(&mut self) {}
    fn fault(&mut self, fault: Fault) {
        self.seen.fault(fault);
    }
}

fn passing(text: impl AsRef<[u8]>, every: usize) -> Seen {
    let mut sink = Passing { seen: Seen::default(), every };
    read_text(text.as_ref(), 0, &mut sink);
    sink.seen
}

/// A record that is passed over shows no eventID.
fn without_ids(mut seen: Seen) -> Seen {
    seen.records.iter_mut().for_each(|record| record.3 = None);
    seen
}

fn record(name: &str) -> String {
    format!(
        r#"{{"eventSource":"s","eventName":"{name}","eventTime":"2025-03-01T00:00:00Z","eventID":"{name}"}}"#
    )
}

fn names(seen: &Seen) -> Vec<&str> {
    seen.records.iter().map(|record| record.1.as_str()).collect()
}

#[test]
fn what_is_passed_over_is_checked_as_strictly() {
    let known = r#""eventSource":"s","eventName":"AB","eventTime":"2025-03-01T00:00:00Z""#;
    let text = |first: &str| format!(r#"{{"Records":[{first},{}]}}"#, record("CD"));
    for broken in [
        format!(r#"{{{known},"x":{{"y":1,]]}}}}"#),
        format!(r#"{{{known},"x":{{"y":"}}}}"#),
        format!(r#"{{{known},"eventName":{{}}}}"#),
        format!(r#"{{{known},"eventName" :1}}"#),
        format!(r#"{{{known},"event\u004eame":1}}"#),
        format!(r#"{{{known},"x":"\u12"}}"#),
        format!("{{{known},\"x\":\"\n\"}}"),
        format!(r#"{{{known},"x":{{"y" 1}}}}"#),
        format!(r#"{{{known},"x":tru}}"#),
        format!(r#"{{{known},"resources":[{{"ARN":"a"}}[{{"ARN":"a"}}]}}"#),
        format!(r#"{{{known},"resources":[{{"ARN":"a"}}{{"ARN":"a"}}]}}"#),
        format!(r#"{{{known},"resources":[{{"ARN":"a"}},]}}"#),
        format!(r#"{{{known},"resources":[,{{"ARN":"a"}}]}}"#),
        format!(r#"{{{known},"resources":[{{"ARN":"a"}}}}"#),
        format!(r#"{{{known},"resources":[{{"ARN":"a","type"}}]}}"#),
        format!(r#"{{{known},"tlsDetails":{{"tlsVersion":"a",}}}}"#),
        format!(r#"{{{known},"tlsDetails":{{"tlsVersion":"a"]}}"#),
        format!(r#"{{{known},"additionalEventData":{{"a":{{]}}}}"#),
        format!(r#"{{{known},"requestParameters":{{"functionName":"f" "x":1}}}}"#),
        format!(r#"{{{known},"userIdentity":{{"type":"AssumedRole","inScopeOf":[tru]}}}}"#),
        r#"{"eventSource":"s","eventName":"AB","x":{"eventTime":"2025-03-01T00:00:00Z"}}"#.to_owned(),
    ] {
        let text = text(&broken);
        assert_eq!(without_ids(passing(&text, 2)), without_ids(read(&text)), "{text}");
        assert_eq!(names(&read(&text)), ["CD"], "{text}");
        assert!(!read(&text).faults.is_empty(), "{text}");
    }
}

#[test]
fn what_is_passed_over_is_utf8_wherever_it_is_a_text() {
    let known = r#""eventSource":"s","eventName":"AB","eventTime":"2025-03-01T00:00:00Z""#;
    for place in [
        r#""x?":1"#,
        r#""x":"?""#,
        r#""x":{"y?":1}"#,
        r#""x":{"y":["?"]}"#,
        r#""resources":[{"ARN?":"x"}]"#,
        r#""resources":[{"ARN":"a"},{"ARN":"?"}]"#,
        r#""requestParameters":{"y?":{}}"#,
        r#""requestParameters":{"y":{"z":"?"}}"#,
        r#""userIdentity":{"type?":"x"}"#,
        r#""userIdentity":{"type":"?"}"#,
        r#""userIdentity":{"sessionContext":{"x?":1}}"#,
    ] {
        let with = |letters: &[u8]| {
            let text = format!("{{\"Records\":[{},{{{known},{place}}},{}]}}", record("CD"), record("CD"));
            let (before, behind) = text.split_once('?').unwrap();
            [before.as_bytes(), letters, behind.as_bytes()].concat()
        };
        for every in [1, 2] {
            let letter = passing(with("\u{e9}".as_bytes()), every);
            assert_eq!((names(&letter), letter.faults.len()), (vec!["CD", "AB", "CD"], 0), "{place}");
            let text = with(b"\xff");
            let at = text.iter().position(|byte| *byte == 0xff).unwrap();
            let seen = passing(&text, every);
            assert_eq!(names(&seen), ["CD", "CD"], "{place}");
            assert_eq!(seen.faults, [Fault::text(at, FaultKind::NotUtf8)], "{place}");
        }
    }
}

/// Behind a key that is too long to be expected nothing stands as it does at an object's beginning.
#[test]
fn a_bracket_is_no_comma() {
    let long = "a".repeat(40);
    let first = record("first");
    let good = first.replacen('{', &format!("{{\"{long}\":1,"), 1);
    let bad = first.replacen('{', &format!("{{\"{long}\":1{{"), 1);
    assert!(parse_record(&good).is_ok() && parse_record(&bad).is_err());
    let seen = read(format!("[{first},{good},{good}]"));
    assert_eq!((names(&seen), seen.faults.len()), (vec!["first"; 3], 0));
    let seen = read(format!("[{first},{good},{bad},{first}]"));
    assert!(!seen.faults.is_empty(), "{:?}", names(&seen));
}

/// Asks every record for what it has of this.
struct Asking<F> {
    ask: F,
    answers: Vec<String>,
    faults: Vec<Fault>,
}

impl<F: Fn(&TrailRecord<'_>) -> String> Sink for Asking<F> {
    fn record(&mut self, record: &TrailRecord<'_>) {
        self.answers.push((self.ask)(record));
    }
    fn summary(&mut self) {}
    fn digest(&mut self) {}
    fn claim(&mut self) {}
    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }
}

fn asking(text: &str, ask: impl Fn(&TrailRecord<'_>) -> String) -> (Vec<String>, Vec<Fault>) {
    let mut asking = Asking { ask, answers: Vec::new(), faults: Vec::new() };
    read_text(text.as_bytes(), 0, &mut asking);
    (asking.answers, asking.faults)
}

/// Everything that can be asked of a record.
fn all(record: &TrailRecord<'_>) -> String {
    let identity = record.identity();
    let of_caller = (
        (identity.type_text(), identity.arn(), identity.principal_id(), identity.account()),
        (identity.access_key_id(), identity.user_name(), identity.invoked_by(), identity.identity_provider()),
        (identity.principal(), identity.session_name(), identity.direct(), identity.lambda_session()),
        (identity.session_created(), identity.source_identity(), identity.anonymous(), identity.kind()),
    );
    let texts = [
        record.event_id(),
        record.event_type(),
        record.event_category(),
        record.aws_region(),
        record.recipient_account_id(),
        record.source_ip_address(),
        record.user_agent(),
        record.error_code(),
        record.error_message(),
        record.request_id(),
        record.shared_event_id(),
        record.vpc_endpoint_id(),
        record.vpc_endpoint_account_id(),
    ];
    let flags = [record.read_only(), record.management_event(), record.session_credential_from_console()];
    let values = [
        record.user_identity(),
        record.request_parameters(),
        record.response_elements(),
        record.additional_event_data(),
        record.service_event_details(),
        record.resources(),
    ];
    format!("{of_caller:?} {texts:?} {flags:?} {values:?} {:?}", record.function())
}

#[test]
fn a_broken_record_costs_itself_only() {
    let (a, c) = (record("A"), record("C"));
    for broken in [
        r#"{"eventName":"B" "x":1}"#,
        r#"{"eventName":"B","x":tru}"#,
        r#"{"eventName":"B","x":{"y":[1,2}}"#,
        r#"{"eventName":"B","x":"no end}"#,
        r#"{"eventName":"B","x":"a"b"}"#,
        r#"{"eventName":"B","x":{"y":1}"#,
        r#"{"eventName":"B"}}"#,
        r#"{"eventName":"B",}"#,
        "{\"eventName\":\"B\",\"x\":\"\u{1}\"}",
        "{\"eventName\":\"B\",\"x\":\"\0\"}",
        r#"{"eventName":"B","x":"\q"}"#,
        "nonsense",
        "",
        "1",
        "null",
        "[]",
        "\"text\"",
        r#"{"eventName":"B"}"#,
        r#"{"eventSource":"s","eventName":7,"eventTime":"2025-03-01T00:00:00Z"}"#,
        r#"{"eventSource":"s","eventName":"B","eventTime":"yesterday"}"#,
        r#"{"CloudTrailEvent":"{"}"#,
        r#"{"CloudTrailEvent":"[]"}"#,
        r#"{"CloudTrailEvent":"{\"eventName\":\"B\"}"}"#,
    ] {
        for text in [
            format!("{{\"Records\":[{a},{broken},{c}]}}"),
            format!("[{a},\n {broken},\n {c}]"),
            format!("[{a},{broken} , {c}]"),
        ] {
            let seen = read(&text);
            assert_eq!(names(&seen), ["A", "C"], "{text}\n{:?}", seen.faults);
            assert!(!seen.faults.is_empty(), "{text}");
            let at = text.find(&a).unwrap() + a.len();
            let offset = seen.faults[0].offset as usize;
            // A missing quote is noticed behind the next one: `},{"` further on.
            assert!((at..=at + broken.len() + 6).contains(&offset), "{text}\n{:?}", seen.faults);
        }
    }
}

#[test]
fn a_broken_line_costs_itself_only() {
    let (a, c) = (record("A"), record("C"));
    for broken in [r#"{"eventName":"B""#, "text", "{", "\"", "]", r#"{"Records":[{"x":}]}"#, "1", "\0\0"] {
        for end in ["\n", "\r\n"] {
            let seen = read(format!("{a}{end}{broken}{end}{c}{end}"));
            assert_eq!(names(&seen), ["A", "C"], "{broken:?} {:?}", seen.faults);
            assert!(!seen.faults.is_empty(), "{broken}");
        }
    }
}

/// A file that was put together from two, of which one was written with white space.
#[test]
fn white_space_where_there_was_none_is_none_of_a_value() {
    let record = concat!(
        r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/alice"},"#,
        r#""eventTime":"2025-03-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"PutObject"}"#
    );
    let spaced = record.replace("\":", "\": ").replace(",\"", ", \"");
    let types = |text: &str| asking(text, |record| format!("{:?}", record.identity().type_text()));
    assert_eq!(
        types(&format!("[{record},{spaced}]")),
        (vec!["Known(\"IAMUser\")".to_owned(); 2], Vec::new())
    );
}

/// Behind lines of records another line may have records of its own, whatever else it has, and is none itself.
#[test]
fn a_line_with_records_is_no_record() {
    for key in ["Records", "Events", "Record\\u0073"] {
        let mut container = record("X");
        container.truncate(container.len() - 1);
        let text = format!(
            "{}\n{}\n{container},\"{key}\":[{}]}}\n{}",
            record("A"),
            record("B"),
            record("C"),
            record("D")
        );
        let seen = read(&text);
        assert_eq!((names(&seen), seen.faults.len()), (vec!["A", "B", "C", "D"], 0), "{key}");
        assert_eq!(without_ids(passing(&text, 1)), without_ids(seen), "{key}");
    }
}

#[test]
fn a_container_that_breaks_does_not_take_the_next_one_along() {
    let text = format!(
        "{{\"Records\":[{},{{\"x\":]}}\n{{\"Records\":[{},{}]}}",
        record("A"),
        record("B"),
        record("C")
    );
    assert_eq!(names(&read(text)), ["A", "B", "C"]);
}

#[test]
fn a_text_that_is_cut_keeps_what_stands_before() {
    let text = format!("{{\"Records\":[{},{},{}]}}", record("A"), record("B"), record("C"));
    for cut in 0..text.len() {
        let seen = read(&text[..cut]);
        let whole = text[..cut].matches("Z\",\"eventID\":\"").count();
        assert!(seen.records.len() <= whole, "{cut}");
        assert!(seen.records.len() + 1 >= whole, "{cut}: {:?}", seen.faults);
        assert_eq!(seen.faults.is_empty(), cut == 0, "{cut}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_named_and_cost_their_record_only() {
    let broken = b"{\"eventSource\":\"s\",\"eventName\":\"B\xff\",\"eventTime\":\"2025-03-01T00:00:00Z\"}";
    for join in ["\n", ","] {
        let (open, close) = if join == "," { ("[", "]") } else { ("", "") };
        let text = [
            open.as_bytes(),
            record("Ä").as_bytes(),
            join.as_bytes(),
            broken,
            join.as_bytes(),
            record("C").as_bytes(),
            close.as_bytes(),
        ]
        .concat();
        let seen = read(&text);
        assert_eq!(names(&seen), ["Ä", "C"], "{:?}", seen.faults);
        let at = text.iter().position(|byte| *byte == 0xff).unwrap();
        assert_eq!(seen.faults, [Fault::text(at, FaultKind::NotUtf8)]);
    }
}

#[test]
fn deep_nesting_is_a_fault_and_never_a_crash() {
    let deep = |levels: usize| format!("{{\"x\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    let seen = read(format!("[{},{},{}]", record("A"), deep(100_000), record("C")));
    assert_eq!(names(&seen), ["A", "C"]);
    assert_eq!(seen.faults.len(), 1);
    assert_eq!(seen.faults[0].kind, FaultKind::Json(JsonFault::TooDeep));
    read("[".repeat(3_000_000));
    read("{\"Records\":[".repeat(500_000));
    read("[{".repeat(500_000));
}

#[test]
fn hostile_texts_stay_linear() {
    // Each was quadratic in some obvious way of looking for the next record.
    let started = std::time::Instant::now();
    for text in [
        "{\"a\":1},".repeat(200_000),
        "[".to_owned() + &"{bad},".repeat(200_000),
        "[".to_owned() + &"{\"a\":\"},".repeat(200_000),
        "\n".repeat(2_000_000) + "x",
        "\n{".repeat(300_000),
        "x\n{\"".repeat(200_000),
        "[".to_owned() + &",{\"a\":[".repeat(200_000),
        "[".to_owned() + &"}{".repeat(300_000),
    ] {
        read(text);
    }
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn summaries_and_digests_are_told_apart_from_records() {
    let seen = read(
        r#"{"Records":[{"eventVersion":"1.09","eventTime":"2025-03-01T00:00:00Z","eventType":"AwsCloudTrailInsight","eventCategory":"Insight","insightDetails":{"eventSource":"lambda.amazonaws.com","eventName":"Invoke"}},
        {"eventVersion":"1.0","eventCategory":"Aggregated","eventType":"AwsAggregatedEvent","eventSource":"lambda.amazonaws.com"}]}"#,
    );
    assert_eq!((seen.summaries, seen.records.len(), seen.faults.len()), (2, 0, 0));
    let seen =
        read(r#"{"Events":[{"CloudTrailEvent":"{\"eventCategory\":\"Insight\",\"eventTime\":\"x\"}"}]}"#);
    assert_eq!((seen.summaries, seen.faults.len()), (1, 0));
    let digest = r#"{"awsAccountId":"111122223333","digestStartTime":"2025-03-01T00:00:00Z","digestS3Bucket":"b","logFiles":[]}"#;
    assert_eq!((read(digest).digests, read(digest).faults.len()), (1, 0));
}

/// The same by the plainest means: a whole `Value`, then its fields.
fn plain(record: &Value) -> Option<(String, String, i64, Option<String>)> {
    let string = |key: &str| record.get(key)?.as_str().map(str::to_owned);
    let time = crate::trail::parse_event_time(&string("eventTime")?)?;
    Some((string("eventSource")?, string("eventName")?, time, string("eventID")))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn agrees_with_a_plain_reader(records in prop::collection::vec(any_record(), 0..5), shape in 0..3) {
        let text = match shape {
            0 => format!("{{\"x\":[{{}}],\"Records\" : [{}]}}", records.join(" , ")),
            1 => format!("[{}]", records.join(",\n")),
            _ => format!("{{\"Records\":[{}]}}\n{{\"Records\":[]}}", records.join(",")),
        };
        let values: Vec<Value> = records.iter().map(|record| serde_json::from_str(record).unwrap()).collect();
        let wanted: Vec<_> = values.iter().filter_map(plain).collect();
        let seen = read(&text);
        prop_assert_eq!(seen.faults.len(), values.len() - wanted.len());
        prop_assert_eq!(&seen.records, &wanted);
        for every in [1, 2, 3] {
            prop_assert_eq!(without_ids(passing(&text, every)), without_ids(read(&text)));
        }
        for offset in seen.offsets {
            prop_assert_eq!(text.as_bytes()[offset as usize], b'{');
        }
    }

    /// Members of callers and nested values among them, keys with escapes, in any order and twice; records that are not
    /// like those before them.
    #[test]
    fn a_walk_finds_what_the_plain_scanner_finds(
        callers in prop::collection::vec(caller(), 1..6),
        others in prop::collection::vec(any_record(), 0..4),
        at in any::<prop::sample::Index>(), byte in any::<Option<u8>>(),
        order in any::<u64>(), space in space(),
    ) {
        let known = |(nth, caller): (usize, &String)| {
            let mut members = [
                format!("\"userIdentity\":{caller}"),
                "\"eventSource\":\"lambda.amazonaws.com\"".to_owned(),
                "\"eventName\":\"Invoke\"".to_owned(),
                "\"eventTime\":\"2025-03-01T00:00:00Z\"".to_owned(),
                format!("\"eventID\":\"{nth}\""),
            ];
            // Most are in the order of the one before.
            let turn = if order >> nth & 3 == 0 { nth % members.len() } else { 0 };
            members.rotate_left(turn);
            let record = format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")));
            // Some have white space where others have none. Without an escape there is no quote in a string.
            let colon = ["\":", "\": ", "\" : ", "\":\n\t"][(order.rotate_right(8) >> (2 * nth) & 3) as usize];
            if record.contains('\\') { record } else { record.replace("\":", colon) }
        };
        let mut records: Vec<String> = callers.iter().enumerate().map(known).chain(others).collect();
        if let Some(byte) = byte.filter(u8::is_ascii) {
            let changed = order as usize % records.len();
            let changed = &mut records[changed];
            let at = at.index(changed.len());
            if changed.is_char_boundary(at) && changed.is_char_boundary(at + 1) {
                changed.replace_range(at..=at, char::from(byte).encode_utf8(&mut [0; 4]));
            }
        }
        let whole: Vec<_> = records.iter().map(|record| parse_record(record)).collect();
        let text = format!("[{}]", records.join(","));
        let (answers, faults) = asking(&text, all);
        if whole.iter().all(Result::is_ok) {
            let wanted: Vec<String> = whole.iter().flatten().map(all).collect();
            prop_assert_eq!(&answers, &wanted, "{}", text);
            prop_assert!(faults.is_empty());
            // On lines: what each gives by itself, where some have records of their own.
            let each = records.iter().map(|record| asking(record, all));
            let (wanted, wrong): (Vec<_>, Vec<_>) = each.unzip();
            let (answers, faults) = asking(&records.join("\n"), all);
            prop_assert_eq!(answers, wanted.concat(), "{}", text);
            prop_assert_eq!(faults.len(), wrong.concat().len());
        } else {
            prop_assert!(!faults.is_empty(), "{}", text);
        }
    }

    #[test]
    fn lookup_strings_agree_with_the_record_itself(record in any_record()) {
        let text = format!("{{\"Events\":[{{\"CloudTrailEvent\":{}}}]}}", Value::String(record.clone()));
        let wanted = plain(&serde_json::from_str(&record).unwrap());
        prop_assert_eq!(read(text).records, wanted.into_iter().collect::<Vec<_>>());
    }

    /// Bytes that are not UTF-8 are faults where they stand, and nothing else comes of them; and a trail's own way of
    /// beginning a file is read like any other.
    #[test]
    fn changed_bytes_cost_the_same_however_a_file_is_read(
        records in prop::collection::vec(any_record(), 1..5),
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(b'"'), 0x80..=0xffu8]), 0..3),
        tail in prop_oneof![Just("}"), Just(" , \"x\":[\"\u{e9}\"]}"), Just(",\"Records\":[]}"), Just("]"), Just(",}"), Just("")],
    ) {
        const HEAD: &str = "{\"Records\":[";
        let mut text = format!("{HEAD}{}]{tail}", records.join(",")).into_bytes();
        for (at, byte) in changes {
            let at = HEAD.len() + at.index(text.len() - HEAD.len());
            text[at] = byte;
        }
        let seen = read(&text);
        let replaced = read(without_invalid(&text));
        prop_assert_eq!(&seen.records, &replaced.records);
        prop_assert_eq!(&seen.offsets, &replaced.offsets);
        let places = |seen: &Seen, more: u64| seen.faults.iter().map(|fault| fault.offset + more).collect::<Vec<_>>();
        prop_assert_eq!(places(&seen, 0), places(&replaced, 0));
        for every in [1, 2] {
            prop_assert_eq!(without_ids(passing(&text, every)), without_ids(read(&text)));
        }
        let mut spaced = text.clone();
        spaced.insert(1, b' ');
        let spaced = read(&spaced);
        prop_assert_eq!(&seen.records, &spaced.records);
        prop_assert_eq!(places(&seen, 1), places(&spaced, 0));
    }

    #[test]
    fn no_text_crashes_and_a_changed_byte_costs_little(
        at in any::<prop::sample::Index>(), byte in any::<u8>(), count in 1usize..8,
    ) {
        let list: Vec<_> = (0..count).map(|i| record(&format!("E{i}"))).collect();
        let mut text = format!("{{\"Records\":[{}]}}", list.join(",")).into_bytes();
        let at = at.index(text.len());
        text[at] = byte;
        let seen = read(&text);
        let head = "{\"Records\":[".len();
        // In the head or the tail a byte can take the list's meaning away; elsewhere at most its record and the next.
        if at >= head && at + 2 < text.len() {
            prop_assert!(seen.records.len() + 2 >= count, "{} {:?}", String::from_utf8_lossy(&text), seen.faults);
        }
        let lost = seen.records.len() < count;
        prop_assert!(!lost || !seen.faults.is_empty());
        // What is passed over tells no less.
        let passed = passing(&text, 1);
        prop_assert!(passed.records.len() >= seen.records.len(), "{}", String::from_utf8_lossy(&text));
        prop_assert!(passed.records.len() == count || !passed.faults.is_empty());
    }
}
