//! Starting a worker process with its report pipe in place.

use super::wire::{Isolation, Job, REPORT_DESCRIPTOR};
use std::io::{self, PipeReader};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, Command};

/// A started worker.
pub(super) struct WorkerProcess {
    pub(super) child: Child,
    /// Its job went through here; now its end is the worker's end.
    pub(super) lifeline: ChildStdin,
    pub(super) reports: pipe::Receiver,
}

/// Starts `program` with `arguments` as a worker and hands it its job.
pub(super) async fn spawn(program: &Path, arguments: &[String], job: &Job) -> io::Result<WorkerProcess> {
    let (reports, reports_end) = io::pipe()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    // A terminal's Ctrl-C goes to the whole group; only the dispatcher may act on it.
    command.process_group(0);
    let end = reports_end.as_raw_fd();
    // The lifeline ends a worker as well, but only once its thread gets the processor. Without namespaces it must: the
    // worker has daemons to end first.
    let tied = job.isolation == Isolation::Namespaces;
    let place = move || {
        if tied {
            // SAFETY: plain numbers, and async-signal-safe as a bare system call.
            check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) })?;
        }
        // dup2 of a descriptor onto itself would keep close-on-exec.
        if end == REPORT_DESCRIPTOR {
            // SAFETY: fcntl on a number does not touch memory and is async-signal-safe (signal-safety(7)).
            return check(unsafe { libc::fcntl(end, libc::F_SETFD, 0) });
        }
        // SAFETY: as above, for dup2; the new descriptor is not close-on-exec.
        check(unsafe { libc::dup2(end, REPORT_DESCRIPTOR) })
    };
    // SAFETY: the closure only makes the async-signal-safe calls above and allocates nothing.
    unsafe { command.pre_exec(place) };
    let mut child = command.spawn()?;
    drop(reports_end);
    let mut lifeline =
        child.stdin.take().ok_or_else(|| io::Error::other("the worker has no standard input"))?;
    let text = serde_json::to_vec(job)?;
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes();
    lifeline.write_all(&length).await?;
    lifeline.write_all(&text).await?;
    lifeline.flush().await?;
    Ok(WorkerProcess { child, lifeline, reports: receiver(reports)? })
}

fn receiver(reports: PipeReader) -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(OwnedFd::from(reports))
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
