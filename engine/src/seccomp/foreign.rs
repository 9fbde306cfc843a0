//! Calls of another architecture: those of 32-bit programs, and `int 0x80` in 64-bit ones.

use super::memory;
use super::sys::RawNotification;
use crate::model::syscall::{SOCKETCALL, Syscall};

/// The native call that does the same, and its arguments; `None` when there is none that rules could be on.
///
/// Arguments that say what a call acts on are at the same places in both.
pub(super) fn translate(raw: &RawNotification) -> Option<(Syscall, RawNotification)> {
    let number = raw.number.cast_unsigned();
    if number != SOCKETCALL || cfg!(target_arch = "aarch64") {
        return Some((Syscall::from_narrow(number)?, *raw));
    }
    let [which, list, ..] = raw.arguments;
    let syscall = Syscall::from_socketcall(which)?;
    let arguments = memory::read_words::<6>(raw.pid, list).unwrap_or_default().map(u64::from);
    Some((syscall, RawNotification { arguments, ..*raw }))
}
