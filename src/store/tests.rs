#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::PathBuf;

use super::*;
use crate::findings::fingerprint;
use crate::trail::{FileKind, FileOutcome, Status};

/// A place for the store of one test.
fn place(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("lambda-audit-store-{}-{name}", std::process::id()));
    drop(fs::remove_dir_all(&directory));
    fs::create_dir_all(&directory).unwrap();
    directory.join("audit.store")
}

fn policies(digest: u8) -> Policies {
    Policies {
        makers: Makers([7; 16]),
        policies: vec![("some-policy".to_owned(), [digest; 16])],
        has_facts: true,
    }
}

fn key(path: &str, size: u64) -> FileKey {
    FileKey { path: path.to_owned(), named: false, size, modified: (1, 2) }
}

fn put(store: &mut Store, file: &FileKey, adds: bool, digest: u8, gathered: &[u8]) {
    let outcome = FileOutcome {
        path: file.path.clone(),
        kind: FileKind::Trail,
        status: Status::Ok,
        records: 3,
        summaries: 0,
        text_bytes: 5,
        times: Some((1, 2)),
        named: None,
        faults: Vec::new(),
        fault_count: 0,
    };
    let accounts = BTreeSet::from(["111122223333".to_owned()]);
    let gave = Gave { file, outcome: &outcome, accounts: &accounts, object: None, adds, gathered };
    store.add(&policies(digest), &gave).unwrap();
}

/// Everything that a store has, readable.
fn contents(store: &mut Store) -> Vec<String> {
    let files: Vec<(String, Stored)> =
        store.files().map(|(path, stored)| (path.to_owned(), stored.clone())).collect();
    let merged = store.merged().map(|(blob, pending)| {
        (*blob, pending.map(|(path, _)| path.to_owned()).collect::<Vec<_>>().join(" "))
    });
    let mut out = Vec::new();
    for (path, stored) in files {
        for blob in &stored.blobs {
            let digest = store.policies(blob).unwrap().policies[0].1[0];
            out.push(format!(
                "{path} {} {digest} {:?}",
                stored.key.size,
                store.read(blob, <[u8]>::to_vec).unwrap()
            ));
        }
    }
    if let Some((blob, pending)) = merged {
        out.push(format!("merged {:?}, then {pending}", store.read(&blob, <[u8]>::to_vec).unwrap()));
    }
    let known = fingerprint("a", "b", "c");
    out.push(format!("known {}", store.knows(&known)));
    out
}

fn filled(path: &Path) -> Vec<String> {
    let mut store = Store::open(path).unwrap();
    put(&mut store, &key("/a", 1), false, 1, b"one");
    put(&mut store, &key("/b", 1), false, 1, b"two");
    store.commit().unwrap();
    put(&mut store, &key("/b", 2), false, 1, b"two, changed");
    store.merge(&policies(1), b"all").unwrap();
    put(&mut store, &key("/c", 1), false, 1, b"three");
    put(&mut store, &key("/a", 1), true, 2, b"more of one");
    store.remember([fingerprint("a", "b", "c")].into_iter()).unwrap();
    contents(&mut store)
}

#[test]
fn what_was_written_is_there_again() {
    let path = place("again");
    let written = filled(&path);
    assert_eq!(
        written,
        [
            "/a 1 1 [111, 110, 101]",
            "/a 1 2 [109, 111, 114, 101, 32, 111, 102, 32, 111, 110, 101]",
            "/b 2 1 [116, 119, 111, 44, 32, 99, 104, 97, 110, 103, 101, 100]",
            "/c 1 1 [116, 104, 114, 101, 101]",
            "merged [97, 108, 108], then /c",
            "known true",
        ]
    );
    assert_eq!(contents(&mut Store::open(&path).unwrap()), written);
}

#[test]
fn what_all_gave_is_dropped_when_a_part_of_it_changes() {
    let path = place("merged");
    filled(&path);
    let mut store = Store::open(&path).unwrap();
    put(&mut store, &key("/c", 1), true, 3, b"more");
    store.commit().unwrap();
    assert!(store.merged().is_some(), "another policy's part is none of it");
    put(&mut store, &key("/c", 1), true, 1, b"more");
    store.commit().unwrap();
    assert!(store.merged().is_none(), "the same policy's part of one of its files");
    store.merge(&policies(1), b"all").unwrap();
    put(&mut store, &key("/a", 9), false, 1, b"another one");
    store.commit().unwrap();
    assert!(store.merged().is_none(), "a file was changed");
}

/// The error of opening these bytes; they are as they were.
fn refused(path: &Path, bytes: &[u8]) -> StoreError {
    fs::write(path, bytes).unwrap();
    let error = Store::open(path).map(drop).unwrap_err();
    assert_eq!(fs::read(path).unwrap(), bytes, "{error}");
    error
}

#[test]
fn damage_anywhere_is_refused_and_left_as_it_is() {
    let path = place("damage");
    filled(&path);
    let sound = fs::read(&path).unwrap();
    for at in 0..sound.len() {
        for bit in [0, 3, 7] {
            let mut bytes = sound.clone();
            bytes[at] ^= 1 << bit;
            let error = refused(&path, &bytes);
            let named = match error {
                StoreError::Foreign { .. } => at < 16,
                StoreError::Newer { .. } => (16..20).contains(&at),
                StoreError::Damaged { .. } => true,
                _ => false,
            };
            assert!(named, "byte {at}: {error}");
        }
    }
    for length in 0..sound.len() {
        let error = refused(&path, &sound[..length]);
        assert!(
            matches!(error, StoreError::Foreign { .. } | StoreError::Damaged { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn what_is_no_store_is_refused() {
    let path = place("foreign");
    for bytes in [&b""[..], b"{}", b"lambda-audit", &[0; 4096], b"SQLite format 3\0 and more"] {
        assert!(matches!(refused(&path, bytes), StoreError::Foreign { .. }));
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Foreign { .. })));
    let nowhere = path.join("no/such/directory/store");
    assert!(matches!(Store::open(&nowhere), Err(StoreError::Open { .. })));
}

#[test]
fn a_newer_format_is_refused_with_its_number() {
    let path = place("newer");
    filled(&path);
    let mut bytes = fs::read(&path).unwrap();
    bytes[16] = 2;
    assert!(matches!(refused(&path, &bytes), StoreError::Newer { found: 2, known: 1, .. }));
}

#[test]
fn what_the_header_does_not_cover_was_never_written() {
    let path = place("tail");
    let written = filled(&path);
    let sound = fs::read(&path).unwrap();
    // A process ended in the midst of a transaction: some of it stands behind the end.
    for more in [1, 15, 16, 17, 500] {
        let mut bytes = sound.clone();
        bytes.extend_from_slice(&sound[sound.len() - more.min(sound.len())..]);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(contents(&mut Store::open(&path).unwrap()), written);
    }
    let mut store = Store::open(&path).unwrap();
    put(&mut store, &key("/d", 1), false, 1, b"four");
    store.commit().unwrap();
    drop(store);
    assert!(contents(&mut Store::open(&path).unwrap()).contains(&"/d 1 1 [102, 111, 117, 114]".to_owned()));
}

#[test]
fn two_at_once_are_one_too_many() {
    let path = place("twice");
    let store = Store::open(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })));
    drop(store);
    assert!(Store::open(&path).is_ok());
}

#[test]
fn what_is_not_in_force_any_more_is_left_out_when_it_is_most() {
    let path = place("tidy");
    let mut store = Store::open(&path).unwrap();
    let large = vec![5; 1 << 20];
    for size in 0..8 {
        put(&mut store, &key("/a", size), false, 1, &large);
        put(&mut store, &key("/b", size), false, 1, b"two");
        store.merge(&policies(1), &large).unwrap();
    }
    put(&mut store, &key("/c", 1), false, 1, b"three");
    put(&mut store, &key("/b", 7), true, 2, b"more");
    store.remember([fingerprint("a", "b", "c")].into_iter()).unwrap();
    let before = contents(&mut store);
    let length = store.journal.length();
    store.tidy().unwrap();
    assert!(store.journal.length() < length / 4, "{} of {length}", store.journal.length());
    assert_eq!(contents(&mut store), before);
    assert!(matches!(Store::open(&path), Err(StoreError::InUse { .. })), "it is still locked");
    put(&mut store, &key("/d", 1), false, 1, b"four");
    store.commit().unwrap();
    drop(store);
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.files().count(), 4);
    assert!(contents(&mut store).iter().any(|line| line.starts_with("merged")));
    let names: Vec<_> =
        fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["audit.store"], "nothing is left beside it");
}
