//! The predicate language against its model: the same answers as a CEL interpreter on known facts, and a definite
//! answer that no completion of what is unread can change.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;

use lambda_audit::facts::schema::{FieldAccess, FieldDecl, FieldType, KindDecl, Origin};
use lambda_audit::policy::lang::check::{Names, check};
use lambda_audit::policy::lang::compile::{Compiled, Env};
use lambda_audit::policy::lang::explain::Tree;
use lambda_audit::policy::lang::parse::parse;
use lambda_audit::policy::lang::worlds::{Possible, possible};
use lambda_audit::policy::lang::{MAX_DEPTH, MAX_LENGTH};
use lambda_audit::value::{OwnedValue, TextList, Truth, Value, Why};
use proptest::prelude::*;

static KIND: KindDecl = KindDecl {
    name: "t",
    means: "",
    origins: &[Origin::State],
    events: &[],
    fields: &[
        FieldDecl::new("flag", FieldType::Bool),
        FieldDecl::new("other", FieldType::Bool),
        FieldDecl::new("n", FieldType::Int),
        FieldDecl::new("name", FieldType::Text),
        FieldDecl::new("deep.name", FieldType::Text),
        FieldDecl { values: &["red", "green", "blue"], ..FieldDecl::new("color", FieldType::Text) },
        FieldDecl { optional: true, ..FieldDecl::new("opt", FieldType::Text) },
        FieldDecl::new("tags", FieldType::List),
    ],
};

#[derive(Debug, Clone)]
struct Fact(Vec<OwnedValue>);

impl FieldAccess for Fact {
    fn kind(&self) -> &'static KindDecl {
        &KIND
    }
    fn value(&self, index: usize) -> Value<'_> {
        self.0[index].view()
    }
}

const NAMES: Names<'static> = Names { kind: &KIND, params: &[], histories: &[] };

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "ab", "ba", "aba", "red", "é"]).prop_map(str::to_owned)
}

fn known_field(index: usize) -> BoxedStrategy<OwnedValue> {
    let field = &KIND.fields[index];
    let known = match field.ty {
        FieldType::Bool => any::<bool>().prop_map(OwnedValue::Bool).boxed(),
        FieldType::Int => (-2i64..3).prop_map(OwnedValue::Int).boxed(),
        FieldType::Text if !field.values.is_empty() => {
            prop::sample::select(field.values).prop_map(|text| OwnedValue::Text(text.to_owned())).boxed()
        }
        FieldType::Text => word().prop_map(OwnedValue::Text).boxed(),
        FieldType::List => prop::collection::vec(word(), 0..4)
            .prop_map(|items| OwnedValue::List(TextList::complete(items)))
            .boxed(),
    };
    if field.optional { prop_oneof![3 => known, 1 => Just(OwnedValue::Absent)].boxed() } else { known }
}

fn known_fact() -> impl Strategy<Value = Fact> {
    (0..KIND.fields.len()).map(known_field).collect::<Vec<_>>().prop_map(Fact)
}

/// A known fact with some fields hidden: the pair of what is and what was read.
fn hidden_fact() -> impl Strategy<Value = (Fact, Fact)> {
    (known_fact(), prop::collection::vec(0u8..4, KIND.fields.len())).prop_map(|(fact, hide)| {
        let read = fact.0.iter().zip(hide).map(|(value, hide)| match (hide, value) {
            (0, _) => OwnedValue::Unread(Why::Denied),
            (1, OwnedValue::List(list)) => {
                let items = list.items.iter().step_by(2).cloned().collect();
                OwnedValue::List(TextList { items, incomplete: Some(Why::Throttled) })
            }
            _ => value.clone(),
        });
        let read = Fact(read.collect());
        (fact, read)
    })
}

fn atom() -> impl Strategy<Value = String> {
    let quoted = || word().prop_map(|word| format!("\"{word}\""));
    let order = || prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let text = || prop::sample::select(vec!["t.name", "t.deep.name", "t.color"]);
    let open = || prop::sample::select(vec!["t.name", "t.deep.name"]);
    let test = || prop::sample::select(vec!["startsWith", "endsWith", "contains"]);
    let color = || prop::sample::select(vec!["red", "green", "blue"]);
    prop_oneof![
        prop::sample::select(vec!["true", "false", "t.flag", "t.other", "has(t.opt)"])
            .prop_map(str::to_owned),
        (order(), -2i64..3).prop_map(|(op, n)| format!("t.n {op} {n}")),
        (open(), order(), quoted()).prop_map(|(field, op, text)| format!("{field} {op} {text}")),
        (order(), color()).prop_map(|(op, color)| format!("t.color {op} '{color}'")),
        color().prop_map(|color| format!("t.color in ['{color}']")),
        (open(), word()).prop_map(|(field, text)| format!("{field} in [\"{text}\", \"zz\"]")),
        (-2i64..3).prop_map(|n| format!("t.n in [{n}, 7]")),
        quoted().prop_map(|text| format!("{text} in t.tags")),
        open().prop_map(|field| format!("{field} in t.tags")),
        (text(), test(), quoted()).prop_map(|(field, test, text)| format!("{field}.{test}({text})")),
        text().prop_map(|field| format!("t.name.contains({field})")),
        (text(), prop::sample::select(vec!["^a", "b$", "^[ab]+$", "r.d"]))
            .prop_map(|(field, regex)| format!("{field}.matches('{regex}')")),
        quoted().prop_map(|text| format!("(has(t.opt) && t.opt == {text})")),
        quoted().prop_map(|text| format!("(!has(t.opt) || t.opt.contains({text}))")),
        quoted().prop_map(|text| format!("(has(t.opt) ? t.opt < {text} : t.flag)")),
        quoted().prop_map(|text| format!("t.tags.exists(e, e == {text})")),
        (test(), quoted()).prop_map(|(test, text)| format!("t.tags.all(e, e.{test}({text}) || t.flag)")),
        quoted().prop_map(|text| format!("['a', 'b'].exists(e, t.name.startsWith(e) && e != {text})")),
        (order(), 0i64..4).prop_map(|(op, n)| format!("size(t.tags) {op} {n}")),
        (open(), order(), 0i64..4).prop_map(|(field, op, n)| format!("{field}.size() {op} {n}")),
        quoted().prop_map(|text| format!("(t.flag ? t.name : {text}) == t.deep.name")),
    ]
}

fn predicate() -> impl Strategy<Value = String> {
    atom().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("!({a})")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" && "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" || "))),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(({a}) ? {b} : {c})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(({a}) == ({b}))")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(({a}) != ({b}))")),
        ]
    })
}

fn oracle(text: &str, fact: &Fact) -> bool {
    let mut map: HashMap<String, cel::Value> = HashMap::new();
    let mut deep: HashMap<String, cel::Value> = HashMap::new();
    for (field, value) in KIND.fields.iter().zip(&fact.0) {
        let value: cel::Value = match value {
            OwnedValue::Absent => continue,
            OwnedValue::Bool(value) => (*value).into(),
            OwnedValue::Int(value) => (*value).into(),
            OwnedValue::Text(text) => text.as_str().into(),
            OwnedValue::List(list) => {
                list.items.iter().map(ToString::to_string).collect::<Vec<String>>().into()
            }
            OwnedValue::Unread(_) => panic!("the oracle knows no unread values"),
        };
        match field.name.split_once('.') {
            Some((_, name)) => deep.insert(name.to_owned(), value),
            None => map.insert(field.name.to_owned(), value),
        };
    }
    map.insert("deep".to_owned(), deep.into());
    let mut context = cel::Context::default();
    context.add_variable_from_value("t", map);
    match cel::Program::compile(text).unwrap().execute(&context) {
        Ok(cel::Value::Bool(value)) => value,
        other => panic!("{text}: {other:?}"),
    }
}

fn compiled(text: &str) -> Compiled {
    let pred = check(text, NAMES, &[]).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    Compiled::new(&pred, &[])
}

fn eval(text: &str, fact: &Fact) -> Truth {
    compiled(text).eval(fact, &Env::default())
}

/// The interpreter that is the oracle recurses far deeper than ours: it gets a stack of its own.
fn on_a_large_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(256 << 20).spawn(run).unwrap().join().unwrap();
}

fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(count) }
}

#[test]
fn known_facts_get_the_answers_of_a_cel_interpreter() {
    on_a_large_stack(|| {
        let mut runner = proptest::test_runner::TestRunner::new(cases(3_000));
        runner
            .run(&(predicate(), known_fact()), |(text, fact)| {
                let expected = if oracle(&text, &fact) { Truth::True } else { Truth::False };
                prop_assert_eq!(eval(&text, &fact), expected, "{} on {:?}", text, fact);
                Ok(())
            })
            .unwrap();
    });
}

proptest! {
    #![proptest_config(cases(4_000))]

    #[test]
    fn a_definite_answer_holds_for_every_completion(text in predicate(), (fact, read) in hidden_fact()) {
        let answer = eval(&text, &read);
        if answer != Truth::Unknown {
            prop_assert_eq!(answer, eval(&text, &fact), "{} on {:?} read as {:?}", text, fact, read);
        }
    }

    #[test]
    fn an_unknown_answer_names_what_is_missing_and_a_definite_one_its_evidence(
        text in predicate(),
        (_, read) in hidden_fact(),
    ) {
        let pred = check(&text, NAMES, &[]).unwrap();
        let tree = Tree::new(&pred, &text, &KIND, &[], &[]);
        let env = Env::default();
        let missing = tree.missing(&read, &env);
        if eval(&text, &read) == Truth::Unknown {
            prop_assert!(!missing.is_empty(), "{}", text);
            for field in missing {
                let index = KIND.field(field.field.strip_prefix("t.").unwrap()).unwrap();
                let unread = match read.value(index) {
                    Value::Unread(why) => Some(why),
                    Value::List(list) => list.incomplete,
                    _ => None,
                };
                prop_assert_eq!(unread, Some(field.why));
            }
            prop_assert!(tree.evidence(&read, &env).is_empty());
        } else {
            prop_assert!(missing.is_empty(), "{}", text);
        }
    }

    #[test]
    fn always_and_never_are_never_said_of_what_can_be_otherwise(text in predicate(), fact in known_fact()) {
        let pred = check(&text, NAMES, &[]).unwrap();
        let answer = Compiled::new(&pred, &[]).eval(&fact, &Env::default());
        match possible(&pred, &[], &[], &KIND, &[]) {
            Possible::AlwaysTrue => prop_assert_eq!(answer, Truth::True, "{}", text),
            Possible::AlwaysFalse => prop_assert_eq!(answer, Truth::False, "{}", text),
            Possible::Both => {}
            Possible::Nowhere => prop_assert!(false, "nothing was given: {}", text),
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused_with_a_place_inside_it(text in "\\PC{0,80}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            prop_assert!(text.is_char_boundary(error.span.start) && text.is_char_boundary(error.span.end));
        }
    }

    #[test]
    fn tokens_in_any_order_are_checked_or_refused_with_a_place(
        parts in prop::collection::vec(prop::sample::select(vec![
            "t.flag", "t.name", "t.opt", "t", "has(", "(", ")", "!", "&&", "||", "==", "<", "in", "[", "]", "'a'", "1",
            "?", ":", ".", ",", "e", ".exists(e,", ".size()", "true", "in_cidr(", "glob(", "params.x", "seen.y",
        ]), 0..14),
    ) {
        let text = parts.join(" ");
        for error in check(&text, NAMES, &[]).err().unwrap_or_default() {
            prop_assert!(error.span.end <= text.len() && error.span.start <= error.span.end, "{text}: {error:?}");
        }
    }
}

#[test]
fn nesting_is_bounded_and_never_overflows_a_small_stack() {
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let deep = |open: &str, close: &str, n: usize| format!("{}t.flag{}", open.repeat(n), close.repeat(n));
        for (open, close) in [("(", ")"), ("!", ""), ("[", "]"), ("t.flag ? t.other : ", ""), ("has(", ")")] {
            let error = parse(&deep(open, close, MAX_DEPTH + 1)).unwrap_err();
            assert!(error.message.contains("nested deeper"), "{open}: {error:?}");
            assert!(parse(&deep(open, close, 3_000)).is_err());
        }
        for (open, close) in [("(", ")"), ("!", ""), ("t.flag ? t.other : ", "")] {
            let text = deep(open, close, MAX_DEPTH);
            let pred = check(&text, NAMES, &[]).unwrap();
            let known = Fact(KIND.fields.iter().map(|_| OwnedValue::Bool(true)).collect());
            assert_eq!(Compiled::new(&pred, &[]).eval(&known, &Env::default()), Truth::True, "{text}");
        }
        let chain = vec!["t.flag"; 1_500].join(" && ");
        assert!(chain.len() < MAX_LENGTH && check(&chain, NAMES, &[]).is_ok());
        assert!(parse(&vec!["t.flag"; 4_000].join(" || ")).unwrap_err().message.contains("longer than"));
        assert!(parse(&format!("t{}", ".a".repeat(200))).is_err());
    });
    thread.unwrap().join().unwrap();
}
