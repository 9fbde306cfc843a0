//! FB0203: a rule can never act because an earlier one answers everything it would match.
//!
//! ```star
//! rules = [response(path="/data/*", status=503), delay(path="/data/a", delay="1s")]
//! ```

use crate::diagnostic::{Code, Diagnostic};
use crate::model::syscall::{CallShape, Files};
use crate::model::{Clause, Matcher, Pattern, Rule, Spec, Target, Trigger};
use crate::text::SourceMap;

pub(super) fn check(spec: &Spec, sources: &SourceMap) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for assumption in &spec.assumptions {
        for (at, rule) in assumption.rules.iter().enumerate() {
            let earlier = assumption.rules[..at].iter().find(|earlier| shadows(earlier, rule));
            findings.extend(earlier.map(|earlier| finding(earlier, rule, sources)));
        }
    }
    findings
}

fn finding(earlier: &Rule, rule: &Rule, sources: &SourceMap) -> Diagnostic {
    let line = sources.position(earlier.span).line + 1;
    let what = match rule.target {
        Target::Interface(_) => "answers every request it would match",
        Target::Service(_) => "decides every call it would match",
    };
    let message = format!("this rule can never act: the rule on line {line} {what}");
    Diagnostic::new(Code::ShadowedRule, rule.span, message)
        .label("never reached")
        .also(earlier.span, format!("acts first: {}", earlier.action))
        .help("rules are tried in the order written; put the narrower one first")
}

fn shadows(earlier: &Rule, later: &Rule) -> bool {
    earlier.target == later.target
        && earlier.action.is_terminal()
        && earlier.trigger == Trigger::ALWAYS
        && covers(&earlier.matcher, &later.matcher)
}

/// True when every operation the second matches is one the first matches, as far as the patterns show it.
fn covers(first: &Matcher, second: &Matcher) -> bool {
    match (first, second) {
        (Matcher::Message(first), Matcher::Message(second)) => {
            first.iter().all(|wide| second.iter().any(|narrow| clause_covers(wide, narrow)))
        }
        (Matcher::Syscall(first), Matcher::Syscall(second)) => {
            let is_covered = |call: &CallShape| {
                first.calls.iter().any(|known| {
                    known.covers(*call)
                        && (first.path.is_none() || [Files::All, call.files].contains(&known.files))
                })
            };
            let peer = first.peer.is_none() || first.peer == second.peer;
            let path = first.path.is_none() || first.path_text() == second.path_text();
            peer && path && second.calls.iter().all(is_covered)
        }
        (Matcher::Message(_), Matcher::Syscall(_)) | (Matcher::Syscall(_), Matcher::Message(_)) => false,
    }
}

fn clause_covers(wide: &Clause, narrow: &Clause) -> bool {
    if wide.field != narrow.field || wide.key != narrow.key {
        return false;
    }
    if wide.pattern == narrow.pattern {
        return true;
    }
    match (&wide.pattern, &narrow.pattern) {
        (_, Pattern::Glob(glob)) => glob.literal().is_some_and(|text| wide.pattern.matches(&text)),
        (_, Pattern::Regex(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;

    fn rules(rules: &str, expected: &[&str]) {
        let text = format!(
            "api = service(\"api\", \"a\", interface(\"main\", \"http\", 80))\n\
             def f():\n    return api.get(path=p())\ndef p():\n    return \"/\"\n\
             a = fault_assumption(\"a\", target=api.main, rules=[\n{rules}\n])\n\
             fault_scenario(\"x\", scenario=f, faults=a, expect=lambda r: assert_true(r))\n"
        );
        check(&text, expected);
    }

    #[test]
    fn a_wider_answer_before_a_narrower_rule_shadows_it() {
        let found =
            "FB0203 8:1 this rule can never act: the rule on line 7 answers every request it would match";
        rules("response(path=\"/data/*\"),\ndrop(method=\"POST\", path=\"/data/a\"),", &[found]);
        rules("drop(),\ndelay(delay=\"1s\"),", &[found]);
    }

    #[test]
    fn delays_chances_and_narrower_rules_shadow_nothing() {
        rules("delay(delay=\"1s\"),\ndrop(),", &[]);
        rules("drop(probability=0.5),\nresponse(),", &[]);
        rules("drop(path=\"/data/a\"),\nresponse(path=\"/data/*\"),", &[]);
    }
}
