//! `policy list` and `policy show`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde::Serialize;

use crate::cli::Failure;
use crate::cli::common::CommonArgs;
use crate::cli::output::{self, Format};
use crate::facts::schema::Origin;
use crate::findings::gate::Exit;
use crate::policy::frameworks;
use crate::policy::lang::ir::Param;
use crate::policy::{Attack, Control, Policy, Profile, Severity};
use crate::report::json;
use crate::report::text::{Style, safe, table, trim, wrap};
use crate::value::OwnedValue;

#[derive(Debug, Serialize)]
struct Row<'p> {
    id: &'p str,
    title: &'p str,
    severity: Severity,
    risk_score: u8,
    on: &'p str,
    profile: Profile,
    origins: &'p [Origin],
    attack: &'p [Attack],
    controls: &'p [Control],
    file: &'p str,
}

impl<'p> Row<'p> {
    fn of(policy: &'p Policy) -> Self {
        Row {
            id: &policy.id,
            title: &policy.title,
            severity: policy.severity,
            risk_score: policy.risk_score,
            on: policy.kind.name,
            profile: policy.profile,
            origins: &policy.origins,
            attack: &policy.attack,
            controls: &policy.controls,
            file: policy.file(),
        }
    }
}

/// The controls that a policy names, by framework.
fn controls(policy: &Policy) -> BTreeMap<&str, BTreeSet<&str>> {
    frameworks::all(&policy.attack, &policy.controls)
}

/// A parameter's value as JSON.
pub(in crate::cli) fn param_value(param: &Param) -> serde_json::Value {
    match &param.value {
        OwnedValue::Bool(value) => (*value).into(),
        OwnedValue::Int(value) => (*value).into(),
        OwnedValue::Text(value) => value.clone().into(),
        OwnedValue::List(list) => list.items.iter().map(|item| item.to_string()).collect(),
        OwnedValue::Absent | OwnedValue::Unread(_) => serde_json::Value::Null,
    }
}

pub(super) fn list(framework: Option<&str>, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    // Without a choice everything is listed, whatever the profile.
    let chosen = !plan.selection.only.is_empty()
        || !plan.selection.skip.is_empty()
        || plan.selection.profile.is_some();
    let mut policies: Vec<&Policy> = if chosen { plan.selected()? } else { plan.policies.iter().collect() };
    if let Some(framework) = framework {
        let known: BTreeSet<&str> = policies.iter().flat_map(|policy| controls(policy).into_keys()).collect();
        if !known.contains(framework) {
            let known: Vec<&str> = known.into_iter().collect();
            return Err(Failure::Usage(format!(
                "no policy names a control of `{framework}`: there are {}",
                known.join(", ")
            )));
        }
        policies.retain(|policy| controls(policy).contains_key(framework));
    }
    let of = |policy: &Policy| -> Option<String> {
        Some(controls(policy).get(framework?)?.iter().copied().collect::<Vec<_>>().join(", "))
    };
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => {
                let rows: Vec<Row<'_>> = policies.iter().map(|policy| Row::of(policy)).collect();
                json::write(&serde_json::json!({"version": "1", "policies": rows}), &mut out)
            }
            _ => {
                let last = if framework.is_some() { "CONTROLS" } else { "TITLE" };
                let mut table = table(plan.style_of(target), &["POLICY", "SEVERITY", "ON", "PROFILE", last]);
                for policy in &policies {
                    let profile = match policy.profile {
                        Profile::Default => "default",
                        Profile::Strict => "strict",
                    };
                    let controls = of(policy);
                    let cells = [
                        policy.id.as_str(),
                        policy.severity.as_str(),
                        policy.kind.name,
                        profile,
                        controls.as_deref().unwrap_or(&policy.title),
                    ];
                    table.add_row(cells.map(|cell| safe(cell).into_owned()));
                }
                writeln!(out, "{}", trim(&table.to_string()))
            }
        })?;
    }
    Ok(Exit::Passed)
}

pub(super) fn show(id: &str, common: &CommonArgs) -> Result<Exit, Failure> {
    let plan = common.resolve()?;
    let Some(policy) = plan.policies.get(id) else {
        let ids = plan.policies.iter().map(|policy| policy.id.as_str());
        let near = crate::policy::lang::suggest::nearest(id, ids)
            .map_or(String::new(), |near| format!(", did you mean `{near}`?"));
        return Err(Failure::Usage(format!(
            "there is no policy `{id}`{near} (see `lambda-audit policy list`)"
        )));
    };
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&in_full(policy), &mut out),
            _ => text(policy, plan.style_of(target), &mut out),
        })?;
    }
    Ok(Exit::Passed)
}

fn in_full(policy: &Policy) -> serde_json::Value {
    let params: serde_json::Map<String, serde_json::Value> =
        policy.params.iter().map(|param| (param.name.clone(), param_value(param))).collect();
    let levels: Vec<serde_json::Value> = policy
        .levels
        .iter()
        .map(|level| {
            serde_json::json!({"severity": level.severity, "risk_score": level.risk_score, "note": level.note})
        })
        .collect();
    serde_json::json!({
        "version": "1",
        "policy": Row::of(policy),
        "applies_to": policy.applies_to(),
        "when": policy.when(),
        "levels": levels,
        "params": params,
        "permissions": policy.permissions(),
        "trail_events": policy.trail_events().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "surfaces": policy.surfaces().iter().map(|surface| surface.as_str()).collect::<Vec<_>>(),
        "why": policy.texts.why,
        "investigate": policy.texts.investigate,
        "remediate": policy.texts.remediate,
        "false_positives": policy.texts.false_positives,
        "references": policy.texts.references,
    })
}

fn text(policy: &Policy, style: Style, out: &mut impl Write) -> std::io::Result<()> {
    let width = usize::from(style.width);
    let join = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    writeln!(out, "{}", style.strong(&format!("{}: {}", policy.id, safe(&policy.title))))?;
    writeln!(
        out,
        "  {} (risk {}), on {} facts, {} origins",
        policy.severity,
        policy.risk_score,
        policy.kind.name,
        join(policy.origins.iter().map(|origin| origin.as_str().to_owned()).collect())
    )?;
    let attack = policy.attack.iter().map(|tag| match &tag.technique {
        Some(technique) => format!("{}/{technique}", tag.tactic),
        None => tag.tactic.clone(),
    });
    writeln!(out, "  ATT&CK: {}", join(attack.collect()))?;
    let controls = policy.controls.iter().map(|one| format!("{} {}", one.framework, safe(&one.id)));
    if !policy.controls.is_empty() {
        writeln!(out, "  Controls: {}", join(controls.collect()))?;
    }
    writeln!(out, "  File: {}\n", safe(policy.file()))?;
    if let Some(applies_to) = policy.applies_to() {
        writeln!(out, "Applies to\n{}", indented(applies_to))?;
    }
    writeln!(out, "Fails when\n{}", indented(policy.when()))?;
    for level in &policy.levels {
        let note = level.note.as_deref().map_or(String::new(), |note| format!(": {}", safe(note)));
        writeln!(
            out,
            "{}",
            wrap(&format!("or {} (risk {}){note}", level.severity, level.risk_score), width, "  ")
        )?;
    }
    for param in &policy.params {
        let line = format!("params.{}.{} = {}", policy.id, param.name, param_value(param));
        writeln!(out, "{}", wrap(&safe(&line), width, "  "))?;
    }
    let needs = [
        ("Read from", policy.surfaces().iter().map(|surface| surface.as_str().to_owned()).collect()),
        ("Permissions", policy.permissions().iter().map(|action| (*action).to_owned()).collect()),
        ("Trail events", policy.trail_events().iter().map(ToString::to_string).collect()),
    ];
    writeln!(out)?;
    for (title, items) in needs {
        writeln!(out, "{}", wrap(&format!("{title}: {}", join(items)), width, ""))?;
    }
    let texts = [
        ("Why", &policy.texts.why),
        ("Investigate", &policy.texts.investigate),
        ("Remediate", &policy.texts.remediate),
    ];
    for (title, text) in texts {
        if let Some(text) = text {
            writeln!(out, "\n{}", style.strong(title))?;
            for paragraph in paragraphs(text) {
                // A command stays whole, so that it can be copied.
                if paragraph.trim_start().starts_with("aws ") {
                    writeln!(out, "  {}", safe(&paragraph))?;
                } else {
                    writeln!(out, "{}", wrap(&safe(&paragraph), width, "  "))?;
                }
            }
        }
    }
    for (title, items) in
        [("False positives", &policy.texts.false_positives), ("References", &policy.texts.references)]
    {
        if !items.is_empty() {
            writeln!(out, "\n{}", style.strong(title))?;
            for item in items {
                writeln!(out, "{}", wrap(&format!("- {}", safe(item)), width, "  "))?;
            }
        }
    }
    Ok(())
}

/// Lines of running text are joined to be wrapped anew; lists, commands and indented lines stand as they are.
fn paragraphs(text: &str) -> Vec<String> {
    let starts = |line: &str| {
        line.is_empty()
            || line.starts_with(|c: char| c.is_whitespace() || c.is_ascii_digit() || c == '-')
            || line.starts_with("aws ")
    };
    let mut out: Vec<String> = Vec::new();
    for line in text.lines() {
        match out.last_mut() {
            Some(last) if !starts(line) && !last.is_empty() && !last.starts_with("aws ") => {
                last.push(' ');
                last.push_str(line);
            }
            _ => out.push(line.to_owned()),
        }
    }
    out
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {}\n", safe(line))).collect()
}
