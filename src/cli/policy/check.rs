//! `policy lint`, `policy test` and `policy new`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::audit::cases::CaseFacts;
use crate::cli::Failure;
use crate::cli::common::{self, CommonArgs};
use crate::cli::output::{self, Format, Output};
use crate::findings::gate::Exit;
use crate::policy::cases::{Case, cases};
use crate::policy::lint::{Tests, lint as lint_policy};
use crate::policy::load::Overrides;
use crate::policy::{
    Diagnostic, Policy, PolicySet, SourceText, bundled, mutate, new as new_policy, test as run_cases,
};
use crate::report::json;
use crate::report::text::{plural, safe};
use crate::term;

/// What `policy test` does beside running the cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Cases,
    Mutate,
}

/// Policies with the files of their cases.
struct Loaded {
    set: PolicySet,
    /// Policy id → its test file and cases.
    tests: BTreeMap<String, (SourceText, Vec<Case>)>,
    faults: Vec<Diagnostic>,
}

/// The policies at the paths, or the bundled ones.
fn load(paths: &[PathBuf]) -> Result<Loaded, Failure> {
    let (sources, test_files) = if paths.is_empty() {
        (bundled::policies(), bundled::tests())
    } else {
        let sources = common::policy_sources(paths)?;
        if sources.is_empty() {
            return Err(Failure::Usage("there are no policy files (*.yaml) there".to_owned()));
        }
        let mut tests = Vec::new();
        for source in &sources {
            let path = PathBuf::from(format!("{}{}", stem(&source.name), bundled::TEST_SUFFIX));
            if path.exists() {
                tests.push(common::read_source(&path)?);
            }
        }
        (sources, tests)
    };
    let (set, mut faults) = PolicySet::load(&sources, &Overrides::default());
    let mut tests = BTreeMap::new();
    for policy in set.iter() {
        let wanted = format!("{}{}", stem(policy.file()), bundled::TEST_SUFFIX);
        let Some(source) = test_files.iter().find(|file| *file.name == *wanted) else { continue };
        let (cases, errors) = cases(policy, source);
        faults.extend(errors);
        tests.insert(policy.id.clone(), (source.clone(), cases));
    }
    Ok(Loaded { set, tests, faults })
}

/// A policy file's path without `.yaml`.
fn stem(name: &str) -> &str {
    name.strip_suffix(".yaml").unwrap_or(name)
}

/// The policies that `--policy` and `--skip-policy` leave.
fn chosen<'s>(loaded: &'s Loaded, common: &CommonArgs) -> Result<Vec<&'s Policy>, Failure> {
    let selection = crate::policy::Selection {
        only: common.policy.clone(),
        skip: common.skip_policy.clone(),
        // Whatever the profile: these are checks of files, not of accounts.
        profile: Some(crate::policy::Profile::Strict),
    };
    let (policies, errors) = loaded.set.select(&selection);
    common::checks(errors, common.color)?;
    Ok(policies)
}

pub(super) fn lint(paths: &[PathBuf], common: &CommonArgs) -> Result<Exit, Failure> {
    let loaded = load(paths)?;
    let mut faults = loaded.faults.clone();
    let policies = chosen(&loaded, common)?;
    let count = policies.len() as u64;
    for policy in policies {
        let tests = loaded.tests.get(&policy.id);
        faults.extend(lint_policy(policy, tests.map(|(source, cases)| Tests { source, cases })));
    }
    for target in &output::checked(&common.output)? {
        output::write(target, |mut out| match target.format {
            Format::Json => {
                let rows: Vec<serde_json::Value> = faults.iter().map(fault_json).collect();
                json::write(&serde_json::json!({"version": "1", "faults": rows}), &mut out)
            }
            Format::Text if faults.is_empty() => {
                writeln!(
                    out,
                    "{} checked: nothing wrong",
                    plural(count, "file").replace("file", "policy file")
                )
            }
            _ => Ok(()),
        })?;
    }
    if faults.is_empty() {
        return Ok(Exit::Passed);
    }
    let (rendered, _) = common::rendered(&faults, common.color);
    term::tell(&format!("{rendered}\n{}", plural(faults.len() as u64, "fault")));
    Ok(Exit::Failed)
}

fn fault_json(fault: &Diagnostic) -> serde_json::Value {
    serde_json::json!({
        "file": *fault.file,
        "line": fault.line,
        "column": fault.column,
        "message": fault.message,
        "help": fault.help,
    })
}

pub(super) fn test(paths: &[PathBuf], how: How, common: &CommonArgs) -> Result<Exit, Failure> {
    let loaded = load(paths)?;
    common::checks(loaded.faults.clone(), common.color)?;
    let maker = CaseFacts::new().map_err(|error| Failure::Usage(error.to_string()))?;
    let mut rows = Vec::new();
    let mut lines = Vec::new();
    let (mut cases_run, mut failed, mut mutants, mut survivors) = (0u64, 0u64, 0u64, Vec::new());
    for policy in chosen(&loaded, common)? {
        let Some((source, cases)) = loaded.tests.get(&policy.id) else {
            failed += 1;
            lines.push(format!("{}: no cases: write {}{}", policy.id, policy.id, bundled::TEST_SUFFIX));
            rows.push(serde_json::json!({"policy": policy.id, "passed": false, "cases": []}));
            continue;
        };
        let report = run_cases::run(policy, cases, &maker);
        cases_run += report.cases.len() as u64;
        for case in &report.cases {
            if let Some(fault) = &case.fault {
                failed += 1;
                lines.push(format!(
                    "{}:{}: {}: expected {}, got {}",
                    safe(&source.name),
                    case.line,
                    safe(&case.name),
                    safe(&fault.expected),
                    safe(&fault.got)
                ));
            }
        }
        for gap in &report.gaps {
            failed += 1;
            lines.push(format!("{}: no case expects {}", safe(&source.name), gap.as_str()));
        }
        let mut row = serde_json::json!({
            "policy": policy.id,
            "passed": report.passed(),
            "cases": report.cases.iter().map(|case| serde_json::json!({
                "name": case.name, "line": case.line, "passed": case.fault.is_none(),
            })).collect::<Vec<_>>(),
        });
        if how == How::Mutate {
            let mutation = mutate::run(policy, cases, &maker);
            mutants += mutation.mutants as u64;
            let left: Vec<serde_json::Value> = mutation.survivors.iter().map(fault_json).collect();
            row["mutants"] = mutation.mutants.into();
            row["survivors"] = left.into();
            survivors.extend(mutation.survivors);
        }
        rows.push(row);
    }
    for target in &output::checked(&common.output)? {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&serde_json::json!({"version": "1", "policies": rows}), &mut out),
            _ => {
                for line in &lines {
                    writeln!(out, "{line}")?;
                }
                let policies = rows.len();
                let noun = if policies == 1 { "policy" } else { "policies" };
                write!(out, "{policies} {noun}, {}: {failed} faults", plural(cases_run, "case"))?;
                if how == How::Mutate {
                    write!(out, "; {}: {} survive", plural(mutants, "mutant"), survivors.len())?;
                }
                writeln!(out)
            }
        })?;
    }
    if !survivors.is_empty() {
        term::tell(&common::rendered(&survivors, common.color).0);
    }
    Ok(if failed == 0 && survivors.is_empty() { Exit::Passed } else { Exit::Failed })
}

pub(super) fn new(id: &str, on: &str, directory: &Path) -> Result<Exit, Failure> {
    let well_formed = !id.is_empty()
        && id.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
    if !well_formed {
        let help = "an id is words of a–z and 0–9 with a hyphen between them, as in function-url-public";
        return Err(Failure::Usage(format!("`{id}` cannot be a policy's id: {help}")));
    }
    let Some(kind) = crate::facts::kind(on) else {
        let kinds = crate::facts::KINDS.map(|kind| kind.name).join(", ");
        return Err(Failure::Usage(format!("there is no fact kind `{on}`; the kinds are {kinds}")));
    };
    let failed = |to: &Path, error| Failure::Write { to: to.display().to_string(), error };
    std::fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    let skeleton = new_policy::skeleton(id, kind);
    let files =
        [(format!("{id}.yaml"), skeleton.policy), (format!("{id}{}", bundled::TEST_SUFFIX), skeleton.tests)];
    for (name, text) in &files {
        let path = directory.join(name);
        // An existing policy is never overwritten.
        let mut file = File::create_new(&path).map_err(|error| failed(&path, error))?;
        file.write_all(text.as_bytes()).map_err(|error| failed(&path, error))?;
    }
    let at = directory.display().to_string();
    let at = safe(&at);
    output::write(&Output { format: Format::Text, path: None }, |out| {
        writeln!(out, "Wrote {at}/{id}.yaml and its cases. Next:")?;
        writeln!(out, "  lambda-audit facts {on}        what it can ask\n  lambda-audit policy lint {at}")?;
        writeln!(out, "  lambda-audit policy test {at} --mutate")
    })?;
    Ok(Exit::Passed)
}
