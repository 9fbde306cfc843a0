//! Text to spec: gathers the files, evaluates them, and collects what they declare and what is wrong with them.

use super::bodies;
use super::draft::{Callable, Draft};
use super::errors;
use super::gather::{self, Gathered, Parsed};
use super::globals;
use super::guard;
use super::numbering::Numbering;
use super::outline::Outline;
use super::program::Program;
use super::register;
use super::session::{Context, Findings, LoadState, Phase, Session, Written, normal};
use super::values::Hole;
use super::{Limits, STACK_BYTES};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Spec, Test, TestKind, TestName};
use crate::text::{FileId, Files, SourceMap, Span};
use starlark::environment::{FrozenModule, Globals, Module};
use starlark::eval::{Evaluator, ReturnFileLoader};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What loading a spec gave.
pub struct Loaded {
    pub sources: SourceMap,
    /// As complete as evaluation got.
    pub spec: Spec,
    /// Absent when there are errors.
    pub program: Option<Program>,
    pub diagnostics: Vec<Diagnostic>,
    /// Files that `load_file`, `load_bytes`, `load_json` and `load_yaml` asked for, there or not.
    pub data_files: Vec<PathBuf>,
    /// What `print` said while loading.
    pub prints: Vec<(String, Span)>,
    /// What each file's syntax tree says, by file.
    pub outlines: Vec<Outline>,
}

/// Loads the spec at `root`, read through `files`. Paths in it are relative to the root's directory.
///
/// Never panics and always ends: evaluation runs on a thread of its own with a large stack, within `limits`.
pub fn load(files: &dyn Files, root: &Path, limits: &Limits) -> Loaded {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("spec".to_owned()).stack_size(STACK_BYTES);
        let run = || catch_unwind(AssertUnwindSafe(|| on_this_thread(files, root, limits)));
        let spawned = thread.spawn_scoped(scope, run);
        let ended = spawned.ok().and_then(|thread| thread.join().ok());
        ended.and_then(Result::ok).unwrap_or_else(|| broken(root))
    })
}

/// The loader itself failed; evaluation has its own net, so this is a defect of ours or no thread could start.
fn broken(root: &Path) -> Loaded {
    let mut sources = SourceMap::default();
    let file = sources.add(crate::text::Source::new(root, ""));
    let finding = Diagnostic::new(Code::Evaluation, Span::start_of(file), "the spec could not be loaded")
        .note("the loader failed; this is a defect of Faultbox");
    Loaded {
        sources,
        spec: Spec::default(),
        program: None,
        diagnostics: vec![finding],
        data_files: Vec::new(),
        prints: Vec::new(),
        outlines: vec![Outline::default()],
    }
}

fn on_this_thread(files: &dyn Files, root: &Path, limits: &Limits) -> Loaded {
    let Gathered { written, files: parsed, findings, unknown, root: root_file } = gather::gather(files, root);
    let globals = globals::build(&unknown);
    let root_dir = normal(root).parent().map(Path::to_path_buf).unwrap_or_default();
    let session = Session {
        written: &written,
        phase: Phase::Load(Box::new(LoadState {
            files,
            root_dir,
            draft: RefCell::new(Draft::default()),
            findings: RefCell::new(findings),
            prints: RefCell::default(),
            data_files: RefCell::default(),
            module: Cell::new(0),
            anchor: Cell::new(None),
            root: root_file,
        })),
        limits: *limits,
        statement: Cell::new(None),
    };
    let modules = evaluate_all(&session, parsed, &globals);
    let Phase::Load(state) = session.phase else { return broken(root) };
    let LoadState { draft, findings, prints, data_files, .. } = *state;
    let (draft, mut findings) = (draft.into_inner(), findings.into_inner());
    for finding in draft.check_dependencies(&written.sources) {
        findings.push(finding);
    }
    let (spec, callables) = draft.finish();
    for finding in bodies::check(&written, &modules) {
        findings.push(finding);
    }
    finish(written, spec, callables, modules, findings, prints.into_inner(), data_files.into_inner())
}

fn finish(
    written: Written,
    spec: Spec,
    callables: Vec<Callable>,
    modules: Modules,
    findings: Findings,
    prints: Vec<(String, Span)>,
    data_files: BTreeSet<PathBuf>,
) -> Loaded {
    let mut diagnostics = findings.list;
    diagnostics.sort_by_key(|finding| (finding.primary.span.file, finding.primary.span.start));
    let (sources, outlines) = (written.sources.clone(), written.outlines.clone());
    let has_error = diagnostics.iter().any(Diagnostic::is_error);
    let program = (!has_error).then(|| Program::new(written, modules.into_lists(), callables));
    Loaded {
        sources,
        spec,
        program,
        diagnostics,
        data_files: data_files.into_iter().collect(),
        prints,
        outlines,
    }
}

/// The evaluated files, in the order of evaluation; `None` where evaluation failed.
pub(super) struct Modules {
    pub list: Vec<(FileId, Option<FrozenModule>)>,
}

impl Modules {
    pub(super) fn of(&self, file: FileId) -> Option<&FrozenModule> {
        self.list.iter().find(|(known, _)| *known == file).and_then(|(_, module)| module.as_ref())
    }

    fn into_lists(self) -> Vec<Option<starlark::values::OwnedFrozenValue>> {
        self.list
            .into_iter()
            .map(|(_, module)| module.and_then(|module| module.owned_extra_value()))
            .collect()
    }
}

fn evaluate_all(session: &Session<'_>, parsed: Vec<Parsed>, globals: &Globals) -> Modules {
    let mut modules = Modules { list: Vec::new() };
    let anchors = anchors(session, &parsed);
    for (place, mut file) in parsed.into_iter().enumerate() {
        if let Phase::Load(state) = &session.phase {
            state.module.set(place);
            state.anchor.set(anchors.get(&file.file).copied());
        }
        let id = file.file;
        let module = file.ast.take().and_then(|ast| evaluate(session, &file, ast, globals, &modules));
        modules.list.push((id, module));
    }
    modules
}

/// For each loaded file the place of the root's `load` that first leads to it: what it declares stands there.
fn anchors(session: &Session<'_>, parsed: &[Parsed]) -> HashMap<FileId, u32> {
    let mut anchors = HashMap::new();
    let Some(root) = parsed.last() else { return anchors };
    let sites = &session.written.outline(root.file).loads;
    for (site, target) in sites.iter().zip(&root.loads) {
        let mut todo: Vec<FileId> = target.iter().copied().collect();
        while let Some(file) = todo.pop() {
            if file == root.file || anchors.contains_key(&file) {
                continue;
            }
            anchors.insert(file, site.span.start);
            let below = parsed.iter().find(|other| other.file == file);
            todo.extend(below.into_iter().flat_map(|other| other.loads.iter().flatten()));
        }
    }
    anchors
}

fn evaluate(
    session: &Session<'_>,
    file: &Parsed,
    mut ast: starlark::syntax::AstModule,
    globals: &Globals,
    modules: &Modules,
) -> Option<FrozenModule> {
    let imports = imports(session, file, modules);
    let by_name: HashMap<&str, &FrozenModule> =
        imports.iter().map(|(name, module)| (name.as_str(), module)).collect();
    let loader = ReturnFileLoader { modules: &by_name };
    ast.replace_binary_operators(&guard::replacements());
    let numbers = Numbering::default();
    let context = Context { session, branch: None, numbers: &numbers, line: 0 };
    let Phase::Load(state) = &session.phase else { return None };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        Module::with_temp_heap(|module| {
            let result = {
                let mut eval = Evaluator::new(&module);
                eval.extra = Some(&context);
                eval.set_loader(&loader);
                guard::arm(&mut eval, session);
                eval.eval_module(ast, globals).map(|_| ())
            };
            if let Err(error) = result {
                let finding = errors::finding(&error, session, file.file);
                let mut findings = state.findings.borrow_mut();
                // A load that cannot succeed was explained better before.
                if finding.code != Code::Evaluation || !findings.covers(finding.primary.span) {
                    findings.push(finding);
                }
            }
            if file.file == state.root {
                discover(session, state, &module);
            }
            module.freeze().ok()
        })
    }));
    ended.unwrap_or_else(|_| {
        let span = session.statement.get().unwrap_or(Span::start_of(file.file));
        let finding =
            Diagnostic::new(Code::EvaluationLimit, span, "evaluation needs more than this machine has");
        state.findings.borrow_mut().push(finding.label("in this statement"));
        None
    })
}

/// The module behind each `load`. Where a file or a name is missing, holes stand in, so that evaluation goes on.
fn imports(session: &Session<'_>, file: &Parsed, modules: &Modules) -> Vec<(String, FrozenModule)> {
    let mut imports = Vec::new();
    let sites = &session.written.outline(file.file).loads;
    for (place, (site, target)) in sites.iter().zip(&file.loads).enumerate() {
        // A module is asked for by its text, so all loads with one text share a stand-in.
        if sites[..place].iter().any(|earlier| earlier.module == site.module) {
            continue;
        }
        let same = sites.iter().filter(|other| other.module == site.module);
        let names: Vec<_> = same.flat_map(|site| &site.names).collect();
        let loaded = target.and_then(|target| modules.of(target));
        let exports =
            target.map(|target| gather::exports(session.written.outline(target))).unwrap_or_default();
        if loaded.is_some() {
            for (_, theirs, span) in names.iter().filter(|(_, theirs, _)| !exports.contains(theirs.as_str()))
            {
                missing_name(session, site.module.as_str(), theirs, *span, &exports);
            }
        }
        let stand_in = stand_in(loaded, names.iter().map(|(_, theirs, _)| theirs.as_str()));
        imports.extend(stand_in.map(|module| (site.module.clone(), module)));
    }
    imports
}

/// A module with everything `loaded` has, and holes for the other names.
fn stand_in<'n>(loaded: Option<&FrozenModule>, names: impl Iterator<Item = &'n str>) -> Option<FrozenModule> {
    Module::with_temp_heap(|module| {
        if let Some(loaded) = loaded {
            module.import_public_symbols(loaded);
        }
        // Symbols that are imported are not exported again, so the stand-in sets them itself.
        for name in names {
            match loaded.and_then(|loaded| loaded.get_option(name).ok().flatten()) {
                Some(value) => module.set(name, module.heap().access_owned_frozen_value(&value)),
                None => module.set(name, module.heap().alloc(Hole)),
            }
        }
        module.freeze().ok()
    })
}

fn missing_name(session: &Session<'_>, module: &str, name: &str, span: Span, exports: &BTreeSet<&str>) {
    let Phase::Load(state) = &session.phase else { return };
    if name.starts_with('_') {
        let message = format!("`{name}` is private to \"{module}\"");
        let finding =
            Diagnostic::new(Code::LoadMissingName, span, message).label("begins with an underscore");
        state.findings.borrow_mut().push(finding);
        return;
    }
    let finding =
        Diagnostic::new(Code::LoadMissingName, span, format!("\"{module}\" does not define `{name}`"))
            .label("not defined there");
    let finding = match nearest(name, exports.iter().copied()) {
        Some(near) => finding.help(format!("did you mean \"{near}\"?")).fix(
            format!("change to \"{near}\""),
            span,
            format!("\"{near}\""),
        ),
        None => {
            let names: Vec<&str> = exports.iter().copied().take(20).collect();
            finding.help(format!("it defines: {}", names.join(", ")))
        }
    };
    state.findings.borrow_mut().push(finding);
}

/// Finds the tests that are functions named `test_*` at the top level of the root spec.
fn discover(session: &Session<'_>, state: &LoadState<'_>, module: &Module<'_>) {
    let outline = session.written.outline(state.root);
    let mut seen: Vec<&str> = Vec::new();
    for global in &outline.globals {
        let name = global.name.as_str();
        if !name.starts_with("test_") {
            continue;
        }
        let Some(value) = module.get(name).filter(|value| super::accept::is_callable(*value)) else {
            continue;
        };
        if Hole::is(value) {
            continue;
        }
        let is_def = outline.function(name).is_some_and(|function| function.name_span == global.span);
        let span = register::definition_of_global(session.written, name, global.span, state.root);
        if seen.contains(&name) {
            let first = outline.globals.iter().find(|first| first.name == name);
            let first = first.map_or(global.span, |first| first.span);
            let finding = super::draft::duplicate("test", name, global.span, first);
            state.findings.borrow_mut().push(finding);
            continue;
        }
        seen.push(name);
        if !register::takes(value, 0) {
            let message = format!("the test `{name}` needs arguments, and nobody gives them");
            let finding = Diagnostic::new(Code::WrongType, global.span, message).label("takes parameters");
            state.findings.borrow_mut().push(finding.help("a test is a function without parameters"));
            continue;
        }
        let callable = register::remember(state, module, value, span);
        let test = Test {
            name: TestName::new(name),
            kind: TestKind::Body { callable },
            timeout: None,
            span: if is_def { span } else { global.statement },
        };
        let added = state.draft.borrow_mut().add_test(global.statement.start, test);
        if let Err(finding) = added {
            state.findings.borrow_mut().push(*finding);
        }
    }
}
