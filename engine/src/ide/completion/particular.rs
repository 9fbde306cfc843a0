//! Arguments of builtins about which the place tells more than their types: names, ports, addresses, errors, pairs.

use super::expected::{Expected, RuleTarget};
use super::{CompletionKind, Ground, List, Rank};
use crate::ide::call_site::{self, Written};
use crate::ide::callable::{self, Callable};
use crate::ide::domains::{self, Word, word};
use crate::ide::value::{ServiceShape, Value};
use crate::ide::{FileView, declarations};
use crate::model::{Domain, ParamType, Protocol, syscall};
use crate::protocol;
use crate::spec::registry;
use crate::syntax::cursor::{ActiveCall, Role};
use crate::syntax::{ArgumentKind, NodeId, NodeKind};

impl Ground<'_> {
    /// What an argument of a builtin may be, with what is around it in mind.
    pub(super) fn narrowed(
        &self,
        expected: Option<Expected>,
        callable: &Callable,
        active: &ActiveCall,
        role: &Role,
    ) -> Option<Expected> {
        let slot = callable.slot_of(active.index, active.keyword.as_deref());
        let call = active.call;
        let told =
            |words: Vec<Word>| expected.clone().map(|expected| Expected { words: Some(words), ..expected });
        let Some(slot) = slot else {
            return match callable.name.as_str() {
                "service" if !self.has_program(call) => told(self.programs()),
                _ => expected,
            };
        };
        match (callable.name.as_str(), slot.name.as_str(), role) {
            ("service", "name", Role::Whole) => {
                told(self.own_name(call)).map(|expected| Expected { is_strict: true, ..expected })
            }
            ("fault_assumption", "name", Role::Whole) => told(self.own_name(call)),
            ("service", "binary", Role::Whole) => told(self.programs()),
            ("interface", "port", Role::Whole) => told(self.usual_ports(call)),
            ("tcp", "addr", Role::Whole) => told(self.addresses(call, false)),
            ("http", "url", Role::Whole) => told(self.addresses(call, true)),
            ("deny", "errno", Role::Whole) => told(domains::errnos(self.faulted_syscall(call))),
            ("deny" | "delay", "port", Role::Whole) => told(self.known_ports()),
            ("fault" | "fault_all" | "fault_start", "target", Role::Whole) => {
                expected.map(|expected| Expected { ty: ParamType::ServiceOrInterface, ..expected })
            }
            ("fault_matrix", "exclude", Role::Element) => Some(pairs(self.open_cells(call, ""))),
            ("fault_matrix", "overrides", Role::DictKey) => Some(pairs(self.open_cells(call, ": "))),
            _ if slot.kind.is_syscall() => {
                let errno = self.likely_errno(call, &slot.name);
                expected.map(|expected| Expected { errno, ..expected })
            }
            _ => expected,
        }
    }

    /// True where another argument by position may stand.
    pub(super) fn takes_position(&self, callable: Option<&Callable>, active: &ActiveCall) -> bool {
        let tree = self.snapshot.tree();
        let NodeKind::Call { args, .. } = tree.kind(active.call) else { return true };
        let is_keyword = |&&arg: &&NodeId| {
            let kind = tree.kind(arg);
            matches!(kind, NodeKind::Argument { kind: ArgumentKind::Keyword(_), .. })
        };
        if args.iter().filter(is_keyword).any(|&arg| tree.span(arg).end < self.offset) {
            return false;
        }
        let Some(callable) = callable else { return true };
        match callable.slots.get(active.index).filter(|_| active.index < callable.positional) {
            Some(slot) => !callable.refuses(slot),
            None => {
                let takes_rules = self.rule_target(active) != Some(RuleTarget::Service);
                callable.rest.as_ref().is_some_and(|(what, _)| what != "rule" || takes_rules)
            }
        }
    }

    /// The name of the variable that the call is assigned to, unless another declaration has it.
    fn own_name(&self, call: NodeId) -> Vec<Word> {
        let Some(variable) = declarations::variable(self.snapshot.tree(), call) else { return Vec::new() };
        let has_it = |file: FileView<'_>| {
            let is_own = file.path == self.snapshot.file.path;
            let services = declarations::services(file).into_iter().map(|one| (one.name, one.call));
            let assumptions = declarations::assumptions(file).into_iter().map(|one| (one.name, one.call));
            services.chain(assumptions).any(|(name, at)| name == variable && !(is_own && at == call))
        };
        if self.snapshot.files().any(has_it) {
            return Vec::new();
        }
        vec![word(&variable, "the name of the variable")]
    }

    /// True when the program of a service is given, the string being typed aside.
    fn has_program(&self, call: NodeId) -> bool {
        let tree = self.snapshot.tree();
        let written = Written::of(tree, call);
        let mut others = written.positional.iter().skip(1).filter(|&&at| !tree.span(at).touches(self.offset));
        written.keyword("binary").is_some()
            || others.any(|&at| !matches!(self.inference.of(at), Value::InterfaceDeclaration))
    }

    /// Files that may be programs, then the others.
    fn programs(&self) -> Vec<Word> {
        let mut files: Vec<&String> = self.listing.iter().filter(|path| !path.ends_with(".star")).collect();
        files.sort_by_key(|path| !is_program(path));
        files.into_iter().map(|path| word(path, "")).collect()
    }

    /// The usual port of the interface's protocol that no other interface has.
    fn usual_ports(&self, call: NodeId) -> Vec<Word> {
        let tree = self.snapshot.tree();
        let params = registry::find("interface").map_or(&[][..], |builtin| builtin.params);
        let text = Written::of(tree, call).text_of_parameter(tree, params, "protocol");
        let Some(protocol) = text.and_then(Protocol::from_name) else { return Vec::new() };
        let mut ports = vec![protocol::schema(protocol).default_port];
        if protocol == Protocol::Http {
            ports.push(8080);
        }
        let taken = self.ports();
        ports.retain(|port| *port != 0 && !taken.contains(port));
        ports.iter().map(|port| word(&port.to_string(), "usual port")).collect()
    }

    /// The ports of the interfaces of this file, each with the interface.
    fn known_ports(&self) -> Vec<Word> {
        let services = declarations::services(self.snapshot.file).into_iter();
        let shapes = services.filter_map(|service| self.inference.service(service.call));
        let of = |shape: &ServiceShape| -> Vec<Word> {
            let ports = shape.interfaces.iter().filter_map(|it| Some((it.port?, &it.name)));
            ports.map(|(port, name)| word(&port.to_string(), &format!("{}.{name}", shape.name))).collect()
        };
        shapes.flat_map(|shape| of(&shape)).collect()
    }

    /// The ports of the interfaces of this file.
    fn ports(&self) -> Vec<u16> {
        let services = declarations::services(self.snapshot.file).into_iter();
        let shapes = services.filter_map(|service| self.inference.service(service.call));
        shapes
            .flat_map(|shape| shape.interfaces.iter().filter_map(|it| it.port).collect::<Vec<_>>())
            .collect()
    }

    /// `localhost:` and the ports of the interfaces, those of the service around a call first.
    fn addresses(&self, call: NodeId, is_request: bool) -> Vec<Word> {
        let tree = self.snapshot.tree();
        let around: Vec<NodeId> = tree.ancestors(call).collect();
        let mut services = declarations::calls(self.snapshot.file, "service");
        services.sort_by_key(|service| !around.contains(service));
        let mut words = Vec::new();
        for service in services {
            let Some(shape) = self.inference.service(service) else { continue };
            for interface in &shape.interfaces {
                let Some(port) = interface.port else { continue };
                let path = match (interface.protocol, is_request) {
                    (Some(Protocol::Http), true) => "/health",
                    (Some(Protocol::Redis | Protocol::Postgres | Protocol::Udp), true)
                    | (Some(Protocol::Udp), false) => continue,
                    (Some(Protocol::Tcp) | None, true) | (_, false) => "",
                };
                let detail = format!("{}.{}", shape.name, interface.name);
                words.push(Word { text: format!("localhost:{port}{path}"), detail });
            }
        }
        words
    }

    /// The syscall that a fault is given to by keyword.
    fn faulted_syscall(&self, fault: NodeId) -> Option<&'static str> {
        let (call, keyword) = call_site::keyword_of_place(self.snapshot.tree(), fault)?;
        self.syscall_of(call, keyword)
    }

    /// The likeliest error of a syscall, or of the operation of that name.
    pub(super) fn likely_errno(&self, call: NodeId, keyword: &str) -> &'static str {
        let syscall = self.syscall_of(call, keyword);
        syscall.and_then(|syscall| syscall::likely_errors(syscall).next()).map_or("EIO", |errno| errno.name())
    }

    /// What a keyword of a call stands for: a syscall, or the first syscall of an operation of the target.
    fn syscall_of(&self, call: NodeId, keyword: &str) -> Option<&'static str> {
        let known = |name: &str| {
            domains::syscall_keywords().iter().find(|known| known.name == name).map(|known| known.name)
        };
        if let Some(name) = known(keyword) {
            return Some(name);
        }
        let tree = self.snapshot.tree();
        let NodeKind::Call { callee, .. } = tree.kind(call) else { return None };
        let builtin = registry::find(tree.text_of(*callee))?;
        let (shape, _) = callable::target_of(&self.inference, builtin, &Written::of(tree, call))?;
        let location = shape.location.as_ref()?;
        let file = self.snapshot.find(&location.path)?;
        let at = |service: &NodeId| file.tree().span(*service).start == location.span.start;
        let service = declarations::calls(file, "service").into_iter().find(at)?;
        let tree = file.tree();
        let NodeKind::Dict { entries } = tree.kind(Written::of(tree, service).keyword("ops")?) else {
            return None;
        };
        let operation = entries.iter().find_map(|&entry| match tree.kind(entry) {
            NodeKind::DictEntry { key, value } if tree.string_value(*key) == Some(keyword) => Some(*value),
            _ => None,
        })?;
        let params = registry::find("op")?.params;
        let syscalls = Written::of(tree, operation).parameter(params, "syscalls")?;
        declarations::items(tree, syscalls).first().and_then(|&first| known(tree.string_value(first)?))
    }

    /// The pairs of a matrix that are neither left out nor overridden, as text with `end` behind it.
    fn open_cells(&self, call: NodeId, end: &str) -> Vec<Word> {
        let tree = self.snapshot.tree();
        let written = Written::of(tree, call);
        let names = |word: &str| {
            let items = written.keyword(word).map_or(&[][..], |list| declarations::items(tree, list));
            let is_name =
                |id: &&NodeId| matches!(tree.kind(**id), NodeKind::Name | NodeKind::Attribute { .. });
            items.iter().filter(is_name).map(|&id| tree.text_of(id)).collect::<Vec<&str>>()
        };
        let named = self.named_cells(&written);
        let mut words = Vec::new();
        for scenario in names("scenarios") {
            for fault in names("faults") {
                if !named.contains(&(scenario, fault)) {
                    words.push(word(&format!("({scenario}, {fault}){end}"), "a cell"));
                }
            }
        }
        words
    }

    /// The pairs that `exclude=` and `overrides=` name.
    fn named_cells(&self, written: &Written) -> Vec<(&str, &str)> {
        let tree = self.snapshot.tree();
        let excluded = written.keyword("exclude").map_or(&[][..], |list| declarations::items(tree, list));
        let entries = match written.keyword("overrides").map(|dict| tree.kind(dict)) {
            Some(NodeKind::Dict { entries }) => entries.as_slice(),
            _ => &[],
        };
        let key = |&entry: &NodeId| match tree.kind(entry) {
            NodeKind::DictEntry { key, .. } => *key,
            _ => entry,
        };
        let pairs = excluded.iter().copied().chain(entries.iter().map(key));
        let pair = |tuple: NodeId| match declarations::items(tree, tuple) {
            [row, column] => Some((tree.text_of(*row), tree.text_of(*column))),
            _ => None,
        };
        pairs.filter_map(pair).collect()
    }

    /// `service.interface` for each interface of the services in scope.
    pub(super) fn interfaces(&self, list: &mut List) {
        let file = self.snapshot.file;
        for id in file.scopes.visible_at(file.tree(), self.offset) {
            let definition = file.scopes.definition(id);
            let Value::Service(shape) = self.inference.definition(file, definition) else { continue };
            for interface in &shape.interfaces {
                let label = format!("{}.{}", definition.name, interface.name);
                let protocol = interface.protocol.map_or("", Protocol::name);
                list.plain(Rank::Wanted, CompletionKind::Interface, &label, protocol, "");
            }
        }
    }
}

/// Texts that stand without quotes, and nothing else.
fn pairs(words: Vec<Word>) -> Expected {
    Expected { words: Some(words), is_strict: true, ..Expected::new(ParamType::Any, Domain::None) }
}

/// True for what looks like a program: built ones have no ending, scripts have one of a few.
pub(super) fn is_program(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    match name.rsplit_once('.') {
        None => is_plain || folder.split('/').any(|part| part == "bin"),
        Some((_, end)) => matches!(end, "sh" | "py" | "rb" | "js" | "pl" | "bin" | "exe" | "out"),
    }
}
