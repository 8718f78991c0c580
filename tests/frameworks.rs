//! Policies and runs by the controls of frameworks: what is not judged is never shown as met.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value as Json;
use support::{bundled, scratch};

/// The controls of a story's run, by framework and number.
fn controls(story: &str, framework: &str) -> Vec<Json> {
    let run = scratch(&format!("frameworks-{story}-{framework}")).join("run.json");
    let written = format!("json={}", run.display());
    let snapshot = format!("fixtures/accounts/{story}/snapshot.jsonl");
    let scan =
        ["scan", "--snapshot", &snapshot, "--policy-profile", "strict", "--now", support::NOW, "--exit-zero"];
    support::run(scan.into_iter().chain(["--allow-incomplete", "--output", &written]));
    let report = ["report", run.to_str().unwrap(), "--framework", framework, "--output", "json"];
    let ran = support::run(report.into_iter().chain(["--exit-zero", "--allow-incomplete"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()["controls"].as_array().unwrap().clone()
}

fn standing<'c>(controls: &'c [Json], id: &str) -> &'c str {
    let row = controls.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no {id}: {controls:?}"));
    row["standing"].as_str().unwrap()
}

#[test]
fn a_control_is_clear_only_where_everything_was_judged() {
    let demo = controls("demo", "security-hub");
    assert!(demo.iter().all(|row| row["framework"] == "security-hub"));
    for id in ["Lambda.1", "Lambda.2", "Lambda.3", "Lambda.5", "Lambda.6", "Lambda.7"] {
        assert_eq!(standing(&demo, id), "findings", "{id}");
        assert_eq!(standing(&controls("clean", "security-hub"), id), "clear", "{id}");
    }
    // A region's functions could not be listed: nothing of them is known to be in order.
    let denied = controls("denied", "security-hub");
    assert_eq!(standing(&denied, "Lambda.5"), "unknown");
    assert_eq!(standing(&denied, "Lambda.1"), "findings");
}

#[test]
fn frameworks_are_listed_and_unknown_ones_refused() {
    let ran = support::run(["policy", "list", "--framework", "security-hub"]);
    assert_eq!(ran.code, 0);
    let line = ran.stdout.lines().find(|line| line.contains("function-runtime-unsupported")).unwrap();
    assert!(line.contains("Lambda.2"), "{line}");
    assert!(!ran.stdout.contains("function-deleted"));
    let none = support::run(["policy", "list", "--framework", "no-such"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("security-hub"), "{}", none.stderr);
    // Text has a table for each.
    let run = scratch("frameworks-text").join("run.json");
    let written = format!("json={}", run.display());
    support::run(["demo", "--quiet", "--output", &written]);
    let all = support::run(["report", run.to_str().unwrap(), "--framework", "all"]);
    for title in ["MITRE ATT&CK", "AWS Security Hub CSPM controls", "CIS AWS Compute Services Benchmark"] {
        assert!(all.stdout.contains(title), "{}", all.stdout);
    }
    assert_eq!(support::run(["report", run.to_str().unwrap(), "--framework", "no-such"]).code, 2);
    // What has no such rows is not written as if it had.
    let refused = support::run(["report", run.to_str().unwrap(), "--framework", "all", "--output", "sarif"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("text, json or html"), "{}", refused.stderr);
}

/// The cells of a page's rows that have this many, without tags.
fn cells(page: &str, count: usize) -> Vec<Vec<String>> {
    let text = |cell: &str| {
        let (mut out, mut inside) = (String::new(), false);
        for c in cell.replace("<br>", ", ").chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => out.push(c),
                _ => {}
            }
        }
        out
    };
    let rows = page.split("<tr>").skip(1).map(|row| row.split("</tr>").next().unwrap());
    let rows =
        rows.map(|row| row.split("<td").skip(1).map(|cell| text(&format!("<{cell}"))).collect::<Vec<_>>());
    rows.filter(|row| row.len() == count).collect()
}

#[test]
fn a_page_has_the_same_controls() {
    let directory = scratch("frameworks-html");
    let (run, page) = (directory.join("run.json"), directory.join("run.html"));
    let written = format!("json={}", run.display());
    assert_eq!(support::run(["demo", "--quiet", "--output", &written]).code, 0);
    // No policy may name a framework so, and a saved run may be anybody's.
    let mut saved: Json = serde_json::from_str(&std::fs::read_to_string(&run).unwrap()).unwrap();
    let policies = saved["policies"].as_array_mut().unwrap();
    let own = policies.iter_mut().find(|one| one["id"] == "function-untagged").unwrap();
    own["controls"] =
        serde_json::json!([{"framework": "\"><script>window.attacked=1</script>", "id": "\"><img src=x>"}]);
    std::fs::write(&run, saved.to_string()).unwrap();
    let report = |arguments: &[&str]| {
        let ran = support::run([&["report", run.to_str().unwrap()], arguments].concat());
        assert!(!ran.stderr.contains("error"), "{ran:?}");
        ran
    };
    let rows =
        report(&["--framework", "all", "--output", "json"]).json()["controls"].as_array().unwrap().clone();
    let expected: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().replace('_', " ");
            let policies: Vec<&str> =
                row["policies"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
            let escaped = text("id").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
            let mut cells = vec![escaped, text("standing")];
            cells.extend(["findings", "waived", "judged", "unknown"].map(|name| row[name].to_string()));
            cells.push(policies.join(", "));
            cells
        })
        .collect();
    assert!(expected.len() > 30 && expected.iter().any(|row| row[0].contains("&lt;img")));
    let to = format!("html={}", page.display());
    for arguments in [vec!["--output", to.as_str()], vec!["--framework", "all", "--output", to.as_str()]] {
        report(&arguments);
        let page = std::fs::read_to_string(&page).unwrap();
        assert_eq!(cells(&page, 7).into_iter().filter(|row| expected.contains(row)).count(), expected.len());
        assert_eq!(page.contains("id=\"findings\""), arguments.len() == 2);
        // A severity is a button where there are findings to choose from.
        assert_eq!(page.contains("<button type=\"button\" data-severity"), arguments.len() == 2);
        assert!(page.contains("id=\"coverage\"") && page.contains("MITRE ATT&amp;CK"));
        assert_eq!((page.matches("<script>").count(), page.matches("<img").count()), (1, 0));
    }
    report(&["--framework", "security-hub", "--output", &to]);
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(page.contains("<b>Lambda.2</b>") && !page.contains("<b>T1648</b>"));
}

#[test]
fn every_policy_is_on_a_framework_and_no_control_is_misspelt() {
    for policy in bundled().iter() {
        let all = lambda_audit::policy::frameworks::all(&policy.attack, &policy.controls);
        assert!(!all.is_empty(), "{}", policy.id);
        for (framework, ids) in all {
            let known = lambda_audit::policy::frameworks::FRAMEWORKS.iter().any(|one| one.id == framework);
            assert!(known, "{}: {framework}", policy.id);
            let number = |id: &str| id.split('.').all(|part| part.parse::<u16>().is_ok());
            for id in ids {
                let fits = match framework {
                    "security-hub" => id.split_once('.').is_some_and(|(_, at)| at.parse::<u16>().is_ok()),
                    "cis-aws-compute" | "cis-aws-foundations" => number(id),
                    _ => id.starts_with('T'),
                };
                assert!(fits, "{}: {framework} {id}", policy.id);
            }
        }
    }
}
