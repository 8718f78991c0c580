//! How a fact kind is declared: once per field. The declaration feeds the type checker, the engine, the `facts`
//! command and the reference.

use std::borrow::Cow;

use crate::value::{OwnedValue, Reading, Value};

/// The type of a field. Values of `Text` fields may be limited to a closed set (`FieldDecl::values`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldType {
    Bool,
    Int,
    Text,
    /// A list of texts.
    List,
}

impl FieldType {
    pub const fn as_str(self) -> &'static str {
        match self {
            FieldType::Bool => "bool",
            FieldType::Int => "int",
            FieldType::Text => "text",
            FieldType::List => "list of text",
        }
    }
}

/// Where a fact comes from. The set is open: planned changes of templates will be added.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A snapshot.
    State,
    /// A trail record that made it so.
    Change,
    /// A trail record of something that happened.
    Activity,
}

impl Origin {
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::State => "state",
            Origin::Change => "change",
            Origin::Activity => "activity",
        }
    }
}

/// One field of a fact kind.
#[derive(Debug)]
pub struct FieldDecl {
    /// The path after the kind's name: `exposure`, `principal.kind`.
    pub name: &'static str,
    pub ty: FieldType,
    /// The unit of a number, or "".
    pub unit: &'static str,
    /// May be read and not be there: predicates guard it with `has()`.
    pub optional: bool,
    /// May be impossible to read in some run: predicates over it can be unknown.
    pub can_be_unread: bool,
    /// The closed set of a text's values; empty: any text.
    pub values: &'static [&'static str],
    /// The origins in which the field can be known.
    pub origins: &'static [Origin],
    /// IAM actions the collector needs to read it from a live account.
    pub permissions: &'static [&'static str],
    pub means: &'static str,
    /// The page the meaning rests on, or "" where it is ours.
    pub page: &'static str,
}

impl FieldDecl {
    /// A field with the common answers: required, always read, any origin of its kind.
    pub const fn new(name: &'static str, ty: FieldType) -> Self {
        FieldDecl {
            name,
            ty,
            unit: "",
            optional: false,
            can_be_unread: false,
            values: &[],
            origins: &[],
            permissions: &[],
            means: "",
            page: "",
        }
    }
}

/// One kind of fact. Its name is the root variable of predicates.
#[derive(Debug)]
pub struct KindDecl {
    pub name: &'static str,
    pub means: &'static str,
    pub origins: &'static [Origin],
    /// Canonical names of the trail events that make facts of this kind, `source:Name`, in alphabetical order;
    /// empty for kinds that any record can make.
    pub events: &'static [&'static str],
    pub fields: &'static [FieldDecl],
}

impl KindDecl {
    /// The index of a field by its path.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The origins in which the field can be known: its own, or those of its kind.
    pub fn field_origins(&self, index: usize) -> &'static [Origin] {
        match self.fields.get(index) {
            Some(field) if !field.origins.is_empty() => field.origins,
            _ => self.origins,
        }
    }
}

/// A fact as predicates see it: fields by index into its kind's declaration.
pub trait FieldAccess {
    fn kind(&self) -> &'static KindDecl;
    /// The value of a field; an index outside the declaration is unread (`not_collected`).
    fn value(&self, index: usize) -> Value<'_>;
}

impl std::fmt::Debug for dyn FieldAccess + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.kind().name)
    }
}

/// A value of the wrong type was offered for a field.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the field takes {expected}")]
pub struct WrongType {
    pub expected: &'static str,
}

/// A fact whose fields can be set by index, as policy test cases do.
pub trait FieldSet: FieldAccess {
    /// # Errors
    /// [`WrongType`] if the value is not of the field's declared type, or the index is not declared.
    fn set(&mut self, index: usize, value: OwnedValue) -> Result<(), WrongType>;
}

/// The Rust type that holds each declared type. A macro, because a projection would make facts invariant.
macro_rules! holds {
    (Bool, $l:lifetime) => { bool };
    (Int, $l:lifetime) => { i64 };
    (Text, $l:lifetime) => { std::borrow::Cow<$l, str> };
    (List, $l:lifetime) => { crate::value::TextList<$l> };
}
pub(crate) use holds;

/// Between a struct's field and the values predicates read and tests set.
pub(crate) trait Slot: Sized {
    const NAME: &'static str;
    fn view(&self) -> Value<'_>;
    fn from_owned(value: OwnedValue) -> Option<Self>;
}

impl Slot for bool {
    const NAME: &'static str = "a bool";
    fn view(&self) -> Value<'_> {
        Value::Bool(*self)
    }
    fn from_owned(value: OwnedValue) -> Option<Self> {
        if let OwnedValue::Bool(value) = value { Some(value) } else { None }
    }
}

impl Slot for i64 {
    const NAME: &'static str = "an int";
    fn view(&self) -> Value<'_> {
        Value::Int(*self)
    }
    fn from_owned(value: OwnedValue) -> Option<Self> {
        if let OwnedValue::Int(value) = value { Some(value) } else { None }
    }
}

impl Slot for std::borrow::Cow<'_, str> {
    const NAME: &'static str = "a text";
    fn view(&self) -> Value<'_> {
        Value::Text(self)
    }
    fn from_owned(value: OwnedValue) -> Option<Self> {
        if let OwnedValue::Text(value) = value { Some(value.into()) } else { None }
    }
}

impl Slot for crate::value::TextList<'_> {
    const NAME: &'static str = "a list of texts";
    fn view(&self) -> Value<'_> {
        Value::List(self)
    }
    fn from_owned(value: OwnedValue) -> Option<Self> {
        if let OwnedValue::List(value) = value { Some(value) } else { None }
    }
}

/// Declares a fact kind: the struct that holds it, its [`KindDecl`], and access by index. Every field is a
/// [`Reading`](crate::value::Reading); `NEW` facts have every field unread, so a maker that forgets one can
/// never cause a pass.
macro_rules! declare_kind {
    (
        $(#[$doc:meta])*
        $Kind:ident, $DECL:ident = $name:literal {
            means: $means:expr, origins: $origins:expr, events: $events:expr,
            $( $field:ident : $ty:ident = $path:literal { $($key:ident : $val:expr),* $(,)? } )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $Kind<'a> {
            $( pub $field: crate::value::Reading<crate::facts::schema::holds!($ty, 'a)>, )*
        }

        #[doc = concat!("The declaration of `", $name, "` facts.")]
        pub static $DECL: crate::facts::schema::KindDecl = crate::facts::schema::KindDecl {
            name: $name,
            means: $means,
            origins: $origins,
            events: $events,
            fields: &[ $( crate::facts::schema::FieldDecl {
                $($key: $val,)*
                ..crate::facts::schema::FieldDecl::new($path, crate::facts::schema::FieldType::$ty)
            }, )* ],
        };

        impl<'a> $Kind<'a> {
            /// A fact of which nothing has been read yet.
            pub const fn unread(why: crate::value::Why) -> Self {
                $Kind { $( $field: crate::value::Reading::Unread(why), )* }
            }
        }

        impl crate::facts::schema::FieldAccess for $Kind<'_> {
            fn kind(&self) -> &'static crate::facts::schema::KindDecl {
                &$DECL
            }

            fn value(&self, index: usize) -> crate::value::Value<'_> {
                let mut at = 0usize;
                $(
                    if at == index {
                        return match &self.$field {
                            crate::value::Reading::Known(value) => crate::facts::schema::Slot::view(value),
                            crate::value::Reading::Absent => crate::value::Value::Absent,
                            crate::value::Reading::Unread(why) => crate::value::Value::Unread(*why),
                        };
                    }
                    at += 1;
                )*
                let _ = at;
                crate::value::Value::Unread(crate::value::Why::NotCollected)
            }
        }

        impl crate::facts::schema::FieldSet for $Kind<'_> {
            fn set(&mut self, index: usize, value: crate::value::OwnedValue) -> Result<(), crate::facts::schema::WrongType> {
                let mut at = 0usize;
                $(
                    if at == index {
                        self.$field = match value {
                            crate::value::OwnedValue::Absent => crate::value::Reading::Absent,
                            crate::value::OwnedValue::Unread(why) => crate::value::Reading::Unread(why),
                            value => crate::facts::schema::set_slot(value)?,
                        };
                        return Ok(());
                    }
                    at += 1;
                )*
                let _ = at;
                Err(crate::facts::schema::WrongType { expected: "no value: it is not declared" })
            }
        }
    };
}
pub(crate) use declare_kind;

/// Declares a kind whose facts are so many that their fields are read only when a policy asks: beside the kind itself
/// a trait with a method per field, and the fact over whatever implements it, which reads each field at most once.
macro_rules! declare_activity {
    (
        $(#[$lazy_doc:meta])* $Lazy:ident from $(#[$source_doc:meta])* $Source:ident;
        $(#[$doc:meta])*
        $Kind:ident, $DECL:ident = $name:literal {
            means: $means:expr, origins: $origins:expr, events: $events:expr,
            $( $field:ident : $ty:ident = $path:literal { $($key:ident : $val:expr),* $(,)? } )*
        }
    ) => {
        crate::facts::schema::declare_kind! {
            $(#[$doc])*
            $Kind, $DECL = $name {
                means: $means, origins: $origins, events: $events,
                $( $field : $ty = $path { $($key : $val),* } )*
            }
        }

        $(#[$source_doc])*
        pub trait $Source<'a> {
            $( fn $field(&self) -> crate::value::Reading<crate::facts::schema::holds!($ty, 'a)>; )*

            /// Keeps a text that stands nowhere else.
            fn keep(&self, text: String) -> &'a str;
        }

        $(#[$lazy_doc])*
        pub struct $Lazy<'a, S> {
            source: S,
            fields: [std::cell::Cell<Option<crate::value::Value<'a>>>; $DECL.fields.len()],
        }

        impl<'a, S: $Source<'a>> $Lazy<'a, S> {
            pub fn new(source: S) -> Self {
                $Lazy { source, fields: [const { std::cell::Cell::new(None) }; $DECL.fields.len()] }
            }

            fn read(&self, index: usize) -> crate::value::Value<'a> {
                let keep = |text| self.source.keep(text);
                let mut at = 0usize;
                $(
                    if at == index {
                        return crate::facts::schema::Seen::seen(self.source.$field(), keep);
                    }
                    at += 1;
                )*
                let _ = at;
                crate::value::Value::Unread(crate::value::Why::NotCollected)
            }
        }

        impl<'a, S: $Source<'a>> crate::facts::schema::FieldAccess for $Lazy<'a, S> {
            fn kind(&self) -> &'static crate::facts::schema::KindDecl {
                &$DECL
            }

            fn value(&self, index: usize) -> crate::value::Value<'_> {
                let Some(field) = self.fields.get(index) else {
                    return crate::value::Value::Unread(crate::value::Why::NotCollected);
                };
                field.get().unwrap_or_else(|| {
                    let value = self.read(index);
                    field.set(Some(value));
                    value
                })
            }
        }
    };
}
pub(crate) use declare_activity;

/// What was read of an activity's field, as predicates see it: it is kept so, and there is nothing to be freed behind
/// every record. `keep` takes a text that was made.
pub(crate) trait Seen<'a> {
    fn seen(self, keep: impl FnOnce(String) -> &'a str) -> Value<'a>;
}

impl<'a, T: Seen<'a>> Seen<'a> for Reading<T> {
    #[inline(always)]
    fn seen(self, keep: impl FnOnce(String) -> &'a str) -> Value<'a> {
        match self {
            Reading::Known(value) => value.seen(keep),
            Reading::Absent => Value::Absent,
            Reading::Unread(why) => Value::Unread(why),
        }
    }
}

impl<'a> Seen<'a> for bool {
    #[inline(always)]
    fn seen(self, _: impl FnOnce(String) -> &'a str) -> Value<'a> {
        Value::Bool(self)
    }
}

impl<'a> Seen<'a> for i64 {
    #[inline(always)]
    fn seen(self, _: impl FnOnce(String) -> &'a str) -> Value<'a> {
        Value::Int(self)
    }
}

impl<'a> Seen<'a> for Cow<'a, str> {
    #[inline(always)]
    fn seen(self, keep: impl FnOnce(String) -> &'a str) -> Value<'a> {
        Value::Text(match self {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => keep(text),
        })
    }
}

pub(crate) fn set_slot<T: Slot>(value: OwnedValue) -> Result<crate::value::Reading<T>, WrongType> {
    T::from_owned(value).map(crate::value::Reading::Known).ok_or(WrongType { expected: T::NAME })
}
