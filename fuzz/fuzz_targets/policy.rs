//! Any text as a predicate and as a policy file: refused or loaded, never a crash. What loads must also judge.
#![no_main]

use lambda_audit::facts;
use lambda_audit::policy::lang::check::{Names, check};
use lambda_audit::policy::{Env, Overrides, PolicySet, SourceText, Style};
use lambda_audit::value::Why;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for kind in facts::KINDS {
        let names = Names { kind, params: &[], histories: &[] };
        if let Err(errors) = check(text, names, &[]) {
            assert!(errors.iter().all(|error| error.span.end <= text.len()));
        }
    }
    let (set, errors) = PolicySet::load(&[SourceText::new("fuzz.yaml", text)], &Overrides::default());
    for error in errors {
        let _ = error.render(Style::Plain);
    }
    for policy in set.iter() {
        if let Some(fact) = facts::unread_fact(policy.kind, Why::NotCollected) {
            let _ = policy.judge(&*fact, &Env::default());
            let _ = policy.evidence(&*fact, &Env::default());
            let _ = policy.message(&*fact);
        }
    }
});
