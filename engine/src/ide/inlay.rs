//! Words at the end of each rule's line after a run: how often it acted, or why it never did.

use super::Snapshot;
use super::results::{RuleResult, RunResults};
use crate::text::{LineIndex, Span};

/// Words shown at a place of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Where it stands: the end of the rule's last line.
    pub offset: u32,
    /// `fired 2×` or `never fired: path is not /data/key`.
    pub text: String,
    /// One line per test, for hover.
    pub tooltip: String,
    pub fired: bool,
}

/// One hint per rule that some run knows, in the order of the text.
pub fn hints(snapshot: &Snapshot<'_>, results: &RunResults) -> Vec<Hint> {
    let text = &snapshot.tree().text;
    let lines = LineIndex::new(text);
    let mut spans: Vec<Span> = results.rules.iter().map(|rule| rule.span).collect();
    spans.sort_unstable();
    spans.dedup();
    let known = spans.into_iter().filter(|span| span.end as usize <= text.len());
    known
        .map(|span| {
            let rules: Vec<&RuleResult> = results.rules.iter().filter(|rule| rule.span == span).collect();
            let line = lines.line_range(lines.position(span.end).line);
            let offset = line.start + text[line.start as usize..line.end as usize].trim_end().len() as u32;
            hint(offset, &rules)
        })
        .collect()
}

fn hint(offset: u32, rules: &[&RuleResult]) -> Hint {
    let fired: u64 = rules.iter().map(|rule| rule.fired).sum();
    let text = match fired {
        0 => never_fired(rules),
        _ => format!("fired {fired}×"),
    };
    let line = |rule: &&RuleResult| match rule.fired {
        0 => format!("{}: {}", rule.test, never_fired(&[rule])),
        times => format!("{}: fired {times}×", rule.test),
    };
    let tooltip = rules.iter().map(line).collect::<Vec<_>>().join("\n");
    Hint { offset, text, tooltip, fired: fired > 0 }
}

fn never_fired(rules: &[&RuleResult]) -> String {
    match rules.iter().find_map(|rule| rule.near_miss.as_deref()) {
        Some(reason) => format!("never fired: {reason}"),
        None if rules.iter().all(|rule| rule.seen == 0) => "never fired: nothing came by".to_owned(),
        None => "never fired".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::hints;
    use crate::ide::fixture::Fixture;
    use crate::ide::results::{RuleResult, RunResults};
    use crate::text::{FileId, Span};

    #[track_caller]
    fn check(fired: &[(u64, Option<&str>)], expected: &str) {
        let fixture = Fixture::new("rules = [drop(),\n]\n");
        let rule = |&(fired, near): &(u64, Option<&str>)| RuleResult {
            test: "test_x".to_owned(),
            span: Span::new(FileId(0), 9, 15),
            fired,
            seen: u64::from(near.is_some()) + fired,
            near_miss: near.map(str::to_owned),
        };
        let results = RunResults { rules: fired.iter().map(rule).collect(), ..RunResults::default() };
        let hints = fixture.ask(|snapshot, _| hints(snapshot, &results));
        let shown: Vec<String> = hints.iter().map(|hint| format!("{} {}", hint.offset, hint.text)).collect();
        assert_eq!(shown, [expected]);
    }

    #[test]
    fn a_rule_says_what_it_did() {
        check(&[(2, None)], "16 fired 2×");
        check(&[(1, None), (0, Some("path is not /x"))], "16 fired 1×");
        check(&[(0, Some("path is not /data/key"))], "16 never fired: path is not /data/key");
        check(&[(0, None)], "16 never fired: nothing came by");
    }
}
