//! Principals that AWS itself needs in a function's policy, for the actions it needs them for:
//! `data/aws-principals.toml`, each line with its source page and date.

use std::sync::LazyLock;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    principal: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "what, source and date are for readers of the file; parsing holds that they are there"
)]
struct Listed {
    principal: String,
    actions: Vec<String>,
    what: String,
    source: String,
    date: String,
}

/// A file that does not parse excuses nobody; a test holds that the one that ships does.
static LISTED: LazyLock<Vec<Listed>> = LazyLock::new(|| {
    toml::from_str::<File>(include_str!("../../data/aws-principals.toml"))
        .map_or(Vec::new(), |file| file.principal)
});

/// Does AWS itself need this principal to have all these actions, and no others?
pub(super) fn is_listed<S: AsRef<str>>(principal: &str, actions: &[S]) -> bool {
    is_in(&LISTED, principal, actions)
}

/// One entry must have all the actions: what two of them have between them is not what AWS needs for either.
fn is_in<S: AsRef<str>>(entries: &[Listed], principal: &str, actions: &[S]) -> bool {
    let has =
        |listed: &Listed, action: &str| listed.actions.iter().any(|known| known.eq_ignore_ascii_case(action));
    let of_principal = |listed: &&Listed| listed.principal == principal;
    !actions.is_empty()
        && entries
            .iter()
            .filter(of_principal)
            .any(|listed| actions.iter().all(|action| has(listed, action.as_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_replicator_of_lambda_at_edge_is_excused_for_what_it_needs_and_nothing_else() {
        let replicator = "replicator.lambda.amazonaws.com";
        let texts = |actions: &[&str]| actions.iter().map(|action| (*action).to_owned()).collect::<Vec<_>>();
        assert!(is_listed(replicator, &texts(&["lambda:GetFunction", "lambda:enablereplication*"])));
        assert!(!is_listed(replicator, &texts(&["lambda:GetFunction", "lambda:UpdateFunctionCode"])));
        assert!(!is_listed(replicator, &texts(&["lambda:*"])));
        assert!(!is_listed(replicator, &texts(&[])));
        assert!(!is_listed("s3.amazonaws.com", &texts(&["lambda:GetFunction"])));
    }
    #[test]
    fn entries_of_one_principal_are_not_joined() {
        let entry = |actions: &[&str]| Listed {
            principal: "x.amazonaws.com".to_owned(),
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
            what: String::new(),
            source: String::new(),
            date: String::new(),
        };
        let entries = [entry(&["lambda:GetFunction"]), entry(&["lambda:GetPolicy"])];
        let is_in = |actions: &[&str]| {
            let actions: Vec<String> = actions.iter().map(|action| (*action).to_owned()).collect();
            is_in(&entries, "x.amazonaws.com", &actions)
        };
        assert!(!is_in(&["lambda:GetFunction", "lambda:GetPolicy"]));
        assert!(!is_in(&["lambda:UpdateFunctionCode", "lambda:GetPolicy"]));
        assert!(is_in(&["lambda:getpolicy"]) && is_in(&["lambda:GetFunction"]));
    }
}
