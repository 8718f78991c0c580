//! Which actions and resources a statement covers, split so that a Deny on some of them takes away only those.

use smallvec::smallvec;

use super::ResourceKind;
use super::document::{Few, Names, Sense};
use super::pattern::{Work, glob, glob_any_case, has_wildcard};

/// The action a function URL asks for besides `lambda:InvokeFunction`; nothing else can be called with it.
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html>
pub(super) const INVOKE_URL: &str = "lambda:InvokeFunctionUrl";
/// The action of every invocation.
pub(super) const INVOKE: &str = "lambda:InvokeFunction";

/// What it takes to call a function, or to use a layer version.
pub(super) fn invoking(kind: ResourceKind) -> &'static [&'static str] {
    match kind {
        ResourceKind::Function => &[INVOKE, INVOKE_URL, "lambda:InvokeAsync"],
        ResourceKind::Layer => &["lambda:GetLayerVersion"],
    }
}

/// Lambda's other actions, against which wildcards are tried. Not complete by need: a wildcard also stands for the
/// actions that are not listed here.
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html>
const OTHERS: &[&str] = &[
    "lambda:AddLayerVersionPermission",
    "lambda:AddPermission",
    "lambda:CreateAlias",
    "lambda:CreateEventSourceMapping",
    "lambda:CreateFunction",
    "lambda:CreateFunctionUrlConfig",
    "lambda:DeleteAlias",
    "lambda:DeleteEventSourceMapping",
    "lambda:DeleteFunction",
    "lambda:DeleteFunctionCodeSigningConfig",
    "lambda:DeleteFunctionConcurrency",
    "lambda:DeleteFunctionEventInvokeConfig",
    "lambda:DeleteFunctionUrlConfig",
    "lambda:DeleteLayerVersion",
    "lambda:DeleteProvisionedConcurrencyConfig",
    "lambda:DisableReplication",
    "lambda:EnableReplication",
    "lambda:GetAlias",
    "lambda:GetFunction",
    "lambda:GetFunctionCodeSigningConfig",
    "lambda:GetFunctionConcurrency",
    "lambda:GetFunctionConfiguration",
    "lambda:GetFunctionEventInvokeConfig",
    "lambda:GetFunctionRecursionConfig",
    "lambda:GetFunctionUrlConfig",
    "lambda:GetLayerVersion",
    "lambda:GetLayerVersionPolicy",
    "lambda:GetPolicy",
    "lambda:GetProvisionedConcurrencyConfig",
    "lambda:GetRuntimeManagementConfig",
    "lambda:ListAliases",
    "lambda:ListEventSourceMappings",
    "lambda:ListFunctionEventInvokeConfigs",
    "lambda:ListFunctionUrlConfigs",
    "lambda:ListProvisionedConcurrencyConfigs",
    "lambda:ListTags",
    "lambda:ListVersionsByFunction",
    "lambda:PublishVersion",
    "lambda:PutFunctionCodeSigningConfig",
    "lambda:PutFunctionConcurrency",
    "lambda:PutFunctionEventInvokeConfig",
    "lambda:PutFunctionRecursionConfig",
    "lambda:PutProvisionedConcurrencyConfig",
    "lambda:PutRuntimeManagementConfig",
    "lambda:RemoveLayerVersionPermission",
    "lambda:RemovePermission",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:UpdateAlias",
    "lambda:UpdateEventSourceMapping",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionCodeForPublishing",
    "lambda:UpdateFunctionConfiguration",
    "lambda:UpdateFunctionEventInvokeConfig",
    "lambda:UpdateFunctionUrlConfig",
];

/// A part of what a statement allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Atom<'n> {
    /// One action.
    One(&'n str),
    /// Actions under a wildcard that this program has no name for.
    Open(&'n str),
    /// The same for `NotAction`, with what that leaves out.
    Rest(&'n [&'n str]),
}

/// An action's name is compared without regard to case.
pub(crate) fn covers_name(names: &Names<'_>, name: &str, work: &Work) -> bool {
    names.list.iter().any(|pattern| glob_any_case(pattern, name, work)) == (names.sense == Sense::Named)
}

/// The invoking actions that the statement covers.
pub(super) fn invoking_atoms(names: &Names<'_>, kind: ResourceKind, work: &Work) -> Few<Atom<'static>> {
    invoking(kind).iter().filter(|name| covers_name(names, name, work)).map(|name| Atom::One(name)).collect()
}

fn is_invoking(name: &str, kind: ResourceKind) -> bool {
    invoking(kind).iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn others(kind: ResourceKind) -> impl Iterator<Item = &'static &'static str> {
    OTHERS.iter().filter(move |name| !is_invoking(name, kind))
}

/// Everything else that the statement covers.
pub(super) fn other_atoms<'n>(names: &'n Names<'_>, kind: ResourceKind, work: &Work) -> Vec<Atom<'n>> {
    let mut atoms = Vec::new();
    if names.sense == Sense::AllBut {
        atoms.extend(others(kind).filter(|name| covers_name(names, name, work)).map(|name| Atom::One(name)));
        if !names.list.iter().any(|pattern| matches!(*pattern, "*" | "lambda:*")) {
            atoms.push(Atom::Rest(&names.list));
        }
        return atoms;
    }
    for &pattern in &names.list {
        add_others(pattern, kind, work, &mut atoms);
    }
    atoms
}

/// What one name or wildcard stands for besides invoking.
fn add_others<'n>(pattern: &'n str, kind: ResourceKind, work: &Work, atoms: &mut Vec<Atom<'n>>) {
    if !has_wildcard(pattern) {
        if !is_invoking(pattern, kind) {
            atoms.push(Atom::One(pattern));
        }
        return;
    }
    let before = atoms.len();
    atoms.extend(others(kind).filter(|name| glob_any_case(pattern, name, work)).map(|name| Atom::One(name)));
    // One that fits nothing known stands for an action that is newer than the list.
    let invokes = || invoking(kind).iter().any(|name| glob_any_case(pattern, name, work));
    if atoms.len() > before || !only_invokes(pattern, kind) || !invokes() {
        atoms.push(Atom::Open(pattern));
    }
}

/// Does the name or wildcard stand for anything besides invoking?
pub(super) fn goes_beyond(pattern: &str, kind: ResourceKind, work: &Work) -> bool {
    if !has_wildcard(pattern) {
        return !is_invoking(pattern, kind);
    }
    let mut atoms = Vec::new();
    add_others(pattern, kind, work, &mut atoms);
    !atoms.is_empty()
}

/// A wildcard that can stand for no action but the invoking ones.
fn only_invokes(pattern: &str, kind: ResourceKind) -> bool {
    let prefix = match kind {
        ResourceKind::Function => "lambda:i",
        ResourceKind::Layer => "lambda:getlayerversion",
    };
    pattern.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Does a Deny on `names` cover all of the atom? "No" may mean "not seen".
pub(super) fn denies(names: &Names<'_>, atom: Atom<'_>, kind: ResourceKind, work: &Work) -> bool {
    match (names.sense, atom) {
        (_, Atom::One(name)) => covers_name(names, name, work),
        (Sense::Named, Atom::Open(pattern)) => names.list.iter().any(|deny| {
            glob_any_case(deny, pattern, work) || (*deny).eq_ignore_ascii_case("lambda:*") && pattern == "*"
        }),
        (Sense::Named, Atom::Rest(_)) => {
            names.list.iter().any(|deny| *deny == "*" || (*deny).eq_ignore_ascii_case("lambda:*"))
        }
        // Whatever has no name here is covered, unless a wildcard that may stand for it is spared.
        (Sense::AllBut, atom) => names.list.iter().all(|spared| {
            let is_one = |known: &&&str| known.eq_ignore_ascii_case(spared);
            let left_out =
                matches!(atom, Atom::Rest(not) if not.iter().any(|n| glob_any_case(n, spared, work)));
            left_out
                || invoking(kind).iter().chain(OTHERS).any(|known| is_one(&known))
                || has_wildcard(spared) && only_invokes(spared, kind)
        }),
    }
}

/// The resources of an Allow, one by one; `None` stands for the resource the policy belongs to, and for whatever a
/// variable makes of one.
pub(super) fn resources<'n>(names: Option<&Names<'n>>) -> Few<Option<&'n str>> {
    match names {
        Some(Names { sense: Sense::Named, list, fault: None, .. }) => {
            list.iter().map(|r| (!r.contains("${")).then_some(*r)).collect()
        }
        _ => smallvec![None],
    }
}

/// Does a Deny on `denied` cover all of an Allow's resource? "No" may mean "not seen".
pub(super) fn denies_resource(denied: Option<&Names<'_>>, resource: Option<&str>, work: &Work) -> bool {
    let Some(denied) = denied else { return true };
    // A variable that has no value makes the whole statement invalid.
    if denied.fault.is_some() || denied.list.iter().any(|name| name.contains("${")) {
        return false;
    }
    match (denied.sense, resource) {
        (Sense::Named, Some(resource)) => denied.list.iter().any(|deny| glob(deny, resource, work)),
        (Sense::Named, None) => denied.list.contains(&"*"),
        (Sense::AllBut, Some(resource)) if !has_wildcard(resource) => {
            !denied.list.iter().any(|spared| glob(spared, resource, work))
        }
        (Sense::AllBut, _) => false,
    }
}
