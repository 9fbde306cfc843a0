//! What a file's syntax tree says: its calls with the span of every argument, its functions, names and loads.
//!
//! Starlark knows only the span of a whole call. Findings point at the one argument that is wrong, so the tree is
//! walked once after parsing and the calls are kept by their span.

mod walk;

use crate::text::{FileId, Span};
use starlark::syntax::AstModule;
use std::collections::{BTreeMap, BTreeSet};

/// One file's outline.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// Every call by its start and end.
    pub calls: BTreeMap<(u32, u32), CallSite>,
    /// Every `def`, in the order written.
    pub functions: Vec<FunctionSite>,
    /// Every `lambda` by its start.
    pub lambdas: BTreeMap<u32, Body>,
    /// Names bound at the top level, in the order written; a name bound twice appears twice.
    pub globals: Vec<GlobalSite>,
    pub loads: Vec<LoadSite>,
    /// Names bound anywhere in the file, so that a builtin of the same name is not meant.
    pub bound: BTreeSet<String>,
    /// Names bound inside functions, lambdas and comprehensions, so that a global of the same name may not be meant.
    pub local: BTreeSet<String>,
    /// Names read, with their places.
    pub reads: Vec<(String, Span)>,
    /// Statements at the top level, in order.
    pub statements: Vec<Span>,
}

/// A call as written.
#[derive(Debug, Clone)]
pub struct CallSite {
    pub span: Span,
    /// What is called, such as `api.post`.
    pub callee: Callee,
    pub args: Vec<ArgSite>,
    /// The `def` the call stands in, by index; `None` at the top level.
    pub function: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callee {
    /// `service(...)`.
    Name(String),
    /// `api.public.post(...)`: the names in order.
    Path(Vec<String>, Span),
    Other,
}

/// One argument of a call.
#[derive(Debug, Clone)]
pub struct ArgSite {
    pub kind: ArgKind,
    /// The whole argument, `name=value`.
    pub span: Span,
    pub value: ExprSite,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgKind {
    Positional,
    Named(String, Span),
    /// `*args`.
    Spread,
    /// `**kwargs`.
    SpreadNamed,
}

/// As much of an expression as findings need.
#[derive(Debug, Clone)]
pub struct ExprSite {
    pub span: Span,
    pub shape: ExprShape,
    /// Attribute reads inside it, such as `r.status`, outermost first.
    pub attributes: Vec<(String, Span)>,
}

#[derive(Debug, Clone)]
pub enum ExprShape {
    Str(String),
    Bytes,
    Int(i64),
    Float,
    /// Items of a list or tuple.
    Items(Vec<Span>),
    /// Keys and values of a dict.
    Entries(Vec<(Span, Span)>),
    Name(String),
    /// `api.public`: the names in order.
    Path(Vec<String>),
    Lambda,
    Other,
}

/// A function as written.
#[derive(Debug, Clone)]
pub struct FunctionSite {
    pub name: String,
    pub name_span: Span,
    /// From `def` to the end of the signature.
    pub signature: Span,
    pub span: Span,
    pub body: Body,
    /// The `def` around it, by index.
    pub inside: Option<usize>,
}

/// What happens in a function's body, for checks that look before anything runs.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// Names that are called or passed on.
    pub names: BTreeSet<String>,
    /// Calls by their span, those of nested functions included.
    pub calls: Vec<(u32, u32)>,
    /// True when it gives True or False, as far as the text shows it: the lambda of a comparison.
    pub is_condition: bool,
}

#[derive(Debug, Clone)]
pub struct GlobalSite {
    pub name: String,
    pub span: Span,
    /// The whole statement.
    pub statement: Span,
}

#[derive(Debug, Clone)]
pub struct LoadSite {
    pub module: String,
    pub module_span: Span,
    pub span: Span,
    /// Local name, their name, and where their name stands.
    pub names: Vec<(String, String, Span)>,
}

impl Outline {
    pub(super) fn new(file: FileId, ast: &AstModule) -> Outline {
        walk::outline(file, ast)
    }

    pub fn call(&self, span: Span) -> Option<&CallSite> {
        self.calls.get(&(span.start, span.end))
    }

    /// The `def` of this name that is most likely meant: one at the top level before a nested one.
    pub fn function(&self, name: &str) -> Option<&FunctionSite> {
        let named = || self.functions.iter().filter(|function| function.name == name);
        named().find(|function| function.inside.is_none()).or_else(|| named().next())
    }
}
