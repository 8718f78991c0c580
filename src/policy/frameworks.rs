//! Whose requirements a policy checks: controls and techniques of frameworks, by their own numbers.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Attack;

/// A control of a framework.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    /// `security-hub`, `cis-aws-compute`, … or a name of your own.
    pub framework: String,
    /// Its number there: `Lambda.2`.
    pub id: String,
}

/// A framework that bundled policies name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Framework {
    pub id: &'static str,
    pub title: &'static str,
    pub page: &'static str,
}

/// Those of a policy's `attack` tags.
pub const ATTACK: &str = "mitre-attack";
/// The techniques that AWS has added to them: their numbers have an `A` behind the dot.
pub const THREAT_TECHNIQUES: &str = "aws-threat-technique";

/// The numbers of CIS's two were compared on 28 November 2026 with the public lists that scanners keep of them
/// (turbot/steampipe-mod-aws-compliance, `cis_compute_service_v100` and `cis_v300`): the benchmarks themselves are handed
/// out only to who registers.
pub const FRAMEWORKS: [Framework; 5] = [
    Framework { id: ATTACK, title: "MITRE ATT&CK", page: "https://attack.mitre.org/" },
    Framework {
        id: THREAT_TECHNIQUES,
        title: "Threat Technique Catalog for AWS",
        page: "https://aws-samples.github.io/threat-technique-catalog-for-aws/",
    },
    Framework {
        id: "security-hub",
        title: "AWS Security Hub CSPM controls",
        page: "https://docs.aws.amazon.com/securityhub/latest/userguide/lambda-controls.html",
    },
    Framework {
        id: "cis-aws-compute",
        title: "CIS AWS Compute Services Benchmark 1.0.0",
        page: "https://www.cisecurity.org/benchmark/amazon_web_services",
    },
    Framework {
        id: "cis-aws-foundations",
        title: "CIS AWS Foundations Benchmark 3.0.0",
        page: "https://www.cisecurity.org/benchmark/amazon_web_services",
    },
];

/// What it is called; its id where it is nobody's that is known here.
pub fn title(framework: &str) -> &str {
    FRAMEWORKS.iter().find(|known| known.id == framework).map_or(framework, |known| known.title)
}

/// The controls that a policy names, its techniques included.
pub fn all<'c>(attack: &'c [Attack], controls: &'c [Control]) -> BTreeMap<&'c str, BTreeSet<&'c str>> {
    let mut all: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for technique in attack.iter().filter_map(|tag| tag.technique.as_deref()) {
        let of_aws = technique.split_once('.').is_some_and(|(_, sub)| sub.starts_with('A'));
        all.entry(if of_aws { THREAT_TECHNIQUES } else { ATTACK }).or_default().insert(technique);
    }
    for control in controls {
        all.entry(&control.framework).or_default().insert(&control.id);
    }
    all
}

/// Numbers within a text in order of value: 4.2 before 4.10.
pub(crate) fn natural(id: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = id;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(text);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        parts.push((word.to_owned(), number.parse().unwrap_or(0)));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_are_told_apart_by_their_numbers() {
        let tag = |technique: &str| Attack { tactic: "TA0002".into(), technique: Some(technique.into()) };
        let controls = [Control { framework: "security-hub".into(), id: "Lambda.1".into() }];
        let attack = [tag("T1648"), tag("T1648.A001"), tag("T1578.005")];
        let all = all(&attack, &controls);
        assert_eq!(all[ATTACK], BTreeSet::from(["T1578.005", "T1648"]));
        assert_eq!(all[THREAT_TECHNIQUES], BTreeSet::from(["T1648.A001"]));
        assert_eq!(all["security-hub"], BTreeSet::from(["Lambda.1"]));
        assert_eq!((title("security-hub"), title("acme")), ("AWS Security Hub CSPM controls", "acme"));
    }
    #[test]
    fn numbers_are_in_order_of_value() {
        let mut ids = ["4.10", "4.2", "Lambda.1", "T1648", "T1578.005", "4.1"];
        ids.sort_by_key(|id| natural(id));
        assert_eq!(ids, ["4.1", "4.2", "4.10", "Lambda.1", "T1578.005", "T1648"]);
    }
}
