//! Which keyword arguments give a parameter of a def or lambda, in whatever file and by whatever name it is called.

use super::call_site::Written;
use super::infer::Inference;
use super::mentions::{self, Use};
use super::value::{Function, Value};
use super::{FileView, Snapshot, references};
use crate::syntax::scope::{DefinitionId, DefinitionKind};
use crate::syntax::{ArgumentKind, NodeId, NodeKind, ParamKind, Tree};
use crate::text::Span;

/// How far one name may stand for another.
const DEPTH: u32 = 8;

/// A call that gives a parameter by its name, or may do so.
#[derive(Clone, Copy)]
pub(super) struct Giving<'a> {
    pub file: FileView<'a>,
    pub call: NodeId,
    /// The keyword; the whole call when it would be hidden in a `**dict`.
    pub span: Span,
    pub certainty: Certainty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// This function is called and no other.
    Certain,
    /// This function is called as far as the text tells; another may be.
    Likely,
    /// This function is called with a `**dict`, which may hold the parameter.
    Hidden,
    /// Nobody can tell which function is called, and this one goes where it cannot be followed.
    Possible,
}

/// Calls that give the parameter `id` of `file` by its name, in the files `within`.
pub(super) fn of_parameter<'a>(
    snapshot: Snapshot<'a>,
    file: FileView<'a>,
    id: DefinitionId,
    within: impl Iterator<Item = FileView<'a>>,
) -> Vec<Giving<'a>> {
    let Some(wanted) = Wanted::new(file, id) else { return Vec::new() };
    let mut found: Vec<Giving<'a>> = within.flat_map(|other| wanted.given_in(snapshot, other)).collect();
    let is_doubtful = |giving: &Giving<'_>| giving.certainty == Certainty::Possible;
    if found.iter().any(is_doubtful) && !wanted.escapes(snapshot) {
        found.retain(|giving| !is_doubtful(giving));
    }
    found
}

/// True when a call gives a keyword of this name.
pub(super) fn gives(file: FileView<'_>, call: NodeId, name: &str) -> bool {
    Written::of(file.tree(), call).keyword(name).is_some()
}

/// The parameter that is looked for.
struct Wanted<'a> {
    file: FileView<'a>,
    function: NodeId,
    name: &'a str,
    index: usize,
}

impl<'a> Wanted<'a> {
    /// `None` for what no keyword can give, such as `*args`.
    fn new(file: FileView<'a>, id: DefinitionId) -> Option<Wanted<'a>> {
        let tree = file.tree();
        let definition = file.scopes.definition(id);
        let param = definition.bindings.first()?.node;
        let NodeKind::Param { kind: ParamKind::Plain, .. } = tree.kind(param) else { return None };
        let function = tree.parent(param)?;
        let (NodeKind::Def { params, .. } | NodeKind::Lambda { params, .. }) = tree.kind(function) else {
            return None;
        };
        let index = params.iter().position(|&other| other == param)?;
        Some(Wanted { file, function, name: &definition.name, index })
    }

    fn given_in(&self, snapshot: Snapshot<'a>, file: FileView<'a>) -> Vec<Giving<'a>> {
        let tree = file.tree();
        let giving = |call: NodeId| {
            let NodeKind::Call { callee, args, .. } = tree.kind(call) else { return None };
            // A quick look spares most calls the rest.
            if !args.iter().any(|&argument| self.may_be_in(tree, argument)) {
                return None;
            }
            let written = Written::of(tree, call);
            let keyword = written.keywords.iter().find(|(_, word, _)| word == self.name);
            let is_open = written.has_kwargs && written.positional.len() <= self.index;
            let span = match keyword {
                Some((name, ..)) => name.span,
                None if is_open => tree.span(call),
                None => return None,
            };
            let is_plain = is_plain(file, *callee, DEPTH);
            let certainty = match Inference::new(snapshot).value(file, *callee) {
                Value::Function(called) if self.is(&called) => match (keyword, is_plain) {
                    (None, _) => Certainty::Hidden,
                    (Some(_), true) => Certainty::Certain,
                    (Some(_), false) => Certainty::Likely,
                },
                Value::Function(_) if !is_plain && keyword.is_some() => Certainty::Possible,
                Value::Unknown if keyword.is_some() && may_be_any(snapshot, file, *callee) => {
                    Certainty::Possible
                }
                _ => return None,
            };
            Some(Giving { file, call, span, certainty })
        };
        tree.ids().filter_map(giving).collect()
    }

    /// True for the keyword itself, and for a `**dict`.
    fn may_be_in(&self, tree: &Tree, argument: NodeId) -> bool {
        match tree.kind(argument) {
            NodeKind::Argument { kind: ArgumentKind::Keyword(name), .. } => tree.str(name.span) == self.name,
            NodeKind::Argument { kind: ArgumentKind::Kwargs, .. } => true,
            _ => false,
        }
    }

    fn is(&self, called: &Function<'_>) -> bool {
        called.node == self.function && called.file.path == self.file.path
    }

    /// True when the function is handed to somebody who may call it by a name of their own.
    fn escapes(&self, snapshot: Snapshot<'a>) -> bool {
        match self.file.scopes.resolve(self.function) {
            Some(id) => name_leaks(snapshot, self.file, id, DEPTH),
            None => leaks(snapshot, self.file, self.function, DEPTH),
        }
    }
}

/// True when what a name stands for leaks where it is used, here or in a file that loads it.
fn name_leaks(snapshot: Snapshot<'_>, file: FileView<'_>, id: DefinitionId, depth: u32) -> bool {
    let definition = file.scopes.definition(id);
    let Some(depth) = depth.checked_sub(1) else { return true };
    if definition.bindings.len() > 1 || definition.uses.iter().any(|&at| leaks(snapshot, file, at, depth)) {
        return true;
    }
    let mut others = snapshot.files().filter(|other| definition.is_global && other.path != file.path);
    others.any(|other| {
        let locals = references::loading(snapshot, other, file, id).into_iter();
        let mut uses = locals.flat_map(|(_, local)| &other.scopes.definition(local).uses);
        uses.any(|&at| leaks(snapshot, other, at, depth))
    })
}

/// True when a mention of a function is neither called on the spot, nor given to a builtin, nor only given a name.
fn leaks(snapshot: Snapshot<'_>, file: FileView<'_>, mention: NodeId, depth: u32) -> bool {
    let tree = file.tree();
    let mention = with_brackets(tree, mention);
    if matches!(mentions::use_of(tree, mention), Use::Called { .. }) {
        return false;
    }
    let Some(parent) = tree.parent(mention) else { return false };
    match tree.kind(parent) {
        NodeKind::ExprStatement { .. } => false,
        NodeKind::Argument { .. } => match tree.parent(parent).map(|call| tree.kind(call)) {
            Some(NodeKind::Call { callee, .. }) => {
                !matches!(Inference::new(snapshot).value(file, *callee), Value::Builtin(_))
            }
            _ => true,
        },
        NodeKind::Assign { target, value, .. } if *value == mention => {
            file.scopes.resolve(*target).is_none_or(|named| name_leaks(snapshot, file, named, depth))
        }
        _ => true,
    }
}

fn with_brackets(tree: &Tree, mut node: NodeId) -> NodeId {
    while let Some(parent) = tree.parent(node).filter(|&at| matches!(tree.kind(at), NodeKind::Paren { .. })) {
        node = parent;
    }
    node
}

/// True when a callee without a known value may be any function: neither a name of the language nor a method of text.
fn may_be_any(snapshot: Snapshot<'_>, file: FileView<'_>, callee: NodeId) -> bool {
    match file.tree().kind(callee) {
        NodeKind::Name => file.scopes.resolve(callee).is_some(),
        NodeKind::Attribute { object, .. } => {
            matches!(Inference::new(snapshot).value(file, *object), Value::Unknown | Value::Struct(_))
        }
        _ => true,
    }
}

/// True when a callee can stand for one function only.
fn is_plain(file: FileView<'_>, callee: NodeId, depth: u32) -> bool {
    let tree = file.tree();
    let Some(depth) = depth.checked_sub(1) else { return false };
    match tree.kind(callee) {
        NodeKind::Lambda { .. } => true,
        NodeKind::Paren { inner } => is_plain(file, *inner, depth),
        NodeKind::Attribute { object, .. } => is_plain(file, *object, depth),
        // `struct(f = helper).f(...)`
        NodeKind::Call { callee, .. } => tree.text_of(*callee) == "struct",
        NodeKind::Name => {
            let Some(id) = file.scopes.resolve(callee) else { return false };
            let definition = file.scopes.definition(id);
            let [binding] = definition.bindings.as_slice() else { return false };
            match (definition.kind, tree.parent(binding.node).map(|parent| tree.kind(parent))) {
                (DefinitionKind::Function | DefinitionKind::Loaded, _) => true,
                (DefinitionKind::Variable, Some(NodeKind::Assign { target, value, .. })) => {
                    *target == binding.node && is_plain(file, *value, depth)
                }
                _ => false,
            }
        }
        _ => false,
    }
}
