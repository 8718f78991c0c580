//! What CloudWatch answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A page of `GetMetricData` for the metric `Invocations` of `AWS/Lambda`: sums of hours, each series labelled with the
/// function's name. `resource` of its part is the time that was asked about, and of which functions the first.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct MetricPage {
    pub metric_data_results: Vec<MetricSeries>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html>
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct MetricSeries {
    /// The function's name.
    pub label: String,
    #[serde(default)]
    pub timestamps: Vec<Moment>,
    /// As many as there are timestamps.
    #[serde(default)]
    pub values: Vec<f64>,
    /// `Complete`: nothing of it is missing.
    #[serde(default)]
    pub status_code: Option<String>,
}

/// A time: seconds since 1970 as on the wire, or as the AWS CLI writes it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Moment {
    Seconds(f64),
    Text(String),
}

impl Moment {
    /// Seconds since 1970; `None`: it is no time.
    pub fn seconds(&self) -> Option<i64> {
        match self {
            Moment::Seconds(seconds) => seconds.is_finite().then_some(*seconds as i64),
            Moment::Text(text) => text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second),
        }
    }
}
