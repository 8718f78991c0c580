//! What the tests of the whole product share: the program in a scrubbed environment, the fixture accounts, and runs
//! of the library over inputs in memory.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use lambda_audit::audit::{self, Audit, Job, TrailInput};
use lambda_audit::config::{self, Config};
use lambda_audit::engine::Scope;
use lambda_audit::findings::gate::Thresholds;
use lambda_audit::policy::{Policy, PolicySet, Severity};
use lambda_audit::report::Report;
use lambda_audit::snapshot::Input;
use lambda_audit::store::Store;
use lambda_audit::trail::Options;
use lambda_audit::trail::digest::PublicKeys;
use lambda_audit::trust::Trust;
use serde_json::Value as Json;

/// The fixture accounts, in the order in which tables show them.
pub const STORIES: [&str; 5] = ["clean", "demo", "denied", "organization", "throttled"];
/// The clock of all of them.
pub const NOW: &str = "2026-11-20T09:00:00Z";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty directory of one test's own.
pub fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

/// How a run of the program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// The program, with nothing of this process's environment but a fixed width, in the repository's root.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lambda-audit"));
    command.env_clear().env("COLUMNS", "100").current_dir(root()).stdin(Stdio::null());
    // Without it no program starts on Windows.
    if let Some(system) = std::env::var_os("SYSTEMROOT") {
        command.env("SYSTEMROOT", system);
    }
    command
}

pub fn finish(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or_else(|| panic!("{command:?} was ended by {}", output.status)),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ran {
    let mut command = program();
    command.args(arguments);
    finish(command)
}

/// A fixture account.
#[derive(Debug, Clone)]
pub struct Story {
    pub name: String,
    pub snapshot: String,
    /// Path below the story's directory, and bytes; in order of path.
    pub trail: Vec<(String, Arc<[u8]>)>,
    /// `expected.yaml`.
    pub expected: Json,
}

impl Story {
    pub fn read(name: &str) -> Self {
        let directory = root().join("fixtures/accounts").join(name);
        let expected = fs::read_to_string(directory.join("expected.yaml")).unwrap();
        let files = files_below(&directory.join("trail"));
        Story {
            name: name.to_owned(),
            snapshot: fs::read_to_string(directory.join("snapshot.jsonl")).unwrap(),
            trail: files
                .into_iter()
                .map(|path| {
                    let shown = path.strip_prefix(&directory).unwrap().to_string_lossy().into_owned();
                    (shown, Arc::from(fs::read(&path).unwrap()))
                })
                .collect(),
            expected: yaml(&expected),
        }
    }

    /// `fail` or `unknown` of `expected.yaml`.
    pub fn expected_of(&self, key: &str) -> BTreeMap<String, BTreeSet<String>> {
        let texts = |list: &Json| list.as_array().unwrap().iter().map(text).collect();
        let object = self.expected[key].as_object().unwrap_or_else(|| panic!("{}: no `{key}`", self.name));
        object.iter().map(|(policy, list)| (policy.clone(), texts(list))).collect()
    }

    pub fn snapshot_input(&self) -> Input {
        memory(&self.snapshot)
    }

    pub fn trail_input(&self) -> TrailInput {
        TrailInput::Memory(self.trail.clone())
    }

    /// The story's arguments for `scan`, with its clock and the strict profile.
    pub fn arguments(&self) -> Vec<String> {
        let at = format!("fixtures/accounts/{}", self.name);
        let snapshot = format!("{at}/snapshot.jsonl");
        let trail = format!("{at}/trail");
        let all =
            ["scan", "--snapshot", &snapshot, "--trail", &trail, "--now", NOW, "--policy-profile", "strict"];
        all.map(str::to_owned).to_vec()
    }
}

pub fn text(value: &Json) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

pub fn yaml(text: &str) -> Json {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true }).unwrap()
}

pub fn memory(snapshot: &str) -> Input {
    Input::Memory { name: "snapshot.jsonl".to_owned(), bytes: snapshot.as_bytes().into() }
}

/// All files below a directory, sorted.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The bundled policies, all profiles.
pub fn bundled() -> PolicySet {
    let (set, errors) = PolicySet::load_with_bundled(&[], &lambda_audit::policy::Overrides::default());
    assert!(errors.is_empty(), "{errors:?}");
    set
}

pub fn configuration(text: &str) -> Config {
    config::parse("lambda-audit.toml", text).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

/// What a run of the library is given; the rest is the default: no trust, fail on high.
pub struct Library {
    policies: PolicySet,
    config: Config,
    pub options: Options,
    pub digests: Option<PublicKeys>,
    pub scope: Scope,
}

impl Library {
    pub fn new(config: &str) -> Self {
        let config = configuration(config);
        let (policies, errors) = PolicySet::load_with_bundled(&[], &config.overrides);
        assert!(errors.is_empty(), "{errors:?}");
        Library { policies, config, options: Options::default(), digests: None, scope: Scope::default() }
    }

    /// Of these policies instead.
    pub fn of(policies: PolicySet) -> Self {
        Library { policies, ..Library::new("") }
    }

    /// The report of the policies with these ids over trail files; `None`: of all.
    pub fn report(&self, ids: Option<&[&str]>, files: Vec<(String, Arc<[u8]>)>) -> Report {
        let is_wanted = |policy: &&Policy| ids.is_none_or(|ids| ids.contains(&policy.id.as_str()));
        let policies = self.policies.iter().filter(is_wanted).collect();
        self.audit_policies(policies, None, TrailInput::Memory(files), None).report
    }

    pub fn audit(&self, snapshot: Option<Input>, trail: TrailInput) -> Audit {
        self.audit_with(snapshot, trail, None)
    }

    pub fn audit_with(&self, snapshot: Option<Input>, trail: TrailInput, store: Option<&mut Store>) -> Audit {
        self.audit_policies(self.policies.iter().collect(), snapshot, trail, store)
    }

    fn audit_policies(
        &self,
        policies: Vec<&Policy>,
        snapshot: Option<Input>,
        trail: TrailInput,
        store: Option<&mut Store>,
    ) -> Audit {
        let thresholds = Thresholds { fail_on: Severity::High, exit_zero: false, allow_incomplete: false };
        let job = Job {
            snapshot,
            trail,
            options: self.options.clone(),
            policies,
            config: &self.config,
            trust: &Trust::default(),
            thresholds: &thresholds,
            now: NOW.parse().unwrap(),
            networks: Default::default(),
            digests: self.digests.clone(),
            scope: self.scope.clone(),
            baseline: None,
            filters: Vec::new(),
        };
        audit::run_with(&job, store).unwrap()
    }
}

/// Policy → failing subjects.
pub fn failing(audit: &Audit) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in &audit.report.findings {
        out.entry(finding.policy.clone()).or_default().insert(finding.subject.label().to_owned());
    }
    out
}

/// Compares with the saved text, or saves it where `BLESS` is set.
pub fn compare(saved: &Path, got: &str) -> Result<(), String> {
    if std::env::var_os("BLESS").is_some() {
        fs::write(saved, got).unwrap();
        return Ok(());
    }
    let expected = fs::read_to_string(saved).unwrap_or_default().replace("\r\n", "\n");
    if expected == got {
        return Ok(());
    }
    let at = expected.lines().zip(got.lines()).take_while(|(one, other)| one == other).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
    Err(format!(
        "{} differs from line {}:\n- {}\n+ {}\nwrite it with BLESS=1, if the change is right",
        saved.display(),
        at + 1,
        line(&expected),
        line(got)
    ))
}
