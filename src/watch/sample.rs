//! Records that somebody should be told of.

/// A record, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    /// As CloudTrail writes it, its version included.
    name: &'static str,
    /// CloudTrail was seen to write it so, or documents that it does.
    pub(super) is_seen: bool,
    /// Request parameters.
    parameters: &'static [(&'static str, &'static str)],
    is_management: bool,
}

/// What is known of a record's member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    Text(&'static str),
    Bool(bool),
    /// It is not there.
    Missing,
    Unknown,
}

/// The service in every record here.
const SOURCE: &str = "lambda.amazonaws.com";
const EVERYONE: [(&str, &str); 2] = [("principal", "*"), ("action", "lambda:InvokeFunction")];
const UNSIGNED: [(&str, &str); 1] = [("authType", "NONE")];

const fn change(name: &'static str, parameters: &'static [(&'static str, &'static str)]) -> Sample {
    Sample { name, is_seen: true, parameters, is_management: true }
}

const fn unseen(sample: Sample) -> Sample {
    Sample { is_seen: false, ..sample }
}

/// Calls that let someone in, in the spellings that CloudTrail uses or may use.
/// <https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html>
pub(super) const CHANGES: [Sample; 6] = [
    change("AddPermission20150331v2", &EVERYONE),
    unseen(change("AddPermission20150331", &EVERYONE)),
    unseen(change("AddPermission", &EVERYONE)),
    unseen(change("PutResourcePolicy", &[])),
    change("CreateFunctionUrlConfig", &UNSIGNED),
    change("UpdateFunctionUrlConfig", &UNSIGNED),
];
pub(super) const CALLS: [Sample; 1] =
    [Sample { name: "Invoke", is_seen: true, parameters: &[], is_management: false }];

impl Sample {
    /// `eventName`, `userIdentity.type`
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
    pub(super) fn member(&self, path: &str) -> Member {
        match path {
            "eventSource" => Member::Text(SOURCE),
            "eventName" => Member::Text(self.name),
            "eventType" => Member::Text("AwsApiCall"),
            "eventCategory" => Member::Text(if self.is_management { "Management" } else { "Data" }),
            "managementEvent" => Member::Bool(self.is_management),
            "readOnly" => Member::Bool(false),
            "errorCode" | "errorMessage" | "userIdentity.invokedBy" => Member::Missing,
            "userIdentity.type" => Member::Text("AssumedRole"),
            path => {
                let asked = path.strip_prefix("requestParameters.");
                let known = self.parameters.iter().find(|(name, _)| Some(*name) == asked);
                known.map_or(Member::Unknown, |(_, value)| Member::Text(value))
            }
        }
    }

    /// Words that stand in the record's text, each on its own.
    pub(super) fn words(&self) -> [&'static str; 6] {
        ["eventSource", SOURCE, "eventName", self.name, "awsRegion", "userIdentity"]
    }
}
