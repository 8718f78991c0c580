//! The nearest known name to a mistyped one.

/// The known name nearest to `wrong`, if it is near enough to be what was meant: at most a third of its letters
/// differ. Of equally near names the first wins.
pub fn nearest<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let limit = wrong.chars().count().max(3) / 3;
    let mut best: Option<(usize, &str)> = None;
    for name in known {
        let far = distance(wrong, name);
        if far <= limit && best.is_none_or(|(least, _)| far < least) {
            best = Some((far, name));
        }
    }
    best.map(|(_, name)| name)
}

/// How many letters must be changed, added, removed or swapped with their neighbour, upper and lower case alike.
fn distance(a: &str, b: &str) -> usize {
    // Long texts are never a slip of the finger; comparing them would only cost time.
    let a: Vec<char> = a.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().take(64).map(|c| c.to_ascii_lowercase()).collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let changed = rows[i][j] + usize::from(x != y);
            let mut least = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        assert_eq!(nearest("exposrue", ["effect", "exposure"]), Some("exposure"));
        assert_eq!(nearest("principal.knd", ["principal.kind", "principal"]), Some("principal.kind"));
        assert_eq!(nearest("Public", ["private", "public"]), Some("public"));
        assert_eq!(nearest("weather", ["effect", "exposure"]), None);
    }
}
