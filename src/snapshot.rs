//! The snapshot: the state of accounts' Lambda configuration as versioned JSON Lines, plain or gzipped.
//!
//! A header, one part per finished page or call (account, region, API, resource) with its outcome and data, a closing
//! line. A part's data is AWS's own answer, member for member, less what nobody may keep (values of environment
//! variables, code); resource policies stay the text AWS returned. Members that are not needed are ignored, so the
//! output of the AWS CLI can be pasted in.
//!
//! Not here: what the parts mean (`facts::from_snapshot`), and how they are collected.

pub mod api;
mod read;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use read::{Fault, Input, LINE_LIMIT, ReadError, Visit, read};

use crate::value::Why;

/// The version of the format this tool writes. It reads this one and refuses newer ones.
pub const VERSION: u32 = 1;

/// One line of a snapshot.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Line {
    Header(Header),
    Part(Part),
    End(End),
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Header {
    /// Version of the format: 1.
    pub version: u32,
    /// What wrote it: `lambda-audit 0.1.0`.
    #[serde(default)]
    pub tool: String,
    /// When collection began, RFC 3339 UTC.
    #[serde(default)]
    pub started: Option<String>,
    /// The accounts and regions it set out to collect. What is listed and has no part was not collected, and is
    /// judged unknown.
    #[serde(default)]
    pub scope: Vec<Scope>,
}

/// One account and region that the snapshot set out to collect.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Scope {
    /// 12-digit account id.
    pub account: String,
    pub region: String,
}

/// A finished page or call.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Part {
    /// 12-digit id of the account that was asked.
    pub account: String,
    /// Region that was asked; null for a global service.
    #[serde(default)]
    pub region: Option<String>,
    /// The API: `lambda:GetPolicy`.
    pub api: String,
    /// What was asked about: an ARN (with its qualifier); null for lists of a whole region or account.
    #[serde(default)]
    pub resource: Option<String>,
    pub outcome: Outcome,
    /// AWS's answer where the outcome is ok.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Value>")]
    pub data: Option<Box<RawValue>>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    Ok,
    /// Refused; `permission` is the IAM action that is missing.
    Denied {
        permission: String,
        #[serde(default)]
        message: Option<String>,
    },
    Throttled {
        #[serde(default)]
        message: Option<String>,
    },
    /// The service is not enabled, or not offered, in that account or region.
    Disabled {
        #[serde(default)]
        message: Option<String>,
    },
    Failed {
        #[serde(default)]
        message: Option<String>,
    },
    /// An answer came that does not parse.
    Malformed {
        #[serde(default)]
        message: Option<String>,
    },
}

impl Outcome {
    /// The word used in reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Denied { .. } => "denied",
            Outcome::Throttled { .. } => "throttled",
            Outcome::Disabled { .. } => "disabled",
            Outcome::Failed { .. } => "failed",
            Outcome::Malformed { .. } => "malformed",
        }
    }

    /// Why the call's answer is unread; `None` if it was read. A disabled service was asked and answered: there is
    /// nothing there.
    pub const fn why(&self) -> Option<Why> {
        match self {
            Outcome::Ok | Outcome::Disabled { .. } => None,
            Outcome::Denied { .. } => Some(Why::Denied),
            Outcome::Throttled { .. } => Some(Why::Throttled),
            Outcome::Failed { .. } => Some(Why::Failed),
            Outcome::Malformed { .. } => Some(Why::Malformed),
        }
    }

    /// What AWS, or the collector, says of a call that did not come out.
    pub fn message(&self) -> Option<&str> {
        match self {
            Outcome::Ok => None,
            Outcome::Denied { message, .. }
            | Outcome::Throttled { message }
            | Outcome::Disabled { message }
            | Outcome::Failed { message }
            | Outcome::Malformed { message } => message.as_deref(),
        }
    }

    pub fn missing_permission(&self) -> Option<&str> {
        if let Outcome::Denied { permission, .. } = self { Some(permission) } else { None }
    }
}

/// The last line. A snapshot without it is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// How many parts came before.
    pub parts: u64,
    /// When collection ended, RFC 3339 UTC.
    #[serde(default)]
    pub finished: Option<String>,
}

/// The JSON Schema of a line. What a part's data holds depends on its API: the schemas of the answers are among the
/// definitions, by API.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Line).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.insert("$comment".to_owned(), serde_json::json!("data, by api: see x-data"));
        object.insert("x-data".to_owned(), api::schemas());
    }
    schema
}
