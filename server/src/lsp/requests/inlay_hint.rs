//! `textDocument/inlayHint`: what each rule did in the last run, at the end of its line.

use crate::lsp::document::Document;
use crate::lsp::from_proto;
use crate::lsp::results::RuleEvidence;
use crate::lsp::state::World;
use crate::lsp::to_proto;
use std::collections::BTreeMap;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{InlayHint, InlayHintLabel, InlayHintParams, InlayHintTooltip, Position};

pub(in crate::lsp) fn handle(world: &World, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
    let document = super::document(world, &params.text_document.uri)?;
    let (start, end) = from_proto::range(&document.source, params.range, world.client.encoding);
    let hints = of_rules(world, document).into_iter().filter(|(at, _)| (start..=end).contains(at));
    Ok(Some(hints.map(|(_, hint)| hint).collect()))
}

/// One hint per line: a rule that several tests used says so.
fn of_rules(world: &World, document: &Document) -> Vec<(u32, InlayHint)> {
    let mut by_line: BTreeMap<u32, Vec<(&str, &RuleEvidence)>> = BTreeMap::new();
    for (test, result) in world.results.values().flat_map(|results| &results.tests) {
        for rule in &result.evidence {
            let Some(mark) = rule.mark.as_ref().filter(|mark| mark.path == *document.path()) else {
                continue;
            };
            let line = document.source.lines.position(mark.start).line;
            by_line.entry(line).or_default().push((test, rule));
        }
    }
    by_line.into_iter().map(|(line, rules)| hint(world, document, line, &rules)).collect()
}

fn hint(world: &World, document: &Document, line: u32, rules: &[(&str, &RuleEvidence)]) -> (u32, InlayHint) {
    let fired: u64 = rules.iter().map(|(_, rule)| rule.fired).sum();
    let label = match rules {
        [(_, only)] => only.summary.clone(),
        several if fired == 0 => several[0].1.summary.clone(),
        several => {
            let tests = several.iter().filter(|(_, rule)| rule.fired > 0).count();
            format!("fired {fired}x in {tests} of {} tests", several.len())
        }
    };
    let tooltip: Vec<String> =
        rules.iter().map(|(test, rule)| format!("{test}: {} {}", rule.rule, rule.summary)).collect();
    let start = document.source.lines.line_range(line).start;
    let at = start + document.source.line(line).len() as u32;
    let position: Position = to_proto::position(&document.source, at, world.client.encoding);
    let hint = InlayHint {
        position,
        label: InlayHintLabel::String(label),
        kind: None,
        text_edits: None,
        tooltip: Some(InlayHintTooltip::String(tooltip.join("\n"))),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    };
    (at, hint)
}
