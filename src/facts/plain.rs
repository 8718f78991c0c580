//! How what is kept of facts is written down and read back: names stand for what is declared in the program, and what
//! only a self-describing format could hold is spelled out. Pure.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{KINDS, Source};
use crate::facts::schema::KindDecl;

/// The kinds of subjects that facts and causes name, beside the kinds of facts and the fields that a count may go by.
const SUBJECTS: [&str; 16] = [
    "",
    "account_region",
    "alias",
    "event_data_store",
    "event_source_mapping",
    "function",
    "function_url",
    "function_version",
    "guardrail",
    "layer",
    "layer_version",
    "principal",
    "recorder",
    "role",
    "trail",
    "account",
];

/// A subject's kind, by its name.
pub(crate) mod subject_kind {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(kind: &str, to: S) -> Result<S::Ok, S::Error> {
        // Refused now rather than when it is read back.
        known(kind).ok_or_else(|| ser::Error::custom(format!("unlisted kind of subject `{kind}`")))?;
        kind.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
        let kind = String::deserialize(from)?;
        known(&kind).ok_or_else(|| de::Error::custom("unknown kind of subject"))
    }

    fn known(name: &str) -> Option<&'static str> {
        let fields = || KINDS.iter().flat_map(|kind| kind.fields.iter().map(|field| field.name));
        let kinds = || KINDS.iter().map(|kind| kind.name);
        SUBJECTS.into_iter().chain(kinds()).chain(fields()).find(|known| *known == name)
    }
}

/// A kind of fact, by its name.
pub(crate) mod kind_decl {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(kind: &&'static KindDecl, to: S) -> Result<S::Ok, S::Error> {
        kind.name.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<&'static KindDecl, D::Error> {
        let name = String::deserialize(from)?;
        crate::facts::kind(&name).ok_or_else(|| de::Error::custom("unknown kind of fact"))
    }
}

/// A source without the tag that reports have in it.
#[derive(Serialize, Deserialize)]
enum Plain {
    Snapshot(String, u64, String, String),
    Record(String, u64, Option<String>),
}

impl From<Source> for Plain {
    fn from(source: Source) -> Self {
        match source {
            Source::Snapshot { file, line, pointer, api } => Plain::Snapshot(file, line, pointer, api),
            Source::Record { file, offset, event_id } => Plain::Record(file, offset, event_id),
        }
    }
}

impl From<Plain> for Source {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::Snapshot(file, line, pointer, api) => Source::Snapshot { file, line, pointer, api },
            Plain::Record(file, offset, event_id) => Source::Record { file, offset, event_id },
        }
    }
}

pub(crate) mod source {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(source: &Source, to: S) -> Result<S::Ok, S::Error> {
        Plain::from(source.clone()).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Source, D::Error> {
        Plain::deserialize(from).map(Source::from)
    }
}

/// One of the subjects of an unknown judgement, and where it was read.
pub(crate) mod example {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        (label, source): &(String, Source),
        to: S,
    ) -> Result<S::Ok, S::Error> {
        (label, Plain::from(source.clone())).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<(String, Source), D::Error> {
        <(String, Plain)>::deserialize(from).map(|(label, plain)| (label, Source::from(plain)))
    }
}

/// A JSON value as its text.
pub(crate) mod json {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(value: &serde_json::Value, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<serde_json::Value, D::Error> {
        serde_json::from_str(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}
