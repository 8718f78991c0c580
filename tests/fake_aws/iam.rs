//! IAM's answer about a whole account, page by page, in XML with percent-encoded documents.

use serde_json::{Map, Value};

use super::query::{encoded, escaped};
use super::{Answer, Asked};

/// The lists of the answer, in the order in which IAM pages through them.
const LISTS: [&str; 4] = ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];

/// The entries of one page of a snapshot, each with its list.
pub fn entries(page: &Value) -> Vec<Value> {
    let of = |list: &&str| {
        let entries = page[*list].as_array().cloned().unwrap_or_default().into_iter();
        let list = (*list).to_owned();
        entries.map(move |entry| serde_json::json!([list, entry])).collect::<Vec<_>>()
    };
    LISTS.iter().flat_map(of).collect()
}

pub fn page(asked: &Asked, entries: &[Value], size: Option<usize>) -> Answer {
    let size = size.unwrap_or(100).min(asked.items.unwrap_or(usize::MAX));
    let start = match asked.token.as_deref().map(|token| token.strip_prefix("iam|").map(str::parse)) {
        None => 0,
        Some(Some(Ok(start))) => start,
        Some(_) => return Answer::refused(asked, 400, "ValidationError", "Invalid Marker"),
    };
    let mut body = Map::new();
    for list in LISTS {
        let shown = entries.iter().skip(start).take(size).filter(|entry| entry[0] == list);
        body.insert(list.to_owned(), shown.map(|entry| entry[1].clone()).collect());
    }
    let more = start + size < entries.len();
    body.insert("IsTruncated".to_owned(), more.into());
    if more {
        body.insert("Marker".to_owned(), format!("iam|{}", start + size).into());
    }
    let mut inner = String::new();
    for (name, value) in &body {
        element(name, value, &mut inner);
    }
    Answer::xml(format!(
        "<GetAccountAuthorizationDetailsResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\
         <GetAccountAuthorizationDetailsResult>{inner}</GetAccountAuthorizationDetailsResult><ResponseMetadata>\
         <RequestId>5f6a4f2e-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\
         </GetAccountAuthorizationDetailsResponse>"
    ))
}

fn element(name: &str, value: &Value, out: &mut String) {
    let inner = match value {
        Value::Object(_) if name.ends_with("Document") => encoded(&value.to_string()),
        Value::String(text) if name.ends_with("Document") => text.clone(),
        Value::String(text) if name.ends_with("Date") => escaped(&text.replace("+00:00", "Z")),
        Value::String(text) => escaped(text),
        Value::Array(items) => {
            let mut inner = String::new();
            items.iter().for_each(|item| element("member", item, &mut inner));
            inner
        }
        Value::Object(members) => {
            let mut inner = String::new();
            members.iter().for_each(|(name, value)| element(name, value, &mut inner));
            inner
        }
        Value::Null => return,
        other => other.to_string(),
    };
    out.push_str(&format!("<{name}>{inner}</{name}>"));
}
