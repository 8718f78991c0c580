//! `GetAccountAuthorizationDetails`, which answers in XML: the typed answer as the JSON that a snapshot holds.
//!
//! Of a managed policy only the version in force is kept, and documents are kept decoded.

use aws_sdk_iam::types;
use serde_json::value::RawValue;

use super::outcome::Trouble;
use crate::facts::sessions::percent_decoded;
use crate::snapshot::api::*;

/// Entries on a page: the most that IAM gives.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>
const ENTRIES: i32 = 1000;

/// One page.
pub(super) async fn page(client: &aws_sdk_iam::Client, marker: Option<&str>) -> Result<Vec<u8>, Trouble> {
    let request = client.get_account_authorization_details().max_items(ENTRIES);
    let answer = request.set_marker(marker.map(str::to_owned)).send().await;
    let answer = answer.map_err(|error| Trouble::of(&error))?;
    if answer.is_truncated && answer.marker.is_none() {
        return Err(malformed("more follows, and nothing says where"));
    }
    // A list that is not there is not an empty one.
    let (Some(users), Some(groups), Some(roles), Some(policies)) =
        (&answer.user_detail_list, &answer.group_detail_list, &answer.role_detail_list, &answer.policies)
    else {
        return Err(malformed("a list is missing"));
    };
    let page = AuthorizationPage {
        user_detail_list: users.iter().map(user).collect::<Result<_, _>>()?,
        group_detail_list: groups.iter().map(group).collect::<Result<_, _>>()?,
        role_detail_list: roles.iter().map(role).collect::<Result<_, _>>()?,
        policies: policies.iter().map(policy).collect::<Result<_, _>>()?,
        marker: answer.marker.filter(|_| answer.is_truncated),
    };
    serde_json::to_vec(&page).map_err(|error| malformed(&error.to_string()))
}

fn malformed(what: &str) -> Trouble {
    Trouble::Malformed(what.to_owned())
}

fn needed(text: Option<&String>) -> Result<String, Trouble> {
    text.cloned().ok_or_else(|| malformed("a name or ARN is missing"))
}

fn user(user: &types::UserDetail) -> Result<UserDetail, Trouble> {
    Ok(UserDetail {
        arn: needed(user.arn.as_ref())?,
        user_name: needed(user.user_name.as_ref())?,
        user_policy_list: inline(user.user_policy_list.as_deref())?,
        group_list: user.group_list.clone().unwrap_or_default(),
        attached_managed_policies: attached(user.attached_managed_policies.as_deref())?,
        permissions_boundary: boundary(user.permissions_boundary.as_ref())?,
    })
}

fn group(group: &types::GroupDetail) -> Result<GroupDetail, Trouble> {
    Ok(GroupDetail {
        group_name: needed(group.group_name.as_ref())?,
        group_policy_list: inline(group.group_policy_list.as_deref())?,
        attached_managed_policies: attached(group.attached_managed_policies.as_deref())?,
    })
}

fn role(role: &types::RoleDetail) -> Result<RoleDetail, Trouble> {
    Ok(RoleDetail {
        arn: needed(role.arn.as_ref())?,
        role_name: needed(role.role_name.as_ref())?,
        assume_role_policy_document: role.assume_role_policy_document.as_ref().map(|text| {
            let decoded = percent_decoded(text).and_then(|text| serde_json::from_str(&text).ok());
            decoded.unwrap_or_else(|| serde_json::Value::from(text.clone()))
        }),
        role_policy_list: inline(role.role_policy_list.as_deref())?,
        attached_managed_policies: attached(role.attached_managed_policies.as_deref())?,
        permissions_boundary: boundary(role.permissions_boundary.as_ref())?,
    })
}

fn inline(policies: Option<&[types::PolicyDetail]>) -> Result<Vec<PolicyDetail>, Trouble> {
    let one = |policy: &types::PolicyDetail| {
        Ok(PolicyDetail {
            policy_name: needed(policy.policy_name.as_ref())?,
            policy_document: document(policy.policy_document.as_ref())?,
        })
    };
    policies.unwrap_or_default().iter().map(one).collect()
}

fn attached(policies: Option<&[types::AttachedPolicy]>) -> Result<Vec<AttachedPolicy>, Trouble> {
    let one = |policy: &types::AttachedPolicy| {
        Ok(AttachedPolicy { policy_arn: needed(policy.policy_arn.as_ref())? })
    };
    policies.unwrap_or_default().iter().map(one).collect()
}

fn boundary(
    boundary: Option<&types::AttachedPermissionsBoundary>,
) -> Result<Option<PermissionsBoundary>, Trouble> {
    let arn = |one: &types::AttachedPermissionsBoundary| needed(one.permissions_boundary_arn.as_ref());
    let Some(arn) = boundary.map(arn).transpose()? else { return Ok(None) };
    Ok(Some(PermissionsBoundary { permissions_boundary_arn: arn }))
}

fn policy(policy: &types::ManagedPolicyDetail) -> Result<ManagedPolicyDetail, Trouble> {
    let default_version_id = needed(policy.default_version_id.as_ref())?;
    let versions = policy.policy_version_list.as_deref().unwrap_or_default();
    let in_force =
        versions.iter().filter(|one| one.version_id.as_deref() == Some(default_version_id.as_str()));
    let version = |one: &types::PolicyVersion| {
        Ok(PolicyVersion {
            version_id: default_version_id.clone(),
            document: document(one.document.as_ref())?,
        })
    };
    Ok(ManagedPolicyDetail {
        arn: needed(policy.arn.as_ref())?,
        policy_version_list: in_force.map(version).collect::<Result<_, _>>()?,
        default_version_id,
    })
}

/// The document itself where it is JSON, else its text: whoever judges it says that it cannot be read.
fn document(text: Option<&String>) -> Result<Box<RawValue>, Trouble> {
    let text = text.ok_or_else(|| malformed("a document is missing"))?;
    // A snapshot's part is one line; in valid JSON a line break can only stand between values.
    let line = |text: String| text.replace(['\n', '\r'], " ");
    let decoded = percent_decoded(text).and_then(|text| RawValue::from_string(line(text)).ok());
    let kept = decoded.map_or_else(|| serde_json::value::to_raw_value(text), Ok);
    kept.map_err(|error| malformed(&error.to_string()))
}
