//! Arbitrary bytes: no panic, no hang, and what is not a policy is never `none`.
#![no_main]

use lambda_audit::exposure::render::{Color, answer, text};
use lambda_audit::exposure::{Context, Exposure, ResourceKind, assess, input};
use lambda_audit::trust::Trust;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = std::str::from_utf8(bytes) else { return };
    let trust = Trust::default();
    for kind in [ResourceKind::Function, ResourceKind::Layer] {
        let context = Context { owner: Some("111122223333"), kind, trust: &trust };
        if let Ok(judged) = assess(document, &context) {
            let value: serde_json::Value = match serde_json::from_str(document) {
                Ok(value) => value,
                // A number beyond a double is JSON all the same.
                Err(error) => {
                    assert!(error.to_string().contains("number out of range"), "{error}: {document}");
                    continue;
                }
            };
            assert!(value.is_object());
            let unread = judged.grants.iter().any(|grant| grant.exposure == Exposure::Unknown);
            assert!(!unread || judged.exposure != Exposure::None);
        }
    }
    let inputs = vec![("fuzz".to_owned(), input::read("fuzz", document))];
    let answer = answer(inputs, Some("111122223333"), ResourceKind::Function, &trust);
    let mut out = String::new();
    text(&answer, Color::Never, &mut out).expect("a String takes everything");
    serde_json::to_string(&answer.json()).expect("every answer is JSON");
});
