//! How an answer reaches the call it is for: what the supervisor does itself in the call's place, and what it sends.

use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::judge::Judge;
use super::notify::Sentence;
use super::socket::Carried;
use super::supervisor::Watch;
use super::sys::RawNotification;
use super::view::SyscallView;
use crate::model::syscall::Syscall;

impl<J: Judge> Watch<J> {
    /// What becomes of a call that goes on; `None` for one that does not.
    pub(super) fn prepare(&mut self, raw: &RawNotification, sentence: Sentence) -> Option<Carried> {
        (sentence == Sentence::Continue).then(|| self.carry_out(raw))
    }

    /// Answers a call; whether the target saw it.
    pub(super) fn deliver(
        &mut self,
        raw: &RawNotification,
        sentence: Sentence,
        carried: Option<Carried>,
    ) -> bool {
        let Some(carried) = carried else { return self.listener.send(raw.id, sentence) };
        match carried {
            Carried::ByKernel => self.listener.send(raw.id, Sentence::Continue),
            Carried::Failed(errno) => self.listener.send(raw.id, Sentence::Fail(errno.number())),
            Carried::Value(value) => {
                let taken = self.listener.send(raw.id, Sentence::Return(value));
                if !taken && !self.listener.is_killable() {
                    self.untaken.remember(raw, value);
                }
                taken
            }
            Carried::Descriptor { descriptor, close_on_exec } => {
                let sent = self.listener.send_descriptor(raw.id, descriptor.as_fd(), close_on_exec);
                match sent.map_err(|error| error.raw_os_error().unwrap_or(libc::EIO)) {
                    Ok(()) => true,
                    Err(libc::ENOENT) => false,
                    // A kernel before 5.14 cannot.
                    Err(libc::EINVAL) => self.listener.send(raw.id, Sentence::Continue),
                    Err(errno) => self.listener.send(raw.id, Sentence::Fail(errno)),
                }
            }
        }
    }

    fn carry_out(&mut self, raw: &RawNotification) -> Carried {
        if let Some(value) = self.untaken.take(raw) {
            return Carried::Value(value);
        }
        let Some(syscall) = Syscall::from_number(raw.number.cast_unsigned()) else {
            return Carried::ByKernel;
        };
        let mut view = SyscallView::new(syscall, raw, &self.listener, &mut self.scratch);
        let carried = catch_unwind(AssertUnwindSafe(|| self.judge.carry_out(&mut view)));
        carried.unwrap_or_else(|_| {
            self.note_panic();
            Carried::ByKernel
        })
    }
}
