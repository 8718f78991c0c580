//! CloudTrail, Organizations and CloudWatch: a target in a header, JSON in the body. Members that the API does not have are
//! refused, as AWS's validation does for types.

use serde_json::Value;

use super::{Answer, Asked};

pub fn request(target: &str, body: &str) -> Result<Asked, Answer> {
    let invalid = |what: &str| {
        let body = serde_json::json!({"__type": "ValidationException", "message": what}).to_string();
        Answer::new(400, "application/x-amz-json-1.1", body)
    };
    let (service, operation) = target.rsplit_once('.').ok_or_else(|| invalid("target"))?;
    let body: Value = serde_json::from_str(body).map_err(|_| invalid("body"))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let service = match service {
        service if service.contains("CloudTrail") => "cloudtrail",
        service if service.contains("AWSOrganizations") => "organizations",
        "Logs_20140328" => "logs",
        "AWSEvents" => "events",
        "GraniteServiceVersion20100801" => "cloudwatch",
        _ => return Err(invalid("service")),
    };
    let mut asked = Asked::new(&format!("{service}:{operation}"));
    asked.token = text("NextToken").or_else(|| text("nextToken"));
    asked.resource = match operation {
        "GetEventSelectors" => text("TrailName"),
        "GetTrailStatus" => text("Name"),
        "GetEventDataStore" => text("EventDataStore"),
        "ListTargetsByRule" => text("Rule"),
        "DescribeMetricFilters" | "DescribeAlarms" | "ListRules" => None,
        "ListParents" => text("ChildId"),
        "ListPoliciesForTarget" if text("Filter").as_deref() == Some("SERVICE_CONTROL_POLICY") => {
            text("TargetId")
        }
        "DescribePolicy" => text("PolicyId"),
        "DescribeTrails" | "ListEventDataStores" | "DescribeOrganization" | "ListAccounts" => None,
        "LookupEvents" | "GetMetricData" => Some(body.to_string()),
        _ => return Err(invalid("operation")),
    };
    Ok(asked)
}
