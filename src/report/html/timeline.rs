//! When what was found was changed or happened: bars over days, and the events themselves, latest first.

use std::io::{self, Write};

use jiff::Timestamp;

use super::{badge, esc, tags};
use crate::facts::schema::Origin;
use crate::report::{Finding, Report, text};

/// Bars at most; longer spans have several days to a bar.
const BARS: i64 = 90;
/// Events listed.
const LISTED: usize = 12;
/// Events listed when asked for.
const MORE: usize = 300;
const DAY: i64 = 86_400;

struct Moment<'r> {
    day: i64,
    at: usize,
    finding: &'r Finding,
    first: &'r str,
    change: bool,
}

pub(super) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "<section id=\"timeline\"><header><h2>Timeline</h2><span class=\"soft small\">changes and activity that became findings</span></header>"
    )?;
    let mut moments: Vec<Moment<'_>> = report.findings.iter().enumerate().filter_map(moment).collect();
    if moments.is_empty() {
        let text = if report.inputs.trail_files == 0 {
            "No trail records were read: what was changed, and what happened, is not known."
        } else {
            "No change and no activity in the records that were read became a finding."
        };
        return writeln!(out, "<div class=\"card pad\">{text}</div></section>");
    }
    writeln!(
        out,
        "<div class=\"card pad\"><p class=\"key\"><span><i class=\"change\"></i>changes</span><span><i class=\"activity\"></i>\
         activity</span><span>findings by the day of their first record</span></p>"
    )?;
    chart(&moments, out)?;
    moments.sort_by(|a, b| (b.first, a.at).cmp(&(a.first, b.at)));
    let (shown, rest) = moments.split_at(moments.len().min(LISTED));
    list(shown, out)?;
    if !rest.is_empty() {
        let earlier = text::plural(rest.len() as u64, "earlier event");
        writeln!(out, "<details class=\"more\"><summary>{earlier}</summary>")?;
        list(rest.get(..rest.len().min(MORE)).unwrap_or_default(), out)?;
        if rest.len() > MORE {
            writeln!(
                out,
                "<p class=\"soft small\">The oldest {} are among the findings only.</p>",
                rest.len() - MORE
            )?;
        }
        writeln!(out, "</details>")?;
    }
    writeln!(out, "</div></section>")
}

fn list(moments: &[Moment<'_>], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "<ol class=\"events\">")?;
    for moment in moments {
        let finding = moment.finding;
        let message = finding.message.replace(finding.subject.label(), &finding.subject.name);
        writeln!(
            out,
            "<li><span class=\"mono soft\">{}</span><span>{}</span><span><a href=\"#f{}\">{}</a> {}<br>\
             <span class=\"soft\">{}</span></span></li>",
            esc(moment.first),
            badge(finding.severity),
            moment.at,
            esc(&finding.title),
            tags(finding),
            esc(&message),
        )?;
    }
    writeln!(out, "</ol>")
}

fn moment((at, finding): (usize, &Finding)) -> Option<Moment<'_>> {
    let first = finding.first.as_deref()?;
    let day = first.parse::<Timestamp>().ok()?.as_second().div_euclid(DAY);
    let change = finding.origins.contains(&Origin::Change);
    Some(Moment { day, at, finding, first, change })
}

fn date(day: i64) -> String {
    Timestamp::from_second(day.saturating_mul(DAY)).map_or_else(
        |_| String::new(),
        |time| time.to_string().split('T').next().unwrap_or_default().to_owned(),
    )
}

fn chart(moments: &[Moment<'_>], out: &mut impl Write) -> io::Result<()> {
    let (Some(from), Some(to)) =
        (moments.iter().map(|one| one.day).min(), moments.iter().map(|one| one.day).max())
    else {
        return Ok(());
    };
    let step = ((to - from) / BARS + 1).max(1);
    let bars = usize::try_from((to - from) / step + 1).unwrap_or(1);
    let mut counts = vec![(0u64, 0u64); bars];
    for moment in moments {
        let bar = usize::try_from((moment.day - from) / step).ok().and_then(|at| counts.get_mut(at));
        if let Some((changes, activity)) = bar {
            if moment.change { *changes += 1 } else { *activity += 1 }
        }
    }
    let most = counts.iter().map(|(a, b)| a + b).max().unwrap_or(1).max(1);
    let (width, height) = (900.0, 130.0);
    let slot = width / bars as f64;
    let bar = (slot * 0.78).min(26.0);
    let label =
        format!("{} between {} and {}", text::plural(moments.len() as u64, "finding"), date(from), date(to));
    writeln!(
        out,
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{label}\">\
         <line class=\"axis\" x1=\"0\" y1=\"{height}\" x2=\"{width}\" y2=\"{height}\"></line>"
    )?;
    for (at, (changes, activity)) in counts.iter().enumerate() {
        if changes + activity == 0 {
            continue;
        }
        let x = slot * at as f64 + (slot - bar) / 2.0;
        let scale = |count: u64| (height - 6.0) * count as f64 / most as f64;
        let day = date(from + step * i64::try_from(at).unwrap_or(0));
        let mut top = height;
        for (class, count) in [("change", *changes), ("activity", *activity)] {
            if count > 0 {
                let tall = scale(count);
                top -= tall;
                writeln!(
                    out,
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{bar:.1}\" height=\"{tall:.1}\"><title>{day}: \
                     {count} {class}</title></rect>"
                )?;
            }
        }
    }
    writeln!(out, "</svg><div class=\"days\"><span>{}</span><span>{}</span></div>", date(from), date(to))
}
