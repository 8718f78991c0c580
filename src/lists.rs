//! Listed data: what AWS publishes and no API answers, each line with its source page and date (`data/*.toml`).

use std::collections::BTreeMap;

use serde::Deserialize;

/// The lists the tool carries.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    layer_accounts: BTreeMap<String, String>,
}

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

impl Lists {
    /// The lists that ship with the tool.
    ///
    /// # Errors
    /// [`ListError`] if one does not parse.
    pub fn embedded() -> Result<Self, ListError> {
        let accounts: LayerAccounts = toml::from_str(include_str!("../data/aws-layer-accounts.toml"))
            .map_err(|error| ListError { file: "aws-layer-accounts.toml", error })?;
        Ok(Lists {
            layer_accounts: accounts.account.into_iter().map(|account| (account.id, account.what)).collect(),
        })
    }

    /// Does AWS publish layers from this account?
    pub fn is_aws_layer_account(&self, account: &str) -> bool {
        self.layer_accounts.contains_key(account)
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
        assert!(lists.layer_accounts.keys().all(|id| crate::arn::is_account(id)));
    }
}
