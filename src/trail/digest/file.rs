//! What a digest file says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::object::Hash;
use crate::trail::time::parse_event_time;

/// The most text of one digest. An hour of fifty thousand log files takes a third of it.
const MAX_TEXT: usize = 64 << 20;

/// Why a digest's text says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, Serialize, Deserialize)]
pub enum DigestFault {
    #[error("not the JSON of a digest")]
    NotADigest,
    #[error("its times are not readable")]
    Time,
    #[error("too long")]
    TooLong,
}

/// What a digest says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest {
    /// Seconds since 1970: the log files it lists were delivered in this time.
    pub(super) start: i64,
    pub(super) end: i64,
    /// `digestEndTime` as written: it is signed.
    pub(super) end_text: String,
    pub(super) bucket: String,
    pub(super) object: String,
    pub(super) fingerprint: String,
    /// `None`: not said.
    pub(super) algorithm: Option<String>,
    /// The digest before; `None` in the first one after validation was switched on.
    pub(super) previous: Option<Previous>,
    /// The signature of the digest before, as written: it is signed.
    pub(super) previous_signature: Option<String>,
    pub(super) logs: Vec<Listed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Previous {
    pub(super) object: String,
    /// `None`: in another algorithm, or not in hexadecimal.
    pub(super) hash: Option<Hash>,
}

/// A log file that a digest lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) object: String,
    /// `None`: in another algorithm, or not in hexadecimal.
    pub(super) hash: Option<Hash>,
    /// Times of its oldest and newest record.
    pub(super) span: Option<(i64, i64)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text<'t> {
    #[serde(borrow)]
    digest_start_time: Cow<'t, str>,
    #[serde(borrow)]
    digest_end_time: Cow<'t, str>,
    digest_s3_bucket: String,
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    #[serde(default)]
    digest_signature_algorithm: Option<String>,
    #[serde(default)]
    previous_digest_s3_object: Option<String>,
    #[serde(default)]
    previous_digest_hash_value: Option<String>,
    #[serde(default)]
    previous_digest_hash_algorithm: Option<String>,
    // Null in a first digest; a digest that does not have the member is none.
    #[serde(deserialize_with = "Option::deserialize")]
    previous_digest_signature: Option<String>,
    #[serde(borrow)]
    log_files: Vec<LogText<'t>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogText<'t> {
    s3_object: String,
    #[serde(borrow)]
    hash_value: Cow<'t, str>,
    #[serde(borrow, default)]
    hash_algorithm: Option<Cow<'t, str>>,
    #[serde(borrow, default)]
    newest_event_time: Option<Cow<'t, str>>,
    #[serde(borrow, default)]
    oldest_event_time: Option<Cow<'t, str>>,
}

impl Digest {
    pub(super) fn parse(text: &[u8]) -> Result<Self, DigestFault> {
        if text.len() > MAX_TEXT {
            return Err(DigestFault::TooLong);
        }
        let text: Text<'_> = serde_json::from_slice(text).map_err(|_| DigestFault::NotADigest)?;
        let time = |text: &str| parse_event_time(text).ok_or(DigestFault::Time);
        let (start, end) = (time(&text.digest_start_time)?, time(&text.digest_end_time)?);
        if start > end {
            return Err(DigestFault::Time);
        }
        let (value, algorithm) = (text.previous_digest_hash_value, text.previous_digest_hash_algorithm);
        let hash = value.and_then(|value| known_hash(&value, algorithm.as_deref()));
        let logs = text.log_files.into_iter().map(|log| {
            let times = [log.oldest_event_time, log.newest_event_time];
            let [oldest, newest] = times.map(|time| time.and_then(|time| parse_event_time(&time)));
            Listed {
                hash: known_hash(&log.hash_value, log.hash_algorithm.as_deref()),
                object: log.s3_object,
                span: oldest.zip(newest),
            }
        });
        Ok(Digest {
            start,
            end,
            end_text: text.digest_end_time.into_owned(),
            bucket: text.digest_s3_bucket,
            object: text.digest_s3_object,
            fingerprint: text.digest_public_key_fingerprint,
            algorithm: text.digest_signature_algorithm,
            previous: text.previous_digest_s3_object.map(|object| Previous { object, hash }),
            previous_signature: text.previous_digest_signature,
            logs: logs.collect(),
        })
    }

    /// The string that is signed. The previous signature of a first digest is the word `null`.
    pub(super) fn signed_text(&self, hash: &Hash) -> String {
        use std::fmt::Write as _;
        let mut hex = String::with_capacity(64);
        for byte in hash {
            // Writing to a text does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        let previous = self.previous_signature.as_deref().unwrap_or("null");
        format!("{}\n{}/{}\n{hex}\n{previous}", self.end_text, self.bucket, self.object)
    }
}

fn known_hash(value: &str, algorithm: Option<&str>) -> Option<Hash> {
    if algorithm.is_some_and(|algorithm| algorithm != "SHA-256") {
        return None;
    }
    unhex(value)?.try_into().ok()
}

/// Bytes of hexadecimal digits.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?))
        .collect()
}
