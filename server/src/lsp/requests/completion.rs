//! `textDocument/completion`

use crate::lsp::document::Document;
use crate::lsp::state::World;
use faultbox_engine::ide::completion::{self, Completion, CompletionKind, Shown};
use faultbox_engine::syntax::cursor::{self, Context};
use std::fs::DirEntry;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::*;

/// How many files are offered in a path.
const MAX_LISTED: usize = 500;

/// How many entries of folders are looked at for it.
const MAX_ENTRIES: usize = 5_000;

/// How deep below the spec's folder files are offered.
const MAX_DEPTH: usize = 3;

pub(in crate::lsp) fn handle(world: &World, params: CompletionParams) -> Result<Option<CompletionResponse>> {
    let (document, offset) = super::at(world, &params.text_document_position)?;
    let listing = listing(document, offset);
    let found = world.with_snapshot(document, |snapshot| completion::completions(snapshot, offset, &listing));
    let start = found.first().map_or(offset, |first| first.replace.start);
    let typed = document.parsed().tree.text.get(start as usize..offset as usize).unwrap_or("");
    let Shown { items, is_complete } = completion::shown(found, typed);
    let items = items.into_iter().enumerate().map(|(at, found)| item(world, document, at, found)).collect();
    Ok(Some(match is_complete {
        true => CompletionResponse::Array(items),
        false => CompletionResponse::List(CompletionList { is_incomplete: true, items }),
    }))
}

fn item(world: &World, document: &Document, at: usize, found: Completion) -> CompletionItem {
    let range = super::range(world, document, found.replace.start, found.replace.end);
    let as_snippet = found.is_snippet && world.client.snippets;
    let new_text = if found.is_snippet && !as_snippet { found.label.clone() } else { found.insert };
    // An edit must stay within a line; in a text over several lines the client replaces the word it sees.
    let one_line = range.start.line == range.end.line;
    let markdown = |value| MarkupContent { kind: MarkupKind::Markdown, value };
    CompletionItem {
        label: found.label,
        kind: Some(kind(found.kind)),
        detail: (!found.detail.is_empty()).then_some(found.detail),
        documentation: (!found.doc.is_empty()).then(|| Documentation::MarkupContent(markdown(found.doc))),
        sort_text: Some(format!("{at:05}")),
        insert_text: (!one_line).then(|| new_text.clone()),
        insert_text_format: as_snippet.then_some(InsertTextFormat::SNIPPET),
        text_edit: one_line.then_some(CompletionTextEdit::Edit(TextEdit { range, new_text })),
        ..CompletionItem::default()
    }
}

fn kind(kind: CompletionKind) -> CompletionItemKind {
    match kind {
        CompletionKind::Keyword => CompletionItemKind::KEYWORD,
        CompletionKind::Builtin | CompletionKind::Function => CompletionItemKind::FUNCTION,
        CompletionKind::Variable => CompletionItemKind::VARIABLE,
        CompletionKind::Service => CompletionItemKind::CLASS,
        CompletionKind::Interface => CompletionItemKind::INTERFACE,
        CompletionKind::Method => CompletionItemKind::METHOD,
        CompletionKind::Property | CompletionKind::Argument => CompletionItemKind::PROPERTY,
        CompletionKind::Assumption => CompletionItemKind::EVENT,
        CompletionKind::Value => CompletionItemKind::ENUM_MEMBER,
        CompletionKind::File => CompletionItemKind::FILE,
    }
}

/// Files below the spec's folder, as paths from there, programs first; nothing where no path can stand.
fn listing(document: &Document, offset: u32) -> Vec<String> {
    let context = cursor::at(document.parsed(), offset).context;
    if !matches!(context, Context::String { .. } | Context::LoadPath { .. }) {
        return Vec::new();
    }
    let mut list = List { files: Vec::new(), entries_left: MAX_ENTRIES };
    if let Some(folder) = document.path().parent().filter(|folder| folder.is_absolute()) {
        list.add(folder, "", 0);
    }
    list.files.sort();
    list.files.into_iter().map(|(_, path)| path).collect()
}

/// Files that were found, each with `false` when it can be executed.
struct List {
    files: Vec<(bool, String)>,
    entries_left: usize,
}

impl List {
    fn add(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries.flatten() {
            if self.entries_left == 0 || self.files.len() >= MAX_LISTED {
                return;
            }
            self.entries_left -= 1;
            self.entry(&entry, prefix, depth);
        }
    }

    fn entry(&mut self, entry: &DirEntry, prefix: &str, depth: usize) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "node_modules" || name == "target" {
            return;
        }
        let path = format!("{prefix}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth + 1 < MAX_DEPTH => {
                self.add(&entry.path(), &format!("{path}/"), depth + 1);
            }
            Ok(kind) if kind.is_file() => {
                let can_run = entry.metadata().is_ok_and(|data| data.permissions().mode() & 0o111 != 0);
                self.files.push((!can_run, path));
            }
            _ => {}
        }
    }
}
