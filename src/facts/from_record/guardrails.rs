//! Calls that take a guardrail away. Parameter names: the API's members with the first letter lower-cased.

use super::{Reader, reading};
use crate::trail::{Field, Raw, RawKind};
use crate::value::{Reading, Why};

/// Calls that weaken whatever they are made on, by the endpoint of their service. For the others the parameters decide.
const WEAKENING: [(&str, &str); 6] = [
    ("access-analyzer.amazonaws.com", "DeleteAnalyzer"),
    ("guardduty.amazonaws.com", "DeleteDetector"),
    ("logs.amazonaws.com", "DeleteMetricFilter"),
    ("monitoring.amazonaws.com", "DeleteAlarms"),
    ("monitoring.amazonaws.com", "DisableAlarmActions"),
    ("securityhub.amazonaws.com", "DisableSecurityHub"),
];

/// The feature of a detector that reads the network traffic of functions.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/lambda-protection.html>
pub(in crate::facts) const LAMBDA_FEATURE: &str = "LAMBDA_NETWORK_LOGS";

/// <https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateDetector.html>,
/// `API_UpdateMemberDetectors.html`
const DETECTOR_UPDATES: [&str; 2] = ["UpdateDetector", "UpdateMemberDetectors"];

impl Reader<'_, '_> {
    /// Does the call, if it succeeded, take a guardrail away?
    pub(super) fn weakens_guardrail(&self) -> Reading<bool> {
        let source = self.record.event_source();
        if WEAKENING.iter().any(|(service, name)| *service == source && *name == self.name) {
            return Reading::Known(true);
        }
        if source != "guardduty.amazonaws.com" || !DETECTOR_UPDATES.contains(&self.name.as_ref()) {
            return Reading::Known(false);
        }
        let off = match reading(self.record.request_parameter(&["enable"])) {
            Reading::Known(value) => Reading::or_unread(value.as_bool().map(|on| !on), Why::NotInRecord),
            Reading::Absent => Reading::Known(false),
            Reading::Unread(why) => Reading::Unread(why),
        };
        match (off, self.feature_is_disabled()) {
            (Reading::Known(true), _) | (_, Some(true)) => Reading::Known(true),
            (Reading::Known(false), Some(false)) => Reading::Known(false),
            _ => Reading::Unread(Why::NotInRecord),
        }
    }

    /// `None`: the record does not say.
    fn feature_is_disabled(&self) -> Option<bool> {
        match self.record.request_parameter(&["features"]) {
            Field::Known(features) if features.kind() == RawKind::Array => {
                let mut disables = false;
                for one in features.items() {
                    let text = |name: &str| one.get(name).and_then(Raw::as_str);
                    disables |= text("name")? == LAMBDA_FEATURE && text("status")? == "DISABLED";
                }
                Some(disables)
            }
            Field::Absent => Some(false),
            Field::Known(_) | Field::Unread => None,
        }
    }
}
