//! What the tests of the trail reader share.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

use std::io::Write;

use lambda_audit::trail::{
    FileOutcome, Options, RecordVisitor, TrailFileName, TrailRecord, parse_event_time, read_stream,
};

/// 2025-03-01T00:00:00Z
pub const BASE_TIME: i64 = 1_740_787_200;

/// What one file's records were.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Seen {
    pub names: Vec<String>,
    pub sources: Vec<String>,
    pub ids: Vec<Option<String>>,
    pub offsets: Vec<u64>,
    pub times: Vec<i64>,
}

/// Gathers every record's first look.
pub struct Collect;

impl RecordVisitor for Collect {
    type PerFile = Seen;
    type Kept = Seen;

    fn begin(&self, _: &str, _: Option<&TrailFileName>) -> Seen {
        Seen::default()
    }

    fn record(&self, seen: &mut Seen, record: &TrailRecord<'_>) {
        seen.names.push(record.event_name().into_owned());
        seen.sources.push(record.event_source().into_owned());
        seen.ids.push(record.event_id().text().map(str::to_owned));
        seen.offsets.push(record.offset());
        seen.times.push(record.event_time());
    }

    fn end(&self, seen: Seen, _: &FileOutcome) -> Seen {
        seen
    }
}

/// A record of `BASE_TIME` and some seconds.
pub fn record(name: &str, second: u32) -> String {
    let time = format!("2025-03-01T00:{:02}:{:02}Z", second / 60 % 60, second % 60);
    assert!(parse_event_time(&time).is_some());
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"IAMUser","principalId":"AIDAEXAMPLE1","arn":"arn:aws:iam::111122223333:user/alice","accountId":"111122223333"}},"eventTime":"{time}","eventSource":"lambda.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","requestParameters":{{"functionName":"f","note":"a \"quoted\" }},{{ brace"}},"responseElements":null,"eventID":"00000000-0000-4000-8000-{second:012}","recipientAccountId":"111122223333"}}"#
    )
}

pub fn read_bytes(bytes: &[u8]) -> (FileOutcome, Seen) {
    read_with(bytes, &Options::default())
}

pub fn read_with(bytes: &[u8], options: &Options) -> (FileOutcome, Seen) {
    read_stream("input", bytes, options, &Collect)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One gzip member for each piece of `size` bytes.
pub fn gzip_members(bytes: &[u8], size: usize) -> Vec<u8> {
    bytes.chunks(size).flat_map(gzip).collect()
}
