//! CloudWatch's counts of invocations: so many functions in one call.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::ask::{Asker, Request};
use super::quota::SERIES;
use crate::arn;
use crate::logging::HOUR;
use crate::snapshot::api::{GET_METRIC_DATA, MetricPage};

/// The hours that are asked about: enough to compare a day, with what may be older and what may come later.
const HOURS: i64 = 48;

/// The whole hours before a moment, as seconds since 1970.
pub(super) fn window(now: i64) -> (i64, i64) {
    let end = now.div_euclid(HOUR) * HOUR;
    (end - HOURS * HOUR, end)
}

/// The window as the beginning of a part's resource: what is resumed must ask about the same time.
pub(super) fn named((from, to): (i64, i64)) -> String {
    let text = |seconds: i64| jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string();
    format!("{}/{}", text(from), text(to))
}

/// The window of a part's resource.
pub(super) fn window_of(resource: &str) -> Option<(i64, i64)> {
    let (from, to) = resource.split(' ').next()?.split_once('/')?;
    let second = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    Some((second(from)?, second(to)?))
}

/// Asks about the invocations of these functions.
pub(super) async fn invocations(asker: Asker, functions: BTreeSet<String>, span: (i64, i64)) {
    let names: Vec<&str> = functions.iter().map(|arn| arn::last(arn)).collect();
    let size = usize::try_from(SERIES).unwrap_or(usize::MAX);
    for batch in names.chunks(size) {
        let resource = format!("{} {}", named(span), batch.first().copied().unwrap_or_default());
        let request = Request {
            span: Some(span),
            names: batch,
            ..Request::new(GET_METRIC_DATA, Some(&resource), None)
        };
        let _: Vec<MetricPage> = asker.list_of(request).await;
    }
}

/// The question about these functions.
pub(super) fn question(names: &[&str], (from, to): (i64, i64), token: Option<&str>) -> Value {
    let query = |(at, name): (usize, &&str)| {
        json!({
            "Id": format!("f{at}"),
            "Label": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": "Invocations",
                    "Dimensions": [{"Name": "FunctionName", "Value": name}],
                },
                "Period": HOUR,
                "Stat": "Sum",
            },
        })
    };
    let queries: Vec<Value> = names.iter().enumerate().map(query).collect();
    let mut question = json!({"MetricDataQueries": queries, "StartTime": from, "EndTime": to});
    if let Some(token) = token {
        question["NextToken"] = token.into();
    }
    question
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_hours_are_asked_about_and_found_again() {
        let span = window(1_000_000);
        assert_eq!(span, (997_200 - 48 * 3_600, 997_200));
        assert_eq!(window_of(&format!("{} orders", named(span))), Some(span));
        assert_eq!(window_of("orders"), None);
    }
}
