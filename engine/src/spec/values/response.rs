//! What a step gave back, as specs read it.

use crate::model::StepReply;
use crate::spec::convert;
use crate::spec::failure::AttrRead;
use crate::spec::session::{Reads, note_read};
use allocative::Allocative;
use derive_more::Display;
use starlark::any::ProvidesStaticType;
use starlark::environment::{Methods, MethodsBuilder, MethodsStatic};
use starlark::values::bytes::StarlarkBytes;
use starlark::values::none::NoneOr;
use starlark::values::{Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value};
use starlark::{starlark_module, starlark_simple_value};
use std::sync::{Arc, Mutex};

/// Longest text of a value in a failure.
const MAX_SHOWN: usize = 200;

/// A reply. Every attribute read is remembered until the next assertion, so that a failure can say where the judged
/// value came from.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<response status={} ok={}>", reply.status, if reply.ok { "True" } else { "False" })]
pub(in crate::spec) struct ResponseValue {
    #[allocative(skip)]
    pub reply: Arc<StepReply>,
    #[allocative(skip)]
    pub reads: Arc<Mutex<Reads>>,
}

/// Header names without case, values as text; several of one name are joined with `, ` (RFC 9110, section 5.3).
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("{{{}}}", self.shown())]
pub(in crate::spec) struct HeadersValue {
    #[allocative(skip)]
    pub reply: Arc<StepReply>,
}

starlark_simple_value!(ResponseValue);
starlark_simple_value!(HeadersValue);

const ATTRIBUTES: [&str; 8] =
    ["status", "body", "body_bytes", "data", "headers", "ok", "error", "duration_ms"];

#[starlark_value(type = "response")]
impl<'v> StarlarkValue<'v> for ResponseValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        let reply = &self.reply;
        let value = match attribute {
            "status" => heap.alloc(reply.status),
            "body" => heap.alloc(reply.body.as_str()),
            "body_bytes" => {
                heap.alloc(StarlarkBytes::new(reply.raw.as_deref().unwrap_or(reply.body.as_bytes())))
            }
            "data" => convert::from_data(&reply.data, heap),
            "headers" => heap.alloc(HeadersValue { reply: Arc::clone(reply) }),
            "ok" => Value::new_bool(reply.ok),
            "error" => heap.alloc(reply.error.as_str()),
            "duration_ms" => heap.alloc(i64::try_from(reply.duration.as_millis()).unwrap_or(i64::MAX)),
            _ => return None,
        };
        let shown = if attribute == "data" { reply.data.to_string() } else { value.to_repr() };
        let value_text = shown.chars().take(MAX_SHOWN).collect();
        let read = AttrRead { step: reply.step, attr: attribute.to_owned(), value: value_text };
        note_read(&self.reads, read);
        Some(value)
    }

    fn has_attr(&self, attribute: &str, _heap: Heap<'v>) -> bool {
        ATTRIBUTES.contains(&attribute)
    }

    fn dir_attr(&self) -> Vec<String> {
        ATTRIBUTES.map(str::to_owned).to_vec()
    }

    fn to_bool(&self) -> bool {
        self.reply.ok
    }
}

impl HeadersValue {
    fn lookup(&self, name: &str) -> Option<String> {
        let mut values = self.reply.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let mut all = values.next()?.1.clone();
        for (_, value) in values {
            all.push_str(", ");
            all.push_str(value);
        }
        Some(all)
    }

    /// The headers as a dict would be written.
    fn shown(&self) -> String {
        let entry = |name: &String| format!("{name:?}: {:?}", self.lookup(name).unwrap_or_default());
        self.names().iter().map(entry).collect::<Vec<_>>().join(", ")
    }

    /// Names in lower case, each once, in the order received.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in &self.reply.headers {
            let name = name.to_ascii_lowercase();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

#[starlark_value(type = "headers")]
impl<'v> StarlarkValue<'v> for HeadersValue {
    fn get_methods() -> Option<&'static Methods> {
        static METHODS: MethodsStatic = MethodsStatic::new("headers", header_methods);
        Some(METHODS.methods())
    }

    fn at(&self, index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let name = index.unpack_str().unwrap_or_default();
        match self.lookup(name) {
            Some(value) => Ok(heap.alloc(value)),
            None => {
                let names = self.names();
                Err(starlark::Error::new_native(NoHeader { name: name.to_owned(), names: names.join(", ") }))
            }
        }
    }

    fn is_in(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.unpack_str().is_some_and(|name| self.lookup(name).is_some()))
    }

    fn iterate_collect(&self, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        Ok(self.names().into_iter().map(|name| heap.alloc(name)).collect())
    }

    fn length(&self) -> starlark::Result<i32> {
        Ok(i32::try_from(self.names().len()).unwrap_or(i32::MAX))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the response has no header \"{name}\"; it has: {names}")]
struct NoHeader {
    name: String,
    names: String,
}

#[starlark_module]
fn header_methods(builder: &mut MethodsBuilder) {
    /// The value of a header, or the default.
    fn get<'v>(
        this: &HeadersValue,
        #[starlark(require = pos)] name: &str,
        #[starlark(require = pos, default = NoneOr::None)] default: NoneOr<Value<'v>>,
        heap: Heap<'v>,
    ) -> starlark::Result<Value<'v>> {
        let value = this.lookup(name).map(|value| heap.alloc(value));
        Ok(value.or(default.into_option()).unwrap_or_else(Value::new_none))
    }

    /// Names in lower case.
    fn keys(this: &HeadersValue) -> starlark::Result<Vec<String>> {
        Ok(this.names())
    }

    /// Pairs of name and value.
    fn items(this: &HeadersValue) -> starlark::Result<Vec<(String, String)>> {
        let names = this.names().into_iter();
        Ok(names.filter_map(|name| this.lookup(&name).map(|value| (name, value))).collect())
    }
}
