//! Something to deploy, for CloudFormation or Terraform. What is in a policy's title or a parameter of it is written as
//! a quoted text of the tool's language.

use std::fmt::Write;

use super::Service;
use super::pattern::Threshold;

/// What deploys it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    CloudFormation,
    Terraform,
}

/// One policy's rule or filter.
#[derive(Debug, Clone)]
pub struct Detector {
    pub policy: String,
    pub title: String,
    /// Is the pattern exactly the policy?
    pub exact: bool,
    pub left_out: Vec<String>,
    /// JSON of an event pattern, or a filter pattern.
    pub pattern: String,
    /// Events that only read are among those it waits for.
    pub only_reads: bool,
    pub threshold: Threshold,
}

/// The longest description that a rule takes.
const DESCRIPTION: usize = 512;

impl Detector {
    fn description(&self) -> String {
        let carries = if self.exact {
            "exact".to_owned()
        } else {
            format!("wider than the policy, which also looks at {}", self.left_out.join(", "))
        };
        let text = format!("{} ({}): {carries}", self.title, self.policy);
        text.chars().take(DESCRIPTION).collect()
    }

    /// A logical id: letters and digits.
    fn logical(&self) -> String {
        let part = |part: &str| {
            let mut letters = part.chars();
            let first = letters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(letters).filter(char::is_ascii_alphanumeric).collect::<String>()
        };
        self.policy.split('-').map(part).collect()
    }

    fn name(&self) -> String {
        // A rule's name has at most 64 letters.
        format!("lambda-audit-{}", self.policy).chars().take(64).collect()
    }

    fn state(&self) -> &'static str {
        if self.only_reads { "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" } else { "ENABLED" }
    }
}

/// The template; `left` are policies that it does not hold, with why.
pub fn template(service: Service, tool: Tool, detectors: &[Detector], left: &[(String, String)]) -> String {
    let mut out = String::new();
    for line in header(service, left) {
        put(&mut out, format_args!("# {line}\n"));
    }
    match (service, tool) {
        (Service::EventBridge, Tool::CloudFormation) => rules_cloudformation(&mut out, detectors),
        (Service::EventBridge, Tool::Terraform) => rules_terraform(&mut out, detectors),
        (Service::MetricFilter, Tool::CloudFormation) => filters_cloudformation(&mut out, detectors),
        (Service::MetricFilter, Tool::Terraform) => filters_terraform(&mut out, detectors),
    }
    out
}

fn header(service: Service, left: &[(String, String)]) -> Vec<String> {
    let (what, before): (_, &[&str]) = match service {
        Service::EventBridge => (
            "EventBridge rules",
            &[
                "A trail must log what they wait for; for invocations, Lambda data events. Events of IAM come in us-east-1.",
                "The topic must allow events.amazonaws.com to publish.",
            ],
        ),
        Service::MetricFilter => (
            "Metric filters with alarms",
            &["The log group is the one that a trail delivers to; for invocations with Lambda data events."],
        ),
    };
    let mut lines = vec![format!("{what} written by lambda-audit. None is narrower than its policy.")];
    lines.extend(before.iter().map(|line| (*line).to_owned()));
    lines.extend(left.iter().map(|(policy, why)| format!("Not here: {policy}: {why}")));
    lines
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = out.write_fmt(text);
}

/// A text of YAML, or of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text of Terraform's language, in which `${` and `%{` begin something.
fn hcl(text: &str) -> String {
    quoted(text).replace("${", "$${").replace("%{", "%%{")
}

fn rules_cloudformation(out: &mut String, detectors: &[Detector]) {
    out.push_str(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nDescription: Standing detection of lambda-audit, EventBridge rules\n\
         Parameters:\n  TopicArn:\n    Type: String\n    Description: ARN of the SNS topic to tell\nResources:\n",
    );
    for one in detectors {
        put(
            out,
            format_args!(
                "  {}Rule:\n    Type: AWS::Events::Rule\n    Properties:\n      Name: {}\n      Description: {}\n      \
                 State: {}\n      EventPattern: {}\n      Targets:\n        - Id: topic\n          Arn: !Ref TopicArn\n",
                one.logical(),
                one.name(),
                quoted(&one.description()),
                one.state(),
                one.pattern,
            ),
        );
    }
}

fn rules_terraform(out: &mut String, detectors: &[Detector]) {
    out.push_str("variable \"topic_arn\" {\n  type        = string\n  description = \"ARN of the SNS topic to tell\"\n}\n");
    for one in detectors {
        let id = one.policy.replace('-', "_");
        put(
            out,
            format_args!(
                "\nresource \"aws_cloudwatch_event_rule\" \"{id}\" {{\n  name          = \"{}\"\n  description   = {}\n  \
                 state         = \"{}\"\n  event_pattern = {}\n}}\n\nresource \"aws_cloudwatch_event_target\" \"{id}\" {{\n  \
                 rule = aws_cloudwatch_event_rule.{id}.name\n  arn  = var.topic_arn\n}}\n",
                one.name(),
                hcl(&one.description()),
                one.state(),
                hcl(&one.pattern),
            ),
        );
    }
}

fn filters_cloudformation(out: &mut String, detectors: &[Detector]) {
    out.push_str(
        "AWSTemplateFormatVersion: \"2010-09-09\"\nDescription: Standing detection of lambda-audit, metric filters\n\
         Parameters:\n  LogGroupName:\n    Type: String\n    Description: Log group that the trail delivers to\n  \
         TopicArn:\n    Type: String\n    Description: ARN of the SNS topic to tell\nResources:\n",
    );
    for one in detectors {
        put(
            out,
            format_args!(
                "  {0}Filter:\n    Type: AWS::Logs::MetricFilter\n    Properties:\n      FilterName: {1}\n      \
                 LogGroupName: !Ref LogGroupName\n      FilterPattern: {2}\n      MetricTransformations:\n        - \
                 MetricNamespace: LambdaAudit\n          MetricName: {3}\n          MetricValue: \"1\"\n  \
                 {0}Alarm:\n    Type: AWS::CloudWatch::Alarm\n    Properties:\n      AlarmName: {1}\n      \
                 AlarmDescription: {4}\n      Namespace: LambdaAudit\n      MetricName: {3}\n      Statistic: Sum\n      \
                 Period: {5}\n      EvaluationPeriods: 1\n      Threshold: {6}\n      ComparisonOperator: \
                 GreaterThanOrEqualToThreshold\n      TreatMissingData: notBreaching\n      AlarmActions:\n        - \
                 !Ref TopicArn\n",
                one.logical(),
                one.name(),
                quoted(&one.pattern),
                one.policy,
                quoted(&one.description()),
                one.threshold.period,
                one.threshold.at_least,
            ),
        );
    }
}

fn filters_terraform(out: &mut String, detectors: &[Detector]) {
    out.push_str(
        "variable \"log_group_name\" {\n  type        = string\n  description = \"Log group that the trail delivers \
         to\"\n}\n\nvariable \"topic_arn\" {\n  type        = string\n  description = \"ARN of the SNS topic to \
         tell\"\n}\n",
    );
    for one in detectors {
        let id = one.policy.replace('-', "_");
        put(
            out,
            format_args!(
                "\nresource \"aws_cloudwatch_log_metric_filter\" \"{id}\" {{\n  name           = \"{0}\"\n  \
                 log_group_name = var.log_group_name\n  pattern        = {1}\n\n  metric_transformation {{\n    \
                 namespace = \"LambdaAudit\"\n    name      = \"{2}\"\n    value     = \"1\"\n  }}\n}}\n\nresource \
                 \"aws_cloudwatch_metric_alarm\" \"{id}\" {{\n  alarm_name          = \"{0}\"\n  alarm_description   = \
                 {3}\n  namespace           = \"LambdaAudit\"\n  metric_name         = \"{2}\"\n  statistic           \
                 = \"Sum\"\n  period              = {4}\n  evaluation_periods  = 1\n  threshold           = {5}\n  \
                 comparison_operator = \"GreaterThanOrEqualToThreshold\"\n  treat_missing_data  = \"notBreaching\"\n  \
                 alarm_actions       = [var.topic_arn]\n}}\n",
                one.name(),
                hcl(&one.pattern),
                one.policy,
                hcl(&one.description()),
                one.threshold.period,
                one.threshold.at_least,
            ),
        );
    }
}
