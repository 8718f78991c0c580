//! From a policy file to a policy: names, predicates, origins, levels and state keys are checked here.

mod state;

use super::diagnostic::Diagnostic;
use super::file::{HistoryFile, LevelFile, PolicyFile, QuantityFile, policy_file};
use super::judge::{Clause, Judge};
use super::lang::check::{Names, check};
use super::lang::ir::{Param, Pred};
use super::lang::worlds::{Possible, possible};
use super::lang::{LangError, suggest};
use super::load::{OverridePlace, Overrides};
use super::message::{Template, field};
use super::program::Program;
use super::read::{Located, Reader};
use super::{Level, Policy, Profile, SourceText, Texts};
use crate::facts;
use crate::facts::schema::{KindDecl, Origin};

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
            controls: file.controls,
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
