//! What one user or role may do.

use std::borrow::Cow;

use super::document::Statement;
use super::holder::{Applies, Held, Holder, Policies, Resolved};
use super::questions::{Question, Questions, Target, UNNAMED};
use crate::arn;
use crate::exposure::document::{Effect, Sense};
use crate::exposure::pattern::{self, Work, arn_parts, glob, globs_meet};
use crate::value::Why;

/// May it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// Nothing allows it, or something denies it.
    No,
    /// Only where conditions hold, or do not.
    Conditional,
    Yes,
    /// A policy that decides it was not read.
    Unread(Why),
}

impl May {
    /// Both.
    fn and(self, other: May) -> May {
        match (self, other) {
            (May::No, _) | (_, May::No) => May::No,
            (May::Unread(why), _) | (_, May::Unread(why)) => May::Unread(why),
            (May::Conditional, _) | (_, May::Conditional) => May::Conditional,
            (May::Yes, May::Yes) => May::Yes,
        }
    }

    /// Either.
    fn or(self, other: May) -> May {
        match (self, other) {
            (May::Yes, _) | (_, May::Yes) => May::Yes,
            (May::Unread(why), _) | (_, May::Unread(why)) => May::Unread(why),
            (May::Conditional, _) | (_, May::Conditional) => May::Conditional,
            (May::No, May::No) => May::No,
        }
    }

    fn is_allowed(self) -> bool {
        matches!(self, May::Yes | May::Conditional)
    }
}

/// An answer, the actions that it holds for, and the statements that allow them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub may: May,
    pub actions: Vec<String>,
    /// `statement AllowAll of managed policy arn:aws:iam::aws:policy/AdministratorAccess`, each once, in order.
    pub by: Vec<String>,
    /// Why there may be more actions and statements.
    pub unread: Option<Why>,
}

impl Answer {
    fn no() -> Self {
        Answer { may: May::No, actions: Vec::new(), by: Vec::new(), unread: None }
    }

    fn unread(why: Why) -> Self {
        Answer { may: May::Unread(why), unread: Some(why), ..Self::no() }
    }

    /// The same, where something else must be allowed too.
    fn only_if(self, other: May) -> Self {
        match self.may.and(other) {
            May::No => Self::no(),
            May::Unread(why) => Self::unread(why),
            may => Answer { may, actions: Vec::new(), ..self },
        }
    }

    /// All of them together.
    fn join(answers: &[Answer]) -> Self {
        let mut all = Self::no();
        for one in answers {
            all.may = all.may.or(one.may);
            all.unread = all.unread.or(one.unread);
            all.actions.extend(one.actions.iter().cloned());
            for by in &one.by {
                if !all.by.contains(by) {
                    all.by.push(by.clone());
                }
            }
        }
        all
    }
}

/// What a user or role may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Anything on anything, the calls of `iam_write` among it: an administrator, whatever its name.
    pub admin: Answer,
    /// `lambda:InvokeFunction` on every function.
    pub invoke: Answer,
    /// Calls that let someone in or change what a function does, on every function.
    pub control: Answer,
    /// Calls that make or empower users and roles, on some resource of the account.
    pub iam_write: Answer,
}

/// What `holder` may do with these policies.
pub fn rights(holder: &Holder<'_>, policies: &Policies<'_>, questions: &Questions) -> Rights {
    let work = Work::new();
    let judge = Judge::new(holder, policies, &work);
    let answers: Vec<Answer> =
        questions.all().iter().enumerate().map(|(at, question)| judge.answer(at, question)).collect();
    let one = |at: usize| answers.get(at).cloned().unwrap_or_else(|| Answer::unread(Why::Malformed));
    let several = |range| Answer::join(answers.get(range).unwrap_or_default());
    let (anything, iam_write) = (one(Questions::ANYTHING), several(questions.iam()));
    let all = Rights {
        admin: anything.only_if(iam_write.may),
        invoke: one(Questions::INVOKE),
        control: several(Questions::control()),
        iam_write,
    };
    if work.exhausted() {
        let none = || Answer::unread(Why::Malformed);
        return Rights { admin: none(), invoke: none(), control: none(), iam_write: none() };
    }
    all
}

/// What is to be allowed: a request, or some resource that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Goal<'g> {
    Request(Cow<'g, str>),
    /// A resource that both match: a policy's, and those of the action.
    Some {
        pattern: Cow<'g, str>,
        within: &'g str,
    },
}

/// A statement that concerns what is asked, and whose it is.
struct Known<'k> {
    statement: &'k Statement,
    through: &'k str,
    applies: Applies,
}

/// What must allow a call, each for itself: the policies of the holder, its boundary, a level of control policies.
struct Layer<'k> {
    known: Vec<Known<'k>>,
    unread: Option<Why>,
}

struct Judge<'j> {
    holder: &'j Holder<'j>,
    identity: Layer<'j>,
    boundary: Option<Layer<'j>>,
    controls: Vec<Layer<'j>>,
    work: &'j Work,
}

impl<'j> Judge<'j> {
    fn new(holder: &'j Holder<'j>, policies: &'j Policies<'j>, work: &'j Work) -> Self {
        let layer = |held: &'j [Held<'j>]| {
            let mut layer = Layer { known: Vec::new(), unread: None };
            for one in held {
                match one.document {
                    Ok(document) => {
                        if document.unread {
                            layer.unread = layer.unread.or(Some(Why::Malformed));
                        }
                        layer.known.extend(document.statements.iter().map(|statement| Known {
                            statement,
                            through: &one.through,
                            applies: holder.applies(statement, work),
                        }));
                    }
                    Err(why) => layer.unread = layer.unread.or(Some(why)),
                }
            }
            layer.known.retain(|one| one.applies != Applies::Never);
            layer
        };
        Judge {
            holder,
            identity: layer(&policies.identity),
            boundary: policies.boundary.as_ref().map(|held| layer(std::slice::from_ref(held))),
            controls: policies.controls.iter().map(|level| layer(level)).collect(),
            work,
        }
    }

    /// What limits the holder's own policies.
    fn limits(&self) -> impl Iterator<Item = &Layer<'j>> {
        self.boundary.iter().chain(&self.controls)
    }

    fn layers(&self) -> impl Iterator<Item = &Layer<'j>> {
        std::iter::once(&self.identity).chain(self.limits())
    }

    fn answer(&self, at: usize, question: &Question) -> Answer {
        let partition = arn::partition(self.holder.arn).unwrap_or("aws");
        let account = self.holder.account;
        let everything = match &question.target {
            Target::Anything => format!("arn:{partition}:{UNNAMED}:{UNNAMED}:{account}:{UNNAMED}"),
            Target::Function => format!("arn:{partition}:lambda:{UNNAMED}:{account}:function:{UNNAMED}"),
            Target::Mapping => {
                format!("arn:{partition}:lambda:{UNNAMED}:{account}:event-source-mapping:{UNNAMED}")
            }
            Target::Iam(kind) => format!("arn:{partition}:iam::{account}:{kind}/*"),
        };
        // Whatever the action can be made on.
        let wide = everything.replace(UNNAMED, "*");
        let widest = Goal::Some { pattern: Cow::Borrowed(&wide), within: &wide };
        let hidden = self.identity.unread;
        // Whatever else the holder's policies allow, this does not let it through.
        let stopped = || {
            self.limits().any(|layer| layer.unread.is_none() && self.allowed(layer, at, &widest).is_none())
                || self.denied(at, &widest) == Applies::Always
        };
        if let Some(why) = hidden {
            return if stopped() { Answer::no() } else { Answer::unread(why) };
        }
        let mut best = Answer::no();
        for goal in self.goals(at, question, &everything) {
            let may = self.reaches(at, &goal);
            if !may.is_allowed() {
                continue;
            }
            best.may = best.may.or(may);
            for one in self.allowing(&self.identity, at, &goal) {
                let by = format!("{} of {}", one.statement.label, one.through);
                if !best.by.contains(&by) {
                    best.by.push(by);
                }
            }
        }
        if best.may.is_allowed() {
            // What was not read of a boundary or a control policy may take it away.
            if let Some(why) = self.limits().find_map(|layer| layer.unread) {
                return Answer::unread(why);
            }
            best.actions.push(question.action.clone());
        }
        best
    }

    /// What is tried: of a question about everything the request that nobody mentions, there and in the regions that
    /// somebody does; of a question about anything each of the resources that the holder's policies name.
    fn goals<'g>(&self, at: usize, question: &Question, everything: &'g str) -> Vec<Goal<'g>> {
        let mut goals = Vec::new();
        let mut add = |goal: Goal<'g>| {
            if !goals.contains(&goal) {
                goals.push(goal);
            }
        };
        if let Target::Iam(_) = question.target {
            for one in self.identity.known.iter().filter(|one| one.allows(at)) {
                if one.statement.sense == Sense::AllBut {
                    add(Goal::Some { pattern: Cow::Borrowed(everything), within: everything });
                    continue;
                }
                for resource in &one.statement.resources {
                    let text = match self.holder.resolve(resource) {
                        Resolved::Is(text) => text.into_owned(),
                        Resolved::AtMost(text) => text,
                        Resolved::Nothing => continue,
                    };
                    let text = completed(&text).into_owned();
                    let all = glob(&text, everything, self.work);
                    let pattern = if all { Cow::Borrowed(everything) } else { Cow::Owned(text) };
                    add(Goal::Some { pattern, within: everything });
                }
            }
            return goals;
        }
        add(Goal::Request(Cow::Borrowed(everything)));
        if question.target == Target::Anything {
            return goals;
        }
        // Those that a Deny spares count too.
        let known = self.layers().flat_map(|layer| &layer.known).filter(|one| one.statement.asks(at));
        let named: Vec<&String> = known.flat_map(|one| &one.statement.resources).collect();
        let mut regions: Vec<String> = named.iter().filter_map(|text| region(text)).collect();
        regions.push(UNNAMED.to_owned());
        // `function:*:live` is the alias of every function.
        let mut qualifiers: Vec<String> = match question.target {
            Target::Function => named.iter().filter_map(|text| qualifier_of_all(text)).collect(),
            _ => Vec::new(),
        };
        for list in [&mut regions, &mut qualifiers] {
            list.sort();
            list.dedup();
        }
        for region in &regions {
            let Some([arn, partition, service, _, account, target]) = arn_parts(everything) else { continue };
            let request = [arn, partition, service, region, account, target].join(":");
            for qualifier in &qualifiers {
                add(Goal::Request(Cow::Owned(format!("{request}:{qualifier}"))));
            }
            add(Goal::Request(Cow::Owned(request)));
        }
        goals
    }

    fn reaches(&self, at: usize, goal: &Goal<'_>) -> May {
        let mut applies = Applies::Always;
        for layer in self.layers() {
            match self.allowed(layer, at, goal) {
                Some(allowed) => applies = applies.min(allowed),
                // It may allow more than is known of it.
                None if layer.unread.is_some() => {}
                None => return May::No,
            }
        }
        applies = applies.min(self.surely(at, goal));
        match (self.denied(at, goal), applies) {
            (Applies::Always, _) | (_, Applies::Never) => May::No,
            (Applies::Perhaps, _) | (_, Applies::Perhaps) => May::Conditional,
            (Applies::Never, Applies::Always) => May::Yes,
        }
    }

    /// How surely the holder's own policies allow all of it. A statement about a part is no sign of that: the part is a
    /// goal of its own, and may be just what is denied.
    fn surely(&self, at: usize, goal: &Goal<'_>) -> Applies {
        if let Goal::Request(_) = goal {
            return Applies::Always;
        }
        let is_whole = |statement: &Statement| match statement.sense {
            Sense::Named => {
                let mut certain =
                    statement.resources.iter().filter_map(|one| self.holder.resolve(one).certain());
                certain.any(|text| self.covers(&completed(&text), goal))
            }
            Sense::AllBut => self.allows(statement, goal).is_some(),
        };
        let known = self.identity.known.iter().filter(|one| one.allows(at) && is_whole(one.statement));
        known.map(|one| one.applies).max().unwrap_or(Applies::Perhaps)
    }

    fn allowing<'s>(
        &'s self,
        layer: &'s Layer<'j>,
        at: usize,
        goal: &'s Goal<'_>,
    ) -> impl Iterator<Item = &'s Known<'j>> {
        layer.known.iter().filter(move |one| one.allows(at) && self.allows(one.statement, goal).is_some())
    }

    /// How surely the layer allows it; `None`: it does not.
    fn allowed(&self, layer: &Layer<'_>, at: usize, goal: &Goal<'_>) -> Option<Applies> {
        let sure = |one: &Known<'_>| Some(self.allows(one.statement, goal)?.min(one.applies));
        layer.known.iter().filter(|one| one.allows(at)).filter_map(sure).max()
    }

    /// How surely something denies it.
    fn denied(&self, at: usize, goal: &Goal<'_>) -> Applies {
        let denies = |one: &&Known<'_>| {
            one.statement.effect == Effect::Deny && one.statement.asks(at) && self.denies(one.statement, goal)
        };
        let of = |layer: &Layer<'_>| layer.known.iter().filter(denies).map(|one| one.applies).max();
        self.layers().filter_map(of).max().unwrap_or(Applies::Never)
    }

    /// Does an Allow's resource include it? In doubt, yes.
    fn allows(&self, statement: &Statement, goal: &Goal<'_>) -> Option<Applies> {
        match statement.sense {
            Sense::Named => statement
                .resources
                .iter()
                .filter_map(|resource| match self.holder.resolve(resource) {
                    Resolved::Is(text) => self.meets(&text, goal).then_some(Applies::Always),
                    Resolved::AtMost(text) => self.meets(&text, goal).then_some(Applies::Perhaps),
                    Resolved::Nothing => None,
                })
                .max(),
            Sense::AllBut => (!self.one_covers(&statement.resources, goal)).then_some(Applies::Always),
        }
    }

    /// Does a Deny's resource include all of it? In doubt, no.
    fn denies(&self, statement: &Statement, goal: &Goal<'_>) -> bool {
        match statement.sense {
            Sense::Named => self.one_covers(&statement.resources, goal),
            Sense::AllBut => {
                !statement.resources.iter().any(|resource| match self.holder.resolve(resource) {
                    Resolved::Is(text) => self.meets(&text, goal),
                    Resolved::AtMost(text) => self.meets(&text, goal),
                    // Without a value for its variable the statement means nothing.
                    Resolved::Nothing => true,
                })
            }
        }
    }

    /// Can the pattern match it? A wildcard may cross colons: AWS lets one do so at the end of a part.
    fn meets(&self, pattern: &str, goal: &Goal<'_>) -> bool {
        let pattern = completed(pattern);
        match goal {
            Goal::Request(text) => glob(&pattern, text, self.work),
            Goal::Some { pattern: other, within } => {
                self.meet(&pattern, other) && self.meet(&pattern, within) && self.meet(other, within)
            }
        }
    }

    /// Can two patterns match the same? Part by part where both are ARNs: names do not hold colons.
    fn meet(&self, one: &str, other: &str) -> bool {
        match (arn_parts(one), arn_parts(other)) {
            (Some(one), Some(other)) => {
                one.iter().zip(other).all(|(one, other)| globs_meet(one, other, self.work))
            }
            _ => globs_meet(one, other, self.work),
        }
    }

    /// Does one of these surely match all of it?
    fn one_covers(&self, resources: &[String], goal: &Goal<'_>) -> bool {
        let mut certain = resources.iter().filter_map(|one| self.holder.resolve(one).certain());
        certain.any(|text| self.covers(&text, goal))
    }

    /// Does the pattern surely match all of it?
    fn covers(&self, pattern: &str, goal: &Goal<'_>) -> bool {
        let covers = |text: &str| {
            glob(pattern, text, self.work)
                && (crosses_at_ends_only(pattern) || pattern::arn(pattern, text, self.work))
        };
        match goal {
            Goal::Request(text) => covers(text),
            Goal::Some { pattern, within } => covers(pattern) || covers(within),
        }
    }
}

impl Known<'_> {
    fn allows(&self, at: usize) -> bool {
        self.statement.effect == Effect::Allow && self.statement.asks(at)
    }
}

/// AWS puts wildcards where an ARN has too few parts.
fn completed(pattern: &str) -> Cow<'_, str> {
    let parts = pattern.split(':').count();
    if !pattern.starts_with("arn:") || parts >= 6 {
        return Cow::Borrowed(pattern);
    }
    Cow::Owned(format!("{pattern}{}", ":*".repeat(6 - parts)))
}

/// Every `*` ends a part of the ARN: there AWS lets it match colons too.
fn crosses_at_ends_only(pattern: &str) -> bool {
    pattern.split(':').all(|part| part.split_once('*').is_none_or(|(_, rest)| rest.is_empty()))
}

/// The region that a pattern names, its wildcards filled with what nobody mentions.
fn region(resource: &str) -> Option<String> {
    let [_, _, _, region, ..] = arn_parts(resource)?;
    Some(region.replace(['*', '?'], UNNAMED))
}

/// The qualifier in a pattern for it on every function.
fn qualifier_of_all(resource: &str) -> Option<String> {
    let [.., named] = arn_parts(resource)?;
    let (name, qualifier) = named.strip_prefix("function:")?.split_once(':')?;
    let all = !name.is_empty() && name.chars().all(|letter| matches!(letter, '*' | '?'));
    all.then(|| qualifier.replace(['*', '?'], UNNAMED))
}
