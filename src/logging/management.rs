//! Whether a trail records the calls that change functions: management events that write.

use super::collected::{Advanced, Basic, Selectors};
use super::patterns::Condition;
use crate::value::{Reading, Truth, Why};

/// Does a selector record every such call?
pub(super) fn covers_changes(selectors: &Selectors) -> Reading<bool> {
    let any = if selectors.advanced.is_empty() {
        // Every trail has one.
        let none = selectors.basic.is_empty().then_some(Truth::Unknown);
        Truth::any(selectors.basic.iter().map(basic).chain(none))
    } else {
        Truth::any(selectors.advanced.iter().map(advanced))
    };
    any.reading(Why::Malformed)
}

/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html>
fn basic(selector: &Basic) -> Truth {
    let writes = match selector.read_write.as_deref() {
        None | Some("All" | "WriteOnly") => Truth::True,
        Some("ReadOnly") => Truth::False,
        Some(_) => Truth::Unknown,
    };
    Truth::all([writes, (selector.management != Some(false)).into()])
}

/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html>
fn advanced(selector: &Advanced) -> Truth {
    Truth::all(selector.fields.iter().map(|field| {
        let value = match field.field.as_str() {
            "eventCategory" => "Management",
            "eventSource" => "lambda.amazonaws.com",
            "eventType" => "AwsApiCall",
            "readOnly" => "false",
            // Some calls have what it asks for, some do not.
            _ => return Truth::Unknown,
        };
        Condition::new(field).map_or(Truth::Unknown, |condition| condition.matches(Some(value)).into())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::api::EventSelectors;

    fn covers(json: &str) -> Reading<bool> {
        let read: EventSelectors = serde_json::from_str(json).unwrap();
        covers_changes(&Selectors::of(&read).unwrap())
    }

    #[test]
    fn what_records_changes() {
        for selectors in [
            r#"{"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": true}]}"#,
            r#"{"EventSelectors": [{"ReadWriteType": "ReadOnly"}, {"ReadWriteType": "WriteOnly"}]}"#,
            r#"{"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}]}]}"#,
        ] {
            assert_eq!(covers(selectors), Reading::Known(true), "{selectors}");
        }
        for selectors in [
            r#"{"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": false}]}"#,
            r#"{"EventSelectors": [{"ReadWriteType": "ReadOnly"}]}"#,
            r#"{"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::Lambda::Function"]}]}]}"#,
            r#"{"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "readOnly", "Equals": ["true"]}]}]}"#,
        ] {
            assert_eq!(covers(selectors), Reading::Known(false), "{selectors}");
        }
        for selectors in [
            r#"{"EventSelectors": []}"#,
            r#"{"EventSelectors": [{"ReadWriteType": "Some"}]}"#,
            r#"{"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}, {"Field": "userIdentity.arn", "StartsWith": ["arn:aws:iam"]}]}]}"#,
        ] {
            assert_eq!(covers(selectors), Reading::Unread(Why::Malformed), "{selectors}");
        }
    }
}
