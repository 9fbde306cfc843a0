//! What runs in a child between fork and exec.
//!
//! The parent may have many threads, so only system calls are made here: no allocation, no locks, no formatting. Once the
//! filter is installed only futex, execve and exit_group are left, which are never intercepted; the child would
//! otherwise wait for a supervisor that waits for the child.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use seccompiler::sock_filter;

use super::sys::{self, Handshake};

/// Where a child gave up. The number travels through the shared page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Stage {
    Descriptors = 1,
    Directory = 2,
    Filter = 3,
    Handover = 4,
    Exec = 5,
    Tie = 6,
}

impl Stage {
    pub(super) fn from_number(number: u32) -> Stage {
        match number {
            1 => Stage::Descriptors,
            2 => Stage::Directory,
            3 => Stage::Filter,
            4 => Stage::Handover,
            6 => Stage::Tie,
            _ => Stage::Exec,
        }
    }
}

/// Everything the child needs, made ready before the fork. Pointers stay valid because the child has its own copy.
pub(super) struct Prepared<'a> {
    pub(super) program: *const libc::c_char,
    /// Ends in a null pointer, as does `environment`.
    pub(super) arguments: &'a [*const libc::c_char],
    pub(super) environment: &'a [*const libc::c_char],
    pub(super) directory: *const libc::c_char,
    /// Become descriptors 0, 1 and 2.
    pub(super) stdio: [RawFd; 3],
    /// Write end whose closing tells the parent that exec happened, or that the child is gone.
    pub(super) alive: RawFd,
    pub(super) filter: Option<&'a [sock_filter]>,
    /// Whether to ask for `WAIT_KILLABLE_RECV`.
    pub(super) wait_killable: bool,
    /// The limit on descriptors, where it is another than the parent's.
    pub(super) descriptors: Option<libc::rlimit>,
    /// The parent, when the child must not outlive it.
    pub(super) dies_with: Option<libc::pid_t>,
    pub(super) handshake: &'a Handshake,
}

/// `SECCOMP_FILTER_FLAG_NEW_LISTENER` and `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`.
const NEW_LISTENER: libc::c_ulong = 1 << 3;
const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;

/// The parent answers within microseconds; a child whose parent died must not wait for ever (10 s at most).
const HANDOVER_WAIT: Duration = Duration::from_millis(500);
const HANDOVER_WAITS: u32 = 20;

/// Forks a child that becomes the prepared program. Returns its process id and a descriptor for it.
pub(super) fn fork(prepared: &Prepared<'_>) -> io::Result<(libc::pid_t, OwnedFd)> {
    fork_into(|| run(prepared))
}

/// Forks a child that runs `child`, which may only make system calls and must not return control to the caller.
pub(super) fn fork_into(child: impl FnOnce() -> i32) -> io::Result<(libc::pid_t, OwnedFd)> {
    let mut pidfd: RawFd = -1;
    // SAFETY: all signals are blocked around the fork so that no handler of the parent runs in the child; the clone
    // call shares nothing (fork semantics) and stores a pidfd; the child makes system calls only and then exits.
    unsafe {
        let mut every: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut every);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const every, &raw mut before);
        let flags = libc::SIGCHLD | libc::CLONE_PIDFD;
        let pid = libc::syscall(libc::SYS_clone, flags as libc::c_ulong, 0, &raw mut pidfd, 0, 0);
        if pid == 0 {
            libc::_exit(child());
        }
        let error = io::Error::last_os_error();
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
        if pid < 0 { Err(error) } else { Ok((pid as libc::pid_t, OwnedFd::from_raw_fd(pidfd))) }
    }
}

/// The child's way to exec. Returns only when a step failed, with the exit code.
fn run(prepared: &Prepared<'_>) -> i32 {
    let (stage, errno) = match become_program(prepared) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    let handshake = prepared.handshake;
    handshake.errno.store(errno, Ordering::Relaxed);
    handshake.stage.store(stage as u32, Ordering::Relaxed);
    handshake.state.store(Handshake::FAILED, Ordering::Release);
    sys::wake(&handshake.state);
    127
}

fn become_program(prepared: &Prepared<'_>) -> Result<std::convert::Infallible, (Stage, i32)> {
    // SAFETY: system calls on numbers and on pointers prepared before the fork.
    unsafe {
        libc::setpgid(0, 0);
        if let Some(parent) = prepared.dies_with {
            tie_to(parent).map_err(|errno| (Stage::Tie, errno))?;
        }
        place_descriptors(prepared).map_err(|errno| (Stage::Descriptors, errno))?;
        if libc::chdir(prepared.directory) != 0 {
            return Err((Stage::Directory, errno()));
        }
        reset_signals();
        if let Some(limit) = &prepared.descriptors {
            // Only ever a lower one than the parent's, which the kernel allows.
            libc::setrlimit(libc::RLIMIT_NOFILE, limit);
        }
        if let Some(filter) = prepared.filter {
            let listener = install(filter, prepared.wait_killable, prepared.handshake)
                .map_err(|errno| (Stage::Filter, errno))?;
            hand_over(listener, prepared.handshake).map_err(|errno| (Stage::Handover, errno))?;
        }
        libc::execve(prepared.program, prepared.arguments.as_ptr(), prepared.environment.as_ptr());
    }
    Err((Stage::Exec, errno()))
}

/// Has the kernel kill this process when its parent ends; fails when that has happened already.
fn tie_to(parent: libc::pid_t) -> Result<(), i32> {
    // SAFETY: plain numbers.
    unsafe {
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) != 0 {
            return Err(errno());
        }
        if libc::getppid() == parent { Ok(()) } else { Err(libc::ESRCH) }
    }
}

/// Puts stdio at 0, 1, 2 and the pipe at 3, and closes everything else, so that the program inherits nothing of ours and
/// a concurrent launch's pipe is not held open here.
fn place_descriptors(prepared: &Prepared<'_>) -> Result<(), i32> {
    const OUT_OF_THE_WAY: libc::c_int = 16;
    const PIPE: libc::c_int = 3;
    let wanted = [prepared.stdio[0], prepared.stdio[1], prepared.stdio[2], prepared.alive];
    let mut moved = [0; 4];
    for (to, from) in moved.iter_mut().zip(wanted) {
        // SAFETY: descriptors of the parent, inherited by the fork.
        *to = unsafe { libc::fcntl(from, libc::F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) };
        if *to < 0 {
            return Err(errno());
        }
    }
    for (number, &from) in moved.iter().enumerate() {
        let number = number as libc::c_int;
        let flags = if number == PIPE { libc::O_CLOEXEC } else { 0 };
        // SAFETY: both are valid descriptor numbers of this process.
        if unsafe { libc::dup3(from, number, flags) } < 0 {
            return Err(errno());
        }
    }
    // SAFETY: closes descriptors only this process has.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, PIPE + 1, libc::c_uint::MAX, 0) };
    if closed != 0 {
        // Kernels before 5.9 lack close_range; a thousand covers the usual limit of descriptors.
        for number in PIPE + 1..1024 {
            // SAFETY: as above.
            unsafe { libc::close(number) };
        }
    }
    Ok(())
}

/// Default disposition for every signal and an empty mask: what a program expects at its start.
fn reset_signals() {
    // SAFETY: plain system calls; numbers that may not be changed are refused by the kernel.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Installs the filter and returns the listener. Gives up privilege gain only when the kernel insists (EACCES), so that
/// set-user-ID programs keep working under root.
pub(super) fn install(
    filter: &[sock_filter],
    wait_killable: bool,
    handshake: &Handshake,
) -> Result<RawFd, i32> {
    let load =
        || if wait_killable { install_killable(filter, handshake) } else { load(filter, NEW_LISTENER) };
    match load() {
        Err(libc::EACCES) => {
            // SAFETY: plain numbers.
            if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
                return Err(errno());
            }
            load()
        }
        other => other,
    }
}

fn install_killable(filter: &[sock_filter], handshake: &Handshake) -> Result<RawFd, i32> {
    match load(filter, NEW_LISTENER | WAIT_KILLABLE_RECV) {
        // The flag came with Linux 5.19.
        Err(libc::EINVAL) => load(filter, NEW_LISTENER),
        Ok(listener) => {
            handshake.killable.store(1, Ordering::Relaxed);
            Ok(listener)
        }
        Err(other) => Err(other),
    }
}

fn load(filter: &[sock_filter], flags: libc::c_ulong) -> Result<RawFd, i32> {
    let program =
        libc::sock_fprog { len: filter.len() as libc::c_ushort, filter: filter.as_ptr().cast_mut().cast() };
    // SAFETY: the kernel copies the program, which is a slice of `struct sock_filter`.
    let fd =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if fd < 0 { Err(errno()) } else { Ok(fd as RawFd) }
}

/// Tells the parent the listener's number and waits until it has a copy: exec closes ours.
pub(super) fn hand_over(listener: RawFd, handshake: &Handshake) -> Result<(), i32> {
    handshake.listener.store(listener, Ordering::Relaxed);
    handshake.state.store(Handshake::INSTALLED, Ordering::Release);
    sys::wake(&handshake.state);
    // A wait may end early (a signal), so several are allowed.
    for _ in 0..HANDOVER_WAITS {
        if handshake.acknowledged.load(Ordering::Acquire) != 0 {
            return Ok(());
        }
        sys::wait_on(&handshake.acknowledged, 0, HANDOVER_WAIT);
    }
    Err(libc::ETIMEDOUT)
}

fn errno() -> i32 {
    // SAFETY: the C library's per-thread errno.
    unsafe { *libc::__errno_location() }
}

/// The child of a capability probe: makes one intercepted call while it handles SIGUSR1, then exits.
pub(super) fn intercepted_child(filter: &[sock_filter], handshake: &Handshake) -> i32 {
    reset_signals();
    extern "C" fn ignore(_: libc::c_int) {}
    // SAFETY: the handler does nothing, so it may run at any time.
    unsafe { libc::signal(libc::SIGUSR1, ignore as *const () as libc::sighandler_t) };
    let installed = install(filter, true, handshake).and_then(|listener| hand_over(listener, handshake));
    if let Err(errno) = installed {
        handshake.errno.store(errno, Ordering::Relaxed);
        handshake.state.store(Handshake::FAILED, Ordering::Release);
        sys::wake(&handshake.state);
        return 1;
    }
    // SAFETY: a call without arguments.
    unsafe { libc::syscall(libc::SYS_getppid) };
    0
}
