//! What a function can reach: the functions it names, and those they name, over all files.

use crate::model::CallableId;
use crate::spec::Loaded;
use crate::spec::outline::{Body, CallSite, FunctionSite, GlobalSite, Outline};
use crate::text::{FileId, Span};
use std::collections::{HashMap, HashSet};

/// A name with the file it means something in.
pub(super) type Named<'l> = (FileId, &'l str);

/// A body with the file it stands in.
#[derive(Clone, Copy)]
pub(super) struct Reached<'l> {
    pub file: FileId,
    pub body: &'l Body,
}

/// The names of a loaded spec, looked up once for all checks: a spec has thousands of them.
pub(super) struct Reach<'l> {
    loaded: &'l Loaded,
    files: Vec<Names<'l>>,
}

/// The names of one file.
struct Names<'l> {
    functions: HashMap<&'l str, &'l FunctionSite>,
    globals: HashMap<&'l str, Vec<&'l GlobalSite>>,
    /// Their name by the local one.
    loads: HashMap<&'l str, &'l str>,
    /// Names read, by place.
    reads: Vec<(&'l str, Span)>,
}

impl<'l> Names<'l> {
    fn of(outline: &'l Outline) -> Names<'l> {
        let mut functions: HashMap<&str, &FunctionSite> = HashMap::new();
        for site in &outline.functions {
            let known = functions.entry(&site.name).or_insert(site);
            // As `Outline::function`: one at the top level before a nested one.
            if known.inside.is_some() && site.inside.is_none() {
                *known = site;
            }
        }
        let mut globals: HashMap<&str, Vec<&GlobalSite>> = HashMap::new();
        for site in outline.globals.iter().filter(|site| !functions.contains_key(site.name.as_str())) {
            globals.entry(&site.name).or_default().push(site);
        }
        let mut loads = HashMap::new();
        for (local, theirs, _) in outline.loads.iter().flat_map(|site| &site.names) {
            loads.entry(local.as_str()).or_insert(theirs.as_str());
        }
        let mut reads: Vec<(&str, Span)> =
            outline.reads.iter().map(|(name, span)| (name.as_str(), *span)).collect();
        reads.sort_by_key(|(_, span)| span.start);
        Names { functions, globals, loads, reads }
    }

    /// Names read in a statement.
    fn read_in(&self, statement: Span) -> impl Iterator<Item = &'l str> {
        let first = self.reads.partition_point(|(_, span)| span.start < statement.start);
        let reads = self.reads.iter().skip(first).take_while(move |(_, span)| span.start < statement.end);
        reads.map(|(name, _)| *name)
    }
}

impl<'l> Reach<'l> {
    pub(super) fn of(loaded: &'l Loaded) -> Reach<'l> {
        Reach { loaded, files: loaded.outlines.iter().map(Names::of).collect() }
    }

    /// The body of a registered function; `None` when the spec has errors or the text does not show it.
    pub(super) fn body(&self, id: CallableId) -> Option<Reached<'l>> {
        let program = self.loaded.program.as_ref()?;
        let span = program.span(id);
        match program.name(id) {
            "lambda" => self.lambda(span),
            name => self.function(name, span.file),
        }
    }

    /// The body of a registered function and of everything it reaches. Empty when the spec has errors.
    pub(super) fn bodies(&self, id: CallableId) -> Vec<Reached<'l>> {
        let mut reached: Vec<Reached<'l>> = self.body(id).into_iter().collect();
        let mut seen: HashSet<&str> = HashSet::new();
        let mut next = 0;
        while let Some(&Reached { file, body }) = reached.get(next) {
            next += 1;
            for name in &body.names {
                if seen.insert(name) {
                    reached.extend(self.function(name, file));
                }
            }
        }
        reached
    }

    /// Calls made by these bodies, as written.
    pub(super) fn calls(&self, reached: &[Reached<'l>]) -> Vec<&'l CallSite> {
        let mut sites = Vec::new();
        for each in reached {
            let calls = &self.loaded.outlines[each.file.0 as usize].calls;
            sites.extend(each.body.calls.iter().filter_map(|at| calls.get(at)));
        }
        sites
    }

    fn lambda(&self, span: Span) -> Option<Reached<'l>> {
        let outline = self.loaded.outlines.get(span.file.0 as usize)?;
        // A lambda handed on under a name has that name's span; then nothing is known about it.
        outline.lambdas.get(&span.start).map(|body| Reached { file: span.file, body })
    }

    /// The function a name means: the file's own, else one of another file that is loaded under it.
    pub(super) fn function(&self, name: &str, file: FileId) -> Option<Reached<'l>> {
        let own = self.files.get(file.0 as usize)?;
        if let Some(site) = own.functions.get(name) {
            return Some(Reached { file, body: &site.body });
        }
        let theirs = own.loads.get(name)?;
        let mut all = self.numbered();
        all.find_map(|(file, names)| {
            names.functions.get(theirs).map(|site| Reached { file, body: &site.body })
        })
    }

    /// Every name that may stand for something else.
    pub(super) fn names(&self) -> impl Iterator<Item = Named<'l>> {
        self.numbered().flat_map(|(file, names)| {
            let own = names.functions.keys().chain(names.globals.keys()).chain(names.loads.keys());
            own.map(move |&name| (file, name))
        })
    }

    /// What a name may stand for: the names that its function, or the statement that sets it, reads.
    pub(super) fn behind(&self, (file, name): Named<'l>) -> Vec<Named<'l>> {
        let mut found: Vec<Named<'l>> = Vec::new();
        if let Some(Reached { file, body }) = self.function(name, file) {
            found.extend(body.names.iter().map(|name| (file, name.as_str())));
        }
        let theirs = self.files.get(file.0 as usize).and_then(|own| own.loads.get(name));
        for (at, names) in self.numbered() {
            let wanted = if at == file { Some(&name) } else { theirs };
            let sites = wanted.and_then(|wanted| names.globals.get(wanted)).into_iter().flatten();
            found.extend(sites.flat_map(|site| names.read_in(site.statement)).map(|name| (at, name)));
        }
        found
    }

    fn numbered(&self) -> impl Iterator<Item = (FileId, &Names<'l>)> {
        self.files.iter().enumerate().map(|(at, names)| (FileId(at as u32), names))
    }
}
