//! Who decides about intercepted calls, and what is decided.

use std::sync::MutexGuard;
use std::time::Duration;

use super::socket::Carried;
use super::view::SyscallView;
use crate::model::errno::Errno;

/// What is done with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The kernel carries it out.
    Continue,
    /// It fails without being carried out.
    Errno(Errno),
    /// It returns this value without being carried out.
    Return(i64),
    ContinueAfter(Duration),
    ErrnoAfter(Duration, Errno),
}

/// A judge's answer: what to do, and what to hand back to the judge once it is known whether it happened.
#[derive(Debug)]
pub struct Answer<T> {
    pub reply: Reply,
    pub token: T,
}

/// Decides about intercepted calls. Called on the supervisor's thread only, so it must not block.
pub trait Judge: Send + Sync + 'static {
    type Token: Send + 'static;

    fn judge(&self, call: &mut SyscallView<'_>) -> Answer<Self::Token>;

    /// The call waits: its delay has begun. Said once of a call, also when signals interrupt it.
    fn held(&self, token: &mut Self::Token) {
        let _ = token;
    }

    /// The call is answered before its delay is over, because a signal of the target may be waiting for its thread.
    fn shortened(&self, token: &Self::Token) {
        let _ = token;
    }

    /// A call of another architecture, under the name of the native call that does the same; `None` when that is not
    /// known. Rules do not see it; it continues unless the judge says which error it fails with.
    fn foreign(&self, call: Option<&mut SyscallView<'_>>) -> Option<Errno> {
        let _ = call;
        None
    }

    /// A call is about to go on. Called on the supervisor's thread, for calls of [`SocketCalls`](super::SocketCalls) and
    /// for those a rule needs, also after a delay; not once the supervisor is released.
    fn carry_out(&self, call: &mut SyscallView<'_>) -> Carried {
        let _ = call;
        Carried::ByKernel
    }

    /// Held from before a reply is sent until the judge knows of it, as the target goes on in between.
    fn delivery(&self) -> Option<MutexGuard<'_, ()>> {
        None
    }

    /// The kernel accepted the reply: the target saw it.
    fn committed(&self, token: Self::Token);

    /// The reply did not take effect: the target died, went on after a signal, or the supervisor was released first.
    fn lost(&self, token: Self::Token) {
        drop(token);
    }
}
