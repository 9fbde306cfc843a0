//! A spec found, loaded and checked: what `test`, `check` and `plan` begin with.

use super::error::CliError;
use super::spec_path;
use crate::program;
use faultbox_engine::check;
use faultbox_engine::diagnostic::render::{Style, full};
use faultbox_engine::diagnostic::{Diagnostic, Severity};
use faultbox_engine::event::Event;
use faultbox_engine::ide::{findings, kin};
use faultbox_engine::model::Spec;
use faultbox_engine::plan::{NoMatch, Plan, Selection, expand, select};
use faultbox_engine::report::Reporter;
use faultbox_engine::run::{self, LoadedSpec};
use faultbox_engine::syntax::parse;
use faultbox_engine::text::{DiskFiles, FileId, MemoryFiles, OverlayFiles, Source, SourceMap, shown_lines};
use std::io;
use std::path::{Path, PathBuf};

/// How many tests a miss lists.
const MAX_LISTED: usize = 40;

pub(crate) struct Opened {
    /// The spec as the user would write it.
    pub(crate) path: PathBuf,
    pub(crate) loaded: LoadedSpec,
    /// The sources under paths relative to the current directory where they lie below it.
    pub(crate) sources: SourceMap,
    /// Everything found in the text, in order of place.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Opens the spec an argument names, or the nearest default one.
pub(crate) fn open(named: Option<&Path>) -> Result<Opened, CliError> {
    open_over(named, MemoryFiles::default())
}

/// The same, with an editor's buffers before the files of the disk.
pub(crate) fn open_over(named: Option<&Path>, buffers: MemoryFiles) -> Result<Opened, CliError> {
    let directory = std::env::current_dir()
        .map_err(|error| CliError::machine(format!("cannot tell the current directory: {error}")))?;
    let is_buffer = |named: &&Path| buffers.files.contains_key(&directory.join(named));
    // A buffer need not have been saved.
    let path = match named.filter(is_buffer) {
        Some(buffer) => buffer.to_owned(),
        None => spec_path::find(named, &directory)?,
    };
    let root = std::path::absolute(&path)
        .map_err(|error| CliError::usage(format!("cannot read {}: {error}", path.display())))?;
    let files = OverlayFiles { buffers, below: DiskFiles };
    let loaded = run::load(&files, &root);
    let beside = root.parent().unwrap_or(Path::new("/")).to_owned();
    let checked =
        check::all(&loaded.loaded, &|service| program::complaint(&service.binary, &beside), &|| {
            !kin::of(&files, &root).loaders.is_empty()
        });
    let diagnostics = findings::of_spec(&loaded.loaded, checked);
    let sources = shorten(&loaded.loaded.sources, &directory);
    Ok(Opened { path, loaded, sources, diagnostics })
}

impl Opened {
    pub(crate) fn spec(&self) -> &Spec {
        &self.loaded.loaded.spec
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == severity).count()
    }

    /// Every finding at least as grave as `least`, drawn for people, each followed by an empty line.
    pub(crate) fn drawn(&self, least: Severity, style: Style) -> String {
        let shown = self.diagnostics.iter().filter(|found| found.severity <= least);
        shown.map(|found| full::render(&self.sources, found, style) + "\n").collect()
    }

    /// What the spec printed while it loaded, a line each behind its place.
    pub(crate) fn printed(&self) -> String {
        let prints = &self.loaded.loaded.prints;
        prints
            .iter()
            .map(|(text, span)| format!("{}: {}\n", self.sources.place(*span), shown_lines(text)))
            .collect()
    }

    /// `2 errors, 1 warning in shop.star`; `None` when nothing was found.
    pub(crate) fn tally(&self) -> Option<String> {
        let part = |severity, noun: &str| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {noun}")),
            many => Some(format!("{many} {noun}s")),
        };
        let parts = [part(Severity::Error, "error"), part(Severity::Warning, "warning")];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("{} in {}", parts.join(", "), self.path.display()))
    }

    /// The leaves of a selection.
    pub(crate) fn plan(&self, selection: &Selection) -> Plan {
        let root = FileId(0);
        let text = self.sources.iter().next().map_or("", |(_, source)| &*source.text);
        expand(self.spec(), &parse(root, text).tree, selection)
    }

    /// The tests the patterns mean.
    pub(crate) fn select(&self, patterns: &[String]) -> Result<Vec<usize>, CliError> {
        let selected = select(self.spec(), patterns).map_err(|miss| no_match(&miss))?;
        if selected.is_empty() {
            return Err(CliError::usage(format!("{} declares no test", self.path.display()))
                .hint("a test is a `def test_...():`, a fault_scenario(...) or a fault_matrix(...)"));
        }
        Ok(selected)
    }
}

fn no_match(miss: &NoMatch) -> CliError {
    if let Some(problem) = &miss.problem {
        return CliError::usage(format!("{:?} is not a regular expression: {problem}", miss.pattern));
    }
    let mut error = CliError::usage(format!("no test matched {:?}", miss.pattern));
    if !miss.suggestions.is_empty() {
        let words: Vec<String> = miss.suggestions.iter().map(|name| format!("{name:?}")).collect();
        error = error.hint(format!("did you mean {}?", words.join(" or ")));
    }
    let listed = miss.available.len().min(MAX_LISTED);
    let rest = match miss.available.len() - listed {
        0 => String::new(),
        more => format!(", … and {more} more"),
    };
    error.hint(format!("available: {}{rest}", miss.available[..listed].join(", ")))
}

/// The same sources, in the same order, under shorter paths.
fn shorten(sources: &SourceMap, directory: &Path) -> SourceMap {
    let mut short = SourceMap::default();
    for (_, source) in sources.iter() {
        let path = source.path.strip_prefix(directory).unwrap_or(&source.path);
        short.add(Source { path: path.to_owned(), text: source.text.clone(), lines: source.lines.clone() });
    }
    short
}

/// Reports to people name files as they would; programs get the absolute paths events come with.
pub(crate) struct ShortPaths {
    pub(crate) inner: Box<dyn Reporter>,
    pub(crate) sources: SourceMap,
}

impl Reporter for ShortPaths {
    fn event(&mut self, event: &Event, _: &SourceMap) -> io::Result<()> {
        self.inner.event(event, &self.sources)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.inner.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_suggests_and_lists() {
        let miss = NoMatch {
            pattern: "happy_path".to_owned(),
            suggestions: vec!["happy".to_owned()],
            available: (0..42).map(|number| format!("test_{number}")).collect(),
            problem: None,
        };
        let text = no_match(&miss).to_string();
        assert!(text.starts_with("error: no test matched \"happy_path\"\n  hint: did you mean \"happy\"?\n"));
        assert!(text.ends_with("test_39, … and 2 more"), "{text}");
    }

    #[test]
    fn sources_below_the_directory_get_short_paths_and_keep_their_order() {
        let mut sources = SourceMap::default();
        for path in ["/w/a/b.star", "/elsewhere/c.star"] {
            sources.add(Source::new(path, "x"));
        }
        let short = shorten(&sources, Path::new("/w"));
        let paths: Vec<&Path> = short.iter().map(|(_, source)| source.path.as_path()).collect();
        assert_eq!(paths, [Path::new("a/b.star"), Path::new("/elsewhere/c.star")]);
    }
}
