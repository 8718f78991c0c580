//! Passing over JSON values that are as most are: at once over sixteen bytes, and without a word on what is wrong where
//! they are not. What these accept is what the scanner of [`super::json`] accepts; `None` says that it has to look.
//!
//! Each takes the text from where something begins, and gives what is behind it.

use super::json::{MAX_DEPTH, skip_string, skip_value, special};

/// Whether one of the strings that were passed over has escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HasEscapes(pub(super) bool);

/// From behind a string's opening quote to behind its closing one.
#[inline(always)]
pub(super) fn string<'t>(mut rest: &'t [u8], escapes: &mut HasEscapes) -> Option<&'t [u8]> {
    while let Some((chunk, behind)) = rest.split_first_chunk::<16>() {
        let mask = special(*chunk);
        if mask != 0 {
            let end = mask.trailing_zeros() as usize;
            if chunk.get(end) != Some(&b'"') {
                break;
            }
            return rest.get(end + 1..);
        }
        rest = behind;
    }
    any_string(rest, escapes)
}

/// The same with escapes, or close to the end of the text.
#[inline(never)]
fn any_string<'t>(rest: &'t [u8], escapes: &mut HasEscapes) -> Option<&'t [u8]> {
    let (inner, behind) = rest.split_at_checked(skip_string(rest, 0).ok()?)?;
    escapes.0 |= inner.contains(&b'\\');
    Some(behind)
}

/// From white space, if there is some, to what follows it; there is something.
#[inline(always)]
pub(super) fn solid(rest: &[u8]) -> Option<&[u8]> {
    match rest {
        [byte, ..] if *byte > b' ' => Some(rest),
        _ => behind_space(rest),
    }
}

#[inline(never)]
fn behind_space(rest: &[u8]) -> Option<&[u8]> {
    let solid = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))?;
    rest.get(solid..)
}

/// A value, which `outer` levels enclose.
#[inline(always)]
pub(super) fn value<'t>(rest: &'t [u8], outer: u32, escapes: &mut HasEscapes) -> Option<&'t [u8]> {
    match rest {
        [b'"', inner @ ..] => string(inner, escapes),
        [b'{' | b'[', ..] => nested(rest, outer),
        _ => word(rest).or_else(|| number(rest)),
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

/// From a member's key to its value.
#[inline(always)]
fn key(rest: &[u8]) -> Option<&[u8]> {
    let [b'"', inner @ ..] = rest else { return None };
    match solid(string(inner, &mut HasEscapes(false))?)? {
        [b':', behind @ ..] => solid(behind),
        _ => None,
    }
}

/// An object or an array.
#[inline(never)]
fn nested(mut rest: &[u8], outer: u32) -> Option<&[u8]> {
    // One bit a level, the innermost lowest: set where it is an object.
    let (mut objects, mut depth) = (0u128, outer);
    loop {
        let (first, behind) = rest.split_first()?;
        rest = match first {
            b'"' => string(behind, &mut HasEscapes(false))?,
            b'{' | b'[' => {
                let is_object = *first == b'{';
                if depth >= MAX_DEPTH {
                    return None;
                }
                match (is_object, solid(behind)?) {
                    (true, [b'}', behind @ ..]) | (false, [b']', behind @ ..]) => behind,
                    (_, inner) => {
                        (objects, depth) = (objects << 1 | u128::from(is_object), depth + 1);
                        rest = if is_object { key(inner)? } else { inner };
                        continue;
                    }
                }
            }
            _ => word(rest).or_else(|| number(rest))?,
        };
        // Behind a value: close what ends here, or go on to the next one.
        loop {
            if depth == outer {
                return Some(rest);
            }
            let is_object = objects & 1 == 1;
            rest = match solid(rest)? {
                [b',', behind @ ..] => {
                    let next = solid(behind)?;
                    rest = if is_object { key(next)? } else { next };
                    break;
                }
                [b'}', behind @ ..] if is_object => behind,
                [b']', behind @ ..] if !is_object => behind,
                _ => return None,
            };
            (objects, depth) = (objects >> 1, depth - 1);
        }
    }
}
