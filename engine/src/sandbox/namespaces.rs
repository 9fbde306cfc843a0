//! Entering the sandbox of a leaf: namespaces, mounts, loopback.
//!
//! As an ordinary user a user namespace comes first, with the user's own ids mapped to themselves: a database that
//! refuses to run as root must not see itself as root. Root does without one where it can.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{ForkResult, getegid, geteuid};

use super::keep::Keep;
use super::names::Names;
use super::overlay::{self, NotOverlaid, Overlay, Store};
use super::{death, sys};

/// What the sandbox of a leaf is made from.
#[derive(Debug)]
pub struct Config {
    /// Directories whose changes must stay in the leaf: `/tmp` and the spec's directory.
    pub overlays: Vec<PathBuf>,
    /// Names that resolve to loopback inside: the services'.
    pub names: Vec<String>,
    /// Where [`Sandbox::keep_files`] copies to.
    pub keep_files: Option<Keep>,
    /// Read end of a pipe whose other end the dispatcher holds: when it closes, both processes die.
    pub lifeline: Option<OwnedFd>,
}

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Side {
    /// The process that called [`enter`], after the inner one has ended. Pass its status on.
    Outside(ExitStatus),
    /// PID 1 of the sandbox.
    Inside(Sandbox),
}

/// The sandbox as seen from its PID 1. It lasts until that process ends; there is nothing to undo.
#[derive(Debug)]
pub struct Sandbox {
    pub overlays: Vec<Overlay>,
    /// Directories that stayed the host's own. When there is one, leaves must not run side by side.
    pub not_overlaid: Vec<NotOverlaid>,
    pub names: Names,
    pub(super) keep: Option<OwnedFd>,
    _store: Store,
}

impl Sandbox {
    /// Whether what is written to a directory stays in the leaf.
    pub fn overlays(&self, directory: &Path) -> bool {
        let canonical = directory.canonicalize();
        canonical.is_ok_and(|path| self.overlays.iter().any(|overlay| path.starts_with(&overlay.directory)))
    }
}

/// A step of making the sandbox. The number travels from the inner process to the outer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, derive_more::Display)]
#[repr(u8)]
pub enum Step {
    #[display("start while only one thread runs")]
    SingleThread = 1,
    #[display("open the directory kept files go to")]
    KeepFiles,
    #[display("create namespaces")]
    Unshare,
    #[display("map user and group ids")]
    MapIds,
    #[display("fork")]
    Fork,
    #[display("tie the sandbox to its parent")]
    Ties,
    #[display("make mounts private")]
    PrivateMounts,
    #[display("mount a fresh /proc")]
    Proc,
    #[display("bring loopback up")]
    Loopback,
    #[display("return to the working directory")]
    WorkingDirectory,
}

impl Step {
    const ALL: [Step; 10] = [
        Step::SingleThread,
        Step::KeepFiles,
        Step::Unshare,
        Step::MapIds,
        Step::Fork,
        Step::Ties,
        Step::PrivateMounts,
        Step::Proc,
        Step::Loopback,
        Step::WorkingDirectory,
    ];

    fn from_number(number: u8) -> Option<Step> {
        Step::ALL.into_iter().find(|&step| step as u8 == number)
    }
}

/// The sandbox could not be made. [`super::capability::probe`] explains why and what helps.
#[derive(Debug, thiserror::Error)]
#[error("{step}: {source}")]
pub struct SandboxError {
    pub step: Step,
    pub source: io::Error,
}

/// Attaches the step to an error.
trait During<T> {
    fn during(self, step: Step) -> Result<T, SandboxError>;
}

impl<T, E: Into<io::Error>> During<T> for Result<T, E> {
    fn during(self, step: Step) -> Result<T, SandboxError> {
        self.map_err(|error| SandboxError { step, source: error.into() })
    }
}

/// Makes the sandbox and forks its PID 1. Returns in both processes: inside at once, outside when the inner process has
/// ended. About 2 ms.
///
/// The calling process must have a single thread. It cannot start threads or processes any more afterwards (its children
/// belong to the sandbox's PID namespace), also when this fails; it is there to pass on the status.
pub fn enter(config: Config) -> Result<Side, SandboxError> {
    let threads = fs::read_dir("/proc/self/task").during(Step::SingleThread)?.count();
    if threads != 1 {
        let source = io::Error::other(format!("{threads} threads are running"));
        return Err(SandboxError { step: Step::SingleThread, source });
    }
    let keep = config.keep_files.as_ref().map(Keep::open).transpose().during(Step::KeepFiles)?;
    unshare_processes()?;
    // Inherited from the outer process by a pipe each: its death, and what went wrong inside.
    let (outer_alive, outer_end) = io::pipe().during(Step::Fork)?;
    let (mut trouble, mut trouble_end) = io::pipe().during(Step::Fork)?;

    match sys::fork().during(Step::Fork)? {
        ForkResult::Child => {
            drop((outer_end, trouble));
            match set_up(&config, keep, outer_alive.into()) {
                Ok(sandbox) => Ok(Side::Inside(sandbox)),
                Err(error) => {
                    let errno = error.source.raw_os_error().unwrap_or(libc::EIO);
                    let message = [&[error.step as u8][..], &errno.to_ne_bytes()].concat();
                    // When nobody reads this any more, nobody is left to tell.
                    let _ = trouble_end.write_all(&message);
                    death::end();
                }
            }
        }
        ForkResult::Parent { child } => {
            drop((outer_alive, trouble_end));
            let mut message = Vec::new();
            trouble.read_to_end(&mut message).during(Step::Fork)?;
            death::await_end(child, config.lifeline.as_ref()).during(Step::Ties)?;
            let status = sys::wait_for(child.as_raw()).during(Step::Fork)?;
            drop(outer_end);
            match message[..] {
                [step, a, b, c, d] => Err(SandboxError {
                    step: Step::from_number(step).unwrap_or(Step::Fork),
                    source: io::Error::from_raw_os_error(i32::from_ne_bytes([a, b, c, d])),
                }),
                _ => Ok(Side::Outside(ExitStatus::from_raw(status))),
            }
        }
    }
}

/// What must happen before the fork: only children enter a new PID namespace.
fn unshare_processes() -> Result<(), SandboxError> {
    let (user, group) = (geteuid(), getegid());
    // Root of a container may lack the capability and still be allowed a user namespace.
    if user.is_root() && unshare(CloneFlags::CLONE_NEWPID).is_ok() {
        return Ok(());
    }
    unshare(CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWUSER).during(Step::Unshare)?;
    // user_namespaces(7): without a privileged parent, groups must be fixed before the group map is written.
    fs::write("/proc/self/setgroups", "deny").during(Step::MapIds)?;
    fs::write("/proc/self/uid_map", format!("{user} {user} 1")).during(Step::MapIds)?;
    fs::write("/proc/self/gid_map", format!("{group} {group} 1")).during(Step::MapIds)
}

/// The rest, which only PID 1 leaves, so that the outer process still sees the host.
fn unshare_surroundings() -> Result<(), SandboxError> {
    let kinds = CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWNS
        // Shared memory segments of a killed database would otherwise stay on the host.
        | CloneFlags::CLONE_NEWIPC;
    unshare(kinds).during(Step::Unshare)
}

/// Everything PID 1 does before it is ready.
fn set_up(config: &Config, keep: Option<OwnedFd>, outer_alive: OwnedFd) -> Result<Sandbox, SandboxError> {
    death::die_with_parent(&outer_alive).during(Step::Ties)?;
    // A change of identity made us untouchable for ptrace, which reading a service's memory needs.
    nix::sys::prctl::set_dumpable(true).during(Step::Ties)?;
    unshare_surroundings()?;
    let here = std::env::current_dir().during(Step::WorkingDirectory)?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).during(Step::PrivateMounts)?;
    let proc = Path::new("/proc");
    let (chosen, mut not_overlaid) = overlay::choose(&config.overlays);
    let store = Store::mount_over(proc).during(Step::Proc)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), proc, Some("proc"), flags, none).during(Step::Proc)?;
    sys::loopback_up().during(Step::Loopback)?;
    super::netns::open_low_ports();
    private_shared_memory();

    let names = Names::set_up(&store, &config.names);
    let user_xattr = is_mapped();
    let mut overlays = Vec::new();
    for (index, directory) in chosen.into_iter().enumerate() {
        match store.overlay(&directory, index, user_xattr) {
            Ok(overlay) => overlays.push(overlay),
            Err(error) => not_overlaid.push(NotOverlaid { directory, reason: error.to_string() }),
        }
    }
    // Entered again by name: the old working directory is the one under the overlay.
    std::env::set_current_dir(here).during(Step::WorkingDirectory)?;
    death::lifeline(outer_alive).during(Step::Ties)?;
    Ok(Sandbox { overlays, not_overlaid, names, keep, _store: store })
}

/// POSIX shared memory of the leaf's services must not stay on the host after a kill. Hosts without `/dev/shm` have none.
fn private_shared_memory() {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let _ = mount(Some("tmpfs"), "/dev/shm", Some("tmpfs"), flags, Some("mode=1777"));
}

/// Whether this process is in a user namespace with a map of its own, where overlays must keep their marks in `user.*`
/// attributes.
fn is_mapped() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().nth(2) != Some("4294967295")
}
