//! The parts and the value of a string literal, from its text.

/// How a string literal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteStyle {
    /// The quote character, `'` or `"`.
    pub quote: char,
    pub triple: bool,
    /// `r"..."`: a backslash stands for itself.
    pub raw: bool,
    /// `b"..."`
    pub bytes: bool,
    /// `f"..."`, which the dialect does not have.
    pub format: bool,
}

/// An escape that means nothing, as a range of bytes of the literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEscape {
    pub start: u32,
    pub end: u32,
}

impl QuoteStyle {
    /// Reads the prefix and the quotes of a literal, which starts with an optional prefix of letters and a quote.
    pub fn of(literal: &str) -> QuoteStyle {
        let at = literal.find(['"', '\'']).unwrap_or(0);
        let (prefix, rest) = literal.split_at(at);
        let quote = rest.chars().next().unwrap_or('"');
        QuoteStyle {
            quote,
            triple: rest.starts_with(if quote == '"' { "\"\"\"" } else { "'''" }),
            raw: prefix.contains('r'),
            bytes: prefix.contains('b'),
            format: prefix.contains('f'),
        }
    }

    /// Bytes before the content: prefix and opening quotes.
    pub fn opening_len(self) -> u32 {
        u32::from(self.raw) + u32::from(self.bytes) + u32::from(self.format) + self.closing_len()
    }

    pub fn closing_len(self) -> u32 {
        if self.triple { 3 } else { 1 }
    }
}

/// The value of `content`, the text between the quotes, and the escapes in it that mean nothing.
pub fn decode(content: &str, style: QuoteStyle) -> (String, Vec<BadEscape>) {
    let mut bad = Vec::new();
    if !content.contains(['\\', '\r']) {
        return (content.to_owned(), bad);
    }
    let mut value = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find(['\\', '\r']) {
        let (plain, tail) = rest.split_at(at);
        value.push_str(plain);
        if let Some(after) = tail.strip_prefix('\r') {
            rest = after;
            continue;
        }
        let length = match escape(tail, style) {
            Some((text, length)) => {
                value.push_str(&text);
                length
            }
            None => {
                let length = tail.char_indices().nth(2).map_or(tail.len(), |(at, _)| at);
                let start = (content.len() - tail.len()) as u32;
                bad.push(BadEscape { start, end: start + length as u32 });
                length
            }
        };
        rest = &tail[length..];
    }
    value.push_str(rest);
    (value, bad)
}

/// The bytes of a whole bytes literal; `None` when it is not closed or an escape in it means nothing. `\xff` and `\377`
/// are one byte, every other character is its UTF-8.
pub fn decode_bytes(literal: &str) -> Option<Vec<u8>> {
    let style = QuoteStyle::of(literal);
    let end = literal.len().checked_sub(style.closing_len() as usize)?;
    let mut rest = literal.get(style.opening_len() as usize..end)?;
    let mut value = Vec::with_capacity(rest.len());
    while let Some(at) = rest.find(['\\', '\r']) {
        let (plain, tail) = rest.split_at(at);
        value.extend_from_slice(plain.as_bytes());
        if let Some(after) = tail.strip_prefix('\r') {
            rest = after;
            continue;
        }
        let (text, length) = escape(tail, style)?;
        match text.chars().next().map(u32::from) {
            Some(byte)
                if !style.raw && tail[1..].starts_with(['x', '0', '1', '2', '3', '4', '5', '6', '7']) =>
            {
                value.push(u8::try_from(byte).ok()?);
            }
            _ => value.extend_from_slice(text.as_bytes()),
        }
        rest = &tail[length..];
    }
    value.extend_from_slice(rest.as_bytes());
    Some(value)
}

/// What the escape at the start of `tail` stands for and how many bytes it has; `None` when it means nothing.
fn escape(tail: &str, style: QuoteStyle) -> Option<(String, usize)> {
    let next = tail.chars().nth(1)?;
    let length = 1 + next.len_utf8();
    if style.raw {
        let kept = if next == '"' || next == '\'' { next.to_string() } else { format!("\\{next}") };
        return Some((kept, length));
    }
    let plain = |text: &str| Some((text.to_owned(), length));
    match next {
        'n' => plain("\n"),
        'r' => plain("\r"),
        't' => plain("\t"),
        'a' => plain("\x07"),
        'b' => plain("\x08"),
        'f' => plain("\x0c"),
        'v' => plain("\x0b"),
        '"' | '\'' | '\\' => plain(next.encode_utf8(&mut [0; 4])),
        '\n' => plain(""),
        '\r' => tail.starts_with("\\\r\n").then(|| (String::new(), 3)),
        'x' => code_point(tail, 2, 2, 16),
        'u' => code_point(tail, 2, 4, 16),
        'U' => code_point(tail, 2, 8, 16),
        '0'..='7' => octal(tail, style),
        _ => Some((format!("\\{next}"), length)),
    }
}

/// Exactly `digits` digits from byte `from` on.
fn code_point(tail: &str, from: usize, digits: usize, radix: u32) -> Option<(String, usize)> {
    let text = tail.get(from..from + digits)?;
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let value = u32::from_str_radix(text, radix).ok().filter(|_| plain)?;
    Some((char::from_u32(value)?.to_string(), from + digits))
}

/// One to three octal digits; a byte of a bytes literal holds at most 255.
fn octal(tail: &str, style: QuoteStyle) -> Option<(String, usize)> {
    let digits = tail[1..].bytes().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
    let (text, length) = code_point(tail, 1, digits, 8)?;
    let fits = !style.bytes || text.chars().all(|c| u32::from(c) < 256);
    fits.then_some((text, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(literal: &str, value: &str, bad: &[(u32, u32)]) {
        let style = QuoteStyle::of(literal);
        let content = &literal[style.opening_len() as usize..literal.len() - style.closing_len() as usize];
        let (decoded, found) = decode(content, style);
        let found: Vec<(u32, u32)> = found.iter().map(|escape| (escape.start, escape.end)).collect();
        assert_eq!((decoded.as_str(), found.as_slice()), (value, bad), "{literal}");
    }

    #[test]
    fn escapes_stand_for_characters() {
        check(r#""plain""#, "plain", &[]);
        check(r#"'a\n\t\\\'b'"#, "a\n\t\\'b", &[]);
        check(r#""\x41\u00e9\U0001F600\101""#, "Aé😀A", &[]);
        check(r#""\w stays""#, "\\w stays", &[]);
        check("'''a\\\nb'''", "ab", &[]);
        check("'''a\r\nb'''", "a\nb", &[]);
    }

    #[test]
    fn raw_strings_keep_the_backslash() {
        check(r#"r"\d+\.\"x""#, "\\d+\\.\"x", &[]);
    }

    #[test]
    fn bytes_are_decoded() {
        let check = |literal: &str, value: Option<&[u8]>| {
            assert_eq!(decode_bytes(literal).as_deref(), value, "{literal}");
        };
        check(r#"b"\xff\x80\377\0""#, Some(b"\xff\x80\xff\0"));
        check(r#"b'a\n\'\w\u00e9é'"#, Some("a\n'\\w\u{e9}\u{e9}".as_bytes()));
        check(r#"rb"\xff\"""#, Some(br#"\xff""#));
        check("b\"\"\"a\\\nb\r\n\"\"\"", Some(b"ab\n"));
        check(r#"b"\xf""#, None);
        check(r#"b"\777""#, None);
        check("b\"", None);
    }

    #[test]
    fn broken_escapes_are_named() {
        check(r#""a\x4z""#, "a4z", &[(1, 3)]);
        check(r#""\UFFFFFFFF""#, "FFFFFFFF", &[(0, 2)]);
        check(r#"b"\777""#, "77", &[(0, 2)]);
        check(r#""\u+123""#, "+123", &[(0, 2)]);
    }
}
