//! The spec while it is being put together: names seen so far, registered functions, and the order of tests.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Assumption, AssumptionName, CallableId, Matrix, Scenario, Service, ServiceName, Spec, Test,
};
use crate::text::{SourceMap, Span};
use std::collections::BTreeMap;

/// Everything declared so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub services: Vec<Service>,
    pub assumptions: Vec<Assumption>,
    pub scenarios: Vec<Scenario>,
    pub matrices: Vec<Matrix>,
    pub callables: Vec<Callable>,
    /// Where a dependency is written, by service and by what it depends on.
    pub dependency_spans: BTreeMap<(String, String), Span>,
    /// Ports that are taken, with whether for datagrams, whose they are, and where it is written.
    pub ports: Vec<(u16, bool, String, Span)>,
    tests: Vec<(u32, Test)>,
}

/// A function that can be called when the spec has been loaded.
#[derive(Debug, Clone)]
pub(super) struct Callable {
    pub name: String,
    /// Its definition.
    pub span: Span,
    /// Which file registered it, in the order of evaluation, and its place in that file's list.
    pub module: usize,
    pub slot: usize,
}

impl Draft {
    pub(super) fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name.as_str() == name)
    }

    pub(super) fn assumption(&self, name: &AssumptionName) -> Option<&Assumption> {
        self.assumptions.iter().find(|assumption| assumption.name == *name)
    }

    pub(super) fn callable(&self, id: CallableId) -> &Callable {
        &self.callables[id.0 as usize]
    }

    /// Adds a test that stands at `anchor` in the root spec, unless its name is taken.
    pub(super) fn add_test(&mut self, anchor: u32, test: Test) -> Result<(), Box<Diagnostic>> {
        if let Some((_, first)) = self.tests.iter().find(|(_, known)| known.name == test.name) {
            return Err(Box::new(duplicate("test", test.name.as_str(), test.span, first.span)));
        }
        self.tests.push((anchor, test));
        Ok(())
    }

    /// The finished spec. Tests stand in the order of the root spec's text.
    pub(super) fn finish(mut self) -> (Spec, Vec<Callable>) {
        self.tests.sort_by_key(|(anchor, _)| *anchor);
        let spec = Spec {
            services: self.services,
            assumptions: self.assumptions,
            scenarios: self.scenarios,
            tests: self.tests.into_iter().map(|(_, test)| test).collect(),
            matrices: self.matrices,
        };
        (spec, self.callables)
    }

    /// Dependencies on services that do not exist, and circles of them.
    pub(super) fn check_dependencies(&self, sources: &SourceMap) -> Vec<Diagnostic> {
        let span_of = |service: &Service, on: &ServiceName| {
            let key = (service.name.to_string(), on.to_string());
            self.dependency_spans.get(&key).copied().unwrap_or(service.span)
        };
        let mut findings = Vec::new();
        for service in &self.services {
            for on in &service.depends_on {
                if self.service(on.as_str()).is_none() {
                    let known = self.services.iter().map(|other| other.name.as_str());
                    let span = span_of(service, on);
                    let mut finding = unknown_service(on.as_str(), span, known);
                    // What stands there may be a variable.
                    if sources.text(span).trim_matches(['"', '\'']) != on.as_str() {
                        finding.fixes.clear();
                    }
                    findings.push(finding);
                }
            }
        }
        if let Some(circle) = self.circle() {
            findings.push(cycle_finding(&circle, &span_of));
        }
        findings
    }

    /// One circle of dependencies, each service depending on the next and the last on the first.
    fn circle(&self) -> Option<Vec<&Service>> {
        let mut done: Vec<&str> = Vec::new();
        for start in &self.services {
            let mut path: Vec<&Service> = Vec::new();
            if let Some(circle) = self.walk(start, &mut path, &mut done) {
                return Some(circle);
            }
        }
        None
    }

    fn walk<'d>(
        &'d self,
        at: &'d Service,
        path: &mut Vec<&'d Service>,
        done: &mut Vec<&'d str>,
    ) -> Option<Vec<&'d Service>> {
        if let Some(first) = path.iter().position(|seen| seen.name == at.name) {
            return Some(path[first..].to_vec());
        }
        if done.contains(&at.name.as_str()) {
            return None;
        }
        path.push(at);
        for next in at.depends_on.iter().filter_map(|name| self.service(name.as_str())) {
            if let Some(circle) = self.walk(next, path, done) {
                return Some(circle);
            }
        }
        path.pop();
        done.push(at.name.as_str());
        None
    }
}

fn cycle_finding(circle: &[&Service], span_of: &dyn Fn(&Service, &ServiceName) -> Span) -> Diagnostic {
    let names: Vec<&str> = circle.iter().chain(circle.first()).map(|service| service.name.as_str()).collect();
    let edge = |at: usize| span_of(circle[at], &circle[(at + 1) % circle.len()].name);
    let message = format!("services depend on each other in a circle: {}", names.join(" -> "));
    let mut finding = Diagnostic::new(Code::DependencyCycle, edge(0), message)
        .label(format!("`{}` waits for `{}`", names[0], names[1]))
        .help("remove one of these dependencies; a service that starts without the other needs none");
    for at in 1..circle.len() {
        finding = finding.also(edge(at), format!("`{}` waits for `{}`", names[at], names[at + 1]));
    }
    finding
}

/// A name that two things of one kind have.
pub(super) fn duplicate(kind: &str, name: &str, span: Span, first: Span) -> Diagnostic {
    Diagnostic::new(Code::DuplicateName, span, format!("there are two {kind}s named \"{name}\""))
        .label("the second")
        .also(first, "the first")
        .help("give one of them another name")
}

pub(super) fn unknown_service<'n>(
    name: &str,
    span: Span,
    known: impl Iterator<Item = &'n str>,
) -> Diagnostic {
    let finding =
        Diagnostic::new(Code::UnknownService, span, format!("there is no service named \"{name}\""))
            .label("no such service");
    match crate::diagnostic::suggest::nearest(name, known) {
        Some(near) => {
            let quoted = format!("\"{near}\"");
            finding.help(format!("did you mean {quoted}?")).fix(format!("change to {quoted}"), span, quoted)
        }
        None => finding,
    }
}
