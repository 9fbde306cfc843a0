//! From a body's end and the rules' evidence to an outcome with its explanation.

use super::course::{Course, FiredRule, StepRecord};
use crate::event::{Evidence, Failure, FailureKind, Note, Outcome};
use crate::model::{RuleName, StepId};
use crate::text::Span;

/// How many acts of rules an explanation lists before it sums them up.
const MAX_FIRED_NOTES: usize = 6;

/// The same for rules that never acted.
const MAX_MISSED_NOTES: usize = 12;

/// Rules of which at least one must act for a pass to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// `api_503`, `fault() on api.public`.
    pub name: String,
    /// Their places in the evidence.
    pub rules: Vec<usize>,
    /// What asks for them: the test's declaration, or a call in it.
    pub span: Span,
}

/// Turns the end of a body into an outcome. `judged` is the step whose reply the failing expectation looked at.
pub fn judge(
    failure: Option<Failure>,
    judged: Option<StepId>,
    course: &Course,
    evidence: &[Evidence],
    demands: &[Demand],
) -> (Outcome, Option<Failure>) {
    if let Some(mut failure) = failure {
        explain(&mut failure, judged, course, evidence);
        return (outcome_of(failure.kind), Some(failure));
    }
    let acted = |at: &usize| evidence.get(*at).is_some_and(Evidence::is_proof);
    let missed: Vec<&Demand> = demands.iter().filter(|demand| !demand.rules.iter().any(acted)).collect();
    match bypassed(&missed, evidence) {
        Some(failure) => (Outcome::Bypassed, Some(failure)),
        None => (Outcome::Pass, None),
    }
}

fn outcome_of(kind: FailureKind) -> Outcome {
    match kind {
        FailureKind::Assertion | FailureKind::Expectation | FailureKind::ServiceEnded => Outcome::Fail,
        FailureKind::Evaluation | FailureKind::Service | FailureKind::Environment | FailureKind::Crash => {
            Outcome::Error
        }
        FailureKind::Timeout => Outcome::Timeout,
        FailureKind::Bypassed => Outcome::Bypassed,
        FailureKind::Interrupted => Outcome::NotRun,
    }
}

fn bypassed(missed: &[&Demand], evidence: &[Evidence]) -> Option<Failure> {
    let first = missed.first()?;
    let verb = if missed.len() == 1 { "has" } else { "have" };
    let names = names(missed);
    let message = format!("the test passed, but {names} {verb} never acted, so it proves nothing");
    let mut failure = Failure::new(FailureKind::Bypassed, message, Some(first.span));
    let mut rules: Vec<usize> = missed.iter().flat_map(|demand| &demand.rules).copied().collect();
    rules.sort_unstable();
    rules.dedup();
    let rules: Vec<&Evidence> = rules.into_iter().filter_map(|at| evidence.get(at)).collect();
    for rule in rules.iter().take(MAX_MISSED_NOTES) {
        failure = failure.note(never_fired(rule), Some(rule.span));
    }
    if let Some(more) = rules.len().checked_sub(MAX_MISSED_NOTES).filter(|&more| more > 0) {
        failure = failure.note(format!("and {more} more rules that never fired"), None);
    }
    Some(failure.help("make the test do what the rule waits for, or say may_miss = True"))
}

/// `db_slow and fault() on api.public (3 times)`.
fn names(missed: &[&Demand]) -> String {
    let mut names: Vec<(&str, usize)> = Vec::new();
    for demand in missed {
        match names.iter_mut().find(|(name, _)| *name == demand.name) {
            Some((_, times)) => *times += 1,
            None => names.push((&demand.name, 1)),
        }
    }
    let shown = names.iter().map(|(name, times)| match times {
        1 => (*name).to_owned(),
        times => format!("{name} ({times} times)"),
    });
    shown.collect::<Vec<_>>().join(" and ")
}

/// Adds where the judged value came from and what each rule did.
fn explain(failure: &mut Failure, judged: Option<StepId>, course: &Course, evidence: &[Evidence]) {
    if let Some(step) = judged.and_then(|id| course.step(id)) {
        let of = course.count().map(|count| format!(" of {count}")).unwrap_or_default();
        let number = step.step.0;
        let text =
            format!("the judged reply is from step {number}{of}:   {} -> {}", step.summary, step.reply);
        failure.notes.push(Note { text, span: Some(step.span) });
    }
    let acts = grouped(course, evidence);
    for (fired, times) in acts.iter().take(MAX_FIRED_NOTES) {
        failure.notes.push(Note { text: act(fired, *times), span: Some(fired.span) });
    }
    if let Some(more) = acts.len().checked_sub(MAX_FIRED_NOTES).filter(|&more| more > 0) {
        failure.notes.push(Note { text: format!("and {more} more acts of rules"), span: None });
    }
    for rule in evidence.iter().filter(|rule| rule.fired == 0) {
        failure.notes.push(Note { text: never_fired(rule), span: Some(rule.span) });
    }
    for rule in evidence.iter().filter(|rule| rule.fired > 0 && !rule.unread.is_empty()) {
        let text = format!("rule {} fired {}x{}", rule.rule, rule.fired, unread(rule));
        failure.notes.push(Note { text, span: Some(rule.span) });
    }
    if let Some(help) = mixed_up(failure.kind, judged, course) {
        failure.help.push(help);
    }
}

/// Acts of one rule on the same thing told once, with how often: by step, then by rule. Branches of `parallel` and
/// services act in another order each time.
fn grouped<'c>(course: &'c Course, evidence: &[Evidence]) -> Vec<(&'c FiredRule, usize)> {
    let mut groups: Vec<(&FiredRule, usize)> = Vec::new();
    for fired in &course.fired {
        let same = |other: &FiredRule| {
            (&other.rule, &other.operation, other.step) == (&fired.rule, &fired.operation, fired.step)
        };
        match groups.iter_mut().find(|(known, _)| same(known)) {
            Some((_, times)) => *times += 1,
            None => groups.push((fired, 1)),
        }
    }
    let place = |rule: &RuleName| evidence.iter().position(|each| each.rule == *rule);
    groups.sort_by_cached_key(|(fired, _)| {
        (fired.step.is_none(), fired.step, place(&fired.rule), fired.operation.clone())
    });
    groups
}

fn act(fired: &FiredRule, times: usize) -> String {
    let on = fired.step.map_or_else(String::new, |step| format!(" step {}", step.0));
    let often = if times == 1 { String::new() } else { format!(" {times} times") };
    format!("rule {} {}{on}{often}:   {} -> {}", fired.rule, fired.verb, fired.operation, fired.detail)
}

fn never_fired(rule: &Evidence) -> String {
    let seen = match rule.seen {
        0 if !rule.unread.is_empty() => format!("nothing it could act on reached {}", rule.target),
        0 => format!("nothing reached {} while it was installed", rule.target),
        1 => "1 operation seen".to_owned(),
        n => format!("{n} operations seen"),
    };
    let nearest = match &rule.near_miss {
        Some(miss) => format!("; nearest: {}, {}", miss.operation, miss.reason),
        None => String::new(),
    };
    format!("rule {} never fired: {seen}{nearest}{}", rule.rule, unread(rule))
}

/// What a rule could not look at or act on.
fn unread(rule: &Evidence) -> String {
    rule.unread.iter().map(|each| format!("; {each}")).collect()
}

/// The commonest slip: the rule answered one step, and the expectation judged another that no rule touched.
fn mixed_up(kind: FailureKind, judged: Option<StepId>, course: &Course) -> Option<String> {
    let judged = course.step(judged?)?;
    if course.settled.contains(&judged.step) {
        return None;
    }
    let answered = course.step(*course.settled.first()?)?;
    // Steps that read the same are told apart by their numbers.
    let name = |step: &StepRecord| match judged.summary == answered.summary {
        true => format!("step {}", step.step.0),
        false => step.summary.clone(),
    };
    let (judged_on, answered_on) = (&judged.target, &answered.target);
    let (judged, answered) = (name(judged), name(answered));
    match kind {
        FailureKind::Expectation => Some(format!(
            "the scenario returns the reply of {judged}, which no rule answered; return the reply of {answered}, or assert on it inside the scenario"
        )),
        FailureKind::Assertion if judged_on == answered_on => Some(format!(
            "the assertion judges the reply of {judged}, which no rule answered; a rule answered {answered}"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::StepRecord;
    use super::*;
    use crate::event::{NearMiss, Unread, UnreadSubject};
    use crate::model::RuleName;
    use crate::text::FileId;

    fn span() -> Span {
        Span::start_of(FileId(0))
    }

    fn evidence(name: &str, fired: u64) -> Evidence {
        let (assumption, _) = name.split_once('[').unwrap_or((name, ""));
        Evidence {
            rule: RuleName(name.into()),
            assumption: Some(assumption.into()),
            target: "api.public".to_owned(),
            action: "response 503".to_owned(),
            matcher: "POST /data/key".to_owned(),
            label: None,
            seen: 2,
            matched: fired,
            fired,
            near_miss: (fired == 0).then(|| NearMiss {
                operation: "POST /data/testkey".to_owned(),
                reason: "path is not /data/key".to_owned(),
            }),
            ineffective: 0,
            shortened: 0,
            unread: Vec::new(),
            hits: Vec::new(),
            span: span(),
        }
    }

    fn course() -> Course {
        let step = |id, summary: &str, reply: &str| StepRecord {
            step: StepId(id),
            target: "api.public".to_owned(),
            summary: summary.to_owned(),
            reply: reply.to_owned(),
            span: span(),
        };
        Course {
            steps: vec![
                step(1, "POST /data/testkey", "503"),
                step(2, "GET /data/testkey", "404 \"not found\""),
            ],
            fired: vec![FiredRule {
                rule: RuleName("api_503[0]".into()),
                verb: "answered",
                operation: "POST /data/testkey".to_owned(),
                detail: "503".to_owned(),
                step: Some(StepId(1)),
                span: span(),
                target: "api.public".to_owned(),
                at: std::time::Duration::ZERO,
                action: "response 503".to_owned(),
            }],
            settled: [StepId(1)].into(),
            ..Course::default()
        }
    }

    fn demand(name: &str, rules: &[usize]) -> Demand {
        Demand { name: name.to_owned(), rules: rules.to_vec(), span: span() }
    }

    #[test]
    fn a_failure_says_where_the_value_came_from_and_what_rules_did() {
        let failure = Failure::new(FailureKind::Expectation, "assert_eq failed: 404 != 503", Some(span()));
        let (outcome, failure) =
            judge(Some(failure), Some(StepId(2)), &course(), &[evidence("api_503[0]", 1)], &[]);
        let failure = failure.unwrap();
        assert_eq!(outcome, Outcome::Fail);
        let notes: Vec<&str> = failure.notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(
            notes,
            [
                "the judged reply is from step 2 of 2:   GET /data/testkey -> 404 \"not found\"",
                "rule api_503[0] answered step 1:   POST /data/testkey -> 503",
            ]
        );
        assert!(failure.help[0].contains("return the reply of POST /data/testkey"), "{:?}", failure.help);
    }

    #[test]
    fn a_failure_says_what_a_rule_that_fired_could_not_see() {
        let unread = Unread {
            subject: UnreadSubject::Connection,
            reason: "the client speaks TLS".to_owned(),
            count: 1,
        };
        let rule = Evidence { unread: vec![unread], ..evidence("api_503[0]", 2) };
        let failure = Failure::new(FailureKind::Assertion, "no", None);
        let (_, failure) = judge(Some(failure), None, &Course::default(), &[rule], &[]);
        let notes: Vec<String> = failure.unwrap().notes.into_iter().map(|note| note.text).collect();
        assert_eq!(notes, ["rule api_503[0] fired 2x; 1 connection passed unread: the client speaks TLS"]);
    }

    #[test]
    fn a_pass_without_an_act_is_bypassed_with_the_nearest_miss() {
        let seen = [evidence("block_key[0]", 0), evidence("db_slow[0]", 3)];
        let (outcome, failure) = judge(
            None,
            None,
            &Course::default(),
            &seen,
            &[demand("block_key", &[0]), demand("db_slow", &[1])],
        );
        assert_eq!(outcome, Outcome::Bypassed);
        let failure = failure.unwrap();
        assert!(failure.message.contains("block_key has never acted"), "{}", failure.message);
        assert_eq!(
            failure.notes[0].text,
            "rule block_key[0] never fired: 2 operations seen; nearest: POST /data/testkey, path is not /data/key"
        );
        assert_eq!(failure.notes.len(), 1);
    }

    #[test]
    fn one_rule_of_an_assumption_is_enough() {
        let seen = [evidence("a[0]", 0), evidence("a[1]", 1)];
        let judged = |demands: &[Demand]| judge(None, None, &Course::default(), &seen, demands).0;
        assert_eq!(judged(&[demand("a", &[0, 1])]), Outcome::Pass);
        assert_eq!(judged(&[]), Outcome::Pass);
        // Rules that go by one name are judged by the call that installed them.
        assert_eq!(judged(&[demand("a", &[1]), demand("a", &[0])]), Outcome::Bypassed);
    }

    #[test]
    fn calls_that_read_the_same_are_counted() {
        let seen = [evidence("fault[0]", 0), evidence("fault[1]", 0), evidence("fault[2]", 1)];
        let call = |at| demand("fault() on api.public", &[at]);
        let (_, failure) = judge(None, None, &Course::default(), &seen, &[call(0), call(1), call(2)]);
        assert_eq!(
            failure.unwrap().message,
            "the test passed, but fault() on api.public (2 times) have never acted, so it proves nothing"
        );
    }

    /// What is said about a judged step that no rule answered while a rule answered `answered`.
    fn help(kind: FailureKind, steps: &[(u32, &str)], judged: u32, answered: u32) -> Option<String> {
        let record = |&(id, summary): &(u32, &str)| StepRecord {
            step: StepId(id),
            target: "api.public".to_owned(),
            summary: summary.to_owned(),
            reply: "200".to_owned(),
            span: span(),
        };
        let course = Course {
            steps: steps.iter().map(record).collect(),
            settled: [StepId(answered)].into(),
            ..Course::default()
        };
        mixed_up(kind, Some(StepId(judged)), &course)
    }

    #[test]
    fn a_mixed_up_step_is_named_so_that_it_can_be_told_from_the_other() {
        let expectation = FailureKind::Expectation;
        let said = help(expectation, &[(1, "GET /a"), (2, "GET /b")], 2, 1).unwrap();
        assert!(said.contains("reply of GET /b, which") && said.contains("reply of GET /a,"), "{said}");
        let said = help(expectation, &[(1, "GET /a"), (2, "GET /a")], 2, 1).unwrap();
        assert!(said.contains("reply of step 2, which") && said.contains("reply of step 1,"), "{said}");
        assert_eq!(help(expectation, &[(1, "GET /a")], 1, 1), None);
        let said = help(FailureKind::Assertion, &[(1, "GET /a"), (2, "GET /b")], 2, 1).unwrap();
        assert!(said.starts_with("the assertion judges the reply of GET /b"), "{said}");
        assert_eq!(help(FailureKind::Timeout, &[(1, "GET /a"), (2, "GET /b")], 2, 1), None);
    }

    #[test]
    fn acts_are_listed_by_step_whatever_their_order_was() {
        let act = |rule: &str, step: Option<u32>, operation: &str| FiredRule {
            rule: RuleName(rule.into()),
            target: "api.public".to_owned(),
            at: std::time::Duration::ZERO,
            action: "delay 5ms".to_owned(),
            verb: "delayed",
            operation: operation.to_owned(),
            detail: "5ms".to_owned(),
            step: step.map(StepId),
            span: span(),
        };
        let evidence = [evidence("b[0]", 3), evidence("a[0]", 1)];
        let mut fired = vec![
            act("a[0]", Some(2), "GET /2"),
            act("b[0]", None, "GET /y"),
            act("b[0]", Some(2), "GET /2"),
            act("b[0]", Some(1), "GET /1"),
            act("b[0]", None, "GET /x"),
        ];
        let listed = |fired: &[FiredRule]| {
            let course = Course { fired: fired.to_vec(), ..Course::default() };
            let acts = grouped(&course, &evidence);
            acts.iter().map(|(fired, times)| super::act(fired, *times)).collect::<Vec<_>>()
        };
        let forwards = listed(&fired);
        assert_eq!(forwards[0], "rule b[0] delayed step 1:   GET /1 -> 5ms");
        assert_eq!(forwards[1], "rule b[0] delayed step 2:   GET /2 -> 5ms");
        assert_eq!(forwards[4], "rule b[0] delayed:   GET /y -> 5ms");
        fired.reverse();
        assert_eq!(listed(&fired), forwards);
    }
}
