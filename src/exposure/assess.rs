//! From a document to its grants: each Allow's boxes of callers, less what every Deny surely covers.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::action::{self, Atom};
use super::callers::{Callers, Kind, Truth};
use super::class::{Class, Side, all_trusted, class, nobody};
use super::condition::{Key, Meaning, meaning};
use super::document::{Attached, Document, Effect, Fault, Few, Names, Sense, Statement};
use super::json::{self, Node};
use super::listed;
use super::pattern::{Pattern, Work, glob_any_case};
use super::principal::{Bound, Cast, Principals, Services, cast};
use super::reason::Met;
use super::words::kept;
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
    let document = Document::read(root, Attached::ToResource)?;
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
            grant.because = Some(reason::deny(&cast, &meanings).into());
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
        let signed: SmallVec<[Callers<'n>; 2]> = [Kind::Principal, Kind::Service]
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
        let of_class = |atoms: &[Atom<'_>], named: Vec<Cow<'static, str>>| -> Option<Box<Reach>> {
            if atoms.is_empty() {
                return None;
            }
            let mut classes = self.classes(atoms, &resources, &signed);
            if let Some(anonymous) = &anonymous {
                // Without credentials nothing but a URL can be called, and a URL always asks for its own action.
                let by_url: Few<Atom<'_>> = atoms
                    .iter()
                    .copied()
                    .filter(|atom| {
                        *atom == Atom::One(action::INVOKE_URL) || only_url && invoking.contains(atom)
                    })
                    .collect();
                if !by_url.is_empty() {
                    classes.extend(self.classes(&by_url, &resources, std::slice::from_ref(anonymous)));
                }
            }
            let admits =
                |callers: &Callers<'n>| class(callers, self.side(), self.work).exposure != Exposure::None;
            let met = match classes.iter().all(|class| class.exposure == Exposure::None)
                && !signed.iter().chain(&anonymous).any(admits)
            {
                true => Met::Never,
                false => Met::Possible,
            };
            Some(Box::new(reason::reach(classes, cast, notes, named, met, self.side())))
        };
        let (invoke_names, other_names) = split_names(&statement.actions, kind, &invoking, self.work);
        let (invoke, beyond) = (of_class(&invoking, invoke_names), of_class(&others, other_names));
        grant.invoke = invoke;
        grant.beyond = beyond.map(excused);

        // A principal that could not be read may be anyone; only "anyone" cannot become worse by it.
        let unread = cast.unread.filter(|_| {
            statement.principal.sense == Sense::Named
                && grant.worst().is_none_or(|worst| worst.exposure != Exposure::Public)
        });
        if let (Some(why), Some(_)) = (unread, grant.worst()) {
            url.unread |= !invoking.is_empty();
            let reason: Cow<'static, str> = format!("the statement cannot be judged: {why}").into();
            grant.exposure = Exposure::Unknown;
            grant.trusted = None;
            grant.marks.fault = grant.marks.principal.clone();
            for reach in [&mut grant.invoke, &mut grant.beyond].into_iter().flatten() {
                reach.exposure = Exposure::Unknown;
                reach.trusted = None;
                reach.reason.clone_from(&reason);
            }
        } else if let Some(worst) = grant.worst() {
            grant.exposure = worst.exposure;
            let reaches = [&grant.invoke, &grant.beyond];
            grant.trusted = all_trusted(reaches.into_iter().flatten().map(|reach| reach.trusted));
        }
    }

    /// The judgements of what is left of `boxes` once every Deny that covers an atom and a resource is applied.
    fn classes(
        &self,
        atoms: &[Atom<'_>],
        resources: &[Option<&'n str>],
        boxes: &[Callers<'n>],
    ) -> Few<Class> {
        let class = |callers: &Callers<'n>| class(callers, self.side(), self.work);
        let mut classes: Few<Class> = Few::new();
        let mut seen: Few<Few<usize>> = Few::new();
        for atom in atoms {
            for resource in resources {
                let covering = self.covering(*atom, *resource);
                if seen.contains(&covering) {
                    continue;
                }
                match covering.is_empty() {
                    true => classes.extend(boxes.iter().map(class)),
                    false => classes.extend(self.spared(&covering, boxes).iter().map(class)),
                }
                seen.push(covering);
            }
        }
        if classes.is_empty() {
            classes.push(nobody());
        }
        classes
    }

    /// What these Denies leave of the boxes.
    fn spared(&self, covering: &[usize], boxes: &[Callers<'n>]) -> Vec<Callers<'n>> {
        let mut left = boxes.to_vec();
        for index in covering {
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
        left
    }

    fn covering(&self, atom: Atom<'_>, resource: Option<&'n str>) -> Few<usize> {
        let covers = |denial: &Denial<'_, 'n>| {
            action::denies(&denial.statement.actions, atom, self.context.kind, self.work)
                && action::denies_resource(denial.statement.resources.as_ref(), resource, self.work)
        };
        self.denies.iter().enumerate().filter(|(_, denial)| covers(denial)).map(|(index, _)| index).collect()
    }
}

/// A service that AWS itself needs there, with the actions it needs, is nobody's open door.
fn excused(mut reach: Box<Reach>) -> Box<Reach> {
    if let ([service], Exposure::ServiceUnrestricted) = (reach.services.as_slice(), reach.exposure)
        && listed::is_listed(service, &reach.actions)
    {
        reach.trusted = Some(true);
        reach.listed = true;
        reach.reason = format!("{service} is admitted, as AWS needs it to be for these actions").into();
    }
    reach
}

/// The box of one kind of caller that the statement admits; `None` if nobody is in it.
fn narrowed<'n>(kind: Kind, cast: &Cast<'n>, meanings: &[Meaning<'n>], work: &Work) -> Option<Callers<'n>> {
    let mut callers = match kind {
        Kind::Principal if cast.principals.is_empty() => return None,
        Kind::Service if cast.services.is_empty() => return None,
        Kind::Anonymous if !cast.anonymous => return None,
        Kind::Principal => Callers::new(kind, cast.principals.clone(), Services::In(Few::new())),
        Kind::Service => Callers::new(kind, Principals::nobody(), cast.services.clone()),
        Kind::Anonymous => Callers::new(kind, Principals::nobody(), Services::In(Few::new())),
    };
    meanings.iter().all(|meaning| callers.narrow(meaning, Truth::Holds, work)).then_some(callers)
}

/// Can the grant be used without a URL?
fn url_use<'n>(
    signed: &[Callers<'n>],
    anonymous: Option<&Callers<'n>>,
    invoking: &[Atom<'_>],
    others: bool,
) -> UrlUse {
    let all = || signed.iter().chain(anonymous);
    let limited = |callers: &Callers<'n>, key: Key, value: &str| {
        callers
            .limited_to(key)
            .is_some_and(|list| list.iter().all(|p: &Pattern<'_>| p.literal() == Some(value)))
    };
    let every = |test: &dyn Fn(&Callers<'n>) -> bool| all().next().is_some() && all().all(test);
    let url_action = !others && invoking == [Atom::One(action::INVOKE_URL)];
    let has_type = |callers: &Callers<'n>| callers.limited_to(Key::UrlAuthType).is_some();
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

type Written = Vec<Cow<'static, str>>;

/// The statement's action names by class, as written. A wildcard may stand in both.
fn split_names(
    names: &Names<'_>,
    kind: super::ResourceKind,
    invoking: &[Atom<'_>],
    work: &Work,
) -> (Written, Written) {
    let chosen = |pick: &dyn Fn(&str) -> bool| -> Written {
        names.list.iter().filter(|name| pick(name)).map(|name| kept(name)).collect()
    };
    if names.sense == Sense::AllBut {
        let all = chosen(&|_| true);
        return (all.clone(), all);
    }
    let invokes = |name: &str| {
        let stands_for = |atom: &Atom<'_>| matches!(atom, Atom::One(one) if glob_any_case(name, one, work));
        invoking.iter().any(stands_for)
    };
    (chosen(&invokes), chosen(&|name| action::goes_beyond(name, kind, work)))
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
        effect: Some(Cow::Borrowed(statement.effect.as_str())),
        principal: Some(WrittenJson(principal)),
        actions: statement.actions.list.iter().map(|name| kept(name)).collect(),
        not_action: statement.actions.sense == Sense::AllBut,
        resource: statement.resources.as_ref().map(|names| match names.list.as_slice() {
            [one] if names.sense == Sense::Named => (*one).to_owned(),
            _ if names.sense == Sense::AllBut => format!("{{\"NotResource\":{}}}", names.node.to_compact()),
            _ => names.node.to_compact(),
        }),
        exposure: Exposure::None,
        trusted: Some(true),
        url: UrlUse::NotOnly,
        because: None,
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
    let text = |name: &str| fault.node.get(name).and_then(Node::text);
    let list = |name: &str| match fault.node.get(name).map(|node| &node.value) {
        Some(json::Value::String(one)) => vec![kept(one)],
        Some(json::Value::Array(items)) => items.iter().filter_map(Node::text).map(kept).collect(),
        _ => Vec::new(),
    };
    let principal = match (fault.node.get("Principal"), fault.node.get("NotPrincipal")) {
        (Some(node), _) => Some(node.to_compact()),
        (None, Some(node)) => Some(format!("{{\"NotPrincipal\":{}}}", node.to_compact())),
        (None, None) => None,
    };
    Grant {
        sid: fault.sid.map(str::to_owned),
        effect: text("Effect").map(kept),
        principal: principal.map(WrittenJson),
        actions: list("Action"),
        not_action: false,
        resource: text("Resource").map(str::to_owned),
        exposure: Exposure::Unknown,
        trusted: None,
        url: UrlUse::NotOnly,
        because: Some(format!("the statement cannot be read: {}", fault.why).into()),
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
