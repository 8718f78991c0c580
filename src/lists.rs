//! Listed data: what AWS publishes and no API answers, each line with its source page and date (`data/*.toml`).

use std::collections::BTreeMap;

use serde::Deserialize;

/// The lists the tool carries.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    layer_accounts: BTreeMap<String, String>,
    principals: Vec<ListedPrincipal>,
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Principals {
    principal: Vec<ListedPrincipal>,
}

/// A principal that AWS itself needs in a policy, for these actions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "what, source and date are for readers of the file; parsing holds that they are there"
)]
struct ListedPrincipal {
    principal: String,
    actions: Vec<String>,
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
        let principals: Principals = toml::from_str(include_str!("../data/aws-principals.toml"))
            .map_err(|error| ListError { file: "aws-principals.toml", error })?;
        Ok(Lists {
            layer_accounts: accounts.account.into_iter().map(|account| (account.id, account.what)).collect(),
            principals: principals.principal,
        })
    }

    /// Does AWS publish layers from this account?
    pub fn is_aws_layer_account(&self, account: &str) -> bool {
        self.layer_accounts.contains_key(account)
    }

    /// Does AWS itself need this principal to have all these actions?
    pub fn is_listed_principal(&self, principal: &str, actions: &[String]) -> bool {
        self.principals.iter().any(|listed| {
            listed.principal == principal
                && !actions.is_empty()
                && actions
                    .iter()
                    .all(|action| listed.actions.iter().any(|known| known.eq_ignore_ascii_case(action)))
        })
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
        let replicator = "replicator.lambda.amazonaws.com";
        assert!(lists.is_listed_principal(replicator, &["lambda:GetFunction".to_owned()]));
        assert!(!lists.is_listed_principal(replicator, &["lambda:UpdateFunctionCode".to_owned()]));
        assert!(lists.layer_accounts.keys().all(|id| crate::arn::is_account(id)));
    }
}
