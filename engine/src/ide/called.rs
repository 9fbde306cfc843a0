//! What a call gives back: a builtin of the language, a function of Starlark or of the spec, a step.

use super::FileView;
use super::call_site::{self, Written};
use super::infer::Inference;
use super::service_shape;
use super::value::Value;
use crate::model::Returns;
use crate::spec::registry::Builtin;
use crate::syntax::{ArgumentKind, NodeId, NodeKind};
use std::rc::Rc;

impl<'a> Inference<'a> {
    /// What a call gives back.
    pub(super) fn call(&self, file: FileView<'a>, call: NodeId, callee: NodeId) -> Value<'a> {
        if file.scopes.resolve(callee).is_none()
            && let Some(made) = self.standard(file, call, file.tree().text_of(callee))
        {
            return made;
        }
        match self.value(file, callee) {
            Value::Builtin(builtin) => self.built(file, call, builtin),
            Value::Step(_, _, step) => match step.returns {
                Returns::Response => Value::Response,
                Returns::Text => self.plain_answer(file, call),
            },
            Value::Function(function) => self.returned(function),
            _ => Value::Unknown,
        }
    }

    /// What a step with a plain answer gives back: bytes for bytes.
    fn plain_answer(&self, file: FileView<'a>, call: NodeId) -> Value<'a> {
        let written = Written::of(file.tree(), call);
        let data = written.keyword("data").or_else(|| written.positional.first().copied());
        match data.map(|data| self.value(file, data)) {
            None | Some(Value::Str) => Value::Str,
            Some(Value::Bytes) => Value::Bytes,
            Some(_) if self.is_strict => Value::Unknown,
            Some(_) => Value::Str,
        }
    }

    /// What a builtin gives back.
    fn built(&self, file: FileView<'a>, call: NodeId, builtin: &'static Builtin) -> Value<'a> {
        let written = Written::of(file.tree(), call);
        match builtin.returns {
            "service" => Value::Service(Rc::new(service_shape::written(self, file, call))),
            "interface" => Value::InterfaceDeclaration,
            "healthcheck" => Value::Healthcheck,
            "op" => Value::Operation,
            "syscall fault" | "protocol rule" => match call_site::form(builtin, &written).returns {
                "syscall fault" => Value::Fault,
                _ => Value::Rule,
            },
            "pattern" => Value::Pattern,
            "fault_assumption" => {
                let name = written.text_of_parameter(file.tree(), builtin.params, "name");
                Value::Assumption(name.unwrap_or_default().to_owned())
            }
            "what run returns" => match written.keyword("run").map(|run| self.value(file, run)) {
                Some(Value::Function(function)) => self.returned(function),
                _ => Value::Unknown,
            },
            "str" => Value::Str,
            "bytes" => Value::Bytes,
            "int" => Value::Int,
            "list" => Value::list(Value::Unknown),
            "data" => Value::Data,
            "None" => Value::None,
            _ => Value::Unknown,
        }
    }

    /// What a function of Starlark itself gives back.
    fn standard(&self, file: FileView<'a>, call: NodeId, name: &str) -> Option<Value<'a>> {
        Some(match name {
            // Which fields `**dict` gives is not seen.
            "struct" if self.is_strict && Written::of(file.tree(), call).has_kwargs => Value::Unknown,
            "struct" => Value::structure(self.fields(file, call)),
            "str" | "repr" | "type" | "chr" => Value::Str,
            "bytes" => Value::Bytes,
            "len" | "int" | "ord" | "hash" => Value::Int,
            "float" => Value::Float,
            "bool" | "all" | "any" | "hasattr" => Value::Bool,
            "dict" => Value::Dict,
            "range" => Value::list(Value::Int),
            "list" | "tuple" | "sorted" | "reversed" => {
                match Written::of(file.tree(), call).positional.first().map(|&items| self.value(file, items))
                {
                    Some(list @ Value::List(_)) => list,
                    _ => Value::list(Value::Unknown),
                }
            }
            _ => return None,
        })
    }

    fn fields(&self, file: FileView<'a>, call: NodeId) -> Vec<(String, Value<'a>)> {
        let tree = file.tree();
        let NodeKind::Call { args, .. } = tree.kind(call) else { return Vec::new() };
        let field = |&arg: &NodeId| match tree.kind(arg) {
            NodeKind::Argument { kind: ArgumentKind::Keyword(name), value } => {
                Some((tree.str(name.span).to_owned(), self.value(file, *value)))
            }
            _ => None,
        };
        args.iter().filter_map(field).collect()
    }
}
