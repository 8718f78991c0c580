//! What protects an account: GuardDuty, Security Hub, Access Analyzer, and who is told of changes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub const LIST_DETECTORS: &str = "guardduty:ListDetectors";
pub const GET_DETECTOR: &str = "guardduty:GetDetector";
pub const GET_ENABLED_STANDARDS: &str = "securityhub:GetEnabledStandards";
pub const DESCRIBE_STANDARDS_CONTROLS: &str = "securityhub:DescribeStandardsControls";
pub const LIST_ANALYZERS: &str = "access-analyzer:ListAnalyzers";
pub const DESCRIBE_METRIC_FILTERS: &str = "logs:DescribeMetricFilters";
pub const DESCRIBE_ALARMS: &str = "cloudwatch:DescribeAlarms";
pub const LIST_RULES: &str = "events:ListRules";
pub const LIST_TARGETS: &str = "events:ListTargetsByRule";

/// A page of `ListDetectors`. A region has one detector at most.
/// <https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListDetectors.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DetectorPage {
    #[serde(alias = "detectorIds")]
    pub detector_ids: Vec<String>,
    #[serde(default, alias = "nextToken", skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// `GetDetector`; `resource` of its part is the detector's id.
/// <https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetDetector.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Detector {
    /// `ENABLED` or `DISABLED`
    #[serde(alias = "status")]
    pub status: String,
    #[serde(default, alias = "features", skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<DetectorFeature>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct DetectorFeature {
    /// `LAMBDA_NETWORK_LOGS`, …
    #[serde(alias = "name")]
    pub name: String,
    #[serde(alias = "status")]
    pub status: String,
}

/// A page of `GetEnabledStandards`.
/// <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetEnabledStandards.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct StandardPage {
    pub standards_subscriptions: Vec<StandardSubscription>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct StandardSubscription {
    pub standards_subscription_arn: String,
    /// `READY`, `INCOMPLETE`, `PENDING`, `DELETING`, `FAILED`
    pub standards_status: String,
}

impl StandardSubscription {
    /// Of one that is being set up, the controls say what is on already.
    pub fn is_in_use(&self) -> bool {
        !matches!(self.standards_status.as_str(), "FAILED" | "DELETING")
    }
}

/// A page of `DescribeStandardsControls`; `resource` is the subscription's ARN.
/// <https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeStandardsControls.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct ControlPage {
    pub controls: Vec<StandardControl>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct StandardControl {
    /// `Lambda.1`
    pub control_id: String,
    /// `ENABLED` or `DISABLED`
    pub control_status: String,
}

/// A page of `ListAnalyzers`.
/// <https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListAnalyzers.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnalyzerPage {
    pub analyzers: Vec<Analyzer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Analyzer {
    pub arn: String,
    /// `ACCOUNT`, `ORGANIZATION`, `ACCOUNT_UNUSED_ACCESS`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `ACTIVE`, `CREATING`, `DISABLED`, `FAILED`
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration: Option<AnalyzerConfiguration>,
}

impl Analyzer {
    /// Is the account left out of what it looks at?
    pub fn excludes(&self, account: &str) -> bool {
        let rule =
            self.configuration.as_ref().and_then(|one| one.unused_access.as_ref()?.analysis_rule.as_ref());
        let mut exclusions = rule.into_iter().flat_map(|rule| rule.exclusions.iter().flatten());
        exclusions.any(|one| one.account_ids.iter().flatten().any(|id| id == account))
    }
}

/// <https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_AnalyzerConfiguration.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnalyzerConfiguration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unused_access: Option<UnusedAccess>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnusedAccess {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis_rule: Option<AnalysisRule>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AnalysisRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusions: Option<Vec<Exclusion>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exclusion {
    /// Accounts of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_ids: Option<Vec<String>>,
}

/// A page of `DescribeMetricFilters`, of all log groups.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeMetricFilters.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricFilterPage {
    pub metric_filters: Vec<MetricFilter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricFilter {
    pub filter_name: String,
    #[serde(default)]
    pub filter_pattern: String,
    pub log_group_name: String,
    #[serde(default)]
    pub metric_transformations: Vec<MetricTransformation>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricTransformation {
    pub metric_name: String,
    pub metric_namespace: String,
}

/// A page of `DescribeAlarms`.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmPage {
    pub metric_alarms: Vec<MetricAlarm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct MetricAlarm {
    pub alarm_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions_enabled: Option<bool>,
    #[serde(default)]
    pub alarm_actions: Vec<String>,
    /// Of an alarm over several metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<AlarmMetric>>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmMetric {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<AlarmMetricStat>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmMetricStat {
    pub metric: AlarmMetricName,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmMetricName {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
}

/// A page of `ListRules`, of the default event bus: the one that CloudTrail's events come to.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListRules.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct RulePage {
    pub rules: Vec<EventRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct EventRule {
    pub name: String,
    /// JSON text; absent for schedules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_pattern: Option<String>,
    /// `ENABLED`, `DISABLED`, `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// A page of `ListTargetsByRule`; `resource` is the rule's name.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListTargetsByRule.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct TargetPage {
    pub targets: Vec<RuleTarget>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct RuleTarget {
    pub arn: String,
}
