//! Which function or layer a record is about.

use std::borrow::Cow;

use memchr::memchr_iter;

use super::field::Field;
use super::identity::Identity;
use super::record::{TrailRecord, string_field};
use crate::arn::is_account;

type Text<'a> = Field<Cow<'a, str>>;

/// The parts of a function designator, each where it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Designator<'t> {
    partition: Option<&'t str>,
    region: Option<&'t str>,
    account: Option<&'t str>,
    name: &'t str,
    qualifier: Option<&'t str>,
}

/// Splits what Lambda accepts as `FunctionName` into (account, name, qualifier): `name`, `name:qualifier`,
/// `123456789012:function:name`, `function:name`, or a full ARN, each perhaps with a qualifier.
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html> (the parameter's pattern).
pub fn parse_function_designator(text: &str) -> Option<(Option<&str>, &str, Option<&str>)> {
    designator(text).map(|parts| (parts.account, parts.name, parts.qualifier))
}

impl Designator<'_> {
    fn is_unqualified_arn(&self) -> bool {
        let Designator { partition, region, account, name: _, qualifier } = self;
        partition.is_some() && region.is_some() && account.is_some() && qualifier.is_none()
    }
}

fn designator(text: &str) -> Option<Designator<'_>> {
    let mut all = [""; 9];
    let (mut count, mut from) = (0, 0);
    for (to, end) in all.iter_mut().zip(memchr_iter(b':', text.as_bytes()).chain([text.len()])) {
        *to = text.get(from..end)?;
        (count, from) = (count + 1, end + 1);
    }
    let parts = all.get(..count)?;
    let (partition, mut rest) = match parts {
        ["arn", partition, "lambda", rest @ ..] => (Some(*partition), rest),
        rest => (None, rest),
    };
    let (mut region, mut account) = (None, None);
    // Region and account can only stand before `function`; without it, the first part is the name.
    if let Some(at) = rest.iter().position(|part| *part == "function").filter(|at| at + 1 < rest.len()) {
        match rest.get(..at)? {
            [] => {}
            [one] if is_account(one) => account = Some(*one),
            [one] => region = Some(*one),
            [first, second] if is_account(second) => (region, account) = (Some(*first), Some(*second)),
            _ => return None,
        }
        rest = rest.get(at + 1..)?;
    } else if partition.is_some() {
        return None;
    } else if let [first, name, ..] = rest
        && is_account(first)
        && !name.is_empty()
    {
        account = Some(*first);
        rest = rest.get(1..)?;
    }
    match rest {
        [name] if !name.is_empty() => Some(Designator { partition, region, account, name, qualifier: None }),
        [name, qualifier] if !name.is_empty() && !qualifier.is_empty() => {
            Some(Designator { partition, region, account, name, qualifier: Some(*qualifier) })
        }
        _ => None,
    }
}

/// What tells a function's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountBasis {
    /// `resources[]`, which names the owner.
    Resources,
    /// An ARN or partial ARN in the parameters.
    Designator,
    /// The function was called by its bare name, which means one of the caller's own account.
    Caller,
}

/// The function of a record, as far as the record tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionRef<'a> {
    /// The bare name.
    pub name: Text<'a>,
    /// The unqualified ARN. Unread unless partition, region, account and name are all known.
    pub arn: Text<'a>,
    /// The owner's account.
    pub account: Text<'a>,
    /// What told the account.
    pub account_basis: Option<AccountBasis>,
    /// Version or alias; absent for a call without one; unread where the parameters are not there.
    pub qualifier: Text<'a>,
}

/// One of `resources[]` that is a function.
#[derive(Debug, Clone)]
pub(super) struct FunctionResource<'a> {
    arn: Cow<'a, str>,
    account: Text<'a>,
}

/// The layer of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerRef<'a> {
    /// The bare name.
    pub name: Text<'a>,
    /// The ARN without version, where the parameters or the answer have one.
    pub arn: Text<'a>,
    /// The version.
    pub version: Field<i64>,
}

impl<'a> TrailRecord<'a> {
    /// The function this record is about, from `requestParameters.functionName` and `qualifier` and from
    /// `resources[]`, which has the unqualified ARN and the owner.
    pub fn function(&self) -> FunctionRef<'a> {
        self.function_called_by(self.identity())
    }

    /// The function's account as `resources[]` has it: then it is the one of [`Self::function`].
    pub(crate) fn function_owner(&self) -> Option<Cow<'a, str>> {
        self.function_resource()?.account.clone().into_known()
    }

    /// The function's ARN as `resources[]` has it: then it is the one of [`Self::function`].
    pub(crate) fn function_arn(&self) -> Option<Cow<'a, str>> {
        let FunctionResource { arn, .. } = self.function_resource()?;
        designator(arn)?.is_unqualified_arn().then(|| arn.clone())
    }

    /// The same for a caller who was read before.
    pub(crate) fn function_called_by(&self, caller: &Identity<'a>) -> FunctionRef<'a> {
        let [named, qualifier] = self.request_parameters_of(&["functionName", "qualifier"]);
        let text = named.known().map_or(Field::Absent, |value| string_field(*value));
        let parts = text.text().and_then(designator);
        let resource = self.function_resource();
        let own = resource.and_then(|resource| designator(&resource.arn));

        // Where the record's own text has no escapes, the parts are parts of it.
        let kept = |part: &str| {
            let arn = resource.map(|resource| &resource.arn);
            let kept = text.known().and_then(|text| within(text, part));
            Field::Known(
                kept.or_else(|| within(arn?, part))
                    .map_or_else(|| Cow::Owned(part.to_owned()), Cow::Borrowed),
            )
        };
        let name = match (parts.or(own), &named) {
            (Some(parts), _) => kept(parts.name),
            (None, Field::Absent) => Field::Absent,
            (None, _) => Field::Unread,
        };
        let bare = parts.is_some_and(|parts| parts.account.is_none());
        let callers = caller.account();
        let candidates = [
            (resource.and_then(|resource| resource.account.text()), AccountBasis::Resources),
            (own.and_then(|own| own.account), AccountBasis::Resources),
            (parts.and_then(|parts| parts.account), AccountBasis::Designator),
            (callers.text().filter(|_| bare), AccountBasis::Caller),
        ];
        let found = candidates.into_iter().find_map(|(account, basis)| Some((account?, basis)));
        let account = found.map_or(Field::Unread, |(account, _)| kept(account));

        let qualifier = match qualifier {
            Field::Known(value) => string_field(value),
            Field::Absent => match parts {
                Some(parts) => parts.qualifier.map_or(Field::Absent, kept),
                None if name == Field::Absent => Field::Absent,
                None => Field::Unread,
            },
            Field::Unread => Field::Unread,
        };
        let arn = match own.or(parts) {
            // An ARN as it stands.
            Some(whole) if own.is_some() && whole.is_unqualified_arn() => {
                resource.map_or(Field::Unread, |resource| Field::Known(resource.arn.clone()))
            }
            Some(Designator { partition: Some(p), region: Some(r), account: Some(a), name, .. }) => {
                Field::Known(Cow::Owned(format!("arn:{p}:lambda:{r}:{a}:function:{name}")))
            }
            _ => self.made_arn(&name, &account, parts.and_then(|parts| parts.region), &caller.arn()),
        };
        FunctionRef { name, arn, account, account_basis: found.map(|(_, basis)| basis), qualifier }
    }

    /// An ARN from its parts. The partition is that of the caller's ARN, else of the region's name.
    fn made_arn(
        &self,
        name: &Text<'a>,
        account: &Text<'a>,
        region: Option<&str>,
        caller: &Text<'a>,
    ) -> Text<'a> {
        let recorded = self.aws_region();
        let (Some(name), Some(account), Some(region)) =
            (name.text(), account.text(), region.or(recorded.text()))
        else {
            return if *name == Field::Absent { Field::Absent } else { Field::Unread };
        };
        let partition = caller.text().and_then(|arn| arn.strip_prefix("arn:")?.split(':').next());
        match partition.or_else(|| partition_of(region)) {
            Some(partition) => {
                Field::Known(Cow::Owned(format!("arn:{partition}:lambda:{region}:{account}:function:{name}")))
            }
            None => Field::Unread,
        }
    }

    /// The first resource that is a function.
    fn function_resource(&self) -> Option<&FunctionResource<'a>> {
        let found = self.function_resource.get_or_init(|| {
            let Field::Known(resources) = self.resources() else { return None };
            resources.find_object(&["accountId", "type", "ARN"], |members| {
                let [account, kind, arn] = members.map(|value| value.map_or(Field::Absent, string_field));
                let is_function = kind.text() == Some("AWS::Lambda::Function");
                let Field::Known(arn) = arn else { return None };
                let account = match account {
                    Field::Known(id) if is_account(&id) => Field::Known(id),
                    _ => Field::Absent,
                };
                is_function.then_some(FunctionResource { arn, account })
            })
        });
        found.as_ref()
    }

    /// The layer this record is about, from `layerName` (a name or an ARN) and `versionNumber`, or from the answer of
    /// PublishLayerVersion.
    pub fn layer(&self) -> LayerRef<'a> {
        let named = self.request_parameter(&["layerName"]);
        let text = match &named {
            Field::Known(value) => string_field(*value),
            Field::Absent => Field::Absent,
            Field::Unread => Field::Unread,
        };
        let answer = |key: &str| match self.response_elements() {
            Field::Known(elements) => elements.get(key),
            _ => None,
        };
        let from_arn = text.text().and_then(split_layer_arn);
        let answered = answer("layerArn").and_then(super::raw::Raw::as_str);
        let arn = match (from_arn, answered) {
            (Some((arn, _, _)), _) => Field::Known(Cow::Owned(arn)),
            (None, Some(arn)) => Field::Known(arn),
            (None, None) => Field::Unread,
        };
        let name = match (&text, from_arn_name(text.text())) {
            (_, Some(name)) => Field::Known(Cow::Owned(name)),
            (other, None) => other.clone(),
        };
        let number = |value: super::raw::Raw<'_>| value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let version = match self.request_parameter(&["versionNumber"]) {
            Field::Known(value) => number(value).map_or(Field::Unread, Field::Known),
            other => match answer("version")
                .and_then(number)
                .or(text.text().and_then(split_layer_arn).and_then(|(_, _, version)| version))
            {
                Some(version) => Field::Known(version),
                None if other == Field::Absent => Field::Absent,
                None => Field::Unread,
            },
        };
        LayerRef { name, arn, version }
    }
}

/// A part of a text as a part of the text it was borrowed from.
fn within<'a>(text: &Cow<'a, str>, part: &str) -> Option<&'a str> {
    let Cow::Borrowed(whole) = text else { return None };
    let from = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    whole.get(from..from.checked_add(part.len())?)
}

fn from_arn_name(text: Option<&str>) -> Option<String> {
    text.and_then(split_layer_arn).map(|(_, name, _)| name)
}

/// `arn:P:lambda:R:A:layer:NAME[:VERSION]` → ARN without version, name, version.
fn split_layer_arn(text: &str) -> Option<(String, String, Option<i64>)> {
    let parts: Vec<&str> = text.split(':').take(9).collect();
    let (head, version) = match parts.as_slice() {
        [head @ .., version] if head.len() == 7 => (head, Some(version.parse().ok()?)),
        head => (head, None),
    };
    match head {
        ["arn", _, "lambda", _, _, "layer", name] if !name.is_empty() => {
            Some((head.join(":"), (*name).to_owned(), version))
        }
        _ => None,
    }
}

/// The partition of a region whose name says it; `None` for names of partitions this version does not know.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
fn partition_of(region: &str) -> Option<&'static str> {
    let special = [("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")];
    if let Some((_, partition)) = special.iter().find(|(prefix, _)| region.starts_with(prefix)) {
        return Some(partition);
    }
    let isolated = region.contains("-iso");
    let commercial = ["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-"];
    (!isolated && commercial.iter().any(|prefix| region.starts_with(prefix))).then_some("aws")
}

#[cfg(test)]
#[path = "function_tests.rs"]
mod tests;
