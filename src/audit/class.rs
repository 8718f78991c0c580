//! What many activities have in common that is cheap to read and decides most policies: what is certain by it is worked
//! out once for all that are alike.

use crate::engine::{Engine, Plan};
use crate::facts::schema::{FieldAccess, KindDecl, Origin};
use crate::facts::{API_CALL, INVOCATION};
use crate::trail::{Identity, IdentityKind};
use crate::value::{Value, Why};

/// What is read of an activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Class {
    /// `None` where the kind does not tell.
    identity: Option<IdentityKind>,
    /// Of each telling field two bits.
    flags: u32,
}

/// What a telling field is found to be.
const TRUE: u32 = 1;
const FALSE: u32 = 2;
const ABSENT: u32 = 3;

/// The fields that tell the class of a kind's facts: where they are, of those that the policies ask.
#[derive(Debug)]
pub(super) struct Telling {
    kind: &'static KindDecl,
    source: Option<usize>,
    name: Option<usize>,
    identity: Option<usize>,
    session: [Option<usize>; 2],
    /// At most sixteen. Where one of the first few is false the others are not read: it decides alone.
    flags: Vec<usize>,
    first: usize,
}

impl Telling {
    fn new(engine: &Engine<'_>, kind: &'static KindDecl, first: &[&str], others: &[&str]) -> Self {
        let asked = |name: &&str| kind.field(name).filter(|_| engine.reads(&[*name]));
        let mut flags: Vec<usize> = first.iter().filter_map(asked).collect();
        let first = flags.len();
        flags.extend(others.iter().filter_map(asked));
        flags.truncate(16);
        Telling {
            kind,
            source: kind.field("event_source"),
            name: kind.field("event_name"),
            identity: kind.field("identity_type"),
            session: ["lambda_session", "lambda_function"].map(|name| kind.field(name)),
            flags,
            first,
        }
    }

    pub(super) fn calls(engine: &Engine<'_>) -> Self {
        Telling::new(engine, &API_CALL, &[], &["outside", "command_line", "vpc_endpoint"])
    }

    pub(super) fn invocations(engine: &Engine<'_>) -> Self {
        let others = ["anonymous", "dry_run", "cross_account", "trusted", "cloud"];
        Telling::new(engine, &INVOCATION, &["succeeded", "direct"], &others)
    }

    /// The class of a fact, whose caller is of this kind. `None`: of a kind that stands for several.
    fn class(&self, fact: &dyn FieldAccess, caller: IdentityKind) -> Option<Class> {
        let identity = match (self.identity, caller) {
            (None, _) => None,
            (Some(_), IdentityKind::Other | IdentityKind::None) => return None,
            (Some(_), kind) => Some(kind),
        };
        let mut flags = 0;
        for (at, field) in self.flags.iter().enumerate() {
            let flag = match fact.value(*field) {
                Value::Bool(true) => TRUE,
                Value::Bool(false) => FALSE,
                Value::Absent => ABSENT,
                _ => 0,
            };
            flags |= flag << (2 * at);
            if at < self.first && flag == FALSE {
                break;
            }
        }
        Some(Class { identity, flags })
    }
}

/// A fact of which its class, its source and its name are read.
struct Alike<'c> {
    telling: &'c Telling,
    class: Class,
    /// Source, name, and identity type.
    texts: [&'c str; 3],
}

impl FieldAccess for Alike<'_> {
    fn kind(&self) -> &'static KindDecl {
        self.telling.kind
    }

    fn value(&self, index: usize) -> Value<'_> {
        let Telling { source, name, identity, session: [session, function], flags, .. } = self.telling;
        let [source_text, name_text, identity_text] = self.texts;
        let is = |field: &Option<usize>| *field == Some(index);
        let is_nones = self.class.identity.is_some_and(|identity| !identity.may_be_lambdas());
        if is(source) {
            return Value::Text(source_text);
        }
        if is(name) {
            return Value::Text(name_text);
        }
        if is(identity) && self.class.identity.is_some() {
            return Value::Text(identity_text);
        }
        if is(session) && is_nones {
            return Value::Bool(false);
        }
        if is(function) && is_nones {
            return Value::Absent;
        }
        let flag = flags.iter().position(|field| *field == index).map(|at| self.class.flags >> (2 * at) & 3);
        match flag {
            Some(TRUE) => Value::Bool(true),
            Some(FALSE) => Value::Bool(false),
            Some(ABSENT) => Value::Absent,
            _ => Value::Unread(Why::NotInRecord),
        }
    }
}

/// What is certain of the facts of one kind that have the same source and name.
#[derive(Debug)]
pub(super) struct Plans {
    /// Of all.
    all: Plan,
    /// Of those of which a little more is known.
    classes: Vec<(Class, Plan)>,
}

impl Plans {
    /// Those in which the policies are left out to which none of them can matter.
    pub(super) fn relevant(engine: &Engine<'_>, telling: &Telling, texts: (&str, &str)) -> Self {
        let all = engine.plan(&Plans::unread(telling, texts), Origin::Activity);
        Plans { all, classes: Vec::new() }
    }

    /// Those of all policies: their verdicts are counted.
    pub(super) fn complete(engine: &Engine<'_>, telling: &Telling, texts: (&str, &str)) -> Self {
        let all = engine.whole_plan(&Plans::unread(telling, texts), Origin::Activity);
        Plans { all, classes: Vec::new() }
    }

    /// Only source and name are read.
    fn unread<'c>(telling: &'c Telling, (source, name): (&'c str, &'c str)) -> Alike<'c> {
        Alike { telling, class: Class { identity: None, flags: 0 }, texts: [source, name, ""] }
    }

    /// Can one of them matter to any policy?
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What is certain of a fact, which has this source, name and caller. Worked out once for all that are alike.
    #[inline]
    pub(super) fn of(
        &mut self,
        fact: &dyn FieldAccess,
        engine: &Engine<'_>,
        (telling, source, name): (&Telling, &str, &str),
        caller: &Identity<'_>,
    ) -> &Plan {
        let Plans { all, classes } = self;
        let Some(class) = telling.class(fact, caller.kind()) else { return all };
        let at = classes.iter().position(|(known, _)| *known == class).unwrap_or_else(|| {
            let identity = caller.type_text();
            let alike = Alike { telling, class, texts: [source, name, identity.text().unwrap_or_default()] };
            classes.push((class, engine.narrow(all, &alike)));
            classes.len() - 1
        });
        classes.get(at).map_or(all, |(_, plan)| plan)
    }
}
