//! `faultbox/results`: the last outcome of each test of a file.

use crate::lsp::ext::DocumentParams;
use crate::lsp::state::World;
use serde_json::{Map, Value, json};
use tower_lsp::jsonrpc::Result;

pub(in crate::lsp) fn handle(world: &World, params: DocumentParams) -> Result<Value> {
    let mut results = Map::new();
    for (name, result) in world.results(&params.text_document.uri).iter().flat_map(|results| &results.tests) {
        results.insert(name.clone(), json!(result.view()));
    }
    Ok(json!({ "results": results }))
}
