//! One spelling for SQL, so that a pattern fits a statement however either was laid out.
//!
//! Canonical text is lower-case outside quotes, has one space between words and around the punctuation
//! `( ) , ; = < >`, no comments, no closing `;`, `?` for every placeholder, and plain identifiers without their quotes.
//! Patterns go through the same function: `*` and `?` are not touched by it.

/// The canonical spelling of a statement or of a pattern for one.
///
/// Canonical text is a fixed point: the function changes it no more. Text that is not SQL comes out readable all the
/// same, and quotes or comments left open keep their rest as it is.
pub fn canonical_sql(text: &str) -> String {
    let mut canon = Canon { out: String::with_capacity(text.len()), gap: false };
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let len = canon.take(c, rest);
        rest = &rest[len..];
    }
    canon.out.truncate(canon.out.trim_end_matches([' ', ';']).len());
    canon.out
}

/// The text for people: on one line, spaces collapsed, cut after about `limit` characters.
pub fn short_sql(text: &str, limit: usize) -> String {
    let mut short = String::new();
    for word in text.split_ascii_whitespace() {
        if !short.is_empty() {
            short.push(' ');
        }
        let room = limit.saturating_sub(short.chars().count());
        if word.chars().count() > room {
            short.extend(word.chars().take(room));
            short.push('…');
            break;
        }
        short.push_str(word);
    }
    short
}

struct Canon {
    out: String,
    /// A space is due before the next word.
    gap: bool,
}

impl Canon {
    /// Writes the token at the front of `rest` and gives its length in bytes. `c` is its first character.
    fn take(&mut self, c: char, rest: &str) -> usize {
        if c.is_ascii_whitespace() {
            self.gap = true;
            return 1;
        }
        if let Some(len) = comment(rest) {
            self.gap = true;
            return len;
        }
        if let Some(len) = placeholder(rest) {
            self.word("?");
            return len;
        }
        // Within a name `$` is a letter like any other.
        if let Some(len) = quoted(rest, self.after_escape_letter()).filter(|_| c != '$' || !self.in_word()) {
            let text = &rest[..len];
            self.word(bare_identifier(text).unwrap_or(text));
            return len;
        }
        if let Some(len) = punctuation(rest) {
            self.gap = true;
            self.word(&rest[..len]);
            self.gap = true;
            return len;
        }
        let mut letter = [0; 4];
        let text: &str = c.to_ascii_lowercase().encode_utf8(&mut letter);
        self.word(text);
        if c == '\\' {
            // The pattern's escape protects the character behind it.
            let escaped = rest[1..].chars().next().unwrap_or_default();
            let len = escaped.len_utf8().min(rest.len() - 1);
            self.out.push_str(&rest[1..1 + len]);
            return 1 + len;
        }
        c.len_utf8()
    }

    fn word(&mut self, text: &str) {
        if std::mem::take(&mut self.gap) && !self.out.is_empty() && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    fn in_word(&self) -> bool {
        !self.gap && self.out.ends_with(is_word)
    }

    /// True when the text so far ends in the `E` of `E'...'`, where a backslash escapes.
    fn after_escape_letter(&self) -> bool {
        let mut last = self.out.chars().rev();
        !self.gap && last.next() == Some('e') && !last.next().is_some_and(is_word)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Length of a comment at the front; one left open is none, for a pattern may well hold `/*`.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("--") {
        return Some(rest.find('\n').map_or(rest.len(), |end| end + 1));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return Some(at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    None
}

/// Length of `$1` at the front.
fn placeholder(rest: &str) -> Option<usize> {
    let digits = rest.strip_prefix('$')?.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then_some(1 + digits)
}

/// Length of a quoted text at the front: `'...'`, `"..."`, `$tag$...$tag$`.
fn quoted(rest: &str, backslash_escapes: bool) -> Option<usize> {
    let bytes = rest.as_bytes();
    let quote = *bytes.first()?;
    if quote == b'$' {
        let tag = 1 + rest[1..].find(|c| !is_word(c) || c == '$')?;
        let opener = rest.get(..=tag).filter(|opener| opener.ends_with('$'))?;
        let end = rest[opener.len()..].find(opener);
        return Some(end.map_or(rest.len(), |end| opener.len() + end + opener.len()));
    }
    if quote != b'\'' && quote != b'"' {
        return None;
    }
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslash_escapes && quote == b'\'' => at += 2,
            c if c == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            c if c == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    Some(rest.len())
}

/// `orders` for `"orders"`: quotes that change nothing, wildcards of a pattern included.
fn bare_identifier(text: &str) -> Option<&str> {
    let name = text.strip_prefix('"')?.strip_suffix('"')?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '*' | '?');
    let starts_well = name.starts_with(|c: char| plain(c) && !c.is_ascii_digit());
    (starts_well && name.chars().all(plain)).then_some(name)
}

/// Length of punctuation at the front that stands between spaces; comparisons of two characters are one.
fn punctuation(rest: &str) -> Option<usize> {
    const PAIRS: [&str; 6] = ["<=", ">=", "<>", "!=", ":=", "=>"];
    if PAIRS.iter().any(|pair| rest.starts_with(pair)) {
        return Some(2);
    }
    rest.starts_with(['(', ')', ',', ';', '=', '<', '>']).then_some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Dialect, Glob};
    use proptest::prelude::*;

    fn check(text: &str, canonical: &str) {
        assert_eq!(canonical_sql(text), canonical, "{text}");
    }

    #[test]
    fn layout_case_and_comments_do_not_matter() {
        check("SELECT  1 ;", "select 1");
        check(
            "INSERT INTO orders(id,sku)\n VALUES ($1, $2);",
            "insert into orders ( id , sku ) values ( ? , ? )",
        );
        check("select a from t where a>=1 and b<>2", "select a from t where a >= 1 and b <> 2");
        check("/* app:web */ SELECT 1 -- why\n;", "select 1");
        check("select /* a /* nested */ b */ 1", "select 1");
        check("  ;; ", "");
        check("", "");
    }

    /// Found by fuzzing: lower-casing the tag made it the opener of another quoted text.
    #[test]
    fn a_dollar_quote_left_open_keeps_its_rest() {
        check("SELECT $Tag$ A $tag$B", "select $Tag$ A $tag$B");
        check("SELECT a$B$ C $b$ D", "select a$b$ c $b$ D");
    }

    #[test]
    fn quoted_text_stays_as_it_is() {
        check("SELECT 'It''s  A'", "select 'It''s  A'");
        check(r"SELECT E'a\'B' , X", r"select e'a\'B' , x");
        check(r"SELECT 'a\' , X", r"select 'a\' , x");
        check("SELECT $tag$ A;B $tag$, C", "select $tag$ A;B $tag$ , c");
        check("SELECT $$A$$", "select $$A$$");
        check(r#"INSERT INTO "orders" ("Id")"#, r#"insert into orders ( "Id" )"#);
        check("SELECT 'open  A", "select 'open  A");
        check("é É", "é É");
    }

    #[test]
    fn patterns_keep_their_wildcards() {
        check("INSERT INTO users*", "insert into users*");
        check(r"SELECT \* FROM t", r"select \* from t");
        check("/*", "/*");
        check("*", "*");
    }

    #[test]
    fn a_pattern_fits_however_the_statement_was_laid_out() {
        let fits = |pattern: &str, query: &str| {
            Glob::new(&canonical_sql(pattern), Dialect::Sql, false).matches(&canonical_sql(query))
        };
        for pattern in
            ["INSERT*", "insert into orders*", "INSERT INTO orders *", "INSERT INTO orders(*", "*ORDERS*"]
        {
            for query in [
                "INSERT INTO orders (id) VALUES ($1)",
                "insert into orders(id) values (1);",
                "INSERT  INTO\n\"orders\"(id) VALUES (?)",
                "/* hint */ INSERT INTO orders (id) SELECT 1",
            ] {
                assert!(fits(pattern, query), "{pattern} should fit {query}");
            }
            assert!(!fits(pattern, "SELECT 1"), "{pattern}");
        }
        assert!(fits("select * from t where id = ?", "SELECT name FROM t WHERE id=$1"));
        assert!(!fits("INSERT INTO users*", "INSERT INTO orders(id) VALUES (1)"));
    }

    #[test]
    fn people_get_one_short_line() {
        assert_eq!(short_sql("SELECT\n  1", 20), "SELECT 1");
        assert_eq!(short_sql("INSERT INTO orders VALUES (1)", 14), "INSERT INTO or…");
    }

    proptest! {
        #[test]
        fn canonical_text_is_a_fixed_point(text in r#"[a-zA-Z0-9 '"$(),;=<>*?/\\-]{0,30}"#) {
            let once = canonical_sql(&text);
            prop_assume!(!once.contains("--") && !once.contains("/*") && !once.contains('$'));
            prop_assert_eq!(canonical_sql(&once), once);
        }

        #[test]
        fn any_text_is_taken(text in any::<String>()) {
            let once = canonical_sql(&text);
            prop_assert!(once.len() <= text.len() * 3 + 1);
        }
    }
}
