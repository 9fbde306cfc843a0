//! The one glob dialect of specs, and `re("...")` for the rest.
//!
//! `*` matches any run of characters within a segment, `**` crosses `/`, `?` is one character, `\` takes the next
//! character literally. A `*` that ends the pattern also crosses `/`, so `/data/*` matches `/data/a/b` as the seed's
//! table has it. Plain text has no segments: there `*` matches everything.

use std::fmt;
use std::sync::Arc;

/// Where the text to match comes from, which decides what `*` stops at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `*` stops at `/` unless it ends the pattern.
    Path,
    /// A file path: as `Path`, but a closing `*` stays within its segment, for `/data/*` must not mean `/data/a/b`
    /// on disk; a closing `/**` also matches the directory itself. A `*` that begins the pattern crosses `/`, or
    /// `*.wal` would match no absolute path.
    File,
    /// `*` matches any run of characters.
    Plain,
    /// SQL text: `*` matches any run; the caller passes canonical text.
    Sql,
    /// NATS subject: `*` is one token between dots, `>` the rest.
    Subject,
    /// AMQP routing key: `*` is one word between dots, `#` any number of words.
    RoutingKey,
}

/// A compiled pattern.
#[derive(Clone)]
pub struct Glob {
    text: Arc<str>,
    parts: Arc<[Part]>,
    fold_case: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(char),
    One { not: Option<char> },
    Run { not: Option<char> },
}

/// What a clause compares with: a glob or a regular expression.
#[derive(Debug, Clone)]
pub enum Pattern {
    Glob(Glob),
    Regex(regex::Regex),
}

impl Glob {
    /// Compiles `text`; every text is a valid glob.
    pub fn new(text: &str, dialect: Dialect, fold_case: bool) -> Glob {
        let mut parts = Vec::new();
        let mut rest = text.chars().peekable();
        let mut begins = true;
        while let Some(c) = rest.next() {
            parts.push(match (c, dialect) {
                ('\\', _) => Part::Literal(fold(rest.next().unwrap_or('\\'), fold_case)),
                ('?', Dialect::Path | Dialect::File) => Part::One { not: Some('/') },
                ('?', Dialect::Plain | Dialect::Sql) => Part::One { not: None },
                ('*', Dialect::Path | Dialect::File) => {
                    let double = rest.next_if_eq(&'*').is_some();
                    let ends = rest.peek().is_none();
                    let crosses =
                        double || (ends && dialect == Dialect::Path) || (begins && dialect == Dialect::File);
                    Part::Run { not: (!crosses).then_some('/') }
                }
                ('*', Dialect::Plain | Dialect::Sql) => Part::Run { not: None },
                ('*', Dialect::Subject | Dialect::RoutingKey) => Part::Run { not: Some('.') },
                ('>', Dialect::Subject) | ('#', Dialect::RoutingKey) => Part::Run { not: None },
                (c, _) => Part::Literal(fold(c, fold_case)),
            });
            begins = false;
        }
        Glob { text: text.into(), parts: parts.into(), fold_case }
    }

    /// Shows `text` to people, as the spec wrote it, where the compiled text is another spelling of it.
    pub fn written(self, text: &str) -> Glob {
        Glob { text: text.into(), ..self }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text itself, when the pattern has no wildcard.
    pub fn literal(&self) -> Option<String> {
        let letter = |part: &Part| match part {
            Part::Literal(c) => Some(*c),
            Part::One { .. } | Part::Run { .. } => None,
        };
        self.parts.iter().map(letter).collect()
    }

    /// The literal text every match begins with; empty when the pattern begins with a wildcard.
    pub fn beginning(&self) -> String {
        let letter = |part: &Part| match part {
            Part::Literal(c) => Some(*c),
            Part::One { .. } | Part::Run { .. } => None,
        };
        let beginning = self.parts.iter().map_while(letter).collect::<String>();
        // A closing `/**` on files also matches the directory itself, without the slash.
        if self.text.ends_with("/**") { beginning.trim_end_matches('/').to_owned() } else { beginning }
    }

    /// True when a text that begins with `c` may match.
    pub fn may_begin_with(&self, c: char) -> bool {
        match self.parts.first() {
            Some(Part::Literal(first)) => *first == fold(c, self.fold_case),
            Some(Part::One { not }) => *not != Some(c),
            Some(Part::Run { not }) => {
                *not != Some(c) || self.parts.get(1) == Some(&Part::Literal(fold(c, self.fold_case)))
            }
            None => false,
        }
    }

    pub fn folds_case(&self) -> bool {
        self.fold_case
    }

    /// True when the whole of `text` matches. Takes time proportional to pattern times text at worst.
    pub fn matches(&self, text: &str) -> bool {
        if self.run(&self.parts, text) {
            return true;
        }
        // A closing `/**` on files also means the directory itself.
        match self.parts.split_last() {
            Some((Part::Run { not: None }, [head @ .., Part::Literal('/')]))
                if self.text.ends_with("/**") =>
            {
                self.run(head, text)
            }
            _ => false,
        }
    }

    /// Whether every text that begins with `beginning` matches, or none does; `None` while that depends on what follows.
    pub fn outlook(&self, beginning: &str) -> Option<bool> {
        // Every place in the pattern at which what was read may end; a run may also be passed over.
        let mut places = vec![false; self.parts.len() + 1];
        let mut next = places.clone();
        places[0] = true;
        self.pass_over_runs(&mut places);
        for c in beginning.chars() {
            next.fill(false);
            for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| places[*at]) {
                match part {
                    Part::Literal(wanted) => next[at + 1] |= *wanted == fold(c, self.fold_case),
                    Part::One { not } => next[at + 1] |= *not != Some(c),
                    Part::Run { not } => next[at] |= *not != Some(c),
                }
            }
            self.pass_over_runs(&mut next);
            std::mem::swap(&mut places, &mut next);
            if !places.contains(&true) {
                return Some(false);
            }
        }
        let takes_all = |at: usize| {
            let rest = &self.parts[at..];
            !rest.is_empty() && rest.iter().all(|part| matches!(part, Part::Run { not: None }))
        };
        (0..places.len()).any(|at| places[at] && takes_all(at)).then_some(true)
    }

    fn pass_over_runs(&self, places: &mut [bool]) {
        for (at, part) in self.parts.iter().enumerate() {
            if places[at] && matches!(part, Part::Run { .. }) {
                places[at + 1] = true;
            }
        }
    }

    /// Matches with one point to fall back to per kind of run: the latest run that stops nowhere, and the latest
    /// that stops at a character. A stopped run that fails falls back to the open one before it.
    fn run(&self, parts: &[Part], text: &str) -> bool {
        let (mut part, mut at) = (0, 0);
        let mut open: Option<(usize, usize)> = None;
        let mut closed: Option<(usize, usize)> = None;
        loop {
            let next = text[at..].chars().next();
            match (parts.get(part), next) {
                (None, None) => return true,
                (Some(Part::Run { not }), _) => {
                    part += 1;
                    match not {
                        None => (open, closed) = (Some((part, at)), None),
                        Some(_) => closed = Some((part, at)),
                    }
                    continue;
                }
                (Some(Part::Literal(wanted)), Some(c)) if *wanted == fold(c, self.fold_case) => {
                    (part, at) = (part + 1, at + c.len_utf8());
                    continue;
                }
                (Some(Part::One { not }), Some(c)) if *not != Some(c) => {
                    (part, at) = (part + 1, at + c.len_utf8());
                    continue;
                }
                _ => {}
            }
            if let Some((run_part, run_at)) = closed.take() {
                let stop = match &parts[run_part - 1] {
                    Part::Run { not } => *not,
                    Part::Literal(_) | Part::One { .. } => None,
                };
                if let Some(c) = text[run_at..].chars().next().filter(|&c| Some(c) != stop) {
                    closed = Some((run_part, run_at + c.len_utf8()));
                    (part, at) = (run_part, run_at + c.len_utf8());
                    continue;
                }
            }
            let Some((run_part, run_at)) = open else { return false };
            let Some(c) = text[run_at..].chars().next() else { return false };
            open = Some((run_part, run_at + c.len_utf8()));
            (part, at) = (run_part, run_at + c.len_utf8());
        }
    }
}

impl Pattern {
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Pattern::Glob(glob) => glob.matches(text),
            Pattern::Regex(regex) => regex.is_match(text),
        }
    }

    /// As [`Glob::outlook`]; what a regular expression makes of more text is not known.
    pub fn outlook(&self, beginning: &str) -> Option<bool> {
        match self {
            Pattern::Glob(glob) => glob.outlook(beginning),
            Pattern::Regex(_) => None,
        }
    }

    /// The pattern as the spec wrote it.
    pub fn as_str(&self) -> &str {
        match self {
            Pattern::Glob(glob) => glob.as_str(),
            Pattern::Regex(regex) => regex.as_str(),
        }
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        match (self, other) {
            (Pattern::Glob(a), Pattern::Glob(b)) => a.parts == b.parts && a.fold_case == b.fold_case,
            (Pattern::Regex(a), Pattern::Regex(b)) => a.as_str() == b.as_str(),
            (Pattern::Glob(_), Pattern::Regex(_)) | (Pattern::Regex(_), Pattern::Glob(_)) => false,
        }
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({:?})", self.text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Glob(glob) => f.write_str(glob.as_str()),
            Pattern::Regex(regex) => write!(f, "re({:?})", regex.as_str()),
        }
    }
}

fn fold(c: char, fold_case: bool) -> char {
    if fold_case { c.to_ascii_lowercase() } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(dialect: Dialect, pattern: &str, yes: &[&str], no: &[&str]) {
        let glob = Glob::new(pattern, dialect, false);
        for text in yes {
            assert!(glob.matches(text), "{pattern} should match {text}");
        }
        for text in no {
            assert!(!glob.matches(text), "{pattern} should not match {text}");
        }
    }

    #[test]
    fn the_seeds_table_holds() {
        check(Dialect::Path, "/data/*", &["/data/key1", "/data/key2", "/data/"], &["/data", "/x/data/a"]);
        check(Dialect::Path, "/api/*/orders", &["/api/v1/orders", "/api/v2/orders"], &["/api/v1/v2/orders"]);
        check(Dialect::Path, "*", &["", "/", "/a/b"], &[]);
        check(Dialect::Path, "/data/*", &["/data/a/b"], &[]);
    }

    #[test]
    fn two_stars_cross_segments() {
        check(Dialect::Path, "/a/**/z", &["/a/b/c/z", "/a//z"], &["/a/z", "/b/a/z"]);
        check(Dialect::Path, "/**/x/*/y", &["/1/2/x/3/y", "/1/x/x/3/y"], &["/1/x/3/4/y"]);
        check(Dialect::File, "/data/*", &["/data/wal"], &["/data/a/b", "/data"]);
        check(Dialect::File, "/data/**", &["/data/a/b", "/data"], &["/database"]);
        check(Dialect::File, "**/*.wal", &["/tmp/a/b.wal"], &["/tmp/a/b.walx"]);
        check(Dialect::File, "*.wal", &["/tmp/a/b.wal", "/b.wal"], &["/tmp/a/b.walx"]);
        check(Dialect::File, "*/a*", &["/tmp/a", "/a.wal"], &["/tmp/a/b"]);
    }

    #[test]
    fn plain_text_has_no_segments() {
        check(Dialect::Plain, "user:*:name", &["user:1/2:name"], &["user:1"]);
        check(Dialect::Plain, "a?c", &["abc", "a/c"], &["ac"]);
        check(Dialect::Plain, r"a\*", &["a*"], &["ab"]);
        check(Dialect::Subject, "orders.*.new", &["orders.eu.new"], &["orders.eu.x.new"]);
        check(Dialect::Subject, "orders.>", &["orders.eu.new"], &["order.eu"]);
        assert!(Glob::new("POST", Dialect::Plain, true).matches("post"));
    }

    #[test]
    fn a_beginning_may_settle_what_a_text_is_to_a_pattern() {
        let check = |pattern: &str, beginning: &str, expected: Option<bool>| {
            let glob = Glob::new(pattern, Dialect::Plain, false);
            assert_eq!(glob.outlook(beginning), expected, "{pattern} {beginning}");
        };
        check("zzz*", "", None);
        check("zzz*", "zz", None);
        check("zzz*", "zzz", Some(true));
        check("zzz*", "hello", Some(false));
        check("*needle*", "hay", None);
        check("*needle*", "a needle in", Some(true));
        check("*needle", "a needle", None);
        check("abc", "abc", None);
        check("abc", "abcd", Some(false));
        check("a?c*", "ab", None);
        check("a?c*", "abd", Some(false));
        check("*", "", Some(true));
        check("", "", None);
    }

    #[test]
    fn a_pattern_shows_how_its_matches_begin() {
        let may = |pattern: &str| Glob::new(pattern, Dialect::File, false).may_begin_with('/');
        for pattern in ["/data/*", "*.wal", "**", "\\/data"] {
            assert!(may(pattern), "{pattern}");
        }
        for pattern in ["data/*", "", "?tmp", "localhost:6379"] {
            assert!(!may(pattern), "{pattern}");
        }
    }

    /// The obvious exponential matcher, to check the linear one against.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            ['*', '*', rest @ ..] => (0..=text.len()).any(|n| naive(rest, &text[n..])),
            ['*', rest @ ..] => {
                let stop = if rest.is_empty() { None } else { text.iter().position(|&c| c == '/') };
                (0..=stop.unwrap_or(text.len())).any(|n| naive(rest, &text[n..]))
            }
            ['?', rest @ ..] => text.first().is_some_and(|&c| c != '/') && naive(rest, &text[1..]),
            [c, rest @ ..] => text.first() == Some(c) && naive(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_matcher(pattern in "[ab/*?]{0,8}", text in "[ab/]{0,8}") {
            prop_assume!(!pattern.contains("***") && !pattern.ends_with("/**"));
            let wanted = naive(&pattern.chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>());
            prop_assert_eq!(Glob::new(&pattern, Dialect::Path, false).matches(&text), wanted);
        }

        #[test]
        fn what_an_outlook_says_holds(pattern in "[ab/*?]{0,6}", beginning in "[ab/]{0,5}", rest in "[ab/]{0,5}") {
            for dialect in [Dialect::Path, Dialect::File, Dialect::Plain] {
                let glob = Glob::new(&pattern, dialect, false);
                let matches = glob.matches(&format!("{beginning}{rest}"));
                prop_assert!(glob.outlook(&beginning).is_none_or(|settled| settled == matches));
            }
        }
    }
}
