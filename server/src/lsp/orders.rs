//! Starting, following and cancelling runs.

use super::document::path_of;
use super::ext::{CancelArgs, RunArgs, UriArgs};
use super::main_loop::{Event, Order};
use super::owner::Owner;
use super::progress::Progress;
use super::results::RunTexts;
use super::run_child::{self, Ended, Fact, Launch};
use super::runs::{self, Run};
use super::to_proto;
use crate::handover::Handover;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::lsp_types::notification::ShowMessage;
use tower_lsp::lsp_types::{MessageType, ShowMessageParams, Url};

impl Owner {
    pub(super) fn obey(&mut self, order: Order) -> Result<Value> {
        match order {
            Order::Run(args) => self.run(&args),
            Order::RerunFailed(args) => self.rerun_failed(args),
            Order::Cancel(CancelArgs { run_id }) => {
                Ok(json!({ "cancelled": self.runs.cancel(run_id.as_deref()) }))
            }
            Order::ClearResults(args) => Ok(self.clear_results(&args)),
            Order::ShowCommand(args) => self.show_command(&args),
            Order::Trace(params) => {
                let trace = self.runs.trace(&params.run_id, params.test.as_deref());
                trace.ok_or_else(|| refuse(format!("no record of run {}", params.run_id)))
            }
        }
    }

    fn run(&mut self, args: &RunArgs) -> Result<Value> {
        let path = runnable(args)?;
        if !self.world.settings.trusted {
            return Err(refuse("nothing is run in a workspace that is not trusted"));
        }
        let tests = self.wanted(args, &path)?;
        self.runs.cancel_overlapping(&path, tests.as_deref());
        let id = self.runs.next_id();
        let arguments = runs::arguments(&path, args, tests.as_deref(), self.world.settings.jobs);
        let title = match tests.as_deref() {
            None => "Faultbox: all tests".to_owned(),
            Some([one]) => format!("Faultbox: {one}"),
            Some(several) => format!("Faultbox: {} tests", several.len()),
        };
        let progress = match self.world.client.progress {
            true => Progress::start(&self.outbox, id.clone(), title),
            false => Progress::none(),
        };
        let argv = shown(&arguments);
        let canceller = self.launch(&id, &path, arguments);
        let texts = RunTexts::new(
            directory(&path),
            self.world.documents.values().map(|document| Arc::clone(&document.source)),
        );
        let answer = json!({ "runId": id, "tests": tests });
        let queued = json!({ "event": "queued", "tests": tests, "argv": argv });
        let mut run = Run::new(id, args.uri.clone(), path, tests, texts, canceller, progress);
        run.tell(self.events(), queued);
        if let Some(gone) = self.runs.insert(run) {
            self.change().results.values_mut().for_each(|results| Arc::make_mut(results).forget_trace(&gone));
        }
        self.tell_status();
        Ok(answer)
    }

    fn launch(&self, id: &str, path: &Path, mut arguments: Vec<String>) -> run_child::Canceller {
        arguments.extend(["--format", "jsonl", "--editor"].map(str::to_owned));
        let buffers = self.world.buffers().into_iter().filter(|(path, _)| path.is_absolute());
        let launch = Launch {
            program: self.program.clone(),
            arguments,
            directory: directory(path),
            handover: Handover { buffers: buffers.map(|(path, text)| (path, text.to_string())).collect() },
        };
        let (mailbox, run_id) = (self.mailbox.clone(), id.to_owned());
        let _entered = self.runtime.enter();
        run_child::start(launch, move |fact| mailbox.put(Event::Ran { run_id: run_id.clone(), fact }))
    }

    /// Names to select; `None` means every test.
    fn wanted(&self, args: &RunArgs, path: &Path) -> Result<Option<Vec<String>>> {
        if args.failed {
            let bad = self.world.results.get(path).map(|results| results.bad()).unwrap_or_default();
            return if bad.is_empty() { Err(refuse("no test failed")) } else { Ok(Some(bad)) };
        }
        let tests = args.tests.clone().filter(|_| !args.all);
        match tests.as_deref() {
            Some([]) => Err(refuse("no test is named: give `tests` names, or leave it out to run all")),
            _ => Ok(tests),
        }
    }

    /// Runs again what failed, in one spec or in every one; answers for the first.
    fn rerun_failed(&mut self, args: UriArgs) -> Result<Value> {
        let uris = match args.uri {
            Some(uri) => vec![uri],
            None => {
                let bad = self.world.results.iter().filter(|(_, results)| !results.bad().is_empty());
                bad.filter_map(|(path, _)| to_proto::uri(path)).collect()
            }
        };
        let run = |uri: Url| self.run(&RunArgs { failed: true, ..RunArgs::of(&uri) });
        let answers: Vec<Result<Value>> = uris.into_iter().map(run).collect();
        answers.into_iter().next().unwrap_or_else(|| Err(refuse("no test failed")))
    }

    fn clear_results(&mut self, args: &UriArgs) -> Value {
        let paths: Vec<PathBuf> = match &args.uri {
            Some(uri) => vec![path_of(uri)],
            None => self.world.results.keys().cloned().collect(),
        };
        for path in paths {
            self.change().results.remove(&path);
            if let Some(uri) = to_proto::uri(&path) {
                self.tell_results(&uri);
            }
        }
        self.publish_changed();
        self.refresh(true);
        Value::Null
    }

    fn show_command(&self, args: &RunArgs) -> Result<Value> {
        let path = runnable(args)?;
        let tests = self.wanted(args, &path)?;
        let argv = shown(&runs::arguments(&path, args, tests.as_deref(), self.world.settings.jobs));
        Ok(json!({ "argv": argv, "cwd": directory(&path) }))
    }

    pub(super) fn ran(&mut self, id: &str, fact: Fact) {
        let Some(mut run) = self.runs.active.remove(id) else { return };
        let mut results = self.world.results.get(&run.path).map(|old| (**old).clone()).unwrap_or_default();
        let change = run.take(&fact, &mut results);
        if change.results {
            self.change().results.insert(run.path.clone(), Arc::new(results));
        }
        let event = event_of(&fact);
        self.runs.record(id, &event);
        run.tell(self.events(), event);
        if let Fact::Ended(ended) = &fact {
            self.announce(&run, ended);
        }
        let uri = run.uri.clone();
        if !change.over {
            self.runs.active.insert(id.to_owned(), run);
        }
        if change.results {
            self.publish_changed();
            self.tell_results(&uri);
            self.refresh(change.over);
        }
        self.tell_status();
    }

    /// One message at the end, for clients that show neither events nor progress, and whenever nothing could be run.
    fn announce(&self, run: &Run, ended: &Ended) {
        let text = run.summary(ended);
        let is_good = ended.exit_code == Some(0) || ended.cancelled;
        if run.has_run() && (self.world.client.test_events || self.world.client.progress && is_good) {
            return;
        }
        let typ = if is_good { MessageType::INFO } else { MessageType::ERROR };
        self.outbox.notify::<ShowMessage>(ShowMessageParams { typ, message: format!("Faultbox: {text}") });
    }
}

fn event_of(fact: &Fact) -> Value {
    match fact {
        Fact::Line(event) => event.clone(),
        Fact::Log(text) => json!({ "event": "log", "text": text }),
        Fact::Ended(ended) => json!({
            "event": "ended", "exitCode": ended.exit_code, "cancelled": ended.cancelled, "message": ended.message,
        }),
    }
}

/// The spec's file, which must be saved once so that its services are found beside it.
fn runnable(args: &RunArgs) -> Result<PathBuf> {
    match args.uri.to_file_path() {
        Ok(path) if args.uri.scheme() == "file" => Ok(path),
        _ => Err(refuse(format!("{} is not a file: save the spec first", args.uri))),
    }
}

fn directory(path: &Path) -> PathBuf {
    path.parent().map_or_else(|| PathBuf::from("/"), Path::to_owned)
}

fn shown(arguments: &[String]) -> Vec<String> {
    std::iter::once("faultbox".to_owned()).chain(arguments.iter().cloned()).collect()
}

fn refuse(message: impl Into<String>) -> Error {
    Error { code: ErrorCode::ServerError(-32803), message: Cow::Owned(message.into()), data: None }
}
