//! Coverage against a plain model: every class of records is put through AWS's matching rules, literally.
//!
//! A world is what is true; what is seen of it may lack parts. Whatever is seen, a known answer must agree with the
//! world, whichever world it is; where everything is seen, the answer must be known.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lambda_audit::logging::{self, Configured, Event, Loss, RecorderState, Recorders, Target, Touched};
use lambda_audit::snapshot::api::{
    AdvancedEventSelector, DataResource, EventDataStore, EventDataStorePage, EventSelector, EventSelectors,
    FieldSelector, Trail, TrailStatus, Trails,
};
use lambda_audit::value::{Reading, Why};
use proptest::prelude::*;

const OWNER: &str = "111122223333";
const MANAGEMENT: &str = "444455556666";
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const ARNS: [&str; 5] = [
    FUNCTION,
    "arn:aws:lambda",
    "arn:aws:lambda:eu-west-1:111122223333:function:orders:live",
    "arn:aws:lambda:eu-west-1:",
    ":billing",
];
const NAMES: [&str; 5] = ["Invoke", "InvokeFunctionUrl", "InvokeExecution", "Inv", "Url"];
const CALLERS: [&str; 6] = ["arn:x:a", "arn:x:b", "arn:y:a", "arn:", "arn:x:", ":a"];
/// Every class of caller that the values above tell apart: by what it equals, begins with and ends with.
fn caller_classes() -> Vec<Option<String>> {
    let parts = || CALLERS.into_iter().chain([""]);
    let around = parts().flat_map(|start| parts().map(move |end| format!("{start}!{end}")));
    let exact = CALLERS.into_iter().map(str::to_owned);
    std::iter::once(None).chain(exact.chain(around).map(Some)).collect()
}

#[derive(Debug, Clone)]
struct World {
    recorders: Vec<Truth>,
    /// The owner's trails and event data stores were listed; the owner's organization is known.
    lists: [bool; 3],
    /// What a field that the tool does not know turns out to match.
    odd_matches: bool,
}

#[derive(Debug, Clone)]
struct Truth {
    store: bool,
    managed: bool,
    home: usize,
    multi: bool,
    organization: bool,
    selectors: EventSelectors,
    logging: bool,
    error: bool,
    sees_selectors: bool,
    sees_status: bool,
}

struct Record<'a> {
    function: &'a str,
    name: &'a str,
    caller: Option<&'a str>,
    console: bool,
}

impl Truth {
    fn arn(&self, at: usize) -> String {
        let kind = if self.store { "eventdatastore" } else { "trail" };
        let account = if self.managed { MANAGEMENT } else { OWNER };
        format!("arn:aws:cloudtrail:{}:{account}:{kind}/r{at}", REGIONS[self.home])
    }

    fn covers(&self, region: usize) -> bool {
        (!self.managed || self.organization) && (self.multi || self.home == region)
    }

    fn active(&self) -> bool {
        self.logging && (self.store || !self.error)
    }
}

fn matches_field(field: &FieldSelector, record: &Record<'_>, odd: bool) -> bool {
    let value = match field.field.as_str() {
        "eventCategory" => Some("Data"),
        "resources.type" => Some("AWS::Lambda::Function"),
        "resources.ARN" => Some(record.function),
        "readOnly" => Some("false"),
        "eventName" => Some(record.name),
        "eventSource" => Some("lambda.amazonaws.com"),
        "sessionCredentialFromConsole" => record.console.then_some("true"),
        "userIdentity.arn" => record.caller,
        _ => return odd,
    };
    let any = |values: &Option<Vec<String>>, test: fn(&str, &str) -> bool| {
        values.iter().flatten().any(|wanted| value.is_some_and(|value| test(value, wanted)))
    };
    let selecting = [&field.equals, &field.starts_with, &field.ends_with].into_iter().any(Option::is_some);
    let selected = any(&field.equals, |value, wanted| value == wanted)
        || any(&field.starts_with, |value, wanted| value.starts_with(wanted))
        || any(&field.ends_with, |value, wanted| value.ends_with(wanted));
    let deselected = any(&field.not_equals, |value, wanted| value == wanted)
        || any(&field.not_starts_with, |value, wanted| value.starts_with(wanted))
        || any(&field.not_ends_with, |value, wanted| value.ends_with(wanted));
    (selected || !selecting) && !deselected
}

fn records(selectors: &EventSelectors, record: &Record<'_>, odd: bool) -> bool {
    if let Some(advanced) = selectors.advanced_event_selectors.as_ref().filter(|all| !all.is_empty()) {
        let one = |selector: &AdvancedEventSelector| {
            selector.field_selectors.iter().all(|field| matches_field(field, record, odd))
        };
        return advanced.iter().any(one);
    }
    selectors.event_selectors.iter().flatten().any(|selector| {
        let lambda = |resource: &&DataResource| resource.kind.as_deref() == Some("AWS::Lambda::Function");
        let values = selector.data_resources.iter().flatten().filter(lambda).flat_map(|one| &one.values);
        selector.read_write_type.as_deref() != Some("ReadOnly")
            && values.flatten().any(|value| value == "arn:aws:lambda" || value == record.function)
    })
}

type Step<'a> = Box<dyn Fn(&mut Recorders) + 'a>;

impl World {
    /// What is true: whether invocations are recorded, and whether delivery fails.
    fn truth(&self, events: &[Event]) -> (Configured, bool) {
        let callers = caller_classes();
        let mut outcomes = Vec::new();
        let mut would = vec![false; self.recorders.len()];
        for event in events {
            for caller in &callers {
                for console in [false, true] {
                    let (function, name) = (FUNCTION, event.as_str());
                    let record = Record { function, name, caller: caller.as_deref(), console };
                    let mut recorded = false;
                    for (truth, would) in self.recorders.iter().zip(&mut would) {
                        let matched = truth.covers(0) && records(&truth.selectors, &record, self.odd_matches);
                        *would |= matched;
                        recorded |= matched && truth.active();
                    }
                    outcomes.push(recorded);
                }
            }
        }
        let configured = match (outcomes.contains(&true), outcomes.contains(&false)) {
            (true, false) => Configured::Yes,
            (true, true) => Configured::Partial,
            (false, _) => Configured::No,
        };
        let mut would = self.recorders.iter().zip(would).filter(|(_, would)| *would).peekable();
        let failing = would.peek().is_some() && would.all(|(truth, _)| !truth.active());
        (configured, failing)
    }

    fn sees_everything(&self) -> bool {
        self.lists == [true; 3]
            && self
                .recorders
                .iter()
                .all(|truth| truth.sees_selectors && truth.sees_status && !truth.has_odd())
    }

    /// What is seen, each part as one step.
    fn steps(&self) -> Vec<Step<'_>> {
        let mut steps: Vec<Step<'_>> = Vec::new();
        for (region, name) in REGIONS.into_iter().enumerate() {
            for (account, managed) in [(OWNER, false), (MANAGEMENT, true)] {
                let shown = move |truth: &Truth| {
                    let whose = if managed { truth.managed } else { true };
                    whose && (truth.covers(region) || truth.managed && managed && truth.home == region)
                };
                if managed || self.lists[0] {
                    steps.push(Box::new(move |seen| seen.add_trails(account, name, &self.trails(shown))));
                } else {
                    steps.push(Box::new(move |seen| seen.add_trails_unread(account, name, Why::Denied)));
                }
                if managed || self.lists[1] {
                    steps.push(Box::new(move |seen| {
                        let own = |truth: &Truth| truth.managed == managed && truth.home == region;
                        seen.add_event_data_stores(account, name, &self.stores(own));
                    }));
                }
            }
        }
        if self.lists[2] {
            steps.push(Box::new(|seen| seen.add_organization(OWNER, Some(MANAGEMENT))));
        }
        for (at, truth) in self.recorders.iter().enumerate() {
            let arn = truth.arn(at);
            if truth.store {
                steps.push(Box::new(move |seen| match truth.sees_selectors {
                    true => seen.add_event_data_store(&EventDataStore {
                        event_data_store_arn: arn.clone(),
                        status: truth
                            .sees_status
                            .then(|| if truth.logging { "ENABLED" } else { "STOPPED_INGESTION" }.to_owned()),
                        advanced_event_selectors: truth.selectors.advanced_event_selectors.clone(),
                        multi_region_enabled: Some(truth.multi),
                        organization_enabled: Some(truth.organization),
                        ..Default::default()
                    }),
                    false => seen.add_event_data_store_unread(&arn, Why::Denied),
                }));
                continue;
            }
            let selectors = arn.clone();
            steps.push(Box::new(move |seen| match truth.sees_selectors {
                true => seen.add_selectors(&selectors, &truth.selectors),
                false => seen.add_selectors_unread(&selectors, Why::Throttled),
            }));
            for region in REGIONS {
                let arn = arn.clone();
                steps.push(Box::new(move |seen| {
                    let status = TrailStatus {
                        is_logging: Some(truth.logging),
                        latest_delivery_error: truth.error.then(|| "NoSuchBucket".to_owned()),
                    };
                    match truth.sees_status || region != REGIONS[0] {
                        true => seen.add_status(&arn, region, &status),
                        false => seen.add_status_unread(&arn, region, Why::Failed),
                    }
                }));
            }
        }
        steps
    }

    fn trails(&self, shown: impl Fn(&Truth) -> bool) -> Trails {
        let all = self.recorders.iter().enumerate().filter(|(_, truth)| !truth.store && shown(truth));
        let one = |(at, truth): (usize, &Truth)| Trail {
            name: Some(format!("r{at}")),
            trail_arn: truth.arn(at),
            home_region: Some(REGIONS[truth.home].to_owned()),
            is_multi_region_trail: Some(truth.multi),
            is_organization_trail: Some(truth.organization),
            log_file_validation_enabled: Some(true),
            cloud_watch_logs_log_group_arn: None,
        };
        Trails { trail_list: all.map(one).collect() }
    }

    fn stores(&self, own: impl Fn(&Truth) -> bool) -> EventDataStorePage {
        let all = self.recorders.iter().enumerate().filter(|(_, truth)| truth.store && own(truth));
        let one = |(at, truth): (usize, &Truth)| EventDataStore {
            event_data_store_arn: truth.arn(at),
            name: Some(format!("r{at}")),
            ..Default::default()
        };
        EventDataStorePage { event_data_stores: all.map(one).collect(), next_token: None }
    }
}

impl Truth {
    fn has_odd(&self) -> bool {
        has_odd(&self.selectors)
    }
}

/// Is there a field that the tool does not know?
fn has_odd(selectors: &EventSelectors) -> bool {
    let mut fields = selectors.advanced_event_selectors.iter().flatten().flat_map(|one| &one.field_selectors);
    fields.any(|field| field.field == "odd")
}

fn values(pool: &'static [&'static str]) -> impl Strategy<Value = Option<Vec<String>>> {
    prop::collection::vec(prop::sample::select(pool), 1..3)
        .prop_map(|values| Some(values.into_iter().map(str::to_owned).collect()))
}

/// One or two operators on a field.
fn condition(field: &'static str, pool: &'static [&'static str]) -> impl Strategy<Value = FieldSelector> {
    let operator = (0..6_usize, values(pool));
    prop::collection::vec(operator, 1..3).prop_map(move |operators| {
        let mut selector = FieldSelector { field: field.to_owned(), ..Default::default() };
        for (operator, values) in operators {
            let slot = match operator {
                0 => &mut selector.equals,
                1 => &mut selector.starts_with,
                2 => &mut selector.ends_with,
                3 => &mut selector.not_equals,
                4 => &mut selector.not_starts_with,
                _ => &mut selector.not_ends_with,
            };
            *slot = values;
        }
        selector
    })
}

fn equals(field: &str, value: &str) -> FieldSelector {
    FieldSelector { field: field.into(), equals: Some(vec![value.into()]), ..Default::default() }
}

fn differs(field: &str, value: &str) -> FieldSelector {
    FieldSelector { field: field.into(), not_equals: Some(vec![value.into()]), ..Default::default() }
}

fn advanced() -> impl Strategy<Value = AdvancedEventSelector> {
    let rarely = |strategy: BoxedStrategy<FieldSelector>| prop::option::weighted(0.3, strategy);
    let console = prop_oneof![
        Just(equals("sessionCredentialFromConsole", "true")),
        Just(differs("sessionCredentialFromConsole", "true"))
    ];
    let optional = (
        prop::option::weighted(
            0.2,
            prop_oneof![Just("true"), Just("false")].prop_map(|it| equals("readOnly", it)),
        ),
        rarely(condition("eventName", &NAMES).boxed()),
        rarely(condition("resources.ARN", &ARNS).boxed()),
        rarely(console.boxed()),
        prop::option::weighted(0.5, condition("userIdentity.arn", &CALLERS)),
        prop::option::weighted(0.05, Just(equals("odd", "value"))),
        prop::option::weighted(0.1, Just(equals("eventSource", "lambda.amazonaws.com"))),
    );
    let category = prop_oneof![9 => Just("Data"), 1 => Just("Management")];
    let kind = prop_oneof![9 => Just("AWS::Lambda::Function"), 1 => Just("AWS::S3::Object")];
    (category, kind, optional).prop_map(|(category, kind, (a, b, c, d, e, f, g))| AdvancedEventSelector {
        name: None,
        field_selectors: [equals("eventCategory", category), equals("resources.type", kind)]
            .into_iter()
            .chain([a, b, c, d, e, f, g].into_iter().flatten())
            .collect(),
    })
}

fn basic() -> impl Strategy<Value = EventSelector> {
    let kind = prop_oneof![9 => Just("AWS::Lambda::Function"), 1 => Just("AWS::S3::Object")];
    let write = prop_oneof![Just("All"), Just("WriteOnly"), Just("ReadOnly")];
    (kind, write, values(&ARNS)).prop_map(|(kind, write, values)| EventSelector {
        read_write_type: Some(write.to_owned()),
        include_management_events: None,
        data_resources: Some(vec![DataResource { kind: Some(kind.to_owned()), values }]),
    })
}

fn selectors() -> impl Strategy<Value = EventSelectors> {
    let of_advanced = prop::collection::vec(advanced(), 0..4);
    (prop::collection::vec(basic(), 0..2), prop::option::weighted(0.8, of_advanced)).prop_map(
        |(basic, advanced)| EventSelectors {
            event_selectors: Some(basic),
            advanced_event_selectors: advanced,
        },
    )
}

fn truth() -> impl Strategy<Value = Truth> {
    let flags =
        (prop::bool::weighted(0.3), prop::bool::weighted(0.3), 0..2_usize, any::<bool>(), any::<bool>());
    let state = (prop::bool::weighted(0.8), prop::bool::weighted(0.2));
    let sees = (prop::bool::weighted(0.85), prop::bool::weighted(0.85));
    (flags, state, sees, selectors()).prop_map(|(flags, state, sees, mut selectors)| {
        let (store, managed, home, multi, organization) = flags;
        if store {
            selectors.event_selectors = None;
            selectors.advanced_event_selectors.get_or_insert_default();
        }
        Truth {
            store,
            managed,
            home,
            multi,
            organization: managed && organization,
            selectors,
            logging: state.0,
            error: state.1,
            sees_selectors: sees.0,
            sees_status: sees.1,
        }
    })
}

fn world() -> impl Strategy<Value = World> {
    let lists = [(); 3].map(|()| prop::bool::weighted(0.85));
    (prop::collection::vec(truth(), 0..4), lists, any::<bool>())
        .prop_map(|(recorders, lists, odd_matches)| World { recorders, lists, odd_matches })
}

fn target() -> Target<'static> {
    Target { arn: FUNCTION, account: OWNER, region: REGIONS[0], partition: "aws" }
}

const ASKED: [&[Event]; 2] = [Event::OF_FUNCTION, Event::OF_FUNCTION_WITH_URL];

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn a_known_answer_is_true_whatever_was_not_seen(world in world(), asked in 0..2_usize) {
        let mut seen = Recorders::new();
        world.steps().iter().for_each(|step| step(&mut seen));
        let answer = seen.solver().solve(&target(), ASKED[asked]);
        let (configured, failing) = world.truth(ASKED[asked]);
        if let Reading::Known(known) = answer.configured {
            prop_assert_eq!(known, configured, "{:#?}", answer);
            prop_assert_eq!(known == Configured::No, answer.proof.is_empty(), "{:#?}", answer);
            prop_assert!(answer.gaps.is_empty());
        } else {
            prop_assert!(!world.sees_everything(), "{:#?}", answer);
            prop_assert!(!answer.gaps.is_empty());
            prop_assert!(answer.gaps.iter().all(|gap| answer.reason.contains("not known") && !gap.detail.is_empty()));
        }
        if let Reading::Known(known) = answer.delivery_failing {
            prop_assert_eq!(known, failing, "{:#?}", answer);
        } else {
            prop_assert!(!world.sees_everything(), "{:#?}", answer);
        }
        if answer.configured == Reading::Known(Configured::Partial) {
            prop_assert!(!answer.excluded.is_empty(), "{:#?}", answer);
        }
    }

    #[test]
    fn the_order_of_parts_changes_nothing(world in world(), order in any::<prop::sample::Index>(), again in any::<prop::sample::Index>()) {
        let steps = world.steps();
        let mut seen = Recorders::new();
        steps.iter().for_each(|step| step(&mut seen));
        let first = seen.solver().solve(&target(), Event::OF_FUNCTION);
        let mut other = Recorders::new();
        let from = order.index(steps.len());
        steps[from..].iter().rev().chain(&steps[..from]).for_each(|step| step(&mut other));
        steps[again.index(steps.len())](&mut other);
        prop_assert_eq!(first, other.solver().solve(&target(), Event::OF_FUNCTION));
    }
}

proptest! {
    // Each puts thousands of records through the rules.
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Is a known answer to what a change takes away that of every record, one by one; and is it known where all is?
    #[test]
    fn what_a_change_takes_away_is_what_was_recorded_and_is_no_more(change in change()) {
        let answer = change.answer();
        let lost = [false, true].map(|odd| change.loses(odd));
        match &answer {
            Loss::Nothing => prop_assert_eq!(lost, [false, false], "{:#?}", change),
            Loss::Some(_) => prop_assert_eq!(lost, [true, true], "{:#?}", change),
            Loss::Unknown(why) => {
                prop_assert!(change.hides() || change.has_odd(), "{:?} {:#?}", why, change);
            }
        }
    }
}

/// A change of a trail, and what is seen of it.
#[derive(Debug)]
struct Change {
    before: (EventSelectors, bool, bool),
    after: (EventSelectors, bool, bool),
    /// After it the trail is stopped.
    stops: bool,
    touched: Touched,
    /// Of before and after, whether selectors, regions and organization are seen.
    seen: [[bool; 3]; 2],
}

fn change() -> impl Strategy<Value = Change> {
    let state = || (selectors(), any::<bool>(), prop::bool::weighted(0.3));
    let seen = || [(); 3].map(|()| prop::bool::weighted(0.8));
    let touched = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.8));
    // Often much stays as it was.
    let kept = prop::bool::weighted(0.4);
    (state(), state(), kept, prop::bool::weighted(0.2), touched, [seen(), seen()]).prop_map(
        |(before, mut after, kept, stops, (multi_region, organization, selectors), mut seen)| {
            if kept {
                let lists = [&before.0, &after.0].map(|one| one.advanced_event_selectors.clone());
                let [old, new] = lists.map(Option::unwrap_or_default);
                after.0.advanced_event_selectors = Some(old.into_iter().skip(1).chain(new).collect());
            }
            let touched = Touched { multi_region, organization, selectors };
            // What it does not set stays as it was, seen or not.
            if !selectors {
                after.0 = before.0.clone();
                seen[1][0] = seen[0][0];
            }
            if !multi_region {
                after.1 = before.1;
                seen[1][1] = seen[0][1];
            }
            if !organization {
                after.2 = before.2;
                seen[1][2] = seen[0][2];
            }
            Change { before, after, stops, touched, seen }
        },
    )
}

impl Change {
    fn answer(&self) -> Loss {
        let state = |(selectors, multi, organization): &(EventSelectors, bool, bool), seen: [bool; 3], on| {
            let flag = |value, seen| Reading::or_unread(Some(value).filter(|_| seen), Why::HistoryGap);
            RecorderState {
                exists: Reading::Known(true),
                logging: Reading::Known(on),
                multi_region: flag(*multi, seen[1]),
                organization: flag(*organization, seen[2]),
                selectors: Reading::or_unread(Some(selectors.clone()).filter(|_| seen[0]), Why::HistoryGap),
            }
        };
        let before = state(&self.before, self.seen[0], true);
        let after = state(&self.after, self.seen[1], !self.stops);
        let trail = format!("arn:aws:cloudtrail:{}:{OWNER}:trail/audit", REGIONS[0]);
        logging::loss(&trail, &before, &after, self.touched)
    }

    fn hides(&self) -> bool {
        self.seen != [[true; 3]; 2]
    }

    fn has_odd(&self) -> bool {
        has_odd(&self.before.0) || has_odd(&self.after.0)
    }

    /// Is there a record that was recorded and is no more?
    fn loses(&self, odd: bool) -> bool {
        let callers = caller_classes();
        let reaches =
            |(_, multi, organization): &(EventSelectors, bool, bool), region: &str, account: &str| {
                (*multi || region == REGIONS[0]) && (*organization || account == OWNER)
            };
        for region in REGIONS.into_iter().chain(["ap-south-1"]) {
            for account in [OWNER, MANAGEMENT, "777788889999"] {
                if !reaches(&self.before, region, account) {
                    continue;
                }
                let reached = reaches(&self.after, region, account) && !self.stops;
                for name in ["orders", "billing", "search"] {
                    let function = format!("arn:aws:lambda:{region}:{account}:function:{name}");
                    for event in Event::OF_FUNCTION_WITH_URL {
                        for (caller, console) in callers.iter().flat_map(|one| [(one, false), (one, true)]) {
                            let record = Record {
                                function: &function,
                                name: event.as_str(),
                                caller: caller.as_deref(),
                                console,
                            };
                            let kept = reached && records(&self.after.0, &record, odd);
                            if !kept && records(&self.before.0, &record, odd) {
                                return true;
                            }
                        }
                    }
                }
            }
        }
        false
    }
}
