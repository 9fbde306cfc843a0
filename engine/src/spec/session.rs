//! What a builtin can reach while it runs: the written text, and either the spec being put together or the stage of a
//! running test. It travels in the evaluator's `extra` slot.

use super::Limits;
use super::coroutine::Branch;
use super::draft::Draft;
use super::failure::AttrRead;
use super::handed;
use super::numbering::Numbering;
use super::outline::{CallSite, Outline};
use super::recipes;
use super::stage::{InstallId, Refusal, Stage, Ticket};
use crate::diagnostic::Diagnostic;
use crate::model::{ServiceName, StepReply};
use crate::text::{FileId, Files, SourceMap, Span};
use starlark::any::ProvidesStaticType;
use starlark::codemap::FileSpan;
use starlark::eval::Evaluator;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

/// How many reads of replies are remembered for a failure.
const MAX_READS: usize = 32;
/// How many calls a finding in a helper is traced back.
const MAX_TRACE: usize = 4;
/// How many findings one load reports; more would only repeat the first ones.
const MAX_FINDINGS: usize = 100;

/// The text of every file with its outline.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub sources: SourceMap,
    pub outlines: Vec<Outline>,
    pub by_name: HashMap<String, FileId>,
}

impl Written {
    /// The place of a span Starlark names.
    pub(super) fn span(&self, location: &FileSpan) -> Option<Span> {
        let file = *self.by_name.get(location.filename())?;
        Some(Span::new(file, location.span.begin().get(), location.span.end().get()))
    }

    /// True for a place in a file that comes with Faultbox.
    pub(super) fn is_recipe(&self, span: Span) -> bool {
        recipes::embedded(&self.sources.get(span.file).path.to_string_lossy()).is_some()
    }

    pub(super) fn outline(&self, file: FileId) -> &Outline {
        &self.outlines[file.0 as usize]
    }

    pub(super) fn call(&self, span: Span) -> Option<&CallSite> {
        self.outline(span.file).call(span)
    }

    /// Where a function of this name is defined, looked for in `file` first.
    pub(super) fn function(&self, name: &str, file: FileId) -> Option<Span> {
        let own = self.outline(file).function(name);
        own.or_else(|| self.outlines.iter().find_map(|outline| outline.function(name)))
            .map(|function| function.signature)
    }
}

/// Given to every builtin; a branch of `parallel` has its own.
#[derive(ProvidesStaticType, Clone, Copy)]
pub(super) struct Context<'e> {
    pub session: &'e Session<'e>,
    /// The coroutine that suspends at steps, inside `parallel`.
    pub branch: Option<&'e Branch<'e>>,
    pub numbers: &'e Numbering,
    /// Tells the test itself (0) and every branch of it apart.
    pub line: u32,
}

pub(super) struct Session<'s> {
    pub written: &'s Written,
    pub phase: Phase<'s>,
    pub limits: Limits,
    /// The statement being carried out, for limits, which know no place of their own.
    pub statement: Cell<Option<Span>>,
}

pub(super) enum Phase<'s> {
    Load(Box<LoadState<'s>>),
    Perform(PerformState),
}

/// The spec as far as it has been evaluated.
pub(super) struct LoadState<'s> {
    pub files: &'s dyn Files,
    /// Directory of the root spec.
    pub root_dir: PathBuf,
    pub draft: RefCell<Draft>,
    pub findings: RefCell<Findings>,
    /// What `print` said while loading.
    pub prints: RefCell<Vec<(String, Span)>>,
    pub data_files: RefCell<BTreeSet<PathBuf>>,
    /// Which file is being evaluated, by place in the order of evaluation.
    pub module: Cell<usize>,
    /// Where the root spec stands: the start of the load that is being evaluated, for files it loads.
    pub anchor: Cell<Option<u32>>,
    pub root: FileId,
}

/// A running test.
pub(super) struct PerformState {
    pub stage: Rc<dyn Stage>,
    pub reads: Arc<Mutex<Reads>>,
    pub assertions: Cell<u32>,
    pub in_expect: Cell<bool>,
    /// What `fault_start` installed and `fault_stop` has not removed, latest last.
    pub started: RefCell<Vec<(ServiceName, InstallId)>>,
    /// Branches of `parallel` so far.
    pub branches: Cell<u32>,
}

/// What was read of replies since the last assertion that held. Branches of `parallel` read and assert for themselves.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// The [`Context::line`] that is being evaluated.
    running: u32,
    list: Vec<(u32, AttrRead)>,
}

/// Findings without repetition: a loop or a helper makes the same one many times.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub list: Vec<Diagnostic>,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Diagnostic) {
        let known = |other: &Diagnostic| {
            other.code == finding.code
                && other.primary.span == finding.primary.span
                && other.message == finding.message
        };
        if self.list.len() < MAX_FINDINGS && !self.list.iter().any(known) {
            self.list.push(finding);
        }
    }
}

impl Findings {
    /// Adds a finding unless one of its code begins at the same place, which says the same from the text.
    pub(super) fn push_unless_at(&mut self, finding: Diagnostic) {
        let place = |finding: &Diagnostic| (finding.primary.span.file, finding.primary.span.start);
        let known = |other: &Diagnostic| other.code == finding.code && place(other) == place(&finding);
        if !self.list.iter().any(known) {
            self.push(finding);
        }
    }

    /// True when something is wrong at exactly this place.
    pub(super) fn covers(&self, span: Span) -> bool {
        self.list.iter().any(|finding| finding.primary.span == span)
    }
}

impl<'e> Context<'e> {
    /// The context of the evaluation that calls a builtin; every evaluator of this room has one.
    pub(super) fn of<'a>(eval: &Evaluator<'_, 'a, 'e>) -> Result<&'a Context<'e>, starlark::Error> {
        let extra = eval.extra.and_then(|extra| extra.downcast_ref::<Context<'e>>());
        extra.ok_or_else(|| starlark::Error::new_other(NoContext))
    }

    pub(super) fn load(&self) -> Option<&'e LoadState<'e>> {
        match &self.session.phase {
            Phase::Load(state) => Some(state),
            Phase::Perform(_) => None,
        }
    }

    pub(super) fn perform(&self) -> Option<&'e PerformState> {
        match &self.session.phase {
            Phase::Load(_) => None,
            Phase::Perform(state) => Some(state),
        }
    }

    /// The call being carried out, as a span; the start of the root spec when Starlark knows no place.
    pub(super) fn call_span(&self, eval: &Evaluator<'_, '_, '_>) -> Span {
        let location = eval.call_stack_top_location();
        let span = location.and_then(|location| self.session.written.span(&location));
        span.unwrap_or(Span::start_of(FileId(0)))
    }

    /// The call in the spec's own files that this one is a part of: nobody reads or changes the text of a recipe.
    pub(super) fn use_span(&self, eval: &Evaluator<'_, '_, '_>) -> Span {
        let span = self.call_span(eval);
        if !self.session.written.is_recipe(span) {
            return span;
        }
        let frames = eval.call_stack().into_frames();
        let mut spans =
            frames.iter().rev().filter_map(|frame| self.session.written.span(frame.location.as_ref()?));
        spans.find(|span| !self.session.written.is_recipe(*span)).unwrap_or(span)
    }

    /// Says from where a helper was called in which something is wrong. When it should not have been called at all, that is
    /// what is wrong.
    pub(super) fn traced(&self, mut finding: Diagnostic, eval: &Evaluator<'_, '_, '_>) -> Diagnostic {
        let frames = eval.call_stack().into_frames();
        // The last frame is the builtin itself.
        let outer = frames.split_last().map(|(_, outer)| outer).unwrap_or_default();
        let spans = outer.iter().filter_map(|frame| self.session.written.span(frame.location.as_ref()?));
        if let Some(handed) = spans.filter_map(|span| handed::result(self.session.written, span)).next() {
            return handed;
        }
        for frame in outer.iter().rev().take(MAX_TRACE) {
            let location = frame.location.as_ref();
            if let Some(span) = location.and_then(|location| self.session.written.span(location)) {
                finding = finding.also(span, "called here");
            }
        }
        finding
    }

    /// Waits for one of the steps: inside `parallel` by letting the other branches run.
    pub(super) fn wait(&self, stage: &dyn Stage, tickets: &[Ticket]) -> Result<(usize, StepReply), Refusal> {
        let outcome = match self.branch {
            Some(branch) => branch.wait(tickets),
            None => stage.wait_any(tickets),
        };
        self.goes_on();
        outcome
    }

    /// Another branch ran, or may have, and now it is this one's turn.
    pub(super) fn goes_on(&self) {
        if let Some(state) = self.perform() {
            lock(&state.reads).running = self.line;
        }
    }
}

impl PerformState {
    /// Remembers what was read since the last assertion.
    pub(super) fn take_reads(&self) -> Vec<AttrRead> {
        let reads = lock(&self.reads);
        let own = reads.list.iter().filter(|(line, _)| *line == reads.running);
        own.map(|(_, read)| read.clone()).collect()
    }

    pub(super) fn forget_reads(&self) {
        let mut reads = lock(&self.reads);
        let running = reads.running;
        reads.list.retain(|(line, _)| *line != running);
    }

    /// A new [`Context::line`].
    pub(super) fn new_line(&self) -> u32 {
        let line = self.branches.get() + 1;
        self.branches.set(line);
        line
    }
}

/// Notes one read; the oldest is forgotten when there are too many.
pub(super) fn note_read(reads: &Mutex<Reads>, read: AttrRead) {
    let mut reads = lock(reads);
    let read = (reads.running, read);
    if reads.list.last() == Some(&read) {
        return;
    }
    if reads.list.len() >= MAX_READS {
        reads.list.remove(0);
    }
    reads.list.push(read);
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl LoadState<'_> {
    /// A path of the spec: relative ones start at the root spec's directory.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        normal(&self.root_dir.join(path))
    }
}

/// The path without `.` and `..`, worked out on the text alone.
pub(super) fn normal(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.last(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            Component::ParentDir if matches!(parts.last(), Some(Component::RootDir)) => {}
            _ => parts.push(part),
        }
    }
    parts.iter().collect()
}

#[derive(Debug, thiserror::Error)]
#[error("the evaluator has no spec context")]
struct NoContext;
