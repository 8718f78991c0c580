//! From a policy file to a policy: names, predicates, origins, levels and state keys are checked here.

use super::diagnostic::Diagnostic;
use super::file::{
    AT_LEAST, CountFile, HistoryFile, LevelFile, PolicyFile, QuantityFile, RepeatFile, policy_file,
};
use super::judge::{Clause, Judge};
use super::lang::check::{Names, check};
use super::lang::ir::{Param, Pred, Type};
use super::lang::worlds::{Possible, possible};
use super::lang::{LangError, Span, suggest};
use super::load::{OverridePlace, Overrides};
use super::message::{Template, field};
use super::program::{Program, negated, number};
use super::read::{Located, Reader};
use super::{Count, History, Level, Policy, Profile, Quantity, Repeat, SourceText, State, Texts};
use crate::facts;
use crate::facts::schema::{FieldType, KindDecl, Origin};

/// What was written in a file, as far as it could be read.
pub(crate) struct Built {
    /// The id, even where the policy is wrong: another file with the same id is reported against it.
    pub(crate) id: Option<Located<String>>,
    pub(crate) policy: Option<Policy>,
    pub(crate) errors: Vec<Diagnostic>,
}

/// Reads and checks one policy file.
pub(crate) fn build(source: &SourceText, overrides: &Overrides) -> Built {
    let mut reader = Reader::new(source);
    let file = policy_file(&mut reader);
    let id = file.as_ref().and_then(|file| file.id.clone());
    let policy = file.and_then(|file| Builder { reader: &mut reader }.policy(file, overrides));
    let mut errors = reader.errors;
    errors.sort_by_key(|error| error.span.as_ref().map(|span| (span.start, span.end)));
    let policy = policy.filter(|_| errors.is_empty());
    Built { id, policy, errors }
}

struct Builder<'r, 's> {
    reader: &'r mut Reader<'s>,
}

/// What predicates of this policy are checked against.
struct Scope<'f> {
    kind: &'static KindDecl,
    params: &'f [Param],
    histories: &'f [String],
}

impl Scope<'_> {
    fn names(&self) -> Names<'_> {
        Names { kind: self.kind, params: self.params, histories: self.histories }
    }
}

impl Builder<'_, '_> {
    fn policy(&mut self, file: PolicyFile, overrides: &Overrides) -> Option<Policy> {
        let on = file.on.as_ref()?;
        let Some(kind) = facts::kind(&on.value) else {
            let names = facts::KINDS.into_iter().map(|kind| kind.name);
            let help = suggest::nearest(&on.value, names.clone()).map_or_else(
                || format!("one of {}", names.collect::<Vec<_>>().join(", ")),
                |name| format!("did you mean `{name}`?"),
            );
            self.reader.help(
                &on.span,
                format!("unknown kind of fact `{}`", on.value.escape_debug()),
                Some(help),
            );
            return None;
        };
        let id = file.id.as_ref().map_or("", |id| &id.value);
        let written: Vec<Param> = file
            .params
            .iter()
            .map(|(name, value)| Param { name: name.value.clone(), value: value.clone() })
            .collect();
        let names: Vec<String> = file.histories.iter().map(|history| history.name.value.clone()).collect();
        let scope = Scope { kind, params: &written, histories: &names };
        let checked = self.predicates(&scope, &file);
        self.unused(&file, &checked);
        let message = file.message.as_ref().and_then(|text| match Template::parse(&text.value, kind) {
            Ok(template) => Some(template),
            Err(errors) => {
                self.reader.lang(text, errors);
                None
            }
        });
        let state = self.state(&file, &scope, &checked);
        let group_by = match (&file.group_by, &state.count) {
            (Some(fields), _) => self.fields(fields, kind),
            (None, Some(count)) => count.by.clone(),
            (None, None) => kind.field("subject").into_iter().collect(),
        };
        self.about_keys(&file, &state, message.as_ref(), &group_by, kind);
        let when = checked.when?;
        let read: Vec<usize> = checked.applies_to.iter().chain([&when]).flat_map(Pred::field_list).collect();
        let mut origins = self.origins(&file, kind, &read);
        if !state.is_empty() {
            self.records_only(&file, kind, &mut origins);
        }
        // Everything below binds values; a file with errors ends here.
        if !self.reader.errors.is_empty() {
            return None;
        }
        let params = self.bind(&written, id, overrides);
        self.bound(&state, id, &params, overrides);
        self.recheck(&file, kind, (&params, overrides), &names, &written);
        let severity = overrides.severity.get(id).copied().unwrap_or(file.severity?.value);
        let risk_score = u8::try_from(file.risk_score?.value).ok()?;
        let clause = |text: &Located<String>, pred: Pred| {
            Clause::new(text.value.clone(), text.span.clone(), pred, kind, &params, &names)
        };
        let levels: Vec<Level> = file
            .levels
            .iter()
            .zip(checked.levels)
            .filter_map(|(level, pred)| {
                Some(Level {
                    when: clause(&level.when, pred?),
                    severity: level.severity,
                    risk_score: u8::try_from(level.risk_score).ok()?,
                    note: level.note.as_ref().map(|note| note.value.clone()),
                })
            })
            .collect();
        let applies_to =
            file.applies_to.as_ref().zip(checked.applies_to).map(|(text, pred)| clause(text, pred));
        let when = clause(file.when.as_ref()?, when);
        let judge = Judge::new(
            applies_to.as_ref().map(|clause| &clause.pred),
            &when.pred,
            levels.iter().map(|level| (&level.when.pred, (level.severity, level.risk_score))),
            (severity, risk_score),
            &params,
        );
        let level_preds = levels.iter().map(|level| &level.when.pred);
        let program = Program::new(&state, &when.pred, level_preds, kind, &params);
        Some(Policy {
            id: id.to_owned(),
            title: file.title?.value,
            severity,
            risk_score,
            since: file.since.map(|since| since.value),
            profile: file.profile.map_or(Profile::Default, |profile| profile.value),
            kind,
            origins,
            group_by,
            attack: file.attack.into_iter().map(|attack| attack.value).collect(),
            texts: Texts {
                why: file.why,
                investigate: file.investigate,
                remediate: file.remediate,
                false_positives: file.false_positives,
                references: file.references.into_iter().map(|reference| reference.value).collect(),
            },
            params,
            levels,
            state,
            source: self.reader.source.clone(),
            applies_to,
            when,
            message: message?,
            judge,
            program,
        })
    }

    fn predicates(&mut self, scope: &Scope<'_>, file: &PolicyFile) -> Checked {
        // What a policy is about is told by single records: no history decides it.
        let alone = Scope { histories: &[], ..*scope };
        let applies_to = file.applies_to.as_ref().and_then(|text| self.check(text, &alone, &[]));
        if let (Some(text), Some(pred)) = (&file.applies_to, &applies_to) {
            match possible(pred, &[], &[], scope.kind, scope.params) {
                Possible::AlwaysTrue => self.whole(text, "`applies_to` is always true", Some("leave it out")),
                Possible::AlwaysFalse | Possible::Nowhere => {
                    self.whole(text, "`applies_to` is never true: the policy would judge nothing", None);
                }
                Possible::Both => {}
            }
        }
        let given: Vec<&Pred> = applies_to.iter().collect();
        let when = file.when.as_ref().and_then(|text| self.check(text, scope, &given));
        let where_applies = if given.is_empty() { "" } else { " where `applies_to` is true" };
        if let (Some(text), Some(pred)) = (&file.when, &when) {
            match possible(pred, &given, &[], scope.kind, scope.params) {
                Possible::AlwaysTrue => {
                    self.whole(
                        text,
                        &format!("`when` is always true{where_applies}: nothing could pass"),
                        None,
                    );
                }
                Possible::AlwaysFalse => {
                    self.whole(
                        text,
                        &format!("`when` is never true{where_applies}: nothing could fail"),
                        None,
                    );
                }
                // `applies_to` is never true: reported there.
                Possible::Both | Possible::Nowhere => {}
            }
        }
        let given: Vec<&Pred> = applies_to.iter().chain(&when).collect();
        let mut levels: Vec<Option<Pred>> = Vec::new();
        for level in &file.levels {
            let pred = self.check(&level.when, scope, &given);
            if let Some(pred) = &pred {
                self.level(level, pred, &given, &levels, scope);
            }
            levels.push(pred);
        }
        let among = file.histories.iter().map(|history| self.among(history, scope)).collect();
        Checked { applies_to, when, levels, among }
    }

    fn level(
        &mut self,
        level: &LevelFile,
        pred: &Pred,
        given: &[&Pred],
        before: &[Option<Pred>],
        scope: &Scope<'_>,
    ) {
        let before: Vec<&Pred> = before.iter().flatten().collect();
        match possible(pred, given, &[], scope.kind, scope.params) {
            Possible::AlwaysFalse => self.whole(&level.when, "the level is never true where `when` is", None),
            Possible::AlwaysTrue => {
                let help = "a finding without a level has the policy's own severity: change that, or narrow the level";
                self.whole(&level.when, "the level is always true where `when` is", Some(help));
            }
            Possible::Both | Possible::Nowhere => {
                if matches!(
                    possible(pred, given, &before, scope.kind, scope.params),
                    Possible::AlwaysFalse | Possible::Nowhere
                ) && !matches!(possible(pred, given, &[], scope.kind, scope.params), Possible::Nowhere)
                {
                    self.whole(
                        &level.when,
                        "the level is unreachable: an earlier one is always true where it is",
                        None,
                    );
                }
            }
        }
    }

    fn among(&mut self, history: &HistoryFile, scope: &Scope<'_>) -> Option<Pred> {
        // A history is about single records: it cannot ask about other histories.
        let alone = Scope { histories: &[], ..*scope };
        let pred = self.check(&history.among, &alone, &[])?;
        if possible(&pred, &[], &[], scope.kind, scope.params) == Possible::AlwaysFalse {
            self.whole(&history.among, "`among` is never true", None);
        }
        Some(pred)
    }

    fn whole(&mut self, text: &Located<String>, message: &str, help: Option<&str>) {
        self.reader.help(&text.span, message, help.map(str::to_owned));
    }

    fn check(&mut self, text: &Located<String>, scope: &Scope<'_>, given: &[&Pred]) -> Option<Pred> {
        match check(&text.value, scope.names(), given) {
            Ok(pred) => Some(pred),
            Err(errors) => {
                self.reader.lang(text, errors);
                None
            }
        }
    }

    /// Checks the predicates again with the values of the configuration: a value outside a closed set, or a pattern
    /// that does not compile, is the configuration's error.
    fn recheck(
        &mut self,
        file: &PolicyFile,
        kind: &'static KindDecl,
        (params, overrides): (&[Param], &Overrides),
        names: &[String],
        written: &[Param],
    ) {
        if params == written {
            return;
        }
        let names = Names { kind, params, histories: names };
        let mut given: Vec<Pred> = Vec::new();
        let predicates =
            file.applies_to.iter().chain(&file.when).chain(file.levels.iter().map(|level| &level.when));
        for text in predicates {
            match check(&text.value, names, &given.iter().collect::<Vec<_>>()) {
                Ok(pred) => given.push(pred),
                Err(errors) => {
                    let id = file.id.as_ref().map_or("", |id| &id.value);
                    self.with_these(id, errors, overrides);
                }
            }
        }
        let alone = Names { histories: &[], ..names };
        for history in &file.histories {
            if let Err(errors) = check(&history.among.value, alone, &[]) {
                let id = file.id.as_ref().map_or("", |id| &id.value);
                self.with_these(id, errors, overrides);
            }
        }
    }

    fn with_these(&mut self, id: &str, errors: Vec<LangError>, overrides: &Overrides) {
        for error in errors {
            let message = format!("with these parameters of `{id}`: {}", error.message);
            let place = OverridePlace::Params(id.to_owned());
            self.reader.errors.push(overrides.error(&place, message, error.help));
        }
    }

    /// The parameters with the configuration's values; wrong names and types are the configuration's errors.
    fn bind(&mut self, written: &[Param], id: &str, overrides: &Overrides) -> Vec<Param> {
        let mut params = written.to_vec();
        for (name, value) in overrides.params.get(id).into_iter().flatten() {
            let place = OverridePlace::Param(id.to_owned(), name.clone());
            let Some(param) = params.iter_mut().find(|param| param.name == *name) else {
                let help = suggest::nearest(name, written.iter().map(|param| param.name.as_str()))
                    .map(|known| format!("did you mean `{known}`?"));
                let message = format!("policy `{id}` has no parameter `{name}`");
                self.reader.errors.push(overrides.error(&place, message, help));
                continue;
            };
            let new = Param { name: name.clone(), value: value.to_owned_value() };
            if new.ty() == param.ty() {
                *param = new;
            } else {
                let (expected, found) = (param.ty().as_str(), new.ty().as_str());
                let message = format!("parameter `{name}` of `{id}`: expected {expected}, found {found}");
                self.reader.errors.push(overrides.error(&place, message, None));
            }
        }
        params
    }

    fn unused(&mut self, file: &PolicyFile, checked: &Checked) {
        if !checked.complete(file) {
            return;
        }
        let mut params: Vec<usize> = checked.all().flat_map(Pred::params).collect();
        params.extend(file.count.iter().flat_map(|count| [&count.window, &count.at_least]).filter_map(
            |one| {
                let QuantityFile::Param(name) = one else { return None };
                file.params.iter().position(|(known, _)| known.value == name.value)
            },
        ));
        for (index, (name, _)) in file.params.iter().enumerate() {
            if !params.contains(&index) {
                self.reader.error(&name.span, format!("no predicate reads `params.{}`", name.value));
            }
        }
        let histories: Vec<usize> = checked.all().flat_map(Pred::histories).collect();
        for (index, history) in file.histories.iter().enumerate() {
            if !histories.contains(&index) {
                let message = format!("no predicate asks `seen.{}`", history.name.value);
                self.reader.error(&history.name.span, message);
            }
        }
    }

    fn fields(&mut self, names: &[Located<String>], kind: &'static KindDecl) -> Vec<usize> {
        let mut list = Vec::new();
        for name in names {
            match field(&name.value, 0..name.value.len(), kind) {
                Ok(index) if list.contains(&index) => {
                    self.reader.error(&name.span, format!("`{}` stands here twice", name.value));
                }
                Ok(index) => list.push(index),
                Err(error) => self.reader.lang(name, vec![error]),
            }
        }
        list
    }

    /// The origins in which every field that is read can exist, or those that are given.
    fn origins(&mut self, file: &PolicyFile, kind: &'static KindDecl, read: &[usize]) -> Vec<Origin> {
        let readable =
            |origin: Origin| read.iter().find(|index| !kind.field_origins(**index).contains(&origin));
        let Some(given) = &file.origins else {
            let origins: Vec<Origin> =
                kind.origins.iter().copied().filter(|origin| readable(*origin).is_none()).collect();
            if origins.is_empty() {
                self.reader.error(&file.span, "no fact can have all the fields that the predicates read");
            }
            return origins;
        };
        let mut origins = Vec::new();
        for origin in given {
            let word = origin.value.as_str();
            if !kind.origins.contains(&origin.value) {
                self.reader.error(&origin.span, format!("`{}` facts have no origin `{word}`", kind.name));
            } else if let Some(index) = readable(origin.value) {
                let name = kind.fields.get(*index).map_or("?", |field| field.name);
                let message = format!("`{}.{name}` is never read in facts of origin `{word}`", kind.name);
                self.reader.error(&origin.span, message);
            } else if origins.contains(&origin.value) {
                self.reader.error(&origin.span, format!("`{word}` stands here twice"));
            } else {
                origins.push(origin.value);
            }
        }
        if given.is_empty() {
            self.reader.error(&file.span, "`origins` is empty: the policy would judge nothing");
        }
        origins.sort_unstable();
        origins
    }

    fn state(&mut self, file: &PolicyFile, scope: &Scope<'_>, checked: &Checked) -> State {
        if let (Some(when), Some(text)) = (&checked.when, &file.when)
            && !when.histories().is_empty()
        {
            let mut barring = Vec::new();
            negated(when, &mut barring);
            if barring.is_empty() {
                let help = "join `!seen.NAME` with `&&`, or ask in `levels`".to_owned();
                let message = "a history in `when` needs a negated `seen` that must hold";
                self.reader.help(&text.span, message, Some(help));
            }
        }
        if let (Some(warm_up), true) = (&file.warm_up, file.histories.is_empty()) {
            self.reader.error(&warm_up.span, "`warm_up` is about histories, and there are none");
        }
        if let Some(count) = &file.count {
            let beside = [
                ("histories", file.histories.first().map(|history| &history.name.span)),
                ("levels", file.levels.first().map(|level| &level.when.span)),
            ];
            for (key, span) in beside {
                if span.is_some() {
                    self.reader.error(&count.span, format!("`count` and `{key}` do not go together"));
                }
            }
        }
        if let Some(repeat) = &file.repeat {
            self.reader.error(&repeat.span, "`repeat` is not judged by this version");
        }
        let mut names: Vec<&str> = Vec::new();
        for history in &file.histories {
            if names.contains(&history.name.value.as_str()) {
                self.reader.error(&history.name.span, format!("`{}` stands here twice", history.name.value));
            }
            names.push(&history.name.value);
        }
        let histories = file
            .histories
            .iter()
            .zip(&checked.among)
            .filter_map(|(history, among)| {
                let by = self.key(&history.by, &history.name.span, scope.kind);
                if history.window.value < 3_600 {
                    self.reader.error(&history.window.span, "a history's window is at least 1h");
                }
                Some(History {
                    name: history.name.value.clone(),
                    by,
                    among: among.clone()?,
                    window: history.window.value,
                })
            })
            .collect();
        State {
            histories,
            warm_up: file.warm_up.as_ref().map(|warm_up| warm_up.value),
            count: file.count.as_ref().map(|count| self.count(count, file, scope)),
            repeat: file.repeat.as_ref().map(|repeat| self.repeat(repeat, scope.kind)),
        }
    }

    /// The fields of a key: at least one.
    fn key(&mut self, by: &[Located<String>], span: &Span, kind: &'static KindDecl) -> Vec<usize> {
        if by.is_empty() {
            self.reader.error(span, "`by` is empty: a key has at least one field");
        }
        self.fields(by, kind)
    }

    fn count(&mut self, count: &CountFile, file: &PolicyFile, scope: &Scope<'_>) -> Count {
        let kind = scope.kind;
        let by = self.key(&count.by, &count.span, kind);
        let distinct =
            count.distinct.as_ref().and_then(|name| self.fields(std::slice::from_ref(name), kind).pop());
        if let (Some(name), Some(field)) =
            (&count.distinct, distinct.and_then(|index| kind.fields.get(index)))
            && (field.ty != FieldType::Text || field.optional)
        {
            self.reader.error(&name.span, "`distinct` names a text that is always there");
        }
        let window = self.quantity(&count.window, file, scope, Type::Text);
        let at_least = self.quantity(&count.at_least, file, scope, Type::Int);
        Count { by, window, distinct, at_least }
    }

    /// A number or a parameter that has one: an int, or a text that says a length of time.
    fn quantity(
        &mut self,
        written: &QuantityFile,
        file: &PolicyFile,
        scope: &Scope<'_>,
        ty: Type,
    ) -> Quantity {
        let name = match written {
            QuantityFile::Is(value) => return Quantity::Is(*value),
            QuantityFile::Param(name) => name,
        };
        let Some(index) = file.params.iter().position(|(known, _)| known.value == name.value) else {
            let help =
                suggest::nearest(&name.value, file.params.iter().map(|(known, _)| known.value.as_str()))
                    .map(|known| format!("did you mean `params.{known}`?"));
            let message = format!("unknown parameter `params.{}`", name.value.escape_debug());
            self.reader.help(&name.span, message, help);
            return Quantity::Is(i64::MAX);
        };
        if let Some(fault) = scope.params.get(index).and_then(|param| unfit(param, ty)) {
            self.reader.error(&name.span, fault);
        }
        Quantity::Param(index)
    }

    /// Checks parameters of the configuration that stand for numbers.
    fn bound(&mut self, state: &State, id: &str, params: &[Param], overrides: &Overrides) {
        let Some(count) = &state.count else { return };
        for (quantity, ty) in [(count.window, Type::Text), (count.at_least, Type::Int)] {
            let Quantity::Param(index) = quantity else { continue };
            let Some(param) = params.get(index) else { continue };
            if let Some(fault) = unfit(param, ty) {
                let place = OverridePlace::Param(id.to_owned(), param.name.clone());
                self.reader.errors.push(overrides.error(&place, fault, None));
            }
        }
    }

    /// A finding of counted records is about their key: what it says is the same for all of them.
    fn about_keys(
        &mut self,
        file: &PolicyFile,
        state: &State,
        message: Option<&Template>,
        group_by: &[usize],
        kind: &'static KindDecl,
    ) {
        let Some(count) = &state.count else { return };
        let name = |index: usize| kind.fields.get(index).map_or("?", |field| field.name);
        let strange = |index: &usize| !count.by.contains(index);
        if let (Some(text), Some(index)) =
            (&file.message, message.and_then(|message| message.fields().find(strange)))
        {
            let fault = format!(
                "the records counted differ in `{}.{}`: only fields of `by` can be told",
                kind.name,
                name(index)
            );
            self.reader.error(&text.span, fault);
        }
        if let (Some(fields), Some(index)) = (&file.group_by, group_by.iter().find(|index| strange(index))) {
            let span = fields.first().map_or_else(|| count_span(file), |field| field.span.clone());
            let fault = format!(
                "the records counted differ in `{}.{}`: they are grouped by fields of `by`",
                kind.name,
                name(*index)
            );
            self.reader.error(&span, fault);
        }
    }

    /// State is about records: what is configured now has no time.
    fn records_only(&mut self, file: &PolicyFile, kind: &'static KindDecl, origins: &mut Vec<Origin>) {
        let given = file.origins.iter().flatten().find(|origin| origin.value == Origin::State);
        if let Some(origin) = given {
            self.reader.error(&origin.span, "state across records is not kept for facts of origin `state`");
        }
        origins.retain(|origin| *origin != Origin::State);
        if origins.is_empty() && given.is_none() {
            let fault = format!(
                "state across records is about facts that records make, and `{}` facts are none",
                kind.name
            );
            self.reader.error(&file.span, fault);
        }
    }

    fn repeat(&mut self, repeat: &RepeatFile, kind: &'static KindDecl) -> Repeat {
        Repeat { by: self.fields(&repeat.by, kind), every: repeat.every.value }
    }
}

struct Checked {
    applies_to: Option<Pred>,
    when: Option<Pred>,
    levels: Vec<Option<Pred>>,
    among: Vec<Option<Pred>>,
}

impl Checked {
    fn all(&self) -> impl Iterator<Item = &Pred> {
        self.applies_to
            .iter()
            .chain(&self.when)
            .chain(self.levels.iter().flatten())
            .chain(self.among.iter().flatten())
    }

    /// Whether every predicate of the file was understood.
    fn complete(&self, file: &PolicyFile) -> bool {
        self.applies_to.is_some() == file.applies_to.is_some()
            && self.when.is_some()
            && self.levels.iter().all(Option::is_some)
            && self.among.iter().all(Option::is_some)
    }
}

/// Why a parameter is not the number that a count needs.
fn unfit(param: &Param, ty: Type) -> Option<String> {
    let name = &param.name;
    match (param.ty(), number(param)) {
        (found, _) if found != ty => {
            Some(format!("`params.{name}`: expected {}, found {}", ty.as_str(), found.as_str()))
        }
        (Type::Int, Some(value)) if !AT_LEAST.contains(&value) => {
            Some(format!("`params.{name}` is between {} and {}", AT_LEAST.start(), AT_LEAST.end()))
        }
        (Type::Text, None) => {
            Some(format!("`params.{name}` is no length of time such as 10s, 60m, 12h or 30d"))
        }
        _ => None,
    }
}

fn count_span(file: &PolicyFile) -> Span {
    file.count.as_ref().map_or(file.span.clone(), |count| count.span.clone())
}
