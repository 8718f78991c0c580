//! The check of digests over a signed chain with one log file missing (fixtures/digests), and over that chain with
//! further faults. `scripts/check_digests.py` compares the same check with the validator of AWS's command line.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use lambda_audit::audit::{Audit, TrailInput};
use lambda_audit::report::Finding;
use lambda_audit::store::Store;
use lambda_audit::trail::digest::PublicKeys;
use support::{Library, files_below, root};

const POLICY: &str = "trail-files-missing";
/// Parts of names: the digests in order, and log files.
const FIRST: &str = "T010512Z.json.gz";
const SECOND: &str = "T020512Z.json.gz";
const THIRD: &str = "T030512Z.json.gz";
const FOURTH: &str = "T040512Z.json.gz";
const GONE: &str = "R8fKd2QyLx6VtB0o";
const EARLY: &str = "Qb3vT0kW8mYx2LdR";
const LATE: &str = "w1MzPe9CjS4aHn7U";

/// The files of the chain by path, and its keys.
struct Chain {
    files: BTreeMap<String, Vec<u8>>,
    keys: String,
}

impl Chain {
    fn read() -> Self {
        let directory = root().join("fixtures/digests");
        let files = files_below(&directory.join("AWSLogs")).into_iter().map(|path| {
            let shown = path.strip_prefix(&directory).unwrap().to_str().unwrap().to_owned();
            (shown, std::fs::read(&path).unwrap())
        });
        let keys = std::fs::read_to_string(directory.join("public-keys.json")).unwrap();
        Chain { files: files.collect(), keys }
    }

    /// The path that ends with a part, or the log file that has it in its name.
    fn path(&self, part: &str) -> String {
        let is = |path: &&String| path.ends_with(part) || (part.len() == 16 && path.contains(part));
        self.files.keys().find(is).unwrap_or_else(|| panic!("no {part}")).clone()
    }

    fn remove(&mut self, part: &str) -> Vec<u8> {
        let path = self.path(part);
        self.files.remove(&path).unwrap()
    }

    /// Takes away what S3 said of a digest.
    fn without_metadata(mut self, part: &str) -> Self {
        let beside = |path: &String| path.contains(part) && !path.ends_with(".gz");
        self.files.retain(|path, _| !beside(path));
        self
    }

    fn rewrite(&mut self, part: &str, change: impl FnOnce(String) -> String) {
        let path = self.path(part);
        let mut text = String::new();
        GzDecoder::new(&self.files[&path][..]).read_to_string(&mut text).unwrap();
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(change(text).as_bytes()).unwrap();
        self.files.insert(path, out.finish().unwrap());
    }

    fn audit(&self) -> Audit {
        let mut keys = PublicKeys::default();
        if !self.keys.is_empty() {
            keys.add(&self.keys).unwrap();
        }
        let mut library = Library::new("");
        library.digests = Some(keys);
        let files = self.files.iter().map(|(path, bytes)| (path.clone(), Arc::from(&bytes[..])));
        library.audit(None, TrailInput::Memory(files.collect()))
    }

    /// (last part of the name, what was observed) of each finding, sorted; then how many passed and are unknown.
    fn judged(&self) -> (Vec<(String, String)>, u64, u64) {
        let audit = self.audit();
        let observed = |finding: &Finding| finding.evidence[0].observed.as_str().unwrap().to_owned();
        let found = audit.report.findings.iter().filter(|finding| finding.policy == POLICY);
        let mut found: Vec<_> = found
            .map(|finding| (finding.subject.name.rsplit('/').next().unwrap().to_owned(), observed(finding)))
            .collect();
        found.sort();
        let row = audit.report.coverage.policies.iter().find(|row| row.policy == POLICY).unwrap();
        (found, row.pass, row.unknown)
    }

    /// Asserts the findings beside the log file that is gone, by part of the name.
    fn expect(&self, expected: &[(&str, &str)], pass: u64, unknown: u64) {
        let (found, passed, not_known) = self.judged();
        let rest: Vec<_> = found.iter().filter(|(name, _)| !name.contains(GONE)).collect();
        assert_eq!(rest.len(), expected.len(), "{found:#?}");
        for (part, word) in expected {
            let fits =
                |(name, observed): &&&(String, String)| name.contains(part.trim_end()) && observed == word;
            assert!(rest.iter().any(|one| fits(&one)), "{part} {word}: {found:#?}");
        }
        assert_eq!((passed, not_known), (pass, unknown), "{found:#?}");
    }
}

#[test]
fn the_chain_proves_all_but_the_file_that_is_gone() {
    let chain = Chain::read();
    let (found, pass, unknown) = chain.judged();
    assert_eq!(found.len(), 1);
    assert!(found[0].0.contains(GONE) && found[0].1 == "missing", "{found:?}");
    assert_eq!((pass, unknown), (8, 0), "four digests and four log files");
    let audit = chain.audit();
    assert_eq!(audit.exit.code(), 1);
    let rows: Vec<_> = audit.report.coverage.read.iter().filter(|row| row.is_gap()).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0].surface.as_str(), rows[0].outcome.as_str()), ("trail log", "missing"));
}

#[test]
fn without_keys_nothing_is_proven_and_what_is_gone_is_still_told() {
    let mut chain = Chain::read();
    chain.keys = String::new();
    chain.expect(&[], 0, 8);
}

#[test]
fn the_last_digest_needs_a_signature_of_its_own() {
    Chain::read().without_metadata(FOURTH).expect(&[], 5, 3);
    // Any other is proven by the next.
    Chain::read().without_metadata(FIRST).without_metadata(SECOND).expect(&[], 8, 0);
}

#[test]
fn altered_log_files_and_digests_are_told() {
    let mut chain = Chain::read();
    chain.rewrite(EARLY, |text| text.replace("infra-admin", "infra-other"));
    chain.expect(&[(EARLY, "altered")], 7, 0);

    // The list is cut short: the digest is altered, and nothing proves the file it no longer names.
    let mut chain = Chain::read();
    chain.rewrite(FOURTH, |text| text.replace(LATE, "AAAAAAAAAAAAAAAA"));
    let (found, pass, unknown) = chain.judged();
    let words: Vec<&str> = found.iter().map(|(_, word)| word.as_str()).collect();
    assert_eq!(words, ["altered", "missing", "missing"], "{found:?}");
    assert_eq!((pass, unknown), (5, 2));

    // Without its own signature, the next digest still says what the hash was.
    let mut chain = Chain::read();
    chain.rewrite(THIRD, |text| text.replace("\"logFiles\": []", "\"logFiles\":  []"));
    chain.expect(&[(THIRD, "altered")], 7, 0);

    // An altered digest cannot accuse one that is proven by its own signature.
    let mut chain = Chain::read();
    chain.rewrite(SECOND, |text| {
        let member = "\"previousDigestHashValue\": \"";
        let (before, after) = text.split_once(member).unwrap();
        let digit = if after.starts_with('0') { "1" } else { "0" };
        format!("{before}{member}{digit}{}", &after[1..])
    });
    let (found, ..) = chain.judged();
    assert!(found.iter().any(|(name, _)| name.ends_with(SECOND)), "{found:?}");
    assert!(!found.iter().any(|(name, _)| name.ends_with(FIRST)), "{found:?}");
}

#[test]
fn missing_digests_are_told_from_both_sides() {
    let mut chain = Chain::read();
    chain.remove(THIRD);
    chain.expect(&[(THIRD, "missing")], 7, 0);

    // Without the first, nothing says that there was one: what it listed is not covered.
    let mut chain = Chain::read();
    chain.remove(FIRST);
    chain.expect(&[], 6, 1);
}

#[test]
fn wrong_absent_and_unreadable_signatures_are_told_apart() {
    let mut chain = Chain::read();
    let path = chain.path(&format!("{FIRST}.signature"));
    let text = String::from_utf8(chain.files[&path].clone()).unwrap();
    let other = if text.starts_with('0') { "1" } else { "0" };
    chain.files.insert(path.clone(), format!("{other}{}", &text[1..]).into_bytes());
    // Nothing that only this digest lists is proven.
    chain.expect(&[(FIRST, "altered")], 6, 1);
    chain.files.insert(path.clone(), b"not hexadecimal".to_vec());
    chain.expect(&[(FIRST, "altered")], 6, 1);
    chain.files.insert(path, Vec::new());
    chain.expect(&[(FIRST, "unsigned")], 6, 1);

    let mut chain = Chain::read();
    let path = chain.path(&format!("{FOURTH}.metadata.json"));
    chain.files.insert(path.clone(), br#"{"Metadata":{}}"#.to_vec());
    chain.expect(&[(FOURTH, "unsigned")], 5, 2);
    chain.files.insert(path, b"{".to_vec());
    chain.expect(&[], 5, 3);
}

#[test]
fn keys_that_do_not_fit_prove_nothing() {
    let mut chain = Chain::read();
    let fingerprint = chain.keys.split("\"Fingerprint\": \"").nth(1).unwrap()[..32].to_owned();
    let keys = chain.keys.clone();
    chain.keys = keys.replace(&fingerprint, "00000000000000000000000000000000");
    chain.expect(&[], 0, 8);
    chain.keys = keys.replace("2026-12-10", "2026-11-12").replace("2026-11-10", "2026-11-01");
    chain.expect(&[], 0, 8);
    // Seconds, as an older command line writes them; the key in its wrapping, as the documentation shows one.
    chain.keys = keys
        .replace("\"2026-11-10T04:11:00+00:00\"", "1794283860.0")
        .replace("\"2026-12-10T04:11:00+00:00\"", "\"1796875860.0\"");
    chain.expect(&[], 8, 0);
    for broken in ["{}", "{\"PublicKeyList\":[]}", &keys.replace("MII", "???"), &keys.replace("MII", "AAA")] {
        assert!(PublicKeys::default().add(broken).is_err(), "{broken}");
    }
}

#[test]
fn moved_digests_and_strange_files_are_told() {
    let mut chain = Chain::read();
    let bytes = chain.remove(THIRD);
    let moved = chain.path(SECOND).replace("T020512Z", "T030513Z");
    chain.files.insert(moved, bytes);
    let (found, ..) = chain.judged();
    let altered: Vec<_> = found.iter().filter(|(_, word)| word == "altered").collect();
    assert!(matches!(altered[..], [(name, _)] if name.contains("T030513Z")), "{found:?}");

    // A file of the covered time that no digest lists; and one of a time that none covers.
    let mut chain = Chain::read();
    let bytes = chain.files[&chain.path(EARLY)].clone();
    let at = |name: &str| chain.path(EARLY).replace("0020Z", name).replace(EARLY, "Zz0Zz0Zz0Zz0Zz0Z");
    let (covered, later) = (at("0130Z"), at("0530Z"));
    chain.files.insert(covered, bytes.clone());
    chain.files.insert(later, bytes.clone());
    chain.expect(&[("0130Z_Zz0", "unlisted")], 8, 1);
    // A file whose name says nothing cannot be found in any list.
    let mut chain = Chain::read();
    chain.files.insert("AWSLogs/export.json.gz".to_owned(), bytes);
    chain.expect(&[], 8, 1);
}

#[test]
fn copies_and_unpacked_files_are_judged_by_their_content() {
    let mut chain = Chain::read();
    for part in [EARLY, THIRD] {
        let path = chain.path(part);
        let copy = format!("copy/{}", path.rsplit('/').next().unwrap());
        chain.files.insert(copy, chain.files[&path].clone());
    }
    chain.expect(&[], 10, 0);
    let mut chain = Chain::read();
    let path = chain.path(EARLY);
    let mut text = Vec::new();
    GzDecoder::new(&chain.remove(EARLY)[..]).read_to_end(&mut text).unwrap();
    chain.files.insert(path.trim_end_matches(".gz").to_owned(), text);
    chain.expect(&[], 8, 0);
}

#[test]
fn a_log_file_that_does_not_unpack_is_altered() {
    let mut chain = Chain::read();
    let path = chain.path(EARLY);
    let bytes = chain.files[&path].clone();
    chain.files.insert(path.clone(), bytes[..bytes.len() - 20].to_vec());
    chain.expect(&[(EARLY, "altered")], 7, 0);
    chain.files.insert(path, [&bytes[..], b"more"].concat());
    chain.expect(&[(EARLY, "altered")], 7, 0);
}

#[test]
fn sidecars_are_no_fault_where_digests_are_not_checked() {
    let ran = support::run(["replay", "fixtures/digests/AWSLogs", "--output", "json", "--quiet"]);
    let report = ran.json();
    let outcomes: Vec<_> = report["coverage"]["read"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["surface"].as_str().unwrap(), row["outcome"].as_str().unwrap(), &row["count"]))
        .map(|(surface, outcome, count)| format!("{surface} {outcome} {count}"))
        .collect();
    assert_eq!(outcomes, ["digest ok 4", "digest signature ok 3", "trail ok 4"]);
    let scope = report["coverage"]["not_in_scope"].to_string();
    assert!(scope.contains("--verify-digests"), "{scope}");
    assert_eq!(ran.code, 0);
}

#[test]
fn keys_that_cannot_be_used_end_the_run_before_anything_is_read() {
    let ran = support::run([
        "replay",
        "fixtures/digests/AWSLogs",
        "--verify-digests",
        "--public-keys",
        "fixtures/digests/README.md",
    ]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("list-public-keys"), "{}", ran.stderr);
    let ran = support::run(["replay", "x", "--public-keys", "fixtures/digests/public-keys.json"]);
    assert_eq!(ran.code, 2);
}

/// What the check needs of files is kept as what they gave is.
#[test]
fn beside_a_store_the_check_is_that_of_one_reading() {
    let chain = Chain::read();
    let scratch = support::scratch("store-digests");
    for (path, bytes) in &chain.files {
        let path = scratch.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let trail = || TrailInput::Paths(vec![scratch.join("AWSLogs")]);
    let mut keys = PublicKeys::default();
    keys.add(&chain.keys).unwrap();
    let plain = Library::new("");
    let mut checking = Library::new("");
    checking.digests = Some(keys);
    let store = scratch.join("audit.store");
    let run = |library: &Library| {
        let audit = library.audit_with(None, trail(), Some(&mut Store::open(&store).unwrap()));
        let mut report = serde_json::to_value(&audit.report).unwrap();
        report["summary"]["known"] = serde_json::Value::Null;
        for finding in report["findings"].as_array_mut().unwrap() {
            finding["seen"] = serde_json::Value::Null;
        }
        report
    };
    let clean = |library: &Library| serde_json::to_value(&library.audit(None, trail()).report).unwrap();
    // At first nobody asks for the check; then files are read for it.
    assert_eq!(run(&plain), clean(&plain));
    let expected = clean(&checking);
    assert!(expected["findings"].as_array().unwrap().iter().any(|finding| finding["policy"] == POLICY));
    assert_eq!(run(&checking), expected);
    // Other bytes of the same size and time: whatever reads them finds them altered.
    for path in files_below(&scratch.join("AWSLogs")) {
        let metadata = std::fs::metadata(&path).unwrap();
        std::fs::write(&path, vec![b'#'; metadata.len() as usize]).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(metadata.modified().unwrap()).unwrap();
    }
    assert_eq!(run(&checking), expected);
}
