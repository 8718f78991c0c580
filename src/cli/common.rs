//! The flags every command has, and the plan they resolve to with the configuration and the policies.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::{fs, io};

use jiff::Timestamp;

use super::Failure;
use super::output::{self, Output};
use crate::config::{self, Config};
use crate::findings::baseline::Baseline;
use crate::findings::gate::Thresholds;
use crate::network::load::Files;
use crate::policy::{Diagnostic, Policy, PolicySet, Profile, Selection, Severity, SourceText};
use crate::report::text::{Color, Style};
use crate::store::Store;
use crate::term::{self, ColorChoice};
use crate::trust::Trust;

/// Flags that every command takes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct CommonArgs {
    /// Write the result as text or json, a report also as sarif, junit, csv, markdown, github, ocsf or html;
    /// FORMAT=PATH writes to a file. May be repeated
    #[arg(long, global = true, value_name = "FORMAT[=PATH]", help_heading = "Output")]
    pub(crate) output: Vec<Output>,
    /// In sarif and github: the repository's file that findings are shown at [default: where each was read]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub(crate) anchor: Option<String>,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub(crate) color: ColorChoice,
    /// Say nothing on standard error but errors
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Configuration file [default: ./lambda-audit.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Policies and trust")]
    pub(crate) config: Option<PathBuf>,
    /// Add the policies in this directory; those with a bundled policy's id replace it
    #[arg(long, global = true, value_name = "DIR", help_heading = "Policies and trust")]
    pub(crate) policies: Vec<PathBuf>,
    /// Judge only these policies (globs)
    #[arg(long, global = true, value_name = "GLOB", num_args = 1.., help_heading = "Policies and trust")]
    pub(crate) policy: Vec<String>,
    /// Leave these policies out (globs)
    #[arg(long, global = true, value_name = "GLOB", num_args = 1.., help_heading = "Policies and trust")]
    pub(crate) skip_policy: Vec<String>,
    /// Which policies to judge: default, or strict for more
    #[arg(long, global = true, value_enum, value_name = "PROFILE", help_heading = "Policies and trust")]
    pub(crate) policy_profile: Option<ProfileArg>,
    /// An account that is not a stranger
    #[arg(long, global = true, value_name = "ID", value_parser = account, help_heading = "Policies and trust")]
    pub(crate) trusted_account: Vec<String>,
    /// An organization that is not a stranger
    #[arg(long, global = true, value_name = "ID", value_parser = organization, help_heading = "Policies and trust")]
    pub(crate) trusted_org: Vec<String>,
    /// The least severity that fails the run [default: high]
    #[arg(long, global = true, value_enum, value_name = "SEVERITY", help_heading = "Gate")]
    pub(crate) fail_on: Option<SeverityArg>,
    /// Exit 0 although there are findings
    #[arg(long, global = true, help_heading = "Gate")]
    pub(crate) exit_zero: bool,
    /// Exit 0 although something was not read
    #[arg(long, global = true, help_heading = "Gate")]
    pub(crate) allow_incomplete: bool,
    /// Only findings that are not in this baseline fail the run
    #[arg(long, global = true, value_name = "FILE", help_heading = "Gate")]
    pub(crate) baseline: Option<PathBuf>,
    /// Activity in the baseline counts as known too
    #[arg(long, global = true, requires = "baseline", help_heading = "Gate")]
    pub(crate) baseline_activity: bool,
    /// Threads to read trail files with [default: one per processor]
    #[arg(long, global = true, value_name = "N", help_heading = "Gate")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// The present, as RFC 3339: what expires, expires against this
    #[arg(long, global = true, value_name = "TIME", help_heading = "Gate")]
    pub(crate) now: Option<Timestamp>,
}

/// Flags of the commands that judge trail records.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Table of AS numbers to use instead of the built-in one: MMDB, CSV or TSV
    #[arg(long, value_name = "FILE", help_heading = "Networks")]
    asn_db: Option<PathBuf>,
    /// AWS's ip-ranges.json, for which addresses are AWS's [default: told by AS numbers]
    #[arg(long, value_name = "FILE", help_heading = "Networks")]
    aws_ranges: Option<PathBuf>,
}

impl NetworkArgs {
    pub(crate) fn files(&self) -> Files {
        Files { asn_db: self.asn_db.clone(), aws_ranges: self.aws_ranges.clone() }
    }
}

/// Flags of the commands that can go on where an earlier run ended.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StoreArgs {
    /// Keep what each trail file gave in FILE, and read only new files next time. Made where there is none
    #[arg(long, value_name = "FILE", help_heading = "Store")]
    store: Option<PathBuf>,
}

impl StoreArgs {
    /// Opens the store, before anything else is read.
    ///
    /// # Errors
    /// It cannot be used; or standard input, which no run can tell from that of another, is among the inputs.
    pub(crate) fn open(&self, trail: &[PathBuf]) -> Result<Option<Store>, Failure> {
        let Some(path) = &self.store else { return Ok(None) };
        if trail.is_empty() {
            return Err(Failure::Usage("--store keeps what trail files give: name some".to_owned()));
        }
        if trail.iter().any(|path| path.as_os_str() == "-") {
            return Err(Failure::Usage(
                "--store keeps what files give: standard input is none. Write it to a file, and name that"
                    .to_owned(),
            ));
        }
        Store::open(path).map(Some).map_err(|error| Failure::Usage(error.to_string()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ProfileArg {
    Default,
    Strict,
}

impl From<ProfileArg> for Profile {
    fn from(arg: ProfileArg) -> Self {
        match arg {
            ProfileArg::Default => Profile::Default,
            ProfileArg::Strict => Profile::Strict,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SeverityArg {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl From<SeverityArg> for Severity {
    fn from(arg: SeverityArg) -> Self {
        match arg {
            SeverityArg::Info => Severity::Info,
            SeverityArg::Low => Severity::Low,
            SeverityArg::Medium => Severity::Medium,
            SeverityArg::High => Severity::High,
            SeverityArg::Critical => Severity::Critical,
        }
    }
}

pub(crate) fn account(text: &str) -> Result<String, String> {
    if crate::arn::is_account(text) {
        Ok(text.to_owned())
    } else {
        Err("an account id has 12 digits, leading zeros included".to_owned())
    }
}

fn organization(text: &str) -> Result<String, String> {
    if config::is_organization(text) {
        Ok(text.to_owned())
    } else {
        Err("an organization id looks like o-exampleorgid".to_owned())
    }
}

/// What a run uses: every default decided, configuration and command line joined (the command line wins).
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) outputs: Vec<Output>,
    /// For standard output.
    pub(crate) style: Style,
    pub(crate) color: ColorChoice,
    pub(crate) quiet: bool,
    pub(crate) config: Config,
    /// The configuration file that was read.
    pub(crate) config_file: Option<PathBuf>,
    /// Bundled and the user's.
    pub(crate) policies: PolicySet,
    pub(crate) selection: Selection,
    pub(crate) trust: Trust,
    pub(crate) thresholds: Thresholds,
    /// The file's name and what it lists.
    pub(crate) baseline: Option<(String, Baseline)>,
    pub(crate) baseline_activity: bool,
    /// Options that leave policies out, as given.
    pub(crate) filters: Vec<String>,
    pub(crate) anchor: Option<String>,
    pub(crate) now: Timestamp,
    pub(crate) threads: Option<NonZeroUsize>,
}

impl Plan {
    /// Files get no colour unless it is asked for.
    pub(crate) fn style_of(&self, target: &Output) -> Style {
        match (&target.path, self.color) {
            (None, _) | (Some(_), ColorChoice::Always) => self.style,
            (Some(_), _) => Style { color: Color::Never, ..self.style },
        }
    }

    /// The policies that are judged, in order of id.
    ///
    /// # Errors
    /// A glob that names none.
    pub(crate) fn selected(&self) -> Result<Vec<&Policy>, Failure> {
        let (selected, errors) = self.policies.select(&self.selection);
        checks(errors, self.color)?;
        if selected.is_empty() {
            return Err(Failure::Usage(
                "no policy is left to judge: see --policy and --skip-policy".to_owned(),
            ));
        }
        Ok(selected)
    }
}

impl CommonArgs {
    /// Reads configuration and policies, and decides everything. Nothing else is read before this succeeds.
    ///
    /// # Errors
    /// All faults of configuration and policies together.
    pub(crate) fn resolve(&self) -> Result<Plan, Failure> {
        self.resolve_with(output::checked(&self.output)?)
    }

    /// The same for a command that writes a report, which knows more formats.
    ///
    /// # Errors
    /// As for [`CommonArgs::resolve`].
    pub(crate) fn resolve_report(&self) -> Result<Plan, Failure> {
        self.resolve_with(output::checked_report(&self.output)?)
    }

    fn resolve_with(&self, outputs: Vec<Output>) -> Result<Plan, Failure> {
        let mut faults = Vec::new();
        let (config_file, config) = match self.read_config()? {
            Some((path, text)) => match config::parse(&path.display().to_string(), &text) {
                Ok(config) => (Some(path), config),
                Err(errors) => {
                    faults.extend(errors);
                    (Some(path), Config::default())
                }
            },
            None => (None, Config::default()),
        };
        let sources = policy_sources(&self.policies)?;
        let (policies, errors) = PolicySet::load_with_bundled(&sources, &config.overrides);
        faults.extend(errors);
        let profile = self.policy_profile.map(Profile::from).or(config.policy_profile);
        let selection = Selection { only: self.policy.clone(), skip: self.skip_policy.clone(), profile };
        let (_, errors) = policies.select(&selection);
        faults.extend(errors);
        checks(faults, self.color)?;

        let baseline = self.baseline.as_deref().map(read_baseline).transpose()?;

        let mut trust = Trust::default();
        for id in config.trusted_accounts.iter().chain(&self.trusted_account) {
            trust.add_account(id.clone());
        }
        for (id, members) in &config.trusted_organizations {
            trust.add_organization(
                id.clone(),
                members.as_ref().map(|list| list.iter().cloned().collect::<BTreeSet<_>>()),
            );
        }
        for id in &self.trusted_org {
            trust.add_organization(id.clone(), None);
        }
        let fail_on = self.fail_on.map(Severity::from).or(config.fail_on).unwrap_or(Severity::High);
        Ok(Plan {
            style: term::stdout_style(self.color),
            color: self.color,
            quiet: self.quiet,
            thresholds: Thresholds {
                fail_on,
                exit_zero: self.exit_zero,
                allow_incomplete: self.allow_incomplete,
            },
            baseline,
            baseline_activity: self.baseline_activity,
            filters: self.filters(),
            anchor: self.anchor.clone(),
            now: self.now.unwrap_or_else(Timestamp::now),
            threads: self.threads,
            outputs,
            config,
            config_file,
            policies,
            selection,
            trust,
        })
    }

    /// What was left out, in the words of the command line.
    fn filters(&self) -> Vec<String> {
        let of = |option: &str, globs: &[String]| -> Vec<String> {
            globs.iter().map(|glob| format!("{option} {glob}")).collect()
        };
        [of("--policy", &self.policy), of("--skip-policy", &self.skip_policy)].concat()
    }

    /// The configuration file and its text; `None`: none was named and none is here.
    pub(crate) fn read_config(&self) -> Result<Option<(PathBuf, String)>, Failure> {
        let path = self.config.clone().unwrap_or_else(|| PathBuf::from(config::FILE_NAME));
        match read_text(&path, CONFIG_LIMIT) {
            Ok(text) => Ok(Some((path, text))),
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.config.is_none() => Ok(None),
            Err(error) => {
                Err(Failure::Usage(format!("cannot read the configuration {}: {error}", path.display())))
            }
        }
    }
}

/// The largest baseline, in bytes: room for a million findings.
const BASELINE_LIMIT: u64 = 512 << 20;

/// Reads a baseline: one that cannot be read whole is an error before anything is judged.
fn read_baseline(path: &Path) -> Result<(String, Baseline), Failure> {
    let name = path.display().to_string();
    let fault =
        |error: &dyn std::fmt::Display| Failure::Usage(format!("cannot use the baseline {name}: {error}"));
    let text = read_text(path, BASELINE_LIMIT).map_err(|error| fault(&error))?;
    let baseline = Baseline::parse(&text).map_err(|error| fault(&error))?;
    Ok((name, baseline))
}

/// The largest configuration or policy file, in bytes.
const CONFIG_LIMIT: u64 = 4 << 20;

/// Reads a small text file whole.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let read = fs::File::open(path)?.take(limit + 1).read_to_string(&mut text)?;
    if read as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {limit} bytes")));
    }
    Ok(text)
}

/// The policy files of the directories, test files left out, in a fixed order.
///
/// # Errors
/// A directory or file that cannot be read.
pub(crate) fn policy_sources(directories: &[PathBuf]) -> Result<Vec<SourceText>, Failure> {
    let mut sources = Vec::new();
    for path in yaml_files(directories)? {
        if !is_test_file(&path) {
            sources.push(read_source(&path)?);
        }
    }
    Ok(sources)
}

/// Reads one policy or test file.
pub(crate) fn read_source(path: &Path) -> Result<SourceText, Failure> {
    let name = path.display().to_string();
    let text = read_text(path, CONFIG_LIMIT)
        .map_err(|error| Failure::Usage(format!("cannot read the policy file {name}: {error}")))?;
    Ok(SourceText::new(name, text))
}

/// Is it `<id>.test.yaml`?
pub(crate) fn is_test_file(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".test.yaml"))
}

/// All `.yaml` files below the directories (or the files themselves), sorted.
fn yaml_files(directories: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let cannot = |path: &Path, error: &io::Error| {
        Failure::Usage(format!("cannot read the policies in {}: {error}", path.display()))
    };
    let mut files = Vec::new();
    let mut pending: Vec<(PathBuf, u32)> = directories.iter().map(|path| (path.clone(), 0)).collect();
    while let Some((path, depth)) = pending.pop() {
        let metadata = fs::metadata(&path).map_err(|error| cannot(&path, &error))?;
        if metadata.is_file() {
            let extension = path.extension().unwrap_or_default();
            if depth == 0 || extension == "yaml" {
                files.push(path);
            } else if extension == "yml" {
                // Passed over it would be a policy that judges nothing, and nobody is told.
                let error = io::Error::other("its name must end in .yaml to be read as a policy");
                return Err(cannot(&path, &error));
            }
            continue;
        }
        // Deep enough for any layout, and an end to links that go round.
        if depth > 16 {
            continue;
        }
        for entry in fs::read_dir(&path).map_err(|error| cannot(&path, &error))? {
            pending.push((entry.map_err(|error| cannot(&path, &error))?.path(), depth + 1));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// Nothing wrong, or all of it as one failure.
pub(crate) fn checks(faults: Vec<Diagnostic>, color: ColorChoice) -> Result<(), Failure> {
    if faults.is_empty() {
        return Ok(());
    }
    let (rendered, summary) = rendered(&faults, color);
    Err(Failure::Checks { rendered, summary })
}

/// Diagnostics with their excerpts, and a line that counts them.
pub(crate) fn rendered(faults: &[Diagnostic], color: ColorChoice) -> (String, String) {
    let style = match term::stderr_style(color).color {
        Color::Always => crate::policy::Style::Coloured,
        Color::Never => crate::policy::Style::Plain,
    };
    let texts: Vec<String> = faults.iter().map(|fault| fault.render(style)).collect();
    let errors = if faults.len() == 1 { "1 error" } else { &format!("{} errors", faults.len()) };
    (texts.join("\n\n") + "\n", format!("{errors}: nothing was judged"))
}
