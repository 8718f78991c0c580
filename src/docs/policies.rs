//! The index and the reference of policies, from the policies themselves.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{NOTE, cell, codes};
use crate::export::carried;
use crate::facts::schema::Origin;
use crate::policy::cases::Case;
use crate::policy::frameworks;
use crate::policy::lang::ir::Param;
use crate::policy::{Policy, PolicySet, Profile};
use crate::value::OwnedValue;

/// The areas, in the order of the documentation, and what each is about. A folder that is not here comes last.
const AREAS: &[(&str, &str)] = &[
    ("exposure", "Who can call, read or change what"),
    ("logging", "Whether invocations are recorded"),
    ("activity", "What happened"),
    ("identity", "What functions and their callers may do"),
    ("code", "Code and configuration"),
    ("guardrails", "What should protect the account"),
];

/// The page `policies/INDEX.md`, with links to the files beside it.
pub fn policy_index(set: &PolicySet) -> String {
    let mut page = format!(
        "{NOTE}\n# Policies\n\nEach is two files: the policy and its cases. Explained, each on a page of its own: \
         [docs/policies.md](../docs/policies.md).\n"
    );
    for (area, means, policies) in areas(set) {
        put(&mut page, format_args!("\n## {area}: {means}\n\n"));
        page.push_str(&table(&policies, |policy| format!("{area}/{}.yaml", policy.id)));
    }
    page
}

/// The table of the README: every policy with a link to its page.
pub fn policy_table(set: &PolicySet) -> String {
    let policies: Vec<&Policy> = areas(set).into_iter().flat_map(|(_, _, policies)| policies).collect();
    table(&policies, |policy| format!("docs/policies/{}.md", policy.id))
}

/// The page `docs/policies.md`: what there is, by area and by framework.
pub fn policy_reference(set: &PolicySet) -> String {
    let mut page = format!(
        "{NOTE}\n# Policy reference\n\nEvery bundled policy, each with a page of its own. The same in a terminal: \
         `lambda-audit policy list` and `lambda-audit policy show ID`. What other tools check, beside it: \
         [compare.md](compare.md).\n"
    );
    for (area, means, policies) in areas(set) {
        put(&mut page, format_args!("\n## {area}: {means}\n\n"));
        page.push_str(&table(&policies, |policy| format!("policies/{}.md", policy.id)));
    }
    page.push_str("\n## By framework\n\n");
    page.push_str(
        "`lambda-audit policy list --framework NAME` lists the policies of one, `lambda-audit report RUN --framework \
         NAME` a run by its controls. A control without findings is as good as what was judged of it.\n",
    );
    let mut by_framework: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for policy in set.iter() {
        for (framework, ids) in frameworks::all(&policy.attack, &policy.controls) {
            for id in ids {
                by_framework.entry(framework).or_default().entry(id).or_default().push(&policy.id);
            }
        }
    }
    for known in frameworks::FRAMEWORKS {
        let Some(controls) = by_framework.get(known.id) else { continue };
        put(&mut page, format_args!("\n### {}\n\n`{}`: <{}>\n\n", known.title, known.id, known.page));
        page.push_str("| control | policies |\n|---|---|\n");
        let mut controls: Vec<_> = controls.iter().collect();
        controls.sort_by_key(|(id, _)| frameworks::natural(id));
        for (id, policies) in controls {
            let links: Vec<String> = policies.iter().map(|id| format!("[{id}](policies/{id}.md)")).collect();
            put(&mut page, format_args!("| {} | {} |\n", cell(id), links.join(", ")));
        }
    }
    page
}

/// The page of one policy, `docs/policies/ID.md`.
pub fn policy_page(policy: &Policy, cases: &[Case]) -> String {
    let mut page = format!("{NOTE}\n");
    section(&mut page, area_of(policy), policy);
    put(&mut page, format_args!("\n## Cases\n\n"));
    let area = area_of(policy);
    put(
        &mut page,
        format_args!(
            "What the policy answers, from [its test file](../../policies/{area}/{}.test.yaml).\n\n| case | answer \
             |\n|---|---|\n",
            policy.id
        ),
    );
    for case in cases {
        let level = case.level.map_or(String::new(), |level| format!(", {level}"));
        put(&mut page, format_args!("| {} | {}{level} |\n", cell(&prose(&case.name)), case.expect.as_str()));
    }
    page
}

/// Areas with their policies, each in order.
fn areas(set: &PolicySet) -> Vec<(&str, &'static str, Vec<&Policy>)> {
    let mut areas: Vec<(&str, &'static str, Vec<&Policy>)> =
        AREAS.iter().map(|(area, means)| (*area, *means, Vec::new())).collect();
    for policy in set.iter() {
        let area = area_of(policy);
        match areas.iter_mut().find(|(known, ..)| *known == area) {
            Some((.., policies)) => policies.push(policy),
            None => areas.push((area, "Others", vec![policy])),
        }
    }
    areas.retain(|(.., policies)| !policies.is_empty());
    areas
}

/// The folder the policy's file lies in.
fn area_of(policy: &Policy) -> &str {
    policy.file().rsplit('/').nth(1).unwrap_or("")
}

fn table(policies: &[&Policy], link: impl Fn(&Policy) -> String) -> String {
    let mut text = "| policy | severity | judges | finds |\n|---|---|---|---|\n".to_owned();
    for policy in policies {
        let strict = if policy.profile == Profile::Strict { ", strict" } else { "" };
        let judges = format!("`{}` {}", policy.kind.name, origins(policy));
        put(
            &mut text,
            format_args!(
                "| [{}]({}) | {}{strict} | {judges} | {} |\n",
                policy.id,
                link(policy),
                policy.severity,
                cell(&policy.title),
            ),
        );
    }
    text
}

fn section(page: &mut String, area: &str, policy: &Policy) {
    put(page, format_args!("# {}\n\n**{}.**", policy.id, policy.title));
    let strict = if policy.profile == Profile::Strict { " Strict profile only." } else { "" };
    put(
        page,
        format_args!(
            " Severity {}, risk score {}. Judges [`{}` facts](../facts.md#{}) of {}.{strict}",
            policy.severity,
            policy.risk_score,
            policy.kind.name,
            policy.kind.name,
            origins(policy),
        ),
    );
    if let Some(since) = &policy.since {
        put(page, format_args!(" Since {since}."));
    }
    put(page, format_args!(" [The policy's file](../../policies/{area}/{}.yaml).\n", policy.id));
    part(page, "Why", &policy.texts.why);
    put(page, format_args!("\n## What it asks\n\n"));
    if let Some(applies_to) = policy.applies_to() {
        put(
            page,
            format_args!(
                "Applies to ([predicate language](../language.md)):\n```cel\n{}\n```\n",
                applies_to.trim()
            ),
        );
    }
    put(page, format_args!("Fails when:\n```cel\n{}\n```\n", policy.when().trim()));
    for level in &policy.levels {
        let note = level.note.as_deref().map_or(String::new(), |note| format!(": {note}"));
        let (severity, score) = (level.severity, level.risk_score);
        put(page, format_args!("- level {severity} ({score}) where `{}`{note}\n", level.when.text().trim()));
    }
    let gap = if policy.levels.is_empty() { "" } else { "\n" };
    put(page, format_args!("{gap}- Permissions to collect it: {}\n", codes(policy.permissions())));
    put(
        page,
        format_args!(
            "- Trail events that can lead to a finding: {}\n",
            codes(policy.trail_events().iter().map(ToString::to_string))
        ),
    );
    put(
        page,
        format_args!(
            "- Continuously (`lambda-audit export eventbridge {}`): {}\n",
            policy.id,
            standing(policy)
        ),
    );
    attack_and_controls(page, policy);
    if !policy.params.is_empty() {
        put(page, format_args!("\n## Parameters\n\n"));
        put(
            page,
            format_args!(
                "Set under `[params.{}]` in [the configuration](../configuration.md).\n\n",
                policy.id
            ),
        );
    }
    for param in &policy.params {
        put(page, format_args!("- `{}`: {}\n", param.name, value(param)));
    }
    let texts = &policy.texts;
    part(page, "Check by hand", &texts.investigate);
    part(page, "Fix", &texts.remediate);
    list(page, "False positives", &texts.false_positives);
    list(page, "References", &texts.references);
}

fn attack_and_controls(page: &mut String, policy: &Policy) {
    let tags = policy.attack.iter().map(|tag| match &tag.technique {
        Some(technique) => format!("{}/{technique}", tag.tactic),
        None => tag.tactic.clone(),
    });
    let tags: Vec<String> = tags.collect();
    if !tags.is_empty() {
        put(page, format_args!("- ATT&CK: {}\n", tags.join(", ")));
    }
    for control in &policy.controls {
        put(page, format_args!("- {}: {}\n", frameworks::title(&control.framework), control.id));
    }
}

/// How much of it a pattern carries.
fn standing(policy: &Policy) -> String {
    match carried(policy) {
        Ok(carried) if carried.is_exact() => "exact".to_owned(),
        Ok(carried) => format!("wider, without {}", codes(&carried.left_out)),
        Err(why) => format!("not, since {why}"),
    }
}

fn part(page: &mut String, title: &str, text: &Option<String>) {
    if let Some(text) = text {
        put(page, format_args!("\n## {title}\n\n{}\n", prose(text).trim_start_matches('\n')));
    }
}

fn list(page: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    put(page, format_args!("\n## {title}\n\n"));
    for item in items {
        let item = if item.starts_with("https://") { format!("<{item}>") } else { prose(item) };
        put(page, format_args!("- {}\n", item.replace('\n', "\n  ")));
    }
}

/// A policy's text as Markdown: what stands in angle brackets or as a bare star would be taken for markup.
fn prose(text: &str) -> String {
    let text = text.trim_end().replace('<', "&lt;").replace('*', "\\*");
    // A list needs an empty line before it.
    if text.starts_with("1. ") { format!("\n{text}") } else { text }
}

fn origins(policy: &Policy) -> String {
    let words = policy.origins.iter().map(|origin| match origin {
        Origin::State => "state",
        Origin::Change => "changes",
        Origin::Activity => "activity",
    });
    words.collect::<Vec<_>>().join(" and ")
}

fn value(param: &Param) -> String {
    match &param.value {
        OwnedValue::Bool(value) => format!("`{value}`"),
        OwnedValue::Int(value) => format!("`{value}`"),
        OwnedValue::Text(value) => format!("`\"{value}\"`"),
        OwnedValue::List(list) => codes(list.items.iter().map(|item| item.as_ref())),
        OwnedValue::Absent | OwnedValue::Unread(_) => "–".to_owned(),
    }
}

/// Writing to a String does not fail.
fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Overrides;

    #[test]
    fn every_bundled_policy_stands_on_every_page_under_an_area_that_is_named() {
        let (set, errors) = PolicySet::load_with_bundled(&[], &Overrides::default());
        assert!(errors.is_empty());
        let (index, table, reference) = (policy_index(&set), policy_table(&set), policy_reference(&set));
        for policy in set.iter() {
            assert!(AREAS.iter().any(|(area, _)| *area == area_of(policy)), "{}", policy.file());
            assert!(index.contains(&format!("| [{0}]({1}/{0}.yaml) |", policy.id, area_of(policy))));
            assert!(table.contains(&format!("| [{0}](docs/policies/{0}.md) |", policy.id)));
            assert!(reference.contains(&format!("| [{0}](policies/{0}.md) |", policy.id)));
        }
    }
}
