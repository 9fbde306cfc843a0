//! One intercepted call as a judge sees it.

use super::batch;
use super::memory::{self, Address};
use super::notify::Listener;
use super::path::{Kind, Resolution, Scratch, unreadable};
use super::program::NATIVE_ARCH;
use super::socket;
use super::sys::RawNotification;
use crate::model::syscall::{Subject, Syscall};
use crate::rules::Unreadable;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// An intercepted call. Paths and addresses are read from the target when first asked for, so a rule without them
/// costs nothing.
#[derive(Debug)]
pub struct SyscallView<'a> {
    syscall: Syscall,
    raw: &'a RawNotification,
    listener: &'a Listener,
    scratch: &'a mut Scratch,
    /// Which subject the scratch holds the path of, and what it was.
    held: Option<(usize, Kind)>,
    /// Whether something could not be read because the call did not wait any more.
    has_vanished: bool,
}

impl<'a> SyscallView<'a> {
    pub(super) fn new(
        syscall: Syscall,
        raw: &'a RawNotification,
        listener: &'a Listener,
        scratch: &'a mut Scratch,
    ) -> SyscallView<'a> {
        SyscallView { syscall, raw, listener, scratch, held: None, has_vanished: false }
    }

    pub fn syscall(&self) -> Syscall {
        self.syscall
    }

    /// Thread that made the call, in our PID namespace.
    pub fn thread(&self) -> u32 {
        self.raw.pid
    }

    pub fn arguments(&self) -> &[u64; 6] {
        &self.raw.arguments
    }

    /// The file the call acts on: the one behind its descriptor, or the one its path names.
    pub fn path(&mut self) -> Resolution<'_> {
        self.file(0)
    }

    /// A copy of the descriptor in an argument: the very same open file or socket.
    pub fn take_descriptor(&self, position: u8) -> io::Result<OwnedFd> {
        let copy = socket::take(self.raw.pid, self.argument(position) as i32)?;
        if self.listener.is_waiting(self.raw.id) { Ok(copy) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Whether an argument is a socket of the internet that is for datagrams. False where that cannot be told.
    pub fn is_for_datagrams(&self, position: u8) -> bool {
        self.take_descriptor(position).is_ok_and(|socket| socket::is_for_datagrams(&socket))
    }

    /// The internet address an argument points to, in the family it is written in.
    pub fn socket_address(&self, address: u8, length: u8) -> Option<SocketAddr> {
        let found = socket::address(self.raw.pid, self.argument(address), self.argument(length));
        found.filter(|_| self.listener.is_waiting(self.raw.id))
    }

    /// The file behind one of the call's subjects, the new name of `rename` or the source of `copy_file_range` for
    /// example. The address of a Unix socket counts as its path.
    pub fn file(&mut self, subject: usize) -> Resolution<'_> {
        let kind = match self.held {
            Some((held, kind)) if held == subject => kind,
            _ => self.checked(|view| view.resolve(subject), Kind::Unresolved),
        };
        self.held = Some((subject, kind));
        self.scratch.resolution(kind)
    }

    /// The file behind a descriptor of the process.
    pub fn descriptor(&mut self, number: i32) -> Resolution<'_> {
        self.held = None;
        let kind = self.checked(|view| view.scratch.descriptor(view.raw.pid, number), Kind::Unresolved);
        self.scratch.resolution(kind)
    }

    /// The peer or local address the call carries; `None` when it carries none.
    pub fn address(&mut self) -> Result<Option<Address>, Unreadable> {
        self.checked(|view| view.read_address().map_err(|error| unreadable(&error)), Err)
    }

    /// The operations an `io_submit` asks for; the first ones of very many.
    pub fn batch(&mut self) -> Result<Vec<batch::Queued>, Unreadable> {
        let [_, count, list, ..] = *self.arguments();
        let thread = self.raw.pid;
        self.checked(|_| batch::read(thread, list, count).map_err(|error| unreadable(&error)), Err)
    }

    /// What `read` gives, if the thread still waits: its number may have passed to another process meanwhile.
    fn checked<T>(&mut self, read: impl FnOnce(&mut Self) -> T, lost: impl FnOnce(Unreadable) -> T) -> T {
        let read = read(self);
        if self.listener.is_waiting(self.raw.id) {
            return read;
        }
        self.has_vanished = true;
        lost(Unreadable::Gone)
    }

    /// Whether the call was gone before all that was asked of it was read: its thread died or was interrupted.
    pub(super) fn has_vanished(&self) -> bool {
        self.has_vanished
    }

    fn resolve(&mut self, at: usize) -> Kind {
        let thread = self.raw.pid;
        let directory = |directory: Option<u8>| directory.map(|number| self.argument(number) as i32);
        match self.syscall.subjects().get(at) {
            Some(&Subject::Descriptor(number)) => {
                let number = self.argument(number) as i32;
                self.scratch.descriptor(thread, number)
            }
            Some(&Subject::Path { directory: at, path }) => {
                let (directory, path) = (directory(at), self.argument(path));
                self.scratch.argument(thread, directory, path)
            }
            Some(&Subject::LinkText { text, directory: at, link }) => {
                let (directory, link) = (directory(at), self.argument(link));
                let link = self.scratch.argument(thread, directory, link);
                let text = self.argument(text);
                self.scratch.link_text(thread, link, text)
            }
            Some(&Subject::Mapping(address)) => {
                let address = self.argument(address);
                self.scratch.mapping(thread, address)
            }
            Some(Subject::Address { .. } | Subject::Message(_)) => match self.read_address() {
                Ok(address) => {
                    address.map_or(Kind::NotAFile, |address| self.scratch.socket_path(thread, &address))
                }
                Err(error) => Kind::Unresolved(unreadable(&error)),
            },
            Some(Subject::Handle) => Kind::Unresolved(Unreadable::Handle),
            Some(Subject::Socket(_)) | None => Kind::NotAFile,
        }
    }

    fn read_address(&self) -> std::io::Result<Option<Address>> {
        let thread = self.raw.pid;
        for subject in self.syscall.subjects() {
            match *subject {
                Subject::Address { address, length } => {
                    // Without an address the message goes where the socket was connected to.
                    let (address, length) = (self.argument(address), self.argument(length) & 0xffff_ffff);
                    return if address == 0 {
                        Ok(None)
                    } else {
                        memory::read_address(thread, address, length)
                    };
                }
                Subject::Message(message) => {
                    let is_narrow = self.raw.arch != NATIVE_ARCH;
                    return memory::read_message_address(thread, self.argument(message), is_narrow);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn argument(&self, position: u8) -> u64 {
        self.raw.arguments.get(usize::from(position)).copied().unwrap_or(0)
    }

    /// Whether the call can be interrupted by a signal in nature: on sockets and pipes, not on files.
    pub(super) fn is_interruptible(&mut self) -> bool {
        self.path() == Resolution::NotAFile
    }
}
