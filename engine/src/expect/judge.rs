//! From a body's end and the rules' evidence to an outcome with its explanation.

use super::course::{Course, FiredRule};
use crate::event::{Evidence, Failure, FailureKind, Note, Outcome};
use crate::model::{AssumptionName, StepId};
use crate::text::Span;

/// How many acts of rules an explanation lists before it sums them up.
const MAX_FIRED_NOTES: usize = 6;

/// What must have acted for a pass to count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demands {
    pub each: Vec<Demand>,
    /// Where the test says which faults it runs under.
    pub span: Option<Span>,
}

/// One assumption of which at least one rule must act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    pub assumption: AssumptionName,
    pub span: Span,
}

/// Turns the end of a body into an outcome. `judged` is the step whose reply the failing expectation looked at.
pub fn judge(
    failure: Option<Failure>,
    judged: Option<StepId>,
    course: &Course,
    evidence: &[Evidence],
    demands: &Demands,
) -> (Outcome, Option<Failure>) {
    if let Some(mut failure) = failure {
        explain(&mut failure, judged, course, evidence);
        return (outcome_of(failure.kind), Some(failure));
    }
    let missed: Vec<&Demand> = demands.each.iter().filter(|demand| !acted(demand, evidence)).collect();
    match bypassed(&missed, evidence, demands.span) {
        Some(failure) => (Outcome::Bypassed, Some(failure)),
        None => (Outcome::Pass, None),
    }
}

fn outcome_of(kind: FailureKind) -> Outcome {
    match kind {
        FailureKind::Assertion | FailureKind::Expectation => Outcome::Fail,
        FailureKind::Evaluation | FailureKind::Service | FailureKind::Environment | FailureKind::Crash => {
            Outcome::Error
        }
        FailureKind::Timeout => Outcome::Timeout,
        FailureKind::Bypassed => Outcome::Bypassed,
        FailureKind::Interrupted => Outcome::NotRun,
    }
}

fn acted(demand: &Demand, evidence: &[Evidence]) -> bool {
    let mut own = evidence.iter().filter(|rule| rule.assumption.as_ref() == Some(&demand.assumption));
    own.any(|rule| rule.fired > 0)
}

fn bypassed(missed: &[&Demand], evidence: &[Evidence], span: Option<Span>) -> Option<Failure> {
    let first = missed.first()?;
    let names: Vec<String> = missed.iter().map(|demand| demand.assumption.to_string()).collect();
    let verb = if names.len() == 1 { "has" } else { "have" };
    let message =
        format!("the test passed, but {} {verb} never acted, so it proves nothing", names.join(" and "));
    let mut failure = Failure::new(FailureKind::Bypassed, message, span.or(Some(first.span)));
    for rule in evidence {
        let theirs = rule
            .assumption
            .as_ref()
            .is_some_and(|name| missed.iter().any(|demand| demand.assumption == *name));
        if theirs {
            failure = failure.note(never_fired(rule), Some(rule.span));
        }
    }
    Some(failure.help("make the scenario do what the rule waits for, or say may_miss = True"))
}

/// Adds where the judged value came from and what each rule did.
fn explain(failure: &mut Failure, judged: Option<StepId>, course: &Course, evidence: &[Evidence]) {
    let of = course.steps.len();
    if let Some(step) = judged.and_then(|id| course.step(id)) {
        let text = format!(
            "the judged reply is from step {} of {of}:   {} -> {}",
            step.step.0, step.summary, step.reply
        );
        failure.notes.push(Note { text, span: Some(step.span) });
    }
    let acts = grouped(course);
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
    if let Some(help) = mixed_up(judged, course) {
        failure.help.push(help);
    }
}

/// Acts of one rule on the same thing told once, with how often, in the order of the first.
fn grouped(course: &Course) -> Vec<(&FiredRule, usize)> {
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
fn mixed_up(judged: Option<StepId>, course: &Course) -> Option<String> {
    let judged = course.step(judged?)?;
    if course.touched(judged.step).any(|fired| fired.terminal) {
        return None;
    }
    let other = course.fired.iter().find(|fired| fired.terminal && fired.step.is_some())?;
    let answered = course.step(other.step?)?;
    Some(format!(
        "the scenario returns the reply of {}, which no rule answered; return the reply of {}, or assert on it inside the scenario",
        judged.summary, answered.summary
    ))
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
                terminal: true,
                span: span(),
            }],
        }
    }

    fn demands(names: &[&str]) -> Demands {
        let each = names.iter().map(|&name| Demand { assumption: name.into(), span: span() });
        Demands { each: each.collect(), span: None }
    }

    #[test]
    fn a_failure_says_where_the_value_came_from_and_what_rules_did() {
        let failure = Failure::new(FailureKind::Expectation, "assert_eq failed: 404 != 503", Some(span()));
        let (outcome, failure) = judge(
            Some(failure),
            Some(StepId(2)),
            &course(),
            &[evidence("api_503[0]", 1)],
            &Demands::default(),
        );
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
        let (_, failure) = judge(Some(failure), None, &Course::default(), &[rule], &Demands::default());
        let notes: Vec<String> = failure.unwrap().notes.into_iter().map(|note| note.text).collect();
        assert_eq!(notes, ["rule api_503[0] fired 2x; 1 connection passed unread: the client speaks TLS"]);
    }

    #[test]
    fn a_pass_without_an_act_is_bypassed_with_the_nearest_miss() {
        let seen = [evidence("block_key[0]", 0), evidence("db_slow[0]", 3)];
        let (outcome, failure) =
            judge(None, None, &Course::default(), &seen, &demands(&["block_key", "db_slow"]));
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
        assert_eq!(judge(None, None, &Course::default(), &seen, &demands(&["a"])), (Outcome::Pass, None));
        assert_eq!(judge(None, None, &Course::default(), &seen, &Demands::default()).0, Outcome::Pass);
    }
}
