//! The walk over the tree.

use super::{
    ArgKind, ArgSite, Body, CallSite, Callee, ExprShape, ExprSite, FunctionSite, GlobalSite, LoadSite,
    Outline,
};
use crate::text::{FileId, Span};
use starlark::codemap;
use starlark::syntax::AstModule;
use starlark_syntax::syntax::ast::{
    ArgumentP, AssignTargetP, AstArgument, AstAssignTarget, AstExpr, AstLiteral, AstNoPayload, AstParameter,
    AstStmt, BinOp, Clause, Expr, ForClause, ParameterP, Stmt,
};
use starlark_syntax::syntax::uniplate::Visit;

pub(super) fn outline(file: FileId, ast: &AstModule) -> Outline {
    let mut walker = Walker { file, outline: Outline::default(), function: None };
    walker.top_level(ast.statement());
    walker.outline
}

struct Walker {
    file: FileId,
    outline: Outline,
    function: Option<usize>,
}

impl Walker {
    fn span(&self, span: codemap::Span) -> Span {
        Span::new(self.file, span.begin().get(), span.end().get())
    }

    fn top_level(&mut self, statement: &AstStmt) {
        match &statement.node {
            Stmt::Statements(statements) => statements.iter().for_each(|each| self.top_level(each)),
            Stmt::Load(load) => {
                let names = load.args.iter().map(|arg| {
                    (arg.local.node.ident.clone(), arg.their.node.clone(), self.span(arg.their.span))
                });
                let site = LoadSite {
                    module: load.module.node.clone(),
                    module_span: self.span(load.module.span),
                    span: self.span(statement.span),
                    names: names.collect(),
                };
                self.outline.bound.extend(site.names.iter().map(|(local, ..)| local.clone()));
                self.outline.statements.push(site.span);
                self.outline.loads.push(site);
            }
            _ => {
                let span = self.span(statement.span);
                self.outline.statements.push(span);
                self.globals(statement, span);
                self.statement(statement);
            }
        }
    }

    /// Notes the names a top-level statement binds, blocks included.
    fn globals(&mut self, statement: &AstStmt, whole: Span) {
        match &statement.node {
            Stmt::Assign(assign) => self.targets(&assign.lhs, Some(whole)),
            Stmt::AssignModify(target, ..) => self.targets(target, Some(whole)),
            Stmt::Def(def) => {
                let name = def.name.node.ident.clone();
                let span = self.span(def.name.span);
                self.outline.globals.push(GlobalSite { name, span, statement: whole });
            }
            Stmt::For(each) => {
                self.targets(&each.var, Some(whole));
                self.globals(&each.body, whole);
            }
            Stmt::If(_, body) => self.globals(body, whole),
            Stmt::IfElse(_, both) => {
                self.globals(&both.0, whole);
                self.globals(&both.1, whole);
            }
            Stmt::Statements(statements) => statements.iter().for_each(|each| self.globals(each, whole)),
            _ => {}
        }
    }

    fn targets(&mut self, target: &AstAssignTarget, global: Option<Span>) {
        match &target.node {
            AssignTargetP::Tuple(parts) => parts.iter().for_each(|part| self.targets(part, global)),
            AssignTargetP::Identifier(name) => {
                self.bind(&name.node.ident);
                if let Some(statement) = global {
                    let (name, span) = (name.node.ident.clone(), self.span(name.span));
                    self.outline.globals.push(GlobalSite { name, span, statement });
                }
            }
            AssignTargetP::Index(_) | AssignTargetP::Dot(..) => {}
        }
    }

    /// Notes a name that is bound; inside a function it is a local one.
    fn bind(&mut self, name: &str) {
        self.outline.bound.insert(name.to_owned());
        if self.function.is_some() {
            self.outline.local.insert(name.to_owned());
        }
    }

    /// Notes a parameter or a comprehension's variable.
    fn bind_local(&mut self, name: &str) {
        self.outline.bound.insert(name.to_owned());
        self.outline.local.insert(name.to_owned());
    }

    fn statement(&mut self, statement: &AstStmt) {
        match &statement.node {
            Stmt::Def(def) => {
                self.bind(&def.name.node.ident);
                self.parameters(&def.params);
                let signature =
                    Span { end: self.span(def.signature_span()).end, ..self.span(statement.span) };
                let index = self.outline.functions.len();
                self.outline.functions.push(FunctionSite {
                    name: def.name.node.ident.clone(),
                    name_span: self.span(def.name.span),
                    signature,
                    span: self.span(statement.span),
                    body: body_of(&def.body),
                    inside: self.function,
                });
                let outer = self.function.replace(index);
                self.children(Visit::Stmt(&def.body));
                self.function = outer;
            }
            Stmt::Assign(assign) => {
                self.targets(&assign.lhs, None);
                self.visit_children_of_statement(statement);
            }
            Stmt::AssignModify(target, ..) => {
                self.targets(target, None);
                self.visit_children_of_statement(statement);
            }
            Stmt::For(each) => {
                self.targets(&each.var, None);
                self.visit_children_of_statement(statement);
            }
            _ => self.visit_children_of_statement(statement),
        }
    }

    fn visit_children_of_statement(&mut self, statement: &AstStmt) {
        Visit::Stmt(statement).visit_children(|child| self.children(child));
    }

    fn children(&mut self, node: Visit<'_, AstNoPayload>) {
        match node {
            Visit::Stmt(statement) => self.statement(statement),
            Visit::Expr(expr) => self.expr(expr),
        }
    }

    fn parameters(&mut self, params: &[AstParameter]) {
        for param in params {
            if let Some(name) = param.node.ident() {
                self.bind_local(&name.node.ident);
            }
            if let ParameterP::Normal(_, _, Some(default)) = &param.node {
                self.expr(default);
            }
        }
    }

    fn clause(&mut self, clause: &ForClause) {
        self.targets(&clause.var, None);
        let mut names = Vec::new();
        target_names(&clause.var, &mut names);
        for name in names {
            self.bind_local(&name);
        }
    }

    fn expr(&mut self, expr: &AstExpr) {
        match &expr.node {
            Expr::Call(callee, args) => {
                let span = self.span(expr.span);
                let args = args.args.iter().map(|arg| self.argument(arg)).collect();
                let site = CallSite { span, callee: self.callee(callee), args, function: self.function };
                self.outline.calls.insert((span.start, span.end), site);
            }
            Expr::Identifier(name) => {
                let span = self.span(expr.span);
                self.outline.reads.push((name.node.ident.clone(), span));
            }
            Expr::Lambda(lambda) => {
                self.parameters(&lambda.params);
                let start = expr.span.begin().get();
                self.outline.lambdas.insert(start, body_of_expr(&lambda.body));
            }
            Expr::ListComprehension(_, first, rest) | Expr::DictComprehension(_, first, rest) => {
                self.clause(first);
                for clause in rest {
                    if let Clause::For(clause) = clause {
                        self.clause(clause);
                    }
                }
            }
            _ => {}
        }
        expr.node.visit_expr(|child| self.expr(child));
    }

    fn callee(&self, callee: &AstExpr) -> Callee {
        let mut names = Vec::new();
        let mut at = callee;
        loop {
            match &at.node {
                Expr::Dot(object, name) => {
                    names.push(name.node.clone());
                    at = object;
                }
                Expr::Identifier(name) => {
                    names.push(name.node.ident.clone());
                    break;
                }
                _ => return Callee::Other,
            }
        }
        names.reverse();
        match names.as_slice() {
            [only] => Callee::Name(only.clone()),
            _ => Callee::Path(names, self.span(callee.span)),
        }
    }

    fn argument(&self, arg: &AstArgument) -> ArgSite {
        let (kind, value) = match &arg.node {
            ArgumentP::Positional(value) => (ArgKind::Positional, value),
            ArgumentP::Named(name, value) => (ArgKind::Named(name.node.clone(), self.span(name.span)), value),
            ArgumentP::Args(value) => (ArgKind::Spread, value),
            ArgumentP::KwArgs(value) => (ArgKind::SpreadNamed, value),
        };
        ArgSite { kind, span: self.span(arg.span), value: self.expr_site(value) }
    }

    fn expr_site(&self, expr: &AstExpr) -> ExprSite {
        let spans = |items: &[AstExpr]| items.iter().map(|item| self.span(item.span)).collect();
        let shape = match &expr.node {
            Expr::Literal(AstLiteral::String(text)) => ExprShape::Str(text.node.clone()),
            Expr::Literal(AstLiteral::Bytes(_)) => ExprShape::Bytes,
            Expr::Literal(AstLiteral::Int(int)) => {
                int.node.to_string().parse().map_or(ExprShape::Other, ExprShape::Int)
            }
            Expr::Literal(AstLiteral::Float(_)) => ExprShape::Float,
            Expr::List(items) | Expr::Tuple(items) => ExprShape::Items(spans(items)),
            Expr::Dict(entries) => ExprShape::Entries(
                entries.iter().map(|(key, value)| (self.span(key.span), self.span(value.span))).collect(),
            ),
            Expr::Identifier(name) => ExprShape::Name(name.node.ident.clone()),
            Expr::Dot(..) => match self.callee(expr) {
                Callee::Path(names, _) => ExprShape::Path(names),
                Callee::Name(_) | Callee::Other => ExprShape::Other,
            },
            Expr::Lambda(_) => ExprShape::Lambda,
            _ => ExprShape::Other,
        };
        let mut attributes = Vec::new();
        self.attributes(expr, &mut attributes);
        ExprSite { span: self.span(expr.span), shape, attributes }
    }

    fn attributes(&self, expr: &AstExpr, into: &mut Vec<(String, Span)>) {
        if let Expr::Dot(_, name) = &expr.node {
            into.push((name.node.clone(), self.span(expr.span)));
        }
        expr.node.visit_expr(|child| self.attributes(child, into));
    }
}

fn target_names(target: &AstAssignTarget, into: &mut Vec<String>) {
    match &target.node {
        AssignTargetP::Tuple(parts) => parts.iter().for_each(|part| target_names(part, into)),
        AssignTargetP::Identifier(name) => into.push(name.node.ident.clone()),
        AssignTargetP::Index(_) | AssignTargetP::Dot(..) => {}
    }
}

fn body_of(statement: &AstStmt) -> Body {
    let mut body = Body::default();
    statement.node.visit_expr(|expr| note(expr, &mut body));
    body
}

fn body_of_expr(expr: &AstExpr) -> Body {
    let mut body = Body { is_condition: is_condition(expr), ..Body::default() };
    note(expr, &mut body);
    body
}

fn is_condition(expr: &AstExpr) -> bool {
    match &expr.node {
        Expr::Not(_) => true,
        Expr::Op(left, BinOp::And | BinOp::Or, right) => is_condition(left) || is_condition(right),
        Expr::Op(_, operator, _) => matches!(
            operator,
            BinOp::Equal
                | BinOp::NotEqual
                | BinOp::Less
                | BinOp::Greater
                | BinOp::LessOrEqual
                | BinOp::GreaterOrEqual
                | BinOp::In
                | BinOp::NotIn
        ),
        _ => false,
    }
}

fn note(expr: &AstExpr, body: &mut Body) {
    match &expr.node {
        Expr::Call(..) => body.calls.push((expr.span.begin().get(), expr.span.end().get())),
        Expr::Identifier(name) => {
            body.names.insert(name.node.ident.clone());
        }
        _ => {}
    }
    expr.node.visit_expr(|child| note(child, body));
}
