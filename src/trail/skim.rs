//! One look at a record: where the members stand that something may ask for, those of `userIdentity` included, found by
//! the brackets and colons outside of strings. All the rest is passed over.
//!
//! What is found is where a strict scanner finds it, and no string among it has an escape. What is passed over is checked no further than its brackets and the
//! ends of its strings; arrays and objects that are found are checked when they are first read. Where anything that is
//! looked at is not as it should be (an escape, a control character, a value without end, a second name after the first
//! was asked about), the record is left to that scanner.

use super::identity::member_before;
use super::json::{MAX_DEPTH, Plain, Raw, peek, skip_string, skip_value};
use super::quotes::{BLOCK, Quotes};
use super::record::{Index, Slot, slot_before};

/// The member that the walk is in, at the depth of a record or of its `userIdentity`.
#[derive(Clone, Copy)]
enum In {
    /// One that nobody asks for.
    Other,
    Record(Slot),
    Identity(usize),
}

/// What the next bracket at a depth belongs to.
#[derive(Clone, Copy)]
struct Pending {
    of: In,
    /// Where the value begins.
    at: usize,
}

const NOTHING: Pending = Pending { of: In::Other, at: usize::MAX };

/// How much of a record is to be found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// All, and the names are not both known yet.
    Unnamed,
    All,
    /// The members of a first look.
    First,
}

/// What a record turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skimmed {
    /// Behind its closing bracket.
    pub(crate) end: usize,
    /// Nobody needs it: only the members of a first look were found.
    pub(crate) passed_over: bool,
}

/// Walks from the bracket at `open` to behind the one that closes it and finds the members. `needs` is asked once, as
/// soon as source and name are known. `None`: the record is for another scanner.
pub(crate) fn skim<'a>(
    quotes: &mut Quotes,
    text: &'a str,
    open: usize,
    index: &mut Index<'a>,
    needs: impl FnOnce(&str, &str) -> bool,
) -> Option<Skimmed> {
    let mut needs = Some(needs);
    let bytes = text.as_bytes();
    let mut block = open / BLOCK;
    let mut from = !0u64 << (open % BLOCK);
    // One bit a level, the innermost lowest: set where it is an object.
    let mut objects = 0u128;
    let mut depth = 0u32;
    let mut wanted = Wanted::Unnamed;
    // The values that an opening bracket of the first and of the second level would begin.
    let (mut outer, mut inner) = (NOTHING, NOTHING);
    // Colons count down to this depth.
    let mut looked_at = 1;
    loop {
        let masks = quotes.block(bytes, block)?;
        if depth == 0 && masks.brackets & (1 << (open % BLOCK)) == 0 {
            return None;
        }
        let (all, mut rest) = (masks.brackets | masks.colons | masks.special, from);
        loop {
            let tokens = if depth > looked_at { masks.brackets } else { all } & rest;
            if tokens == 0 {
                break;
            }
            let bit = tokens.trailing_zeros();
            rest = !0u64 << bit << 1;
            let at = block * BLOCK + bit as usize;
            match *bytes.get(at)? {
                byte @ (b'{' | b'[') => {
                    let expected = match depth {
                        0 => at == open,
                        1 => at == outer.at,
                        2 if looked_at == 2 => at == inner.at,
                        _ => depth < MAX_DEPTH,
                    };
                    if !expected {
                        return None;
                    }
                    depth += 1;
                    objects = objects << 1 | u128::from(byte == b'{');
                    if depth == 2
                        && byte == b'{'
                        && wanted != Wanted::First
                        && matches!(outer.of, In::Record(Slot::UserIdentity))
                    {
                        looked_at = 2;
                        inner = NOTHING;
                        index.begin_identity();
                    }
                }
                byte @ (b'}' | b']') => {
                    if (byte == b'}') != (objects & 1 == 1) {
                        return None;
                    }
                    objects >>= 1;
                    let pending = match depth {
                        0 | 1 => {
                            let passed_over = wanted == Wanted::First;
                            return (wanted != Wanted::Unnamed)
                                .then_some(Skimmed { end: at + 1, passed_over });
                        }
                        2 => {
                            looked_at = 1;
                            std::mem::replace(&mut outer, NOTHING)
                        }
                        3 if looked_at == 2 => std::mem::replace(&mut inner, NOTHING),
                        _ => NOTHING,
                    };
                    depth -= 1;
                    if !matches!(pending.of, In::Other) {
                        if !is_followed(bytes, at + 1) {
                            return None;
                        }
                        put(index, pending.of, text.get(pending.at..at + 1)?);
                    }
                }
                b':' => {
                    let Some((before, [b'"'])) = bytes.get(..at)?.split_last_chunk::<1>() else {
                        return None;
                    };
                    let of = match depth {
                        1 => slot_before(before).map_or(In::Other, In::Record),
                        _ => member_before(before).map_or(In::Other, In::Identity),
                    };
                    let of = match of {
                        In::Record(slot) if wanted == Wanted::First && !slot.is_first() => In::Other,
                        // How files of other shapes are told apart is not looked for here.
                        In::Record(slot) if slot.is_of_another_shape() => return None,
                        of => of,
                    };
                    let (value, first) = peek(bytes, at + 1)?;
                    if matches!(first, b'{' | b'[') {
                        *(if depth == 1 { &mut outer } else { &mut inner }) = Pending { of, at: value };
                        continue;
                    }
                    if matches!(of, In::Other) {
                        continue;
                    }
                    let end = match first {
                        b'"' => quotes.end_within(value + 1).or_else(|| end_of_plain(bytes, value + 1))?,
                        _ => skip_value(&mut Plain, bytes, value, 1).ok()?,
                    };
                    if !is_followed(bytes, end) {
                        return None;
                    }
                    put(index, of, text.get(value..end)?);
                    if let In::Record(Slot::EventSource | Slot::EventName) = of {
                        if wanted != Wanted::Unnamed {
                            // A second name: the last one counts, and was not asked about.
                            return None;
                        }
                        // As soon as both are there: most records that are needed are told by their names.
                        if let (Some(source), Some(name)) =
                            (index.str(Slot::EventSource), index.str(Slot::EventName))
                        {
                            let needed = needs.take().is_none_or(|needs| needs(&source, &name));
                            wanted = if needed { Wanted::All } else { Wanted::First };
                        }
                    }
                }
                _ => return None,
            }
        }
        from = !0;
        block += 1;
    }
}

/// The place behind a string's closing quote, if it has no escape.
#[cold]
fn end_of_plain(bytes: &[u8], at: usize) -> Option<usize> {
    let end = skip_string(bytes, at).ok()?;
    (!bytes.get(at..end)?.contains(&b'\\')).then_some(end)
}

/// Does a value that ends here end its member?
#[inline]
fn is_followed(bytes: &[u8], end: usize) -> bool {
    matches!(peek(bytes, end), Some((_, b',' | b'}')))
}

#[inline]
fn put<'a>(index: &mut Index<'a>, of: In, value: &'a str) {
    match of {
        In::Record(slot) => {
            if slot == Slot::UserIdentity && !value.starts_with('{') {
                index.forget_identity();
            }
            index.set(slot, Raw::scanned(value));
        }
        In::Identity(member) => index.set_identity(member, Raw::scanned(value)),
        In::Other => {}
    }
}
