//! What is read of digests, keys and metadata; the whole check is tested in `tests/trail_digests.rs`.

use proptest::prelude::*;

use super::file::{Digest, unhex};
use super::keys::PublicKeys;
use super::object::{Object, Signature, is_sidecar};
use super::verify;
use crate::trail::file_name::TrailFileName;
use crate::trail::outcome::{FileKind, FileOutcome};

const NAME: &str = "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/17/111122223333_CloudTrail-Digest_eu-west-1_a_b_\
     eu-west-1_20261117T010512Z.json.gz";

fn text(extra: &str) -> String {
    format!(
        r#"{{"digestStartTime":"2026-11-17T00:05:12Z","digestEndTime":"2026-11-17T01:05:12Z","digestS3Bucket":"bucket",
        "digestS3Object":"{NAME}","digestPublicKeyFingerprint":"f"{extra}}}"#
    )
}

fn outcome(path: &str, kind: FileKind) -> FileOutcome {
    let mut outcome = FileOutcome::new(path.to_owned(), kind);
    outcome.named = TrailFileName::parse(path);
    outcome
}

#[test]
fn what_is_signed_is_the_documented_string() {
    let first = text(r#","previousDigestSignature":null,"logFiles":[]"#);
    let digest = Digest::parse(first.as_bytes()).unwrap();
    let expected = format!("2026-11-17T01:05:12Z\nbucket/{NAME}\n{}\nnull", "00".repeat(32));
    assert_eq!(digest.signed_text(&[0; 32]), expected);
    let later = text(r#","previousDigestSignature":"ab","logFiles":[]"#);
    assert!(Digest::parse(later.as_bytes()).unwrap().signed_text(&[255; 32]).ends_with("\nab"));
}

#[test]
fn a_digest_without_what_is_signed_is_none() {
    for broken in [r#","logFiles":[]"#, r#","previousDigestSignature":null"#, ""] {
        assert!(Digest::parse(text(broken).as_bytes()).is_err(), "{broken}");
    }
    let twice = text(r#","previousDigestSignature":null,"logFiles":[],"digestS3Bucket":"other""#);
    assert!(Digest::parse(twice.as_bytes()).is_err(), "a member that stands twice has no one meaning");
    let back =
        text(r#","previousDigestSignature":null,"logFiles":[]"#).replace("T00:05:12Z\",", "T02:05:12Z\",");
    assert!(Digest::parse(back.as_bytes()).is_err(), "it ends before it starts");
    // Hashes in another algorithm are not compared.
    let other = text(
        r#","previousDigestSignature":null,"logFiles":[{"s3Object":"x","hashValue":"00","hashAlgorithm":"MD5"}]"#,
    );
    assert_eq!(Digest::parse(other.as_bytes()).unwrap().logs[0].hash, None);
}

#[test]
fn only_files_beside_digests_are_sidecars() {
    assert!(is_sidecar(&format!("{NAME}.signature")) && is_sidecar(&format!("{NAME}.metadata.json")));
    let log = "111122223333_CloudTrail_eu-west-1_20261117T0105Z_abcdefghijklmnop.json.gz";
    assert!(!is_sidecar(NAME) && !is_sidecar(&format!("{log}.signature")) && !is_sidecar("x.signature"));
}

#[test]
fn hexadecimal_is_read_strictly() {
    assert_eq!(unhex("00fFa1"), Some(vec![0, 255, 161]));
    assert_eq!(unhex(""), Some(Vec::new()));
    for bad in ["0", "0g", "+1", " 1", "é"] {
        assert_eq!(unhex(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..200), as_text in ".{0,200}") {
        for text in [&bytes[..], as_text.as_bytes()] {
            drop(Digest::parse(text));
            drop(PublicKeys::default().add(&String::from_utf8_lossy(text)));
            let objects = [
                Object::read(&outcome(NAME, FileKind::Digest), text, Some(Signature::Hex(as_text.clone()))),
                Object::read(&outcome(&format!("{NAME}.metadata.json"), FileKind::Metadata), text, None),
            ];
            let found = verify(objects.into_iter().flatten().collect(), &PublicKeys::default());
            prop_assert_eq!(found.files.len(), 1);
            prop_assert!(found.files[0].state != super::State::Intact);
        }
    }

    /// Keys wrapped wrongly are refused, whatever stands in them.
    #[test]
    fn no_key_is_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..64), head in 0usize..4) {
        use base64::Engine as _;
        let mut der = [&[0x30u8, 0x82, 0x01][..], &[0x30, 0x0d, 0x30], &[0x30, 0x84, 0xff], &[]][head].to_vec();
        der.extend(bytes);
        let value = base64::engine::general_purpose::STANDARD.encode(der);
        let text = format!(r#"{{"PublicKeyList":[{{"Value":"{value}","Fingerprint":"f"}}]}}"#);
        drop(PublicKeys::default().add(&text));
    }
}

#[test]
fn links_that_go_round_end() {
    let member = |previous: &str| {
        format!(
            r#","previousDigestS3Object":"{previous}","previousDigestHashValue":"{}","previousDigestSignature":"00","logFiles":[]"#,
            "00".repeat(32)
        )
    };
    let other = NAME.replace("010512Z", "020512Z");
    let objects = [(NAME, other.as_str()), (&other, NAME), (&other, &other)].map(|(path, previous)| {
        let body = text(&member(previous))
            .replace(&format!("\"{NAME}\",\"digestPublic"), &format!("\"{path}\",\"digestPublic"));
        Object::read(&outcome(path, FileKind::Digest), body.as_bytes(), None).unwrap()
    });
    let found = verify(objects.into(), &PublicKeys::default());
    assert_eq!(found.files.len(), 3);
}
