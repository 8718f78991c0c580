//! Equality of short texts, without a call: most of those that come with every record are no longer than a few words of
//! the processor.

/// Are they equal?
#[inline]
pub(crate) fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    if let (Some(left_end), Some(right_end)) = (left.last_chunk::<16>(), right.last_chunk::<16>()) {
        // The last part may overlap the one before it.
        let (left, _) = left.as_chunks::<16>();
        let (right, _) = right.as_chunks::<16>();
        return left_end == right_end && left.iter().zip(right).all(|(left, right)| left == right);
    }
    ends::<8>(left, right).or_else(|| ends::<4>(left, right)).unwrap_or_else(|| left == right)
}

/// The same of texts that are no longer than two such parts; `None`: they are shorter than one.
#[inline]
fn ends<const PART: usize>(left: &[u8], right: &[u8]) -> Option<bool> {
    let first = left.first_chunk::<PART>()? == right.first_chunk::<PART>()?;
    Some(first && left.last_chunk::<PART>() == right.last_chunk::<PART>())
}

/// Does a text begin with another one?
#[inline]
pub(crate) fn begins(text: &[u8], with: &[u8]) -> bool {
    text.get(..with.len()).is_some_and(|beginning| same(beginning, with))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_only_the_same_as_itself() {
        for len in 0..70 {
            let text: Vec<u8> = (0..len).map(|at| b'a' + at % 26).collect();
            assert!(same(&text, &text.clone()));
            for at in 0..text.len() {
                let mut other = text.clone();
                other[at] ^= 1;
                assert!(!same(&text, &other), "{len} {at}");
                assert!(begins(&text, &text[..at]) && !begins(&text[..at], &text));
                assert!(!begins(&other, &text[..at + 1]));
            }
        }
    }
}
