//! Every broken policy under `fixtures/broken/policies` is refused with exactly the diagnostics that stand beside it.
//! `BLESS=1` writes them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use lambda_audit::policy::{Overrides, PolicySet, SourceText, Style};

#[test]
fn broken_policies_get_exactly_these_diagnostics() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/broken/policies");
    let mut names: Vec<String> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    assert!(names.len() >= 40, "only {} broken policies", names.len());
    let mut wrong = Vec::new();
    for name in names {
        let text = fs::read_to_string(dir.join(&name)).unwrap();
        let (set, errors) =
            PolicySet::load(&[SourceText::new(name.as_str(), text.as_str())], &Overrides::default());
        assert!(set.is_empty() && !errors.is_empty(), "{name} was accepted");
        for error in &errors {
            assert!(error.line >= 1 && error.span.as_ref().unwrap().end <= text.len(), "{name}: {error}");
        }
        let got: Vec<String> = errors.iter().map(|error| error.render(Style::Plain) + "\n").collect();
        let got = got.join("\n");
        let beside = dir.join(name.replace(".yaml", ".expected"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&beside, &got).unwrap();
        } else if fs::read_to_string(&beside).unwrap_or_default() != got {
            wrong.push(format!("{name}:\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{}\nwrite them with BLESS=1", wrong.join("\n"));
}
