//! Who may do what: IAM's answer about a whole account, and an organization's service control policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub const GET_ACCOUNT_AUTHORIZATION_DETAILS: &str = "iam:GetAccountAuthorizationDetails";
pub const LIST_PARENTS: &str = "organizations:ListParents";
pub const LIST_POLICIES_FOR_TARGET: &str = "organizations:ListPoliciesForTarget";
pub const DESCRIBE_POLICY: &str = "organizations:DescribePolicy";

/// A page of `GetAccountAuthorizationDetails`: users, groups, roles and managed policies with their documents.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AuthorizationPage {
    pub user_detail_list: Vec<UserDetail>,
    pub group_detail_list: Vec<GroupDetail>,
    pub role_detail_list: Vec<RoleDetail>,
    pub policies: Vec<ManagedPolicyDetail>,
    /// Present if more pages follow.
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
}

/// IAM leaves out lists that are empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct UserDetail {
    pub arn: String,
    pub user_name: String,
    #[serde(default)]
    pub user_policy_list: Vec<PolicyDetail>,
    /// Names of groups.
    #[serde(default)]
    pub group_list: Vec<String>,
    #[serde(default)]
    pub attached_managed_policies: Vec<AttachedPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<PermissionsBoundary>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct GroupDetail {
    pub group_name: String,
    #[serde(default)]
    pub group_policy_list: Vec<PolicyDetail>,
    #[serde(default)]
    pub attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct RoleDetail {
    pub arn: String,
    pub role_name: String,
    /// The trust policy: JSON text, percent-encoded or not, or the JSON itself.
    #[serde(default)]
    pub assume_role_policy_document: Option<serde_json::Value>,
    #[serde(default)]
    pub role_policy_list: Vec<PolicyDetail>,
    #[serde(default)]
    pub attached_managed_policies: Vec<AttachedPolicy>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<PermissionsBoundary>,
}

/// An inline policy.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDetail {
    pub policy_name: String,
    /// JSON text, percent-encoded or not, or the JSON itself.
    #[schemars(with = "serde_json::Value")]
    pub policy_document: Box<RawValue>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedPolicy {
    pub policy_arn: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PermissionsBoundary {
    pub permissions_boundary_arn: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ManagedPolicyDetail {
    pub arn: String,
    /// The version that is in force.
    pub default_version_id: String,
    pub policy_version_list: Vec<PolicyVersion>,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyVersion {
    pub version_id: String,
    /// JSON text, percent-encoded or not, or the JSON itself.
    #[schemars(with = "serde_json::Value")]
    pub document: Box<RawValue>,
}

/// A page of `ListParents`: what the account or organizational unit in `resource` is directly below.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListParents.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ParentPage {
    pub parents: Vec<Parent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Parent {
    pub id: String,
    /// `ROOT` or `ORGANIZATIONAL_UNIT`
    #[serde(rename = "Type")]
    pub kind: String,
}

/// A page of `ListPoliciesForTarget`: the service control policies of the account, organizational unit or root in
/// `resource`. <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPoliciesForTarget.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyPage {
    pub policies: Vec<PolicySummary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicySummary {
    pub id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// `DescribePolicy`. <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribePolicy.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DescribePolicy {
    pub policy: ControlPolicy,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ControlPolicy {
    pub policy_summary: PolicySummary,
    /// The document as text.
    pub content: String,
}
