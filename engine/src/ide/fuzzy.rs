//! Whether a few typed letters mean a word.

/// True when the letters of `query` stand in `word` in their order; letter case does not count.
pub(super) fn matches(query: &str, word: &str) -> bool {
    let mut letters = word.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|wanted| letters.any(|letter| letter == wanted))
}
