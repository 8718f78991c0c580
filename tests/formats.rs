//! Every format stays well formed whatever strangers wrote into names, messages, user agents and files: each is read
//! back by a parser that knows nothing of this program.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use lambda_audit::report::{
    self, Report, Triage, csv, github, html, json, junit, markdown, ocsf, sarif, text,
};
use proptest::prelude::*;
use serde_json::Value as Json;
use support::{Library, NOW, Story};

/// A report with everything in it: findings of all triages and origins, causes, waivers, holes, notices.
static FULL: LazyLock<Report> = LazyLock::new(|| {
    let waivers = "[[waivers]]\npolicy = \"function-url-*\"\nsubject = \"*\"\nreason = \"known\"\nowner = \"web\"\n\
                   expires = \"2027-01-31\"\n";
    let library = Library::new(waivers);
    let mut report = Report { findings: Vec::new(), ..audit(&library, "demo") };
    for name in ["demo", "denied"] {
        let other = audit(&library, name);
        let mut seen = BTreeSet::new();
        // One of each policy is enough.
        let first =
            |finding: &report::Finding| seen.insert((finding.policy.clone(), finding.triage.as_str()));
        report.findings.extend(other.findings.into_iter().filter(first));
        report.coverage.read.extend(other.coverage.read.into_iter().filter(report::Read::is_gap).take(3));
        report
            .coverage
            .policies
            .extend(other.coverage.policies.into_iter().filter(|row| row.unknown > 0).take(3));
        report.access.extend(other.access.into_iter().take(3));
    }
    for (at, finding) in report.findings.iter_mut().enumerate() {
        if at % 5 == 3 && finding.triage == Triage::New {
            finding.triage = Triage::Baseline;
        }
        let record = report::CauseRecord {
            time: "2026-11-17T02:15:22Z".to_owned(),
            event_name: "AddPermission".to_owned(),
            event_id: finding.event_ids.first().cloned(),
            principal: Some("arn:aws:iam::111122223333:role/deploy".to_owned()),
            session_name: Some("ci".to_owned()),
            source_ip: Some("203.0.113.7".to_owned()),
            user_agent: Some("aws-cli/2".to_owned()),
            source: finding.evidence.first().unwrap().source.clone(),
        };
        finding.cause = match at % 3 {
            0 => Some(report::Cause { records: vec![record], not_found: None }),
            1 => Some(report::Cause {
                records: Vec::new(),
                not_found: Some("older than the history".to_owned()),
            }),
            _ => None,
        };
    }
    report.notices.push("the waiver of x (y) matches no finding".to_owned());
    report.scope.baseline = Some(report::BaselineUse {
        file: "baseline.json".to_owned(),
        generated_at: NOW.to_owned(),
        tool: "lambda-audit 0.1.0".to_owned(),
        entries: 3,
        stale: 1,
        activity: false,
    });
    report
});

fn audit(library: &Library, story: &str) -> Report {
    let story = Story::read(story);
    library.audit(Some(story.snapshot_input()), story.trail_input()).report
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// Keys whose texts are words of ours, or are looked up.
const CLOSED: [&str; 12] = [
    "status",
    "severity",
    "origins",
    "triage",
    "in",
    "profile",
    "fail_on",
    "unread",
    "by_severity",
    "generated_at",
    "first",
    "last",
];

/// Replaces every text but those of closed sets, also in keys of maps.
fn replace(value: &mut Json, key: &str, with: &mut impl FnMut() -> String) {
    match value {
        Json::String(text) if !CLOSED.contains(&key) => {
            let word =
                (key == "why" && text.len() < 16) || key == "outcome" || (key == "version" && text == "1");
            if !word {
                *text = with();
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| replace(item, key, with)),
        Json::Object(members) => {
            members.iter_mut().filter(|(name, _)| !CLOSED.contains(&name.as_str())).for_each(
                |(name, item)| {
                    replace(item, name, with);
                },
            );
        }
        _ => {}
    }
}

fn hostile(texts: &[String]) -> Report {
    let mut value = serde_json::to_value(&*FULL).unwrap();
    let mut at = 0;
    replace(&mut value, "", &mut || {
        at += 1;
        texts[at % texts.len()].clone()
    });
    // Its policies must still be those of the findings, or nothing of them is shown.
    let mut report: Report = serde_json::from_value(value).unwrap();
    for (at, finding) in report.findings.iter_mut().enumerate() {
        let policies = report.policies.len();
        finding.policy.clone_from(&report.policies[at % policies].id);
    }
    report.policies.sort_by(|a, b| a.id.cmp(&b.id));
    report
}

const ATTACKS: [&str; 22] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</script><svg/onload=alert(1)>",
    "--><b>",
    "]]>&lt;&#0;",
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "=HYPERLINK(\"http://example.com\")",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "a,b\r\n\"c\"",
    "::error file=x::y\n::stop-commands::z",
    "%0A::warning::x",
    "[x](http://example.com) ![y](http://example.com/y.png) https://example.com",
    "| a | b |\n|---|---|\n# h\n* l\n```",
    "`x` \\` **b** <!-- c -->",
    "{0} {{1}} ${{ github.token }}",
    "\u{202e}gnp.exe\u{2066}\u{feff}",
    "\u{0}\u{fffe}\u{ffff}\u{85}\u{2028}",
    "",
    "../../etc/passwd?x#y",
];

fn texts() -> impl Strategy<Value = Vec<String>> {
    let one = prop_oneof![
        4 => proptest::sample::select(&ATTACKS[..]).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => "[<>&\"'`=:%\\\\|\\[\\](){}@#*_~,; \r\n\t-]{0,12}",
    ];
    proptest::collection::vec(one, 1..7)
}

fn printable(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || c == '\n' || c == '\r')
}

fn triaged(report: &Report, triage: Triage) -> usize {
    report.findings.iter().filter(|finding| finding.triage == triage).count()
}

fn is_json(report: &Report) {
    let out = written(|out| json::write(report, out));
    assert_eq!(&report::parse(&out).unwrap(), report, "a saved run is the run");
}

fn is_text(report: &Report) {
    let style = text::Style { color: text::Color::Never, width: 100 };
    let out = written(|out| text::write(report, style, out));
    let strange = out.lines().find(|line| !printable(line));
    assert_eq!(strange, None);
}

fn is_sarif(report: &Report) {
    let out: Json = serde_json::from_str(&written(|out| sarif::write(report, None, out))).unwrap();
    let run = &out["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), report.findings.len());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.len() >= report.policies.iter().map(|one| &one.id).collect::<BTreeSet<_>>().len());
    for result in results {
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["region"]["startLine"].as_u64() >= Some(1));
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        let allowed = |c: char| c.is_ascii_alphanumeric() || "/-._~%:".contains(c);
        assert!(!uri.is_empty() && uri.chars().all(allowed), "{uri}");
        assert!(!uri.contains(':') || uri.starts_with("file:"), "{uri}");
        assert_eq!(rules[result["ruleIndex"].as_u64().unwrap() as usize]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
    }
    let anchored: Json =
        serde_json::from_str(&written(|out| sarif::write(report, Some("infra/lambda.tf"), out))).unwrap();
    for result in anchored["runs"][0]["results"].as_array().unwrap() {
        assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "infra/lambda.tf");
    }
}

fn is_junit(report: &Report) {
    let out = written(|out| junit::write(report, out));
    let document = roxmltree::Document::parse(&out).unwrap_or_else(|error| panic!("{error}\n{out}"));
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    let root = document.root_element();
    let figure = |name: &str| root.attribute(name).unwrap().parse::<usize>().unwrap();
    // A policy that is listed twice shows its findings twice.
    assert!(count("failure") >= triaged(report, Triage::New));
    for (attribute, tag) in
        [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]
    {
        assert_eq!(figure(attribute), count(tag), "{attribute}");
    }
    assert!(
        document
            .descendants()
            .all(|node| node.attributes().all(|one| printable(&one.value().replace('\t', " "))))
    );
}

fn is_csv(report: &Report) {
    let out = written(|out| csv::write(report, out));
    let mut reader = ::csv::ReaderBuilder::new().flexible(false).from_reader(out.as_bytes());
    let columns = reader.headers().unwrap().len();
    let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), report.findings.len());
    for cell in rows.iter().flat_map(|row| row.iter()) {
        assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{cell}");
        assert!(!cell.contains(['\n', '\r', '\t', '\u{1b}']), "{cell:?}");
    }
    assert_eq!(columns, 23);
}

fn is_markdown(report: &Report) {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    let out = written(|out| markdown::write(report, out));
    let mut rows = 0;
    for event in Parser::new_ext(&out, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                assert!(["<code>", "</code>", "<br>"].contains(&html.as_ref()), "{html}");
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_)) | Event::Code(_) => {
                panic!("{event:?}")
            }
            Event::Start(Tag::TableRow) => rows += 1,
            _ => {}
        }
    }
    assert!(rows >= 3 + triaged(report, Triage::New), "{rows}");
    assert!(printable(&out) && !out.contains("://"), "an address would become a link");
}

fn is_github(report: &Report) {
    let out = written(|out| github::write(report, None, out));
    let mut shown = 0;
    for line in out.lines() {
        let rest = line.strip_prefix("::").unwrap_or_else(|| panic!("{line}"));
        let (head, data) = rest.split_once("::").unwrap();
        let (command, properties) = head.split_once(' ').unwrap();
        assert!(["error", "warning", "notice"].contains(&command), "{line}");
        for property in properties.split(',') {
            let (name, value) = property.split_once('=').unwrap_or_else(|| panic!("{line}"));
            assert!(["file", "line", "title"].contains(&name), "{line}");
            assert!(!value.contains([':', '\n', '\r']), "{line}");
        }
        assert!(printable(data), "{line:?}");
        shown += 1;
    }
    assert!(shown > 0 && !out.contains('\r'));
    let annotations = |kind: &str| out.lines().filter(|line| line.starts_with(&format!("::{kind} "))).count();
    assert!(["error", "warning", "notice"].iter().all(|kind| annotations(kind) <= 10), "{out}");
}

fn is_ocsf(report: &Report) {
    let out = written(|out| ocsf::write(report, out));
    let events: Vec<Json> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let whys: usize = report.coverage.policies.iter().map(|row| row.why.len()).sum();
    assert_eq!(events.len(), report.findings.len() + whys);
    assert!(events.iter().all(|event| event["class_uid"] == 2003 || event["class_uid"] == 2004));
}

/// The page's tags and names of attributes, in order: a tokenizer of its own, which knows no template.
fn tags(page: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix("!--") {
            rest = &after[after.find("-->").unwrap() + 3..];
            continue;
        }
        let mut tag = String::new();
        let mut quoted: Option<char> = None;
        let mut end = None;
        for (at, c) in rest.char_indices() {
            match quoted {
                Some(quote) if c == quote => quoted = None,
                Some(_) => {}
                None if c == '"' || c == '\'' => quoted = Some(c),
                None if c == '>' => {
                    end = Some(at + 1);
                    break;
                }
                None => tag.push(c),
            }
        }
        rest = &rest[end.unwrap_or_else(|| panic!("a tag does not end: {tag}"))..];
        let raw = ["script", "style"].into_iter().find(|name| tag.split_whitespace().next() == Some(name));
        if let Some(name) = raw {
            rest = &rest[rest.find(&format!("</{name}")).unwrap()..];
        }
        out.push(tag);
    }
    out
}

fn is_html(report: &Report) {
    let out = written(|out| html::write(report, out));
    static KNOWN: LazyLock<BTreeSet<String>> =
        LazyLock::new(|| tags(&written(|out| html::write(&FULL, out))).into_iter().collect());
    let tags = tags(&out);
    // No tag and no attribute that the same page without an attack does not have.
    let strange: Vec<&String> = tags.iter().filter(|tag| !KNOWN.contains(*tag)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    let count = |name: &str| tags.iter().filter(|tag| tag.split_whitespace().next() == Some(name)).count();
    assert_eq!((count("script"), count("style")), (1, 1));
    assert!(printable(&out.replace('\t', " ")));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("LAMBDA_AUDIT_LONG").is_some() { 600 } else { 12 },
        // What it finds is told by the attack it holds: shrinking takes longer than it helps.
        max_shrink_iters: 20,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_format_stays_well_formed_whatever_strangers_wrote(texts in texts()) {
        let report = hostile(&texts);
        for check in [
            is_json, is_text, is_sarif, is_junit, is_csv, is_markdown, is_github, is_ocsf, is_html,
        ] {
            check(&report);
        }
    }
}

#[test]
fn every_attack_in_every_field() {
    for attack in ATTACKS {
        let report = hostile(&[attack.to_owned()]);
        for check in [is_json, is_text, is_sarif, is_junit, is_csv, is_markdown, is_github, is_ocsf, is_html]
        {
            check(&report);
        }
    }
}

#[test]
fn beyond_githubs_limit_the_gravest_new_ones_are_kept_and_the_rest_is_told() {
    let mut report = FULL.clone();
    let mut many = Vec::new();
    for at in 0..5_200usize {
        let mut finding = FULL.findings[0].clone();
        finding.fingerprint = format!("v1:{at}");
        finding.triage = if at < 150 { Triage::Baseline } else { Triage::New };
        many.push(finding);
    }
    report.findings = many;
    let out: Json = serde_json::from_str(&written(|out| sarif::write(&report, None, out))).unwrap();
    let results = out["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 5_000);
    assert!(results.iter().all(|result| result["properties"]["triage"] == "new"));
    let notes = out["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert!(
        notes[0]["message"]["text"].as_str().unwrap().starts_with("200 of 5200 findings"),
        "{}",
        notes[0]
    );
    let page = written(|out| markdown::write(&report, out));
    assert!(page.len() <= 1 << 20, "{}", page.len());
}

/// What is the same of many findings is not said of each.
#[test]
fn why_no_cause_was_found_is_told_once() {
    let mut report = audit(&Library::new(""), "demo");
    report.findings.retain(|finding| finding.triage == Triage::New && finding.cause.is_some());
    let told = |report: &Report| {
        let style = text::Style { color: text::Color::Never, width: 200 };
        let out = written(|out| text::write(report, style, out));
        let lines = |text: &str| out.lines().filter(|line| line.contains(text)).count();
        (lines("Cause: no cause found: not looked"), lines("No cause found of"), lines("Cause: 20"))
    };
    let unfound = report::Cause { records: Vec::new(), not_found: Some("not looked".to_owned()) };
    for finding in &mut report.findings {
        let found = finding.cause.as_ref().is_some_and(|cause| !cause.records.is_empty());
        if !found {
            finding.cause = Some(unfound.clone());
        }
    }
    let (each, once, found) = told(&report);
    assert_eq!((each, once), (0, 1));
    assert!(found > 0, "what was found is told of each");
    let first = report.findings.iter().position(|finding| finding.cause.as_ref() == Some(&unfound)).unwrap();
    report.findings.swap(0, first);
    report.findings.truncate(1);
    assert_eq!(told(&report), (1, 0, 0), "of one finding it stands there");
}
