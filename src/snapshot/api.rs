//! The answers of AWS's APIs that a snapshot's parts hold, as far as they are read. Names are AWS's own; every member
//! that AWS may leave out is optional here, so that an answer with less never fails to parse. The list of a page is
//! not optional: without it the answer is one of another API, or of another spelling, and an empty list would be
//! judged as if nothing were there.
//!
//! The AWS CLI, where it pages itself (`--max-items`), says `NextToken` for what Lambda calls `NextMarker`.

mod cloudtrail;
mod environment;
mod guardrails;
mod identity;
mod metrics;

pub use cloudtrail::*;
pub use guardrails::*;
pub use identity::*;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use environment::{Environment, EnvironmentError, FoundSecret};
pub use metrics::{MetricPage, MetricSeries, Moment};

/// The APIs whose parts a snapshot of version 1 may hold.
pub const APIS: &[&str] = &[
    LIST_FUNCTIONS,
    GET_POLICY,
    GET_RESOURCE_POLICY,
    LIST_ALIASES,
    LIST_VERSIONS,
    LIST_URLS,
    LIST_EVENT_INVOKE_CONFIGS,
    LIST_LAYERS,
    LIST_LAYER_VERSIONS,
    GET_LAYER_VERSION_POLICY,
    LIST_MAPPINGS,
    DESCRIBE_TRAILS,
    GET_EVENT_SELECTORS,
    GET_TRAIL_STATUS,
    LIST_EVENT_DATA_STORES,
    GET_EVENT_DATA_STORE,
    LIST_TAGS,
    GET_CODE_SIGNING,
    GET_CONCURRENCY,
    DESCRIBE_SUBNETS,
    GET_ROLE,
    GET_ACCOUNT_AUTHORIZATION_DETAILS,
    DESCRIBE_ORGANIZATION,
    LIST_ACCOUNTS,
    LIST_PARENTS,
    LIST_POLICIES_FOR_TARGET,
    DESCRIBE_POLICY,
    GET_METRIC_DATA,
    ASSUME_ROLE,
    LIST_REGIONS,
    LIST_DETECTORS,
    GET_DETECTOR,
    GET_ENABLED_STANDARDS,
    DESCRIBE_STANDARDS_CONTROLS,
    LIST_ANALYZERS,
    DESCRIBE_METRIC_FILTERS,
    DESCRIBE_ALARMS,
    LIST_RULES,
    LIST_TARGETS,
];

pub const LIST_FUNCTIONS: &str = "lambda:ListFunctions";
pub const GET_POLICY: &str = "lambda:GetPolicy";
pub const GET_RESOURCE_POLICY: &str = "lambda:GetResourcePolicy";
pub const LIST_ALIASES: &str = "lambda:ListAliases";
pub const LIST_VERSIONS: &str = "lambda:ListVersionsByFunction";
pub const LIST_URLS: &str = "lambda:ListFunctionUrlConfigs";
pub const LIST_EVENT_INVOKE_CONFIGS: &str = "lambda:ListFunctionEventInvokeConfigs";
pub const LIST_LAYERS: &str = "lambda:ListLayers";
pub const LIST_LAYER_VERSIONS: &str = "lambda:ListLayerVersions";
pub const GET_LAYER_VERSION_POLICY: &str = "lambda:GetLayerVersionPolicy";
pub const LIST_MAPPINGS: &str = "lambda:ListEventSourceMappings";
pub const LIST_TAGS: &str = "lambda:ListTags";
pub const GET_CODE_SIGNING: &str = "lambda:GetFunctionCodeSigningConfig";
pub const GET_CONCURRENCY: &str = "lambda:GetFunctionConcurrency";
pub const DESCRIBE_SUBNETS: &str = "ec2:DescribeSubnets";
pub const GET_ROLE: &str = "iam:GetRole";
pub const DESCRIBE_ORGANIZATION: &str = "organizations:DescribeOrganization";
pub const LIST_ACCOUNTS: &str = "organizations:ListAccounts";
pub const GET_METRIC_DATA: &str = "cloudwatch:GetMetricData";
/// The account was entered. A collector writes it where that failed.
pub const ASSUME_ROLE: &str = "sts:AssumeRole";
/// The account's regions were listed. A collector writes it where that failed: some may have been left out.
pub const LIST_REGIONS: &str = "account:ListRegions";

/// A page of `ListFunctions`. <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FunctionPage {
    pub functions: Vec<FunctionConfiguration>,
    /// Present if more pages follow.
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FunctionConfiguration {
    pub function_name: String,
    pub function_arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<LayerRef>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter_config: Option<DeadLetterConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_config: Option<VpcConfig>,
    /// AWS always gives it: without it the configuration was not kept as a whole, and what else is not there may only
    /// have been left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing_config: Option<TracingConfig>,
    #[serde(rename = "KMSKeyArn", default, skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfigResponse.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct VpcConfig {
    /// Empty: in no VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet_ids: Option<Vec<String>>,
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_TracingConfigResponse.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct TracingConfig {
    /// `Active` or `PassThrough`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LayerRef {
    /// ARN of the layer version.
    pub arn: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DeadLetterConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_arn: Option<String>,
}

/// `GetPolicy`, `GetResourcePolicy` and `GetLayerVersionPolicy`. A null policy: AWS said there is none. It must be
/// there: a document under another name is not "none".
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyText {
    /// The document as the text AWS returned.
    #[serde(deserialize_with = "Option::deserialize")]
    pub policy: Option<String>,
}

/// A page of `ListAliases`. <https://docs.aws.amazon.com/lambda/latest/api/API_ListAliases.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AliasPage {
    pub aliases: Vec<Alias>,
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Alias {
    #[serde(default)]
    pub alias_arn: Option<String>,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing_config: Option<AliasRouting>,
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_AliasRoutingConfiguration.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AliasRouting {
    /// A second version, with its share of the calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_version_weights: Option<std::collections::BTreeMap<String, serde_json::Value>>,
}

/// A page of `ListVersionsByFunction`.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListVersionsByFunction.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct VersionPage {
    pub versions: Vec<Version>,
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Version {
    /// `$LATEST`, or a number.
    pub version: String,
}

/// A page of `ListFunctionUrlConfigs`.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionUrlConfigs.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct UrlPage {
    pub function_url_configs: Vec<UrlConfig>,
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionUrlConfig.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct UrlConfig {
    /// ARN of the function, or of the alias the URL belongs to.
    pub function_arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Cors>,
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_Cors.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Cors {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_origins: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
}

/// A page of `ListFunctionEventInvokeConfigs`.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionEventInvokeConfigs.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct EventInvokePage {
    pub function_event_invoke_configs: Vec<EventInvokeConfig>,
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct EventInvokeConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_config: Option<DestinationConfig>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DestinationConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Destination>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Destination>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Destination {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// A page of `ListLayers`. <https://docs.aws.amazon.com/lambda/latest/api/API_ListLayers.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LayerPage {
    pub layers: Vec<Layer>,
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Layer {
    pub layer_arn: String,
}

/// A page of `ListLayerVersions`. <https://docs.aws.amazon.com/lambda/latest/api/API_ListLayerVersions.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LayerVersionPage {
    pub layer_versions: Vec<LayerVersion>,
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct LayerVersion {
    pub layer_version_arn: String,
}

/// A page of `ListEventSourceMappings`.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListEventSourceMappings.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct MappingPage {
    pub event_source_mappings: Vec<Mapping>,
    #[serde(default, alias = "NextToken", skip_serializing_if = "Option::is_none")]
    pub next_marker: Option<String>,
}

/// <https://docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Mapping {
    #[serde(rename = "UUID")]
    pub uuid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_source_mapping_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_source_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Endpoints of a broker outside AWS's managed services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_managed_event_source: Option<serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_config: Option<DestinationConfig>,
}

/// `ListTags`; `resource` of its part is the function's ARN.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_ListTags.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Tags {
    /// It must be there: an answer of another API is not "none".
    pub tags: std::collections::BTreeMap<String, String>,
}

/// `GetFunctionCodeSigningConfig`.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionCodeSigningConfig.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FunctionCodeSigning {
    /// Not there: the function has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_signing_config_arn: Option<String>,
}

/// `GetFunctionConcurrency`.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConcurrency.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FunctionConcurrency {
    /// Not there: none are reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_concurrent_executions: Option<i64>,
}

/// A page of `DescribeSubnets`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct SubnetPage {
    pub subnets: Vec<Subnet>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Subnet {
    pub subnet_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
}

/// `GetRole`. <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct GetRole {
    pub role: Role,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Role {
    #[serde(default)]
    pub role_name: Option<String>,
    pub arn: String,
    /// The trust policy: JSON text, percent-encoded or not, or the JSON itself.
    #[serde(default)]
    pub assume_role_policy_document: Option<serde_json::Value>,
}

/// `DescribeOrganization`.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeOrganization {
    pub organization: Organization,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Organization {
    pub id: String,
    #[serde(default)]
    pub master_account_id: Option<String>,
}

/// A page of `ListAccounts`. <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AccountPage {
    pub accounts: Vec<Account>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    pub id: String,
    #[serde(default)]
    pub name: Option<String>,
}

/// An answer of which nothing is kept: what matters is whether there was one. A collector writes it where not.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Nothing {}

/// The JSON Schemas of the answers, by API.
pub(super) fn schemas() -> serde_json::Value {
    macro_rules! table {
        ($($api:expr => $ty:ty),+ $(,)?) => {{
            let mut all = serde_json::Map::new();
            $( all.insert($api.to_owned(), schemars::schema_for!($ty).to_value()); )+
            serde_json::Value::Object(all)
        }};
    }
    table! {
        LIST_FUNCTIONS => FunctionPage,
        GET_POLICY => PolicyText,
        GET_RESOURCE_POLICY => PolicyText,
        LIST_ALIASES => AliasPage,
        LIST_VERSIONS => VersionPage,
        LIST_URLS => UrlPage,
        LIST_EVENT_INVOKE_CONFIGS => EventInvokePage,
        LIST_LAYERS => LayerPage,
        LIST_LAYER_VERSIONS => LayerVersionPage,
        GET_LAYER_VERSION_POLICY => PolicyText,
        LIST_MAPPINGS => MappingPage,
        DESCRIBE_TRAILS => Trails,
        GET_EVENT_SELECTORS => EventSelectors,
        GET_TRAIL_STATUS => TrailStatus,
        LIST_EVENT_DATA_STORES => EventDataStorePage,
        GET_EVENT_DATA_STORE => EventDataStore,
        LIST_TAGS => Tags,
        GET_CODE_SIGNING => FunctionCodeSigning,
        GET_CONCURRENCY => FunctionConcurrency,
        DESCRIBE_SUBNETS => SubnetPage,
        GET_ROLE => GetRole,
        GET_ACCOUNT_AUTHORIZATION_DETAILS => AuthorizationPage,
        DESCRIBE_ORGANIZATION => DescribeOrganization,
        LIST_ACCOUNTS => AccountPage,
        LIST_PARENTS => ParentPage,
        LIST_POLICIES_FOR_TARGET => PolicyPage,
        DESCRIBE_POLICY => DescribePolicy,
        GET_METRIC_DATA => MetricPage,
        ASSUME_ROLE => Nothing,
        LIST_REGIONS => Nothing,
        LIST_DETECTORS => DetectorPage,
        GET_DETECTOR => Detector,
        GET_ENABLED_STANDARDS => StandardPage,
        DESCRIBE_STANDARDS_CONTROLS => ControlPage,
        LIST_ANALYZERS => AnalyzerPage,
        DESCRIBE_METRIC_FILTERS => MetricFilterPage,
        DESCRIBE_ALARMS => AlarmPage,
        LIST_RULES => RulePage,
        LIST_TARGETS => TargetPage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_api_has_a_schema() {
        let schemas = schemas();
        assert!(APIS.iter().all(|api| schemas.get(api).is_some()));
        assert_eq!(schemas.as_object().map(serde_json::Map::len), Some(APIS.len()));
    }
}
