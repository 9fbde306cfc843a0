//! "Did you mean": the nearest of the allowed words.

/// The candidate nearest to `word`, when it is near enough to be a slip: at most a third of the letters, and at
/// least one, may differ (Damerau-Levenshtein distance, letter case ignored), or one is a prefix of the other. Short words
/// are near to many, so the first letter of up to four must be right, and two can only be swapped.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    ranked(word, candidates).into_iter().next()
}

/// All candidates near enough to `word`, nearest first, ties in the order given.
pub fn ranked<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    let count = word.chars().count();
    let allowed = (count / 3).max(1);
    let mut near: Vec<(usize, &str)> = Vec::new();
    for candidate in candidates {
        // Letters that are too many or too few differ in any case; most candidates need no second look.
        let can_be_near = letters(word).count().abs_diff(letters(candidate).count()) <= allowed;
        let distance = if can_be_near { distance(word, candidate) } else { usize::MAX };
        if distance <= allowed && is_likely(word, count, candidate) {
            near.push((distance, candidate));
        } else if word.len() >= 3
            && (candidate.starts_with(word) || candidate.len() >= 3 && word.starts_with(candidate))
        {
            near.push((allowed + 1, candidate));
        }
    }
    near.sort_by_key(|&(distance, _)| distance);
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

/// True when a short word has enough in common with the candidate.
fn is_likely(word: &str, count: usize, candidate: &str) -> bool {
    let sorted = |word: &str| {
        let mut all: Vec<char> = letters(word).collect();
        all.sort_unstable();
        all
    };
    match count {
        0..=2 => sorted(word) == sorted(candidate),
        3..=4 => letters(word).next() == letters(candidate).next() || sorted(word) == sorted(candidate),
        _ => true,
    }
}

/// The candidate with the fewest differences, however many they are; for a list short enough to read, where any hint is
/// better than none.
pub fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let shared = |candidate: &str| word.chars().zip(candidate.chars()).take_while(|(a, b)| a == b).count();
    candidates.into_iter().min_by_key(|candidate| {
        (distance(word, candidate).saturating_sub(shared(candidate)), candidate.len())
    })
}

/// Letters to insert, delete, replace or swap to get from `a` to `b`, ignoring case.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = letters(a).collect();
    let b: Vec<char> = letters(b).collect();
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

fn letters(word: &str) -> impl Iterator<Item = char> {
    word.chars().flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::{closest, nearest, ranked};

    #[test]
    fn a_slip_finds_its_word() {
        assert_eq!(nearest("stauts", ["path", "status"]), Some("status"));
        assert_eq!(nearest("econrefused", ["ECONNREFUSED", "EIO"]), Some("ECONNREFUSED"));
        assert_eq!(nearest("health", ["test_x", "healthcheck"]), Some("healthcheck"));
        assert_eq!(nearest("bd", ["op", "db"]), Some("db"));
        assert_eq!(nearest("status_code", ["body", "status"]), Some("status"));
    }

    #[test]
    fn there_is_always_a_closest() {
        assert_eq!(closest("happy_path", ["write_and_read", "health", "slow_reads"]), Some("health"));
        assert_eq!(closest("x", []), None);
    }

    #[test]
    fn a_stranger_finds_nothing() {
        assert_eq!(nearest("zebra", ["path", "status"]), None);
        assert_eq!(nearest("a", ["x", "y"]), None, "nothing of it would remain");
        assert_eq!(nearest("os", ["op"]), None);
        assert_eq!(nearest("null", ["full"]), None);
        assert_eq!(nearest("redis", ["re"]), None);
        assert!(ranked("x", Vec::<&str>::new()).is_empty());
    }
}
