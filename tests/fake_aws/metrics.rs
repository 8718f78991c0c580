//! CloudWatch's counts of invocations, as strict as AWS's: at most 500 metrics a call, sums of whole hours, a token that is
//! good for the same question only.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use serde_json::{Value, json};

use super::{Answer, Asked};

const HOUR: i64 = 3_600;

/// By account, region and function, what each hour counts.
#[derive(Debug, Clone, Default)]
pub struct Counts(BTreeMap<(String, String, String), BTreeMap<i64, f64>>);

impl Counts {
    /// Of a snapshot's part.
    pub fn add(&mut self, account: &str, region: &str, data: &Value) {
        for series in data["MetricDataResults"].as_array().unwrap() {
            let label = series["Label"].as_str().unwrap().to_owned();
            let hours = self.0.entry((account.to_owned(), region.to_owned(), label)).or_default();
            let values = series["Values"].as_array().unwrap();
            for (at, value) in series["Timestamps"].as_array().unwrap().iter().zip(values) {
                let seconds = at.as_f64().map(|seconds| seconds as i64);
                let parsed = || at.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second();
                hours.insert(seconds.unwrap_or_else(parsed), value.as_f64().unwrap());
            }
        }
    }

    pub fn count(&mut self, account: &str, region: &str, function: &str, hour: i64, count: f64) {
        let key = (account.to_owned(), region.to_owned(), function.to_owned());
        self.0.entry(key).or_default().insert(hour, count);
    }

    /// `most`: data points of one answer.
    pub fn answer(&self, asked: &Asked, most: usize) -> Answer {
        let refused = |code: &str| Answer::refused(asked, 400, code, "the request is not valid");
        let body: Value = serde_json::from_str(asked.resource.as_deref().unwrap()).unwrap();
        let known = ["MetricDataQueries", "StartTime", "EndTime", "NextToken", "ScanBy", "MaxDatapoints"];
        if body.as_object().unwrap().keys().any(|key| !known.contains(&key.as_str())) {
            return refused("ValidationError");
        }
        let queries = body["MetricDataQueries"].as_array().cloned().unwrap_or_default();
        let (Some(from), Some(to)) = (body["StartTime"].as_f64(), body["EndTime"].as_f64()) else {
            return refused("MissingParameter");
        };
        if queries.is_empty() || queries.len() > 500 || from >= to {
            return refused("ValidationError");
        }
        let mut ids = std::collections::BTreeSet::new();
        let mut points = Vec::new();
        let mut series = Vec::new();
        for query in &queries {
            let (id, stat) = (query["Id"].as_str().unwrap_or_default(), &query["MetricStat"]);
            let starts = id.starts_with(|first: char| first.is_ascii_lowercase());
            let metric = &stat["Metric"];
            let dimension = &metric["Dimensions"][0];
            let sound = starts
                && ids.insert(id.to_owned())
                && stat["Stat"] == "Sum"
                && stat["Period"].as_i64() == Some(HOUR)
                && metric["Namespace"] == "AWS/Lambda"
                && metric["MetricName"] == "Invocations"
                && dimension["Name"] == "FunctionName";
            let Some(name) = dimension["Value"].as_str().filter(|_| sound) else {
                return refused("ValidationError");
            };
            let key = (asked.account.clone(), asked.region.clone(), name.to_owned());
            let hours = self.0.get(&key).cloned().unwrap_or_default();
            let at = series.len();
            series.push((id.to_owned(), query["Label"].as_str().unwrap_or(name).to_owned()));
            // Newest first, as AWS does where nothing else is asked for.
            let within = hours.range(from as i64..to as i64).rev();
            points.extend(within.map(|(hour, count)| (at, *hour, *count)));
        }
        let mut question = body.clone();
        question.as_object_mut().unwrap().remove("NextToken");
        let mut bound = std::collections::hash_map::DefaultHasher::new();
        question.to_string().hash(&mut bound);
        let bound = format!("{:x}", bound.finish());
        let start = match asked.token.as_deref().map(|token| token.split_once('|')) {
            None => 0,
            Some(Some((at, of))) if of == bound => at.parse().unwrap_or(usize::MAX),
            Some(_) => return refused("InvalidNextToken"),
        };
        if start > points.len() {
            return refused("InvalidNextToken");
        }
        let shown: Vec<_> = points.iter().skip(start).take(most).collect();
        let end = start + shown.len();
        let left = |of: usize| points.iter().skip(end).any(|(at, ..)| *at == of);
        let result = |(at, (id, label)): (usize, &(String, String))| {
            let own: Vec<_> = shown.iter().filter(|(of, ..)| *of == at).collect();
            let times: Vec<i64> = own.iter().map(|(_, hour, _)| *hour).collect();
            let values: Vec<f64> = own.iter().map(|(_, _, count)| *count).collect();
            let status = if left(at) { "PartialData" } else { "Complete" };
            json!({"Id": id, "Label": label, "Timestamps": times, "Values": values, "StatusCode": status})
        };
        let results: Vec<Value> = series.iter().enumerate().map(result).collect();
        let mut answer = json!({"MetricDataResults": results, "Messages": []});
        if end < points.len() {
            answer["NextToken"] = format!("{end}|{bound}").into();
        }
        Answer::json(&answer)
    }
}
