//! What a function can reach: the functions it names, and those they name, over all files.

use crate::model::CallableId;
use crate::spec::Loaded;
use crate::spec::outline::{Body, CallSite, FunctionSite};
use crate::text::{FileId, Span};
use std::collections::BTreeSet;

/// A body with the file it stands in.
#[derive(Clone, Copy)]
pub(super) struct Reached<'l> {
    pub file: FileId,
    pub body: &'l Body,
}

/// The body of a registered function and of everything it reaches. Empty when the spec has errors.
pub(super) fn bodies(loaded: &Loaded, id: CallableId) -> Vec<Reached<'_>> {
    let Some(program) = &loaded.program else { return Vec::new() };
    let span = program.span(id);
    let first = match program.name(id) {
        "lambda" => lambda(loaded, span),
        name => function(loaded, name, span.file).map(|(file, site)| Reached { file, body: &site.body }),
    };
    let mut reached: Vec<Reached<'_>> = first.into_iter().collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut next = 0;
    while let Some(&Reached { file, body }) = reached.get(next) {
        next += 1;
        for name in &body.names {
            if !seen.insert(name) {
                continue;
            }
            if let Some((file, site)) = function(loaded, name, file) {
                reached.push(Reached { file, body: &site.body });
            }
        }
    }
    reached
}

/// Calls made by these bodies, as written.
pub(super) fn calls<'l>(loaded: &'l Loaded, reached: &[Reached<'l>]) -> Vec<&'l CallSite> {
    let mut sites = Vec::new();
    for each in reached {
        let calls = &loaded.outlines[each.file.0 as usize].calls;
        sites.extend(each.body.calls.iter().filter_map(|at| calls.get(at)));
    }
    sites
}

fn lambda(loaded: &Loaded, span: Span) -> Option<Reached<'_>> {
    let outline = loaded.outlines.get(span.file.0 as usize)?;
    // A lambda handed on under a name has that name's span; then nothing is known about it.
    outline.lambdas.get(&span.start).map(|body| Reached { file: span.file, body })
}

/// The function a name means: the file's own, else one of another file that is loaded under it.
pub(super) fn function<'l>(
    loaded: &'l Loaded,
    name: &str,
    file: FileId,
) -> Option<(FileId, &'l FunctionSite)> {
    let own = loaded.outlines.get(file.0 as usize)?;
    if let Some(site) = own.function(name) {
        return Some((file, site));
    }
    let loads = own.loads.iter().flat_map(|site| &site.names);
    let theirs = loads.filter(|(local, ..)| local == name).map(|(_, theirs, _)| theirs).next()?;
    let others = loaded.outlines.iter().enumerate();
    let mut found = others.filter_map(|(at, outline)| Some((FileId(at as u32), outline.function(theirs)?)));
    found.next()
}

/// What a variable of the top level may stand for: the names its statement reads, with the file they mean something in.
pub(super) fn behind<'l>(loaded: &'l Loaded, name: &str, file: FileId) -> Vec<(FileId, &'l str)> {
    let Some(own) = loaded.outlines.get(file.0 as usize) else { return Vec::new() };
    let loads = own.loads.iter().flat_map(|site| &site.names);
    let theirs = loads.filter(|(local, ..)| local == name).map(|(_, theirs, _)| theirs.as_str()).next();
    let mut found = Vec::new();
    for (at, outline) in loaded.outlines.iter().enumerate() {
        let at = FileId(at as u32);
        let wanted = if at == file { Some(name) } else { theirs };
        let sites = outline.globals.iter().filter(|site| Some(site.name.as_str()) == wanted);
        for site in sites.filter(|site| outline.function(&site.name).is_none()) {
            let within = |span: &Span| site.statement.start <= span.start && span.end <= site.statement.end;
            let reads = outline.reads.iter().filter(|(_, span)| within(span));
            found.extend(reads.map(|(read, _)| (at, read.as_str())));
        }
    }
    found
}
