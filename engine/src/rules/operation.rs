//! One intercepted call as rules see it: a message on the wire or a syscall.

use super::syscalls::{OwnedCall, OwnedFile, SyscallFile, SyscallPeer, Unreadable};
use crate::model::syscall::Syscall;
use std::borrow::Cow;

/// What a rule may ask an operation.
pub trait Operation {
    /// The text of a field of the protocol's schema; `None` when this message has none (yet).
    fn field(&self, name: &str) -> Option<Cow<'_, str>>;

    /// True when `test` holds for a text of the field; some fields have several, such as the keys of `MSET a 1 b 2`.
    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.field(name).is_some_and(|text| test(&text))
    }

    /// The texts under `key` in a table field, such as all `accept` headers.
    fn entries(&self, _name: &str, _key: &str) -> Vec<Cow<'_, str>> {
        Vec::new()
    }

    /// The syscall, for operations that are one.
    fn syscall(&self) -> Option<Syscall> {
        None
    }

    /// An argument of the syscall, by its position.
    fn argument(&self, _position: u8) -> u64 {
        0
    }

    /// The file behind a subject of the syscall, by its place among them; asked only when a rule needs it.
    fn file(&self, _subject: usize) -> SyscallFile<'_> {
        SyscallFile::NotAFile
    }

    /// Where the syscall connects to or sends to; asked only when a rule needs it.
    fn peer(&self) -> SyscallPeer {
        SyscallPeer::Nothing
    }

    /// What people read: `POST /data/testkey`, `SET user:1`, `write /tmp/wal`.
    fn describe(&self) -> String;

    /// A copy that outlives the message, for evidence.
    fn snapshot(&self) -> OwnedMessage;
}

/// An operation copied out of its buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedMessage {
    pub description: String,
    pub fields: Vec<(&'static str, String)>,
    /// (field, name, text) of table fields.
    pub entries: Vec<(&'static str, String, String)>,
    /// Set for a syscall.
    pub syscall: Option<Box<OwnedCall>>,
}

impl OwnedMessage {
    /// A syscall that happened, without the words for it.
    pub fn of_call(call: OwnedCall) -> OwnedMessage {
        OwnedMessage {
            description: call.syscall.name().to_owned(),
            fields: Vec::new(),
            entries: Vec::new(),
            syscall: Some(Box::new(call)),
        }
    }

    /// The same syscall on whatever file.
    pub(super) fn on_any_file(mut self) -> OwnedMessage {
        if let Some(call) = &mut self.syscall {
            call.files.fill(OwnedFile::Unresolved(Unreadable::Everything));
        }
        self
    }
}

impl Operation for OwnedMessage {
    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        let (_, text) = self.fields.iter().find(|(field, _)| *field == name)?;
        Some(Cow::Borrowed(text))
    }

    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        self.fields.iter().any(|(field, text)| *field == name && test(text))
    }

    fn entries(&self, name: &str, key: &str) -> Vec<Cow<'_, str>> {
        let wanted =
            self.entries.iter().filter(|(field, at, _)| *field == name && at.eq_ignore_ascii_case(key));
        wanted.map(|(_, _, text)| Cow::Borrowed(text.as_str())).collect()
    }

    fn syscall(&self) -> Option<Syscall> {
        self.syscall.as_ref().map(|call| call.syscall)
    }

    fn argument(&self, position: u8) -> u64 {
        let call = self.syscall.as_ref();
        call.and_then(|call| call.arguments.get(usize::from(position)).copied()).unwrap_or(0)
    }

    fn file(&self, subject: usize) -> SyscallFile<'_> {
        let file = self.syscall.as_ref().and_then(|call| call.files.get(subject));
        file.map_or(SyscallFile::NotAFile, OwnedFile::get)
    }

    fn peer(&self) -> SyscallPeer {
        self.syscall.as_ref().map_or(SyscallPeer::Nothing, |call| call.peer)
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn snapshot(&self) -> OwnedMessage {
        self.clone()
    }
}
