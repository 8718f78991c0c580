//! The policies that come with the program, embedded when it is built. Adding one registers nothing.

use super::SourceText;

include!(concat!(env!("OUT_DIR"), "/bundled_policies.rs"));

/// Policy files as (path below `policies/`, text), in order of path.
pub fn policies() -> Vec<SourceText> {
    files(|path| !path.ends_with(TEST_SUFFIX))
}

/// Test files as (path below `policies/`, text), in order of path.
pub fn tests() -> Vec<SourceText> {
    files(|path| path.ends_with(TEST_SUFFIX))
}

/// The address of a policy's page in the documentation, where it is one of these: the source of this version, as
/// docs.rs shows it.
pub fn page(id: &str) -> Option<String> {
    let file = format!("/{id}.yaml");
    let version = env!("CARGO_PKG_VERSION");
    FILES
        .iter()
        .any(|(path, _)| path.ends_with(&file))
        .then(|| format!("https://docs.rs/crate/lambda-audit/{version}/source/docs/policies/{id}.md"))
}

/// What the name of a policy's test file ends with.
pub const TEST_SUFFIX: &str = ".test.yaml";

fn files(wanted: impl Fn(&str) -> bool) -> Vec<SourceText> {
    FILES
        .iter()
        .filter(|(path, _)| wanted(path))
        .map(|(path, text)| SourceText::new(format!("policies/{path}"), *text))
        .collect()
}
