//! FB0204: a rule's pattern matches no step the scenario makes.
//!
//! ```star
//! block = fault_assumption("block", target=api.public, rules=[response(method="POST", path="/data/key")])
//! # and the scenario does api.post(path="/data/testkey")
//! ```
//!
//! Said only where the text shows it: HTTP steps with literal paths, all to the one service, which no other service is
//! known to call. Where a redirect may lead to what the rule matches, it is a hint.

use super::reach::Reach;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::model::{
    Assumption, AssumptionName, CallableId, Endpoint, Matcher, Protocol, Rule, Service, ServiceName, Target,
    Test, TestKind,
};
use crate::spec::Loaded;
use crate::spec::outline::{ArgKind, ArgSite, CallSite, Callee, ExprShape};
use crate::spec::registry;
use crate::text::{Span, percent};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A request a step makes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Request {
    endpoint: Endpoint,
    method: String,
    path: String,
    /// The step goes on where a redirect leads.
    follows: bool,
}

/// What the steps of a scenario ask for.
#[derive(Debug, Default)]
struct Steps {
    requests: Vec<Request>,
    /// Every service a step goes to, by whatever protocol.
    services: BTreeSet<ServiceName>,
}

pub(super) fn check(loaded: &Loaded, reach: &Reach<'_>) -> Vec<Diagnostic> {
    // Per rule, the requests of the tests that use it, while no test may reach it.
    let mut unreached: BTreeMap<(u32, u32, u32), (&Rule, Vec<Request>)> = BTreeMap::new();
    let mut reached: HashSet<Span> = HashSet::new();
    // Cells of one matrix share their scenarios.
    let mut known: HashMap<CallableId, Option<Steps>> = HashMap::new();
    for test in loaded.spec.tests.iter().filter(|_| loaded.program.is_some()) {
        let steps = scenario(test).and_then(|scenario| {
            known.entry(scenario).or_insert_with(|| steps(loaded, reach, scenario)).as_ref()
        });
        let rules_of = |fault| loaded.spec.rules_of(fault).into_iter().map(move |rule| (fault, rule));
        for (fault, rule) in test.faults().iter().flat_map(rules_of) {
            if may_miss(loaded, test, fault, rule) {
                continue;
            }
            match steps {
                Some(steps) if misses(loaded, rule, steps) => {
                    let key = (rule.span.file.0, rule.span.start, rule.span.end);
                    let entry = unreached.entry(key).or_insert((rule, Vec::new()));
                    let new = steps
                        .requests
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
    let is_redirected = requests.iter().any(|request| may_lead_to(request, rule));
    let mut seen: Vec<String> = Vec::new();
    for request in requests {
        let text = format!("{} {}", request.method, request.path);
        if !seen.contains(&text) {
            seen.push(text);
        }
    }
    let message = format!("no step of the scenario asks for {}", rule.matcher);
    let finding = Diagnostic::new(Code::UnreachableRule, rule.span, message)
        .help(format!("the scenario asks for: {}", seen.join(", ")));
    let meant = "say may_miss=True where that is meant";
    match is_redirected {
        true => Diagnostic { severity: Severity::Hint, ..finding }
            .label("acts only when a redirect leads there")
            .help(format!("a step follows redirects, and so may come to it; {meant}")),
        false => finding
            .label("acts only when somebody else asks for it")
            .help(format!("only the service itself could ask for it; {meant}")),
    }
}

/// True when a redirect may turn the request into one the rule acts on: to another path, and to GET.
fn may_lead_to(request: &Request, rule: &Rule) -> bool {
    let Matcher::Message(clauses) = &rule.matcher else { return false };
    let fits = |method: &str| {
        clauses.iter().all(|clause| clause.field != "method" || clause.pattern.matches(method))
    };
    request.follows && (fits(&request.method) || request.method != "HEAD" && fits("GET"))
}

/// What a test with faults runs.
fn scenario(test: &Test) -> Option<CallableId> {
    match &test.kind {
        TestKind::Body { .. } | TestKind::Scenario { .. } => None,
        TestKind::FaultScenario { callable, .. } => Some(*callable),
        TestKind::Cell(cell) => Some(cell.callable),
    }
}

/// The steps of a scenario; `None` when the text does not show all of them.
fn steps(loaded: &Loaded, reach: &Reach<'_>, scenario: CallableId) -> Option<Steps> {
    let reached = reach.bodies(scenario);
    if reached.is_empty() {
        return None;
    }
    let mut steps = Steps::default();
    for site in reach.calls(&reached) {
        match &site.callee {
            Callee::Name(name) if is_known(reach, site, name) => {}
            Callee::Path(names, _) => {
                let (service, request) = step(loaded, site, names)?;
                steps.services.insert(service);
                steps.requests.extend(request);
            }
            Callee::Name(_) | Callee::Other => return None,
        }
    }
    Some(steps)
}

/// A builtin, or a function whose body is looked at as well.
fn is_known(reach: &Reach<'_>, site: &CallSite, name: &str) -> bool {
    let builtin =
        registry::find(name).is_some() || ["str", "len", "struct", "int", "range", "sorted"].contains(&name);
    builtin || reach.function(name, site.span.file).is_some()
}

/// The service a step goes to, and the request it makes when it speaks HTTP; `None` when the text does not show it.
fn step(loaded: &Loaded, site: &CallSite, names: &[String]) -> Option<(ServiceName, Option<Request>)> {
    // The variable must be the service's own name, as nearly always; otherwise the text does not show it.
    let service = loaded.spec.services.iter().find(|service| service.name.as_str() == names[0])?;
    let interface = match names.len() {
        2 => service.default_interface(),
        3 => service.interfaces.iter().find(|interface| interface.name.as_str() == names[1]),
        _ => None,
    }?;
    if interface.protocol != Protocol::Http {
        return Some((service.name.clone(), None));
    }
    let path = literal_path(site)?;
    // As the relay reads it: without the query, decoded.
    let path = percent::decode(path.split('?').next().unwrap_or_default().as_bytes()).into_owned();
    let method = names[names.len() - 1].to_uppercase();
    let follows = follows_redirects(site);
    Some((
        service.name.clone(),
        Some(Request { endpoint: service.endpoint(interface), method, path, follows }),
    ))
}

fn follows_redirects(site: &CallSite) -> bool {
    let is_off = |arg: &ArgSite| {
        matches!(&arg.kind, ArgKind::Named(name, _) if name == "follow_redirects")
            && matches!(&arg.value.shape, ExprShape::Name(value) if value == "False")
    };
    !site.args.iter().any(is_off)
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

/// True when the rule acts on none of the requests, and only the steps are known to make any.
fn misses(loaded: &Loaded, rule: &Rule, steps: &Steps) -> bool {
    let (Target::Interface(endpoint), Matcher::Message(clauses)) = (&rule.target, &rule.matcher) else {
        return false;
    };
    let Some(service) = loaded.spec.service(&endpoint.service) else { return false };
    let mine: Vec<&Request> = steps.requests.iter().filter(|request| request.endpoint == *endpoint).collect();
    // Whatever else is asked may ask this service in turn, at an address the spec need not show.
    let goes_elsewhere = steps.services.iter().any(|asked| *asked != service.name);
    if mine.is_empty() || goes_elsewhere || called_by_others(loaded, service) {
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
    use crate::check::reach::Reach;
    use crate::check::tests::check;
    use crate::diagnostic::Severity;
    use crate::spec::testing::load_with;

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
        let found = "FB0204 4:51 no step of the scenario asks for POST /data/key";
        spec("drop(method=\"POST\", path=\"/data/key\")", "api.post(path=\"/data/testkey\")", "", &[found]);
    }

    #[test]
    fn a_path_is_compared_as_the_relay_reads_it() {
        spec("drop(path=\"/A b\")", "api.get(\"/A%20b?c=d\")", "", &[]);
        let found = "FB0204 4:51 no step of the scenario asks for /A%20b";
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
    fn a_step_that_may_be_redirected_makes_it_a_hint() {
        let severity = |rule: &str, step: &str| {
            let text = format!(
                "api = service(\"api\", \"a\", interface(\"main\", \"http\", 80))\n\
                 a = fault_assumption(\"a\", target=api.main, rules=[drop({rule})])\n\
                 fault_scenario(\"x\", scenario=lambda: api.{step}, faults=a, expect=lambda r: assert_true(r))\n"
            );
            let loaded = load_with(&text, &[]);
            let [finding] = super::check(&loaded, &Reach::of(&loaded)).try_into().unwrap();
            (finding.severity, finding.primary.text)
        };
        let hint = (Severity::Hint, "acts only when a redirect leads there".to_owned());
        let warning = (Severity::Warning, "acts only when somebody else asks for it".to_owned());
        assert_eq!(severity("path=\"/new\"", "get(path=\"/old\")"), hint);
        assert_eq!(severity("method=\"GET\", path=\"/new\"", "post(path=\"/old\")"), hint);
        assert_eq!(severity("path=\"/new\"", "get(path=\"/old\", follow_redirects=False)"), warning);
        assert_eq!(severity("method=\"POST\"", "get(path=\"/old\")"), warning);
    }

    #[test]
    fn nothing_is_said_when_another_service_may_be_the_client() {
        let web = "web = service(\"web\", \"w\", interface(\"main\", \"http\", 81))\n";
        let spec = |steps: &str| {
            format!(
                "{web}api = service(\"api\", \"a\", interface(\"main\", \"http\", 80))\n\
                 def f():\n    {steps}\n    return api.get(\"/x\")\n\
                 a = fault_assumption(\"a\", target=api.main, rules=[drop(path=\"/orders\")])\n\
                 fault_scenario(\"x\", scenario=f, faults=a, expect=lambda r: assert_true(r))\n"
            )
        };
        check(&spec("web.get(\"/checkout\")"), &[]);
        check(&spec("pass"), &["FB0204 6:51 no step of the scenario asks for /orders"]);
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
