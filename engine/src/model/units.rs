//! Durations and probabilities as specs write them.

use std::fmt;
use std::time::Duration;

/// A chance between never and always.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Probability(f64);

impl Probability {
    pub const ALWAYS: Probability = Probability(1.0);

    /// A fraction from 0 to 1; anything else is `None`.
    pub fn fraction(value: f64) -> Option<Probability> {
        (0.0..=1.0).contains(&value).then_some(Probability(value))
    }

    /// `"30%"` is thirty percent, `"1%"` one percent, `"0.3"` a fraction.
    pub fn parse(text: &str) -> Option<Probability> {
        let text = text.trim();
        match text.strip_suffix('%') {
            Some(percent) => Probability::fraction(percent.trim_end().parse::<f64>().ok()? / 100.0),
            None => Probability::fraction(text.parse().ok()?),
        }
    }

    pub fn as_fraction(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 * 100.0)
    }
}

/// Longest duration a spec may write; a longer one is a slip.
const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses a duration such as `150ms`, `2s`, `1m30s`, `1.5s` or `1h`; at most 24 hours.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        nanos += number
            * match &rest[..letters] {
                "ns" => 1.0,
                "us" | "µs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    (nanos <= MAX_DURATION.as_nanos() as f64).then(|| Duration::from_nanos(nanos.round() as u64))
}

/// Writes a duration the short way people do: `500ms`, `1.5s`, `2m30s`, `250us`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000 {
        return format!("{}us", trim(nanos as f64 / 1e3));
    }
    if nanos < 1_000_000_000 {
        return format!("{}ms", trim(nanos as f64 / 1e6));
    }
    let seconds = duration.as_secs_f64();
    if seconds < 60.0 {
        return format!("{}s", trim(seconds));
    }
    let (minutes, rest) = (duration.as_secs() / 60, seconds % 60.0);
    if rest == 0.0 { format!("{minutes}m") } else { format!("{minutes}m{}s", trim(rest)) }
}

fn trim(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, nanos) in [
            ("150ms", 150_000_000_u64),
            ("2s", 2_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5s", 1_500_000_000),
            ("0", 0),
            ("10us", 10_000),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["", "5", "5x", "ms", "-1s", "1..5s", "s5", "100000h", "5 s"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        for text in ["500ms", "1.5s", "1m30s", "2m", "250us", "0s"] {
            let read = parse_duration(text).unwrap_or_default();
            assert_eq!(format_duration(read), text);
        }
    }

    #[test]
    fn a_percent_sign_always_divides_by_a_hundred() {
        assert_eq!(Probability::parse("1%").map(Probability::as_fraction), Some(0.01));
        assert_eq!(Probability::parse("0.3").map(Probability::as_fraction), Some(0.3));
        assert_eq!(Probability::parse("0%").map(Probability::as_fraction), Some(0.0));
        for text in ["101%", "1.5", "-1%", "x", ""] {
            assert_eq!(Probability::parse(text), None, "{text}");
        }
    }
}
