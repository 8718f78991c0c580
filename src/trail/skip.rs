//! Passing over JSON values that are as most are: at once over sixteen bytes, and without a word on what is wrong where
//! they are not. What these accept is what the scanner of [`super::json`] accepts, and UTF-8; `None` says that it has to
//! look.
//!
//! Each takes the text from where something begins, and gives what is behind it.

use super::json::{MAX_DEPTH, Seen, look_through, peek, skip_plain, skip_value};
use super::record::Escapes;

/// From behind a string's opening quote to behind its closing one.
#[inline(always)]
pub(super) fn string<'t>(rest: &'t [u8], strings: &mut Escapes) -> Option<&'t [u8]> {
    match skip_plain(rest) {
        Some(behind) => Some(behind),
        None => any_string(rest, strings),
    }
}

/// The same with escapes, of other letters than ASCII's, or close to the end of the text.
#[inline(never)]
fn any_string<'t>(rest: &'t [u8], strings: &mut Escapes) -> Option<&'t [u8]> {
    let mut seen = Seen::default();
    let (inner, behind) = rest.split_at_checked(look_through(rest, 0, &mut seen).ok()?)?;
    if seen.high {
        std::str::from_utf8(inner).ok()?;
    }
    if seen.escapes {
        *strings = Escapes::Perhaps;
    }
    Some(behind)
}

/// From white space, if there is some, to what follows it; there is something.
#[inline(always)]
pub(super) fn solid(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [byte, ..] if *byte > b' ' => Some(rest),
        _ => rest.get(peek(rest, 0)?.0..),
    }
}

/// A value, which `outer` levels enclose.
#[inline(always)]
pub(super) fn value<'t>(rest: &'t [u8], outer: u32, strings: &mut Escapes) -> Option<&'t [u8]> {
    match rest {
        [b'"', inner @ ..] => string(inner, strings),
        [b'{' | b'[', ..] => nested(rest, outer),
        _ => scalar(rest),
    }
}

#[inline(always)]
fn scalar(rest: &[u8]) -> Option<&[u8]> {
    match word(rest) {
        Some(behind) => Some(behind),
        None => number(rest),
    }
}

#[inline(always)]
pub(super) fn word(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [b'n', b'u', b'l', b'l', behind @ ..] | [b't', b'r', b'u', b'e', behind @ ..] => Some(behind),
        [b'f', b'a', b'l', b's', b'e', behind @ ..] => Some(behind),
        _ => None,
    }
}

#[inline(never)]
fn number(rest: &[u8]) -> Option<&[u8]> {
    rest.get(skip_value(rest, 0, 0).ok()?..)
}

/// From behind the opening quote of a member's key to its value.
#[inline(always)]
fn key(inner: &[u8]) -> Option<&[u8]> {
    match string(inner, &mut Escapes::None)? {
        [b':', behind @ ..] => solid(behind),
        rest => match solid(rest)? {
            [b':', behind @ ..] => solid(behind),
            _ => None,
        },
    }
}

/// What is within this one of the objects and arrays, each a bit, the innermost lowest: set where it is an object.
type Enclosing = u64;

/// An object or an array.
#[inline(never)]
fn nested(mut rest: &[u8], outer: u32) -> Option<&[u8]> {
    let (mut objects, mut depth): (Enclosing, u32) = (0, 0);
    let most = MAX_DEPTH.saturating_sub(outer).min(Enclosing::BITS);
    loop {
        rest = match rest {
            [b'"', inner @ ..] => string(inner, &mut Escapes::None)?,
            [open @ (b'{' | b'['), inner @ ..] => {
                if depth >= most {
                    return None;
                }
                match (open, solid(inner)?) {
                    (b'{', [b'}', behind @ ..]) | (b'[', [b']', behind @ ..]) => behind,
                    (b'{', [b'"', inner @ ..]) => {
                        (objects, depth) = (objects << 1 | 1, depth + 1);
                        rest = key(inner)?;
                        continue;
                    }
                    (b'[', inner) => {
                        (objects, depth) = (objects << 1, depth + 1);
                        rest = inner;
                        continue;
                    }
                    _ => return None,
                }
            }
            _ => scalar(rest)?,
        };
        // Behind a value: close what ends here, or go on to the next one.
        loop {
            if depth == 0 {
                return Some(rest);
            }
            let is_object = objects & 1 == 1;
            rest = match rest {
                [b'}', behind @ ..] if is_object => behind,
                [b']', behind @ ..] if !is_object => behind,
                [b',', behind @ ..] => {
                    rest = match (is_object, solid(behind)?) {
                        (true, [b'"', inner @ ..]) => key(inner)?,
                        (false, next) => next,
                        _ => return None,
                    };
                    break;
                }
                // White space, or nothing that may stand there.
                _ => {
                    let next = solid(rest)?;
                    if next.len() == rest.len() {
                        return None;
                    }
                    rest = next;
                    continue;
                }
            };
            (objects, depth) = (objects >> 1, depth - 1);
        }
    }
}
