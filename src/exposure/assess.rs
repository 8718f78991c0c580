//! From a document to its grants: each Allow's boxes of callers, less what every Deny surely covers.

use super::action::{self, Atom};
use super::callers::{Callers, Kind, Truth};
use super::class::{Class, Side, all_trusted, class, nobody};
use super::condition::{Key, Meaning, meaning};
use super::document::{Document, Effect, Fault, Names, Sense, Statement};
use super::json::{self, Node};
use super::listed;
use super::pattern::{Pattern, Work};
use super::principal::{Bound, Cast, Principals, Services, cast};
use super::reason::Met;
use super::{
    Assessment, Context, Exposure, Grant, Marks, Reach, Unreadable, UrlAdmission, UrlUse, WrittenJson, reason,
};

/// More boxes than this are not kept apart: a Deny beyond it is left out, which admits more.
const MAX_BOXES: usize = 128;

/// Judges a whole document as AWS stores it, every Deny applied.
///
/// # Errors
/// [`Unreadable`] where there are no statements to judge: the exposure is unknown.
pub fn assess(document: &str, context: &Context<'_>) -> Result<Assessment, Unreadable> {
    let root = json::parse(document)?;
    assess_node(&root, context)
}

/// The same for JSON that is already read.
pub(super) fn assess_node(root: &Node<'_>, context: &Context<'_>) -> Result<Assessment, Unreadable> {
    let document = Document::read(root)?;
    let work = Work::new();
    let judge = Judge {
        denies: document.statements.iter().flatten().filter_map(|s| Denial::of(s, context.owner)).collect(),
        context,
        work: &work,
    };
    let mut url = UrlParts::default();
    let grants: Vec<Grant> = document
        .statements
        .iter()
        .map(|statement| match statement {
            Ok(statement) => judge.grant(statement, &mut url),
            Err(fault) => {
                url.unread = true;
                unreadable(fault)
            }
        })
        .collect();
    if work.exhausted() {
        return Err(Unreadable::TooComplex);
    }
    Ok(summed_up(grants, url.admission()))
}

/// The policy's exposure is its worst grant's, its finding that of any grant.
fn summed_up(grants: Vec<Grant>, url: UrlAdmission) -> Assessment {
    let mut finding = Some(false);
    for grant in &grants {
        match grant.trusted {
            Some(false) => {
                finding = Some(true);
                break;
            }
            None => finding = None,
            Some(true) => {}
        }
    }
    let unknown = grants.iter().any(|grant| grant.exposure == Exposure::Unknown);
    let worst = grants
        .iter()
        .map(|grant| grant.exposure)
        .filter(|e| *e != Exposure::Unknown)
        .min_by_key(|e| e.rank());
    let exposure = match worst {
        _ if unknown && finding != Some(true) => Exposure::Unknown,
        Some(worst) => worst,
        None => Exposure::None,
    };
    Assessment { exposure, finding, grants, url }
}

/// A Deny, ready to be applied.
struct Denial<'s, 'n> {
    cast: Cast<'n>,
    meanings: Vec<Meaning<'n>>,
    statement: &'s Statement<'n>,
}

impl<'s, 'n> Denial<'s, 'n> {
    fn of(statement: &'s Statement<'n>, owner: Option<&'n str>) -> Option<Self> {
        if statement.effect != Effect::Deny {
            return None;
        }
        let cast = cast(&statement.principal, Bound::AtLeast);
        // "All but" something that could not be read may be all but everyone.
        if cast.unread.is_some() && statement.principal.sense == Sense::AllBut {
            return None;
        }
        let meanings = statement.conditions.iter().map(|c| meaning(c, owner)).collect();
        Some(Self { cast, meanings, statement })
    }

    /// The callers of the box for whom this does not hold.
    fn spares(&self, callers: &Callers<'n>, work: &Work, out: &mut Vec<Callers<'n>>) {
        let (principals, services) = (&self.cast.principals, &self.cast.services);
        if callers.kind == Kind::Anonymous && !self.cast.anonymous {
            out.push(callers.clone());
            return;
        }
        if callers.kind != Kind::Anonymous {
            out.extend(callers.within(&principals.complement(), &services.complement(), work));
        }
        if let Some(named) = callers.within(principals, services, work) {
            for meaning in &self.meanings {
                let mut spared = named.clone();
                if spared.narrow(meaning, Truth::Fails, work) {
                    out.push(spared);
                }
            }
        }
    }
}

/// What the statements seen so far do for anonymous callers.
#[derive(Default)]
struct UrlParts {
    invoke_url: bool,
    invoke: bool,
    unread: bool,
}

impl UrlParts {
    fn admission(&self) -> UrlAdmission {
        match (self.invoke_url, self.invoke) {
            (true, true) => UrlAdmission::Both,
            _ if self.unread => UrlAdmission::Unknown,
            (true, false) => UrlAdmission::OnlyOlder,
            (false, _) => UrlAdmission::Neither,
        }
    }
}

struct Judge<'c, 's, 'n> {
    denies: Vec<Denial<'s, 'n>>,
    context: &'c Context<'n>,
    work: &'c Work,
}

impl<'n> Judge<'_, '_, 'n> {
    fn side(&self) -> Side<'n> {
        Side { owner: self.context.owner, trust: self.context.trust }
    }

    fn grant(&self, statement: &Statement<'n>, url: &mut UrlParts) -> Grant {
        let meanings: Vec<Meaning<'n>> =
            statement.conditions.iter().map(|c| meaning(c, self.context.owner)).collect();
        let cast = cast(&statement.principal, Bound::AtMost);
        let mut grant = written(statement);
        grant.conditions =
            statement.conditions.iter().zip(&meanings).map(|(c, m)| reason::note(c, m, &cast)).collect();
        if statement.effect == Effect::Deny {
            grant.reason = reason::deny(&cast, &meanings);
            return grant;
        }
        self.allow(statement, &cast, &meanings, url, &mut grant);
        grant
    }

    fn allow(
        &self,
        statement: &Statement<'n>,
        cast: &Cast<'n>,
        meanings: &[Meaning<'n>],
        url: &mut UrlParts,
        grant: &mut Grant,
    ) {
        let kind = self.context.kind;
        let invoking = action::invoking_atoms(&statement.actions, kind, self.work);
        let others = action::other_atoms(&statement.actions, kind, self.work);
        let signed: Vec<_> = [Kind::Principal, Kind::Service]
            .into_iter()
            .filter_map(|kind| narrowed(kind, cast, meanings, self.work))
            .collect();
        let anonymous = match kind {
            super::ResourceKind::Function if cast.anonymous && !invoking.is_empty() => {
                narrowed(Kind::Anonymous, cast, meanings, self.work)
            }
            _ => None,
        };
        grant.url = url_use(&signed, anonymous.as_ref(), &invoking, !others.is_empty());

        let resources = action::resources(statement.resources.as_ref());
        if let Some(anonymous) = &anonymous {
            let open = |name| {
                invoking.contains(&Atom::One(name))
                    && self
                        .classes(&[Atom::One(name)], &resources, std::slice::from_ref(anonymous))
                        .iter()
                        .any(|class| class.exposure == Exposure::Public)
            };
            url.invoke_url |= open(action::INVOKE_URL);
            url.invoke |= open(action::INVOKE);
        }

        let (notes, only_url) = (&grant.conditions, grant.url.is_only());
        let of_class = |atoms: &[Atom<'_>], named: Vec<String>| -> Option<Reach> {
            if atoms.is_empty() {
                return None;
            }
            let mut classes = self.classes(atoms, &resources, &signed);
            // Without credentials nothing but a URL can be called, and a URL always asks for its own action.
            let by_url: Vec<Atom<'_>> = atoms
                .iter()
                .copied()
                .filter(|atom| *atom == Atom::One(action::INVOKE_URL) || only_url && invoking.contains(atom))
                .collect();
            if let (Some(anonymous), false) = (&anonymous, by_url.is_empty()) {
                classes.extend(self.classes(&by_url, &resources, std::slice::from_ref(anonymous)));
            }
            let met = if signed.is_empty() && anonymous.is_none() { Met::Never } else { Met::Possible };
            Some(reason::reach(classes, cast, notes, named, met, self.side()))
        };
        let (invoke_names, other_names) = split_names(&statement.actions, kind, &invoking, self.work);
        let (invoke, beyond) = (of_class(&invoking, invoke_names), of_class(&others, other_names));
        grant.invoke = invoke;
        grant.beyond = beyond.map(excused);

        let reaches = [grant.invoke.as_ref(), grant.beyond.as_ref()];
        let worst = reaches.iter().flatten().min_by_key(|reach| reach.exposure.rank());
        match worst {
            // A principal that could not be read may be anyone; only "anyone" cannot become worse by it.
            Some(worst)
                if cast.unread.is_none()
                    || worst.exposure == Exposure::Public
                    || statement.principal.sense == Sense::AllBut =>
            {
                grant.exposure = worst.exposure;
                grant.reason = worst.reason.clone();
                grant.trusted = all_trusted(reaches.iter().flatten().map(|reach| reach.trusted));
            }
            Some(_) => {
                url.unread |= !invoking.is_empty();
                grant.exposure = Exposure::Unknown;
                grant.trusted = None;
                grant.reason = format!("the statement cannot be judged: {}", cast.unread.unwrap_or_default());
                grant.marks.fault = grant.marks.principal.clone();
                for reach in [&mut grant.invoke, &mut grant.beyond].into_iter().flatten() {
                    reach.exposure = Exposure::Unknown;
                    reach.trusted = None;
                    reach.reason.clone_from(&grant.reason);
                }
            }
            None => grant.reason = "it allows no action".to_owned(),
        }
    }

    /// The judgements of what is left of `boxes` once every Deny that covers an atom and a resource is applied.
    fn classes(
        &self,
        atoms: &[Atom<'_>],
        resources: &[Option<&'n str>],
        boxes: &[Callers<'n>],
    ) -> Vec<Class> {
        let mut seen: Vec<Vec<usize>> = Vec::new();
        let mut classes = Vec::new();
        for atom in atoms {
            for resource in resources {
                let covering = self.covering(*atom, *resource);
                if seen.contains(&covering) {
                    continue;
                }
                let mut left = boxes.to_vec();
                for index in &covering {
                    let mut next = Vec::with_capacity(left.len());
                    for callers in &left {
                        self.work.spend(1);
                        self.denies[*index].spares(callers, self.work, &mut next);
                    }
                    if next.len() <= MAX_BOXES {
                        left = next;
                    }
                    if left.is_empty() || self.work.exhausted() {
                        break;
                    }
                }
                classes.extend(left.iter().map(|callers| class(callers, self.side(), self.work)));
                seen.push(covering);
            }
        }
        if classes.is_empty() {
            classes.push(nobody());
        }
        classes
    }

    fn covering(&self, atom: Atom<'_>, resource: Option<&'n str>) -> Vec<usize> {
        let covers = |denial: &Denial<'_, 'n>| {
            action::denies(&denial.statement.actions, atom, self.context.kind, self.work)
                && action::denies_resource(denial.statement.resources.as_ref(), resource, self.work)
        };
        self.denies.iter().enumerate().filter(|(_, denial)| covers(denial)).map(|(index, _)| index).collect()
    }
}

/// A service that AWS itself needs there, with the actions it needs, is nobody's open door.
fn excused(mut reach: Reach) -> Reach {
    if let ([service], Exposure::ServiceUnrestricted) = (reach.services.as_slice(), reach.exposure)
        && listed::is_listed(service, &reach.actions)
    {
        reach.trusted = Some(true);
        reach.listed = true;
        reach.reason = format!("{service} is admitted, as AWS needs it to be for these actions");
    }
    reach
}

/// The box of one kind of caller that the statement admits; `None` if nobody is in it.
fn narrowed<'n>(kind: Kind, cast: &Cast<'n>, meanings: &[Meaning<'n>], work: &Work) -> Option<Callers<'n>> {
    let mut callers = match kind {
        Kind::Principal if cast.principals.is_empty() => return None,
        Kind::Service if cast.services.is_empty() => return None,
        Kind::Anonymous if !cast.anonymous => return None,
        Kind::Principal => Callers::new(kind, cast.principals.clone(), Services::In(Vec::new())),
        Kind::Service => Callers::new(kind, Principals::In(Vec::new()), cast.services.clone()),
        Kind::Anonymous => Callers::new(kind, Principals::In(Vec::new()), Services::In(Vec::new())),
    };
    meanings.iter().all(|meaning| callers.narrow(meaning, Truth::Holds, work)).then_some(callers)
}

/// Can the grant be used without a URL?
fn url_use(
    signed: &[Callers<'_>],
    anonymous: Option<&Callers<'_>>,
    invoking: &[Atom<'_>],
    others: bool,
) -> UrlUse {
    let all: Vec<&Callers<'_>> = signed.iter().chain(anonymous).collect();
    let limited = |callers: &Callers<'_>, key: Key, value: &str| {
        callers
            .limited_to(key)
            .is_some_and(|list| list.iter().all(|p: &Pattern<'_>| p.literal() == Some(value)))
    };
    let every =
        |test: &dyn Fn(&Callers<'_>) -> bool| !all.is_empty() && all.iter().all(|callers| test(callers));
    let url_action = !others && invoking == [Atom::One(action::INVOKE_URL)];
    let has_type = |callers: &Callers<'_>| callers.limited_to(Key::UrlAuthType).is_some();
    if every(&|callers| limited(callers, Key::UrlAuthType, "NONE")) {
        UrlUse::OnlyOpen
    } else if every(&|callers| limited(callers, Key::UrlAuthType, "AWS_IAM")) {
        UrlUse::OnlyIam
    } else if url_action || every(&|callers| limited(callers, Key::ViaUrl, "true") || has_type(callers)) {
        UrlUse::Only
    } else {
        UrlUse::NotOnly
    }
}

/// The statement's action names by class, as written. A wildcard may stand in both.
fn split_names(
    names: &Names<'_>,
    kind: super::ResourceKind,
    invoking: &[Atom<'_>],
    work: &Work,
) -> (Vec<String>, Vec<String>) {
    if names.sense == Sense::AllBut {
        let all: Vec<String> = names.list.iter().map(|name| (*name).to_owned()).collect();
        return (all.clone(), all);
    }
    let invokes = |name: &&str| {
        invoking
            .iter()
            .any(|atom| matches!(atom, Atom::One(one) if super::pattern::glob_any_case(name, one, work)))
    };
    let goes_beyond = |name: &&str| {
        let alone = Names { sense: Sense::Named, list: vec![*name], node: names.node, fault: None };
        !action::other_atoms(&alone, kind, work).is_empty()
    };
    let owned = |list: Vec<&&str>| list.into_iter().map(|name| (*name).to_owned()).collect();
    (
        owned(names.list.iter().filter(|name| invokes(name)).collect()),
        owned(names.list.iter().filter(|name| goes_beyond(name)).collect()),
    )
}

/// A grant with everything that is only copied.
fn written(statement: &Statement<'_>) -> Grant {
    let principal = statement.principal.node.to_compact();
    let principal = match statement.principal.sense {
        Sense::Named => principal,
        Sense::AllBut => format!("{{\"NotPrincipal\":{principal}}}"),
    };
    Grant {
        sid: statement.sid.map(str::to_owned),
        effect: Some(statement.effect.as_str().to_owned()),
        principal: Some(WrittenJson(principal)),
        actions: statement.actions.list.iter().map(|name| (*name).to_owned()).collect(),
        not_action: statement.actions.sense == Sense::AllBut,
        resource: statement.resources.as_ref().map(|names| match names.list.as_slice() {
            [one] if names.sense == Sense::Named => (*one).to_owned(),
            _ if names.sense == Sense::AllBut => format!("{{\"NotResource\":{}}}", names.node.to_compact()),
            _ => names.node.to_compact(),
        }),
        exposure: Exposure::None,
        trusted: Some(true),
        url: UrlUse::NotOnly,
        reason: String::new(),
        conditions: Vec::new(),
        invoke: None,
        beyond: None,
        marks: Marks {
            statement: statement.node.span.clone(),
            principal: Some(statement.principal.node.span.clone()),
            actions: Some(statement.actions.node.span.clone()),
            fault: None,
        },
    }
}

/// A statement that could not be read, with what could be.
fn unreadable(fault: &Fault<'_>) -> Grant {
    let text = |name: &str| fault.node.get(name).and_then(Node::text).map(str::to_owned);
    let list = |name: &str| match fault.node.get(name).map(|node| &node.value) {
        Some(json::Value::String(one)) => vec![one.clone().into_owned()],
        Some(json::Value::Array(items)) => items.iter().filter_map(Node::text).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let principal = match (fault.node.get("Principal"), fault.node.get("NotPrincipal")) {
        (Some(node), _) => Some(node.to_compact()),
        (None, Some(node)) => Some(format!("{{\"NotPrincipal\":{}}}", node.to_compact())),
        (None, None) => None,
    };
    Grant {
        sid: fault.sid.map(str::to_owned),
        effect: text("Effect"),
        principal: principal.map(WrittenJson),
        actions: list("Action"),
        not_action: false,
        resource: text("Resource"),
        exposure: Exposure::Unknown,
        trusted: None,
        url: UrlUse::NotOnly,
        reason: format!("the statement cannot be read: {}", fault.why),
        conditions: Vec::new(),
        invoke: None,
        beyond: None,
        marks: Marks {
            statement: fault.node.span.clone(),
            principal: None,
            actions: None,
            fault: Some(fault.span.clone()),
        },
    }
}
