//! One intercepted call as rules see it: a message on the wire or a syscall.

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

    /// The file a syscall acts on; asked only when a rule has a path.
    fn path(&self) -> SyscallPath<'_> {
        SyscallPath::NotAFile
    }

    /// True for a file of the loader or runtime, which a syscall rule without a path leaves alone.
    fn is_system_file(&self) -> bool {
        false
    }

    /// What people read: `POST /data/testkey`, `SET user:1`, `write /tmp/wal`.
    fn describe(&self) -> String;

    /// A copy that outlives the message, for evidence.
    fn snapshot(&self) -> OwnedMessage;
}

/// The file behind a syscall. Only [`SyscallPath::Path`] can match a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyscallPath<'p> {
    Path(&'p str),
    /// A socket, pipe, anonymous inode, or a call that names no file.
    NotAFile,
    /// The target's memory or descriptor could not be read in time.
    Unresolved,
}

/// An operation copied out of its buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedMessage {
    pub description: String,
    pub fields: Vec<(&'static str, String)>,
    /// (field, name, text) of table fields.
    pub entries: Vec<(&'static str, String, String)>,
    pub syscall: Option<Syscall>,
    /// `None` when it is not a file, `Some(None)` when unresolved.
    pub path: Option<Option<String>>,
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
        self.syscall
    }

    fn path(&self) -> SyscallPath<'_> {
        match &self.path {
            None => SyscallPath::NotAFile,
            Some(None) => SyscallPath::Unresolved,
            Some(Some(path)) => SyscallPath::Path(path),
        }
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn snapshot(&self) -> OwnedMessage {
        self.clone()
    }
}
