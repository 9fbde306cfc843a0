//! One intercepted call as a judge sees it.

use super::memory::{self, Address};
use super::notify::Listener;
use super::path::{Kind, Resolution, Scratch};
use super::sys::RawNotification;
use crate::model::syscall::{Subject, Syscall};

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
}

impl<'a> SyscallView<'a> {
    pub(super) fn new(
        syscall: Syscall,
        raw: &'a RawNotification,
        listener: &'a Listener,
        scratch: &'a mut Scratch,
    ) -> SyscallView<'a> {
        SyscallView { syscall, raw, listener, scratch, held: None }
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

    /// The second file of calls with two, the new name of `rename` or the source of `copy_file_range` for example.
    pub fn second_path(&mut self) -> Resolution<'_> {
        self.file(1)
    }

    /// The peer or local address the call carries; `None` when it carries none or it cannot be read.
    pub fn address(&self) -> Option<Address> {
        let found = self.syscall.subjects().iter().find_map(|&subject| match subject {
            Subject::Address { address, length } => memory::read_address(
                self.raw.pid,
                self.argument(address),
                self.argument(length) & 0xffff_ffff,
            ),
            Subject::Message(message) => memory::read_message_address(self.raw.pid, self.argument(message)),
            Subject::Descriptor(_) | Subject::Path { .. } => None,
        });
        found.filter(|_| self.listener.is_waiting(self.raw.id))
    }

    fn file(&mut self, at: usize) -> Resolution<'_> {
        let kind = match self.held {
            Some((held, kind)) if held == at => kind,
            _ => self.resolve(at),
        };
        self.held = Some((at, kind));
        self.scratch.resolution(kind)
    }

    fn resolve(&mut self, at: usize) -> Kind {
        let thread = self.raw.pid;
        let kind = match self.syscall.subjects().get(at) {
            Some(&Subject::Descriptor(number)) => {
                let number = self.argument(number) as i32;
                self.scratch.descriptor(thread, number)
            }
            Some(&Subject::Path { directory, path }) => {
                let directory = directory.map(|number| self.argument(number) as i32);
                let address = self.argument(path);
                self.scratch.argument(thread, directory, address)
            }
            Some(Subject::Address { .. } | Subject::Message(_)) | None => return Kind::NotAFile,
        };
        // Checked after reading: the thread's number may have passed to another process meanwhile.
        if self.listener.is_waiting(self.raw.id) { kind } else { Kind::Unresolved }
    }

    fn argument(&self, position: u8) -> u64 {
        self.raw.arguments.get(usize::from(position)).copied().unwrap_or(0)
    }

    /// Whether the call can be interrupted by a signal in nature: on sockets and pipes, not on files.
    pub(super) fn is_interruptible(&mut self) -> bool {
        self.path() == Resolution::NotAFile
    }
}
