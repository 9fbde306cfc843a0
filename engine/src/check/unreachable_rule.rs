//! FB0204: a rule's pattern matches no step the scenario makes.
//!
//! ```star
//! block = fault_assumption("block", target=api.public, rules=[response(method="POST", path="/data/key")])
//! # and the scenario does api.post(path="/data/testkey")
//! ```
//!
//! Said only where the text shows it: HTTP steps with literal paths, on a service no other service is known to call.

use super::reach::Reach;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Assumption, AssumptionName, CallableId, Endpoint, Matcher, Protocol, Rule, Service, Target, Test,
    TestKind,
};
use crate::spec::Loaded;
use crate::spec::outline::{ArgKind, CallSite, Callee, ExprShape};
use crate::spec::registry;
use crate::text::{Span, percent};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A request a step makes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Request {
    endpoint: Endpoint,
    method: String,
    path: String,
}

pub(super) fn check(loaded: &Loaded, reach: &Reach<'_>) -> Vec<Diagnostic> {
    // Per rule, the requests of the tests that use it, while no test may reach it.
    let mut unreached: BTreeMap<(u32, u32, u32), (&Rule, Vec<Request>)> = BTreeMap::new();
    let mut reached: HashSet<Span> = HashSet::new();
    // Cells of one matrix share their scenarios.
    let mut known: HashMap<CallableId, Option<Vec<Request>>> = HashMap::new();
    for test in loaded.spec.tests.iter().filter(|_| loaded.program.is_some()) {
        let requests = scenario(test).and_then(|scenario| {
            known.entry(scenario).or_insert_with(|| requests(loaded, reach, scenario)).as_ref()
        });
        let rules_of = |fault| loaded.spec.rules_of(fault).into_iter().map(move |rule| (fault, rule));
        for (fault, rule) in test.faults().iter().flat_map(rules_of) {
            if may_miss(loaded, test, fault, rule) {
                continue;
            }
            match requests {
                Some(requests) if misses(loaded, rule, requests) => {
                    let key = (rule.span.file.0, rule.span.start, rule.span.end);
                    let entry = unreached.entry(key).or_insert((rule, Vec::new()));
                    let new = requests
                        .iter()
                        .filter(|each| Target::Interface(each.endpoint.clone()) == rule.target);
                    entry.1.extend(new.cloned());
                }
                Some(_) | None => {
                    reached.insert(rule.span);
                }
            }
        }
    }
    let silent = unreached.into_values().filter(|(rule, _)| !reached.contains(&rule.span));
    silent.map(|(rule, requests)| finding(rule, requests)).collect()
}

fn finding(rule: &Rule, requests: Vec<Request>) -> Diagnostic {
    let mut seen: Vec<String> = Vec::new();
    for request in requests {
        let text = format!("{} {}", request.method, request.path);
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    Diagnostic::new(
        Code::UnreachableRule,
        rule.span,
        format!("no step of the scenario matches {}", rule.matcher),
    )
    .label("never acts")
    .help(format!("the scenario makes: {}", seen.join(", ")))
}

/// What a test with faults runs.
fn scenario(test: &Test) -> Option<CallableId> {
    match &test.kind {
        TestKind::Body { .. } | TestKind::Scenario { .. } => None,
        TestKind::FaultScenario { callable, .. } => Some(*callable),
        TestKind::Cell(cell) => Some(cell.callable),
    }
}

/// The HTTP requests of a scenario; `None` when the text does not show all of them.
fn requests(loaded: &Loaded, reach: &Reach<'_>, scenario: CallableId) -> Option<Vec<Request>> {
    let reached = reach.bodies(scenario);
    if reached.is_empty() {
        return None;
    }
    let mut requests = Vec::new();
    for site in reach.calls(&reached) {
        match &site.callee {
            Callee::Name(name) if is_known(reach, site, name) => {}
            Callee::Path(names, _) => match step(loaded, site, names) {
                Step::Request(request) => requests.push(request),
                Step::Harmless => {}
                Step::Unclear => return None,
            },
            Callee::Name(_) | Callee::Other => return None,
        }
    }
    Some(requests)
}

/// A builtin, or a function whose body is looked at as well.
fn is_known(reach: &Reach<'_>, site: &CallSite, name: &str) -> bool {
    let builtin =
        registry::find(name).is_some() || ["str", "len", "struct", "int", "range", "sorted"].contains(&name);
    builtin || reach.function(name, site.span.file).is_some()
}

enum Step {
    Request(Request),
    Harmless,
    Unclear,
}

fn step(loaded: &Loaded, site: &CallSite, names: &[String]) -> Step {
    // The variable must be the service's own name, as nearly always; otherwise the text does not show it.
    let Some(service) = loaded.spec.services.iter().find(|service| service.name.as_str() == names[0]) else {
        return Step::Unclear;
    };
    let interface = match names.len() {
        2 => service.default_interface(),
        3 => service.interfaces.iter().find(|interface| interface.name.as_str() == names[1]),
        _ => None,
    };
    let Some(interface) = interface else { return Step::Unclear };
    if interface.protocol != Protocol::Http {
        return Step::Harmless;
    }
    let Some(path) = literal_path(site) else { return Step::Unclear };
    // As the relay reads it: without the query, decoded.
    let path = percent::decode(path.split('?').next().unwrap_or_default().as_bytes()).into_owned();
    let method = names[names.len() - 1].to_uppercase();
    Step::Request(Request { endpoint: service.endpoint(interface), method, path })
}

fn literal_path(site: &CallSite) -> Option<String> {
    let named = site.args.iter().find(|arg| matches!(&arg.kind, ArgKind::Named(name, _) if name == "path"));
    let arg = named.or_else(|| site.args.iter().find(|arg| arg.kind == ArgKind::Positional));
    if site.args.iter().any(|arg| matches!(arg.kind, ArgKind::Spread | ArgKind::SpreadNamed)) {
        return None;
    }
    match arg.map(|arg| &arg.value.shape) {
        None => Some("/".to_owned()),
        Some(ExprShape::Str(text)) => Some(text.clone()),
        Some(_) => None,
    }
}

/// True when the test, or an assumption it has the rule from, says that the rule need not act.
fn may_miss(loaded: &Loaded, test: &Test, fault: &AssumptionName, rule: &Rule) -> bool {
    let is_own = |assumption: &Assumption| assumption.rules.iter().any(|own| own.span == rule.span);
    let mut from = loaded.spec.assumptions.iter().filter(|known| known.name == *fault || is_own(known));
    matches!(test.kind, TestKind::FaultScenario { may_miss: true, .. })
        || from.any(|assumption| assumption.may_miss)
}

/// True when the rule surely acts on none of the requests.
fn misses(loaded: &Loaded, rule: &Rule, requests: &[Request]) -> bool {
    let (Target::Interface(endpoint), Matcher::Message(clauses)) = (&rule.target, &rule.matcher) else {
        return false;
    };
    let Some(service) = loaded.spec.service(&endpoint.service) else { return false };
    let mine: Vec<&Request> = requests.iter().filter(|request| request.endpoint == *endpoint).collect();
    if mine.is_empty() || called_by_others(loaded, service) {
        return false;
    }
    let matches = |request: &Request| {
        clauses.iter().all(|clause| match clause.field {
            "method" => clause.pattern.matches(&request.method),
            "path" => clause.pattern.matches(&request.path),
            _ => true,
        })
    };
    !mine.into_iter().any(matches)
}

/// True when another service depends on it or knows one of its ports.
fn called_by_others(loaded: &Loaded, service: &Service) -> bool {
    let ports: Vec<String> =
        service.interfaces.iter().map(|interface| format!(":{}", interface.port)).collect();
    loaded.spec.services.iter().filter(|other| other.name != service.name).any(|other| {
        let texts = other.env.iter().map(|(_, value)| value).chain(&other.args);
        let knows = |text: &String| ports.iter().any(|port| text.contains(port.as_str()));
        other.depends_on.contains(&service.name) || texts.into_iter().any(knows)
    })
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;

    fn spec(rule: &str, scenario: &str, more: &str, expected: &[&str]) {
        let text = format!(
            "api = service(\"api\", \"a\", interface(\"main\", \"http\", 80))\n\
             def f():\n    return {scenario}\n\
             a = fault_assumption(\"a\", target=api.main, rules=[{rule}])\n\
             fault_scenario(\"x\", scenario=f, faults=a, expect=lambda r: assert_true(r))\n{more}"
        );
        check(&text, expected);
    }

    #[test]
    fn a_path_no_step_uses_is_named() {
        let found = "FB0204 4:51 no step of the scenario matches POST /data/key";
        spec("drop(method=\"POST\", path=\"/data/key\")", "api.post(path=\"/data/testkey\")", "", &[found]);
    }

    #[test]
    fn a_path_is_compared_as_the_relay_reads_it() {
        spec("drop(path=\"/A b\")", "api.get(\"/A%20b?c=d\")", "", &[]);
        let found = "FB0204 4:51 no step of the scenario matches /A%20b";
        spec("drop(path=\"/A%20b\")", "api.get(\"/A%20b\")", "", &[found]);
    }

    #[test]
    fn what_may_miss_is_not_named() {
        let text = |assumption: &str, test: &str| {
            format!(
                "api = service(\"api\", \"a\", interface(\"main\", \"http\", 80))\n\
                 a = fault_assumption(\"a\", target=api.main, rules=[drop(path=\"/data/key\")]{assumption}\n\
                 fault_scenario(\"x\", scenario=lambda: api.get(path=\"/x\"), expect=lambda r: assert_true(r), {test})\n"
            )
        };
        check(&text(")", "faults=a, may_miss=True"), &[]);
        check(&text(", may_miss=True)", "faults=a"), &[]);
        check(&text(")\nall = fault_assumption(\"all\", faults=[a], may_miss=True)", "faults=all"), &[]);
    }

    #[test]
    fn nothing_is_said_when_the_text_does_not_show_it() {
        spec("drop(path=\"/data/*\")", "api.post(\"/data/x\")", "", &[]);
        spec("drop(path=\"/data/key\")", "api.post(path=\"/data/\" + str(1))", "", &[]);
        spec(
            "drop(path=\"/data/key\")",
            "api.post(\"/x\")",
            "b = service(\"b\", \"b\", depends_on=[api])\n",
            &[],
        );
    }
}
