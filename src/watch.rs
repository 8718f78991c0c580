//! Who would be told of a change: do EventBridge patterns and CloudWatch Logs filter patterns match records of changes
//! of Lambda's permissions, or of invocations?
//!
//! Asked is whether some such record can match. Of a record only its source and name are looked at: what a pattern asks
//! of other members may be so.
//!
//! Pure. Patterns: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntaxForMetricFilters.html>.

mod event_pattern;
mod filter_pattern;

/// A record that somebody should be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// As CloudTrail writes it, its version included.
    name: &'static str,
}

/// The service in every record here.
const SOURCE: &str = "lambda.amazonaws.com";

/// Calls that let someone in, in the spellings that CloudTrail uses, and invocations.
/// <https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html>
const SAMPLES: [Sample; 11] = [
    Sample { name: "AddPermission20150331v2" },
    Sample { name: "AddPermission20150331" },
    Sample { name: "AddPermission" },
    Sample { name: "RemovePermission20150331v2" },
    Sample { name: "PutResourcePolicy" },
    Sample { name: "DeleteResourcePolicy" },
    Sample { name: "AddLayerVersionPermission20181031" },
    Sample { name: "AddLayerVersionPermission" },
    Sample { name: "CreateFunctionUrlConfig" },
    Sample { name: "UpdateFunctionUrlConfig" },
    Sample { name: "Invoke" },
];

/// Does a rule with this pattern see one of them? `None`: it is no pattern.
pub(crate) fn rule_watches(pattern: &str) -> Option<bool> {
    let pattern: serde_json::Value = serde_json::from_str(pattern).ok()?;
    let pattern = pattern.as_object()?;
    Some(SAMPLES.iter().any(|sample| event_pattern::matches(pattern, sample)))
}

/// Does a metric filter with this pattern count one of them? `None`: it cannot be read.
pub(crate) fn filter_watches(pattern: &str) -> Option<bool> {
    let filter = filter_pattern::Filter::parse(pattern)?;
    Some(SAMPLES.iter().any(|sample| filter.matches(sample)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_rules() {
        let watches = |pattern: &str| rule_watches(pattern);
        for pattern in [
            r#"{"source": ["aws.lambda"]}"#,
            r#"{"detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventSource": ["lambda.amazonaws.com"], "eventName": [{"prefix": "AddPermission"}]}}"#,
            r#"{"detail": {"eventName": ["AddPermission20150331v2", "DeleteFunction20150331"]}}"#,
            r#"{"source": [{"anything-but": ["aws.ec2"]}], "detail": {"requestParameters": {"principal": ["*"]}}}"#,
            r#"{"$or": [{"source": ["aws.s3"]}, {"source": [{"wildcard": "aws.l*a"}]}]}"#,
            r#"{"detail": {"eventName": [{"equals-ignore-case": "putresourcepolicy"}], "errorCode": [{"exists": false}]}}"#,
            r#"{"source": [{"suffix": ".lambda"}], "detail": {"eventName": [{"anything-but": {"prefix": "List"}}]}}"#,
            r#"{"source": [{"prefix": {"equals-ignore-case": "AWS."}}]}"#,
        ] {
            assert_eq!(watches(pattern), Some(true), "{pattern}");
        }
        for pattern in [
            r#"{"source": ["aws.ec2"]}"#,
            r#"{"source": ["aws.lambda"], "detail-type": ["AWS Service Event via CloudTrail"]}"#,
            r#"{"source": ["aws.lambda"], "detail": {"eventName": ["DeleteFunction20150331"]}}"#,
            r#"{"source": ["aws.lambda"], "detail": {"eventName": [{"anything-but": {"wildcard": "*"}}]}}"#,
            r#"{"detail": {"eventSource": ["iam.amazonaws.com"]}}"#,
            r#"{"detail": {"eventName": [{"exists": false}]}}"#,
            r#"{"detail": {"eventName": []}}"#,
            r#"{"$or": [{"source": ["aws.s3"]}]}"#,
        ] {
            assert_eq!(watches(pattern), Some(false), "{pattern}");
        }
        for pattern in ["", "[]", "{"] {
            assert_eq!(watches(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn patterns_of_filters() {
        for pattern in [
            "",
            r#"{ $.eventSource = "lambda.amazonaws.com" }"#,
            "{ ($.eventSource = lambda.amazonaws.com) && (($.eventName = AddPermission*) || ($.eventName = PutResourcePolicy)) }",
            r#"{ ($.eventName = "AddPermission20150331v2") && ($.errorCode NOT EXISTS) && ($.requestParameters.principal = "*") }"#,
            r#"{ $.eventName != "DeleteFunction" && $.eventSource = "*lambda*" }"#,
            r#"{ $.eventName = %^(Add|Remove)Permission% }"#,
            r#"{ $.['eventName'] = "Invoke" }"#,
            "AddPermission",
            r#""lambda.amazonaws.com" AddPermission20150331v2"#,
            "?AddPermission ?Nothing",
            "lambda.amazonaws.com -DeleteFunction",
            "%AddPermission%",
        ] {
            assert_eq!(filter_watches(pattern), Some(true), "{pattern}");
        }
        for pattern in [
            r#"{ $.eventSource = "iam.amazonaws.com" }"#,
            r#"{ ($.eventName = DeleteTrail) || ($.eventName = StopLogging) }"#,
            r#"{ $.eventSource = lambda.amazonaws.com && $.eventName = "DeleteFunction*" }"#,
            r#"{ $.eventName NOT EXISTS }"#,
            r#"{ $.eventName IS NULL }"#,
            "ConsoleLogin",
            "lambda.amazonaws.com -eventName",
            "?ConsoleLogin ?CreateUser",
            "lambda.amazonaws.com ConsoleLogin",
        ] {
            assert_eq!(filter_watches(pattern), Some(false), "{pattern}");
        }
        for pattern in ["{ $.eventName = }", "{ ($.eventName = a }", "{ eventName }", "[a, b]", "{ $.a = 1"] {
            assert_eq!(filter_watches(pattern), None, "{pattern}");
        }
    }
}
