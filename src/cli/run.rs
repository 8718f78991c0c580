//! Runs an audit with a resolved plan and writes its outputs: what `scan`, `replay` and `demo` share.

use std::sync::Arc;

use super::Failure;
use super::common::Plan;
use super::output::{self, Format};
use crate::audit::{self, Audit, AuditError, Job, TrailInput};
use crate::engine::Scope;
use crate::findings::gate::Exit;
use crate::findings::triage::Known;
use crate::network::load::{Files, LoadError};
use crate::policy::Policy;
use crate::report::{Report, csv, github, html, json, junit, markdown, ocsf, sarif, text};
use crate::snapshot;
use crate::store::Store;
use crate::term::{self, ProgressLine};
use crate::trail::digest::PublicKeys;
use crate::trail::{Meter, Options, Watch};

/// What a run reads; the default is nothing, and reports everything.
#[derive(Debug, Default)]
pub(crate) struct Inputs<'s> {
    pub(crate) snapshot: Option<snapshot::Input>,
    pub(crate) trail: TrailInput,
    pub(crate) networks: Files,
    pub(crate) digests: Option<PublicKeys>,
    pub(crate) scope: Scope,
    pub(crate) store: Option<&'s mut Store>,
}

/// Judges the inputs with the plan's policies.
///
/// # Errors
/// A snapshot that cannot be read at all.
pub(crate) fn audit(plan: &Plan, policies: Vec<&Policy>, inputs: Inputs<'_>) -> Result<Audit, Failure> {
    let Inputs { snapshot, trail, networks, digests, scope, store } = inputs;
    term::end_on_interrupt();
    let meter = term::is_shown(plan.quiet).then(Arc::<Meter>::default);
    let line = meter.clone().map(ProgressLine::start);
    let job = Job {
        snapshot,
        trail,
        options: Options { threads: plan.threads, watch: Watch(meter), ..Options::default() },
        digests,
        scope,
        networks,
        policies,
        config: &plan.config,
        trust: &plan.trust,
        thresholds: &plan.thresholds,
        baseline: plan.baseline.as_ref().map(|(file, baseline)| Known {
            baseline,
            file,
            activity: plan.baseline_activity,
        }),
        filters: plan.filters.clone(),
        now: plan.now,
    };
    let ran = audit::run_with(&job, store);
    // Gone before anything is written.
    drop(line);
    ran.map_err(|error| match error {
        AuditError::Networks(LoadError::Table { .. }) => Failure::Usage(format!(
            "{error}\nGive --asn-db an MMDB with AS numbers (GeoLite2 ASN, DB-IP, IPinfo) or lines of \
             `first,last,number` or `network,number`; without it the built-in table is used"
        )),
        AuditError::Networks(LoadError::AwsRanges { .. }) => Failure::Usage(format!(
            "{error}\nGive --aws-ranges the file from https://ip-ranges.amazonaws.com/ip-ranges.json; without it \
             AWS's addresses are told by their AS numbers"
        )),
        _ => Failure::Usage(error.to_string()),
    })
}

/// Writes the report of a run to every output.
pub(crate) fn write(plan: &Plan, audit: &Audit) -> Result<Exit, Failure> {
    report(plan, &audit.report)?;
    Ok(audit.exit)
}

/// Writes a report to every output of the plan.
pub(crate) fn report(plan: &Plan, report: &Report) -> Result<(), Failure> {
    let anchor = plan.anchor.as_deref();
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Text => text::write(report, plan.style_of(target), &mut out),
            Format::Json => json::write(report, &mut out),
            Format::Sarif => sarif::write(report, anchor, &mut out),
            Format::Junit => junit::write(report, &mut out),
            Format::Csv => csv::write(report, &mut out),
            Format::Markdown => markdown::write(report, &mut out),
            Format::Github => github::write(report, anchor, &mut out),
            Format::Ocsf => ocsf::write(report, &mut out),
            Format::Html => html::write(report, &mut out),
        })?;
    }
    Ok(())
}

/// Judges the inputs, writes the report, and remembers in the store, where there is one, what was reported.
pub(crate) fn carry_out(
    plan: &Plan,
    policies: Vec<&Policy>,
    inputs: Inputs<'_>,
    mut store: Option<Store>,
) -> Result<Exit, Failure> {
    let audit = audit(plan, policies, Inputs { store: store.as_mut(), ..inputs })?;
    let exit = write(plan, &audit)?;
    if let Some(mut store) = store {
        let remembered = store.remember(audit.fingerprints.iter().copied());
        remembered.map_err(|error| Failure::Usage(error.to_string()))?;
    }
    Ok(exit)
}
