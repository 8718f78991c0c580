//! One look at a record: where the members stand that something may ask for, those of `userIdentity` included, found by
//! the brackets and colons outside of strings. All the rest is passed over.
//!
//! What is found is where a strict scanner finds it, and no string among it has an escape. What is passed over is checked
//! no further than its brackets and the ends of its strings; arrays and objects that are found are checked when they are
//! first read. Where anything that is looked at is not as it should be (an escape, a control character, a value without
//! end, a second name after the first was asked about), the record is left to that scanner.

use super::identity::member_before;
use super::json::{MAX_DEPTH, Plain, Raw, peek, skip_string, skip_value};
use super::quotes::{BLOCK, Quotes};
use super::record::Index;
use super::slot::{Slot, slot_before};

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
    let mut walk = Walk {
        text,
        open,
        index,
        needs: Some(needs),
        wanted: Wanted::Unnamed,
        objects: 0,
        depth: 0,
        looked_at: 1,
        outer: NOTHING,
        inner: NOTHING,
    };
    let mut block = open / BLOCK;
    let mut from = !0u64 << (open % BLOCK);
    loop {
        let masks = quotes.block(text.as_bytes(), block)?;
        if walk.depth == 0 && masks.brackets & (1 << (open % BLOCK)) == 0 {
            return None;
        }
        let (all, mut rest) = (masks.brackets | masks.colons | masks.special, from);
        loop {
            let tokens = if walk.depth > walk.looked_at { masks.brackets } else { all } & rest;
            if tokens == 0 {
                break;
            }
            let bit = tokens.trailing_zeros();
            rest = !0u64 << bit << 1;
            let at = block * BLOCK + bit as usize;
            match *text.as_bytes().get(at)? {
                byte @ (b'{' | b'[') => walk.opened(at, byte)?,
                byte @ (b'}' | b']') => walk.closed(at, byte)?,
                b':' => walk.colon(at, quotes)?,
                _ => return None,
            }
            if walk.depth == 0 {
                let passed_over = walk.wanted == Wanted::First;
                return (walk.wanted != Wanted::Unnamed).then_some(Skimmed { end: at + 1, passed_over });
            }
        }
        from = !0;
        block += 1;
    }
}

/// Where a walk is. Each step gives `None` where the record is for another scanner.
struct Walk<'w, 'a, N> {
    text: &'a str,
    /// Where the record begins.
    open: usize,
    index: &'w mut Index<'a>,
    /// Until it was asked.
    needs: Option<N>,
    wanted: Wanted,
    /// One bit a level, the innermost lowest: set where it is an object.
    objects: u128,
    depth: u32,
    /// Colons count down to this depth: that of the record's members, or of its caller's.
    looked_at: u32,
    /// The value that an opening bracket would begin at the first level.
    outer: Pending,
    /// And at the second, within the caller.
    inner: Pending,
}

impl<N: FnOnce(&str, &str) -> bool> Walk<'_, '_, N> {
    #[inline(always)]
    fn opened(&mut self, at: usize, byte: u8) -> Option<()> {
        let expected = match self.depth {
            0 => at == self.open,
            1 => at == self.outer.at,
            2 if self.looked_at == 2 => at == self.inner.at,
            depth => depth < MAX_DEPTH,
        };
        if !expected {
            return None;
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(byte == b'{');
        let is_caller = self.depth == 2
            && byte == b'{'
            && self.wanted != Wanted::First
            && matches!(self.outer.of, In::Record(Slot::UserIdentity));
        if is_caller {
            self.looked_at = 2;
            self.inner = NOTHING;
            self.index.begin_identity();
        }
        Some(())
    }

    #[inline(always)]
    fn closed(&mut self, at: usize, byte: u8) -> Option<()> {
        if (byte == b'}') != (self.objects & 1 == 1) {
            return None;
        }
        self.objects >>= 1;
        let pending = match self.depth {
            2 => {
                self.looked_at = 1;
                std::mem::replace(&mut self.outer, NOTHING)
            }
            3 if self.looked_at == 2 => std::mem::replace(&mut self.inner, NOTHING),
            _ => NOTHING,
        };
        self.depth = self.depth.saturating_sub(1);
        self.put(pending, at + 1)
    }

    #[inline(always)]
    fn colon(&mut self, at: usize, quotes: &Quotes) -> Option<()> {
        let bytes = self.text.as_bytes();
        let Some((before, [b'"'])) = bytes.get(..at)?.split_last_chunk::<1>() else {
            return None;
        };
        let of = match self.depth {
            1 => slot_before(before).map_or(In::Other, In::Record),
            _ => member_before(before).map_or(In::Other, In::Identity),
        };
        let of = match of {
            In::Record(slot) if self.wanted == Wanted::First && !slot.is_first() => In::Other,
            // How files of other shapes are told apart is not looked for here.
            In::Record(slot) if slot.is_of_another_shape() => return None,
            of => of,
        };
        let (value, first) = peek(bytes, at + 1)?;
        let pending = Pending { of, at: value };
        if matches!(first, b'{' | b'[') {
            *(if self.depth == 1 { &mut self.outer } else { &mut self.inner }) = pending;
            return Some(());
        }
        if matches!(of, In::Other) {
            return Some(());
        }
        let end = match first {
            b'"' => quotes.end_within(value + 1).or_else(|| end_by_bytes(bytes, value + 1))?,
            _ => skip_value(&mut Plain, bytes, value, 1).ok()?,
        };
        self.put(pending, end)?;
        if matches!(of, In::Record(Slot::EventSource | Slot::EventName)) { self.named() } else { Some(()) }
    }

    /// Takes note of a value that ends here, and must end its member.
    #[inline(always)]
    fn put(&mut self, Pending { of, at }: Pending, end: usize) -> Option<()> {
        if matches!(of, In::Other) {
            return Some(());
        }
        if !matches!(peek(self.text.as_bytes(), end), Some((_, b',' | b'}'))) {
            return None;
        }
        let value = self.text.get(at..end)?;
        match of {
            In::Record(slot) => {
                if slot == Slot::UserIdentity && !value.starts_with('{') {
                    self.index.forget_identity();
                }
                self.index.set(slot, Raw::scanned(value));
            }
            In::Identity(member) => self.index.set_identity(member, Raw::scanned(value)),
            In::Other => {}
        }
        Some(())
    }

    /// As soon as both are there it is asked: most records that are needed are told by their names. A second one is not
    /// what was asked about, and the last counts.
    #[inline(always)]
    fn named(&mut self) -> Option<()> {
        if self.wanted != Wanted::Unnamed {
            return None;
        }
        if let (Some(source), Some(name)) =
            (self.index.str(Slot::EventSource), self.index.str(Slot::EventName))
        {
            let needed = self.needs.take().is_none_or(|needs| needs(&source, &name));
            self.wanted = if needed { Wanted::All } else { Wanted::First };
        }
        Some(())
    }
}

/// The place behind a string's closing quote, where that is not known beforehand and it has no escape.
#[cold]
fn end_by_bytes(bytes: &[u8], at: usize) -> Option<usize> {
    let end = skip_string(bytes, at).ok()?;
    (!bytes.get(at..end)?.contains(&b'\\')).then_some(end)
}
