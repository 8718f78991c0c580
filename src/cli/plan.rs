//! `--plan`: which calls a command would make of live accounts, and how long the quotas make them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::Failure;
use super::common::Plan;
use super::live::block_on;
use super::output::{self, Format};
use crate::collect::history::History;
use crate::collect::needs::Needs;
use crate::collect::plan::{Estimate, LookUpCalls};
use crate::collect::quota::LOOKUP_EVENTS;
use crate::collect::{Whence, estimate};
use crate::findings::gate::{Exit, Outcome, gate};
use crate::report::json;
use crate::report::text::{plural, safe};

#[derive(Debug, Serialize)]
struct Answer {
    version: &'static str,
    quota_share: f64,
    /// At least so many seconds, everything in parallel.
    seconds: f64,
    places: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    account: String,
    region: String,
    /// Null where they could not be counted.
    functions: Option<u64>,
    calls: BTreeMap<&'static str, u64>,
    seconds: f64,
    /// Null where nothing is looked up.
    look_ups: Option<LookUps>,
}

/// If every name is looked up by itself, and is a page.
#[derive(Debug, Serialize)]
struct LookUps {
    calls_by_name: u64,
    seconds_by_name: f64,
}

/// Shows what would be asked. Asks no more than how many functions there are.
pub(crate) fn show(
    plan: &Plan,
    whence: &Whence,
    (needs, history): (&Needs, Option<&History>),
    share: f64,
) -> Result<Exit, Failure> {
    let estimates = block_on(async { estimate(whence, needs, history, share).await })?;
    let places: Vec<Row> = estimates.into_iter().map(|one| row(one, share)).collect();
    let seconds = places.iter().map(|place| place.seconds).fold(0.0, f64::max);
    let unknown = places.iter().any(|place| place.functions.is_none());
    let answer = Answer { version: "1", quota_share: share, seconds, places };
    let state = !needs.is_empty();
    for target in &plan.outputs {
        output::write(target, |mut out| match target.format {
            Format::Json => json::write(&answer, &mut out),
            _ => text(&answer, state, &mut out),
        })?;
    }
    let outcome = Outcome { gravest: None, incomplete: unknown, nothing_read: false };
    Ok(gate(outcome, &plan.thresholds))
}

fn row(one: Estimate, share: f64) -> Row {
    let LookUpCalls { by_name, .. } = one.place.look_ups;
    let look_ups = (by_name > 0).then(|| LookUps {
        calls_by_name: by_name,
        seconds_by_name: LookUpCalls::time(by_name, share).as_secs_f64(),
    });
    Row {
        account: one.place.account,
        region: one.place.region,
        functions: one.place.functions,
        calls: one.calls,
        seconds: one.time.as_secs_f64(),
        look_ups,
    }
}

fn text(answer: &Answer, state: bool, out: &mut impl Write) -> io::Result<()> {
    for place in &answer.places {
        let functions = place
            .functions
            .map_or("an unknown number of functions".to_owned(), |count| plural(count, "function"));
        let functions = if state { format!("{functions}, ") } else { String::new() };
        let calls: u64 = place.calls.values().sum();
        writeln!(
            out,
            "{} {}: {functions}at least {} in {:.0} s",
            safe(&place.account),
            safe(&place.region),
            plural(calls, "call"),
            place.seconds.ceil()
        )?;
        for (api, count) in &place.calls {
            let more = place.look_ups.as_ref().filter(|_| *api == LOOKUP_EVENTS).map(|look_ups| {
                let LookUps { calls_by_name, seconds_by_name } = look_ups;
                format!("; by name {calls_by_name}, in {:.0} s", seconds_by_name.ceil())
            });
            writeln!(out, "  {api:<38} {count:>8}{}", more.unwrap_or_default())?;
        }
    }
    writeln!(
        out,
        "At least {:.0} s, all regions and accounts at once, at {:.0} % of AWS's quotas.",
        answer.seconds.ceil(),
        answer.quota_share * 100.0
    )?;
    if state {
        writeln!(out, "Aliases, layers and trails are known when they are listed.")?;
    }
    if answer.places.iter().any(|place| place.look_ups.is_some()) {
        writeln!(
            out,
            "Look-ups are a page of 50 records for each service; where a service has many, one for each name of an \
             event, and more for names that are common."
        )?;
    }
    Ok(())
}
