//! One running service: its process, its input and output, its intercepted calls.

use super::input::{Input, input};
use super::output::{Output, Source};
use crate::event::Stream;
use crate::model::Service;
use crate::sandbox::{Child, Reaper};
use crate::seccomp::{Filter, Launch, LaunchError, Launched, Listener, launch};
use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::rc::Rc;
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A started service.
pub struct Process {
    pub launched: Rc<Launched<Child>>,
    listener: Option<Listener>,
    pub output: Output,
    sources: Vec<Rc<Source>>,
    /// The end of its standard input that keeps it open.
    pub input: RefCell<Option<Input>>,
    drains: Vec<JoinHandle<()>>,
    open: watch::Receiver<usize>,
}

/// Waits for the end of what a service prints. Clones wait for the same.
#[derive(Clone)]
pub struct Drained(watch::Receiver<usize>);

impl Drained {
    /// Returns when everything it printed is read. Bounded by the caller: what it left behind may hold the pipe.
    pub async fn wait(&mut self) {
        // An error means that nobody reads any more.
        let _ = self.0.wait_for(|open| *open == 0).await;
    }
}

/// What a service starts with besides what the spec says.
pub struct Surroundings<'s> {
    pub reaper: &'s Reaper,
    /// The spec's directory: where relative programs are looked up and where the process starts.
    pub directory: &'s Path,
    /// Variables it inherits; the spec's own win.
    pub environment: &'s [(String, String)],
    pub filter: Option<&'s Filter>,
    /// Whether it must be killed with this process; in a sandbox everything is anyway.
    pub dies_with_us: bool,
}

/// Why a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error("cannot make its standard input: {0}")]
    Input(#[source] io::Error),
    #[error("cannot make a pipe for its output: {0}")]
    Output(#[source] io::Error),
}

impl Process {
    /// Starts the service in the calling thread's network namespace. What it prints goes to `output`.
    pub fn start(
        service: &Service,
        surroundings: &Surroundings<'_>,
        output: Output,
    ) -> Result<Process, StartError> {
        let (stdin, input) = input(service.stdin).map_err(StartError::Input)?;
        let (stdout, stdout_end) = io::pipe().map_err(StartError::Output)?;
        let (stderr, stderr_end) = io::pipe().map_err(StartError::Output)?;
        let argv = argv(service, surroundings.directory);
        let env = environment(service, surroundings.environment);
        let what = Launch {
            argv: &argv,
            env: &env,
            cwd: surroundings.directory,
            stdin: stdin.as_fd(),
            stdout: stdout_end.as_fd(),
            stderr: stderr_end.as_fd(),
            filter: surroundings.filter,
            dies_with_caller: surroundings.dies_with_us,
        };
        let mut launched = launch(&what, |fork| surroundings.reaper.adopt(fork))?;
        drop((stdin, stdout_end, stderr_end));
        let (mut sources, mut drains) = (Vec::new(), Vec::new());
        let (closed, open) = watch::channel(2);
        for (end, stream) in
            [(OwnedFd::from(stdout), Stream::Stdout), (OwnedFd::from(stderr), Stream::Stderr)]
        {
            let from = pipe::Receiver::from_owned_fd(end).map_err(StartError::Output)?;
            let source = Rc::new(Source::new(from, output.lines(stream)));
            sources.push(source.clone());
            let closed = closed.clone();
            drains.push(tokio::task::spawn_local(async move {
                source.drain().await;
                closed.send_modify(|open| *open -= 1);
            }));
        }
        let listener = launched.listener.take();
        let input = RefCell::new(input);
        Ok(Process { launched: Rc::new(launched), listener, output, sources, input, drains, open })
    }

    /// Where the service's intercepted calls arrive; taken once.
    pub fn take_listener(&mut self) -> Option<Listener> {
        self.listener.take()
    }

    /// Tells everything it has printed by now: a part of the test is over.
    pub fn end_part(&self) {
        self.sources.iter().for_each(|source| source.catch_up());
        self.output.end_part();
    }

    /// For whoever stops it.
    pub fn handle(&self) -> Rc<Launched<Child>> {
        self.launched.clone()
    }

    pub fn child(&self) -> Child {
        self.launched.child.clone()
    }

    pub fn drained(&self) -> Drained {
        Drained(self.open.clone())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.drains.iter().for_each(JoinHandle::abort);
    }
}

/// The command line; a relative program with a `/`, or one that lies beside the spec, is meant from the spec's directory.
fn argv(service: &Service, directory: &Path) -> Vec<OsString> {
    let program = program(&service.binary, directory);
    let arguments = service.args.iter().map(OsString::from);
    std::iter::once(program.into_os_string()).chain(arguments).collect()
}

/// Where the program of a service is, before `PATH` is searched.
pub fn program(binary: &str, directory: &Path) -> PathBuf {
    let path = Path::new(binary);
    let beside = directory.join(path);
    if path.is_absolute() || (!binary.contains('/') && !beside.is_file()) {
        return path.to_owned();
    }
    if beside.exists() {
        return beside;
    }
    // The original language meant the runner's own directory; it still works where the file is there.
    match std::path::absolute(path) {
        Ok(here) if here.exists() => here,
        Ok(_) | Err(_) => beside,
    }
}

fn environment(service: &Service, inherited: &[(String, String)]) -> Vec<(OsString, OsString)> {
    let own = |name: &String| service.env.iter().any(|(own, _)| own == name);
    let inherited = inherited.iter().filter(|(name, _)| !own(name));
    inherited.chain(&service.env).map(|(name, value)| (name.into(), value.into())).collect()
}

/// An exit status in words: `exit code 1`, `killed by SIGKILL`.
pub fn describe(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "its exit status was lost".to_owned() };
    if let Some(code) = status.code() {
        return format!("exit code {code}");
    }
    let signal = status.signal().and_then(|signal| nix::sys::signal::Signal::try_from(signal).ok());
    let core = if status.core_dumped() { " (core dumped)" } else { "" };
    match signal {
        Some(signal) => format!("killed by {signal}{core}"),
        None => "ended".to_owned(),
    }
}
