//! Listed data: what AWS publishes and no API answers, each line with its source page and date (`data/*.toml`).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::identity::IamWrite;

/// The lists the tool carries.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    layer_accounts: BTreeMap<String, String>,
    agents: Vec<ListedAgent>,
    iam_writes: Vec<IamWrite>,
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
struct IamWrites {
    action: Vec<ListedCall>,
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
        Ok(Lists {
            layer_accounts: accounts.account.into_iter().map(|account| (account.id, account.what)).collect(),
            agents: agents.agent,
            iam_writes: iam_writes()?,
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

    /// Is it what a command line sends as its user agent? CloudTrail writes some user agents in square brackets.
    pub fn is_command_line(&self, user_agent: &str) -> bool {
        let text = user_agent.strip_prefix('[').unwrap_or(user_agent);
        self.agents.iter().any(|agent| text.starts_with(&agent.begins))
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
        assert!(lists.agents.iter().all(|agent| agent.begins.len() > 3), "one would match anything");
        assert!(lists.layer_accounts.keys().all(|id| crate::arn::is_account(id)));
        let calls = named(IAM_WRITES).unwrap().unwrap();
        assert!(calls.is_sorted() && calls.contains(&"CreateAccessKey".to_owned()));
        assert_eq!(calls.len(), lists.iam_writes().len());
        assert!(named("iam-write-action").unwrap().is_none());
    }
}
