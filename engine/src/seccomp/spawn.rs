//! Starts a process, with an interception filter when it needs one.
//!
//! The process starts in the calling thread's network namespace, in its own process group, with no descriptor of ours
//! but stdio. [`launch`] may be called from a process with many threads. It returns once the program runs: a missing
//! binary is an error here, not a readiness timeout later.

use std::ffi::{CString, NulError, OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::filter::Filter;
use super::limit;
use super::notify::Listener;
use super::pre_exec::{self, Prepared, Stage};
use super::program_file;
use super::sys::{self, Handshake, SharedPage};

/// What to start.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The program and its arguments. A program without `/` is looked up in `PATH` of `env`.
    pub argv: &'a [OsString],
    /// The whole environment; nothing is inherited.
    pub env: &'a [(OsString, OsString)],
    /// Working directory; a relative program starts there.
    pub cwd: &'a Path,
    pub stdin: BorrowedFd<'a>,
    pub stdout: BorrowedFd<'a>,
    pub stderr: BorrowedFd<'a>,
    pub filter: Option<&'a Filter>,
    /// Whether the kernel kills it when the calling thread ends. Where a PID namespace does that, and for everything the
    /// program starts as well, this is false. See PR_SET_PDEATHSIG(2const) for what undoes it.
    pub dies_with_caller: bool,
}

/// A running program.
#[derive(Debug)]
pub struct Launched<C> {
    /// What the owner of waiting gave for it, see [`launch`].
    pub child: C,
    /// Also the number of its process group.
    pub pid: i32,
    pub process: OwnedFd,
    /// Where its intercepted calls arrive; present when a filter was asked for. Start a supervisor at once: the program
    /// stands still at its first intercepted call.
    pub listener: Option<Listener>,
}

impl<C> Launched<C> {
    /// Signals this very process; ESRCH when it was reaped.
    pub fn signal(&self, signal: i32) -> io::Result<()> {
        sys::signal(self.process.as_fd(), signal)
    }

    /// Signals its process group; ESRCH when nothing of it is left.
    pub fn signal_group(&self, signal: i32) -> io::Result<()> {
        let signal = nix::sys::signal::Signal::try_from(signal)?;
        Ok(nix::sys::signal::killpg(nix::unistd::Pid::from_raw(self.pid), signal)?)
    }
}

/// Why a program did not start. Messages follow "failed to start <service>: ".
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("no command given")]
    Empty,
    #[error("an argument or environment value contains a NUL byte")]
    Nul(#[from] NulError),
    #[error("no program `{}` in {}", program.display(), searched.display())]
    NotInPath { program: PathBuf, searched: PathBuf },
    #[error("no such program: {}", program.display())]
    NotFound { program: PathBuf },
    #[error("{} may not be executed: {source}", program.display())]
    NotExecutable { program: PathBuf, source: io::Error },
    #[error("{} is neither a program for this machine nor a script that starts with `#!`", program.display())]
    BadFormat { program: PathBuf },
    #[error("{} needs the interpreter {}, which does not exist", program.display(), interpreter.display())]
    NoInterpreter { program: PathBuf, interpreter: PathBuf },
    #[error("cannot enter the directory {}: {source}", directory.display())]
    Directory { directory: PathBuf, source: io::Error },
    #[error(
        "syscall faults are not available: another supervisor (a sandbox, WSL mirrored networking, an outer run) already controls this process tree"
    )]
    AnotherSupervisor,
    #[error("cannot install the syscall filter: {0}")]
    Filter(io::Error),
    #[error("cannot take over the filter's listener: {0}")]
    Listener(io::Error),
    #[error("cannot execute {}: {source}", program.display())]
    Exec { program: PathBuf, source: io::Error },
    #[error("cannot create the process: {0}")]
    Process(io::Error),
}

/// Starts a program.
///
/// `adopt` is given the fork and passes on its process id; it is where whoever owns waiting for children (sandbox's
/// `Reaper`) registers the child before it can possibly exit: `launch(&what, |fork| reaper.adopt(fork))`. After an
/// error the child, if there was one, is dead and left to that owner.
pub fn launch<C>(
    launch: &Launch<'_>,
    adopt: impl FnOnce(&mut dyn FnMut() -> io::Result<i32>) -> io::Result<C>,
) -> Result<Launched<C>, LaunchError> {
    let program = program_file::locate(launch)?;
    let strings = Strings::new(launch, &program)?;
    let page = SharedPage::new().map_err(LaunchError::Process)?;
    let (mut exec_done, alive) = io::pipe().map_err(LaunchError::Process)?;

    let prepared = Prepared {
        program: strings.program.as_ptr(),
        arguments: &pointers(&strings.arguments),
        environment: &pointers(&strings.environment),
        directory: strings.directory.as_ptr(),
        stdio: [launch.stdin.as_raw_fd(), launch.stdout.as_raw_fd(), launch.stderr.as_raw_fd()],
        alive: alive.as_raw_fd(),
        filter: launch.filter.map(Filter::program),
        wait_killable: launch.filter.is_some_and(Filter::wait_killable),
        descriptors: limit::of_programs(),
        dies_with: launch.dies_with_caller.then(|| std::process::id().cast_signed()),
        handshake: page.get(),
    };
    let mut forked = None;
    let child = adopt(&mut || {
        let (pid, process) = pre_exec::fork(&prepared)?;
        forked = Some((pid, process));
        Ok(pid)
    });
    let child = child.map_err(LaunchError::Process)?;
    let (pid, process) = forked.ok_or_else(|| LaunchError::Process(io::ErrorKind::Other.into()))?;
    drop(alive);

    let listener = match launch.filter {
        Some(_) => take_listener(page.get(), &process).inspect_err(|_| {
            // ESRCH: it is dead already.
            let _ = sys::signal(process.as_fd(), libc::SIGKILL);
        })?,
        None => None,
    };
    // Closed by exec, or by the child's death.
    exec_done.read_to_end(&mut Vec::new()).map_err(LaunchError::Process)?;
    if page.get().state.load(Ordering::Acquire) == Handshake::FAILED {
        let handshake = page.get();
        let stage = Stage::from_number(handshake.stage.load(Ordering::Relaxed));
        let errno = handshake.errno.load(Ordering::Relaxed);
        return Err(explain(stage, errno, program, launch));
    }
    Ok(Launched { child, pid, process, listener })
}

/// The C strings of a launch.
struct Strings {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    directory: CString,
}

impl Strings {
    fn new(launch: &Launch<'_>, program: &Path) -> Result<Strings, LaunchError> {
        let arguments = launch.argv.iter().map(|text| c_string(text)).collect::<Result<_, _>>()?;
        let pair = |(name, value): &(OsString, OsString)| {
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
        };
        let environment = launch.env.iter().map(pair).collect::<Result<_, _>>()?;
        let directory = c_string(launch.cwd.as_os_str())?;
        Ok(Strings { program: c_string(program.as_os_str())?, arguments, environment, directory })
    }
}

fn c_string(text: &OsStr) -> Result<CString, NulError> {
    CString::new(text.as_bytes())
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// How often a waiting parent looks whether the child died without a word.
const DEATH_CHECK: Duration = Duration::from_millis(10);

/// Waits until the child installed its filter, copies the listener, and lets the child go on. `None` when the child
/// failed at an earlier step and has written down which.
fn take_listener(handshake: &Handshake, process: &OwnedFd) -> Result<Option<Listener>, LaunchError> {
    loop {
        match handshake.state.load(Ordering::Acquire) {
            Handshake::INSTALLED => break,
            Handshake::FAILED => return Ok(None),
            _ if is_dead(process.as_fd()) => {
                return Err(LaunchError::Process(io::Error::other(
                    "the child died before it ran the program",
                )));
            }
            state => sys::wait_on(&handshake.state, state, DEATH_CHECK),
        }
    }
    let number = handshake.listener.load(Ordering::Relaxed);
    let fd = sys::take_descriptor(process.as_fd(), number).map_err(LaunchError::Listener)?;
    let killable = handshake.killable.load(Ordering::Relaxed) != 0;
    handshake.acknowledged.store(1, Ordering::Release);
    sys::wake(&handshake.acknowledged);
    Ok(Some(Listener::new(fd, killable)))
}

fn is_dead(process: BorrowedFd<'_>) -> bool {
    poll(&mut [PollFd::new(process, PollFlags::POLLIN)], PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
}

fn explain(stage: Stage, errno: i32, program: PathBuf, launch: &Launch<'_>) -> LaunchError {
    let source = io::Error::from_raw_os_error(errno);
    match stage {
        Stage::Descriptors | Stage::Tie => LaunchError::Process(source),
        Stage::Directory => LaunchError::Directory { directory: launch.cwd.into(), source },
        Stage::Filter if errno == libc::EBUSY => LaunchError::AnotherSupervisor,
        Stage::Filter => LaunchError::Filter(source),
        Stage::Handover => LaunchError::Listener(source),
        Stage::Exec => program_file::explain_exec(errno, program, launch.cwd),
    }
}
