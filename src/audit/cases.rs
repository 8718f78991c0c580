//! Facts from the raw records and snapshot lines of policy test cases: the same makers as for real input.

use std::cell::RefCell;
use std::sync::OnceLock;

use super::records::class_of;
use crate::engine::state::{Occasion, Reading};
use crate::facts::Fact;
use crate::facts::from_record::{RecordContext, RecordFile, Wanted, effects_of, facts_of};
use crate::facts::from_snapshot::{Index, StateFacts};
use crate::facts::open::{OpenFact, Opened};
use crate::facts::sessions::{Answers, Session, Sessions};
use crate::hashed::Keys;
use crate::lists::{ListError, Lists};
use crate::network::{self, Networks};
use crate::policy::test::{FactMaker, Made};
use crate::snapshot::{self, Visit};
use crate::timeline::{History, Timeline};
use crate::trail::TrailRecord;
use crate::trust::{Trust, Trusts};

/// Makes the facts of test cases.
#[derive(Debug)]
pub struct CaseFacts {
    lists: Lists,
    /// What is built in, read when the first record asks: most cases have none.
    networks: OnceLock<Networks>,
}

impl CaseFacts {
    /// # Errors
    /// [`ListError`] if the lists that ship do not parse.
    pub fn new() -> Result<Self, ListError> {
        Ok(CaseFacts { lists: Lists::embedded()?, networks: OnceLock::new() })
    }

    fn networks(&self) -> Result<&Networks, String> {
        if let Some(networks) = self.networks.get() {
            return Ok(networks);
        }
        let files = network::load::Files::default();
        let networks = network::load::networks(&files, &[]).map_err(|error| error.to_string())?;
        Ok(self.networks.get_or_init(|| networks))
    }
}

/// Whose the sessions are, by all of a case's records.
fn answers(records: &[serde_json::Value]) -> Result<Answers, String> {
    let (mut sessions, mut reading, mut asked) = (Sessions::new(Keys::KNOWN), Reading::default(), Vec::new());
    for record in records {
        let text = record.to_string();
        let record = TrailRecord::parse(&text).map_err(|fault| fault.to_string())?;
        let account = record.trail_account(None);
        let account = account.text();
        sessions.gather(&record, &record.event_source(), &record.canonical_name(), account);
        if let Some(account) = account {
            reading.record(account, class_of(&record), record.event_time());
        }
        asked.extend(Session::of(&record, Keys::KNOWN));
    }
    Ok(super::waiting::answers(&sessions, asked.iter().map(|(id, session)| (id, session)), &reading))
}

fn made(fact: &Fact<'_>) -> Made {
    Made::capture(fact.body.fields(), fact.subject.label(), fact.origin)
}

impl FactMaker for CaseFacts {
    fn of_records(&self, records: &[serde_json::Value], trust: &Trust) -> Result<Vec<Made>, String> {
        let trusts = Trusts::new(trust.clone());
        let answers = answers(records)?;
        let context = RecordContext {
            trusts: &trusts,
            lists: &self.lists,
            networks: self.networks()?,
            answers: Some(&answers),
        };
        let recent = RefCell::default();
        let file = RecordFile { path: "case", named: None, recent: &recent };
        let mut out = Vec::new();
        let mut timeline = Timeline::default();
        let mut open: Vec<(OpenFact, Occasion)> = Vec::new();
        let mut opened = Opened::default();
        for (at, record) in records.iter().enumerate() {
            let text = record.to_string();
            let record = TrailRecord::parse(&text).map_err(|fault| fault.to_string())?;
            let event_id = record.event_id().known().cloned();
            let occasion = Occasion::new(
                (record.event_time(), event_id.as_deref()),
                record.trail_account(None).known().map(|account| account.as_ref().into()),
                class_of(&record),
                ("case".into(), at as u64),
            );
            effects_of(&record, file, Wanted::ALL, context, &mut timeline);
            let owner = occasion.account.as_deref();
            facts_of(&record, file, Wanted::ALL, context, &mut |fact| match OpenFact::of(
                fact,
                &occasion.file,
                (owner, None),
                &mut opened,
            ) {
                Some(fact) => open.push((fact, occasion.clone())),
                None => out.push(made(fact).on(occasion.clone())),
            });
        }
        let history = History::new(&timeline, None, &|_, _, _| false);
        for (open, on) in &open {
            let event_id = open.event_id();
            out.extend(open.close(&history, event_id.as_deref()).map(|fact| made(&fact).on(on.clone())));
        }
        Ok(out)
    }

    fn of_snapshot(&self, lines: &[serde_json::Value], trust: &Trust) -> Result<Vec<Made>, String> {
        let mut text = String::new();
        if lines.first().and_then(|line| line.get("type")).is_none_or(|kind| kind != "header") {
            text.push_str("{\"type\":\"header\",\"version\":1}\n");
        }
        for line in lines {
            text.push_str(&line.to_string());
            text.push('\n');
        }
        let input = snapshot::Input::Memory { name: "case".to_owned(), bytes: text.into_bytes().into() };
        let mut index = Index::default();
        let faults =
            snapshot::read(&input, &mut |visit| index.add(visit)).map_err(|error| error.to_string())?;
        if let Some(fault) = faults.first() {
            return Err(format!("snapshot line {}: {}", fault.line, fault.error));
        }
        if let Some((line, what)) = index.foreign.first() {
            return Err(format!("snapshot line {line}: {what}"));
        }
        index.finish();
        let trusts = index.trusts(trust);
        let mut facts = StateFacts::new("case", &index, &trusts, &self.lists);
        let mut out = Vec::new();
        let mut take = |fact: &Fact<'_>| out.push(made(fact));
        snapshot::read(&input, &mut |visit| {
            if let Visit::Part(part, line) = visit {
                facts.part(&part, line, &mut take);
            }
        })
        .map_err(|error| error.to_string())?;
        facts.finish(&mut take);
        Ok(out)
    }
}
