//! What a policy file asks across records: histories, warm-up, counts, and what does not go together.

use super::{Builder, Checked, Scope};
use crate::facts::schema::{FieldType, KindDecl, Origin};
use crate::policy::file::{AT_LEAST, CountFile, PolicyFile, QuantityFile, RepeatFile};
use crate::policy::lang::ir::{Param, Type};
use crate::policy::lang::{Span, suggest};
use crate::policy::load::{OverridePlace, Overrides};
use crate::policy::message::Template;
use crate::policy::program::{negated, number};
use crate::policy::read::Located;
use crate::policy::{Count, History, Quantity, Repeat, State, Window};

impl Builder<'_, '_> {
    pub(super) fn state(&mut self, file: &PolicyFile, scope: &Scope<'_>, checked: &Checked) -> State {
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
                ("repeat", file.repeat.as_ref().map(|repeat| &repeat.span)),
                ("histories", file.histories.first().map(|history| &history.name.span)),
                ("levels", file.levels.first().map(|level| &level.when.span)),
            ];
            for (key, span) in beside {
                if span.is_some() {
                    self.reader.error(&count.span, format!("`count` and `{key}` do not go together"));
                }
            }
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
                if matches!(history.window.value, Window::Last(window) if window < 3_600) {
                    self.reader.error(&history.window.span, "a history's window is at least 1h");
                }
                let other = history.other.as_ref().and_then(|name| {
                    if history.window.value != Window::All {
                        let help = "write `window: all`".to_owned();
                        let message = "`other` is about all that was read, not about a window";
                        self.reader.help(&name.span, message, Some(help));
                    }
                    self.fields(std::slice::from_ref(name), scope.kind).pop()
                });
                if let (Some(name), Some(index)) = (&history.other, other)
                    && by.contains(&index)
                {
                    self.reader.error(&name.span, "records with the same key never differ in a field of it");
                }
                Some(History {
                    name: history.name.value.clone(),
                    by,
                    among: among.clone()?,
                    window: history.window.value,
                    other,
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
    pub(super) fn bound(&mut self, state: &State, id: &str, params: &[Param], overrides: &Overrides) {
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
    pub(super) fn about_keys(
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
    pub(super) fn records_only(
        &mut self,
        file: &PolicyFile,
        kind: &'static KindDecl,
        origins: &mut Vec<Origin>,
    ) {
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
        Repeat { by: self.key(&repeat.by, &repeat.span, kind), every: repeat.every.value }
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
