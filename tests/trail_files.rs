//! Files and directories: every name has an outcome, and the order changes nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod trail_support;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use lambda_audit::trail::{FaultKind, FileKind, FileOutcome, ForeignWhy, Options, Status, read_inputs};
use trail_support::{Collect, Seen, gzip, record};

/// A directory that is removed at the end of its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lambda-audit-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(inputs: &[PathBuf], threads: usize) -> Vec<(FileOutcome, Seen)> {
    read_inputs(inputs, &Options { threads: NonZeroUsize::new(threads), ..Options::default() }, &Collect)
}

fn find<'o>(all: &'o [(FileOutcome, Seen)], end: &str) -> &'o FileOutcome {
    let mut found = all.iter().map(|(outcome, _)| outcome).filter(|outcome| outcome.path.ends_with(end));
    let outcome = found.next().unwrap_or_else(|| panic!("no outcome for {end}"));
    assert!(found.next().is_none(), "two outcomes for {end}");
    outcome
}

fn trail(names: &[&str]) -> String {
    let records: Vec<_> = names.iter().map(|name| record(name, 1)).collect();
    format!("{{\"Records\":[{}]}}", records.join(","))
}

const DIGEST: &str = r#"{"awsAccountId":"111122223333","digestStartTime":"2025-03-01T00:00:00Z","digestEndTime":"2025-03-01T01:00:00Z","digestS3Bucket":"logs","logFiles":[]}"#;
const NAME: &str = "111122223333_CloudTrail_us-east-1_20250301T0005Z_AbCdEfGh";

fn populated(name: &str) -> Folder {
    let folder = Folder::new(name);
    let day = "AWSLogs/o-exampleorg1/111122223333/CloudTrail/us-east-1/2025/03/01";
    folder.file(&format!("{day}/{NAME}1.json.gz"), gzip(trail(&["A", "B"]).as_bytes()));
    folder.file(&format!("{day}/{NAME}2.json.gz"), &gzip(trail(&["Lost"]).as_bytes())[..40]);
    folder.file(&format!("{day}/{NAME}3.json.gz"), b"not gzip, but named like a trail");
    folder.file(&format!("{day}/{NAME}4.json"), b"");
    folder.file(
        "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2025/03/01/111122223333_CloudTrail-Digest_us-east-1_t_us-east-1_20250301T010203Z.json.gz",
        gzip(DIGEST.as_bytes()),
    );
    folder.file("lines.jsonl", [record("C", 2), record("D", 3)].join("\n"));
    folder.file("notes/README.md", "# Trail files\n\n`\"eventSource\"` is the service.");
    folder.file("notes/package.json", "{\"name\":\"x\"}");
    folder.file("notes/tsconfig.json", "{ // a comment\n}");
    folder.file("notes/list.json", "[{\"a\":1},{\"a\":2}]");
    folder.file("notes/broken.json", "{\"x\": {\"eventSource\":\"s\", ");
    folder.file("notes/partial.json", "{\"eventSource\":\"s\",\"eventName\":\"n\"}");
    folder.file("notes/calendar.jsonl", "{\"eventName\":\"a\",\"eventTime\":\"2025-03-01T00:00:00Z\"}\n");
    folder.file("notes/log.json", format!("prefix {}", record("Lost", 1)));
    folder.file("notes/wide.json", b"\xff\xfe{\0}\0");
    folder.file("notes/picture.png", b"\x89PNG\r\n\x1a\n\0");
    folder.file("notes/empty", b"");
    folder.file("notes/damaged.gz", &gzip(&[b'x'; 1000])[..20]);
    folder.file("zero.json", "{\"Records\":[]}");
    folder
}

#[test]
fn a_directory_is_walked_and_each_name_judged() {
    let folder = populated("walk");
    let all = read(std::slice::from_ref(&folder.0), 2);
    assert_eq!(all.len(), 19);
    for (end, kind, status, records) in [
        ("AbCdEfGh1.json.gz", FileKind::Trail, Status::Ok, 2),
        ("AbCdEfGh3.json.gz", FileKind::Foreign(ForeignWhy::NotJson), Status::Malformed, 0),
        ("AbCdEfGh4.json", FileKind::Unknown, Status::Malformed, 0),
        ("T010203Z.json.gz", FileKind::Digest, Status::Ok, 0),
        ("lines.jsonl", FileKind::Trail, Status::Ok, 2),
        ("README.md", FileKind::Foreign(ForeignWhy::NotJson), Status::Ok, 0),
        ("package.json", FileKind::Foreign(ForeignWhy::OtherJson), Status::Ok, 0),
        ("tsconfig.json", FileKind::Foreign(ForeignWhy::OtherJson), Status::Ok, 0),
        ("list.json", FileKind::Foreign(ForeignWhy::OtherJson), Status::Ok, 0),
        ("broken.json", FileKind::Unknown, Status::Malformed, 0),
        ("partial.json", FileKind::Unknown, Status::Malformed, 0),
        ("calendar.jsonl", FileKind::Foreign(ForeignWhy::OtherJson), Status::Ok, 0),
        ("log.json", FileKind::Unknown, Status::Malformed, 0),
        ("wide.json", FileKind::Unknown, Status::Malformed, 0),
        ("picture.png", FileKind::Foreign(ForeignWhy::NotJson), Status::Ok, 0),
        ("empty", FileKind::Foreign(ForeignWhy::Empty), Status::Ok, 0),
        ("zero.json", FileKind::Trail, Status::Ok, 0),
    ] {
        let outcome = find(&all, end);
        assert_eq!((outcome.kind, outcome.status, outcome.records), (kind, status, records), "{end}");
        assert_eq!(outcome.faults.is_empty(), status == Status::Ok, "{end}");
    }
    assert_eq!(find(&all, "AbCdEfGh2.json.gz").status, Status::Failed);
    let named = find(&all, "AbCdEfGh1.json.gz").named.clone().unwrap();
    assert_eq!(
        (named.account.as_str(), named.organization.as_deref()),
        ("111122223333", Some("o-exampleorg1"))
    );
    // Nothing recognisable came out of it: it may have been a trail.
    assert_eq!(find(&all, "damaged.gz").status, Status::Ok);
}

#[test]
fn neither_order_nor_threads_change_anything() {
    let folder = populated("order");
    let more = folder.file("more.json", trail(&["E"]));
    let lines = folder.0.join("lines.jsonl");
    let mut inputs = vec![folder.0.clone(), more, lines, folder.0.join("notes"), folder.0.join("missing")];
    let first = read(&inputs, 1);
    for threads in [2, 7] {
        inputs.rotate_left(2);
        assert_eq!(read(&inputs, threads), first);
        inputs.reverse();
        assert_eq!(read(&inputs, threads), first);
    }
    let paths: Vec<_> = first.iter().map(|(outcome, _)| outcome.path.clone()).collect();
    assert!(paths.is_sorted());
    let names: Vec<_> = first.iter().flat_map(|(_, seen)| seen.names.clone()).collect();
    assert_eq!(names.iter().filter(|name| *name == "E").count(), 1, "a file given twice is read once");
    assert!(matches!(find(&first, "missing").faults[0].kind, FaultKind::Io(_)));
}

#[test]
fn what_is_foreign_is_a_fault_where_it_was_named() {
    let folder = populated("named");
    let file = folder.0.join("notes/package.json");
    for inputs in [vec![file.clone()], vec![file.clone(), folder.0.clone()], vec![folder.0.clone(), file]] {
        let all = read(&inputs, 2);
        let found: Vec<_> =
            all.iter().map(|(outcome, _)| outcome).filter(|o| o.path.ends_with("package.json")).collect();
        assert!(found.iter().any(|outcome| outcome.status == Status::Malformed), "{found:?}");
    }
}

#[cfg(unix)]
#[test]
fn loops_fifos_sockets_and_dangling_links_never_hang() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new("links");
    folder.file("a/one.json", trail(&["A"]));
    symlink(&folder.0, folder.0.join("a/loop")).unwrap();
    symlink("nowhere", folder.0.join("dangling")).unwrap();
    symlink("self", folder.0.join("self")).unwrap();
    symlink("a/one.json", folder.0.join("again.json")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.0.join("socket")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.0.join("fifo")).status();
    let all = read(std::slice::from_ref(&folder.0), 2);
    assert_eq!(all.iter().map(|(outcome, _)| outcome.records).sum::<u64>(), 1);
    assert_eq!(find(&all, "loop").kind, FileKind::Duplicate);
    assert!(matches!(find(&all, "dangling").faults[0].kind, FaultKind::Io(_)));
    assert!(matches!(find(&all, "self").faults[0].kind, FaultKind::Io(_)));
    assert_eq!(find(&all, "socket").kind, FileKind::Foreign(ForeignWhy::NotRegular));
    if made.is_ok_and(|status| status.success()) {
        assert_eq!(find(&all, "fifo").kind, FileKind::Foreign(ForeignWhy::NotRegular));
        let named = read(&[folder.0.join("fifo")], 1);
        assert_eq!(named[0].0.status, Status::Failed);
        assert_eq!(named[0].0.faults[0].kind, FaultKind::NotRegular);
    }
}

#[test]
fn the_number_of_files_and_the_depth_are_bounded() {
    let folder = Folder::new("bounds");
    for i in 0..20 {
        folder.file(&format!("{i:02}.json"), trail(&["A"]));
    }
    let options = Options { max_files: 5, ..Options::default() };
    let all = read_inputs(std::slice::from_ref(&folder.0), &options, &Collect);
    assert_eq!(all.iter().filter(|(outcome, _)| outcome.records == 1).count(), 5);
    assert!(
        all.iter()
            .any(|(outcome, _)| outcome.faults.iter().any(|fault| fault.kind == FaultKind::TooManyFiles(5)))
    );
    let deep = Folder::new("deep");
    let path: PathBuf = std::iter::repeat_n(Path::new("d"), 80).collect();
    deep.file(path.join("x.json").to_str().unwrap(), trail(&["A"]));
    let all = read(std::slice::from_ref(&deep.0), 1);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].0.faults[0].kind, FaultKind::DirectoryTooDeep);
}
