//! Random edits, the same on every machine.

/// What is typed or pasted: much of it breaks the text.
pub(crate) const PIECES: &[&str] =
    &["a", "(", ")", "\"", "\n", "😀", "é", ".", " = ", "[", "]", "\r\n", "def f():\n    pass\n", ", ", ""];

/// xorshift: the same edits on every machine.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// Line and UTF-16 column of a character index, counted the slow way.
pub(crate) fn position(text: &[char], at: usize) -> (u32, u32) {
    let (mut line, mut column) = (0, 0);
    for (index, c) in text[..at].iter().enumerate() {
        let is_break = *c == '\n' || *c == '\r' && text.get(index + 1) != Some(&'\n');
        match is_break {
            true => (line, column) = (line + 1, 0),
            false => column += c.len_utf16() as u32,
        }
    }
    (line, column)
}

/// True when a position could not say it: between `\r` and `\n`.
pub(crate) fn splits_a_line_end(text: &[char], at: usize) -> bool {
    at > 0 && text.get(at - 1) == Some(&'\r') && text.get(at) == Some(&'\n')
}
