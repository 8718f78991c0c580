//! What the digests of trail files prove, as facts.

use crate::engine::{Engine, Tally};
use crate::facts::schema::Origin;
use crate::facts::{Body, Fact, Place, Subject, TrailFile};
use crate::trail::digest::{Findings, State, Unverified, Verdict};
use crate::value::{Reading, Why};

/// Judges every file that is there or should be.
pub(super) fn judge(found: &Findings, engine: &Engine<'_>, tally: &mut Tally) {
    if !engine.wants("trail_file", Origin::State) {
        return;
    }
    for file in &found.files {
        if engine.scope().has_place(file.account.as_deref(), file.region.as_deref()) {
            engine.judge(&fact(file), tally);
        }
    }
}

fn fact(file: &Verdict) -> Fact<'_> {
    let text = |value: &'_ Option<String>| match value {
        Some(value) => Reading::Known(value.clone().into()),
        None => Reading::Unread(Why::NotCollected),
    };
    let body = TrailFile {
        subject: Reading::Known(file.name.as_str().into()),
        role: Reading::Known(file.role.as_str().into()),
        account: text(&file.account),
        region: text(&file.region),
        integrity: match file.state {
            State::Intact => Reading::Known("intact".into()),
            State::Missing => Reading::Known("missing".into()),
            State::Altered(_) => Reading::Known("altered".into()),
            State::Unsigned => Reading::Known("unsigned".into()),
            State::Unlisted => Reading::Known("unlisted".into()),
            State::Unverified(why) => Reading::Unread(unread(why)),
        },
        reason: Reading::Known(file.state.reason().into()),
    };
    Fact {
        subject: Subject {
            arn: None,
            kind: "trail_file",
            name: file.name.as_str().into(),
            account: file.account.as_deref().map(Into::into),
            region: file.region.as_deref().map(Into::into),
        }
        .into(),
        origin: Origin::State,
        place: Place::File { file: &file.seen_in },
        part: String::new(),
        body: Body::TrailFile(Box::new(body)),
    }
}

fn unread(why: Unverified) -> Why {
    match why {
        Unverified::NotRead => Why::Failed,
        Unverified::Algorithm => Why::Malformed,
        _ => Why::NotCollected,
    }
}
