//! Listed data: what AWS publishes and no API answers, each line with its source page and date (`data/*.toml`).

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Deserialize;

use crate::identity::IamWrite;
use crate::short::begins;

/// The lists the tool carries.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    layer_accounts: BTreeMap<String, String>,
    agents: Vec<ListedAgent>,
    /// By identifier, the day of deprecation.
    runtimes: BTreeMap<String, Date>,
    runtimes_read: Date,
    iam_writes: Vec<IamWrite>,
    security_hub_controls: Vec<String>,
}

/// The list that policies name as a parameter's default.
const IAM_WRITES: &str = "iam-write-actions";

/// A listed file does not parse. A test holds that those that ship do.
#[derive(Debug, thiserror::Error)]
#[error("data/{file}: {error}")]
pub struct ListError {
    file: &'static str,
    error: toml::de::Error,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerAccounts {
    account: Vec<LayerAccount>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "source and date are for readers of the file; parsing holds that they are there"
)]
struct LayerAccount {
    id: String,
    what: String,
    source: String,
    date: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agents {
    agent: Vec<ListedAgent>,
}

/// A program that people type commands into.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "what, source and date are for readers of the file; parsing holds that they are there"
)]
struct ListedAgent {
    begins: String,
    what: String,
    source: String,
    date: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Runtimes {
    runtime: Vec<ListedRuntime>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IamWrites {
    action: Vec<ListedCall>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedRuntime {
    id: String,
    #[serde(deserialize_with = "day")]
    deprecated: Date,
    #[expect(dead_code, reason = "for readers of the file; parsing holds that it is there")]
    source: String,
    #[serde(deserialize_with = "day")]
    date: Date,
}

fn day<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "source and date are for readers of the file; parsing holds that they are there"
)]
struct ListedCall {
    action: String,
    resource_type: String,
    source: String,
    date: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Controls {
    control: Vec<ListedControl>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "title, source and date are for readers of the file; parsing holds that they are there"
)]
struct ListedControl {
    id: String,
    title: String,
    source: String,
    date: String,
}

fn iam_writes() -> Result<Vec<IamWrite>, ListError> {
    let read: IamWrites = toml::from_str(include_str!("../data/iam-write-actions.toml"))
        .map_err(|error| ListError { file: "iam-write-actions.toml", error })?;
    let of = |call: ListedCall| IamWrite { action: call.action, resource_type: call.resource_type };
    Ok(read.action.into_iter().map(of).collect())
}

/// A list that a policy's parameter can have as its default, by name. `None`: there is no such list.
///
/// # Errors
/// [`ListError`] if it does not parse.
pub fn named(name: &str) -> Result<Option<Vec<String>>, ListError> {
    if name != IAM_WRITES {
        return Ok(None);
    }
    Ok(Some(iam_writes()?.into_iter().map(|call| call.action).collect()))
}

impl Lists {
    /// The lists that ship with the tool.
    ///
    /// # Errors
    /// [`ListError`] if one does not parse.
    pub fn embedded() -> Result<Self, ListError> {
        let accounts: LayerAccounts = toml::from_str(include_str!("../data/aws-layer-accounts.toml"))
            .map_err(|error| ListError { file: "aws-layer-accounts.toml", error })?;
        let agents: Agents = toml::from_str(include_str!("../data/cli-user-agents.toml"))
            .map_err(|error| ListError { file: "cli-user-agents.toml", error })?;
        let runtimes: Runtimes = toml::from_str(include_str!("../data/lambda-runtimes.toml"))
            .map_err(|error| ListError { file: "lambda-runtimes.toml", error })?;
        let controls: Controls = toml::from_str(include_str!("../data/security-hub-controls.toml"))
            .map_err(|error| ListError { file: "security-hub-controls.toml", error })?;
        Ok(Lists {
            // As old as its oldest line.
            runtimes_read: runtimes.runtime.iter().map(|one| one.date).min().unwrap_or_default(),
            runtimes: runtimes.runtime.into_iter().map(|one| (one.id, one.deprecated)).collect(),
            layer_accounts: accounts.account.into_iter().map(|account| (account.id, account.what)).collect(),
            agents: agents.agent,
            iam_writes: iam_writes()?,
            security_hub_controls: controls.control.into_iter().map(|control| control.id).collect(),
        })
    }

    /// IAM calls that make or empower users and roles, or lift what limits them.
    pub fn iam_writes(&self) -> &[IamWrite] {
        &self.iam_writes
    }

    /// Does AWS publish layers from this account?
    pub fn is_aws_layer_account(&self, account: &str) -> bool {
        self.layer_accounts.contains_key(account)
    }

    /// Has the runtime been deprecated by that day? `None`: it is not listed.
    pub fn is_deprecated(&self, runtime: &str, day: Date) -> Option<bool> {
        self.runtimes.get(runtime).map(|from| *from <= day)
    }

    /// The day on which the list of runtimes was read.
    pub fn runtimes_read(&self) -> Date {
        self.runtimes_read
    }

    /// Security Hub's controls of Lambda functions: `Lambda.1`.
    pub fn security_hub_controls(&self) -> impl Iterator<Item = &str> {
        self.security_hub_controls.iter().map(String::as_str)
    }

    /// Is it what a command line sends as its user agent? CloudTrail writes some user agents in square brackets.
    #[inline]
    pub fn is_command_line(&self, user_agent: &str) -> bool {
        let text = user_agent.strip_prefix('[').unwrap_or(user_agent);
        self.agents.iter().any(|agent| begins(text.as_bytes(), agent.begins.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_that_ship_parse_and_hold_what_they_should() {
        let lists = Lists::embedded().unwrap();
        assert!(lists.is_aws_layer_account("017000801446"));
        assert!(!lists.is_aws_layer_account("111122223333"));
        for agent in
            ["aws-cli/2.31.9 md/awscrt#0.27.6", "[aws-cli/1.18.5 Python/3.8]", "AWSPowerShell.Common/5.0.1"]
        {
            assert!(lists.is_command_line(agent), "{agent}");
        }
        for agent in ["Boto3/1.40.52", "aws-sdk-go/1.41.4", "x aws-cli/2", "AWSConsole", "", "["] {
            assert!(!lists.is_command_line(agent), "{agent}");
        }
        let day = |text: &str| text.parse().unwrap();
        assert_eq!(lists.is_deprecated("nodejs18.x", day("2025-08-31")), Some(false));
        assert_eq!(lists.is_deprecated("nodejs18.x", day("2025-09-01")), Some(true));
        assert_eq!(lists.is_deprecated("python3.14", day("2026-11-28")), Some(false));
        assert_eq!(lists.is_deprecated("cobol85", day("2026-11-28")), None);
        assert!(lists.runtimes_read() >= day("2026-11-28") && lists.runtimes.len() >= 46);
        assert!(lists.agents.iter().all(|agent| agent.begins.len() > 3), "one would match anything");
        assert!(lists.layer_accounts.keys().all(|id| crate::arn::is_account(id)));
        let calls = named(IAM_WRITES).unwrap().unwrap();
        assert!(calls.is_sorted() && calls.contains(&"CreateAccessKey".to_owned()));
        assert_eq!(calls.len(), lists.iam_writes().len());
        assert!(named("iam-write-action").unwrap().is_none());
    }
}
