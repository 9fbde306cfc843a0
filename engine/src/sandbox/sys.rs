//! The unsafe calls of this room, each behind a safe function.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::ForkResult;

/// Brings `lo` up in the calling thread's network namespace (netdevice(7)); its addresses come by themselves.
pub(super) fn loopback_up() -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: all zero is a valid `ifreq`; the name is shorter than its field and stays NUL-terminated.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: `request` is a whole `ifreq` and outlives the call.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Forks a process that has a single thread, so that the child may do anything.
pub(super) fn fork() -> io::Result<ForkResult> {
    // SAFETY: the caller makes sure of the single thread (`enter` checks it); see fork(2) on threads.
    unsafe { nix::unistd::fork() }.map_err(io::Error::from)
}

/// Copies the mount tree at `path` as a detached one (open_tree(2), Linux 5.2).
pub(super) fn clone_mount(path: &CStr) -> io::Result<OwnedFd> {
    const OPEN_TREE_CLONE: libc::c_uint = 1;
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint | libc::AT_RECURSIVE as libc::c_uint;
    // SAFETY: `path` ends in NUL; a fresh descriptor comes out.
    let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Attaches a detached mount tree at `path` (move_mount(2), Linux 5.2).
pub(super) fn attach_mount(tree: &OwnedFd, path: &CStr) -> io::Result<()> {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    // SAFETY: both strings end in NUL and the descriptor is open.
    let done = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            path.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits for one process and gives the status as wait(2) does.
pub(super) fn wait_for(pid: libc::pid_t) -> io::Result<libc::c_int> {
    loop {
        match wait_with(pid, 0) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done.map(Option::unwrap_or_default),
        }
    }
}

/// Reaps one process if it has ended.
pub(super) fn reap(pid: libc::pid_t) -> io::Result<Option<libc::c_int>> {
    wait_with(pid, libc::WNOHANG)
}

fn wait_with(pid: libc::pid_t, flags: libc::c_int) -> io::Result<Option<libc::c_int>> {
    let mut status = 0;
    // SAFETY: `status` lives here.
    match unsafe { libc::waitpid(pid, &raw mut status, flags) } {
        0 => Ok(None),
        found if found > 0 => Ok(Some(status)),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sleeps until this child, or any, has ended and says which, leaving it to be reaped. ECHILD when there is none.
pub(super) fn await_exit(pid: Option<libc::pid_t>) -> io::Result<libc::pid_t> {
    look_for_exit(pid, 0)
}

/// A child that has ended, if there is one, leaving it to be reaped. ECHILD when there is no child.
pub(super) fn find_exit() -> io::Result<Option<libc::pid_t>> {
    // Without one that has ended, the number stays 0 (wait(2)).
    look_for_exit(None, libc::WNOHANG).map(|pid| Some(pid).filter(|&pid| pid != 0))
}

fn look_for_exit(pid: Option<libc::pid_t>, flags: libc::c_int) -> io::Result<libc::pid_t> {
    let (kind, id) = pid.map_or((libc::P_ALL, 0), |pid| (libc::P_PID, pid.cast_unsigned()));
    // SAFETY: all zero is a valid `siginfo_t`; the kernel fills it before `si_pid` reads it.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        if libc::waitid(kind, id, &raw mut info, libc::WEXITED | libc::WNOWAIT | flags) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(info.si_pid())
    }
}

/// Ends this process at once, without destructors.
pub(super) fn exit(code: i32) -> ! {
    // SAFETY: `_exit` may be called at any time.
    unsafe { libc::_exit(code) }
}

/// A descriptor for a process, readable once it has ended (pidfd_open(2), Linux 5.3).
pub(super) fn open_process(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers in; a fresh descriptor out.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
