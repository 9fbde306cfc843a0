//! Text of others as people may see it: names of a spec, lines of a service, what peers sent.
//!
//! Control characters move the cursor, repaint what stands above or begin a line that looks like ours; the controls of
//! bidirectional text show it in another order than it has (UAX #9). Both are shown as marks.

use std::borrow::Cow;

/// One line of text.
pub fn shown(text: &str) -> Cow<'_, str> {
    replaced(text, mark)
}

/// Text whose line breaks stay.
pub fn shown_lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| if c == '\n' { None } else { mark(c) })
}

/// Text with every mark as long in bytes as what it is for: places in it stay where they are.
pub fn shown_in_place(text: &str) -> Cow<'_, str> {
    let in_place = |c: char| {
        // What draws source text marks C0 itself.
        mark(c).filter(|_| !c.is_ascii_control()).map(|long| if c.len_utf8() == 2 { '·' } else { long })
    };
    replaced(text, in_place)
}

fn replaced(text: &str, mark: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if !text.chars().any(|c| mark(c).is_some()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| mark(c).unwrap_or(c)).collect())
}

/// What is shown in place of a character; `None` where it is shown itself.
fn mark(c: char) -> Option<char> {
    match c {
        '\t' => None,
        // The pictures of C0 have its order (Control Pictures of Unicode).
        '\0'..=' ' if c != ' ' => char::from_u32(0x2400 + c as u32),
        '\u{7f}' => Some('␡'),
        c if c.is_control() || is_bidi_control(c) => Some('\u{fffd}'),
        // LINE SEPARATOR and PARAGRAPH SEPARATOR.
        '\u{2028}' | '\u{2029}' => Some('␊'),
        _ => None,
    }
}

/// `Bidi_Control` of the Unicode Character Database.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_is_shown_as_it_is() {
        for c in ('\0'..=char::MAX).filter(|&c| c.is_control() || is_bidi_control(c)) {
            let text = format!("a{c}b");
            let (line, lines) = (shown(&text), shown_lines(&text));
            assert!(!line.contains(c) || c == '\t', "{}", c.escape_unicode());
            assert!(!lines.contains(c) || c == '\t' || c == '\n', "{}", c.escape_unicode());
            assert_eq!(shown_in_place(&text).len(), text.len(), "{}", c.escape_unicode());
            assert!(c.is_ascii() || !shown_in_place(&text).contains(c), "{}", c.escape_unicode());
        }
        assert_eq!(shown("a\u{1b}[2J\n--- PASS"), "a␛[2J␊--- PASS");
    }

    #[test]
    fn text_of_any_language_stays() {
        for text in ["", "naïve\tcafé", "日本語 😀 e\u{301}", "שלום عليكم", "x\u{200d}y"] {
            assert!(matches!(shown(text), Cow::Borrowed(same) if same == text));
        }
    }
}
