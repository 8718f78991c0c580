//! The public keys that digests are signed with: the answer of `aws cloudtrail list-public-keys`.
//!
//! Signatures are checked by ring: it reads the keys in the form in which CloudTrail gives them (PKCS #1 in DER), links
//! four small crates, and has no open advisory. The `rsa` crate was compared: thrice the crates, made for private keys
//! too. aws-lc-rs has the same interface, and takes a C compiler three times as long.
//!
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListPublicKeys.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::Deserialize;

use super::file::{Digest, unhex};
use super::object::Hash;
use super::{Altered, Unverified};
use crate::trail::time::parse_event_time;

/// A day: what the times of a digest may lie outside the validity of its key. Keys change over within hours.
const TOLERANCE: i64 = 86_400;

/// Keys by fingerprint.
#[derive(Debug, Clone, Default)]
pub struct PublicKeys(BTreeMap<String, Vec<Key>>);

#[derive(Debug, Clone)]
struct Key {
    /// PKCS #1 `RSAPublicKey` in DER.
    der: Vec<u8>,
    validity: Option<(i64, i64)>,
}

/// Why a file holds no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("it is not the answer of `aws cloudtrail list-public-keys`: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the value of the key {0} is not a key in base64")]
    Value(String),
    #[error("the validity of the key {0} is no time")]
    Validity(String),
    #[error("it has no keys")]
    Empty,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "PublicKeyList", alias = "publicKeyList")]
    list: Vec<KeyText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyText {
    value: String,
    fingerprint: String,
    #[serde(default)]
    validity_start_time: Option<TimeText>,
    #[serde(default)]
    validity_end_time: Option<TimeText>,
}

/// The command line writes times as text or as seconds, by version.
#[derive(Deserialize)]
#[serde(untagged)]
enum TimeText {
    Seconds(f64),
    Text(String),
}

impl TimeText {
    fn seconds(&self) -> Option<i64> {
        let whole = |seconds: f64| seconds.is_finite().then_some(seconds as i64);
        match self {
            TimeText::Seconds(seconds) => whole(*seconds),
            TimeText::Text(text) => parse_event_time(text).or_else(|| whole(text.parse().ok()?)),
        }
    }
}

impl PublicKeys {
    /// Reads one answer and adds its keys.
    ///
    /// # Errors
    /// [`KeyError`] if any of it cannot be used: a key that is silently left out would look like one that is missing.
    pub fn add(&mut self, text: &str) -> Result<(), KeyError> {
        let answer: Answer = serde_json::from_str(text)?;
        if answer.list.is_empty() {
            return Err(KeyError::Empty);
        }
        for key in answer.list {
            let bad = |_| KeyError::Value(key.fingerprint.clone());
            let der = STANDARD.decode(key.value.trim()).map_err(bad)?;
            let der =
                rsa_public_key(&der).ok_or(()).map_err(|()| KeyError::Value(key.fingerprint.clone()))?;
            let validity = match (&key.validity_start_time, &key.validity_end_time) {
                (Some(start), Some(end)) => {
                    let times = start.seconds().zip(end.seconds());
                    Some(times.ok_or_else(|| KeyError::Validity(key.fingerprint.clone()))?)
                }
                _ => None,
            };
            let key_of = Key { der: der.to_vec(), validity };
            self.0.entry(key.fingerprint).or_default().push(key_of);
        }
        Ok(())
    }

    /// Checks a digest's signature. `backfill`: it was signed long after its time.
    pub(super) fn check(
        &self,
        digest: &Digest,
        hash: &Hash,
        signature: &str,
        backfill: bool,
    ) -> Result<(), Checked> {
        if digest.algorithm.as_deref().is_some_and(|algorithm| algorithm != "SHA256withRSA") {
            return Err(Checked::Not(Unverified::Algorithm));
        }
        if self.0.is_empty() {
            return Err(Checked::Not(Unverified::NoKeys));
        }
        let keys = self.0.get(&digest.fingerprint).ok_or(Checked::Not(Unverified::UnknownKey))?;
        let Some(signature) = unhex(signature) else { return Err(Checked::Wrong(Altered::Signature)) };
        let text = digest.signed_text(hash);
        let fits = |key: &&Key| {
            let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &key.der);
            public.verify(text.as_bytes(), &signature).is_ok()
        };
        let valid = |key: &Key| {
            key.validity.is_none_or(|(from, to)| {
                from.saturating_sub(TOLERANCE) <= digest.end && digest.start <= to.saturating_add(TOLERANCE)
            })
        };
        match keys.iter().find(fits) {
            Some(key) if backfill || valid(key) => Ok(()),
            Some(_) => Err(Checked::Not(Unverified::KeyNotValid)),
            None => Err(Checked::Wrong(Altered::Signature)),
        }
    }
}

/// Why a signature proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    Wrong(Altered),
    Not(Unverified),
}

/// The `RSAPublicKey` of a key in DER: the documentation promises that form, and shows keys wrapped in a
/// `SubjectPublicKeyInfo` as well. `None`: neither.
fn rsa_public_key(der: &[u8]) -> Option<&[u8]> {
    let (content, []) = element(der, 0x30)? else { return None };
    if content.first() == Some(&0x02) {
        return Some(der);
    }
    let (_algorithm, rest) = element(content, 0x30)?;
    let (bits, []) = element(rest, 0x03)? else { return None };
    let (0, key) = bits.split_first()? else { return None };
    element(key, 0x30)
        .filter(|(content, rest)| rest.is_empty() && content.first() == Some(&0x02))
        .map(|_| key)
}

/// The content of the first DER element, which must have that tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 | 0x82 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}
