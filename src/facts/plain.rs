//! How what is kept of facts is written down and read back: names stand for what is declared in the program, what only
//! a self-describing format could hold is spelled out, and what is shared is written once. Pure.

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::{KINDS, Source};
use crate::facts::schema::KindDecl;
use crate::hashed::HashedMap;

/// The kinds of subjects that facts and causes name, beside the kinds of facts and the fields that a count may go by.
const SUBJECTS: [&str; 18] = [
    "",
    "account",
    "account_region",
    "alias",
    "code_signing_config",
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
    "trail_file",
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

/// What was written or read before, within one call of [`sharing`]: by type, a table.
type Tables = HashedMap<TypeId, Box<dyn Any>>;

thread_local! {
    static TABLES: RefCell<Option<Tables>> = const { RefCell::new(None) };
}

/// Within this, what is shared is written once, and is one again when it is read. Writing and reading must both be
/// within one call each.
pub(crate) fn sharing<T>(work: impl FnOnce() -> T) -> T {
    let before = TABLES.replace(Some(Tables::default()));
    let done = work();
    TABLES.set(before);
    done
}

/// Something shared: itself where it comes for the first time, then its number.
#[derive(Serialize, Deserialize)]
enum Once<T> {
    First(T),
    Again(u32),
}

/// The table of a type, where there are tables.
fn with_table<T: Default + 'static, R>(of: impl FnOnce(&mut T) -> R) -> Option<R> {
    TABLES.with_borrow_mut(|tables| {
        let table = tables.as_mut()?.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(T::default()));
        table.downcast_mut().map(of)
    })
}

struct Written<T: ?Sized>(HashMap<Arc<T>, u32>);

impl<T: ?Sized> Default for Written<T> {
    fn default() -> Self {
        Written(HashMap::new())
    }
}

struct Known<T: ?Sized>(Vec<Arc<T>>);

impl<T: ?Sized> Default for Known<T> {
    fn default() -> Self {
        Known(Vec::new())
    }
}

/// The number of what was written before; else it is noted, with the next number.
fn number<T, Q>(value: &Q, own: impl FnOnce() -> Arc<T>) -> Option<u32>
where
    T: ?Sized + Eq + Hash + 'static,
    Q: ?Sized + Eq + Hash,
    Arc<T>: std::borrow::Borrow<Q>,
{
    with_table(|Written(table): &mut Written<T>| {
        if let Some(known) = table.get(value) {
            return Some(*known);
        }
        if let Ok(next) = u32::try_from(table.len()) {
            table.insert(own(), next);
        }
        None
    })
    .flatten()
}

fn read<'de, D: Deserializer<'de>, T: ?Sized + 'static, O: Deserialize<'de>>(
    from: D,
    own: impl FnOnce(O) -> Arc<T>,
) -> Result<Arc<T>, D::Error> {
    match Once::<O>::deserialize(from)? {
        Once::First(value) => {
            let value = own(value);
            with_table(|Known(table): &mut Known<T>| table.push(Arc::clone(&value)));
            Ok(value)
        }
        Once::Again(at) => with_table(|Known(table): &mut Known<T>| table.get(at as usize).cloned())
            .flatten()
            .ok_or_else(|| de::Error::custom("a reference to nothing")),
    }
}

/// A text that many have in common.
pub(crate) mod shared {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        match number::<str, str>(text, || Arc::clone(text)) {
            Some(at) => Once::<&str>::Again(at).serialize(to),
            None => Once::First(&**text).serialize(to),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        read(from, |text: String| text.into())
    }
}

/// The same of a `String`.
pub(crate) mod shared_string {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(text: &str, to: S) -> Result<S::Ok, S::Error> {
        match number::<str, str>(text, || text.into()) {
            Some(at) => Once::<&str>::Again(at).serialize(to),
            None => Once::First(text).serialize(to),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
        shared::deserialize(from).map(|text| text.as_ref().to_owned())
    }
}

/// One of them, for where a name of a function cannot stand.
#[derive(Serialize, Deserialize)]
struct Shared(#[serde(with = "shared")] Arc<str>);

/// A text that many have in common, or none.
pub(crate) mod shared_option {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(text: &Option<Arc<str>>, to: S) -> Result<S::Ok, S::Error> {
        text.clone().map(Shared).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<str>>, D::Error> {
        Ok(Option::<Shared>::deserialize(from)?.map(|Shared(text)| text))
    }
}

/// A file, and the offset of a record in it.
pub(crate) mod place {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        (file, offset): &(Arc<str>, u64),
        to: S,
    ) -> Result<S::Ok, S::Error> {
        (Shared(Arc::clone(file)), offset).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<(Arc<str>, u64), D::Error> {
        <(Shared, u64)>::deserialize(from).map(|(Shared(file), offset)| (file, offset))
    }
}

/// Texts each of which many have in common.
pub(crate) mod shared_texts {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(texts: &[Arc<str>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(texts.iter().map(|text| Shared(Arc::clone(text))))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<str>>, D::Error> {
        Vec::<Shared>::deserialize(from).map(|texts| texts.into_iter().map(|Shared(text)| text).collect())
    }
}

/// Texts that are written as they are.
pub(crate) mod texts {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(texts: &[Arc<str>], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(texts.iter().map(|text| &**text))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<str>>, D::Error> {
        Vec::<String>::deserialize(from).map(|texts| texts.into_iter().map(Arc::from).collect())
    }
}

/// A list that many have in common.
pub(crate) mod shared_list {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Serialize + Eq + Hash + 'static>(
        list: &Arc<[T]>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match number::<[T], [T]>(list, || Arc::clone(list)) {
            Some(at) => Once::<&[T]>::Again(at).serialize(to),
            None => Once::First(&**list).serialize(to),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de> + 'static>(
        from: D,
    ) -> Result<Arc<[T]>, D::Error> {
        read(from, |list: Vec<T>| list.into())
    }
}

/// What is counted, as it is.
pub(crate) mod counted {
    use super::*;

    pub(crate) fn serialize<S: Serializer, T: Serialize>(what: &Arc<T>, to: S) -> Result<S::Ok, S::Error> {
        T::serialize(what, to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        from: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(from).map(Arc::new)
    }
}

/// A source without the tag that reports have in it.
#[derive(Serialize, Deserialize)]
enum Plain {
    Snapshot(String, u64, String, String),
    Record(#[serde(with = "shared_string")] String, u64, Option<String>),
    File(#[serde(with = "shared_string")] String),
}

impl From<Source> for Plain {
    fn from(source: Source) -> Self {
        match source {
            Source::Snapshot { file, line, pointer, api } => Plain::Snapshot(file, line, pointer, api),
            Source::Record { file, offset, event_id } => Plain::Record(file, offset, event_id),
            Source::File { file } => Plain::File(file),
        }
    }
}

impl From<Plain> for Source {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::Snapshot(file, line, pointer, api) => Source::Snapshot { file, line, pointer, api },
            Plain::Record(file, offset, event_id) => Source::Record { file, offset, event_id },
            Plain::File(file) => Source::File { file },
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
