//! Calls that do what rules are for and cannot be faulted: they pass, and the evidence says so.
//!
//! The table of families (`model/syscall/families.rs`) says which they are. Rules see each as the call it replaces, such
//! as a queued write of `io_submit` as a `pwrite64`, so that only the rules on such a call and such a file mention it.

use super::interception::owned;
use crate::event::UnreadSubject;
use crate::model::errno::Errno;
use crate::model::syscall::{Syscall, When};
use crate::rules::{Operation, OwnedCall, OwnedFile, OwnedMessage, RuleSet, Unreadable};
use crate::seccomp::{QueuedKind, SyscallView};

const MAPPED_TO_WRITE: &str = "a file mapped with mmap is written without calls";
const MAPPED_TO_READ: &str = "a file mapped with mmap is read without calls";
const SYNC: &str = "sync returns no error";
const NARROW: &str = "it is a 32-bit call (a 32-bit program, or int 0x80)";
const RING: &str = "io_uring_setup fails with ENOSYS, as operations on a ring cannot be faulted";

/// The calls looked at, and what they stand for.
pub(super) struct Unfaulted {
    submit: Option<Syscall>,
    map: Option<Syscall>,
    sync: Option<Syscall>,
    ring: Option<Syscall>,
    refusal: Option<Errno>,
}

impl Unfaulted {
    pub(super) fn new() -> Unfaulted {
        Unfaulted {
            submit: Syscall::from_name("io_submit"),
            map: Syscall::from_name("mmap"),
            sync: Syscall::from_name("sync"),
            ring: Syscall::from_name("io_uring_setup"),
            refusal: Errno::from_name("ENOSYS"),
        }
    }

    pub(super) fn concerns(&self, call: Syscall) -> bool {
        [self.submit, self.map, self.sync, self.ring].contains(&Some(call))
    }

    /// True for the call that makes a ring, on which operations are invisible.
    pub(super) fn is_ring(&self, call: Syscall) -> bool {
        self.ring == Some(call)
    }

    /// Notes that a ring was refused, and gives the error.
    pub(super) fn refuse(&self, rules: &RuleSet) -> Errno {
        rules.refused(RING);
        self.refusal.unwrap_or(Errno::ALL[0])
    }

    /// Notes what a call that passes does or will do.
    pub(super) fn note(&self, rules: &RuleSet, call: &mut SyscallView<'_>) {
        let syscall = Some(call.syscall());
        if syscall == self.submit && !rules.is_empty() {
            note_queued(rules, call);
        } else if syscall == self.map {
            note_mapping(rules, call);
        } else if syscall == self.sync && !rules.is_empty() {
            let everything = OwnedFile::Unresolved(Unreadable::Everything);
            note_as(rules, "syncfs", everything, SYNC);
        }
    }

    /// Notes a call of a 32-bit program, given as the native one that does the same.
    pub(super) fn note_foreign(&self, rules: &RuleSet, operation: &dyn Operation) {
        rules.could_not_fault(operation, NARROW);
    }

    /// Notes a call of a 32-bit program, of which it is not known what it does.
    pub(super) fn note_unknown(&self, rules: &RuleSet) {
        // x86_64 knows every number that has a native counterpart.
        if !cfg!(target_arch = "x86_64") && !rules.is_empty() {
            rules.could_not_see(UnreadSubject::Call, NARROW);
        }
    }
}

fn note_as(rules: &RuleSet, stands_for: &str, file: OwnedFile, reason: &str) {
    if let Some(syscall) = Syscall::from_name(stands_for) {
        rules.could_not_fault(&OwnedMessage::of_call(OwnedCall::on(syscall, file)), reason);
    }
}

/// Which call a queued operation replaces, and what is said about it.
fn replaced(kind: QueuedKind) -> (&'static str, &'static str) {
    match kind {
        QueuedKind::Read => ("pread64", "io_submit reads without a call that can be faulted"),
        QueuedKind::Write => ("pwrite64", "io_submit writes without a call that can be faulted"),
        QueuedKind::Sync => ("fsync", "io_submit syncs without a call that can be faulted"),
        QueuedKind::DataSync => ("fdatasync", "io_submit syncs without a call that can be faulted"),
    }
}

fn note_queued(rules: &RuleSet, call: &mut SyscallView<'_>) {
    let queued = match call.batch() {
        Ok(queued) => queued,
        // What it asks for is not known, so it may be anything.
        Err(reason) => {
            for kind in [QueuedKind::Read, QueuedKind::Write, QueuedKind::Sync] {
                let (stands_for, text) = replaced(kind);
                note_as(rules, stands_for, OwnedFile::Unresolved(reason), text);
            }
            return;
        }
    };
    for one in queued {
        let (stands_for, text) = replaced(one.kind);
        let file = owned(call.descriptor(one.descriptor));
        note_as(rules, stands_for, file, text);
    }
}

/// A mapping stays, so it concerns rules that are installed later as well.
fn note_mapping(rules: &RuleSet, call: &mut SyscallView<'_>) {
    let arguments = *call.arguments();
    let is = |when: When| when.holds(|at| arguments[usize::from(at)]);
    let (writes, reads) = (is(When::MapsToWrite), is(When::MapsToRead));
    let file = owned(call.path());
    if file == OwnedFile::NotAFile {
        return;
    }
    for (happens, stands_for, reason) in [(writes, "write", MAPPED_TO_WRITE), (reads, "read", MAPPED_TO_READ)]
    {
        if let Some(syscall) = Syscall::from_name(stands_for).filter(|_| happens) {
            let call = OwnedMessage::of_call(OwnedCall::on(syscall, file.clone()));
            rules.cannot_fault_from_now(call, reason);
        }
    }
}
