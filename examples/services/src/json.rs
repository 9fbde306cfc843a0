//! Just enough JSON: quoting for what the services print, and a reader of flat objects.

/// A value of a flat object.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A string, escapes resolved.
    String(String),
    /// Any number.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// Writes `text` as a JSON string, quotes included (RFC 8259 section 7).
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Reads an object whose values are strings, numbers, booleans or null, in the order written.
///
/// # Errors
/// A short phrase saying what was expected; nested objects and lists are refused.
pub fn parse_flat_object(text: &str) -> Result<Vec<(String, Value)>, String> {
    let mut cursor = Cursor { rest: text.trim() };
    cursor.expect('{')?;
    let mut fields = Vec::new();
    if cursor.take('}') {
        return cursor.finish(fields);
    }
    loop {
        let name = cursor.string()?;
        cursor.expect(':')?;
        fields.push((name, cursor.value()?));
        if cursor.take('}') {
            return cursor.finish(fields);
        }
        cursor.expect(',')?;
    }
}

struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    /// Skips white space, then takes `wanted` if it is next.
    fn take(&mut self, wanted: char) -> bool {
        self.rest = self.rest.trim_start();
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        self.rest = rest;
        true
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.take(wanted) { Ok(()) } else { Err(format!("expected {wanted:?} at {:?}", self.near())) }
    }

    fn finish<T>(&self, parsed: T) -> Result<T, String> {
        if self.rest.trim().is_empty() { Ok(parsed) } else { Err(format!("unexpected {:?}", self.near())) }
    }

    fn near(&self) -> String {
        self.rest.chars().take(12).collect()
    }

    fn value(&mut self) -> Result<Value, String> {
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('"') {
            return self.string().map(Value::String);
        }
        let end =
            self.rest.find(|c: char| c == ',' || c == '}' || c.is_whitespace()).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            number => {
                number.parse().map(Value::Number).map_err(|_| format!("unexpected {:?}", self.near()))?
            }
        };
        self.rest = rest;
        Ok(value)
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect('"')?;
        let mut text = String::new();
        let mut characters = self.rest.chars();
        loop {
            match characters.next().ok_or("a string without its closing quote")? {
                '"' => break,
                '\\' => text.push(escaped(&mut characters)?),
                other => text.push(other),
            }
        }
        self.rest = characters.as_str();
        Ok(text)
    }
}

fn escaped(characters: &mut std::str::Chars<'_>) -> Result<char, String> {
    match characters.next() {
        Some('n') => Ok('\n'),
        Some('t') => Ok('\t'),
        Some('r') => Ok('\r'),
        Some('b') => Ok('\u{8}'),
        Some('f') => Ok('\u{c}'),
        Some('u') => {
            let digits: String = characters.by_ref().take(4).collect();
            let code = u32::from_str_radix(&digits, 16).map_err(|_| format!("bad escape \\u{digits}"))?;
            Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
        }
        Some(plain @ ('"' | '\\' | '/')) => Ok(plain),
        other => Err(format!("unknown escape {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, Value)]) {
        let expected: Vec<_> =
            expected.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        assert_eq!(parse_flat_object(text), Ok(expected), "{text}");
    }

    #[test]
    fn flat_objects_are_read() {
        check("{}", &[]);
        check(
            r#" {"sku": "wid\"get\u0041", "qty":2, "gift" : true, "note":null} "#,
            &[
                ("sku", Value::String("wid\"getA".to_owned())),
                ("qty", Value::Number(2.0)),
                ("gift", Value::Bool(true)),
                ("note", Value::Null),
            ],
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "{", "[1]", r#"{"a":[1]}"#, r#"{"a":{}}"#, r#"{"a":1}x"#, r#"{"a" 1}"#, r#"{"a":"b}"#]
        {
            assert!(parse_flat_object(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quoting_survives_a_round_trip() {
        let awkward = "a\"b\\c\nd\u{1}é";
        check(&format!("{{\"k\":{}}}", quote(awkward)), &[("k", Value::String(awkward.to_owned()))]);
    }
}
