//! What a test's body will ask for, as far as its text shows.
//!
//! A body decides while it runs, so this is only a start: what it misses makes the leaf start again, prepared; what it
//! adds in vain costs a little speed and nothing else.

use super::needs::Needs;
use crate::model::syscall;
use crate::model::{Endpoint, Service, Spec};
use crate::syntax::reach::reachable_calls;
use crate::syntax::scope::Scopes;
use crate::syntax::{ArgumentKind, NodeId, NodeKind, Tree};

/// Builtins whose call installs faults.
const INSTALLERS: &[&str] = &["fault", "fault_start", "fault_all"];

/// Reads what functions of the root file ask for.
pub struct Foresight<'s> {
    spec: &'s Spec,
    tree: &'s Tree,
    scopes: Scopes,
}

impl<'s> Foresight<'s> {
    pub fn new(spec: &'s Spec, tree: &'s Tree) -> Foresight<'s> {
        Foresight { spec, tree, scopes: Scopes::of(tree) }
    }

    /// The needs visible in a function and in those it can reach; none when the root file has no such function.
    pub fn needs(&self, function: &str) -> Needs {
        let mut needs = Needs::default();
        let Some(function) = self.scopes.global(function) else { return needs };
        for binding in &self.scopes.definition(function).bindings {
            for call in reachable_calls(self.tree, &self.scopes, binding.node) {
                self.read_call(call, &mut needs);
            }
        }
        needs
    }

    fn read_call(&self, call: NodeId, needs: &mut Needs) {
        let NodeKind::Call { callee, args, .. } = self.tree.kind(call) else { return };
        if !INSTALLERS.contains(&self.tree.text_of(*callee)) {
            return;
        }
        let mut targets = Vec::new();
        let mut keywords = Vec::new();
        for &argument in args {
            let NodeKind::Argument { kind, value } = self.tree.kind(argument) else { continue };
            match kind {
                ArgumentKind::Positional if targets.is_empty() => targets = self.items(*value),
                ArgumentKind::Keyword(name) => keywords.push(self.tree.str(name.span)),
                ArgumentKind::Positional | ArgumentKind::Args | ArgumentKind::Kwargs => {}
            }
        }
        for target in targets {
            self.read_target(target, &keywords, needs);
        }
    }

    /// The elements of a list, or the one value.
    fn items(&self, value: NodeId) -> Vec<NodeId> {
        match self.tree.kind(value) {
            NodeKind::List { items } | NodeKind::Tuple { items } => items.clone(),
            _ => vec![value],
        }
    }

    fn read_target(&self, target: NodeId, keywords: &[&str], needs: &mut Needs) {
        if let NodeKind::Attribute { object, name } = self.tree.kind(target) {
            let interface = self.tree.str(name.span);
            if let Some(service) = self.service(*object)
                && service.interfaces.iter().any(|known| known.name.as_str() == interface)
            {
                needs
                    .interfaces
                    .insert(Endpoint { service: service.name.clone(), interface: interface.into() });
            }
            return;
        }
        if let Some(service) = self.service(target) {
            keywords.iter().for_each(|keyword| add_syscalls(service, keyword, needs));
        }
        if let Some(assumption) = self.declared(target, "fault_assumption") {
            for rule in self.spec.rules_of(&assumption.as_str().into()) {
                needs.add(rule);
            }
        }
    }

    fn service(&self, name: NodeId) -> Option<&Service> {
        self.spec.service(&self.declared(name, "service")?.as_str().into())
    }

    /// The first argument of the call of `builtin` that the variable was set to: `db` of `db = service("db", ...)`.
    fn declared(&self, name: NodeId, builtin: &str) -> Option<String> {
        let definition = self.scopes.definition(self.scopes.resolve(name)?);
        definition.bindings.iter().find_map(|binding| {
            let NodeKind::Assign { target, value, .. } = self.tree.kind(self.tree.parent(binding.node)?)
            else {
                return None;
            };
            let NodeKind::Call { callee, args, .. } = self.tree.kind(*value) else { return None };
            if *target != binding.node || self.tree.text_of(*callee) != builtin {
                return None;
            }
            let NodeKind::Argument { value, .. } = self.tree.kind(*args.first()?) else { return None };
            self.tree.string_value(*value).map(str::to_owned)
        })
    }
}

fn add_syscalls(service: &Service, keyword: &str, needs: &mut Needs) {
    let operation = service.operations.iter().find(|operation| operation.name == keyword);
    let keywords = match operation {
        Some(operation) => operation.syscalls.iter().map(String::as_str).collect(),
        None => vec![keyword],
    };
    for calls in keywords.into_iter().filter_map(syscall::resolve) {
        needs.syscalls.entry(service.name.clone()).or_default().extend(calls);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Interface, Protocol};
    use crate::syntax::parse;
    use crate::text::{FileId, Span};

    const TEXT: &str = r#"
db = service("database", "x", interface("main", "tcp", 1), ops = {"wal": op(syscalls = ["fsync"])})
def break_it(fn):
    return fault(db, write = deny("EIO"), run = fn)
def test_helper():
    break_it(lambda: 1)
def test_interface():
    fault(db.main, drop(), run = lambda: 2)
def test_list():
    fault_all([db], wal = deny("EIO"), run = lambda: 3)
def test_nothing():
    pass
"#;

    fn needs_of(test: &str) -> String {
        let span = Span::start_of(FileId(0));
        let wal = crate::model::Operation {
            name: "wal".to_owned(),
            syscalls: vec!["fsync".to_owned()],
            path: None,
            span,
        };
        let service = Service {
            name: "database".into(),
            binary: "x".to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            interfaces: vec![Interface { name: "main".into(), protocol: Protocol::Tcp, port: 1, span }],
            depends_on: Vec::new(),
            healthcheck: None,
            operations: vec![wal],
            seccomp: true,
            stdin: Default::default(),
            may_exit: false,
            span,
        };
        let spec = Spec { services: vec![service], ..Spec::default() };
        let needs = Foresight::new(&spec, &parse(FileId(0), TEXT).tree).needs(test);
        let interfaces = needs.interfaces.iter().map(ToString::to_string);
        let calls = needs.syscalls.values().flatten().map(|call| call.syscall.name().to_owned());
        let mut all: Vec<String> = interfaces.chain(calls).collect();
        all.sort();
        all.join(" ")
    }

    #[test]
    fn faults_are_foreseen_through_helpers_lists_and_operations() {
        assert!(needs_of("test_helper").contains("pwrite64 pwritev pwritev2 sendfile"));
        assert_eq!(needs_of("test_interface"), "database.main");
        assert_eq!(needs_of("test_list"), "fdatasync fsync msync syncfs");
        assert_eq!(needs_of("test_nothing"), "");
    }
}
