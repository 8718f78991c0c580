//! What a change of one trail or event data store takes away: Lambda data events that it recorded before and does not
//! record after, by the classes of records that also decide whether a function's invocations are recorded.
//!
//! Functions are told apart by witnesses: names, accounts and regions that the selectors at hand name, and one of each
//! that no selector names, standing for all others.

use std::collections::BTreeSet;

use super::Event;
use super::classes::{Claim, check};
use super::collected::{Advanced, Basic, Selectors};
use super::patterns::Condition;
use super::selector::{Compiled, FUNCTION, Fit};
use crate::arn;
use crate::snapshot::api::EventSelectors;
use crate::value::{Reading, Why};

/// What is known of a trail or event data store.
#[derive(Debug, Clone, PartialEq)]
pub struct RecorderState {
    pub exists: Reading<bool>,
    /// It is recording. Where that was not read it is taken to be: nobody sets up one to leave it off.
    pub logging: Reading<bool>,
    /// It records all regions.
    pub multi_region: Reading<bool>,
    /// It records all accounts of an organization.
    pub organization: Reading<bool>,
    pub selectors: Reading<EventSelectors>,
}

/// What a change sets, if perhaps to what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Touched {
    pub multi_region: bool,
    pub organization: bool,
    pub selectors: bool,
}

/// What a change takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Every Lambda data event that was recorded still is.
    Nothing,
    /// Some are not any more: which, as a sentence without its full stop.
    Some(String),
    /// It depends on what was not read.
    Unknown(Why),
}

/// A character that no name, account, region or selector has.
const OTHER: char = '\u{1}';

/// The most functions that are tried.
const TARGET_LIMIT: usize = 4_096;

/// Compares a trail or event data store before and after a change.
pub fn loss(recorder_arn: &str, before: &RecorderState, after: &RecorderState, touched: Touched) -> Loss {
    let off = |state: &RecorderState| {
        state.exists == Reading::Known(false) || state.logging == Reading::Known(false)
    };
    if off(before) {
        return Loss::Nothing;
    }
    let partition = arn::partition(recorder_arn).unwrap_or("aws");
    let was = effective(&before.selectors);
    let is = effective(&after.selectors);
    let covers = match &was {
        Ok(selectors) => Compiled::new(selectors, partition).covers_lambda(),
        Err(why) => Reading::Unread(*why),
    };
    match (covers, off(after)) {
        (Reading::Known(false), _) => return Loss::Nothing,
        (Reading::Known(true), true) => {
            let how = if after.exists == Reading::Known(false) { "deleted" } else { "stopped" };
            let text = was.as_ref().map(|was| first_text(was, partition)).unwrap_or_default();
            // A selector may be written so that no function's records fit it.
            let nothing = Ok(Selectors { basic: Vec::new(), advanced: Vec::new() });
            let left = Touched { selectors: true, ..Touched::default() };
            return match over_worlds(recorder_arn, (before, &was), (before, &nothing), left) {
                Loss::Some(_) => Loss::Some(format!("it is {how}, and recorded Lambda data events ({text})")),
                other => other,
            };
        }
        (Reading::Unread(why), true) => return Loss::Unknown(why),
        (Reading::Absent, true) => return Loss::Unknown(Why::Malformed),
        (_, false) => {}
    }
    over_worlds(recorder_arn, (before, &was), (after, &is), touched)
}

/// The same over all that may be of what was not read. Each state comes with the selectors that count.
fn over_worlds(
    recorder_arn: &str,
    (before, was): (&RecorderState, &Result<Selectors, Why>),
    (after, is): (&RecorderState, &Result<Selectors, Why>),
    touched: Touched,
) -> Loss {
    let partition = arn::partition(recorder_arn).unwrap_or("aws");
    let mut worst: Option<Loss> = None;
    let mut every = true;
    for world in worlds(before, after, touched) {
        let one = match (was, is) {
            (Ok(was), Ok(is)) => compare(recorder_arn, partition, was, is, world),
            // The same selectors, whatever they are: only accounts and regions may be lost.
            (Err(why), _) if !touched.selectors => {
                if world.shrinks() {
                    Loss::Unknown(*why)
                } else {
                    Loss::Nothing
                }
            }
            // Nothing is lost if not even everything would be.
            (Err(why), Ok(is)) => match compare(recorder_arn, partition, &everything(partition), is, world) {
                Loss::Nothing => Loss::Nothing,
                Loss::Some(_) | Loss::Unknown(_) => Loss::Unknown(*why),
            },
            (_, Err(why)) => Loss::Unknown(*why),
        };
        every &= matches!(one, Loss::Some(_));
        worst = match (worst, one) {
            (None | Some(Loss::Nothing), one) => Some(one),
            (Some(Loss::Some(_)), Loss::Unknown(why)) => Some(Loss::Unknown(why)),
            (Some(worst), _) => Some(worst),
        };
    }
    match worst {
        None | Some(Loss::Nothing) => Loss::Nothing,
        Some(Loss::Some(_)) if !every => Loss::Unknown(Why::HistoryGap),
        Some(known) => known,
    }
}

/// The selectors that count: advanced ones replace basic ones.
fn effective(selectors: &Reading<EventSelectors>) -> Result<Selectors, Why> {
    match selectors {
        Reading::Known(selectors) => {
            let mut selectors = Selectors::of(selectors).ok_or(Why::Malformed)?;
            if !selectors.advanced.is_empty() {
                selectors.basic.clear();
            }
            Ok(selectors)
        }
        Reading::Absent => Ok(Selectors { basic: Vec::new(), advanced: Vec::new() }),
        Reading::Unread(why) => Err(*why),
    }
}

/// Selectors that record every Lambda data event.
fn everything(partition: &str) -> Selectors {
    let all = vec![format!("arn:{partition}:lambda")];
    let basic =
        Basic { read_write: None, management: None, resources: vec![(Some(FUNCTION.to_owned()), all)] };
    Selectors { basic: vec![basic], advanced: Vec::new() }
}

fn first_text(selectors: &Selectors, partition: &str) -> String {
    let compiled = Compiled::new(selectors, partition);
    compiled.selectors.first().map(|one| format!("{}: {}", one.label, one.text)).unwrap_or_default()
}

/// One way in which what was not read may be.
#[derive(Debug, Clone, Copy)]
struct World {
    /// Before and after.
    multi_region: (bool, bool),
    organization: (bool, bool),
}

impl World {
    fn shrinks(self) -> bool {
        let shrinks = |(before, after): (bool, bool)| before && !after;
        shrinks(self.multi_region) || shrinks(self.organization)
    }
}

fn worlds(before: &RecorderState, after: &RecorderState, touched: Touched) -> Vec<World> {
    let pairs = |before: &Reading<bool>, after: &Reading<bool>, is_set: bool| -> Vec<(bool, bool)> {
        let may_be = |reading: &Reading<bool>| match reading {
            Reading::Known(known) => vec![*known],
            Reading::Absent | Reading::Unread(_) => vec![false, true],
        };
        let befores = may_be(before).into_iter();
        // What the change does not set stays as it was.
        befores
            .flat_map(|before| match is_set {
                true => may_be(after).into_iter().map(|after| (before, after)).collect(),
                false => vec![(before, before)],
            })
            .collect()
    };
    let organizations = pairs(&before.organization, &after.organization, touched.organization);
    let regions = pairs(&before.multi_region, &after.multi_region, touched.multi_region);
    let world =
        |multi_region| organizations.iter().map(move |&organization| World { multi_region, organization });
    regions.into_iter().flat_map(world).collect()
}

fn compare(recorder_arn: &str, partition: &str, was: &Selectors, is: &Selectors, world: World) -> Loss {
    let (Some(home), Some(owner)) = (arn::region(recorder_arn), arn::account(recorder_arn)) else {
        return Loss::Unknown(Why::Malformed);
    };
    let compiled = [Compiled::new(was, partition), Compiled::new(is, partition)];
    let [before, after] = &compiled;
    let words = Words::of(was, is);
    let regions = choices(home, world.multi_region.0, &words, 3);
    let accounts = choices(owner, world.organization.0, &words, 4);
    let mut targets = 0;
    let mut doubt = None;
    for region in &regions {
        for account in &accounts {
            let head = format!("arn:{partition}:lambda:{region}:{account}:function:");
            let reached =
                (*region == home || world.multi_region.1) && (*account == owner || world.organization.1);
            for target in words.functions(&head) {
                targets += 1;
                if targets > TARGET_LIMIT {
                    return Loss::Unknown(Why::Malformed);
                }
                match lost(&target, before, after, (was, is), reached) {
                    Fit::Yes => {
                        let text = before.selectors.iter().find(|one| one.matches_arn(&target));
                        let text = text.map(|one| format!("{} ({})", one.label, one.text));
                        let text = text.unwrap_or_default();
                        return Loss::Some(if reached {
                            format!("it no longer records all that {text} recorded")
                        } else {
                            format!("it no longer records other regions or accounts, which {text} recorded")
                        });
                    }
                    Fit::Maybe => doubt = Some(Why::Malformed),
                    Fit::No => {}
                }
            }
        }
    }
    doubt.map_or(Loss::Nothing, Loss::Unknown)
}

/// Does some record of the function get lost?
fn lost(
    target: &str,
    before: &Compiled,
    after: &Compiled,
    (was, is): (&Selectors, &Selectors),
    reached: bool,
) -> Fit {
    // What stands there unchanged records what it recorded, whatever that is.
    let kept = |at: usize| reached && same(was, at, is);
    let claim = |selector| Claim::of(selector);
    let mut claims: Vec<Claim<'_>> =
        before.selectors.iter().filter(|one| one.matches_arn(target) && !kept(one.at)).map(claim).collect();
    let split = claims.len();
    if reached {
        claims.extend(after.selectors.iter().filter(|one| one.matches_arn(target)).map(claim));
    }
    let events: BTreeSet<Event> = Event::OF_FUNCTION_WITH_URL.iter().copied().collect();
    let classes = check(&mut claims, &mut [], &events).len();
    let best = |claims: &[Claim<'_>], class: usize| {
        claims.iter().filter_map(|claim| claim.fits.get(class)).max().copied().unwrap_or(Fit::No)
    };
    let (old, new) = claims.split_at(split);
    (0..classes)
        .map(|class| match (best(old, class), best(new, class)) {
            (Fit::No, _) | (_, Fit::Yes) => Fit::No,
            (Fit::Yes, Fit::No) => Fit::Yes,
            _ => Fit::Maybe,
        })
        .max()
        .unwrap_or(Fit::No)
}

/// Is the selector of this index also among those after the change?
fn same(was: &Selectors, at: usize, is: &Selectors) -> bool {
    match (was.advanced.get(at), was.basic.get(at)) {
        (Some(advanced), _) => is.advanced.iter().any(|one| one.fields == advanced.fields),
        (None, Some(basic)) => is.advanced.is_empty() && is.basic.contains(basic),
        (None, None) => false,
    }
}

/// The values that the selectors compare ARNs with.
#[derive(Default)]
struct Words {
    equals: BTreeSet<String>,
    starts: BTreeSet<String>,
    ends: BTreeSet<String>,
}

impl Words {
    fn of(was: &Selectors, is: &Selectors) -> Self {
        let mut words = Words::default();
        for selectors in [was, is] {
            selectors.basic.iter().for_each(|one: &Basic| {
                words.equals.extend(one.resources.iter().flat_map(|(_, values)| values.iter().cloned()));
            });
            for field in selectors.advanced.iter().flat_map(|one: &Advanced| &one.fields) {
                if field.field == "resources.ARN" && Condition::new(field).is_some() {
                    let all = |lists: [&Option<Vec<String>>; 2]| -> Vec<String> {
                        lists.into_iter().flatten().flatten().cloned().collect()
                    };
                    words.equals.extend(all([&field.equals, &field.not_equals]));
                    words.starts.extend(all([&field.starts_with, &field.not_starts_with]));
                    words.ends.extend(all([&field.ends_with, &field.not_ends_with]));
                }
            }
        }
        words
    }

    /// Functions below a beginning that stand for all below it.
    fn functions(&self, head: &str) -> BTreeSet<String> {
        let is_name = |name: &str| !name.is_empty() && !name.contains(':');
        let mut all: BTreeSet<String> = BTreeSet::new();
        all.extend(self.equals.iter().filter(|arn| arn.strip_prefix(head).is_some_and(is_name)).cloned());
        let empty = String::new();
        let begins = self.starts.iter().filter_map(|start| start.strip_prefix(head)).chain([""]);
        for begin in begins.filter(|begin| !begin.contains(':')) {
            for end in self.ends.iter().chain([&empty]) {
                match end.rsplit_once(':') {
                    None => {
                        all.insert(format!("{head}{begin}{OTHER}{end}"));
                        if is_name(begin) && begin.ends_with(end.as_str()) {
                            all.insert(format!("{head}{begin}"));
                        }
                        if is_name(end) && end.starts_with(begin) {
                            all.insert(format!("{head}{end}"));
                        }
                    }
                    // An ending that reaches beyond the name leaves one name.
                    Some((_, name)) if is_name(name) && format!("{head}{name}").ends_with(end.as_str()) => {
                        all.insert(format!("{head}{name}"));
                    }
                    Some(_) => {}
                }
            }
        }
        all
    }
}

/// The trail's own region or account, and where it records others, those that values name and one that none does.
fn choices(own: &str, others: bool, words: &Words, part: usize) -> BTreeSet<String> {
    let mut all = BTreeSet::from([own.to_owned()]);
    if !others {
        return all;
    }
    all.insert(OTHER.to_string());
    for (value, is_beginning) in
        words.equals.iter().map(|value| (value, false)).chain(words.starts.iter().map(|value| (value, true)))
    {
        let parts: Vec<&str> = value.split(':').collect();
        if let Some(found) = parts.get(part).filter(|found| !found.is_empty()) {
            all.insert((*found).to_owned());
            if is_beginning && parts.len() == part + 1 {
                all.insert(format!("{found}{OTHER}"));
            }
        }
    }
    all
}
