//! Every unsafe kernel call of this room but those between fork and exec, each behind a safe function.
//!
//! Layouts and numbers are those of linux/seccomp.h; the ioctl numbers are the same on x86_64 and aarch64.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicU32};
use std::time::Duration;

const NOTIF_RECV: libc::c_ulong = 0xC050_2100;
const NOTIF_SEND: libc::c_ulong = 0xC018_2101;
const NOTIF_ID_VALID: libc::c_ulong = 0x4008_2102;
const NOTIF_ADDFD: libc::c_ulong = 0x4018_2103;
const NOTIF_SET_FLAGS: libc::c_ulong = 0x4008_2104;

/// `struct seccomp_notif` with `struct seccomp_data` in it.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RawNotification {
    pub(super) id: u64,
    /// Thread that made the call, as seen from the PID namespace of the reader.
    pub(super) pid: u32,
    pub(super) flags: u32,
    pub(super) number: i32,
    pub(super) arch: u32,
    pub(super) instruction_pointer: u64,
    pub(super) arguments: [u64; 6],
}

/// `struct seccomp_notif_resp`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RawReply {
    pub(super) id: u64,
    pub(super) value: i64,
    pub(super) error: i32,
    pub(super) flags: u32,
}

/// `struct seccomp_notif_addfd`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct RawDescriptor {
    id: u64,
    flags: u32,
    ours: u32,
    theirs: u32,
    their_flags: u32,
}

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Takes the next notification; ENOENT when its target went away meanwhile.
pub(super) fn receive(listener: BorrowedFd<'_>) -> io::Result<RawNotification> {
    let mut raw = RawNotification::default();
    // SAFETY: `raw` is a zeroed `struct seccomp_notif`, as the kernel demands, and outlives the call.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_RECV as _, &raw mut raw) }.into())?;
    Ok(raw)
}

/// Answers a notification; ENOENT when its target went away or was interrupted meanwhile.
pub(super) fn send(listener: BorrowedFd<'_>, reply: &RawReply) -> io::Result<()> {
    // SAFETY: `reply` is a whole `struct seccomp_notif_resp`, only read by the kernel.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SEND as _, ptr::from_ref(reply)) }.into())
        .map(|_| ())
}

/// Gives the target a copy of a descriptor, which is at once what its call returns (`SECCOMP_ADDFD_FLAG_SEND`, Linux
/// 5.14). `flags` are those of the new descriptor.
pub(super) fn answer_with_descriptor(
    listener: BorrowedFd<'_>,
    id: u64,
    descriptor: BorrowedFd<'_>,
    flags: u32,
) -> io::Result<()> {
    const SEND: u32 = 1 << 1;
    let ours = descriptor.as_raw_fd().cast_unsigned();
    let raw = RawDescriptor { id, flags: SEND, ours, theirs: 0, their_flags: flags };
    // SAFETY: `raw` is a whole `struct seccomp_notif_addfd`, only read by the kernel.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_ADDFD as _, &raw const raw) }.into()).map(|_| ())
}

/// Whether the target still waits for this notification's answer, so that what was read from it is really its own.
pub(super) fn id_valid(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads eight bytes from `id`, which lives here.
    unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_ID_VALID as _, &raw const id) == 0 }
}

pub(super) fn set_flags(listener: BorrowedFd<'_>, flags: u64) -> io::Result<()> {
    // SAFETY: the argument of this request is a plain number.
    check(unsafe { libc::ioctl(listener.as_raw_fd(), NOTIF_SET_FLAGS as _, flags) }.into()).map(|_| ())
}

/// Whether the kernel knows the action value (`SECCOMP_GET_ACTION_AVAIL`).
pub(super) fn action_available(action: u32) -> io::Result<()> {
    // SAFETY: the kernel reads four bytes from `action`, which lives here.
    check(unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) })
        .map(|_| ())
}

/// Copies target memory; the bytes read may be fewer than asked when the range ends unmapped.
pub(super) fn read_memory(thread: u32, address: u64, into: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = libc::iovec { iov_base: address as *mut libc::c_void, iov_len: into.len() };
    // SAFETY: `local` describes `into`; the remote range is checked by the kernel.
    let read = unsafe {
        libc::process_vm_readv(thread as libc::pid_t, &raw const local, 1, &raw const remote, 1, 0)
    };
    match check(read as libc::c_long) {
        Ok(count) => Ok(count as usize),
        Err(error) if error.raw_os_error() == Some(libc::EFAULT) => Err(error),
        // Some sandboxes forbid process_vm_readv and still let the memory file be read.
        Err(_) => File::open(format!("/proc/{thread}/mem"))?.read_at(into, address),
    }
}

/// `readlink` into a buffer; the target's length.
pub(super) fn read_link(path: &CStr, into: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `path` ends in NUL and `into` is writable for its whole length.
    let length = unsafe { libc::readlink(path.as_ptr(), into.as_mut_ptr().cast(), into.len()) };
    check(length as libc::c_long).map(|length| length as usize)
}

/// Takes a copy of a descriptor of another process (pidfd_getfd(2)).
pub(super) fn take_descriptor(process: BorrowedFd<'_>, number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers in; a fresh descriptor, owned by nobody else, out.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_getfd, process.as_raw_fd(), number, 0) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// A descriptor for a process (pidfd_open(2)); EINVAL for a thread that is not its first.
pub(super) fn open_process(process: u32) -> io::Result<OwnedFd> {
    // SAFETY: plain numbers in; a fresh descriptor, owned by nobody else, out.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, process, 0) })?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Takes a copy of a descriptor of the process with this id.
pub(super) fn take_descriptor_of(process: u32, number: RawFd) -> io::Result<OwnedFd> {
    take_descriptor(open_process(process)?.as_fd(), number)
}

/// Sends a signal to exactly the process behind the descriptor, never to one that took over its number.
pub(super) fn signal(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    // SAFETY: plain numbers and a null siginfo.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, 0, 0) })
        .map(|_| ())
}

/// What a child and its parent tell each other between fork and exec, in a page both see.
///
/// Shared memory and futexes, because a filter may intercept every other way to talk.
#[repr(C)]
#[derive(Debug)]
pub(super) struct Handshake {
    /// 0 while starting, then one of the constants below.
    pub(super) state: AtomicU32,
    /// Becomes 1 when the parent holds the listener.
    pub(super) acknowledged: AtomicU32,
    pub(super) listener: AtomicI32,
    /// Whether the kernel took `WAIT_KILLABLE_RECV`.
    pub(super) killable: AtomicU32,
    /// Which step failed, a number of `Stage`.
    pub(super) stage: AtomicU32,
    pub(super) errno: AtomicI32,
}

impl Handshake {
    pub(super) const INSTALLED: u32 = 1;
    pub(super) const FAILED: u32 = 2;
}

/// A mapping of one [`Handshake`] that stays shared over fork.
#[derive(Debug)]
pub(super) struct SharedPage {
    page: ptr::NonNull<Handshake>,
}

impl SharedPage {
    pub(super) fn new() -> io::Result<SharedPage> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh anonymous mapping, zeroed by the kernel; all-zero is a valid `Handshake`.
        let page = unsafe { libc::mmap(ptr::null_mut(), size_of::<Handshake>(), protection, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        ptr::NonNull::new(page.cast()).map(|page| SharedPage { page }).ok_or_else(io::Error::last_os_error)
    }

    pub(super) fn get(&self) -> &Handshake {
        // SAFETY: mapped for as long as `self` lives, and only atomics are in it.
        unsafe { self.page.as_ref() }
    }
}

impl Drop for SharedPage {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`, which no reference outlives.
        unsafe { libc::munmap(self.page.as_ptr().cast(), size_of::<Handshake>()) };
    }
}

/// Sleeps until `word` is woken, no longer holds `seen`, or `limit` passed. Safe to use between fork and exec.
pub(super) fn wait_on(word: &AtomicU32, seen: u32, limit: Duration) {
    let time = libc::timespec { tv_sec: limit.as_secs() as _, tv_nsec: limit.subsec_nanos() as _ };
    // SAFETY: `word` is a mapped, aligned 32-bit word and `time` lives here.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, seen, &raw const time) };
}

/// Wakes whoever sleeps on `word`. Safe to use between fork and exec.
pub(super) fn wake(word: &AtomicU32) {
    // SAFETY: `word` is a mapped, aligned 32-bit word.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX) };
}
