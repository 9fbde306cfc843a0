//! What the tests of this room share: specs in memory, findings as lines, and a scripted stage.

use super::stage::{FaultCall, InstallId, Refusal, Stage, Ticket};
use super::{Limits, Loaded, Performance, Performed, STACK_BYTES, load};
use crate::model::{Data, Rule, StepCall, StepId, StepReply, TestKind};
use crate::text::{MemoryFiles, Span};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// Two services most tests are about.
pub(crate) const SERVICES: &str = r#"
db = service("db", "bin/db", interface("main", "tcp", 5432), ops = {"wal": op(syscalls=["write"], path="/data/*")})
api = service("api", "bin/api", interface("public", "http", 8080), depends_on = [db])
"#;

/// Loads `text` as `/spec/main.star`, with other files beside it.
pub(crate) fn load_with(text: &str, others: &[(&str, &str)]) -> Loaded {
    let mut files = MemoryFiles::default().with("/spec/main.star", text);
    for (name, text) in others {
        files = files.with(Path::new("/spec").join(name), text);
    }
    load(&files, Path::new("/spec/main.star"), &Limits::load())
}

/// Findings as `code line:column message`, one per line.
pub(crate) fn lines(loaded: &Loaded) -> Vec<String> {
    let line = |finding: &crate::diagnostic::Diagnostic| {
        let place = loaded.sources.place(finding.primary.span);
        let place = place.strip_prefix("/spec/main.star:").or(place.strip_prefix("/spec/")).unwrap_or(&place);
        format!("{} {place} {}", finding.code.id(), finding.message)
    };
    loaded.diagnostics.iter().map(line).collect()
}

/// What a scripted stage saw, one line per request.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub log: RefCell<Vec<String>>,
    /// Replies by `endpoint.method path`, else 200 with the path as body.
    pub replies: BTreeMap<String, StepReply>,
    pub seed: u64,
    pub refuse: Option<Refusal>,
    pub steps: RefCell<Vec<StepReply>>,
    pub installs: RefCell<u64>,
}

impl Stage for Script {
    fn begin(&self, step: StepId, call: StepCall) -> Result<Ticket, Refusal> {
        if let Some(refusal) = &self.refuse {
            return Err(refusal.clone());
        }
        let place = self.steps.borrow().len() as u64 + 1;
        let path = call.args.get("path").and_then(Data::as_str).unwrap_or("/").to_owned();
        let key = format!("{}.{} {path}", call.endpoint, call.method);
        let args =
            Data::Dict(call.args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
        self.log.borrow_mut().push(format!("step {}.{} {args}", call.endpoint, call.method));
        let mut reply = self.replies.get(&key).cloned().unwrap_or(StepReply {
            step,
            status: 200,
            body: path.clone(),
            raw: None,
            data: Data::Text(path),
            headers: vec![("Content-Type".to_owned(), "text/plain".to_owned())],
            ok: true,
            error: String::new(),
            duration: Duration::from_millis(7),
        });
        reply.step = step;
        self.steps.borrow_mut().push(reply);
        Ok(Ticket(place))
    }

    fn wait_any(&self, tickets: &[Ticket]) -> Result<(usize, StepReply), Refusal> {
        let first = tickets.first().ok_or(Refusal::NotInTest)?;
        let reply = self.steps.borrow()[first.0 as usize - 1].clone();
        self.log.borrow_mut().push(format!("done {}", first.0));
        Ok((0, reply))
    }

    fn install(&self, _call: FaultCall, rules: Vec<Rule>) -> Result<InstallId, Refusal> {
        let id = self.installs.replace_with(|id| *id + 1) + 1;
        for rule in &rules {
            let line = format!("install {} {} {} {}", rule.name, rule.target, rule.matcher, rule.action);
            self.log.borrow_mut().push(line);
        }
        Ok(InstallId(id))
    }

    fn remove(&self, id: InstallId) -> Result<(), Refusal> {
        self.log.borrow_mut().push(format!("remove {}", id.0));
        Ok(())
    }

    fn enter_expect(&self) {
        self.log.borrow_mut().push("expect".to_owned());
    }

    fn print(&self, text: &str, _span: Option<Span>) {
        self.log.borrow_mut().push(format!("print {text}"));
    }

    fn asserted(&self, _span: Span) {
        self.log.borrow_mut().push("asserted".to_owned());
    }

    fn is_cancelled(&self) -> bool {
        false
    }

    fn seed(&self) -> u64 {
        self.seed
    }
}

/// Small ones, so that tests which reach them are quick.
const LIMITS: Limits = Limits { max_ticks: 1_000_000, max_heap_bytes: 64 * 1024 * 1024, max_call_depth: 50 };

/// Performs the test `name` of a spec that stands behind [`SERVICES`].
pub(crate) fn perform(text: &str, name: &str, script: Script) -> (Loaded, Performed, Vec<String>) {
    let loaded = load_with(&format!("{SERVICES}{text}"), &[]);
    assert_eq!(lines(&loaded), Vec::<String>::new(), "{text}");
    let test = loaded.spec.tests.iter().find(|test| test.name.as_str() == name).expect("the test exists");
    let performance = match &test.kind {
        TestKind::Body { callable } | TestKind::Scenario { callable } => {
            Performance { body: *callable, expect: None }
        }
        TestKind::FaultScenario { callable, expect, .. } => Performance { body: *callable, expect: *expect },
        TestKind::Cell(cell) => Performance { body: cell.callable, expect: cell.expect },
    };
    let program = loaded.program.as_ref().expect("no errors");
    let (performed, log) = std::thread::scope(|scope| {
        let run = move || {
            let script = Rc::new(script);
            let performed = program.perform(&performance, Rc::clone(&script) as Rc<dyn Stage>, &LIMITS);
            let log = script.log.borrow().clone();
            (performed, log)
        };
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, run);
        thread.expect("a thread starts").join().expect("perform does not panic")
    });
    (loaded, performed, log)
}
