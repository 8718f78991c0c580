//! A saved run, read again.

use serde::Deserialize;

use super::{Report, VERSION};

/// Why a file is no report that this program can read.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    #[error("it is not JSON: {0}")]
    Json(serde_json::Error),
    #[error("it has no `version`: is it a run written with --output json?")]
    NoVersion,
    #[error(
        "it is a report of version {0}, and this program reads version {VERSION}: use a newer lambda-audit"
    )]
    Newer(String),
    #[error("it is not a report: {0}")]
    Shape(serde_json::Error),
}

/// Only what says whether the rest can be read.
#[derive(Deserialize)]
struct Versioned {
    version: Option<serde_json::Value>,
}

/// Reads a report that was written as JSON.
///
/// # Errors
/// [`SavedError`]: nothing of a report that is not wholly understood is shown.
pub fn parse(text: &str) -> Result<Report, SavedError> {
    let versioned: Versioned = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => SavedError::NoVersion,
        _ => SavedError::Json(error),
    })?;
    match versioned.version.as_ref().and_then(serde_json::Value::as_str) {
        Some(VERSION) => {}
        Some(other) => return Err(SavedError::Newer(super::text::safe(other).into_owned())),
        None => return Err(SavedError::NoVersion),
    }
    let mut report: Report = serde_json::from_str(text).map_err(SavedError::Shape)?;
    // What is looked up by id is sorted, whoever wrote the file.
    report.policies.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_of_this_version_is_refused_with_the_reason() {
        assert!(matches!(parse("{"), Err(SavedError::Json(_))));
        assert!(matches!(parse("[]"), Err(SavedError::NoVersion)));
        assert!(matches!(parse("{}"), Err(SavedError::NoVersion)));
        assert!(matches!(parse(r#"{"version":1}"#), Err(SavedError::NoVersion)));
        assert!(matches!(parse(r#"{"version":"1"}"#), Err(SavedError::Shape(_))));
        let newer = parse(r#"{"version":"2","findings":7}"#).unwrap_err();
        assert!(newer.to_string().contains("version 2") && newer.to_string().contains("newer"), "{newer}");
    }
}
