//! Data-event configurations as saved snapshots, one per case, each with what must come out and why.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::expect_used, reason = "a broken fixture fails its test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lambda_audit::logging::{Answer, Event, Recorders, Target};
use lambda_audit::snapshot::{Input, Part, Visit, api, read};
use lambda_audit::value::{Reading, Why};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct Expected {
    functions: Vec<ExpectedFunction>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedFunction {
    arn: String,
    configured: String,
    delivery_failing: Option<bool>,
    reason_contains: Vec<String>,
    cases: BTreeSet<String>,
    proof_contains: Option<String>,
    why: Option<Why>,
}

#[derive(Default)]
struct Collected {
    recorders: Recorders,
    functions: Vec<(String, String, String)>,
    with_url: BTreeSet<String>,
}

fn data<T: DeserializeOwned>(part: &Part) -> T {
    serde_json::from_str(part.data.as_ref().expect("data of an ok part").get()).expect("AWS's answer")
}

impl Collected {
    fn add(&mut self, part: &Part) {
        let region = part.region.as_deref().expect("regional");
        let (account, recorders) = (part.account.as_str(), &mut self.recorders);
        let resource = || part.resource.as_deref().expect("a resource");
        match (part.api.as_str(), part.outcome.why()) {
            (api::LIST_FUNCTIONS, None) => {
                for function in data::<api::FunctionPage>(part).functions {
                    self.functions.push((function.function_arn, account.into(), region.into()));
                }
            }
            (api::LIST_URLS, None) => {
                let page: api::UrlPage = data(part);
                self.with_url.extend(page.function_url_configs.into_iter().map(|url| url.function_arn));
            }
            (api::DESCRIBE_TRAILS, None) => recorders.add_trails(account, region, &data(part)),
            (api::DESCRIBE_TRAILS, Some(why)) => recorders.add_trails_unread(account, region, why),
            (api::GET_EVENT_SELECTORS, None) => recorders.add_selectors(resource(), &data(part)),
            (api::GET_EVENT_SELECTORS, Some(why)) => recorders.add_selectors_unread(resource(), why),
            (api::GET_TRAIL_STATUS, None) => recorders.add_status(resource(), region, &data(part)),
            (api::GET_TRAIL_STATUS, Some(why)) => recorders.add_status_unread(resource(), region, why),
            (api::LIST_EVENT_DATA_STORES, None) => {
                recorders.add_event_data_stores(account, region, &data(part));
            }
            (api::LIST_EVENT_DATA_STORES, Some(why)) => {
                recorders.add_event_data_stores_unread(account, region, why);
            }
            (api::GET_EVENT_DATA_STORE, None) => recorders.add_event_data_store(&data(part)),
            (api::GET_EVENT_DATA_STORE, Some(why)) => recorders.add_event_data_store_unread(resource(), why),
            (other, _) => panic!("{other} has no place in these fixtures"),
        }
    }

    fn solve(&self, arn: &str) -> Answer {
        let (_, account, region) =
            self.functions.iter().find(|(listed, ..)| listed == arn).expect("the function is listed");
        let events =
            if self.with_url.contains(arn) { Event::OF_FUNCTION_WITH_URL } else { Event::OF_FUNCTION };
        self.recorders.solver().solve(&Target { arn, account, region, partition: "aws" }, events)
    }
}

fn parts(path: &Path) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut ended = false;
    let faults = read(&Input::File(path.to_owned()), &mut |visit| match visit {
        Visit::Part(part, _) => parts.push(part),
        Visit::End(end) => ended = end.parts == parts.len() as u64,
        Visit::Header(_) => {}
    })
    .expect("a snapshot");
    assert!(faults.is_empty() && ended, "{}: {faults:?}", path.display());
    parts
}

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/logging");
    let files = std::fs::read_dir(folder).expect("fixtures").map(|file| file.expect("a file").path());
    let mut found: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|it| it == "jsonl")).collect();
    found.sort();
    found
}

fn check(path: &Path, parts: &[Part]) -> Vec<Answer> {
    let mut collected = Collected::default();
    parts.iter().for_each(|part| collected.add(part));
    let text = std::fs::read_to_string(path.with_extension("expected.json")).expect("what is expected");
    let expected: Expected = serde_json::from_str(&text).expect("what is expected, as JSON");
    assert_eq!(expected.functions.len(), collected.functions.len(), "{}", path.display());
    let one = |expected: &ExpectedFunction| {
        let answer = collected.solve(&expected.arn);
        let of = format!("{} {}:\n{answer:#?}", path.display(), expected.arn);
        match (&answer.configured, expected.configured.as_str()) {
            (Reading::Known(known), wanted) => assert_eq!(known.as_str(), wanted, "{of}"),
            (Reading::Unread(why), "unknown") => assert_eq!(Some(*why), expected.why, "{of}"),
            _ => panic!("{of}"),
        }
        assert_eq!(answer.delivery_failing.known().copied(), expected.delivery_failing, "{of}");
        for text in &expected.reason_contains {
            assert!(answer.reason.contains(text), "no '{text}' in {of}");
        }
        let cases: BTreeSet<String> =
            answer.excluded.iter().map(|one| one.case.as_str().to_owned()).collect();
        assert_eq!(cases, expected.cases, "{of}");
        match &expected.proof_contains {
            Some(text) => assert!(answer.proof.iter().any(|one| one.to_string().contains(text)), "{of}"),
            None => assert!(answer.proof.is_empty() || expected.configured == "yes", "{of}"),
        }
        assert_eq!(answer.gaps.is_empty(), expected.configured != "unknown", "{of}");
        answer
    };
    expected.functions.iter().map(one).collect()
}

#[test]
fn every_configuration_gets_its_answer_and_names_its_reason() {
    let all = fixtures();
    assert!(all.len() >= 12, "{} fixtures", all.len());
    for path in all {
        check(&path, &parts(&path));
    }
}

#[test]
fn the_order_of_parts_changes_nothing() {
    for path in fixtures() {
        let mut parts = parts(&path);
        let answers = check(&path, &parts);
        for _ in 0..parts.len() {
            parts.rotate_left(1);
            assert_eq!(check(&path, &parts), answers);
        }
        parts.reverse();
        assert_eq!(check(&path, &parts), answers);
        parts.extend_from_within(..);
        let functions = |part: &Part| part.api == api::LIST_FUNCTIONS;
        let mut seen = false;
        parts.retain(|part| !functions(part) || !std::mem::replace(&mut seen, true));
        assert_eq!(check(&path, &parts), answers, "parts given twice");
    }
}
