//! AWS's request quotas: which calls share a bucket, and how much it holds. Per account and region.
//!
//! Lambda: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>; CloudTrail:
//! <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/WhatIsCloudTrail-Limits.html>; Organizations:
//! <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>; CloudWatch:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>; Security Hub:
//! <https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub_limits.html>; CloudWatch Logs:
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>; EventBridge:
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>. IAM, GuardDuty and Access Analyzer publish
//! none for these calls (their pages of quotas, <https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_limits.html>
//! and <https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-quotas.html>, count resources): their figures
//! are assumed, low enough that a handful of calls in a region takes seconds and disturbs nobody.

/// The share of every quota that is used, where nothing else is asked for: deployments need the rest.
pub const SHARE: f64 = 0.8;

/// Records of management events of the last 90 days, by one attribute.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
pub const LOOKUP_EVENTS: &str = "cloudtrail:LookupEvents";

/// `GetMetricData` takes so many metrics in one call.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
pub const SERIES: u64 = 500;

/// Calls that are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// Lambda's `GetPolicy` has one of its own.
    GetPolicy,
    /// Every other call of Lambda's control plane.
    Lambda,
    /// CloudTrail's calls that get, describe and list.
    CloudTrail,
    LookupEvents,
    Iam,
    Organizations,
    Sts,
    Account,
    /// EC2's calls that describe and are paged: 100, and 20 more each second.
    /// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
    Ec2,
    /// CloudWatch's `GetMetricData`.
    Metrics,
    GuardDuty,
    SecurityHub,
    AccessAnalyzer,
    /// CloudWatch Logs' `DescribeMetricFilters`.
    Logs,
    Alarms,
    EventBridge,
}

impl Bucket {
    /// The bucket of an API, written as in a snapshot: `lambda:GetPolicy`.
    pub fn of(api: &str) -> Self {
        match api {
            "lambda:GetPolicy" => Bucket::GetPolicy,
            LOOKUP_EVENTS => Bucket::LookupEvents,
            "cloudwatch:GetMetricData" => Bucket::Metrics,
            _ => match api.split(':').next().unwrap_or_default() {
                "cloudtrail" => Bucket::CloudTrail,
                "iam" => Bucket::Iam,
                "organizations" => Bucket::Organizations,
                "sts" => Bucket::Sts,
                "account" => Bucket::Account,
                "ec2" => Bucket::Ec2,
                "access-analyzer" => Bucket::AccessAnalyzer,
                "cloudwatch" => Bucket::Alarms,
                "events" => Bucket::EventBridge,
                "guardduty" => Bucket::GuardDuty,
                "logs" => Bucket::Logs,
                "securityhub" => Bucket::SecurityHub,
                _ => Bucket::Lambda,
            },
        }
    }

    /// Requests per second that AWS lets through.
    pub const fn per_second(self) -> f64 {
        match self {
            Bucket::GetPolicy | Bucket::Lambda => 15.0,
            Bucket::CloudTrail | Bucket::Iam => 10.0,
            Bucket::LookupEvents => 2.0,
            Bucket::Organizations => 8.0,
            Bucket::Ec2 => 20.0,
            Bucket::Sts => 100.0,
            Bucket::Account | Bucket::GuardDuty | Bucket::AccessAnalyzer | Bucket::Logs => 5.0,
            Bucket::SecurityHub | Bucket::EventBridge => 10.0,
            Bucket::Alarms => 9.0,
            Bucket::Metrics => 50.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_policy_and_look_ups_have_buckets_of_their_own() {
        assert_eq!(Bucket::of("lambda:GetPolicy"), Bucket::GetPolicy);
        assert_eq!(Bucket::of("lambda:GetResourcePolicy"), Bucket::Lambda);
        assert_eq!(Bucket::of("lambda:GetLayerVersionPolicy"), Bucket::Lambda);
        assert_eq!(Bucket::of("cloudtrail:GetTrailStatus"), Bucket::CloudTrail);
        assert_eq!(Bucket::of("lambda:ListTags"), Bucket::Lambda);
        assert_eq!(Bucket::of("ec2:DescribeSubnets"), Bucket::Ec2);
        assert_eq!(Bucket::of("cloudtrail:LookupEvents"), Bucket::LookupEvents);
    }
}
