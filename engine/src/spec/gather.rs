//! Reads and parses the root spec and every file it loads, before anything is evaluated.

use super::errors;
use super::globals;
use super::nesting;
use super::outline::{LoadSite, Outline};
use super::recipes;
use super::registry;
use super::session::{Findings, Written, normal};
use super::values::not_supported;
use super::wording;
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax;
use crate::text::{FileId, Files, Source, Span};
use starlark::analysis::AstModuleLint;
use starlark::syntax::{AstModule, Dialect, DialectTypes};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// Files that load files that load files.
const MAX_LOAD_DEPTH: usize = 64;

/// Everything read, ready to be evaluated.
pub(super) struct Gathered {
    pub written: Written,
    /// In the order of evaluation: what is loaded stands before what loads it, the root last.
    pub files: Vec<Parsed>,
    pub findings: Findings,
    /// Names nothing defines.
    pub unknown: HashSet<String>,
    pub root: FileId,
}

/// One file; `ast` is `None` when it could not be read or parsed.
pub(super) struct Parsed {
    pub file: FileId,
    pub ast: Option<AstModule>,
    /// The file behind each `load`, in the order written.
    pub loads: Vec<Option<FileId>>,
}

/// The language of specs.
pub(super) fn dialect() -> Dialect {
    Dialect {
        enable_keyword_only_arguments: true,
        enable_top_level_stmt: true,
        enable_load_reexport: false,
        enable_types: DialectTypes::Enable,
        ..Dialect::Standard
    }
}

/// Reads the root spec and what it loads.
pub(super) fn gather(files: &dyn Files, root: &Path) -> Gathered {
    let root_path = normal(root);
    let mut gatherer = Gatherer {
        files,
        root_dir: root_path.parent().map(Path::to_path_buf).unwrap_or_default(),
        written: Written::default(),
        parsed: Vec::new(),
        findings: Findings::default(),
        open: Vec::new(),
        unknown: HashSet::new(),
        known: globals::names(),
    };
    let root = gatherer.add(&root_path, None);
    Gathered {
        written: gatherer.written,
        files: gatherer.parsed,
        findings: gatherer.findings,
        unknown: gatherer.unknown,
        root,
    }
}

/// The mark some editors put before UTF-8 text (Unicode 15, section 23.8).
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Why a file has no text, and what can be shown of it.
struct Unreadable {
    text: String,
    problem: Problem,
}

enum Problem {
    /// Nothing of the file can be shown.
    Whole(String),
    /// The text is bad from byte `at` on, where the shown text has a replacement character.
    NotUtf8 { message: String, at: u32 },
}

impl Unreadable {
    fn whole(message: String) -> Unreadable {
        Unreadable { text: String::new(), problem: Problem::Whole(message) }
    }
}

impl Problem {
    /// A bad byte is shown where it stands, a missing file where its `load` does.
    fn finding(self, file: FileId, from: Option<Span>) -> Diagnostic {
        match self {
            Problem::Whole(message) => {
                Diagnostic::new(Code::UnreadableFile, from.unwrap_or(Span::start_of(file)), message)
            }
            Problem::NotUtf8 { message, at } => {
                let span = Span::new(file, at, at + char::REPLACEMENT_CHARACTER.len_utf8() as u32);
                Diagnostic::new(Code::NotUtf8, span, message)
                    .label("this byte")
                    .help("save the file as UTF-8")
            }
        }
    }
}

struct Gatherer<'f> {
    files: &'f dyn Files,
    root_dir: PathBuf,
    written: Written,
    parsed: Vec<Parsed>,
    findings: Findings,
    /// Files whose loads are being followed, with the load that led there.
    open: Vec<(FileId, Option<Span>)>,
    unknown: HashSet<String>,
    known: HashSet<String>,
}

impl Gatherer<'_> {
    /// Reads one file and what it loads. `from` is the `load` that names it.
    fn add(&mut self, path: &Path, from: Option<Span>) -> FileId {
        let (text, problem) = match self.read(path) {
            Ok(text) => (text, None),
            Err(Unreadable { text, problem }) => (text, Some(problem)),
        };
        let name = path.display().to_string();
        let file = self.written.sources.add(Source::new(path, text.as_str()));
        self.written.by_name.insert(name.clone(), file);
        self.written.outlines.push(Outline::default());
        if let Some(problem) = problem {
            self.findings.push(problem.finding(file, from));
            self.parsed.push(Parsed { file, ast: None, loads: Vec::new() });
            return file;
        }
        let Some(ast) = self.parse(file, &name, text) else {
            self.parsed.push(Parsed { file, ast: None, loads: Vec::new() });
            return file;
        };
        self.written.outlines[file.0 as usize] = Outline::new(file, &ast);
        self.check_names(file, &ast);
        self.open.push((file, from));
        let sites = self.written.outline(file).loads.clone();
        let loads = sites.iter().map(|site| self.follow(site)).collect();
        self.open.pop();
        self.parsed.push(Parsed { file, ast: Some(ast), loads });
        file
    }

    fn read(&self, path: &Path) -> Result<String, Unreadable> {
        let name = path.display();
        if let Some(text) = path.to_str().and_then(recipes::embedded) {
            return Ok(text.to_owned());
        }
        let bytes = match self.files.read(path) {
            Ok(bytes) => bytes,
            Err(error) => return Err(Unreadable::whole(format!("cannot read `{name}`: {error}"))),
        };
        // Editors on Windows write this mark and never show it.
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        if let Some(complaint) = syntax::size_complaint(bytes.len()) {
            return Err(Unreadable::whole(complaint));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(Unreadable {
                text: String::from_utf8_lossy(bytes).into_owned(),
                problem: Problem::NotUtf8 {
                    message: format!("`{name}` is not valid UTF-8 from byte {} on", error.valid_up_to()),
                    // Below the limit on a spec's size.
                    at: error.valid_up_to() as u32,
                },
            }),
        }
    }

    fn parse(&mut self, file: FileId, name: &str, text: String) -> Option<AstModule> {
        let shape = nesting::scan(file, &text);
        if let Some(too_deep) = shape.too_deep {
            self.findings.push(too_deep);
            return None;
        }
        match AstModule::parse(name, text, &dialect()) {
            Ok(ast) => Some(ast),
            Err(error) => {
                self.findings.push(errors::syntax(&error, file, shape.unclosed));
                None
            }
        }
    }

    /// Names nothing defines, and names that are not supported yet.
    fn check_names(&mut self, file: FileId, ast: &AstModule) {
        let outline = self.written.outline(file);
        let mut found = Vec::new();
        for lint in ast.lint(Some(&self.known)) {
            if lint.short_name != "using-undefined" {
                continue;
            }
            let span = Span::new(file, lint.location.span.begin().get(), lint.location.span.end().get());
            let name = self.written.sources.text(span).to_owned();
            let own = outline.globals.iter().map(|global| global.name.as_str());
            let behind = &self.written.sources.get(file).text[span.end as usize..];
            let finding = wording::unknown_name(&name, span, own, behind);
            found.push((name, finding));
        }
        for (name, span) in &outline.reads {
            if registry::not_supported(name).is_some() && !outline.bound.contains(name) {
                found.push((String::new(), not_supported(name, *span)));
            }
        }
        for (name, finding) in found {
            self.findings.push(finding);
            if !name.is_empty() {
                self.unknown.insert(name);
            }
        }
    }

    fn follow(&mut self, site: &LoadSite) -> Option<FileId> {
        let path = match self.locate(site) {
            Ok(path) => path,
            Err(finding) => {
                self.findings.push(*finding);
                return None;
            }
        };
        let Some(known) = self.written.sources.find(&path) else {
            let before = self.findings.list.len();
            let file = self.add(&path, Some(site.module_span));
            if let Some(finding) = self.findings.list.get_mut(before)
                && finding.primary.span == site.module_span
            {
                beside(self.files, &path, site, finding);
            }
            self.broken(site, file);
            return Some(file);
        };
        self.broken(site, known);
        let Some(start) = self.open.iter().position(|(file, _)| *file == known) else { return Some(known) };
        let names: Vec<String> = self.open[start..].iter().map(|(file, _)| self.name(*file)).collect();
        let circle = format!("{} -> {}", names.join(" -> "), self.name(known));
        let mut finding = Diagnostic::new(
            Code::LoadCycle,
            site.module_span,
            format!("files load each other in a circle: {circle}"),
        )
        .label("closes the circle");
        for (_, from) in &self.open[start + 1..] {
            if let Some(from) = from {
                finding = finding.also(*from, "loaded here");
            }
        }
        self.findings.push(finding);
        None
    }

    /// Says at the `load` that the file behind it has a syntax error: nothing of it can be used.
    fn broken(&mut self, site: &LoadSite, file: FileId) {
        let is_syntax = |finding: &&Diagnostic| {
            let codes = [Code::Syntax, Code::UnclosedBracket, Code::UnclosedString, Code::NestedTooDeep];
            finding.primary.span.file == file && codes.contains(&finding.code)
        };
        let Some(place) = self.findings.list.iter().find(is_syntax).map(|finding| finding.primary.clone())
        else {
            return;
        };
        let what = if place.text.is_empty() { "the syntax error".to_owned() } else { place.text };
        let message = format!("cannot load `{}`: it has a syntax error", site.module);
        let finding = Diagnostic::new(Code::UnreadableFile, site.module_span, message);
        self.findings.push(finding.label("nothing of it can be used").also(place.span, what));
    }

    fn locate(&self, site: &LoadSite) -> Result<PathBuf, Box<Diagnostic>> {
        let name = &site.module;
        let refuse = |code, message: String| Box::new(Diagnostic::new(code, site.module_span, message));
        if name.starts_with(recipes::PREFIX) {
            if recipes::embedded(name).is_some() {
                return Ok(PathBuf::from(name));
            }
            let known: Vec<&str> = recipes::EMBEDDED.iter().map(|(path, _)| *path).collect();
            let finding = refuse(Code::UnreadableFile, format!("no file `{name}` comes with Faultbox"));
            return Err(Box::new(match nearest(name, known.iter().copied()) {
                Some(near) => finding.help(format!("did you mean \"{near}\"?")),
                None if known.is_empty() => *finding,
                None => finding.help(format!("there are: {}", known.join(", "))),
            }));
        }
        if self.open.len() >= MAX_LOAD_DEPTH {
            return Err(refuse(Code::LoadCycle, format!("files load files deeper than {MAX_LOAD_DEPTH}")));
        }
        if name.contains("://") {
            return Err(refuse(Code::UnreadableFile, "only files can be loaded, not addresses".to_owned()));
        }
        Ok(normal(&self.root_dir.join(name)))
    }

    fn name(&self, file: FileId) -> String {
        let path = &self.written.sources.get(file).path;
        path.strip_prefix(&self.root_dir).unwrap_or(path).display().to_string()
    }
}

/// Offers the file that lies where the one of the `load` does not, under a name much like it.
fn beside(files: &dyn Files, path: &Path, site: &LoadSite, finding: &mut Diagnostic) {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return;
    };
    let names = files.names_in(folder);
    let specs = names.iter().map(String::as_str).filter(|known| known.ends_with(".star") && *known != name);
    let stem = |name: &str| name.trim_end_matches(".star").to_owned();
    let stems: Vec<String> = specs.map(stem).collect();
    let Some(near) = nearest(&stem(name), stems.iter().map(String::as_str)) else { return };
    let module = match site.module.rfind('/') {
        Some(slash) => format!("{}/{near}.star", &site.module[..slash]),
        None => format!("{near}.star"),
    };
    let known = finding.clone().help(format!("did you mean \"{module}\"?"));
    let quoted = format!("\"{module}\"");
    *finding = known.fix(format!("change to {quoted}"), site.module_span, quoted);
}

/// Names a file defines for others: what its top level binds, without a leading underscore.
pub(super) fn exports(outline: &Outline) -> BTreeSet<&str> {
    let names = outline.globals.iter().map(|global| global.name.as_str());
    names.filter(|name| !name.starts_with('_')).collect()
}
