//! What services wrote, as people read it: what belongs to the test, the rest as a count.

use crate::model::{INJECTED_ERROR, ServiceName};
use crate::text::shown;
use std::collections::VecDeque;

/// Lines of one part of a service's output that are kept when all of it is to be shown; the part of a run that makes
/// events of them stops earlier.
const MAX_LINES: usize = 10_000;

/// Lines of a service's output shown beside a failure.
const TAIL_LINES: usize = 20;

/// Characters of one such line.
const TAIL_WIDTH: usize = 500;

/// How much of what services wrote is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logs {
    /// The last lines from a service's being ready to the verdict; the banners before and the noise of stopping are counted.
    Tail,
    /// Everything that was kept.
    All,
}

/// The parts of a service's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Start,
    Test,
    /// From the verdict on.
    End,
}

/// What one service wrote.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) service: ServiceName,
    logs: Logs,
    part: Part,
    was_ready: bool,
    /// Lines about errors that Faultbox let the service report.
    injected: u64,
    texts: [Text; 3],
}

/// What it wrote in one part of its life.
#[derive(Debug, Default)]
struct Text {
    entries: VecDeque<Entry>,
    /// How many lines it wrote, kept or not.
    total: u64,
}

#[derive(Debug)]
enum Entry {
    Line(String),
    /// So many lines are missing here.
    Gap(u64),
}

impl Output {
    pub(super) fn new(service: ServiceName, logs: Logs) -> Output {
        Output { service, logs, part: Part::Start, was_ready: false, injected: 0, texts: Default::default() }
    }

    pub(super) fn enter(&mut self, part: Part) {
        self.was_ready |= part == Part::Test;
        self.part = part;
    }

    pub(super) fn line(&mut self, line: &str) {
        let line = match self.logs {
            Logs::All => line.to_owned(),
            // A server's complaint about an error that a rule made is no news.
            Logs::Tail if line.contains(INJECTED_ERROR) => {
                self.injected += 1;
                return;
            }
            Logs::Tail => clipped(line),
        };
        self.push(Entry::Line(line), 1);
    }

    pub(super) fn left_out(&mut self, lines: u64) {
        self.push(Entry::Gap(lines), lines);
    }

    fn push(&mut self, entry: Entry, lines: u64) {
        let limit = match self.logs {
            Logs::All => MAX_LINES,
            Logs::Tail => TAIL_LINES,
        };
        let text = &mut self.texts[self.part as usize];
        text.total += lines;
        text.entries.push_back(entry);
        if text.entries.len() > limit {
            text.entries.pop_front();
        }
    }

    /// A headline and the lines, indented by two; empty when the service wrote nothing.
    pub(super) fn text(&self) -> String {
        let total = self.total();
        match self.logs {
            _ if total == 0 => String::new(),
            Logs::Tail => self.tail(),
            Logs::All => {
                let lines: String = self.texts.iter().map(Text::lines).collect();
                format!("  output of {}, {}:\n{lines}", self.service, lines_of(total))
            }
        }
    }

    /// True when [`Output::text`] leaves out something of the test itself, or shows nothing of what was written.
    pub(super) fn is_cut(&self) -> bool {
        let shown = &self.texts[self.shown_part() as usize];
        self.logs == Logs::Tail && (shown.total > shown.kept() || (shown.total == 0 && self.total() > 0))
    }

    fn total(&self) -> u64 {
        self.injected + self.texts.iter().map(|text| text.total).sum::<u64>()
    }

    /// A service that was never ready explains itself by what it wrote until then.
    fn shown_part(&self) -> Part {
        if self.was_ready { Part::Test } else { Part::Start }
    }

    fn tail(&self) -> String {
        let service = &self.service;
        let (part, total) = (self.shown_part(), self.texts[self.shown_part() as usize].total);
        let count = |part: Part| self.texts[part as usize].total;
        let before = if part == Part::Test { count(Part::Start) } else { 0 };
        let after = count(Part::End);
        let others = [
            (before, "before it was ready"),
            (self.injected, "about injected errors"),
            (after, "after the verdict"),
        ];
        let others = others.iter().filter(|(lines, _)| *lines > 0);
        let others: Vec<String> = others.map(|(lines, when)| format!("{} {when}", grouped(*lines))).collect();
        let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        let text = &self.texts[part as usize];
        let kept = text.kept();
        match (total, kept == total) {
            (0, _) => format!("  output of {service}, no lines during the test{others}\n"),
            (_, true) => format!("  output of {service}, {}{others}:\n{}", lines_of(total), text.lines()),
            (_, false) => {
                let (kept, all) = (grouped(kept), grouped(total));
                format!("  output of {service}, last {kept} of {all} lines{others}:\n{}", text.lines())
            }
        }
    }
}

impl Text {
    fn kept(&self) -> u64 {
        self.entries.iter().filter(|entry| matches!(entry, Entry::Line(_))).count() as u64
    }

    fn lines(&self) -> String {
        let gaps: u64 =
            self.entries.iter().map(|entry| if let Entry::Gap(lines) = entry { *lines } else { 0 }).sum();
        let before = self.total - self.kept() - gaps;
        let first = (before > 0).then(|| gap(before));
        let entries = self.entries.iter().map(|entry| match entry {
            Entry::Line(line) => format!("{}\n", format!("    | {}", shown(line)).trim_end()),
            Entry::Gap(lines) => gap(*lines),
        });
        first.into_iter().chain(entries).collect()
    }
}

fn gap(lines: u64) -> String {
    format!("    … {} left out\n", lines_of(lines))
}

fn lines_of(count: u64) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{} lines", grouped(count)) }
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A line that would fill the screen alone, cut, with its length.
fn clipped(line: &str) -> String {
    match line.char_indices().nth(TAIL_WIDTH) {
        Some((end, _)) => format!("{}… ({} characters)", &line[..end], line.chars().count()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(logs: Logs, start: usize, test: usize, end: usize) -> Output {
        let mut output = Output::new("db".into(), logs);
        (0..start).for_each(|number| output.line(&format!("banner {number}")));
        output.enter(Part::Test);
        (0..test).for_each(|number| output.line(&format!("query {number}")));
        output.enter(Part::End);
        (0..end).for_each(|number| output.line(&format!("shutdown {number}")));
        output
    }

    #[test]
    fn only_what_belongs_to_the_test_is_shown_and_the_rest_counted() {
        let text = output(Logs::Tail, 12, 22, 1).text();
        let head = "  output of db, last 20 of 22 lines (12 before it was ready, 1 after the verdict):\n    \
                    … 2 lines left out\n    | query 2\n";
        assert!(text.starts_with(head) && text.ends_with("    | query 21\n"), "{text}");
        let silent = "  output of db, no lines during the test (3 before it was ready)\n";
        assert_eq!(output(Logs::Tail, 3, 0, 0).text(), silent);
        assert_eq!(output(Logs::Tail, 0, 1, 0).text(), "  output of db, 1 line:\n    | query 0\n");
        assert_eq!(output(Logs::Tail, 0, 0, 0).text(), "");
    }

    #[test]
    fn what_a_server_logs_of_an_injected_error_is_counted_only() {
        let mut output = output(Logs::Tail, 0, 1, 0);
        output.enter(Part::Test);
        output.line("ERROR:  portal \"faultbox injected error\" does not exist");
        let expected = "  output of db, 1 line (1 about injected errors):\n    | query 0\n";
        assert_eq!(output.text(), expected);
    }

    #[test]
    fn a_service_that_was_never_ready_shows_how_it_started() {
        let mut output = Output::new("db".into(), Logs::Tail);
        output.line("cannot bind");
        output.enter(Part::End);
        output.line("bye");
        assert_eq!(output.text(), "  output of db, 1 line (1 after the verdict):\n    | cannot bind\n");
    }

    #[test]
    fn what_a_run_left_out_is_said_where_it_is_missing() {
        let mut all = output(Logs::All, 1, 1, 0);
        all.left_out(1_234_567);
        all.line("last");
        let expected = "  output of db, 1,234,570 lines:\n    | banner 0\n    | query 0\n    \
                        … 1,234,567 lines left out\n    | last\n";
        assert_eq!(all.text(), expected);
        let mut tail = output(Logs::Tail, 0, 1, 0);
        tail.enter(Part::Test);
        tail.left_out(1_234_567);
        (0..20).for_each(|_| tail.line("x"));
        let head = "  output of db, last 20 of 1,234,588 lines:\n    … 1,234,568 lines left out\n    | x\n";
        assert!(tail.text().starts_with(head), "{}", tail.text());
        assert!(tail.is_cut() && !all.is_cut());
    }
}
