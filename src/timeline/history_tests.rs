use proptest::prelude::*;

use super::*;
use crate::timeline::{Deed, Target};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

fn act() -> impl Strategy<Value = Act> {
    let slot = prop_oneof![
        (0u8..2).prop_map(|value| Slot::text(value.to_string())),
        Just(Slot::Absent),
        Just(Slot::Unread)
    ];
    let keys = proptest::collection::vec(("[ab]".prop_map(String::into_boxed_str), slot), 0..3);
    prop_oneof![
        1 => keys.clone().prop_map(Act::Replace),
        4 => keys.prop_map(Act::Set),
        1 => Just(Act::Added),
        1 => Just(Act::Unread),
    ]
}

/// Every effect of the line one after the other.
fn plain(history: &History<'_>, line: &Line, moment: &Moment, with_own: bool) -> State {
    let (mut state, mut from) = (State::unread(), i64::MIN);
    if let Some(base) = history.base.filter(|base| base.to < moment.time)
        && let Some(keys) = base.line(line)
    {
        (state, from) = (State::read(keys, base.from), base.from);
    }
    for effect in history.on(line).iter().filter(|effect| effect.moment.time >= from) {
        let is_own = effect.moment == *moment;
        if is_own && with_own {
            history.forget(&mut state, line, moment);
        }
        if effect.moment < *moment || (is_own && with_own) {
            state.apply(effect.act(), effect.moment.time);
        }
    }
    if !with_own {
        history.forget(&mut state, line, moment);
    }
    state
}

proptest! {
    #[test]
    fn a_line_is_what_all_its_effects_made_of_it(
        acts in proptest::collection::vec((0i64..8, 0u8..3, act()), 0..12),
        shown in proptest::option::of((0i64..8, 0i64..3)),
        hole in 0i64..8,
        asked in (0i64..9, 0u8..3),
        with_own in any::<bool>(),
    ) {
        let moment = |time: i64, id: u8| Moment::new(time, Some(&id.to_string()), "f", 0);
        let line = Line { subject: FUNCTION.to_owned(), scope: String::new(), facet: Facet::Layers };
        let mut timeline = Timeline::default();
        for (at, (time, id, act)) in acts.into_iter().enumerate() {
            let deed = Deed { scope: None, facet: Some(Facet::Layers), act };
            timeline.add(Target::Subject(FUNCTION.to_owned()), (moment(time, id), at as u8), deed);
        }
        let base = shown.map(|(from, length)| {
            let mut base = Base::new(from, Some(from + length));
            base.set(line.clone(), vec![("a".into(), Slot::text("shown"))]);
            base
        });
        let missing = |_: Option<&str>, from: i64, to: i64| from <= hole && hole <= to;
        let history = History::new(&timeline, base.as_ref(), &missing);
        let moment = moment(asked.0, asked.1);
        let state = history.state(&line, &moment, with_own);
        prop_assert_eq!(state, plain(&history, &line, &moment, with_own));
    }
}
