//! One strict scan of a record that finds where the members stand that something may ask for, those of `userIdentity`
//! included. Which key comes next is mostly known: see [`super::order`].
//!
//! It accepts what the scanner of [`super::json`] accepts, and finds the same. Where it is not sure (a key with an escape,
//! a file of another shape, anything that is not JSON), the record is left to that scanner, which names the fault.

use super::caller::{self, Found};
use super::index::{Index, MAX_TEXT, Span, bit};
use super::order::{BEGINNING, END, Next, OTHER, Order};
use super::record::Escapes;
use super::skip;
use super::slot::{SLOTS, Slot, slot_before};
use super::time::Clock;

/// What a record turned out to be. Its bytes are UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Walked {
    pub(crate) len: usize,
    /// Nobody needs it.
    pub(crate) passed_over: bool,
    /// The strings that were noted.
    pub(crate) strings: Escapes,
}

/// Scans records of one text, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Walker {
    pub(super) clock: Clock,
    records: Order,
    callers: [Order; caller::OBJECT_COUNT],
    others: [Order; OTHERS],
}

/// Of how many kinds other objects in a record are walked through in the order of their members, too.
const OTHERS: usize = 3;

/// Which of these an object is, or the objects of a list. Parameters and answers of calls are none: each call has its own.
#[inline(always)]
fn other(of: u8) -> Option<usize> {
    const ADDITIONAL: u8 = Slot::AdditionalEventData as u8;
    const RESOURCES: u8 = Slot::Resources as u8;
    match of {
        // Most often `tlsDetails`.
        OTHER => Some(0),
        ADDITIONAL => Some(1),
        RESOURCES => Some(2),
        _ => None,
    }
}

impl Walker {
    /// Walks from the bracket with which the text of an index begins to behind the one that closes it. `needs` is asked
    /// once, as soon as source and name are known. `None`: the record is for another scanner.
    pub(crate) fn walk(
        &mut self,
        index: &mut Index<'_>,
        needs: impl FnOnce(&[u8], &[u8]) -> bool,
    ) -> Option<Walked> {
        let Walker { clock: _, records, callers, others } = self;
        let text = Text::of(index.bytes())?;
        let mut strings = Escapes::None;
        let mut record = Record { index, callers, others, needs: Some(needs), needed: None };
        let rest = walk(records, slot_of, (text, text.0), &mut record, &mut strings)?;
        let needed = record.needed?;
        Some(Walked { len: text.at(rest) as usize, passed_over: !needed, strings })
    }
}

/// A text from a record's beginning on.
#[derive(Clone, Copy)]
struct Text<'t>(&'t [u8]);

impl<'t> Text<'t> {
    /// `None` where a place in it would not be one of an index.
    fn of(bytes: &'t [u8]) -> Option<Self> {
        (bytes.len() <= MAX_TEXT).then_some(Text(bytes))
    }

    /// Where the rest of it begins.
    #[inline(always)]
    fn at(self, rest: &[u8]) -> u32 {
        (self.0.len() - rest.len()) as u32
    }

    /// What stands between two rests of it.
    #[inline(always)]
    fn between(self, rest: &[u8], behind: &[u8]) -> Span {
        Span::at(self.at(rest), self.at(behind))
    }
}

/// Notes where the members of an object stand.
trait Notes {
    /// The value of a member of which `of` is asked stands there.
    fn value(&mut self, of: u8, value: Span, strings: Escapes) -> Option<()>;

    /// The same of a value that was not passed over yet, with which `rest` begins. Gives what is behind it.
    fn read<'t>(&mut self, of: u8, place: (Text<'t>, &'t [u8]), strings: &mut Escapes) -> Option<&'t [u8]>;
}

/// A record, whose members are those of slots.
struct Record<'w, 'a, N> {
    index: &'w mut Index<'a>,
    callers: &'w mut [Order],
    others: &'w mut [Order; OTHERS],
    needs: Option<N>,
    needed: Option<bool>,
}

/// A set of slots.
const fn set_of(slots: &[Slot]) -> u32 {
    assert!(SLOTS <= u32::BITS as usize);
    let (mut set, mut at) = (0, 0);
    while at < slots.len() {
        set |= 1 << slots[at] as u32;
        at += 1;
    }
    set
}

/// Members with which there is more to do than to note them.
const CLOSER: u32 = set_of(&[
    Slot::EventSource,
    Slot::EventName,
    Slot::UserIdentity,
    Slot::CloudTrailEvent,
    Slot::DigestS3Bucket,
    Slot::DigestStartTime,
]);

impl<N: FnOnce(&[u8], &[u8]) -> bool> Record<'_, '_, N> {
    #[inline(never)]
    fn closer(&mut self, of: u8, strings: Escapes) -> Option<()> {
        match Slot::at(of)? {
            Slot::EventSource | Slot::EventName => {
                // A second one is not what was asked about, and the last counts.
                if self.needed.is_some() {
                    return None;
                }
                let text = |slot| self.index.string_bytes(slot, strings);
                if let (Some(source), Some(name)) = (text(Slot::EventSource), text(Slot::EventName)) {
                    self.needed = Some(self.needs.take().is_none_or(|needs| needs(&source, &name)));
                }
                Some(())
            }
            Slot::UserIdentity => {
                self.index.forget_identity();
                Some(())
            }
            // How files of other shapes are told apart is not looked for here.
            _ => None,
        }
    }
}

impl<N: FnOnce(&[u8], &[u8]) -> bool> Notes for Record<'_, '_, N> {
    #[inline(always)]
    fn value(&mut self, of: u8, value: Span, strings: Escapes) -> Option<()> {
        self.index.note(of, value);
        if CLOSER & bit(of) == 0 { Some(()) } else { self.closer(of, strings) }
    }

    #[inline(always)]
    fn read<'t>(
        &mut self,
        of: u8,
        (text, rest): (Text<'t>, &'t [u8]),
        strings: &mut Escapes,
    ) -> Option<&'t [u8]> {
        if of == Slot::UserIdentity as u8 && rest.first() == Some(&b'{') {
            let found = self.index.begin_identity();
            let behind = walk_caller((self.callers, 0), (text, rest, 2), found, strings)?;
            self.index.note(of, text.between(rest, behind));
            return Some(behind);
        }
        let order = other(of).and_then(|at| self.others.get_mut(at)).filter(|order| !order.is_full());
        let behind = match (order, rest.first()) {
            (Some(order), Some(b'{')) => walk_other(order, (text, rest), 2)?,
            (Some(order), Some(b'[')) => walk_list(order, (text, rest), 1)?,
            _ => skip::value(rest, 1, strings)?,
        };
        self.value(of, text.between(rest, behind), *strings)?;
        Some(behind)
    }
}

/// One of a caller's objects, whose members are those of places.
struct Caller<'w, 'a> {
    /// Those of the objects that follow it.
    orders: &'w mut [Order],
    object: usize,
    /// How many levels enclose its members.
    outer: u32,
    found: &'w mut Found<'a>,
}

impl Notes for Caller<'_, '_> {
    #[inline(always)]
    fn value(&mut self, place: u8, value: Span, _: Escapes) -> Option<()> {
        self.found.note(place, value);
        Some(())
    }

    #[inline(always)]
    fn read<'t>(
        &mut self,
        place: u8,
        (text, rest): (Text<'t>, &'t [u8]),
        strings: &mut Escapes,
    ) -> Option<&'t [u8]> {
        let within = caller::object_at(place).filter(|_| rest.first() == Some(&b'{'));
        self.found.forget_within(place);
        let behind = match within {
            Some(within) => {
                let orders = self.orders.get_mut(within - self.object - 1..)?;
                walk_caller((orders, within), (text, rest, self.outer + 1), self.found, strings)?
            }
            None => skip::value(rest, self.outer, strings)?,
        };
        self.found.set(place, text.between(rest, behind));
        Some(behind)
    }
}

/// Walks one of a caller's objects, and those within it. `orders`: its own, and behind it those of the objects that
/// follow. `outer`: how many levels enclose its members.
fn walk_caller<'t>(
    (orders, object): (&mut [Order], usize),
    (text, rest, outer): (Text<'t>, &'t [u8], u32),
    found: &mut Found<'_>,
    strings: &mut Escapes,
) -> Option<&'t [u8]> {
    let (order, orders) = orders.split_first_mut()?;
    let asked = |before: &[u8]| caller::place_of(object, before);
    walk(order, asked, (text, rest), &mut Caller { orders, object, outer, found }, strings)
}

/// An object in which nothing is looked for.
struct Other {
    /// How many levels enclose its members.
    outer: u32,
}

impl Notes for Other {
    #[inline(always)]
    fn value(&mut self, _: u8, _: Span, _: Escapes) -> Option<()> {
        Some(())
    }

    #[inline(always)]
    fn read<'t>(
        &mut self,
        _: u8,
        (_, rest): (Text<'t>, &'t [u8]),
        strings: &mut Escapes,
    ) -> Option<&'t [u8]> {
        skip::value(rest, self.outer, strings)
    }
}

/// Walks an object in which nothing is looked for. `outer`: how many levels enclose its members.
#[inline(never)]
fn walk_other<'t>(order: &mut Order, (text, rest): (Text<'t>, &'t [u8]), outer: u32) -> Option<&'t [u8]> {
    walk(order, |_| None, (text, rest), &mut Other { outer }, &mut Escapes::None)
}

/// Walks a list of such objects without white space between them, or any other list.
fn walk_list<'t>(order: &mut Order, (text, list): (Text<'t>, &'t [u8]), outer: u32) -> Option<&'t [u8]> {
    let mut rest = list.get(1..)?;
    while rest.first() == Some(&b'{') {
        rest = match walk_other(order, (text, rest), outer + 2)? {
            [b']', behind @ ..] => return Some(behind),
            [b',', next @ ..] => next,
            _ => break,
        };
    }
    skip::value(list, outer, &mut Escapes::None)
}

/// The slot of a key without escapes that ends where this text ends.
fn slot_of(before: &[u8]) -> Option<u8> {
    slot_before(before).map(|slot| slot as u8)
}

/// Walks an object from its `{`, with which `rest` begins, and gives what is behind its `}`.
#[inline(always)]
fn walk<'t>(
    order: &mut Order,
    asked: impl Fn(&[u8]) -> Option<u8>,
    (text, rest): (Text<'t>, &'t [u8]),
    notes: &mut impl Notes,
    strings: &mut Escapes,
) -> Option<&'t [u8]> {
    let mut next = |key: u8, rest: &'t [u8]| match order.expected(key, rest) {
        Some(next) => Some(next),
        None => order.look_up(key, &asked, (text.0, rest)),
    };
    let Next { mut key, mut of, mut value } = next(BEGINNING, rest)?;
    while of != END {
        let behind = match value {
            [b'"', inner @ ..] => skip::string(inner, strings),
            _ => skip::word(value),
        };
        let behind = match behind {
            Some(behind) => {
                notes.value(of, text.between(value, behind), *strings)?;
                behind
            }
            // Behind a key that was expected there may be white space that was not.
            None => notes.read(of, (text, skip::solid(value)?), strings)?,
        };
        Next { key, of, value } = next(key, behind)?;
    }
    Some(value)
}
