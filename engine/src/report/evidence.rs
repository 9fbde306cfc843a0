//! One line per rule: what it does, and how often it did.

use crate::event::{Evidence, UnreadSubject, brief};
use crate::text::shown;

/// Aligned lines, indented by two, each with a line break.
///
/// `evidence` picks lines out of `all`, the evidence of the whole leaf: a rule that is the only one of its assumption
/// goes by the assumption's name.
pub(super) fn lines(evidence: &[&Evidence], all: &[Evidence], with_hits: bool) -> String {
    let rows: Vec<[String; 4]> = evidence.iter().map(|each| row(each, all)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for (row, each) in rows.iter().zip(evidence) {
        let mut line = String::from(" ");
        for (at, (cell, width)) in row.iter().zip(widths.iter().chain([&0])).enumerate() {
            if at == 2 && widths[2] == 0 {
                continue;
            }
            let space = if at == 0 { " " } else { "   " };
            line.push_str(&format!("{space}{cell:<width$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
        if with_hits {
            text.extend(each.hits.iter().map(|hit| format!("      {}\n", shown(hit))));
            let told = each.hits.len() as u64;
            if told > 0 && told < each.fired {
                text.push_str(&format!("      … {} more\n", each.fired - told));
            }
        }
    }
    text
}

/// True when the rule could not look at something it might have acted on. A connection that both peers take to another
/// protocol is none of these.
pub(super) fn has_unread(evidence: &Evidence) -> bool {
    evidence.unread.iter().any(|unread| unread.subject != UnreadSubject::Upgrade)
}

/// Why a rule never fired, or how often it did, with what it could not see.
pub(super) fn verdict(evidence: &Evidence) -> String {
    let unread = evidence.unread.iter().map(|each| format!("; {}", shown(&each.to_string())));
    acts(evidence) + &unread.collect::<String>()
}

fn acts(evidence: &Evidence) -> String {
    if evidence.fired > 0 {
        let counts =
            [(evidence.shortened, "shortened by a signal"), (evidence.ineffective, "without effect")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let parts: String = counts.map(|(count, what)| format!(", {count}x {what}")).collect();
        let word = if evidence.is_proof() { "fired" } else { "let pass" };
        return format!("{word} {}x{parts}", evidence.fired);
    }
    let what = if is_syscall(evidence) { "system call" } else { "request" };
    let seen = match evidence.seen {
        0 if !evidence.unread.is_empty() => format!("no {what} it could act on"),
        0 => format!("no {what} seen"),
        1 => format!("1 {what} seen"),
        many => format!("{many} {what}s seen"),
    };
    match &evidence.near_miss {
        Some(miss) => {
            format!("never fired: {seen}; nearest: {}, {}", shown(&miss.operation), shown(&miss.reason))
        }
        None => format!("never fired: {seen}"),
    }
}

fn row(evidence: &Evidence, all: &[Evidence]) -> [String; 4] {
    let alone = all.iter().filter(|other| other.assumption == evidence.assumption).count() == 1;
    let name = match &evidence.assumption {
        Some(assumption) if alone => assumption.to_string(),
        _ => evidence.rule.to_string(),
    };
    // `write /data/*` is a syscall and a path; the syscall reads better before what happens to it.
    let (action, matcher) = if is_syscall(evidence) {
        let (syscall, path) = evidence.matcher.split_once(' ').unwrap_or((&evidence.matcher, ""));
        (format!("{syscall} {}", evidence.action), path.to_owned())
    } else {
        (evidence.action.clone(), brief(&evidence.matcher))
    };
    let label = evidence.label.as_ref().map(|label| format!("   [{label}]")).unwrap_or_default();
    [name, action, matcher, format!("{}{label}", verdict(evidence))].map(|cell| shown(&cell).into_owned())
}

/// Protocol rules act on an interface, written `service.interface`; syscall faults on a service.
fn is_syscall(evidence: &Evidence) -> bool {
    !evidence.target.contains('.')
}
