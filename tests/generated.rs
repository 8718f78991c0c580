//! Generated files and regions are what generates them, examples are read by the real readers, and links lead
//! somewhere.
//!
//! `BLESS=1 cargo test --test generated` writes what is out of date.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lambda_audit::policy::cases::cases;
use lambda_audit::policy::{Overrides, Policy, PolicySet, bundled as bundled_files};
use lambda_audit::snapshot::{self, Input, Visit};
use lambda_audit::{cli, docs};

const NOW: &str = "2026-11-20T09:00:00Z";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn bundled() -> PolicySet {
    let (set, errors) = PolicySet::load_with_bundled(&[], &Overrides::default());
    assert!(errors.is_empty(), "bundled policies have errors");
    set
}

/// Compares the committed file with what it must be, or writes it.
fn settle(path: &str, wanted: &str) {
    if std::env::var_os("BLESS").is_some() {
        fs::write(root().join(path), wanted).unwrap();
        return;
    }
    let committed = fs::read_to_string(root().join(path)).unwrap_or_default();
    // The first difference says more than two whole pages.
    let differs = committed.lines().zip(wanted.lines()).enumerate().find(|(_, (a, b))| a != b);
    assert!(
        committed == wanted,
        "{path} is out of date ({}): BLESS=1 cargo test --test generated",
        differs.map_or("it ends elsewhere".to_owned(), |(at, (old, new))| {
            format!("line {}: `{old}` must be `{new}`", at + 1)
        })
    );
}

/// What the program prints on standard output; its exit code must be `exit`.
fn run(args: &[&str], exit: i32) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-audit"));
    command.args(args).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        let scrubbed = ["CI", "NO_COLOR", "COLUMNS", "TERM"].contains(&name_text.as_ref())
            || name_text.starts_with("GITHUB_")
            || name_text.starts_with("AWS_");
        if scrubbed {
            command.env_remove(&name);
        }
    }
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(exit), "lambda-audit {}: {errors}", args.join(" "));
    String::from_utf8(output.stdout).unwrap()
}

/// A command and what it printed, as a block of text. Of its paragraphs those that begin with one of `keep`; the
/// others are left out with `…` in their place. An empty `keep` keeps all.
fn shown(args: &[&str], exit: i32, keep: &[&str]) -> String {
    let output = run(args, exit);
    let mut kept: Vec<&str> = Vec::new();
    for paragraph in output.trim_end().split("\n\n") {
        let wanted = keep.is_empty() || keep.iter().any(|start| paragraph.trim_start().starts_with(start));
        if wanted {
            kept.push(paragraph);
        } else if kept.last() != Some(&"…") {
            kept.push("…");
        }
    }
    for start in keep {
        let found = kept.iter().any(|paragraph| paragraph.trim_start().starts_with(start));
        assert!(found, "no paragraph of `{}` begins with `{start}`", args.join(" "));
    }
    let quoted: Vec<String> = args
        .iter()
        .map(|arg| if arg.contains('*') { format!("'{arg}'") } else { (*arg).to_owned() })
        .collect();
    format!("```console\n$ lambda-audit {}\n{}\n```", quoted.join(" "), kept.join("\n\n"))
}

fn file_block(path: &str, language: &str) -> String {
    format!("`{path}`:\n\n```{language}\n{}\n```", read(path).trim_end())
}

/// The lines of the documented snapshot, as written.
fn snapshot_texts() -> Vec<String> {
    read("docs/examples/snapshot.jsonl").lines().map(str::to_owned).collect()
}

fn parsed(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// A line of JSON with line breaks and the members in their order, which a parsed object would lose.
fn json_block(line: &str) -> String {
    let mut text = String::new();
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if in_text {
            in_text = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            text.push(c);
            continue;
        }
        let newline = |text: &mut String, depth: usize| {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth));
        };
        match c {
            '{' | '[' => {
                text.push(c);
                if matches!(chars.peek(), Some('}' | ']')) {
                    text.extend(chars.next());
                } else {
                    depth += 1;
                    newline(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                newline(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                newline(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => {
                in_text = c == '"';
                text.push(c);
            }
        }
    }
    assert_eq!(parsed(&text), parsed(line), "line breaks changed the line");
    format!("```json\n{text}\n```\n")
}

/// A section for each API: what it is, a whole line, and the members that are read.
fn snapshot_apis() -> String {
    let schema = snapshot::schema();
    let lines = snapshot_texts();
    let mut text = String::new();
    for api in snapshot::api::APIS {
        let data = &schema["x-data"][*api];
        let means: Vec<&str> = data["description"].as_str().unwrap_or_default().split_whitespace().collect();
        let line = lines
            .iter()
            .find(|line| {
                let line = parsed(line);
                line["api"] == **api && line["outcome"]["status"] == "ok"
            })
            .unwrap_or_else(|| panic!("docs/examples/snapshot.jsonl has no answer of {api}"));
        let (means, members) = (means.join(" "), docs::paths(data));
        text.push_str(&format!("### {api}\n\n{means}\n\n{}\nRead of it:\n\n{members}\n", json_block(line)));
    }
    text
}

fn snapshot_shapes() -> String {
    let lines = snapshot_texts();
    let one = |ty: &str, status: Option<&str>| {
        let found = lines.iter().find(|line| {
            let line = parsed(line);
            line["type"] == ty && status.is_none_or(|status| line["outcome"]["status"] == status)
        });
        json_block(found.unwrap_or_else(|| panic!("no {ty} line in docs/examples/snapshot.jsonl")))
    };
    format!(
        "The first line, the last, and a part whose call was refused:\n\n{}\n{}\n{}",
        one("header", None),
        one("end", None),
        one("part", Some("denied"))
    )
}

/// The text of a region.
fn region(page: &str, name: &str) -> String {
    let snapshot = "docs/examples/snapshot.jsonl";
    match (page, name) {
        ("README.md", "demo") => shown(
            &["demo"],
            0,
            &[
                "Read ",
                "SEVERITY",
                "HIGH  function-invoke-public",
                "HIGH  lambda-role-iam-write",
                "Could not",
                "Not gated",
            ],
        ),
        ("README.md", "scan") => {
            shown(&["scan", "--snapshot", snapshot, "--policy", "function-invoke-public"], 1, &[])
        }
        ("README.md", "replay") => shown(
            &["replay", "fixtures/recorded"],
            1,
            &["Read ", "SEVERITY", "HIGH", "LOW  function-deleted", "Not in scope", "Failed"],
        ),
        ("README.md", "exposure") => shown(&["exposure", "docs/examples/bucket-policy.json"], 1, &[]),
        ("README.md", "logging") => {
            shown(&["logging", "--snapshot", "fixtures/logging/read-only.jsonl"], 1, &[])
        }
        ("README.md", "policies") => docs::policy_table(&bundled()),
        ("CONTRIBUTING.md", "policy") => format!(
            "{}\n\n{}",
            file_block("docs/examples/policies/layer-not-approved.yaml", "yaml"),
            file_block("docs/examples/policies/layer-not-approved.test.yaml", "yaml")
        ),
        ("CONTRIBUTING.md", "checks") => format!(
            "{}\n\n{}",
            shown(&["policy", "lint", "docs/examples/policies"], 0, &[]),
            shown(&["policy", "test", "docs/examples/policies", "--mutate"], 0, &[])
        ),
        ("docs/snapshot.md", "lines") => docs::members(&snapshot_line_schema(), 4),
        ("docs/snapshot.md", "shapes") => snapshot_shapes(),
        ("docs/snapshot.md", "apis") => snapshot_apis(),
        ("docs/report.md", "example") => {
            let args = ["scan", "--snapshot", snapshot, "--policy", "function-invoke-public"];
            let report = run(&[&args[..], &["--now", NOW, "--output", "json"]].concat(), 1);
            format!("```json\n{}\n```", report.trim_end())
        }
        ("docs/report.md", "members") => docs::members(&lambda_audit::report::schema(), 3),
        ("docs/configuration.md", "example") => file_block("docs/examples/lambda-audit.toml", "toml"),
        ("docs/configuration.md", "members") => docs::members(&lambda_audit::config::schema(), 4),
        _ => panic!("{page}: nothing generates the region `{name}`"),
    }
}

/// The schema of a line without the schemas of the answers, which have their own sections.
fn snapshot_line_schema() -> serde_json::Value {
    let mut schema = snapshot::schema();
    schema.as_object_mut().unwrap().remove("x-data");
    schema
}

const PAGES: [&str; 5] =
    ["README.md", "CONTRIBUTING.md", "docs/snapshot.md", "docs/report.md", "docs/configuration.md"];

/// The page of each policy.
fn policy_pages(set: &PolicySet) -> Vec<(String, String)> {
    let tests = bundled_files::tests();
    let of = |policy: &Policy| {
        let name = policy.file().replace(".yaml", bundled_files::TEST_SUFFIX);
        let (cases, errors) = cases(policy, tests.iter().find(|file| *file.name == *name).unwrap());
        assert!(errors.is_empty(), "{errors:?}");
        (format!("docs/policies/{}.md", policy.id), docs::policy_page(policy, &cases))
    };
    set.iter().map(of).collect()
}

#[test]
fn every_page_of_a_policy_is_one_that_is_generated() {
    let wanted: BTreeSet<String> = policy_pages(&bundled()).into_iter().map(|(path, _)| path).collect();
    let there = fs::read_dir(root().join("docs/policies")).unwrap();
    let there = there.map(|entry| format!("docs/policies/{}", entry.unwrap().file_name().to_string_lossy()));
    let stale: Vec<String> = there.filter(|path| !wanted.contains(path)).collect();
    assert_eq!(stale, Vec::<String>::new());
}

/// What a policy judges can be looked at without this program.
#[test]
fn every_page_says_how_to_check_by_hand() {
    for (path, page) in policy_pages(&bundled()) {
        for head in
            ["## Why", "## What it asks", "## Check by hand", "## Fix", "## False positives", "## Cases"]
        {
            assert!(page.contains(&format!("\n{head}\n")), "{path}: {head}");
        }
        let (_, by_hand) = page.split_once("\n## Check by hand\n").unwrap();
        let (by_hand, _) = by_hand.split_once("\n## False positives\n").unwrap();
        assert!(by_hand.contains("aws "), "{path} shows no command of the AWS CLI");
    }
}

/// Every row of the comparison names policies that exist, or says why there is none; and each policy once in its row.
#[test]
fn the_comparison_names_policies_that_exist() {
    let set = bundled();
    let page = read("docs/compare.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `") || line.starts_with("| Lambda."))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert_eq!(rows.iter().filter(|row| row[0].starts_with('`')).count(), 16, "Prowler's checks");
    assert_eq!(rows.iter().filter(|row| row[0].starts_with("Lambda.")).count(), 7, "Security Hub's controls");
    for row in rows {
        assert_eq!(row.len(), 3, "{row:?}");
        let named: Vec<&str> =
            row[1].split("[").skip(1).map(|link| link.split(']').next().unwrap()).collect();
        assert_eq!(named.is_empty(), row[1] == "none", "{row:?}");
        assert!(!row[2].is_empty() || !named.is_empty(), "{row:?}");
        for id in named {
            assert!(set.get(id).is_some(), "{id} of {row:?} is no policy");
            let is_control =
                |word: &&str| ["Lambda.", "GuardDuty.", "IAM."].iter().any(|start| word.starts_with(start));
            // A control that is still AWS's is one that the policy names.
            let control = row[0].split(' ').find(is_control).filter(|_| !row[0].contains("retired"));
            if let Some(control) = control {
                let names = set.get(id).unwrap().controls.iter().any(|one| one.id == control);
                assert!(names, "{id} does not name {control}");
            }
        }
    }
}

#[test]
fn whole_files_are_up_to_date() {
    let set = bundled();
    settle("docs/facts.md", &docs::facts_reference());
    settle("docs/policies.md", &docs::policy_reference(&set));
    settle("policies/INDEX.md", &docs::policy_index(&set));
    for (path, page) in policy_pages(&set) {
        settle(&path, &page);
    }
    // The commands are those of the default features.
    if cfg!(feature = "aws") {
        settle("docs/cli.md", &docs::cli_reference(&cli::grammar()));
    }
}

#[test]
fn regions_of_pages_are_up_to_date() {
    for page in PAGES {
        let committed = read(page);
        let names = docs::regions(&committed);
        assert!(!names.is_empty(), "{page} has no region: it needs no place in this list");
        let wanted = names.iter().fold(committed.clone(), |text, name| {
            docs::with_region(&text, name, &region(page, name))
                .unwrap_or_else(|error| panic!("{page}: {error}"))
        });
        settle(page, &wanted);
    }
}

#[test]
fn every_region_is_in_a_page_that_is_checked() {
    for page in markdown() {
        let with_regions = !docs::regions(&read(&page)).is_empty();
        assert!(!with_regions || PAGES.contains(&page.as_str()), "{page} is not in PAGES");
    }
}

#[test]
fn the_documented_snapshot_is_read_without_fault_and_has_every_api() {
    let mut apis = BTreeSet::new();
    let mut parts = 0;
    let mut end = None;
    let input = Input::File(root().join("docs/examples/snapshot.jsonl"));
    let faults = snapshot::read(&input, &mut |visit| match visit {
        Visit::Part(part, _) => {
            parts += 1;
            apis.insert(part.api.clone());
        }
        Visit::End(line) => end = Some(line.parts),
        Visit::Header(header) => assert_eq!(header.version, snapshot::VERSION),
    })
    .unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(end, Some(parts));
    assert_eq!(apis, snapshot::api::APIS.iter().map(|api| (*api).to_owned()).collect());
    // Each answer has the shape its schema gives.
    let schema = snapshot::schema();
    for line in snapshot_texts().iter().map(|line| parsed(line)) {
        if line["outcome"]["status"] != "ok" {
            continue;
        }
        let api = line["api"].as_str().unwrap();
        let validator = jsonschema::validator_for(&schema["x-data"][api]).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&line["data"]).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{api}: {errors:?}");
    }
}

#[test]
fn the_documented_report_has_the_shape_of_its_schema() {
    let page = read("docs/report.md");
    let block = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let report: serde_json::Value = serde_json::from_str(block).unwrap();
    let validator = jsonschema::validator_for(&lambda_audit::report::schema()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert!(!report["findings"].as_array().unwrap().is_empty());
}

#[test]
fn the_documented_configuration_is_valid_and_has_every_key() {
    let path = "docs/examples/lambda-audit.toml";
    run(&["config", "check", "--config", path], 0);
    let schema = lambda_audit::config::schema();
    let keys = |schema: &serde_json::Value| -> BTreeSet<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let example: toml::Table = read(path).parse().unwrap();
    assert_eq!(example.keys().cloned().collect::<BTreeSet<_>>(), keys(&schema));
}

#[test]
fn the_documented_policy_passes_its_own_checks() {
    run(&["policy", "lint", "docs/examples/policies"], 0);
    run(&["policy", "test", "docs/examples/policies", "--mutate"], 0);
}

/// The Markdown files of the repository that are ours, as paths from its root.
fn markdown() -> Vec<String> {
    let mut files = Vec::new();
    for folder in ["", "docs", "policies", "fixtures/accounts", "fixtures/recorded"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                let below = path.strip_prefix(root()).unwrap();
                files.push(below.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    files.sort();
    files
}

/// A page's text without its blocks of code.
fn prose(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if !inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    prose(text)
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in markdown() {
        let text = read(&page);
        let folder = Path::new(&page).parent().map(PathBuf::from).unwrap_or_default();
        for link in prose(&text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { PathBuf::from(&page) } else { folder.join(file) };
            let target = root().join(&target);
            let known = match anchor {
                _ if !target.exists() => false,
                Some(anchor) => anchors(&fs::read_to_string(&target).unwrap()).contains(anchor),
                None => true,
            };
            if !known {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}

#[test]
fn the_readme_has_its_two_commands_each_in_a_block_of_its_own() {
    let readme = read("README.md");
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(readme.contains(&format!("```sh\n{command}\n```\n")), "{command}");
    }
}
